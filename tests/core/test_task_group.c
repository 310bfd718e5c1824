/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_task_group.c  What core/task_group.c promises of a group that is joined (TS-6, B 19). One that is left
 * without a join is test_task_group_leave.c's.
 */
#include <errno.h>
#include <math.h>

#include <weir/run.h>
#include <weir/task.h>

#include "core/task.h"
#include "lib/clock.h"
#include "lib/group_scene.h"
#include "lib/suite.h"

/* --- Joining -------------------------------------------------------------- */

/* TS-6: waits for all. A group that was joined takes no more, as asyncio's. */
START_TEST(join_waits_for_every_member)
{
    struct scene scene = { .owner = join, .count = 3, .member = { LIFE(2, 2), LIFE(3, 3), LIFE(1, 0) } };

    ck_assert_int_eq(run_scene(&scene), 7);
    ck_assert_int_eq(scene.code[0], 0);
    ck_assert(NEAR(scene.at[0], 3));
    ck_assert_int_eq(scene.code[1], 0);
    ck_assert_int_eq(scene.code[2], WEIR_ESTATE);
    ck_assert_int_eq(scene.code[3], 0);
    ck_assert(!scene.member[MEMBERS - 1].ran);
    ck_assert_uint_eq(scene.reports, 0);
}
END_TEST

/* TS-6: the first failure cancels the rest, and the rest has ended when join returns. */
START_TEST(the_first_failure_cancels_the_others_and_is_what_join_returns)
{
    struct scene scene = { .owner = join, .count = 3, .member = { LIFE(9, 9, .cleanup = 2), LIFE(1, -EPIPE), LIFE(0.5, 1) } };

    ck_assert_int_eq(run_scene(&scene), 7);
    ck_assert_int_eq(scene.code[0], -EPIPE);
    ck_assert_int_eq(scene.member[0].code, -ECANCELED);
    ck_assert(NEAR(scene.at[0], 3));
    ck_assert_int_eq(scene.code[1], 0);
    ck_assert_uint_eq(scene.reports, 0);
}
END_TEST

/* "Errors reported together": there is one code to return, so the exception handler is told the others. */
START_TEST(a_second_failure_is_reported_and_does_not_replace_the_first)
{
    struct scene scene = { .owner = join, .count = 3,
                           .member = { LIFE(9, 9, .cut_result = -EIO), LIFE(1, -EPIPE), LIFE(1, -EBADF) } };

    ck_assert_int_eq(run_scene(&scene), 7);
    ck_assert_int_eq(scene.code[0], -EPIPE);
    ck_assert_uint_eq(scene.reports, 2);
    ck_assert_int_eq(scene.reported[0], -EBADF);
    ck_assert_int_eq(scene.reported[1], -EIO);
    ck_assert_str_eq(scene.message, "task group's member failed in a task group after another one");
}
END_TEST

static int cancel_one(struct scene *scene, weir_task_group *group)
{
    weir_yield();
    weir_task *first = list_entry(weir_get_running_loop()->tasks.next->next, weir_task, all_link);
    weir_task_cancel(first);
    return join(scene, group);
}

/* As asyncio: a member that was cancelled has not failed. */
START_TEST(a_member_cancelled_by_somebody_else_is_no_failure)
{
    struct scene scene = { .owner = cancel_one, .count = 2, .member = { LIFE(9, 9), LIFE(2, 2) } };

    ck_assert_int_eq(run_scene(&scene), 7);
    ck_assert_int_eq(scene.member[0].code, -ECANCELED);
    ck_assert_int_eq(scene.code[0], 0);
    ck_assert_int_eq(scene.member[1].code, 0);
}
END_TEST

START_TEST(an_empty_group_is_joined_at_once)
{
    struct scene scene = { .owner = join };

    ck_assert_int_eq(run_scene(&scene), 7);
    ck_assert_int_eq(scene.code[0], 0);
    ck_assert(NEAR(scene.at[0], 0));
    ck_assert_int_eq(scene.code[2], WEIR_ESTATE);
}
END_TEST

static int fail_with_text(void *arg)
{
    (void)arg;
    return weir_sleep(NAN);
}

static int join_with_detail(struct scene *scene, weir_task_group *group)
{
    weir_task_group_spawn(group, fail_with_text, NULL);
    scene->code[0] = weir_task_group_join(group);
    snprintf(scene->message, sizeof scene->message, "%s", weir_error_detail());
    return 0;
}

START_TEST(the_detail_of_the_members_failure_is_the_owners)
{
    struct scene scene = { .owner = join_with_detail };

    ck_assert_int_eq(run_scene(&scene), 0);
    ck_assert_int_eq(scene.code[0], -EINVAL);
    ck_assert_str_eq(scene.message, "sleep: the number of seconds is not a number");
}
END_TEST

struct growing {
    weir_task_group *group;
    struct life late;
    int code;
};

static int spawn_another(void *arg)
{
    struct growing *growing = arg;

    weir_sleep(1);
    growing->code = weir_task_group_spawn(growing->group, live, &growing->late);
    return 0;
}

static int join_growing(struct scene *scene, weir_task_group *group)
{
    struct growing growing = { .group = group, .late = LIFE(2, -EIO) };

    weir_task_group_spawn(group, spawn_another, &growing);
    int code = join(scene, group);
    scene->code[4] = growing.code;
    return code;
}

START_TEST(members_spawn_members_while_the_owner_joins)
{
    struct scene scene = { .owner = join_growing };

    ck_assert_int_eq(run_scene(&scene), 7);
    ck_assert_int_eq(scene.code[4], 0);
    ck_assert_int_eq(scene.code[0], -EIO);
    ck_assert(NEAR(scene.at[0], 3));
}
END_TEST

/* --- The owner elsewhere -------------------------------------------------- */

static int sleep_then_join(struct scene *scene, weir_task_group *group)
{
    scene->code[4] = weir_sleep(50);
    scene->at[4] = clock_now();
    scene->code[5] = weir_sleep(0.5);           /* told once */
    return join(scene, group);
}

/* B 19. */
START_TEST(a_failure_ends_the_call_in_which_the_owner_waits)
{
    struct scene scene = { .owner = sleep_then_join, .count = 2, .member = { LIFE(9, 9, .cleanup = 2), LIFE(1, -EPIPE) } };

    ck_assert_int_eq(run_scene(&scene), 7);
    ck_assert_int_eq(scene.code[4], -ECANCELED);
    ck_assert(NEAR(scene.at[4], 1));
    ck_assert_int_eq(scene.code[5], 0);
    ck_assert_int_eq(scene.code[0], -EPIPE);
    ck_assert(NEAR(scene.at[0], 3));
    ck_assert_int_eq(scene.code[1], 0);
}
END_TEST

static int join_a_task_first(struct scene *scene, weir_task_group *group)
{
    weir_task *other = weir_create_task(live, &scene->member[MEMBERS - 1]);

    scene->code[4] = weir_task_join(other);
    weir_task_unref(other);
    return join(scene, group);
}

/* As a cancel from anywhere: handed on to what the owner waits for (B 17). */
START_TEST(a_failure_ends_the_task_that_the_owner_joins)
{
    struct scene scene = { .owner = join_a_task_first, .count = 1, .member = { LIFE(1, -EPIPE), [MEMBERS - 1] = LIFE(9, 9) } };

    ck_assert_int_eq(run_scene(&scene), 7);
    ck_assert_int_eq(scene.code[4], -ECANCELED);
    ck_assert_int_eq(scene.member[MEMBERS - 1].code, -ECANCELED);
    ck_assert_int_eq(scene.code[0], -EPIPE);
}
END_TEST

static int yield_then_join(struct scene *scene, weir_task_group *group)
{
    while (!scene->member[0].ran)
        weir_yield();
    return join(scene, group);
}

/* The owner was asked to end in a yield or while it ran, met no wait, and joins: the request was the group's alone. */
START_TEST(a_request_that_the_owner_did_not_meet_is_taken_back_by_join)
{
    struct scene scene = { .owner = yield_then_join, .count = 2, .member = { LIFE(0, -EPIPE), LIFE(9, 9) } };

    ck_assert_int_eq(run_scene(&scene), 7);
    ck_assert_int_eq(scene.code[0], -EPIPE);
    ck_assert_int_eq(scene.code[1], 0);
}
END_TEST

static int return_at_once(void *arg)
{
    return *(int *)arg;
}

struct waker {
    weir_task *owner;
    int fail;
};

/* Fails while the owner is ready to run: woken by us, and not told yet. */
static int wake_owner_and_fail(void *arg)
{
    struct waker *waker = arg;

    weir_sleep(1);
    weir__task_wake(waker->owner, 0);
    return waker->fail;
}

static int wait_for_wake(struct scene *scene, weir_task_group *group)
{
    struct waker waker = { .owner = weir_current_task(), .fail = -EPIPE };

    weir_task_group_spawn(group, wake_owner_and_fail, &waker);
    scene->code[4] = weir__task_wait(WAIT_SIGNAL, NULL, FOREVER);
    if (scene->count == 1)                      /* met by a wait, or by nothing */
        scene->code[5] = weir_sleep(3);
    return join(scene, group);
}

START_TEST(an_owner_that_is_ready_to_run_is_told_in_its_next_wait_or_not_at_all)
{
    struct scene meets = { .owner = wait_for_wake, .count = 1, .member = { LIFE(9, 9) } };
    struct scene joins = { .owner = wait_for_wake, .count = 2, .member = { LIFE(9, 9), LIFE(9, 9) } };

    ck_assert_int_eq(run_scene(&meets), 7);
    ck_assert_int_eq(meets.code[4], 0);
    ck_assert_int_eq(meets.code[5], -ECANCELED);
    ck_assert_int_eq(meets.code[0], -EPIPE);
    ck_assert_int_eq(meets.code[1], 0);
    ck_assert_int_eq(run_scene(&joins), 7);
    ck_assert_int_eq(joins.code[4], 0);
    ck_assert_int_eq(joins.code[0], -EPIPE);
    ck_assert_int_eq(joins.code[1], 0);         /* taken back */
}
END_TEST

static int wait_in_inner(struct scene *scene, weir_task_group *outer)
{
    struct waker waker = { .owner = weir_current_task(), .fail = -EPIPE };
    weir_task_group inner;
    int nothing = 0;

    weir_task_group_spawn(outer, wake_owner_and_fail, &waker);
    weir_task_group_init(&inner);
    weir_task_group_spawn(&inner, return_at_once, &nothing);
    scene->code[4] = weir__task_wait(WAIT_SIGNAL, NULL, FOREVER);
    scene->code[5] = weir_task_group_join(&inner);      /* needs no wait, and takes back only what is its own */
    scene->code[3] = weir_sleep(1);
    scene->code[0] = weir_task_group_join(outer);
    return 0;
}

START_TEST(an_inner_group_does_not_take_back_what_the_outer_one_asked)
{
    struct scene scene = { .owner = wait_in_inner };

    ck_assert_int_eq(run_scene(&scene), 0);
    ck_assert_int_eq(scene.code[4], 0);
    ck_assert_int_eq(scene.code[5], 0);
    ck_assert_int_eq(scene.code[3], -ECANCELED);
    ck_assert_int_eq(scene.code[0], -EPIPE);
}
END_TEST

static int inner_join_in_outer(struct scene *scene, weir_task_group *outer)
{
    weir_task_group inner;

    weir_task_group_init(&inner);
    weir_task_group_spawn(&inner, live, &scene->member[MEMBERS - 1]);
    scene->code[4] = weir_task_group_join(&inner);
    return join(scene, outer);
}

/* The owner waits in the inner join, within the outer group's scope: that is where it is told. */
START_TEST(a_failure_in_the_outer_group_cancels_the_inner_one)
{
    struct scene scene = { .owner = inner_join_in_outer, .count = 1, .member = { LIFE(1, -EPIPE), [MEMBERS - 1] = LIFE(9, 9) } };

    ck_assert_int_eq(run_scene(&scene), 7);
    ck_assert_int_eq(scene.member[MEMBERS - 1].code, -ECANCELED);
    ck_assert_int_eq(scene.code[4], -ECANCELED);
    ck_assert_int_eq(scene.code[0], -EPIPE);
    ck_assert_int_eq(scene.code[1], 0);
}
END_TEST

/* --- Cancelling ----------------------------------------------------------- */

static int cancel_then_join(struct scene *scene, weir_task_group *group)
{
    scene->code[4] = weir_sleep(1);
    weir_task_group_cancel(group);
    scene->code[5] = weir_task_group_spawn(group, live, &scene->member[MEMBERS - 1]);
    return join(scene, group);
}

/* B 19. */
START_TEST(after_a_cancel_join_says_so_unless_a_member_failed_by_itself)
{
    struct scene scene = { .owner = cancel_then_join, .count = 2, .member = { LIFE(9, 9), LIFE(9, 9, .cut_result = 3) } };
    struct scene failed = { .owner = cancel_then_join, .count = 2, .member = { LIFE(9, 9), LIFE(9, 9, .cut_result = -EIO) } };
    struct scene empty = { .owner = cancel_then_join };

    ck_assert_int_eq(run_scene(&scene), 7);
    ck_assert_int_eq(scene.code[5], WEIR_ESTATE);
    ck_assert_int_eq(scene.code[0], -ECANCELED);
    ck_assert_int_eq(scene.member[0].code, -ECANCELED);
    ck_assert_int_eq(scene.code[1], 0);
    ck_assert_int_eq(run_scene(&failed), 7);
    ck_assert_int_eq(failed.code[0], -EIO);
    ck_assert_int_eq(run_scene(&empty), 7);
    ck_assert_int_eq(empty.code[5], WEIR_ESTATE);
    ck_assert_int_eq(empty.code[0], -ECANCELED);
}
END_TEST

/* As a cancel of asyncio's parent: passed to the members, who end first; each is told once. */
START_TEST(cancelling_the_owner_in_join_cancels_the_members)
{
    struct scene scene = { .owner = join, .count = 2, .member = { LIFE(9, 9, .cleanup = 2), LIFE(9, 9) } };
    struct scene failed = { .owner = join, .count = 2, .member = { LIFE(9, 9, .cut_result = -EIO), LIFE(9, 9) } };

    clock_fake();
    ck_assert_int_eq(weir_run(play_and_cancel, &scene), 7);
    ck_assert_int_eq(scene.code[0], -ECANCELED);
    ck_assert(NEAR(scene.at[0], 3));
    ck_assert(NEAR(scene.member[0].ended, 3));
    ck_assert_int_eq(scene.code[1], 0);
    ck_assert_int_eq(weir_run(play_and_cancel, &failed), 7);
    ck_assert_int_eq(failed.code[0], -EIO);     /* the failure is told, */
    ck_assert_int_eq(failed.code[1], -ECANCELED);       /* and the request is not lost over it */
}
END_TEST

static int deadline_join(struct scene *scene, weir_task_group *group)
{
    weir_timeout scope;

    weir_timeout_begin(&scope, 1);
    scene->code[4] = weir_task_group_join(group);
    scene->at[4] = clock_now();
    scene->code[5] = weir_timeout_end(&scope);
    return join(scene, group);
}

/* TS-3, B 18: what the members need to end is not limited by it. */
START_TEST(a_deadline_in_join_cancels_the_members)
{
    struct scene scene = { .owner = deadline_join, .count = 2, .member = { LIFE(9, 9, .cleanup = 2), LIFE(9, 9) } };

    ck_assert_int_eq(run_scene(&scene), 7);
    ck_assert_int_eq(scene.code[4], -ETIMEDOUT);
    ck_assert(NEAR(scene.at[4], 3));
    ck_assert(scene.code[5]);
    ck_assert_int_eq(scene.member[1].code, -ECANCELED);
    ck_assert_int_eq(scene.code[0], 0);
    ck_assert_int_eq(scene.code[1], 0);
}
END_TEST

static int cancel_after_the_failure(void *arg)
{
    weir_sleep(1.05);
    weir_task_cancel(arg);
    return 0;
}

/* Time leaps over both, so that they run in one pass, in their order. */
static int leap(void *arg)
{
    (void)arg;
    weir_sleep(0.5);
    clock_advance(1);
    return 0;
}

static int asked_from_both_sides(struct scene *scene, weir_task_group *group)
{
    weir_task *outside = weir_create_task(cancel_after_the_failure, weir_current_task());

    weir_yield();
    if (scene->count == 1) {
        weir_spawn(leap, NULL);
        scene->code[4] = weir_sleep(50);
    } else {                                    /* asked by both in a yield, which ends by the first */
        while (!weir_task_done(outside)) {
            clock_advance(0.1);
            scene->code[4] = weir_yield();
        }
    }
    scene->code[0] = weir_task_group_join(group);
    scene->code[1] = weir_sleep(5);
    weir_task_join(outside);
    weir_task_unref(outside);
    return 0;
}

/* The owner's sleep ends by the group's request; that from outside is for the owner itself and is not lost in it. */
START_TEST(a_cancel_from_outside_is_not_lost_in_the_groups)
{
    struct scene parked = { .owner = asked_from_both_sides, .count = 1, .member = { LIFE(1, -EPIPE) } };
    struct scene yields = { .owner = asked_from_both_sides, .count = 2, .member = { LIFE(1.02, -EPIPE), LIFE(0.5, 0) } };

    ck_assert_int_eq(run_scene(&parked), 0);
    ck_assert_int_eq(parked.code[4], -ECANCELED);
    ck_assert_int_eq(parked.code[0], -EPIPE);
    ck_assert_int_eq(parked.code[1], -ECANCELED);
    ck_assert_int_eq(run_scene(&yields), 0);
    ck_assert_int_eq(yields.code[4], -ECANCELED);
    ck_assert_int_eq(yields.code[0], -EPIPE);
    ck_assert_int_eq(yields.code[1], -ECANCELED);
}
END_TEST

Suite *suite(void)
{
    Suite *group = suite_create("core/task_group");

    TCase *joining = tcase_create("join");
    tcase_add_test(joining, join_waits_for_every_member);
    tcase_add_test(joining, the_first_failure_cancels_the_others_and_is_what_join_returns);
    tcase_add_test(joining, a_second_failure_is_reported_and_does_not_replace_the_first);
    tcase_add_test(joining, a_member_cancelled_by_somebody_else_is_no_failure);
    tcase_add_test(joining, an_empty_group_is_joined_at_once);
    tcase_add_test(joining, the_detail_of_the_members_failure_is_the_owners);
    tcase_add_test(joining, members_spawn_members_while_the_owner_joins);
    suite_add_tcase(group, joining);

    TCase *elsewhere = tcase_create("elsewhere");
    tcase_add_test(elsewhere, a_failure_ends_the_call_in_which_the_owner_waits);
    tcase_add_test(elsewhere, a_failure_ends_the_task_that_the_owner_joins);
    tcase_add_test(elsewhere, a_request_that_the_owner_did_not_meet_is_taken_back_by_join);
    tcase_add_test(elsewhere, an_owner_that_is_ready_to_run_is_told_in_its_next_wait_or_not_at_all);
    tcase_add_test(elsewhere, an_inner_group_does_not_take_back_what_the_outer_one_asked);
    tcase_add_test(elsewhere, a_failure_in_the_outer_group_cancels_the_inner_one);
    suite_add_tcase(group, elsewhere);

    TCase *cancelling = tcase_create("cancel");
    tcase_add_test(cancelling, after_a_cancel_join_says_so_unless_a_member_failed_by_itself);
    tcase_add_test(cancelling, cancelling_the_owner_in_join_cancels_the_members);
    tcase_add_test(cancelling, a_deadline_in_join_cancels_the_members);
    tcase_add_test(cancelling, a_cancel_from_outside_is_not_lost_in_the_groups);
    suite_add_tcase(group, cancelling);

    return group;
}
