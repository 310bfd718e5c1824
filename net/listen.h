/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/listen.h  The one function that supplies listening sockets.
 */
#ifndef WEIR_NET_LISTEN_H
#define WEIR_NET_LISTEN_H

#include <stddef.h>

#include <weir/server.h>

#include "net/address.h"

/* Bound sockets, one for each worker at each address: fds[address * workers + worker]. */
struct listen_set {
    size_t addresses, workers;
    int *fds;
};

/*
 * Bind every address of @list for @workers workers. Nobody listens yet.
 *
 * The first socket of an address is bound without SO_REUSEPORT, so that a second process gets -EADDRINUSE, and sets it
 * afterwards; its siblings bind with it. Port 0 becomes one port for all workers of an address. An address of a family
 * the kernel lacks, or that is not here (-EADDRNOTAVAIL), is skipped; when all are, its code is returned. On failure
 * nothing stays open, and the text names the address.
 */
int weir__listen_bind(const struct address_list *list, size_t workers, const weir_server_options *opts,
                      struct listen_set *out);

/* Take an open descriptor over: bound or listening already, one worker. */
int weir__listen_adopt(int fd, const weir_server_options *opts, struct listen_set *out);

/* Close what nobody took (set to -1 by whoever took it), and free the list. */
void weir__listen_set_fini(struct listen_set *set);

#endif
