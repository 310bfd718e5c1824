/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_last_resort.c  What server/last_resort.c promises: when the process is ended, and when it is not.
 *
 * At made-up times; that a handler which never ends is met by it is tried on the whole program (tests/program/stubborn.py).
 */
#include "server/last_resort.h"

#include <signal.h>
#include <stdatomic.h>

#include <weir/loop.h>

#include "lib/suite.h"

#define SECOND 1000000000LL
#define DRAIN  10.0
#define BEGIN  (1000 * SECOND)

static int ended;

static void end(void *arg)
{
    ++*(int *)arg;
}

static struct serve_plan plan;
static struct last_resort resort = { .plan = &plan, .drain = DRAIN, .stuck = end, .arg = &ended };

START_TEST(without_a_stop_it_waits_for_ever)
{
    last_resort_look(&resort, BEGIN);
    last_resort_look(&resort, BEGIN + 1000000 * SECOND);
    last_resort_tick(&resort);
    ck_assert_int_eq(ended, 0);
}
END_TEST

START_TEST(after_the_end_that_the_drain_has_set_there_is_a_moment_more_and_no_longer)
{
    int64_t end_ns = BEGIN + 5 * SECOND, mercy = (int64_t)(LAST_RESORT_MERCY * SECOND);

    atomic_store(&plan.end_by_ns, end_ns);
    last_resort_look(&resort, end_ns);
    last_resort_look(&resort, end_ns + mercy - 1);
    ck_assert_int_eq(ended, 0);
    atomic_store(&plan.end_by_ns, end_ns - SECOND);     /* a second stop: it is earlier now */
    last_resort_look(&resort, end_ns + mercy - SECOND);
    ck_assert_int_eq(ended, 1);
}
END_TEST

static void never(void *arg)
{
    end(arg);
}

/* Worker 0 is the one that hears it, and does not. */
START_TEST(a_stop_that_nobody_hears_has_its_time_from_when_it_was_seen)
{
    weir_loop *loop = weir_loop_new();
    int64_t whole = (int64_t)((DRAIN + SERVE_GRACE + LAST_RESORT_MERCY) * SECOND);

    ck_assert_int_eq(weir_loop_add_signal_handler(loop, SIGTERM, never, &ended), 0);
    last_resort_look(&resort, BEGIN);
    raise(SIGTERM);
    last_resort_look(&resort, BEGIN + 5 * SECOND);
    last_resort_look(&resort, BEGIN + 5 * SECOND + whole - 1);
    ck_assert_int_eq(ended, 0);
    last_resort_look(&resort, BEGIN + 5 * SECOND + whole);
    ck_assert_int_eq(ended, 1);
    weir_loop_free(loop);
}
END_TEST

START_TEST(a_stop_that_was_heard_late_begins_anew)
{
    weir_loop *loop = weir_loop_new();
    int heard = 0;

    ck_assert_int_eq(weir_loop_add_signal_handler(loop, SIGQUIT, never, &heard), 0);
    raise(SIGQUIT);
    last_resort_look(&resort, BEGIN);
    weir_loop_stop(loop);
    ck_assert_int_eq(weir_loop_run_forever(loop), 0);
    ck_assert_int_eq(heard, 1);
    last_resort_look(&resort, BEGIN + SECOND);
    raise(SIGQUIT);
    last_resort_look(&resort, BEGIN + 1000 * SECOND);
    ck_assert_int_eq(ended, 0);
    weir_loop_free(loop);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("server/last_resort");
    TCase *time = tcase_create("time");

    tcase_add_test(time, without_a_stop_it_waits_for_ever);
    tcase_add_test(time, after_the_end_that_the_drain_has_set_there_is_a_moment_more_and_no_longer);
    tcase_add_test(time, a_stop_that_nobody_hears_has_its_time_from_when_it_was_seen);
    tcase_add_test(time, a_stop_that_was_heard_late_begins_anew);
    suite_add_tcase(s, time);
    return s;
}
