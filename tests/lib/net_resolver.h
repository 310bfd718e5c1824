/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/net_resolver.h  A resolver that answers what a test says, and when it says so.
 *
 * The test program defines getaddrinfo. Names that end in ".test" are answered from what was set here; all others go to the
 * system's. So no test depends on what a machine calls itself, or on a network.
 */
#ifndef WEIR_TESTS_NET_RESOLVER_H
#define WEIR_TESTS_NET_RESOLVER_H

/* What every name in .test resolves to from now on: numeric addresses separated by spaces, in this order; "": a success
 * without an address; NULL: EAI_NONAME. */
void net_resolver_answer(const char *addresses);

/* From now on a look-up waits; and let those that wait go on. */
void net_resolver_hold(void);
void net_resolver_release(void);

/* How many look-ups have begun, and ended. */
int net_resolver_begun(void);
int net_resolver_ended(void);

#endif
