/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * streams/start_server.c  A server that runs a handler for each client.
 */
#include "streams/start_server.h"

#include <weir/run.h>

#include "core/error.h"
#include "core/loop.h"
#include "core/sys.h"
#include "core/task.h"
#include "net/server.h"
#include "streams/stream.h"

struct stream_acceptor {
    struct acceptor base;
    struct serving serving;
};

static void accept_stream(struct acceptor *base, struct server_part *part, int fd, const struct sockaddr *peer,
                          socklen_t peer_len)
{
    const struct serving *serving = &list_entry(base, struct stream_acceptor, base)->serving;
    const weir_server_options *opts = &part->server->options;
    struct stream_handler handler = {
        .cb = serving->cb, .plain = opts->plain_callback, .close_timeout = opts->close_timeout, .stack_size = opts->stack_size,
        .arg = serving->worker_args != NULL ? serving->worker_args[weir_worker_index()] : serving->arg,
    };
    struct stream_limits limits = { opts->limit, opts->max_read, opts->max_write_buffer };
    int code;

    struct socket_stream *s = weir__socket_stream_new(part->loop, fd, peer, peer_len, &handler, &limits, &code);
    if (s == NULL) {
        weir__count(&part->loop->counters, COUNTER_ACCEPT_FAILED);
        weir__loop_exception(part->loop, code, "a connection was dropped: %s", weir_error_detail());
        return;
    }
    weir__server_adopt(part, &s->socket.base);
    weir__transport_start(&s->socket.base);
}

static void free_acceptor(struct acceptor *base)
{
    sys_free(list_entry(base, struct stream_acceptor, base));
}

/* NULL: *code says why. */
static struct acceptor *new_acceptor(const struct serving *serving, int *code)
{
    if (serving->cb == NULL) {
        *code = weir__fail_text(-EINVAL, "there is no handler for connections");
        return NULL;
    }
    if (weir__this_loop == NULL) {
        *code = weir__fail_text(WEIR_ENOTASK, "starting a server needs a task; this thread runs no loop");
        return NULL;
    }
    struct stream_acceptor *acceptor = sys_malloc(sizeof *acceptor);
    if (acceptor == NULL) {
        *code = weir__fail(-ENOMEM);
        return NULL;
    }
    acceptor->base = (struct acceptor) { .accept = accept_stream, .free = free_acceptor };
    acceptor->serving = *serving;
    return &acceptor->base;
}

int weir__start_server(const struct serving *serving, const char *host, uint16_t port, const weir_server_options *opts,
                       weir_server **server)
{
    int code;
    struct acceptor *acceptor = new_acceptor(serving, &code);

    if (acceptor == NULL)
        return code == -ENOMEM ? weir__server_refuse(opts, code) : code;
    return weir__server_new(weir__this_loop, acceptor, host, port, opts, server);
}

int weir__start_server_bound(const struct serving *serving, struct listen_set *sockets, const weir_server_options *opts,
                             weir_server **server)
{
    int code;
    struct acceptor *acceptor = new_acceptor(serving, &code);

    if (acceptor == NULL) {
        weir__listen_set_fini(sockets);
        return code;
    }
    return weir__server_new_bound(weir__this_loop, acceptor, sockets, opts, server);
}

int weir_start_server(weir_client_connected_cb cb, void *arg, const char *host, uint16_t port,
                      const weir_server_options *opts, weir_server **server)
{
    struct serving serving = { .cb = cb, .arg = arg };

    return weir__start_server(&serving, host, port, opts, server);
}

int weir_start_unix_server(weir_client_connected_cb cb, void *arg, const char *path, const weir_server_options *opts,
                           weir_server **server)
{
    struct serving serving = { .cb = cb, .arg = arg };
    int code;
    struct acceptor *acceptor = new_acceptor(&serving, &code);

    if (acceptor == NULL)
        return code == -ENOMEM ? weir__server_refuse(opts, code) : code;
    return weir__server_new_unix(weir__this_loop, acceptor, path, opts, server);
}
