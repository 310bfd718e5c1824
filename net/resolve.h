/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/resolve.h  From what a caller names to a list of addresses.
 */
#ifndef WEIR_NET_RESOLVE_H
#define WEIR_NET_RESOLVE_H

#include <weir/loop.h>

#include "net/address.h"

/*
 * Add the stream addresses of one host to @list, in the resolver's order.           [suspends] unless a literal
 *
 * host     a literal, a name, or NULL: loopback, or all interfaces with AI_PASSIVE
 * returns  0; WEIR_ERESOLVE with a sentence; -ENOMEM; or what cut the wait short
 */
int weir__resolve(weir_loop *loop, const char *host, uint16_t port, int family, int flags, struct address_list *list);

#endif
