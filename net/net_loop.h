/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/net_loop.h  What net keeps for each loop: which transports are open, and which have output to offer.
 */
#ifndef WEIR_NET_NET_LOOP_H
#define WEIR_NET_NET_LOOP_H

#include "core/list.h"
#include "core/loop.h"

struct net_loop {
    struct loop_upper upper;
    weir_loop *loop;
    struct list transports;     /* every one whose connection_lost has not returned */
    struct list gathered;       /* those with output that was not offered yet */
    struct list parts;          /* of servers, while they listen or have connections */
};

/* The loop's, made when first asked for; NULL without memory. */
struct net_loop *weir__net_loop(weir_loop *loop);

#endif
