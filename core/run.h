/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/run.h  Running a main function as a task of a loop, from the first step to the end of everything it started.
 */
#ifndef WEIR_CORE_RUN_H
#define WEIR_CORE_RUN_H

#include <weir/loop.h>

#include "core/error.h"
#include "core/inbox.h"
#include "core/task.h"

/* A main and where it got to. */
struct run {
    weir_loop *loop;
    int (*main)(void *arg);
    void *arg;
    weir_task *task;            /* while it runs; NULL before and after */
    struct failure failure;     /* text of its failure, the caller's to free */
};

/* Main's result, after its loop's other tasks were cancelled and have ended and every connection is closed. The loop is
 * left open for weir_loop_free. */
int weir__run_main(struct run *run);

/* [suspends] Cancel all tasks of the running loop but the calling one, and wait until they have ended, those that come
 * meanwhile included. A cancel or deadline of the caller does not shorten it. False: some had not when it was *until_ns
 * (sys_monotonic_ns), which may move while this waits, and is looked at when the caller is woken. */
bool weir__run_end_tasks(const _Atomic int64_t *until_ns);

/* The same for a loop that does not run: it runs for this. */
void weir__run_rest(weir_loop *loop);

/* Every loop thread does this first: what must hold in a thread that serves. */
void weir__thread_prepare(void);

#endif
