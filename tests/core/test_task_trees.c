/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_task_trees.c  Random trees of tasks that wait for each other, time out, cancel and fail: what the library
 * makes of them is what the rules say (lib/tree_model.h).
 *
 *      WEIR_TREE_SEED=N        that seed alone, with its plan and both outcomes printed
 *      WEIR_TREE_SEEDS=N       so many instead of 10,000
 */
#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/loop.h>
#include <weir/run.h>
#include <weir/task.h>

#include "core/executor.h"
#include "core/switch_announce.h"
#include "core/task.h"
#include "lib/clock.h"
#include "lib/suite.h"
#include "lib/tree_plan.h"
#include "lib/under_valgrind.h"

#define SEEDS      10000
#define SEEDS_SLOW 1000         /* under a sanitizer or valgrind */
#define JOBS       256         /* of one tree */

/* --- Work for the executor ------------------------------------------------ */

/* Time stands still until it is done, and it is done when nothing else is left to do: one after the other. */
struct job {
    sem_t go;
    bool released, over;
    int result;
};

#define ENDLESS 1e7             /* seconds in which any tree has ended: longer than all its steps together */

static struct job jobs[JOBS];
static int first_job, job_count;

static int do_job(void *arg)
{
    struct job *job = arg;

    while (sem_wait(&job->go) < 0)
        ;
    return job->result;
}

static void job_is_over(void *arg)
{
    struct job *job = arg;

    job->over = true;
}

static bool jobs_are_over(void)
{
    while (first_job < job_count && jobs[first_job].over)
        first_job++;
    return first_job == job_count;
}

static double began;
static uint64_t playing;

/* Called when nothing can run: somebody whom nobody wakes waits for ever, while time flies. */
static bool release_one_job(void)
{
    if (clock_now() - began > ENDLESS) {
        printf("WEIR_TREE_SEED=%llu: never ends\n", (unsigned long long)playing);
        fflush(stdout);
        abort();
    }
    if (jobs_are_over())
        return false;
    if (!jobs[first_job].released)
        sem_post(&jobs[first_job].go);
    jobs[first_job].released = true;
    return true;
}

static int run_job(int result)
{
    struct job *job = &jobs[job_count++];
    bool disposed;

    ck_assert_int_le(job_count, JOBS);
    sem_init(&job->go, 0, 0);
    job->released = job->over = false;
    job->result = result;
    int code = weir__executor_run(weir_get_running_loop(), do_job, job, job_is_over, &disposed);
    if (!disposed)
        job->over = true;
    return code;
}

/* --- Carrying a plan out -------------------------------------------------- */

struct tree;

struct actor {
    struct tree *tree;
    int task;
    int leaving, leave_at;
};

struct tree {
    const struct plan *plan;
    struct outcome *out;
    struct actor actor[PLAN_TASKS];
    weir_task *task[PLAN_TASKS];        /* NULL: not made, or not known yet */
};

static int64_t now_ms(void)
{
    return (int64_t)((clock_now() - began) * 1e3);
}

static int act(void *arg);

static int gather(struct tree *tree, const struct step *step, int *results)
{
    weir_task *tasks[PLAN_TARGETS];

    for (int i = 0; i < step->count; i++)
        tasks[i] = tree->task[step->task[i]];
    return weir_gather(tasks, (size_t)step->count, results);
}

static bool knows_all(const struct tree *tree, const struct step *step)
{
    int count = step->kind == STEP_GATHER ? step->count
              : step->kind == STEP_JOIN || step->kind == STEP_SHIELD || step->kind == STEP_CANCEL ? 1 : 0;

    for (int i = 0; i < count; i++) {
        if (tree->task[step->task[i]] == NULL)
            return false;
    }
    return true;
}

static int perform(struct tree *tree, struct actor *me, int at, weir_timeout *scopes, weir_task_group *groups)
{
    const struct step *step = &tree->plan->task[me->task].step[at];
    int other = step->task[0];

    switch (step->kind) {
    case STEP_SLEEP: return weir_sleep(step->ms / 1e3);
    case STEP_YIELD: return weir_yield();
    case STEP_EXECUTOR: return run_job(step->result);
    case STEP_CREATE:
        tree->task[other] = weir_create_task(act, &tree->actor[other]);
        return 0;
    case STEP_CANCEL: return weir_task_cancel(tree->task[other]);
    case STEP_JOIN: return weir_task_join(tree->task[other]);
    case STEP_SHIELD: return weir_shield(tree->task[other]);
    case STEP_GATHER: return gather(tree, step, tree->out->task[me->task].gathered[at]);
    case STEP_WAIT_FOR: return weir_wait_for(act, &tree->actor[other], step->ms <= 0 ? step->ms : step->ms / 1e3);
    case STEP_SCOPE_BEGIN:
        weir_timeout_begin(&scopes[step->slot], step->ms / 1e3);
        return 0;
    case STEP_SCOPE_END: return weir_timeout_end(&scopes[step->slot]);
    case STEP_GROUP_INIT:
        weir_task_group_init(&groups[step->slot]);
        return 0;
    case STEP_GROUP_SPAWN: return weir_task_group_spawn(&groups[step->slot], act, &tree->actor[other]);
    case STEP_GROUP_CANCEL:
        weir_task_group_cancel(&groups[step->slot]);
        return 0;
    case STEP_GROUP_JOIN: return weir_task_group_join(&groups[step->slot]);
    case STEP_KINDS: break;
    }
    return 0;
}

/* Who leaves early still closes what he opened. */
static bool is_skipped(const struct actor *me, const struct plan_task *plan, int at)
{
    const struct step *step = &plan->step[at];

    if (me->leaving == 0)
        return false;
    if (step->kind != STEP_SCOPE_END && step->kind != STEP_GROUP_JOIN)
        return true;
    enum step_kind opening = step->kind == STEP_SCOPE_END ? STEP_SCOPE_BEGIN : STEP_GROUP_INIT;
    for (int i = 0; i < me->leave_at; i++) {
        if (plan->step[i].kind == opening && plan->step[i].slot == step->slot)
            return false;
    }
    return true;
}

static int act(void *arg)
{
    struct actor *me = arg;
    struct tree *tree = me->tree;
    const struct plan_task *plan = &tree->plan->task[me->task];
    struct outcome_task *out = &tree->out->task[me->task];
    weir_timeout scopes[PLAN_STEPS];
    weir_task_group groups[PLAN_GROUPS];

    out->ran = true;
    if (tree->task[me->task] == NULL)
        tree->task[me->task] = weir_task_ref(weir_current_task());
    for (int at = 0; at < plan->steps; at++) {
        if (is_skipped(me, plan, at))
            continue;
        int code = knows_all(tree, &plan->step[at]) ? perform(tree, me, at, scopes, groups) : NO_TASK;
        out->code[at] = code;
        out->at_ms[at] = now_ms();
        if (code < 0 && plan->step[at].leave && me->leaving == 0) {
            me->leaving = code;
            me->leave_at = at;
        }
    }
    return me->leaving < 0 ? me->leaving : plan->result;
}

static void on_exception(weir_loop *loop, int code, const char *message, void *arg)
{
    struct tree *tree = arg;

    (void)loop, (void)code, (void)message;
    tree->out->reports++;
}

static void play(const struct plan *plan, struct outcome *out)
{
    struct tree tree = { .plan = plan, .out = out };

    began = clock_now();
    for (int i = 0; i < PLAN_TASKS; i++)
        tree.actor[i] = (struct actor) { .tree = &tree, .task = i };
    weir_loop_set_exception_handler(weir_get_running_loop(), on_exception, &tree);
    tree.task[0] = weir_create_task(act, &tree.actor[0]);
    for (int i = 0; i < PLAN_TASKS; i++) {
        /* Those behind are known when those before have ended, or never. */
        if (tree.task[i] == NULL)
            continue;
        bool late = !weir_task_done(tree.task[i]);
        out->task[i].result = weir_shield(tree.task[i]);
        if (late)
            i = -1;             /* it may have made others */
    }
    for (int i = 0; i < PLAN_TASKS; i++)
        weir_task_unref(tree.task[i]);
    weir_loop_set_exception_handler(weir_get_running_loop(), NULL, NULL);
    while (!jobs_are_over())                    /* those that were cut short while they ran */
        weir_sleep(0.001);
    first_job = job_count = 0;
}

/* --- Comparing ------------------------------------------------------------ */

static bool same_time(int64_t is, int64_t should)
{
    return is >= should - 1 && is < should + 50;       /* the test clock moves in milliseconds, upwards */
}

static void complain(uint64_t seed, int task, int step, const char *what, int is, int should)
{
    printf("WEIR_TREE_SEED=%llu: task %d, step %d: %s is %d, by the rules %d\n", (unsigned long long)seed, task, step, what, is,
           should);
    fflush(stdout);             /* the test is a process of its own, which does not end by exit() */
}

static int compare_task(uint64_t seed, const struct plan *plan, int i, const struct outcome *is, const struct outcome *should)
{
    const struct outcome_task *a = &is->task[i], *b = &should->task[i];
    int wrong = 0;

    if (a->ran != b->ran)
        complain(seed, i, -1, "whether it ran", a->ran, b->ran), wrong++;
    for (int k = 0; k < plan->task[i].steps; k++) {
        if (a->code[k] != b->code[k])
            complain(seed, i, k, "the code", a->code[k], b->code[k]), wrong++;
        else if (a->code[k] != NOT_DONE && !same_time(a->at_ms[k], b->at_ms[k]))
            complain(seed, i, k, "the time", (int)a->at_ms[k], (int)b->at_ms[k]), wrong++;
        for (int j = 0; j < PLAN_TARGETS; j++) {
            if (a->gathered[k][j] != b->gathered[k][j])
                complain(seed, i, k, "a gathered result", a->gathered[k][j], b->gathered[k][j]), wrong++;
        }
    }
    if (a->ran && a->result != b->result)
        complain(seed, i, -1, "the result", a->result, b->result), wrong++;
    return wrong;
}

static int compare(uint64_t seed, const struct plan *plan, const struct outcome *is, const struct outcome *should)
{
    int wrong = 0;

    for (int i = 0; i < plan->tasks; i++)
        wrong += compare_task(seed, plan, i, is, should);
    if (is->reports != should->reports)
        complain(seed, -1, -1, "the number of reports", is->reports, should->reports), wrong++;
    return wrong;
}

/* --- The seeds ------------------------------------------------------------ */

struct seeds {
    uint64_t first;
    unsigned wanted, played, open;
    unsigned met[STEP_KINDS], cut[STEP_KINDS];
    bool print;
    int wrong;
};

static void count_steps(struct seeds *seeds, const struct plan *plan, const struct outcome *out)
{
    for (int i = 0; i < plan->tasks; i++) {
        for (int k = 0; k < plan->task[i].steps; k++) {
            int code = out->task[i].code[k];
            seeds->met[plan->task[i].step[k].kind] += code != NOT_DONE && code != NO_TASK;
            seeds->cut[plan->task[i].step[k].kind] += code == -ECANCELED || code == -ETIMEDOUT;
        }
    }
}

static void one_seed(struct seeds *seeds, uint64_t seed)
{
    static struct plan plan;
    static struct outcome is, should;

    playing = seed;
    plan_make(&plan, seed);
    outcome_clear(&should);
    if (seeds->print) {
        plan_print(&plan);
        fflush(stdout);
    }
    if (!model_run(&plan, &should)) {
        seeds->open++;
        return;
    }
    outcome_clear(&is);
    play(&plan, &is);
    seeds->wrong += compare(seed, &plan, &is, &should);
    count_steps(seeds, &plan, &should);
    seeds->played++;
}

static int play_seeds(void *arg)
{
    struct seeds *seeds = arg;

    for (uint64_t seed = seeds->first; seeds->played < seeds->wanted && seeds->wrong == 0; seed++)
        one_seed(seeds, seed);
    return 0;
}

static unsigned seeds_wanted(void)
{
    const char *wanted = getenv("WEIR_TREE_SEEDS");

    if (wanted != NULL)
        return (unsigned)strtoul(wanted, NULL, 10);
#if defined ANNOUNCE_ASAN || defined ANNOUNCE_TSAN
    return SEEDS_SLOW;
#else
    return UNDER_VALGRIND ? SEEDS_SLOW : SEEDS;
#endif
}

START_TEST(trees_of_tasks_end_as_the_rules_say)
{
    const char *seed = getenv("WEIR_TREE_SEED");
    struct seeds seeds = { .first = 1, .wanted = seed != NULL ? 1 : seeds_wanted(), .print = seed != NULL };

    if (seed != NULL)
        seeds.first = strtoull(seed, NULL, 10);
    clock_fake();
    clock_when_idle(release_one_job);
    ck_assert_int_eq(weir_run(play_seeds, &seeds), 0);
    ck_assert_int_eq(seeds.wrong, 0);
    ck_assert_uint_eq(seeds.played, seeds.wanted);
    ck_assert_uint_lt(seeds.open, seeds.played / 4 + 10);      /* those whose order is open are few */
    for (int kind = 0; seed == NULL && kind < STEP_KINDS; kind++)
        ck_assert_uint_gt(seeds.met[kind], seeds.wanted / 20);
    for (enum step_kind kind = STEP_JOIN; seed == NULL && kind <= STEP_WAIT_FOR; kind++)
        ck_assert_uint_gt(seeds.cut[kind], seeds.wanted / 200);
}
END_TEST

Suite *suite(void)
{
    Suite *trees = suite_create("core/task_trees");

    TCase *random = tcase_create("random");
    tcase_set_timeout(random, 30);
    tcase_add_test(random, trees_of_tasks_end_as_the_rules_say);
    suite_add_tcase(trees, random);
    return trees;
}
