/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/tree_plan.c  Random plans.
 */
#include "lib/tree_plan.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#define LONGEST_MS 500000       /* long, so that few things come together */

struct maker {
    struct plan *plan;
    uint64_t state;
    int owed[PLAN_TASKS];       /* steps that will close what is open */
};

static unsigned draw(struct maker *maker, unsigned below)
{
    maker->state = maker->state * 6364136223846793005u + 1442695040888963407u;
    uint64_t x = (maker->state ^ maker->state >> 29) * 0xbf58476d1ce4e5b9u;
    return (unsigned)((x >> 33) % below);
}

static int draw_ms(struct maker *maker)
{
    return 1000 + (int)draw(maker, draw(maker, 3) == 0 ? LONGEST_MS : LONGEST_MS / 10);
}

static int draw_result(struct maker *maker)
{
    static const int results[] = { 0, 1, 7, 42, -EIO, -EPIPE, -EBADF };

    return results[draw(maker, 3) == 0 ? 4 + draw(maker, 3) : draw(maker, 4)];
}

static int make_task(struct maker *maker, int depth);
static void make_steps(struct maker *maker, int task, int depth, int count);

static struct step *add(struct maker *maker, int task, enum step_kind kind)
{
    struct plan_task *t = &maker->plan->task[task];
    assert(t->steps < PLAN_STEPS);
    struct step *step = &t->step[t->steps++];

    *step = (struct step) { .kind = kind, .leave = draw(maker, 3) != 0, .ms = draw_ms(maker) };
    return step;
}

static bool has_room(const struct maker *maker, int task, int wanted)
{
    return maker->plan->task[task].steps + maker->owed[task] + wanted <= PLAN_STEPS;
}

static int any_task(struct maker *maker)
{
    return (int)draw(maker, (unsigned)maker->plan->tasks);
}

static void make_scope(struct maker *maker, int task, int depth)
{
    int slot = maker->plan->task[task].scopes++;

    add(maker, task, STEP_SCOPE_BEGIN)->slot = slot;
    maker->owed[task]++;
    make_steps(maker, task, depth, 1 + (int)draw(maker, 2));
    maker->owed[task]--;
    add(maker, task, STEP_SCOPE_END)->slot = slot;
}

static void make_group(struct maker *maker, int task, int depth)
{
    int slot = maker->plan->task[task].groups++;
    bool joins = draw(maker, 8) != 0;

    add(maker, task, STEP_GROUP_INIT)->slot = slot;
    maker->owed[task] += 2;
    for (int i = 1 + (int)draw(maker, 3); i > 0 && maker->plan->tasks < PLAN_TASKS && has_room(maker, task, 1); i--) {
        int member = make_task(maker, depth + 1);
        struct step *step = add(maker, task, STEP_GROUP_SPAWN);
        step->slot = slot;
        step->task[0] = member;
    }
    make_steps(maker, task, depth, (int)draw(maker, 2));
    maker->owed[task] -= 2;
    if (draw(maker, 5) == 0)
        add(maker, task, STEP_GROUP_CANCEL)->slot = slot;
    if (joins)
        add(maker, task, STEP_GROUP_JOIN)->slot = slot;
}

static void make_step(struct maker *maker, int task, int depth)
{
    const struct plan_task *t = &maker->plan->task[task];
    bool more = maker->plan->tasks < PLAN_TASKS && depth < 4;
    unsigned kind = draw(maker, 20);

    if (kind < 4) {
        add(maker, task, STEP_SLEEP);
    } else if (kind < 5) {
        add(maker, task, STEP_YIELD);
    } else if (kind < 6) {
        add(maker, task, STEP_EXECUTOR)->result = draw_result(maker);
    } else if (kind < 8) {
        int target = any_task(maker);
        add(maker, task, STEP_CANCEL)->task[0] = target;
    } else if (kind < 10) {
        int target = any_task(maker);
        add(maker, task, draw(maker, 2) == 0 ? STEP_JOIN : STEP_SHIELD)->task[0] = target;
    } else if (kind < 12) {
        struct step *step = add(maker, task, STEP_GATHER);
        step->count = 1 + (int)draw(maker, PLAN_TARGETS);
        for (int i = 0; i < step->count; i++)
            step->task[i] = any_task(maker);
    } else if (kind < 15 && more) {
        int child = make_task(maker, depth + 1);
        add(maker, task, STEP_CREATE)->task[0] = child;
    } else if (kind < 16 && more) {
        int child = make_task(maker, depth + 1);
        struct step *step = add(maker, task, STEP_WAIT_FOR);
        step->task[0] = child;
        unsigned odd = draw(maker, 8);
        step->ms = odd == 0 ? 0 : odd == 1 ? -1 : step->ms;
    } else if (kind < 18 && has_room(maker, task, 3)) {
        make_scope(maker, task, depth);
    } else if (more && has_room(maker, task, 5) && t->groups < PLAN_GROUPS) {
        make_group(maker, task, depth);
    } else {
        add(maker, task, STEP_SLEEP);
    }
}

static void make_steps(struct maker *maker, int task, int depth, int count)
{
    for (int i = 0; i < count && has_room(maker, task, 1); i++)
        make_step(maker, task, depth);
}

static int make_task(struct maker *maker, int depth)
{
    int task = maker->plan->tasks++;

    maker->plan->task[task] = (struct plan_task) { .result = draw_result(maker) };
    make_steps(maker, task, depth, depth == 0 ? 5 + (int)draw(maker, 10) : 1 + (int)draw(maker, 6));
    return task;
}

void plan_make(struct plan *plan, uint64_t seed)
{
    struct maker maker = { .plan = plan, .state = seed * 0x9e3779b97f4a7c15u + 1 };

    plan->tasks = 0;
    make_task(&maker, 0);
}

void outcome_clear(struct outcome *out)
{
    *out = (struct outcome) { 0 };
    for (int i = 0; i < PLAN_TASKS; i++) {
        for (int k = 0; k < PLAN_STEPS; k++)
            out->task[i].code[k] = NOT_DONE;
    }
}

void plan_print(const struct plan *plan)
{
    static const char *const names[] = {
        "sleep", "yield", "executor", "create", "cancel", "join", "shield", "gather", "wait_for", "scope", "end of scope",
        "group", "spawn into group", "cancel group", "join group",
    };

    for (int i = 0; i < plan->tasks; i++) {
        printf("task %d, result %d\n", i, plan->task[i].result);
        for (int k = 0; k < plan->task[i].steps; k++) {
            const struct step *step = &plan->task[i].step[k];
            printf("    %2d %s slot %d, task %d", k, names[step->kind], step->slot, step->task[0]);
            for (int j = 1; j < step->count; j++)
                printf(" %d", step->task[j]);
            printf(", %d ms, result %d%s\n", step->ms, step->result, step->leave ? "" : ", goes on");
        }
    }
}
