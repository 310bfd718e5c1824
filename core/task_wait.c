/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/task_wait.c  Waiting for tasks in other ways than join: for several, for a time, and without passing a cancel on.
 *
 * A gather watches each of its tasks that is not done. It ends with the first failure, or when all are done. Once its tasks
 * were cancelled, whether by a cancel or by a deadline, it ends when all are done: what they use may be in the frame that
 * waits here.
 */
#include <weir/task.h>

#include "core/task_wait.h"

#include <math.h>

#include "core/sys.h"
#include "core/task.h"

/* --- Gather --------------------------------------------------------------- */

static bool is_over(const struct gather *gather)
{
    return gather->running == 0 || (gather->failure < 0 && gather->ending == 0);
}

static void on_gathered_end(struct task_watch *watch)
{
    struct gather *gather = list_entry(watch, struct gather_slot, watch)->gather;
    int result = watch->task->result;

    gather->running--;
    if (result < 0 && gather->failure == 0)
        gather->failure = result;
    if (is_over(gather))
        weir__task_wake(gather->waiter, 0);
}

void weir__gather_end(struct gather *gather, int why)
{
    if (gather->ending == 0 || why == -ECANCELED)
        gather->ending = why;                   /* a cancel from outside stays one (TS-3) */
}

static void cancel_gathered(struct gather *gather, int why)
{
    weir__gather_end(gather, why);
    for (size_t i = 0; i < gather->count; i++)
        weir_task_cancel(gather->slots[i].watch.task);
}

/* Suspend until it is over. What came of it, or -ENOMEM: there was no timer for the deadline, and the tasks go on. */
static int wait_for_gathered(struct gather *gather)
{
    bool expired = false;

    while (!is_over(gather)) {
        int code = expired ? weir__task_wait_past_deadline(WAIT_GATHER, gather)
                           : weir__task_wait(WAIT_GATHER, gather, FOREVER);
        if (code == -ECANCELED || code == -ETIMEDOUT)
            cancel_gathered(gather, code);
        else if (code < 0 && !is_over(gather))
            return code;
        expired = expired || code == -ETIMEDOUT;
    }
    if (gather->failure == 0)
        return gather->ending;
    return gather->ending == -ETIMEDOUT && gather->failure == -ECANCELED ? -ETIMEDOUT : gather->failure;
}

static struct gather *begin_gather(weir_task *const *tasks, size_t count)
{
    struct gather *gather = count > (SIZE_MAX - sizeof *gather) / sizeof gather->slots[0] ? NULL
                          : sys_calloc(1, sizeof *gather + count * sizeof gather->slots[0]);
    if (gather == NULL)
        return NULL;
    gather->waiter = weir__task_current();
    gather->count = count;
    for (size_t i = 0; i < count; i++) {
        struct gather_slot *slot = &gather->slots[i];
        slot->gather = gather;
        list_init(&slot->watch.link);
        slot->watch.task = weir_task_ref(tasks[i]);
        if (tasks[i]->state == TASK_DONE)
            continue;
        weir__task_watch(&slot->watch, tasks[i], on_gathered_end);
        gather->running++;
    }
    return gather;
}

static void finish_gather(struct gather *gather)
{
    for (size_t i = 0; i < gather->count; i++) {
        list_remove(&gather->slots[i].watch.link);
        weir_task_unref(gather->slots[i].watch.task);
    }
    sys_free(gather);
}

void weir__gather_drop(weir_task *task)
{
    if (task->state == TASK_PARKED && task->wait_kind == WAIT_GATHER)
        sys_free((void *)(uintptr_t)task->wait_on);
}

static void take_results(weir_task *const *tasks, size_t count, int *results)
{
    for (size_t i = 0; results != NULL && i < count; i++)
        results[i] = tasks[i]->state == TASK_DONE ? tasks[i]->result : WEIR_ESTATE;
}

/* 0 when all can be gathered. *running: how many are not done; *failure: of the first that is done and failed. */
static int look_at_tasks(weir_task *const *tasks, size_t count, size_t *running, int *failure)
{
    const weir_task *self = weir__task_current();

    for (size_t i = 0; i < count; i++) {
        if (tasks[i] == NULL)
            return weir__fail_text(-EINVAL, "gather: task %zu of %zu is NULL", i + 1, count);
        if (weir__loop_foreign(tasks[i]->loop) || (self != NULL && self->loop != tasks[i]->loop))
            return weir__fail_text(WEIR_ESTATE, "gather: task %zu of %zu belongs to another loop", i + 1, count);
        if (tasks[i]->state != TASK_DONE)
            (*running)++;
        else if (tasks[i]->result < 0 && *failure == 0)
            *failure = tasks[i]->result;
    }
    return 0;
}

int weir_gather(weir_task *const *tasks, size_t count, int *results)
{
    size_t running = 0;
    int failure = 0;
    int code = look_at_tasks(tasks, count, &running, &failure);

    if (code < 0)
        return code;
    if (running > 0 && failure == 0) {
        if (weir__task_current() == NULL)
            return weir__fail(WEIR_ENOTASK);
        if (weir__task_closes_ring(tasks, count))
            return weir__fail_text(WEIR_ESTATE, "gather: one of the tasks waits, directly or not, for the one that gathers");
        struct gather *gather = begin_gather(tasks, count);
        if (gather == NULL)
            return weir__fail(-ENOMEM);
        failure = wait_for_gathered(gather);
        /* The array is the caller's, and the caller waited: it is as it was. The tasks are ours until here. */
        if (gather->running == 0 || gather->failure < 0)
            take_results(tasks, count, results);
        finish_gather(gather);
    } else {
        take_results(tasks, count, results);
    }
    return failure < 0 ? weir__fail(failure) : 0;
}

/* --- Shield --------------------------------------------------------------- */

int weir_shield(weir_task *task)
{
    const weir_task *self = weir__task_current();

    if (weir__loop_foreign(task->loop) || (self != NULL && self->loop != task->loop))
        return weir__fail_text(WEIR_ESTATE, "shield: the task belongs to another loop");
    if (task->state == TASK_DONE)
        return task->result;
    if (self == NULL)
        return weir__fail(WEIR_ENOTASK);
    if (weir__task_closes_ring(&task, 1))
        return weir__fail_text(WEIR_ESTATE, "shield: the task waits, directly or not, for the one that joins it");

    weir_task_ref(task);
    int code = weir__task_wait_among(&task->joiners, WAIT_SHIELD, task, FOREVER);
    if (code == 0)
        code = task->result;
    weir_task_unref(task);
    return code;
}

/* --- A function with a limit ---------------------------------------------- */

/* There was no memory for the time limit: the function ends, as it does when the time is over. */
static int end_unlimited(weir_task *task)
{
    weir_task_cancel(task);
    while (task->state != TASK_DONE) {
        list_append(&task->joiners, &weir__task_current()->wait_link);
        if (weir__task_wait_past_deadline(WAIT_JOIN, task) == -ECANCELED)
            weir_task_cancel(task);
    }
    return task->result == -ECANCELED ? -ENOMEM : task->result;
}

int weir_wait_for(int (*fn)(void *), void *arg, double timeout)
{
    weir_task *self = weir__task_current();

    if (isnan(timeout))
        return weir__fail_text(-EINVAL, "wait_for: the timeout is not a number");
    if (self == NULL)
        return weir__fail(WEIR_ENOTASK);
    if (timeout == 0)
        return weir__fail(-ETIMEDOUT);          /* cancelled before its first step (TS-2) */

    int64_t limit_ns = timeout < 0 ? FOREVER : weir__ns_after(sys_monotonic_ns(), timeout);
    weir_task *task = weir__task_new(self->loop, fn, arg, 0, 0, NULL);
    if (task == NULL)
        return self->failure.code;
    task->label = "wait_for";
    weir__task_start(task);
    int code = weir__task_join_until(task, limit_ns);
    if (task->state != TASK_DONE)
        code = end_unlimited(task);
    if (code < 0 && code == task->result && task->failure.code == code)
        weir__failure_move(&task->failure, &self->failure);
    else if (code < 0)
        weir__fail(code);
    weir_task_unref(task);
    return code;
}
