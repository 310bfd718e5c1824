/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_task_cancel.c  What core/task_api.c promises about cancelling: told once, where the task waits.
 */
#include <errno.h>

#include <weir/run.h>
#include <weir/task.h>

#include "core/task.h"
#include "lib/clock.h"
#include "lib/suite.h"
#include "lib/trace.h"

struct cancelled {
    bool asked[4];
    int code[4];
};

static int cancel_before_start(void *arg)
{
    struct cancelled *seen = arg;
    weir_task *task = weir_create_task(trace_task, "ran");

    seen->asked[0] = weir_task_cancel(task);
    seen->code[0] = weir_task_join(task);
    seen->asked[1] = weir_task_cancel(task);
    weir_task_unref(task);
    return 0;
}

/* C119, TS-1. The stack is there already, so it is easy to run the body and let its first wait fail. */
START_TEST(a_task_cancelled_before_its_first_step_never_runs)
{
    struct cancelled seen = { 0 };

    ck_assert_int_eq(weir_run(cancel_before_start, &seen), 0);
    ck_assert_str_eq(trace_text, "");
    ck_assert_int_eq(seen.code[0], -ECANCELED);
    ck_assert(seen.asked[0]);
    ck_assert(!seen.asked[1]);                  /* done: false */
}
END_TEST

static int swallow(void *arg)
{
    struct cancelled *seen = arg;

    seen->code[0] = weir_sleep(1000);
    seen->code[1] = weir_sleep(1);              /* waits again: the request was met */
    return 42;
}

static int cancel_parked(void *arg)
{
    struct cancelled *seen = arg;
    weir_task *task = weir_create_task(swallow, seen);

    weir_yield();
    seen->asked[0] = weir_task_cancel(task);
    seen->asked[1] = weir_task_cancel(task);    /* before it could run: still the same request */
    seen->code[2] = weir_task_join(task);
    seen->asked[2] = weir_task_cancel(task);
    weir_task_unref(task);
    return (int)clock_now();
}

/* C119. asked twice before the task could run, asyncio throws once too; a second -ECANCELED would hit the clean-up. */
START_TEST(a_parked_task_is_told_once_and_may_swallow_it)
{
    struct cancelled seen = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(cancel_parked, &seen), 1);
    ck_assert_int_eq(seen.code[0], -ECANCELED);
    ck_assert_int_eq(seen.code[1], 0);
    ck_assert_int_eq(seen.code[2], 42);
    ck_assert(seen.asked[0] && seen.asked[1]);
    ck_assert(!seen.asked[2]);
}
END_TEST

static int cancel_self(void *arg)
{
    int *codes = arg;

    weir_task_cancel(weir_current_task());
    codes[0] = weir_sleep(1);
    codes[1] = weir_sleep(1);
    weir_task_cancel(weir_current_task());
    codes[2] = weir_yield();
    codes[3] = weir_yield();
    weir_task_cancel(weir_current_task());      /* met by nothing any more (B 17) */
    return 7;
}

/* B 17. The request waits in the task for its next wait, whichever call that is, and for no other. */
START_TEST(a_running_task_meets_its_cancel_in_its_next_wait_or_never)
{
    int codes[4];

    clock_fake();
    ck_assert_int_eq(weir_run(cancel_self, codes), 7);
    ck_assert_int_eq(codes[0], -ECANCELED);
    ck_assert_int_eq(codes[1], 0);
    ck_assert_int_eq(codes[2], -ECANCELED);
    ck_assert_int_eq(codes[3], 0);
}
END_TEST

static int yield_and_sleep(void *arg)
{
    int *codes = arg;

    codes[0] = weir_yield();
    codes[1] = weir_sleep(1);
    return 0;
}

static int cancel_in_yield(void *arg)
{
    weir_task *task = weir_create_task(yield_and_sleep, arg);

    weir_yield();
    weir_task_cancel(task);                     /* it stands in its yield */
    int code = weir_task_join(task);
    weir_task_unref(task);
    return code;
}

/* A yielding task is ready and not parked; the call in which it waits is the yield all the same. */
START_TEST(a_task_cancelled_in_a_yield_is_told_there)
{
    int codes[2];

    clock_fake();
    ck_assert_int_eq(weir_run(cancel_in_yield, codes), 0);
    ck_assert_int_eq(codes[0], -ECANCELED);
    ck_assert_int_eq(codes[1], 0);
}
END_TEST

static int wake_and_cancel(void *arg)
{
    int *codes = arg;
    weir_task *task = weir_create_task(swallow, &(struct cancelled) { 0 });

    weir_yield();
    weir__task_wake(task, 0);                   /* its wait is over; it has not run yet */
    weir_task_cancel(task);
    codes[0] = weir_task_join(task);
    weir_task_unref(task);
    return 0;
}

/* What was waited for came first: it is not lost, and neither is the request, which the second sleep meets. */
START_TEST(a_cancel_after_the_wake_up_is_kept_for_the_next_wait)
{
    int codes[1];

    clock_fake();
    ck_assert_int_eq(weir_run(wake_and_cancel, codes), 0);
    ck_assert_int_eq(codes[0], 42);
    ck_assert_double_le(clock_now(), 0.5);
}
END_TEST

Suite *suite(void)
{
    Suite *cancel = suite_create("core/task_cancel");

    TCase *cancelling = tcase_create("cancelling");
    tcase_add_test(cancelling, a_task_cancelled_before_its_first_step_never_runs);
    tcase_add_test(cancelling, a_parked_task_is_told_once_and_may_swallow_it);
    tcase_add_test(cancelling, a_running_task_meets_its_cancel_in_its_next_wait_or_never);
    tcase_add_test(cancelling, a_task_cancelled_in_a_yield_is_told_there);
    tcase_add_test(cancelling, a_cancel_after_the_wake_up_is_kept_for_the_next_wait);
    suite_add_tcase(cancel, cancelling);
    return cancel;
}
