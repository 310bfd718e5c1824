/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/transport_socket.h  A transport over a connected stream socket.
 */
#ifndef WEIR_NET_TRANSPORT_SOCKET_H
#define WEIR_NET_TRANSPORT_SOCKET_H

#include <ev.h>
#include <netinet/in.h>

#include "net/transport.h"

/* The peer's address as accept gave it: an IPv6 address fits, a longer one is asked for when somebody wants it. */
#define PEER_INLINE sizeof(struct sockaddr_in6)

struct socket_names;

struct socket_transport {
    ev_io    read;              /* with base.state in the first cache line: what a readable socket is looked at for */
    int      fd;                /* -1 once closed */
    bool     admitted;
    weir_transport base;
    ev_io    write;
    unsigned char peer[PEER_INLINE];
    socklen_t peer_len;         /* 0: not known yet */
    struct socket_names *names; /* made when first asked for */
};

_Static_assert(offsetof(struct socket_transport, base.ops) == 64, "a socket's watcher and state are its first cache line");
_Static_assert(offsetof(struct socket_transport, base.gathered_link) == 128, "what reading needs is its second");
_Static_assert(offsetof(struct socket_transport, base.out.paused) < 192, "what writing needs is its third");

/* Set up @s in the caller's zeroed memory over @fd, a connected, non-blocking socket, which is ours from here on: on
 * failure it is closed. 0 or -ENOMEM. */
int weir__socket_transport_init(struct socket_transport *s, weir_loop *loop, int fd, const struct sockaddr *peer,
                                socklen_t peer_len, const weir_protocol *protocol, void *self,
                                void (*release)(weir_transport *t));

/* In memory of its own, freed with the last reference. NULL with *code. */
weir_transport *weir__socket_transport_new(weir_loop *loop, int fd, const struct sockaddr *peer, socklen_t peer_len,
                                           const weir_protocol *protocol, void *self, int *code);

/* What release has to do for @s before its memory goes. */
void weir__socket_transport_fini(struct socket_transport *s);

/* Small packets at once (BT-2). A socket that is not TCP has no such option, which is no failure. */
void weir__socket_no_delay(int fd);

/* Whom @t is connected to, without keeping it as the extra info does. False: nobody, or not known any more. */
bool weir__transport_peer(const weir_transport *t, weir_address *out);

#endif
