/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/task_group.c  Tasks that end together: one waits for all, and the first failure ends the others.
 *
 *      init          spawn               a member fails, cancel              join, or the owner's end
 *     (empty) ----------------> OPEN ------------------------> ABORTED ------------------------------> (over)
 *                                |                                                                        ^
 *                                +------------------------------------------------------------------------+
 *
 *   weir_task_group_spawn, abort_members, close_group (the three moves)
 *
 * Always true between calls:
 *   1. The owner does not end before the members: its function's return joins what it left open.
 *   2. Members and lists point to struct task_group, never to the user's struct: that may be in a frame that is gone.
 *   3. A member is on group->members until it is done, and nothing of it is touched after that.
 */
#include <weir/task.h>

#include "core/task_group.h"

#include <string.h>

#include "core/sys.h"
#include "core/task.h"

/* What is kept in the user's struct. */
enum { AT_STATE, AT_OWNER, AT_END };
static char cancelled_empty, over;      /* marks for AT_END: cancelled before it had a member; joined */

static struct task_group *state_of(const weir_task_group *group)
{
    return group->opaque[AT_STATE];
}

static const char *name_of(const weir_task *task)
{
    return task->name != NULL ? task->name : task->label;
}

/* --- Making and freeing --------------------------------------------------- */

void weir_task_group_init(weir_task_group *group)
{
    *group = (weir_task_group) { .opaque = { [AT_OWNER] = weir__task_current() } };
}

static struct task_group *open_group(weir_task *owner)
{
    struct task_group *state = sys_calloc(1, sizeof *state);

    if (state == NULL)
        return NULL;
    state->owner = owner;
    list_init(&state->members);
    list_init(&state->link);
    if (!list_empty(&owner->groups))
        state->depth = list_entry(owner->groups.prev, struct task_group, link)->depth + 1;
    list_append(&owner->groups, &state->link);
    return state;
}

static void free_group(struct task_group *state)
{
    list_remove(&state->link);
    weir__failure_fini(&state->failure);
    sys_free(state);
}

void weir__task_groups_drop(weir_task *task)
{
    while (!list_empty(&task->groups))
        free_group(list_entry(task->groups.next, struct task_group, link));
}

/* --- The members ---------------------------------------------------------- */

static void abort_members(struct task_group *state)
{
    state->aborted = true;
    for (struct list *node = state->members.next; node != &state->members; node = node->next)
        weir_task_cancel(list_entry(node, struct group_member, link)->watch.task);
}

void weir__task_group_end(struct task_group *group, int why)
{
    group->aborted = true;
    if (group->ending == 0 || why == -ECANCELED)
        group->ending = why;                    /* a cancel from outside stays one (TS-3) */
}

static void take_failure(struct task_group *state, weir_task *task)
{
    if (task->failure.code == task->result)
        weir__failure_move(&task->failure, &state->failure);
    state->failure.code = task->result;
    abort_members(state);
    /* The owner is in some call inside the group's scope, which ends; in join it waits for the others anyway (B 19). */
    if (!state->closing)
        weir__task_ask(state->owner, state);
}

static void on_member_end(struct task_watch *watch)
{
    struct group_member *member = list_entry(watch, struct group_member, watch);
    struct task_group *state = member->group;
    weir_task *task = watch->task;

    list_remove(&member->link);
    if (task->result < 0 && task->result != -ECANCELED) {
        bool first = state->failure.code == 0;
        if (!first || state->left)              /* join tells the first one; nobody else would hear of this */
            weir__loop_exception(task->loop, task->result, "%s failed in a task group %s", name_of(task),
                                 state->left ? "that was left without a join" : "after another one");
        if (first)
            take_failure(state, task);
    }
    if (list_empty(&state->members) && state->closing)
        weir__task_wake(state->owner, 0);
}

static weir_task *new_member(struct task_group *state, int (*fn)(void *), void *arg)
{
    void *block;
    weir_task *task = weir__task_new(state->owner->loop, fn, arg, 0, sizeof(struct group_member), &block);

    if (task == NULL)
        return NULL;
    struct group_member *member = block;
    task->label = "task group's member";
    member->group = state;
    list_init(&member->link);
    list_append(&state->members, &member->link);
    weir__task_watch(&member->watch, task, on_member_end);
    return task;
}

/* Who joins the group: who made it, or, when that was outside of a task, who spawns first. NULL: recorded why it can't be. */
static weir_task *owner_of(weir_task_group *group)
{
    if (group->opaque[AT_OWNER] == NULL)
        group->opaque[AT_OWNER] = weir__task_current();
    weir_task *owner = group->opaque[AT_OWNER];
    if (owner == NULL) {
        weir__fail_text(WEIR_ESTATE, "a task group belongs to a task: it was neither made nor first used by one");
        return NULL;
    }
    if (owner->loop != weir__this_loop) {
        weir__fail_text(WEIR_ESTATE, "the task group belongs to a task of another loop");
        return NULL;
    }
    return owner;
}

int weir_task_group_spawn(weir_task_group *group, int (*fn)(void *), void *arg)
{
    struct task_group *state = state_of(group);

    if (group->opaque[AT_END] == &over)
        return weir__fail_text(WEIR_ESTATE, "the task group was joined");
    if (group->opaque[AT_END] == &cancelled_empty || (state != NULL && state->aborted))
        return weir__fail_text(WEIR_ESTATE, "the task group is being cancelled");
    weir_task *owner = owner_of(group);
    if (owner == NULL)
        return WEIR_ESTATE;
    if (state == NULL) {
        state = open_group(owner);
        if (state == NULL)
            return weir__fail(-ENOMEM);
        group->opaque[AT_STATE] = state;
    }
    weir_task *task = new_member(state, fn, arg);
    if (task == NULL)
        return weir__failure_here()->code;
    weir__task_start(task);
    weir_task_unref(task);
    return 0;
}

void weir_task_group_cancel(weir_task_group *group)
{
    struct task_group *state = state_of(group);

    if (state != NULL) {
        state->cancelled = true;
        abort_members(state);
    } else if (group->opaque[AT_END] == NULL) {
        group->opaque[AT_END] = &cancelled_empty;
    }
}

/* --- Joining -------------------------------------------------------------- */

/* Suspend until all members are done. 0, or -ENOMEM: there was no timer for the deadline, and the members go on. */
static int wait_for_members(struct task_group *state, bool past_deadline)
{
    int code = 0;

    weir__task_take_back(state->owner, state);
    state->closing = true;
    while (!list_empty(&state->members)) {
        code = past_deadline ? weir__task_wait_past_deadline(WAIT_GROUP, state) : weir__task_wait(WAIT_GROUP, state, FOREVER);
        if (code == -ECANCELED || code == -ETIMEDOUT) {
            weir__task_group_end(state, code);
            abort_members(state);
            past_deadline = past_deadline || code == -ETIMEDOUT;
        } else if (code < 0 && !list_empty(&state->members)) {
            state->closing = false;
            return code;
        }
    }
    return 0;
}

/* What join returns, and the end of the state. */
static int close_group(struct task_group *state)
{
    weir_task *owner = state->owner;
    int code = state->failure.code;

    if (code < 0) {
        weir__failure_move(&state->failure, &owner->failure);
        weir__task_keep_cancel(state->ending);  /* the failure is told here, the cancel by the next wait */
    } else if (state->cancelled) {
        code = weir__fail(-ECANCELED);
    } else if (state->ending < 0) {
        code = weir__fail(state->ending);
    }
    free_group(state);
    return code;
}

int weir_task_group_join(weir_task_group *group)
{
    struct task_group *state = state_of(group);
    const weir_task *self = weir__task_current();

    if (state == NULL) {
        bool cancelled = group->opaque[AT_END] == &cancelled_empty;
        group->opaque[AT_END] = &over;
        return cancelled ? weir__fail(-ECANCELED) : 0;
    }
    if (self == NULL)
        return weir__fail(WEIR_ENOTASK);
    if (self != state->owner)
        return weir__fail_text(WEIR_ESTATE, "a task group is joined by the task that made it");

    int code = wait_for_members(state, false);
    if (code < 0)
        return code;
    group->opaque[AT_STATE] = NULL;
    group->opaque[AT_END] = &over;
    return close_group(state);
}

static size_t count_members(const struct task_group *state)
{
    size_t count = 0;

    for (const struct list *node = state->members.next; node != &state->members; node = node->next)
        count++;
    return count;
}

static void leave_group(struct task_group *state, int result)
{
    weir_task *owner = state->owner;
    size_t count = count_members(state);

    state->left = true;
    if (state->failure.code < 0)
        weir__loop_exception(owner->loop, state->failure.code, "a member of a task group failed that %s left without a join",
                             name_of(owner));
    if (count > 0)
        weir__loop_exception(owner->loop, WEIR_ESTATE, "%s left a task group without a join while %zu of its members run",
                             name_of(owner), count);
    if (result < 0)
        abort_members(state);                   /* as leaving asyncio's block by an exception does */
    (void)wait_for_members(state, true);
    free_group(state);
}

void weir__task_groups_leave_open(weir_task *task, int result)
{
    while (!list_empty(&task->groups))
        leave_group(list_entry(task->groups.prev, struct task_group, link), result);
}
