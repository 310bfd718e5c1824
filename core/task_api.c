/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/task_api.c  What a user does with tasks: make, cancel, join, name, sleep.
 *
 * Cancelling goes where the waiting is: a task that waits in join hands the cancel on to the task it joins, as awaiting
 * does (SEMANTICS B 17), and gets the result of that. Chains of joins are walked in a loop; a join that would close a
 * ring is refused, so the walk ends.
 */
#include <weir/task.h>

#include <math.h>
#include <string.h>

#include "core/sys.h"
#include "core/task.h"

/* --- Making --------------------------------------------------------------- */

static weir_task *start_new(int (*fn)(void *), void *arg)
{
    weir_loop *loop = weir__this_loop;

    if (loop == NULL) {
        weir__fail_text(WEIR_ESTATE, "a task needs a running loop; this thread runs none");
        return NULL;
    }
    weir_task *task = weir__task_new(loop, fn, arg, 0, 0, NULL);
    if (task != NULL)
        weir__task_start(task);
    return task;
}

weir_task *weir_create_task(int (*fn)(void *), void *arg)
{
    return start_new(fn, arg);
}

int weir_spawn(int (*fn)(void *), void *arg)
{
    weir_task *task = start_new(fn, arg);

    if (task == NULL)
        return weir__failure_here()->code;
    task->spawned = true;
    weir_task_unref(task);
    return 0;
}

/* --- Cancelling and joining ----------------------------------------------- */

static weir_task *joined_by(const weir_task *task)
{
    if (task->state != TASK_PARKED || task->wait_kind != WAIT_JOIN)
        return NULL;
    return (weir_task *)(uintptr_t)task->wait_on;
}

bool weir_task_cancel(weir_task *task)
{
    if (task->state == TASK_DONE || weir__loop_foreign(task->loop))
        return false;
    for (weir_task *next = joined_by(task); next != NULL; next = joined_by(task))
        task = next;

    if (task->state == TASK_PARKED)
        weir__task_wake(task, -ECANCELED);
    else if (task->state == TASK_READY && task->wake_code == -ECANCELED)
        return true;                            /* still on its way to be told: one request, as asyncio has it */
    else if (task->state != TASK_DONE)
        task->cancel_pending = true;            /* met by its first step or its next wait */
    return true;
}

static bool would_close_a_ring(const weir_task *joiner, const weir_task *task)
{
    while (task != NULL && task != joiner)
        task = joined_by(task);
    return task == joiner;
}

int weir_task_join(weir_task *task)
{
    weir_task *self = weir__task_current();

    if (weir__loop_foreign(task->loop) || (self != NULL && self->loop != task->loop))
        return weir__fail_text(WEIR_ESTATE, "a task can be joined only on its own loop");
    if (task->state == TASK_DONE)
        return task->result;
    if (self == NULL)
        return weir__fail(WEIR_ENOTASK);
    if (would_close_a_ring(self, task))
        return weir__fail_text(WEIR_ESTATE, "the task waits, directly or not, for the one that joins it");

    weir_task_ref(task);
    int code = 0;
    bool expired = false;
    while (task->state != TASK_DONE) {
        list_append(&task->joiners, &self->wait_link);
        code = expired ? weir__task_wait_past_deadline(WAIT_JOIN, task) : weir__task_wait(WAIT_JOIN, task, FOREVER);
        if (code == 0)
            continue;
        /* A cancel met before waiting, or the enclosing deadline: both end the joined task, and what came of that is
         * what joining returns. */
        if (code == -ETIMEDOUT)
            expired = true;
        else if (code != -ECANCELED)
            break;
        weir_task_cancel(task);
    }
    if (task->state == TASK_DONE)
        code = expired && task->result == -ECANCELED ? weir__fail(-ETIMEDOUT) : task->result;
    weir_task_unref(task);
    return code;
}

bool weir_task_done(const weir_task *task)
{
    return task->state == TASK_DONE;
}

int weir_task_result(const weir_task *task)
{
    return task->state == TASK_DONE ? task->result : weir__fail(WEIR_ESTATE);
}

/* --- Names ---------------------------------------------------------------- */

int weir_task_set_name(weir_task *task, const char *name)
{
    char *copy = NULL;

    if (name != NULL) {
        size_t size = strlen(name) + 1;
        copy = sys_malloc(size);
        if (copy == NULL)
            return weir__fail(-ENOMEM);
        memcpy(copy, name, size);
    }
    sys_free(task->name);
    task->name = copy;
    return 0;
}

const char *weir_task_name(const weir_task *task)
{
    return task->name != NULL ? task->name : "";
}

weir_task *weir_current_task(void)
{
    return weir__task_current();
}

/* --- Sleeping ------------------------------------------------------------- */

int weir_sleep(double seconds)
{
    weir_task *task = weir__task_current();

    if (isnan(seconds))
        return weir__fail_text(-EINVAL, "sleep: the number of seconds is not a number");
    if (task == NULL)
        return weir__fail(WEIR_ENOTASK);
    if (seconds <= 0)
        return weir_yield();                    /* exactly one pass (TS-6) */

    /* The clock, not the pass's time: work done in this pass does not shorten the sleep. */
    int64_t due = weir__ns_after(sys_monotonic_ns(), seconds);
    int code = weir__task_wait(WAIT_SLEEP, NULL, due);
    if (code == -ETIMEDOUT && due < task->deadline_ns && due <= sys_monotonic_ns())
        return 0;
    return code;
}
