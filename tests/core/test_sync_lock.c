/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_sync_lock.c  What core/sync_lock.c promises: one holder, in turn, whatever is cancelled in between.
 */
#include <errno.h>
#include <stdio.h>

#include <weir/run.h>
#include <weir/sync.h>

#include "core/sync_lock.h"
#include "lib/actors.h"
#include "lib/clock.h"
#include "lib/suite.h"
#include "lib/trace.h"

static weir_lock lock;
static int codes[8];

/* --- Cases ---------------------------------------------------------------- */

static int hold_and_say(void *word)
{
    int code = weir_lock_acquire(&lock);

    if (code < 0)
        return code;
    trace(word);
    weir_yield();
    trace(word);
    return weir_lock_release(&lock);
}

static int three_in_a_row(void *arg)
{
    (void)arg;
    weir_lock_init(&lock);
    codes[0] = weir_lock_locked(&lock);
    codes[1] = weir_lock_release(&lock);
    codes[2] = weir_lock_acquire(&lock);
    codes[3] = weir_lock_locked(&lock);
    weir_spawn(hold_and_say, "a");
    weir_spawn(hold_and_say, "b");
    weir_spawn(hold_and_say, "c");
    weir_yield();
    trace("-");
    codes[4] = weir_lock_release(&lock);
    codes[5] = weir_lock_locked(&lock);         /* a has it already */
    codes[6] = weir_lock_acquire(&lock);        /* behind c */
    trace("-");
    weir_lock_release(&lock);
    return 0;
}

/* C120, SY-1. The releasing task comes again before those who waited have run, and must not overtake them. */
START_TEST(a_lock_goes_to_who_waited_longest)
{
    ck_assert_int_eq(weir_run(three_in_a_row, NULL), 0);
    ck_assert_str_eq(trace_text, "-aabbcc-");
    ck_assert_int_eq(codes[0], false);
    ck_assert_int_eq(codes[1], WEIR_ESTATE);
    ck_assert_int_eq(codes[2], 0);
    ck_assert_int_eq(codes[3], true);
    ck_assert_int_eq(codes[4], 0);
    ck_assert_int_eq(codes[5], true);
    ck_assert_int_eq(codes[6], 0);
}
END_TEST

static int acquire_then_wait(void *arg)
{
    int *seen = arg;

    seen[0] = weir_lock_acquire(&lock);
    seen[1] = weir_yield();
    if (seen[0] == 0)
        weir_lock_release(&lock);
    return 0;
}

/* release first, then cancel, or the other way round, with nobody running in between */
static int wake_and_cancel(void *arg)
{
    bool cancel_first = *(int *)arg;

    weir_lock_init(&lock);
    weir_lock_acquire(&lock);
    weir_task *first = weir_create_task(acquire_then_wait, &codes[0]);
    weir_task *second = weir_create_task(acquire_then_wait, &codes[2]);
    weir_yield();
    if (cancel_first)
        weir_task_cancel(first);
    weir_lock_release(&lock);
    if (!cancel_first)
        weir_task_cancel(first);
    weir_task_join(first);
    weir_task_join(second);
    weir_task_unref(first);
    weir_task_unref(second);
    return weir_lock_locked(&lock);
}

/* SY-1. asyncio had this wrong for years: who is woken and cancelled in the same pass takes the wake-up along. */
START_TEST(a_cancelled_waiter_never_takes_the_lock_along)
{
    int cancel_first = _i;

    ck_assert_int_eq(weir_run(wake_and_cancel, &cancel_first), 0);
    ck_assert_int_eq(codes[0], cancel_first ? -ECANCELED : 0);
    ck_assert_int_eq(codes[1], cancel_first ? 0 : -ECANCELED);
    ck_assert_int_eq(codes[2], 0);
    ck_assert_int_eq(codes[3], 0);
}
END_TEST

static int wait_too_long(void *arg)
{
    weir_timeout scope;

    (void)arg;
    weir_lock_init(&lock);
    weir_lock_acquire(&lock);
    weir_timeout_begin(&scope, 5);
    codes[0] = weir_lock_acquire(&lock);
    weir_lock_release(&lock);
    codes[1] = weir_lock_acquire(&lock);        /* out of time, but nothing to wait for (B 18) */
    codes[2] = weir_timeout_end(&scope);
    codes[3] = weir_lock_release(&lock);
    codes[4] = weir_lock_locked(&lock);
    return 0;
}

/* CV-12. */
START_TEST(a_deadline_ends_the_wait_and_leaves_the_lock_usable)
{
    clock_fake();
    ck_assert_int_eq(weir_run(wait_too_long, NULL), 0);
    ck_assert_int_eq(codes[0], -ETIMEDOUT);
    ck_assert_int_eq(codes[1], 0);
    ck_assert_int_eq(codes[2], true);
    ck_assert_int_eq(codes[3], 0);
    ck_assert_int_eq(codes[4], false);
    ck_assert_double_ge(clock_now(), 5);
}
END_TEST

START_TEST(a_free_lock_needs_no_task_and_a_held_one_does)
{
    weir_lock_init(&lock);
    ck_assert_int_eq(weir_lock_acquire(&lock), 0);
    ck_assert_int_eq(weir_lock_acquire(&lock), WEIR_ENOTASK);
    ck_assert_int_eq(weir_lock_release(&lock), 0);
    ck_assert_int_eq(weir_lock_release(&lock), WEIR_ESTATE);
    ck_assert_str_eq(weir_error_detail(), "the lock is not held by anybody");
}
END_TEST

static int wait_until_told_to_end(void *arg)
{
    *(int *)arg = weir_lock_acquire(&lock);
    return 0;
}

static int leave_one_waiting(void *arg)
{
    weir_lock_init(&lock);
    weir_lock_acquire(&lock);
    weir_spawn(wait_until_told_to_end, arg);
    weir_yield();
    return 0;
}

START_TEST(the_end_of_the_run_ends_the_wait)
{
    codes[0] = 1;
    ck_assert_int_eq(weir_run(leave_one_waiting, &codes[0]), 0);
    ck_assert_int_eq(codes[0], -ECANCELED);
    ck_assert_int_eq(weir_lock_release(&lock), 0);
    ck_assert(!weir_lock_locked(&lock));
}
END_TEST

static int acquire_surely(void *arg)
{
    weir_timeout scope;

    weir_timeout_begin(&scope, 0);
    *(int *)arg = weir__lock_acquire_surely((struct lock *)&lock);
    weir_timeout_end(&scope);
    trace("s");
    weir_lock_release(&lock);
    return 0;
}

static int cancel_who_must_have_it(void *arg)
{
    (void)arg;
    weir_lock_init(&lock);
    weir_lock_acquire(&lock);
    codes[0] = codes[1] = -1;
    weir_task *sure = weir_create_task(acquire_surely, &codes[0]);
    weir_task *other = weir_create_task(hold_and_say, "o");
    weir_yield();
    weir_task_cancel(sure);
    weir_yield();
    codes[1] = weir_task_done(sure);
    weir_lock_release(&lock);
    codes[2] = weir_task_join(other);
    codes[3] = weir_task_join(sure);
    weir_task_cancel(weir_current_task());
    codes[4] = weir__lock_acquire_surely((struct lock *)&lock);     /* free: met by nothing here */
    codes[5] = weir_yield();
    weir_task_unref(sure);
    weir_task_unref(other);
    return 0;
}

START_TEST(a_sure_wait_is_cut_short_by_nothing_and_tells_of_a_cancel)
{
    ck_assert_int_eq(weir_run(cancel_who_must_have_it, NULL), 0);
    ck_assert_int_eq(codes[0], true);
    ck_assert_int_eq(codes[1], false);
    ck_assert_int_eq(codes[2], 0);
    ck_assert_int_eq(codes[3], 0);
    ck_assert_int_eq(codes[4], false);
    ck_assert_int_eq(codes[5], -ECANCELED);
    ck_assert_str_eq(trace_text, "oos");        /* its cancel cost it its place */
}
END_TEST

/* --- By chance ------------------------------------------------------------ */

static struct list row;
static bool held;

static void begin(void)
{
    weir_lock_init(&lock);
    list_init(&row);
    held = false;
}

static int call_acquire(struct actor *actor)
{
    (void)actor;
    return weir_lock_acquire(&lock);
}

static void step(struct actor *actor, int code)
{
    if (actor->stage++ > 0) {
        model_done(actor, code);
    } else if (!held) {
        held = true;
        model_done(actor, 0);
    } else {
        code = model_wait(actor, &row, false);
        if (code < 0)
            model_done(actor, code);
    }
}

static int wrong_codes;

static void release(void)
{
    wrong_codes += weir_lock_release(&lock) != (held ? 0 : WEIR_ESTATE);
    if (!model_wake_first(&row, 0))
        held = false;
}

static void act(void)
{
    struct actor *actor = an_idle_actor();

    if (actors_disturb())
        return;
    if (actor != NULL && chance(2))
        actor_start(actor, call_acquire, 0);
    else
        release();
}

static bool agrees(void)
{
    return weir_lock_locked(&lock) == held;
}

START_TEST(any_order_of_calls_agrees_with_the_model)
{
    static const struct trial trial = { .begin = begin, .act = act, .step = step, .agrees = agrees, .give_way = release };

    clock_fake();
    for (unsigned seed = 1; seed <= 1000; seed++) {
        const char *found = actors_try(&trial, seed, 60);
        ck_assert_msg(found == NULL, "seed %u: %s", seed, found);
    }
    ck_assert_int_eq(wrong_codes, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/sync_lock");

    TCase *cases = tcase_create("cases");
    tcase_add_test(cases, a_lock_goes_to_who_waited_longest);
    tcase_add_loop_test(cases, a_cancelled_waiter_never_takes_the_lock_along, 0, 2);
    tcase_add_test(cases, a_deadline_ends_the_wait_and_leaves_the_lock_usable);
    tcase_add_test(cases, a_free_lock_needs_no_task_and_a_held_one_does);
    tcase_add_test(cases, the_end_of_the_run_ends_the_wait);
    tcase_add_test(cases, a_sure_wait_is_cut_short_by_nothing_and_tells_of_a_cancel);
    suite_add_tcase(s, cases);

    TCase *random = tcase_create("random");
    tcase_add_test(random, any_order_of_calls_agrees_with_the_model);
    suite_add_tcase(s, random);
    return s;
}
