/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_memory_stream.c  What weir_stream_pair and weir_test_handler promise: streams without a kernel.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <weir/run.h>
#include <weir/task.h>

#include "lib/clock.h"
#include "lib/stream_service.h"
#include "lib/suite.h"

/* --- A pair --------------------------------------------------------------- */

static int talk(void *arg)
{
    weir_reader *ra, *rb;
    weir_writer *wa, *wb;
    weir_bytes out;

    (void)arg;
    int code = weir_stream_pair(&ra, &wa, &rb, &wb);
    if (code < 0)
        return code;
    weir_writer_printf(wa, "ping\n");           /* before anything ran: arrives all the same */
    ssize_t n = weir_reader_readline(rb, &out);
    say("%s", n == 5 ? quoted(out.data, out.len) : code_name(n));
    weir_writer_printf(wb, "pong\n");
    n = weir_reader_readline(ra, &out);
    say("%s", n == 5 ? quoted(out.data, out.len) : code_name(n));
    weir_writer_close(wa);
    say("%s", code_name(weir_reader_readline(rb, &out)));
    say("%d", weir_reader_at_eof(rb));
    say("%d %s", weir_writer_fd(wa), weir_writer_peername(wa) == NULL ? "nobody" : "somebody");
    weir_writer_free(wa);
    weir_writer_free(wb);
    return 0;
}

START_TEST(a_pair_carries_bytes_and_the_end_both_ways)
{
    ck_assert_int_eq(weir_run(talk, NULL), 0);
    ck_assert_str_eq(said(), "\"ping\\n\" \"pong\\n\" 0 1 -1 nobody");
}
END_TEST

static int drop_at_once(void *arg)
{
    weir_reader *ra, *rb;
    weir_writer *wa, *wb;
    int code = weir_stream_pair(&ra, &wa, &rb, &wb);

    if (code < 0)
        return code;
    if (*(int *)arg & 1)
        weir_writer_abort(wa);
    if (*(int *)arg & 2)
        weir_writer_write(wb, "x", 1);
    weir_writer_free(wa);
    if (*(int *)arg & 4)
        weir_yield();
    weir_writer_free(wb);
    return 0;
}

/* Freed, or aborted, before their connection_made: each end still has to come to its end, or the loop waits for ever. */
START_TEST(a_pair_can_be_dropped_before_it_was_used)
{
    ck_assert_int_eq(weir_run(drop_at_once, &_i), 0);
}
END_TEST

#define MUCH ((size_t)3 * 1024 * 1024)

static int write_much(void *arg)
{
    struct far *far = arg;
    int code = 0;

    while (far->written < MUCH && code == 0) {
        code = far_write_pattern(far, 10000 < MUCH - far->written ? 10000 : MUCH - far->written);
        code = code == 0 ? weir_writer_drain(far->writer) : code;
    }
    return code;
}

/* Back-pressure works as on a socket: the writer waits, the reader pauses, nothing is lost, nothing grows. */
static void carry_much(struct far *far)
{
    weir_task *task = far_task(far, write_much);
    size_t most = 0;

    while (far->received < MUCH && far_recv_pattern(far, 4096 < MUCH - far->received ? 4096 : MUCH - far->received)) {
        size_t held = weir_reader_buffered(far->far_reader)
                    + weir_transport_get_write_buffer_size(weir_writer_transport(far->writer));
        most = held > most ? held : most;
    }
    say("%d", far->received == MUCH);
    say("%s", code_name(far_join(task)));
    say("%s", most < (size_t)1024 * 1024 ? "bounded" : "GROWS");
}

START_TEST(a_pair_holds_back_a_writer_that_is_too_fast)
{
    ck_assert_int_eq(far_play(carry_much, FAR_MEMORY), 0);
    ck_assert_str_eq(said(), "1 0 bounded");
}
END_TEST

/* --- weir_test_handler ---------------------------------------------------- */

#define INPUT "one\ntwo\n\nthree and more\nlast"

struct trial {
    weir_client_connected_cb cb;
    const char *in;
    size_t in_len, chunk;
    int result;
    char *out;
    size_t out_len;
};

static int try_handler(void *arg)
{
    struct trial *t = arg;

    t->result = weir_test_handler(t->cb, NULL, t->in, t->in_len, t->chunk, &t->out, &t->out_len);
    return 0;
}

static void run_trial(struct trial *t)
{
    t->out = NULL;
    ck_assert_int_eq(weir_run(try_handler, t), 0);
}

/* Fault 6 for handlers: where the input is cut is none of their business. */
START_TEST(a_handler_answers_the_same_however_its_input_is_cut)
{
    struct trial t = { .cb = echo_lines, .in = INPUT, .in_len = sizeof INPUT - 1, .chunk = (size_t)_i };

    run_trial(&t);
    ck_assert_int_eq(t.result, 0);
    ck_assert_uint_eq(t.out_len, t.in_len);
    ck_assert_mem_eq(t.out, INPUT, t.in_len);
    free(t.out);
}
END_TEST

static int write_and_fail(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_bytes out;

    (void)arg;
    weir_writer_printf(writer, "so far");
    return weir_reader_readexactly(reader, 3, &out) == 3 ? -EIO : -EINVAL;
}

static int write_nothing(weir_reader *reader, weir_writer *writer, void *arg)
{
    (void)reader, (void)writer, (void)arg;
    return 5;
}

static int write_very_much(weir_reader *reader, weir_writer *writer, void *arg)
{
    static char bytes[MUCH];

    (void)reader, (void)arg;
    for (size_t i = 0; i < MUCH; i++)
        bytes[i] = (char)pattern_at(i);
    weir_writer_write(writer, bytes, MUCH);
    return 0;
}

static int close_and_go_on(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_bytes out;

    (void)arg;
    weir_writer_printf(writer, "bye");
    weir_writer_close(writer);
    weir_writer_printf(writer, "lost");
    int code = weir_writer_wait_closed(writer);
    return code < 0 ? code : (int)weir_reader_read(reader, 1, &out);
}

START_TEST(a_trial_gives_the_handlers_result_and_all_its_output)
{
    struct trial t = { .cb = write_and_fail, .in = "abcdef", .in_len = 6, .chunk = 2 };

    run_trial(&t);                              /* failed, with input unread: its output counts all the same */
    ck_assert_int_eq(t.result, -EIO);
    ck_assert_uint_eq(t.out_len, 6);
    ck_assert_mem_eq(t.out, "so far", 6);
    free(t.out);

    t.cb = write_nothing;
    run_trial(&t);
    ck_assert_int_eq(t.result, 5);
    ck_assert_uint_eq(t.out_len, 0);
    ck_assert_ptr_nonnull(t.out);
    free(t.out);

    t.cb = close_and_go_on;
    t.in_len = 0;
    run_trial(&t);
    ck_assert_int_eq(t.result, 0);
    ck_assert_uint_eq(t.out_len, 3);
    free(t.out);

    t.cb = write_very_much;
    run_trial(&t);
    ck_assert_uint_eq(t.out_len, MUCH);
    size_t right = 0;
    while (right < t.out_len && t.out[right] == (char)pattern_at(right))
        right++;
    ck_assert_uint_eq(right, MUCH);
    free(t.out);
}
END_TEST

static int answer_late(void *arg)
{
    for (int i = 0; i < 20; i++)
        weir_yield();
    return weir_writer_printf(arg, "late");
}

static int leave_a_group(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_task_group group;

    (void)reader, (void)arg;
    weir_task_group_init(&group);
    return weir_task_group_spawn(&group, answer_late, writer);
}

/* As on a real connection: the members end before what they borrowed is gone. */
START_TEST(a_trial_waits_for_the_members_of_a_group_that_was_left)
{
    struct trial t = { .cb = leave_a_group, .in = "", .in_len = 0 };

    run_trial(&t);
    ck_assert_int_eq(t.result, 0);
    ck_assert_uint_eq(t.out_len, 4);
    ck_assert_mem_eq(t.out, "late", 4);
    free(t.out);
}
END_TEST

static int read_and_say(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_bytes out;

    (void)writer, (void)arg;
    say("read:%s", code_name(weir_reader_read(reader, WEIR_READ_ALL, &out)));
    int code = weir_sleep(1000);
    say("sleep:%s", code_name(code));
    return code;
}

static int cancel_a_trial(void *arg)
{
    struct trial *t = arg;
    weir_task *task = weir_create_task(try_handler, t);

    weir_sleep(1);
    weir_task_cancel(task);
    weir_task_join(task);
    weir_task_unref(task);
    say("%s", code_name(t->result));
    return 0;
}

START_TEST(cancelling_a_trial_cancels_its_handler)
{
    struct trial t = { .cb = read_and_say, .in = "abc", .in_len = 3 };

    clock_fake();
    ck_assert_int_eq(weir_run(cancel_a_trial, &t), 0);
    ck_assert_str_eq(said(), "read:3 sleep:ECANCELED ECANCELED");
    free(t.out);
}
END_TEST

START_TEST(without_a_loop_there_is_no_pair_and_no_trial)
{
    weir_reader *r;
    weir_writer *w;
    char *out;
    size_t len;

    ck_assert_int_eq(weir_stream_pair(&r, &w, &r, &w), WEIR_ESTATE);
    ck_assert_int_eq(weir_test_handler(write_nothing, NULL, "", 0, 0, &out, &len), WEIR_ENOTASK);
}
END_TEST

Suite *suite(void)
{
    Suite *memory = suite_create("streams/memory_stream");

    TCase *pair = tcase_create("pair");
    tcase_add_test(pair, a_pair_carries_bytes_and_the_end_both_ways);
    tcase_add_loop_test(pair, a_pair_can_be_dropped_before_it_was_used, 0, 8);
    tcase_add_test(pair, a_pair_holds_back_a_writer_that_is_too_fast);
    suite_add_tcase(memory, pair);

    TCase *trial = tcase_create("trial");
    tcase_add_loop_test(trial, a_handler_answers_the_same_however_its_input_is_cut, 0, (int)sizeof INPUT + 1);
    tcase_add_test(trial, a_trial_gives_the_handlers_result_and_all_its_output);
    tcase_add_test(trial, a_trial_waits_for_the_members_of_a_group_that_was_left);
    tcase_add_test(trial, cancelling_a_trial_cancels_its_handler);
    tcase_add_test(trial, without_a_loop_there_is_no_pair_and_no_trial);
    suite_add_tcase(memory, trial);
    return memory;
}
