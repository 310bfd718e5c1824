/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_server_wait.c  What net/server_wait.c promises: wait_closed and serve_forever, from any loop, cut or not.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <weir/run.h>

#include "lib/clock.h"
#include "lib/net_service.h"
#include "lib/suite.h"

struct scene {
    struct net_service service;
    weir_server_options opts;
    long got[10];
    atomic_int step, waiting, done, ended;
    double seconds;
};

static int wait_closed(void *arg)
{
    struct scene *s = arg;

    return weir_server_wait_closed(s->service.server);
}

static int serve(void *arg)
{
    struct scene *s = arg;

    return weir_server_serve_forever(s->service.server);
}

static int result_of(weir_task *task)
{
    int code = weir_task_join(task);

    weir_task_unref(task);
    return code;
}

/* --- wait_closed -------------------------------------------------------------------- */

static int wait_in_each_order(void *arg)
{
    struct scene *s = arg;

    net_service_start(&s->service, NULL);
    weir_task *early = weir_create_task(wait_closed, s);
    int fd = net_service_call(&s->service, net_service_port(s->service.server));
    net_passes(5);
    s->got[0] = weir_task_done(early);          /* the server is open */
    weir_server_close(s->service.server);
    weir_task *late = weir_create_task(wait_closed, s);
    net_passes(5);
    s->got[1] = weir_task_done(early) || weir_task_done(late);          /* a client is there (A3) */
    close(fd);
    s->got[2] = result_of(early);
    s->got[3] = result_of(late);
    s->got[4] = atomic_load(&s->service.lost);
    s->got[5] = weir_server_wait_closed(s->service.server);
    weir_server_free(s->service.server);
    return 0;
}

START_TEST(wait_closed_waits_for_the_close_and_for_the_last_client)     /* C76, SV-9, SV-14 */
{
    struct scene s = { 0 };

    ck_assert_int_eq(weir_run(wait_in_each_order, &s), 0);
    ck_assert_int_eq(s.got[0], 0);
    ck_assert_int_eq(s.got[1], 0);
    ck_assert_int_eq(s.got[2], 0);
    ck_assert_int_eq(s.got[3], 0);
    ck_assert_int_eq(s.got[4], 1);
    ck_assert_int_eq(s.got[5], 0);
    net_service_fini(&s.service);
}
END_TEST

static int wait_on_open(void *arg)
{
    struct scene *s = arg;

    s->opts.no_start_serving = s->got[9] != 0;
    net_service_start(&s->service, &s->opts);
    weir_task *waiter = weir_create_task(wait_closed, s);
    net_passes(5);
    s->got[0] = weir_task_done(waiter);
    weir_server_close(s->service.server);
    s->got[1] = result_of(waiter);
    weir_server_free(s->service.server);
    return 0;
}

START_TEST(on_an_open_server_without_clients_wait_closed_waits_too)
{
    struct scene s = { .got[9] = _i };

    ck_assert_int_eq(weir_run(wait_on_open, &s), 0);
    ck_assert_int_eq(s.got[0], 0);
    ck_assert_int_eq(s.got[1], 0);
}
END_TEST

static int cancel_one_of_two(void *arg)
{
    struct scene *s = arg;

    net_service_start(&s->service, NULL);
    weir_task *first = weir_create_task(wait_closed, s), *second = weir_create_task(wait_closed, s);
    net_passes(3);
    weir_task_cancel(first);
    s->got[0] = result_of(first);
    s->got[1] = weir_task_done(second);
    weir_server_close(s->service.server);
    s->got[2] = result_of(second);
    weir_server_free(s->service.server);
    return 0;
}

START_TEST(a_cancelled_waiter_disturbs_no_other)        /* CV-12, A2 */
{
    struct scene s = { 0 };

    ck_assert_int_eq(weir_run(cancel_one_of_two, &s), 0);
    ck_assert_int_eq(s.got[0], -ECANCELED);
    ck_assert_int_eq(s.got[1], 0);
    ck_assert_int_eq(s.got[2], 0);
}
END_TEST

/* The wake-up is a message on its way when the cancel comes: it must find nobody, and nothing that was freed. */
static int cancel_as_it_comes(void *arg)
{
    struct scene *s = arg;

    net_service_start(&s->service, NULL);
    weir_task *waiter = weir_create_task(wait_closed, s);
    net_passes(3);
    weir_server_close(s->service.server);
    net_passes((int)s->got[9]);
    weir_task_cancel(waiter);
    s->got[0] = result_of(waiter);
    net_passes(5);
    weir_server_free(s->service.server);
    return 0;
}

START_TEST(a_cancel_may_meet_the_wake_up)
{
    struct scene s = { .got[9] = _i };

    ck_assert_int_eq(weir_run(cancel_as_it_comes, &s), 0);
    ck_assert(s.got[0] == -ECANCELED || s.got[0] == 0);
}
END_TEST

static int wait_for_a_time(void *arg)
{
    struct scene *s = arg;
    weir_timeout limit;

    net_service_start(&s->service, NULL);
    double since = clock_now();
    weir_timeout_begin(&limit, 5);
    s->got[0] = weir_server_wait_closed(s->service.server);
    weir_timeout_end(&limit);
    s->seconds = clock_now() - since;
    weir_server_free(s->service.server);
    return 0;
}

START_TEST(wait_closed_keeps_to_the_deadline)
{
    struct scene s = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(wait_for_a_time, &s), 0);
    ck_assert_int_eq(s.got[0], -ETIMEDOUT);
    ck_assert_double_ge(s.seconds, 5);
    ck_assert_double_le(s.seconds, 5.1);
}
END_TEST

static void wait_outside(weir_loop *loop, int code, const char *message, void *arg)
{
    (void)loop, (void)code, (void)message, (void)arg;
}

static void call_outside(void *arg)
{
    struct scene *s = arg;

    s->got[0] = weir_server_wait_closed(s->service.server);
    s->got[1] = weir_server_serve_forever(s->service.server);
    s->got[2] = weir_server_start_serving(s->service.server);
}

static int call_from_a_callback(void *arg)
{
    struct scene *s = arg;

    weir_loop_set_exception_handler(weir_get_running_loop(), wait_outside, s);
    s->opts.no_start_serving = true;
    net_service_start(&s->service, &s->opts);
    weir_loop_call_soon(weir_get_running_loop(), call_outside, s);
    net_passes(3);
    weir_server_close(s->service.server);
    s->got[3] = weir_server_wait_closed(s->service.server);
    weir_server_free(s->service.server);
    return 0;
}

START_TEST(waiting_needs_a_task)
{
    struct scene s = { 0 };

    ck_assert_int_eq(weir_run(call_from_a_callback, &s), 0);
    ck_assert_int_eq(s.got[0], WEIR_ENOTASK);
    ck_assert_int_eq(s.got[1], WEIR_ENOTASK);
    ck_assert_int_eq(s.got[2], WEIR_ENOTASK);
    ck_assert_int_eq(s.got[3], 0);
}
END_TEST

/* --- serve_forever ------------------------------------------------------------------- */

static int serve_and_close(void *arg)
{
    struct scene *s = arg;

    s->opts.no_start_serving = true;
    net_service_start(&s->service, &s->opts);
    uint16_t port = net_service_port(s->service.server);
    weir_task *server = weir_create_task(serve, s);
    net_passes(3);
    s->got[0] = weir_server_is_serving(s->service.server);
    s->got[1] = weir_server_serve_forever(s->service.server);
    int fd = net_service_call(&s->service, port);
    if (s->got[9])
        weir_task_cancel(server);
    else
        weir_server_close(s->service.server);
    net_passes(5);
    s->got[2] = weir_server_is_serving(s->service.server);
    s->got[3] = weir_task_done(server);         /* the client is still there */
    close(fd);
    s->got[4] = result_of(server);
    s->got[5] = weir_server_serve_forever(s->service.server);
    weir_server_free(s->service.server);
    return 0;
}

START_TEST(serve_forever_ends_cancelled_when_the_server_is_closed_or_its_task_cancelled)        /* C77, SV-10 */
{
    struct scene s = { .got[9] = _i };

    ck_assert_int_eq(weir_run(serve_and_close, &s), 0);
    ck_assert_int_eq(s.got[0], 1);
    ck_assert_int_eq(s.got[1], -EBUSY);
    ck_assert_int_eq(s.got[2], 0);
    ck_assert_int_eq(s.got[3], 0);
    ck_assert_int_eq(s.got[4], -ECANCELED);
    ck_assert_int_eq(s.got[5], -ESHUTDOWN);
    net_service_fini(&s.service);
}
END_TEST

static int cancel_twice(void *arg)
{
    struct scene *s = arg;

    net_service_start(&s->service, NULL);
    weir_task *server = weir_create_task(serve, s);
    int fd = net_service_call(&s->service, net_service_port(s->service.server));
    weir_task_cancel(server);
    net_passes(5);
    weir_task_cancel(server);                   /* whoever cannot wait for the client says so again */
    s->got[0] = result_of(server);
    s->got[1] = atomic_load(&s->service.lost);
    close(fd);
    weir_server_free(s->service.server);
    return 0;
}

START_TEST(a_second_cancel_does_not_wait_for_the_clients)
{
    struct scene s = { 0 };

    ck_assert_int_eq(weir_run(cancel_twice, &s), 0);
    ck_assert_int_eq(s.got[0], -ECANCELED);
    ck_assert_int_eq(s.got[1], 0);
    net_service_fini(&s.service);
}
END_TEST

/* --- From other loops ------------------------------------------------------------------ */

/* Every worker has a waiter; worker 1 cancels its own and waits anew; the last closes. */
static int wait_everywhere(void *arg)
{
    struct scene *s = arg;
    unsigned me = weir_worker_index();

    if (me == 0) {
        s->opts.all_workers = true;
        net_service_start(&s->service, &s->opts);
        atomic_store(&s->step, 1);
    }
    while (atomic_load(&s->step) < 1)
        weir_yield();
    weir_task *waiter = weir_create_task(wait_closed, s);
    net_passes(3);
    if (me == 1) {
        weir_task_cancel(waiter);
        atomic_fetch_add(&s->done, result_of(waiter) == -ECANCELED ? 10 : 0);
        waiter = weir_create_task(wait_closed, s);
        net_passes(3);
    }
    atomic_fetch_add(&s->waiting, 1);
    while (atomic_load(&s->waiting) < 3)
        weir_yield();
    if (me == 2)
        weir_server_close(s->service.server);
    atomic_fetch_add(&s->done, result_of(waiter) == 0 ? 1 : 0);
    while (atomic_load(&s->done) < 13)
        weir_yield();
    if (me == 0)
        weir_server_free(s->service.server);
    return 0;
}

START_TEST(every_worker_may_wait_and_all_are_woken)     /* ML-3 */
{
    struct scene s = { 0 };

    ck_assert_int_eq(weir_run_workers(3, wait_everywhere, &s), 0);
    ck_assert_int_eq(atomic_load(&s.done), 13);
}
END_TEST

#define MEETINGS 20             /* each costs several turns of both threads, which other processes may have to share */

/* The waiters' cancels and the close of another thread meet as they will: each waiter has one of the two results, and
 * nothing is lost or freed twice. */
static int meet(void *arg)
{
    struct scene *s = arg;
    unsigned me = weir_worker_index();

    for (int round = 1; round <= MEETINGS; round++) {
        if (me == 0) {
            s->opts.all_workers = true;
            net_service_start(&s->service, &s->opts);
            atomic_store(&s->step, round);
        }
        while (atomic_load(&s->step) < round)
            weir_yield();
        weir_task *waiter = weir_create_task(wait_closed, s);
        net_passes(2);
        atomic_fetch_add(&s->waiting, 1);
        while (atomic_load(&s->waiting) < 2 * round)
            sched_yield();                      /* so that both go on at about the same time */
        if (me == 1)
            weir_server_close(s->service.server);
        else
            weir_task_cancel(waiter);
        int code = result_of(waiter);
        atomic_fetch_add(&s->done, code == 0 || (me == 0 && code == -ECANCELED) ? 1 : 0);
        atomic_fetch_add(&s->ended, 1);         /* counts never go back, so nobody can miss one */
        while (me == 0 && atomic_load(&s->ended) < 2 * round)
            weir_yield();
        if (me == 0)
            weir_server_free(s->service.server);
    }
    return 0;
}

START_TEST(a_close_on_one_thread_may_meet_a_cancel_on_another)
{
    struct scene s = { 0 };

    ck_assert_int_eq(weir_run_workers(2, meet, &s), 0);
    ck_assert_int_eq(atomic_load(&s.done), 2 * MEETINGS);
}
END_TEST

Suite *suite(void)
{
    Suite *waiting = suite_create("net/server_wait");

    TCase *closed = tcase_create("wait_closed");
    tcase_add_test(closed, wait_closed_waits_for_the_close_and_for_the_last_client);
    tcase_add_loop_test(closed, on_an_open_server_without_clients_wait_closed_waits_too, 0, 2);
    tcase_add_test(closed, a_cancelled_waiter_disturbs_no_other);
    tcase_add_loop_test(closed, a_cancel_may_meet_the_wake_up, 0, 5);
    tcase_add_test(closed, wait_closed_keeps_to_the_deadline);
    tcase_add_test(closed, waiting_needs_a_task);
    suite_add_tcase(waiting, closed);

    TCase *forever = tcase_create("serve_forever");
    tcase_add_loop_test(forever, serve_forever_ends_cancelled_when_the_server_is_closed_or_its_task_cancelled, 0, 2);
    tcase_add_test(forever, a_second_cancel_does_not_wait_for_the_clients);
    suite_add_tcase(waiting, forever);

    TCase *elsewhere = tcase_create("elsewhere");
    tcase_add_test(elsewhere, every_worker_may_wait_and_all_are_woken);
    tcase_add_test(elsewhere, a_close_on_one_thread_may_meet_a_cancel_on_another);
    suite_add_tcase(waiting, elsewhere);
    return waiting;
}
