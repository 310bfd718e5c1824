/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_watchdog.c  What core/watchdog.c promises: a loop that stands still is noticed, named and counted.
 *
 * The limit is an hour, and the tests look at made-up times: nothing depends on how fast anything is. A loop is blocked by
 * waiting for a pipe that the test writes to when it has seen enough.
 */
#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/loop.h>
#include <weir/run.h>
#include <weir/task.h>

#include "core/loop.h"
#include "core/sys.h"
#include "core/sys_fault.h"
#include "core/watchdog.h"
#include "lib/suite.h"

#define HOUR (3600 * NS_PER_SECOND)

static int pipe_fds[2];
static atomic_int blocked;              /* how often a loop has begun to block */

/* --- The log -------------------------------------------------------------- */

#define LINES 256

static char lines[LINES][512];
static int line_count;
static pthread_mutex_t lines_lock = PTHREAD_MUTEX_INITIALIZER;

static void note(int level, const char *message, void *arg)
{
    (void)level, (void)arg;
    pthread_mutex_lock(&lines_lock);
    if (line_count < LINES)
        snprintf(lines[line_count++], sizeof lines[0], "%s", message);
    pthread_mutex_unlock(&lines_lock);
}

static int count_lines(const char *text)
{
    int count = 0;

    for (int i = 0; i < line_count; i++)
        count += strstr(lines[i], text) != NULL;
    return count;
}

static const char *line_with(const char *text)
{
    for (int i = 0; i < line_count; i++) {
        if (strstr(lines[i], text) != NULL)
            return lines[i];
    }
    return "";
}

/* Whether the frame that a line tells lies in @function, or (NULL) in this program at all. */
static bool is_in(const char *line, int (*function)(void *))
{
    const char *at = strstr(line, " offset=0x"), *name = strstr(line, " object=");
    Dl_info object;

    if (at == NULL || name == NULL || dladdr((void *)(uintptr_t)is_in, &object) == 0 ||
        strncmp(name + 8, object.dli_fname, strlen(object.dli_fname)) != 0)
        return false;
    size_t offset = strtoul(at + 8, NULL, 16), begin = (uintptr_t)function - (uintptr_t)object.dli_fbase;
    return function == NULL || (offset > begin && offset < begin + 1024);
}

static bool has_frame_in(int (*function)(void *))
{
    for (int i = 0; i < line_count; i++) {
        if (is_in(lines[i], function))
            return true;
    }
    return false;
}

/* ThreadSanitizer keeps a signal back until the thread next enters a call that it knows to block, which may be never. */
static bool was_looked_at(void)
{
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
    return count_lines("could not be looked at") == 0;
#endif
#endif
    return true;
}

/* --- Loops that block ----------------------------------------------------- */

/* In poll(2), where ThreadSanitizer lets a signal through, and which the probe interrupts. */
__attribute__((noinline))
static int block(void *arg)
{
    struct pollfd ready = { .fd = pipe_fds[0], .events = POLLIN };
    char byte;

    (void)arg;
    atomic_fetch_add(&blocked, 1);
    while (poll(&ready, 1, -1) < 0 && errno == EINTR)
        continue;
    return read(pipe_fds[0], &byte, 1) == 1 ? 0 : -EIO;
}

static int block_in_a_task(void *arg)
{
    int times = *(int *)arg, code = 0;

    for (int i = 0; i < times && code == 0; i++) {
        weir_task *task = weir_create_task(block, NULL);
        weir_task_set_name(task, "the \"culprit\"");
        code = weir_task_join(task);
        weir_task_unref(task);
    }
    return code;
}

static void block_in_a_callback(void *arg)
{
    (void)block(arg);
    weir_loop_stop(weir_get_running_loop());
}

static void *run_blocking_tasks(void *arg)
{
    *(int *)arg = weir_run(block_in_a_task, arg);
    return NULL;
}

static void *run_blocking_callback(void *arg)
{
    weir_loop *loop = weir_loop_new();

    weir_loop_call_soon(loop, block_in_a_callback, NULL);
    *(int *)arg = weir_loop_run_forever(loop);
    weir_loop_free(loop);
    return NULL;
}

static void wait_blocked(int times)
{
    while (atomic_load(&blocked) < times)
        usleep(100);
}

static void unblock(void)
{
    ck_assert_int_eq(write(pipe_fds[1], "x", 1), 1);
}

static void begin(void)
{
    struct watchdog_options options = { .limit = 3600 };

    ck_assert_int_eq(pipe(pipe_fds), 0);
    weir_set_log(note, NULL, 0);
    ck_assert_int_eq(weir__watchdog_start(&options), 0);
}

static void end(void)
{
    weir__watchdog_stop();
    weir_set_log(NULL, NULL, 0);
}

/* --- Noticing ------------------------------------------------------------- */

START_TEST(a_blocked_task_is_named_with_its_function_and_where_it_is)
{
    int result = 1;
    pthread_t thread;
    Dl_info object;
    char handler[64];
    int64_t now = sys_monotonic_ns();

    ck_assert_int_eq(pthread_create(&thread, NULL, run_blocking_tasks, &result), 0);
    wait_blocked(1);
    weir__watchdog_look(now);
    weir__watchdog_look(now + HOUR - 1);
    ck_assert_int_eq(line_count, 0);
    weir__watchdog_look(now + 2 * HOUR);
    weir__watchdog_look(now + 3 * HOUR);        /* the same one: said and counted once */
    ck_assert_uint_eq(weir__watchdog_stalls(), 1);
    ck_assert_int_eq(count_lines("loop stalled"), 1);
    ck_assert_ptr_nonnull(strstr(line_with("loop stalled"), "worker=0 seconds="));
    if (was_looked_at()) {
        ck_assert_ptr_nonnull(strstr(line_with("loop stalled"), " stalls=1 task=\"the ?culprit?\" handler="));
        ck_assert_int_ne(dladdr((void *)(uintptr_t)block, &object), 0);
        snprintf(handler, sizeof handler, "handler=test_watchdog+0x%zx", (size_t)((uintptr_t)block - (uintptr_t)object.dli_fbase));
        ck_assert_ptr_nonnull(strstr(line_with("loop stalled"), handler));
        ck_assert_int_ge(count_lines("stalled at frame "), 3);
        ck_assert(has_frame_in(block));
        /* The probe's own frames are cut off: it begins in poll(2), or on the way there. */
        const char *first = line_with("stalled at frame 0 ");
        ck_assert(first[0] != '\0' && (is_in(first, block) || !is_in(first, NULL)));
    }

    unblock();
    pthread_join(thread, NULL);
    ck_assert_int_eq(result, 0);
    ck_assert_int_eq(count_lines("goes on"), 0);        /* its run has ended: nobody to say that of */
}
END_TEST

START_TEST(a_blocked_callback_is_noticed_too)
{
    int result = 1;
    pthread_t thread;
    int64_t now = sys_monotonic_ns();

    ck_assert_int_eq(pthread_create(&thread, NULL, run_blocking_callback, &result), 0);
    wait_blocked(1);
    weir__watchdog_look(now);
    weir__watchdog_look(now + HOUR);
    ck_assert(!was_looked_at() || strstr(line_with("loop stalled"), " task=none") != NULL);
    ck_assert(!was_looked_at() || has_frame_in(block));
    unblock();
    pthread_join(thread, NULL);
    ck_assert_int_eq(result, 0);
}
END_TEST

START_TEST(when_it_goes_on_that_is_said_with_how_long_it_took)
{
    int result = 2;
    pthread_t thread;
    int64_t now = sys_monotonic_ns();

    ck_assert_int_eq(pthread_create(&thread, NULL, run_blocking_tasks, &result), 0);
    wait_blocked(1);
    weir__watchdog_look(now);
    weir__watchdog_look(now + 2 * HOUR);
    unblock();
    wait_blocked(2);                            /* another step of another task: not the same stall */
    weir__watchdog_look(now + 5 * HOUR);
    ck_assert_ptr_nonnull(strstr(line_with("loop goes on"), "worker=0 seconds="));
    ck_assert_int_eq(count_lines("loop stalled"), 1);
    weir__watchdog_look(now + 6 * HOUR);
    ck_assert_int_eq(count_lines("loop stalled"), 2);
    ck_assert_uint_eq(weir__watchdog_stalls(), 2);
    unblock();
    pthread_join(thread, NULL);
    ck_assert_int_eq(result, 0);
}
END_TEST

/* Whoever floods the log with backtraces hides the first one. */
START_TEST(five_reports_a_minute_and_the_others_are_counted)
{
    int result = 8;
    pthread_t thread;
    int64_t now = sys_monotonic_ns();

    weir__watchdog_stop();
    ck_assert_int_eq(weir__watchdog_start(&(struct watchdog_options) { .limit = 3600 }), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, run_blocking_tasks, &result), 0);
    for (int i = 1; i <= 8; i++) {
        wait_blocked(i);
        /* Minutes apart where the limit is an hour: time goes back for the first look at each. */
        weir__watchdog_look(now + i * NS_PER_SECOND - HOUR);
        weir__watchdog_look(now + (i < 8 ? i : 70) * NS_PER_SECOND);
        ck_assert_uint_eq(weir__watchdog_stalls(), (uint64_t)i);
        ck_assert_int_eq(count_lines("loop stalled"), i < 5 ? i : i < 8 ? 5 : 6);
        unblock();
    }
    ck_assert_int_eq(count_lines("stalls=8"), 1);       /* which says how many were not told */
    pthread_join(thread, NULL);
    ck_assert_int_eq(result, 0);
}
END_TEST

static int busy(void *arg)
{
    int64_t now = sys_monotonic_ns();

    (void)arg;
    for (int i = 0; i < 20; i++) {
        weir__watchdog_look(now + i * HOUR);
        weir_yield();
    }
    return 0;
}

START_TEST(a_loop_that_has_much_to_do_or_nothing_is_not_stalled)
{
    ck_assert_int_eq(weir_run(busy, NULL), 0);
    ck_assert_uint_eq(weir__watchdog_stalls(), 0);
    ck_assert_int_eq(line_count, 0);
}
END_TEST

static void stop(void *arg)
{
    weir_loop_stop(arg);
}

static void *run_idle(void *arg)
{
    (void)weir_loop_run_forever(arg);
    return NULL;
}

START_TEST(a_loop_that_sleeps_is_not_stalled)
{
    weir_loop *loop = weir_loop_new();
    pthread_t thread;
    int64_t now = sys_monotonic_ns();

    ck_assert_int_eq(pthread_create(&thread, NULL, run_idle, loop), 0);
    for (int i = 0; i < 20; i++)
        weir__watchdog_look(now + i * HOUR);
    ck_assert_int_eq(weir_loop_call_soon_threadsafe(loop, stop, loop), 0);
    pthread_join(thread, NULL);
    weir_loop_free(loop);
    ck_assert_int_eq(count_lines("loop stalled"), 0);
}
END_TEST

/* --- A thread that cannot be looked at ------------------------------------ */

static int block_deafly(void *arg)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    return block(arg);
}

static void *run_deaf(void *arg)
{
    *(int *)arg = weir_run(block_deafly, NULL);
    return NULL;
}

START_TEST(a_thread_that_takes_no_signal_is_reported_without_a_backtrace)
{
    int result = 1;
    pthread_t thread;
    int64_t now = sys_monotonic_ns();

    ck_assert_int_eq(pthread_create(&thread, NULL, run_deaf, &result), 0);
    wait_blocked(1);
    weir__watchdog_look(now);
    weir__watchdog_look(now + HOUR);
    ck_assert_ptr_nonnull(strstr(line_with("loop stalled"), "could not be looked at"));
    unblock();
    pthread_join(thread, NULL);
    ck_assert_int_eq(result, 0);
}
END_TEST

START_TEST(a_signal_of_others_does_nothing)
{
    raise(SIGURG);
    ck_assert_int_eq(line_count, 0);
}
END_TEST

START_TEST(what_all_loops_do_can_be_asked_for)
{
    int result = 1;
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, run_blocking_tasks, &result), 0);
    wait_blocked(1);
    weir__watchdog_name_all("still there");
    ck_assert(!was_looked_at() || strstr(line_with("still there"), " task=\"the ?culprit?\" handler=") != NULL);
    ck_assert(!was_looked_at() || has_frame_in(block));
    unblock();
    pthread_join(thread, NULL);
    ck_assert_int_eq(result, 0);
}
END_TEST

/* --- Starting and stopping ------------------------------------------------ */

static void ignore(int sig)
{
    (void)sig;
}

static atomic_int ticks;

static void tick(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

START_TEST(misuse_and_failures_have_their_codes_and_leave_nothing_behind)
{
    struct watchdog_options options = { .limit = -1 };

    ck_assert_int_eq(weir__watchdog_start(&options), -EINVAL);
    options.limit = NAN;
    ck_assert_int_eq(weir__watchdog_start(&options), -EINVAL);
    options.limit = 1;
    weir__fault_begin(&(struct fault_plan) { .fail_at = 1, .only = 1ULL << SYS_THREAD });
    ck_assert_int_eq(weir__watchdog_start(&options), -EAGAIN);
    weir__fault_end();
    ck_assert_int_eq(weir__watchdog_start(&options), 0);
    ck_assert_int_eq(weir__watchdog_start(&options), -EBUSY);
    weir__watchdog_stop();
    weir__watchdog_stop();
}
END_TEST

START_TEST(a_program_that_handles_the_signal_keeps_it)
{
    struct sigaction now;

    weir_set_log(note, NULL, 0);
    signal(SIGURG, ignore);
    ck_assert_int_eq(weir__watchdog_start(&(struct watchdog_options) { .limit = 1 }), 0);
    ck_assert_int_eq(count_lines("stalls will have no backtrace"), 1);
    ck_assert_int_eq(sigaction(SIGURG, NULL, &now), 0);
    ck_assert_ptr_eq(now.sa_handler, ignore);
    weir__watchdog_stop();
}
END_TEST

START_TEST(without_a_limit_it_only_ticks)
{
    ck_assert_int_eq(weir__watchdog_start(&(struct watchdog_options) { .tick = tick, .arg = &ticks }), 0);
    while (atomic_load(&ticks) < 2)
        usleep(1000);
    ck_assert_int_eq(weir_run(busy, NULL), 0);
    weir__watchdog_stop();
    ck_assert_uint_eq(weir__watchdog_stalls(), 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/watchdog");

    TCase *noticing = tcase_create("noticing");
    tcase_add_checked_fixture(noticing, begin, end);
    tcase_add_test(noticing, a_blocked_task_is_named_with_its_function_and_where_it_is);
    tcase_add_test(noticing, a_blocked_callback_is_noticed_too);
    tcase_add_test(noticing, when_it_goes_on_that_is_said_with_how_long_it_took);
    tcase_add_test(noticing, five_reports_a_minute_and_the_others_are_counted);
    tcase_add_test(noticing, a_loop_that_has_much_to_do_or_nothing_is_not_stalled);
    tcase_add_test(noticing, a_loop_that_sleeps_is_not_stalled);
    tcase_add_test(noticing, a_thread_that_takes_no_signal_is_reported_without_a_backtrace);
    tcase_add_test(noticing, a_signal_of_others_does_nothing);
    tcase_add_test(noticing, what_all_loops_do_can_be_asked_for);
    suite_add_tcase(s, noticing);

    TCase *starting = tcase_create("starting");
    tcase_add_test(starting, misuse_and_failures_have_their_codes_and_leave_nothing_behind);
    tcase_add_test(starting, a_program_that_handles_the_signal_keeps_it);
    tcase_add_test(starting, without_a_limit_it_only_ticks);
    suite_add_tcase(s, starting);
    return s;
}
