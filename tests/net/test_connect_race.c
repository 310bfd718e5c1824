/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_connect_race.c  What net/connect_race.c promises: one connected socket out of several addresses, and every
 * other descriptor closed.
 *
 * When which attempt begins is tried without sockets in test_eyeballs.c. Here the kernel answers, refuses or says nothing
 * (lib/net_ports.h), and time is the test's.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/run.h>

#include "core/sys_fault.h"
#include "lib/clock.h"
#include "lib/net_pair.h"
#include "lib/net_ports.h"
#include "lib/suite.h"
#include "net/connect_race.h"

struct scene {
    struct net_ports ports;
    struct address_list from;
    double delay, limit;        /* limit: of a scope around it; 0: none */
    struct connected connected;
    weir_address local;         /* of the socket that was connected */
    int  code, later, nodelay;
    char detail[512];
    double seconds;             /* that it took */
    double cut;                 /* after so many it is cancelled */
    int  passes;
    uint64_t seen[4];           /* connects begun, when it was looked */
    char peer[64];              /* of the dump */
};

static int race(void *arg)
{
    struct scene *s = arg;
    struct race_plan plan = { .to = &s->ports.list, .from = &s->from, .delay = s->delay };
    double since = clock_now();
    weir_timeout limit;

    s->connected.fd = -1;
    weir_timeout_begin(&limit, s->limit > 0 ? s->limit : 1e9);
    s->code = weir__race(weir_get_running_loop(), &plan, &s->connected);
    snprintf(s->detail, sizeof s->detail, "%s", s->code < 0 ? weir_error_detail() : "");
    weir_timeout_end(&limit);
    s->seconds = clock_now() - since;
    if (s->connected.fd >= 0) {
        socklen_t len = sizeof s->nodelay;
        getsockopt(s->connected.fd, IPPROTO_TCP, TCP_NODELAY, &s->nodelay, &len);
        s->local.len = sizeof s->local.storage;
        getsockname(s->connected.fd, (void *)&s->local.storage, &s->local.len);
        close(s->connected.fd);
    }
    s->later = weir_yield();
    return 0;
}

/* Run it; every descriptor is closed after that, and the connects that were begun are counted. */
static void run_race(struct scene *s, const char *kinds)
{
    net_ports_open(&s->ports, kinds);
    int before = net_open_descriptors();

    clock_fake();
    weir__fault_begin(&(struct fault_plan) { 0 });
    ck_assert_int_eq(weir_run(race, s), 0);
    weir__fault_end();
    net_check_descriptors(before);
}

static void check_peer(const struct scene *s, const char *host)
{
    char name[WEIR_ADDRESS_MAX], expected[WEIR_ADDRESS_MAX];

    snprintf(expected, sizeof expected, "%s:%u", host, s->ports.port);
    ck_assert_str_eq(weir_address_format(&s->connected.peer, name, sizeof name), expected);
}

static void check_told(const struct scene *s, int host, const char *why)
{
    char expected[128];

    snprintf(expected, sizeof expected, "127.0.0.%d:%u: %s", host, s->ports.port, why);
    ck_assert_msg(strstr(s->detail, expected) != NULL, "\"%s\" is not in \"%s\"", expected, s->detail);
}

/* --- Who wins ------------------------------------------------------------------- */

static const struct {
    const char *kinds;
    double delay;
    const char *winner;
    uint64_t connects;          /* that were begun */
    double seconds;
} races[] = {                   /* OC-4, OC-7, C84, C86 */
    { "a", 0, "127.0.0.1", 1, 0 },
    { "ra", 0, "127.0.0.2", 2, 0 },
    { "rra", 0, "127.0.0.3", 3, 0 },
    { "aa", 0, "127.0.0.1", 1, 0 },
    { "aa", 0.2, "127.0.0.1", 1, 0 },
    { "ra", 0.2, "127.0.0.2", 2, 0 },
    { "ha", 0.2, "127.0.0.2", 2, 0.2 },
    { "hra", 0.2, "127.0.0.3", 3, 0.2 },
    { "hha", 0.2, "127.0.0.3", 3, 0.4 },
    { "hhhhha", 0.25, "127.0.0.6", 6, 1.25 },
    { "haa", 0.2, "127.0.0.2", 2, 0.2 },
    { "ha", 1e-12, "127.0.0.2", 2, 0 },
};

START_TEST(the_first_that_answers_counts)
{
    struct scene s = { .delay = races[_i].delay };

    run_race(&s, races[_i].kinds);
    ck_assert_int_eq(s.code, 0);
    check_peer(&s, races[_i].winner);
    ck_assert_uint_eq(weir__fault_seen(SYS_CONNECT), races[_i].connects);
    ck_assert_double_ge(s.seconds, races[_i].seconds - 1e-6);
    ck_assert_double_le(s.seconds, races[_i].seconds + 0.02);
    ck_assert_int_eq(s.nodelay, 1);
    ck_assert_int_eq(s.later, 0);
    net_ports_close(&s.ports);
}
END_TEST

static int watch_the_race(void *arg)
{
    struct scene *s = arg;
    static const double at[] = { 0.1, 0.19, 0.21, 0.35 };
    weir_task *task = weir_create_task(race, s);

    for (int i = 0; i < 4; i++) {
        weir_sleep(at[i] - clock_now());
        s->seen[i] = weir__fault_seen(SYS_CONNECT);
    }
    weir_task_join(task);
    weir_task_unref(task);
    return 0;
}

START_TEST(the_next_begins_after_the_delay_and_not_before)      /* C86 */
{
    struct scene s = { .delay = 0.2 };

    net_ports_open(&s.ports, "hrha");
    clock_fake();
    weir__fault_begin(&(struct fault_plan) { 0 });
    ck_assert_int_eq(weir_run(watch_the_race, &s), 0);
    weir__fault_end();
    ck_assert_uint_eq(s.seen[0], 1);
    ck_assert_uint_eq(s.seen[1], 1);
    ck_assert_uint_eq(s.seen[2], 3);            /* the second is refused at once, which is the third's turn */
    ck_assert_uint_eq(s.seen[3], 3);
    ck_assert_int_eq(s.code, 0);
    check_peer(&s, "127.0.0.4");
    net_ports_close(&s.ports);
}
END_TEST

/* An earlier one that answers late wins as well: here its queue grows while the next one hangs. */
static int let_the_first_in(void *arg)
{
    struct scene *s = arg;
    weir_task *task = weir_create_task(race, s);

    NET_UNTIL(weir__fault_seen(SYS_CONNECT) == 2);
    listen(s->ports.holders[0], 100);           /* the kernel sends the SYN again after a second of its own time */
    weir_task_join(task);
    weir_task_unref(task);
    return 0;
}

START_TEST(an_earlier_one_may_win_after_all)    /* OC-7 */
{
    struct scene s = { .delay = 0.01 };
    int before;

    net_ports_open(&s.ports, "hh");
    before = net_open_descriptors();
    weir__fault_begin(&(struct fault_plan) { 0 });
    ck_assert_int_eq(weir_run(let_the_first_in, &s), 0);
    weir__fault_end();
    ck_assert_int_eq(s.code, 0);
    check_peer(&s, "127.0.0.1");
    net_check_descriptors(before);
    net_ports_close(&s.ports);
}
END_TEST

START_TEST(families_are_tried_beside_each_other)
{
    struct scene s = { .delay = 0.2 };

    if (!net_has_ipv6("a connect that falls back from IPv6 to IPv4"))
        return;
    run_race(&s, _i == 0 ? "Ha" : "hA");
    ck_assert_int_eq(s.code, 0);
    check_peer(&s, _i == 0 ? "127.0.0.2" : "[::1]");
    net_ports_close(&s.ports);
}
END_TEST

/* --- Nobody wins ------------------------------------------------------------------ */

START_TEST(when_none_answers_the_first_code_counts_and_all_are_told)    /* OC-5, decision 7, C84 */
{
    struct scene s = { .delay = _i == 0 ? 0 : 0.2 };

    run_race(&s, "rrr");
    ck_assert_int_eq(s.code, -ECONNREFUSED);
    for (int host = 1; host <= 3; host++)
        check_told(&s, host, "Connection refused");
    ck_assert_uint_eq(weir__fault_seen(SYS_CONNECT), 3);
    net_ports_close(&s.ports);
}
END_TEST

static int refuse_the_first_late(void *arg)
{
    struct scene *s = arg;
    weir_task *task = weir_create_task(race, s);

    NET_UNTIL(weir__fault_seen(SYS_CONNECT) == 2);
    close(s->ports.holders[0]);                 /* so that the kernel's next SYN, after a second of its own time, is refused */
    s->ports.holders[0] = -1;
    weir_task_join(task);
    weir_task_unref(task);
    return 0;
}

START_TEST(the_code_is_the_first_addresss_and_not_the_first_that_failed)        /* decision 7 */
{
    struct scene s = { .delay = 0.01 };

    net_ports_open(&s.ports, "hr");
    weir__fault_begin(&(struct fault_plan) { .fail_at = 2, .only = 1ULL << SYS_CONNECT, .code = -EHOSTUNREACH });
    ck_assert_int_eq(weir_run(refuse_the_first_late, &s), 0);
    weir__fault_end();
    ck_assert_int_eq(s.code, -ECONNREFUSED);
    check_told(&s, 1, "Connection refused");
    check_told(&s, 2, "No route to host");
    net_ports_close(&s.ports);
}
END_TEST

START_TEST(nowhere_to_go_is_an_error)
{
    struct scene s = { .delay = 0.2 };

    run_race(&s, "");
    ck_assert_int_eq(s.code, WEIR_ERESOLVE);
    ck_assert_str_ne(s.detail, "");
}
END_TEST

START_TEST(out_of_time_it_is_told_who_has_not_answered)
{
    struct scene s = { .delay = 0.2, .limit = 1 };

    run_race(&s, "hrh");
    ck_assert_int_eq(s.code, -ETIMEDOUT);
    ck_assert_double_ge(s.seconds, 1 - 1e-6);
    ck_assert_double_le(s.seconds, 1.02);
    check_told(&s, 1, "no answer yet");
    check_told(&s, 2, "Connection refused");
    check_told(&s, 3, "no answer yet");
    ck_assert_int_eq(s.later, 0);
    net_ports_close(&s.ports);
}
END_TEST

/* --- From where --------------------------------------------------------------------- */

static void come_from(struct scene *s, const char *host, uint16_t port)
{
    weir_address address;

    ck_assert_int_eq(weir_address_parse(&address, host, port), 0);
    ck_assert_int_eq(weir__address_list_add(&s->from, (const void *)&address.storage, address.len), 0);
}

static void end_from(struct scene *s)
{
    weir__address_list_fini(&s->from);
    net_ports_close(&s->ports);
}

START_TEST(the_local_address_is_bound)          /* C85, OC-6 */
{
    struct scene s = { 0 };
    char name[WEIR_ADDRESS_MAX];

    come_from(&s, "127.0.0.3", 0);
    run_race(&s, "a");
    ck_assert_int_eq(s.code, 0);
    weir_address_format(&s.local, name, sizeof name);
    ck_assert_int_eq(strncmp(name, "127.0.0.3:", 10), 0);
    end_from(&s);
}
END_TEST

START_TEST(the_first_local_address_that_can_be_bound_counts)    /* OC-6 */
{
    struct scene s = { 0 };
    char name[WEIR_ADDRESS_MAX];

    come_from(&s, "::1", 0);                    /* of another family: passed over */
    come_from(&s, "198.51.100.1", 0);              /* not ours */
    come_from(&s, "127.0.0.4", 0);
    come_from(&s, "127.0.0.5", 0);
    run_race(&s, "a");
    ck_assert_int_eq(s.code, 0);
    weir_address_format(&s.local, name, sizeof name);
    ck_assert_int_eq(strncmp(name, "127.0.0.4:", 10), 0);
    end_from(&s);
}
END_TEST

START_TEST(a_local_port_in_use_is_named)        /* C85 */
{
    struct scene s = { 0 };
    struct net_ports taken;
    char expected[64];

    net_ports_open(&taken, "r");                /* held; the others are opened after it, and are those that are watched */
    come_from(&s, "127.0.0.1", taken.port);
    run_race(&s, "a");
    ck_assert_int_eq(s.code, -EADDRINUSE);
    snprintf(expected, sizeof expected, "from 127.0.0.1:%u: Address already in use", taken.port);
    check_told(&s, 1, expected);
    ck_assert_uint_eq(weir__fault_seen(SYS_CONNECT), 0);
    net_ports_close(&taken);
    end_from(&s);
}
END_TEST

START_TEST(a_local_address_of_another_family_is_no_help)        /* C85 */
{
    struct scene s = { 0 };

    come_from(&s, "::1", 0);
    run_race(&s, "aa");
    ck_assert_int_eq(s.code, -EADDRNOTAVAIL);
    check_told(&s, 1, "there is no local address of its family");
    check_told(&s, 2, "there is no local address of its family");
    ck_assert_uint_eq(weir__fault_seen(SYS_CONNECT), 0);
    end_from(&s);
}
END_TEST

START_TEST(a_local_address_that_is_not_ours_is_named)   /* C85 */
{
    struct scene s = { 0 };

    come_from(&s, "198.51.100.1", 0);
    run_race(&s, "a");
    ck_assert_int_eq(s.code, -EADDRNOTAVAIL);
    check_told(&s, 1, "from 198.51.100.1:0: Cannot assign requested address");
    end_from(&s);
}
END_TEST

/* What fails on this side counts as that address's failure, and the next one is tried. */
START_TEST(a_local_failure_is_one_attempts)     /* OC-6 */
{
    struct scene s = { .delay = 100 };

    if (!net_has_ipv6("a local address that fits the second address only"))
        return;
    come_from(&s, "127.0.0.3", 0);
    run_race(&s, "Aa");
    ck_assert_int_eq(s.code, 0);
    check_peer(&s, "127.0.0.2");
    ck_assert_double_lt(s.seconds, 0.1);
    end_from(&s);
}
END_TEST

/* --- Cuts ----------------------------------------------------------------------------- */

static int cancel_in_time(void *arg)
{
    struct scene *s = arg;
    weir_task *task = weir_create_task(race, s);

    weir_sleep(s->cut);
    weir_task_cancel(task);
    weir_task_join(task);
    weir_task_unref(task);
    return 0;
}

START_TEST(cancelled_at_any_time_it_closes_all) /* OC-10 */
{
    struct scene s = { .delay = 0.1, .cut = 0.025 + 0.05 * _i };

    net_ports_open(&s.ports, "hhhhh");
    int before = net_open_descriptors();
    clock_fake();
    weir__fault_begin(&(struct fault_plan) { 0 });
    ck_assert_int_eq(weir_run(cancel_in_time, &s), 0);
    weir__fault_end();
    ck_assert_int_eq(s.code, -ECANCELED);
    ck_assert_int_eq((int)weir__fault_seen(SYS_CONNECT), _i > 9 ? 5 : _i / 2 + 1);
    net_check_descriptors(before);
    net_ports_close(&s.ports);
}
END_TEST

static int leave_it_running(void *arg)
{
    weir_task_unref(weir_create_task(race, arg));
    weir_sleep(0.35);
    return 0;
}

START_TEST(the_end_of_the_loop_closes_all)      /* fault 37 */
{
    struct scene s = { .delay = 0.1 };

    net_ports_open(&s.ports, "hhhhh");
    int before = net_open_descriptors();
    clock_fake();
    ck_assert_int_eq(weir_run(leave_it_running, &s), 0);
    ck_assert_int_eq(s.code, -ECANCELED);
    net_check_descriptors(before);
    net_ports_close(&s.ports);
}
END_TEST

static void note_peer(const weir_task_info *info, void *arg)
{
    struct scene *s = arg;
    char text[WEIR_ADDRESS_MAX];

    if (strcmp(info->waits_for, "connect") == 0 && info->peer != NULL)
        snprintf(s->peer, sizeof s->peer, "%s", weir_address_format(info->peer, text, sizeof text));
}

static int dump_it(void *arg)
{
    struct scene *s = arg;
    weir_task *task = weir_create_task(race, s);

    weir_sleep(s->cut);
    weir_tasks_dump(false, note_peer, s);
    weir_task_cancel(task);
    weir_task_join(task);
    weir_task_unref(task);
    return 0;
}

START_TEST(a_dump_has_the_latest_that_is_being_tried)
{
    struct scene s = { .delay = 0.1, .cut = _i == 0 ? 0.05 : 0.25 };
    char expected[64];

    net_ports_open(&s.ports, "hhr");            /* the third has failed by then */
    clock_fake();
    ck_assert_int_eq(weir_run(dump_it, &s), 0);
    snprintf(expected, sizeof expected, "127.0.0.%d:%u", _i + 1, s.ports.port);
    ck_assert_str_eq(s.peer, expected);
    net_ports_close(&s.ports);
}
END_TEST

/* --- Failing calls ---------------------------------------------------------------------- */

static const char *const failing[] = { "hra", "rha", "hh" };

START_TEST(whatever_call_fails_nothing_stays_open)      /* faults 2, 3, 26 */
{
    struct scene s = { .delay = 0.2, .limit = 1 };
    uint64_t failed, n = 0;

    come_from(&s, "127.0.0.3", 0);
    net_ports_open(&s.ports, failing[_i / 2]);
    int before = net_open_descriptors();
    clock_fake();
    do {
        weir__fault_begin(&(struct fault_plan) { .fail_at = ++n, .from_then_on = _i % 2 == 1,
                                                 .only = ~(1ULL << SYS_WRITE | 1ULL << SYS_READ) });
        int code = weir_run(race, &s);
        failed = weir__fault_end();
        if (failed == 0)
            ck_assert_int_eq(code < 0 ? code : s.code, _i / 2 == 2 ? -ETIMEDOUT : 0);
        net_check_descriptors(before);
    } while (failed > 0);
    ck_assert_uint_gt(n, 12);
    end_from(&s);
}
END_TEST

static int race_unwatched(void *arg)
{
    struct scene *s = arg;

    net_passes(2);                              /* until the loop's own descriptors are watched */
    epoll_ctl_fail(1, ENOMEM);
    return race(s);
}

/* Fault 3: libev says so with the same call that would say "connected". */
START_TEST(one_that_cannot_be_watched_is_not_taken_for_connected)
{
    struct scene s = { .delay = 0.2 };

    net_ports_open(&s.ports, "ha");
    int before = net_open_descriptors();
    clock_fake();
    ck_assert_int_eq(weir_run(race_unwatched, &s), 0);
    ck_assert_int_eq(s.code, 0);
    check_peer(&s, "127.0.0.2");
    net_check_descriptors(before);
    net_ports_close(&s.ports);
}
END_TEST

Suite *suite(void)
{
    Suite *races_suite = suite_create("net/connect_race");

    TCase *winning = tcase_create("winning");
    tcase_add_loop_test(winning, the_first_that_answers_counts, 0, (int)(sizeof races / sizeof races[0]));
    tcase_add_test(winning, the_next_begins_after_the_delay_and_not_before);
    tcase_add_test(winning, an_earlier_one_may_win_after_all);
    tcase_add_loop_test(winning, families_are_tried_beside_each_other, 0, 2);
    suite_add_tcase(races_suite, winning);

    TCase *losing = tcase_create("losing");
    tcase_add_loop_test(losing, when_none_answers_the_first_code_counts_and_all_are_told, 0, 2);
    tcase_add_test(losing, the_code_is_the_first_addresss_and_not_the_first_that_failed);
    tcase_add_test(losing, nowhere_to_go_is_an_error);
    tcase_add_test(losing, out_of_time_it_is_told_who_has_not_answered);
    suite_add_tcase(races_suite, losing);

    TCase *local = tcase_create("local");
    tcase_add_test(local, the_local_address_is_bound);
    tcase_add_test(local, the_first_local_address_that_can_be_bound_counts);
    tcase_add_test(local, a_local_port_in_use_is_named);
    tcase_add_test(local, a_local_address_of_another_family_is_no_help);
    tcase_add_test(local, a_local_address_that_is_not_ours_is_named);
    tcase_add_test(local, a_local_failure_is_one_attempts);
    suite_add_tcase(races_suite, local);

    TCase *cuts = tcase_create("cuts");
    tcase_add_loop_test(cuts, cancelled_at_any_time_it_closes_all, 0, 12);
    tcase_add_test(cuts, the_end_of_the_loop_closes_all);
    tcase_add_loop_test(cuts, a_dump_has_the_latest_that_is_being_tried, 0, 2);
    tcase_add_loop_test(cuts, whatever_call_fails_nothing_stays_open, 0, 6);
    tcase_add_test(cuts, one_that_cannot_be_watched_is_not_taken_for_connected);
    suite_add_tcase(races_suite, cuts);
    return races_suite;
}
