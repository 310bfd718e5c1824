/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_writer_lost.c  What streams/writer.c promises when the peer is gone, too slow, or the kernel sparing.
 *
 * Mostly over sockets: only a kernel resets. Time limits over memory pairs, with the test clock.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/run.h>

#include "core/sys_fault.h"
#include "lib/clock.h"
#include "lib/stream_far.h"
#include "lib/suite.h"

#define BIG ((size_t)1024 * 1024)

#define SCENE(name, scenario, expected)                       \
    START_TEST(name)                                          \
    {                                                         \
        ck_assert_int_eq(far_play(scenario, FAR_SOCKET), 0);  \
        ck_assert_str_eq(said(), expected);                   \
    }                                                         \
    END_TEST

static int do_drain(void *arg)
{
    return weir_writer_drain(((struct far *)arg)->writer);
}

static int do_read(void *arg)
{
    weir_bytes out;

    return (int)weir_reader_read(((struct far *)arg)->reader, 5, &out);
}

static int do_wait_closed(void *arg)
{
    return weir_writer_wait_closed(((struct far *)arg)->writer);
}

static void say_everything(struct far *far)
{
    weir_bytes out;

    say("%s", code_name(weir_writer_drain(far->writer)));
    say("%s", code_name(weir_writer_wait_closed(far->writer)));
    say("%s", code_name(weir_writer_wait_closed(far->writer)));
    say("%s", code_name(weir_reader_read(far->reader, 5, &out)));
    say("%s", code_name(weir_writer_write(far->writer, "x", 1)));
}

/* --- Resets, in each state a task can be in (fault 7) --------------------- */

/* C40: closing with unread input makes the kernel send a reset. */
static void reset_under_drain(struct far *far)
{
    far_write_pattern(far, BIG);
    weir_task *task = far_task(far, do_drain);
    far_close(far);
    say("%s", code_name(far_join(task)));
    say_everything(far);
}
SCENE(a_reset_reaches_drain_and_everything_after_it, reset_under_drain,
      "ECONNRESET ECONNRESET ECONNRESET ECONNRESET ECONNRESET 0")

static void reset_under_read(struct far *far)
{
    weir_task *task = far_task(far, do_read);
    far_reset(far);
    say("%s", code_name(far_join(task)));
    say_everything(far);
}
SCENE(a_reset_reaches_the_read_that_waits, reset_under_read, "ECONNRESET ECONNRESET ECONNRESET ECONNRESET ECONNRESET 0")

static void reset_under_wait_closed(struct far *far)
{
    weir_task *task = far_task(far, do_wait_closed);
    far_reset(far);
    say("%s", code_name(far_join(task)));
}
SCENE(a_reset_reaches_wait_closed, reset_under_wait_closed, "ECONNRESET")

static void reset_under_all(struct far *far)
{
    far_write_pattern(far, BIG);
    weir_task *drain = far_task(far, do_drain), *read = far_task(far, do_read), *closed = far_task(far, do_wait_closed);
    far_reset(far);
    say("%s", code_name(far_join(drain)));
    say("%s", code_name(far_join(read)));
    say("%s", code_name(far_join(closed)));
}
SCENE(a_reset_reaches_everybody_who_waits, reset_under_all, "ECONNRESET ECONNRESET ECONNRESET")

/* C55, SR-22: what was not read is lost. */
static void reset_with_unread_input(struct far *far)
{
    weir_bytes out;

    far_send(far, "hello", 5);
    while (weir_reader_buffered(far->reader) < 5)
        weir_yield();
    far_reset(far);
    while (weir_reader_exception(far->reader) == 0)
        weir_yield();
    say("%s", code_name(weir_reader_read(far->reader, 5, &out)));
}
SCENE(a_reset_takes_what_was_not_read, reset_with_unread_input, "ECONNRESET")

/* C48, B2: a Unix socket answers a write to a closed peer with EPIPE at once; the first drain returns the stored cause. */
static int write_to_closed_peer(void *arg)
{
    int pair[2];
    struct far far = { .fd = -1 };

    (void)arg;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return -errno;
    weir_connect_options opts = { .sock = &pair[0] };
    int code = weir_open_connection(NULL, 0, &opts, &far.reader, &far.writer);
    if (code < 0)
        return code;
    close(pair[1]);
    say("%s", code_name(weir_writer_write(far.writer, "x", 1)));
    say("%s", code_name(weir_writer_flush(far.writer)));
    say("%d", weir_writer_is_closing(far.writer));
    say_everything(&far);
    say("%s", code_name(weir_writer_drain(far.writer)));
    weir_writer_free(far.writer);
    return 0;
}

START_TEST(a_failed_write_shows_in_drain_and_in_wait_closed_and_in_reads)
{
    ck_assert_int_eq(weir_run(write_to_closed_peer, NULL), 0);
    ck_assert_str_eq(said(), "0 0 1 EPIPE EPIPE EPIPE EPIPE 0 EPIPE");
}
END_TEST

/* C49, SW-5 */
static void write_for_ever(struct far *far)
{
    int rounds = 0, code = 0;

    far_reset(far);
    while (code == 0 && rounds++ < 1000) {
        weir_writer_write(far->writer, "x", 1);
        code = weir_writer_drain(far->writer);
    }
    say("%s", code == -ECONNRESET || code == -EPIPE ? "ended" : code_name(code));
}
SCENE(a_loop_of_write_and_drain_on_a_dead_connection_ends, write_for_ever, "ended")

/* C70: the peer is gone, and nobody noticed yet. */
static void write_eof_to_nobody(struct far *far)
{
    far_reset(far);
    say("%s %d", code_name(weir_writer_write_eof(far->writer)), weir_writer_is_closing(far->writer));
}
SCENE(write_eof_to_a_peer_that_is_gone_fails_and_does_not_close, write_eof_to_nobody, "ENOTCONN 0")

/* --- A peer that does not read (fault 11) --------------------------------- */

static void fill(struct far *far)
{
    size_t most = 0;

    for (int i = 0; i < 100000 && !weir_writer_is_closing(far->writer); i++) {
        far_write_pattern(far, 100);
        weir_writer_flush(far->writer);
        size_t size = weir_transport_get_write_buffer_size(weir_writer_transport(far->writer));
        most = size > most ? size : most;
    }
    say("%s", most <= 20000 ? "bounded" : "TOO MUCH");
    say_everything(far);
}

START_TEST(max_write_buffer_bounds_a_writer_that_nobody_drains)
{
    weir_connect_options opts = { .max_write_buffer = 20000 };

    ck_assert_int_eq(far_play_with(fill, &opts), 0);
    ck_assert_str_eq(said(), "bounded ENOBUFS ENOBUFS ENOBUFS ENOBUFS 0");
}
END_TEST

static void drain_in_time(struct far *far)
{
    weir_writer_set_timeout(far->writer, 3);
    far_write_pattern(far, BIG);
    say("%s", code_name(weir_writer_drain(far->writer)));
    say("%.0f", clock_now());
    weir_writer_set_timeout(far->writer, 0);
    weir_task *task = far_task(far, do_drain);
    weir_sleep(10000);
    say("%d", weir_task_done(task));
    say("%d", far_recv_pattern(far, BIG));
    say("%s", code_name(far_join(task)));
}

START_TEST(a_drain_that_timed_out_leaves_the_connection_as_it_is)
{
    clock_fake();
    ck_assert_int_eq(far_play(drain_in_time, FAR_MEMORY), 0);
    ck_assert_str_eq(said(), "ETIMEDOUT 3 0 1 0");
}
END_TEST

static void wait_under_a_deadline(struct far *far)
{
    weir_bytes out;
    weir_timeout t;

    far_write_pattern(far, BIG);
    weir_timeout_begin(&t, 1);
    say("%s", code_name(weir_writer_drain(far->writer)));
    say("%s", code_name(weir_reader_readline(far->reader, &out)));
    say("%s", code_name(weir_writer_wait_closed(far->writer)));
    say("%d", weir_timeout_end(&t));
    say("%d", far_recv_pattern(far, BIG));
    say("%s", code_name(weir_writer_drain(far->writer)));
}

START_TEST(a_deadline_ends_every_wait_and_harms_nothing)
{
    clock_fake();
    ck_assert_int_eq(far_play(wait_under_a_deadline, FAR_MEMORY), 0);
    ck_assert_str_eq(said(), "ETIMEDOUT ETIMEDOUT ETIMEDOUT 1 1 0");
}
END_TEST

/* --- A sparing kernel (faults 4, 5, 6) ------------------------------------ */

static const struct fault_plan sparing[] = {
    { .cap = 1 }, { .cap = 7 }, { .again_every = 2 }, { .again_every = 3, .cap = 1000 },
    { .again_every = 5, .cap = 1 },
};

static void exchange(struct far *far)
{
    static char got[20000];
    weir_bytes out;

    far_write_pattern(far, 20000);
    weir_task *task = far_task(far, do_drain);
    say("%d", far_recv_pattern(far, 20000));
    say("%s", code_name(far_join(task)));
    for (size_t i = 0; i < sizeof got; i++)
        got[i] = (char)pattern_at(i);
    far_send(far, got, 3000);
    ssize_t n = weir_reader_readexactly(far->reader, 3000, &out);
    say("%s %d", code_name(n), n == 3000 && memcmp(out.data, got, 3000) == 0);
    weir_writer_close(far->writer);
    say("%d", far_at_end(far));
    say("%s", code_name(weir_writer_wait_closed(far->writer)));
}

START_TEST(short_and_interrupted_transfers_lose_nothing)
{
    weir__fault_begin(&sparing[_i]);
    ck_assert_int_eq(far_play(exchange, FAR_SOCKET), 0);
    weir__fault_end();
    ck_assert_str_eq(said(), "1 0 3000 1 1 0");
}
END_TEST

Suite *suite(void)
{
    Suite *lost = suite_create("streams/writer lost");

    TCase *resets = tcase_create("resets");
    tcase_add_test(resets, a_reset_reaches_drain_and_everything_after_it);
    tcase_add_test(resets, a_reset_reaches_the_read_that_waits);
    tcase_add_test(resets, a_reset_reaches_wait_closed);
    tcase_add_test(resets, a_reset_reaches_everybody_who_waits);
    tcase_add_test(resets, a_reset_takes_what_was_not_read);
    tcase_add_test(resets, a_failed_write_shows_in_drain_and_in_wait_closed_and_in_reads);
    tcase_add_test(resets, a_loop_of_write_and_drain_on_a_dead_connection_ends);
    tcase_add_test(resets, write_eof_to_a_peer_that_is_gone_fails_and_does_not_close);
    suite_add_tcase(lost, resets);

    TCase *slow = tcase_create("slow");
    tcase_add_test(slow, max_write_buffer_bounds_a_writer_that_nobody_drains);
    tcase_add_test(slow, a_drain_that_timed_out_leaves_the_connection_as_it_is);
    tcase_add_test(slow, a_deadline_ends_every_wait_and_harms_nothing);
    tcase_add_loop_test(slow, short_and_interrupted_transfers_lose_nothing, 0, (int)(sizeof sparing / sizeof sparing[0]));
    suite_add_tcase(lost, slow);
    return lost;
}
