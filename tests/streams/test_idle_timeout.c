/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_idle_timeout.c  What the option idle_timeout promises to handlers, and what it costs.
 *
 * When a connection is lost is tried in tests/net/test_idle_limit.c. Time is the test's own.
 */
#include <errno.h>
#include <unistd.h>

#include <weir/loop.h>
#include <weir/run.h>

#include "core/sys_fault.h"
#include "lib/clock.h"
#include "lib/stream_service.h"
#include "lib/suite.h"

static const weir_server_options ten_seconds = { .idle_timeout = 10 };

#define SERVED(name, scenario, handler, expected)                   \
    START_TEST(name)                                                \
    {                                                               \
        clock_fake();                                               \
        ck_assert_int_eq(service_play(scenario, handler, &ten_seconds), 0); \
        ck_assert_str_eq(said(), expected);                         \
    }                                                               \
    END_TEST

static void connect_and_wait(struct service *service)
{
    int fd = service_client(service);

    weir_sleep(60);
    close(fd);
}

/* --- Handlers --------------------------------------------------------------------- */

static int say_what_reads_return(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_bytes line;

    (void)arg;
    ssize_t n = weir_reader_readline(reader, &line);
    say("%s at %.0f", code_name(n), clock_now());
    say("%s", code_name(weir_writer_wait_closed(writer)));
    return (int)n;
}
/* Decision 21; and the result is not reported: it says only that the peer said nothing. */
SERVED(a_suspended_read_gets_the_timeout_and_that_is_no_failure, connect_and_wait, say_what_reads_return,
       "ETIMEDOUT at 10 ETIMEDOUT")

static int say_what_drain_returns(weir_reader *reader, weir_writer *writer, void *arg)
{
    static char much[8000000];

    (void)reader, (void)arg;
    weir_writer_write(writer, much, sizeof much);
    int code = weir_writer_drain(writer);
    say("%s at %.0f", code_name(code), clock_now());
    return code;
}
SERVED(a_drain_that_waits_for_a_peer_that_takes_nothing_gets_it_too, connect_and_wait, say_what_drain_returns,
       "ETIMEDOUT at 10")

static int run_out_of_time_itself(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_bytes line;
    int code = 0;

    (void)writer, (void)arg;
    WEIR_TIMEOUT(3)
        code = weir_result(weir_reader_readline(reader, &line));
    say("%s at %.0f", code_name(code), clock_now());
    return code;
}
SERVED(a_deadline_of_the_handlers_own_is_its_failure, connect_and_wait, run_out_of_time_itself, "ETIMEDOUT at 3 report:ETIMEDOUT")

static int fail_afterwards(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_bytes line;

    (void)writer, (void)arg;
    (void)!weir_reader_readline(reader, &line);
    return -EIO;
}
SERVED(another_failure_is_reported_all_the_same, connect_and_wait, fail_afterwards, "report:EIO")

static int left;

static int leave_much(weir_reader *reader, weir_writer *writer, void *arg)
{
    static char much[8000000];

    (void)reader, (void)arg;
    weir_writer_write(writer, much, sizeof much);
    left++;
    return 0;
}

static void wait_for_the_end(struct service *service)
{
    int fd = service_client(service);

    while (left == 0)
        weir_yield();
    weir_server_close(service->server);
    int code = weir_server_wait_closed(service->server);
    say("%s at %.0f", code_name(code), clock_now());
    close(fd);
}
SERVED(what_a_handler_left_to_flush_is_under_the_limit_too, wait_for_the_end, leave_much, "0 at 10")

/* --- Costs ------------------------------------------------------------------------ */

static void count_steady_echo(struct service *service)
{
    static const struct fault_plan no_fault;
    int fd = service_client(service);
    int right = 0;

    service_echoes(fd, "warm\n");
    service_echoes(fd, "up\n");
    uint64_t ctls = epoll_ctls();
    weir__fault_begin(&no_fault);
    for (int i = 0; i < 100; i++)
        right += service_echoes(fd, "a line\n");
    weir__fault_end();
    int other = 0;
    for (int call = 0; call < SYS_CALLS; call++)
        other += (int)weir__fault_seen((enum sys_call)call);
    say("%d: %d calls, ctl %d", right, other, (int)(epoll_ctls() - ctls));
    close(fd);
}
SERVED(the_limit_costs_no_call_for_a_request, count_steady_echo, echo_lines, "100: 200 calls, ctl 0")

Suite *suite(void)
{
    Suite *idle = suite_create("streams/idle_timeout");

    TCase *handlers = tcase_create("handlers");
    tcase_add_test(handlers, a_suspended_read_gets_the_timeout_and_that_is_no_failure);
    tcase_add_test(handlers, a_drain_that_waits_for_a_peer_that_takes_nothing_gets_it_too);
    tcase_add_test(handlers, a_deadline_of_the_handlers_own_is_its_failure);
    tcase_add_test(handlers, another_failure_is_reported_all_the_same);
    tcase_add_test(handlers, what_a_handler_left_to_flush_is_under_the_limit_too);
    suite_add_tcase(idle, handlers);

    TCase *costs = tcase_create("costs");
    tcase_add_test(costs, the_limit_costs_no_call_for_a_request);
    suite_add_tcase(idle, costs);
    return idle;
}
