/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_net_loop.c  What net/net_loop.c promises: when gathered output goes out, and how a loop ends what is open.
 *
 * Counted with the fault plan's counter of send calls: that gathering saves calls is what it is for.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/run.h>

#include "core/sys_fault.h"
#include "lib/net_pair.h"
#include "lib/suite.h"
#include "net/net_loop.h"
#include "net/transport_socket.h"

#define PAIRS 5

struct scene {
    struct net_log log[PAIRS];
    weir_transport *near[PAIRS];
    int far[PAIRS];
    uint64_t before;            /* sends counted so far */
    long got[8];
    int order[PAIRS], ended;
};

static uint64_t sends(struct scene *s)
{
    return weir__fault_seen(SYS_SEND) - s->before;
}

static void open_pairs(struct scene *s)
{
    for (int i = 0; i < PAIRS; i++) {
        int fds[2], code;
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        s->far[i] = fds[1];
        s->log[i].user = s;
        s->near[i] = weir__socket_transport_new(weir_get_running_loop(), fds[0], NULL, 0, &net_log_plain, &s->log[i], &code);
        ck_assert_ptr_nonnull(s->near[i]);
        ck_assert_int_eq(weir__transport_wait_start(s->near[i]), 0);
    }
    weir__fault_begin(&(struct fault_plan) { 0 });
}

static void close_pairs(struct scene *s)
{
    weir__fault_end();
    for (int i = 0; i < PAIRS; i++) {
        if (!s->log[i].lost)
            weir_transport_abort(s->near[i]);
        NET_UNTIL(s->log[i].lost);
        weir__transport_unref(s->near[i]);
        net_log_fini(&s->log[i]);
        close(s->far[i]);
    }
}

static int in_kernel(int fd)
{
    char bytes[4096];
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);

    return n < 0 ? 0 : (int)n;
}

/* --- When output goes out ---------------------------------------------------------- */

static int write_and_end(void *arg)
{
    struct scene *s = arg;

    for (int i = 0; i < 10; i++)
        for (int j = 0; j < PAIRS; j++)
            weir_transport_write(s->near[j], "0123456789", 10);
    s->got[0] = (long)sends(s);
    return 0;
}

static int write_in_another_task(void *arg)
{
    struct scene *s = arg;

    open_pairs(s);
    weir_task *task = weir_create_task(write_and_end, s);
    s->got[1] = weir_task_join(task);
    weir_task_unref(task);
    s->got[2] = (long)sends(s);
    s->got[3] = in_kernel(s->far[0]);
    close_pairs(s);
    return 0;
}

START_TEST(what_a_task_wrote_goes_out_in_one_call_each_when_it_ends)
{
    struct scene s = { 0 };

    ck_assert_int_eq(weir_run(write_in_another_task, &s), 0);
    ck_assert_int_eq(s.got[0], 0);
    ck_assert_int_eq(s.got[2], PAIRS);
    ck_assert_int_eq(s.got[3], 100);
}
END_TEST

static int suspend_in_between(void *arg)
{
    struct scene *s = arg;

    open_pairs(s);
    for (int round = 0; round < 3; round++) {
        weir_transport_write(s->near[0], "a", 1);
        weir_transport_write(s->near[0], "b", 1);
        weir_yield();
        s->got[round] = (long)sends(s);
    }
    weir_yield();
    s->got[3] = (long)sends(s);                 /* nothing written: nothing sent */
    close_pairs(s);
    return 0;
}

START_TEST(what_a_task_wrote_goes_out_once_each_time_it_suspends)
{
    struct scene s = { 0 };

    ck_assert_int_eq(weir_run(suspend_in_between, &s), 0);
    ck_assert_int_eq(s.got[0], 1);
    ck_assert_int_eq(s.got[1], 2);
    ck_assert_int_eq(s.got[2], 3);
    ck_assert_int_eq(s.got[3], 3);
}
END_TEST

static void write_in_callback(void *arg)
{
    struct scene *s = arg;

    weir_transport_write(s->near[0], "callback", 8);
    s->got[7] += (long)sends(s);
}

static int write_from_callbacks(void *arg)
{
    struct scene *s = arg;
    weir_loop *loop = weir_get_running_loop();

    open_pairs(s);
    for (int i = 0; i < 4; i++)
        weir_loop_call_soon(loop, write_in_callback, s);
    net_passes(2);
    s->got[0] = (long)sends(s);
    s->got[1] = in_kernel(s->far[0]);
    weir_loop_call_later(loop, 0, write_in_callback, s);
    NET_UNTIL(in_kernel(s->far[0]) > 32);
    s->got[2] = (long)sends(s);
    close_pairs(s);
    return 0;
}

/* Four callbacks of one pass: one call at the end of the pass. */
START_TEST(what_plain_callbacks_wrote_goes_out_at_the_end_of_the_pass)
{
    struct scene s = { 0 };

    ck_assert_int_eq(weir_run(write_from_callbacks, &s), 0);
    ck_assert_int_eq(s.got[0], 1);
    ck_assert_int_eq(s.got[1], 32);
    ck_assert_int_eq(s.got[2], 2);
}
END_TEST

static void answer(struct net_log *log, enum net_event event)
{
    struct scene *s = log->user;

    if (event != NET_DATA)
        return;
    weir_transport_write(log->transport, "one", 3);
    weir_transport_write(log->transport, "two", 3);
    s->got[7] += (long)sends(s);
}

static int answer_all(void *arg)
{
    struct scene *s = arg;

    open_pairs(s);
    for (int i = 0; i < PAIRS; i++) {
        s->log[i].on = answer;
        ck_assert_int_eq(send(s->far[i], "?", 1, 0), 1);
    }
    NET_UNTIL(in_kernel(s->far[0]) && in_kernel(s->far[1]) && in_kernel(s->far[2]) && in_kernel(s->far[3])
              && in_kernel(s->far[4]));
    s->got[0] = (long)sends(s);
    for (int i = 0; i < PAIRS; i++)
        s->got[1] += in_kernel(s->far[i]);
    close_pairs(s);
    return 0;
}

START_TEST(what_protocols_answer_goes_out_after_all_of_them_were_called)
{
    struct scene s = { 0 };

    ck_assert_int_eq(weir_run(answer_all, &s), 0);
    ck_assert_int_eq(s.got[0], PAIRS);
    ck_assert_int_eq(s.got[1], 6 * PAIRS);
    ck_assert_int_eq(s.got[7], 0);
}
END_TEST

static int write_to_the_dead(void *arg)
{
    struct scene *s = arg;

    open_pairs(s);
    close(s->far[1]);
    close(s->far[3]);
    for (int i = 0; i < PAIRS; i++) {
        weir_transport_pause_reading(s->near[i]);
        weir_transport_write(s->near[i], "x", 1);
    }
    NET_UNTIL(s->log[1].lost && s->log[3].lost);
    s->got[0] = in_kernel(s->far[0]) + in_kernel(s->far[2]) + in_kernel(s->far[4]);
    s->far[1] = dup(0);                         /* something for close_pairs to close */
    s->far[3] = dup(0);
    close_pairs(s);
    return 0;
}

START_TEST(an_offer_that_fails_concerns_its_own_transport_only)
{
    struct scene s = { 0 };

    ck_assert_int_eq(weir_run(write_to_the_dead, &s), 0);
    ck_assert_int_eq(s.got[0], 3);
    ck_assert_str_eq(s.log[0].text, "CM CL(0)");
    ck_assert_str_eq(s.log[1].text, "CM CL(EPIPE)");
    ck_assert_str_eq(s.log[3].text, "CM CL(EPIPE)");
}
END_TEST

/* --- How a loop ends ----------------------------------------------------------------- */

static int leave_open(void *arg)
{
    struct scene *s = arg;

    open_pairs(s);
    weir__fault_end();
    for (int i = 0; i < PAIRS; i++) {
        weir_transport_write(s->near[i], "last words", 10);
        weir__transport_unref(s->near[i]);
    }
    return 0;
}

START_TEST(a_run_that_ends_offers_what_was_written_and_tells_every_protocol)
{
    struct scene s = { 0 };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(leave_open, &s), 0);
    for (int i = 0; i < PAIRS; i++) {
        ck_assert_str_eq(s.log[i].text, "CM CL(0)");
        ck_assert_int_eq(in_kernel(s.far[i]), 10);
        close(s.far[i]);
    }
    net_check_descriptors(before);
}
END_TEST

START_TEST(a_loop_that_is_closed_without_running_tells_every_protocol)
{
    struct scene s = { 0 };
    int before = net_open_descriptors();
    weir_loop *loop = weir_loop_new();

    ck_assert_int_eq(weir_loop_run_until_complete(loop, leave_open, &s), 0);
    for (int i = 0; i < PAIRS; i++)
        ck_assert_str_eq(s.log[i].text, "CM");          /* the connections outlive the task, as in asyncio */
    if (_i == 1)
        weir_transport_close(s.log[2].transport);       /* on its way already */
    ck_assert_int_eq(weir_loop_close(loop), 0);
    for (int i = 0; i < PAIRS; i++) {
        ck_assert_str_eq(s.log[i].text, "CM CL(0)");
        ck_assert_int_eq(in_kernel(s.far[i]), 10);
        close(s.far[i]);
    }
    weir_loop_free(loop);
    net_check_descriptors(before);
}
END_TEST

static void write_in_lost(struct net_log *log, enum net_event event)
{
    struct scene *s = log->user;

    if (event != NET_LOST)
        return;
    s->ended++;
    for (int i = 0; i < PAIRS; i++) {           /* whoever is told first touches the others */
        if (s->log[i].transport != NULL)
            weir_transport_write(s->log[i].transport, "!", 1);
    }
}

static int leave_talkers(void *arg)
{
    struct scene *s = arg;

    for (int i = 0; i < PAIRS; i++)
        s->log[i].on = write_in_lost;
    return leave_open(arg);
}

START_TEST(connection_lost_may_write_to_those_that_end_with_it)
{
    struct scene s = { 0 };

    ck_assert_int_eq(weir_run(leave_talkers, &s), 0);
    ck_assert_int_eq(s.ended, PAIRS);
    for (int i = 0; i < PAIRS; i++) {
        ck_assert_str_eq(s.log[i].text, "CM CL(0)");
        close(s.far[i]);
    }
}
END_TEST

START_TEST(a_loop_without_memory_for_connections_says_so)
{
    weir_loop *loop = weir_loop_new();

    weir__fault_begin(&(struct fault_plan) { .fail_at = 1 });
    ck_assert_ptr_null(weir__net_loop(loop));
    weir__fault_end();
    ck_assert_ptr_nonnull(weir__net_loop(loop));
    weir_loop_free(loop);
}
END_TEST

static void never(void *arg)
{
    ((struct scene *)arg)->ended++;
}

static int watch_a_transports_descriptor(void *arg)
{
    struct scene *s = arg;
    weir_loop *loop = weir_get_running_loop();

    open_pairs(s);
    int fd = weir__transport_fd(s->near[PAIRS - 1]);
    s->got[0] = weir_loop_add_reader(loop, fd, never, s);
    s->got[1] = weir_loop_add_writer(loop, fd, never, s);
    s->got[2] = weir_loop_remove_reader(loop, fd);
    s->got[3] = weir_loop_remove_writer(loop, fd);
    s->got[4] = weir_loop_remove_reader(loop, s->far[0]);
    weir_transport_abort(s->near[PAIRS - 1]);
    s->got[5] = weir_loop_remove_reader(loop, fd);      /* it closes: not a live one any more */
    close_pairs(s);
    return 0;
}

/* C115 */
START_TEST(the_descriptor_of_an_open_transport_is_not_watched_by_others)
{
    struct scene s = { .before = 0 };

    ck_assert_int_eq(weir_run(watch_a_transports_descriptor, &s), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(s.got[i], WEIR_ESTATE);
    ck_assert_int_eq(s.got[4], 0);
    ck_assert_int_eq(s.got[5], 0);
    ck_assert_int_eq(s.ended, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *net_loop = suite_create("net/net_loop");

    TCase *output = tcase_create("output");
    tcase_add_test(output, the_descriptor_of_an_open_transport_is_not_watched_by_others);
    tcase_add_test(output, what_a_task_wrote_goes_out_in_one_call_each_when_it_ends);
    tcase_add_test(output, what_a_task_wrote_goes_out_once_each_time_it_suspends);
    tcase_add_test(output, what_plain_callbacks_wrote_goes_out_at_the_end_of_the_pass);
    tcase_add_test(output, what_protocols_answer_goes_out_after_all_of_them_were_called);
    tcase_add_test(output, an_offer_that_fails_concerns_its_own_transport_only);
    suite_add_tcase(net_loop, output);

    TCase *end = tcase_create("end");
    tcase_add_test(end, a_run_that_ends_offers_what_was_written_and_tells_every_protocol);
    tcase_add_loop_test(end, a_loop_that_is_closed_without_running_tells_every_protocol, 0, 2);
    tcase_add_test(end, connection_lost_may_write_to_those_that_end_with_it);
    tcase_add_test(end, a_loop_without_memory_for_connections_says_so);
    suite_add_tcase(net_loop, end);
    return net_loop;
}
