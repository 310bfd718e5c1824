/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/executor.h  Threads for work that blocks.
 *
 * One set of threads for the process, made when there is work, ended when the last loop closes. A task waits for its
 * job like for anything else: cancelled or out of time it goes on, and the job's memory is disposed of when the thread
 * is done with it.
 */
#ifndef WEIR_CORE_EXECUTOR_H
#define WEIR_CORE_EXECUTOR_H

#include <stdbool.h>

#include <weir/loop.h>

/*
 * Run fn(arg) on a thread and wait for its result.                                  [suspends]
 *
 * dispose   called with @arg, on the thread or on the loop, when nobody waits any more and fn has ended or will never
 *           begin; NULL when @arg needs nothing
 * disposed  out: @arg was or will be disposed of, and the result says why fn's own is not to be had; false: the result
 *           is fn's, and @arg is the caller's again. NULL: not asked
 */
int weir__executor_run(weir_loop *loop, int (*fn)(void *arg), void *arg, void (*dispose)(void *arg), bool *disposed);

/* Each loop holds the threads from its making to its freeing. */
void weir__executor_hold(void);
void weir__executor_release(void);

#endif
