/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/create.c  create_connection and create_server: transports with protocols of the user's own.
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

int weir_loop_create_connection(weir_loop *loop, weir_protocol_factory factory, void *arg, const char *host, uint16_t port,
                                const weir_connect_options *opts, weir_transport **transport)
{
    struct connected connected;
    const weir_protocol *protocol = NULL;
    void *self = NULL;
    int code = weir__connect(loop, host, port, opts, &connected);

    if (code < 0)
        return code;
    code = factory(arg, &protocol, &self);
    if (code < 0) {
        weir__descriptor_close(connected.fd);
        return weir__fail(code);
    }
    weir_transport *t = weir__socket_transport_new(loop, connected.fd, (const void *)&connected.peer.storage,
                                                   connected.peer.len, protocol, self, &code);
    if (t == NULL)
        return code;
    t->out.most = opts != NULL ? opts->max_write_buffer : 0;
    code = weir__transport_wait_start(t);
    if (code == 0)
        *transport = t;
    weir__transport_unref(t);                   /* it holds itself until connection_lost has returned */
    return code;
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
        weir__loop_exception(part->loop, code, "a connection was dropped: no memory for its transport");
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

int weir_loop_create_server(weir_loop *loop, weir_protocol_factory factory, void *arg, const char *host, uint16_t port,
                            const weir_server_options *opts, weir_server **server)
{
    struct factory_acceptor *acceptor = sys_malloc(sizeof *acceptor);

    if (acceptor == NULL)
        return weir__server_refuse(opts, weir__fail(-ENOMEM));
    acceptor->base = (struct acceptor) { .accept = accept_for_factory, .free = free_factory_acceptor };
    acceptor->factory = factory;
    acceptor->arg = arg;
    return weir__server_new(loop, &acceptor->base, host, port, opts, server);
}
