/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_loop_close.c  What core/loop.c promises where a loop begins, ends or has somebody to tell of a failure.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include <weir/loop.h>
#include <weir/run.h>
#include <weir/task.h>

#include "core/loop.h"
#include "lib/each_fault.h"
#include "lib/suite.h"
#include "lib/trace.h"

static weir_loop *loop;

static int return_five(void *arg)
{
    (void)arg;
    return 5;
}

/* --- Closing -------------------------------------------------------------- */

static int leave_calls_behind(void *arg)
{
    (void)arg;
    weir_loop_call_soon(loop, trace_cb, "never");
    weir_loop_call_later(loop, 1000, trace_cb, "never");
    weir_loop_call_soon_threadsafe(loop, trace_cb, "never");
    return 0;
}

/* C116, EL-8. What is dropped is dropped whole: the leak checkers look at this test. */
START_TEST(closing_drops_what_is_queued_and_answers_with_codes_from_then_on)
{
    loop = weir_loop_new();
    ck_assert_int_eq(weir_loop_run_until_complete(loop, leave_calls_behind, NULL), 0);
    ck_assert(!weir_loop_is_closed(loop));
    ck_assert_int_eq(weir_loop_close(loop), 0);
    ck_assert(weir_loop_is_closed(loop));
    ck_assert_int_eq(weir_loop_close(loop), 0);

    ck_assert_ptr_null(weir_loop_call_soon(loop, trace_cb, "x"));
    ck_assert_ptr_null(weir_loop_call_later(loop, 0, trace_cb, "x"));
    ck_assert_ptr_null(weir_loop_call_at(loop, 0, trace_cb, "x"));
    ck_assert_int_eq(weir_loop_call_soon_threadsafe(loop, trace_cb, "x"), -ESHUTDOWN);
    ck_assert_int_eq(weir_loop_run_forever(loop), -ESHUTDOWN);
    ck_assert_int_eq(weir_loop_run_until_complete(loop, return_five, NULL), -ESHUTDOWN);
    ck_assert_int_eq(weir_loop_add_signal_handler(loop, SIGUSR1, trace_cb, "x"), -ESHUTDOWN);
    ck_assert_int_eq(weir_loop_remove_signal_handler(loop, SIGUSR1), 0);
    ck_assert_ptr_null(weir_loop_ev(loop));
    ck_assert_double_gt(weir_loop_time(loop), 0);
    weir_loop_stop(loop);
    ck_assert_str_eq(trace_text, "");
    ck_assert_uint_eq(loop->handles.live, 0);
    weir_loop_free(loop);
    weir_loop_free(NULL);
}
END_TEST

static int wait_for_ever(void *name)
{
    weir_task_set_name(weir_current_task(), name);
    weir_task_join(weir_current_task());        /* refused: leaves a detail behind */
    int code = weir_sleep(1e9);
    trace(code == -ECANCELED ? "c" : "?");
    weir_yield();
    trace(name);
    return code;
}

static int leave_tasks_behind(void *arg)
{
    (void)arg;
    weir_spawn(wait_for_ever, "parked");
    weir_yield();
    weir_spawn(wait_for_ever, "not begun");
    return 0;
}

/* Tasks hold what only they can let go of: memory, connections, threads' work. */
START_TEST(closing_cancels_the_tasks_that_are_left_and_waits_for_their_end)
{
    loop = weir_loop_new();
    ck_assert_int_eq(weir_loop_run_until_complete(loop, leave_tasks_behind, NULL), 0);
    ck_assert_int_eq(weir_loop_close(loop), 0);
    ck_assert_str_eq(trace_text, "cparked");
    ck_assert(list_empty(&loop->tasks));
    weir_loop_free(loop);
}
END_TEST

/* --- Failures nobody else gets -------------------------------------------- */

static int fail_named(void *arg)
{
    weir_task_set_name(weir_current_task(), arg);
    return -EIO;
}

static void note_failure(weir_loop *of, int code, const char *message, void *arg)
{
    if (of == loop && code == -EIO)
        trace(message);
    trace(arg);
}

static void note_line(int level, const char *message, void *arg)
{
    (void)arg;
    if (level == 3 && strstr(message, "code=-5") != NULL && strstr(message, "error=\"") != NULL)
        trace("[logged]");
}

static int fail_twice(void *arg)
{
    (void)arg;
    loop = weir_get_running_loop();
    weir_loop_set_exception_handler(loop, note_failure, "!");
    weir_spawn(fail_named, "bee");
    weir_spawn(trace_task, " next ");
    weir_yield();
    weir_yield();
    weir_loop_set_exception_handler(loop, NULL, NULL);
    weir_spawn(fail_named, "ant");
    weir_yield();
    return weir_yield();
}

/* C118, EL-11: whoever is told, the loop goes on with the next. */
START_TEST(an_unasked_failure_goes_to_the_handler_or_else_to_the_log)
{
    weir_set_log(note_line, NULL, 0);
    ck_assert_int_eq(weir_run(fail_twice, NULL), 0);
    ck_assert_str_eq(trace_text, "bee failed! next [logged]");
}
END_TEST

/* --- Without memory or descriptors ---------------------------------------- */

static int make_and_free(void *arg)
{
    weir_loop *made = weir_loop_new();

    (void)arg;
    if (made == NULL)
        return strlen(weir_error_detail()) > 0 ? -1 : -2;
    weir_loop_free(made);
    return 0;
}

START_TEST(a_loop_that_cannot_be_made_is_null_with_a_reason)
{
    uint64_t failures = each_fault(FAULT_ANY, false, make_and_free, NULL);

    ck_assert_uint_ge(failures, 3);             /* its memory, the eventfd, libev's reserve */
    failures = each_fault(FAULT_ANY, true, make_and_free, NULL);
    ck_assert_uint_ge(failures, 3);
}
END_TEST

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

/* FAULTS 26: starts or refuses, at every number of descriptors. */
START_TEST(with_too_few_descriptors_a_run_is_refused_and_nothing_leaks)
{
    struct rlimit limit;
    bool refused = false, ran = false;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlim_t before = limit.rlim_cur;
    for (rlim_t n = 0; n < 64; n++) {
        limit.rlim_cur = n;
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
        int code = weir_run(nothing, NULL);
        limit.rlim_cur = before;
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
        refused = refused || code == -EMFILE;
        ran = code == 0;
        ck_assert_msg(code == 0 || code == -EMFILE, "with %d descriptors: %d", (int)n, code);
    }
    ck_assert(refused && ran);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/loop_close");

    TCase *ending = tcase_create("ending");
    tcase_add_test(ending, closing_drops_what_is_queued_and_answers_with_codes_from_then_on);
    tcase_add_test(ending, closing_cancels_the_tasks_that_are_left_and_waits_for_their_end);
    tcase_add_test(ending, an_unasked_failure_goes_to_the_handler_or_else_to_the_log);
    tcase_add_test(ending, a_loop_that_cannot_be_made_is_null_with_a_reason);
    tcase_add_test(ending, with_too_few_descriptors_a_run_is_refused_and_nothing_leaks);
    suite_add_tcase(s, ending);
    return s;
}
