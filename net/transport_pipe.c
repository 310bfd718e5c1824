/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/transport_pipe.c  One direction over a descriptor: a FIFO, a character device, or a socket that is used one way.
 *
 * The rules are those of every transport. What a pipe has not: a half-close. The end of its direction is its end, so ops say
 * one_way: the input's end closes it whatever eof_received answers, and write_eof is close (PI-2, PI-3).
 *
 * A write pipe that is idle learns that its reader has left from a watcher of its own, which has nothing to do with reading:
 * epoll tells an error of the descriptor to whoever watches it for anything (PI-4). Of a FIFO that we could read ourselves
 * nobody can leave, and of a character device nobody says so: there a write fails, or none does.
 */
#include <weir/transport.h>

#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <string.h>

#include "core/error.h"
#include "core/sys.h"
#include "core/task.h"
#include "net/listener.h"
#include "net/transport.h"

struct pipe_transport {
    weir_transport base;
    int   fd;                   /* -1 once closed */
    bool  is_socket;
    ev_io io;                   /* the direction's own: input, or room for output */
    ev_io gone;                 /* a write pipe's: its reader; never active in a read pipe */
};

static struct pipe_transport *pipe_of(const weir_transport *t)
{
    return (struct pipe_transport *)(uintptr_t)t;
}

/* --- Operations ----------------------------------------------------------- */

static ssize_t pipe_recv(weir_transport *t, void *buf, size_t len)
{
    ssize_t n = sys_pipe_read(pipe_of(t)->fd, buf, len);

    /* EIO is how a terminal says that its other side is closed, and nothing to be told twice. */
    if (n < 0 && n != -EAGAIN && n != -EINTR && n != -EIO)
        weir__loop_exception(t->loop, (int)n, "a read pipe failed: %s", weir_strerror((int)n));
    return n;
}

static ssize_t pipe_send(weir_transport *t, struct iovec *iov, size_t count)
{
    return sys_pipe_write(pipe_of(t)->fd, iov, count);
}

static void pipe_want(weir_transport *t, bool on)
{
    ev_io *io = &pipe_of(t)->io;

    if (on && !ev_is_active(io))
        ev_io_start(t->loop->ev, io);
    else if (!on && ev_is_active(io))
        ev_io_stop(t->loop->ev, io);
}

static void pipe_close(weir_transport *t)
{
    struct pipe_transport *p = pipe_of(t);

    assert(p->fd >= 0);
    ev_io_stop(t->loop->ev, &p->io);
    ev_io_stop(t->loop->ev, &p->gone);
    weir__descriptor_close(p->fd);
    p->fd = -1;
    weir__loop_release(t->loop);
}

static const void *pipe_extra_info(weir_transport *t, const char *name)
{
    struct pipe_transport *p = pipe_of(t);

    return strcmp(name, "pipe") == 0 && p->fd >= 0 ? &p->fd : NULL;
}

static int pipe_fd(const weir_transport *t)
{
    return pipe_of(t)->fd;
}

static const struct transport_ops read_ops = {
    .recv = pipe_recv, .want_read = pipe_want, .close = pipe_close, .extra_info = pipe_extra_info, .fd = pipe_fd,
    .one_way = true,
};

/* Without send_file: a pipe would hold the file's own pages, and its reader see what is written to the file meanwhile. */
static const struct transport_ops write_ops = {
    .send = pipe_send, .want_write = pipe_want, .close = pipe_close, .extra_info = pipe_extra_info, .fd = pipe_fd,
    .one_way = true,
};

/* --- Events --------------------------------------------------------------- */

static void on_readable(struct ev_loop *ev, ev_io *io, int events)
{
    weir_transport *t = io->data;

    (void)ev;
    if (events & EV_ERROR)
        weir__transport_lose(t, -ENOMEM);       /* libev could not watch the descriptor, and stopped the watcher */
    else
        weir__transport_readable(t);
}

static void on_writable(struct ev_loop *ev, ev_io *io, int events)
{
    weir_transport *t = io->data;

    (void)ev;
    if (events & EV_ERROR)
        weir__transport_lose(t, -ENOMEM);
    else
        weir__transport_writable(t);
}

/* What came of a socket's reader: 0 and a failure are his end; input, which nobody here reads, says nothing any more. */
static bool socket_says_nothing(struct pipe_transport *p)
{
    char byte;
    ssize_t n = sys_peek(p->fd, &byte, 1);

    if (n > 0)
        ev_io_stop(p->base.loop->ev, &p->gone);
    return n > 0 || n == -EAGAIN || n == -EINTR;
}

static void on_gone(struct ev_loop *ev, ev_io *io, int events)
{
    weir_transport *t = io->data;

    if (events & EV_ERROR) {
        weir__transport_lose(t, -ENOMEM);
        return;
    }
    if (pipe_of(t)->is_socket && socket_says_nothing(pipe_of(t)))
        return;
    ev_io_stop(ev, io);
    weir__transport_lose(t, t->out.size > 0 ? -EPIPE : 0);
}

/* --- Making --------------------------------------------------------------- */

static int check_descriptor(int fd, bool writes, struct stat *facts)
{
    int code = sys_fstat(fd, facts);

    if (code < 0)
        return weir__fail_text(-EINVAL, "descriptor %d can't be adopted: %s", fd, weir_strerror(code));
    if (!S_ISFIFO(facts->st_mode) && !S_ISSOCK(facts->st_mode) && !S_ISCHR(facts->st_mode))
        return weir__fail_text(-EINVAL, "descriptor %d is no pipe, no socket and no character device", fd);
    if (sys_access_mode(fd) == (writes ? O_RDONLY : O_WRONLY))
        return weir__fail_text(-EINVAL, "descriptor %d is not open for %s", fd, writes ? "writing" : "reading");
    return 0;
}

static void release(weir_transport *t)
{
    assert(pipe_of(t)->fd < 0);
    sys_free(pipe_of(t));
}

static int init(struct pipe_transport *p, weir_loop *loop, int fd, bool writes, const weir_protocol *protocol, void *self)
{
    int code = weir__transport_init(&p->base, loop, writes ? &write_ops : &read_ops, protocol, self, release);

    if (code == 0)
        code = weir__loop_admit(loop, fd);
    if (code < 0)
        return weir__fail(code);
    p->fd = fd;
    p->base.gate = writes ? GATE_OPEN : GATE_READ_ONLY;
    ev_io_init(&p->io, writes ? on_writable : on_readable, fd, writes ? EV_WRITE : EV_READ);
    ev_io_init(&p->gone, on_gone, fd, EV_READ);
    p->io.data = p->gone.data = p;
    return 0;
}

/* @fd is ours: closed on failure. */
static int make(weir_loop *loop, weir_protocol_factory factory, void *arg, int fd, bool writes, struct pipe_transport **out)
{
    const weir_protocol *protocol = NULL;
    void *self = NULL;
    struct pipe_transport *p = NULL;
    int code = sys_set_nonblocking(fd);

    if (code < 0) {
        weir__fail_text(code, "descriptor %d can't be made non-blocking: %s", fd, weir_strerror(code));
    } else if ((code = factory(arg, &protocol, &self)) < 0) {
        weir__fail(code);
    } else {
        p = sys_calloc(1, sizeof *p);
        code = p == NULL ? weir__fail(-ENOMEM) : init(p, loop, fd, writes, protocol, self);
    }
    if (code < 0) {
        sys_free(p);
        weir__descriptor_close(fd);
        return code;
    }
    *out = p;
    return 0;
}

static int connect_pipe(weir_loop *loop, weir_protocol_factory factory, void *arg, int fd, bool writes,
                        weir_transport **transport)
{
    struct pipe_transport *p;
    struct stat facts;
    int code = factory == NULL ? weir__fail_text(-EINVAL, "there is no factory to make protocols")
                               : check_descriptor(fd, writes, &facts);

    if (code < 0)
        return code;
    if (loop != weir__this_loop) {
        weir__descriptor_close(fd);
        return loop->closed ? weir__fail(-ESHUTDOWN)
                            : weir__fail_text(WEIR_ESTATE, "a pipe is connected by a task of the loop itself");
    }
    if (weir__task_current() == NULL)
        return weir__fail(WEIR_ENOTASK);
    code = make(loop, factory, arg, fd, writes, &p);
    if (code < 0)
        return code;
    p->is_socket = S_ISSOCK(facts.st_mode);
    code = weir__transport_wait_start(&p->base);
    if (code == 0)
        *transport = &p->base;
    /* Not before: a reader that has left already would be the end of what the caller is about to be given. */
    if (code == 0 && writes && p->base.state == TRANSPORT_OPEN &&
        (p->is_socket || (S_ISFIFO(facts.st_mode) && sys_access_mode(fd) == O_WRONLY)))
        ev_io_start(loop->ev, &p->gone);
    weir__transport_unref(&p->base);            /* it holds itself until connection_lost has returned */
    return code;
}

int weir_loop_connect_read_pipe(weir_loop *loop, weir_protocol_factory factory, void *arg, int fd, weir_transport **transport)
{
    return connect_pipe(loop, factory, arg, fd, false, transport);
}

int weir_loop_connect_write_pipe(weir_loop *loop, weir_protocol_factory factory, void *arg, int fd, weir_transport **transport)
{
    return connect_pipe(loop, factory, arg, fd, true, transport);
}
