/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_loop_call.c  What core/loop_call.c promises: callbacks soon, later, and from other threads.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include <weir/loop.h>
#include <weir/task.h>

#include "core/inbox.h"
#include "core/loop.h"
#include "core/sys_fault.h"
#include "lib/clock.h"
#include "lib/suite.h"
#include "lib/trace.h"

static weir_loop *loop;

static void stop_cb(void *arg)
{
    (void)arg;
    weir_loop_stop(loop);
}

static int one_pass(void)
{
    weir_loop_stop(loop);
    return weir_loop_run_forever(loop);
}

static void make_loop(void)
{
    loop = weir_loop_new();
    ck_assert_ptr_nonnull(loop);
}

/* Every handle has gone back, whatever became of it. */
static void free_loop(void)
{
    weir_loop_close(loop);
    ck_assert_uint_eq(loop->handles.live, 0);
    ck_assert_uint_eq(loop->watchers, 0);
    weir_loop_free(loop);
}

/* --- Later ---------------------------------------------------------------- */

/* C113, EL-3. */
START_TEST(timers_run_by_their_deadline_and_negative_delays_before_zero)
{
    clock_fake();
    weir_loop_call_at(loop, weir_loop_time(loop) + 0.015, trace_cb, "at");
    weir_loop_call_later(loop, 0.005, trace_cb, "5ms ");
    weir_handle *cancelled = weir_loop_call_later(loop, 0.01, trace_cb, "cancelled");
    weir_loop_call_later(loop, 0, trace_cb, "zero ");
    weir_loop_call_later(loop, -5, trace_cb, "neg ");
    weir_loop_call_soon(loop, trace_cb, "soon ");
    weir_handle_cancel(cancelled);
    weir_loop_call_later(loop, 0.5, stop_cb, NULL);
    ck_assert_int_eq(weir_loop_run_forever(loop), 0);
    ck_assert_str_eq(trace_text, "soon neg zero 5ms at");
}
END_TEST

#define TIMERS 500

struct due {
    double when, ran;
    int place;
};
static struct due dues[TIMERS];
static int ran_count;

static void note_due(void *arg)
{
    struct due *due = arg;

    due->ran = weir_loop_time(loop);
    due->place = ran_count++;
    if (ran_count == TIMERS)
        weir_loop_stop(loop);
}

static int by_when(const void *a, const void *b)
{
    const struct due *x = a, *y = b;

    return x->when < y->when ? -1 : x->when > y->when;
}

/* EL-3. libev's own time runs a little behind or ahead of the clock; what it calls early is put off once more. */
START_TEST(no_timer_is_early_and_earlier_deadlines_come_first)
{
    unsigned seed = (unsigned)_i;

    clock_fake();
    for (int i = 0; i < TIMERS; i++) {
        double delay = rand_r(&seed) % 100000 / 1e3 + 0.01 * i / TIMERS;
        dues[i].when = weir_loop_time(loop) + delay;
        ck_assert_ptr_nonnull(weir_loop_call_later(loop, delay, note_due, &dues[i]));
    }
    ck_assert_int_eq(weir_loop_run_forever(loop), 0);
    qsort(dues, TIMERS, sizeof dues[0], by_when);
    for (int i = 0; i < TIMERS; i++) {
        ck_assert_double_ge(dues[i].ran, dues[i].when - 1e-6);
        if (i > 0 && dues[i].when - dues[i - 1].when > 1e-6)
            ck_assert_int_gt(dues[i].place, dues[i - 1].place);
    }
}
END_TEST

static double asked_at;

static void note_lateness(void *arg)
{
    (void)arg;
    asked_at = weir_loop_time(loop) - asked_at;
    weir_loop_stop(loop);
}

static void work_then_ask(void *arg)
{
    (void)arg;
    clock_advance(0.5);                         /* libev has not looked at the clock since */
    asked_at = weir_loop_time(loop);
    weir_loop_call_later(loop, 1, note_lateness, NULL);
}

/* libev counts from the beginning of the pass, so after long work its timers come early: those are put off once more. */
START_TEST(a_timer_that_is_set_after_long_work_is_not_early)
{
    clock_fake();
    weir_loop_call_soon(loop, work_then_ask, NULL);
    ck_assert_int_eq(weir_loop_run_forever(loop), 0);
    ck_assert_double_ge(asked_at, 1 - 1e-6);
    ck_assert_double_le(asked_at, 1.01);
}
END_TEST

START_TEST(a_time_that_is_no_number_is_refused_and_one_that_never_comes_is_not)
{
    ck_assert_ptr_null(weir_loop_call_later(loop, NAN, trace_cb, "x"));
    ck_assert_ptr_null(weir_loop_call_at(loop, NAN, trace_cb, "x"));
    weir_handle *never = weir_loop_call_later(loop, INFINITY, trace_cb, "x");
    ck_assert_ptr_nonnull(never);
    ck_assert_ptr_nonnull(weir_loop_call_at(loop, 1e300, trace_cb, "x"));
    ck_assert_ptr_nonnull(weir_loop_call_at(loop, -INFINITY, trace_cb, "past "));
    ck_assert_ptr_nonnull(weir_loop_call_later(loop, -INFINITY, trace_cb, "past "));
    ck_assert_int_eq(one_pass(), 0);
    ck_assert_int_eq(one_pass(), 0);
    ck_assert_str_eq(trace_text, "past past ");
    weir_handle_cancel(never);
}
END_TEST

/* --- Cancelling ----------------------------------------------------------- */

static weir_handle *victims[3];

static void cancel_victims(void *arg)
{
    (void)arg;
    trace("c");
    for (int i = 0; i < 3; i++)
        weir_handle_cancel(victims[i]);
}

/* EL-4. The batch was taken off the queue before it began; a handle in it must still be able to leave. */
START_TEST(a_callback_cancelled_in_its_own_batch_does_not_run)
{
    weir_loop_call_soon(loop, cancel_victims, NULL);
    victims[0] = weir_loop_call_soon(loop, trace_cb, "x");
    weir_loop_call_soon(loop, trace_cb, "a");
    victims[1] = weir_loop_call_soon(loop, trace_cb, "x");
    victims[2] = weir_loop_call_later(loop, -1, trace_cb, "x");     /* due in this pass too */
    ck_assert_int_eq(one_pass(), 0);
    ck_assert_int_eq(one_pass(), 0);
    ck_assert_str_eq(trace_text, "ca");
}
END_TEST

static void let_time_pass(void *arg)
{
    (void)arg;
    clock_advance(2);
}

/* The first of four timers that are due together cancels the others, which libev has taken off its heap by then. */
START_TEST(a_timer_cancelled_when_it_is_due_already_does_not_run)
{
    clock_fake();
    weir_loop_call_later(loop, 1, cancel_victims, NULL);
    for (int i = 0; i < 3; i++)
        victims[i] = weir_loop_call_later(loop, 1.0001 + i * 1e-5, trace_cb, "x");
    weir_loop_call_later(loop, 3, stop_cb, NULL);
    weir_loop_call_soon(loop, let_time_pass, NULL);
    ck_assert_int_eq(weir_loop_run_forever(loop), 0);
    ck_assert_str_eq(trace_text, "c");
}
END_TEST

/* EL-4: once more is harmless, as long as no later call got the handle. */
START_TEST(cancelling_nothing_or_twice_is_nothing)
{
    weir_handle *twice = weir_loop_call_soon(loop, trace_cb, "x");

    weir_handle_cancel(NULL);
    weir_handle_cancel(twice);
    weir_handle_cancel(twice);
    weir_handle_cancel(weir_loop_call_soon(loop, trace_cb, "x"));
    weir_handle_cancel(weir_loop_call_later(loop, 0, trace_cb, "x"));
    weir_handle_cancel(weir_loop_call_later(loop, INFINITY, trace_cb, "x"));
    ck_assert_int_eq(one_pass(), 0);
    ck_assert_str_eq(trace_text, "");
}
END_TEST

/* --- Without memory ------------------------------------------------------- */

START_TEST(a_call_without_memory_is_null_and_a_posted_one_comes_all_the_same)
{
    struct fault_plan plan = { .fail_at = 1, .from_then_on = true, .only = 1ULL << SYS_ALLOC };

    ck_assert_int_eq(weir_loop_call_soon_threadsafe(loop, trace_cb, "p"), 0);
    weir__fault_begin(&plan);
    ck_assert_ptr_null(weir_loop_call_soon(loop, trace_cb, "x"));
    ck_assert_ptr_null(weir_loop_call_later(loop, 0, trace_cb, "x"));
    ck_assert_int_eq(weir_loop_call_soon_threadsafe(loop, trace_cb, "x"), -ENOMEM);
    int code = one_pass();                      /* no handle for the posted call: it is made directly */
    weir__fault_end();
    ck_assert_int_eq(code, 0);
    ck_assert_str_eq(trace_text, "p");
}
END_TEST

/* --- From other threads --------------------------------------------------- */

static void *post_stop(void *arg)
{
    (void)arg;
    return weir_loop_call_soon_threadsafe(loop, stop_cb, NULL) == 0 ? NULL : loop;
}

static void far_too_late(void *arg)
{
    trace_cb(arg);
    weir_loop_stop(loop);
}

/* C114, EL-2. Without the wake-up the loop would sleep for the hour. */
START_TEST(a_call_from_another_thread_wakes_a_sleeping_loop)
{
    pthread_t thread;
    void *failed;

    weir_loop_call_later(loop, 3600, far_too_late, "late");
    ck_assert_int_eq(pthread_create(&thread, NULL, post_stop, NULL), 0);
    ck_assert_int_eq(weir_loop_run_forever(loop), 0);
    pthread_join(thread, &failed);
    ck_assert_ptr_null(failed);
    ck_assert_str_eq(trace_text, "");
}
END_TEST

#define POSTERS 4
#define POSTS   5000

struct post {
    int from, number;
};
static struct post posts[POSTERS][POSTS];
static int next_of[POSTERS], out_of_order, posts_ran;

static void run_post(void *arg)
{
    const struct post *post = arg;

    if (next_of[post->from]++ != post->number)
        out_of_order++;
    if (++posts_ran == POSTERS * POSTS)
        weir_loop_stop(loop);
}

static void *post_many(void *arg)
{
    struct post *mine = arg;

    for (int i = 0; i < POSTS; i++) {
        mine[i].number = i;
        if (weir_loop_call_soon_threadsafe(loop, run_post, &mine[i]) < 0)
            return mine;
    }
    return NULL;
}

START_TEST(the_calls_of_each_thread_keep_their_order)
{
    pthread_t threads[POSTERS];

    for (int i = 0; i < POSTERS; i++) {
        for (int k = 0; k < POSTS; k++)
            posts[i][k].from = i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, post_many, posts[i]), 0);
    }
    ck_assert_int_eq(weir_loop_run_forever(loop), 0);
    for (int i = 0; i < POSTERS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        ck_assert_ptr_null(failed);
    }
    ck_assert_int_eq(posts_ran, POSTERS * POSTS);
    ck_assert_int_eq(out_of_order, 0);
}
END_TEST

static int counted;

static void count_cb(void *arg)
{
    (void)arg;
    counted++;
}

/* FAULTS 39: nothing is unbounded, and what is refused is told. */
START_TEST(the_inbox_takes_so_many_calls_and_refuses_the_next)
{
    int refused = 0;
    for (int i = 0; i < INBOX_MAX; i++)
        refused += weir_loop_call_soon_threadsafe(loop, count_cb, NULL) < 0;
    ck_assert_int_eq(refused, 0);
    ck_assert_int_eq(weir_loop_call_soon_threadsafe(loop, count_cb, NULL), -ENOBUFS);
    ck_assert_int_eq(one_pass(), 0);
    ck_assert_int_eq(counted, INBOX_MAX);
    ck_assert_int_eq(weir_loop_call_soon_threadsafe(loop, count_cb, NULL), 0);
    weir_loop_close(loop);                      /* with one queued: it is dropped, not run */
    ck_assert_int_eq(weir_loop_call_soon_threadsafe(loop, count_cb, NULL), -ESHUTDOWN);
    ck_assert_int_eq(counted, INBOX_MAX);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/loop_call");

    TCase *later = tcase_create("later");
    tcase_add_checked_fixture(later, make_loop, free_loop);
    tcase_add_test(later, timers_run_by_their_deadline_and_negative_delays_before_zero);
    tcase_add_loop_test(later, no_timer_is_early_and_earlier_deadlines_come_first, 1, 6);
    tcase_add_test(later, a_timer_that_is_set_after_long_work_is_not_early);
    tcase_add_test(later, a_time_that_is_no_number_is_refused_and_one_that_never_comes_is_not);
    suite_add_tcase(s, later);

    TCase *cancelling = tcase_create("cancelling");
    tcase_add_checked_fixture(cancelling, make_loop, free_loop);
    tcase_add_test(cancelling, a_callback_cancelled_in_its_own_batch_does_not_run);
    tcase_add_test(cancelling, a_timer_cancelled_when_it_is_due_already_does_not_run);
    tcase_add_test(cancelling, cancelling_nothing_or_twice_is_nothing);
    tcase_add_test(cancelling, a_call_without_memory_is_null_and_a_posted_one_comes_all_the_same);
    suite_add_tcase(s, cancelling);

    TCase *threads = tcase_create("threads");
    tcase_add_checked_fixture(threads, make_loop, free_loop);
    tcase_add_test(threads, a_call_from_another_thread_wakes_a_sleeping_loop);
    tcase_add_test(threads, the_calls_of_each_thread_keep_their_order);
    tcase_add_test(threads, the_inbox_takes_so_many_calls_and_refuses_the_next);
    suite_add_tcase(s, threads);
    return s;
}
