/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_handler.c  What streams/handler.c promises: what a handler's result means, and what it leaves behind.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <weir/loop.h>
#include <weir/run.h>

#include "lib/clock.h"
#include "lib/stream_service.h"
#include "lib/suite.h"
#include "streams/stream.h"

#define MUCH ((size_t)500000)

#define SERVED(name, scenario, handler, options, expected)          \
    START_TEST(name)                                                \
    {                                                               \
        ck_assert_int_eq(service_play(scenario, handler, options), 0); \
        ck_assert_str_eq(said(), expected);                         \
    }                                                               \
    END_TEST

static const weir_server_options plain = { .plain_callback = true };

/* What the client gets until the end, and how it ended. */
static void say_received(int fd)
{
    char got[64] = "";
    size_t n = raw_recv(fd, got, sizeof got - 1);

    say("got:%s:%s", quoted(got, n), recv(fd, got, 1, MSG_DONTWAIT) == 0 ? "end" : "RESET");
}

/* --- Results -------------------------------------------------------------- */

/* What each client's first byte makes the handler return; it has answered before. */
static const int results[] = {
    0, 7, -EIO, -ECANCELED, -ECONNRESET, -EPIPE, -ENOTCONN, -ETIMEDOUT, WEIR_ELIMIT, WEIR_EINCOMPLETE,
};

static int answer_and_return(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_bytes out;

    (void)arg;
    if (weir_reader_readexactly(reader, 1, &out) != 1)
        return -EINVAL;
    int result = results[out.data[0] - '0'];
    weir_writer_printf(writer, "bye");
    /* Whether WEIR_EINCOMPLETE says anything depends on what the last incomplete read had: here it had nothing. */
    return result == WEIR_EINCOMPLETE ? (int)weir_reader_readexactly(reader, 1, &out) : result;
}

static void get_all_results(struct service *service)
{
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
        char which = (char)('0' + i);
        char got[8];
        int fd = service_client(service);
        raw_send(fd, &which, 1);
        shutdown(fd, SHUT_WR);
        size_t n = raw_recv(fd, got, sizeof got);
        say("%s%s", code_name(results[i]), n == 3 ? "" : ":WRONG");
        close(fd);
    }
}

/* SP-6, CV-8, B22, SP-9 */
SERVED(a_negative_result_is_reported_unless_it_only_says_that_the_peer_left, get_all_results, answer_and_return, NULL,
       "0 7 report:EIO EIO ECANCELED ECONNRESET EPIPE ENOTCONN report:ETIMEDOUT ETIMEDOUT report:ELIMIT ELIMIT EINCOMPLETE")

static int want_ten(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_bytes out;

    (void)writer, (void)arg;
    return weir_result(weir_reader_readexactly(reader, 10, &out));
}

static void send_three(struct service *service)
{
    int fd = service_client(service);

    raw_send(fd, "abc", 3);
    shutdown(fd, SHUT_WR);
    say_received(fd);
    close(fd);
}
SERVED(a_request_cut_off_in_the_middle_is_reported, send_three, want_ten, NULL, "report:EINCOMPLETE got:\"\":end")

/* C78 */
static int write_much_and_fail(weir_reader *reader, weir_writer *writer, void *arg)
{
    static char bytes[MUCH];
    weir_bytes out;

    (void)arg;
    if (weir_reader_readexactly(reader, 1, &out) != 1 || out.data[0] != 'f')
        return echo_lines(reader, writer, NULL);
    for (size_t i = 0; i < MUCH; i++)
        bytes[i] = (char)pattern_at(i);
    weir_writer_write(writer, bytes, MUCH);
    return -EIO;
}

static void fail_one_of_two(struct service *service)
{
    static char got[MUCH];
    int other = service_client(service), failing = service_client(service);
    size_t right = 0;

    raw_send(other, ".", 1);
    say("%d", service_echoes(other, "before\n"));
    raw_send(failing, "f", 1);
    size_t n = raw_recv(failing, got, MUCH);
    while (right < n && got[right] == (char)pattern_at(right))
        right++;
    say("%zu", right);
    say_received(failing);
    say("%d", service_echoes(other, "after\n"));
    close(failing);
    close(other);
}
SERVED(a_failed_handler_still_delivers_what_it_wrote_and_disturbs_nobody, fail_one_of_two, write_much_and_fail, NULL,
       "1 report:EIO 500000 got:\"\":end 1")

/* C80 */
static void speak_early(struct service *service)
{
    int fd = service_client(service);

    raw_send(fd, "early\n", 6);
    shutdown(fd, SHUT_WR);
    say_received(fd);
    close(fd);
}
SERVED(what_came_before_the_handler_ran_is_read_first, speak_early, echo_lines, NULL, "got:\"early\\n\":end")

/* --- References, and others on the same connection ------------------------ */

static weir_reader *kept_reader;
static weir_writer *kept_writer;

static int keep_and_return(weir_reader *reader, weir_writer *writer, void *arg)
{
    (void)arg;
    kept_reader = reader;
    kept_writer = weir_writer_ref(writer);
    weir_writer_printf(writer, "hi");
    return 0;
}

static void use_what_was_kept(struct service *service)
{
    int fd = service_client(service);
    weir_bytes out;

    say_received(fd);
    close(fd);
    say("%d", weir_writer_is_closing(kept_writer));
    say("%s", code_name(weir_writer_write(kept_writer, "x", 1)));
    say("%s", code_name(weir_reader_read(kept_reader, 1, &out)));
    say("%s", code_name(weir_writer_wait_closed(kept_writer)));
    say("%s", weir_writer_peername(kept_writer) != NULL && weir_writer_sockname(kept_writer) != NULL ? "named" : "unnamed");
    say("%d", weir_writer_fd(kept_writer));
    weir_writer_free(kept_writer);
}
/* SP-9, SP-10, B14, BT-16 */
SERVED(a_kept_pair_answers_after_the_handler_returned, use_what_was_kept, keep_and_return, NULL,
       "got:\"hi\":end 1 0 0 0 named -1")

/* Tasks that are suspended on the connection when its handler returns. They hold it, and are the last to. */
static int helper_reads(void *arg)
{
    weir_bytes out;

    say("helper:%s", code_name(weir_reader_read(arg, 5, &out)));
    return 0;
}

static int helper_waits(void *arg)
{
    int code = weir_writer_wait_closed(arg);

    say("closed:%s", code_name(code));
    return 0;
}

static int leave_helpers_behind(weir_reader *reader, weir_writer *writer, void *arg)
{
    (void)arg;
    weir_spawn(helper_reads, reader);
    weir_spawn(helper_waits, writer);
    weir_yield();
    weir_yield();
    return 0;
}

static void connect_and_wait(struct service *service)
{
    char got[16];
    int fd = service_client(service);
    size_t n = raw_recv(fd, got, sizeof got);

    far_settle();                               /* whoever waits there has been told when the client sees the end */
    say("got:%s", quoted(got, n));
    close(fd);
}
/* Each suspended call holds the connection, so both answer although the handler's own hold is gone. */
SERVED(whoever_waits_on_the_connection_gets_the_result_of_the_close, connect_and_wait, leave_helpers_behind, NULL,
       "helper:0 closed:0 got:\"\"")

static int leave_one_reader_behind(weir_reader *reader, weir_writer *writer, void *arg)
{
    (void)writer, (void)arg;
    weir_spawn(helper_reads, reader);
    weir_yield();
    weir_yield();
    return 0;
}
SERVED(a_read_that_is_the_last_to_hold_the_connection_still_gets_the_result, connect_and_wait, leave_one_reader_behind, NULL,
       "helper:0 got:\"\"")

/* A member of a group that the handler left: it uses the connection, which is there until the member has ended. */
static int answer_late(void *arg)
{
    for (int i = 0; i < 20; i++)
        weir_yield();
    int code = weir_writer_printf(arg, "late");
    return code < 0 ? code : weir_writer_drain(arg);
}

static int leave_a_group_behind(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_task_group group;

    (void)reader, (void)arg;
    weir_task_group_init(&group);
    weir_task_group_spawn(&group, answer_late, writer);
    return 0;
}
/* API, "a deadline": leaving a handler while members of its task group run is reported and joins them. */
SERVED(a_handler_that_leaves_its_task_group_keeps_the_connection_until_the_members_end, connect_and_wait, leave_a_group_behind,
       NULL, "report:ESTATE got:\"late\"")

/* --- Cancelling ----------------------------------------------------------- */

static weir_task *running;

static int be_cancelled(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_bytes out;

    (void)arg;
    running = weir_task_ref(weir_current_task());
    weir_writer_printf(writer, "before");
    return weir_result(weir_reader_readline(reader, &out));
}

static void cancel_the_handler(struct service *service)
{
    int fd = service_client(service);
    char got[8];

    raw_recv(fd, got, 6);
    weir_task_cancel(running);
    say_received(fd);
    say("%s", code_name(weir_task_result(running)));
    weir_task_unref(running);
    close(fd);
}
/* SP-7, A6 */
SERVED(a_cancelled_handler_closes_its_connection_and_is_no_failure, cancel_the_handler, be_cancelled, NULL,
       "got:\"\":end ECANCELED")

/* The handler's task is made with the connection: cancelled before its first step, its body never runs. */
static int never_run(weir_reader *reader, weir_writer *writer, void *arg)
{
    (void)reader, (void)writer, (void)arg;
    say("RAN");
    return 0;
}

static int end_at_once(void *arg)
{
    struct service *service = arg;
    int code = weir_start_server(never_run, NULL, "127.0.0.1", 0, NULL, &service->server);
    int fd;

    if (code < 0)
        return code;
    weir_server_sockets(service->server, &fd, 1);
    fd = raw_connect(raw_port(fd));
    weir_server_free(service->server);          /* the caller is in the backlog: dropped */
    close(fd);
    return 0;
}

START_TEST(a_server_that_ends_with_its_loop_leaves_nothing)
{
    struct service service = { .cb = never_run };
    int before = open_descriptors();

    ck_assert_int_eq(weir_run(end_at_once, &service), 0);
    ck_assert_str_eq(said(), "");
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

/* --- Plain callbacks ------------------------------------------------------ */

static int keep_plainly(weir_reader *reader, weir_writer *writer, void *arg)
{
    (void)arg;
    say("called:%zu:%s", weir_reader_buffered(reader), weir_current_task() == NULL ? "plain" : "TASK");
    kept_reader = reader;
    kept_writer = weir_writer_ref(writer);
    return 0;
}

static void talk_to_the_kept(struct service *service)
{
    int fd = service_client(service);
    weir_bytes out;

    raw_send(fd, "early", 5);
    far_settle();
    while (kept_reader == NULL)
        weir_yield();
    ssize_t n = weir_reader_readexactly(kept_reader, 5, &out);
    say("%s", n == 5 ? quoted(out.data, 5) : code_name(n));
    weir_writer_printf(kept_writer, "later");
    weir_writer_free(kept_writer);              /* the last reference closes, and flushes */
    say_received(fd);
    close(fd);
}
/* C79, SP-3, SP-4, SP-10 */
SERVED(a_plain_callback_comes_before_any_byte_and_may_keep_its_pair, talk_to_the_kept, keep_plainly, &plain,
       "called:0:plain \"early\" got:\"later\":end")

static int keep_nothing(weir_reader *reader, weir_writer *writer, void *arg)
{
    (void)reader, (void)arg;
    weir_writer_printf(writer, "bye");
    return 0;
}
SERVED(a_plain_callback_that_keeps_nothing_closes, connect_and_wait, keep_nothing, &plain, "got:\"bye\"")

static int keep_and_fail(weir_reader *reader, weir_writer *writer, void *arg)
{
    keep_plainly(reader, writer, arg);
    return -EIO;
}

static void meet_the_failed(struct service *service)
{
    int fd = service_client(service);

    say_received(fd);
    say("%d", weir_writer_is_closing(kept_writer));
    weir_writer_free(kept_writer);
    close(fd);
}
/* SP-8, A7 */
SERVED(a_plain_callback_that_fails_is_reported_and_closed, meet_the_failed, keep_and_fail, &plain,
       "called:0:plain report:EIO got:\"\":end 1")

static int suspend_plainly(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_bytes out;

    (void)writer, (void)arg;
    say("%s", code_name(weir_reader_readline(reader, &out)));
    say("%s", code_name(weir_yield()));
    return 0;
}
SERVED(a_plain_callback_cannot_suspend, connect_and_wait, suspend_plainly, &plain, "ENOTASK ENOTASK got:\"\"")

/* --- close_timeout -------------------------------------------------------- */

static int write_much(weir_reader *reader, weir_writer *writer, void *arg)
{
    static char bytes[MUCH];

    (void)reader, (void)arg;
    weir_writer_write(writer, bytes, MUCH);
    return 0;
}

static void far_lost(void *self, int code)
{
    (void)self;
    say("lost:%s at %.0f", code_name(code), clock_now());
}

static const weir_protocol far_protocol = { .connection_lost = far_lost };

static int far_factory(void *arg, const weir_protocol **protocol, void **self)
{
    (void)arg;
    *protocol = &far_protocol;
    *self = NULL;
    return 0;
}

static int near_factory(void *arg, const weir_protocol **protocol, void **self)
{
    struct stream *stream = weir_stream_protocol_new(weir_reader_new(100), write_much, NULL);

    stream->handler.close_timeout = *(double *)arg;
    *protocol = weir_stream_protocol();
    *self = stream;
    return 0;
}

static int flush_in_time(void *arg)
{
    weir_transport *near, *far;
    int code = weir_memory_pair(near_factory, arg, &near, far_factory, NULL, &far, 0);

    if (code < 0)
        return code;
    weir_transport_pause_reading(far);          /* reads nothing, and notices nothing */
    weir_sleep(100);
    say("%d", weir_transport_get_write_buffer_size(near) > 0);
    weir_transport_resume_reading(far);
    weir_sleep(100);
    return 0;
}

START_TEST(output_after_the_handler_gets_close_timeout_and_no_more)
{
    double limit = 30;

    clock_fake();
    ck_assert_int_eq(weir_run(flush_in_time, &limit), 0);
    /* What the kernel had taken by then still arrives; then comes the end. */
    ck_assert_str_eq(said(), "0 lost:0 at 100");
}
END_TEST

START_TEST(without_close_timeout_output_gets_all_the_time)
{
    double limit = 0;

    clock_fake();
    ck_assert_int_eq(weir_run(flush_in_time, &limit), 0);
    ck_assert_str_eq(said(), "1 lost:0 at 100");
}
END_TEST

Suite *suite(void)
{
    Suite *handler = suite_create("streams/handler");

    TCase *result = tcase_create("results");
    tcase_add_test(result, a_negative_result_is_reported_unless_it_only_says_that_the_peer_left);
    tcase_add_test(result, a_request_cut_off_in_the_middle_is_reported);
    tcase_add_test(result, a_failed_handler_still_delivers_what_it_wrote_and_disturbs_nobody);
    tcase_add_test(result, what_came_before_the_handler_ran_is_read_first);
    suite_add_tcase(handler, result);

    TCase *references = tcase_create("references");
    tcase_add_test(references, a_kept_pair_answers_after_the_handler_returned);
    tcase_add_test(references, whoever_waits_on_the_connection_gets_the_result_of_the_close);
    tcase_add_test(references, a_read_that_is_the_last_to_hold_the_connection_still_gets_the_result);
    tcase_add_test(references, a_handler_that_leaves_its_task_group_keeps_the_connection_until_the_members_end);
    tcase_add_test(references, a_cancelled_handler_closes_its_connection_and_is_no_failure);
    tcase_add_test(references, a_server_that_ends_with_its_loop_leaves_nothing);
    suite_add_tcase(handler, references);

    TCase *callbacks = tcase_create("plain callbacks");
    tcase_add_test(callbacks, a_plain_callback_comes_before_any_byte_and_may_keep_its_pair);
    tcase_add_test(callbacks, a_plain_callback_that_keeps_nothing_closes);
    tcase_add_test(callbacks, a_plain_callback_that_fails_is_reported_and_closed);
    tcase_add_test(callbacks, a_plain_callback_cannot_suspend);
    suite_add_tcase(handler, callbacks);

    TCase *timeout = tcase_create("close_timeout");
    tcase_add_test(timeout, output_after_the_handler_gets_close_timeout_and_no_more);
    tcase_add_test(timeout, without_close_timeout_output_gets_all_the_time);
    suite_add_tcase(handler, timeout);
    return handler;
}
