/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/address.h  Socket addresses, inside: sizes and lists.
 */
#ifndef WEIR_NET_ADDRESS_H
#define WEIR_NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/address.h>

#include "core/export.h"

/* A growing list of addresses; zero-initialised is empty. */
struct address_list {
    weir_address *items;
    size_t count, room;
};

/* 0 or -ENOMEM. An address that is in the list already is not added again. */
FOR_PROGRAM int  weir__address_list_add(struct address_list *list, const struct sockaddr *addr, socklen_t len);
FOR_PROGRAM void weir__address_list_fini(struct address_list *list);

/* A Unix socket's address: a path, or @name for an abstract one. -EINVAL, -ENAMETOOLONG. */
int  weir__address_unix(weir_address *out, const char *path);

/* Into @out; @len larger than any address is cut. */
void weir__address_set(weir_address *out, const struct sockaddr *addr, socklen_t len);

#endif
