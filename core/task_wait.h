/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/task_wait.h  A gather while its task waits in it: what others read of it.
 *
 * Allocated for the wait, never in the suspended frame: the gathered tasks' lists point here.
 */
#ifndef WEIR_CORE_TASK_WAIT_H
#define WEIR_CORE_TASK_WAIT_H

#include "core/task.h"

struct gather {
    weir_task *waiter;
    size_t     count;
    size_t     running;         /* slots whose task is not done */
    int        failure;         /* of the first that failed; 0: none */
    int        ending;          /* why the tasks were all cancelled, which is then waited for; 0: they were not */
    struct gather_slot {
        struct task_watch watch;
        struct gather    *gather;
    } slots[];
};

/* The gathered tasks are being cancelled, for this reason: from now on the wait ends when all have ended. */
void weir__gather_end(struct gather *gather, int why);

/* The loop closes with @task parked for good. */
void weir__gather_drop(weir_task *task);

#endif
