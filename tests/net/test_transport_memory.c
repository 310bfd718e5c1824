/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_transport_memory.c  What net/transport_memory.c promises of its own: two ends without a kernel.
 *
 * That it behaves as a socket does is tried by test_transport*.c, which run over it too. Here: how a pair is made, chunks,
 * back-pressure in both directions, resets, and that all of it happens in fake time, in no time.
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
#include "net/transport.h"

struct ends {
    struct net_log a, b;
    weir_transport *ta, *tb;
    size_t chunk;
    int code;
    long got[4];
};

static int make_ends(struct ends *ends)
{
    ends->code = weir_memory_pair(net_log_factory, &ends->a, &ends->ta, net_log_factory, &ends->b, &ends->tb, ends->chunk);
    return ends->code;
}

static void fini(struct ends *ends)
{
    net_log_fini(&ends->a);
    net_log_fini(&ends->b);
}

/* --- Making ---------------------------------------------------------------- */

static int make_and_look(void *arg)
{
    struct ends *ends = arg;

    make_ends(ends);
    ends->got[0] = (long)(ends->a.made + ends->b.made);
    NET_UNTIL(ends->a.made && ends->b.made);
    ends->got[1] = weir_transport_get_extra_info(ends->ta, "peername") == NULL;
    weir_transport_close(ends->ta);
    NET_UNTIL(ends->a.lost && ends->b.lost);
    return 0;
}

START_TEST(both_ends_are_made_on_a_later_pass)
{
    struct ends ends = { 0 };

    ck_assert_int_eq(weir_run(make_and_look, &ends), 0);
    ck_assert_int_eq(ends.code, 0);
    ck_assert_int_eq(ends.got[0], 0);
    ck_assert_int_eq(ends.got[1], 1);
    ck_assert_str_eq(ends.a.text, "CM CL(0)");
    ck_assert_str_eq(ends.b.text, "CM ER CL(0)");
    fini(&ends);
}
END_TEST

START_TEST(a_pair_needs_a_running_loop)
{
    struct ends ends = { 0 };

    ck_assert_int_eq(make_ends(&ends), WEIR_ESTATE);
    ck_assert_ptr_null(ends.ta);
    ck_assert_ptr_null(ends.tb);
}
END_TEST

static int fail_factory(void *arg, const weir_protocol **protocol, void **self)
{
    (void)arg, (void)protocol, (void)self;
    return -EACCES;
}

static int make_with_a_failing_factory(void *arg)
{
    struct ends *ends = arg;

    ends->got[0] = weir_memory_pair(fail_factory, NULL, &ends->ta, net_log_factory, &ends->b, &ends->tb, 0);
    ends->got[1] = weir_memory_pair(net_log_factory, &ends->a, &ends->ta, fail_factory, NULL, &ends->tb, 0);
    net_passes(5);
    return 0;
}

START_TEST(a_factory_that_fails_is_the_pairs_failure_and_calls_nothing)
{
    struct ends ends = { 0 };

    ck_assert_int_eq(weir_run(make_with_a_failing_factory, &ends), 0);
    ck_assert_int_eq(ends.got[0], -EACCES);
    ck_assert_int_eq(ends.got[1], -EACCES);
    ck_assert_ptr_null(ends.ta);
    ck_assert_ptr_null(ends.tb);
    ck_assert_str_eq(ends.a.text, "");
    ck_assert_str_eq(ends.b.text, "");
}
END_TEST

static int end_before_the_start(void *arg)
{
    struct ends *ends = arg;

    make_ends(ends);
    weir_transport_abort(ends->ta);
    weir_transport_close(ends->tb);
    ends->got[0] = weir_transport_is_closing(ends->ta) + weir_transport_is_closing(ends->tb);
    ends->got[1] = weir_transport_write(ends->tb, "x", 1);
    NET_UNTIL(ends->a.lost && ends->b.lost);
    return 0;
}

START_TEST(an_end_that_is_closed_before_it_was_made_is_made_and_lost)
{
    struct ends ends = { 0 };

    ck_assert_int_eq(weir_run(end_before_the_start, &ends), 0);
    ck_assert_int_eq(ends.got[0], 2);
    ck_assert_int_eq(ends.got[1], 0);
    ck_assert_str_eq(ends.a.text, "CM CL(0)");
    ck_assert_str_eq(ends.b.text, "CM CL(0)");
    fini(&ends);
}
END_TEST

static int leave_it_open(void *arg)
{
    make_ends(arg);
    return 0;
}

/* The run's end comes before the pass in which they would be made. */
START_TEST(a_pair_that_was_never_made_is_told_nothing_or_everything_when_the_run_ends)
{
    struct ends ends = { 0 };

    ck_assert_int_eq(weir_run(leave_it_open, &ends), 0);
    ck_assert_uint_eq(ends.a.made, ends.a.lost);
    ck_assert_uint_eq(ends.b.made, ends.b.lost);
    fini(&ends);
}
END_TEST

/* --- Bytes ------------------------------------------------------------------- */

static int write_both_ways(void *arg)
{
    struct ends *ends = arg;
    unsigned char *bytes = net_pattern_new(10000);

    make_ends(ends);
    NET_UNTIL(ends->b.made);
    weir_transport_write(ends->ta, bytes, 10000);
    weir_transport_write(ends->tb, bytes, 5000);
    ends->got[0] = (long)(ends->a.len + ends->b.len);
    weir_transport_flush(ends->ta);
    ends->got[1] = (long)ends->b.len;           /* never inside a write */
    free(bytes);
    NET_UNTIL(ends->b.len == 10000 && ends->a.len == 5000);
    weir_transport_close(ends->ta);
    NET_UNTIL(ends->b.lost);
    return 0;
}

START_TEST(a_step_carries_at_most_a_chunk_and_never_inside_a_write)
{
    static const size_t chunks[] = { 1, 3, 4096, 9999, 0 };
    struct ends ends = { .chunk = chunks[_i], .a.quiet = true, .b.quiet = true };

    ck_assert_int_eq(weir_run(write_both_ways, &ends), 0);
    ck_assert_int_eq(ends.got[0], 0);
    ck_assert_int_eq(ends.got[1], 0);
    ck_assert(net_is_pattern(ends.b.bytes, 10000));
    ck_assert(net_is_pattern(ends.a.bytes, 5000));
    ck_assert_uint_eq(ends.b.largest, chunks[_i] > 0 ? chunks[_i] : 10000);
    fini(&ends);
}
END_TEST

/* The most that one pass brought. */
static int take_in_steps(void *arg)
{
    struct ends *ends = arg;

    make_ends(ends);
    NET_UNTIL(ends->b.made);
    weir_transport_write(ends->ta, "123456789", 9);
    weir_transport_flush(ends->ta);
    ends->got[0] = (long)weir_transport_get_write_buffer_size(ends->ta);
    for (size_t last = 0; ends->b.len < 9; last = ends->b.len) {
        weir_yield();
        if (ends->got[1] < (long)(ends->b.len - last))
            ends->got[1] = (long)(ends->b.len - last);
    }
    ends->got[2] = (long)weir_transport_get_write_buffer_size(ends->ta);
    weir_transport_close(ends->ta);
    NET_UNTIL(ends->b.lost);
    return 0;
}

static int buffered_b(void *arg)
{
    struct ends *ends = arg;

    ends->b.region = 1;
    ends->code = weir_memory_pair(net_log_factory, &ends->a, &ends->ta, net_log_buffered_factory, &ends->b, &ends->tb,
                                  ends->chunk);
    NET_UNTIL(ends->b.made);
    weir_transport_write(ends->ta, "1234567", 7);
    weir_transport_flush(ends->ta);
    for (size_t last = 0; ends->b.len < 7; last = ends->b.len) {
        weir_yield();
        if (ends->got[1] < (long)(ends->b.len - last))
            ends->got[1] = (long)(ends->b.len - last);
    }
    weir_transport_close(ends->ta);
    NET_UNTIL(ends->b.lost);
    return 0;
}

/* A protocol of one's own is tried on every short write by a small chunk, and not only on short reads. */
START_TEST(what_is_written_is_taken_a_chunk_at_a_time)
{
    struct ends ends = { .chunk = (size_t)_i };

    ck_assert_int_eq(weir_run(take_in_steps, &ends), 0);
    ck_assert_int_eq(ends.got[0], _i == 0 ? 0 : 9 - _i);
    ck_assert_int_eq(ends.got[1], _i == 0 ? 9 : _i);
    ck_assert_int_eq(ends.got[2], 0);
    ck_assert_int_eq(memcmp(ends.b.bytes, "123456789", 9), 0);
    fini(&ends);
}
END_TEST

START_TEST(a_buffered_protocol_gets_no_more_than_a_chunk_a_step)
{
    struct ends ends = { .chunk = (size_t)_i };

    ck_assert_int_eq(weir_run(buffered_b, &ends), 0);
    ck_assert_int_eq(ends.got[1], _i);
    ck_assert_str_eq(ends.b.text, "CM BU(1) BU(2) BU(3) BU(4) BU(5) BU(6) BU(7) ER CL(0)");
    fini(&ends);
}
END_TEST

static int press_both_ways(void *arg)
{
    struct ends *ends = arg;
    unsigned char *bytes = net_pattern_new((size_t)1 << 20);

    make_ends(ends);
    NET_UNTIL(ends->b.made);
    weir_transport_pause_reading(ends->ta);
    weir_transport_pause_reading(ends->tb);
    weir_transport_write(ends->ta, bytes, (size_t)1 << 20);
    weir_transport_write(ends->tb, bytes, (size_t)1 << 20);
    free(bytes);
    uint64_t passes = epoll_waits();
    weir_sleep(10);                             /* nothing moves, and nobody goes round in circles meanwhile */
    ends->got[0] = (long)(epoll_waits() - passes);
    ends->got[1] = (long)(ends->a.pauses + ends->b.pauses);
    weir_transport_resume_reading(ends->ta);
    weir_transport_resume_reading(ends->tb);
    NET_UNTIL(ends->a.len == (size_t)1 << 20 && ends->b.len == (size_t)1 << 20);
    weir_transport_close(ends->ta);
    NET_UNTIL(ends->b.lost);
    return 0;
}

START_TEST(a_full_direction_holds_its_writer_back_without_spinning)
{
    struct ends ends = { .a.quiet = true, .b.quiet = true };

    clock_fake();
    ck_assert_int_eq(weir_run(press_both_ways, &ends), 0);
    ck_assert_int_lt(ends.got[0], 50);
    ck_assert_int_eq(ends.got[1], 2);
    ck_assert(net_is_pattern(ends.a.bytes, ends.a.len));
    ck_assert(net_is_pattern(ends.b.bytes, ends.b.len));
    ck_assert_str_eq(ends.a.text, "CM PW RW CL(0)");
    fini(&ends);
}
END_TEST

/* --- Ends -------------------------------------------------------------------- */

static int close_with_unread(void *arg)
{
    struct ends *ends = arg;

    make_ends(ends);
    NET_UNTIL(ends->b.made);
    weir_transport_pause_reading(ends->tb);
    weir_transport_write(ends->ta, "unread", 6);
    weir_transport_write(ends->tb, "said before", 11);
    net_passes(4);
    weir_transport_close(ends->tb);
    NET_UNTIL(ends->a.lost && ends->b.lost);
    return 0;
}

START_TEST(closing_with_bytes_unread_resets_the_other_end_behind_what_was_sent)  /* BT-17, BT-19 */
{
    struct ends ends = { 0 };

    ck_assert_int_eq(weir_run(close_with_unread, &ends), 0);
    ck_assert_str_eq(ends.a.text, "CM DR(said_before) CL(ECONNRESET)");
    ck_assert_str_eq(ends.b.text, "CM CL(0)");
    fini(&ends);
}
END_TEST

static int reset_a_writer(void *arg)
{
    struct ends *ends = arg;
    unsigned char *bytes = net_pattern_new((size_t)1 << 20);

    make_ends(ends);
    NET_UNTIL(ends->b.made);
    weir_transport_pause_reading(ends->tb);
    if (ends->got[0])
        weir_transport_pause_reading(ends->ta);         /* then it is the write that meets the reset */
    weir_transport_write(ends->ta, bytes, (size_t)1 << 20);
    free(bytes);
    net_passes(4);
    weir_transport_abort(ends->tb);
    NET_UNTIL(ends->a.lost && ends->b.lost);
    return 0;
}

/* As the kernel has it: bytes that nobody will read are answered by a reset, to a writer too. */
START_TEST(a_writer_whose_bytes_were_left_unread_is_reset)
{
    struct ends ends = { .got[0] = _i };

    ck_assert_int_eq(weir_run(reset_a_writer, &ends), 0);
    ck_assert_str_eq(ends.a.text, "CM PW CL(ECONNRESET)");
    ck_assert_str_eq(ends.b.text, "CM CL(0)");
    fini(&ends);
}
END_TEST

static int fail_every_call(void *arg)
{
    struct ends *ends = arg;

    if (make_ends(ends) < 0)
        return 0;
    weir_transport_write(ends->ta, "hello", 5);
    for (int i = 0; i < 50; i++)
        weir_yield();
    if (ends->a.transport != NULL)              /* lost and gone otherwise */
        weir_transport_close(ends->ta);
    for (int i = 0; i < 50; i++)
        weir_yield();
    return 0;
}

/* Every allocation, recv and send of a pair's whole life, one after the other and then from there on. */
START_TEST(whatever_fails_a_pair_ends_in_order)
{
    uint64_t failed;
    uint64_t n = 0;

    do {
        struct ends ends = { 0 };
        weir__fault_begin(&(struct fault_plan) { .fail_at = ++n, .from_then_on = _i == 1 });
        (void)weir_run(fail_every_call, &ends);
        failed = weir__fault_end();
        ck_assert_uint_eq(ends.a.made, ends.a.lost);
        ck_assert_uint_eq(ends.b.made, ends.b.lost);
        fini(&ends);
    } while (failed > 0);
    ck_assert_uint_gt(n, 10);
}
END_TEST

Suite *suite(void)
{
    Suite *memory = suite_create("net/transport_memory");

    TCase *making = tcase_create("making");
    tcase_add_test(making, both_ends_are_made_on_a_later_pass);
    tcase_add_test(making, a_pair_needs_a_running_loop);
    tcase_add_test(making, a_factory_that_fails_is_the_pairs_failure_and_calls_nothing);
    tcase_add_test(making, an_end_that_is_closed_before_it_was_made_is_made_and_lost);
    tcase_add_test(making, a_pair_that_was_never_made_is_told_nothing_or_everything_when_the_run_ends);
    suite_add_tcase(memory, making);

    TCase *bytes = tcase_create("bytes");
    tcase_add_loop_test(bytes, a_step_carries_at_most_a_chunk_and_never_inside_a_write, 0, 5);
    tcase_add_loop_test(bytes, what_is_written_is_taken_a_chunk_at_a_time, 0, 4);
    tcase_add_loop_test(bytes, a_buffered_protocol_gets_no_more_than_a_chunk_a_step, 1, 4);
    tcase_add_test(bytes, a_full_direction_holds_its_writer_back_without_spinning);
    suite_add_tcase(memory, bytes);

    TCase *ends = tcase_create("ends");
    tcase_add_test(ends, closing_with_bytes_unread_resets_the_other_end_behind_what_was_sent);
    tcase_add_loop_test(ends, a_writer_whose_bytes_were_left_unread_is_reset, 0, 2);
    tcase_add_loop_test(ends, whatever_fails_a_pair_ends_in_order, 0, 2);
    suite_add_tcase(memory, ends);
    return memory;
}
