/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/task_api.c  What a user does with tasks: make, cancel, join, name, sleep.
 *
 * Cancelling goes where the waiting is: a task that waits in join, gather or a group's join hands the cancel on to what it
 * waits for, as awaiting does (SEMANTICS B 17), and gets the result of that. So everybody below is told at once, and each
 * once. A wait for a task that itself cannot end before the waiting one is refused: who waits for whom has no rings.
 */
#include <weir/task.h>

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "core/sys.h"
#include "core/task.h"
#include "core/task_group.h"
#include "core/task_wait.h"

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

/* --- Who waits for whom --------------------------------------------------- */

/* Tasks that have been come across, each once. Without recursion: trees are as deep as users make them, and stacks small. */
struct walk {
    struct list todo, seen;
};

static void walk_init(struct walk *walk)
{
    list_init(&walk->todo);
    list_init(&walk->seen);
}

static void walk_add(struct walk *walk, weir_task *task)
{
    if (task->state != TASK_DONE && list_empty(&task->walk_link))
        list_append(&walk->todo, &task->walk_link);
}

static weir_task *walk_next(struct walk *walk)
{
    if (list_empty(&walk->todo))
        return NULL;
    struct list *link = list_take_first(&walk->todo);
    list_append(&walk->seen, link);
    return list_entry(link, weir_task, walk_link);
}

static void walk_end(struct walk *walk)
{
    while (!list_empty(&walk->todo))
        list_take_first(&walk->todo);
    while (!list_empty(&walk->seen))
        list_take_first(&walk->seen);
}

static void add_members(struct walk *walk, const struct task_group *group)
{
    for (struct list *node = group->members.next; node != &group->members; node = node->next)
        walk_add(walk, list_entry(node, struct group_member, link)->watch.task);
}

static void add_gathered(struct walk *walk, const struct gather *gather)
{
    for (size_t i = 0; i < gather->count; i++)
        walk_add(walk, gather->slots[i].watch.task);
}

/* What a task needs the end of: what it waits for, and the members of its groups, waited for or not yet. */
static void add_needed(struct walk *walk, const weir_task *task)
{
    for (struct list *node = task->groups.next; node != &task->groups; node = node->next)
        add_members(walk, list_entry(node, struct task_group, link));
    if (task->state != TASK_PARKED)
        return;
    if (task->wait_kind == WAIT_JOIN || task->wait_kind == WAIT_SHIELD)
        walk_add(walk, (weir_task *)(uintptr_t)task->wait_on);
    else if (task->wait_kind == WAIT_GATHER)
        add_gathered(walk, task->wait_on);
}

bool weir__task_closes_ring(weir_task *const *tasks, size_t count)
{
    const weir_task *self = weir__task_current();
    struct walk walk;

    walk_init(&walk);
    for (size_t i = 0; i < count; i++)
        walk_add(&walk, tasks[i]);
    weir_task *task = walk_next(&walk);
    /* For whom nobody waits, only he himself closes a ring: the usual case, and no walk. */
    bool awaited = !list_empty(&self->joiners) || !list_empty(&self->watches);
    while (task != NULL && task != self) {
        if (awaited)
            add_needed(&walk, task);
        task = walk_next(&walk);
    }
    walk_end(&walk);
    return task != NULL;
}

/* --- Cancelling ----------------------------------------------------------- */

/* A task that waits for others hands a cancel on to them, all but the one that shields; false: it is told itself. */
static bool hand_on(struct walk *walk, weir_task *task, const struct task_group *by)
{
    if (task->state != TASK_PARKED)
        return false;
    if (task->wait_kind == WAIT_JOIN) {
        task->handed_on = true;
        walk_add(walk, (weir_task *)(uintptr_t)task->wait_on);
    } else if (task->wait_kind == WAIT_GATHER) {
        weir__gather_end((struct gather *)(uintptr_t)task->wait_on, -ECANCELED);
        add_gathered(walk, task->wait_on);
    } else if (task->wait_kind == WAIT_GROUP) {
        struct task_group *group = (struct task_group *)(uintptr_t)task->wait_on;
        if (by == NULL || group->ending != -ECANCELED)
            task->asked_by = by;                /* should it be kept: one from outside stays one */
        weir__task_group_end(group, -ECANCELED);
        add_members(walk, group);
    } else {
        return false;
    }
    return true;
}

/* Tell one task. A group's request never hides one from outside that comes after it. */
static void tell(weir_task *task, const struct task_group *by)
{
    bool on_its_way = task->state == TASK_READY && task->wake_code == -ECANCELED;

    if (task->state == TASK_PARKED) {
        task->asked_by = by;
        weir__task_wake(task, -ECANCELED);
    } else if (on_its_way && (by != NULL || task->asked_by == NULL)) {
        return;                                 /* one request, as asyncio has it */
    } else if (!task->cancel_pending) {
        task->cancel_pending = true;            /* met by its first step or its next wait */
        task->asked_by = by;
    } else if (task->asked_by != NULL && by == NULL) {
        task->asked_twice = true;
    } else if (task->asked_by != NULL && by->depth < task->asked_by->depth) {
        task->asked_by = by;                    /* the outer group's join takes it back, not the inner one's */
    }
}

static void cancel(weir_task *first, const struct task_group *by)
{
    struct walk walk;

    walk_init(&walk);
    walk_add(&walk, first);
    for (weir_task *task = walk_next(&walk); task != NULL; task = walk_next(&walk)) {
        const struct task_group *from = task == first ? by : NULL;
        if (!hand_on(&walk, task, from))
            tell(task, from);
    }
    walk_end(&walk);
}

bool weir_task_cancel(weir_task *task)
{
    if (task->state == TASK_DONE || weir__loop_foreign(task->loop))
        return false;
    cancel(task, NULL);
    return true;
}

void weir__task_ask(weir_task *task, const struct task_group *by)
{
    cancel(task, by);
}

void weir__task_take_back(weir_task *task, const struct task_group *by)
{
    if (task->asked_by != by)
        return;
    if (task->cancel_pending)
        (void)weir__task_meet_cancel(task);
    task->asked_by = NULL;
}

/* --- Joining -------------------------------------------------------------- */

int weir__task_join_until(weir_task *task, int64_t limit_ns)
{
    weir_task *self = weir__task_current();
    bool expired = false;

    self->handed_on = false;
    while (task->state != TASK_DONE) {
        list_append(&task->joiners, &self->wait_link);
        int code = expired ? weir__task_wait_past_deadline(WAIT_JOIN, task) : weir__task_wait(WAIT_JOIN, task, limit_ns);
        if (code == 0)
            continue;
        /* A cancel met before waiting, or the time: both end the joined task, and what came of that is what joining
         * returns. */
        if (code == -ETIMEDOUT)
            expired = true;
        else if (code == -ECANCELED)
            self->handed_on = true;
        else
            return code;
        weir_task_cancel(task);
    }
    /* A cancel from outside stays one (TS-3), whenever it came. */
    return expired && !self->handed_on && task->result == -ECANCELED ? weir__fail(-ETIMEDOUT) : task->result;
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
    if (weir__task_closes_ring(&task, 1))
        return weir__fail_text(WEIR_ESTATE, "the task waits, directly or not, for the one that joins it");

    weir_task_ref(task);
    int code = weir__task_join_until(task, FOREVER);
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
    char *old = task->name;
    task->name = copy;
    atomic_signal_fence(memory_order_seq_cst);  /* a probe (thread_probe.c) may come in between, and reads the name */
    sys_free(old);
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
