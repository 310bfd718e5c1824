/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/task_dump.h  What loops do so that weir_tasks_dump, debuggers and the watchdog find them.
 */
#ifndef WEIR_CORE_TASK_DUMP_H
#define WEIR_CORE_TASK_DUMP_H

#include <stdatomic.h>

#include "core/loop.h"

/* A run of @loop begins, or ends, in this thread. */
void weir__dump_enter(weir_loop *loop);
void weir__dump_leave(weir_loop *loop);

/* List the tasks for whoever asked; called when the loop was woken. */
void weir__dump_answer_all(weir_loop *loop);

static inline void weir__dump_answer(weir_loop *loop)
{
    if (atomic_load_explicit(&loop->asked, memory_order_relaxed))       /* the lock that is taken next orders the rest */
        weir__dump_answer_all(loop);
}

/* While this is held no run begins or ends, so the threads of loops that run are there. Not to be held for long. */
void weir__running_lock(void);
void weir__running_unlock(void);

/* With the lock: the first loop of a run later than @after (0: of any), which is its run_number; NULL: none. Loops come and
 * go whenever the lock is let go. */
weir_loop *weir__running_next(uint64_t after);

extern __attribute__((visibility("hidden"))) struct list weir__running;     /* by running_link */

struct weir_task;

/* "bytes", "sleep", ...: what weir_task_info calls what @task waits for. */
const char *weir__task_waits_for(const struct weir_task *task);

/* Its name, or what it is. */
const char *weir__task_title(const struct weir_task *task);

#endif
