/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/test_http_drain.c  What connection.h promises about a drain: no request that has come is lost, and nobody is
 * waited for who has nothing to say.
 *
 * A server on the loopback, by the test clock; the client is a task beside it.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/run.h>
#include <weir/task.h>

#include "lib/clock.h"
#include "lib/stream_far.h"
#include "lib/suite.h"
#include "net/transport.h"
#include "plugins/section.h"

#define REQUEST "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static const struct option page[] = { { "page", "hello" }, { NULL, NULL } };

/* --- A server ------------------------------------------------------------- */

static void (*client)(int port);
static int server_port;

static int worker_start(void *arg, void **state)
{
    (void)arg;
    int code = section_start();
    *state = section_state;
    return code;
}

static void worker_stop(void *arg, void *state)
{
    (void)arg, (void)state;
    section_stop();
}

static int run_client(void *arg)
{
    (void)arg;
    client(server_port);
    weir_serve_stop();
    return 0;
}

static void on_ready(weir_server *server, void *arg)
{
    int fd;

    (void)arg;
    weir_server_sockets(server, &fd, 1);
    server_port = raw_port(fd);
    weir_spawn(run_client, NULL);
}

static void serve(void (*with)(int port))
{
    weir_serve_options opts = { .workers = 1, .no_pin = true, .worker_start = worker_start, .worker_stop = worker_stop,
                                .on_ready = on_ready };

    client = with;
    clock_fake();
    section_begin(page);
    ck_assert_int_eq(section_configure(), 0);
    ck_assert_int_eq(weir_serve(weir_plugin_entry.client_connected, NULL, "127.0.0.1", 0, &opts), 0);
    section_end();
}

static void ask(int fd, const char *bytes)
{
    raw_send(fd, bytes, strlen(bytes));
}

/* How many answers come, and whether the last of them says that it is. */
static void tell_answers(int fd, size_t count)
{
    char got[4096];
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        size_t from = n;
        while (n < 5 || memcmp(got + n - 5, "hello", 5) != 0) {
            if (raw_recv(fd, got + n, 1) != 1) {
                say("LOST");
                return;
            }
            if (++n - from >= 5 && memcmp(got + n - 5, "hello", 5) == 0)
                break;
            if (n == sizeof got - 1)
                n = 0;
        }
        got[n] = '\0';
        say("%s", strstr(got + from, "Connection: close") != NULL ? "last" : "answer");
        n = 0;
    }
}

static void tell_end(int fd)
{
    char byte;

    say("%s", raw_recv(fd, &byte, 1) == 0 && recv(fd, &byte, 1, MSG_DONTWAIT) == 0 ? "end" : "RESET");
    close(fd);
}

/* --- Drains --------------------------------------------------------------- */

static void be_idle(int port)
{
    int fd = raw_connect(port);

    ask(fd, REQUEST);
    tell_answers(fd, 1);
    weir_sleep(5);
    double begun = clock_now();
    weir_serve_stop();
    tell_end(fd);
    say("%.1f", clock_now() - begun);
}

START_TEST(a_quiet_connection_is_closed_at_once)
{
    serve(be_idle);
    ck_assert_str_eq(said(), "answer end 0.0");
}
END_TEST

/* The next request is on its way when the drain begins: a client under load. */
static void ask_again(int port)
{
    int fd = raw_connect(port);

    ask(fd, REQUEST);
    tell_answers(fd, 1);
    weir_serve_stop();
    far_settle();
    ask(fd, REQUEST);
    tell_answers(fd, 1);
    tell_end(fd);
}

START_TEST(a_request_that_comes_just_after_is_answered)
{
    serve(ask_again);
    ck_assert_str_eq(said(), "answer last end");
}
END_TEST

/* All that came is answered, and the last of it says so. */
static void ask_for_many(int port)
{
    int fd = raw_connect(port);

    ask(fd, REQUEST);
    tell_answers(fd, 1);
    weir_serve_stop();
    far_settle();
    ask(fd, REQUEST REQUEST REQUEST);
    tell_answers(fd, 3);
    tell_end(fd);
}

START_TEST(of_pipelined_requests_the_last_one_ends_it)
{
    serve(ask_for_many);
    ck_assert_str_eq(said(), "answer answer answer last end");
}
END_TEST

static void ask_by_halves(int port)
{
    int fd = raw_connect(port);

    ask(fd, REQUEST "GET / HT");
    tell_answers(fd, 1);
    weir_serve_stop();
    weir_sleep(5);
    ask(fd, "TP/1.1\r\nHost: a\r\n\r\n" REQUEST "GET");
    tell_answers(fd, 2);
    weir_sleep(5);
    ask(fd, " / HTTP/1.1\r\nHost: a\r\n\r\n");
    tell_answers(fd, 1);
    tell_end(fd);
}

START_TEST(a_request_that_has_begun_gets_its_time)
{
    serve(ask_by_halves);
    ck_assert_str_eq(said(), "answer answer answer last end");
}
END_TEST

static void connect_only(int port)
{
    int fd = raw_connect(port);

    far_settle();
    double begun = clock_now();
    weir_serve_stop();
    tell_end(fd);
    say("%.1f", clock_now() - begun);
}

/* Connected, and nothing said: it gets the time in which a request would have come. */
START_TEST(a_new_connection_gets_half_a_second)
{
    serve(connect_only);
    ck_assert_str_eq(said(), "end 0.5");
}
END_TEST

/* --- Idle ------------------------------------------------------------------ */

static int run_handler(void *arg)
{
    struct far *far = arg;

    return weir_plugin_entry.client_connected(far->reader, far->writer, section_state);
}

static void tell_idle(struct far *far)
{
    far_settle();
    say("%d", weir_writer_transport(far->writer)->idle);
}

static void be_quiet_and_not(struct far *far)
{
    char got[4096];

    say("%s", code_name(section_start()));
    weir_task *handler = far_task(far, run_handler);
    tell_idle(far);
    weir_sleep(1);
    tell_idle(far);
    far_send(far, "GET", 3);
    tell_idle(far);
    far_send(far, " / HTTP/1.1\r\nHost: a\r\n\r\n", 24);
    tell_idle(far);
    weir_sleep(1);
    tell_idle(far);
    far_send(far, "\r\n", 2);
    tell_idle(far);
    far_end_output(far);
    say("%s", code_name(far_join(handler)));
    say("%d", weir_reader_read(far->far_reader, sizeof got, &(weir_bytes) { got, 0 }) > 0);
    section_stop();
}

START_TEST(it_is_idle_when_it_was_quiet_and_nothing_has_begun)
{
    clock_fake();
    section_begin(page);
    ck_assert_int_eq(section_configure(), 0);
    ck_assert_int_eq(far_play(be_quiet_and_not, FAR_MEMORY), 0);
    ck_assert_str_eq(said(), "0 0 1 0 0 1 0 0 1");
    section_end();
}
END_TEST

Suite *suite(void)
{
    Suite *http = suite_create("plugins/http/drain");

    TCase *drain = tcase_create("drain");
    tcase_add_test(drain, a_quiet_connection_is_closed_at_once);
    tcase_add_test(drain, a_request_that_comes_just_after_is_answered);
    tcase_add_test(drain, of_pipelined_requests_the_last_one_ends_it);
    tcase_add_test(drain, a_request_that_has_begun_gets_its_time);
    tcase_add_test(drain, a_new_connection_gets_half_a_second);
    tcase_add_test(drain, it_is_idle_when_it_was_quiet_and_nothing_has_begun);
    suite_add_tcase(http, drain);

    return http;
}
