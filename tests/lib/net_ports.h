/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/net_ports.h  Several addresses of this machine with one port, each of which answers, refuses or hangs.
 *
 * One that refuses is bound, and nobody listens. One that hangs has a listener whose queue is full: the kernel drops the
 * caller's SYN, so time is the only thing that can happen, and time is the test's. The others answer when the kernel gets to
 * it, which on a busy machine is not at once: the test program defines connect, and while such an answer is on its way, time
 * that a test moves (lib/clock.h) stands still.
 */
#ifndef WEIR_TESTS_NET_PORTS_H
#define WEIR_TESTS_NET_PORTS_H

#include <stdbool.h>

#include "net/address.h"

#define PORTS_MOST 6
#define FILLERS 8

struct net_ports {
    struct address_list list;   /* the addresses, in order */
    uint16_t port;
    int holders[PORTS_MOST];
    int fillers[PORTS_MOST][FILLERS];
    size_t count;
    char kinds[PORTS_MOST + 1];
};

/* One at a time, by the thread that runs the loop. A letter for each address: 'a' answers, 'r' refuses, 'h' hangs.
 * 127.0.0.1, 127.0.0.2 and so on; a capital letter is ::1. */
void net_ports_open(struct net_ports *ports, const char *kinds);
void net_ports_close(struct net_ports *ports);

/* Whether ::1 can be bound here. When not, it is said on stderr that @what is left out. */
bool net_has_ipv6(const char *what);

#endif
