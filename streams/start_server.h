/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * streams/start_server.h  Serving with handlers, for weir_start_server and weir_serve.
 */
#ifndef WEIR_STREAMS_START_SERVER_H
#define WEIR_STREAMS_START_SERVER_H

#include <weir/server.h>

#include "net/listen.h"

/* Whose connections a server hands to which handler. */
struct serving {
    weir_client_connected_cb cb;
    void *arg;
    void *const *worker_args;   /* NULL, or one for each worker, which it gets instead of arg */
};

int weir__start_server(const struct serving *serving, const char *host, uint16_t port, const weir_server_options *opts,
                       weir_server **server);

/* The same on sockets that are bound already, by weir__listen_bind and weir__listen_unix, for this worker or for all of them
 * (opts->all_workers says nothing here). They are the server's, closed on failure too; @sockets is left empty. [suspends] */
int weir__start_server_bound(const struct serving *serving, struct listen_set *sockets, const weir_server_options *opts,
                             weir_server **server);

#endif
