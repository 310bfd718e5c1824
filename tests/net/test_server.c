/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_server.c  What net/server.c promises: serving, closing, counting; on one loop and on several.
 *
 * Clients are raw sockets. On several workers every check of another thread's state goes through an atomic or the public
 * [thread-safe] calls, so that ThreadSanitizer sees only what a program may do.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/run.h>

#include "lib/clock.h"
#include "lib/net_service.h"
#include "lib/suite.h"

struct scene {
    struct net_service service;
    weir_server_options opts;
    long got[10];
    char text[64];
    unsigned workers;           /* of the run; 0: weir_run */
    atomic_int step;            /* what worker 0 has come to */
    atomic_int done;            /* how many other workers have ended */
    int code;
};

/* --- One loop -------------------------------------------------------------------- */

static int start_later(void *arg)
{
    struct scene *s = arg;

    s->opts.no_start_serving = true;
    s->code = net_service_start(&s->service, &s->opts);
    weir_server *server = s->service.server;
    uint16_t port = net_service_port(server);
    s->got[0] = weir_server_is_serving(server);
    s->got[1] = net_refused(port);
    s->got[2] = weir_server_start_serving(server);
    s->got[3] = weir_server_start_serving(server);
    s->got[4] = weir_server_is_serving(server);
    int fd = net_service_call(&s->service, port);
    s->got[5] = atomic_load(&s->service.made);
    s->got[6] = weir_server_get_loop(server) == weir_get_running_loop();
    close(fd);
    weir_server_free(server);
    return 0;
}

START_TEST(a_server_that_does_not_serve_yet_refuses_and_then_serves)    /* C74, SV-5, SV-6, SV-7 */
{
    struct scene s = { 0 };

    ck_assert_int_eq(weir_run(start_later, &s), 0);
    ck_assert_int_eq(s.code, 0);
    ck_assert_int_eq(s.got[0], 0);
    ck_assert_int_eq(s.got[1], 1);
    ck_assert_int_eq(s.got[2], 0);
    ck_assert_int_eq(s.got[3], 0);
    ck_assert_int_eq(s.got[4], 1);
    ck_assert_int_eq(s.got[5], 1);
    ck_assert_int_eq(s.got[6], 1);
    net_service_fini(&s.service);
}
END_TEST

static int close_with_client(void *arg)
{
    struct scene *s = arg;
    int fds[4];

    s->service.echo = true;
    s->code = net_service_start(&s->service, NULL);
    weir_server *server = s->service.server;
    uint16_t port = net_service_port(server);
    int fd = net_service_call(&s->service, port);
    s->got[0] = (long)weir_server_sockets(server, NULL, 0);
    weir_server_close(server);
    s->got[1] = (long)weir_server_sockets(server, fds, 4);
    s->got[2] = weir_server_is_serving(server);
    s->got[3] = net_refused(port);
    weir_server_close(server);
    s->got[4] = weir_server_start_serving(server);
    s->got[5] = weir_server_is_serving(server);
    net_raw_send(fd, "still there", 11);
    s->got[6] = (long)net_raw_recv(fd, s->text, 11);
    if (s->got[9])                              /* the connection does not need the server any more */
        weir_server_free(server);
    net_raw_send(fd, "?", 1);
    s->got[7] = (long)net_raw_recv(fd, s->text, 1);
    close(fd);
    NET_UNTIL(atomic_load(&s->service.lost) == 1);
    if (!s->got[9])
        weir_server_free(server);
    return 0;
}

START_TEST(closing_stops_the_listening_and_leaves_the_connections)      /* C75, C77, SV-8 */
{
    struct scene s = { .got[9] = _i };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(close_with_client, &s), 0);
    ck_assert_int_eq(s.code, 0);
    ck_assert_int_eq(s.got[0], 1);
    ck_assert_int_eq(s.got[1], 0);
    ck_assert_int_eq(s.got[2], 0);
    ck_assert_int_eq(s.got[3], 1);
    ck_assert_int_eq(s.got[4], -ESHUTDOWN);     /* A4 */
    ck_assert_int_eq(s.got[5], 0);
    ck_assert_int_eq(s.got[6], 11);
    ck_assert_int_eq(s.got[7], 1);
    ck_assert_str_eq(s.service.log[0].text, "CM DR(still_there?) ER CL(0)");
    net_check_descriptors(before);
    net_service_fini(&s.service);
}
END_TEST

static int ask_clients(void *arg)
{
    struct scene *s = arg;
    int fds[5];

    s->code = net_service_start(&s->service, NULL);
    uint16_t port = net_service_port(s->service.server);
    for (int i = 0; i < 5; i++)
        fds[i] = net_service_call(&s->service, port);
    for (int i = 0; i < 5; i++)
        weir_transport_write(s->service.log[i].transport, "bye", 3);
    if (s->got[9])
        weir_server_abort_clients(s->service.server);
    else
        weir_server_close_clients(s->service.server);
    s->got[0] = atomic_load(&s->service.lost);  /* as close and abort: never from inside */
    NET_UNTIL(atomic_load(&s->service.lost) == 5);
    for (int i = 0; i < 5; i++) {
        s->got[1] += (long)net_raw_recv(fds[i], s->text, 64);
        close(fds[i]);
    }
    s->got[2] = weir_server_is_serving(s->service.server);
    int fd = net_service_call(&s->service, port);       /* the next client is not concerned */
    close(fd);
    weir_server_free(s->service.server);
    return 0;
}

START_TEST(all_clients_can_be_closed_or_aborted_at_once)        /* SV-16 */
{
    struct scene s = { .got[9] = _i };

    ck_assert_int_eq(weir_run(ask_clients, &s), 0);
    ck_assert_int_eq(s.code, 0);
    ck_assert_int_eq(s.got[0], 0);
    ck_assert_int_eq(s.got[1], 15);
    ck_assert_int_eq(s.got[2], 1);
    ck_assert_str_eq(s.service.log[0].text, "CM CL(0)");
    net_service_fini(&s.service);
}
END_TEST

static int drop_one(void *arg)
{
    struct scene *s = arg;

    s->service.echo = true;
    s->code = net_service_start(&s->service, NULL);
    uint16_t port = net_service_port(s->service.server);
    s->service.refuse = -EACCES;
    int refused = net_connect(port);
    NET_UNTIL(atomic_load(&s->service.asked) == 1);
    s->got[0] = (long)net_raw_recv(refused, s->text, 1);        /* the end, or a reset: no byte */
    s->service.refuse = 0;
    int fd = net_service_call(&s->service, port);
    net_raw_send(fd, "x", 1);
    s->got[1] = (long)net_raw_recv(fd, s->text, 1);
    close(refused);
    close(fd);
    weir_server_free(s->service.server);
    return 0;
}

START_TEST(a_factory_that_fails_drops_its_own_client_only)      /* SV-13 */
{
    struct scene s = { 0 };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(drop_one, &s), 0);
    ck_assert_int_eq(s.got[0], 0);
    ck_assert_int_eq(s.got[1], 1);
    ck_assert_str_eq(s.service.log[0].text, "");
    net_check_descriptors(before);
    net_service_fini(&s.service);
}
END_TEST

static int free_inside(void *arg)
{
    struct scene *s = arg;
    int fds[3];

    s->service.free_in_factory = s->got[9] < 2;
    s->service.free_in_made = s->got[9] == 2;
    s->service.refuse = s->got[9] == 1 ? -EACCES : 0;
    s->code = net_service_start(&s->service, NULL);
    uint16_t port = net_service_port(s->service.server);
    for (int i = 0; i < 3; i++)
        fds[i] = net_connect(port);
    NET_UNTIL(atomic_load(&s->service.asked) == 1);
    net_passes(5);
    s->got[0] = atomic_load(&s->service.made);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    NET_UNTIL(atomic_load(&s->service.lost) == s->got[0]);
    return 0;
}

/* The acceptor is in the middle of its batch when the server goes. */
START_TEST(a_server_may_be_freed_inside_its_own_callbacks)
{
    struct scene s = { .got[9] = _i };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(free_inside, &s), 0);
    ck_assert_int_eq(s.code, 0);
    ck_assert_int_eq(s.got[0], _i == 1 ? 0 : 1);
    ck_assert_int_eq(atomic_load(&s.service.asked), 1);
    net_check_descriptors(before);
    net_service_fini(&s.service);
}
END_TEST

static int leave_everything(void *arg)
{
    struct scene *s = arg;

    s->code = net_service_start(&s->service, NULL);
    s->got[0] = net_service_call(&s->service, net_service_port(s->service.server));
    return 0;                                   /* the server is not closed, and its client is there */
}

START_TEST(a_run_that_ends_closes_its_servers_and_aborts_its_connections)
{
    struct scene s = { 0 };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(leave_everything, &s), 0);
    ck_assert_str_eq(s.service.log[0].text, "CM CL(0)");
    weir_server_free(s.service.server);
    close((int)s.got[0]);
    net_check_descriptors(before);
    net_service_fini(&s.service);
}
END_TEST

/* --- Several loops --------------------------------------------------------------- */

#define CALLS 24

/* Everybody but worker 0 waits for a step, so that what happens on which thread is the test's choice. */
static void wait_for_step(struct scene *s, int step)
{
    while (atomic_load(&s->step) < step)
        weir_yield();
}

static int share_port(void *arg)
{
    struct scene *s = arg;
    int fds[CALLS];

    if (weir_worker_index() > 0) {
        wait_for_step(s, 1);
        return 0;
    }
    s->opts.all_workers = true;
    s->service.echo = true;
    s->code = net_service_start(&s->service, &s->opts);
    s->got[0] = (long)weir_server_sockets(s->service.server, NULL, 0);
    uint16_t port = net_service_port(s->service.server);
    for (int i = 0; i < CALLS; i++)
        fds[i] = net_connect(port);
    for (int i = 0; i < CALLS; i++) {
        char c = (char)i;
        s->got[1] += net_raw_send(fds[i], &c, 1);
    }
    for (int i = 0; i < CALLS; i++) {
        char c = -1;
        s->got[2] += net_raw_recv(fds[i], &c, 1) == 1 && c == i;
    }
    for (int i = 0; i < CALLS; i++)
        close(fds[i]);
    while (atomic_load(&s->service.lost) < CALLS)
        weir_yield();
    weir_server_close(s->service.server);
    s->got[3] = weir_server_wait_closed(s->service.server);
    weir_server_free(s->service.server);
    atomic_store(&s->step, 1);
    return 0;
}

START_TEST(one_port_is_served_by_every_worker)  /* ML-1, ML-2 */
{
    struct scene s = { 0 };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run_workers((unsigned)_i, share_port, &s), 0);
    ck_assert_int_eq(s.code, 0);
    ck_assert_int_eq(s.got[0], 1);              /* one address, however many listeners */
    ck_assert_int_eq(s.got[1], CALLS);
    ck_assert_int_eq(s.got[2], CALLS);
    ck_assert_int_eq(s.got[3], 0);
    int sum = 0;
    for (int i = 0; i < 8; i++)
        sum += atomic_load(&s.service.by_worker[i]);
    ck_assert_int_eq(sum, CALLS);
    net_check_descriptors(before);
    net_service_fini(&s.service);
}
END_TEST

/* Worker 1 does to the server what .got[9] says; every worker waits for its end. */
static int act_from_elsewhere(void *arg)
{
    struct scene *s = arg;
    unsigned me = weir_worker_index();
    int fds[CALLS];

    if (me == 0) {
        s->opts.all_workers = true;
        s->code = net_service_start(&s->service, &s->opts);
        uint16_t port = net_service_port(s->service.server);
        for (int i = 0; i < CALLS; i++)
            fds[i] = net_connect(port);
        while (atomic_load(&s->service.made) < CALLS)
            weir_yield();
        atomic_store(&s->step, 1);
    }
    wait_for_step(s, 1);
    if (me == 1 && s->got[9] == 0) {
        weir_server_close_clients(s->service.server);
        weir_server_close(s->service.server);
    } else if (me == 1) {
        weir_server_close(s->service.server);
        weir_server_abort_clients(s->service.server);
        weir_server_abort_clients(s->service.server);
    }
    int code = weir_server_wait_closed(s->service.server);
    bool serving = weir_server_is_serving(s->service.server);
    if (me > 0) {
        atomic_fetch_add(&s->done, code == 0 && !serving);
        return 0;
    }
    while (atomic_load(&s->done) < (int)s->workers - 1)
        weir_yield();
    s->got[0] = atomic_load(&s->service.lost);
    for (int i = 0; i < CALLS; i++)
        close(fds[i]);
    weir_server_free(s->service.server);
    return 0;
}

START_TEST(any_worker_may_close_the_server_and_its_clients_and_wait_for_both)   /* ML-3 */
{
    struct scene s = { .workers = (unsigned)_i / 2 + 2, .got[9] = _i % 2 };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run_workers(s.workers, act_from_elsewhere, &s), 0);
    ck_assert_int_eq(s.code, 0);
    ck_assert_int_eq(atomic_load(&s.done), (int)s.workers - 1);
    ck_assert_int_eq(s.got[0], CALLS);
    net_check_descriptors(before);
    net_service_fini(&s.service);
}
END_TEST

static int leave_at_once(void *arg)
{
    struct scene *s = arg;

    if (weir_worker_index() > 0) {
        wait_for_step(s, 1);
        return 0;
    }
    s->opts.all_workers = true;
    s->code = net_service_start(&s->service, &s->opts);
    s->got[0] = net_connect(net_service_port(s->service.server));
    atomic_store(&s->step, 1);
    return 0;
}

START_TEST(workers_that_end_close_their_part_of_a_server_that_nobody_closed)
{
    struct scene s = { 0 };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run_workers((unsigned)_i, leave_at_once, &s), 0);
    ck_assert_int_eq(s.code, 0);
    close((int)s.got[0]);
    weir_server_free(s.service.server);
    net_check_descriptors(before);
    ck_assert_int_eq(atomic_load(&s.service.made), atomic_load(&s.service.lost));
    net_service_fini(&s.service);
}
END_TEST

Suite *suite(void)
{
    Suite *server = suite_create("net/server");

    TCase *one = tcase_create("one");
    tcase_add_test(one, a_server_that_does_not_serve_yet_refuses_and_then_serves);
    tcase_add_loop_test(one, closing_stops_the_listening_and_leaves_the_connections, 0, 2);
    tcase_add_loop_test(one, all_clients_can_be_closed_or_aborted_at_once, 0, 2);
    tcase_add_test(one, a_factory_that_fails_drops_its_own_client_only);
    tcase_add_loop_test(one, a_server_may_be_freed_inside_its_own_callbacks, 0, 3);
    tcase_add_test(one, a_run_that_ends_closes_its_servers_and_aborts_its_connections);
    suite_add_tcase(server, one);

    TCase *several = tcase_create("several");
    tcase_add_loop_test(several, one_port_is_served_by_every_worker, 1, 5);
    tcase_add_loop_test(several, any_worker_may_close_the_server_and_its_clients_and_wait_for_both, 0, 6);
    tcase_add_loop_test(several, workers_that_end_close_their_part_of_a_server_that_nobody_closed, 1, 5);
    suite_add_tcase(server, several);
    return server;
}
