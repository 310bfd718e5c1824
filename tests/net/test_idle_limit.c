/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_idle_limit.c  What net/idle_limit.c promises: who says nothing is lost, on time; who says something is not.
 *
 * Time is the test's own: it stands still while there is anything to do. Callers are raw sockets.
 */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/run.h>

#include "lib/clock.h"
#include "lib/each_fault.h"
#include "lib/net_service.h"
#include "lib/suite.h"

#define LIMIT 10.0              /* seconds, of every server here that has one */
#define CALLERS 8
/* libev waits in milliseconds, rounded up, and the fake clock moves by what it waits. */
#define A_PASS 0.002

struct seen {
    weir_transport *transport;
    int code, lost;             /* of connection_lost */
    double at;
};

struct scene {
    weir_server *server;
    weir_server_options opts;
    struct seen seen[CALLERS];
    int fds[CALLERS];
    int made;
    long got[8];
};

static void on_made(void *self, weir_transport *transport)
{
    struct seen *seen = self;

    seen->transport = transport;
}

static void on_lost(void *self, int code)
{
    struct seen *seen = self;

    seen->transport = NULL;
    seen->code = code;
    seen->lost++;
    seen->at = clock_now();
}

static int factory(void *arg, const weir_protocol **protocol, void **self)
{
    static const weir_protocol watching = { .connection_made = on_made, .connection_lost = on_lost };
    struct scene *s = arg;

    *protocol = &watching;
    *self = &s->seen[s->made++];
    return 0;
}

static void open_scene(struct scene *s, int callers)
{
    ck_assert_int_eq(weir_loop_create_server(weir_get_running_loop(), factory, s, "127.0.0.1", 0, &s->opts, &s->server), 0);
    for (int i = 0; i < callers; i++) {
        s->fds[i] = net_connect(net_service_port(s->server));
        NET_UNTIL(s->made == i + 1);
    }
}

static void close_scene(struct scene *s)
{
    weir_server_close(s->server);
    for (int i = 0; i < CALLERS && s->fds[i] > 0; i++)
        close(s->fds[i]);
    weir_server_wait_closed(s->server);
    weir_server_free(s->server);
}

static void check_idled_out(const struct seen *seen, double due)
{
    ck_assert_int_eq(seen->lost, 1);
    ck_assert_int_eq(seen->code, -ETIMEDOUT);
    ck_assert_double_ge(seen->at, due);
    ck_assert_double_le(seen->at, due + A_PASS);
}

static void sleep_until(double when)
{
    while (clock_now() < when)
        weir_sleep(when - clock_now());
}

/* --- On time ---------------------------------------------------------------------- */

static int say_nothing_at_all(void *arg)
{
    struct scene *s = arg;

    open_scene(s, 1);
    if (s->got[7] != 0) {                       /* nearly nothing, and still it counts */
        weir_sleep(0.004);
        net_raw_send(s->fds[0], "x", 1);
    }
    weir_sleep(LIMIT - A_PASS);
    s->got[0] = s->seen[0].lost;
    weir_sleep(5);
    s->got[1] = (long)net_raw_recv(s->fds[0], &s->got[2], 1);   /* the end, or a reset: no byte */
    close_scene(s);
    return 0;
}

START_TEST(a_silent_connection_is_lost_when_its_time_is_up_and_not_before)      /* decision 21 */
{
    struct scene s = { .opts.idle_timeout = LIMIT, .got[7] = _i };
    int before = net_open_descriptors();

    clock_fake();
    ck_assert_int_eq(weir_run(say_nothing_at_all, &s), 0);
    ck_assert_int_eq(s.got[0], 0);
    ck_assert_int_eq(s.got[1], 0);
    check_idled_out(&s.seen[0], LIMIT + (_i == 1 ? 0.004 : 0));
    net_check_descriptors(before);
}
END_TEST

static int talk_in_time(void *arg)
{
    struct scene *s = arg;

    open_scene(s, 1);
    for (int i = 1; i <= 3; i++) {
        sleep_until(7 * i);
        if (s->got[7] == 0)
            net_raw_send(s->fds[0], "x", 1);
        else
            weir_transport_write(s->seen[0].transport, "x", 1);
    }
    sleep_until(100);
    close_scene(s);
    return 0;
}

START_TEST(a_byte_either_way_starts_the_time_anew)
{
    struct scene s = { .opts.idle_timeout = LIMIT, .got[7] = _i };

    clock_fake();
    ck_assert_int_eq(weir_run(talk_in_time, &s), 0);
    check_idled_out(&s.seen[0], 21 + LIMIT);
}
END_TEST

/* Many at once, each with a last word of its own, in an order that is not that of their coming: a list in the order of
 * coming, or of waking, would find some too late. */
static int talk_in_turns(void *arg)
{
    struct scene *s = arg;

    open_scene(s, CALLERS);
    for (int i = 1; i <= CALLERS; i++) {
        sleep_until(0.9 * i);
        net_raw_send(s->fds[i * 5 % CALLERS], "x", 1);
    }
    sleep_until(LIMIT + 0.1);                   /* and one of them again, after its timer has looked once */
    net_raw_send(s->fds[0], "x", 1);
    sleep_until(100);
    close_scene(s);
    return 0;
}

START_TEST(each_connection_has_its_own_time)
{
    struct scene s = { .opts.idle_timeout = LIMIT };

    clock_fake();
    ck_assert_int_eq(weir_run(talk_in_turns, &s), 0);
    for (int i = 1; i <= CALLERS; i++) {
        if (i * 5 % CALLERS != 0)
            check_idled_out(&s.seen[i * 5 % CALLERS], 0.9 * i + LIMIT);
    }
    check_idled_out(&s.seen[0], LIMIT + 0.1 + LIMIT);
}
END_TEST

static int never_read(void *arg)
{
    static char much[8000000];
    struct scene *s = arg;

    open_scene(s, 1);
    weir_transport_write(s->seen[0].transport, much, sizeof much);
    s->got[0] = weir_transport_get_write_buffer_size(s->seen[0].transport) > 0;
    if (s->got[7] != 0)
        weir_transport_close(s->seen[0].transport);     /* and flush what there is: that may hang too */
    weir_sleep(100);
    close_scene(s);
    return 0;
}

START_TEST(a_peer_that_takes_nothing_is_idle)
{
    struct scene s = { .opts.idle_timeout = LIMIT, .got[7] = _i };

    clock_fake();
    ck_assert_int_eq(weir_run(never_read, &s), 0);
    ck_assert_int_eq(s.got[0], 1);
    check_idled_out(&s.seen[0], LIMIT);
}
END_TEST

/* --- No limit ------------------------------------------------------------------------ */

static int wait_long(void *arg)
{
    struct scene *s = arg;

    open_scene(s, 1);
    weir_sleep(1e6);
    s->got[0] = s->seen[0].lost;
    close_scene(s);
    return 0;
}

START_TEST(without_a_limit_a_connection_may_be_silent_for_ever)
{
    static const double none[] = { 0, 1e300, INFINITY };
    struct scene s = { .opts.idle_timeout = none[_i] };

    clock_fake();
    ck_assert_int_eq(weir_run(wait_long, &s), 0);
    ck_assert_int_eq(s.got[0], 0);
    ck_assert_int_eq(s.seen[0].code, 0);
}
END_TEST

/* --- Ends and failures ------------------------------------------------------------------ */

static int end_by_itself(void *arg)
{
    struct scene *s = arg;

    open_scene(s, 3);
    weir_transport_close(s->seen[0].transport);
    weir_transport_abort(s->seen[1].transport);
    close(s->fds[2]);                           /* the third one goes, and its descriptor's number is used again */
    NET_UNTIL(s->seen[0].lost + s->seen[1].lost + s->seen[2].lost == 3);
    s->fds[2] = net_connect(net_service_port(s->server));
    NET_UNTIL(s->made == 4);
    weir_sleep(LIMIT / 2);
    close_scene(s);
    return 0;
}

START_TEST(a_connection_that_ends_first_takes_its_limit_along)
{
    struct scene s = { .opts.idle_timeout = LIMIT };
    int before = net_open_descriptors();

    clock_fake();
    ck_assert_int_eq(weir_run(end_by_itself, &s), 0);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(s.seen[i].lost, 1);
        ck_assert_int_eq(s.seen[i].code, 0);
    }
    net_check_descriptors(before);
}
END_TEST

static int idle_once(void *arg)
{
    struct scene s = { .opts.idle_timeout = LIMIT };
    int code = weir_loop_create_server(weir_get_running_loop(), factory, &s, "127.0.0.1", 0, &s.opts, &s.server);

    (void)arg;
    if (code < 0)
        return code;
    s.fds[0] = net_connect(net_service_port(s.server));
    for (int i = 0; i < 20 && s.made == 0; i++)
        (void)weir_yield();                     /* a connection that could not be made leaves no trace here */
    if (weir_sleep(LIMIT * 2) == 0)
        ck_assert_ptr_null(s.seen[0].transport);        /* none stays without its limit */
    close(s.fds[0]);
    if (s.seen[0].lost == 1)
        code = s.seen[0].code == -ETIMEDOUT ? 0 : s.seen[0].code;
    weir_server_free(s.server);
    return code;
}

static int run_idle_once(void *arg)
{
    return weir_run(idle_once, arg);
}

START_TEST(whatever_call_fails_a_connection_without_its_limit_does_not_stay)
{
    int before = net_open_descriptors();

    clock_fake();
    ck_assert_uint_gt(each_fault(FAULT_ANY & ~(FAULT_OF(SYS_READ) | FAULT_OF(SYS_GETSOCKNAME)), _i == 1, run_idle_once, NULL), 10);
    net_check_descriptors(before);
}
END_TEST

Suite *suite(void)
{
    Suite *idle = suite_create("net/idle_limit");

    TCase *time = tcase_create("time");
    tcase_add_loop_test(time, a_silent_connection_is_lost_when_its_time_is_up_and_not_before, 0, 2);
    tcase_add_loop_test(time, a_byte_either_way_starts_the_time_anew, 0, 2);
    tcase_add_test(time, each_connection_has_its_own_time);
    tcase_add_loop_test(time, a_peer_that_takes_nothing_is_idle, 0, 2);
    tcase_add_loop_test(time, without_a_limit_a_connection_may_be_silent_for_ever, 0, 3);
    suite_add_tcase(idle, time);

    TCase *ends = tcase_create("ends");
    tcase_add_test(ends, a_connection_that_ends_first_takes_its_limit_along);
    tcase_add_loop_test(ends, whatever_call_fails_a_connection_without_its_limit_does_not_stay, 0, 2);
    suite_add_tcase(idle, ends);
    return idle;
}
