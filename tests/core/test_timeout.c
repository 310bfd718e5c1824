/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_timeout.c  What core/timeout.c promises: deadlines that nest, and that end with their scope (B 18).
 */
#include <errno.h>
#include <math.h>

#include <weir/run.h>
#include <weir/task.h>

#include "core/sys.h"
#include "core/task.h"
#include "lib/clock.h"
#include "lib/suite.h"

#define NEAR(a, b) (fabs((a) - (b)) < 0.005)

/* --- Expiry --------------------------------------------------------------- */

struct expiry {
    int code[6];
    bool expired[3];
    double at[6];
};

static int wait_after_expiry(void *arg)
{
    struct expiry *seen = arg;
    weir_timeout scope;

    weir_timeout_begin(&scope, 1);
    seen->code[0] = weir_sleep(10);
    seen->at[0] = clock_now();
    seen->code[1] = weir_sleep(0.1);            /* its own time would be short, but it would have to wait */
    seen->code[2] = weir_yield();
    seen->at[2] = clock_now();
    seen->expired[0] = weir_timeout_end(&scope);
    seen->code[3] = weir_sleep(0.1);
    return 0;
}

/* B 18. asyncio cancels once; a handler that ignores the first failure would then wait without any limit. */
START_TEST(every_wait_after_expiry_fails_until_the_scope_ends)
{
    struct expiry seen = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(wait_after_expiry, &seen), 0);
    ck_assert_int_eq(seen.code[0], -ETIMEDOUT);
    ck_assert(NEAR(seen.at[0], 1));
    ck_assert_int_eq(seen.code[1], -ETIMEDOUT);
    ck_assert_int_eq(seen.code[2], -ETIMEDOUT);
    ck_assert(NEAR(seen.at[2], 1));
    ck_assert(seen.expired[0]);
    ck_assert_int_eq(seen.code[3], 0);
}
END_TEST

static int forty_two(void *arg)
{
    (void)arg;
    return 42;
}

static int need_not_wait(void *arg)
{
    struct expiry *seen = arg;
    weir_task *done = weir_create_task(forty_two, NULL);
    weir_timeout scope;

    weir_yield();
    weir_timeout_begin(&scope, 0);
    seen->code[0] = weir_task_join(done);       /* done already */
    seen->code[1] = weir_sleep(1);
    seen->expired[0] = weir_timeout_end(&scope);
    weir_task_unref(done);
    return 0;
}

/* B 18. Checking the deadline on entry to every call would lose what is there already. */
START_TEST(a_call_that_need_not_wait_succeeds_after_expiry)
{
    struct expiry seen = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(need_not_wait, &seen), 0);
    ck_assert_int_eq(seen.code[0], 42);
    ck_assert_int_eq(seen.code[1], -ETIMEDOUT);
    ck_assert(seen.expired[0]);
}
END_TEST

static int nothing_or_less(void *arg)
{
    struct expiry *seen = arg;
    static const double seconds[] = { 0, -1, -INFINITY, NAN, INFINITY };

    for (int i = 0; i < 5; i++) {
        WEIR_TIMEOUT(seconds[i])
            seen->code[i] = weir_sleep(1);
    }
    return 0;
}

/* B 18: 0 or less has run out, which is not "no limit". What is no number limits nothing. */
START_TEST(a_scope_of_zero_or_less_has_expired_at_once)
{
    struct expiry seen = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(nothing_or_less, &seen), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(seen.code[i], -ETIMEDOUT);
    ck_assert_int_eq(seen.code[3], 0);
    ck_assert_int_eq(seen.code[4], 0);
}
END_TEST

static int unmet(void *arg)
{
    struct expiry *seen = arg;
    weir_timeout scope;

    weir_timeout_begin(&scope, 1);
    clock_advance(2);                           /* computes for long; the pass's time is what counts */
    weir_timeout_end(&scope);
    seen->expired[0] = scope.expired;
    weir_timeout_begin(&scope, 0);
    seen->expired[1] = weir_timeout_end(&scope);
    weir_timeout_begin(&scope, 100);
    seen->expired[2] = weir_timeout_end(&scope);
    return 0;
}

/* B 18. Nothing failed, so only the end can tell; and without a wait in it a scope costs no clock of its own. */
START_TEST(an_expiry_that_no_call_met_is_told_by_end_alone)
{
    struct expiry seen = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(unmet, &seen), 0);
    ck_assert(!seen.expired[0]);                /* within one pass no time goes by */
    ck_assert(seen.expired[1]);
    ck_assert(!seen.expired[2]);
}
END_TEST

static int compute(void *arg)
{
    (void)arg;
    weir_sleep(0.25);
    clock_advance(0.35);
    weir_yield();                               /* this pass has polled: the other one's timer is due by libev's time alone */
    weir_timeout scope;
    weir_timeout_begin(&scope, 1);              /* asks for the time of the pass, */
    clock_advance(0.5);                         /* which goes on for long */
    weir_timeout_end(&scope);
    return 0;
}

static int expire_in_a_long_pass(void *arg)
{
    struct expiry *seen = arg;
    weir_timeout scope;

    clock_advance(0.5);                         /* libev's time is behind by as much: it will call our timer too early */
    weir_timeout_begin(&scope, 1);
    weir_spawn(compute, NULL);
    seen->code[0] = weir_sleep(10);
    seen->expired[0] = weir_timeout_end(&scope);
    return 0;
}

/* The time of a pass may have been read before the deadline that ends a wait in it: what the call said, end says too. */
START_TEST(who_was_told_that_time_is_over_finds_the_scope_expired)
{
    struct expiry seen = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(expire_in_a_long_pass, &seen), 0);
    ck_assert_int_eq(seen.code[0], -ETIMEDOUT);
    ck_assert(seen.expired[0]);
}
END_TEST

static int expire_late_in_life(void *arg)
{
    struct expiry *seen = arg;

    clock_advance(1e8 / 3);                     /* seconds are no longer exact to a nanosecond */
    for (int i = 0; i < 1000; i++) {
        weir_timeout scope, inner;
        clock_advance(12345.678901);
        weir_yield();
        weir_timeout_begin(&scope, 0.1 + i * 0.000000007);
        int64_t left_ns = weir_current_task()->deadline_ns - sys_monotonic_ns();
        clock_advance(((double)left_ns + 0.5) / NS_PER_SECOND);        /* to it, not past it */
        weir_yield();
        weir_timeout_begin(&inner, 100);        /* shortens nothing, and its end leaves what has expired expired */
        bool told = weir_yield() == -ETIMEDOUT;
        seen->code[0] += told;
        weir_timeout_end(&inner);
        seen->code[2] += (weir_yield() == -ETIMEDOUT) == told;
        seen->code[1] += weir_timeout_end(&scope) == told;
    }
    return 0;
}

/* The struct has the deadline as a double, the task to the nanosecond; by the test clock they are met to the nanosecond. */
START_TEST(scopes_are_exact_on_a_machine_that_has_run_for_a_year)
{
    struct expiry seen = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(expire_late_in_life, &seen), 0);
    ck_assert_int_ge(seen.code[0], 990);
    ck_assert_int_eq(seen.code[1], 1000);
    ck_assert_int_eq(seen.code[2], 1000);
}
END_TEST

static int own_end_first(void *arg)
{
    struct expiry *seen = arg;

    WEIR_TIMEOUT(1) {
        seen->code[0] = weir_sleep(0.5);
        seen->code[1] = weir_sleep(0.25);
        seen->code[2] = weir_sleep(0.5);
    }
    seen->at[0] = clock_now();
    return 0;
}

START_TEST(a_deadline_counts_for_all_waits_in_it_together)
{
    struct expiry seen = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(own_end_first, &seen), 0);
    ck_assert_int_eq(seen.code[0], 0);
    ck_assert_int_eq(seen.code[1], 0);
    ck_assert_int_eq(seen.code[2], -ETIMEDOUT);
    ck_assert(NEAR(seen.at[0], 1));
}
END_TEST

static int sleep_twenty(void *arg)
{
    struct expiry *seen = arg;

    WEIR_TIMEOUT(1) {
        seen->code[0] = weir_sleep(20);
        seen->code[1] = weir_sleep(20);
    }
    return 0;
}

static int cancel_within(void *arg)
{
    weir_task *task = weir_create_task(sleep_twenty, arg);

    weir_sleep(0.5);
    weir_task_cancel(task);
    int code = weir_task_join(task);
    weir_task_unref(task);
    return code;
}

/* TS-3: a cancel from outside stays one. */
START_TEST(a_cancel_inside_a_scope_is_no_timeout)
{
    struct expiry seen = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(cancel_within, &seen), 0);
    ck_assert_int_eq(seen.code[0], -ECANCELED);
    ck_assert_int_eq(seen.code[1], -ETIMEDOUT);
}
END_TEST

/* --- Nesting -------------------------------------------------------------- */

static int nest(void *arg)
{
    struct expiry *seen = arg;
    weir_timeout outer, inner;

    weir_timeout_begin(&outer, 3);
    weir_timeout_begin(&inner, 1);
    seen->code[0] = weir_sleep(10);
    seen->at[0] = clock_now();
    seen->expired[0] = weir_timeout_end(&inner);
    seen->code[1] = weir_sleep(1);              /* the outer one counts again */
    weir_timeout_begin(&inner, 100);            /* can only shorten */
    seen->code[2] = weir_sleep(10);
    seen->at[2] = clock_now();
    seen->expired[1] = weir_timeout_end(&inner);
    seen->code[3] = weir_sleep(10);
    seen->expired[2] = weir_timeout_end(&outer);
    seen->code[4] = weir_sleep(10);
    seen->at[4] = clock_now();
    return 0;
}

START_TEST(the_earliest_of_nested_deadlines_counts_and_each_end_restores_the_outer)
{
    struct expiry seen = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(nest, &seen), 0);
    ck_assert_int_eq(seen.code[0], -ETIMEDOUT);
    ck_assert(NEAR(seen.at[0], 1));
    ck_assert(seen.expired[0]);
    ck_assert_int_eq(seen.code[1], 0);
    ck_assert_int_eq(seen.code[2], -ETIMEDOUT);
    ck_assert(NEAR(seen.at[2], 3));
    ck_assert(!seen.expired[1]);                /* it was not the inner one */
    ck_assert_int_eq(seen.code[3], -ETIMEDOUT);
    ck_assert(seen.expired[2]);
    ck_assert_int_eq(seen.code[4], 0);
    ck_assert(NEAR(seen.at[4], 13));
}
END_TEST

static int leave_without_end(void)
{
    weir_timeout forgotten;                     /* in a frame that is gone when the time comes */

    weir_timeout_begin(&forgotten, 1);
    return 0;
}

static int forget_one(void *arg)
{
    struct expiry *seen = arg;
    weir_timeout outer;

    weir_timeout_begin(&outer, 5);
    leave_without_end();
    seen->code[0] = weir_sleep(10);
    seen->at[0] = clock_now();
    weir_timeout_end(&outer);
    seen->code[1] = weir_sleep(10);
    return 0;
}

START_TEST(a_scope_that_was_never_ended_counts_until_an_enclosing_one_ends)
{
    struct expiry seen = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(forget_one, &seen), 0);
    ck_assert_int_eq(seen.code[0], -ETIMEDOUT);
    ck_assert(NEAR(seen.at[0], 1));
    ck_assert_int_eq(seen.code[1], 0);
}
END_TEST

/* --- The block ------------------------------------------------------------ */

static int return_from_block(void)
{
    WEIR_TIMEOUT(1)
        return 1;
    return 2;
}

static int goto_from_block(void)
{
    WEIR_TIMEOUT(1) {
        WEIR_TIMEOUT(0.5)
            goto out;
    }
    return 1;
out:
    return 2;
}

static int leave_blocks(void *arg)
{
    struct expiry *seen = arg;
    const weir_task *self = weir_current_task();
    int rounds = 0;

    for (int i = 0; i < 3; i++) {
        WEIR_TIMEOUT(1) {
            rounds++;
            if (i == 1)
                break;                          /* leaves the block, not the loop */
            if (i == 2)
                continue;
            rounds += 10;
        }
        rounds += 100;
    }
    seen->code[0] = rounds;
    seen->code[1] = return_from_block();
    seen->code[2] = goto_from_block();
    seen->expired[0] = self->deadline_ns == FOREVER;
    seen->code[3] = weir_sleep(10);
    return 0;
}

/* A scope that return or goto leaves open would limit the caller without anybody seeing why. */
START_TEST(a_timeout_block_runs_once_and_ends_however_it_is_left)
{
    struct expiry seen = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(leave_blocks, &seen), 0);
    ck_assert_int_eq(seen.code[0], 313);
    ck_assert_int_eq(seen.code[1], 1);
    ck_assert_int_eq(seen.code[2], 2);
    ck_assert(seen.expired[0]);
    ck_assert_int_eq(seen.code[3], 0);
}
END_TEST

START_TEST(outside_of_a_task_a_scope_does_nothing)
{
    weir_timeout scope;
    weir_timeout_begin(&scope, -1);
    ck_assert(!weir_timeout_end(&scope));
}
END_TEST

static int many_scopes(void *arg)
{
    const weir_task *self = weir_current_task();
    weir_timeout outer;

    (void)arg;
    weir_timeout_begin(&outer, 3);
    int64_t before = self->deadline_ns;
    for (int i = 0; i < 100000; i++) {
        weir_timeout inner;
        weir_timeout_begin(&inner, 1);
        weir_timeout_end(&inner);
    }
    int64_t drift = self->deadline_ns - before;
    return drift > -1000 && drift < 1000 ? 0 : -1;
}

/* The outer deadline goes through a double and back with each scope; rounded down each time it would creep forward. */
START_TEST(the_outer_deadline_does_not_drift)
{
    ck_assert_int_eq(weir_run(many_scopes, NULL), 0);
    clock_fake();
    for (int i = 0; i < 10; i++) {
        clock_advance(1e7 / 3);                 /* where a second's last bit is a nanosecond, and then more */
        ck_assert_int_eq(weir_run(many_scopes, NULL), 0);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *timeout = suite_create("core/timeout");

    TCase *expiry = tcase_create("expiry");
    tcase_add_test(expiry, every_wait_after_expiry_fails_until_the_scope_ends);
    tcase_add_test(expiry, a_call_that_need_not_wait_succeeds_after_expiry);
    tcase_add_test(expiry, a_scope_of_zero_or_less_has_expired_at_once);
    tcase_add_test(expiry, an_expiry_that_no_call_met_is_told_by_end_alone);
    tcase_add_test(expiry, who_was_told_that_time_is_over_finds_the_scope_expired);
    tcase_add_test(expiry, scopes_are_exact_on_a_machine_that_has_run_for_a_year);
    tcase_add_test(expiry, a_deadline_counts_for_all_waits_in_it_together);
    tcase_add_test(expiry, a_cancel_inside_a_scope_is_no_timeout);
    suite_add_tcase(timeout, expiry);

    TCase *scopes = tcase_create("scopes");
    tcase_add_test(scopes, the_earliest_of_nested_deadlines_counts_and_each_end_restores_the_outer);
    tcase_add_test(scopes, a_scope_that_was_never_ended_counts_until_an_enclosing_one_ends);
    tcase_add_test(scopes, a_timeout_block_runs_once_and_ends_however_it_is_left);
    tcase_add_test(scopes, outside_of_a_task_a_scope_does_nothing);
    tcase_add_test(scopes, the_outer_deadline_does_not_drift);
    suite_add_tcase(timeout, scopes);
    return timeout;
}
