/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_listener_balance_way.c  What net/listener_balance.c promises of connections on their way: none is lost, and
 * none is forgotten.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/run.h>

#include "lib/net_dealing.h"
#include "lib/suite.h"

/* --- While they travel ------------------------------------------------------------ */

/* Four callers, of whom the second and the fourth are on their way to the blocked worker 1. */
static void send_two_away(struct dealing *s)
{
    dealing_start(s, FOREVER);
    dealing_block_other(s);
    dealing_call(s, 0, 4);
    UNTIL(dealing_served_by(s, 0) == 2);
    ck_assert_uint_eq(dealing_load(s, 1), 2);
}

static int wait_for_the_end(void *arg)
{
    struct dealing *s = arg;
    int code = weir_server_wait_closed(s->service.server);

    atomic_store(&s->waited, true);
    return code;
}

static int close_meanwhile(void *arg)
{
    struct dealing *s = arg;

    if (weir_worker_index() > 0)
        return dealing_be_blocked(s);
    send_two_away(s);
    weir_task *waiter = weir_create_task(wait_for_the_end, s);
    weir_server_close(s->service.server);
    close(s->fds[0]);
    close(s->fds[2]);
    UNTIL(dealing_load(s, 0) == 0);
    net_passes(50);
    s->got[0] = atomic_load(&s->waited);        /* what travels is waited for */
    sem_post(&s->gate);
    UNTIL(dealing_served_by(s, 1) == 2);
    s->got[1] = dealing_echoes(s->fds[1]) + dealing_echoes(s->fds[3]);
    net_passes(50);
    s->got[2] = atomic_load(&s->waited);
    close(s->fds[1]);
    close(s->fds[3]);
    s->got[3] = weir_task_join(waiter);
    weir_task_unref(waiter);
    dealing_end(s);
    return 0;
}

START_TEST(a_server_that_closes_meanwhile_waits_for_them_and_serves_them)
{
    struct dealing s = { 0 };
    int before = net_open_descriptors();

    dealing_init(&s, 2);
    ck_assert_int_eq(weir_run_workers(2, close_meanwhile, &s), 0);
    ck_assert_int_eq(s.got[0], 0);
    ck_assert_int_eq(s.got[1], 2);
    ck_assert_int_eq(s.got[2], 0);
    ck_assert_int_eq(s.got[3], 0);
    ck_assert_int_eq(atomic_load(&s.service.lost), 4);
    net_check_descriptors(before);
    dealing_fini(&s);
}
END_TEST

static int ask_meanwhile(void *arg)
{
    struct dealing *s = arg;
    char c;

    if (weir_worker_index() > 0)
        return dealing_be_blocked(s);
    dealing_start(s, FOREVER);
    dealing_block_other(s);
    if (s->way >= 2)                            /* one that is there already, and will run before they arrive */
        weir_server_abort_clients(s->service.server);
    dealing_call(s, 0, 4);
    UNTIL(dealing_served_by(s, 0) == 2);
    if (s->way % 2 == 0)
        weir_server_abort_clients(s->service.server);
    else
        weir_server_close_clients(s->service.server);
    sem_post(&s->gate);
    UNTIL(atomic_load(&s->service.lost) == 4 && dealing_load_of_all(s) == 0);
    for (int i = 0; i < 4; i++)
        s->got[0] += (long)net_raw_recv(s->fds[i], &c, 1);
    dealing_call(s, 4, 6);                              /* who comes later is not concerned */
    for (int i = 4; i < 6; i++)
        s->got[1] += dealing_echoes(s->fds[i]);
    dealing_hang_up(s, 0, 6);
    dealing_end(s);
    return 0;
}

START_TEST(what_is_asked_of_all_clients_reaches_them_too)
{
    struct dealing s = { .way = _i };
    int before = net_open_descriptors();

    dealing_init(&s, 2);
    ck_assert_int_eq(weir_run_workers(2, ask_meanwhile, &s), 0);
    ck_assert_int_eq(s.got[0], 0);
    ck_assert_int_eq(s.got[1], 2);
    ck_assert_int_eq(atomic_load(&s.service.lost), 6);
    net_check_descriptors(before);
    dealing_fini(&s);
}
END_TEST

/* Worker 1 ends instead of serving them: as it should, or (way 1) since its polling failed, and then its loop is closed without
 * another pass. */
static int end_meanwhile(void *arg)
{
    struct dealing *s = arg;
    char c;

    if (weir_worker_index() > 0) {
        dealing_wait_for_step(s, 1);
        atomic_store(&s->blocked, true);
        while (sem_wait(&s->gate) < 0)
            ;
        if (s->way == 1)
            weir_get_running_loop()->poll_failure = -EIO;
        return 0;
    }
    send_two_away(s);
    sem_post(&s->gate);
    UNTIL(dealing_load(s, 1) == 0);
    s->got[0] = (long)(net_raw_recv(s->fds[1], &c, 1) + net_raw_recv(s->fds[3], &c, 1));
    s->got[1] = dealing_echoes(s->fds[0]) + dealing_echoes(s->fds[2]);
    if (s->way == 0) {
        dealing_call(s, 4, 8);                          /* those who come now are all worker 0's */
        s->got[2] = dealing_served_by(s, 0);
        dealing_hang_up(s, 4, 8);
    }
    dealing_hang_up(s, 0, 4);
    dealing_end(s);
    return 0;
}

START_TEST(a_worker_that_ends_meanwhile_closes_them_and_gets_no_more)
{
    struct dealing s = { .way = _i };
    int before = net_open_descriptors();

    dealing_init(&s, 2);
    ck_assert_int_eq(weir_run_workers(2, end_meanwhile, &s), _i == 1 ? -EIO : 0);
    ck_assert_int_eq(s.got[0], 0);
    ck_assert_int_eq(s.got[1], 2);
    ck_assert_int_eq(s.got[2], _i == 1 ? 0 : 6);
    ck_assert_int_eq(dealing_served_by(&s, 1), 0);
    net_check_descriptors(before);
    dealing_fini(&s);
}
END_TEST

/* Others have been told to close, and what is asked of all clients follows: it would overtake what is sent behind it. */
static int deal_while_closing(void *arg)
{
    struct dealing *s = arg;
    struct sockaddr_in peer = { .sin_family = AF_INET };
    int ends[2];

    if (weir_worker_index() > 0) {
        dealing_wait_for_step(s, 9);
        return 0;
    }
    dealing_start(s, FOREVER);
    weir_server *server = s->service.server;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    for (int closed = 1; closed >= 0; closed--) {          /* with equal loads it would be the turn of worker 1 */
        pthread_mutex_lock(&server->lock);
        server->closed = closed == 1;
        server->next_turn = 1;
        pthread_mutex_unlock(&server->lock);
        s->got[closed] = weir__balance_deal(&server->parts[0], true, ends[closed], (void *)&peer, sizeof peer);
        if (closed == 1)
            weir__server_part_refuse(&server->parts[0], ends[closed]);
        UNTIL(closed == 1 || dealing_served_by(s, 1) == 1);
        pthread_mutex_lock(&server->lock);
        server->closed = false;
        pthread_mutex_unlock(&server->lock);
    }
    dealing_end(s);
    return 0;
}

START_TEST(what_is_accepted_while_the_server_closes_stays_where_it_is)
{
    struct dealing s = { 0 };
    int before = net_open_descriptors();

    dealing_init(&s, 2);
    ck_assert_int_eq(weir_run_workers(2, deal_while_closing, &s), 0);
    ck_assert_int_eq(s.got[0], 1);
    ck_assert_int_eq(s.got[1], 0);
    net_check_descriptors(before);
    dealing_fini(&s);
}
END_TEST

/* Worker 1 closes the server itself, before it has looked into its inbox. */
static int close_from_where_they_go(void *arg)
{
    struct dealing *s = arg;

    if (weir_worker_index() > 0) {
        dealing_wait_for_step(s, 1);
        atomic_store(&s->blocked, true);
        while (sem_wait(&s->gate) < 0)
            ;
        weir_server_close(s->service.server);
        s->got[3] = weir_server_wait_closed(s->service.server);
        s->got[4] = atomic_load(&s->service.lost);
        atomic_store(&s->waited, true);
        dealing_wait_for_step(s, 9);
        return 0;
    }
    send_two_away(s);
    close(s->fds[0]);
    close(s->fds[2]);
    UNTIL(dealing_load(s, 0) == 0);
    sem_post(&s->gate);
    s->got[0] = dealing_echoes(s->fds[1]) + dealing_echoes(s->fds[3]);
    s->got[1] = atomic_load(&s->waited);
    close(s->fds[1]);
    close(s->fds[3]);
    UNTIL(atomic_load(&s->waited));
    dealing_end(s);
    return 0;
}

START_TEST(the_worker_they_travel_to_may_close_the_server_and_waits_for_them)
{
    struct dealing s = { 0 };
    int before = net_open_descriptors();

    dealing_init(&s, 2);
    ck_assert_int_eq(weir_run_workers(2, close_from_where_they_go, &s), 0);
    ck_assert_int_eq(s.got[0], 2);
    ck_assert_int_eq(s.got[1], 0);
    ck_assert_int_eq(s.got[3], 0);
    ck_assert_int_eq(s.got[4], 4);
    net_check_descriptors(before);
    dealing_fini(&s);
}
END_TEST

static void block_when_ending(struct net_service *service)
{
    struct dealing *s = service->user;

    if (weir_worker_index() != 1)
        return;
    atomic_store(&s->blocked, true);
    while (sem_wait(&s->gate) < 0)
        ;
}

/* Worker 1 is ending: its part is closed, its loop still there, and its inbox open. */
static int call_one_that_ends(void *arg)
{
    struct dealing *s = arg;

    if (weir_worker_index() > 0) {
        dealing_wait_for_step(s, 1);
        return 0;
    }
    s->service.when_lost = block_when_ending;
    s->service.user = s;
    dealing_start(s, FOREVER);
    dealing_call(s, 0, 2);
    UNTIL(dealing_served_by(s, 1) == 1);
    atomic_store(&s->step, 1);
    UNTIL(atomic_load(&s->blocked));            /* in connection_lost of its one connection */
    dealing_call(s, 2, 6);
    UNTIL(dealing_served_by(s, 0) == 5);
    for (int i = 2; i < 6; i++)
        s->got[0] += dealing_echoes(s->fds[i]);
    sem_post(&s->gate);
    dealing_hang_up(s, 0, 6);
    dealing_end(s);
    return 0;
}

START_TEST(nothing_is_sent_to_a_worker_that_is_ending)
{
    struct dealing s = { 0 };
    int before = net_open_descriptors();

    dealing_init(&s, 2);
    ck_assert_int_eq(weir_run_workers(2, call_one_that_ends, &s), 0);
    ck_assert_int_eq(s.got[0], 4);
    ck_assert_int_eq(s.got[9], 0);
    net_check_descriptors(before);
    dealing_fini(&s);
}
END_TEST

static int come_and_go(void *arg)
{
    struct dealing *s = arg;

    if (weir_worker_index() > 0) {
        dealing_wait_for_step(s, 9);
        return 0;
    }
    dealing_start(s, s->way);                           /* 0: whoever is in a pass is passed over */
    uint16_t port = net_service_port(s->service.server);
    for (int i = 0; i < DEALING_CALLERS; i++) {
        s->fds[i] = net_connect(port);
        if (i % 3 == 0)
            close(s->fds[i]);
        if (i == DEALING_CALLERS / 2)
            weir_server_abort_clients(s->service.server);
        if (i % 5 == 0)
            weir_yield();
    }
    weir_server_close(s->service.server);
    weir_server_abort_clients(s->service.server);
    for (int i = 0; i < DEALING_CALLERS; i++) {
        if (i % 3 != 0)
            close(s->fds[i]);
    }
    dealing_end(s);
    return 0;
}

START_TEST(none_is_lost_when_callers_come_and_go_and_the_server_closes)
{
    struct dealing s = { .way = _i % 2 == 0 ? FOREVER : 0 };
    int before = net_open_descriptors();

    dealing_init(&s, 3);
    ck_assert_int_eq(weir_run_workers(3, come_and_go, &s), 0);
    ck_assert_int_eq(s.got[9], 0);
    ck_assert_int_eq(atomic_load(&s.service.made), atomic_load(&s.service.lost));
    net_check_descriptors(before);
    dealing_fini(&s);
}
END_TEST

Suite *suite(void)
{
    Suite *balance = suite_create("net/listener_balance_way");

    TCase *way = tcase_create("way");
    tcase_add_test(way, a_server_that_closes_meanwhile_waits_for_them_and_serves_them);
    tcase_add_loop_test(way, what_is_asked_of_all_clients_reaches_them_too, 0, 4);
    tcase_add_loop_test(way, a_worker_that_ends_meanwhile_closes_them_and_gets_no_more, 0, 2);
    tcase_add_test(way, the_worker_they_travel_to_may_close_the_server_and_waits_for_them);
    tcase_add_test(way, what_is_accepted_while_the_server_closes_stays_where_it_is);
    tcase_add_test(way, nothing_is_sent_to_a_worker_that_is_ending);
    tcase_add_loop_test(way, none_is_lost_when_callers_come_and_go_and_the_server_closes, 0, 10);
    suite_add_tcase(balance, way);
    return balance;
}
