/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * streams/start_server.h  Serving with handlers, for weir_start_server and weir_serve.
 */
#ifndef WEIR_STREAMS_START_SERVER_H
#define WEIR_STREAMS_START_SERVER_H

#include <weir/server.h>

/* Whose connections a server hands to which handler. */
struct serving {
    weir_client_connected_cb cb;
    void *arg;
    void *const *worker_args;   /* NULL, or one for each worker, which it gets instead of arg */
};

int weir__start_server(const struct serving *serving, const char *host, uint16_t port, const weir_server_options *opts,
                       weir_server **server);

#endif
