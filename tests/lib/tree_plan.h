/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/tree_plan.h  What the tasks of a random tree do, step by step. tests/core/test_task_trees.c carries a plan out with
 * the library, tests/lib/tree_model.c by the rules.
 *
 * A step whose code is negative either ends its task, after the steps that close what is open, or is passed over.
 */
#ifndef WEIR_TESTS_TREE_PLAN_H
#define WEIR_TESTS_TREE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#define PLAN_TASKS   24
#define PLAN_STEPS   24         /* of a task */
#define PLAN_TARGETS 4          /* of a gather */
#define PLAN_GROUPS  4          /* of a task */

enum step_kind {
    STEP_SLEEP, STEP_YIELD, STEP_EXECUTOR, STEP_CREATE, STEP_CANCEL, STEP_JOIN, STEP_SHIELD, STEP_GATHER, STEP_WAIT_FOR,
    STEP_SCOPE_BEGIN, STEP_SCOPE_END, STEP_GROUP_INIT, STEP_GROUP_SPAWN, STEP_GROUP_CANCEL, STEP_GROUP_JOIN, STEP_KINDS
};

struct step {
    enum step_kind kind;
    bool leave;                 /* a negative code ends the task */
    int  task[PLAN_TARGETS];    /* whom it is about */
    int  count;                 /* of a gather's */
    int  slot;                  /* which scope or group */
    int  ms;                    /* how long; wait_for: 0 and -1 mean what they mean there */
    int  result;                /* executor: what the work returns */
};

struct plan {
    int tasks;
    struct plan_task {
        struct step step[PLAN_STEPS];
        int steps;
        int scopes, groups;
        int result;
    } task[PLAN_TASKS];
};

/* What came of it: the same from both sides, or something is wrong. */
#define NOT_DONE 1000           /* a step that was never reached */
#define NO_TASK  1001           /* it was about a task that did not exist yet */

struct outcome {
    struct outcome_task {
        bool    ran;            /* its body did */
        int     result;
        int     code[PLAN_STEPS];
        int     gathered[PLAN_STEPS][PLAN_TARGETS];
        int64_t at_ms[PLAN_STEPS];      /* when the step was over */
        int64_t ended_ms;
    } task[PLAN_TASKS];
    int reports;                /* to the exception handler */
};

/* The same for the same seed. Task 0 is the root. */
void plan_make(struct plan *plan, uint64_t seed);

/* One line a step. */
void plan_print(const struct plan *plan);

/* By the rules. False: two things happen so close to each other that their order is open. */
bool model_run(const struct plan *plan, struct outcome *out);

void outcome_clear(struct outcome *out);

#endif
