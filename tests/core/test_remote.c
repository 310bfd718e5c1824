/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_remote.c  What core/remote.c promises: a call on another loop's thread, seen through to its end.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include <weir/loop.h>
#include <weir/run.h>
#include <weir/task.h>

#include "core/remote.h"
#include "core/sys_fault.h"
#include "lib/suite.h"

static atomic_int called;
static atomic_uint called_on;
static atomic_bool in_task;

static int note_where(void *arg)
{
    atomic_fetch_add(&called, 1);
    atomic_store(&called_on, weir_worker_index());
    atomic_store(&in_task, weir_current_task() != NULL);
    return *(int *)arg;
}

struct seen {
    int result;
    int code[4];
    atomic_bool over;
};

/* Worker 1 serves until worker 0 is through. */
static int two_workers(struct seen *seen, int (*first)(struct seen *seen))
{
    if (weir_worker_index() == 0) {
        int code = first(seen);
        atomic_store(&seen->over, true);
        return code;
    }
    while (!atomic_load(&seen->over))
        weir_sleep(0.0005);
    return 0;
}

static int call_there_and_here(struct seen *seen)
{
    seen->code[0] = weir__remote_call(weir_worker_loop(1), note_where, &seen->result);
    seen->code[1] = (int)atomic_load(&called_on);
    seen->code[2] = weir__remote_call(weir_worker_loop(0), note_where, &seen->result);
    seen->code[3] = (int)atomic_load(&called_on);
    return 0;
}

static int there_and_here(void *arg)
{
    return two_workers(arg, call_there_and_here);
}

START_TEST(a_remote_call_runs_on_that_loops_thread_and_an_own_one_at_once)
{
    struct seen seen = { .result = -EXDEV };

    ck_assert_int_eq(weir_run_workers(2, there_and_here, &seen), 0);
    ck_assert_int_eq(seen.code[0], -EXDEV);
    ck_assert_int_eq(seen.code[1], 1);
    ck_assert_int_eq(seen.code[2], -EXDEV);
    ck_assert_int_eq(seen.code[3], 0);
    ck_assert_int_eq(called, 2);
}
END_TEST

static int call_while_cancelled(struct seen *seen)
{
    weir_timeout scope;

    weir_timeout_begin(&scope, 0);
    weir_task_cancel(weir_current_task());
    seen->code[0] = weir__remote_call(weir_worker_loop(1), note_where, &seen->result);
    seen->code[1] = weir_yield();               /* the cancel was kept for this */
    seen->code[2] = weir_yield();               /* and the deadline for this */
    weir_timeout_end(&scope);
    seen->code[3] = weir_yield();
    return 0;
}

static int while_cancelled(void *arg)
{
    return two_workers(arg, call_while_cancelled);
}

/* Both sides would otherwise work on what the other has given up. */
START_TEST(neither_a_cancel_nor_a_deadline_cuts_a_remote_call_short)
{
    struct seen seen = { .result = 77 };

    ck_assert_int_eq(weir_run_workers(2, while_cancelled, &seen), 0);
    ck_assert_int_eq(seen.code[0], 77);
    ck_assert_int_eq(seen.code[1], -ECANCELED);
    ck_assert_int_eq(seen.code[2], -ETIMEDOUT);
    ck_assert_int_eq(seen.code[3], 0);
}
END_TEST

#define CALLS 300

static atomic_int callers_left;

static int call_the_next(void *arg)
{
    int code = 0;

    for (int i = 0; i < CALLS && code >= 0; i++)
        code = weir__remote_call(weir_worker_loop((weir_worker_index() + 1) % weir_worker_count()), note_where, arg);
    atomic_fetch_sub(&callers_left, 1);
    while (atomic_load(&callers_left) > 0)      /* the others still call us */
        weir_sleep(0.0005);
    return code < 0 ? code : 0;
}

START_TEST(loops_may_call_each_other_all_at_once)
{
    int result = 1;

    atomic_store(&callers_left, 4);
    ck_assert_int_eq(weir_run_workers(4, call_the_next, &result), 0);
    ck_assert_int_eq(called, 4 * CALLS);
}
END_TEST

static int call_it(void *loop)
{
    static int result = 5;

    return weir__remote_call(loop, note_where, &result);
}

static void *close_it(void *loop)
{
    weir_loop_close(loop);
    return NULL;
}

static int call_a_loop_that_closes(void *loop)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, close_it, loop) != 0)
        return -1;
    int code = call_it(loop);                   /* before or after the close: never unanswered */
    pthread_join(thread, NULL);
    return code;
}

/* FAULTS 39. The message lies in the inbox of a loop that will not run again. */
START_TEST(a_call_to_a_loop_that_closes_is_answered)
{
    for (int i = 0; i < 50; i++) {
        weir_loop *loop = weir_loop_new();
        ck_assert_int_eq(weir_run(call_a_loop_that_closes, loop), -ESHUTDOWN);
        ck_assert_int_eq(weir_run(call_it, loop), -ESHUTDOWN);
        weir_loop_free(loop);
    }
    ck_assert_int_eq(called, 0);
}
END_TEST

static int without_memory(void *loop)
{
    struct fault_plan plan = { .fail_at = 1 };

    weir__fault_begin(&plan);
    int code = call_it(loop);
    weir__fault_end();
    return code;
}

START_TEST(a_call_without_a_task_or_memory_is_refused)
{
    weir_loop *loop = weir_loop_new();

    ck_assert_int_eq(call_it(loop), WEIR_ENOTASK);
    ck_assert_int_eq(weir_run(without_memory, loop), -ENOMEM);
    weir_loop_free(loop);
    ck_assert_int_eq(called, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/remote");

    TCase *calls = tcase_create("calls");
    tcase_add_test(calls, a_remote_call_runs_on_that_loops_thread_and_an_own_one_at_once);
    tcase_add_test(calls, neither_a_cancel_nor_a_deadline_cuts_a_remote_call_short);
    tcase_add_test(calls, loops_may_call_each_other_all_at_once);
    tcase_add_test(calls, a_call_to_a_loop_that_closes_is_answered);
    tcase_add_test(calls, a_call_without_a_task_or_memory_is_refused);
    suite_add_tcase(s, calls);
    return s;
}
