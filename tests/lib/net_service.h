/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/net_service.h  A server whose connections are all written down, on one loop or on several workers.
 *
 * Each connection has a net_log of its own, which only its loop touches; the counts may be read from any thread.
 */
#ifndef WEIR_TESTS_NET_SERVICE_H
#define WEIR_TESTS_NET_SERVICE_H

#include <stdatomic.h>

#include <weir/server.h>

#include "lib/net_pair.h"

#define NET_CLIENTS 64

struct net_service {
    weir_server *server;
    struct net_log log[NET_CLIENTS];    /* in the order of accepting */
    atomic_int asked, made, lost;       /* calls of the factory, connection_made, connection_lost */
    atomic_int now, most;       /* made and not lost: now, and at the most so far */
    atomic_int by_worker[8];
    void (*when_lost)(struct net_service *service);     /* called in connection_lost; NULL: nothing */
    void *user;
    bool echo;                  /* sends back what came */
    bool free_in_factory, free_in_made;         /* the server is freed from inside that callback */
    int  refuse;                /* negative: what the factory answers */
};

/* weir_loop_create_server's factory: @arg is the service. */
int  net_service_factory(void *arg, const weir_protocol **protocol, void **self);

/* On 127.0.0.1, with the kernel's port. */
int  net_service_start(struct net_service *service, const weir_server_options *opts);
uint16_t net_service_port(const weir_server *server);
void net_service_fini(struct net_service *service);

/* A raw client, connected and accepted: waits until the service has one connection more. */
int  net_service_call(struct net_service *service, uint16_t port);

/* Raw, with yields: send all; receive exactly @len and say how many came before the end. */
bool net_raw_send(int fd, const void *data, size_t len);
size_t net_raw_recv(int fd, void *data, size_t len);

/* Whether a raw connect to the port is refused. */
bool net_refused(uint16_t port);

#endif
