/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/connector.h  From a name to a connected socket.
 */
#ifndef WEIR_NET_CONNECTOR_H
#define WEIR_NET_CONNECTOR_H

#include <stdbool.h>

#include <weir/streams.h>

#include "net/address.h"

/* A connected, non-blocking socket and who it is connected to. */
struct connected {
    int fd;
    weir_address peer;          /* len 0: unknown (an adopted socket) */
};

/*
 * Check the arguments, resolve, and try the addresses in turn; or adopt opts->sock. [suspends]
 *
 * opts->timeout limits the whole. On failure nothing stays open but a sock that was refused with -EINVAL, -ENOTSUP or
 * WEIR_ENOTASK; with several addresses tried in vain the first attempt's code is returned and the text lists them all.
 */
int weir__connect(weir_loop *loop, const char *host, uint16_t port, const weir_connect_options *opts,
                  struct connected *out);

/* Whom a task in WAIT_CONNECT tries to reach; true. */
bool weir__connector_peer(const void *wait_on, weir_address *out);

#endif
