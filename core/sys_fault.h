/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/sys_fault.h  The fault plan of test builds: which seam call fails, and how.
 *
 * A test counts a good run first (weir__fault_seen), then fails call 1, 2, 3 … in turn until the scenario succeeds.
 */
#ifndef WEIR_CORE_SYS_FAULT_H
#define WEIR_CORE_SYS_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/sys.h"

struct fault_plan {
    uint64_t fail_at;           /* the n-th matching call fails, from 1; 0: none does */
    bool     from_then_on;      /* and every later one too */
    uint64_t only;              /* bit set of 1 << enum sys_call that match; 0: all that can fail */
    int      code;              /* what it fails with, negative; 0: a code that fits the call */
    size_t   cap;               /* recv, send and sendfile carry at most so many bytes; 0: any */
    unsigned again_every;       /* every k-th recv, send, sendfile and accept answers -EAGAIN or -EINTR first; 0: never */
};

/* Start to follow @plan, with all counts at zero. */
void weir__fault_begin(const struct fault_plan *plan);

/* Stop failing; the counts stay readable. Returns how many calls were failed. */
uint64_t weir__fault_end(void);

/* How many calls of one kind, or (SYS_CALLS) of all matching kinds, came since _begin. */
uint64_t weir__fault_seen(enum sys_call call);

/* "recv", … for messages. */
const char *weir__fault_name(enum sys_call call);

#endif
