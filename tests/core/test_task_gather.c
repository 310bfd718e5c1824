/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_task_gather.c  What core/task_wait.c promises of gather (TS-4).
 */
#include <errno.h>

#include <weir/run.h>
#include <weir/task.h>

#include "lib/clock.h"
#include "lib/suite.h"
#include "lib/wait_scene.h"

/* --- Gather --------------------------------------------------------------- */

static int gather(struct scene *scene)
{
    return weir_gather(scene->task, scene->count, scene->results);
}

/* TS-4. They end in another order than they were given. */
START_TEST(gather_gives_the_results_in_the_order_of_the_tasks)
{
    struct scene scene = { .wait = gather, .count = 3, .child = { LIFE(3, 30), LIFE(1, 10), LIFE(2, 0) } };

    run_scene(&scene);
    ck_assert_int_eq(scene.code[0], 0);
    ck_assert_int_eq(scene.results[0], 30);
    ck_assert_int_eq(scene.results[1], 10);
    ck_assert_int_eq(scene.results[2], 0);
    ck_assert(NEAR(scene.at[0], 3));            /* side by side */
}
END_TEST

/* C120: the error at once, and the sibling still finishes. */
START_TEST(gather_ends_with_the_first_failure_and_spares_the_others)
{
    struct scene scene = { .wait = gather, .count = 4, .child = { LIFE(5, 50), LIFE(2, -EPIPE), LIFE(1, 10), LIFE(3, -EIO) } };

    run_scene(&scene);
    ck_assert_int_eq(scene.code[0], -EPIPE);
    ck_assert(NEAR(scene.at[0], 2));
    ck_assert_int_eq(scene.results[0], WEIR_ESTATE);
    ck_assert_int_eq(scene.results[1], -EPIPE);
    ck_assert_int_eq(scene.results[2], 10);
    ck_assert_int_eq(scene.results[3], WEIR_ESTATE);
    ck_assert_int_eq(scene.child[0].code, 0);
    ck_assert(NEAR(scene.child[0].ended, 5));
    ck_assert(NEAR(scene.child[3].ended, 3));   /* it looks for no gather that is gone */
}
END_TEST

/* The first in time, also when both failed before the gatherer could run; the first in the array is not it. */
START_TEST(of_two_failures_in_one_pass_the_earlier_one_is_told)
{
    struct scene scene = { .wait = gather, .count = 3, .child = { LIFE(1, -EIO), LIFE(1, -EPIPE), LIFE(1, -EBADF) } };

    run_scene(&scene);
    ck_assert_int_eq(scene.code[0], -EIO);

    struct scene reverse = { .wait = gather, .count = 2, .child = { LIFE(1.0001, -EIO), LIFE(1, -EPIPE) } };
    run_scene(&reverse);
    ck_assert_int_eq(reverse.code[0], -EPIPE);
}
END_TEST

static int gather_late(struct scene *scene)
{
    weir_sleep(2.5);
    scene->at[1] = clock_now();
    uint64_t polls = epoll_waits();
    int code = gather(scene);
    scene->code[1] = (int)(epoll_waits() - polls);
    return code;
}

/* CV-4: what is complete does not suspend. Of failures that are there already the first in the array is told. */
START_TEST(gather_of_what_is_decided_already_does_not_suspend)
{
    struct scene scene = { .wait = gather_late, .count = 3, .child = { LIFE(9, 9), LIFE(2, -EPIPE), LIFE(1, -EIO) } };
    struct scene done = { .wait = gather_late, .count = 2, .child = { LIFE(2, 2), LIFE(1, 1) } };
    struct scene none = { .wait = gather_late };

    run_scene(&scene);
    ck_assert_int_eq(scene.code[0], -EPIPE);
    ck_assert_int_eq(scene.code[1], 0);
    ck_assert_int_eq(scene.results[0], WEIR_ESTATE);
    ck_assert_int_eq(scene.results[2], -EIO);
    run_scene(&done);
    ck_assert_int_eq(done.code[0], 0);
    ck_assert_int_eq(done.code[1], 0);
    ck_assert_int_eq(done.results[0], 2);
    ck_assert_int_eq(done.results[1], 1);
    run_scene(&none);
    ck_assert_int_eq(none.code[0], 0);
    ck_assert_int_eq(none.code[1], 0);
}
END_TEST

/* TS-4: all children, and each has ended when gather returns, also the one that takes its time. */
START_TEST(a_cancelled_gather_cancels_every_task_and_waits_for_all)
{
    struct scene scene = { .wait = gather, .count = 3, .child = { LIFE(9, 9), LIFE(9, 9, .cleanup = 2), LIFE(0.5, 5) } };

    clock_fake();
    ck_assert_int_eq(weir_run(play_and_cancel, &scene), 0);
    ck_assert_int_eq(scene.code[0], -ECANCELED);
    ck_assert(NEAR(scene.at[0], 3));
    ck_assert_int_eq(scene.results[0], -ECANCELED);
    ck_assert_int_eq(scene.results[1], -ECANCELED);
    ck_assert_int_eq(scene.results[2], 5);
    ck_assert(scene.done[0] && scene.done[1]);
    ck_assert(NEAR(scene.child[1].ended, 3));   /* told once: its clean-up was not cut short */
    ck_assert_int_eq(scene.code[1], 0);
}
END_TEST

/* As asyncio: what was asked to end has not succeeded, whatever its parts say; a failure of one says more. */
START_TEST(a_cancelled_gather_whose_tasks_end_well_was_cancelled_all_the_same)
{
    struct scene scene = { .wait = gather, .count = 2, .child = { LIFE(9, 9, .cut_result = 7), LIFE(9, 9, .cut_result = 8) } };
    struct scene failed = { .wait = gather, .count = 2,
                            .child = { LIFE(9, 9, .cleanup = 2), LIFE(9, 9, .cleanup = 1, .cut_result = -EIO) } };

    clock_fake();
    ck_assert_int_eq(weir_run(play_and_cancel, &scene), 0);
    ck_assert_int_eq(scene.code[0], -ECANCELED);
    ck_assert_int_eq(scene.results[0], 7);
    ck_assert_int_eq(scene.results[1], 8);
    ck_assert_int_eq(weir_run(play_and_cancel, &failed), 0);
    ck_assert_int_eq(failed.code[0], -EIO);
    ck_assert(failed.done[0] && failed.done[1]);
}
END_TEST

static int gather_in_time(struct scene *scene)
{
    int code = 0;

    WEIR_TIMEOUT(1)
        code = gather(scene);
    return code;
}

/* TS-3, B 18. The clean-up of the children is not limited by the caller's deadline. */
START_TEST(a_deadline_ends_a_gather_and_all_its_tasks)
{
    struct scene scene = { .wait = gather_in_time, .count = 2, .child = { LIFE(9, 9), LIFE(9, 9, .cleanup = 2) } };

    run_scene(&scene);
    ck_assert_int_eq(scene.code[0], -ETIMEDOUT);
    ck_assert(NEAR(scene.at[0], 3));
    ck_assert_int_eq(scene.results[0], -ECANCELED);
    ck_assert_int_eq(scene.results[1], -ECANCELED);
}
END_TEST

static int cancel_then_gather(struct scene *scene)
{
    weir_yield();
    weir_task_cancel(weir_current_task());
    return gather(scene);
}

START_TEST(a_cancel_that_came_before_the_gather_is_met_by_it)
{
    struct scene scene = { .wait = cancel_then_gather, .count = 2, .child = { LIFE(9, 9), LIFE(9, 9) } };

    run_scene(&scene);
    ck_assert_int_eq(scene.code[0], -ECANCELED);
    ck_assert_int_eq(scene.child[0].code, -ECANCELED);
    ck_assert_int_eq(scene.child[1].code, -ECANCELED);
}
END_TEST

static int gather_twice_the_same(struct scene *scene)
{
    weir_task *twice[] = { scene->task[0], scene->task[1], scene->task[0] };

    return weir_gather(twice, 3, NULL);
}

START_TEST(a_task_may_be_gathered_twice_and_results_be_unwanted)
{
    struct scene scene = { .wait = gather_twice_the_same, .count = 2, .child = { LIFE(2, 2), LIFE(1, 1) } };

    run_scene(&scene);
    ck_assert_int_eq(scene.code[0], 0);
    ck_assert(NEAR(scene.at[0], 2));
}
END_TEST

static int gather_wrongly(struct scene *scene)
{
    weir_task *hole[] = { scene->task[0], NULL };
    weir_task *self[] = { scene->task[0], weir_current_task() };

    scene->code[1] = weir_gather(hole, 2, scene->results);
    scene->code[2] = weir_gather(self, 2, scene->results);
    scene->code[3] = scene->results[0];
    return gather(scene);
}

/* CV-1: found before anything is touched; the tasks go on. */
START_TEST(gather_refuses_a_missing_task_and_the_caller_itself)
{
    struct scene scene = { .wait = gather_wrongly, .count = 2, .child = { LIFE(1, 1), LIFE(2, 2) } };

    run_scene(&scene);
    ck_assert_int_eq(scene.code[1], -EINVAL);
    ck_assert_int_eq(scene.code[2], WEIR_ESTATE);
    ck_assert_int_eq(scene.code[3], 99);
    ck_assert_int_eq(scene.code[0], 0);
}
END_TEST

static int gather_parent(void *arg)
{
    struct scene *scene = arg;

    scene->code[2] = weir_gather(scene->task, 1, NULL);     /* task[0] is the one that gathers us */
    return 5;
}

static int gather_child_that_gathers_back(void *arg)
{
    struct scene *scene = arg;
    weir_task *child = weir_create_task(gather_parent, scene);

    scene->task[0] = weir_current_task();
    scene->code[0] = weir_gather(&child, 1, NULL);
    weir_task_unref(child);
    return 0;
}

/* Two that wait for each other would wait for ever; asyncio lets them. */
START_TEST(a_ring_of_gathers_is_refused)
{
    struct scene scene = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(gather_child_that_gathers_back, &scene), 0);
    ck_assert_int_eq(scene.code[0], 0);
    ck_assert_int_eq(scene.code[2], WEIR_ESTATE);
}
END_TEST

/* --- Trees ---------------------------------------------------------------- */

struct node {
    int depth;
    int *ended;
};

static int chain(void *arg)
{
    struct node *node = arg;
    struct node below = { .depth = node->depth - 1, .ended = node->ended };
    int code;

    if (node->depth == 0) {
        code = weir_sleep(100);
    } else {
        weir_task *task[] = { weir_create_task(chain, &below) };
        code = node->depth % 2 == 0 ? weir_gather(task, 1, NULL) : weir_task_join(task[0]);
        weir_task_unref(task[0]);
    }
    (*node->ended)++;
    return code;
}

static int cancel_chain(void *arg)
{
    struct node *top = arg;
    weir_task *task = weir_create_task(chain, top);

    weir_sleep(1);
    weir_task_cancel(task);
    int code = weir_task_join(task);
    weir_task_unref(task);
    return code;
}

#define DEEP 3000

/* A walk by recursion would run off the stack of whoever cancels. */
START_TEST(a_cancel_goes_down_thousands_of_levels)
{
    int ended = 0;
    struct node top = { .depth = DEEP, .ended = &ended };

    clock_fake();
    ck_assert_int_eq(weir_run(cancel_chain, &top), -ECANCELED);
    ck_assert_int_eq(ended, DEEP + 1);
    ck_assert(clock_now() < 1.5);
}
END_TEST

Suite *suite(void)
{
    Suite *wait = suite_create("core/task_gather");

    TCase *gathering = tcase_create("gather");
    tcase_add_test(gathering, gather_gives_the_results_in_the_order_of_the_tasks);
    tcase_add_test(gathering, gather_ends_with_the_first_failure_and_spares_the_others);
    tcase_add_test(gathering, of_two_failures_in_one_pass_the_earlier_one_is_told);
    tcase_add_test(gathering, gather_of_what_is_decided_already_does_not_suspend);
    tcase_add_test(gathering, a_cancelled_gather_cancels_every_task_and_waits_for_all);
    tcase_add_test(gathering, a_cancelled_gather_whose_tasks_end_well_was_cancelled_all_the_same);
    tcase_add_test(gathering, a_deadline_ends_a_gather_and_all_its_tasks);
    tcase_add_test(gathering, a_cancel_that_came_before_the_gather_is_met_by_it);
    tcase_add_test(gathering, a_task_may_be_gathered_twice_and_results_be_unwanted);
    tcase_add_test(gathering, gather_refuses_a_missing_task_and_the_caller_itself);
    tcase_add_test(gathering, a_ring_of_gathers_is_refused);
    tcase_add_test(gathering, a_cancel_goes_down_thousands_of_levels);
    suite_add_tcase(wait, gathering);

    return wait;
}
