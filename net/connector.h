/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/connector.h  From what a caller names to a connected socket.
 */
#ifndef WEIR_NET_CONNECTOR_H
#define WEIR_NET_CONNECTOR_H

#include <stdbool.h>

#include <weir/streams.h>

#include "net/address.h"
#include "net/connect_race.h"

/*
 * Check the arguments, resolve, and connect to the first address that answers; or adopt opts->sock.        [suspends]
 *
 * opts->timeout limits the whole. On failure nothing stays open but a sock that was refused with -EINVAL, -ENOTSUP or
 * WEIR_ENOTASK. With several addresses tried in vain the first one's code is returned and the text lists them all.
 */
int weir__connect(weir_loop *loop, const char *host, uint16_t port, const weir_connect_options *opts,
                  struct connected *out);

/* The same for a Unix socket: a path, or an abstract name with a leading @; or opts->sock. Never waits. */
int weir__connect_unix(weir_loop *loop, const char *path, const weir_connect_options *opts, struct connected *out);

#endif
