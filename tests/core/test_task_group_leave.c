/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_task_group_leave.c  What core/task_group.c promises when a group is not used as it should be: left without
 * a join, joined by others, or without memory.
 */
#include <errno.h>

#include <weir/run.h>
#include <weir/task.h>

#include "core/task.h"
#include "lib/clock.h"
#include "lib/each_fault.h"
#include "lib/group_scene.h"
#include "lib/suite.h"

/* --- Leaving -------------------------------------------------------------- */

static int leave(struct scene *scene, weir_task_group *group)
{
    (void)group;
    weir_yield();
    return scene->code[5];
}

static int play_and_look(void *arg)
{
    struct scene *scene = arg;
    weir_task *task = weir_create_task(play, scene);

    scene->code[0] = weir_task_join(task);
    scene->at[0] = clock_now();
    weir_task_unref(task);
    return 0;
}

/* API: "Leaving a handler while members of its task group run is reported and joins them". */
START_TEST(an_owner_that_leaves_is_reported_and_ends_after_its_members)
{
    struct scene scene = { .owner = leave, .count = 2, .member = { LIFE(2, 2), LIFE(1, 1) } };

    scene.code[5] = 5;
    clock_fake();
    ck_assert_int_eq(weir_run(play_and_look, &scene), 0);
    ck_assert_int_eq(scene.code[0], 5);
    ck_assert(NEAR(scene.at[0], 2));
    ck_assert_int_eq(scene.member[0].code, 0);
    ck_assert_uint_eq(scene.reports, 1);
    ck_assert_int_eq(scene.reported[0], WEIR_ESTATE);
    ck_assert_str_eq(scene.message, "task left a task group without a join while 2 of its members run");
}
END_TEST

/* As leaving asyncio's block by an exception: its members are cancelled. */
START_TEST(an_owner_that_leaves_with_a_failure_cancels_its_members)
{
    struct scene scene = { .owner = leave, .count = 2, .member = { LIFE(9, 9, .cleanup = 1), LIFE(9, 9) } };

    scene.code[5] = -EIO;
    clock_fake();
    ck_assert_int_eq(weir_run(play_and_look, &scene), 0);
    ck_assert_int_eq(scene.code[0], -EIO);
    ck_assert(NEAR(scene.at[0], 1));
    ck_assert_int_eq(scene.member[0].code, -ECANCELED);
    ck_assert_uint_eq(scene.reports, 1);
}
END_TEST

/* No failure is silent, also when nobody joins; and it ends the others as ever. */
START_TEST(a_failure_in_a_group_that_was_left_is_reported)
{
    struct scene scene = { .owner = leave, .count = 2, .member = { LIFE(9, 9), LIFE(1, -EPIPE) } };

    clock_fake();
    ck_assert_int_eq(weir_run(play_and_look, &scene), 0);
    ck_assert_uint_eq(scene.reports, 2);
    ck_assert_int_eq(scene.reported[0], WEIR_ESTATE);
    ck_assert_int_eq(scene.reported[1], -EPIPE);
    ck_assert_int_eq(scene.member[0].code, -ECANCELED);
    ck_assert(NEAR(scene.at[0], 1));
}
END_TEST

static int sleep_and_leave(struct scene *scene, weir_task_group *group)
{
    (void)group;
    scene->code[4] = weir_sleep(3);
    return 0;
}

START_TEST(a_failure_that_was_never_asked_for_is_reported)
{
    struct scene scene = { .owner = sleep_and_leave, .count = 1, .member = { LIFE(1, -EPIPE) } };

    clock_fake();
    ck_assert_int_eq(weir_run(play_and_look, &scene), 0);
    ck_assert_int_eq(scene.code[4], -ECANCELED);
    ck_assert_uint_eq(scene.reports, 1);
    ck_assert_int_eq(scene.reported[0], -EPIPE);
}
END_TEST

static int deep_frame(struct scene *scene)
{
    weir_task_group group;                      /* in a frame that is gone when its member ends */

    weir_task_group_init(&group);
    return weir_task_group_spawn(&group, live, &scene->member[0]);
}

static int leave_frame(struct scene *scene, weir_task_group *group)
{
    (void)group;
    scene->code[4] = deep_frame(scene);
    scene->code[5] = weir_sleep(3);             /* over the place where the group was */
    return 0;
}

/* The library must not touch the struct of a function that returned: a use of it is what AddressSanitizer would see. */
START_TEST(a_group_whose_frame_is_gone_harms_nothing)
{
    struct scene scene = { .owner = leave_frame, .member = { LIFE(5, 5) } };

    clock_fake();
    ck_assert_int_eq(weir_run(play_and_look, &scene), 0);
    ck_assert_int_eq(scene.code[4], 0);
    ck_assert_int_eq(scene.code[5], 0);
    ck_assert(NEAR(scene.at[0], 5));
    ck_assert_uint_eq(scene.reports, 1);
}
END_TEST

static int leave_and_be_cancelled(void *arg)
{
    struct scene *scene = arg;
    weir_task *task = weir_create_task(play, scene);

    weir_sleep(1);
    weir_task_cancel(task);                     /* its function has returned; its members end */
    scene->code[0] = weir_task_join(task);
    scene->at[0] = clock_now();
    weir_task_unref(task);
    return 0;
}

START_TEST(cancelling_an_owner_that_has_left_ends_its_members)
{
    struct scene scene = { .owner = leave, .count = 1, .member = { LIFE(9, 9) } };

    clock_fake();
    ck_assert_int_eq(weir_run(leave_and_be_cancelled, &scene), 0);
    ck_assert_int_eq(scene.member[0].code, -ECANCELED);
    ck_assert(NEAR(scene.at[0], 1));
    ck_assert_int_eq(scene.code[0], 0);
}
END_TEST

static int leave_to_shutdown(void *arg)
{
    int code = weir_spawn(play, arg);

    weir_yield();
    weir_yield();
    return code;
}

START_TEST(the_loops_end_cancels_a_group_once)
{
    struct scene scene = { .owner = join, .count = 2, .member = { LIFE(900, 9, .cleanup = 2), LIFE(900, 9) } };

    clock_fake();
    ck_assert_int_eq(weir_run(leave_to_shutdown, &scene), 0);
    ck_assert_int_eq(scene.code[0], -ECANCELED);
    ck_assert(NEAR(scene.member[0].ended, 2));
    ck_assert_int_eq(scene.member[1].code, -ECANCELED);
}
END_TEST

/* --- Misuse --------------------------------------------------------------- */

struct stranger {
    weir_task_group *group;
    weir_task *owner;
    int code[2];
};

static int meddle(void *arg)
{
    struct stranger *stranger = arg;

    stranger->code[0] = weir_task_group_join(stranger->group);
    stranger->code[1] = weir_task_join(stranger->owner);        /* who cannot end before us */
    return 0;
}

static int have_a_stranger(struct scene *scene, weir_task_group *group)
{
    struct stranger stranger = { .group = group, .owner = weir_current_task() };

    weir_task_group_spawn(group, meddle, &stranger);
    weir_sleep(1);
    int code = join(scene, group);
    scene->code[4] = stranger.code[0];
    scene->code[5] = stranger.code[1];
    return code;
}

/* A member that joins its owner would wait for ever, and the owner for it, whether the owner is in join or not yet. */
START_TEST(only_the_owner_joins_and_no_member_joins_the_owner)
{
    struct scene scene = { .owner = have_a_stranger };

    ck_assert_int_eq(run_scene(&scene), 7);
    ck_assert_int_eq(scene.code[4], WEIR_ESTATE);
    ck_assert_int_eq(scene.code[5], WEIR_ESTATE);
    ck_assert_int_eq(scene.code[0], 0);
}
END_TEST

static int use_a_group_from_outside(void *arg)
{
    struct life member = { .seconds = 1 };

    int code = weir_task_group_spawn(arg, live, &member);
    return code < 0 ? code : weir_task_group_join(arg);
}

START_TEST(a_group_made_outside_of_a_task_is_of_the_first_that_uses_it)
{
    struct life member = { .seconds = 1 };
    weir_task_group group;

    clock_fake();
    weir_task_group_init(&group);
    ck_assert_int_eq(weir_task_group_spawn(&group, live, &member), WEIR_ESTATE);
    ck_assert_int_eq(weir_run(use_a_group_from_outside, &group), 0);
    ck_assert_int_eq(weir_task_group_join(&group), 0);
}
END_TEST

/* --- Without memory ------------------------------------------------------- */

static int grouped(struct scene *scene, weir_task_group *group)
{
    int worst = 0, code = -ENOMEM;

    for (size_t i = 0; i < 3; i++) {
        int spawned = weir_task_group_spawn(group, live, &scene->member[i]);
        worst = spawned < 0 ? spawned : worst;
    }
    WEIR_TIMEOUT(10)
        code = weir_task_group_join(group);
    worst = code < 0 ? code : worst;
    if (code == -ENOMEM)                        /* no timer for the deadline: still to be joined */
        code = weir_task_group_join(group);
    return code < 0 ? code : worst;
}

static int run_grouped(void *arg)
{
    struct scene *scene = arg;

    *scene = (struct scene) { .owner = grouped, .member = { LIFE(1, 1), LIFE(2, 2), LIFE(3, 3) } };
    int code = weir_run(play, scene);
    return scene->reports > 0 ? -1 : code;
}

START_TEST(without_memory_a_group_fails_and_leaves_nothing)
{
    struct scene scene;

    clock_fake();
    ck_assert_uint_gt(each_fault(FAULT_ANY, false, run_grouped, &scene), 5);
    ck_assert_uint_gt(each_fault(FAULT_ANY, true, run_grouped, &scene), 5);
}
END_TEST

Suite *suite(void)
{
    Suite *group = suite_create("core/task_group_leave");

    TCase *leaving = tcase_create("leave");
    tcase_add_test(leaving, an_owner_that_leaves_is_reported_and_ends_after_its_members);
    tcase_add_test(leaving, an_owner_that_leaves_with_a_failure_cancels_its_members);
    tcase_add_test(leaving, a_failure_in_a_group_that_was_left_is_reported);
    tcase_add_test(leaving, a_failure_that_was_never_asked_for_is_reported);
    tcase_add_test(leaving, a_group_whose_frame_is_gone_harms_nothing);
    tcase_add_test(leaving, cancelling_an_owner_that_has_left_ends_its_members);
    tcase_add_test(leaving, the_loops_end_cancels_a_group_once);
    suite_add_tcase(group, leaving);

    TCase *misuse = tcase_create("misuse");
    tcase_set_timeout(misuse, 30);
    tcase_add_test(misuse, only_the_owner_joins_and_no_member_joins_the_owner);
    tcase_add_test(misuse, a_group_made_outside_of_a_task_is_of_the_first_that_uses_it);
    tcase_add_test(misuse, without_memory_a_group_fails_and_leaves_nothing);
    suite_add_tcase(group, misuse);

    return group;
}
