/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/task.h  Tasks: functions on stacks of their own, and the waits they stand in.
 *
 *                    start                run                 returns
 *      (made) NEW ----------> READY -----------> RUNNING ----------------> DONE
 *                               ^                   |
 *                          wake |                   | wait
 *                               +----- PARKED <-----+
 *
 *   weir__task_start, weir__task_wake, weir__task_wait, task_main (the first four moves)
 *
 * A task belongs to the loop that made it and never changes threads: thread-local addresses may be kept across a
 * suspension. Where a task waits is data (kind, on, since, due), never only a place on its stack, and the loop's and
 * libev's lists hold links in struct weir_task, never in a suspended frame.
 *
 * The struct lies at the top of the task's own stack, so an idle task is one page.
 */
#ifndef WEIR_CORE_TASK_H
#define WEIR_CORE_TASK_H

#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include <weir/task.h>

#include "core/error.h"
#include "core/list.h"
#include "core/loop.h"
#include "core/stack.h"
#include "core/switch.h"
#include "core/switch_announce.h"

enum task_state { TASK_NEW, TASK_READY, TASK_RUNNING, TASK_PARKED, TASK_DONE };

/* What a parked task waits for. Each has a word in task_dump.c; for bytes, drain, closed and sendfile wait_on is the transport. */
enum wait_kind {
    WAIT_NOTHING, WAIT_SLEEP, WAIT_JOIN, WAIT_SHIELD, WAIT_GATHER, WAIT_GROUP, WAIT_EXECUTOR, WAIT_BYTES, WAIT_DRAIN,
    WAIT_CLOSED, WAIT_CONNECT, WAIT_START, WAIT_SERVER, WAIT_POST, WAIT_SIGNAL, WAIT_LOCK, WAIT_EVENT, WAIT_CONDITION,
    WAIT_SEMAPHORE, WAIT_BARRIER, WAIT_GET, WAIT_PUT, WAIT_ALL_DONE, WAIT_SENDFILE,
    WAIT_KINDS
};

struct task_group;

/* Somebody who is told when a task ends, on the loop's stack. In memory that outlives the task or leaves its list first. */
struct task_watch {
    struct list link;           /* on the task's list; on none once it was told */
    weir_task  *task;
    void      (*ended)(struct task_watch *watch);
};

struct weir_task {
    /* Hot: touched at every switch. */
    struct ready     ready;
    struct context   context;
    weir_loop       *loop;
    enum task_state  state;
    enum wait_kind   wait_kind;
    const void      *wait_on;           /* what it waits for: a transport, a task, ... */
    double           since;             /* when it was parked: libev's time, which is what costs nothing here */
    int64_t          due_ns;            /* when this wait ends with -ETIMEDOUT */
    int64_t          deadline_ns;       /* of the enclosing weir_timeout */
    struct list      wait_link;         /* on the list of who waits for the same */
    struct list      untrimmed_link;
    int              wake_code;         /* what the wait returns */
    unsigned         parked_ticks;      /* trim.c's */
    bool             cancel_pending;    /* cancelled while it did not wait */
    bool             armed;             /* timer runs, for timer_at_ns or earlier than needed */
    bool             told_to_end;       /* cancelled since the run ends */
    bool             cleans_up;         /* fn runs even if cancelled before its first step, and looks at cancel_pending */
    bool             spawned;           /* nobody holds a handle: a failure goes to the exception handler */
    bool             asked_twice;       /* cancel_pending stands for a group's request and for one from outside after it */
    bool             handed_on;         /* its join handed a cancel on */
    unsigned         refs;
    struct failure   failure;

    int64_t          timer_at_ns;
    ev_timer         timer;
    int            (*fn)(void *arg);
    void            *arg;
    int              result;            /* valid when DONE */
    struct list      joiners;
    struct list      watches;           /* struct task_watch */
    struct list      groups;            /* struct task_group: those it opened, which end before it does */
    const struct task_group *asked_by;  /* of the last request to end: a group of its own that failed; NULL: from outside */
    struct list      walk_link;         /* task_api.c's, within one call */
    struct list      all_link;          /* loop->tasks */
    char            *name;              /* NULL: none */
    const char      *label;             /* what it is, when it has no name; a constant */
    const void      *entry;             /* the user's function, for reports; fn may be a wrapper of ours */
    const void      *serves;            /* the transport whose handler it is, for reports; NULL: none */
    struct stack     stack;
    struct announced announced;
};

/* The running task of this thread; NULL outside of tasks. */
static inline weir_task *weir__task_current(void)
{
    return weir__this_loop == NULL ? NULL : weir__this_loop->current;
}

/*
 * Make a task. @block_size bytes, aligned for any type and zeroed, are set aside beside the task at the top of its
 * stack and live as long as the task is referenced; @block may be NULL when the size is 0. NULL: recorded why.
 * The caller holds the one reference.
 */
weir_task *weir__task_new(weir_loop *loop, int (*fn)(void *), void *arg, size_t stack_size, size_t block_size, void **block);

/* Its first step comes when its turn does. The run holds a reference of its own. */
void weir__task_start(weir_task *task);

/*
 * Suspend the running task until woken, cancelled, or out of time.                             [the place where all wait]
 *
 * Everything may have changed when this returns. limit_ns: this call's own limit, FOREVER for none; the enclosing
 * deadline counts too. Returns the code it was woken with; -ECANCELED; -ETIMEDOUT; -ENOMEM when the limit needed a
 * timer and there was no memory for one. On return the task is on no list of waiters.
 */
int weir__task_wait(enum wait_kind kind, const void *on, int64_t limit_ns);

/* The same as one of several on @waiters, which weir__task_wake_all wakes. */
int weir__task_wait_among(struct list *waiters, enum wait_kind kind, const void *on, int64_t limit_ns);

/* As weir__task_wait, but the enclosing deadline does not end it: for the rest of something that has to be finished. */
int weir__task_wait_past_deadline(enum wait_kind kind, const void *on);

/* The same with a limit of its own: -ETIMEDOUT. */
int weir__task_wait_past_deadline_until(enum wait_kind kind, const void *on, int64_t limit_ns);

/*
 * weir_task_join with a limit of its own, which ends @task as the enclosing deadline does. The caller holds a reference to
 * @task, has looked whether it is done, and nothing that @task waits for is the running task.
 */
int weir__task_join_until(weir_task *task, int64_t limit_ns);

/* Whether any of @tasks waits for the running task, directly or through others: waiting for it would never end. */
bool weir__task_closes_ring(weir_task *const *tasks, size_t count);

/* Ask @task to end on behalf of a group of its own that failed: taken back by the group's join if nothing met it. */
void weir__task_ask(weir_task *task, const struct task_group *by);
void weir__task_take_back(weir_task *task, const struct task_group *by);

/* Meet a pending cancel: true once for each request. */
static inline bool weir__task_meet_cancel(weir_task *task)
{
    if (!task->cancel_pending)
        return false;
    task->cancel_pending = task->asked_twice;
    if (task->asked_twice)
        task->asked_by = NULL;
    task->asked_twice = false;
    return true;
}

static inline void weir__task_watch(struct task_watch *watch, weir_task *task, void (*ended)(struct task_watch *watch))
{
    watch->task = task;
    watch->ended = ended;
    list_append(&task->watches, &watch->link);
}

/* For a wait that was cut short after what it waited for had come: that is used, and the cancel met by the next wait. */
static inline void weir__task_keep_cancel(int code)
{
    if (code == -ECANCELED)
        weir__task_current()->cancel_pending = true;
}

/* End the wait of a parked task with @code; anyone else is left alone. */
void weir__task_wake(weir_task *task, int code);
void weir__task_wake_all(struct list *waiters, int code);

/* Switch to @task until it waits or ends. The loop's. */
void weir__task_run(weir_task *task);

/* Take a task that is not running out of its loop for good: it never runs again, its result is -ECANCELED, and what it holds
 * is never let go. For one that will not end. */
void weir__task_abandon(weir_task *task);

/* Release what a loop's remaining tasks hold; their stacks go with the pool. For a loop that closes. */
void weir__tasks_drop(weir_loop *loop);

/* trim.c: called when a task is parked. */
void weir__trim_note(weir_task *task);
void weir__trim_init(weir_loop *loop);

#endif
