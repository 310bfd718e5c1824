/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_stream.c  What the stream protocol of streams/stream.c promises, over any transport (SEMANTICS SP).
 */
#include <errno.h>
#include <string.h>

#include <weir/run.h>
#include <weir/task.h>

#include "lib/stream_far.h"
#include "lib/suite.h"

/* One end has a stream protocol with a reader of the test's, the other is a transport in the test's hand. */
struct bench {
    weir_reader *reader;
    weir_client_connected_cb cb;
    weir_transport *near, *far;
    char got[64];               /* what the far end received */
    size_t got_len;
};

static void collect(void *self, const void *data, size_t len)
{
    struct bench *bench = self;

    if (len <= sizeof bench->got - bench->got_len)
        memcpy(bench->got + bench->got_len, data, len);
    bench->got_len += len;
}

static void say_lost(void *self, int code)
{
    (void)self;
    say("lost:%s", code_name(code));
}

static bool keep_open(void *self)
{
    (void)self;
    return true;
}

static const weir_protocol collector = { .data_received = collect, .eof_received = keep_open, .connection_lost = say_lost };

static int far_factory(void *arg, const weir_protocol **protocol, void **self)
{
    *protocol = &collector;
    *self = arg;
    return 0;
}

static int near_factory(void *arg, const weir_protocol **protocol, void **self)
{
    struct bench *bench = arg;

    bench->reader = weir_reader_new(100);
    *protocol = weir_stream_protocol();
    *self = weir_stream_protocol_new(bench->reader, bench->cb, bench);
    return *self == NULL ? -ENOMEM : 0;
}

static int open_bench(struct bench *bench)
{
    int code = weir_memory_pair(near_factory, bench, &bench->near, far_factory, bench, &bench->far, 0);

    far_settle();
    return code;
}

static void say_read(weir_reader *reader, size_t n)
{
    weir_bytes out;
    ssize_t got = weir_reader_read(reader, n, &out);

    say("%s", got >= 0 ? quoted(out.data, out.len) : code_name(got));
}

/* SP-1, SP-2, SR-8 */
static int feed_a_reader(void *arg)
{
    struct bench bench = { .cb = NULL };
    int code = open_bench(&bench);

    (void)arg;
    if (code < 0)
        return code;
    say("%s", code_name(weir_reader_set_transport(bench.reader, bench.near)));  /* it has it already */
    weir_transport_write(bench.far, "hello", 5);
    say_read(bench.reader, 5);
    weir_transport_write_eof(bench.far);
    say_read(bench.reader, 5);
    weir_transport_write(bench.near, "late", 4);        /* half-open: the peer's end closes nothing */
    far_settle();
    say("%s %d", quoted(bench.got, bench.got_len), weir_transport_is_closing(bench.near));
    weir_transport_close(bench.near);
    far_settle();
    say("%d", weir_reader_at_eof(bench.reader));
    weir_reader_free(bench.reader);             /* without a callback it is still ours */
    weir_transport_abort(bench.far);
    far_settle();
    return 0;
}

START_TEST(a_stream_protocol_feeds_the_reader_that_it_was_given)
{
    ck_assert_int_eq(weir_run(feed_a_reader, NULL), 0);
    ck_assert_str_eq(said(), "ESTATE \"hello\" \"\" \"late\" 0 1 lost:0");
}
END_TEST

/* SP-1: the code of the loss is the reader's failure. */
static int lose_the_connection(void *arg)
{
    struct bench bench = { .cb = NULL };
    int code = open_bench(&bench);

    (void)arg;
    if (code < 0)
        return code;
    weir_transport_write(bench.far, "unread", 6);
    far_settle();
    weir_transport_fail(bench.near, -EIO, "for the test");
    far_settle();
    say("%s %zu", code_name(weir_reader_exception(bench.reader)), weir_reader_buffered(bench.reader));
    say_read(bench.reader, 5);
    weir_reader_free(bench.reader);
    return 0;
}

START_TEST(a_lost_connection_fails_its_reader)
{
    ck_assert_int_eq(weir_run(lose_the_connection, NULL), 0);
    ck_assert_str_eq(said(), "EIO 6 EIO lost:0");
}
END_TEST

/* SP-3, SP-4: with a callback a writer is made, and the callback is a task. */
static int answer(weir_reader *reader, weir_writer *writer, void *arg)
{
    struct bench *bench = arg;
    weir_bytes line;

    say("%s %d", weir_current_task() != NULL ? "task" : "plain", bench->reader == reader);
    ssize_t n = weir_reader_readline(reader, &line);
    return n > 0 ? weir_writer_printf(writer, "got %zd", n) : weir_result(n);
}

static int serve_over_memory(void *arg)
{
    struct bench bench = { .cb = answer };
    int code = open_bench(&bench);

    (void)arg;
    if (code < 0)
        return code;
    weir_transport_write(bench.far, "line\n", 5);
    far_settle();
    say("%s", quoted(bench.got, bench.got_len));        /* the reader went with the connection */
    return 0;
}

START_TEST(a_stream_protocol_with_a_callback_is_a_server_over_any_transport)
{
    ck_assert_int_eq(weir_run(serve_over_memory, NULL), 0);
    ck_assert_str_eq(said(), "task 1 \"got 5\" lost:0");
}
END_TEST

/* Made, and never given to a transport that starts: the loop's end finds it. */
static int end_before_the_start(void *arg)
{
    struct bench bench = { .cb = *(int *)arg ? answer : NULL };
    int code = weir_memory_pair(near_factory, &bench, &bench.near, far_factory, &bench, &bench.far, 0);

    if (code == 0 && bench.cb == NULL) {
        far_settle();
        weir_transport_abort(bench.near);
        far_settle();
        weir_reader_free(bench.reader);
    }
    return code;
}

START_TEST(a_loop_that_ends_takes_streams_along_that_had_not_begun)
{
    ck_assert_int_eq(weir_run(end_before_the_start, &_i), 0);
}
END_TEST

/* --- A reader that a protocol of one's own feeds ----------------------------- */

struct feeding {
    weir_reader *reader;
    weir_transport *near, *far;
};

static void feed_made(void *self, weir_transport *t)
{
    weir_reader_set_transport(((struct feeding *)self)->reader, t);
}

static void feed_data(void *self, const void *data, size_t len)
{
    weir_reader_feed_data(((struct feeding *)self)->reader, data, len);
}

static void feed_lost(void *self, int code)
{
    (void)code;
    weir_reader_feed_eof(((struct feeding *)self)->reader);
}

static const weir_protocol feeding_protocol = {
    .connection_made = feed_made, .data_received = feed_data, .connection_lost = feed_lost,
};

static int feeding_factory(void *arg, const weir_protocol **protocol, void **self)
{
    *protocol = &feeding_protocol;
    *self = arg;
    return 0;
}

static int read_after_the_loss(void *arg)
{
    struct feeding feeding = { .reader = weir_reader_new(4) };
    struct bench bench = { .cb = NULL };

    (void)arg;
    int code = weir_memory_pair(feeding_factory, &feeding, &feeding.near, far_factory, &bench, &feeding.far, 0);
    if (code < 0)
        return code;
    weir_transport_write(feeding.far, "123456789", 9);
    far_settle();
    say("%d", weir_transport_is_reading(feeding.near));
    weir_transport_abort(feeding.near);
    weir_transport_abort(feeding.far);
    far_settle();                               /* both are gone; the reader still has them to resume */
    say_read(feeding.reader, 6);
    say_read(feeding.reader, 6);
    say_read(feeding.reader, 6);
    weir_reader_free(feeding.reader);
    return 0;
}

START_TEST(a_reader_that_was_fed_by_hand_outlives_its_transport)        /* SR-8, SR-10 */
{
    ck_assert_int_eq(weir_run(read_after_the_loss, NULL), 0);
    ck_assert_str_eq(said(), "0 lost:0 \"123456\" \"789\" \"\"");
}
END_TEST

/* --- Put in the place of another protocol, and the other way --------------- */

static struct {
    weir_reader *reader;
    void *stream;
} upgrade;

static int echo_one(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_bytes line;

    (void)arg;
    ssize_t n = weir_reader_readline(reader, &line);
    return n > 0 ? weir_writer_write(writer, line.data, line.len) : weir_result(n);
}

/* "UP\n" and what follows it: a protocol of one's own reads a preamble, and what comes after it is a stream's. */
static void read_preamble(void *self, const void *data, size_t len)
{
    weir_transport *t = *(weir_transport **)self;
    const weir_protocol *protocol = weir_stream_protocol();

    say("preamble:%zu", len);
    upgrade.reader = weir_reader_new(100);
    upgrade.stream = weir_stream_protocol_new(upgrade.reader, echo_one, NULL);
    weir_transport_set_protocol(t, protocol, upgrade.stream);
    protocol->connection_made(upgrade.stream, t);       /* set_protocol calls nothing (BT-15) */
    weir_reader_feed_data(upgrade.reader, (const char *)data + 3, len - 3);
}

static const weir_protocol preamble = { .data_received = read_preamble };

static int preamble_factory(void *arg, const weir_protocol **protocol, void **self)
{
    *protocol = &preamble;
    *self = &((struct bench *)arg)->near;
    return 0;
}

static int upgrade_to_streams(void *arg)
{
    const size_t *chunk = arg;
    struct bench bench = { .cb = NULL };
    int code = weir_memory_pair(preamble_factory, &bench, &bench.near, far_factory, &bench, &bench.far, *chunk);

    if (code < 0)
        return code;
    weir_transport_write(bench.far, "UP\nhel", 6);
    far_settle();
    weir_transport_write(bench.far, "lo\n", 3);
    far_settle();
    far_settle();
    say("%s", quoted(bench.got, bench.got_len));
    return 0;
}

START_TEST(a_connection_becomes_a_stream_in_the_middle) /* BT-15, SP-1, SP-3 */
{
    size_t chunks[] = { 0, 6 };

    ck_assert_int_eq(weir_run(upgrade_to_streams, &chunks[_i]), 0);
    ck_assert_str_eq(said(), "preamble:6 \"hello\\n\" lost:0");
}
END_TEST

static const weir_protocol *stream_table;
static void *stream_self;

static void peek_in_between(void *self, const void *data, size_t len)
{
    weir_transport *t = *(weir_transport **)self;

    say("between:%s", quoted(data, len));
    weir_transport_set_protocol(t, stream_table, stream_self);
}

static void hand_the_loss_on(void *self, int code)
{
    (void)self;
    say("handed on");
    stream_table->connection_lost(stream_self, code);
}

static const weir_protocol between = { .data_received = peek_in_between, .connection_lost = hand_the_loss_on };

static int leave_a_stream_and_come_back(void *arg)
{
    struct bench bench = { .cb = NULL };
    weir_bytes out;
    int code = open_bench(&bench);

    if (code < 0)
        return code;
    stream_table = weir_transport_get_protocol(bench.near, &stream_self);
    weir_transport_write(bench.far, "one", 3);
    say_read(bench.reader, 3);
    weir_transport_set_protocol(bench.near, &between, &bench.near);
    if (*(int *)arg == 0) {
        weir_transport_write(bench.far, "two", 3);
        far_settle();
        weir_transport_write(bench.far, "three", 5);
        far_settle();
        say_read(bench.reader, 5);
    }
    weir_transport_close(bench.near);
    say("%s", code_name(weir_reader_read(bench.reader, 1, &out)));      /* ends: the stream was told of the loss */
    weir_reader_free(bench.reader);
    far_settle();
    return 0;
}

START_TEST(a_stream_can_be_left_for_a_while_and_is_told_of_its_end)
{
    ck_assert_int_eq(weir_run(leave_a_stream_and_come_back, &_i), 0);
    ck_assert_str_eq(said(), _i == 0 ? "\"one\" between:\"two\" \"three\" 0 lost:0" : "\"one\" handed on 0 lost:0");
}
END_TEST

static int make_wrong_protocols(void *arg)
{
    weir_reader *reader = weir_reader_new(10);

    (void)arg;
    say("%s", weir_stream_protocol_new(NULL, NULL, NULL) == NULL ? "none" : "SOME");
    void *first = weir_stream_protocol_new(reader, NULL, NULL);
    say("%s", weir_stream_protocol_new(reader, NULL, NULL) == NULL ? "none" : "SOME");
    weir_stream_protocol()->connection_lost(first, 0);  /* its life without a transport */
    say("%d", weir_reader_at_eof(reader));
    weir_reader_free(reader);
    return 0;
}

START_TEST(a_reader_is_half_of_one_connection)
{
    ck_assert_int_eq(weir_run(make_wrong_protocols, NULL), 0);
    ck_assert_str_eq(said(), "none none 1");
}
END_TEST

/* SP-11, any number of waiters, and what they get: in test_writer.c. Here: a reader freed under a live connection. */
static int free_the_reader_early(void *arg)
{
    struct bench bench = { .cb = NULL };
    int code = open_bench(&bench);

    (void)arg;
    if (code < 0)
        return code;
    weir_reader_free(bench.reader);
    weir_transport_write(bench.far, "nobody reads this", 17);
    far_settle();
    return 0;
}

START_TEST(input_for_a_reader_that_was_freed_ends_the_connection)
{
    ck_assert_int_eq(weir_run(free_the_reader_early, NULL), 0);
    ck_assert_str_eq(said(), "lost:ECONNRESET");
}
END_TEST

Suite *suite(void)
{
    Suite *stream = suite_create("streams/stream");

    TCase *protocol = tcase_create("protocol");
    tcase_add_test(protocol, a_stream_protocol_feeds_the_reader_that_it_was_given);
    tcase_add_test(protocol, a_lost_connection_fails_its_reader);
    tcase_add_test(protocol, a_stream_protocol_with_a_callback_is_a_server_over_any_transport);
    tcase_add_loop_test(protocol, a_loop_that_ends_takes_streams_along_that_had_not_begun, 0, 2);
    tcase_add_loop_test(protocol, a_connection_becomes_a_stream_in_the_middle, 0, 2);
    tcase_add_loop_test(protocol, a_stream_can_be_left_for_a_while_and_is_told_of_its_end, 0, 2);
    tcase_add_test(protocol, a_reader_that_was_fed_by_hand_outlives_its_transport);
    tcase_add_test(protocol, a_reader_is_half_of_one_connection);
    tcase_add_test(protocol, input_for_a_reader_that_was_freed_ends_the_connection);
    suite_add_tcase(stream, protocol);
    return stream;
}
