/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_loop_watch.c  What core/loop_watch.c promises: users' descriptors, watched for as long as they say (EL-9).
 *
 * Each test makes single passes of a loop and looks at the trace of what was called in them.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/loop.h>
#include <weir/run.h>
#include <weir/task.h>

#include "core/loop.h"
#include "core/sys_fault.h"
#include "lib/clock.h"
#include "lib/each_fault.h"
#include "lib/suite.h"
#include "lib/trace.h"

static weir_loop *loop;
static int near[2], far[2];     /* two connected pairs */

static void make(void)
{
    loop = weir_loop_new();
    for (int i = 0; i < 2; i++) {
        int fds[2];
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        near[i] = fds[0];
        far[i] = fds[1];
    }
}

static void unmake(void)
{
    weir_loop_free(loop);
    for (int i = 0; i < 2; i++) {
        close(near[i]);
        close(far[i]);
    }
}

static void pass(void)
{
    weir_loop_stop(loop);
    ck_assert_int_eq(weir_loop_run_forever(loop), 0);
}

/* The trace of one pass. */
static const char *traced(void)
{
    trace_text[0] = '\0';
    pass();
    return trace_text;
}

static void say(int fd)
{
    ck_assert_int_eq(write(fd, "x", 1), 1);
}

/* --- Calling -------------------------------------------------------------- */

/* C115. Whoever forgets to cancel the first callback's turn runs both. */
START_TEST(a_second_reader_replaces_the_first_and_unread_data_is_told_in_each_pass)
{
    ck_assert_int_eq(weir_loop_add_reader(loop, near[0], trace_cb, "old"), 0);
    ck_assert_int_eq(weir_loop_add_reader(loop, near[0], trace_cb, "new"), 0);
    ck_assert_str_eq(traced(), "");
    say(far[0]);
    for (int i = 0; i < 3; i++)
        ck_assert_str_eq(traced(), "new");
    ck_assert_int_eq(weir_loop_remove_reader(loop, near[0]), 1);
    ck_assert_int_eq(weir_loop_remove_reader(loop, near[0]), 0);
    ck_assert_str_eq(traced(), "");
}
END_TEST

START_TEST(reading_and_writing_are_independent_of_each_other)
{
    ck_assert_int_eq(weir_loop_add_writer(loop, near[0], trace_cb, "w"), 0);
    ck_assert_int_eq(weir_loop_add_reader(loop, near[0], trace_cb, "r"), 0);
    ck_assert_str_eq(traced(), "w");
    say(far[0]);
    ck_assert_str_eq(traced(), "rw");
    ck_assert_int_eq(weir_loop_remove_writer(loop, near[0]), 1);
    ck_assert_str_eq(traced(), "r");
    ck_assert_int_eq(weir_loop_remove_writer(loop, near[0]), 0);
    ck_assert_int_eq(weir_loop_remove_reader(loop, near[0]), 1);
    ck_assert_str_eq(traced(), "");
    ck_assert_int_eq(weir_loop_add_writer(loop, near[0], trace_cb, "again"), 0);
    ck_assert_str_eq(traced(), "again");
}
END_TEST

/* An end is told to a writer too, and to a reader whatever the other side still had to say. */
START_TEST(an_end_or_an_error_is_told_to_whoever_watches)
{
    weir_loop_add_writer(loop, near[0], trace_cb, "w");
    weir_loop_add_reader(loop, near[1], trace_cb, "r");
    for (int filled = 0; filled >= 0;)
        filled = (int)write(near[0], trace_text, sizeof trace_text);
    ck_assert_str_eq(traced(), "");             /* no room */
    close(far[0]);
    close(far[1]);
    ck_assert_str_eq(traced(), "wr");
    far[0] = far[1] = -1;
}
END_TEST

static void queue_soon(void *word)
{
    trace("cb ");
    weir_loop_call_soon(loop, trace_cb, word);
}

/* EL-1, EL-5: what a callback queues has a poll before it, what was queued before comes first, and timers come after. */
START_TEST(callbacks_come_after_what_was_queued_and_before_timers_and_what_they_queue_waits_for_the_next_pass)
{
    weir_loop_add_reader(loop, near[0], queue_soon, "inner ");
    say(far[0]);
    weir_loop_call_later(loop, 0, trace_cb, "timer ");
    weir_loop_call_soon(loop, trace_cb, "soon ");
    ck_assert_str_eq(traced(), "soon cb timer ");
    weir_loop_remove_reader(loop, near[0]);
    ck_assert_str_eq(traced(), "inner ");
}
END_TEST

static void remove_other(void *arg)
{
    trace("a");
    ck_assert_int_eq(weir_loop_remove_reader(loop, *(int *)arg), 1);
}

/* EL-4. Both were ready in the same poll; the first takes the second's turn away. */
START_TEST(a_callback_that_was_removed_in_this_pass_does_not_run)
{
    weir_loop_add_reader(loop, near[0], remove_other, &near[1]);
    weir_loop_add_reader(loop, near[1], trace_cb, "b");
    say(far[0]);
    say(far[1]);
    ck_assert_str_eq(traced(), "a");
}
END_TEST

static void replace_other(void *arg)
{
    trace("a");
    weir_loop_add_reader(loop, *(int *)arg, trace_cb, "new");
    weir_loop_remove_reader(loop, near[0]);
}

START_TEST(a_callback_that_was_replaced_in_this_pass_does_not_run_and_the_new_one_does_in_the_next)
{
    weir_loop_add_reader(loop, near[0], replace_other, &near[1]);
    weir_loop_add_reader(loop, near[1], trace_cb, "old");
    say(far[0]);
    say(far[1]);
    ck_assert_str_eq(traced(), "a");
    ck_assert_str_eq(traced(), "new");
}
END_TEST

static void remove_both(void *arg)
{
    (void)arg;
    trace("x");
    weir_loop_remove_reader(loop, near[0]);
    weir_loop_remove_writer(loop, near[0]);
}

START_TEST(a_callback_may_remove_all_of_its_own_descriptor)
{
    weir_loop_add_reader(loop, near[0], remove_both, NULL);
    weir_loop_add_writer(loop, near[0], remove_both, NULL);
    say(far[0]);
    ck_assert_str_eq(traced(), "x");
    ck_assert_str_eq(traced(), "");
}
END_TEST

START_TEST(what_was_removed_is_not_in_the_kernels_set_any_more)
{
    say(far[0]);
    weir__fault_begin(&(struct fault_plan) { .only = FAULT_OF(SYS_EPOLL_CREATE) });
    weir_loop_add_reader(loop, near[0], trace_cb, "r");
    weir_loop_remove_reader(loop, near[0]);
    ck_assert_str_eq(traced(), "");
    weir__fault_end();
    ck_assert_uint_eq(weir__fault_seen(SYS_EPOLL_CREATE), 1);   /* nothing came that would have made the set anew */
}
END_TEST

#define MANY 200                /* more than are taken from the kernel at once */

static int times[MANY];

static void count(void *arg)
{
    ++*(int *)arg;
}

START_TEST(many_ready_descriptors_all_have_their_turn)
{
    int fds[MANY];

    say(far[0]);
    for (int i = 0; i < MANY; i++) {
        fds[i] = dup(near[0]);
        ck_assert_int_eq(weir_loop_add_reader(loop, fds[i], count, &times[i]), 0);
    }
    for (int i = 0; i < 16; i++)
        pass();
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_ge(times[i], 2);
        ck_assert_int_eq(weir_loop_remove_reader(loop, fds[i]), 1);
        close(fds[i]);
    }
    ck_assert_str_eq(traced(), "");
}
END_TEST

static void *say_from_a_thread(void *arg)
{
    say(*(int *)arg);
    return NULL;
}

static void stop(void *arg)
{
    (void)arg;
    weir_loop_stop(loop);
}

START_TEST(a_ready_descriptor_wakes_a_sleeping_loop)
{
    pthread_t thread;

    weir_loop_add_reader(loop, near[0], stop, NULL);
    ck_assert_int_eq(pthread_create(&thread, NULL, say_from_a_thread, &far[0]), 0);
    ck_assert_int_eq(weir_loop_run_forever(loop), 0);
    pthread_join(thread, NULL);
}
END_TEST

/* --- Misuse --------------------------------------------------------------- */

START_TEST(what_cannot_be_watched_has_its_code)
{
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), closed = dup(0);

    close(closed);
    ck_assert_int_eq(weir_loop_add_reader(loop, -1, trace_cb, "x"), -EINVAL);
    ck_assert_int_eq(weir_loop_add_writer(loop, INT_MIN, trace_cb, "x"), -EINVAL);
    ck_assert_int_eq(weir_loop_add_reader(loop, closed, trace_cb, "x"), -EINVAL);
    ck_assert_int_eq(weir_loop_add_reader(loop, INT_MAX, trace_cb, "x"), -EINVAL);      /* and the table does not grow to it */
    ck_assert_ptr_nonnull(strstr(weir_error_detail(), "2147483647"));
    ck_assert_int_eq(weir_loop_add_reader(loop, near[0], NULL, "x"), -EINVAL);
    ck_assert_int_eq(weir_loop_remove_reader(loop, -1), -EINVAL);
    ck_assert_int_eq(weir_loop_remove_writer(loop, INT_MAX), 0);
    ck_assert_int_eq(weir_loop_add_reader(loop, file, trace_cb, "x"), -EPERM);
    ck_assert_int_eq(weir_loop_add_writer(loop, file, trace_cb, "x"), -EPERM);
    ck_assert_int_eq(weir_loop_remove_reader(loop, file), 0);
    say(far[0]);
    ck_assert_str_eq(traced(), "");             /* nothing of that stayed */
    close(file);
}
END_TEST

/* C115, EL-8. */
START_TEST(a_closed_loop_refuses_to_add_and_has_nothing_to_remove)
{
    weir_loop_add_reader(loop, near[0], trace_cb, "x");
    weir_loop_add_writer(loop, near[1], trace_cb, "x");
    ck_assert_int_eq(weir_loop_close(loop), 0);
    ck_assert_int_eq(weir_loop_add_reader(loop, near[0], trace_cb, "x"), -ESHUTDOWN);
    ck_assert_int_eq(weir_loop_add_writer(loop, near[0], trace_cb, "x"), -ESHUTDOWN);
    ck_assert_int_eq(weir_loop_remove_reader(loop, near[0]), 0);
    ck_assert_int_eq(weir_loop_remove_writer(loop, near[1]), 0);
}
END_TEST

#ifndef NDEBUG
static int foreign[2];

static void *call_from_a_thread(void *arg)
{
    (void)arg;
    foreign[0] = weir_loop_add_reader(loop, near[0], trace_cb, "x");
    foreign[1] = weir_loop_remove_reader(loop, near[0]);
    return NULL;
}

static void start_thread(void *arg)
{
    pthread_t *thread = arg;

    pthread_create(thread, NULL, call_from_a_thread, NULL);
    pthread_join(*thread, NULL);
}

START_TEST(another_thread_is_refused)
{
    pthread_t thread;

    weir_loop_call_soon(loop, start_thread, &thread);
    pass();
    ck_assert_int_eq(foreign[0], WEIR_ESTATE);
    ck_assert_int_eq(foreign[1], WEIR_ESTATE);
}
END_TEST
#endif

/* --- Closed behind our back ----------------------------------------------- */

/* libev aborts the process here. */
START_TEST(a_descriptor_closed_without_a_word_is_forgotten_and_its_number_can_be_watched_again)
{
    say(far[1]);
    weir_loop_add_reader(loop, near[0], trace_cb, "old");
    weir_loop_add_writer(loop, near[0], trace_cb, "oldw");
    close(near[0]);
    ck_assert_str_eq(traced(), "");
    ck_assert_int_eq(dup2(near[1], near[0]), near[0]);
    ck_assert_str_eq(traced(), "");
    ck_assert_int_eq(weir_loop_add_reader(loop, near[0], trace_cb, "new"), 0);
    ck_assert_int_eq(weir_loop_remove_writer(loop, near[0]), 1);
    ck_assert_str_eq(traced(), "new");
    ck_assert_int_eq(weir_loop_remove_reader(loop, near[0]), 1);
}
END_TEST

/* The kernel goes on reporting the open file, and nobody can take a closed number out of the set. */
START_TEST(a_descriptor_closed_while_a_duplicate_lives_does_not_keep_the_loop_awake)
{
    int twin = dup(near[0]);

    weir_loop_add_reader(loop, near[0], trace_cb, "gone");
    weir_loop_add_reader(loop, near[1], trace_cb, "other");
    close(near[0]);
    ck_assert_int_eq(weir_loop_remove_reader(loop, near[0]), 1);
    say(far[0]);
    ck_assert_str_eq(traced(), "");             /* met, and the set made anew */
    say(far[1]);
    ck_assert_str_eq(traced(), "other");        /* with all that is in it */
    weir_loop_remove_reader(loop, near[1]);

    weir_loop_call_later(loop, 3600, stop, NULL);
    clock_advance(weir_loop_time(loop));        /* the made-up time goes on from the machine's, by which the timer was set */
    clock_fake();
    uint64_t before = epoll_waits();
    ck_assert_int_eq(weir_loop_run_forever(loop), 0);
    ck_assert_uint_lt(epoll_waits() - before, 100);     /* steps of libev's longest wait, with nothing in between */
    near[0] = twin;
}
END_TEST

START_TEST(a_number_used_again_while_the_old_file_lives_gets_only_its_own_events)
{
    int twin = dup(near[0]);

    weir_loop_add_reader(loop, near[0], trace_cb, "old");
    close(near[0]);
    ck_assert_int_eq(dup2(near[1], near[0]), near[0]);
    ck_assert_int_eq(weir_loop_add_reader(loop, near[0], trace_cb, "new"), 0);
    say(far[0]);                                /* the old file's */
    ck_assert_str_eq(traced(), "");
    ck_assert_str_eq(traced(), "");
    say(far[1]);
    ck_assert_str_eq(traced(), "new");
    close(twin);
}
END_TEST

/* The kernel knows the pair of number and file from before. */
START_TEST(a_number_that_comes_back_with_its_old_file_can_be_watched_again)
{
    int twin = dup(near[0]);

    weir_loop_add_reader(loop, near[0], trace_cb, "old");
    close(near[0]);
    ck_assert_int_eq(weir_loop_remove_reader(loop, near[0]), 1);
    ck_assert_int_eq(dup2(twin, near[0]), near[0]);
    ck_assert_int_eq(weir_loop_add_reader(loop, near[0], trace_cb, "new"), 0);
    say(far[0]);
    ck_assert_str_eq(traced(), "new");
    close(twin);
}
END_TEST

static int problems;

static void note_log(int level, const char *message, void *arg)
{
    (void)level, (void)arg;
    if (strstr(message, "duplicate") != NULL)
        problems++;
}

START_TEST(a_set_that_cannot_be_made_anew_is_said_and_the_old_one_goes_on)
{
    struct fault_plan plan = { .fail_at = 1, .from_then_on = true, .only = FAULT_OF(SYS_EPOLL_CREATE) };
    int twin = dup(near[0]);

    weir_loop_add_reader(loop, near[0], trace_cb, "gone");
    weir_loop_add_reader(loop, near[1], trace_cb, "other");
    close(near[0]);
    weir_loop_remove_reader(loop, near[0]);
    say(far[0]);
    say(far[1]);
    weir_set_log(note_log, NULL, 0);
    weir__fault_begin(&plan);
    ck_assert_str_eq(traced(), "other");
    ck_assert_str_eq(traced(), "other");
    ck_assert_int_eq(problems, 1);              /* once a second */
    weir__fault_end();
    ck_assert_str_eq(traced(), "other");
    near[0] = twin;
}
END_TEST

/* --- Failing calls -------------------------------------------------------- */

static int add_two_and_remove_them(void *arg)
{
    weir_loop *mine = weir_loop_new();
    int fds[2] = { *(int *)arg, dup(*(int *)arg) };

    if (mine == NULL) {
        close(fds[1]);
        return -ENOMEM;
    }
    int code = 0;
    for (int i = 0; i < 2 && code == 0; i++) {
        code = weir_loop_add_reader(mine, fds[i], trace_cb, "x");
        if (code == 0)
            code = weir_loop_add_writer(mine, fds[i], trace_cb, "x");
    }
    for (int i = 0; i < 2; i++) {               /* whether or not something failed, and even then */
        int reader = weir_loop_remove_reader(mine, fds[i]);
        ck_assert(reader == 0 || reader == 1);
        ck_assert(code < 0 || reader == 1);
    }
    weir_loop_free(mine);
    close(fds[1]);
    return code;
}

START_TEST(every_call_that_fails_is_a_code_and_leaves_nothing_behind)
{
    uint64_t only = FAULT_OF(SYS_EPOLL_CREATE) | FAULT_OF(SYS_ALLOC) | FAULT_OF(SYS_EPOLL_CTL);

    ck_assert_uint_ge(each_fault(only, true, add_two_and_remove_them, &near[0]), 8);
}
END_TEST

START_TEST(a_failed_add_leaves_what_was_watched_before)
{
    struct fault_plan plan = { .fail_at = 1, .only = FAULT_OF(SYS_EPOLL_CTL), .code = -ENOSPC };

    say(far[0]);
    weir_loop_add_reader(loop, near[0], trace_cb, "old");
    weir__fault_begin(&plan);
    ck_assert_int_eq(weir_loop_add_reader(loop, near[0], trace_cb, "new"), -ENOSPC);
    weir__fault_begin(&plan);
    ck_assert_int_eq(weir_loop_add_writer(loop, near[0], trace_cb, "new"), -ENOSPC);
    weir__fault_end();
    ck_assert_str_eq(traced(), "old");
    ck_assert_int_eq(weir_loop_remove_writer(loop, near[0]), 0);
}
END_TEST

START_TEST(a_poll_that_fails_once_loses_nothing)
{
    struct fault_plan plan = { .fail_at = 1, .only = FAULT_OF(SYS_EPOLL_WAIT) };

    say(far[0]);
    weir_loop_add_reader(loop, near[0], trace_cb, "x");
    weir__fault_begin(&plan);
    ck_assert_str_eq(traced(), "");
    ck_assert_uint_eq(weir__fault_end(), 1);
    ck_assert_str_eq(traced(), "x");
}
END_TEST

static int told;

static void note_exception(weir_loop *of, int code, const char *message, void *arg)
{
    (void)of, (void)message, (void)arg;
    told = code;
}

/* libev's own epoll_ctl for our set fails when the loop next polls: too late for a code. */
START_TEST(a_set_that_libev_cannot_watch_is_told_and_tried_again_by_the_next_add)
{
    weir_loop_set_exception_handler(loop, note_exception, NULL);
    say(far[0]);
    pass();                                     /* libev has registered its own by now */
    ck_assert_int_eq(weir_loop_add_reader(loop, near[0], trace_cb, "x"), 0);
    epoll_ctl_fail(1, ENOMEM);
    ck_assert_str_eq(traced(), "");
    ck_assert_int_eq(told, -ENOMEM);
    ck_assert_int_eq(weir_loop_add_reader(loop, near[0], trace_cb, "y"), 0);
    ck_assert_str_eq(traced(), "y");
}
END_TEST

/* --- From a task ---------------------------------------------------------- */

struct fed {
    int fd, lines;
};

static void take(void *arg)
{
    struct fed *fed = arg;
    char byte;

    if (read(fed->fd, &byte, 1) == 1)
        fed->lines++;
}

static int feed(void *arg)
{
    struct fed *fed = arg;

    fed->fd = near[0];
    int code = weir_loop_add_reader(weir_get_running_loop(), near[0], take, fed);
    for (int i = 0; i < 5 && code == 0; i++) {
        say(far[0]);
        while (fed->lines == i)
            weir_yield();
    }
    return code;                                /* the loop closes with the descriptor still watched */
}

START_TEST(a_task_may_watch_and_need_not_clean_up)
{
    struct fed fed = { .lines = 0 };

    ck_assert_int_eq(weir_run(feed, &fed), 0);
    ck_assert_int_eq(fed.lines, 5);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/loop_watch");

    TCase *calling = tcase_create("calling");
    tcase_add_checked_fixture(calling, make, unmake);
    tcase_add_test(calling, a_second_reader_replaces_the_first_and_unread_data_is_told_in_each_pass);
    tcase_add_test(calling, reading_and_writing_are_independent_of_each_other);
    tcase_add_test(calling, an_end_or_an_error_is_told_to_whoever_watches);
    tcase_add_test(calling, callbacks_come_after_what_was_queued_and_before_timers_and_what_they_queue_waits_for_the_next_pass);
    tcase_add_test(calling, a_callback_that_was_removed_in_this_pass_does_not_run);
    tcase_add_test(calling, a_callback_that_was_replaced_in_this_pass_does_not_run_and_the_new_one_does_in_the_next);
    tcase_add_test(calling, a_callback_may_remove_all_of_its_own_descriptor);
    tcase_add_test(calling, what_was_removed_is_not_in_the_kernels_set_any_more);
    tcase_add_test(calling, many_ready_descriptors_all_have_their_turn);
    tcase_add_test(calling, a_ready_descriptor_wakes_a_sleeping_loop);
    tcase_add_test(calling, a_task_may_watch_and_need_not_clean_up);
    suite_add_tcase(s, calling);

    TCase *misuse = tcase_create("misuse");
    tcase_add_checked_fixture(misuse, make, unmake);
    tcase_add_test(misuse, what_cannot_be_watched_has_its_code);
    tcase_add_test(misuse, a_closed_loop_refuses_to_add_and_has_nothing_to_remove);
#ifndef NDEBUG
    tcase_add_test(misuse, another_thread_is_refused);
#endif
    suite_add_tcase(s, misuse);

    TCase *closed = tcase_create("closed");
    tcase_add_checked_fixture(closed, make, unmake);
    tcase_add_test(closed, a_descriptor_closed_without_a_word_is_forgotten_and_its_number_can_be_watched_again);
    tcase_add_test(closed, a_descriptor_closed_while_a_duplicate_lives_does_not_keep_the_loop_awake);
    tcase_add_test(closed, a_number_used_again_while_the_old_file_lives_gets_only_its_own_events);
    tcase_add_test(closed, a_number_that_comes_back_with_its_old_file_can_be_watched_again);
    tcase_add_test(closed, a_set_that_cannot_be_made_anew_is_said_and_the_old_one_goes_on);
    suite_add_tcase(s, closed);

    TCase *failing = tcase_create("failing");
    tcase_add_checked_fixture(failing, make, unmake);
    tcase_add_test(failing, every_call_that_fails_is_a_code_and_leaves_nothing_behind);
    tcase_add_test(failing, a_failed_add_leaves_what_was_watched_before);
    tcase_add_test(failing, a_poll_that_fails_once_loses_nothing);
    tcase_add_test(failing, a_set_that_libev_cannot_watch_is_told_and_tried_again_by_the_next_add);
    suite_add_tcase(s, failing);
    return s;
}
