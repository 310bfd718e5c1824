/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_loop_signal.c  What core/loop_signal.c promises: signals as plain callbacks of one loop (EL-10).
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include <weir/loop.h>
#include <weir/run.h>
#include <weir/task.h>

#include "core/loop.h"
#include "core/loop_signal.h"
#include "core/sys_fault.h"
#include "lib/suite.h"
#include "lib/trace.h"

static weir_loop *loop, *other;

static int one_pass(weir_loop *of)
{
    weir_loop_stop(of);
    return weir_loop_run_forever(of);
}

static void make_loops(void)
{
    loop = weir_loop_new();
    other = weir_loop_new();
}

static void free_loops(void)
{
    weir_loop_free(loop);
    weir_loop_free(other);
}

static void (*action_of(int sig))(int)
{
    struct sigaction now;

    ck_assert_int_eq(sigaction(sig, NULL, &now), 0);
    return now.sa_handler;
}

static void note_where(void *word)
{
    if (weir_get_running_loop() == loop && weir_current_task() == NULL)
        trace(word);
}

/* C117. It runs in the loop and may do what a callback may: nothing at all happens in the real handler. */
START_TEST(a_signal_is_a_plain_callback_of_its_loop_and_a_second_handler_replaces_the_first)
{
    ck_assert_int_eq(weir_loop_add_signal_handler(loop, SIGUSR1, note_where, "old"), 0);
    ck_assert_int_eq(weir_loop_add_signal_handler(loop, SIGUSR1, note_where, "new"), 0);
    ck_assert(!weir__signal_waiting(SIGUSR1));
    raise(SIGUSR1);
    ck_assert_str_eq(trace_text, "");
    ck_assert(weir__signal_waiting(SIGUSR1));
    ck_assert(!weir__signal_waiting(SIGUSR2) && !weir__signal_waiting(0) && !weir__signal_waiting(9999));
    ck_assert_int_eq(one_pass(other), 0);
    ck_assert_str_eq(trace_text, "");
    ck_assert_int_eq(one_pass(loop), 0);
    ck_assert_str_eq(trace_text, "new");
    ck_assert(!weir__signal_waiting(SIGUSR1));
    ck_assert_int_eq(one_pass(loop), 0);
    ck_assert_str_eq(trace_text, "new");
}
END_TEST

/* C117. SIGKILL is a signal, so it is the state and not the argument that is wrong. */
START_TEST(numbers_that_are_no_signal_and_signals_that_cannot_be_caught_have_their_codes)
{
    static const int none[] = { 0, -1, 9999, 65, -9 };

    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        ck_assert_int_eq(weir_loop_add_signal_handler(loop, none[i], trace_cb, "x"), -EINVAL);
        ck_assert_int_eq(weir_loop_remove_signal_handler(loop, none[i]), -EINVAL);
    }
    ck_assert_int_eq(weir_loop_add_signal_handler(loop, SIGKILL, trace_cb, "x"), WEIR_ESTATE);
    ck_assert_int_eq(weir_loop_add_signal_handler(loop, SIGSTOP, trace_cb, "x"), WEIR_ESTATE);
    ck_assert_int_eq(weir_loop_remove_signal_handler(loop, SIGKILL), 0);
}
END_TEST

/* C117. Putting SIG_DFL in the place of what the program had would end it at the next signal. */
START_TEST(removing_puts_back_what_was_there_before)
{
    ck_assert_int_eq(weir_loop_remove_signal_handler(loop, SIGUSR1), 0);
    ck_assert_int_eq(weir_loop_add_signal_handler(loop, SIGUSR1, trace_cb, "x"), 0);
    ck_assert_int_eq(weir_loop_remove_signal_handler(other, SIGUSR1), 0);       /* not that loop's */
    ck_assert_ptr_ne(action_of(SIGUSR1), SIG_DFL);
    ck_assert_int_eq(weir_loop_remove_signal_handler(loop, SIGUSR1), 1);
    ck_assert_int_eq(weir_loop_remove_signal_handler(loop, SIGUSR1), 0);
    ck_assert_ptr_eq(action_of(SIGUSR1), SIG_DFL);

    signal(SIGUSR2, SIG_IGN);
    ck_assert_int_eq(weir_loop_add_signal_handler(loop, SIGUSR2, trace_cb, "x"), 0);
    ck_assert_int_eq(weir_loop_add_signal_handler(loop, SIGUSR2, trace_cb, "y"), 0);
    ck_assert_int_eq(weir_loop_remove_signal_handler(loop, SIGUSR2), 1);
    ck_assert_ptr_eq(action_of(SIGUSR2), SIG_IGN);
}
END_TEST

/* libev aborts the process here. */
START_TEST(a_signal_belongs_to_one_loop_until_it_lets_go)
{
    ck_assert_int_eq(weir_loop_add_signal_handler(loop, SIGUSR1, trace_cb, "a"), 0);
    ck_assert_int_eq(weir_loop_add_signal_handler(other, SIGUSR1, trace_cb, "b"), WEIR_ESTATE);
    ck_assert_int_eq(weir_loop_add_signal_handler(other, SIGUSR2, trace_cb, "c"), 0);
    weir_loop_close(loop);
    ck_assert_ptr_eq(action_of(SIGUSR1), SIG_DFL);
    ck_assert_int_eq(weir_loop_add_signal_handler(other, SIGUSR1, trace_cb, "d"), 0);
    raise(SIGUSR1);
    raise(SIGUSR2);
    ck_assert_int_eq(one_pass(other), 0);
    ck_assert_str_eq(trace_text, "dc");         /* 10 and 12 */
}
END_TEST

START_TEST(a_signal_that_came_for_a_removed_handler_is_not_told_to_the_next)
{
    ck_assert_int_eq(weir_loop_add_signal_handler(loop, SIGUSR1, trace_cb, "a"), 0);
    raise(SIGUSR1);
    ck_assert_int_eq(weir_loop_remove_signal_handler(loop, SIGUSR1), 1);
    ck_assert_int_eq(weir_loop_add_signal_handler(loop, SIGUSR1, trace_cb, "b"), 0);
    ck_assert_int_eq(one_pass(loop), 0);
    ck_assert_str_eq(trace_text, "");
}
END_TEST

static void remove_both(void *arg)
{
    (void)arg;
    trace("r");
    weir_loop_remove_signal_handler(loop, SIGUSR1);
    weir_loop_remove_signal_handler(loop, SIGUSR2);
}

START_TEST(a_handler_may_remove_itself_and_others_that_came_with_it)
{
    weir_loop_add_signal_handler(loop, SIGUSR1, remove_both, NULL);
    weir_loop_add_signal_handler(loop, SIGUSR2, trace_cb, "x");
    raise(SIGUSR2);
    raise(SIGUSR1);
    ck_assert_int_eq(one_pass(loop), 0);
    ck_assert_str_eq(trace_text, "r");
}
END_TEST

static int told;

static void count_cb(void *arg)
{
    (void)arg;
    told++;
}

START_TEST(a_burst_may_become_one_call_and_never_none)
{
    weir_loop_add_signal_handler(loop, SIGUSR1, count_cb, NULL);
    for (int i = 0; i < 1000; i++)
        raise(SIGUSR1);
    ck_assert_int_eq(one_pass(loop), 0);
    ck_assert_int_eq(told, 1);
    raise(SIGUSR1);
    ck_assert_int_eq(one_pass(loop), 0);
    ck_assert_int_eq(told, 2);
}
END_TEST

static void stop_cb(void *arg)
{
    (void)arg;
    weir_loop_stop(loop);
}

static void *send_signal(void *arg)
{
    pthread_kill(*(pthread_t *)arg, SIGUSR1);
    return NULL;
}

START_TEST(a_signal_wakes_a_sleeping_loop)
{
    pthread_t thread, self = pthread_self();

    weir_loop_add_signal_handler(loop, SIGUSR1, stop_cb, NULL);
    ck_assert_int_eq(pthread_create(&thread, NULL, send_signal, &self), 0);
    ck_assert_int_eq(weir_loop_run_forever(loop), 0);
    pthread_join(thread, NULL);
}
END_TEST

START_TEST(a_handler_that_cannot_be_installed_leaves_nothing_behind)
{
    struct fault_plan plan = { .fail_at = 1, .only = 1ULL << SYS_SIGACTION };

    weir__fault_begin(&plan);
    ck_assert_int_eq(weir_loop_add_signal_handler(loop, SIGUSR1, trace_cb, "x"), -EINVAL);
    weir__fault_end();
    ck_assert_ptr_eq(action_of(SIGUSR1), SIG_DFL);
    ck_assert_int_eq(weir_loop_remove_signal_handler(loop, SIGUSR1), 0);
    ck_assert_int_eq(weir_loop_add_signal_handler(other, SIGUSR1, trace_cb, "y"), 0);
}
END_TEST

static int keep_switching(void *arg)
{
    (void)arg;
    while (told < 20) {
        for (int i = 0; i < 100; i++)
            weir_yield();
    }
    return 0;
}

static int storm(void *arg)
{
    struct itimerval every = { .it_interval = { 0, 1000 }, .it_value = { 0, 1000 } };
    weir_task *tasks[4];

    (void)arg;
    weir_loop_add_signal_handler(weir_get_running_loop(), SIGALRM, count_cb, NULL);
    for (int i = 0; i < 4; i++)
        tasks[i] = weir_create_task(keep_switching, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
    int code = 0;
    for (int i = 0; i < 4; i++) {
        code = code < 0 ? code : weir_task_join(tasks[i]);
        weir_task_unref(tasks[i]);
    }
    every.it_value.tv_usec = 0;
    setitimer(ITIMER_REAL, &every, NULL);
    return code;
}

/* FAULTS 4, 25: a real timer signal interrupts system calls, and lands on task stacks and in the middle of switches. */
START_TEST(a_storm_of_signals_disturbs_neither_switches_nor_polls)
{
    ck_assert_int_eq(weir_run(storm, NULL), 0);
    ck_assert_int_ge(told, 20);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/loop_signal");

    TCase *handlers = tcase_create("handlers");
    tcase_add_checked_fixture(handlers, make_loops, free_loops);
    tcase_add_test(handlers, a_signal_is_a_plain_callback_of_its_loop_and_a_second_handler_replaces_the_first);
    tcase_add_test(handlers, numbers_that_are_no_signal_and_signals_that_cannot_be_caught_have_their_codes);
    tcase_add_test(handlers, removing_puts_back_what_was_there_before);
    tcase_add_test(handlers, a_signal_belongs_to_one_loop_until_it_lets_go);
    tcase_add_test(handlers, a_signal_that_came_for_a_removed_handler_is_not_told_to_the_next);
    tcase_add_test(handlers, a_handler_may_remove_itself_and_others_that_came_with_it);
    tcase_add_test(handlers, a_burst_may_become_one_call_and_never_none);
    tcase_add_test(handlers, a_signal_wakes_a_sleeping_loop);
    tcase_add_test(handlers, a_handler_that_cannot_be_installed_leaves_nothing_behind);
    suite_add_tcase(s, handlers);

    TCase *storms = tcase_create("storm");
    tcase_add_test(storms, a_storm_of_signals_disturbs_neither_switches_nor_polls);
    suite_add_tcase(s, storms);
    return s;
}
