/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_transport_in.c  What net/transport_in.c promises: input as callbacks, in order, none after the end.
 *
 * Every scenario over each kind of transport and with each disturbance (lib/net_pair.h): where the bytes are cut, and how
 * often the kernel says "again", must not show.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <weir/run.h>
#include <weir/transport.h>

#include "core/sys_fault.h"
#include "lib/clock.h"
#include "lib/net_pair.h"
#include "lib/suite.h"

#define MEGABYTE ((size_t)1 << 20)

/* --- The end ---------------------------------------------------------------- */

static void send_x_and_eof(struct net_pair *pair)
{
    net_far_send(pair, "x", 1);
    net_far_eof(pair);
    NET_UNTIL(pair->log.lost);
}

START_TEST(the_end_closes_the_transport_unless_kept_open)       /* C57, BT-14 */
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i, send_x_and_eof);
    ck_assert_str_eq(pair.log.text, "CM DR(x) ER CL(0)");
    net_pair_fini(&pair);
}
END_TEST

static void answer_late(struct net_pair *pair)
{
    net_far_send(pair, "x", 1);
    net_far_eof(pair);
    NET_UNTIL(pair->log.ends);
    pair->got[0] = weir_transport_is_reading(pair->near);
    weir_transport_write(pair->near, "late", 4);
    net_far_read(pair, 4);
    net_far_close(pair);
    net_passes(20);
    pair->got[1] = (long)pair->log.lost;        /* nobody notices that the peer has gone altogether ... */
    for (int i = 0; i < 1000 && !weir_transport_is_closing(pair->near); i++) {
        weir_transport_write(pair->near, "?", 1);       /* ... until a write fails: over TCP the second one */
        net_passes(3);
    }
    NET_UNTIL(pair->log.lost);
    pair->got[2] = pair->log.code == -EPIPE || pair->log.code == -ECONNRESET;
}

START_TEST(an_end_that_is_kept_open_leaves_writing_and_is_told_once)    /* C58 */
{
    struct net_pair pair = { .log.keep_open = true };

    net_run(&pair, _i, answer_late);
    ck_assert_int_eq(strncmp(pair.log.text, "CM DR(x) ER CL(E", 16), 0);
    ck_assert_int_eq(pair.got[0], 1);
    ck_assert_int_eq(pair.got[1], 0);
    ck_assert_int_eq(pair.got[2], 1);
    ck_assert_int_eq(memcmp(pair.far_log.bytes, "late", 4), 0);
    net_pair_fini(&pair);
}
END_TEST

static void stay_half_open(struct net_pair *pair)
{
    net_far_eof(pair);
    NET_UNTIL(pair->log.ends);
    net_passes(5);
    uint64_t ctls = epoll_ctls(), recvs = weir__fault_seen(SYS_RECV);
    net_passes(50);
    pair->got[0] = (long)(epoll_ctls() - ctls);
    pair->got[1] = (long)(weir__fault_seen(SYS_RECV) - recvs);
}

START_TEST(a_half_open_transport_does_not_spin)
{
    struct net_pair pair = { .log.keep_open = true };

    net_run(&pair, _i * NET_CUTS, stay_half_open);
    ck_assert_int_eq(pair.got[0], 0);
    ck_assert_int_eq(pair.got[1], 0);
    net_pair_fini(&pair);
}
END_TEST

/* --- A reset ----------------------------------------------------------------- */

static void reset(struct net_pair *pair)
{
    net_far_reset(pair);
    NET_UNTIL(pair->log.lost);
}

START_TEST(a_reset_is_the_loss_and_no_end)      /* C60, BT-7 */
{
    struct net_pair pair = { 0 };

    net_run(&pair, NET_TCP * NET_CUTS + _i, reset);
    ck_assert_str_eq(pair.log.text, "CM CL(ECONNRESET)");
    ck_assert_uint_eq(pair.reports, 0);         /* ordinary, so nobody is bothered with it */
    net_pair_fini(&pair);
}
END_TEST

static void reset_behind_data(struct net_pair *pair)
{
    weir_transport_pause_reading(pair->near);
    net_far_send(pair, "data", 4);
    net_far_reset(pair);
    net_passes(20);
    pair->got[0] = (long)strlen(pair->log.text);
    weir_transport_resume_reading(pair->near);
    NET_UNTIL(pair->log.lost);
}

START_TEST(a_paused_transport_notices_no_reset_and_delivers_what_came_before_it)       /* C60, BT-4, BT-19 */
{
    struct net_pair pair = { 0 };

    net_run(&pair, NET_TCP * NET_CUTS + _i, reset_behind_data);
    ck_assert_int_eq(pair.got[0], 2);
    ck_assert_str_eq(pair.log.text, "CM DR(data) CL(ECONNRESET)");
    net_pair_fini(&pair);
}
END_TEST

/* --- Pausing ------------------------------------------------------------------ */

static void end_while_paused(struct net_pair *pair)
{
    pair->got[0] = weir_transport_pause_reading(pair->near) + weir_transport_pause_reading(pair->near);
    pair->got[1] = weir_transport_is_reading(pair->near);
    net_far_send(pair, "x", 1);
    net_far_close(pair);
    net_passes(20);
    pair->got[2] = (long)strlen(pair->log.text);
    pair->got[3] = weir_transport_resume_reading(pair->near) + weir_transport_resume_reading(pair->near);
    pair->got[4] = weir_transport_is_reading(pair->near);
    NET_UNTIL(pair->log.lost);
}

START_TEST(while_paused_nothing_is_noticed_and_then_everything_in_order)        /* C61 */
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i, end_while_paused);
    ck_assert_int_eq(pair.got[0], 0);
    ck_assert_int_eq(pair.got[1], 0);
    ck_assert_int_eq(pair.got[2], 2);
    ck_assert_int_eq(pair.got[3], 0);
    ck_assert_int_eq(pair.got[4], 1);
    ck_assert_str_eq(pair.log.text, "CM DR(x) ER CL(0)");
    net_pair_fini(&pair);
}
END_TEST

static void pause_on_data(struct net_log *log, enum net_event event)
{
    if (event == NET_DATA || event == NET_FILLED)
        weir_transport_pause_reading(log->transport);
}

static void send_two(struct net_pair *pair)
{
    net_far_send(pair, "a", 1);
    NET_UNTIL(pair->log.len == 1);
    net_far_send(pair, "b", 1);
    net_far_eof(pair);
    net_passes(20);
    pair->got[0] = (long)pair->log.len;
    weir_transport_resume_reading(pair->near);
    NET_UNTIL(pair->log.len == 2);
    net_passes(20);
    pair->got[1] = (long)pair->log.ends;
    weir_transport_resume_reading(pair->near);
    NET_UNTIL(pair->log.lost);
}

START_TEST(pausing_inside_data_received_stops_at_once)  /* C62 */
{
    struct net_pair pair = { .log.on = pause_on_data };

    net_run(&pair, _i, send_two);
    ck_assert_int_eq(pair.got[0], 1);
    ck_assert_int_eq(pair.got[1], 0);
    ck_assert_str_eq(pair.log.text, "CM DR(ab) ER CL(0)");
    net_pair_fini(&pair);
}
END_TEST

static void pause_buffered(struct net_pair *pair)
{
    net_far_send(pair, "abcdef", 6);
    NET_UNTIL(pair->log.len >= 1);
    net_passes(20);
    pair->got[0] = (long)pair->log.len;
    for (size_t len = 0; len < 6; len = pair->log.len) {
        weir_transport_resume_reading(pair->near);
        NET_UNTIL(pair->log.len > len);
    }
}

START_TEST(pausing_inside_buffer_updated_stops_at_once)
{
    struct net_pair pair = { .protocol = &net_log_buffered, .log.on = pause_on_data, .log.region = 1 };

    net_run(&pair, _i, pause_buffered);
    ck_assert_int_eq(pair.got[0], 1);
    ck_assert_int_eq(memcmp(pair.log.bytes, "abcdef", 6), 0);
    net_pair_fini(&pair);
}
END_TEST

static void close_on_data(struct net_log *log, enum net_event event)
{
    if (event == NET_DATA || event == NET_FILLED)
        weir_transport_close(log->transport);
}

static void send_and_wait(struct net_pair *pair)
{
    net_far_send(pair, "a", 1);
    NET_UNTIL(pair->log.len > 0);
    net_far_send(pair, "bc", 2);
    NET_UNTIL(pair->log.lost);
}

START_TEST(closing_inside_data_received_ends_it_there)  /* C62 */
{
    struct net_pair pair = { .log.on = close_on_data };

    net_run(&pair, _i, send_and_wait);
    ck_assert_str_eq(pair.log.text, "CM DR(a) CL(0)");
    net_pair_fini(&pair);
}
END_TEST

static void abort_on_data(struct net_log *log, enum net_event event)
{
    if (event == NET_DATA || event == NET_FILLED || event == NET_END)
        weir_transport_abort(log->transport);
}

START_TEST(aborting_inside_a_buffered_callback_ends_it_there)
{
    struct net_pair pair = { .protocol = &net_log_buffered, .log.on = abort_on_data, .log.region = 1 };

    net_run(&pair, _i, send_and_wait);
    ck_assert_str_eq(pair.log.text, "CM BU(a) CL(0)");
    net_pair_fini(&pair);
}
END_TEST

/* --- Buffered protocols ---------------------------------------------------------- */

static void send_eight(struct net_pair *pair)
{
    net_far_send(pair, "12345678", 8);
    net_far_eof(pair);
    NET_UNTIL(pair->log.lost);
}

START_TEST(a_buffered_protocol_is_filled_region_by_region)      /* C68, PR-7 */
{
    struct net_pair pair = { .protocol = &net_log_buffered, .log.region = 3 };
    const char *as_sent = "CM BU(123) BU(456) BU(78) ER CL(0)";
    const char *by_bytes = "CM BU(1) BU(2) BU(3) BU(4) BU(5) BU(6) BU(7) BU(8) ER CL(0)";

    net_run(&pair, _i, send_eight);
    ck_assert_str_eq(pair.log.text, pair.cut == 1 || pair.cut == 4 ? by_bytes : as_sent);
    net_pair_fini(&pair);
}
END_TEST

START_TEST(a_buffered_protocol_without_room_fails_its_connection)       /* C68, PR-6 */
{
    struct net_pair pair = { .protocol = &net_log_buffered, .log.region = 0 };

    net_run(&pair, _i, send_eight);
    ck_assert_str_eq(pair.log.text, "CM CL(ESTATE)");
    ck_assert_uint_eq(pair.reports, 1);
    ck_assert_int_eq(pair.report, WEIR_ESTATE);
    net_pair_fini(&pair);
}
END_TEST

static void to_plain(struct net_log *log, enum net_event event)
{
    if (event == NET_FILLED)
        weir_transport_set_protocol(log->transport, &net_log_plain, log);
}

START_TEST(a_buffered_protocol_may_become_plain_inside_buffer_updated)  /* BT-15 */
{
    struct net_pair pair = { .protocol = &net_log_buffered, .log.on = to_plain, .log.region = 1 };

    net_run(&pair, _i, send_eight);
    ck_assert_str_eq(pair.log.text, "CM BU(1) DR(2345678) ER CL(0)");
    net_pair_fini(&pair);
}
END_TEST

/* --- Much ------------------------------------------------------------------------ */

static int send_much(void *arg)
{
    struct net_pair *pair = arg;
    unsigned char *bytes = net_pattern_new(pair->size[0]);

    net_far_send(pair, bytes, pair->size[0]);
    free(bytes);
    net_far_eof(pair);
    return 0;
}

static void receive_much(struct net_pair *pair)
{
    weir_task *sender = weir_create_task(send_much, pair);

    weir_transport_pause_reading(pair->near);
    net_passes(10);
    pair->got[0] = (long)pair->log.len;
    weir_transport_resume_reading(pair->near);
    NET_UNTIL(pair->log.lost);
    weir_task_join(sender);
    weir_task_unref(sender);
}

START_TEST(a_megabyte_for_a_paused_receiver_comes_whole_and_in_pieces_of_bounded_size)  /* C69, BT-13 */
{
    struct net_pair pair = { .log.quiet = true };

    /* Byte by byte a megabyte is a million events: there a part of it does. */
    pair.size[0] = _i % NET_CUTS == 1 || _i % NET_CUTS == 4 ? 3000 : MEGABYTE;
    net_run(&pair, _i, receive_much);
    ck_assert_int_eq(pair.got[0], 0);
    ck_assert_uint_eq(pair.log.len, pair.size[0]);
    ck_assert(net_is_pattern(pair.log.bytes, pair.log.len));
    ck_assert_uint_le(pair.log.largest, 262144);
    ck_assert_str_eq(pair.log.text, "CM ER CL(0)");
    net_pair_fini(&pair);
}
END_TEST

START_TEST(a_megabyte_reaches_a_buffered_protocol_whole)
{
    struct net_pair pair = { .protocol = &net_log_buffered, .log.quiet = true, .log.region = 61 };

    pair.size[0] = _i % NET_CUTS == 1 || _i % NET_CUTS == 4 ? 3000 : MEGABYTE;
    net_run(&pair, _i, receive_much);
    ck_assert_uint_eq(pair.log.len, pair.size[0]);
    ck_assert(net_is_pattern(pair.log.bytes, pair.log.len));
    ck_assert_str_eq(pair.log.text, "CM ER CL(0)");
    net_pair_fini(&pair);
}
END_TEST

static void run_out_of_memory(struct net_pair *pair)
{
    weir__fault_begin(&(struct fault_plan) { .fail_at = 1, .from_then_on = true, .only = 1ULL << SYS_ALLOC });
    net_far_send(pair, "x", 1);
    NET_UNTIL(pair->log.lost);
}

/* Fault 2: the loop keeps blocks it has used, so this one must never have read. */
START_TEST(without_memory_for_input_the_connection_fails)
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i * NET_CUTS, run_out_of_memory);
    ck_assert_str_eq(pair.log.text, "CM CL(ENOMEM)");
    net_pair_fini(&pair);
}
END_TEST

Suite *suite(void)
{
    Suite *in = suite_create("net/transport_in");

    TCase *ends = tcase_create("ends");
    tcase_add_loop_test(ends, the_end_closes_the_transport_unless_kept_open, 0, NET_WAYS);
    tcase_add_loop_test(ends, an_end_that_is_kept_open_leaves_writing_and_is_told_once, 0, NET_WAYS);
    tcase_add_loop_test(ends, a_half_open_transport_does_not_spin, 0, NET_KINDS);
    tcase_add_loop_test(ends, a_reset_is_the_loss_and_no_end, 0, NET_CUTS);
    tcase_add_loop_test(ends, a_paused_transport_notices_no_reset_and_delivers_what_came_before_it, 0, NET_CUTS);
    suite_add_tcase(in, ends);

    TCase *pausing = tcase_create("pausing");
    tcase_add_loop_test(pausing, while_paused_nothing_is_noticed_and_then_everything_in_order, 0, NET_WAYS);
    tcase_add_loop_test(pausing, pausing_inside_data_received_stops_at_once, 0, NET_WAYS);
    tcase_add_loop_test(pausing, pausing_inside_buffer_updated_stops_at_once, 0, NET_WAYS);
    tcase_add_loop_test(pausing, closing_inside_data_received_ends_it_there, 0, NET_WAYS);
    tcase_add_loop_test(pausing, aborting_inside_a_buffered_callback_ends_it_there, 0, NET_WAYS);
    suite_add_tcase(in, pausing);

    TCase *buffered = tcase_create("buffered");
    tcase_add_loop_test(buffered, a_buffered_protocol_is_filled_region_by_region, 0, NET_WAYS);
    tcase_add_loop_test(buffered, a_buffered_protocol_without_room_fails_its_connection, 0, NET_WAYS);
    tcase_add_loop_test(buffered, a_buffered_protocol_may_become_plain_inside_buffer_updated, 0, NET_WAYS);
    suite_add_tcase(in, buffered);

    TCase *much = tcase_create("much");
    tcase_add_loop_test(much, a_megabyte_for_a_paused_receiver_comes_whole_and_in_pieces_of_bounded_size, 0, NET_WAYS);
    tcase_add_loop_test(much, a_megabyte_reaches_a_buffered_protocol_whole, 0, NET_WAYS);
    tcase_add_loop_test(much, without_memory_for_input_the_connection_fails, 0, 2);
    suite_add_tcase(in, much);
    return in;
}
