/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_sync_barrier.c  What core/sync_barrier.c promises: all go on together, or are told that it is broken.
 */
#include <errno.h>
#include <limits.h>

#include <weir/run.h>
#include <weir/sync.h>

#include "lib/actors.h"
#include "lib/clock.h"
#include "lib/suite.h"
#include "lib/trace.h"

static weir_barrier barrier;
static int codes[8];

/* --- Cases ---------------------------------------------------------------- */

START_TEST(a_barrier_for_nobody_is_refused)
{
    ck_assert_int_eq(weir_barrier_init(&barrier, 0), -EINVAL);                  /* SY-6 */
    ck_assert_int_eq(weir_barrier_init(&barrier, (unsigned)INT_MAX + 1), -EINVAL);
    ck_assert_int_eq(weir_barrier_init(&barrier, 1), 0);
    ck_assert_int_eq(weir_barrier_wait(&barrier), 0);                           /* nobody to wait for */
    ck_assert_int_eq(weir_barrier_wait(&barrier), 0);
    ck_assert_int_eq(weir_barrier_init(&barrier, 2), 0);
    ck_assert_int_eq(weir_barrier_wait(&barrier), WEIR_ENOTASK);
    ck_assert_int_eq(weir_barrier_wait(&barrier), WEIR_ENOTASK);                /* who could not wait did not come */
}
END_TEST

static int come(void *arg)
{
    *(int *)arg = weir_barrier_wait(&barrier);
    return 0;
}

static void spawn_coming(int first, int last)
{
    for (int i = first; i <= last; i++)
        weir_spawn(come, &codes[i]);
    weir_yield();
}

static int two_rounds(void *arg)
{
    (void)arg;
    weir_barrier_init(&barrier, 3);
    spawn_coming(0, 1);
    codes[2] = weir_barrier_wait(&barrier);
    spawn_coming(3, 4);                         /* the next round, while the first has hardly gone */
    codes[5] = weir_barrier_wait(&barrier);
    weir_yield();
    return 0;
}

/* SY-6. */
START_TEST(each_gets_its_number_and_the_next_round_begins_at_once)
{
    ck_assert_int_eq(weir_run(two_rounds, NULL), 0);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(codes[i], i % 3);
}
END_TEST

static int reset_and_abort(void *arg)
{
    (void)arg;
    weir_barrier_init(&barrier, 3);
    spawn_coming(0, 1);
    codes[6] = weir_barrier_reset(&barrier);
    weir_yield();
    spawn_coming(2, 3);
    codes[7] = weir_barrier_abort(&barrier);
    weir_yield();
    codes[4] = weir_barrier_wait(&barrier);     /* broken: nobody waits there any more */
    weir_barrier_reset(&barrier);
    weir_spawn(come, &codes[5]);
    weir_spawn(come, &codes[5]);
    weir_yield();
    return weir_barrier_wait(&barrier);
}

/* SY-6, B 20. */
START_TEST(reset_and_abort_break_waiters_and_only_abort_lasts)
{
    ck_assert_int_eq(weir_run(reset_and_abort, NULL), 2);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(codes[i], -EPIPE);
    ck_assert_int_eq(codes[6], 0);
    ck_assert_int_eq(codes[7], 0);
}
END_TEST

static int release_and_reset(void *arg)
{
    (void)arg;
    weir_barrier_init(&barrier, 2);
    spawn_coming(0, 0);
    codes[1] = weir_barrier_wait(&barrier);
    weir_barrier_abort(&barrier);               /* the first has not run, and has passed all the same */
    weir_yield();
    return 0;
}

START_TEST(who_has_passed_is_not_broken_any_more)
{
    codes[0] = -1;
    ck_assert_int_eq(weir_run(release_and_reset, NULL), 0);
    ck_assert_int_eq(codes[0], 0);
    ck_assert_int_eq(codes[1], 1);
}
END_TEST

static int one_leaves(void *arg)
{
    weir_timeout scope;

    (void)arg;
    weir_barrier_init(&barrier, 3);
    weir_task *first = weir_create_task(come, &codes[0]);
    weir_task *second = weir_create_task(come, &codes[1]);
    weir_yield();
    weir_task_cancel(first);
    weir_timeout_begin(&scope, 3);
    codes[2] = weir_barrier_wait(&barrier);     /* it is not the third: the first has left, and has not run yet */
    weir_timeout_end(&scope);
    spawn_coming(3, 3);
    codes[4] = weir_barrier_wait(&barrier);
    weir_task_join(second);
    weir_yield();
    weir_task_unref(first);
    weir_task_unref(second);
    return 0;
}

START_TEST(who_is_cut_short_has_not_come)
{
    clock_fake();
    ck_assert_int_eq(weir_run(one_leaves, NULL), 0);
    ck_assert_int_eq(codes[0], -ECANCELED);
    ck_assert_int_eq(codes[2], -ETIMEDOUT);
    ck_assert_int_eq(codes[1], 0);
    ck_assert_int_eq(codes[3], 1);
    ck_assert_int_eq(codes[4], 2);
}
END_TEST

/* --- By chance ------------------------------------------------------------ */

static struct list row;
static unsigned parties;
static bool broken;

static void begin(void)
{
    parties = 1 + chance(4);
    weir_barrier_init(&barrier, parties);
    list_init(&row);
    broken = false;
}

static int call_wait(struct actor *actor)
{
    (void)actor;
    return weir_barrier_wait(&barrier);
}

static void step(struct actor *actor, int code)
{
    unsigned there = 1;
    int number = 0;

    if (actor->stage++ > 0) {
        model_done(actor, code);
        return;
    }
    for (struct list *node = row.next; node != &row; node = node->next)
        there++;
    if (broken) {
        model_done(actor, -EPIPE);
    } else if (there == parties) {
        while (model_wake_first(&row, number))
            number++;
        model_done(actor, number);
    } else {
        code = model_wait(actor, &row, false);
        if (code < 0)
            model_done(actor, code);
    }
}

static void break_both(bool for_good)
{
    if (for_good)
        weir_barrier_abort(&barrier);
    else
        weir_barrier_reset(&barrier);
    broken = for_good;
    while (model_wake_first(&row, -EPIPE))
        ;
}

static void act(void)
{
    struct actor *actor = an_idle_actor();

    if (actors_disturb())
        return;
    if (actor != NULL && chance(8))
        actor_start(actor, call_wait, 0);
    else
        break_both(chance(4) == 0);
}

static void give_way(void)
{
    break_both(true);
}

START_TEST(any_order_of_calls_agrees_with_the_model)
{
    static const struct trial trial = { .begin = begin, .act = act, .step = step, .give_way = give_way };

    clock_fake();
    for (unsigned seed = 1; seed <= 1000; seed++) {
        const char *found = actors_try(&trial, seed, 60);
        ck_assert_msg(found == NULL, "seed %u: %s", seed, found);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/sync_barrier");

    TCase *cases = tcase_create("cases");
    tcase_add_test(cases, a_barrier_for_nobody_is_refused);
    tcase_add_test(cases, each_gets_its_number_and_the_next_round_begins_at_once);
    tcase_add_test(cases, reset_and_abort_break_waiters_and_only_abort_lasts);
    tcase_add_test(cases, who_has_passed_is_not_broken_any_more);
    tcase_add_test(cases, who_is_cut_short_has_not_come);
    suite_add_tcase(s, cases);

    TCase *random = tcase_create("random");
    tcase_add_test(random, any_order_of_calls_agrees_with_the_model);
    suite_add_tcase(s, random);
    return s;
}
