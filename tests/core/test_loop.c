/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_loop.c  What core/loop.c promises: the order of a pass, running, stopping and closing.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <weir/loop.h>
#include <weir/run.h>
#include <weir/task.h>

#include "core/loop.h"
#include "lib/clock.h"
#include "lib/each_fault.h"
#include "lib/suite.h"
#include "lib/trace.h"

static weir_loop *loop;

static void stop_cb(void *arg)
{
    (void)arg;
    weir_loop_stop(loop);
}

static void queue_inner(void *arg)
{
    (void)arg;
    trace("n");
    weir_loop_call_soon(loop, trace_cb, "inner");
}

/* --- The pass ------------------------------------------------------------- */

/* C112, EL-1, EL-6: a queue that is run until it is empty would run "inner" too soon, and one that is dropped at the stop
 * never. */
START_TEST(what_a_pass_queues_runs_in_the_next_one_and_survives_a_stop)
{
    loop = weir_loop_new();
    weir_loop_call_soon(loop, trace_cb, "a");
    weir_loop_call_soon(loop, queue_inner, NULL);
    weir_loop_call_soon(loop, trace_cb, "b");
    weir_loop_call_soon(loop, stop_cb, NULL);
    weir_loop_call_soon(loop, trace_cb, "after");
    ck_assert_str_eq(trace_text, "");           /* never inline */

    ck_assert_int_eq(weir_loop_run_forever(loop), 0);
    ck_assert_str_eq(trace_text, "anbafter");
    weir_loop_stop(loop);
    ck_assert_int_eq(weir_loop_run_forever(loop), 0);
    ck_assert_str_eq(trace_text, "anbafterinner");
    weir_loop_free(loop);
}
END_TEST

/* C112, EL-6. With a stop that is only looked at after waiting, this would sleep for ever. */
START_TEST(a_stop_before_the_run_makes_one_pass_that_does_not_wait)
{
    loop = weir_loop_new();
    weir_loop_stop(loop);
    uint64_t before = epoll_waits();
    ck_assert_int_eq(weir_loop_run_forever(loop), 0);
    ck_assert_uint_eq(epoll_waits() - before, 1);
    weir_loop_free(loop);
}
END_TEST

static void on_readable(struct ev_loop *ev, ev_io *io, int events)
{
    (void)ev, (void)io, (void)events;
    trace("i");
    weir_loop_call_soon(loop, trace_cb, "c");
}

static int yielding(void *word)
{
    trace(word);
    weir_yield();
    trace(word);
    return 0;
}

static void start_yielding(void *arg)
{
    (void)arg;
    trace("s");
    weir_spawn(yielding, "y");
}

/* EL-5. libev by itself runs timers before I/O, and both before anything that was queued. */
START_TEST(a_pass_runs_what_was_queued_then_io_then_timers)
{
    int ends[2];
    ev_io io;

    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    loop = weir_loop_new();
    ev_io_init(&io, on_readable, ends[0], EV_READ);
    ev_io_start(weir_loop_ev(loop), &io);
    weir_loop_call_later(loop, 0, trace_cb, "t");
    weir_loop_call_soon(loop, start_yielding, NULL);

    weir_loop_stop(loop);
    ck_assert_int_eq(weir_loop_run_forever(loop), 0);
    ck_assert_str_eq(trace_text, "sict");       /* c was made ready by I/O: this pass */

    weir_loop_stop(loop);
    ck_assert_int_eq(weir_loop_run_forever(loop), 0);
    ck_assert_str_eq(trace_text, "sictyic");    /* y was queued by s: the next pass, and before I/O */

    ev_io_stop(weir_loop_ev(loop), &io);
    weir_loop_free(loop);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

static void on_prepare(struct ev_loop *ev, ev_prepare *prepare, int events)
{
    (void)ev, (void)prepare, (void)events;
    trace("p");
}

static void on_check(struct ev_loop *ev, ev_check *check, int events)
{
    (void)ev, (void)check, (void)events;
    trace("k");
}

/* A pass begins after the poll: what libev invokes before it, for watchers of a user's own, is none. */
START_TEST(a_users_watchers_are_invoked_before_the_poll_and_nothing_of_ours)
{
    ev_prepare prepare, fed;
    ev_check check;

    loop = weir_loop_new();
    ev_prepare_init(&prepare, on_prepare);
    ev_prepare_start(weir_loop_ev(loop), &prepare);
    ev_check_init(&check, on_check);
    ev_check_start(weir_loop_ev(loop), &check);
    ev_prepare_init(&fed, on_prepare);
    weir_loop_call_soon(loop, trace_cb, "s");
    ev_feed_event(weir_loop_ev(loop), &fed, EV_CUSTOM);

    weir_loop_stop(loop);
    ck_assert_int_eq(weir_loop_run_forever(loop), 0);
    ck_assert_str_eq(trace_text, "ppsk");

    ev_prepare_stop(weir_loop_ev(loop), &prepare);
    ev_check_stop(weir_loop_ev(loop), &check);
    weir_loop_free(loop);
}
END_TEST

/* --- Running and stopping ------------------------------------------------- */

static int stop_and_wait(void *arg)
{
    trace("1");
    weir_loop_stop(loop);
    weir_yield();
    trace("2");
    weir_yield();
    return *(int *)arg;
}

static int return_five(void *arg)
{
    (void)arg;
    return 5;
}

/* C116, EL-7: the task is not lost, it only has not come to its end. */
START_TEST(a_stop_before_the_task_is_done_is_told_and_the_task_goes_on_later)
{
    int result = 3;

    loop = weir_loop_new();
    ck_assert_int_eq(weir_loop_run_until_complete(loop, stop_and_wait, &result), WEIR_ESTATE);
    ck_assert_str_ne(weir_error_detail(), "");
    ck_assert_str_ne(weir_error_detail(), weir_strerror(WEIR_ESTATE));
    ck_assert_str_eq(trace_text, "1");
    ck_assert_int_eq(weir_loop_run_until_complete(loop, return_five, NULL), 5);
    ck_assert_str_eq(trace_text, "12");
    weir_loop_free(loop);
}
END_TEST

static int stop_and_return(void *arg)
{
    weir_loop_stop(loop);
    return *(int *)arg;
}

/* The stop has done what it was for; kept, it would break the next run, which nobody asked to stop. */
START_TEST(a_stop_in_the_pass_that_ends_the_run_does_not_count_for_the_next)
{
    int result = 3;

    loop = weir_loop_new();
    ck_assert_int_eq(weir_loop_run_until_complete(loop, stop_and_return, &result), 3);
    result = 0;
    trace_text[0] = '\0';
    ck_assert_int_eq(weir_loop_run_until_complete(loop, yielding, "y"), 0);
    ck_assert_str_eq(trace_text, "yy");
    weir_loop_free(loop);
}
END_TEST

static int run_inside(void *other)
{
    int *codes = other;
    weir_loop *second = weir_loop_new();

    codes[0] = weir_loop_run_forever(loop);
    codes[1] = weir_loop_run_until_complete(loop, return_five, NULL);
    codes[2] = weir_loop_run_until_complete(second, return_five, NULL);
    codes[3] = weir_loop_run_forever(second);
    codes[4] = weir_loop_close(loop);
    weir_loop_free(loop);                       /* a running one is not freed */
    codes[5] = weir_loop_is_running(loop) && !weir_loop_is_closed(loop) && !weir_loop_is_running(second);
    codes[6] = weir_get_running_loop() == loop;
    weir_loop_free(second);
    return weir_yield();
}

/* C116, EL-7, EL-8. */
START_TEST(a_thread_runs_one_loop_at_a_time_and_a_running_loop_is_not_closed)
{
    int codes[7];

    ck_assert_ptr_null(weir_get_running_loop());
    loop = weir_loop_new();
    ck_assert(!weir_loop_is_running(loop));
    ck_assert_int_eq(weir_loop_run_until_complete(loop, run_inside, codes), 0);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(codes[i], -EBUSY);
    ck_assert_int_eq(codes[5], 1);
    ck_assert_int_eq(codes[6], 1);
    ck_assert_ptr_null(weir_get_running_loop());
    ck_assert(!weir_loop_is_running(loop));
    weir_loop_free(loop);
}
END_TEST

static void *stop_it(void *arg)
{
    weir_loop_stop(arg);
    return NULL;
}

/* Whether the stop comes before the run, while it polls or between two passes is up to the scheduler; it counts always. */
START_TEST(a_stop_from_another_thread_ends_a_run_that_sleeps)
{
    loop = weir_loop_new();
    for (int i = 0; i < 100; i++) {
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, stop_it, loop), 0);
        ck_assert_int_eq(weir_loop_run_forever(loop), 0);
        pthread_join(thread, NULL);
    }
    weir_loop_free(loop);
}
END_TEST

static int read_clocks(void *arg)
{
    double *times = arg;

    times[0] = weir_loop_time(weir_get_running_loop());
    clock_advance(1.5);
    clock_jump_wall(-1000);
    times[1] = weir_loop_time(weir_get_running_loop());     /* read now, not the pass's */
    return 0;
}

START_TEST(loop_time_is_monotonic_and_read_at_the_call)
{
    double times[2];

    clock_fake();
    ck_assert_int_eq(weir_run(read_clocks, times), 0);
    ck_assert_double_ge(times[1] - times[0], 1.4999);
    ck_assert_double_le(times[1] - times[0], 1.5001);
}
END_TEST

/* Put something that cannot be polled in the place of the loop's epoll descriptor, as a confused program might. */
static void break_epoll(void)
{
    char path[64], target[64];
    int null = open("/dev/null", O_RDONLY);

    for (int fd = 3; fd < 64; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t len = readlink(path, target, sizeof target - 1);
        if (len > 0 && strstr((target[len] = '\0', target), "eventpoll") != NULL)
            dup2(null, fd);
    }
    close(null);
}

/* FAULTS 40. libev by itself prints a line and aborts the process. */
START_TEST(a_poll_that_fails_for_good_ends_the_run_with_its_code)
{
    loop = weir_loop_new();
    weir_loop_stop(loop);
    ck_assert_int_eq(weir_loop_run_forever(loop), 0);
    break_epoll();
    int code = weir_loop_run_forever(loop);
    ck_assert_msg(code == -EINVAL || code == -EBADF, "run_forever gave %d", code);
    weir_loop_free(loop);
}
END_TEST

/* --- Being watched ---------------------------------------------------------- */

#define MS 1000000LL

struct watched {
    weir_loop *loop;
    int64_t began_ns;
    bool unwatched, at_once, in_time, late, asleep;
};

/* On another thread, while the loop has nothing to do but to wait for this. */
static int look_from_outside(void *arg)
{
    struct watched *w = arg;

    while (weir__loop_stalled(w->loop, INT64_MAX, 0))
        ;                                       /* it is about to wait */
    w->asleep = true;
    return 0;
}

static int be_watched(void *arg)
{
    struct watched *w = arg;

    w->loop = weir_get_running_loop();
    weir_yield();
    w->unwatched = weir__loop_stalled(w->loop, INT64_MAX, 0);
    weir__loop_watch(w->loop, true);
    weir_yield();
    w->began_ns = weir__loop_pass_ns(w->loop);
    w->at_once = weir__loop_stalled(w->loop, w->began_ns, 0);
    w->in_time = weir__loop_stalled(w->loop, w->began_ns + 99 * MS, 100 * MS);
    w->late = weir__loop_stalled(w->loop, w->began_ns + 100 * MS, 100 * MS);
    int code = weir_loop_run_in_executor(w->loop, look_from_outside, w);
    weir__loop_watch(w->loop, false);
    return code;
}

START_TEST(a_watched_loop_tells_how_long_it_has_been_in_a_pass)
{
    struct watched w = { 0 };

    ck_assert_int_eq(weir_run(be_watched, &w), 0);
    ck_assert(!w.unwatched);
    ck_assert(w.at_once);
    ck_assert(!w.in_time);
    ck_assert(w.late);
    ck_assert(w.asleep);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/loop");

    TCase *pass = tcase_create("pass");
    tcase_add_test(pass, what_a_pass_queues_runs_in_the_next_one_and_survives_a_stop);
    tcase_add_test(pass, a_stop_before_the_run_makes_one_pass_that_does_not_wait);
    tcase_add_test(pass, a_pass_runs_what_was_queued_then_io_then_timers);
    tcase_add_test(pass, a_users_watchers_are_invoked_before_the_poll_and_nothing_of_ours);
    suite_add_tcase(s, pass);

    TCase *running = tcase_create("running");
    tcase_add_test(running, a_stop_before_the_task_is_done_is_told_and_the_task_goes_on_later);
    tcase_add_test(running, a_stop_in_the_pass_that_ends_the_run_does_not_count_for_the_next);
    tcase_add_test(running, a_thread_runs_one_loop_at_a_time_and_a_running_loop_is_not_closed);
    tcase_add_test(running, a_stop_from_another_thread_ends_a_run_that_sleeps);
    tcase_add_test(running, loop_time_is_monotonic_and_read_at_the_call);
    tcase_add_test(running, a_poll_that_fails_for_good_ends_the_run_with_its_code);
    suite_add_tcase(s, running);

    TCase *watched = tcase_create("watched");
    tcase_add_test(watched, a_watched_loop_tells_how_long_it_has_been_in_a_pass);
    suite_add_tcase(s, watched);

    return s;
}
