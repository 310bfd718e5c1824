/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/test_proxy_tunnel.c  What plugins/proxy/tunnel.c promises of bytes, ends, failures and slow sides; silence and
 * cancels are in test_proxy_tunnel_waits.c.
 *
 * Most scenarios run over memory and over sockets, and each way round: "near" is the end that begins.
 */
#include <stdio.h>
#include <string.h>

#include <weir/run.h>

#include "core/sys_fault.h"
#include "lib/clock.h"
#include "lib/each_fault.h"
#include "lib/suite.h"
#include "plugins/stage.h"

#define WAYS   (FAR_KINDS * ENDS)       /* of a loop test: which kind, and which end is near */
#define MUCH   ((size_t)4 << 20)        /* more than the tunnel and the kernel hold */
#define HELD_MOST (2 * (size_t)65536 + 262144 + 65536 + PIECE_MOST)     /* of one direction, as tunnel.h has it */

static int near, away;

static enum far_kind way(int i)
{
    near = i % ENDS;
    away = ENDS - 1 - near;
    return (enum far_kind)(i / ENDS);
}

/* One at a time: two in the arguments of one call would come in any order. */
static void tell_recv(struct stage *stage, int end, size_t n)
{
    say("%d", stage_recv(stage, end, n));
}

static void tell_end(struct stage *stage, int end)
{
    say("%d", far_at_end(&stage->ends[end]));
}

/* --- Bytes and ends ------------------------------------------------------- */

static void carry_much_both_ways(struct stage *stage)
{
    weir_task *up = stage_sending(stage, CLIENT, MUCH, true);
    weir_task *down = stage_sending(stage, UPSTREAM, MUCH, true);

    tell_recv(stage, near, MUCH);
    tell_recv(stage, away, MUCH);
    tell_end(stage, CLIENT);
    tell_end(stage, UPSTREAM);
    far_join(up);
    far_join(down);
}

START_TEST(every_byte_arrives_both_ways_at_once)
{
    ck_assert_int_eq(stage_play(carry_much_both_ways, way(_i)), 0);
    ck_assert_str_eq(said(), "1 1 1 1 eof");
}
END_TEST

static void end_one_after_the_other(struct stage *stage)
{
    stage_send(stage, near, 10);
    far_end_output(&stage->ends[near]);
    tell_recv(stage, away, 10);
    tell_end(stage, away);
    stage_send(stage, away, 100);
    tell_recv(stage, near, 100);
    say("%d", weir_task_done(stage->task));
    stage_send(stage, away, 1000);              /* and what is under way when it ends */
    far_end_output(&stage->ends[away]);
    tell_recv(stage, near, 1000);
    tell_end(stage, near);
}

START_TEST(an_end_goes_on_alone_and_the_other_direction_stays)
{
    ck_assert_int_eq(stage_play(end_one_after_the_other, way(_i)), 0);
    ck_assert_str_eq(said(), "1 1 1 0 1 1 eof");
}
END_TEST

/* Nobody reads until both have ended: the ends have to wait for the bytes before them. */
static void end_behind_slow_bytes(struct stage *stage)
{
    weir_task *up = stage_sending(stage, CLIENT, MUCH, true);
    weir_task *down = stage_sending(stage, UPSTREAM, MUCH, true);

    stage_settle();
    say("%d", weir_task_done(stage->task));
    tell_recv(stage, near, MUCH);
    tell_end(stage, near);
    say("%d", weir_task_done(stage->task));
    tell_recv(stage, away, MUCH);
    tell_end(stage, away);
    far_join(up);
    far_join(down);
}

START_TEST(an_end_waits_for_the_bytes_before_it)
{
    ck_assert_int_eq(stage_play(end_behind_slow_bytes, way(_i)), 0);
    ck_assert_str_eq(said(), "0 1 1 0 1 1 eof");
}
END_TEST

/* The whole talk is over before the tunnel has run, and the last bytes lie in the writers when the tasks have ended. */
static void end_both_at_once(struct stage *stage)
{
    weir_task *up = stage_sending(stage, CLIENT, 60000, true);
    weir_task *down = stage_sending(stage, UPSTREAM, 60000, true);

    stage_settle();
    tell_recv(stage, near, 60000);
    tell_end(stage, near);
    tell_recv(stage, away, 60000);
    tell_end(stage, away);
    far_join(up);
    far_join(down);
}

START_TEST(both_ends_at_once_lose_nothing)
{
    ck_assert_int_eq(stage_play(end_both_at_once, way(_i)), 0);
    ck_assert_str_eq(said(), "1 1 1 1 eof");
}
END_TEST

static void say_nothing_at_all(struct stage *stage)
{
    far_end_output(&stage->ends[near]);
    tell_end(stage, away);
    far_end_output(&stage->ends[away]);
    tell_end(stage, near);
}

START_TEST(ends_without_bytes_are_carried_too)
{
    ck_assert_int_eq(stage_play(say_nothing_at_all, way(_i)), 0);
    ck_assert_str_eq(said(), "1 1 eof");
}
END_TEST

/* --- Failures ------------------------------------------------------------- */

static void check_reset_by_near(const char *before)
{
    char expected[128];

    snprintf(expected, sizeof expected, "%s1 %s:ECONNRESET", before, near == CLIENT ? "client" : "upstream");
    ck_assert_str_eq(said(), expected);
}

static void reset_in_silence(struct stage *stage)
{
    stage_settle();
    far_reset(&stage->ends[near]);
    say("%d", stage_sees_reset(stage, away));
}

START_TEST(a_reset_is_handed_on)
{
    way(_i);
    ck_assert_int_eq(stage_play(reset_in_silence, FAR_SOCKET), 0);
    check_reset_by_near("");
}
END_TEST

static void reset_after_the_others_end(struct stage *stage)
{
    far_end_output(&stage->ends[away]);
    tell_end(stage, near);
    far_reset(&stage->ends[near]);
    say("%d", stage_sees_reset(stage, away));
}

START_TEST(a_reset_is_handed_on_after_the_others_end)
{
    way(_i);
    ck_assert_int_eq(stage_play(reset_after_the_others_end, FAR_SOCKET), 0);
    check_reset_by_near("1 ");
}
END_TEST

/* A side that has ended is not read any more: that it is gone shows when something is written to it. */
static void reset_after_its_own_end(struct stage *stage)
{
    far_end_output(&stage->ends[near]);
    tell_end(stage, away);
    far_reset(&stage->ends[near]);
    for (int i = 0; i < 10 && !stage->was_reset[away]; i++) {
        stage_send(stage, away, 10);
        stage_settle();
    }
    say("%d", stage->was_reset[away]);          /* it has read an end already, so that only a send meets it */
}

START_TEST(a_reset_after_its_own_end_shows_with_the_next_bytes)
{
    way(_i);
    ck_assert_int_eq(stage_play(reset_after_its_own_end, FAR_SOCKET), 0);
    const char *words = said();
    ck_assert_msg(strncmp(words, "1 1 ", 4) == 0, "%s", words);
    ck_assert_ptr_nonnull(strstr(words, near == CLIENT ? "client:E" : "upstream:E"));
}
END_TEST

/* Bytes of it are still on their way to a slow side: that gets a part of them, and then sees that it is not all. */
static void reset_behind_slow_bytes(struct stage *stage)
{
    weir_task *sending = stage_sending(stage, near, MUCH, false);

    stage_settle();
    far_reset(&stage->ends[near]);
    say("%d", stage_sees_reset(stage, away));
    far_join(sending);
}

START_TEST(a_reset_behind_slow_bytes_is_no_end)
{
    way(_i);
    ck_assert_int_eq(stage_play(reset_behind_slow_bytes, FAR_SOCKET), 0);
    check_reset_by_near("");
}
END_TEST

static void reset_the_slow_side(struct stage *stage)
{
    weir_task *sending = stage_sending(stage, away, MUCH, false);

    stage_settle();
    far_reset(&stage->ends[near]);
    say("%d", stage_sees_reset(stage, away));
    far_join(sending);
}

START_TEST(a_reset_of_the_slow_side_is_handed_on)
{
    way(_i);
    ck_assert_int_eq(stage_play(reset_the_slow_side, FAR_SOCKET), 0);
    const char *words = said();
    ck_assert_msg(strncmp(words, "1 ", 2) == 0, "%s", words);
    ck_assert_ptr_nonnull(strstr(words, near == CLIENT ? "client:E" : "upstream:E"));
}
END_TEST

/* What the server does when a drain's time is over, and idle_timeout of its section: an end that no peer made. */
static void cut_by_the_server(struct stage *stage)
{
    stage_settle();
    weir_writer_abort(stage->tunnel.client.writer);
    tell_end(stage, CLIENT);
    stage_join(stage);
}

START_TEST(a_connection_that_the_server_cuts_ends_it)
{
    ck_assert_int_eq(stage_play(cut_by_the_server, (enum far_kind)_i), 0);
    ck_assert_str_eq(said(), "1 cancelled");
}
END_TEST

/* --- A slow side ---------------------------------------------------------- */

static void stop_reading(struct stage *stage)
{
    weir_task *sending = stage_sending(stage, near, MUCH, true);
    size_t held, before = 0;

    for (int i = 0; i < 1000 && (held = stage_held(stage, near)) != before; i++) {
        before = held;
        stage_settle();
    }
    say("%d", held > 0 && held <= HELD_MOST);
    say("%d", weir_task_done(sending));
    stage_send(stage, away, 1000);              /* the other direction does not mind */
    tell_recv(stage, near, 1000);
    tell_recv(stage, away, MUCH);
    tell_end(stage, away);
    far_end_output(&stage->ends[away]);
    far_join(sending);
}

START_TEST(a_slow_side_stops_reading_from_the_other)
{
    ck_assert_int_eq(stage_play(stop_reading, way(_i)), 0);
    ck_assert_str_eq(said(), "1 0 1 1 1 eof");
}
END_TEST

/* --- Every failing call --------------------------------------------------- */

static void talk_shortly(struct stage *stage)
{
    char bytes[200];

    far_send(&stage->ends[CLIENT], "to the upstream", 15);
    far_end_output(&stage->ends[CLIENT]);
    (void)far_recv(&stage->ends[UPSTREAM], bytes, sizeof bytes);
    far_send(&stage->ends[UPSTREAM], "to the client", 13);
    far_end_output(&stage->ends[UPSTREAM]);
    (void)far_recv(&stage->ends[CLIENT], bytes, sizeof bytes);
}

static int play_talk(void *arg)
{
    bool *ends = arg;
    int code = stage_play(talk_shortly, FAR_MEMORY);

    *ends = *ends && strstr(said(), "not") == NULL && strstr(said(), "LEAK") == NULL;
    return code;
}

/* Whatever fails, it ends, with a reason, and leaves nothing behind: a sanitizer looks for memory. By the test clock, since
 * what was lost is waited for until the tunnel is silent for too long. */
START_TEST(whatever_fails_it_ends)
{
    bool ends = true;

    clock_fake();
    ck_assert_uint_gt(each_fault(FAULT_ANY, _i != 0, play_talk, &ends), 5);
    ck_assert(ends);
    ck_assert_str_eq(said(), "eof");
}
END_TEST

Suite *suite(void)
{
    Suite *tunnel = suite_create("plugins/proxy/tunnel");

    TCase *bytes = tcase_create("bytes");
    tcase_set_timeout(bytes, 30);
    tcase_add_loop_test(bytes, every_byte_arrives_both_ways_at_once, 0, WAYS);
    tcase_add_loop_test(bytes, an_end_goes_on_alone_and_the_other_direction_stays, 0, WAYS);
    tcase_add_loop_test(bytes, an_end_waits_for_the_bytes_before_it, 0, WAYS);
    tcase_add_loop_test(bytes, both_ends_at_once_lose_nothing, 0, WAYS);
    tcase_add_loop_test(bytes, ends_without_bytes_are_carried_too, 0, WAYS);
    tcase_add_loop_test(bytes, a_slow_side_stops_reading_from_the_other, 0, WAYS);
    suite_add_tcase(tunnel, bytes);

    TCase *failures = tcase_create("failures");
    tcase_add_loop_test(failures, a_reset_is_handed_on, 0, ENDS);
    tcase_add_loop_test(failures, a_reset_is_handed_on_after_the_others_end, 0, ENDS);
    tcase_add_loop_test(failures, a_reset_after_its_own_end_shows_with_the_next_bytes, 0, ENDS);
    tcase_add_loop_test(failures, a_reset_behind_slow_bytes_is_no_end, 0, ENDS);
    tcase_add_loop_test(failures, a_reset_of_the_slow_side_is_handed_on, 0, ENDS);
    tcase_add_loop_test(failures, a_connection_that_the_server_cuts_ends_it, 0, FAR_KINDS);
    tcase_add_loop_test(failures, whatever_fails_it_ends, 0, 2);
    suite_add_tcase(tunnel, failures);

    return tunnel;
}
