/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_run.c  What core/run.c promises: a main, and the end of everything it started (EL-12).
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <weir/loop.h>
#include <weir/run.h>
#include <weir/task.h>

#include "core/error.h"
#include "core/sys_fault.h"
#include "lib/clock.h"
#include "lib/each_fault.h"
#include "lib/suite.h"
#include "lib/trace.h"

/* --- The end -------------------------------------------------------------- */

static int clean_up_slowly(void *word)
{
    int code = weir_sleep(1000);

    trace(code == -ECANCELED ? "c" : "?");
    if (weir_sleep(1) == 0)                     /* cleaning up may wait */
        trace(word);
    return code;
}

static int leave_three(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++)
        weir_spawn(clean_up_slowly, "e");
    weir_yield();
    trace("m");
    return 9;
}

/* EL-12. Closing the loop at once would free stacks with half-done work on them. */
START_TEST(the_other_tasks_are_cancelled_and_awaited_when_main_returns)
{
    clock_fake();
    ck_assert_int_eq(weir_run(leave_three, NULL), 9);
    ck_assert_str_eq(trace_text, "mccceee");
    ck_assert_double_ge(clock_now(), 1);
    ck_assert_double_le(clock_now(), 1.1);
}
END_TEST

static int spawn_another(void *arg)
{
    int *left = arg;
    int code = weir_sleep(1000);

    trace(code == -ECANCELED ? "c" : "?");
    if (--*left > 0)
        weir_spawn(spawn_another, left);
    weir_yield();
    trace("e");
    return 0;
}

static int begin_chain(void *arg)
{
    weir_spawn(spawn_another, arg);
    weir_yield();
    return 0;
}

/* What comes while the others end is told too: as asyncio cancels what it finds once, a late task would hang the run. A
 * task that has not begun never runs. */
START_TEST(tasks_made_during_the_end_are_cancelled_too)
{
    int left = 5;

    clock_fake();
    ck_assert_int_eq(weir_run(begin_chain, &left), 0);
    ck_assert_str_eq(trace_text, "ce");
    ck_assert_int_eq(left, 4);
}
END_TEST

static int callback_later(void *arg)
{
    (void)arg;
    weir_loop_call_later(weir_get_running_loop(), 1, trace_cb, "never");
    weir_loop_call_soon(weir_get_running_loop(), trace_cb, "maybe");
    return 0;
}

START_TEST(timers_do_not_keep_a_run_alive)
{
    clock_fake();
    ck_assert_int_eq(weir_run(callback_later, NULL), 0);
    ck_assert_ptr_null(strstr(trace_text, "never"));
    ck_assert_double_le(clock_now(), 0.5);
}
END_TEST

static int stop_early(void *arg)
{
    (void)arg;
    weir_spawn(clean_up_slowly, "e");
    weir_yield();
    weir_loop_stop(weir_get_running_loop());
    int code = weir_sleep(1000);
    trace(code == -ECANCELED ? "M" : "?");
    return 5;
}

/* EL-7. Main has not come to its end by itself, and is then one of the tasks that are told and awaited. */
START_TEST(a_stop_before_main_ends_is_told_and_main_is_awaited)
{
    clock_fake();
    ck_assert_int_eq(weir_run(stop_early, NULL), WEIR_ESTATE);
    ck_assert_ptr_nonnull(strstr(weir_error_detail(), "stopped"));
    ck_assert_int_eq((int)strlen(trace_text), 3);
    ck_assert_ptr_nonnull(strchr(trace_text, 'M'));
    ck_assert_ptr_nonnull(strchr(trace_text, 'e'));
}
END_TEST

static int cancel_main(void *arg)
{
    (void)arg;
    weir_task_cancel(weir_current_task());
    return weir_yield();
}

START_TEST(a_cancelled_main_is_the_result_of_the_run)
{
    ck_assert_int_eq(weir_run(cancel_main, NULL), -ECANCELED);
    ck_assert_str_eq(weir_error_detail(), weir_strerror(-ECANCELED));
}
END_TEST

/* --- Where it may be called ------------------------------------------------ */

static int zero(void *arg)
{
    (void)arg;
    return 0;
}

static int nested[3];

static void run_in_callback(void *arg)
{
    (void)arg;
    nested[1] = weir_run(zero, NULL);
}

static int run_in_task(void *arg)
{
    nested[0] = weir_run(zero, arg);
    weir_loop_call_soon(weir_get_running_loop(), run_in_callback, NULL);
    weir_yield();
    nested[2] = weir_run_workers(2, zero, arg);
    return 0;
}

START_TEST(a_run_inside_a_run_is_refused)
{
    ck_assert_int_eq(weir_run(run_in_task, NULL), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(nested[i], -EBUSY);
    ck_assert_int_eq(weir_run(zero, NULL), 0);  /* and nothing stuck */
}
END_TEST

static void *run_beside(void *arg)
{
    (void)arg;
    return weir_run(cancel_main, NULL) == -ECANCELED ? NULL : &nested;
}

START_TEST(threads_may_each_have_their_own_run)
{
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_beside, NULL), 0);
    for (int i = 0; i < 4; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        ck_assert_ptr_null(failed);
    }
}
END_TEST

/* --- What the caller gets -------------------------------------------------- */

static int fail_with_text(void *arg)
{
    (void)arg;
    return weir__fail_text(-EPERM, "gate %d is shut", 7);
}

static int fail_beside(void *arg)
{
    (void)arg;
    weir__fail_text(-EIO, "another task's");
    return 0;
}

static int fail_while_others_fail(void *arg)
{
    weir_spawn(fail_beside, NULL);
    int code = fail_with_text(arg);
    weir_yield();
    weir_yield();
    return code;
}

/* The text lies in the task, whose stack is gone when the caller reads it. */
START_TEST(the_detail_of_mains_failure_is_the_callers_after_the_run)
{
    ck_assert_int_eq(weir_run(fail_while_others_fail, NULL), -EPERM);
    ck_assert_str_eq(weir_error_detail(), "gate 7 is shut");

    weir_loop *loop = weir_loop_new();
    ck_assert_int_eq(weir_loop_run_until_complete(loop, fail_with_text, NULL), -EPERM);
    weir_loop_free(loop);
    ck_assert_str_eq(weir_error_detail(), "gate 7 is shut");
}
END_TEST

static int look_at_the_mask(void *blocked)
{
    sigset_t now;

    pthread_sigmask(SIG_SETMASK, NULL, &now);
    *(int *)blocked = sigismember(&now, SIGPIPE);
    return raise(SIGPIPE) == 0 ? 3 : -1;
}

static int run_a_loop_by_hand(int (*fn)(void *), void *arg)
{
    weir_loop *loop = weir_loop_new();
    int code = weir_loop_run_until_complete(loop, fn, arg);

    weir_loop_free(loop);
    return code;
}

/* FAULTS 25. A write to a pipe nobody reads must not end the server, also not later, when the mask is put back and what was
 * raised is pending; and a mask that stays would surprise the program. */
START_TEST(sigpipe_is_blocked_during_the_run_and_the_mask_is_put_back)
{
    int blocked = 0;
    sigset_t before, after;

    pthread_sigmask(SIG_SETMASK, NULL, &before);
    if (_i == 0)
        ck_assert_int_eq(weir_run(look_at_the_mask, &blocked), 3);
    else if (_i == 1)
        ck_assert_int_eq(run_a_loop_by_hand(look_at_the_mask, &blocked), 3);
    else
        ck_assert_int_eq(weir_run_workers(1, look_at_the_mask, &blocked), 0);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    ck_assert_int_eq(blocked, 1);
    ck_assert_int_eq(sigismember(&before, SIGPIPE), sigismember(&after, SIGPIPE));
}
END_TEST

/* --- Every call fails in turn ---------------------------------------------- */

static void count_cb(void *arg)
{
    ++*(int *)arg;
}

static int blocking_work(void *arg)
{
    ++*(int *)arg;
    return 1;
}

static int small_task(void *arg)
{
    int code = weir_sleep(0.0001);

    ++*(int *)arg;
    return code;
}

/* Everything core has, once; what a failure makes of it is its own business, the end is not. */
static int a_bit_of_everything(void *arg)
{
    weir_loop *loop = weir_get_running_loop();
    weir_task *task = weir_create_task(small_task, arg);
    weir_handle *later = weir_loop_call_later(loop, 100, count_cb, arg);
    int code = weir_spawn(small_task, arg);

    weir_loop_call_soon(loop, count_cb, arg);
    weir_loop_call_soon_threadsafe(loop, count_cb, arg);
    weir_loop_add_signal_handler(loop, SIGUSR1, count_cb, arg);
    WEIR_TIMEOUT(100) {
        weir_task_set_name(weir_current_task(), "everything");
        weir_sleep(0.0001);
        weir_yield();
    }
    static int blocking_runs;                   /* not in this frame: a thread counts here */
    weir_loop_run_in_executor(loop, blocking_work, &blocking_runs);
    weir_handle_cancel(later);
    if (task != NULL)
        weir_task_join(task);
    weir_task_unref(task);
    return code < 0 ? weir__fail_text(code, "spawn: %s", weir_strerror(code)) : 0;
}

static int run_everything(void *arg)
{
    return weir_run(a_bit_of_everything, arg);
}

/* FAULTS 2, 3: no crash, no hang, and nothing left over for the leak checkers. */
START_TEST(a_run_survives_every_single_failing_call)
{
    int count = 0;

    ck_assert_uint_ge(each_fault(FAULT_ANY, false, run_everything, &count), 10);
}
END_TEST

START_TEST(a_run_survives_every_call_failing_from_one_on)
{
    int count = 0;

    ck_assert_uint_ge(each_fault(FAULT_OF(SYS_ALLOC), true, run_everything, &count), 5);
    ck_assert_uint_ge(each_fault(FAULT_OF(SYS_ALLOC) | FAULT_OF(SYS_MMAP) | FAULT_OF(SYS_MPROTECT) | FAULT_OF(SYS_MADVISE),
                                 true, run_everything, &count), 5);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/run");

    TCase *end = tcase_create("end");
    tcase_add_test(end, the_other_tasks_are_cancelled_and_awaited_when_main_returns);
    tcase_add_test(end, tasks_made_during_the_end_are_cancelled_too);
    tcase_add_test(end, timers_do_not_keep_a_run_alive);
    tcase_add_test(end, a_stop_before_main_ends_is_told_and_main_is_awaited);
    tcase_add_test(end, a_cancelled_main_is_the_result_of_the_run);
    suite_add_tcase(s, end);

    TCase *calling = tcase_create("calling");
    tcase_add_test(calling, a_run_inside_a_run_is_refused);
    tcase_add_test(calling, threads_may_each_have_their_own_run);
    tcase_add_test(calling, the_detail_of_mains_failure_is_the_callers_after_the_run);
    tcase_add_loop_test(calling, sigpipe_is_blocked_during_the_run_and_the_mask_is_put_back, 0, 3);
    suite_add_tcase(s, calling);

    TCase *faults = tcase_create("faults");
    tcase_add_test(faults, a_run_survives_every_single_failing_call);
    tcase_add_test(faults, a_run_survives_every_call_failing_from_one_on);
    suite_add_tcase(s, faults);
    return s;
}
