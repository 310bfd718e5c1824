/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_server_leave.c  What net/server_leave.c promises: a server that leaves serves all whose call came through, and
 * hears nobody new.
 *
 * A connection in the backlog is made, as its caller sees it, and may have carried a request. Closing a listening socket
 * resets it.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/run.h>

#include "core/sys_fault.h"
#include "lib/net_service.h"
#include "lib/suite.h"
#include "net/server.h"

#define CALLERS 24

struct scene {
    struct net_service service;
    weir_server_options opts;
    int way;
    int fds[CALLERS];
    long got[4];
    atomic_bool over;
};

static void start(struct scene *s)
{
    s->service.echo = true;
    ck_assert_int_eq(net_service_start(&s->service, &s->opts), 0);
}

/* Their calls are answered by the kernel; the loop has not turned yet. */
static void call(struct scene *s)
{
    uint16_t port = net_service_port(s->service.server);

    for (int i = 0; i < CALLERS; i++) {
        s->fds[i] = net_connect(port);
        ck_assert(net_raw_send(s->fds[i], "x", 1));
    }
}

static int served(struct scene *s)
{
    int count = 0;

    for (int i = 0; i < CALLERS; i++) {
        char c = 0;
        count += net_raw_recv(s->fds[i], &c, 1) == 1 && c == 'x';
        close(s->fds[i]);
    }
    return count;
}

static void end(struct scene *s)
{
    weir_server_close(s->service.server);
    ck_assert_int_eq(weir_server_wait_closed(s->service.server), 0);
    weir_server_free(s->service.server);
    atomic_store(&s->over, true);
}

/* --- One loop ---------------------------------------------------------------------- */

enum { LEAVES, LEAVES_UNFILTERED, CHANGES_ITS_MIND, JUST_CLOSES, WAYS };

static int close_on_callers(void *arg)
{
    struct scene *s = arg;

    start(s);
    call(s);
    if (s->way == LEAVES_UNFILTERED)
        weir__fault_begin(&(struct fault_plan) { .fail_at = 1, .only = 1ULL << SYS_SETSOCKOPT, .code = -ENOMEM });
    if (s->way != JUST_CLOSES)
        weir__server_leave(s->service.server);
    weir__fault_end();
    if (s->way == CHANGES_ITS_MIND)
        weir__server_leave_at_once(s->service.server);
    weir_server_close(s->service.server);
    s->got[0] = served(s);
    end(s);
    return 0;
}

START_TEST(who_waits_when_a_server_has_left_is_served)
{
    struct scene s = { .way = _i };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(close_on_callers, &s), 0);
    ck_assert_int_eq(s.got[0], _i == LEAVES || _i == LEAVES_UNFILTERED ? CALLERS : 0);
    net_check_descriptors(before);
    net_service_fini(&s.service);
}
END_TEST

static int call_too_late(void *arg)
{
    struct scene *s = arg;

    start(s);
    int before = net_service_call(&s->service, net_service_port(s->service.server));
    weir__server_leave(s->service.server);
    weir__server_leave(s->service.server);
    struct pollfd late = { .fd = net_connect(net_service_port(s->service.server)), .events = POLLOUT };
    net_passes(50);
    s->got[0] = poll(&late, 1, 0);              /* no connection, and no refusal: it calls again until somebody answers */
    s->got[1] = atomic_load(&s->service.made);
    char c = 0;
    s->got[2] = net_raw_send(before, "x", 1) && net_raw_recv(before, &c, 1) == 1 && c == 'x';
    close(late.fd);
    close(before);
    end(s);
    return 0;
}

START_TEST(who_calls_when_a_server_leaves_is_not_heard)
{
    struct scene s = { 0 };

    ck_assert_int_eq(weir_run(call_too_late, &s), 0);
    ck_assert_int_eq(s.got[0], 0);
    ck_assert_int_eq(s.got[1], 1);
    ck_assert_int_eq(s.got[2], 1);
    net_service_fini(&s.service);
}
END_TEST

static int leave_a_socket_to_others(void *arg)
{
    struct scene *s = arg;
    int fd;

    start(s);
    weir_server_sockets(s->service.server, &fd, 1);
    int kept = dup(fd);
    uint16_t port = net_service_port(s->service.server);
    weir__server_leave(s->service.server);
    weir_server_close(s->service.server);
    int caller = net_connect(port);
    NET_UNTIL((s->fds[0] = accept(kept, NULL, NULL)) >= 0);
    close(s->fds[0]);
    close(caller);
    close(kept);
    end(s);
    return 0;
}

START_TEST(who_keeps_the_socket_hears_callers_again)
{
    struct scene s = { 0 };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(leave_a_socket_to_others, &s), 0);
    net_check_descriptors(before);
    net_service_fini(&s.service);
}
END_TEST

static int leave_full(void *arg)
{
    struct scene *s = arg;

    s->opts.max_connections = 5;
    start(s);
    call(s);
    weir__server_leave(s->service.server);
    weir_server_close(s->service.server);
    s->got[0] = served(s);
    end(s);
    return 0;
}

START_TEST(places_bound_who_is_served_at_the_end_too)
{
    struct scene s = { 0 };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(leave_full, &s), 0);
    ck_assert_int_eq(s.got[0], 5);
    net_check_descriptors(before);
    net_service_fini(&s.service);
}
END_TEST

/* --- Several loops ----------------------------------------------------------------- */

static int leave_together(void *arg)
{
    struct scene *s = arg;

    if (weir_worker_index() > 0) {
        NET_UNTIL(atomic_load(&s->over));
        return 0;
    }
    s->opts.all_workers = true;
    s->opts.balance = s->way == 0 ? WEIR_BALANCE_REUSEPORT : WEIR_BALANCE_EVEN;
    start(s);
    call(s);
    weir__server_leave(s->service.server);
    weir_server_close(s->service.server);
    s->got[0] = served(s);
    end(s);
    return 0;
}

START_TEST(each_worker_serves_those_who_wait_with_it)
{
    struct scene s = { .way = _i };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run_workers(3, leave_together, &s), 0);
    ck_assert_int_eq(s.got[0], CALLERS);
    net_check_descriptors(before);
    net_service_fini(&s.service);
}
END_TEST

Suite *suite(void)
{
    Suite *leave = suite_create("net/server_leave");

    TCase *one = tcase_create("one");
    tcase_add_loop_test(one, who_waits_when_a_server_has_left_is_served, 0, WAYS);
    tcase_add_test(one, who_calls_when_a_server_leaves_is_not_heard);
    tcase_add_test(one, who_keeps_the_socket_hears_callers_again);
    tcase_add_test(one, places_bound_who_is_served_at_the_end_too);
    suite_add_tcase(leave, one);

    TCase *several = tcase_create("several");
    tcase_add_loop_test(several, each_worker_serves_those_who_wait_with_it, 0, 2);
    suite_add_tcase(leave, several);

    return leave;
}
