/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/cut/test_writer.c  Waiting for output to go and for connections to end, cut short: what was written goes out all the same.
 *
 * The far end is a plain socket that reads nothing until the scene is fulfilled, and then has to get every byte.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/streams.h>

#include "cut/cut.h"
#include "lib/stream_far.h"

#define BACKLOG ((size_t)512 * 1024)       /* more than the kernel takes and the high mark allows */

static struct far far;
static struct cut_sleeper handler;
static bool returned;           /* the handler of weir_test_handler */

/* --- The connection ------------------------------------------------------- */

static void open_idle(void)
{
    int listener = raw_listen();
    int size = 4096;

    far = (struct far) { .fd = -1 };
    if (weir_open_connection("127.0.0.1", (uint16_t)raw_port(listener), NULL, &far.reader, &far.writer) == 0)
        far.fd = raw_accept(listener);
    EXPECT(far.fd >= 0);
    close(listener);
    setsockopt(weir_writer_fd(far.writer), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

static void open_with_backlog(void)
{
    open_idle();
    EXPECT(far_write_pattern(&far, BACKLOG) == 0);
}

static void open_closing(void)
{
    open_with_backlog();
    weir_writer_close(far.writer);
}

/* Closed, and its connection_lost comes with the next pass. */
static void open_closed(void)
{
    open_idle();
    weir_writer_close(far.writer);
}

static void reset(void)
{
    far_reset(&far);
}

static bool is_paused(void)
{
    return weir_transport_get_write_buffer_size(weir_writer_transport(far.writer)) > 65536;
}

/* What a cut leaves of the output: all of it, but for what a connection that is gone cannot take. */
static void check_kept(struct cut_subject *subject, enum cut cut)
{
    (void)subject;
    if (cut != CUT_RESET || far.fd >= 0)
        EXPECT(is_paused());
}

static void take_all(void)
{
    EXPECT(far_recv_pattern(&far, BACKLOG));
    EXPECT(weir_reader_exception(far.reader) == 0);
}

static void take_all_and_end(void)
{
    take_all();
    EXPECT(far_at_end(&far));
}

static void close_both(void)
{
    if (far.fd >= 0)
        close(far.fd);
    weir_writer_abort(far.writer);
    weir_writer_free(far.writer);
}

static int drain(struct cut_subject *subject)
{
    (void)subject;
    return weir_writer_drain(far.writer);
}

static int wait_closed(struct cut_subject *subject)
{
    (void)subject;
    return weir_writer_wait_closed(far.writer);
}

static void close_writer(void)
{
    weir_writer_close(far.writer);
}

/* Whoever asks afterwards is told the same, without a wait. */
static void close_after_loss(void)
{
    weir_writer_abort(far.writer);
    int code = weir_writer_wait_closed(far.writer);
    EXPECT(code == (far.fd >= 0 ? 0 : -ECONNRESET) || (far.fd < 0 && code == -EPIPE));
    close_both();
}

/* --- weir_test_handler ---------------------------------------------------- */

/* Sleeps with its input unread, and answers whatever ended the sleep. */
static int answer_late(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_bytes line;
    int code = cut_sleep(arg);

    EXPECT(weir_reader_readline(reader, &line) == 3);
    weir_writer_write(writer, "answer", 6);
    returned = true;
    return code < 0 ? code : 5;
}

static int test_handler(struct cut_subject *subject)
{
    char *out = NULL;
    size_t len = 0;
    int code = weir_test_handler(answer_late, &handler, "in\n", 3, 0, &out, &len);

    EXPECT(out != NULL && len == 6);            /* it ran, so its output is there, whatever it returned */
    cut_keep(subject, out == NULL ? "" : out, len);
    free(out);
    return code;
}

static void open_handler(void)
{
    cut_sleeper_init(&handler);
    returned = false;
}

static bool handler_runs(void)
{
    return handler.begun;
}

static void wake_handler(void)
{
    cut_sleeper_wake(&handler);
}

static bool handler_returned(void)
{
    return returned;
}

static void do_nothing(void)
{
}

/* --- All ------------------------------------------------------------------ */

static const struct cut_scene scenes[] = {
    CUT(weir_writer_drain, "above the mark", WAIT_DRAIN, .open = open_with_backlog, .call = drain, .left = check_kept,
        .fulfil = take_all, .close = close_both, .reset = reset, .company = true),
    CUT(weir_writer_drain, "closing with a backlog", WAIT_DRAIN, .open = open_closing, .call = drain, .left = check_kept,
        .fulfil = take_all_and_end, .close = close_both, .reset = reset, .company = true),
    /* It lets one pass go by for the loss to come, and then there is nothing to wait for. */
    CUT(weir_writer_drain, "closing, for a pass", WAIT_NOTHING, .open = open_closed, .call = drain, .fulfil = do_nothing,
        .close = close_both, .reset = reset, .ok = -ECONNRESET, .deadline_code = -ECONNRESET, .over = AT_ANY),
    CUT(weir_writer_wait_closed, "open", WAIT_CLOSED, .open = open_idle, .call = wait_closed, .fulfil = close_writer,
        .close = close_after_loss, .reset = reset, .company = true),
    CUT(weir_writer_wait_closed, "closing with a backlog", WAIT_CLOSED, .open = open_closing, .call = wait_closed,
        .fulfil = take_all_and_end, .close = close_after_loss, .reset = reset, .company = true),
    CUT(weir_test_handler, "the handler runs", WAIT_JOIN, .open = open_handler, .call = test_handler, .ready = handler_runs,
        .fulfil = wake_handler, .ok = 5, .text = "answer", .no_peer = true),
    /* The handler has returned, and its result is what the call returns, with all of its output. */
    CUT(weir_test_handler, "the output is on its way", WAIT_CLOSED, .open = open_handler, .call = test_handler,
        .from = WAIT_JOIN, .enter = wake_handler, .ready = handler_returned, .fulfil = do_nothing, .ok = 5, .text = "answer",
        .no_peer = true, .late = AT_ANY, .over = AT_ANY),
};

Suite *suite(void)
{
    return cut_suite("cut/writer", scenes, sizeof scenes / sizeof scenes[0]);
}
