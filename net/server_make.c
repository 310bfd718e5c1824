/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/server_make.c  From arguments to a server: check, resolve, bind, hand a part to every loop.
 */
#include "net/server.h"

#include <errno.h>
#include <math.h>
#include <netdb.h>
#include <string.h>

#include <weir/run.h>

#include "core/error.h"
#include "core/loop.h"
#include "core/remote.h"
#include "core/sys.h"
#include "core/task.h"
#include "net/net_loop.h"
#include "net/listener.h"
#include "net/resolve.h"

#define BACKLOG_DEFAULT 100     /* asyncio's */

/* Where to listen: on TCP, or on a Unix socket; nowhere of its own with opts->sock. */
struct place {
    const char *host;
    uint16_t    port;
    bool        is_unix;
    const char *path;
};

/* --- Checking ------------------------------------------------------------- */

static bool wrong_time(double seconds)
{
    return isnan(seconds) || seconds < 0;
}

static int check_values(const weir_server_options *opts)
{
    if (opts->tls == NULL && (opts->tls_handshake_timeout != 0 || opts->tls_shutdown_timeout != 0))
        return weir__fail_text(-EINVAL, "a TLS time limit without tls");
    if (wrong_time(opts->tls_handshake_timeout) || wrong_time(opts->tls_shutdown_timeout))
        return weir__fail_text(-EINVAL, "a TLS time limit has to be 0 or more seconds");
    if (opts->backlog < 0)
        return weir__fail_text(-EINVAL, "backlog %d: 0 (the default) or more", opts->backlog);
    if (wrong_time(opts->close_timeout) || wrong_time(opts->idle_timeout))
        return weir__fail_text(-EINVAL, "a time limit has to be 0 or more seconds");
    if ((ssize_t)opts->limit < 0)
        return weir__fail_text(-EINVAL, "limit %zu: too large", opts->limit);
    if (opts->balance != WEIR_BALANCE_REUSEPORT && opts->balance != WEIR_BALANCE_EVEN)
        return weir__fail_text(-EINVAL, "balance %d is none", (int)opts->balance);
    if (opts->stack_size > STACK_MOST)
        return weir__fail_text(-EINVAL, "stack_size %zu: at most %zu", opts->stack_size, STACK_MOST);
    return 0;
}

/* What this version does not do is said, not ignored. */
static int check_offered(const weir_server_options *opts)
{
    const char *missing = opts->tls != NULL ? "tls"
                        : opts->proxy_protocol ? "proxy_protocol" : NULL;

    return missing == NULL ? 0 : weir__fail_text(-ENOTSUP, "the option %s is not offered yet", missing);
}

static int check_sock(const weir_server_options *opts)
{
    int type = 0;
    int code = sys_getsockopt(*opts->sock, SOL_SOCKET, SO_TYPE, &type);

    if (code < 0)
        return weir__fail_text(-EINVAL, "descriptor %d can't be listened on: %s", *opts->sock, weir_strerror(code));
    if (type != SOCK_STREAM)
        return weir__fail_text(-EINVAL, "descriptor %d is not a stream socket", *opts->sock);
    return 0;
}

static int check_tcp(const struct place *place, const weir_server_options *opts)
{
    if (opts->sock != NULL && (place->host != NULL || place->port != 0))
        return weir__fail_text(-EINVAL, "host or port together with a sock");
    if (opts->sock == NULL && place->host == NULL && place->port == 0)
        return weir__fail_text(-EINVAL, "neither host nor port nor a sock to listen on");
    return 0;
}

static int check_unix(const struct place *place, const weir_server_options *opts)
{
    int family = AF_UNIX;

    if ((place->path != NULL) == (opts->sock != NULL))
        return weir__fail_text(-EINVAL, "a Unix server needs either a path or a sock");
    if (opts->sock != NULL && sys_getsockopt(*opts->sock, SOL_SOCKET, SO_DOMAIN, &family) == 0 && family != AF_UNIX)
        return weir__fail_text(-EINVAL, "descriptor %d is not a Unix socket", *opts->sock);
    return 0;
}

static int check(const struct place *place, const weir_server_options *opts)
{
    int code = check_values(opts);

    if (code == 0)
        code = place->is_unix ? check_unix(place, opts) : check_tcp(place, opts);
    if (code == 0 && opts->sock != NULL)
        code = check_sock(opts);
    return code == 0 ? check_offered(opts) : code;
}

/* Who calls is a task of @loop. */
static int check_caller(const weir_loop *loop)
{
    if (loop != weir__this_loop)
        return loop->closed ? weir__fail(-ESHUTDOWN)
                            : weir__fail_text(WEIR_ESTATE, "a server is started from a task of its own loop");
    return weir__task_current() == NULL ? weir__fail(WEIR_ENOTASK) : 0;
}

/* --- Addresses ------------------------------------------------------------ */

/* All interfaces need no resolver. */
static int add_wildcards(uint16_t port, int family, struct address_list *list)
{
    static const char *const all[] = { "0.0.0.0", "::" };
    static const int families[] = { AF_INET, AF_INET6 };

    for (int i = 0; i < 2; i++) {
        weir_address address;
        if (family != AF_UNSPEC && family != families[i])
            continue;
        if (weir_address_parse(&address, all[i], port) < 0
            || weir__address_list_add(list, (const void *)&address.storage, address.len) < 0)
            return weir__fail(-ENOMEM);
    }
    return list->count > 0 ? 0 : weir__fail_text(-EINVAL, "family %d has no TCP", family);
}

static int resolve_each(weir_loop *loop, char *hosts, uint16_t port, const weir_server_options *opts,
                        struct address_list *list)
{
    char *rest = hosts;
    char *host;
    int code = 0;

    while (code == 0 && (host = strsep(&rest, ",")) != NULL) {
        host += strspn(host, " ");
        size_t len = strlen(host);
        while (len > 0 && host[len - 1] == ' ')
            host[--len] = '\0';
        if (len == 0)
            return weir__fail_text(-EINVAL, "an empty name in the list of hosts");
        code = weir__resolve(loop, host, port, opts->family, opts->flags | AI_PASSIVE, list);
    }
    return code;
}

static int resolve_hosts(weir_loop *loop, const char *host, uint16_t port, const weir_server_options *opts,
                         struct address_list *list)
{
    if (host == NULL || host[0] == '\0')
        return add_wildcards(port, opts->family, list);

    size_t size = strlen(host) + 1;
    char *hosts = sys_malloc(size);             /* the wait may outlive the caller's copy, and strsep writes */
    if (hosts == NULL)
        return weir__fail(-ENOMEM);
    memcpy(hosts, host, size);
    int code = resolve_each(loop, hosts, port, opts, list);
    sys_free(hosts);
    return code;
}

static int bind_hosts(weir_loop *loop, const struct place *place, size_t workers, const weir_server_options *opts,
                      struct listen_set *out)
{
    struct address_list list = { 0 };
    int code = resolve_hosts(loop, place->host, place->port, opts, &list);

    if (code == 0)
        code = weir__listen_bind(&list, workers, opts, out);
    weir__address_list_fini(&list);
    return code;
}

static int bind_sockets(weir_loop *loop, const struct place *place, size_t workers, const weir_server_options *opts,
                        struct listen_set *out)
{
    static const struct listen_unix as_asyncio = { .mode = LISTEN_MODE_UMASK };

    if (opts->sock == NULL)
        return place->is_unix ? weir__listen_unix(place->path, &as_asyncio, workers, out)
                              : bind_hosts(loop, place, workers, opts, out);
    int code = weir__listen_adopt(*opts->sock, workers, opts, out);
    if (code == 0 && place->is_unix)
        code = weir__listen_note_file(out, out->fds[0]);
    if (code < 0)
        weir__listen_set_fini(out);
    return code;
}

/* --- Parts ---------------------------------------------------------------- */

static bool on_accepted(struct listener *listener, int fd, const struct sockaddr *peer, socklen_t peer_len)
{
    if (weir__balance_deal(listener->part, listener->shared != NULL, fd, peer, peer_len))
        return true;
    return weir__server_part_accept(listener->part, fd, peer, peer_len, CLIENTS_LEAVE);
}

static bool on_reserve(struct listener *listener)
{
    return weir__server_take_place(listener->part);
}

static void on_release(struct listener *listener)
{
    weir__server_give_place(listener->part);
}

/* On the part's loop: from here on the loop knows it and closes it when it ends. */
static int open_part(void *arg)
{
    struct server_part *part = arg;
    struct net_loop *net = weir__net_loop(part->loop);

    if (net == NULL)
        return -ENOMEM;
    list_append(&net->parts, &part->link);
    weir__server_ref(part->server);
    part->opened = true;
    return 0;
}

/* Which addresses have one socket for all workers. Each part then has a listener on it. */
static int note_shared(weir_server *server)
{
    struct listen_set *sockets = &server->sockets;

    if (sockets->workers == 1)
        return 0;
    server->shared = sys_calloc(sockets->addresses, sizeof server->shared[0]);
    if (server->shared == NULL)
        return weir__fail(-ENOMEM);
    for (size_t i = 0; i < sockets->addresses; i++) {
        int *row = &sockets->fds[i * sockets->workers];
        server->shared[i].fd = -1;
        if (row[1] >= 0)
            continue;
        server->shared[i].fd = row[0];
        server->deals = true;
    }
    return 0;
}

static int fill_part(weir_server *server, size_t index, weir_loop *loop)
{
    struct server_part *part = &server->parts[index];
    struct listen_set *sockets = &server->sockets;

    part->server = server;
    part->loop = loop;
    part->inbox = weir__inbox_ref(loop->inbox);
    list_init(&part->transports);
    list_init(&part->link);
    part->owner.gone = weir__server_connection_gone;
    part->listeners = sys_calloc(sockets->addresses, sizeof part->listeners[0]);
    if (part->listeners == NULL)
        return weir__fail(-ENOMEM);
    part->listener_count = sockets->addresses;
    for (size_t i = 0; i < sockets->addresses; i++) {
        struct shared_socket *shared = server->shared == NULL || server->shared[i].fd < 0 ? NULL : &server->shared[i];
        int *own = &sockets->fds[i * sockets->workers + index];
        struct listener *listener = &part->listeners[i];
        weir__listener_init(listener, loop, shared != NULL ? shared->fd : *own, server->options.backlog, on_accepted);
        listener->part = part;
        listener->shared = shared;
        if (shared != NULL)
            atomic_fetch_add(&shared->users, 1);
        if (server->options.max_connections > 0) {
            listener->reserve = on_reserve;
            listener->release = on_release;
        }
        *own = -1;                              /* the listener's */
    }
    return 0;
}

static weir_server *alloc_server(weir_loop *loop, struct acceptor *acceptor, size_t workers, const weir_server_options *opts)
{
    weir_server *server = sys_calloc(1, sizeof *server + workers * sizeof server->parts[0]);

    if (server == NULL)
        return NULL;
    atomic_init(&server->refs, 1);
    server->acceptor = acceptor;
    server->loop = loop;
    server->options = *opts;
    if (server->options.backlog == 0)
        server->options.backlog = BACKLOG_DEFAULT;
    server->options.sock = NULL;                /* points to the caller's memory */
    server->stall_ns = STALL_NS;
    pthread_mutex_init(&server->lock, NULL);
    list_init(&server->waiters);
    server->part_count = workers;
    server->parts_open = workers;
    return server;
}

static int open_parts(weir_server *server)
{
    size_t workers = server->part_count;
    int code = 0;

    for (size_t i = 0; i < workers && code == 0; i++)
        code = fill_part(server, i, workers == 1 ? server->loop : weir_worker_loop((unsigned)i));
    for (size_t i = 0; i < workers && code == 0; i++) {
        code = weir__remote_call(server->parts[i].loop, open_part, &server->parts[i]);
        if (code < 0)
            weir__fail_text(code, "worker %zu can't take part in the server: %s", i, weir_strerror(code));
    }
    if (code == 0 && !server->options.no_start_serving)
        code = weir_server_start_serving(server);
    return code;
}

/* Close the descriptors of parts that no loop knows. */
static void drop_unopened(weir_server *server)
{
    for (size_t i = 0; i < server->part_count; i++) {
        struct server_part *part = &server->parts[i];
        for (size_t j = 0; !part->opened && j < part->listener_count; j++)
            weir__listener_close(&part->listeners[j]);
    }
}

int weir__server_refuse(const weir_server_options *opts, int code)
{
    if (opts != NULL && opts->sock != NULL)
        weir__descriptor_close(*opts->sock);
    return code;
}

/* @acceptor and @sockets are the server's from here on, and gone on failure. */
static int make(weir_loop *loop, struct acceptor *acceptor, struct listen_set *sockets, const weir_server_options *opts,
                weir_server **out)
{
    weir_server *server = alloc_server(loop, acceptor, sockets->workers, opts);

    if (server == NULL) {
        weir__listen_set_fini(sockets);
        acceptor->free(acceptor);
        return weir__fail(-ENOMEM);
    }
    server->sockets = *sockets;
    *sockets = (struct listen_set) { 0 };
    int code = note_shared(server);
    if (code == 0)
        code = open_parts(server);
    if (code < 0) {
        drop_unopened(server);
        weir_server_free(server);
        return code;
    }
    *out = server;
    return 0;
}

static int make_at(weir_loop *loop, struct acceptor *acceptor, const struct place *place, const weir_server_options *opts,
                   weir_server **out)
{
    static const weir_server_options defaults;
    struct listen_set sockets = { 0 };

    if (opts == NULL)
        opts = &defaults;
    int code = check_caller(loop);
    if (code == -ESHUTDOWN || code == WEIR_ESTATE)
        code = weir__server_refuse(opts, code);
    if (code == 0)
        code = check(place, opts);
    if (code == 0) {
        size_t workers = opts->all_workers && weir_worker_count() > 1 ? weir_worker_count() : 1;
        code = bind_sockets(loop, place, workers, opts, &sockets);
    }
    if (code < 0) {
        acceptor->free(acceptor);
        return code;
    }
    return make(loop, acceptor, &sockets, opts, out);
}

int weir__server_new(weir_loop *loop, struct acceptor *acceptor, const char *host, uint16_t port,
                     const weir_server_options *opts, weir_server **out)
{
    struct place place = { .host = host, .port = port };

    return make_at(loop, acceptor, &place, opts, out);
}

int weir__server_new_unix(weir_loop *loop, struct acceptor *acceptor, const char *path, const weir_server_options *opts,
                          weir_server **out)
{
    struct place place = { .is_unix = true, .path = path };

    return make_at(loop, acceptor, &place, opts, out);
}

int weir__server_new_bound(weir_loop *loop, struct acceptor *acceptor, struct listen_set *sockets,
                           const weir_server_options *opts, weir_server **out)
{
    static const weir_server_options defaults;
    int code = check_caller(loop);

    if (opts == NULL)
        opts = &defaults;
    if (code == 0)
        code = check_values(opts);
    if (code == 0 && opts->sock != NULL)
        code = weir__fail_text(-EINVAL, "a sock together with sockets that are bound already");
    if (code == 0 && (sockets->addresses == 0 || (sockets->workers != 1 && sockets->workers != weir_worker_count())))
        code = weir__fail_text(-EINVAL, "%zu addresses bound for %zu workers, and there are %u workers", sockets->addresses,
                               sockets->workers, weir_worker_count());
    if (code == 0)
        code = check_offered(opts);
    if (code < 0) {
        weir__listen_set_fini(sockets);
        acceptor->free(acceptor);
        return code;
    }
    return make(loop, acceptor, sockets, opts, out);
}
