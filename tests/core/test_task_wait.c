/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_task_wait.c  What core/task_wait.c promises: wait_for and shield (TS-2, TS-5). Gather is test_task_gather.c's.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include <weir/run.h>
#include <weir/task.h>

#include "lib/clock.h"
#include "lib/each_fault.h"
#include "lib/suite.h"
#include "lib/wait_scene.h"

/* --- A function with a limit ---------------------------------------------- */

static int wait_for_first(struct scene *scene)
{
    int code = weir_wait_for(live, &scene->child[0], 1);

    scene->at[1] = clock_now();
    return code;
}

/* C120: E_TIMEDOUT and inner cancelled; TS-2: and awaited. */
START_TEST(wait_for_cancels_what_takes_too_long_and_waits_for_its_end)
{
    struct scene scene = { .wait = wait_for_first, .child = { LIFE(5, 5, .cleanup = 2) } };

    run_scene(&scene);
    ck_assert_int_eq(scene.code[0], -ETIMEDOUT);
    ck_assert_int_eq(scene.child[0].code, -ECANCELED);
    ck_assert(NEAR(scene.at[0], 3));
    ck_assert(NEAR(scene.child[0].ended, 3));
}
END_TEST

/* TS-2: "if x completes or fails during that, its outcome wins". */
START_TEST(what_the_function_returns_after_its_time_wins)
{
    struct scene well = { .wait = wait_for_first, .child = { LIFE(5, 5, .cut_result = 6) } };
    struct scene badly = { .wait = wait_for_first, .child = { LIFE(5, 5, .cleanup = 1, .cut_result = -EIO) } };

    run_scene(&well);
    ck_assert_int_eq(well.code[0], 6);
    run_scene(&badly);
    ck_assert_int_eq(badly.code[0], -EIO);
}
END_TEST

START_TEST(wait_for_returns_what_the_function_returned_in_time)
{
    struct scene well = { .wait = wait_for_first, .child = { LIFE(0.9, 5) } };
    struct scene badly = { .wait = wait_for_first, .child = { LIFE(0.9, -EIO) } };
    struct scene at_once = { .wait = wait_for_first, .child = { LIFE(0, 3) } };

    run_scene(&well);
    ck_assert_int_eq(well.code[0], 5);
    ck_assert(NEAR(well.at[1], 0.9));
    run_scene(&badly);
    ck_assert_int_eq(badly.code[0], -EIO);
    run_scene(&at_once);
    ck_assert_int_eq(at_once.code[0], 3);
}
END_TEST

static int wait_for_odd_times(struct scene *scene)
{
    scene->code[1] = weir_wait_for(live, &scene->child[0], 0);
    scene->code[2] = weir_wait_for(live, &scene->child[1], NAN);
    scene->code[3] = weir_wait_for(live, &scene->child[2], INFINITY);
    return weir_wait_for(live, &scene->child[3], -1);
}

/* TS-2: none is no limit; 0: cancelled before its first step, so the body never runs (TS-1). */
START_TEST(no_time_runs_nothing_and_a_negative_one_is_no_limit)
{
    struct scene scene = { .wait = wait_for_odd_times, .child = { LIFE(1, 1), LIFE(1, 2), LIFE(1000, 3), LIFE(1000, 4) } };

    run_scene(&scene);
    ck_assert_int_eq(scene.code[1], -ETIMEDOUT);
    ck_assert(!scene.child[0].ran);
    ck_assert_int_eq(scene.code[2], -EINVAL);
    ck_assert(!scene.child[1].ran);
    ck_assert_int_eq(scene.code[3], 3);
    ck_assert_int_eq(scene.code[0], 4);
    ck_assert_int_eq(weir_wait_for(live, &scene.child[0], 1), WEIR_ENOTASK);
}
END_TEST

static int wait_for_long(struct scene *scene)
{
    return weir_wait_for(live, &scene->child[0], 50);
}

/* TS-2: "Cancelling the waiter cancels x"; as with join, what comes of it is the result. */
START_TEST(cancelling_the_waiter_cancels_the_function)
{
    struct scene scene = { .wait = wait_for_long, .child = { LIFE(9, 9, .cleanup = 1) } };
    struct scene swallowed = { .wait = wait_for_long, .child = { LIFE(9, 9, .cut_result = 8) } };

    clock_fake();
    ck_assert_int_eq(weir_run(play_and_cancel, &scene), 0);
    ck_assert_int_eq(scene.code[0], -ECANCELED);
    ck_assert_int_eq(scene.child[0].code, -ECANCELED);
    ck_assert(NEAR(scene.at[0], 2));
    ck_assert_int_eq(weir_run(play_and_cancel, &swallowed), 0);
    ck_assert_int_eq(swallowed.code[0], 8);
}
END_TEST

static int wait_for_within_a_deadline(struct scene *scene)
{
    weir_timeout outer;

    weir_timeout_begin(&outer, 1);
    int code = weir_wait_for(live, &scene->child[0], 50);
    scene->code[1] = weir_timeout_end(&outer);
    scene->code[2] = weir_sleep(1);
    return code;
}

START_TEST(an_enclosing_deadline_ends_the_function_too)
{
    struct scene scene = { .wait = wait_for_within_a_deadline, .child = { LIFE(9, 9, .cleanup = 2) } };

    run_scene(&scene);
    ck_assert_int_eq(scene.code[0], -ETIMEDOUT);
    ck_assert_int_eq(scene.code[1], true);
    ck_assert_int_eq(scene.code[2], 0);
    ck_assert(NEAR(scene.at[0], 4));
    ck_assert_int_eq(scene.child[0].code, -ECANCELED);
}
END_TEST

static int wait_for_cancelled_late(struct scene *scene)
{
    return weir_wait_for(live, &scene->child[0], 0.5);
}

/* TS-3: an outside cancellation stays one, also when it comes while the function takes its time to end. */
START_TEST(a_cancel_after_the_time_is_over_is_no_timeout)
{
    struct scene scene = { .wait = wait_for_cancelled_late, .child = { LIFE(9, 9, .cleanup = 2) } };

    clock_fake();
    ck_assert_int_eq(weir_run(play_and_cancel, &scene), 0);
    ck_assert_int_eq(scene.code[0], -ECANCELED);
    ck_assert(NEAR(scene.at[0], 1));
}
END_TEST

static int fail_with_text(void *arg)
{
    (void)arg;
    return weir_sleep(NAN);
}

static int look_at_detail(void *arg)
{
    int code = weir_wait_for(fail_with_text, NULL, 1);

    snprintf(arg, 100, "%s", weir_error_detail());
    return code;
}

START_TEST(the_detail_of_the_functions_failure_is_the_callers)
{
    char text[100];

    ck_assert_int_eq(weir_run(look_at_detail, text), -EINVAL);
    ck_assert_str_eq(text, "sleep: the number of seconds is not a number");
}
END_TEST

/* --- Shield --------------------------------------------------------------- */

static int shield(struct scene *scene)
{
    return weir_shield(scene->task[0]);
}

/* TS-5, B 17. */
START_TEST(a_shielded_task_outlives_the_cancel_of_who_waits_for_it)
{
    struct scene scene = { .wait = shield, .count = 1, .child = { LIFE(3, 30) } };

    clock_fake();
    ck_assert_int_eq(weir_run(play_and_cancel, &scene), 0);
    ck_assert_int_eq(scene.code[0], -ECANCELED);
    ck_assert(NEAR(scene.at[0], 1));
    ck_assert(!scene.done[0]);
    ck_assert_int_eq(scene.child[0].code, 0);
    ck_assert(NEAR(scene.child[0].ended, 3));
}
END_TEST

static int shield_in_time(struct scene *scene)
{
    int code = 0;

    WEIR_TIMEOUT(1)
        code = weir_shield(scene->task[0]);
    return code;
}

START_TEST(a_shielded_task_outlives_the_deadline_of_who_waits_for_it)
{
    struct scene scene = { .wait = shield_in_time, .count = 1, .child = { LIFE(3, 30) } };

    run_scene(&scene);
    ck_assert_int_eq(scene.code[0], -ETIMEDOUT);
    ck_assert(NEAR(scene.at[0], 1));
    ck_assert_int_eq(scene.child[0].code, 0);
}
END_TEST

static int shield_late(struct scene *scene)
{
    weir_sleep(4);
    return weir_shield(scene->task[0]);
}

START_TEST(shield_gives_the_result_of_the_task)
{
    struct scene scene = { .wait = shield, .count = 1, .child = { LIFE(3, 30) } };
    struct scene failed = { .wait = shield, .count = 1, .child = { LIFE(3, -EIO) } };
    struct scene done = { .wait = shield_late, .count = 1, .child = { LIFE(3, 31) } };

    run_scene(&scene);
    ck_assert_int_eq(scene.code[0], 30);
    ck_assert(NEAR(scene.at[0], 3));
    run_scene(&failed);
    ck_assert_int_eq(failed.code[0], -EIO);
    run_scene(&done);
    ck_assert_int_eq(done.code[0], 31);
}
END_TEST

static int shield_self(struct scene *scene)
{
    scene->code[1] = weir_shield(weir_current_task());
    return 0;
}

START_TEST(shield_refuses_the_caller_itself_and_needs_a_task)
{
    struct scene scene = { .wait = shield_self };

    run_scene(&scene);
    ck_assert_int_eq(scene.code[1], WEIR_ESTATE);
}
END_TEST

/* --- The loop's end ------------------------------------------------------- */

struct ending {
    weir_task *other;
    int code[3];
};

static int wait_in_gather(void *arg)
{
    struct ending *ending = arg;

    return ending->code[0] = weir_gather(&ending->other, 1, NULL);
}

static int wait_in_shield(void *arg)
{
    struct ending *ending = arg;

    return ending->code[1] = weir_shield(ending->other);
}

static int wait_in_wait_for(void *arg)
{
    struct ending *ending = arg;
    struct life inner = LIFE(1000, 1);

    return ending->code[2] = weir_wait_for(live, &inner, 500);
}

static int leave_them_waiting(void *arg)
{
    static struct life life = LIFE(1000, 1);
    struct ending *ending = arg;

    ending->other = weir_create_task(live, &life);
    weir_spawn(wait_in_gather, ending);
    weir_spawn(wait_in_shield, ending);
    weir_spawn(wait_in_wait_for, ending);
    int code = weir_sleep(1);
    weir_task_unref(ending->other);             /* it goes on without */
    return code;
}

START_TEST(the_loops_end_ends_each_of_these_waits)
{
    struct ending ending = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(leave_them_waiting, &ending), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(ending.code[i], -ECANCELED);
    ck_assert(NEAR(clock_now(), 1));
}
END_TEST

/* --- Without memory ------------------------------------------------------- */

static int gather_and_wait(void *arg)
{
    struct scene *scene = arg;
    int worst = 0;

    *scene = (struct scene) { .count = 3, .child = { LIFE(1, 1), LIFE(2, 2), LIFE(3, 3) } };
    size_t made = 0;
    while (made < scene->count && (scene->task[made] = weir_create_task(live, &scene->child[made])) != NULL)
        made++;
    if (made < scene->count)
        worst = -ENOMEM;
    WEIR_TIMEOUT(10) {
        int code = weir_gather(scene->task, made, scene->results);
        worst = code < 0 ? code : worst;
    }
    for (size_t i = 0; i < made; i++) {
        int code = weir_task_join(scene->task[i]);
        worst = code < 0 ? code : worst;
        weir_task_unref(scene->task[i]);
    }
    int code = weir_wait_for(live, &scene->child[0], 10);
    return code < 0 ? code : worst;
}

static int run_gather_and_wait(void *arg)
{
    return weir_run(gather_and_wait, arg);
}

/* Each call that can fail does, once; nothing is left behind, and no task waits for ever. */
START_TEST(without_memory_gather_and_wait_for_fail_and_leave_nothing)
{
    struct scene scene;

    clock_fake();
    ck_assert_uint_gt(each_fault(FAULT_ANY, false, run_gather_and_wait, &scene), 5);
    ck_assert_uint_gt(each_fault(FAULT_ANY, true, run_gather_and_wait, &scene), 5);
}
END_TEST

Suite *suite(void)
{
    Suite *wait = suite_create("core/task_wait");

    TCase *limited = tcase_create("wait_for");
    tcase_add_test(limited, wait_for_cancels_what_takes_too_long_and_waits_for_its_end);
    tcase_add_test(limited, what_the_function_returns_after_its_time_wins);
    tcase_add_test(limited, wait_for_returns_what_the_function_returned_in_time);
    tcase_add_test(limited, no_time_runs_nothing_and_a_negative_one_is_no_limit);
    tcase_add_test(limited, cancelling_the_waiter_cancels_the_function);
    tcase_add_test(limited, an_enclosing_deadline_ends_the_function_too);
    tcase_add_test(limited, a_cancel_after_the_time_is_over_is_no_timeout);
    tcase_add_test(limited, the_detail_of_the_functions_failure_is_the_callers);
    suite_add_tcase(wait, limited);

    TCase *shielding = tcase_create("shield");
    tcase_add_test(shielding, a_shielded_task_outlives_the_cancel_of_who_waits_for_it);
    tcase_add_test(shielding, a_shielded_task_outlives_the_deadline_of_who_waits_for_it);
    tcase_add_test(shielding, shield_gives_the_result_of_the_task);
    tcase_add_test(shielding, shield_refuses_the_caller_itself_and_needs_a_task);
    suite_add_tcase(wait, shielding);

    TCase *end = tcase_create("end");
    tcase_add_test(end, the_loops_end_ends_each_of_these_waits);
    suite_add_tcase(wait, end);

    TCase *memory = tcase_create("memory");
    tcase_set_timeout(memory, 30);
    tcase_add_test(memory, without_memory_gather_and_wait_for_fail_and_leave_nothing);
    suite_add_tcase(wait, memory);

    return wait;
}
