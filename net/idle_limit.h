/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/idle_limit.h  A connection on which no byte moved either way for too long is lost with -ETIMEDOUT.
 */
#ifndef WEIR_NET_IDLE_LIMIT_H
#define WEIR_NET_IDLE_LIMIT_H

#include <ev.h>
#include <stdint.h>

#include "net/transport.h"

struct idle_limit {
    ev_timer timer;             /* armed from set to end; never later than moved_ns + limit_ns */
    weir_transport *transport;
    int64_t  limit_ns;
    int64_t  moved_ns;          /* when a byte moved last, in the time of the pass */
};

/* From now on, for @limit_ns (more than 0) without a byte. -ENOMEM: there is no limit. */
int  weir__idle_limit_set(weir_transport *t, int64_t limit_ns);

/* No more; nothing if there is none. */
void weir__idle_limit_end(weir_transport *t);

/* Bytes moved: one store, and none for a connection without a limit. */
static inline void weir__idle_limit_moved(weir_transport *t)
{
    if (t->idle_limit != NULL)
        t->idle_limit->moved_ns = weir__loop_pass_ns(t->loop);
}

#endif
