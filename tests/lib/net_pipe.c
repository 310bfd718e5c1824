/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/net_pipe.c  Opening, disturbing and ending a pipe; the raw far end.
 */
#include "lib/net_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/run.h>

#include "core/sys_fault.h"
#include "net/transport.h"

/* --- Opening and ending ---------------------------------------------------- */

void net_pipe_report(weir_loop *loop, int code, const char *message, void *arg)
{
    (void)loop, (void)code, (void)message;
    ((struct net_pipe *)arg)->reports++;
}

int net_pipe_factory(void *arg, const weir_protocol **protocol, void **self)
{
    struct net_pipe *s = arg;

    *protocol = s->protocol != NULL ? s->protocol : &net_log_plain;
    *self = &s->log;
    return 0;
}

int net_pipe_connect(struct net_pipe *s, int fd)
{
    weir_loop *loop = weir_get_running_loop();

    s->code = s->writes ? weir_loop_connect_write_pipe(loop, net_pipe_factory, s, fd, &s->t)
                        : weir_loop_connect_read_pipe(loop, net_pipe_factory, s, fd, &s->t);
    if (s->code == 0)
        weir__transport_ref(s->t);
    return s->code;
}

void net_pipe_open(struct net_pipe *s)
{
    int fds[2];

    if (s->kind == PIPE_FIFO)
        ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    else
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    s->fd = fds[s->writes];
    s->far = fds[!s->writes];
    ck_assert_int_eq(fcntl(s->far, F_SETFL, O_NONBLOCK), 0);
}

void net_pipe_close_far(struct net_pipe *s)
{
    close(s->far);
    s->far = -1;
}

int net_pipe_play(void *arg)
{
    struct net_pipe *s = arg;

    weir_loop_set_exception_handler(weir_get_running_loop(), net_pipe_report, s);
    net_pipe_open(s);
    ck_assert_int_eq(net_pipe_connect(s, s->fd), 0);
    ck_assert_uint_eq(s->log.made, 1);          /* before the return (BT-1) */
    s->play(s);
    if (!s->log.lost)
        weir_transport_abort(s->t);
    NET_UNTIL(s->log.lost);
    weir__transport_unref(s->t);
    if (s->far >= 0)
        net_pipe_close_far(s);
    return 0;
}

void net_pipe_run(struct net_pipe *s, int way, void (*play)(struct net_pipe *s))
{
    static const struct fault_plan cuts[NET_CUTS] = {
        { 0 }, { .cap = 1 }, { .again_every = 2 }, { .again_every = 3 }, { .cap = 1, .again_every = 3 },
    };
    int before = net_open_descriptors();

    s->kind = (enum net_pipe_kind)(way / NET_CUTS);
    s->play = play;
    weir__fault_begin(&cuts[way % NET_CUTS]);
    ck_assert_int_eq(weir_run(net_pipe_play, s), 0);
    weir__fault_end();
    net_check_descriptors(before);
    ck_assert_uint_eq(s->log.lost, 1);
}

void net_pipe_send(struct net_pipe *s, const void *data, size_t len)
{
    for (size_t sent = 0; sent < len; ) {
        ssize_t n = write(s->far, (const char *)data + sent, len - sent);
        if (n > 0)
            sent += (size_t)n;
        else
            weir_yield();
    }
}

void net_pipe_read(struct net_pipe *s, struct net_log *into, size_t most)
{
    static char buf[4096];

    mark_point();
    while (into->len < most) {
        size_t want = most - into->len < sizeof buf ? most - into->len : sizeof buf;
        ssize_t n = read(s->far, buf, want);
        if (n > 0)
            net_log_add(into, buf, (size_t)n);
        else if (n < 0 && errno == EAGAIN)
            weir_yield();
        else
            break;
    }
}
