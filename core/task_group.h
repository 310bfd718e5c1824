/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/task_group.h  A task group that has, or had, members: what others read of it.
 *
 * The user's weir_task_group is in a frame that may be gone before the members are, so nothing points there: it holds a
 * pointer to this, which is allocated with the first member and lies on its owner's list until join, or the owner's end.
 */
#ifndef WEIR_CORE_TASK_GROUP_H
#define WEIR_CORE_TASK_GROUP_H

#include "core/task.h"

struct task_group {
    struct list    link;        /* owner->groups */
    weir_task     *owner;       /* who joins it; lives as long as this */
    struct list    members;     /* struct group_member: those that are not done */
    unsigned       depth;       /* how many groups its owner had open before */
    int            ending;      /* why the members were cancelled, other than by group_cancel or a failure; 0: they were not */
    bool           cancelled;   /* by group_cancel */
    bool           aborted;     /* the members were cancelled, whatever for: no more can join them */
    bool           closing;     /* the owner waits for the members, and for nothing else */
    bool           left;        /* the owner's function has returned: nobody will ask for the failure */
    struct failure failure;     /* of the member that failed first; code 0: none */
};

/* Beside its task, at the top of the stack. */
struct group_member {
    struct task_watch  watch;
    struct list        link;    /* group->members */
    struct task_group *group;
};

/* The members are being cancelled because their owner has to end, for this reason. */
void weir__task_group_end(struct task_group *group, int why);

/* The running task's function has returned @result: groups that it left open are reported and joined. */
void weir__task_groups_leave_open(weir_task *task, int result);
static inline void weir__task_groups_leave(int result)
{
    weir_task *task = weir__task_current();

    if (!list_empty(&task->groups))
        weir__task_groups_leave_open(task, result);
}

/* The loop closes with @task parked for good. */
void weir__task_groups_drop(weir_task *task);

#endif
