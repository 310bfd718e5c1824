/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/net_ports.h  Several addresses of this machine with one port, each of which answers, refuses or hangs.
 *
 * One that refuses is bound, and nobody listens. One that hangs has a listener whose queue is full: the kernel drops the
 * caller's SYN, so time is the only thing that can happen, and time is the test's.
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
};

/* A letter for each address: 'a' answers, 'r' refuses, 'h' hangs. 127.0.0.1, 127.0.0.2 and so on; a capital letter is ::1. */
void net_ports_open(struct net_ports *ports, const char *kinds);
void net_ports_close(struct net_ports *ports);

/* Whether ::1 can be bound here. When not, it is said on stderr that @what is left out. */
bool net_has_ipv6(const char *what);

#endif
