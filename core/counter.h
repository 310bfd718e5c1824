/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/counter.h  Numbers each loop keeps about itself.
 *
 * Only the loop's own thread writes, any thread may read: a relaxed load and store, which costs what a plain increment
 * costs, and no read-modify-write. Whoever wants totals adds the loops up.
 */
#ifndef WEIR_CORE_COUNTER_H
#define WEIR_CORE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

enum counter {
    COUNTER_TASKS,              /* tasks started */
    COUNTER_SWITCHES,           /* times a task was switched to */
    COUNTER_TRIMMED,            /* parked stacks whose deep pages were given back */
    COUNTER_ACCEPTED,           /* connections accepted */
    COUNTER_ACCEPT_STARVED,     /* times accepting paused for want of descriptors or memory */
    COUNTER_ACCEPT_FULL,        /* times accepting paused at a server's max_connections */
    COUNTER_ACCEPT_FAILED,      /* other failures of accept, and connections dropped before their protocol saw them */
    COUNTER_LOST_WRITES,        /* writes dropped since the connection was closing or lost */
    COUNTERS
};

struct counters {
    _Atomic uint64_t value[COUNTERS];
};

static inline uint64_t weir__counter_read(const struct counters *counters, enum counter which)
{
    return atomic_load_explicit(&counters->value[which], memory_order_relaxed);
}

static inline void weir__count(struct counters *counters, enum counter which)
{
    atomic_store_explicit(&counters->value[which], weir__counter_read(counters, which) + 1, memory_order_relaxed);
}

#endif
