/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/transport_socket.c  recv, send and libev's watchers for one socket.
 *
 * Reading interest is registered once and stays, so a connection in steady state costs no epoll_ctl. Closing stops the
 * watchers first: libev then ignores the descriptor until it is used again, and the kernel forgets it by itself.
 */
#include "net/transport_socket.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

#include "core/error.h"
#include "core/sys.h"
#include "net/listener.h"

struct socket_names {
    weir_address peer, own;
    struct ucred credentials;
    bool has_peer, has_own, has_credentials;
};

static struct socket_transport *socket_of(const weir_transport *t)
{
    return list_entry((uintptr_t)t, struct socket_transport, base);
}

/* --- Operations ----------------------------------------------------------- */

static ssize_t socket_recv(weir_transport *t, void *buf, size_t len)
{
    return sys_recv(socket_of(t)->fd, buf, len);
}

static ssize_t socket_send(weir_transport *t, struct iovec *iov, size_t count)
{
    return sys_send(socket_of(t)->fd, iov, count);
}

static void want(weir_transport *t, ev_io *watcher, bool on)
{
    if (on && !ev_is_active(watcher))
        ev_io_start(t->loop->ev, watcher);
    else if (!on && ev_is_active(watcher))
        ev_io_stop(t->loop->ev, watcher);
}

static void socket_want_read(weir_transport *t, bool on)
{
    want(t, &socket_of(t)->read, on);
}

static void socket_want_write(weir_transport *t, bool on)
{
    want(t, &socket_of(t)->write, on);
}

static int socket_shutdown(weir_transport *t)
{
    return sys_shutdown(socket_of(t)->fd, SHUT_WR);
}

static int socket_fd(const weir_transport *t)
{
    return socket_of(t)->fd;
}

static ssize_t socket_send_file(weir_transport *t, int file, int64_t *offset, size_t count)
{
    return sys_sendfile(socket_of(t)->fd, file, offset, count);
}

/* --- Names ---------------------------------------------------------------- */

static struct socket_names *names_of(struct socket_transport *s)
{
    if (s->names == NULL)
        s->names = sys_calloc(1, sizeof *s->names);
    return s->names;
}

static const weir_address *peer_of(struct socket_transport *s)
{
    struct socket_names *names = names_of(s);

    if (names == NULL || names->has_peer)
        return names == NULL ? NULL : &names->peer;
    if (s->peer_len > 0) {
        memcpy(&names->peer.storage, s->peer, s->peer_len);
        names->peer.len = s->peer_len;
    } else {
        names->peer.len = sizeof names->peer.storage;
        if (s->fd < 0 || sys_getpeername(s->fd, (void *)&names->peer.storage, &names->peer.len) < 0)
            return NULL;
    }
    names->has_peer = true;
    return &names->peer;
}

static const weir_address *own_of(struct socket_transport *s)
{
    struct socket_names *names = names_of(s);

    if (names == NULL || names->has_own)
        return names == NULL ? NULL : &names->own;
    names->own.len = sizeof names->own.storage;
    if (s->fd < 0 || sys_getsockname(s->fd, (void *)&names->own.storage, &names->own.len) < 0)
        return NULL;
    names->has_own = true;
    return &names->own;
}

/* Of a Unix socket only: the kernel has an answer for every kind, and for the others it says nothing. */
static const struct ucred *credentials_of(struct socket_transport *s)
{
    const weir_address *own = own_of(s);

    if (own == NULL || own->storage.ss_family != AF_UNIX)
        return NULL;
    if (!s->names->has_credentials)
        s->names->has_credentials = s->fd >= 0 && sys_peer_credentials(s->fd, &s->names->credentials) == 0;
    return s->names->has_credentials ? &s->names->credentials : NULL;
}

static const void *socket_extra_info(weir_transport *t, const char *name)
{
    struct socket_transport *s = socket_of(t);

    if (strcmp(name, "peername") == 0)
        return peer_of(s);
    if (strcmp(name, "sockname") == 0)
        return own_of(s);
    if (strcmp(name, "peercred") == 0)
        return credentials_of(s);
    if (strcmp(name, "socket") == 0)
        return s->fd >= 0 ? &s->fd : NULL;
    return NULL;
}

static void socket_close(weir_transport *t)
{
    struct socket_transport *s = socket_of(t);

    assert(s->fd >= 0);
    ev_io_stop(t->loop->ev, &s->read);
    ev_io_stop(t->loop->ev, &s->write);
    if (t->refs > 1)
        (void)own_of(s);                        /* somebody may still ask after the descriptor is gone (BT-16) */
    if (t->refs > 1)
        (void)peer_of(s);
    if (t->refs > 1)
        (void)credentials_of(s);
    weir__descriptor_close(s->fd);
    s->fd = -1;
    weir__loop_release(t->loop);
    s->admitted = false;
}

static const struct transport_ops socket_ops = {
    .recv = socket_recv, .send = socket_send, .want_read = socket_want_read, .want_write = socket_want_write,
    .shutdown = socket_shutdown, .close = socket_close, .extra_info = socket_extra_info, .fd = socket_fd,
    .send_file = socket_send_file,
};

/* --- Events --------------------------------------------------------------- */

/* libev could not watch the descriptor (epoll_ctl failed) and has stopped the watcher. */
static void not_watched(weir_transport *t)
{
    weir__transport_lose(t, -ENOMEM);
}

static void on_readable(struct ev_loop *ev, ev_io *io, int events)
{
    weir_transport *t = io->data;

    (void)ev;
    if (events & EV_ERROR)
        not_watched(t);
    else
        weir__transport_readable(t);
}

static void on_writable(struct ev_loop *ev, ev_io *io, int events)
{
    weir_transport *t = io->data;

    (void)ev;
    if (events & EV_ERROR)
        not_watched(t);
    else
        weir__transport_writable(t);
}

/* --- Making --------------------------------------------------------------- */

void weir__socket_no_delay(int fd)
{
    (void)sys_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

int weir__socket_transport_init(struct socket_transport *s, weir_loop *loop, int fd, const struct sockaddr *peer,
                                socklen_t peer_len, const weir_protocol *protocol, void *self,
                                void (*release)(weir_transport *))
{
    int code = weir__transport_init(&s->base, loop, &socket_ops, protocol, self, release);

    if (code == 0)
        code = weir__loop_admit(loop, fd);
    if (code < 0) {
        weir__descriptor_close(fd);
        return weir__fail(code);
    }
    s->fd = fd;
    s->admitted = true;
    ev_io_init(&s->read, on_readable, fd, EV_READ);
    ev_io_init(&s->write, on_writable, fd, EV_WRITE);
    s->read.data = s->write.data = &s->base;
    if (peer != NULL && peer_len <= sizeof s->peer) {
        memcpy(s->peer, peer, peer_len);
        s->peer_len = peer_len;
    }
    return 0;
}

void weir__socket_transport_fini(struct socket_transport *s)
{
    assert(s->fd < 0);
    sys_free(s->names);
    s->names = NULL;
}

static void release_own_memory(weir_transport *t)
{
    struct socket_transport *s = socket_of(t);

    weir__socket_transport_fini(s);
    sys_free(s);
}

weir_transport *weir__socket_transport_new(weir_loop *loop, int fd, const struct sockaddr *peer, socklen_t peer_len,
                                           const weir_protocol *protocol, void *self, int *code)
{
    struct socket_transport *s = sys_calloc(1, sizeof *s);

    if (s == NULL) {
        weir__descriptor_close(fd);
        *code = weir__fail(-ENOMEM);
        return NULL;
    }
    *code = weir__socket_transport_init(s, loop, fd, peer, peer_len, protocol, self, release_own_memory);
    if (*code < 0) {
        sys_free(s);
        return NULL;
    }
    return &s->base;
}

bool weir__transport_peer(const weir_transport *t, weir_address *out)
{
    const struct socket_transport *s = socket_of(t);

    if (t->ops != &socket_ops)
        return false;
    out->len = s->peer_len;
    memcpy(&out->storage, s->peer, s->peer_len);
    if (s->peer_len > 0)
        return true;
    if (s->names != NULL && s->names->has_peer) {
        *out = s->names->peer;
        return true;
    }
    out->len = sizeof out->storage;
    return s->fd >= 0 && sys_getpeername(s->fd, (void *)&out->storage, &out->len) == 0;
}
