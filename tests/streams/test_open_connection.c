/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_open_connection.c  What weir_open_connection promises, and the reader's bounds on a real socket.
 */
#include <errno.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/run.h>

#include "lib/clock.h"
#include "lib/stream_service.h"
#include "lib/suite.h"

static void connect_to_server(struct service *service)
{
    weir_reader *reader;
    weir_writer *writer;
    weir_bytes line;

    int code = weir_open_connection("127.0.0.1", (uint16_t)service->port, NULL, &reader, &writer);
    if (code < 0) {
        say("%s", code_name(code));
        return;
    }
    weir_writer_printf(writer, "hello\n");
    ssize_t n = weir_reader_readline(reader, &line);
    say("%s", n == 6 ? quoted(line.data, line.len) : code_name(n));
    say("%d %s", weir_address_port(weir_writer_peername(writer)) == service->port,
        *(const int *)weir_writer_get_extra_info(writer, "socket") == weir_writer_fd(writer) ? "same" : "other");
    weir_writer_close(writer);
    say("%s", code_name(weir_writer_wait_closed(writer)));
    weir_writer_free(writer);
}

START_TEST(a_connection_is_opened_used_and_closed)
{
    ck_assert_int_eq(service_play(connect_to_server, echo_lines, NULL), 0);
    ck_assert_str_eq(said(), "\"hello\\n\" 1 same 0");
}
END_TEST

/* --- What is refused ------------------------------------------------------ */

static int try_connect(const char *host, uint16_t port, const weir_connect_options *opts)
{
    weir_reader *reader = NULL;
    weir_writer *writer = NULL;
    int code = weir_open_connection(host, port, opts, &reader, &writer);

    if (code < 0 && (reader != NULL || writer != NULL))
        say("TOUCHED");
    if (code == 0)
        weir_writer_free(writer);
    return code;
}

static int connect_badly(void *arg)
{
    int datagram = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), taken = raw_listen();
    int port = raw_port(taken);
    weir_connect_options name = { .server_hostname = "x" }, limit = { .tls_handshake_timeout = 1 },
                         negative = { .timeout = -1 }, both = { .sock = &datagram }, badly = { .happy_eyeballs_delay = -1 };

    (void)arg;
    close(taken);                               /* nobody listens there now */
    say("%s", code_name(try_connect(NULL, 0, NULL)));
    say("%s", code_name(try_connect("127.0.0.1", 1, &name)));
    say("%s", code_name(try_connect("127.0.0.1", 1, &limit)));
    say("%s", code_name(try_connect("127.0.0.1", 1, &negative)));
    say("%s", code_name(try_connect("127.0.0.1", 1, &both)));
    say("%s", code_name(try_connect(NULL, 0, &both)));
    say("%s", code_name(try_connect("127.0.0.1", 1, &badly)));
    say("%s", code_name(try_connect("127.0.0.1", (uint16_t)port, NULL)));
    say("%s", strstr(weir_error_detail(), "127.0.0.1") != NULL ? "names it" : weir_error_detail());
    close(datagram);                            /* still ours after -EINVAL */
    return 0;
}

/* C83 in so far as it concerns clients without TLS, C84's first */
START_TEST(a_connection_that_cannot_be_opened_says_why)
{
    weir_reader *reader;
    weir_writer *writer;
    int before = open_descriptors();

    ck_assert_int_eq(weir_open_connection("127.0.0.1", 1, NULL, &reader, &writer), WEIR_ENOTASK);
    ck_assert_int_eq(weir_run(connect_badly, NULL), 0);
    ck_assert_str_eq(said(), "EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL ECONNREFUSED names it");
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

/* --- Cut short ------------------------------------------------------------ */

/* A listener whose backlog is full: on the loopback a further connect then waits. */
struct full {
    int listener, waiting[8];
    weir_connect_options opts;
};

static void fill(struct full *full)
{
    struct sockaddr_in addr = { .sin_family = AF_INET };
    socklen_t len = sizeof addr;

    full->listener = raw_listen();
    listen(full->listener, 0);
    getsockname(full->listener, (void *)&addr, &len);
    for (int i = 0; i < 8; i++) {
        full->waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)!connect(full->waiting[i], (void *)&addr, len);
    }
}

static int connect_to_full(void *arg)
{
    struct full *full = arg;

    return try_connect("127.0.0.1", (uint16_t)raw_port(full->listener), &full->opts);
}

static int cut_short(void *arg)
{
    struct full full = { .listener = -1 };
    weir_timeout t;

    (void)arg;
    fill(&full);
    weir_task *task = weir_create_task(connect_to_full, &full);
    far_settle();
    say("%d", weir_task_done(task));
    weir_task_cancel(task);
    say("%s", code_name(far_join(task)));

    weir_timeout_begin(&t, 3);
    say("%s", code_name(connect_to_full(&full)));
    weir_timeout_end(&t);
    full.opts.timeout = 7;
    say("%s", code_name(connect_to_full(&full)));
    say("%.0f", clock_now());

    task = weir_create_task(connect_to_full, &full);        /* and one that the end of the loop cuts short */
    far_settle();
    weir_task_unref(task);
    for (int i = 0; i < 8; i++)
        close(full.waiting[i]);
    close(full.listener);
    return 0;
}

/* OC-10, fault 37 */
START_TEST(a_connect_that_is_cut_short_leaves_no_descriptor)
{
    int before = open_descriptors();

    clock_fake();
    ck_assert_int_eq(weir_run(cut_short, NULL), 0);
    ck_assert_str_eq(said(), "0 ECANCELED ETIMEDOUT ETIMEDOUT 10");
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

/* --- Read-ahead on a real socket ------------------------------------------ */

static void wait_until_buffered(struct far *far, size_t n)
{
    while (weir_reader_buffered(far->reader) < n)
        weir_yield();
    far_settle();
}

/* C32 */
static void read_ahead(struct far *far)
{
    const weir_transport *t = weir_writer_transport(far->writer);
    weir_bytes out;

    far_send(far, "123456789012345678901", 21);
    wait_until_buffered(far, 21);
    say("%d", weir_transport_is_reading(t));
    say("%s", code_name(weir_reader_read(far->reader, 10, &out)));
    say("%d", weir_transport_is_reading(t));
    say("%s", code_name(weir_reader_read(far->reader, 1, &out)));
    say("%d", weir_transport_is_reading(t));
    far_send(far, "1234567890", 10);
    wait_until_buffered(far, 20);
    say("%d", weir_transport_is_reading(t));
}

START_TEST(a_socket_is_read_ahead_to_twice_the_limit)
{
    weir_connect_options opts = { .limit = 10 };

    ck_assert_int_eq(far_play_with(read_ahead, &opts), 0);
    ck_assert_str_eq(said(), "0 10 0 1 1 1");
}
END_TEST

/* C33 */
static void end_while_paused(struct far *far)
{
    weir_bytes out;

    far_send(far, "abc", 3);
    wait_until_buffered(far, 3);
    far_end_output(far);
    far_settle();
    say("%d %d", weir_reader_at_eof(far->reader), weir_transport_is_reading(weir_writer_transport(far->writer)));
    ssize_t n = weir_reader_read(far->reader, WEIR_READ_ALL, &out);
    say("%s %d", n == 3 ? quoted(out.data, 3) : code_name(n), weir_reader_at_eof(far->reader));
}

/* The same, taken by number: had the end been seen, it would be the end at once. */
static void end_behind_a_pause(struct far *far)
{
    weir_bytes out;

    far_send(far, "abc", 3);
    wait_until_buffered(far, 3);
    far_end_output(far);
    far_settle();
    for (int i = 0; i < 2; i++) {
        say("%s", code_name(weir_reader_read(far->reader, 3, &out)));
        say("%d", weir_reader_at_eof(far->reader));
    }
}

START_TEST(a_paused_socket_does_not_see_the_end_until_it_is_read)
{
    weir_connect_options opts = { .limit = 1 };

    ck_assert_int_eq(far_play_with(end_while_paused, &opts), 0);
    ck_assert_str_eq(said(), "0 0 \"abc\" 1");
    ck_assert_int_eq(far_play_with(end_behind_a_pause, &opts), 0);
    ck_assert_str_eq(said(), "3 0 0 1");
}
END_TEST

static void read_too_much(struct far *far)
{
    weir_bytes out;

    say("%s", code_name(weir_reader_readexactly(far->reader, 101, &out)));
    far_send(far, "12345", 5);
    say("%s", code_name(weir_reader_readexactly(far->reader, 5, &out)));
}

START_TEST(max_read_is_an_option_of_the_connection)
{
    weir_connect_options opts = { .max_read = 100 };

    ck_assert_int_eq(far_play_with(read_too_much, &opts), 0);
    ck_assert_str_eq(said(), "EMSGSIZE 5");
}
END_TEST

Suite *suite(void)
{
    Suite *connecting = suite_create("streams/open_connection");

    TCase *opening = tcase_create("opening");
    tcase_add_test(opening, a_connection_is_opened_used_and_closed);
    tcase_add_test(opening, a_connection_that_cannot_be_opened_says_why);
    tcase_add_test(opening, a_connect_that_is_cut_short_leaves_no_descriptor);
    suite_add_tcase(connecting, opening);

    TCase *ahead = tcase_create("reading ahead");
    tcase_add_test(ahead, a_socket_is_read_ahead_to_twice_the_limit);
    tcase_add_test(ahead, a_paused_socket_does_not_see_the_end_until_it_is_read);
    tcase_add_test(ahead, max_read_is_an_option_of_the_connection);
    suite_add_tcase(connecting, ahead);
    return connecting;
}
