/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/stage.h  A tunnel of the proxy plugin, with both far ends in the test's hand.
 *
 *      ends[CLIENT] <--> tunnel.client  <==tunnel==>  tunnel.upstream <--> ends[UPSTREAM]
 *
 * Each far end is a struct far of tests/lib/stream_far.h, so both connections are memory pairs or both are sockets with
 * bounded buffers. The tunnel runs in a task of its own; the scenario in another one, on the same thread.
 */
#ifndef WEIR_TESTS_PLUGINS_STAGE_H
#define WEIR_TESTS_PLUGINS_STAGE_H

#include "lib/stream_far.h"
#include "plugins/proxy/tunnel.h"

#define STAGE_SILENCE 600.0     /* seconds: the tunnel's idle_timeout */

enum { CLIENT, UPSTREAM, ENDS };

struct stage {
    struct tunnel tunnel;
    struct far ends[ENDS];
    size_t sent[ENDS];          /* of the pattern, by each end */
    bool was_reset[ENDS];       /* met a reset while it sent */
    weir_task *task;            /* tunnel_run; NULL: joined */
};

/*
 * Open it, run @scenario, join the tunnel's task, free everything. What the tunnel ended with is said at its join: "eof",
 * "client:ECONNRESET"; then LEAK, if a descriptor was left behind. 0, or what failed.
 */
int stage_play(void (*scenario)(struct stage *stage), enum far_kind kind);

/* The same for a scenario that calls stage_begin() itself, when the tunnel is to run. */
int stage_play_unbegun(void (*scenario)(struct stage *stage), enum far_kind kind);
void stage_begin(struct stage *stage);

/* The same without waiting for the tunnel: main returns @passes passes after its task was made. */
int stage_leave(int passes, enum far_kind kind);

void stage_settle(void);        /* as far_settle(), through two connections and two tasks */
void stage_join(struct stage *stage);

/* @end sends so much of its pattern; that the other one gets so much of it, and right. [suspends] */
void stage_send(struct stage *stage, int end, size_t n);
bool stage_recv(struct stage *stage, int end, size_t n);

/* Begin to do so in a task of its own; @ends_it: and then end the output. */
weir_task *stage_sending(struct stage *stage, int end, size_t n, bool ends_it);

/* FAR_MEMORY: not a byte is taken any more. Otherwise an end that is not read takes what its reader holds by itself. */
void stage_turn_deaf(struct stage *stage, int end, bool deaf);

/* FAR_SOCKET: read on until the connection ends. Whether that was by a reset. */
bool stage_sees_reset(struct stage *stage, int end);

/* Bytes that the tunnel holds on their way from @end. */
size_t stage_held(const struct stage *stage, int end);

#endif
