/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_transport.c  What net/transport.c promises: a transport's life, told in the order of asyncio's contract.
 *
 * Each scenario runs over a socket pair, TCP and a memory pair, and there with every disturbance of lib/net_pair.h: whole
 * transfers, one byte at a time, and EAGAIN or EINTR in between must give the same words.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <weir/run.h>
#include <weir/transport.h>

#include "lib/net_pair.h"
#include "lib/suite.h"
#include "net/transport.h"

/* --- Water marks as numbers ------------------------------------------------ */

static const struct {
    size_t high, low;           /* asked */
    int    code;
    size_t got_low, got_high;
} marks[] = {                   /* C34, FC-2 */
    { WEIR_UNSET, WEIR_UNSET, 0, 16384, 65536 },
    { 100, WEIR_UNSET, 0, 25, 100 },
    { WEIR_UNSET, 10, 0, 10, 40 },
    { 3, WEIR_UNSET, 0, 0, 3 },
    { 0, WEIR_UNSET, 0, 0, 0 },
    { WEIR_UNSET, 0, 0, 0, 0 },
    { 10, 10, 0, 10, 10 },
    { 5, 6, -EINVAL, 7, 77 },
    { (size_t)-2, WEIR_UNSET, -EINVAL, 7, 77 },
    { WEIR_UNSET, (size_t)-2, -EINVAL, 7, 77 },
    { 0, 1, -EINVAL, 7, 77 },
};

static void set_marks(struct net_pair *pair)
{
    int i = (int)pair->got[7];

    pair->got[0] = weir_transport_set_write_buffer_limits(pair->near, 77, 7);
    pair->got[1] = weir_transport_set_write_buffer_limits(pair->near, marks[i].high, marks[i].low);
    weir_transport_get_write_buffer_limits(pair->near, &pair->size[0], &pair->size[1]);
}

START_TEST(water_marks_follow_from_each_other_and_wrong_ones_change_nothing)
{
    struct net_pair pair = { .got[7] = _i };

    net_run(&pair, NET_SOCKETPAIR * NET_CUTS, set_marks);
    ck_assert_int_eq(pair.got[0], 0);
    ck_assert_int_eq(pair.got[1], marks[_i].code);
    ck_assert_uint_eq(pair.size[0], marks[_i].got_low);
    ck_assert_uint_eq(pair.size[1], marks[_i].got_high);
    net_pair_fini(&pair);
}
END_TEST

static void read_marks(struct net_pair *pair)
{
    weir_transport_get_write_buffer_limits(pair->near, &pair->size[0], &pair->size[1]);
}

START_TEST(water_marks_are_asyncios_at_the_start)
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i * NET_CUTS, read_marks);          /* FC-1 */
    ck_assert_uint_eq(pair.size[0], 16384);
    ck_assert_uint_eq(pair.size[1], 65536);
    net_pair_fini(&pair);
}
END_TEST

/* --- Closing --------------------------------------------------------------- */

static void close_idle(struct net_pair *pair)
{
    weir_transport_close(pair->near);
    pair->got[0] = (long)strlen(pair->log.text);
    pair->got[1] = weir_transport_is_closing(pair->near);
    pair->got[2] = weir_transport_is_reading(pair->near);
    weir_yield();
    weir_yield();
    pair->got[3] = (long)pair->log.lost;
}

/* C63, BT-5: nobody is called back from inside close(). */
START_TEST(close_tells_the_loss_on_a_later_pass_and_not_inside)
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i, close_idle);
    ck_assert_int_eq(pair.got[0], 2);                   /* "CM" */
    ck_assert_int_eq(pair.got[1], 1);
    ck_assert_int_eq(pair.got[2], 0);
    ck_assert_int_eq(pair.got[3], 1);
    ck_assert_str_eq(pair.log.text, "CM CL(0)");
    net_pair_fini(&pair);
}
END_TEST

static void end_three_times(struct net_pair *pair)
{
    weir_transport_abort(pair->near);
    weir_transport_abort(pair->near);
    weir_transport_close(pair->near);
    NET_UNTIL(pair->log.lost);
    net_passes(4);
}

START_TEST(connection_lost_comes_once_however_often_one_ends)  /* C63, BT-7 */
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i, end_three_times);
    ck_assert_str_eq(pair.log.text, "CM CL(0)");
    net_pair_fini(&pair);
}
END_TEST

static void close_paused(struct net_pair *pair)
{
    weir_transport_pause_reading(pair->near);
    net_far_send(pair, "never seen", 10);
    net_passes(3);
    weir_transport_close(pair->near);
    pair->got[0] = weir_transport_resume_reading(pair->near);
    NET_UNTIL(pair->log.lost);
}

START_TEST(resume_after_close_is_ignored)       /* C64, BT-4 */
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i, close_paused);
    ck_assert_int_eq(pair.got[0], 0);
    ck_assert_str_eq(pair.log.text, "CM CL(0)");
    net_pair_fini(&pair);
}
END_TEST

static void say_hi_and_close(struct net_log *log, enum net_event event)
{
    if (event != NET_MADE)
        return;
    weir_transport_write(log->transport, "hi", 2);
    weir_transport_close(log->transport);
}

static void read_hi(struct net_pair *pair)
{
    net_far_read(pair, 100);
}

/* C65, BT-1: whoever made the connection gets it although it is closing already. */
START_TEST(connection_made_may_write_and_close)
{
    struct net_pair pair = { .log.on = say_hi_and_close };

    net_run(&pair, _i, read_hi);
    ck_assert_str_eq(pair.log.text, "CM CL(0)");
    ck_assert_uint_eq(pair.far_log.len, 2);
    ck_assert_int_eq(memcmp(pair.far_log.bytes, "hi", 2), 0);
    ck_assert_uint_eq(pair.far_log.ends, 1);
    ck_assert_int_eq(pair.far_log.code, 0);
    net_pair_fini(&pair);
}
END_TEST

static void pause_at_once(struct net_log *log, enum net_event event)
{
    if (event == NET_MADE)
        weir_transport_pause_reading(log->transport);
}

static void send_to_paused(struct net_pair *pair)
{
    net_far_send(pair, "x", 1);
    net_passes(5);
    pair->got[0] = (long)pair->log.len;
    weir_transport_resume_reading(pair->near);
    NET_UNTIL(pair->log.len == 1);
}

START_TEST(connection_made_may_pause)           /* BT-1 */
{
    struct net_pair pair = { .log.on = pause_at_once };

    net_run(&pair, _i, send_to_paused);
    ck_assert_int_eq(pair.got[0], 0);
    ck_assert_str_eq(pair.log.text, "CM DR(x) CL(0)");
    net_pair_fini(&pair);
}
END_TEST

/* --- After the end --------------------------------------------------------- */

static void call_everything(struct net_pair *pair)
{
    weir_transport *t = pair->near;
    weir_bytes line = { .data = "y", .len = 1 };

    weir_transport_close(t);
    NET_UNTIL(pair->log.lost);
    pair->got[0] = weir_transport_write(t, "x", 1) + weir_transport_writelines(t, &line, 1) + weir_transport_flush(t);
    pair->got[1] = weir_transport_write_eof(t);
    pair->got[2] = weir_transport_pause_reading(t) + weir_transport_resume_reading(t);
    weir_transport_close(t);
    weir_transport_abort(t);
    pair->got[3] = weir_transport_is_closing(t);
    pair->got[4] = weir_transport_is_reading(t);
    pair->got[5] = weir_transport_get_extra_info(t, "colour") == NULL;
    pair->got[6] = weir_transport_get_extra_info(t, "socket") == NULL;
    pair->size[0] = weir_transport_get_write_buffer_size(t);
    net_far_read(pair, 100);
}

START_TEST(every_call_is_harmless_after_the_loss)       /* C71, BT-16 */
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i, call_everything);
    ck_assert_int_eq(pair.got[0], 0);
    ck_assert_int_eq(pair.got[1], 0);
    ck_assert_int_eq(pair.got[2], 0);
    ck_assert_int_eq(pair.got[3], 1);
    ck_assert_int_eq(pair.got[4], 0);
    ck_assert_int_eq(pair.got[5], 1);
    ck_assert_int_eq(pair.got[6], 1);
    ck_assert_uint_eq(pair.size[0], 0);
    ck_assert_uint_eq(pair.far_log.len, 0);
    ck_assert_str_eq(pair.log.text, "CM CL(0)");
    net_pair_fini(&pair);
}
END_TEST

/* --- Callbacks that fail ---------------------------------------------------- */

static void meet_every_callback(struct net_pair *pair)
{
    size_t most = (size_t)1 << 20;
    unsigned char *bytes = net_pattern_new(most);

    if ((pair->log.fails & (1u << NET_PAUSE | 1u << NET_RESUME)) != 0) {
        weir_transport_write(pair->near, bytes, most);
        net_far_read(pair, most);
        NET_UNTIL(pair->log.resumes);
    }
    net_far_send(pair, "x", 1);
    NET_UNTIL(pair->log.len == 1 || pair->log.lost);
    net_far_eof(pair);
    NET_UNTIL(pair->log.ends || pair->log.lost);
    NET_UNTIL(pair->log.lost);
    free(bytes);
}

static const struct {
    unsigned fails;
    const char *text;
} failures[] = {                /* C67, PR-9, FC-9 */
    { 1u << NET_DATA, "CM DR(x) CL(EPERM)" },
    { 1u << NET_END, "CM DR(x) ER CL(EPERM)" },
    { 1u << NET_MADE, "CM DR(x) ER CL(0)" },
    { 1u << NET_PAUSE, "CM PW RW DR(x) ER CL(0)" },
    { 1u << NET_RESUME, "CM PW RW DR(x) ER CL(0)" },
    { 1u << NET_LOST, "CM DR(x) ER CL(0)" },
};

START_TEST(a_failing_callback_is_reported_once_and_ends_the_connection_if_it_concerns_input)
{
    int which = _i % 6, kind = _i / 6;
    struct net_pair pair = { .log.fails = failures[which].fails };

    net_run(&pair, kind * NET_CUTS, meet_every_callback);
    ck_assert_str_eq(pair.log.text, failures[which].text);
    ck_assert_uint_eq(pair.reports, 1);
    ck_assert_int_eq(pair.report, -EPERM);
    net_pair_fini(&pair);
}
END_TEST

static void fail_from_outside(struct net_pair *pair)
{
    weir_transport_fail(pair->near, -EPROTO, NULL);
    weir_transport_fail(pair->near, -EPERM, "too late");        /* the first cause wins (BT-7) */
    NET_UNTIL(pair->log.lost);
}

START_TEST(fail_outside_of_a_callback_ends_the_connection_and_the_first_cause_wins)
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i, fail_from_outside);
    ck_assert_str_eq(pair.log.text, "CM CL(EPROTO)");
    net_pair_fini(&pair);
}
END_TEST

/* --- Changing the protocol --------------------------------------------------- */

static void switch_protocol(struct net_pair *pair)
{
    struct net_log *second = pair->log.user;
    void *self;

    net_far_send(pair, "one", 3);
    NET_UNTIL(pair->log.len == 3);
    weir_transport_write(pair->near, "gathered", 8);
    weir_transport_set_protocol(pair->near, &net_log_buffered, second);
    pair->got[0] = weir_transport_get_protocol(pair->near, &self) == &net_log_buffered && self == second;
    net_far_send(pair, "two", 3);
    NET_UNTIL(second->len == 3);
    weir_transport_set_protocol(pair->near, &net_log_plain, second);
    net_far_send(pair, "three", 5);
    NET_UNTIL(second->len == 8);
    net_far_read(pair, 8);
    weir_transport_close(pair->near);
    NET_UNTIL(second->lost);
    pair->log.lost++;                           /* what net_run waits for */
}

/* C66, BT-15: the second protocol was not there when the connection was made, so it is not told that it was. */
START_TEST(a_new_protocol_gets_everything_after_it_and_no_connection_made)
{
    struct net_log second = { .region = sizeof second.place, .quiet = true };
    struct net_pair pair = { .log.user = &second };

    net_run(&pair, _i, switch_protocol);
    ck_assert_int_eq(pair.got[0], 1);
    ck_assert_str_eq(pair.log.text, "CM DR(one)");
    ck_assert_str_eq(second.text, "CL(0)");
    ck_assert_int_eq(memcmp(second.bytes, "twothree", 8), 0);
    net_log_fini(&second);
    net_pair_fini(&pair);
}
END_TEST

static void use_no_callbacks(struct net_pair *pair)
{
    static const weir_protocol none;
    weir_transport *t = pair->near;

    weir_transport_set_protocol(t, &none, NULL);
    net_far_send(pair, "ignored", 7);
    net_passes(10);
    pair->got[0] = weir_transport_is_closing(t);
    net_far_eof(pair);
    NET_UNTIL(weir_transport_is_closing(t));    /* no eof_received: the same as false (CV-6, PR-10) */
    net_passes(5);
    pair->log.lost++;
}

START_TEST(a_protocol_may_leave_out_every_callback)
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i, use_no_callbacks);
    ck_assert_int_eq(pair.got[0], 0);
    net_pair_fini(&pair);
}
END_TEST

/* --- Arguments --------------------------------------------------------------- */

static void pass_wrong_arguments(struct net_pair *pair)
{
    weir_bytes bad = { .data = NULL, .len = 3 };

    pair->got[0] = weir_transport_write(pair->near, NULL, 1);
    pair->got[1] = weir_transport_writelines(pair->near, &bad, 1);
    pair->got[2] = weir_transport_write(pair->near, NULL, 0);
    pair->got[3] = weir_transport_writelines(pair->near, NULL, 0);
    pair->got[4] = weir_transport_can_write_eof(pair->near);
    pair->got[5] = weir_transport_get_extra_info(pair->near, NULL) == NULL;
    pair->got[6] = weir_transport_is_closing(pair->near);
}

START_TEST(wrong_arguments_are_refused_and_change_nothing)
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i * NET_CUTS, pass_wrong_arguments);
    ck_assert_int_eq(pair.got[0], -EINVAL);
    ck_assert_int_eq(pair.got[1], -EINVAL);
    ck_assert_int_eq(pair.got[2], 0);
    ck_assert_int_eq(pair.got[3], 0);
    ck_assert_int_eq(pair.got[4], 1);
    ck_assert_int_eq(pair.got[5], 1);
    ck_assert_int_eq(pair.got[6], 0);
    net_pair_fini(&pair);
}
END_TEST

/* --- Counts ------------------------------------------------------------------- */

static void count_bytes(struct net_pair *pair)
{
    static char much[40000];
    const uint64_t *in = weir_transport_get_extra_info(pair->near, "bytes_received");
    const uint64_t *out = weir_transport_get_extra_info(pair->near, "bytes_sent");

    pair->got[0] = *in == 0 && *out == 0;
    net_far_send(pair, "hello", 5);
    NET_UNTIL(pair->log.len == 5);
    pair->got[1] = *in == 5 && *out == 0;
    weir_transport_write(pair->near, "abc", 3);
    pair->got[2] = (long)*out;                  /* gathered: the kernel has nothing yet */
    weir_transport_flush(pair->near);
    net_far_read(pair, 3);
    pair->got[3] = (long)*out;
    weir_transport_write(pair->near, much, sizeof much);
    net_far_read(pair, 3 + sizeof much);
    pair->got[4] = (long)*out;
    net_far_send(pair, much, 1000);
    NET_UNTIL(pair->log.len == 1005);
    weir_transport_close(pair->near);
    NET_UNTIL(pair->log.lost);
    in = weir_transport_get_extra_info(pair->near, "bytes_received");
    out = weir_transport_get_extra_info(pair->near, "bytes_sent");
    pair->got[5] = (long)*in;
    pair->got[6] = (long)*out;
}

START_TEST(bytes_are_counted_both_ways_and_known_after_the_end)
{
    struct net_pair pair = { .log.quiet = true };

    net_run(&pair, _i, count_bytes);
    ck_assert_int_eq(pair.got[0], 1);
    ck_assert_int_eq(pair.got[1], 1);
    ck_assert_int_eq(pair.got[2], 0);
    ck_assert_int_eq(pair.got[3], 3);
    ck_assert_int_eq(pair.got[4], 40003);
    ck_assert_int_eq(pair.got[5], 1005);
    ck_assert_int_eq(pair.got[6], 40003);
    net_pair_fini(&pair);
}
END_TEST

Suite *suite(void)
{
    Suite *transport = suite_create("net/transport");

    TCase *numbers = tcase_create("marks");
    tcase_add_loop_test(numbers, water_marks_follow_from_each_other_and_wrong_ones_change_nothing, 0,
                        (int)(sizeof marks / sizeof marks[0]));
    tcase_add_loop_test(numbers, water_marks_are_asyncios_at_the_start, 0, NET_KINDS);
    tcase_add_loop_test(numbers, wrong_arguments_are_refused_and_change_nothing, 0, NET_KINDS);
    suite_add_tcase(transport, numbers);

    TCase *ends = tcase_create("ends");
    tcase_add_loop_test(ends, close_tells_the_loss_on_a_later_pass_and_not_inside, 0, NET_WAYS);
    tcase_add_loop_test(ends, connection_lost_comes_once_however_often_one_ends, 0, NET_WAYS);
    tcase_add_loop_test(ends, resume_after_close_is_ignored, 0, NET_WAYS);
    tcase_add_loop_test(ends, connection_made_may_write_and_close, 0, NET_WAYS);
    tcase_add_loop_test(ends, connection_made_may_pause, 0, NET_WAYS);
    tcase_add_loop_test(ends, every_call_is_harmless_after_the_loss, 0, NET_WAYS);
    suite_add_tcase(transport, ends);

    TCase *callbacks = tcase_create("callbacks");
    tcase_add_loop_test(callbacks, a_failing_callback_is_reported_once_and_ends_the_connection_if_it_concerns_input, 0,
                        6 * NET_KINDS);
    tcase_add_loop_test(callbacks, fail_outside_of_a_callback_ends_the_connection_and_the_first_cause_wins, 0, NET_WAYS);
    tcase_add_loop_test(callbacks, a_new_protocol_gets_everything_after_it_and_no_connection_made, 0, NET_WAYS);
    tcase_add_loop_test(callbacks, a_protocol_may_leave_out_every_callback, 0, NET_WAYS);
    suite_add_tcase(transport, callbacks);

    TCase *counts = tcase_create("counts");
    tcase_add_loop_test(counts, bytes_are_counted_both_ways_and_known_after_the_end, 0, NET_WAYS);
    suite_add_tcase(transport, counts);
    return transport;
}
