/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/test_proxy_tunnel_waits.c  What plugins/proxy/tunnel.c promises of each of its waits: that silence ends it, by
 * the test clock and exactly, and a cancel at once.
 */
#include <weir/run.h>

#include "lib/clock.h"
#include "lib/suite.h"
#include "plugins/stage.h"

#define MUCH ((size_t)4 << 20)          /* more than the tunnel and a memory pair hold */

#define LEFT_OVER 120000        /* 64 KiB are on the way in a memory pair; the rest fits into a writer that does not pause */

static int near, away;

static void choose(int i)
{
    near = i % ENDS;
    away = ENDS - 1 - near;
}

/* --- Silence -------------------------------------------------------------- */

static void check(void (*scenario)(struct stage *stage), int i, const char *expected)
{
    choose(i);
    clock_fake();
    ck_assert_int_eq(stage_play(scenario, FAR_MEMORY), 0);
    ck_assert_str_eq(said(), expected);
}

static void say_nothing_more(struct stage *stage)
{
    stage_join(stage);
    say("%.3f", clock_now());
    say("%d", far_at_end(&stage->ends[CLIENT]) && far_at_end(&stage->ends[UPSTREAM]));
}

START_TEST(silence_both_ways_ends_it)
{
    check(say_nothing_more, 0, "idle 600.000 1");
}
END_TEST

/* 400 s, and a byte; then another wait of the direction that stayed silent runs out at 600 s, when there is time left. */
static void move_one_way(struct stage *stage)
{
    for (int i = 0; i < 3; i++) {
        weir_sleep(400);
        stage_send(stage, near, 1);
        say("%d", stage_recv(stage, away, 1));
    }
    say_nothing_more(stage);
}

START_TEST(bytes_one_way_count_for_both)
{
    check(move_one_way, _i, "1 1 1 idle 1800.000 1");
}
END_TEST

static void take_turns(struct stage *stage)
{
    for (int i = 0; i < 4; i++) {
        weir_sleep(500);
        stage_send(stage, i % ENDS, 1);
        say("%d", stage_recv(stage, ENDS - 1 - i % ENDS, 1));
    }
    say_nothing_more(stage);
}

START_TEST(bytes_in_turns_count_for_both)
{
    check(take_turns, 0, "1 1 1 1 idle 2600.000 1");
}
END_TEST

static void fall_silent_after_an_end(struct stage *stage)
{
    weir_sleep(300);
    stage_send(stage, near, 1);
    far_end_output(&stage->ends[near]);
    say("%d", stage_recv(stage, away, 1));
    say_nothing_more(stage);
}

START_TEST(silence_after_one_end_ends_it)
{
    check(fall_silent_after_an_end, _i, "1 idle 900.000 1");
}
END_TEST

/* A side that takes nothing is silent, however much there is for it. */
static void take_nothing(struct stage *stage)
{
    weir_task *sending = stage_sending(stage, near, MUCH, false);

    stage_join(stage);
    say("%.3f", clock_now());
    far_join(sending);
}

START_TEST(a_side_that_takes_nothing_is_silent)
{
    check(take_nothing, _i, "idle 600.000");
}
END_TEST

/* Nothing comes in any more, so only what goes out shows that it moves: at 500 s, which the wait that runs out at 600 s sees.
 * When within a wait it was is not known, so it counts from there. */
static void take_late(struct stage *stage)
{
    stage_turn_deaf(stage, away, true);
    stage_send(stage, near, LEFT_OVER);
    weir_sleep(500);
    stage_turn_deaf(stage, away, false);
    say("%d", stage_recv(stage, away, LEFT_OVER));
    stage_join(stage);
    say("%.3f", clock_now());
}

START_TEST(a_side_that_takes_something_is_not_silent)
{
    check(take_late, _i, "1 idle 1200.000");
}
END_TEST

/* Both have ended, and one does not take the last bytes. */
static void leave_the_last_bytes(struct stage *stage)
{
    stage_turn_deaf(stage, away, true);
    far_end_output(&stage->ends[away]);
    weir_task *sending = stage_sending(stage, near, LEFT_OVER, true);
    stage_settle();
    say("%d", weir_task_done(sending));
    say("%d", weir_writer_is_closing(away == CLIENT ? stage->tunnel.client.writer : stage->tunnel.upstream.writer));
    stage_join(stage);
    say("%.3f", clock_now());
    far_join(sending);
}

START_TEST(last_bytes_that_are_not_taken_are_silence)
{
    check(leave_the_last_bytes, _i, "1 1 idle 600.000");
}
END_TEST

/* --- Cancelled ------------------------------------------------------------ */

static void end_cancelled(struct stage *stage)
{
    say("%d", weir_task_done(stage->task));
    weir_task_cancel(stage->task);
    stage_join(stage);
    say("%.0f", clock_now());
}

static void cancel_while_reading(struct stage *stage)
{
    stage_settle();
    end_cancelled(stage);
    say("%d", far_at_end(&stage->ends[CLIENT]) && far_at_end(&stage->ends[UPSTREAM]));
}

START_TEST(a_cancel_ends_the_wait_for_bytes)
{
    check(cancel_while_reading, 0, "0 cancelled 0 1");
}
END_TEST

/* Both directions stand in drain, or one. */
static void cancel_while_writing(struct stage *stage)
{
    weir_task *up = stage_sending(stage, CLIENT, MUCH, false);
    weir_task *down = near == CLIENT ? stage_sending(stage, UPSTREAM, MUCH, false) : NULL;

    stage_settle();
    end_cancelled(stage);
    weir_task_cancel(up);
    far_join(up);
    if (down != NULL) {
        weir_task_cancel(down);
        far_join(down);
    }
}

START_TEST(a_cancel_ends_the_wait_for_room)
{
    check(cancel_while_writing, _i, "0 cancelled 0");
}
END_TEST

/* The calling task has done its part and waits for the other, which reads. */
static void cancel_while_joining(struct stage *stage)
{
    far_end_output(&stage->ends[CLIENT]);
    say("%d", far_at_end(&stage->ends[UPSTREAM]));
    end_cancelled(stage);
    say("%d", far_at_end(&stage->ends[CLIENT]));
}

START_TEST(a_cancel_ends_the_wait_for_the_other_direction)
{
    check(cancel_while_joining, 0, "1 0 cancelled 0 1");
}
END_TEST

/* The same, and the other writes to a client that does not read. */
static void cancel_while_joining_a_writer(struct stage *stage)
{
    far_end_output(&stage->ends[CLIENT]);
    say("%d", far_at_end(&stage->ends[UPSTREAM]));
    weir_task *down = stage_sending(stage, UPSTREAM, MUCH, false);
    end_cancelled(stage);
    weir_task_cancel(down);
    far_join(down);
}

START_TEST(a_cancel_ends_the_other_directions_wait_for_room)
{
    check(cancel_while_joining_a_writer, 0, "1 0 cancelled 0");
}
END_TEST

static void cancel_while_last_bytes_go_out(struct stage *stage)
{
    stage_turn_deaf(stage, away, true);
    far_end_output(&stage->ends[away]);
    weir_task *sending = stage_sending(stage, near, LEFT_OVER, true);
    stage_settle();
    say("%d", weir_writer_is_closing(away == CLIENT ? stage->tunnel.client.writer : stage->tunnel.upstream.writer));
    end_cancelled(stage);
    far_join(sending);
}

START_TEST(a_cancel_ends_the_wait_for_the_last_bytes)
{
    check(cancel_while_last_bytes_go_out, _i, "1 0 cancelled 0");
}
END_TEST

/* The client has ended before the tunnel begins, so the first direction is over at once; the second has not had its first step
 * when it is cancelled, and never runs. That is not an end of the upstream. */
static void cancel_before_the_second_step(struct stage *stage)
{
    far_end_output(&stage->ends[CLIENT]);
    stage_settle();
    stage_begin(stage);
    weir_yield();
    end_cancelled(stage);
}

START_TEST(a_cancel_before_the_other_direction_began_is_no_end)
{
    clock_fake();
    ck_assert_int_eq(stage_play_unbegun(cancel_before_the_second_step, FAR_MEMORY), 0);
    ck_assert_str_eq(said(), "0 cancelled 0");
}
END_TEST

/* All tasks are cancelled in no order of ours, and each connection is still there. */
START_TEST(the_end_of_the_loop_ends_it)
{
    ck_assert_int_eq(stage_leave(1 + _i / FAR_KINDS, (enum far_kind)(_i % FAR_KINDS)), 0);
    ck_assert_str_eq(said(), "");
}
END_TEST

Suite *suite(void)
{
    Suite *waits = suite_create("plugins/proxy/tunnel_waits");

    TCase *silence = tcase_create("silence");
    tcase_add_test(silence, silence_both_ways_ends_it);
    tcase_add_loop_test(silence, bytes_one_way_count_for_both, 0, ENDS);
    tcase_add_test(silence, bytes_in_turns_count_for_both);
    tcase_add_loop_test(silence, silence_after_one_end_ends_it, 0, ENDS);
    tcase_add_loop_test(silence, a_side_that_takes_nothing_is_silent, 0, ENDS);
    tcase_add_loop_test(silence, a_side_that_takes_something_is_not_silent, 0, ENDS);
    tcase_add_loop_test(silence, last_bytes_that_are_not_taken_are_silence, 0, ENDS);
    suite_add_tcase(waits, silence);

    TCase *cancelled = tcase_create("cancelled");
    tcase_add_test(cancelled, a_cancel_ends_the_wait_for_bytes);
    tcase_add_loop_test(cancelled, a_cancel_ends_the_wait_for_room, 0, ENDS);
    tcase_add_test(cancelled, a_cancel_ends_the_wait_for_the_other_direction);
    tcase_add_test(cancelled, a_cancel_ends_the_other_directions_wait_for_room);
    tcase_add_loop_test(cancelled, a_cancel_ends_the_wait_for_the_last_bytes, 0, ENDS);
    tcase_add_test(cancelled, a_cancel_before_the_other_direction_began_is_no_end);
    tcase_add_loop_test(cancelled, the_end_of_the_loop_ends_it, 0, 6 * FAR_KINDS);
    suite_add_tcase(waits, cancelled);

    return waits;
}
