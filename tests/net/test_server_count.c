/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_server_count.c  What net/server_count.c promises: never more connections than max_connections, on all loops
 * together, and nobody forgotten who waits.
 *
 * A caller who is not accepted is connected all the same: the kernel holds him in the backlog.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/error.h>
#include <weir/run.h>

#include "core/loop.h"
#include "core/sys_fault.h"
#include "lib/clock.h"
#include "lib/net_service.h"
#include "lib/suite.h"
#include "net/server.h"

#define CALLERS 24

struct scene {
    struct net_service service;
    weir_server_options opts;
    unsigned workers;
    long way;
    long got[10];
    int fds[CALLERS];
    atomic_int step;            /* what worker 0 has come to */
    atomic_int logged;          /* lines about accepting that rests */
    char line[256];
};

#define UNTIL(so)               \
    do {                        \
        mark_point();           \
        while (!(so))           \
            (void)weir_yield(); \
    } while (0)

static void start(struct scene *s, size_t most)
{
    s->opts.max_connections = most;
    s->service.echo = true;
    ck_assert_int_eq(net_service_start(&s->service, &s->opts), 0);
}

static void call(struct scene *s, int from, int to)
{
    uint16_t port = net_service_port(s->service.server);

    for (int i = from; i < to; i++)
        s->fds[i] = net_connect(port);
}

static void hang_up(struct scene *s, int from, int to)
{
    for (int i = from; i < to; i++)
        close(s->fds[i]);
}

static int made(struct scene *s)
{
    return atomic_load(&s->service.made);
}

static int lost(struct scene *s)
{
    return atomic_load(&s->service.lost);
}

static size_t connections(struct scene *s)
{
    weir_server *server = s->service.server;

    pthread_mutex_lock(&server->lock);
    size_t count = server->connections;
    pthread_mutex_unlock(&server->lock);
    return count;
}

static bool echoes(int fd)
{
    char c = 0;

    return net_raw_send(fd, "x", 1) && net_raw_recv(fd, &c, 1) == 1 && c == 'x';
}

static uint64_t times_full(void)
{
    return weir__counter_read(&weir_get_running_loop()->counters, COUNTER_ACCEPT_FULL);
}

static void end(struct scene *s)
{
    weir_server_close(s->service.server);
    s->got[9] = weir_server_wait_closed(s->service.server);
    weir_server_free(s->service.server);
    atomic_store(&s->step, 9);
}

/* --- One loop ---------------------------------------------------------------------- */

static int fill_and_drain(void *arg)
{
    struct scene *s = arg;

    start(s, 3);
    call(s, 0, 6);
    UNTIL(made(s) == 3);
    net_passes(50);
    s->got[0] = made(s);
    s->got[1] = times_full() == 1;              /* and does not spin over the callers that wait */
    for (int i = 0; i < 3; i++) {
        net_raw_send(s->fds[3 + i], "x", 1);    /* they are connected, and what they say waits with them */
        close(s->fds[i]);
        UNTIL(made(s) == 4 + i);
        net_passes(50);
        s->got[2 + i] = made(s);
    }
    char c;
    for (int i = 3; i < 6; i++)
        s->got[5] += net_raw_recv(s->fds[i], &c, 1) == 1;
    hang_up(s, 3, 6);
    UNTIL(lost(s) == 6);
    s->got[6] = (long)connections(s);
    call(s, 0, 3);
    UNTIL(made(s) == 9);
    hang_up(s, 0, 3);
    end(s);
    return 0;
}

START_TEST(accepting_stops_at_the_limit_until_one_has_ended)    /* decision 21 */
{
    struct scene s = { 0 };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(fill_and_drain, &s), 0);
    ck_assert_int_eq(s.got[0], 3);
    ck_assert_int_eq(s.got[1], 1);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(s.got[2 + i], 4 + i);
    ck_assert_int_eq(s.got[5], 3);
    ck_assert_int_eq(s.got[6], 0);
    ck_assert_int_eq(s.got[9], 0);
    net_check_descriptors(before);
    net_service_fini(&s.service);
}
END_TEST

static int listen_at_two(void *arg)
{
    struct scene *s = arg;
    int fds[2];

    s->opts.max_connections = 1;
    ck_assert_int_eq(weir_loop_create_server(weir_get_running_loop(), net_service_factory, &s->service, "127.0.0.1,127.0.0.2",
                                             0, &s->opts, &s->service.server), 0);
    weir_server_sockets(s->service.server, fds, 2);
    for (int i = 0; i < 2; i++) {
        struct sockaddr_storage name;
        socklen_t len = sizeof name;
        getsockname(fds[i], (void *)&name, &len);
        s->fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        ck_assert_int_eq(connect(s->fds[i], (void *)&name, len), 0);
    }
    UNTIL(made(s) == 1);
    net_passes(50);
    s->got[0] = made(s);
    weir_server_abort_clients(s->service.server);
    UNTIL(made(s) == 2);
    hang_up(s, 0, 2);
    end(s);
    return 0;
}

START_TEST(the_limit_is_the_servers_and_not_an_addresss)
{
    struct scene s = { 0 };

    ck_assert_int_eq(weir_run(listen_at_two, &s), 0);
    ck_assert_int_eq(s.got[0], 1);
    net_service_fini(&s.service);
}
END_TEST

static int give_back(void *arg)
{
    struct scene *s = arg;

    static const int failures[] = { 0, -ECONNABORTED, -EAGAIN, -EMFILE };

    start(s, 1);
    if (s->way == 0)
        s->service.refuse = -EACCES;            /* the factory does not want it */
    else
        weir__fault_begin(&(struct fault_plan) { .fail_at = 1, .only = 1ULL << SYS_ACCEPT, .code = failures[s->way] });
    call(s, 0, 1);
    UNTIL(s->way == 0 ? atomic_load(&s->service.asked) == 1 : weir__fault_seen(SYS_ACCEPT) >= 1);
    s->service.refuse = 0;
    weir__fault_end();
    close(s->fds[0]);
    call(s, 0, 1);
    UNTIL(made(s) >= 1);
    weir_server_abort_clients(s->service.server);
    UNTIL(connections(s) <= 1 && lost(s) >= 1);
    hang_up(s, 0, 1);
    end(s);
    s->got[0] = made(s) == lost(s);
    return 0;
}

START_TEST(a_place_that_came_to_nothing_is_given_back)
{
    struct scene s = { .way = _i };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(give_back, &s), 0);
    ck_assert_int_eq(s.got[0], 1);
    ck_assert_int_eq(s.got[9], 0);
    net_check_descriptors(before);
    net_service_fini(&s.service);
}
END_TEST

static int close_while_full(void *arg)
{
    struct scene *s = arg;

    start(s, 2);
    call(s, 0, 5);
    UNTIL(made(s) == 2);
    net_passes(20);
    weir_server_close(s->service.server);       /* those who wait are dropped by the kernel */
    if (s->way == 1)
        weir_server_free(s->service.server);
    char c;
    for (int i = 2; i < 5; i++)
        s->got[0] += (long)net_raw_recv(s->fds[i], &c, 1);
    s->got[1] = echoes(s->fds[0]) + echoes(s->fds[1]);
    hang_up(s, 0, 5);
    UNTIL(lost(s) == 2);
    if (s->way == 0)
        end(s);
    return 0;
}

START_TEST(a_full_server_can_be_closed)
{
    struct scene s = { .way = _i };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(close_while_full, &s), 0);
    ck_assert_int_eq(s.got[0], 0);
    ck_assert_int_eq(s.got[1], 2);
    net_check_descriptors(before);
    net_service_fini(&s.service);
}
END_TEST

static void on_log(int level, const char *message, void *arg)
{
    struct scene *s = arg;

    if (level != 2 || strstr(message, "max_connections") == NULL)
        return;
    atomic_fetch_add(&s->logged, 1);
    snprintf(s->line, sizeof s->line, "%s", message);
}

/* Full, and one place free again, so often; time moves as the test says. */
static int fill_often(void *arg)
{
    struct scene *s = arg;

    start(s, 1);
    call(s, 0, 20);
    for (int i = 0; i < 20; i++) {
        UNTIL(made(s) == i + 1);
        net_passes(20);
        if (i == 10)
            clock_advance(1.5);
        close(s->fds[i]);
    }
    s->got[0] = (long)times_full();
    end(s);
    return 0;
}

START_TEST(a_full_server_is_counted_each_time_and_logged_once_a_second)
{
    struct scene s = { 0 };

    clock_fake();
    weir_set_log(on_log, &s, 0);
    ck_assert_int_eq(weir_run(fill_often, &s), 0);
    weir_set_log(NULL, NULL, 0);
    ck_assert_int_ge(s.got[0], 18);
    ck_assert_int_le(s.got[0], 20);
    ck_assert_int_eq(atomic_load(&s.logged), 2);
    ck_assert_ptr_nonnull(strstr(s.line, "max_connections=1"));
    net_service_fini(&s.service);
}
END_TEST

/* --- Several loops -------------------------------------------------------------------- */

static int share_the_limit(void *arg)
{
    struct scene *s = arg;
    size_t most = 5;

    if (weir_worker_index() > 0) {
        UNTIL(atomic_load(&s->step) == 9);
        return 0;
    }
    s->opts.all_workers = true;
    s->opts.balance = s->way == 0 ? WEIR_BALANCE_REUSEPORT : WEIR_BALANCE_EVEN;
    start(s, most);
    call(s, 0, CALLERS);
    /* Whoever is served says so, and makes room; each of the callers has to get his turn, on whichever worker's queue he waits. */
    for (int i = 0; i < CALLERS; i++)
        ck_assert(net_raw_send(s->fds[i], "x", 1));
    UNTIL(made(s) == (int)most);
    net_passes(50);
    s->got[1] = made(s);
    int done[CALLERS] = { 0 };
    while (s->got[0] < CALLERS) {
        char c;
        for (int i = 0; i < CALLERS; i++) {
            if (done[i] == 0 && recv(s->fds[i], &c, 1, 0) == 1) {
                done[i] = 1;
                s->got[0]++;
                close(s->fds[i]);
            }
        }
        weir_yield();
    }
    end(s);
    s->got[3] = made(s);
    return 0;
}

START_TEST(all_workers_share_the_limit_and_nobody_who_waits_is_forgotten)
{
    struct scene s = { .way = _i % 2 };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run_workers((unsigned)_i / 2 + 1, share_the_limit, &s), 0);
    ck_assert_int_eq(s.got[0], CALLERS);
    ck_assert_int_eq(s.got[1], 5);
    int at_once = atomic_load(&s.service.most);
    ck_assert_int_eq(at_once, 5);
    ck_assert_int_eq(s.got[3], CALLERS);
    ck_assert_int_eq(s.got[9], 0);
    net_check_descriptors(before);
    net_service_fini(&s.service);
}
END_TEST

Suite *suite(void)
{
    Suite *count = suite_create("net/server_count");

    TCase *one = tcase_create("one");
    tcase_add_test(one, accepting_stops_at_the_limit_until_one_has_ended);
    tcase_add_test(one, the_limit_is_the_servers_and_not_an_addresss);
    tcase_add_loop_test(one, a_place_that_came_to_nothing_is_given_back, 0, 4);
    tcase_add_loop_test(one, a_full_server_can_be_closed, 0, 2);
    tcase_add_test(one, a_full_server_is_counted_each_time_and_logged_once_a_second);
    suite_add_tcase(count, one);

    TCase *several = tcase_create("several");
    tcase_add_loop_test(several, all_workers_share_the_limit_and_nobody_who_waits_is_forgotten, 0, 6);
    suite_add_tcase(count, several);
    return count;
}
