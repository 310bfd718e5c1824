/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/create.c  create_connection, create_server and the two for Unix sockets: transports with protocols of the user's own.
 */
#include <weir/transport.h>

#include "core/error.h"
#include "core/loop.h"
#include "core/sys.h"
#include "net/connector.h"
#include "net/listener.h"
#include "net/server.h"
#include "net/transport_socket.h"

/* --- Clients -------------------------------------------------------------- */

/* A transport over @connected, which is ours, and a protocol of the factory's. [suspends] */
static int make_transport(weir_loop *loop, weir_protocol_factory factory, void *arg, const struct connected *connected,
                          const weir_connect_options *opts, weir_transport **transport)
{
    const weir_protocol *protocol = NULL;
    void *self = NULL;
    int code = factory(arg, &protocol, &self);

    if (code < 0) {
        weir__descriptor_close(connected->fd);
        return weir__fail(code);
    }
    weir_transport *t = weir__socket_transport_new(loop, connected->fd, (const void *)&connected->peer.storage,
                                                   connected->peer.len, protocol, self, &code);
    if (t == NULL)
        return code;
    t->out.most = opts != NULL ? opts->max_write_buffer : 0;
    code = weir__transport_wait_start(t);
    if (code == 0)
        *transport = t;
    weir__transport_unref(t);                   /* it holds itself until connection_lost has returned */
    return code;
}

static int no_factory(void)
{
    return weir__fail_text(-EINVAL, "there is no factory to make protocols");
}

int weir_loop_create_connection(weir_loop *loop, weir_protocol_factory factory, void *arg, const char *host, uint16_t port,
                                const weir_connect_options *opts, weir_transport **transport)
{
    struct connected connected;
    int code = factory == NULL ? no_factory() : weir__connect(loop, host, port, opts, &connected);

    return code < 0 ? code : make_transport(loop, factory, arg, &connected, opts, transport);
}

int weir_loop_create_unix_connection(weir_loop *loop, weir_protocol_factory factory, void *arg, const char *path,
                                     const weir_connect_options *opts, weir_transport **transport)
{
    struct connected connected;
    int code = factory == NULL ? no_factory() : weir__connect_unix(loop, path, opts, &connected);

    return code < 0 ? code : make_transport(loop, factory, arg, &connected, opts, transport);
}

/* --- Servers -------------------------------------------------------------- */

struct factory_acceptor {
    struct acceptor base;
    weir_protocol_factory factory;
    void *arg;
};

static void drop_connection(struct server_part *part, int fd)
{
    weir__descriptor_close(fd);
    weir__count(&part->loop->counters, COUNTER_ACCEPT_FAILED);
}

static void accept_for_factory(struct acceptor *base, struct server_part *part, int fd, const struct sockaddr *peer,
                               socklen_t peer_len)
{
    struct factory_acceptor *acceptor = list_entry(base, struct factory_acceptor, base);
    const weir_protocol *protocol = NULL;
    void *self = NULL;
    int code = acceptor->factory(acceptor->arg, &protocol, &self);

    if (code < 0) {                             /* drops this connection only (SV-13) */
        drop_connection(part, fd);
        return;
    }
    weir_transport *t = weir__socket_transport_new(part->loop, fd, peer, peer_len, protocol, self, &code);
    if (t == NULL) {
        weir__loop_exception(part->loop, code, "a connection was dropped: no transport for it");
        weir__count(&part->loop->counters, COUNTER_ACCEPT_FAILED);
        return;
    }
    t->out.most = part->server->options.max_write_buffer;
    weir__server_adopt(part, t);
    weir__transport_start(t);
    weir__transport_unref(t);
}

static void free_factory_acceptor(struct acceptor *base)
{
    sys_free(list_entry(base, struct factory_acceptor, base));
}

/* NULL without memory. */
static struct acceptor *new_factory_acceptor(weir_protocol_factory factory, void *arg)
{
    struct factory_acceptor *acceptor = sys_malloc(sizeof *acceptor);

    if (acceptor == NULL)
        return NULL;
    acceptor->base = (struct acceptor) { .accept = accept_for_factory, .free = free_factory_acceptor };
    acceptor->factory = factory;
    acceptor->arg = arg;
    return &acceptor->base;
}

int weir_loop_create_server(weir_loop *loop, weir_protocol_factory factory, void *arg, const char *host, uint16_t port,
                            const weir_server_options *opts, weir_server **server)
{
    if (factory == NULL)
        return no_factory();

    struct acceptor *acceptor = new_factory_acceptor(factory, arg);
    if (acceptor == NULL)
        return weir__server_refuse(opts, weir__fail(-ENOMEM));
    return weir__server_new(loop, acceptor, host, port, opts, server);
}

int weir_loop_create_unix_server(weir_loop *loop, weir_protocol_factory factory, void *arg, const char *path,
                                 const weir_server_options *opts, weir_server **server)
{
    if (factory == NULL)
        return no_factory();

    struct acceptor *acceptor = new_factory_acceptor(factory, arg);
    if (acceptor == NULL)
        return weir__server_refuse(opts, weir__fail(-ENOMEM));
    return weir__server_new_unix(loop, acceptor, path, opts, server);
}
