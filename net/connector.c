/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/connector.c  Checking what was asked, resolving, and having the addresses tried; or a Unix socket, or one of the caller's.
 */
#include "net/connector.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/loop.h"
#include "core/sys.h"
#include "core/task.h"
#include "net/connect_race.h"
#include "net/eyeballs.h"
#include "net/listener.h"
#include "net/resolve.h"
#include "net/transport_socket.h"

/* Where to: by host and port, or to a Unix socket; nowhere by name with opts->sock. */
struct target {
    const char *host;
    uint16_t    port;
    bool        is_unix;
    const char *path;
};

/* --- Checking (OC-2, OC-11, in this order) -------------------------------- */

static int check_tls(const struct target *to, const weir_connect_options *opts)
{
    bool named = !to->is_unix && to->host != NULL && to->host[0] != '\0';

    if (opts->tls == NULL && opts->server_hostname != NULL)
        return weir__fail_text(-EINVAL, "server_hostname without tls");
    if (opts->tls != NULL && opts->server_hostname == NULL && !named)
        return weir__fail_text(-EINVAL, "tls without a host needs a server_hostname");
    if (opts->tls == NULL && opts->tls_handshake_timeout != 0)
        return weir__fail_text(-EINVAL, "tls_handshake_timeout without tls");
    if (opts->tls == NULL && opts->tls_shutdown_timeout != 0)
        return weir__fail_text(-EINVAL, "tls_shutdown_timeout without tls");
    return 0;
}

static bool wrong_time(double seconds)
{
    return isnan(seconds) || seconds < 0;
}

static int check_sock(const struct target *to, const weir_connect_options *opts)
{
    int type = 0, family = AF_UNIX;
    int code = sys_getsockopt(*opts->sock, SOL_SOCKET, SO_TYPE, &type);

    if (code == 0 && to->is_unix)
        code = sys_getsockopt(*opts->sock, SOL_SOCKET, SO_DOMAIN, &family);
    if (code < 0)
        return weir__fail_text(-EINVAL, "descriptor %d can't be adopted: %s", *opts->sock, weir_strerror(code));
    if (type != SOCK_STREAM)
        return weir__fail_text(-EINVAL, "descriptor %d is not a stream socket", *opts->sock);
    if (family != AF_UNIX)
        return weir__fail_text(-EINVAL, "descriptor %d is not a Unix socket", *opts->sock);
    return 0;
}

static int check_where(const struct target *to, const weir_connect_options *opts)
{
    if (to->is_unix && to->path != NULL && opts->sock != NULL)
        return weir__fail_text(-EINVAL, "a path together with a sock");
    if (to->is_unix && to->path == NULL && opts->sock == NULL)
        return weir__fail_text(-EINVAL, "neither a path nor a sock to connect to");
    if (opts->sock != NULL && (to->host != NULL || to->port != 0))
        return weir__fail_text(-EINVAL, "host or port together with a sock");
    if (!to->is_unix && opts->sock == NULL && to->host == NULL && to->port == 0)
        return weir__fail_text(-EINVAL, "neither host nor port nor a sock to connect to");
    return opts->sock != NULL ? check_sock(to, opts) : 0;
}

/* What has no meaning on a Unix socket is a mistake there, as it is in asyncio. */
static int check_for_unix(const weir_connect_options *opts)
{
    const char *strange = opts->local_host != NULL || opts->local_port != 0 ? "local_host, local_port"
                        : opts->happy_eyeballs_delay != 0 || opts->interleave != 0 ? "happy_eyeballs_delay, interleave"
                        : opts->family != AF_UNSPEC && opts->family != AF_UNIX ? "family" : NULL;

    return strange == NULL ? 0 : weir__fail_text(-EINVAL, "a Unix socket has no %s", strange);
}

static int check_times(const weir_connect_options *opts)
{
    if (wrong_time(opts->timeout) || wrong_time(opts->tls_handshake_timeout) || wrong_time(opts->tls_shutdown_timeout))
        return weir__fail_text(-EINVAL, "a time limit has to be 0 or more seconds");
    if (wrong_time(opts->happy_eyeballs_delay))
        return weir__fail_text(-EINVAL, "happy_eyeballs_delay has to be 0 or more seconds");
    return 0;
}

static int check(const struct target *to, const weir_connect_options *opts)
{
    int code = check_tls(to, opts);

    if (code == 0)
        code = check_where(to, opts);
    if (code == 0)
        code = check_times(opts);
    if (code == 0 && to->is_unix)
        code = check_for_unix(opts);
    if (code == 0 && opts->tls != NULL)
        code = weir__fail_text(-ENOTSUP, "the option tls is not offered yet");
    return code;
}

/* --- By host and port ----------------------------------------------------- */

/* A port alone: from any address of this machine. */
static int add_any_local(uint16_t port, struct address_list *list)
{
    static const char *const any[] = { "0.0.0.0", "::" };
    int code = 0;

    for (int i = 0; i < 2 && code == 0; i++) {
        weir_address address;
        code = weir_address_parse(&address, any[i], port);
        if (code == 0)
            code = weir__address_list_add(list, (const void *)&address.storage, address.len);
    }
    return code < 0 ? weir__fail(code) : 0;
}

static int find_locals(weir_loop *loop, const weir_connect_options *opts, struct address_list *list)
{
    if (opts->local_host == NULL || opts->local_host[0] == '\0')
        return opts->local_port != 0 ? add_any_local(opts->local_port, list) : 0;
    int code = weir__resolve(loop, opts->local_host, opts->local_port, opts->family, opts->flags, list);
    if (code == -ETIMEDOUT)
        weir__fail_text(code, "the time is over: the local host %s was not resolved yet", opts->local_host);
    return code;
}

static int resolve_and_race(weir_loop *loop, const struct target *where, const weir_connect_options *opts,
                            struct connected *out)
{
    const char *host = where->host != NULL && where->host[0] == '\0' ? NULL : where->host;
    unsigned interleave = opts->interleave == 0 && opts->happy_eyeballs_delay > 0 ? 1 : opts->interleave;
    struct address_list to = { 0 }, from = { 0 };
    int code = weir__resolve(loop, host, where->port, opts->family, opts->flags, &to);

    if (code == -ETIMEDOUT)
        weir__fail_text(code, "the time is over: %s was not resolved yet", host != NULL ? host : "this machine");
    if (code == 0)
        code = find_locals(loop, opts, &from);
    if (code == 0)
        code = weir__eyeballs_interleave(&to, interleave);
    if (code == 0) {
        struct race_plan plan = { .to = &to, .from = &from, .delay = opts->happy_eyeballs_delay };
        code = weir__race(loop, &plan, out);
    }
    weir__address_list_fini(&to);
    weir__address_list_fini(&from);
    return code;
}

static int connect_in_time(weir_loop *loop, const struct target *to, const weir_connect_options *opts, struct connected *out)
{
    weir_timeout limit;

    if (opts->timeout > 0)
        weir_timeout_begin(&limit, opts->timeout);
    int code = resolve_and_race(loop, to, opts, out);
    if (opts->timeout > 0)
        weir_timeout_end(&limit);
    return code;
}

/* --- A path; a socket of the caller's ------------------------------------- */

/* The kernel decides at once: a listener whose queue is full is -EAGAIN and not a wait. */
static int connect_path(const char *path, struct connected *out)
{
    char name[WEIR_ADDRESS_MAX];
    int code = weir__address_unix(&out->peer, path);

    if (code < 0)
        return code;
    int fd = sys_socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    code = fd < 0 ? fd : sys_connect(fd, (const void *)&out->peer.storage, out->peer.len);
    if (code < 0) {
        if (fd >= 0)
            weir__descriptor_close(fd);
        return weir__fail_text(code, "%s: %s", weir_address_format(&out->peer, name, sizeof name),
                               code == -EAGAIN ? "the queue of its callers is full" : weir_strerror(code));
    }
    out->fd = fd;
    return 0;
}

static int adopt(int fd, struct connected *out)
{
    int code = sys_set_nonblocking(fd);

    if (code < 0) {
        weir__descriptor_close(fd);
        return weir__fail_text(code, "descriptor %d can't be made non-blocking: %s", fd, weir_strerror(code));
    }
    weir__socket_no_delay(fd);
    out->fd = fd;
    out->peer.len = 0;
    return 0;
}

/* --- All of them ---------------------------------------------------------- */

static int connect_to(weir_loop *loop, const struct target *to, const weir_connect_options *opts, struct connected *out)
{
    static const weir_connect_options defaults;

    if (opts == NULL)
        opts = &defaults;
    int code = check(to, opts);
    if (code < 0)
        return code;
    if (loop != weir__this_loop) {
        if (opts->sock != NULL)
            weir__descriptor_close(*opts->sock);             /* ours after these failures */
        return loop->closed ? weir__fail(-ESHUTDOWN)
                            : weir__fail_text(WEIR_ESTATE, "connecting is done by a task of the loop itself");
    }
    if (weir__task_current() == NULL)
        return weir__fail(WEIR_ENOTASK);
    if (opts->sock != NULL)
        return adopt(*opts->sock, out);
    return to->is_unix ? connect_path(to->path, out) : connect_in_time(loop, to, opts, out);
}

int weir__connect(weir_loop *loop, const char *host, uint16_t port, const weir_connect_options *opts,
                  struct connected *out)
{
    struct target to = { .host = host, .port = port };

    return connect_to(loop, &to, opts, out);
}

int weir__connect_unix(weir_loop *loop, const char *path, const weir_connect_options *opts, struct connected *out)
{
    struct target to = { .is_unix = true, .path = path };

    return connect_to(loop, &to, opts, out);
}
