/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_start_server.c  What a server of streams promises: exact counts, and that clients are alone.
 */
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include <weir/loop.h>
#include <weir/run.h>

#include "core/counter.h"
#include "core/loop.h"
#include "core/sys_fault.h"
#include "lib/clock.h"
#include "lib/stream_service.h"
#include "lib/suite.h"

#define SERVED(name, scenario, handler, options, expected)          \
    START_TEST(name)                                                \
    {                                                               \
        ck_assert_int_eq(service_play(scenario, handler, options), 0); \
        ck_assert_str_eq(said(), expected);                         \
    }                                                               \
    END_TEST

/* --- Exact counts --------------------------------------------------------- */

/* Everything but recv and send. */
static uint64_t other_calls(void)
{
    uint64_t count = 0;

    for (int call = 0; call < SYS_CALLS; call++) {
        if (call != SYS_RECV && call != SYS_SEND)
            count += weir__fault_seen((enum sys_call)call);
    }
    return count;
}

static void count_steady_echo(struct service *service)
{
    static const struct fault_plan no_fault;
    int fd = service_client(service);

    service_echoes(fd, "warm\n");
    service_echoes(fd, "up\n");
    uint64_t ctls = epoll_ctls();
    weir__fault_begin(&no_fault);
    int right = 0;
    for (int i = 0; i < 100; i++)
        right += service_echoes(fd, "sixty-four bytes are what the benchmarks send: this is about it\n");
    weir__fault_end();
    say("%d: recv %d send %d other %d ctl %d", right, (int)weir__fault_seen(SYS_RECV), (int)weir__fault_seen(SYS_SEND),
        (int)other_calls(), (int)(epoll_ctls() - ctls));
    close(fd);
}
SERVED(an_echoed_line_costs_one_recv_and_one_send_and_nothing_else, count_steady_echo, echo_lines, NULL,
       "100: recv 100 send 100 other 0 ctl 0")

/* The client is another thread here, so that the loop really waits: how often it polled is exact then. */
#define ROUNDS 200

struct blocking_client {
    int port, right;
    uint64_t waits;
};

static int talk_blocking(void *arg)
{
    struct blocking_client *client = arg;
    int fd = raw_connect(client->port);
    uint64_t before = 0;
    char got[8];

    for (int i = 0; i < ROUNDS + 10; i++) {
        if (i == 10)
            before = epoll_waits();
        client->right += send(fd, "line\n", 5, MSG_NOSIGNAL) == 5 && recv(fd, got, 5, MSG_WAITALL) == 5;
    }
    client->waits = epoll_waits() - before;
    close(fd);
    return 0;
}

static void count_polls(struct service *service)
{
    struct blocking_client client = { .port = service->port };

    weir_loop_run_in_executor(weir_get_running_loop(), talk_blocking, &client);
    /* The loop may be back in its poll, or not yet, when the client looks: one more or less. */
    say("%d %s", client.right, client.waits <= ROUNDS + 1 ? "one each" : "MORE");
}
SERVED(an_echoed_line_costs_one_poll, count_polls, echo_lines, NULL, "210 one each")

static void count_pipelined(struct service *service)
{
    static const struct fault_plan no_fault;
    static const char sixteen[] = "1\n2\n3\n4\n5\n6\n7\n8\n9\na\nb\nc\nd\ne\nf\n0\n";
    int fd = service_client(service);

    service_echoes(fd, sixteen);
    for (int i = 0; i < 3; i++) {
        weir__fault_begin(&no_fault);
        int right = service_echoes(fd, sixteen);
        weir__fault_end();
        say("%d: recv %d send %d other %d", right, (int)weir__fault_seen(SYS_RECV), (int)weir__fault_seen(SYS_SEND),
            (int)other_calls());
    }
    close(fd);
}
SERVED(sixteen_pipelined_lines_cost_one_recv_and_one_send, count_pipelined, echo_lines, NULL,
       "1: recv 1 send 1 other 0 1: recv 1 send 1 other 0 1: recv 1 send 1 other 0")

/* --- One client's trouble is its own -------------------------------------- */

#define OTHERS 20

static void trouble(struct service *service, void (*cause)(int fd))
{
    int others[OTHERS];
    int served = 0;

    for (int i = 0; i < OTHERS; i++)
        others[i] = service_client(service);
    int fd = service_client(service);
    say("%d", service_echoes(fd, "good so far\n"));
    cause(fd);
    for (int i = 0; i < OTHERS; i++)
        served += service_echoes(others[i], "untouched\n");
    close(fd);
    int late = service_client(service);
    say("%d %d", served, service_echoes(late, "fresh\n"));
    close(late);
    for (int i = 0; i < OTHERS; i++)
        close(others[i]);
}

static void reset_hard(int fd)
{
    raw_reset(dup(fd));
    shutdown(fd, SHUT_RDWR);
}

static void reset_in_a_line(int fd)
{
    raw_send(fd, "half a li", 9);
    far_settle();
    reset_hard(fd);
}

static void half_close(int fd)
{
    char got[16];

    raw_send(fd, "last", 4);
    shutdown(fd, SHUT_WR);
    size_t n = raw_recv(fd, got, sizeof got);
    say("%s", quoted(got, n));                  /* a last line without its newline is answered, then comes the end */
}

static void send_a_long_line(int fd)
{
    char bytes[1024];
    char got[16];

    memset(bytes, 'x', sizeof bytes);
    for (int i = 0; i < 65; i++)                /* more than the limit of 64 KiB, and no newline */
        raw_send(fd, bytes, sizeof bytes);
    say("%zu", raw_recv(fd, got, sizeof got));  /* closed */
}

static void never_read(int fd)
{
    char bytes[1000];

    memset(bytes, 'x', sizeof bytes);
    bytes[sizeof bytes - 1] = '\n';
    for (int i = 0; i < 100; i++) {
        for (int n = 0; n < 100; n++)
            (void)send(fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
        far_settle();
    }
}

static void say_nothing_at_all(int fd)
{
    (void)fd;
}

static const struct {
    void (*cause)(int fd);
    const char *expected;
} troubles[] = {
    { reset_hard, "1 20 1" },
    { reset_in_a_line, "1 20 1" },
    { half_close, "1 \"last\" 20 1" },
    { send_a_long_line, "1 report:ELIMIT 0 20 1" },
    { never_read, "1 20 1" },
    { say_nothing_at_all, "1 20 1" },
};

static int which_trouble;

static void make_trouble(struct service *service)
{
    trouble(service, troubles[which_trouble].cause);
}

/* Faults 7, 10, 11, 12 */
START_TEST(the_trouble_of_one_client_does_not_touch_the_others)
{
    which_trouble = _i;
    ck_assert_int_eq(service_play(make_trouble, echo_lines, NULL), 0);
    ck_assert_str_eq(said(), troubles[_i].expected);
}
END_TEST

/* --- Out of descriptors (C82, SV-12, fault 1) ------------------------------ */

static const struct fault_plan no_descriptor = { .fail_at = 1, .only = 1ULL << SYS_ACCEPT, .code = -EMFILE };
static const struct fault_plan never_a_descriptor = {
    .fail_at = 1, .from_then_on = true, .only = 1ULL << SYS_ACCEPT, .code = -EMFILE,
};

static uint64_t starved(void)
{
    return weir__counter_read(&weir_get_running_loop()->counters, COUNTER_ACCEPT_STARVED);
}

static void starve_and_wait(struct service *service)
{
    weir__fault_begin(&no_descriptor);
    int fd = service_client(service);
    far_settle();
    say("starved:%d", (int)starved());
    far_settle();
    say("%s", weir__fault_seen(SYS_ACCEPT) == 1 ? "rests" : "SPINS");
    double before = clock_now();
    weir_sleep(2);                              /* the loop waits, and the retry comes after 1 s */
    say("%d %d", service_echoes(fd, "served\n"), clock_now() - before < 2.1);
    weir__fault_end();
    close(fd);
}

START_TEST(out_of_descriptors_accepting_rests_and_comes_back_after_a_second)
{
    clock_fake();
    ck_assert_int_eq(service_play(starve_and_wait, echo_lines, NULL), 0);
    ck_assert_str_eq(said(), "report:EMFILE starved:1 rests 1 1");
}
END_TEST

static void starve_and_free(struct service *service)
{
    int first = service_client(service);

    say("%d", service_echoes(first, "first\n"));
    weir__fault_begin(&no_descriptor);
    int second = service_client(service);
    far_settle();
    close(first);                               /* its connection ends, and a descriptor is free */
    say("%d", service_echoes(second, "second\n"));
    weir__fault_end();
    say("%d", clock_now() < 1);
    close(second);
}

START_TEST(a_descriptor_that_is_closed_ends_the_rest_at_once)
{
    clock_fake();
    ck_assert_int_eq(service_play(starve_and_free, echo_lines, NULL), 0);
    ck_assert_str_eq(said(), "1 report:EMFILE 1 1");
}
END_TEST

static void starve_long(struct service *service)
{
    weir__fault_begin(&never_a_descriptor);
    int fd = service_client(service);
    weir_sleep(10);
    int tries = (int)weir__fault_seen(SYS_ACCEPT);
    weir__fault_end();
    say("%s", tries >= 8 && tries <= 12 ? "one try a second" : "OTHERWISE");
    weir_sleep(1.5);
    say("%d", service_echoes(fd, "at last\n"));
    close(fd);
}

/* Counted each time; told at most once a second, so about ten times here. */
START_TEST(a_long_starvation_costs_one_try_a_second)
{
    clock_fake();
    ck_assert_int_eq(service_play(starve_long, echo_lines, NULL), 0);
    ck_assert_ptr_nonnull(strstr(said(), "one try a second 1"));
}
END_TEST

/* Fault 8: accept(2) hands out errors that belong to the connection that it would have returned. */
static const int accept_errors[] = { -ECONNABORTED, -EPROTO, -EPERM, -EINTR, -EAGAIN, -ENETDOWN };
static int accept_error;

static void fail_an_accept(struct service *service)
{
    struct fault_plan plan = { .fail_at = 1, .only = 1ULL << SYS_ACCEPT, .code = accept_error };

    weir__fault_begin(&plan);
    int fd = service_client(service);
    say("%d", service_echoes(fd, "served\n"));
    weir__fault_end();
    close(fd);
}

START_TEST(a_failed_accept_does_not_stop_accepting)
{
    accept_error = accept_errors[_i];
    ck_assert_int_eq(service_play(fail_an_accept, echo_lines, NULL), 0);
    const char *text = said();
    ck_assert_str_eq(text + strlen(text) - 1, "1");
}
END_TEST

/* --- Starting and closing ------------------------------------------------- */

static int listen_with_backlogs(void *arg)
{
    unsigned *told = arg;

    for (int i = 0; i < 2; i++) {
        weir_server_options options = { .backlog = i == 0 ? 7 : 0 };
        struct tcp_info info = { 0 };
        socklen_t len = sizeof info;
        weir_server *server;
        int fd;

        int code = weir_start_server(echo_lines, NULL, "127.0.0.1", 0, &options, &server);
        if (code < 0)
            return code;
        if (weir_server_sockets(server, &fd, 1) == 1 && getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0)
            told[i] = info.tcpi_sacked;         /* of a listening socket: its backlog */
        weir_server_free(server);
    }
    return 0;
}

START_TEST(the_backlog_is_what_the_kernel_was_told)
{
    unsigned told[2] = { 0 };

    ck_assert_int_eq(weir_run(listen_with_backlogs, told), 0);
    ck_assert_uint_eq(told[0], 7);
    ck_assert_uint_eq(told[1], 100);            /* net.core.somaxconn, which bounds it, was never less than 128 */
}
END_TEST

static void close_under_clients(struct service *service)
{
    int fd = service_client(service);

    service_echoes(fd, "there\n");
    say("%d", weir_server_is_serving(service->server));
    weir_server_close(service->server);
    weir_server_close(service->server);
    say("%d %zu", weir_server_is_serving(service->server), weir_server_sockets(service->server, NULL, 0));
    say("%d", raw_connect(service->port));
    say("%d", service_echoes(fd, "still\n"));   /* C75 */
    close(fd);
}
SERVED(closing_a_server_leaves_its_connections, close_under_clients, echo_lines, NULL, "1 0 0 -1 1")

static void close_the_clients(struct service *service)
{
    char got[4];
    int fd = service_client(service);

    service_echoes(fd, "there\n");
    weir_server_close_clients(service->server);
    say("%zu", raw_recv(fd, got, 1));
    close(fd);
    fd = service_client(service);
    service_echoes(fd, "there\n");
    weir_server_abort_clients(service->server);
    say("%zu", raw_recv(fd, got, 1));
    close(fd);
    fd = service_client(service);
    say("%d", service_echoes(fd, "a new one\n"));
    close(fd);
}
/* SV-16 */
SERVED(all_clients_can_be_closed_and_the_server_goes_on, close_the_clients, echo_lines, NULL, "0 0 1")

static int start_badly(void *arg)
{
    weir_server *server = NULL;
    weir_server_options bad = { .close_timeout = -1 };
    weir_server_options later = { .proxy_protocol = true };

    (void)arg;
    say("%s", code_name(weir_start_server(echo_lines, NULL, NULL, 0, NULL, &server)));
    say("%s", code_name(weir_start_server(echo_lines, NULL, "127.0.0.1", 0, &bad, &server)));
    say("%s", code_name(weir_start_server(echo_lines, NULL, "127.0.0.1", 0, &later, &server)));
    int taken = raw_listen();
    say("%s", code_name(weir_start_server(echo_lines, NULL, "127.0.0.1", (uint16_t)raw_port(taken), NULL, &server)));
    say("%s", strstr(weir_error_detail(), "127.0.0.1") != NULL ? "names it" : weir_error_detail());
    close(taken);
    say("%s", server == NULL ? "untouched" : "TOUCHED");
    return 0;
}

START_TEST(a_server_that_cannot_start_says_why)
{
    weir_server *server;
    int before = open_descriptors();

    ck_assert_int_eq(weir_start_server(echo_lines, NULL, "127.0.0.1", 0, NULL, &server), WEIR_ENOTASK);
    ck_assert_int_eq(weir_run(start_badly, NULL), 0);
    ck_assert_str_eq(said(), "EINVAL EINVAL ENOTSUP EADDRINUSE names it untouched");
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

static int start_nowhere(void *arg)
{
    weir_server *server;

    (void)arg;
    return weir_start_server(echo_lines, NULL, "not an address.invalid", 0, NULL, &server);
}

START_TEST(a_server_at_an_unknown_host_says_which)
{
    ck_assert_int_eq(weir_run(start_nowhere, NULL), WEIR_ERESOLVE);
    ck_assert_ptr_nonnull(strstr(weir_error_detail(), "not an address.invalid"));
}
END_TEST

Suite *suite(void)
{
    Suite *server = suite_create("streams/start_server");

    TCase *counts = tcase_create("counts");
    tcase_add_test(counts, an_echoed_line_costs_one_recv_and_one_send_and_nothing_else);
    tcase_add_test(counts, an_echoed_line_costs_one_poll);
    tcase_add_test(counts, sixteen_pipelined_lines_cost_one_recv_and_one_send);
    suite_add_tcase(server, counts);

    TCase *alone = tcase_create("alone");
    tcase_add_loop_test(alone, the_trouble_of_one_client_does_not_touch_the_others, 0,
                        (int)(sizeof troubles / sizeof troubles[0]));
    suite_add_tcase(server, alone);

    TCase *accepting = tcase_create("accepting");
    tcase_add_test(accepting, out_of_descriptors_accepting_rests_and_comes_back_after_a_second);
    tcase_add_test(accepting, a_descriptor_that_is_closed_ends_the_rest_at_once);
    tcase_add_test(accepting, a_long_starvation_costs_one_try_a_second);
    tcase_add_loop_test(accepting, a_failed_accept_does_not_stop_accepting, 0,
                        (int)(sizeof accept_errors / sizeof accept_errors[0]));
    suite_add_tcase(server, accepting);

    TCase *starting = tcase_create("starting");
    tcase_add_test(starting, closing_a_server_leaves_its_connections);
    tcase_add_test(starting, all_clients_can_be_closed_and_the_server_goes_on);
    tcase_add_test(starting, the_backlog_is_what_the_kernel_was_told);
    tcase_add_test(starting, a_server_that_cannot_start_says_why);
    tcase_add_test(starting, a_server_at_an_unknown_host_says_which);
    suite_add_tcase(server, starting);
    return server;
}
