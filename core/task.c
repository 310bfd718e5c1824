/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/task.c  Making, running, parking and waking tasks. The drawing of their states is in task.h.
 */
#include <weir/task.h>

#include "core/task.h"

#include <string.h>

#include "core/sys.h"
#include "core/task_group.h"
#include "core/task_wait.h"

/* Where a task's top lies moves by this much from one stack to the next: stacks are a power of two apart, and without it
 * the hot lines of all connections would share a few sets of the first-level cache. */
#define COLOUR_STEP 128
#define COLOURS     8

/* --- Making and freeing --------------------------------------------------- */

static void task_main(void *arg)
{
    weir_task *task = arg;

    announce_arrive(&task->announced, &task->loop->announced);
    if (task->cancel_pending && !task->cleans_up) {
        task->cancel_pending = false;           /* cancelled before its first step: the body never runs (TS-1) */
        task->result = weir__fail(-ECANCELED);
    } else {
        task->result = task->fn(task->arg);
        weir__task_groups_leave(task->result);
    }
    task->state = TASK_DONE;
    announce_leave(&task->announced, &task->loop->announced, true);
    weir__switch(&task->context, &task->loop->context);
    __builtin_unreachable();
}

static void on_timer(struct ev_loop *ev, ev_timer *timer, int events);

weir_task *weir__task_new(weir_loop *loop, int (*fn)(void *), void *arg, size_t stack_size, size_t block_size, void **block)
{
    struct stack stack;

    if (weir__stack_take(&loop->stacks, stack_size, &stack) < 0)
        return NULL;

    uintptr_t top = (uintptr_t)stack.base + stack.size;
    top -= ((uintptr_t)stack.base >> __builtin_ctzl(stack.size)) % COLOURS * COLOUR_STEP;
    top = (top - sizeof(weir_task)) & ~(uintptr_t)63;
    weir_task *task = (void *)top;
    if (block_size > 0) {
        top = (top - block_size) & ~(uintptr_t)63;
        *block = (void *)top;
    }
    /* Both at once, by a size that is not a constant: for one of some hundred bytes gcc makes a rep stos, which takes three
     * times as long as libc's memset. */
    memset((void *)top, 0, (uintptr_t)(task + 1) - top);

    announce_new(&task->announced, stack.base + loop->stacks.page, (void *)top);
    weir__switch_prepare(&task->context, stack.base + loop->stacks.page, (void *)top, task_main, task);
    task->ready.kind = READY_TASK;
    list_init(&task->ready.link);
    list_init(&task->wait_link);
    list_init(&task->untrimmed_link);
    list_init(&task->joiners);
    list_init(&task->watches);
    list_init(&task->groups);
    list_init(&task->walk_link);
    list_init(&task->all_link);
    task->loop = loop;
    task->state = TASK_NEW;
    task->refs = 1;
    task->due_ns = task->deadline_ns = FOREVER;
    task->fn = fn;
    task->arg = arg;
    task->entry = (const void *)(uintptr_t)fn;
    task->label = "task";
    task->stack = stack;
    ev_timer_init(&task->timer, on_timer, 0., 0.);
    ev_set_priority(&task->timer, -1);
    task->timer.data = task;
    return task;
}

void weir__task_start(weir_task *task)
{
    weir_loop *loop = task->loop;

    assert(task->state == TASK_NEW);
    task->refs++;
    task->state = TASK_READY;
    list_append(&loop->tasks, &task->all_link);
    weir__loop_queue(loop, &task->ready);
    weir__count(&loop->counters, COUNTER_TASKS);
}

static void disarm(weir_task *task)
{
    if (!task->armed)
        return;
    ev_timer_stop(task->loop->ev, &task->timer);
    weir__loop_release(task->loop);
    task->armed = false;
}

static void free_parts(weir_task *task)
{
    disarm(task);
    list_remove(&task->untrimmed_link);
    list_remove(&task->all_link);
    weir__failure_fini(&task->failure);
    sys_free(task->name);
    task->name = NULL;
}

weir_task *weir_task_ref(weir_task *task)
{
    task->refs++;
    return task;
}

void weir_task_unref(weir_task *task)
{
    if (task == NULL || --task->refs > 0)
        return;

    weir_loop *loop = task->loop;
    struct stack stack = task->stack;           /* the task lies on its own stack */
    free_parts(task);
    announce_end(&task->announced);
    weir__stack_give(&loop->stacks, &stack);
}

static void tell_ended(weir_task *task)
{
    weir__task_wake_all(&task->joiners, 0);
    while (!list_empty(&task->watches)) {
        struct task_watch *watch = list_entry(list_take_first(&task->watches), struct task_watch, link);
        watch->ended(watch);
    }
}

/* Its stack stays where it is, with whatever points there. */
static void drop(weir_task *task)
{
    list_remove(&task->ready.link);
    list_remove(&task->wait_link);
    weir__task_groups_drop(task);
    weir__gather_drop(task);
    free_parts(task);
    announce_end(&task->announced);
}

void weir__tasks_drop(weir_loop *loop)
{
    while (!list_empty(&loop->tasks))
        drop(list_entry(loop->tasks.next, weir_task, all_link));
}

void weir__task_abandon(weir_task *task)
{
    assert(task->state != TASK_RUNNING && task->state != TASK_DONE);
    drop(task);
    task->state = TASK_DONE;                    /* so that nobody wakes it; the run's reference is never given back */
    task->result = -ECANCELED;
    tell_ended(task);
}

/* --- Running -------------------------------------------------------------- */

static void finish(weir_task *task)
{
    disarm(task);
    list_remove(&task->untrimmed_link);
    list_remove(&task->all_link);
    tell_ended(task);
    if (task->spawned && task->result < 0 && task->result != -ECANCELED)
        weir__loop_exception(task->loop, task->result, "%s failed", task->name != NULL ? task->name : task->label);
    weir_task_unref(task);
}

void weir__task_run(weir_task *task)
{
    weir_loop *loop = task->loop;

    assert(task->state == TASK_READY);
    task->state = TASK_RUNNING;
    loop->current = task;
    weir__count(&loop->counters, COUNTER_SWITCHES);
    announce_leave(&loop->announced, &task->announced, false);
    weir__switch(&loop->context, &task->context);
    announce_arrive(&loop->announced, &task->announced);
    loop->current = NULL;

    if (loop->output_due)
        loop->upper->output(loop->upper);
    if (task->state == TASK_DONE)
        finish(task);
}

/* Back to the loop until somebody makes the task ready and its turn comes. Inlined by force, as wait_until is: a frame of its
 * own would be another cache line of every parked task. */
__attribute__((always_inline)) static inline void leave(weir_task *task)
{
    weir_loop *loop = task->loop;

    announce_leave(&task->announced, &loop->announced, false);
    weir__switch(&task->context, &loop->context);
    announce_arrive(&task->announced, &loop->announced);
}

/* --- Waiting and waking --------------------------------------------------- */

/* A running timer that fires too early is left alone: it looks at due_ns and goes on. So a wait with a limit costs a
 * comparison, and the heap is touched once per limit's length, not once per wait. */
static int arm(weir_task *task, int64_t due_ns)
{
    weir_loop *loop = task->loop;

    if (task->armed && task->timer_at_ns <= due_ns)
        return 0;
    if (!task->armed) {
        int code = weir__loop_admit(loop, -1);
        if (code < 0)
            return code;
        task->armed = true;
    } else {
        ev_timer_stop(loop->ev, &task->timer);
    }
    task->timer_at_ns = due_ns;
    ev_timer_set(&task->timer, (double)(due_ns - weir__loop_pass_ns(loop)) / NS_PER_SECOND, 0.);
    ev_timer_start(loop->ev, &task->timer);
    return 0;
}

static void on_timer(struct ev_loop *ev, ev_timer *timer, int events)
{
    weir_task *task = timer->data;

    (void)ev, (void)events;
    weir__loop_release(task->loop);
    task->armed = false;
    if (task->state != TASK_PARKED || task->due_ns == FOREVER)
        return;
    /* Read now: libev's time may be a little ahead of the clock, and a sleep is never short. It is the pass's time from here
     * on, so that who was told that his deadline has passed finds the same in weir_timeout_end. */
    task->loop->pass_ns = sys_monotonic_ns();
    if (task->due_ns <= task->loop->pass_ns)
        weir__task_wake(task, -ETIMEDOUT);
    else if (arm(task, task->due_ns) < 0)
        weir__task_wake(task, -ENOMEM);
}

__attribute__((always_inline)) static inline int wait_until(weir_task *task, enum wait_kind kind, const void *on, int64_t due_ns)
{
    if (weir__task_meet_cancel(task)) {
        list_remove(&task->wait_link);
        return weir__fail(-ECANCELED);
    }
    if (due_ns != FOREVER) {
        int code = due_ns <= weir__loop_pass_ns(task->loop) ? -ETIMEDOUT : arm(task, due_ns);
        if (code < 0) {
            list_remove(&task->wait_link);
            return weir__fail(code);
        }
    }

    task->state = TASK_PARKED;
    task->wait_kind = kind;
    task->wait_on = on;
    task->due_ns = due_ns;
    task->since = ev_now(task->loop->ev);
    weir__trim_note(task);
    leave(task);
    task->wait_kind = WAIT_NOTHING;
    return task->wake_code < 0 ? weir__fail(task->wake_code) : task->wake_code;
}

int weir__task_wait(enum wait_kind kind, const void *on, int64_t limit_ns)
{
    weir_task *task = weir__task_current();

    assert(task != NULL);
    return wait_until(task, kind, on, limit_ns < task->deadline_ns ? limit_ns : task->deadline_ns);
}

int weir__task_wait_among(struct list *waiters, enum wait_kind kind, const void *on, int64_t limit_ns)
{
    list_append(waiters, &weir__task_current()->wait_link);
    return weir__task_wait(kind, on, limit_ns);
}

int weir__task_wait_past_deadline(enum wait_kind kind, const void *on)
{
    return wait_until(weir__task_current(), kind, on, FOREVER);
}

int weir__task_wait_past_deadline_until(enum wait_kind kind, const void *on, int64_t limit_ns)
{
    return wait_until(weir__task_current(), kind, on, limit_ns);
}

void weir__task_wake(weir_task *task, int code)
{
    if (task->state != TASK_PARKED)
        return;
    list_remove(&task->wait_link);
    task->wake_code = code;
    task->state = TASK_READY;
    weir__loop_queue(task->loop, &task->ready);
}

void weir__task_wake_all(struct list *waiters, int code)
{
    while (!list_empty(waiters))
        weir__task_wake(list_entry(waiters->next, weir_task, wait_link), code);
}

int weir_yield(void)
{
    weir_task *task = weir__task_current();

    if (task == NULL)
        return weir__fail(WEIR_ENOTASK);
    if (weir__task_meet_cancel(task))
        return weir__fail(-ECANCELED);
    if (task->deadline_ns != FOREVER && task->deadline_ns <= weir__loop_pass_ns(task->loop))
        return weir__fail(-ETIMEDOUT);

    task->state = TASK_READY;
    task->wake_code = 0;
    weir__loop_queue(task->loop, &task->ready);
    leave(task);
    return weir__task_meet_cancel(task) ? weir__fail(-ECANCELED) : 0;      /* cancelled while it stood here */
}
