/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_misuse.c  What a debug build promises for calls on the wrong thread: a code, and nothing changed (CV-10, ML-6).
 *
 * Also the small things every file includes: the list and the counters.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <weir/loop.h>
#include <weir/run.h>
#include <weir/task.h>

#include "core/counter.h"
#include "core/list.h"
#include "core/loop.h"
#include "lib/suite.h"
#include "lib/trace.h"

/* --- Threads -------------------------------------------------------------- */

static weir_loop *loop;
static weir_task *sleeper;
static weir_handle *handle;
static int codes[8];
static char detail[128];

static int sleep_long(void *arg)
{
    (void)arg;
    return weir_sleep(1000);
}

static void *misuse(void *arg)
{
    codes[0] = weir_task_cancel(sleeper);
    codes[1] = weir_task_join(sleeper);
    codes[2] = weir_loop_call_soon(loop, trace_cb, "x") == NULL ? WEIR_ESTATE : 0;
    snprintf(detail, sizeof detail, "%s", weir_error_detail());
    codes[3] = weir_loop_call_later(loop, 0, trace_cb, "x") == NULL ? WEIR_ESTATE : 0;
    codes[4] = weir_loop_add_signal_handler(loop, SIGUSR1, trace_cb, "x");
    codes[5] = weir_loop_run_in_executor(loop, trace_task, "x");
    codes[6] = weir_loop_remove_signal_handler(loop, SIGUSR1);
    weir_handle_cancel(handle);                 /* has no code: does nothing */
    codes[7] = weir_loop_call_soon_threadsafe(loop, trace_cb, "allowed");
    return arg;
}

static int misused(void *arg)
{
    pthread_t thread;

    loop = weir_get_running_loop();
    sleeper = weir_create_task(sleep_long, arg);
    handle = weir_loop_call_soon(loop, trace_cb, "kept ");
    if (pthread_create(&thread, NULL, misuse, arg) != 0)
        return -1;
    pthread_join(thread, NULL);
    weir_sleep(0.001);
    int code = weir_task_done(sleeper) ? -1 : 0;
    weir_task_unref(sleeper);
    return code;
}

START_TEST(a_call_from_another_thread_is_refused_and_changes_nothing)
{
    ck_assert_int_eq(weir_run(misused, NULL), 0);
    ck_assert_int_eq(codes[0], false);
    for (int i = 1; i <= 6; i++)
        ck_assert_int_eq(codes[i], WEIR_ESTATE);
    ck_assert_int_eq(codes[7], 0);
    ck_assert_ptr_nonnull(strstr(detail, "thread"));
    ck_assert_str_eq(trace_text, "kept allowed");
}
END_TEST

static sem_t running, finished;

static void *run_elsewhere(void *arg)
{
    (void)arg;
    codes[0] = weir_loop_run_forever(loop);
    sem_post(&finished);
    return NULL;
}

static void say_running(void *arg)
{
    sem_post(arg);
}

START_TEST(a_loop_that_runs_on_another_thread_is_busy)
{
    pthread_t thread;

    sem_init(&running, 0, 0);
    sem_init(&finished, 0, 0);
    loop = weir_loop_new();
    weir_loop_call_soon(loop, say_running, &running);
    ck_assert_int_eq(pthread_create(&thread, NULL, run_elsewhere, NULL), 0);
    sem_wait(&running);
    ck_assert(weir_loop_is_running(loop));
    ck_assert_int_eq(weir_loop_run_forever(loop), -EBUSY);
    ck_assert_int_eq(weir_loop_close(loop), -EBUSY);
    weir_loop_stop(loop);
    pthread_join(thread, NULL);
    ck_assert_int_eq(codes[0], 0);
    weir_loop_free(loop);
}
END_TEST

/* --- Lists ---------------------------------------------------------------- */

struct node {
    int number;
    struct list link;
};

static int take(struct list *head)
{
    return list_entry(list_take_first(head), struct node, link)->number;
}

START_TEST(a_node_leaves_a_list_from_anywhere_and_may_leave_again)
{
    struct list head, other;
    struct node nodes[5];

    list_init(&head);
    for (int i = 0; i < 5; i++) {
        nodes[i].number = i;
        list_append(&head, &nodes[i].link);
    }
    list_remove(&nodes[0].link);
    list_remove(&nodes[2].link);
    list_remove(&nodes[2].link);
    list_remove(&nodes[4].link);
    list_move_all(&head, &other);
    ck_assert(list_empty(&head));
    ck_assert_int_eq(take(&other), 1);
    list_append(&other, &nodes[2].link);
    ck_assert_int_eq(take(&other), 3);
    ck_assert_int_eq(take(&other), 2);
    ck_assert(list_empty(&other));
    list_move_all(&head, &other);               /* of nothing */
    ck_assert(list_empty(&head) && list_empty(&other));
}
END_TEST

/* --- Counters ------------------------------------------------------------- */

static int count_work(void *arg)
{
    uint64_t *values = arg;
    const struct counters *counters = &weir_get_running_loop()->counters;

    for (int i = 0; i < 5; i++)
        weir_spawn(trace_task, "t");
    weir_yield();
    values[0] = weir__counter_read(counters, COUNTER_TASKS);
    values[1] = weir__counter_read(counters, COUNTER_SWITCHES);
    values[2] = weir__counter_read(counters, COUNTER_ACCEPTED);
    return 0;
}

START_TEST(a_loop_counts_its_tasks_and_switches)
{
    uint64_t values[3];

    ck_assert_int_eq(weir_run(count_work, values), 0);
    ck_assert_uint_eq(values[0], 6);            /* and main */
    ck_assert_uint_eq(values[1], 7);            /* main twice */
    ck_assert_uint_eq(values[2], 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/misuse");

    TCase *threads = tcase_create("threads");
    tcase_add_test(threads, a_call_from_another_thread_is_refused_and_changes_nothing);
    tcase_add_test(threads, a_loop_that_runs_on_another_thread_is_busy);
    suite_add_tcase(s, threads);

    TCase *small = tcase_create("small things");
    tcase_add_test(small, a_node_leaves_a_list_from_anywhere_and_may_leave_again);
    tcase_add_test(small, a_loop_counts_its_tasks_and_switches);
    suite_add_tcase(s, small);
    return s;
}
