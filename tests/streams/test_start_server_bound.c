/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_start_server_bound.c  What weir__start_server_bound promises, and weir_start_unix_server on several
 * workers: sockets that were bound before there was a loop, of which some are each worker's own and some are shared.
 */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <weir/loop.h>
#include <weir/run.h>

#include "core/loop.h"
#include "lib/each_fault.h"
#include "lib/net_unix.h"
#include "lib/stream_service.h"
#include "lib/suite.h"
#include "net/server.h"
#include "streams/start_server.h"

#define CALLERS 10

struct scene {
    struct listen_set sockets;
    int port;
    char path[128];
    void *worker_args[4];       /* each worker's own count */
    atomic_int served[4];
    atomic_int step;
    int code, right;
    size_t listening;
};

/* Bound on the plain stack: what a program does before it has workers. */
static int bind_both(struct scene *s, size_t workers, enum weir_balance balance)
{
    static const struct listen_unix how = { .mode = 0600, .refuse_live = true };
    weir_server_options opts = { .balance = balance };
    struct address_list list = { 0 };
    struct listen_set more;
    weir_address address;

    snprintf(s->path, sizeof s->path, "%s", net_unix_path("s"));
    ck_assert_int_eq(weir_address_parse(&address, "127.0.0.1", 0), 0);
    int code = weir__address_list_add(&list, (void *)&address.storage, address.len);
    if (code == 0)
        code = weir__listen_bind(&list, workers, &opts, &s->sockets);
    weir__address_list_fini(&list);
    if (code < 0)
        return code;
    s->port = raw_port(s->sockets.fds[0]);
    code = weir__listen_unix(s->path, &how, workers, &more);
    if (code == 0) {
        code = weir__listen_set_append(&s->sockets, &more);
        weir__listen_set_fini(&more);
    }
    if (code < 0)
        weir__listen_set_fini(&s->sockets);
    return code;
}

static int count_and_echo(weir_reader *reader, weir_writer *writer, void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
    return echo_lines(reader, writer, NULL);
}

static void wait_for_step(struct scene *s, int step)
{
    while (atomic_load(&s->step) < step)
        (void)weir_yield();
}

/* So many at one address, all at once. */
static int call_all(struct scene *s, bool unix_path, int callers)
{
    int fds[CALLERS], right = 0;

    for (int i = 0; i < callers; i++)
        fds[i] = unix_path ? net_unix_connect(s->path) : raw_connect(s->port);
    for (int i = 0; i < callers; i++)
        right += service_echoes(fds[i], "line\n");
    for (int i = 0; i < callers; i++)
        close(fds[i]);
    return right;
}

static void never_stalled(weir_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->stall_ns = FOREVER;                 /* how busy the machine is must not show */
    pthread_mutex_unlock(&server->lock);
}

static int serve_bound(void *arg)
{
    struct scene *s = arg;
    struct serving serving = { .cb = count_and_echo, .worker_args = s->worker_args };
    weir_server *server;

    if (weir_worker_index() > 0) {
        wait_for_step(s, 1);
        return 0;
    }
    s->code = weir__start_server_bound(&serving, &s->sockets, NULL, &server);
    if (s->code == 0) {
        never_stalled(server);
        s->listening = weir_server_sockets(server, NULL, 0);
        s->right = call_all(s, false, CALLERS) + call_all(s, true, CALLERS);
        weir_server_close(server);
        s->code = weir_server_wait_closed(server);
        weir_server_free(server);
    }
    atomic_store(&s->step, 1);
    return 0;
}

static void run_scene(struct scene *s, unsigned workers, int (*main)(void *))
{
    for (int i = 0; i < 4; i++)
        s->worker_args[i] = &s->served[i];
    ck_assert_int_eq(weir_run_workers(workers, main, s), 0);
}

START_TEST(sockets_bound_before_are_served_by_all_workers)
{
    struct scene s = { 0 };
    unsigned workers = (unsigned)_i / 2 + 1;
    int before = open_descriptors(), sum = 0;

    ck_assert_int_eq(bind_both(&s, workers, _i % 2 == 0 ? WEIR_BALANCE_REUSEPORT : WEIR_BALANCE_EVEN), 0);
    run_scene(&s, workers, serve_bound);
    ck_assert_int_eq(s.code, 0);
    ck_assert_uint_eq(s.listening, 2);
    ck_assert_int_eq(s.right, 2 * CALLERS);
    ck_assert_ptr_null(s.sockets.fds);
    for (int i = 0; i < 4; i++)
        sum += atomic_load(&s.served[i]);
    ck_assert_int_eq(sum, 2 * CALLERS);
    ck_assert_int_eq(access(s.path, F_OK), -1);
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

static int serve_a_path(void *arg)
{
    struct scene *s = arg;
    weir_server_options opts = { .all_workers = true };
    weir_server *server;

    if (weir_worker_index() > 0) {
        wait_for_step(s, 1);
        return 0;
    }
    s->code = weir_start_unix_server(echo_lines, NULL, s->path, &opts, &server);
    if (s->code == 0) {
        never_stalled(server);
        int fds[CALLERS];
        for (int i = 0; i < CALLERS; i++)
            fds[i] = net_unix_connect(s->path);
        for (int i = 0; i < CALLERS; i++)
            s->right += service_echoes(fds[i], "line\n");
        pthread_mutex_lock(&server->lock);
        for (size_t i = 0; i < server->part_count; i++)
            atomic_store(&s->served[i], (int)server->parts[i].load);
        pthread_mutex_unlock(&server->lock);
        for (int i = 0; i < CALLERS; i++)
            close(fds[i]);
        weir_server_close(server);
        s->code = weir_server_wait_closed(server);
        weir_server_free(server);
    }
    atomic_store(&s->step, 1);
    return 0;
}

/* A Unix socket knows no SO_REUSEPORT: without dealing out, whoever wakes first would have them all. */
START_TEST(a_unix_sockets_connections_are_dealt_out_to_all_workers)
{
    struct scene s = { 0 };
    int before = open_descriptors();

    snprintf(s.path, sizeof s.path, "%s", net_unix_path("s"));
    run_scene(&s, (unsigned)_i, serve_a_path);
    ck_assert_int_eq(s.code, 0);
    ck_assert_int_eq(s.right, CALLERS);
    for (int i = 0; i < _i; i++) {
        int served = atomic_load(&s.served[i]);
        ck_assert_int_ge(served, CALLERS / _i);
        ck_assert_int_le(served, (CALLERS + _i - 1) / _i);
    }
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

/* --- Refused -------------------------------------------------------------------------- */

static int start_badly(void *arg)
{
    struct scene *s = arg;
    struct serving serving = { .cb = count_and_echo, .worker_args = s->worker_args };
    int fd = 0;
    weir_server_options opts = { .sock = &fd }, wrong = { .backlog = -1 }, later = { .proxy_protocol = true };
    weir_server *server = NULL;

    s->code = weir__start_server_bound(&serving, &s->sockets, s->port == -1 ? &opts : s->port == -2 ? &wrong
                                       : s->port == -3 ? &later : NULL, &server);
    ck_assert_ptr_null(server);
    return 0;
}

START_TEST(what_does_not_fit_is_refused_and_the_sockets_are_closed)
{
    static const int codes[] = { -EINVAL, -EINVAL, -ENOTSUP, -EINVAL, -EINVAL };
    struct scene s = { 0 };
    int before = open_descriptors();

    if (_i < 4)                                 /* 3: for three workers, and there is one; 4: none at all */
        ck_assert_int_eq(bind_both(&s, _i == 3 ? 3 : 1, WEIR_BALANCE_REUSEPORT), 0);
    s.port = -1 - _i;
    ck_assert_int_eq(weir_run(start_badly, &s), 0);
    ck_assert_int_eq(s.code, codes[_i]);
    ck_assert_ptr_null(s.sockets.fds);
    ck_assert_int_eq(access(net_unix_path("s"), F_OK), -1);
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

START_TEST(outside_of_a_task_the_sockets_are_closed_too)
{
    struct scene s = { 0 };
    int before = open_descriptors();

    ck_assert_int_eq(bind_both(&s, 2, WEIR_BALANCE_EVEN), 0);
    start_badly(&s);
    ck_assert_int_eq(s.code, WEIR_ENOTASK);
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

static int bind_and_start(void *arg)
{
    struct scene *s = arg;
    struct serving serving = { .cb = count_and_echo, .worker_args = s->worker_args };
    weir_server *server;

    if (weir_worker_index() > 0) {
        while (atomic_load(&s->step) < 1 && weir_yield() == 0)  /* cancelled, if worker 0 could not begin */
            ;
        return 0;
    }
    s->code = weir__start_server_bound(&serving, &s->sockets, NULL, &server);
    if (s->code == 0)
        weir_server_free(server);
    atomic_store(&s->step, 1);
    return 0;
}

START_TEST(whatever_call_fails_nothing_stays)
{
    int before = open_descriptors();
    uint64_t failed, n = 0;

    do {
        struct scene s = { 0 };
        /* Not what removing a file needs: without it there is no way not to leave one. */
        weir__fault_begin(&(struct fault_plan) {
            .fail_at = ++n, .only = FAULT_ANY & ~(FAULT_OF(SYS_UNLINK) | FAULT_OF(SYS_LSTAT) | FAULT_OF(SYS_READ)) });
        int code = bind_both(&s, 2, _i == 0 ? WEIR_BALANCE_REUSEPORT : WEIR_BALANCE_EVEN);
        if (code == 0)
            code = weir_run_workers(2, bind_and_start, &s);
        failed = weir__fault_end();
        if (failed == 0)
            ck_assert_int_eq(code < 0 ? code : s.code, 0);
        weir__listen_set_fini(&s.sockets);      /* those that nobody took: the run could not begin */
        ck_assert_int_eq(access(net_unix_path("s"), F_OK), -1);
        for (int i = 0; i < 100000 && open_descriptors() != before; i++)
            sched_yield();
        ck_assert_int_eq(open_descriptors(), before);
    } while (failed > 0);
    ck_assert_uint_gt(n, 20);
}
END_TEST

Suite *suite(void)
{
    Suite *bound = suite_create("streams/start_server_bound");

    TCase *serving = tcase_create("serving");
    tcase_add_checked_fixture(serving, net_unix_folder, net_unix_remove_folder);
    tcase_add_loop_test(serving, sockets_bound_before_are_served_by_all_workers, 0, 6);
    tcase_add_loop_test(serving, a_unix_sockets_connections_are_dealt_out_to_all_workers, 2, 5);
    suite_add_tcase(bound, serving);

    TCase *refused = tcase_create("refused");
    tcase_add_checked_fixture(refused, net_unix_folder, net_unix_remove_folder);
    tcase_add_loop_test(refused, what_does_not_fit_is_refused_and_the_sockets_are_closed, 0, 5);
    tcase_add_test(refused, outside_of_a_task_the_sockets_are_closed_too);
    tcase_add_loop_test(refused, whatever_call_fails_nothing_stays, 0, 2);
    suite_add_tcase(bound, refused);
    return bound;
}
