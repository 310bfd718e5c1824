/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_transport_out_end.c  How output ends: flushed by close, dropped by abort, half closed, or lost.
 *
 * What was accepted before a close has to arrive whole, before the end; what comes after it is dropped in silence.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <weir/run.h>
#include <weir/transport.h>

#include "core/sys_fault.h"
#include "lib/net_pair.h"
#include "lib/suite.h"

#define MEGABYTE ((size_t)1 << 20)

/* Byte by byte a megabyte is a million calls: there a part of it does. Returns how much was written. */
static size_t write_much(struct net_pair *pair)
{
    size_t size = pair->cut == 1 || pair->cut == 4 ? 3000 : MEGABYTE;
    unsigned char *bytes = net_pattern_new(size);

    weir_transport_write(pair->near, bytes, size);
    free(bytes);
    pair->size[3] = size;
    return size;
}

static void check_all_came(const struct net_pair *pair)
{
    ck_assert_uint_eq(pair->far_log.len, pair->size[3]);
    ck_assert(net_is_pattern(pair->far_log.bytes, pair->far_log.len));
    ck_assert_uint_eq(pair->far_log.ends, 1);
    ck_assert_int_eq(pair->far_log.code, 0);
}

/* --- close ------------------------------------------------------------------- */

static void close_with_backlog(struct net_pair *pair)
{
    weir_transport_set_write_buffer_limits(pair->near, 64 * MEGABYTE, 0);
    write_much(pair);
    weir_transport_close(pair->near);
    pair->got[0] = weir_transport_is_closing(pair->near);
    net_passes(20);
    pair->got[1] = (long)pair->log.lost;
    pair->size[0] = weir_transport_get_write_buffer_size(pair->near);
    net_far_read(pair, 2 * MEGABYTE);
    NET_UNTIL(pair->log.lost);
}

START_TEST(close_flushes_every_byte_before_the_loss)    /* C42, C47, BT-5 */
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i, close_with_backlog);
    ck_assert_int_eq(pair.got[0], 1);
    if (pair.size[3] == MEGABYTE) {             /* less than that fits into the kernel */
        ck_assert_int_eq(pair.got[1], 0);
        ck_assert_uint_gt(pair.size[0], 0);
    }
    check_all_came(&pair);
    ck_assert_str_eq(pair.log.text, "CM CL(0)");
    net_pair_fini(&pair);
}
END_TEST

static void write_after_close(struct net_pair *pair)
{
    weir_transport *t = pair->near;

    weir_transport_close(t);
    pair->got[0] = weir_transport_write(t, "zz", 2);
    pair->size[0] = weir_transport_get_write_buffer_size(t);
    weir_transport_close(t);
    weir_transport_abort(t);
    net_far_read(pair, 100);
    NET_UNTIL(pair->log.lost);
}

START_TEST(writes_after_close_are_dropped_in_silence)   /* C44, BT-11 */
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i, write_after_close);
    ck_assert_int_eq(pair.got[0], 0);
    ck_assert_uint_eq(pair.size[0], 0);
    check_all_came(&pair);                      /* nothing, and the end */
    ck_assert_str_eq(pair.log.text, "CM CL(0)");
    net_pair_fini(&pair);
}
END_TEST

static void write_while_flushing(struct net_pair *pair)
{
    weir_transport_set_write_buffer_limits(pair->near, 64 * MEGABYTE, 0);
    write_much(pair);
    weir_transport_close(pair->near);
    pair->got[0] = weir_transport_write(pair->near, "dropped", 7);
    net_far_read(pair, 2 * MEGABYTE);
    NET_UNTIL(pair->log.lost);
}

START_TEST(writes_during_the_flush_corrupt_nothing)     /* BT-11, decision 3 */
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i, write_while_flushing);
    ck_assert_int_eq(pair.got[0], 0);
    check_all_came(&pair);
    net_pair_fini(&pair);
}
END_TEST

static void close_then_lose(struct net_pair *pair)
{
    write_much(pair);
    weir_transport_close(pair->near);
    net_passes(5);
    net_far_close(pair);                        /* with bytes unread */
    NET_UNTIL(pair->log.lost);
}

START_TEST(a_failure_while_flushing_is_what_the_connection_is_lost_with)        /* BT-5 */
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i * NET_CUTS, close_then_lose);
    ck_assert(pair.log.code == -EPIPE || pair.log.code == -ECONNRESET);
    ck_assert_uint_eq(pair.log.ends, 0);
    net_pair_fini(&pair);
}
END_TEST

/* --- abort ------------------------------------------------------------------- */

static void abort_with_backlog(struct net_pair *pair)
{
    weir_transport_set_write_buffer_limits(pair->near, 64 * MEGABYTE, 0);
    write_much(pair);
    if (pair->got[7])
        weir_transport_close(pair->near);
    weir_transport_abort(pair->near);
    pair->size[0] = weir_transport_get_write_buffer_size(pair->near);
    pair->got[0] = (long)pair->log.lost;
    NET_UNTIL(pair->log.lost);
}

START_TEST(abort_drops_what_the_kernel_did_not_take)    /* C47, BT-6 */
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i, abort_with_backlog);
    ck_assert_uint_eq(pair.size[0], 0);
    ck_assert_int_eq(pair.got[0], 0);
    ck_assert_str_eq(pair.log.text, "CM CL(0)");
    net_pair_fini(&pair);
}
END_TEST

START_TEST(abort_cuts_a_flush_that_does_not_end)        /* BT-6 */
{
    struct net_pair pair = { .got[7] = 1 };

    net_run(&pair, _i * NET_CUTS, abort_with_backlog);
    ck_assert_uint_eq(pair.size[0], 0);
    ck_assert_str_eq(pair.log.text, "CM CL(0)");
    net_pair_fini(&pair);
}
END_TEST

/* --- Half close --------------------------------------------------------------- */

static void half_close(struct net_pair *pair)
{
    weir_transport *t = pair->near;

    weir_transport_write(t, "abc", 3);
    pair->got[0] = weir_transport_write_eof(t);
    pair->got[1] = weir_transport_write_eof(t);
    net_far_read(pair, 100);
    pair->got[2] = weir_transport_write(t, "x", 1);
    pair->got[3] = weir_transport_write(t, "", 0);
    net_far_send(pair, "still", 5);
    NET_UNTIL(pair->log.len == 5);
    pair->got[4] = weir_transport_is_closing(t);
}

START_TEST(a_half_close_ends_the_output_and_not_the_input)      /* C45, BT-9, BT-12 */
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i, half_close);
    ck_assert_int_eq(pair.got[0], 0);
    ck_assert_int_eq(pair.got[1], 0);
    ck_assert_uint_eq(pair.far_log.len, 3);
    ck_assert_int_eq(memcmp(pair.far_log.bytes, "abc", 3), 0);
    ck_assert_uint_eq(pair.far_log.ends, 1);
    ck_assert_int_eq(pair.got[2], WEIR_ESTATE);
    ck_assert_int_eq(pair.got[3], WEIR_ESTATE);
    ck_assert_int_eq(pair.got[4], 0);
    ck_assert_str_eq(pair.log.text, "CM DR(still) CL(0)");
    net_pair_fini(&pair);
}
END_TEST

static void half_close_with_backlog(struct net_pair *pair)
{
    weir_transport_set_write_buffer_limits(pair->near, 64 * MEGABYTE, 0);
    write_much(pair);
    pair->got[0] = weir_transport_write_eof(pair->near);
    net_passes(20);
    net_far_read(pair, 2 * MEGABYTE);
    net_far_send(pair, "still", 5);
    NET_UNTIL(pair->log.len == 5);
    pair->got[1] = weir_transport_is_closing(pair->near);
    net_far_eof(pair);
    NET_UNTIL(pair->log.lost);
}

START_TEST(a_half_close_waits_for_the_backlog)  /* C46 */
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i, half_close_with_backlog);
    ck_assert_int_eq(pair.got[0], 0);
    ck_assert_int_eq(pair.got[1], 0);
    check_all_came(&pair);
    ck_assert_str_eq(pair.log.text, "CM DR(still) ER CL(0)");
    net_pair_fini(&pair);
}
END_TEST

static void half_close_then_close(struct net_pair *pair)
{
    write_much(pair);
    weir_transport_write_eof(pair->near);
    weir_transport_close(pair->near);
    pair->got[0] = weir_transport_write_eof(pair->near);
    net_far_read(pair, 2 * MEGABYTE);
    NET_UNTIL(pair->log.lost);
}

START_TEST(close_after_a_half_close_flushes_as_ever)
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i, half_close_then_close);
    ck_assert_int_eq(pair.got[0], 0);
    check_all_came(&pair);
    ck_assert_int_eq(pair.log.code, 0);
    net_pair_fini(&pair);
}
END_TEST

static void half_close_the_gone(struct net_pair *pair)
{
    weir_transport_pause_reading(pair->near);
    net_far_reset(pair);
    net_passes(5);
    pair->got[0] = weir_transport_write_eof(pair->near);
    pair->got[1] = weir_transport_is_closing(pair->near);
    weir_transport_resume_reading(pair->near);
    NET_UNTIL(pair->log.lost);
}

START_TEST(a_half_close_towards_a_peer_that_is_gone_is_the_callers_failure_alone)       /* C70, BT-12 */
{
    struct net_pair pair = { 0 };

    net_run(&pair, NET_TCP * NET_CUTS + _i, half_close_the_gone);
    ck_assert_int_eq(pair.got[0], -ENOTCONN);
    ck_assert_int_eq(pair.got[1], 0);
    ck_assert_str_eq(pair.log.text, "CM CL(ECONNRESET)");
    net_pair_fini(&pair);
}
END_TEST

/* --- Ends that cross ------------------------------------------------------------ */

static void fail_to_end_behind_a_backlog(struct net_pair *pair)
{
    size_t size = write_much(pair);

    weir_transport_write_eof(pair->near);
    weir__fault_begin(&(struct fault_plan) { .fail_at = 1, .only = 1ULL << SYS_SHUTDOWN, .code = -ENOTCONN });
    net_far_read(pair, size);
    NET_UNTIL(weir_transport_get_write_buffer_size(pair->near) == 0);
    net_passes(5);
    pair->got[0] = weir_transport_is_closing(pair->near);
    net_far_send(pair, "word", 4);
    NET_UNTIL(pair->log.len == 4);
}

/* BT-12: write_eof has returned long ago, and a shutdown that fails closes nothing. */
START_TEST(a_half_close_that_fails_behind_the_backlog_leaves_reading)
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i * NET_CUTS, fail_to_end_behind_a_backlog);
    ck_assert_uint_eq(pair.far_log.len, MEGABYTE);
    ck_assert_int_eq(pair.got[0], 0);
    ck_assert_str_eq(pair.log.text, "CM PW RW DR(word) CL(0)");
    net_pair_fini(&pair);
}
END_TEST

static void end_with_backlog(struct net_pair *pair)
{
    write_much(pair);
    net_far_eof(pair);
    NET_UNTIL(pair->log.ends);
    net_far_read(pair, 2 * MEGABYTE);
    NET_UNTIL(pair->log.lost);
}

START_TEST(the_peers_end_lets_the_backlog_out_first)    /* C59, BT-14 */
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i, end_with_backlog);
    check_all_came(&pair);
    ck_assert_str_eq(pair.log.text, pair.size[3] == MEGABYTE ? "CM PW ER RW CL(0)" : "CM ER CL(0)");
    net_pair_fini(&pair);
}
END_TEST

static void end_both(struct net_pair *pair)
{
    weir_transport_write(pair->near, "last", 4);
    weir_transport_write_eof(pair->near);
    net_far_send(pair, "word", 4);
    net_far_eof(pair);
    NET_UNTIL(pair->log.lost);
    net_far_read(pair, 100);
}

START_TEST(crossing_ends_lose_nothing)          /* fault 10 */
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i, end_both);
    ck_assert_str_eq(pair.log.text, "CM DR(word) ER CL(0)");
    ck_assert_uint_eq(pair.far_log.len, 4);
    ck_assert_int_eq(memcmp(pair.far_log.bytes, "last", 4), 0);
    net_pair_fini(&pair);
}
END_TEST

/* --- Loss ------------------------------------------------------------------------ */

static void write_to_nobody(struct net_pair *pair)
{
    weir_transport_pause_reading(pair->near);
    net_far_close(pair);
    net_passes(5);                              /* a memory pair's close is a pass away */
    pair->got[0] = weir_transport_write(pair->near, "x", 1);
    pair->got[1] = weir_transport_flush(pair->near);
    pair->got[2] = weir_transport_is_closing(pair->near);
    pair->got[3] = weir_transport_write(pair->near, "y", 1);
    pair->size[0] = weir_transport_get_write_buffer_size(pair->near);
    NET_UNTIL(pair->log.lost);
}

/* C48, BT-10: write and flush are no place to learn of a loss; connection_lost is. */
START_TEST(a_write_to_a_peer_that_is_gone_succeeds_and_loses_the_connection)
{
    int kind = _i % 2 == 0 ? NET_SOCKETPAIR : NET_MEMORY;
    struct net_pair pair = { 0 };

    net_run(&pair, kind * NET_CUTS + (_i < 2 ? 0 : 1), write_to_nobody);
    ck_assert_int_eq(pair.got[0], 0);
    ck_assert_int_eq(pair.got[1], 0);
    ck_assert_int_eq(pair.got[2], 1);
    ck_assert_int_eq(pair.got[3], 0);
    ck_assert_uint_eq(pair.size[0], 0);
    ck_assert_str_eq(pair.log.text, "CM CL(EPIPE)");
    net_pair_fini(&pair);
}
END_TEST

static void write_for_ever(struct net_pair *pair)
{
    weir_transport_pause_reading(pair->near);
    net_far_close(pair);
    while (!pair->log.lost) {
        pair->got[0] |= weir_transport_write(pair->near, "x", 1);
        weir_yield();
    }
}

START_TEST(writing_to_a_closed_peer_comes_to_an_end)    /* C49 */
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i, write_for_ever);
    ck_assert_int_eq(pair.got[0], 0);
    ck_assert(pair.log.code == -EPIPE || pair.log.code == -ECONNRESET);
    net_pair_fini(&pair);
}
END_TEST

static void fail_to_send(struct net_pair *pair)
{
    weir__fault_begin(&(struct fault_plan) { .fail_at = 1, .only = 1ULL << SYS_SEND, .code = (int)pair->got[7] });
    weir_transport_write(pair->near, "x", 1);
    NET_UNTIL(pair->log.lost);
}

START_TEST(each_failure_of_send_is_what_the_connection_is_lost_with)    /* fault 3, 7 */
{
    static const int codes[] = { -ENOMEM, -ENETUNREACH, -ECONNRESET, -EPIPE, -ETIMEDOUT, -EHOSTUNREACH };
    struct net_pair pair = { .got[7] = codes[_i] };

    net_run(&pair, NET_TCP * NET_CUTS, fail_to_send);
    ck_assert_int_eq(pair.log.code, codes[_i]);
    net_pair_fini(&pair);
}
END_TEST

Suite *suite(void)
{
    Suite *end = suite_create("net/transport_out, its end");

    TCase *closing = tcase_create("closing");
    tcase_add_loop_test(closing, close_flushes_every_byte_before_the_loss, 0, NET_WAYS);
    tcase_add_loop_test(closing, writes_after_close_are_dropped_in_silence, 0, NET_WAYS);
    tcase_add_loop_test(closing, writes_during_the_flush_corrupt_nothing, 0, NET_WAYS);
    tcase_add_loop_test(closing, a_failure_while_flushing_is_what_the_connection_is_lost_with, 0, NET_KINDS);
    tcase_add_loop_test(closing, abort_drops_what_the_kernel_did_not_take, 0, NET_WAYS);
    tcase_add_loop_test(closing, abort_cuts_a_flush_that_does_not_end, 0, NET_KINDS);
    suite_add_tcase(end, closing);

    TCase *half = tcase_create("half");
    tcase_add_loop_test(half, a_half_close_ends_the_output_and_not_the_input, 0, NET_WAYS);
    tcase_add_loop_test(half, a_half_close_waits_for_the_backlog, 0, NET_WAYS);
    tcase_add_loop_test(half, close_after_a_half_close_flushes_as_ever, 0, NET_WAYS);
    tcase_add_loop_test(half, a_half_close_towards_a_peer_that_is_gone_is_the_callers_failure_alone, 0, NET_CUTS);
    tcase_add_loop_test(half, a_half_close_that_fails_behind_the_backlog_leaves_reading, 0, NET_MEMORY);
    tcase_add_loop_test(half, the_peers_end_lets_the_backlog_out_first, 0, NET_WAYS);
    tcase_add_loop_test(half, crossing_ends_lose_nothing, 0, NET_WAYS);
    suite_add_tcase(end, half);

    TCase *loss = tcase_create("loss");
    tcase_add_loop_test(loss, a_write_to_a_peer_that_is_gone_succeeds_and_loses_the_connection, 0, 4);
    tcase_add_loop_test(loss, writing_to_a_closed_peer_comes_to_an_end, 0, NET_WAYS);
    tcase_add_loop_test(loss, each_failure_of_send_is_what_the_connection_is_lost_with, 0, 6);
    suite_add_tcase(end, loss);
    return end;
}
