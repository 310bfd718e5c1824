/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_faults.c  A small echo, in which every allocation and seam call fails in turn.
 *
 * Start a server, connect, echo three lines, close. The n-th call fails, for every n until none is left; alone, and with
 * all after it. Whatever fails, the run ends with a code, and no descriptor stays behind; the sanitizer build looks for
 * memory. Time is the test clock's, so a wait for something that will never come costs nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/loop.h>
#include <weir/run.h>

#include "core/sys_fault.h"
#include "lib/clock.h"
#include "lib/stream_service.h"
#include "lib/suite.h"

#define PATIENCE 5.0            /* seconds of test time that each step may take */

static void ignore(weir_loop *loop, int code, const char *message, void *arg)
{
    (void)loop, (void)code, (void)message, (void)arg;
}

static int talk(weir_reader *reader, weir_writer *writer)
{
    static const char *const lines[] = { "one\n", "two\n", "three\n" };
    weir_bytes line;

    for (int i = 0; i < 3; i++) {
        int code = weir_writer_printf(writer, "%s", lines[i]);
        if (code == 0)
            code = weir_writer_drain(writer);
        if (code < 0)
            return code;
        ssize_t n = weir_reader_readline(reader, &line);
        if (n < 0)
            return (int)n;
        if ((size_t)n != strlen(lines[i]) || memcmp(line.data, lines[i], (size_t)n) != 0)
            return n == 0 ? -ECONNRESET : -EBADMSG;     /* other bytes than were sent: the one thing that must not be */
    }
    return 0;
}

static int port_of(weir_server *server)
{
    int fd;

    weir_server_sockets(server, &fd, 1);
    return raw_port(fd);
}

static int client(weir_server *server)
{
    weir_connect_options opts = { .timeout = PATIENCE };
    weir_reader *reader;
    weir_writer *writer;
    weir_timeout t;

    weir_timeout_begin(&t, PATIENCE);
    int code = weir_open_connection("127.0.0.1", (uint16_t)port_of(server), &opts, &reader, &writer);
    if (code == 0) {
        code = talk(reader, writer);
        weir_writer_close(writer);
        int closed = weir_writer_wait_closed(writer);
        code = code == 0 ? closed : code;
        weir_writer_free(writer);
    }
    weir_timeout_end(&t);
    return code;
}

static int echo_scenario(void *arg)
{
    weir_server_options opts = { .close_timeout = PATIENCE };
    weir_server *server;
    weir_timeout t;

    (void)arg;
    weir_loop_set_exception_handler(weir_get_running_loop(), ignore, NULL);
    int code = weir_start_server(echo_lines, NULL, "127.0.0.1", 0, &opts, &server);
    if (code < 0)
        return code;
    code = client(server);
    weir_server_close(server);
    weir_timeout_begin(&t, PATIENCE);
    if (weir_server_wait_closed(server) < 0)    /* no memory to wait, or a connection that heard nothing of the end */
        weir_server_abort_clients(server);
    weir_timeout_end(&t);
    weir_server_free(server);
    return code;
}

static int memory_scenario(void *arg)
{
    static const char in[] = "one\ntwo\nthree\n";
    char *out = NULL;
    size_t len = 0;

    (void)arg;
    weir_loop_set_exception_handler(weir_get_running_loop(), ignore, NULL);
    int code = weir_test_handler(echo_lines, NULL, in, sizeof in - 1, 3, &out, &len);
    if (code == 0 && (len != sizeof in - 1 || memcmp(out, in, len) != 0))
        code = -EBADMSG;
    free(out);
    return code;
}

/* A recv or send that fails is a reset, after which a trial has only part of the output: that is no failure of its own. */
static const struct {
    int (*run)(void *arg);
    uint64_t calls;             /* that fail; 0: all */
} scenarios[] = {
    { echo_scenario, 0 },
    { memory_scenario, ((1ULL << SYS_CALLS) - 1) & ~(1ULL << SYS_RECV) & ~(1ULL << SYS_SEND) },
};

/* Fault 2, for the whole path of a byte. */
START_TEST(whatever_call_fails_the_run_ends_and_nothing_is_left)
{
    struct fault_plan plan = { .from_then_on = (_i & 1) != 0, .only = scenarios[_i / 2].calls };
    int good = 0, before = open_descriptors();
    uint64_t n = 0, failed = 1;

    clock_fake();
    while (failed > 0) {
        plan.fail_at = ++n;
        weir__fault_begin(&plan);
        int code = weir_run(scenarios[_i / 2].run, NULL);
        failed = weir__fault_end();
        ck_assert_msg(open_descriptors() == before, "call %d: a descriptor is left", (int)n);
        ck_assert_msg(code != -EBADMSG, "call %d: other bytes came back", (int)n);
        good += code == 0;
        ck_assert_msg(failed > 0 || code == 0, "with no failure left: %s", code_name(code));
    }
    ck_assert_int_gt((int)n, 20);               /* that many calls there are at least: the plan was followed */
    ck_assert_int_ge(good, 1);
}
END_TEST

/* Fault 3: a descriptor that the kernel will not watch. */
START_TEST(a_socket_that_cannot_be_watched_ends_with_a_code)
{
    int before = open_descriptors();

    clock_fake();
    for (unsigned calls = 1; calls < 4; calls++) {
        epoll_ctl_fail(calls, ENOMEM);
        (void)weir_run(echo_scenario, NULL);
        ck_assert_int_eq(open_descriptors(), before);
    }
    epoll_ctl_fail(0, 0);
    ck_assert_int_eq(weir_run(echo_scenario, NULL), 0);
}
END_TEST

/* Faults 4, 5, 6: every k-th transfer is interrupted or comes for nothing, and all are short. */
START_TEST(interrupted_and_short_transfers_change_nothing)
{
    struct fault_plan plan = { .again_every = (unsigned)_i, .cap = _i % 2 == 0 ? 1 : 0 };

    clock_fake();
    weir__fault_begin(&plan);
    int code = weir_run(echo_scenario, NULL);
    weir__fault_end();
    ck_assert_str_eq(code_name(code), "0");
}
END_TEST

Suite *suite(void)
{
    Suite *faults = suite_create("streams/faults");

    TCase *each = tcase_create("each call");
    tcase_add_loop_test(each, whatever_call_fails_the_run_ends_and_nothing_is_left, 0, 4);
    tcase_add_test(each, a_socket_that_cannot_be_watched_ends_with_a_code);
    tcase_add_loop_test(each, interrupted_and_short_transfers_change_nothing, 2, 11);
    tcase_set_timeout(each, 20);
    suite_add_tcase(faults, each);
    return faults;
}
