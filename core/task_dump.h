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

struct weir_task;

/* "bytes", "sleep", ...: what weir_task_info calls what @task waits for. */
const char *weir__task_waits_for(const struct weir_task *task);

/* Its name, or what it is. */
const char *weir__task_title(const struct weir_task *task);

#endif
