/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/sockets.h  The listening sockets of a configuration: bound before anything else is done, handed to who serves.
 *
 * The one who binds and the one who serves need not be the same process.
 */
#ifndef WEIR_SERVER_SOCKETS_H
#define WEIR_SERVER_SOCKETS_H

#include "net/listen.h"
#include "server/config.h"

/* Bound, none of them listening: a set for each server of the configuration, in its order. All zero: none. */
struct sockets {
    struct listen_set *sets;
    size_t count;
};

/* Bind every address of every server for @workers workers. What can't be bound, for each address, is added to @problems;
 * then -1, and nothing stays bound. May block while names are resolved. */
int  sockets_bind(const struct config *config, unsigned workers, struct sockets *out, struct problems *problems);

/* Find what binding would find without taking an address: names that don't resolve, folders that are not there, paths too
 * long. An address in use is none of it: the server that is running may have it. */
void sockets_check(const struct config *config, struct problems *problems);

/* Close what nobody took over. */
void sockets_close(struct sockets *sockets);

/* What a server's section says, for whoever binds and serves. */
weir_server_options sockets_options(const struct server_config *server);

#endif
