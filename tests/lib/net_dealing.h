/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/net_dealing.h  A server that deals connections out to workers, of whom one can be blocked.
 *
 * The worker is blocked for real, on a semaphore, so that what is sent to it stays on its way for as long as a test wants.
 * How long a loop may be in one pass is set by each test, to never or to at once: how busy the machine is does not show.
 */
#ifndef WEIR_TESTS_NET_DEALING_H
#define WEIR_TESTS_NET_DEALING_H

#include <semaphore.h>

#include "core/loop.h"
#include "lib/net_service.h"
#include "net/server.h"

#define DEALING_CALLERS 24

struct dealing {
    struct net_service service;
    weir_server_options opts;   /* all_workers and even, unless the test says otherwise */
    unsigned workers;
    long way;                   /* which variant */
    long got[10];               /* 9: what wait_closed returned */
    int fds[DEALING_CALLERS];
    atomic_int step;            /* what worker 0 has come to; 9: the end */
    atomic_bool blocked;        /* worker 1 is about to be */
    sem_t gate;                 /* and what it waits at */
    atomic_bool waited;         /* for the scenario: wait_closed has returned */
};

/* As NET_UNTIL, also for a task that was cancelled meanwhile. */
#define UNTIL(so)               \
    do {                        \
        mark_point();           \
        while (!(so))           \
            (void)weir_yield(); \
    } while (0)

void dealing_init(struct dealing *d, unsigned workers);
void dealing_fini(struct dealing *d);

/* Worker 0: start the server, and end it; the end lets the others go, so that it is the server's and not theirs. */
void dealing_start(struct dealing *d, int64_t stall_ns);
void dealing_end(struct dealing *d);
void dealing_stall_after(struct dealing *d, int64_t ns);

/* The others: until worker 0 has come to that; and blocked at step 1 until a post, then to the end. */
void dealing_wait_for_step(struct dealing *d, int step);
int  dealing_be_blocked(struct dealing *d);

/* Worker 0: until worker 1 is. */
void dealing_block_other(struct dealing *d);

/* Connections that are counted on a worker, those on their way to it included; on all. */
size_t dealing_load(struct dealing *d, unsigned worker);
size_t dealing_load_of_all(struct dealing *d);

/* How many a worker has been given in all. */
int  dealing_served_by(struct dealing *d, unsigned worker);

/* Callers @from to @to, one after the other: each is counted somewhere before the next one comes. */
void dealing_call(struct dealing *d, int from, int to);
void dealing_hang_up(struct dealing *d, int from, int to);

/* Whether a byte comes back. */
bool dealing_echoes(int fd);

#endif
