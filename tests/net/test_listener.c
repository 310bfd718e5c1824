/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_listener.c  What net/listener.c promises: accepting in batches, and resting when descriptors run out.
 *
 * The callers are raw sockets that the kernel has connected already, so all that is left is accept(2), which fails as the
 * fault plan says, and time, which is the test's own.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/run.h>

#include "core/loop.h"
#include "core/sys_fault.h"
#include "lib/clock.h"
#include "lib/net_pair.h"
#include "lib/suite.h"
#include "net/listener.h"

#define CALLERS 12

struct scene {
    struct listener listener;
    uint16_t port;
    int  callers[CALLERS];
    int  count;                 /* of callers */
    int  accepted;
    int  in_pass, most_in_pass; /* accepted in one pass */
    uint64_t pass;
    int  reports, report;       /* the exception handler's */
    double last_report;
    bool close_it;              /* the callee closes the listener */
    long got[8];
    double at;
};

static struct scene *scene;     /* of this process: a test is one */

static bool on_accepted(struct listener *listener, int fd, const struct sockaddr *peer, socklen_t len)
{
    ck_assert_int_eq(peer->sa_family, AF_INET);
    ck_assert_uint_ge(len, sizeof(struct sockaddr_in));
    scene->accepted++;
    scene->in_pass = scene->pass == epoll_waits() ? scene->in_pass + 1 : 1;
    scene->pass = epoll_waits();
    if (scene->in_pass > scene->most_in_pass)
        scene->most_in_pass = scene->in_pass;
    close(fd);                                  /* by hand: weir is not to know that a descriptor is free again */
    if (scene->close_it)
        weir__listener_close(listener);
    return listener->fd >= 0;
}

static void on_report(weir_loop *loop, int code, const char *message, void *arg)
{
    struct scene *s = arg;

    (void)loop, (void)message;
    s->reports++;
    s->report = code;
    s->last_report = clock_now();
}

static void open_scene(struct scene *s, int callers, int most)
{
    weir_loop *loop = weir_get_running_loop();

    scene = s;
    weir_loop_set_exception_handler(loop, on_report, s);
    int fd = net_listen(CALLERS, &s->port);
    weir__listener_init(&s->listener, loop, fd, most, on_accepted);
    for (s->count = 0; s->count < callers; s->count++)
        s->callers[s->count] = net_connect(s->port);
    for (int i = 0; i < callers; i++) {         /* connected is connected: all of them wait in the backlog */
        int error = 0;
        socklen_t len = sizeof error;
        struct sockaddr_in peer;
        socklen_t peer_len = sizeof peer;
        NET_UNTIL(getpeername(s->callers[i], (void *)&peer, &peer_len) == 0);
        ck_assert_int_eq(getsockopt(s->callers[i], SOL_SOCKET, SO_ERROR, &error, &len), 0);
    }
    ck_assert_int_eq(weir__listener_watch(&s->listener), 0);
}

static void close_scene(struct scene *s)
{
    weir__listener_close(&s->listener);
    for (int i = 0; i < s->count; i++)
        close(s->callers[i]);
}

static void fail_accept(uint64_t at, bool from_then_on, int code)
{
    weir__fault_begin(&(struct fault_plan) {
        .fail_at = at, .from_then_on = from_then_on, .only = 1ULL << SYS_ACCEPT, .code = code });
}

/* Whatever is waiting is accepted; time stands still for as long as there is something to do. */
static void settle(void)
{
    net_passes(50);
}

static uint64_t counted(enum counter which)
{
    return weir__counter_read(&weir_get_running_loop()->counters, which);
}

/* --- Batches ------------------------------------------------------------------ */

static int accept_all(void *arg)
{
    struct scene *s = arg;

    open_scene(s, CALLERS, (int)s->got[7]);
    NET_UNTIL(s->accepted == CALLERS);
    s->got[0] = (long)counted(COUNTER_ACCEPTED);
    close_scene(s);
    return 0;
}

START_TEST(accepting_goes_in_batches_that_do_not_exceed_the_bound)      /* SV-12 */
{
    static const int mosts[] = { 0, 1, 4, 64, 100000 };
    struct scene s = { .got[7] = mosts[_i] };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(accept_all, &s), 0);
    ck_assert_int_eq(s.accepted, CALLERS);
    ck_assert_int_eq(s.got[0], CALLERS);
    ck_assert_int_ge(s.most_in_pass, 1);
    ck_assert_int_le(s.most_in_pass, mosts[_i] < 1 ? 1 : mosts[_i]);
    net_check_descriptors(before);
}
END_TEST

static int accept_one(void *arg)
{
    struct scene *s = arg;

    weir__fault_begin(&(struct fault_plan) { 0 });
    open_scene(s, 1, 100);
    settle();
    s->got[0] = (long)weir__fault_seen(SYS_ACCEPT);
    weir__fault_end();
    close_scene(s);
    return 0;
}

START_TEST(a_single_caller_costs_a_single_accept)
{
    struct scene s = { 0 };

    ck_assert_int_eq(weir_run(accept_one, &s), 0);
    ck_assert_int_eq(s.accepted, 1);
    ck_assert_int_eq(s.got[0], 1);
}
END_TEST

static int close_inside(void *arg)
{
    struct scene *s = arg;

    open_scene(s, CALLERS, 64);
    s->close_it = true;
    settle();
    close_scene(s);
    return 0;
}

START_TEST(a_listener_that_its_callee_closes_accepts_no_further)
{
    struct scene s = { 0 };

    ck_assert_int_eq(weir_run(close_inside, &s), 0);
    ck_assert_int_eq(s.accepted, 1);
}
END_TEST

/* --- Failures that pass -------------------------------------------------------- */

static int fail_once(void *arg)
{
    struct scene *s = arg;

    fail_accept(1, false, (int)s->got[7]);
    open_scene(s, 3, 64);
    settle();
    s->got[0] = s->accepted;
    s->got[1] = (long)counted(COUNTER_ACCEPT_FAILED);
    s->got[2] = (long)counted(COUNTER_ACCEPT_STARVED);
    weir__fault_end();
    close_scene(s);
    return 0;
}

static const struct {
    int code;
    bool reported;
} passing[] = {
    { -ECONNABORTED, false }, { -EINTR, false }, { -EAGAIN, false }, { -EPROTO, true }, { -EPERM, true },
    { -ENETDOWN, true }, { -EHOSTUNREACH, true }, { -ENOPROTOOPT, true },
};

START_TEST(a_caller_that_is_lost_does_not_stop_the_accepting)   /* SV-12, fault 8 */
{
    struct scene s = { .got[7] = passing[_i].code };

    ck_assert_int_eq(weir_run(fail_once, &s), 0);
    ck_assert_int_eq(s.got[0], 3);
    ck_assert_int_eq(s.got[1], passing[_i].reported);
    ck_assert_int_eq(s.got[2], 0);
    ck_assert_int_eq(s.reports, passing[_i].reported);
    ck_assert_int_eq(s.report, passing[_i].reported ? passing[_i].code : 0);
}
END_TEST

/* --- Out of descriptors ---------------------------------------------------------- */

static int starve(void *arg)
{
    struct scene *s = arg;

    fail_accept(1, false, (int)s->got[7]);
    open_scene(s, 3, 64);
    settle();
    s->got[0] = s->accepted;
    s->got[1] = s->reports;
    s->got[2] = (long)counted(COUNTER_ACCEPT_STARVED);
    double since = clock_now();
    uint64_t waits = epoll_waits();
    weir_sleep(0.99);
    s->got[3] = s->accepted;
    s->got[4] = (long)(epoll_waits() - waits);
    weir_sleep(0.02);
    s->at = clock_now() - since;
    s->got[5] = s->accepted;
    settle();
    s->got[6] = s->accepted;
    weir__fault_end();
    close_scene(s);
    return 0;
}

/* C82, SV-12, fault 1: the callers wait in the backlog, the loop sleeps, and after 1.0 s all are served. */
START_TEST(out_of_descriptors_accepting_rests_for_a_second_without_spinning)
{
    static const int codes[] = { -EMFILE, -ENFILE, -ENOBUFS, -ENOMEM };
    struct scene s = { .got[7] = codes[_i] };

    clock_fake();
    ck_assert_int_eq(weir_run(starve, &s), 0);
    ck_assert_int_eq(s.got[0], 0);
    ck_assert_int_eq(s.got[1], 1);
    ck_assert_int_eq(s.report, codes[_i]);
    ck_assert_int_eq(s.got[2], 1);
    ck_assert_int_eq(s.got[3], 0);
    ck_assert_int_le(s.got[4], 20);
    ck_assert_int_ge(s.got[5], 1);
    ck_assert_int_eq(s.got[6], 3);
}
END_TEST

static int free_a_descriptor(void *arg)
{
    struct scene *s = arg;

    fail_accept(1, false, -EMFILE);
    open_scene(s, 3, 64);
    settle();
    s->got[0] = s->accepted;
    double since = clock_now();
    weir__descriptor_close(dup(s->callers[0]));
    settle();
    s->got[1] = s->accepted;
    s->at = clock_now() - since;
    weir_sleep(3);                              /* the timer is off: nothing is armed twice */
    weir__fault_end();
    close_scene(s);
    return 0;
}

START_TEST(accepting_goes_on_as_soon_as_a_descriptor_is_closed) /* fault 1 */
{
    struct scene s = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(free_a_descriptor, &s), 0);
    ck_assert_int_eq(s.got[0], 0);
    ck_assert_int_eq(s.got[1], 3);
    ck_assert_double_lt(s.at, 0.1);
}
END_TEST

static int stay_starved(void *arg)
{
    struct scene *s = arg;

    fail_accept(1, true, -EMFILE);
    open_scene(s, 3, 64);
    uint64_t waits = epoll_waits();
    for (int i = 0; i < 20; i++) {              /* many descriptors are closed, and each time others take them */
        weir__descriptor_close(dup(s->callers[0]));
        weir_yield();
    }
    settle();
    s->got[0] = s->reports;
    s->got[1] = (long)counted(COUNTER_ACCEPT_STARVED);
    waits = epoll_waits();
    weir_sleep(10.5);
    s->got[2] = s->reports;
    s->got[3] = (long)(epoll_waits() - waits);
    s->got[4] = s->accepted;
    weir__fault_end();
    weir_sleep(1.1);
    settle();
    s->got[5] = s->accepted;
    close_scene(s);
    return 0;
}

START_TEST(lasting_want_is_reported_once_a_second_and_does_not_spin)
{
    struct scene s = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(stay_starved, &s), 0);
    ck_assert_int_eq(s.got[0], 1);
    ck_assert_int_ge(s.got[1], 10);
    ck_assert_int_ge(s.got[2], 10);
    ck_assert_int_le(s.got[2], 12);
    ck_assert_int_le(s.got[3], 200);
    ck_assert_int_eq(s.got[4], 0);
    ck_assert_int_eq(s.got[5], 3);
}
END_TEST

static int close_while_resting(void *arg)
{
    struct scene *s = arg;

    fail_accept(1, false, -EMFILE);
    open_scene(s, 2, 64);
    settle();
    weir__listener_close(&s->listener);
    weir__fault_end();
    weir__descriptor_close(dup(s->callers[0]));
    weir_sleep(5);
    s->got[0] = s->accepted;
    s->got[1] = ev_is_active(&s->listener.io) || ev_is_active(&s->listener.retry) || s->listener.paused;
    close_scene(s);
    return 0;
}

START_TEST(a_listener_closed_while_it_rests_is_not_armed_again) /* SV-12, A20 */
{
    struct scene s = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(close_while_resting, &s), 0);
    ck_assert_int_eq(s.got[0], 0);
    ck_assert_int_eq(s.got[1], 0);
}
END_TEST

static int reach_the_limit(void *arg)
{
    struct scene *s = arg;
    struct rlimit limit, tight;

    open_scene(s, 2, 64);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int next = dup(s->callers[0]);              /* the number that accept would get */
    close(next);
    tight = (struct rlimit) { .rlim_cur = (rlim_t)next, .rlim_max = limit.rlim_max };
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
    settle();
    s->got[0] = s->accepted;
    s->got[1] = s->reports;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    weir_sleep(0.9);
    s->got[2] = s->accepted;
    weir_sleep(0.2);
    settle();
    s->got[3] = s->accepted;
    close_scene(s);
    return 0;
}

START_TEST(the_real_limit_of_descriptors_is_survived)   /* C82 */
{
    struct scene s = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(reach_the_limit, &s), 0);
    ck_assert_int_eq(s.got[0], 0);
    ck_assert_int_eq(s.got[1], 1);
    ck_assert_int_eq(s.report, -EMFILE);
    ck_assert_int_eq(s.got[2], 0);
    ck_assert_int_eq(s.got[3], 2);
}
END_TEST

static int not_watched(void *arg)
{
    struct scene *s = arg;

    epoll_ctl_fail(1, ENOMEM);
    open_scene(s, 2, 64);
    settle();
    s->got[0] = s->accepted;
    weir_sleep(1.1);
    settle();
    s->got[1] = s->accepted;
    close_scene(s);
    return 0;
}

START_TEST(a_listener_that_epoll_refused_is_tried_again_after_a_second) /* fault 3 */
{
    struct scene s = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(not_watched, &s), 0);
    ck_assert_int_eq(s.got[0], 0);
    ck_assert_int_eq(s.got[1], 2);
}
END_TEST

/* --- Held, and shared ----------------------------------------------------------- */

static int hold_and_let_go(void *arg)
{
    struct scene *s = arg;

    open_scene(s, 1, 64);
    NET_UNTIL(s->accepted == 1);
    weir__listener_hold(&s->listener, true);
    weir__listener_hold(&s->listener, true);
    s->callers[s->count++] = net_connect(s->port);
    uint64_t waits = epoll_waits();
    weir_sleep(10);
    s->got[0] = s->accepted;
    s->got[1] = (long)(epoll_waits() - waits) < 50;     /* it is not watched meanwhile */
    if (s->got[7] != 0) {                       /* out of descriptors at the same time: both have to end */
        fail_accept(1, false, -EMFILE);
        weir__listener_hold(&s->listener, false);
        settle();
        weir__listener_hold(&s->listener, true);
        weir_sleep(2);
        s->got[0] += s->accepted - 1;
        weir__fault_end();
    }
    weir__listener_hold(&s->listener, false);
    NET_UNTIL(s->accepted == 2);
    weir__listener_close(&s->listener);
    weir__listener_hold(&s->listener, true);
    weir__listener_hold(&s->listener, false);
    s->got[2] = ev_is_active(&s->listener.io);
    close_scene(s);
    return 0;
}

START_TEST(callers_wait_while_a_listener_is_held)
{
    struct scene s = { .got[7] = _i };
    int before = net_open_descriptors();

    clock_fake();
    ck_assert_int_eq(weir_run(hold_and_let_go, &s), 0);
    ck_assert_int_eq(s.got[0], 1);
    ck_assert_int_eq(s.got[1], 1);
    ck_assert_int_eq(s.got[2], 0);
    net_check_descriptors(before);
}
END_TEST

static int share_one(void *arg)
{
    struct scene *s = arg;
    struct shared_socket shared = { .fd = net_listen(CALLERS, &s->port) };
    weir_loop *loop = weir_get_running_loop(), *elsewhere = weir_loop_new();
    struct listener other;

    scene = s;
    weir__listener_init(&s->listener, loop, shared.fd, 64, on_accepted);
    weir__listener_init(&other, elsewhere, shared.fd, 64, on_accepted);
    s->listener.shared = other.shared = &shared;
    atomic_store(&shared.users, 2);
    ck_assert_int_eq(weir__listener_watch(&s->listener), 0);
    ck_assert_int_eq(weir__listener_watch(&other), 0);
    weir__listener_close(s->got[7] == 0 ? &other : &s->listener);
    s->got[0] = getsockopt(shared.fd, SOL_SOCKET, SO_TYPE, &(int) { 0 }, &(socklen_t) { sizeof(int) });
    s->callers[s->count++] = net_connect(s->port);
    if (s->got[7] == 0)
        NET_UNTIL(s->accepted == 1);
    settle();                                   /* whoever closed is not bothered by callers any more */
    s->got[1] = s->accepted;
    weir__listener_close(&s->listener);
    weir__listener_close(&other);
    s->got[2] = getsockopt(shared.fd, SOL_SOCKET, SO_TYPE, &(int) { 0 }, &(socklen_t) { sizeof(int) });
    weir_loop_free(elsewhere);
    close_scene(s);
    return 0;
}

START_TEST(a_shared_socket_is_closed_with_its_last_listener)
{
    struct scene s = { .got[7] = _i };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(share_one, &s), 0);
    ck_assert_int_eq(s.got[0], 0);
    ck_assert_int_eq(s.got[1], _i == 0);
    ck_assert_int_eq(s.got[2], -1);
    net_check_descriptors(before);
}
END_TEST

Suite *suite(void)
{
    Suite *listener = suite_create("net/listener");

    TCase *batches = tcase_create("batches");
    tcase_add_loop_test(batches, accepting_goes_in_batches_that_do_not_exceed_the_bound, 0, 5);
    tcase_add_test(batches, a_single_caller_costs_a_single_accept);
    tcase_add_test(batches, a_listener_that_its_callee_closes_accepts_no_further);
    tcase_add_loop_test(batches, a_caller_that_is_lost_does_not_stop_the_accepting, 0, (int)(sizeof passing / sizeof passing[0]));
    suite_add_tcase(listener, batches);

    TCase *starved = tcase_create("starved");
    tcase_add_loop_test(starved, out_of_descriptors_accepting_rests_for_a_second_without_spinning, 0, 4);
    tcase_add_test(starved, accepting_goes_on_as_soon_as_a_descriptor_is_closed);
    tcase_add_test(starved, lasting_want_is_reported_once_a_second_and_does_not_spin);
    tcase_add_test(starved, a_listener_closed_while_it_rests_is_not_armed_again);
    tcase_add_test(starved, the_real_limit_of_descriptors_is_survived);
    tcase_add_test(starved, a_listener_that_epoll_refused_is_tried_again_after_a_second);
    suite_add_tcase(listener, starved);

    TCase *held = tcase_create("held");
    tcase_add_loop_test(held, callers_wait_while_a_listener_is_held, 0, 2);
    tcase_add_loop_test(held, a_shared_socket_is_closed_with_its_last_listener, 0, 2);
    suite_add_tcase(listener, held);
    return listener;
}
