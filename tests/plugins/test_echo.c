/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/test_echo.c  What plugins/echo/echo.c promises.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <weir/run.h>
#include <weir/task.h>

#include "lib/stream_far.h"
#include "lib/suite.h"
#include "net/transport.h"
#include "plugins/section.h"

#define INPUT "one\ntwo\n\nthree and more\nlast"

static const struct option nothing[] = { { NULL, NULL } }, raw[] = { { "mode", "raw" }, { NULL, NULL } };

struct trial {
    const struct option *options;
    size_t chunk;
    int result;
    char *out;
    size_t out_len;
};

static int try_handler(void *arg)
{
    struct trial *t = arg;
    int code = section_start();

    if (code == 0)
        t->result = weir_test_handler(weir_plugin_entry.client_connected, section_state, INPUT, sizeof INPUT - 1, t->chunk,
                                      &t->out, &t->out_len);
    return code;
}

static void run_trial(struct trial *t)
{
    section_begin(t->options);
    ck_assert_int_eq(section_configure(), 0);
    ck_assert_int_eq(weir_run(try_handler, t), 0);
    ck_assert_int_eq(t->result, 0);
    ck_assert_uint_eq(t->out_len, sizeof INPUT - 1);
    ck_assert_mem_eq(t->out, INPUT, t->out_len);
    free(t->out);
    section_end();
}

/* Where the input is cut is none of the peer's business; the last line has no end. */
START_TEST(every_line_is_said_back_and_counted)
{
    struct trial t = { .options = nothing, .chunk = (size_t)_i };

    run_trial(&t);
    ck_assert_uint_eq(section_count("lines"), 5);
    ck_assert_uint_eq(section_count("bytes"), sizeof INPUT - 1);
}
END_TEST

START_TEST(raw_says_every_byte_back_as_it_comes)
{
    struct trial t = { .options = raw, .chunk = (size_t)_i };

    run_trial(&t);
    ck_assert_uint_eq(section_count("lines"), 0);
    ck_assert_uint_eq(section_count("bytes"), sizeof INPUT - 1);
}
END_TEST

START_TEST(another_mode_is_refused_by_name)
{
    section_begin((struct option[]) { { "mode", "loud" }, { NULL, NULL } });
    ck_assert_int_eq(section_configure(), WEIR_ECONFIG);
    ck_assert_str_eq(section_failures(), "mode: \"loud\" is no mode of echo; \"lines\" and \"raw\" are\n");
    ck_assert_str_eq(section_unasked(), "");
}
END_TEST

/* --- Idle ------------------------------------------------------------------ */

static bool idle(struct far *far)
{
    far_settle();
    return weir_writer_transport(far->writer)->idle;
}

static int run_handler(void *arg)
{
    struct far *far = arg;

    return weir_plugin_entry.client_connected(far->reader, far->writer, section_state);
}

/* What a drain asks. A connection that is idle with half a line would lose it, one that is not idle without any would keep the
 * drain waiting for nothing. */
static void send_in_halves(struct far *far)
{
    char got[16];

    say("%s", code_name(section_start()));
    weir_task *handler = far_task(far, run_handler);
    say("%d", idle(far));
    far_send(far, "ha", 2);
    say("%d", idle(far));
    far_send(far, "lf\nan", 5);
    far_recv(far, got, 5);
    say("%d", idle(far));
    far_send(far, "d\n", 2);
    far_recv(far, got, 4);
    say("%d", idle(far));
    far_end_output(far);
    say("%s", code_name(far_join(handler)));
}

START_TEST(it_is_idle_only_between_lines)
{
    section_begin(nothing);
    ck_assert_int_eq(section_configure(), 0);
    ck_assert_int_eq(far_play(send_in_halves, FAR_MEMORY), 0);
    ck_assert_str_eq(said(), "0 1 0 0 1 0");
    section_end();
}
END_TEST

/* --- Failures ------------------------------------------------------------- */

static void leave_early(struct far *far)
{
    say("%s", code_name(section_start()));
    weir_task *handler = far_task(far, run_handler);
    far_send(far, "a\n", 2);
    far_reset(far);
    int code = far_join(handler);
    say("%s", code == -ECONNRESET || code == -EPIPE ? "gone" : code_name(code));
}

START_TEST(a_peer_that_is_gone_ends_it)
{
    section_begin(nothing);
    ck_assert_int_eq(section_configure(), 0);
    ck_assert_int_eq(far_play(leave_early, FAR_SOCKET), 0);
    ck_assert_str_eq(said(), "0 gone");
    section_end();
}
END_TEST

Suite *suite(void)
{
    Suite *echo = suite_create("plugins/echo");

    TCase *say_back = tcase_create("say_back");
    tcase_add_loop_test(say_back, every_line_is_said_back_and_counted, 0, sizeof INPUT);
    tcase_add_loop_test(say_back, raw_says_every_byte_back_as_it_comes, 0, sizeof INPUT);
    tcase_add_test(say_back, another_mode_is_refused_by_name);
    suite_add_tcase(echo, say_back);

    TCase *life = tcase_create("life");
    tcase_add_test(life, it_is_idle_only_between_lines);
    tcase_add_test(life, a_peer_that_is_gone_ends_it);
    suite_add_tcase(echo, life);

    return echo;
}
