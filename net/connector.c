/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/connector.c  Checking what was asked, resolving, connecting one address after the other.
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
#include "net/listener.h"
#include "net/net_loop.h"
#include "net/resolve.h"
#include "net/transport_socket.h"

/* --- Checking (OC-2, in this order) --------------------------------------- */

static int check_tls(const char *host, const weir_connect_options *opts)
{
    if (opts->tls == NULL && opts->server_hostname != NULL)
        return weir__fail_text(-EINVAL, "server_hostname without tls");
    if (opts->tls != NULL && opts->server_hostname == NULL && (host == NULL || host[0] == '\0'))
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

static int check_sock(const weir_connect_options *opts)
{
    int type = 0;
    int code = sys_getsockopt(*opts->sock, SOL_SOCKET, SO_TYPE, &type);

    if (code < 0)
        return weir__fail_text(-EINVAL, "descriptor %d can't be adopted: %s", *opts->sock, weir_strerror(code));
    if (type != SOCK_STREAM)
        return weir__fail_text(-EINVAL, "descriptor %d is not a stream socket", *opts->sock);
    return 0;
}

static int check_offered(const weir_connect_options *opts)
{
    const char *missing = opts->tls != NULL ? "tls"
                        : opts->happy_eyeballs_delay != 0 ? "happy_eyeballs_delay"
                        : opts->interleave != 0 ? "interleave"
                        : opts->local_host != NULL || opts->local_port != 0 ? "local_host, local_port" : NULL;

    return missing == NULL ? 0 : weir__fail_text(-ENOTSUP, "the option %s is not offered yet", missing);
}

static int check(const char *host, uint16_t port, const weir_connect_options *opts)
{
    int code = check_tls(host, opts);

    if (code == 0 && opts->sock != NULL && (host != NULL || port != 0))
        code = weir__fail_text(-EINVAL, "host or port together with a sock");
    if (code == 0 && opts->sock == NULL && host == NULL && port == 0)
        code = weir__fail_text(-EINVAL, "neither host nor port nor a sock to connect to");
    if (code == 0 && opts->sock != NULL)
        code = check_sock(opts);
    if (code == 0 && (wrong_time(opts->timeout) || wrong_time(opts->tls_handshake_timeout)
                      || wrong_time(opts->tls_shutdown_timeout)))
        code = weir__fail_text(-EINVAL, "a time limit has to be 0 or more seconds");
    return code == 0 ? check_offered(opts) : code;
}

/* --- One attempt ---------------------------------------------------------- */

/* In memory of its own: libev's lists hold the watcher while the task is suspended. */
struct attempt {
    ev_io io;
    weir_task *task;
    const weir_address *address;        /* in the suspended caller's memory */
};

bool weir__connector_peer(const void *wait_on, weir_address *out)
{
    *out = *((const struct attempt *)wait_on)->address;
    return true;
}

static void on_writable(struct ev_loop *ev, ev_io *io, int events)
{
    struct attempt *attempt = io->data;

    ev_io_stop(ev, io);
    weir__task_wake(attempt->task, events & EV_ERROR ? -ENOMEM : 0);    /* EV_ERROR: libev could not watch the descriptor */
}

static int wait_for_connection(weir_loop *loop, int fd, const weir_address *address)
{
    struct attempt *attempt = sys_malloc(sizeof *attempt);
    int failure = 0;

    if (attempt == NULL)
        return -ENOMEM;
    int code = weir__loop_admit(loop, fd);
    if (code < 0) {
        sys_free(attempt);
        return code;
    }
    (void)weir__net_loop(loop);                 /* which knows whom a task waits for; without it that is not told */
    *attempt = (struct attempt) { .task = weir__task_current(), .address = address };
    ev_io_init(&attempt->io, on_writable, fd, EV_WRITE);
    attempt->io.data = attempt;
    ev_io_start(loop->ev, &attempt->io);
    code = weir__task_wait(WAIT_CONNECT, attempt, FOREVER);
    ev_io_stop(loop->ev, &attempt->io);
    weir__loop_release(loop);
    if (code == 0) {                            /* a cut that came first stays one, so that no cancel is lost */
        code = sys_getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure);
        code = code == 0 ? -failure : code;
    }
    sys_free(attempt);
    return code;
}

static int connect_one(weir_loop *loop, const weir_address *address, struct connected *out)
{
    int fd = sys_socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return fd;
    int code = sys_connect(fd, (const void *)&address->storage, address->len);
    if (code == -EINPROGRESS || code == -EINTR)
        code = wait_for_connection(loop, fd, address);
    if (code < 0) {
        weir__descriptor_close(fd);
        return code;
    }
    weir__socket_no_delay(fd);
    out->fd = fd;
    out->peer = *address;
    return 0;
}

/* --- All of them ---------------------------------------------------------- */

/* "192.0.2.1:80: Connection refused; [2001:db8::1]:80: Network is unreachable", as much of it as fits. */
static void note_failure(char *text, size_t size, const weir_address *address, int code)
{
    char name[WEIR_ADDRESS_MAX];
    size_t len = strlen(text);

    snprintf(text + len, size - len, "%s%s: %s", len > 0 ? "; " : "", weir_address_format(address, name, sizeof name),
             weir_strerror(code));
}

static int connect_in_turn(weir_loop *loop, const struct address_list *list, struct connected *out)
{
    size_t size = ERROR_TEXT_MAX;
    char *failures = sys_calloc(1, size);       /* too large for a task's stack */
    int first = 0;

    if (failures == NULL)
        return weir__fail(-ENOMEM);
    for (size_t i = 0; i < list->count; i++) {
        weir_task *task = weir__task_current();
        int code = connect_one(loop, &list->items[i], out);
        /* A -ETIMEDOUT may be the kernel's, who gave one address up, or the caller's time. */
        bool out_of_time = code == -ETIMEDOUT && task->deadline_ns <= weir__loop_pass_ns(loop);
        if (code == 0 || code == -ECANCELED || out_of_time) {
            sys_free(failures);
            return code;
        }
        note_failure(failures, size, &list->items[i], code);
        first = first == 0 ? code : first;
    }
    if (first != 0)
        weir__fail_text(first, "%s", failures);
    else
        first = weir__fail_text(WEIR_ERESOLVE, "the name has no address");
    sys_free(failures);
    return first;
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

static int resolve_and_connect(weir_loop *loop, const char *host, uint16_t port, const weir_connect_options *opts,
                               struct connected *out)
{
    struct address_list list = { 0 };
    int code = weir__resolve(loop, host != NULL && host[0] == '\0' ? NULL : host, port, opts->family, opts->flags, &list);

    if (code == 0)
        code = connect_in_turn(loop, &list, out);
    weir__address_list_fini(&list);
    return code;
}

int weir__connect(weir_loop *loop, const char *host, uint16_t port, const weir_connect_options *opts,
                  struct connected *out)
{
    static const weir_connect_options defaults;

    if (opts == NULL)
        opts = &defaults;
    int code = check(host, port, opts);
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

    weir_timeout limit;
    if (opts->timeout > 0)
        weir_timeout_begin(&limit, opts->timeout);
    code = resolve_and_connect(loop, host, port, opts, out);
    if (opts->timeout > 0)
        weir_timeout_end(&limit);
    return code;
}
