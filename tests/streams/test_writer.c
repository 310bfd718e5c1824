/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_writer.c  What streams/writer.c promises: writing, draining, ending, waiting for the end.
 *
 * The cases of SEMANTICS 3.2, each over a socket whose far end is not weir's, and over a memory pair. Each scenario says
 * what it sees, and the line is the expectation.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <weir/loop.h>
#include <weir/run.h>

#include "lib/stream_far.h"
#include "lib/suite.h"

#define BIG ((size_t)1024 * 1024)       /* more than the kernel takes from a peer that does not read */

/* A scenario as a test, over the far end of kind _i. */
#define SCENE(name, scenario, expected)                          \
    START_TEST(name)                                             \
    {                                                            \
        ck_assert_int_eq(far_play(scenario, (enum far_kind)_i), 0); \
        ck_assert_str_eq(said(), expected);                      \
    }                                                            \
    END_TEST

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

static int do_drain(void *arg)
{
    return weir_writer_drain(((struct far *)arg)->writer);
}

static int do_wait_closed(void *arg)
{
    return weir_writer_wait_closed(((struct far *)arg)->writer);
}

static void say_result(weir_task *task)
{
    say("%s", weir_task_done(task) ? code_name(weir_task_result(task)) : "susp");
}

static size_t buffer_size(const struct far *far)
{
    return weir_transport_get_write_buffer_size(weir_writer_transport(far->writer));
}

/* --- Flow control --------------------------------------------------------- */

/* How many passes went by. */
static int ticks;
static bool ticking;

static int tick(void *arg)
{
    (void)arg;
    for (ticks = 0; ticking; ticks++)
        weir_yield();
    return 0;
}

static weir_task *begin_ticking(struct far *far)
{
    ticking = true;
    return far_task(far, tick);
}

static void end_ticking(weir_task *ticker)
{
    ticking = false;
    far_join(ticker);
}

/* C43 */
static void drain_little(struct far *far)
{
    weir_task *ticker = begin_ticking(far);
    int before = ticks;

    say("%s", code_name(weir_writer_drain(far->writer)));
    far_write_pattern(far, 1000);
    say("%s %d", code_name(weir_writer_drain(far->writer)), ticks - before);
    end_ticking(ticker);
    say("%s", truth(far_recv_pattern(far, 1000)));
}
SCENE(drain_with_little_pending_lets_nobody_else_run, drain_little, "0 0 0 true")

/* C38 */
static void drain_twice(struct far *far)
{
    far_write_pattern(far, BIG);
    weir_task *a = far_task(far, do_drain);
    weir_task *b = far_task(far, do_drain);

    say_result(a);
    say_result(b);
    say("%s", truth(far_recv_pattern(far, BIG)));
    say("%s", code_name(far_join(a)));
    say("%s", code_name(far_join(b)));
}
SCENE(every_task_in_drain_is_released, drain_twice, "susp susp true 0 0")

/* C36, C37; FC-3: raising the limits releases nobody; the peer's reading does, at the low mark. */
static void move_the_marks(struct far *far)
{
    weir_transport *t = weir_writer_transport(far->writer);

    weir_transport_set_write_buffer_limits(t, 8 * BIG, 0);
    far_write_pattern(far, BIG);
    far_settle();
    say("%s %s", truth(buffer_size(far) > 0), code_name(weir_writer_drain(far->writer)));
    say("%s", code_name(weir_transport_set_write_buffer_limits(t, 100, 0)));
    weir_task *task = far_task(far, do_drain);
    say_result(task);
    weir_transport_set_write_buffer_limits(t, 8 * BIG, 0);
    far_settle();
    say_result(task);
    say("%s", truth(far_recv_pattern(far, BIG)));
    say("%s", code_name(far_join(task)));
    say("%zu", buffer_size(far));               /* low is 0: only when all is gone */
}
SCENE(a_lowered_mark_pauses_at_once_and_a_raised_one_resumes_nothing, move_the_marks, "true 0 0 susp susp true 0 0")

/* C34, FC-2 */
static void say_limits(weir_transport *t, size_t high, size_t low)
{
    size_t now_low, now_high;
    int code = weir_transport_set_write_buffer_limits(t, high, low);

    weir_transport_get_write_buffer_limits(t, &now_low, &now_high);
    say("%s:%zu,%zu", code_name(code), now_low, now_high);
}

static void set_marks(struct far *far)
{
    weir_transport *t = weir_writer_transport(far->writer);

    say_limits(t, WEIR_UNSET, WEIR_UNSET);
    say_limits(t, 100, WEIR_UNSET);
    say_limits(t, WEIR_UNSET, 10);
    say_limits(t, 3, WEIR_UNSET);
    say_limits(t, 0, WEIR_UNSET);
    say_limits(t, WEIR_UNSET, 0);
    say_limits(t, 10, 10);
    say_limits(t, 5, 6);
    say_limits(t, (size_t)-2, WEIR_UNSET);
    say_limits(t, 0, 1);
}
SCENE(the_marks_follow_the_rule_and_wrong_ones_change_nothing, set_marks,
      "0:16384,65536 0:25,100 0:10,40 0:0,3 0:0,0 0:0,0 0:10,10 EINVAL:10,10 EINVAL:10,10 EINVAL:10,10")

/* C51 */
static void cancel_a_drain(struct far *far)
{
    far_write_pattern(far, BIG);
    weir_task *task = far_task(far, do_drain);

    weir_task_cancel(task);
    say("%s", code_name(far_join(task)));
    say("%s", truth(far_recv_pattern(far, BIG)));
    say("%s", code_name(weir_writer_drain(far->writer)));
}
SCENE(a_cancelled_drain_loses_no_bytes, cancel_a_drain, "ECANCELED true 0")

/* SW-6, C50 */
static void fail_the_reader(struct far *far)
{
    weir_reader_set_exception(far->reader, -EIO);
    say("%s", code_name(far_write_pattern(far, 5)));
    say("%s", code_name(weir_writer_drain(far->writer)));
    say("%s", truth(far_recv_pattern(far, 5)));
}
SCENE(a_failed_reader_fails_drain_and_not_the_output, fail_the_reader, "0 EIO true")

/* --- Closing -------------------------------------------------------------- */

/* C39 */
static void abort_a_drain(struct far *far)
{
    weir_bytes line;

    far_write_pattern(far, BIG);
    weir_task *task = far_task(far, do_drain);
    weir_writer_abort(far->writer);
    say("%zu", buffer_size(far));
    say("%s", code_name(far_join(task)));
    say("%s", code_name(weir_writer_drain(far->writer)));
    say("%s", code_name(weir_writer_wait_closed(far->writer)));
    say("%s %s", truth(weir_reader_at_eof(far->reader)), code_name(weir_reader_readline(far->reader, &line)));
}
SCENE(abort_releases_drain_as_a_success_and_later_ones_fail, abort_a_drain, "0 0 ECONNRESET 0 true 0")

/* C41, SW-4 step 2: exactly one pass. */
static void drain_closed(struct far *far)
{
    weir_task *ticker = begin_ticking(far);

    weir_writer_close(far->writer);
    int before = ticks;
    say("%s", code_name(weir_writer_drain(far->writer)));
    say("%d", ticks - before);
    end_ticking(ticker);
}
SCENE(drain_on_a_closed_writer_waits_one_pass_and_fails, drain_closed, "ECONNRESET 1")

/* C42 */
static void close_with_a_backlog(struct far *far)
{
    far_write_pattern(far, BIG);
    weir_writer_close(far->writer);
    weir_task *drain = far_task(far, do_drain);
    weir_task *closed = far_task(far, do_wait_closed);
    say_result(drain);
    say("%s", truth(far_recv_pattern(far, BIG - 1)));
    say("%s", truth(far_recv_pattern(far, 1)));
    say("%s %s", code_name(far_join(drain)), code_name(far_join(closed)));
    say("%s", truth(far_at_end(far)));
}
SCENE(close_sends_the_backlog_first, close_with_a_backlog, "susp true true 0 0 true")

/* C44, BT-16 */
static void use_after_close(struct far *far)
{
    weir_bytes out;

    weir_writer_close(far->writer);
    weir_writer_close(far->writer);
    say("%s", code_name(weir_writer_write(far->writer, "zz", 2)));
    say("%s", code_name(weir_writer_writelines(far->writer, NULL, 0)));
    say("%s", code_name(weir_writer_printf(far->writer, "%d", 7)));
    say("%s", code_name(weir_writer_flush(far->writer)));
    say("%s", code_name(weir_writer_write_eof(far->writer)));
    say("%zu %s", buffer_size(far), truth(weir_writer_is_closing(far->writer)));
    say("%s", truth(far_at_end(far)));
    say("%s", code_name(weir_writer_wait_closed(far->writer)));
    weir_writer_abort(far->writer);
    weir_writer_close(far->writer);
    say("%s", code_name(weir_writer_write(far->writer, "zz", 2)));
    say("%s", code_name(weir_reader_read(far->reader, 5, &out)));
    say("%d %s", weir_writer_fd(far->writer), weir_writer_get_extra_info(far->writer, "socket") == NULL ? "gone" : "there");
    say("%s", code_name(weir_writer_wait_closed(far->writer)));
}
SCENE(after_the_close_everything_answers_and_nothing_is_sent, use_after_close, "0 0 0 0 0 0 true true 0 0 0 -1 gone 0")

/* C47, second half */
static void abort_with_a_backlog(struct far *far)
{
    far_write_pattern(far, BIG);
    weir_writer_abort(far->writer);
    say("%zu %s", buffer_size(far), code_name(weir_writer_wait_closed(far->writer)));
    say("%s", truth(far_recv_pattern(far, BIG)));
}
SCENE(abort_drops_what_was_not_taken, abort_with_a_backlog, "0 0 false")

/* abort cuts a flush that does not end (BT-6) */
static void abort_a_close(struct far *far)
{
    far_write_pattern(far, BIG);
    weir_writer_close(far->writer);
    weir_task *closed = far_task(far, do_wait_closed);
    say_result(closed);
    weir_writer_abort(far->writer);
    say("%s", code_name(far_join(closed)));
}
SCENE(abort_cuts_a_close_that_does_not_end, abort_a_close, "susp 0")

/* SW-9, C52, A2 */
static void wait_closed_often(struct far *far)
{
    weir_task *a = far_task(far, do_wait_closed);
    weir_task *b = far_task(far, do_wait_closed);
    weir_task *c = far_task(far, do_wait_closed);

    weir_task_cancel(b);
    say("%s", code_name(far_join(b)));
    say_result(a);
    weir_writer_close(far->writer);
    say("%s %s", code_name(far_join(a)), code_name(far_join(c)));
    say("%s %s", code_name(weir_writer_wait_closed(far->writer)), code_name(weir_writer_wait_closed(far->writer)));
}
SCENE(a_cancelled_wait_closed_is_nobody_elses_business, wait_closed_often, "ECANCELED susp 0 0 0 0")

/* C54, SR-22 */
static int do_readexactly(void *arg)
{
    weir_bytes out = { "", 0 };
    ssize_t n = weir_reader_readexactly(((struct far *)arg)->reader, 5, &out);

    say("%s %s", code_name(n), quoted(out.data, out.len));
    return 0;
}

static int do_readline(void *arg)
{
    weir_bytes out;

    say("line=%s", code_name(weir_reader_readline(((struct far *)arg)->reader, &out)));
    return 0;
}

static void close_under_a_reader(struct far *far)
{
    far_send(far, "ab", 2);
    weir_task *task = far_task(far, do_readexactly);
    weir_writer_close(far->writer);
    far_join(task);
}
SCENE(the_own_close_ends_a_readexactly_with_what_had_come, close_under_a_reader, "EINCOMPLETE \"ab\"")

static int do_read(void *arg)
{
    weir_bytes out;

    say("read=%s", code_name(weir_reader_read(((struct far *)arg)->reader, 5, &out)));
    return 0;
}

static void close_under_a_read(struct far *far)
{
    weir_task *task = far_task(far, do_read);

    weir_writer_close(far->writer);
    far_join(task);
}
SCENE(the_own_close_ends_a_read_as_the_end, close_under_a_read, "read=0")

static void abort_under_a_reader(struct far *far)
{
    weir_task *task = far_task(far, do_readline);

    weir_writer_abort(far->writer);
    far_join(task);
}
SCENE(an_abort_ends_a_readline_as_the_end, abort_under_a_reader, "line=0")

/* --- Ending the output ---------------------------------------------------- */

/* C45 */
static void half_close(struct far *far)
{
    char got[4] = "";
    weir_bytes out;

    say("%s", truth(weir_writer_can_write_eof(far->writer)));
    weir_writer_write(far->writer, "abc", 3);
    say("%s %s", code_name(weir_writer_write_eof(far->writer)), code_name(weir_writer_write_eof(far->writer)));
    say("%s %s", code_name(weir_writer_write(far->writer, "x", 1)), code_name(weir_writer_write(far->writer, "", 0)));
    say("%s", code_name(weir_writer_writelines(far->writer, NULL, 0)));
    far_recv(far, got, 3);
    say("%s %s", got, truth(far_at_end(far)));
    far_send(far, "still", 5);
    ssize_t n = weir_reader_readexactly(far->reader, 5, &out);
    say("%s %s", code_name(n), quoted(out.data, out.len));
    say("%s %s", code_name(weir_writer_drain(far->writer)), truth(weir_writer_is_closing(far->writer)));
}
SCENE(write_eof_ends_the_output_and_nothing_else, half_close,
      "true 0 0 ESTATE ESTATE ESTATE abc true 5 \"still\" 0 false")

/* C46 */
static void half_close_with_a_backlog(struct far *far)
{
    weir_bytes out;

    far_write_pattern(far, BIG);
    say("%s", code_name(weir_writer_write_eof(far->writer)));
    say("%s", truth(far_recv_pattern(far, BIG)));
    say("%s", truth(far_at_end(far)));
    far_send(far, "pong", 4);
    say("%s", code_name(weir_reader_readexactly(far->reader, 4, &out)));
}
SCENE(write_eof_comes_after_the_backlog, half_close_with_a_backlog, "0 true true 4")

/* C53 */
static void answer_a_half_close(struct far *far)
{
    char got[6] = "";
    weir_bytes out;

    far_send(far, "q", 1);
    far_end_output(far);
    ssize_t n = weir_reader_read(far->reader, WEIR_READ_ALL, &out);
    say("%s %s %s", code_name(n), quoted(out.data, out.len), truth(weir_writer_is_closing(far->writer)));
    weir_writer_write(far->writer, "reply", 5);
    weir_writer_flush(far->writer);
    far_recv(far, got, 5);
    weir_writer_close(far->writer);
    say("%s %s %s", got, truth(far_at_end(far)), code_name(weir_writer_wait_closed(far->writer)));
}
SCENE(a_peer_that_ended_its_output_still_gets_an_answer, answer_a_half_close, "1 \"q\" false reply true 0")

/* --- What is written ------------------------------------------------------ */

/* C56 */
static void write_pieces(struct far *far)
{
    weir_bytes pieces[] = { { "1", 1 }, { NULL, 0 }, { "2", 1 }, { "3", 1 } };
    weir_bytes wrong[] = { { "4", 1 }, { NULL, 1 } };
    char got[4] = "";

    say("%s", code_name(weir_writer_writelines(far->writer, pieces, 4)));
    say("%s %s", code_name(weir_writer_writelines(far->writer, pieces, 0)),
        code_name(weir_writer_writelines(far->writer, wrong, 2)));
    say("%s %s", code_name(weir_writer_write(far->writer, NULL, 1)), code_name(weir_writer_write(far->writer, NULL, 0)));
    weir_writer_close(far->writer);
    say("%zu %s", far_recv(far, got, 3), got);
    say("%s", truth(far_at_end(far)));
}
SCENE(writelines_is_one_write_of_all, write_pieces, "0 0 EINVAL EINVAL 0 3 123 true")

/* A short text is formatted on the stack, a long one elsewhere. */
static void print(struct far *far)
{
    char got[1400] = "", expected[1400];

    int len = snprintf(expected, sizeof expected, "%d %s|%0*d|%01000d", -5, "five", 254, 7, 9);
    say("%s", code_name(weir_writer_printf(far->writer, "%d %s|", -5, "five")));
    say("%s", code_name(weir_writer_printf(far->writer, "%0*d|", 254, 7)));     /* with its NUL exactly what fits */
    say("%s", code_name(weir_writer_printf(far->writer, "%01000d", 9)));
    say("%s", code_name(weir_writer_printf(far->writer, "%s", "")));
    far_settle();
    say("%s", truth(far_recv(far, got, (size_t)len) == (size_t)len && memcmp(got, expected, (size_t)len) == 0));
}
SCENE(printf_writes_texts_of_any_length, print, "0 0 0 0 true")

static void ask(struct far *far)
{
    static int mine;

    say("%s", weir_writer_get_extra_info(far->writer, "nonsense") == NULL ? "none" : "some");
    say("%s", weir_writer_data(far->writer) == NULL ? "none" : "some");
    weir_writer_set_data(far->writer, &mine);
    weir_writer_close(far->writer);
    weir_writer_wait_closed(far->writer);
    say("%s", weir_writer_data(far->writer) == &mine ? "mine" : "other");
    say("%s", weir_writer_get_extra_info(far->writer, "nonsense") == NULL ? "none" : "some");
}
SCENE(the_users_pointer_stays_with_the_connection, ask, "none none mine none")

/* --- Outside of tasks ----------------------------------------------------- */

static void wait_in_a_callback(void *arg)
{
    struct far *far = arg;

    say("%s", code_name(weir_writer_drain(far->writer)));
    say("%s", code_name(weir_writer_wait_closed(far->writer)));
}

static void call_back(struct far *far)
{
    far_write_pattern(far, 10);
    weir_loop_call_soon(weir_get_running_loop(), wait_in_a_callback, far);
    far_settle();                               /* little is pending: drain has nothing to wait for */
    far_write_pattern(far, BIG);
    weir_loop_call_soon(weir_get_running_loop(), wait_in_a_callback, far);
    far_settle();
    say("%s", truth(far_recv_pattern(far, BIG + 10)));
    say("%s", code_name(weir_writer_drain(far->writer)));
}
SCENE(outside_of_tasks_what_would_wait_is_refused, call_back, "0 ENOTASK ENOTASK ENOTASK true 0")

Suite *suite(void)
{
    Suite *writer = suite_create("streams/writer");

    TCase *flow = tcase_create("flow control");
    tcase_add_loop_test(flow, drain_with_little_pending_lets_nobody_else_run, 0, FAR_KINDS);
    tcase_add_loop_test(flow, every_task_in_drain_is_released, 0, FAR_KINDS);
    tcase_add_loop_test(flow, a_lowered_mark_pauses_at_once_and_a_raised_one_resumes_nothing, 0, FAR_KINDS);
    tcase_add_loop_test(flow, the_marks_follow_the_rule_and_wrong_ones_change_nothing, 0, FAR_KINDS);
    tcase_add_loop_test(flow, a_cancelled_drain_loses_no_bytes, 0, FAR_KINDS);
    tcase_add_loop_test(flow, a_failed_reader_fails_drain_and_not_the_output, 0, FAR_KINDS);
    suite_add_tcase(writer, flow);

    TCase *closing = tcase_create("closing");
    tcase_add_loop_test(closing, abort_releases_drain_as_a_success_and_later_ones_fail, 0, FAR_KINDS);
    tcase_add_loop_test(closing, drain_on_a_closed_writer_waits_one_pass_and_fails, 0, FAR_KINDS);
    tcase_add_loop_test(closing, close_sends_the_backlog_first, 0, FAR_KINDS);
    tcase_add_loop_test(closing, after_the_close_everything_answers_and_nothing_is_sent, 0, FAR_KINDS);
    tcase_add_loop_test(closing, abort_drops_what_was_not_taken, 0, FAR_KINDS);
    tcase_add_loop_test(closing, abort_cuts_a_close_that_does_not_end, 0, FAR_KINDS);
    tcase_add_loop_test(closing, a_cancelled_wait_closed_is_nobody_elses_business, 0, FAR_KINDS);
    tcase_add_loop_test(closing, the_own_close_ends_a_readexactly_with_what_had_come, 0, FAR_KINDS);
    tcase_add_loop_test(closing, the_own_close_ends_a_read_as_the_end, 0, FAR_KINDS);
    tcase_add_loop_test(closing, an_abort_ends_a_readline_as_the_end, 0, FAR_KINDS);
    suite_add_tcase(writer, closing);

    TCase *ending = tcase_create("ending the output");
    tcase_add_loop_test(ending, write_eof_ends_the_output_and_nothing_else, 0, FAR_KINDS);
    tcase_add_loop_test(ending, write_eof_comes_after_the_backlog, 0, FAR_KINDS);
    tcase_add_loop_test(ending, a_peer_that_ended_its_output_still_gets_an_answer, 0, FAR_KINDS);
    suite_add_tcase(writer, ending);

    TCase *writing = tcase_create("writing");
    tcase_add_loop_test(writing, writelines_is_one_write_of_all, 0, FAR_KINDS);
    tcase_add_loop_test(writing, printf_writes_texts_of_any_length, 0, FAR_KINDS);
    tcase_add_loop_test(writing, the_users_pointer_stays_with_the_connection, 0, FAR_KINDS);
    tcase_add_loop_test(writing, outside_of_tasks_what_would_wait_is_refused, 0, FAR_KINDS);
    suite_add_tcase(writer, writing);
    return writer;
}
