/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/tree_model.h  The rules of cancelling, waiting and ending (TS, B 17 to 19), as a simulation of a plan.
 *
 * No stacks, no loop, no lists: arrays, a clock that jumps, and one queue of tasks that are ready, in the order in which they
 * became so. Two files: what a task does at each step (tree_model.c), and who is told what (tree_model_tell.c).
 */
#ifndef WEIR_TESTS_TREE_MODEL_H
#define WEIR_TESTS_TREE_MODEL_H

#include "lib/tree_plan.h"

#define MODEL_QUEUE  4096
#define MODEL_LIST   64
#define NEVER        INT64_MAX
#define NEAR_MS      60         /* the test clock is a little late at each step; what is closer than this may come either way */

enum m_state { M_UNMADE, M_READY, M_RUNNING, M_WAITING, M_DONE };
enum m_wait { M_SLEEP, M_JOIN, M_SHIELD, M_GATHER, M_GROUP, M_EXECUTOR };

struct m_group {
    bool used, made;            /* made: it has, or had, a member */
    int  owner, depth;
    int  members[MODEL_LIST], count;
    bool cancelled, aborted, closing, left, over;
    int  failure, ending;
};

struct m_gather {
    int count, task[PLAN_TARGETS];
    bool watched[PLAN_TARGETS];
    int running, failure, ending;
};

/* Who wants to hear of a task's end: a waiter, or (gather) a slot of one, or (group) its group. */
struct m_watch {
    int task;                   /* who waits; -1: the group */
    struct m_group *group;
    int slot;
};

struct m_task {
    enum m_state state;
    enum m_wait kind;
    int on;                     /* joined task */
    struct m_group *group;      /* joined group */
    struct m_gather gather;
    int64_t due, limit, deadline, outer[PLAN_STEPS], scope_due[PLAN_STEPS];
    int code;                   /* with which it was woken */
    bool pending, twice;
    struct m_group *asked_by;
    bool known, resumed;        /* resumed: its step goes on after a wait */
    bool expired, handed_on;    /* of its join */
    int step, leaving, leave_at, result;
    bool leaves;                /* its function has returned, and its groups are being joined */
    struct m_group groups[PLAN_GROUPS];
    struct m_group *open[PLAN_GROUPS];
    int open_count;
    int joiners[MODEL_LIST], joiner_count;
    struct m_watch watches[MODEL_LIST];
    int watch_count;
};

struct model {
    const struct plan *plan;
    struct outcome *out;
    struct m_task task[PLAN_TASKS];
    int queue[MODEL_QUEUE], head, tail;
    int jobs[MODEL_LIST], job_count;
    int64_t now;
    bool near;                  /* an order was open */
};

/* tree_model_tell.c */
void m_ready(struct model *m, int task);
void m_wake(struct model *m, int task, int code);
bool m_meet(struct m_task *t);
void m_cancel(struct model *m, int task, struct m_group *by);
void m_abort(struct model *m, struct m_group *group);
void m_take_back(struct model *m, struct m_group *group);
void m_end(struct model *m, int task, int result);
bool m_needs(struct model *m, int task, int self);
bool m_gather_over(const struct m_gather *g);
void m_ending(int *ending, int why);

#endif
