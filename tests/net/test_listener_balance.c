/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_listener_balance.c  What net/listener_balance.c promises: who gets an accepted connection.
 *
 * What happens to one on its way is tried in test_listener_balance_way.c.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/run.h>

#include "core/sys_fault.h"
#include "lib/net_dealing.h"
#include "lib/suite.h"

/* --- Who gets it -------------------------------------------------------------------- */

static int deal_evenly(void *arg)
{
    struct dealing *s = arg;
    uint16_t port;

    if (weir_worker_index() > 0) {
        dealing_wait_for_step(s, 9);
        return 0;
    }
    int sock = net_listen(100, &port);
    if (s->way == 1) {                          /* one that was handed over is shared by all workers too */
        s->opts.sock = &sock;
        s->opts.balance = WEIR_BALANCE_REUSEPORT;
        ck_assert_int_eq(weir_loop_create_server(weir_get_running_loop(), net_service_factory, &s->service, NULL, 0, &s->opts,
                                                 &s->service.server), 0);
        dealing_stall_after(s, FOREVER);
    } else {
        close(sock);
        dealing_start(s, FOREVER);
    }
    s->got[0] = (long)weir_server_sockets(s->service.server, NULL, 0);
    port = net_service_port(s->service.server);
    for (int i = 0; i < (int)s->got[8]; i++)
        s->fds[i] = net_connect(port);
    UNTIL(atomic_load(&s->service.made) == s->got[8]);
    for (int i = 0; i < (int)s->got[8]; i++)
        s->got[1] += dealing_echoes(s->fds[i]);
    dealing_hang_up(s, 0, (int)s->got[8]);
    dealing_end(s);
    return 0;
}

static const struct {
    unsigned workers;
    int callers, fewest, most;
} splits[] = { { 2, 10, 5, 5 }, { 3, 12, 4, 4 }, { 4, 10, 2, 3 }, { 2, 1, 0, 1 }, { 1, 5, 5, 5 } };

/* However the workers race for the callers: choosing and counting are one step. */
START_TEST(connections_are_dealt_out_evenly)
{
    struct dealing s = { .way = _i / 5, .got[8] = splits[_i % 5].callers };
    int before = net_open_descriptors();

    dealing_init(&s, splits[_i % 5].workers);
    ck_assert_int_eq(weir_run_workers(s.workers, deal_evenly, &s), 0);
    ck_assert_int_eq(s.got[0], 1);
    ck_assert_int_eq(s.got[1], splits[_i % 5].callers);
    for (unsigned i = 0; i < s.workers; i++) {
        ck_assert_int_ge(dealing_served_by(&s, i), splits[_i % 5].fewest);
        ck_assert_int_le(dealing_served_by(&s, i), splits[_i % 5].most);
    }
    ck_assert_int_eq(s.got[9], 0);
    net_check_descriptors(before);
    dealing_fini(&s);
}
END_TEST

static int fill_the_gaps(void *arg)
{
    struct dealing *s = arg;
    unsigned of[8];

    if (weir_worker_index() > 0) {
        dealing_wait_for_step(s, 9);
        return 0;
    }
    dealing_start(s, FOREVER);
    for (int i = 0; i < 8; i++) {
        int first = dealing_served_by(s, 0);
        dealing_call(s, i, i + 1);
        UNTIL(atomic_load(&s->service.made) == i + 1);
        of[i] = dealing_served_by(s, 0) > first ? 0 : 1;
    }
    for (int i = 0; i < 8; i++) {               /* all of worker 1's go */
        s->got[0] += of[i];
        if (of[i] == 1)
            close(s->fds[i]);
    }
    UNTIL(dealing_load(s, 1) == 0);
    dealing_call(s, 8, 12);
    UNTIL(atomic_load(&s->service.made) == 12);
    s->got[1] = dealing_served_by(s, 0);
    s->got[2] = dealing_served_by(s, 1);
    for (int i = 0; i < 12; i++) {
        if (i >= 8 || of[i] == 0)
            close(s->fds[i]);
    }
    dealing_end(s);
    return 0;
}

START_TEST(who_has_fewest_gets_the_next)
{
    struct dealing s = { 0 };

    dealing_init(&s, 2);
    ck_assert_int_eq(weir_run_workers(2, fill_the_gaps, &s), 0);
    ck_assert_int_eq(s.got[0], 4);
    ck_assert_int_eq(s.got[1], 4);
    ck_assert_int_eq(s.got[2], 8);
    dealing_fini(&s);
}
END_TEST

/* --- A worker that is blocked ----------------------------------------------------------- */

static int spare_the_blocked(void *arg)
{
    struct dealing *s = arg;

    if (weir_worker_index() > 0)
        return dealing_be_blocked(s);
    dealing_start(s, FOREVER);
    dealing_block_other(s);
    dealing_stall_after(s, 0);
    dealing_call(s, 0, 6);
    UNTIL(atomic_load(&s->service.made) == 6);
    s->got[0] = dealing_served_by(s, 0);
    for (int i = 0; i < 6; i++)
        s->got[1] += dealing_echoes(s->fds[i]);
    dealing_stall_after(s, FOREVER);
    sem_post(&s->gate);
    dealing_call(s, 6, 12);                             /* and then it has fewest */
    UNTIL(atomic_load(&s->service.made) == 12);
    s->got[2] = dealing_served_by(s, 1);
    dealing_hang_up(s, 0, 12);
    dealing_end(s);
    return 0;
}

START_TEST(a_worker_that_does_not_go_round_gets_none_while_others_are_free)
{
    struct dealing s = { 0 };

    dealing_init(&s, 2);
    ck_assert_int_eq(weir_run_workers(2, spare_the_blocked, &s), 0);
    ck_assert_int_eq(s.got[0], 6);
    ck_assert_int_eq(s.got[1], 6);
    ck_assert_int_eq(s.got[2], 6);
    dealing_fini(&s);
}
END_TEST

static void nothing(void *arg)
{
    (void)arg;
}

static int fill_the_inbox(void *arg)
{
    struct dealing *s = arg;

    if (weir_worker_index() > 0)
        return dealing_be_blocked(s);
    dealing_start(s, FOREVER);
    dealing_block_other(s);
    while (weir_loop_call_soon_threadsafe(weir_worker_loop(1), nothing, NULL) == 0)
        s->got[0]++;
    dealing_call(s, 0, 4);
    UNTIL(atomic_load(&s->service.made) == 4);
    s->got[1] = dealing_served_by(s, 0);
    for (int i = 0; i < 4; i++)
        s->got[2] += dealing_echoes(s->fds[i]);
    sem_post(&s->gate);
    dealing_hang_up(s, 0, 4);
    dealing_end(s);
    return 0;
}

START_TEST(what_a_full_inbox_does_not_take_is_served_where_it_was_accepted)
{
    struct dealing s = { 0 };
    int before = net_open_descriptors();

    dealing_init(&s, 2);
    ck_assert_int_eq(weir_run_workers(2, fill_the_inbox, &s), 0);
    ck_assert_int_eq(s.got[0], INBOX_MAX);
    ck_assert_int_eq(s.got[1], 4);
    ck_assert_int_eq(s.got[2], 4);
    ck_assert_int_eq(s.got[9], 0);
    net_check_descriptors(before);
    dealing_fini(&s);
}
END_TEST

/* --- Failures ------------------------------------------------------------------------------- */

static int fail_one_call(void *arg)
{
    struct dealing *s = arg;

    if (weir_worker_index() > 0) {
        dealing_wait_for_step(s, 9);
        return 0;
    }
    dealing_start(s, FOREVER);
    uint16_t port = net_service_port(s->service.server);
    weir__fault_begin(&(struct fault_plan) {
        .fail_at = (uint64_t)s->way, .only = 1ULL << SYS_ALLOC | 1ULL << SYS_ACCEPT | 1ULL << SYS_MMAP, .code = -ENOMEM });
    for (int i = 0; i < 4; i++)
        s->fds[i] = net_connect(port);
    /* A caller whom no memory was found for was hung up on, after his factory was asked or before. */
    for (int i = 0; i < 4; i++)
        s->got[0] += dealing_echoes(s->fds[i]);
    s->got[1] = (long)weir__fault_end();
    dealing_hang_up(s, 0, 4);
    dealing_end(s);
    return 0;
}

START_TEST(whatever_call_fails_at_most_one_caller_is_dropped_and_nothing_stays)
{
    long n = 0;
    struct dealing s;
    int before = net_open_descriptors();

    do {
        s = (struct dealing) { .way = ++n };
        dealing_init(&s, 2);
        ck_assert_int_eq(weir_run_workers(2, fail_one_call, &s), 0);
        ck_assert_int_ge(s.got[0], s.got[1] > 0 ? 3 : 4);
        ck_assert_int_eq(s.got[9], 0);
        ck_assert_int_eq(atomic_load(&s.service.made), atomic_load(&s.service.lost));
        net_check_descriptors(before);
        dealing_fini(&s);
    } while (s.got[1] > 0);
    ck_assert_int_gt(n, 5);
}
END_TEST

Suite *suite(void)
{
    Suite *balance = suite_create("net/listener_balance");

    TCase *who = tcase_create("who");
    tcase_add_loop_test(who, connections_are_dealt_out_evenly, 0, 10);
    tcase_add_test(who, who_has_fewest_gets_the_next);
    suite_add_tcase(balance, who);

    TCase *blocked = tcase_create("blocked");
    tcase_add_test(blocked, a_worker_that_does_not_go_round_gets_none_while_others_are_free);
    tcase_add_test(blocked, what_a_full_inbox_does_not_take_is_served_where_it_was_accepted);
    suite_add_tcase(balance, blocked);

    TCase *failures = tcase_create("failures");
    tcase_add_test(failures, whatever_call_fails_at_most_one_caller_is_dropped_and_nothing_stays);
    suite_add_tcase(balance, failures);
    return balance;
}
