/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/connect_race.h  From a list of addresses to one connected socket.
 */
#ifndef WEIR_NET_CONNECT_RACE_H
#define WEIR_NET_CONNECT_RACE_H

#include <stdbool.h>

#include <weir/loop.h>

#include "net/address.h"

/* A connected, non-blocking socket and who it is connected to. */
struct connected {
    int fd;
    weir_address peer;          /* len 0: unknown (an adopted socket) */
};

struct race_plan {
    const struct address_list *to;      /* in the order in which they are tried */
    const struct address_list *from;    /* of each family the first that can be bound counts (OC-6); empty: the kernel's choice */
    double delay;                       /* seconds until the next one is tried beside the last; 0: one after the other */
};

/*
 * Connect to the first of plan->to that answers; the sockets of all others are closed.                        [suspends]
 *
 * returns  0; when none answered, the first one's code; what cut the wait short; -ENOMEM. The text lists every address that
 *          was tried, and why it failed. On failure nothing stays open
 */
int weir__race(weir_loop *loop, const struct race_plan *plan, struct connected *out);

/* Whom a task in WAIT_CONNECT tries to reach: the latest of those that are being tried; true. */
bool weir__race_peer(const void *wait_on, weir_address *out);

#endif
