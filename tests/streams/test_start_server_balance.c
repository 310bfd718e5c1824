/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_start_server_balance.c  What a server on several workers promises about few connections that stay long:
 * each worker has as many, and one that is blocked gets none.
 *
 * How descriptors travel is tried in tests/net/test_listener_balance.c; here are handlers, as a user has them. A worker is
 * blocked for real, in a read(2) from a pipe, until the test has seen the others served. How long a loop may be in one pass
 * before it counts as blocked is for ever in the other tests: a machine that is busy makes loops late without blocking them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <weir/run.h>
#include <weir/server.h>

#include "core/loop.h"
#include "core/sys.h"
#include "lib/net_dealing.h"
#include "lib/net_unix.h"
#include "lib/suite.h"

#define LONG_ONES 10
#define MORE 6

struct scene {
    weir_server *server;
    const char *path;           /* of a Unix socket; NULL: TCP with balance = even */
    int pipe[2];
    int fds[LONG_ONES + 2 * MORE];
    atomic_int begun, now;      /* handlers, and those that have not returned */
    atomic_int by_worker[2];
    atomic_int step;            /* what worker 0 has come to: 1: the other one shall block; 9: the end */
    atomic_bool blocked;
    int code, echoed;
    int seen[4];
};

static int echo_lines(weir_reader *reader, weir_writer *writer, void *arg)
{
    struct scene *s = arg;
    weir_bytes line;
    ssize_t n;

    atomic_fetch_add(&s->by_worker[weir_worker_index()], 1);
    atomic_fetch_add(&s->now, 1);
    atomic_fetch_add(&s->begun, 1);
    while ((n = weir_reader_readline(reader, &line)) > 0)
        weir_writer_write(writer, line.data, line.len);
    atomic_fetch_sub(&s->now, 1);
    return weir_result(n);
}

static int start(struct scene *s)
{
    weir_server_options opts = { .all_workers = true };

    if (s->path != NULL)
        return weir_start_unix_server(echo_lines, s, s->path, &opts, &s->server);
    opts.balance = WEIR_BALANCE_EVEN;
    return weir_start_server(echo_lines, s, "127.0.0.1", 0, &opts, &s->server);
}

static void stall_after(struct scene *s, int64_t ns)
{
    pthread_mutex_lock(&s->server->lock);
    s->server->stall_ns = ns;
    pthread_mutex_unlock(&s->server->lock);
}

/* Callers @from to @to, all at once, who stay. [suspends] */
static void call(struct scene *s, int from, int to)
{
    for (int i = from; i < to; i++)
        s->fds[i] = s->path != NULL ? net_unix_connect(s->path) : net_connect(net_service_port(s->server));
    UNTIL(atomic_load(&s->begun) == to);
}

static int count_echoes(const struct scene *s, int from, int to)
{
    int echoes = 0;

    for (int i = from; i < to; i++) {
        char got[8] = "";
        echoes += net_raw_send(s->fds[i], "line\n", 5) && net_raw_recv(s->fds[i], got, 5) == 5 && memcmp(got, "line\n", 5) == 0;
    }
    return echoes;
}

static void end(struct scene *s, int callers)
{
    for (int i = 0; i < callers; i++)
        close(s->fds[i]);
    weir_server_close(s->server);
    s->code = weir_server_wait_closed(s->server);
    weir_server_free(s->server);
    atomic_store(&s->step, 9);
}

/* --- Even --------------------------------------------------------------------------- */

static int serve_long_ones(void *arg)
{
    struct scene *s = arg;

    if (weir_worker_index() > 0) {
        UNTIL(atomic_load(&s->step) == 9);
        return 0;
    }
    ck_assert_int_eq(start(s), 0);
    stall_after(s, FOREVER);
    call(s, 0, LONG_ONES);
    s->echoed = count_echoes(s, 0, LONG_ONES);
    s->seen[0] = atomic_load(&s->now);          /* all of them at the same time */
    end(s, LONG_ONES);
    return 0;
}

START_TEST(ten_long_connections_on_two_workers_are_five_and_five_each_time)
{
    char path[128];
    int before = net_open_descriptors();

    snprintf(path, sizeof path, "%s", net_unix_path("s"));
    for (int run = 0; run < 100; run++) {
        struct scene s = { .path = _i == 0 ? NULL : path };
        ck_assert_int_eq(weir_run_workers(2, serve_long_ones, &s), 0);
        ck_assert_int_eq(s.echoed, LONG_ONES);
        ck_assert_int_eq(s.seen[0], LONG_ONES);
        ck_assert_msg(atomic_load(&s.by_worker[0]) == 5 && atomic_load(&s.by_worker[1]) == 5, "%d and %d in run %d",
                      atomic_load(&s.by_worker[0]), atomic_load(&s.by_worker[1]), run);
        ck_assert_int_eq(s.code, 0);
    }
    net_check_descriptors(before);
}
END_TEST

/* --- Blocked -------------------------------------------------------------------------- */

static int be_blocked(struct scene *s)
{
    char c;

    UNTIL(atomic_load(&s->step) == 1);
    atomic_store(&s->blocked, true);
    while (read(s->pipe[0], &c, 1) < 0 && errno == EINTR)
        ;
    UNTIL(atomic_load(&s->step) == 9);
    return 0;
}

static int serve_beside_a_blocked_one(void *arg)
{
    struct scene *s = arg;

    if (weir_worker_index() > 0)
        return be_blocked(s);
    ck_assert_int_eq(start(s), 0);
    stall_after(s, FOREVER);
    call(s, 0, LONG_ONES);
    atomic_store(&s->step, 1);
    UNTIL(atomic_load(&s->blocked));
    stall_after(s, STALL_NS);
    UNTIL(weir__loop_stalled(weir_worker_loop(1), sys_monotonic_ns(), STALL_NS));

    s->seen[0] = atomic_load(&s->by_worker[0]);
    call(s, LONG_ONES, LONG_ONES + MORE);
    s->seen[1] = atomic_load(&s->by_worker[0]);
    s->echoed = count_echoes(s, LONG_ONES, LONG_ONES + MORE);

    s->seen[2] = (int)write(s->pipe[1], "x", 1);
    stall_after(s, FOREVER);
    call(s, LONG_ONES + MORE, LONG_ONES + 2 * MORE);    /* now the other one has fewest */
    s->echoed += count_echoes(s, 0, LONG_ONES + 2 * MORE);
    s->seen[3] = atomic_load(&s->by_worker[1]);
    end(s, LONG_ONES + 2 * MORE);
    return 0;
}

START_TEST(while_one_loop_is_blocked_the_other_takes_the_new_ones)
{
    char path[128];
    struct scene s = { .path = _i == 0 ? NULL : path };
    int before = net_open_descriptors();

    snprintf(path, sizeof path, "%s", net_unix_path("s"));
    ck_assert_int_eq(pipe(s.pipe), 0);
    ck_assert_int_eq(weir_run_workers(2, serve_beside_a_blocked_one, &s), 0);
    ck_assert_int_eq(s.seen[0], LONG_ONES / 2);
    ck_assert_int_eq(s.seen[1], LONG_ONES / 2 + MORE);
    ck_assert_int_eq(s.seen[3], LONG_ONES / 2 + MORE);
    ck_assert_int_eq(s.echoed, MORE + LONG_ONES + 2 * MORE);    /* those of the blocked one go on too */
    ck_assert_int_eq(s.code, 0);
    close(s.pipe[0]);
    close(s.pipe[1]);
    net_check_descriptors(before);
}
END_TEST

Suite *suite(void)
{
    Suite *balance = suite_create("streams/start_server_balance");

    TCase *even = tcase_create("even");
    tcase_set_timeout(even, 30);                /* for a hundred runs, on a busy machine */
    tcase_add_checked_fixture(even, net_unix_folder, net_unix_remove_folder);
    tcase_add_loop_test(even, ten_long_connections_on_two_workers_are_five_and_five_each_time, 0, 2);
    suite_add_tcase(balance, even);

    TCase *blocked = tcase_create("blocked");
    tcase_add_checked_fixture(blocked, net_unix_folder, net_unix_remove_folder);
    tcase_add_loop_test(blocked, while_one_loop_is_blocked_the_other_takes_the_new_ones, 0, 2);
    suite_add_tcase(balance, blocked);
    return balance;
}
