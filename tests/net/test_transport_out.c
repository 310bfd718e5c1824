/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_transport_out.c  What net/transport_out.c promises: gathering, offering, water marks, the end of output.
 *
 * The far end does not read until a scenario says so, so what the kernel did not take stays where it is. Tests that need
 * an exact number of bytes left over use the socket pair and the memory pair, whose queues move only when somebody reads.
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

#define MEGABYTE ((size_t)1 << 20)

/* Socket pair and memory pair, whole or in single bytes. */
#define STILL_WAYS 4
static int still_way(int i)
{
    static const int ways[STILL_WAYS] = {
        NET_SOCKETPAIR * NET_CUTS, NET_MEMORY * NET_CUTS, NET_SOCKETPAIR * NET_CUTS + 1, NET_MEMORY * NET_CUTS + 1,
    };

    return ways[i];
}

/* Byte by byte a megabyte is a million calls, and a kernel that holds single bytes is full after a few hundred. */
static size_t much(const struct net_pair *pair)
{
    return pair->cut == 1 || pair->cut == 4 ? 3 * MEGABYTE / 1024 : MEGABYTE;
}

/* Leave some output that the kernel does not take, with marks far away; returns how much. */
static size_t fill_with(struct net_pair *pair, size_t len)
{
    unsigned char *bytes = net_pattern_new(len);
    size_t size = 0;

    weir_transport_set_write_buffer_limits(pair->near, 64 * MEGABYTE, 0);
    weir_transport_write(pair->near, bytes, len);
    free(bytes);
    while (size != weir_transport_get_write_buffer_size(pair->near)) {
        size = weir_transport_get_write_buffer_size(pair->near);
        net_passes(100);
    }
    return size;
}

static size_t fill(struct net_pair *pair)
{
    return fill_with(pair, MEGABYTE);
}

/* --- Marks -------------------------------------------------------------------- */

static void go_over(struct net_pair *pair)
{
    size_t size = fill(pair);

    weir_transport_set_write_buffer_limits(pair->near, size + 10, size + 5);
    weir_transport_write(pair->near, "0123456789", 10);
    pair->got[0] = (long)pair->log.pauses;
    weir_transport_write(pair->near, "x", 1);
    pair->got[1] = (long)pair->log.pauses;
    weir_transport_write(pair->near, "x", 1);
    pair->got[2] = (long)pair->log.pauses;
    weir_transport_abort(pair->near);
    pair->got[3] = (long)weir_transport_get_write_buffer_size(pair->near);
    NET_UNTIL(pair->log.lost);
}

START_TEST(pause_writing_comes_once_and_only_above_the_high_mark)       /* C35, FC-5, FC-8 */
{
    struct net_pair pair = { 0 };

    net_run(&pair, still_way(_i), go_over);
    ck_assert_int_eq(pair.got[0], 0);           /* exactly the high mark does not pause */
    ck_assert_int_eq(pair.got[1], 1);
    ck_assert_int_eq(pair.got[2], 1);
    ck_assert_int_eq(pair.got[3], 0);
    ck_assert_str_eq(pair.log.text, "CM PW CL(0)");
    net_pair_fini(&pair);
}
END_TEST

static void note_size_at_pause(struct net_log *log, enum net_event event)
{
    if (event == NET_PAUSE)
        ((struct net_pair *)log->user)->size[0] = weir_transport_get_write_buffer_size(log->transport);
}

static void go_over_in_pieces(struct net_pair *pair)
{
    weir_bytes pieces[] = { { "123456", 6 }, { "123456", 6 }, { "123456", 6 } };
    size_t size = fill(pair);

    pair->log.user = pair;
    pair->log.on = note_size_at_pause;
    weir_transport_set_write_buffer_limits(pair->near, size + 10, 0);
    weir_transport_writelines(pair->near, pieces, 3);
    pair->size[1] = size + 18;
}

START_TEST(several_pieces_are_looked_at_once)   /* C56, SW-3 */
{
    struct net_pair pair = { 0 };

    net_run(&pair, still_way(_i), go_over_in_pieces);
    ck_assert_uint_eq(pair.size[0], pair.size[1]);      /* after the second piece it was above already */
    ck_assert_uint_eq(pair.log.pauses, 1);
    net_pair_fini(&pair);
}
END_TEST

static void move_marks(struct net_pair *pair)
{
    size_t size = fill(pair);

    weir_transport_set_write_buffer_limits(pair->near, size - 1, 0);
    pair->got[0] = (long)pair->log.pauses;
    weir_transport_set_write_buffer_limits(pair->near, 64 * MEGABYTE, 32 * MEGABYTE);
    net_passes(20);
    pair->got[1] = (long)pair->log.resumes;
    weir_transport_set_write_buffer_limits(pair->near, size - 1, 0);
    pair->got[2] = (long)pair->log.pauses;
    net_far_read(pair, MEGABYTE);
    NET_UNTIL(pair->log.resumes);
}

START_TEST(lowering_the_mark_pauses_at_once_and_raising_it_does_not_resume)     /* C36, FC-3 */
{
    struct net_pair pair = { 0 };

    net_run(&pair, still_way(_i % 2), move_marks);
    ck_assert_int_eq(pair.got[0], 1);
    ck_assert_int_eq(pair.got[1], 0);
    ck_assert_int_eq(pair.got[2], 1);
    ck_assert_str_eq(pair.log.text, "CM PW RW CL(0)");
    net_pair_fini(&pair);
}
END_TEST

static void note_size(struct net_log *log, enum net_event event)
{
    if (event == NET_RESUME)
        ((struct net_pair *)log->user)->size[0] = weir_transport_get_write_buffer_size(log->transport);
}

static void resume_at_low(struct net_pair *pair)
{
    size_t size = fill_with(pair, 70000);       /* a little more than a memory pair takes: it goes byte by byte */

    pair->log.user = pair;
    pair->log.on = note_size;
    weir_transport_set_write_buffer_limits(pair->near, size - 1, (size_t)pair->got[7] ? size - 100 : 0);
    pair->size[1] = (size_t)pair->got[7] ? size - 100 : 0;
    net_far_read(pair, 70000);
    NET_UNTIL(pair->log.resumes);
}

/* C37, FC-6, FC-7: the far end takes one byte at a time, so that the low mark is met exactly. */
START_TEST(resume_writing_comes_at_exactly_the_low_mark)
{
    struct net_pair pair = { .got[7] = _i };

    net_run(&pair, NET_MEMORY * NET_CUTS + 1, resume_at_low);
    ck_assert_uint_eq(pair.size[0], pair.size[1]);
    ck_assert_str_eq(pair.log.text, "CM PW RW CL(0)");
    net_pair_fini(&pair);
}
END_TEST

static void raise_the_mark(struct net_pair *pair)
{
    size_t size = fill(pair);

    pair->log.user = pair;
    pair->log.on = note_size;
    weir_transport_set_write_buffer_limits(pair->near, size - 1, 0);
    weir_transport_set_write_buffer_limits(pair->near, 64 * MEGABYTE, 32 * MEGABYTE);
    weir__fault_begin(&(struct fault_plan) { .fail_at = 1, .only = 1ULL << SYS_SEND, .code = -EAGAIN });
    net_far_read(pair, MEGABYTE);
    NET_UNTIL(pair->log.resumes);
    pair->size[1] = size;
}

/* FC-3: the low mark is above what is buffered, and the event still brings no room. */
START_TEST(an_event_that_takes_nothing_resumes_nothing)
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i * NET_CUTS, raise_the_mark);
    ck_assert_uint_lt(pair.size[0], pair.size[1]);
    ck_assert_str_eq(pair.log.text, "CM PW RW CL(0)");
    net_pair_fini(&pair);
}
END_TEST

static void write_on_resume(struct net_log *log, enum net_event event)
{
    if (event != NET_RESUME || log->resumes > 3)
        return;
    weir_transport_write(log->transport, "resumed", 7);
    if (log->resumes == 1)
        weir_transport_close(log->transport);
}

static void write_more_on_resume(struct net_pair *pair)
{
    fill(pair);
    pair->log.on = write_on_resume;
    weir_transport_set_write_buffer_limits(pair->near, 100, 0);
    net_far_read(pair, 2 * MEGABYTE);
    NET_UNTIL(pair->log.lost);
}

/* FC-6: "all is out" is decided after resume_writing, which may have written again. */
START_TEST(what_resume_writing_writes_goes_out_before_the_close_that_follows)
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i * NET_CUTS, write_more_on_resume);
    ck_assert_str_eq(pair.log.text, "CM PW RW CL(0)");
    ck_assert_uint_eq(pair.far_log.len, MEGABYTE + 7);
    ck_assert_int_eq(memcmp(pair.far_log.bytes + MEGABYTE, "resumed", 7), 0);
    net_pair_fini(&pair);
}
END_TEST

static void rest_after_backlog(struct net_pair *pair)
{
    fill(pair);
    net_far_read(pair, MEGABYTE);
    NET_UNTIL(weir_transport_get_write_buffer_size(pair->near) == 0);
    net_passes(5);
    uint64_t waits = epoll_waits();
    weir_sleep(10);
    pair->got[0] = (long)(epoll_waits() - waits);
}

/* A socket is nearly always writable: whoever goes on asking never sleeps again. */
START_TEST(when_the_backlog_is_gone_nothing_spins)
{
    struct net_pair pair = { 0 };

    clock_fake();
    net_run(&pair, _i * NET_CUTS, rest_after_backlog);
    ck_assert_int_lt(pair.got[0], 30);
    net_pair_fini(&pair);
}
END_TEST

static void end_on_pause(struct net_log *log, enum net_event event)
{
    if (event == NET_PAUSE)
        weir_transport_abort(log->transport);
}

static void pause_and_abort(struct net_pair *pair)
{
    fill(pair);
    pair->log.on = end_on_pause;
    weir_transport_set_write_buffer_limits(pair->near, 10, 0);
    pair->got[0] = weir_transport_write(pair->near, "after", 5);
    NET_UNTIL(pair->log.lost);
}

START_TEST(pause_writing_may_abort)
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i * NET_CUTS, pause_and_abort);
    ck_assert_int_eq(pair.got[0], 0);
    ck_assert_str_eq(pair.log.text, "CM PW CL(0)");
    net_pair_fini(&pair);
}
END_TEST

/* --- Gathering ------------------------------------------------------------------ */

static void write_small(struct net_pair *pair)
{
    uint64_t before = weir__fault_seen(SYS_SEND);
    weir_bytes pieces[] = { { "1", 1 }, { NULL, 0 }, { "2", 1 }, { "3", 1 } };

    pair->got[0] = weir_transport_writelines(pair->near, pieces, 4);
    pair->got[1] = weir_transport_writelines(pair->near, pieces, 0);
    for (int i = 0; i < 100; i++)
        weir_transport_write(pair->near, "more ", 5);
    pair->size[0] = weir_transport_get_write_buffer_size(pair->near);
    pair->got[2] = (long)(weir__fault_seen(SYS_SEND) - before);
    weir_yield();
    pair->got[3] = (long)(weir__fault_seen(SYS_SEND) - before);
    pair->size[1] = weir_transport_get_write_buffer_size(pair->near);
    net_far_read(pair, 503);
}

/* C56, FC-4, and "when output goes out". */
START_TEST(small_writes_are_gathered_and_sent_in_one_call_when_the_task_suspends)
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i * NET_CUTS, write_small);
    ck_assert_int_eq(pair.got[0], 0);
    ck_assert_int_eq(pair.got[1], 0);
    ck_assert_uint_eq(pair.size[0], 503);
    ck_assert_int_eq(pair.got[2], 0);
    ck_assert_int_eq(pair.got[3], 1);
    ck_assert_uint_eq(pair.size[1], 0);
    ck_assert_uint_eq(pair.far_log.len, 503);
    ck_assert_int_eq(memcmp(pair.far_log.bytes, "123more more ", 13), 0);
    net_pair_fini(&pair);
}
END_TEST

static void offer(struct net_pair *pair)
{
    weir_transport *t = pair->near;

    weir_transport_write(t, "x", 1);
    switch (pair->got[7]) {
    case 0: weir_transport_flush(t); break;
    case 1: weir_transport_get_extra_info(t, "socket"); break;
    case 2: weir_transport_set_write_buffer_limits(t, WEIR_UNSET, WEIR_UNSET); break;
    case 3: weir_transport_set_protocol(t, &net_log_plain, &pair->log); break;
    case 4: weir_transport_write_eof(t); break;
    case 5: weir_transport_close(t); break;
    case 6: weir_transport_abort(t); break;
    }
    pair->got[0] = (long)weir__fault_seen(SYS_SEND);
    pair->size[0] = weir_transport_get_write_buffer_size(t);
    net_far_read(pair, 1);
}

START_TEST(output_is_offered_at_once_by_each_call_that_says_so)
{
    struct net_pair pair = { .got[7] = _i % 7 };

    net_run(&pair, _i / 7 * NET_CUTS, offer);
    ck_assert_int_eq(pair.got[0], 1);
    ck_assert_uint_eq(pair.size[0], 0);
    ck_assert_uint_eq(pair.far_log.len, 1);     /* abort too offers once before it drops (BT-6) */
    net_pair_fini(&pair);
}
END_TEST

static void write_mixed(struct net_pair *pair)
{
    static const size_t sizes[] = { 1, 100, 16384, 16385, 3, 70000, 5, 16383, 40000, 2 };
    unsigned char *bytes = net_pattern_new(2 * MEGABYTE);
    size_t at = 0, most = much(pair);

    weir_transport_set_write_buffer_limits(pair->near, 64 * MEGABYTE, 0);
    for (size_t i = 0; at < most; i++) {
        size_t n = sizes[i % 10];
        const char *from = (const char *)bytes + at;
        weir_bytes halves[2] = { { from, n / 2 }, { from + n / 2, n - n / 2 } };
        weir_transport_writelines(pair->near, halves, 2);
        at += n;
        if (i % 3 == 2)
            weir_yield();
    }
    free(bytes);                                /* the caller's memory is his again (CV-5) */
    weir_transport_close(pair->near);
    pair->size[0] = at;
    net_far_read(pair, 2 * MEGABYTE);
    NET_UNTIL(pair->log.lost);
}

START_TEST(large_and_small_writes_keep_their_order)
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i, write_mixed);
    ck_assert_uint_eq(pair.far_log.len, pair.size[0]);
    ck_assert(net_is_pattern(pair.far_log.bytes, pair.far_log.len));
    ck_assert_str_eq(pair.log.text, "CM CL(0)");
    net_pair_fini(&pair);
}
END_TEST

static void overfill(struct net_pair *pair)
{
    unsigned char *bytes = net_pattern_new(MEGABYTE);

    for (int i = 0; i < 8; i++)
        weir_transport_write(pair->near, bytes, MEGABYTE);
    free(bytes);
    pair->got[0] = weir_transport_is_closing(pair->near);
    NET_UNTIL(pair->log.lost);
}

static void bound_output(struct net_log *log, enum net_event event)
{
    if (event == NET_MADE)
        log->transport->out.most = 2 * MEGABYTE;        /* what max_write_buffer sets */
}

START_TEST(output_above_its_bound_ends_the_connection)  /* fault 11 */
{
    struct net_pair pair = { .log.on = bound_output };

    net_run(&pair, _i * NET_CUTS, overfill);
    ck_assert_int_eq(pair.got[0], 1);
    ck_assert_str_eq(pair.log.text, "CM PW CL(ENOBUFS)");
    net_pair_fini(&pair);
}
END_TEST

static void write_without_memory(struct net_pair *pair)
{
    fill(pair);
    weir__fault_begin(&(struct fault_plan) { .fail_at = 1, .from_then_on = true, .only = 1ULL << SYS_ALLOC });
    unsigned char *bytes = net_pattern_new(MEGABYTE);
    pair->got[0] = weir_transport_write(pair->near, bytes, MEGABYTE);
    pair->got[1] = weir_transport_is_closing(pair->near);
    free(bytes);
    NET_UNTIL(pair->log.lost);
}

START_TEST(without_memory_for_the_copy_the_output_ends_rather_than_having_a_gap)        /* fault 2 */
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i * NET_CUTS, write_without_memory);
    ck_assert_int_eq(pair.got[0], -ENOMEM);
    ck_assert_int_eq(pair.got[1], 1);
    ck_assert_str_eq(pair.log.text, "CM CL(ENOMEM)");
    net_pair_fini(&pair);
}
END_TEST

Suite *suite(void)
{
    Suite *out = suite_create("net/transport_out");

    TCase *marks = tcase_create("marks");
    tcase_add_loop_test(marks, pause_writing_comes_once_and_only_above_the_high_mark, 0, STILL_WAYS);
    tcase_add_loop_test(marks, several_pieces_are_looked_at_once, 0, STILL_WAYS);
    tcase_add_loop_test(marks, lowering_the_mark_pauses_at_once_and_raising_it_does_not_resume, 0, 2);
    tcase_add_loop_test(marks, resume_writing_comes_at_exactly_the_low_mark, 0, 2);
    tcase_add_loop_test(marks, an_event_that_takes_nothing_resumes_nothing, 0, NET_KINDS);
    tcase_add_loop_test(marks, what_resume_writing_writes_goes_out_before_the_close_that_follows, 0, NET_KINDS);
    tcase_add_loop_test(marks, when_the_backlog_is_gone_nothing_spins, 0, NET_KINDS);
    tcase_add_loop_test(marks, pause_writing_may_abort, 0, NET_KINDS);
    suite_add_tcase(out, marks);

    TCase *gathering = tcase_create("gathering");
    tcase_add_loop_test(gathering, small_writes_are_gathered_and_sent_in_one_call_when_the_task_suspends, 0, NET_KINDS);
    tcase_add_loop_test(gathering, output_is_offered_at_once_by_each_call_that_says_so, 0, 7 * NET_KINDS);
    tcase_add_loop_test(gathering, large_and_small_writes_keep_their_order, 0, NET_WAYS);
    tcase_add_loop_test(gathering, output_above_its_bound_ends_the_connection, 0, NET_KINDS);
    tcase_add_loop_test(gathering, without_memory_for_the_copy_the_output_ends_rather_than_having_a_gap, 0, NET_KINDS);
    suite_add_tcase(out, gathering);
    return out;
}
