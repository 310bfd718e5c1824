/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_transport_pipe_make.c  What net/transport_pipe.c promises of connecting: what is a pipe, and what fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <weir/run.h>
#include <weir/transport.h>

#include "lib/clock.h"
#include "lib/each_fault.h"
#include "lib/net_pipe.h"
#include "lib/suite.h"
#include "net/transport.h"

static int offer_others(void *arg)
{
    struct net_pipe *s = arg;
    int fds[2], file = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), folder = open("/tmp", O_RDONLY | O_CLOEXEC);

    ck_assert_int_eq(pipe(fds), 0);
    s->got[0] = net_pipe_connect(s, file) & net_pipe_connect(s, folder) & net_pipe_connect(s, 1234) & net_pipe_connect(s, -1);
    s->got[1] = net_pipe_connect(s, s->writes ? fds[0] : fds[1]);
    s->got[2] = fcntl(fds[0], F_GETFL) & O_NONBLOCK;
    s->got[3] = close(file) | close(folder) | close(fds[0]) | close(fds[1]);    /* still the caller's */
    return 0;
}

START_TEST(what_is_no_pipe_is_refused_and_left_alone)   /* C111, PI-1, CV-1 */
{
    struct net_pipe s = { .writes = _i };

    ck_assert_int_eq(weir_run(offer_others, &s), 0);
    ck_assert_int_eq(s.got[0], -EINVAL);
    ck_assert_int_eq(s.got[1], -EINVAL);
    ck_assert_int_eq(s.got[2], 0);
    ck_assert_int_eq(s.got[3], 0);
    ck_assert_uint_eq(s.log.made, 0);
}
END_TEST

static int use_devices(void *arg)
{
    struct net_pipe *s = arg;

    ck_assert_int_eq(net_pipe_connect(s, open("/dev/null", O_RDWR | O_CLOEXEC)), 0);
    if (s->writes) {
        weir_transport_write(s->t, "gone", 4);
        weir_transport_write_eof(s->t);
    }
    NET_UNTIL(s->log.lost);
    weir__transport_unref(s->t);
    return 0;
}

START_TEST(a_device_that_epoll_refuses_works)   /* PI-1 */
{
    struct net_pipe s = { .writes = _i };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(use_devices, &s), 0);
    ck_assert_str_eq(s.log.text, _i ? "CM CL(0)" : "CM ER CL(0)");
    net_check_descriptors(before);
}
END_TEST

static int refuse(void *arg, const weir_protocol **protocol, void **self)
{
    (void)arg, (void)protocol, (void)self;
    return -EACCES;
}

static void connect_from_a_callback(void *arg)
{
    struct net_pipe *s = arg;

    s->got[1] = net_pipe_connect(s, s->fd);
    s->got[2] = fcntl(s->fd, F_GETFD) >= 0;
    close(s->fd);
}

static int be_refused(void *arg)
{
    struct net_pipe *s = arg;
    weir_loop *other = weir_loop_new();

    net_pipe_open(s);
    s->got[0] = weir_loop_connect_read_pipe(weir_get_running_loop(), refuse, s, s->fd, &s->t);
    net_pipe_close_far(s);
    net_pipe_open(s);
    weir_loop_call_soon(weir_get_running_loop(), connect_from_a_callback, s);
    NET_UNTIL(s->got[1]);
    net_pipe_close_far(s);
    net_pipe_open(s);
    s->got[3] = weir_loop_connect_read_pipe(other, net_pipe_factory, s, s->fd, &s->t);
    net_pipe_close_far(s);
    net_pipe_open(s);
    weir_loop_close(other);
    s->got[4] = weir_loop_connect_read_pipe(other, net_pipe_factory, s, s->fd, &s->t);
    net_pipe_close_far(s);
    weir_loop_free(other);
    return 0;
}

START_TEST(a_pipe_that_is_not_connected_is_closed)
{
    struct net_pipe s = { 0 };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(be_refused, &s), 0);
    ck_assert_int_eq(s.got[0], -EACCES);
    ck_assert_int_eq(s.got[1], WEIR_ENOTASK);
    ck_assert_int_eq(s.got[2], 1);
    ck_assert_int_eq(s.got[3], WEIR_ESTATE);
    ck_assert_int_eq(s.got[4], -ESHUTDOWN);
    ck_assert_uint_eq(s.log.made, 0);
    net_check_descriptors(before);
}
END_TEST

static int connect_in_a_task(void *arg)
{
    struct net_pipe *s = arg;

    net_pipe_connect(s, s->fd);
    s->got[0] = weir_yield();
    s->got[2] = 1;                              /* nothing to be cancelled any more */
    if (s->code == 0) {
        weir_transport_abort(s->t);
        NET_UNTIL(s->log.lost);
        weir__transport_unref(s->t);
    }
    return 0;
}

static int cancel_it(void *arg)
{
    struct net_pipe *s = arg;

    net_pipe_open(s);
    weir_task *task = weir_create_task(connect_in_a_task, s);
    net_passes((int)s->got[7]);
    s->got[1] = !s->got[2] && weir_task_cancel(task);
    weir_task_join(task);
    weir_task_unref(task);
    if (s->code == 99)
        close(s->fd);                           /* it never ran */
    net_pipe_close_far(s);
    return 0;
}

START_TEST(cancelled_while_it_connects_it_is_closed_without_a_callback)  /* CV-12, OC-10 */
{
    struct net_pipe s = { .code = 99, .got[7] = _i / 2, .writes = _i % 2 };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(cancel_it, &s), 0);
    ck_assert_uint_eq(s.log.made, s.code == 0);
    ck_assert_uint_eq(s.log.lost, s.code == 0);
    if (s.code != 99 && s.got[1])
        ck_assert_msg((s.code == -ECANCELED) + (s.got[0] == -ECANCELED) == 1, "%d, then %ld", s.code, s.got[0]);
    net_check_descriptors(before);
}
END_TEST

static int connect_to_nobody(void *arg)
{
    struct net_pipe *s = arg;

    net_pipe_open(s);
    net_pipe_close_far(s);
    s->code = weir_loop_connect_write_pipe(weir_get_running_loop(), net_pipe_factory, s, s->fd, &s->t);
    s->got[0] = (long)s->log.lost;              /* until the caller lets the loop run, what he was given answers */
    s->got[1] = weir_transport_is_closing(s->t);
    NET_UNTIL(s->log.lost);
    return s->code;
}

START_TEST(a_reader_that_has_left_already_is_noticed_when_the_caller_has_his_transport)         /* PI-4, BT-1 */
{
    struct net_pipe s = { .kind = (enum net_pipe_kind)_i, .writes = true };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(connect_to_nobody, &s), 0);
    ck_assert_int_eq(s.got[0], 0);
    ck_assert_int_eq(s.got[1], 0);
    ck_assert_str_eq(s.log.text, "CM CL(0)");
    net_check_descriptors(before);
}
END_TEST

static int whole_life(void *arg)
{
    struct net_pipe *s = arg;

    net_pipe_open(s);
    net_pipe_connect(s, s->fd);
    if (s->code == 0) {
        if (s->writes)
            weir_transport_write(s->t, "hello", 5);
        else
            (void)!write(s->far, "hello", 5);
        net_passes(20);
        if (s->writes)
            weir_transport_close(s->t);
        net_pipe_close_far(s);
        NET_UNTIL(s->log.lost);
        weir__transport_unref(s->t);
    } else {
        net_pipe_close_far(s);
    }
    if (s->code == -EINVAL)                     /* fstat failed: it is still ours */
        close(s->fd);
    return s->code;
}

static int live(void *arg)
{
    struct net_pipe *s = arg;

    memset(s->log.text, 0, sizeof s->log.text);
    s->log.made = s->log.lost = 0;
    int code = weir_run(whole_life, s);
    ck_assert_uint_eq(s->log.made, s->log.lost);
    return code;
}

START_TEST(whatever_call_fails_a_whole_life_ends_in_order)      /* faults 2, 3, 26 */
{
    int before = net_open_descriptors();
    struct net_pipe s = { .kind = (enum net_pipe_kind)(_i % PIPE_KINDS), .writes = _i / PIPE_KINDS % 2, .far = -1 };

    ck_assert_uint_gt(each_fault(FAULT_ANY, _i / PIPE_KINDS / 2, live, &s), 10);
    net_check_descriptors(before);
    net_log_fini(&s.log);
}
END_TEST

static int leave_it_open(void *arg)
{
    struct net_pipe *s = arg;

    net_pipe_open(s);
    ck_assert_int_eq(net_pipe_connect(s, s->fd), 0);
    weir__transport_unref(s->t);
    weir_sleep(10);
    uint64_t waits = epoll_waits();
    weir_sleep(10);
    s->got[0] = (long)(epoll_waits() - waits);
    return 0;
}

START_TEST(an_idle_pipe_costs_nothing_and_ends_with_its_loop)
{
    struct net_pipe s = { .kind = (enum net_pipe_kind)(_i % PIPE_KINDS), .writes = _i / PIPE_KINDS };
    int before = net_open_descriptors();

    clock_fake();
    ck_assert_int_eq(weir_run(leave_it_open, &s), 0);
    ck_assert_int_lt(s.got[0], 30);
    ck_assert_str_eq(s.log.text, "CM CL(0)");
    close(s.far);
    net_check_descriptors(before);
}
END_TEST

Suite *suite(void)
{
    Suite *pipe = suite_create("net/transport_pipe, connecting");

    TCase *making = tcase_create("making");
    tcase_add_loop_test(making, what_is_no_pipe_is_refused_and_left_alone, 0, 2);
    tcase_add_loop_test(making, a_device_that_epoll_refuses_works, 0, 2);
    tcase_add_test(making, a_pipe_that_is_not_connected_is_closed);
    tcase_add_loop_test(making, a_reader_that_has_left_already_is_noticed_when_the_caller_has_his_transport, 0, PIPE_KINDS);
    tcase_add_loop_test(making, cancelled_while_it_connects_it_is_closed_without_a_callback, 0, 10);
    tcase_add_loop_test(making, whatever_call_fails_a_whole_life_ends_in_order, 0, 4 * PIPE_KINDS);
    tcase_add_loop_test(making, an_idle_pipe_costs_nothing_and_ends_with_its_loop, 0, 2 * PIPE_KINDS);
    suite_add_tcase(pipe, making);
    return pipe;
}
