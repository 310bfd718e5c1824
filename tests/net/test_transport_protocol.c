/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_transport_protocol.c  Protocols that change while they are called, fail while they are called, or are none.
 *
 * A protocol may be replaced inside each of its callbacks, by a plain or a buffered one. Both then have told, together, what
 * one would have told alone: every byte once, every word once, and the second is never told that a connection was made.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/run.h>
#include <weir/server.h>
#include <weir/transport.h>

#include "core/sys_fault.h"
#include "lib/net_pair.h"
#include "lib/net_service.h"
#include "lib/suite.h"
#include "net/transport.h"

#define MUCH ((size_t)300000)

/* --- Changing inside a callback ---------------------------------------------- */

static const struct change {
    enum net_event event;
    const weir_protocol *first, *second;
    const char *before, *after; /* what each was told */
} changes[] = {                 /* C66, BT-15 */
    { NET_MADE, &net_log_plain, &net_log_buffered, "CM", "PW RW ER CL(0)" },
    { NET_MADE, &net_log_buffered, &net_log_plain, "CM", "PW RW ER CL(0)" },
    { NET_PAUSE, &net_log_plain, &net_log_buffered, "CM PW", "RW ER CL(0)" },
    { NET_PAUSE, &net_log_buffered, &net_log_plain, "CM PW", "RW ER CL(0)" },
    { NET_RESUME, &net_log_plain, &net_log_buffered, "CM PW RW", "ER CL(0)" },
    { NET_RESUME, &net_log_buffered, &net_log_plain, "CM PW RW", "ER CL(0)" },
    { NET_DATA, &net_log_plain, &net_log_plain, "CM PW RW", "ER CL(0)" },
    { NET_DATA, &net_log_plain, &net_log_buffered, "CM PW RW", "ER CL(0)" },
    { NET_PLACE, &net_log_buffered, &net_log_plain, "CM PW RW", "ER CL(0)" },
    { NET_PLACE, &net_log_buffered, &net_log_buffered, "CM PW RW", "ER CL(0)" },
    { NET_FILLED, &net_log_buffered, &net_log_plain, "CM PW RW", "ER CL(0)" },
    { NET_FILLED, &net_log_buffered, &net_log_buffered, "CM PW RW", "ER CL(0)" },
    { NET_END, &net_log_plain, &net_log_buffered, "CM PW RW ER", "CL(0)" },
    { NET_END, &net_log_buffered, &net_log_plain, "CM PW RW ER", "CL(0)" },
    { NET_LOST, &net_log_plain, &net_log_buffered, "CM PW RW ER CL(0)", "" },
    { NET_LOST, &net_log_buffered, &net_log_plain, "CM PW RW ER CL(0)", "" },
};
#define CHANGES ((int)(sizeof changes / sizeof changes[0]))

struct changing {
    const struct change *change;
    struct net_log second;
};

static void change_protocol(struct net_log *log, enum net_event event)
{
    struct changing *changing = log->user;

    if (event != changing->change->event)
        return;
    changing->second.transport = log->transport;
    weir_transport_set_protocol(log->transport, changing->change->second, &changing->second);
}

static void live_a_life(struct net_pair *pair)
{
    struct net_log *second = &((struct changing *)pair->log.user)->second;
    unsigned char *bytes = net_pattern_new(MUCH);

    weir_transport_write(pair->near, bytes, MUCH);
    weir_transport_set_write_buffer_limits(pair->near, 1, 0);
    net_far_read(pair, MUCH);
    NET_UNTIL(pair->log.resumes + second->resumes);
    free(bytes);
    net_far_send(pair, "12345678", 8);
    NET_UNTIL(pair->log.len + second->len == 8);
    net_far_eof(pair);
    NET_UNTIL(pair->log.lost || second->lost);
    pair->log.lost = 1;                         /* what net_run waits for */
}

START_TEST(a_protocol_may_be_replaced_inside_each_callback)
{
    const struct change *change = &changes[_i / (NET_KINDS * 2)];
    struct changing changing = { .change = change, .second = { .region = 3, .quiet = true } };
    struct net_pair pair = {
        .protocol = change->first, .log = { .region = 3, .quiet = true, .on = change_protocol, .user = &changing },
    };
    int way = _i / 2 % NET_KINDS * NET_CUTS + (_i % 2 == 0 ? 0 : 2);
    unsigned char all[8];

    net_run(&pair, way, live_a_life);
    ck_assert_str_eq(pair.log.text, change->before);
    ck_assert_str_eq(changing.second.text, change->after);
    ck_assert_uint_eq(pair.log.len + changing.second.len, 8);
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = i < pair.log.len ? pair.log.bytes[i] : changing.second.bytes[i - pair.log.len];
    ck_assert_mem_eq(all, "12345678", 8);
    if (change->event == NET_END || change->event == NET_LOST)
        ck_assert_uint_eq(pair.log.len, 8);
    else if (change->event == NET_DATA || change->event == NET_FILLED)
        ck_assert_uint_gt(pair.log.len, 0);
    else
        ck_assert_uint_eq(pair.log.len, 0);     /* NET_PLACE too: it was asked for room, and got nothing into it */
    net_log_fini(&changing.second);
    net_pair_fini(&pair);
}
END_TEST

static void swap_for_ever(struct net_log *log, enum net_event event)
{
    struct net_log *other = log->user;

    if (event != NET_PLACE)
        return;
    other->transport = log->transport;
    weir_transport_set_protocol(log->transport, &net_log_buffered, other);
}

static void outlast_the_swaps(struct net_pair *pair)
{
    net_far_send(pair, "x", 1);
    net_passes(50);
    pair->got[0] = (long)pair->log.len;
    weir_transport_abort(pair->near);
    struct net_log *other = pair->log.user;
    NET_UNTIL(pair->log.lost || other->lost);
    pair->log.lost = 1;
}

START_TEST(two_protocols_that_replace_each_other_for_ever_stop_nobody_else)
{
    struct net_log other = { .region = 3, .on = swap_for_ever };
    struct net_pair pair = { .protocol = &net_log_buffered, .log = { .region = 3, .on = swap_for_ever, .user = &other } };

    other.user = &pair.log;
    net_run(&pair, _i * NET_CUTS, outlast_the_swaps);
    ck_assert_int_eq(pair.got[0], 0);
    net_log_fini(&other);
    net_pair_fini(&pair);
}
END_TEST

/* --- Failing in a buffered protocol's callbacks --------------------------------- */

static void send_one(struct net_pair *pair)
{
    net_far_send(pair, "x", 1);
    NET_UNTIL(pair->log.lost);
}

/* C67, PR-9, B15: those of a plain protocol are in test_transport.c. */
START_TEST(get_buffer_and_buffer_updated_that_fail_end_the_connection)
{
    bool place = _i % 2 == 0;
    struct net_pair pair = {
        .protocol = &net_log_buffered, .log = { .region = 8, .fails = 1u << (place ? NET_PLACE : NET_FILLED) },
    };

    net_run(&pair, _i / 2, send_one);
    ck_assert_str_eq(pair.log.text, place ? "CM CL(EPERM)" : "CM BU(x) CL(EPERM)");
    ck_assert_uint_eq(pair.reports, 1);
    ck_assert_int_eq(pair.report, -EPERM);
    ck_assert_uint_eq(pair.log.hint, WEIR_UNSET);       /* PR-6: a socket does not know how much there is */
    net_pair_fini(&pair);
}
END_TEST

static void fail_without_a_code(struct net_pair *pair)
{
    weir_transport_fail(pair->near, (int)pair->got[7], "no code at all");
    NET_UNTIL(pair->log.lost);
}

START_TEST(a_failure_without_a_code_is_no_regular_close)
{
    struct net_pair pair = { .got[7] = _i };    /* 0 and 1 */

    net_run(&pair, NET_MEMORY * NET_CUTS, fail_without_a_code);
    ck_assert_str_eq(pair.log.text, "CM CL(EINVAL)");
    ck_assert_int_eq(pair.report, -EINVAL);
    net_pair_fini(&pair);
}
END_TEST

/* --- Where callbacks run --------------------------------------------------------- */

static void note_the_task(struct net_log *log, enum net_event event)
{
    struct net_pair *pair = log->user;

    pair->got[event] = weir_current_task() != NULL ? 2 : 1;
}

static void live_with_notes(struct net_pair *pair)
{
    unsigned char *bytes = net_pattern_new(MUCH);

    weir_transport_write(pair->near, bytes, MUCH);
    weir_transport_set_write_buffer_limits(pair->near, 1, 0);
    free(bytes);
    net_far_read(pair, MUCH);
    net_far_send(pair, "x", 1);
    NET_UNTIL(pair->log.resumes && pair->log.len);
    net_far_eof(pair);
    NET_UNTIL(pair->log.lost);
}

/* PR-2: on the loop's own stack; pause_writing alone inside the call that went over the mark. */
START_TEST(callbacks_run_in_no_task_but_pause_writing)
{
    struct net_pair pair = { .log = { .on = note_the_task, .user = &pair } };

    net_run(&pair, _i * NET_CUTS, live_with_notes);
    for (int event = NET_MADE; event <= NET_LOST; event++)
        ck_assert_int_eq(pair.got[event], event == NET_PAUSE ? 2 : 1);
    net_pair_fini(&pair);
}
END_TEST

/* --- Wrong arguments ------------------------------------------------------------- */

static void set_no_protocol(struct net_pair *pair)
{
    weir_transport_set_protocol(pair->near, NULL, NULL);
    net_far_send(pair, "x", 1);
    NET_UNTIL(pair->log.len == 1);
}

START_TEST(no_protocol_is_set_in_the_place_of_one)
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i * NET_CUTS, set_no_protocol);
    ck_assert_str_eq(pair.log.text, "CM DR(x) CL(0)");
    net_pair_fini(&pair);
}
END_TEST

static int make_nothing(void *arg, const weir_protocol **protocol, void **self)
{
    (void)arg, (void)protocol, (void)self;
    return 0;
}

static int ask_for_wrong_pairs(void *arg)
{
    int *got = arg;
    struct net_log log = { 0 };
    weir_transport *a = NULL, *b = NULL;

    got[0] = weir_memory_pair(NULL, NULL, &a, net_log_factory, &log, &b, 0);
    got[1] = weir_memory_pair(net_log_factory, &log, &a, NULL, NULL, &b, 0);
    got[2] = weir_memory_pair(make_nothing, NULL, &a, net_log_factory, &log, &b, 0);
    got[3] = weir_memory_pair(net_log_factory, &log, &a, make_nothing, NULL, &b, 0);
    got[4] = a == NULL && b == NULL && log.made == 0;
    return 0;
}

START_TEST(a_pair_without_a_factory_or_a_protocol_is_refused)
{
    int got[5];

    ck_assert_int_eq(weir_run(ask_for_wrong_pairs, got), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(got[i], i < 2 ? -EINVAL : WEIR_ESTATE);
    ck_assert_int_eq(got[4], 1);
}
END_TEST

static void count_report(weir_loop *loop, int code, const char *message, void *arg)
{
    (void)loop, (void)message;
    *(int *)arg += code == WEIR_ESTATE;
}

static int connect_without_a_protocol(void *arg)
{
    int *got = arg;
    weir_loop *loop = weir_get_running_loop();
    weir_transport *t = NULL;
    weir_server *server;
    uint16_t port;
    char byte;

    int listener = net_listen(1, &port);
    got[0] = weir_loop_create_connection(loop, make_nothing, NULL, "127.0.0.1", port, NULL, &t);
    got[1] = t == NULL;
    close(listener);

    got[3] = 0;
    weir_loop_set_exception_handler(loop, count_report, &got[3]);
    got[2] = weir_loop_create_server(loop, make_nothing, NULL, "127.0.0.1", 0, NULL, &server);
    int fd = net_connect(net_service_port(server));
    got[4] = (int)net_raw_recv(fd, &byte, 1);   /* dropped (SV-13) */
    close(fd);
    weir_server_free(server);
    return 0;
}

START_TEST(a_connection_without_a_protocol_is_dropped_and_nothing_stays_open)
{
    int got[5], before = net_open_descriptors();

    ck_assert_int_eq(weir_run(connect_without_a_protocol, got), 0);
    ck_assert_int_eq(got[0], WEIR_ESTATE);
    ck_assert_int_eq(got[1], 1);
    ck_assert_int_eq(got[2], 0);
    ck_assert_int_eq(got[3], 1);
    ck_assert_int_eq(got[4], 0);
    net_check_descriptors(before);
}
END_TEST

/* --- Before the start ------------------------------------------------------------- */

static void abort_when_made(struct net_log *log, enum net_event event)
{
    if (event == NET_MADE)
        weir_transport_abort(log->transport);
}

static int fail_before_the_start(void *arg)
{
    struct net_log *logs = arg;
    weir_transport *a, *b;

    int code = weir_memory_pair(net_log_factory, &logs[0], &a, net_log_factory, &logs[1], &b, 0);
    if (code < 0)
        return code;
    weir__fault_begin(&(struct fault_plan) { .fail_at = 1, .only = 1ULL << SYS_SEND, .code = -ENETUNREACH });
    weir_transport_write(a, "x", 1);
    weir_transport_flush(a);
    weir_transport_abort(a);
    NET_UNTIL(logs[0].lost && logs[1].lost);
    weir__fault_end();
    return 0;
}

/* BT-7: what was lost before it was made is lost with that, though it is aborted before and while it is made. */
START_TEST(a_failure_before_the_start_is_the_first_cause)
{
    struct net_log logs[2] = { { .on = abort_when_made } };

    ck_assert_int_eq(weir_run(fail_before_the_start, logs), 0);
    ck_assert_str_eq(logs[0].text, "CM CL(ENETUNREACH)");
    ck_assert_str_eq(logs[1].text, "CM ER CL(0)");
}
END_TEST

Suite *suite(void)
{
    Suite *protocol = suite_create("net/transport, its protocol");

    TCase *change = tcase_create("changing");
    tcase_add_loop_test(change, a_protocol_may_be_replaced_inside_each_callback, 0, CHANGES * NET_KINDS * 2);
    tcase_add_loop_test(change, two_protocols_that_replace_each_other_for_ever_stop_nobody_else, 0, NET_KINDS);
    suite_add_tcase(protocol, change);

    TCase *fail = tcase_create("failing");
    tcase_add_loop_test(fail, get_buffer_and_buffer_updated_that_fail_end_the_connection, 0, 2 * NET_WAYS);
    tcase_add_loop_test(fail, a_failure_without_a_code_is_no_regular_close, 0, 2);
    tcase_add_loop_test(fail, callbacks_run_in_no_task_but_pause_writing, 0, NET_KINDS);
    suite_add_tcase(protocol, fail);

    TCase *wrong = tcase_create("wrong");
    tcase_add_loop_test(wrong, no_protocol_is_set_in_the_place_of_one, 0, NET_KINDS);
    tcase_add_test(wrong, a_pair_without_a_factory_or_a_protocol_is_refused);
    tcase_add_test(wrong, a_connection_without_a_protocol_is_dropped_and_nothing_stays_open);
    tcase_add_test(wrong, a_failure_before_the_start_is_the_first_cause);
    suite_add_tcase(protocol, wrong);
    return protocol;
}
