/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/cut/test_reader.c  The reads of <weir/streams.h>, cut short: what had come stays, and the next read gets it all.
 *
 * The far end is a plain socket on the loopback. What it sends is spelled so that every read that was cut, and is called
 * again, gets a known text: "abc" has come when the call waits with a part of what it wants, "def\n" comes when it is to
 * be fulfilled.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <weir/streams.h>

#include "cut/cut.h"
#include "lib/stream_far.h"

static struct far far;
static weir_reader *fed;        /* a reader of its own, that nobody but the test feeds */
static size_t held;             /* bytes in the reader when the call waits */

/* --- The connection ------------------------------------------------------- */

static void open_with(const weir_connect_options *opts)
{
    int listener = raw_listen();

    far = (struct far) { .fd = -1 };
    held = 0;
    if (weir_open_connection("127.0.0.1", (uint16_t)raw_port(listener), opts, &far.reader, &far.writer) == 0)
        far.fd = raw_accept(listener);
    EXPECT(far.fd >= 0);
    close(listener);
}

static void open_empty(void)
{
    open_with(NULL);
}

static bool has_come(void *arg)
{
    (void)arg;
    return weir_reader_buffered(far.reader) == held;
}

static void come(const char *text)
{
    held = strlen(text);
    raw_send(far.fd, text, held);
    cut_until(has_come, NULL, "what was sent is in the reader");
}

static void open_with_a_part(void)
{
    open_with(NULL);
    come("abc");
}

/* More than twice the limit: reading is paused, until a read that wants more than there is resumes it. */
static void open_paused(void)
{
    open_with(&(weir_connect_options) { .limit = 1 });
    come("abc");
    cut_settle();
    EXPECT(!weir_transport_is_reading(weir_writer_transport(far.writer)));
}

static bool reads_again(void)
{
    return weir_transport_is_reading(weir_writer_transport(far.writer));
}

static void send_rest(void)
{
    raw_send(far.fd, "def\n", 4);
}

static void send_all(void)
{
    raw_send(far.fd, "abcdef\n", 7);
}

static void send_rest_and_end(void)
{
    send_rest();
    far_end_output(&far);
}

static void reset(void)
{
    far_reset(&far);
}

/* A view that was lent ends with the connection; so does what was left unread. */
static void close_both(void)
{
    if (far.fd >= 0)
        close(far.fd);
    weir_writer_free(far.writer);
}

/* Nothing was consumed; and a connection that was reset says so again and again. */
static void check_kept(struct cut_subject *subject, enum cut cut)
{
    weir_bytes out;

    if (subject->code >= 0)
        return;
    EXPECT(weir_reader_buffered(far.reader) == held);
    EXPECT(weir_reader_exception(far.reader) == (cut == CUT_RESET && far.fd < 0 ? -ECONNRESET : 0));
    if (held > 0 && weir_reader_exception(far.reader) == 0) {
        EXPECT(weir_reader_peek(far.reader, held, &out) == (ssize_t)held);
        EXPECT(memcmp(out.data, "abc", held) == 0);
    }
}

/* For those that move bytes as they come: these are counted, and gone. The rest is what the next call gets. */
static void check_counted(struct cut_subject *subject, enum cut cut)
{
    (void)subject, (void)cut;
    EXPECT(weir_reader_consumed(far.reader) == held);
    EXPECT(weir_reader_buffered(far.reader) == 0);
}

/* --- The reads ------------------------------------------------------------ */

static int keep_view(struct cut_subject *subject, ssize_t n, const weir_bytes *out)
{
    if (n > 0)
        cut_keep(subject, out->data, out->len);
    return (int)n;
}

#define READ(name, call)                                  \
    static int name(struct cut_subject *subject)          \
    {                                                     \
        weir_bytes out = { 0 };                           \
        ssize_t n = call;                                 \
        EXPECT(n >= 0 || out.data == NULL);               \
        return keep_view(subject, n, &out);               \
    }

READ(read_some, weir_reader_read(far.reader, 100, &out))
READ(read_all, weir_reader_read(far.reader, WEIR_READ_ALL, &out))
READ(read_line, weir_reader_readline(far.reader, &out))
READ(read_seven, weir_reader_readexactly(far.reader, 7, &out))
READ(read_until_ef, weir_reader_readuntil(far.reader, "ef", 2, &out))
READ(read_until_any, weir_reader_readuntil_any(far.reader, (const weir_bytes[]) { { "xy", 2 }, { "\n", 1 } }, 2, &out))
READ(peek_seven, weir_reader_peek(far.reader, 7, &out))
READ(read_fed_line, weir_reader_readline(fed, &out))

static int read_into(struct cut_subject *subject)
{
    char buf[16] = "";
    ssize_t n = weir_reader_read_into(far.reader, buf, sizeof buf);

    EXPECT(n >= 0 || buf[0] == '\0');
    return keep_view(subject, n, &(weir_bytes) { buf, n > 0 ? (size_t)n : 0 });
}

static int read_seven_into(struct cut_subject *subject)
{
    ssize_t n = weir_reader_readexactly_into(far.reader, subject->text, 7);

    EXPECT(memcmp(subject->text, "abc", held) == 0);
    return (int)n;
}

static int skip_seven(struct cut_subject *subject)
{
    (void)subject;
    return (int)weir_reader_skip(far.reader, 7);
}

/* --- A reader that is fed by hand ----------------------------------------- */

static void open_fed(void)
{
    fed = weir_reader_new(100);
    EXPECT(weir_reader_feed_data(fed, "abc", 3) == 0);
}

static void feed_rest(void)
{
    EXPECT(weir_reader_feed_data(fed, "def\n", 4) == 0);
}

static void check_fed_kept(struct cut_subject *subject, enum cut cut)
{
    (void)subject, (void)cut;
    EXPECT(weir_reader_buffered(fed) == 3);
}

static void close_fed(void)
{
    weir_reader_free(fed);
}

/* --- A limit of the reader's own ------------------------------------------ */

static int read_line_limited(struct cut_subject *subject)
{
    int code;

    weir_reader_set_timeout(far.reader, 1);     /* a shorter one than the deadline's, or none at all */
    code = read_line(subject);
    weir_reader_set_timeout(far.reader, 0);
    return code;
}

/* --- All ------------------------------------------------------------------ */

#define READS(name, state_text, opens, calls, fulfils, result, ...)                                                  \
    CUT(name, state_text, WAIT_BYTES, .open = opens, .call = calls, .left = check_kept, .fulfil = fulfils,           \
        .close = close_both, .reset = reset, .ok = result, __VA_ARGS__)
#define MOVES(name, state_text, opens, calls, fulfils, ...)                                                          \
    CUT(name, state_text, WAIT_BYTES, .open = opens, .call = calls, .left = check_counted, .fulfil = fulfils,        \
        .close = close_both, .reset = reset, .ok = 7, __VA_ARGS__)

static const struct cut_scene scenes[] = {
    READS(weir_reader_read, "nothing has come", open_empty, read_some, send_all, 7, .text = "abcdef\n"),
    READS(weir_reader_read, "to the end, nothing has come", open_empty, read_all, send_rest_and_end, 4, .text = "def\n"),
    READS(weir_reader_read, "to the end, a part has come", open_with_a_part, read_all, send_rest_and_end, 7,
          .text = "abcdef\n"),
    READS(weir_reader_read, "to the end, reading was paused", open_paused, read_all, send_rest_and_end, 7,
          .text = "abcdef\n", .ready = reads_again),
    READS(weir_reader_readline, "nothing has come", open_empty, read_line, send_all, 7, .text = "abcdef\n"),
    READS(weir_reader_readline, "a part of the line", open_with_a_part, read_line, send_rest, 7, .text = "abcdef\n"),
    READS(weir_reader_readline, "a limit of the reader's own", open_with_a_part, read_line_limited, send_rest, 7,
          .text = "abcdef\n"),
    CUT(weir_reader_readline, "a reader fed by hand", WAIT_BYTES, .open = open_fed, .call = read_fed_line,
        .left = check_fed_kept, .fulfil = feed_rest, .close = close_fed, .ok = 7, .text = "abcdef\n", .no_peer = true),
    READS(weir_reader_readexactly, "nothing has come", open_empty, read_seven, send_all, 7, .text = "abcdef\n"),
    READS(weir_reader_readexactly, "a part has come", open_with_a_part, read_seven, send_rest, 7, .text = "abcdef\n"),
    READS(weir_reader_readexactly, "reading was paused", open_paused, read_seven, send_rest, 7, .text = "abcdef\n",
          .ready = reads_again),
    READS(weir_reader_readuntil, "nothing has come", open_empty, read_until_ef, send_all, 6, .text = "abcdef"),
    READS(weir_reader_readuntil, "a part has come", open_with_a_part, read_until_ef, send_rest, 6, .text = "abcdef"),
    READS(weir_reader_readuntil_any, "nothing has come", open_empty, read_until_any, send_all, 7, .text = "abcdef\n"),
    READS(weir_reader_readuntil_any, "a part has come", open_with_a_part, read_until_any, send_rest, 7, .text = "abcdef\n"),
    READS(weir_reader_peek, "nothing has come", open_empty, peek_seven, send_all, 7, .text = "abcdef\n"),
    READS(weir_reader_peek, "a part has come", open_with_a_part, peek_seven, send_rest, 7, .text = "abcdef\n"),
    READS(weir_reader_peek, "reading was paused", open_paused, peek_seven, send_rest, 7, .text = "abcdef\n",
          .ready = reads_again),
    READS(weir_reader_read_into, "nothing has come", open_empty, read_into, send_all, 7, .text = "abcdef\n"),
    MOVES(weir_reader_readexactly_into, "nothing has come", open_empty, read_seven_into, send_all, .text = "abcdef\n"),
    MOVES(weir_reader_readexactly_into, "a part has come", open_with_a_part, read_seven_into, send_all, .text = "abcdef\n"),
    MOVES(weir_reader_skip, "nothing has come", open_empty, skip_seven, send_all),
    MOVES(weir_reader_skip, "a part has come", open_with_a_part, skip_seven, send_all),
};

Suite *suite(void)
{
    return cut_suite("cut/reader", scenes, sizeof scenes / sizeof scenes[0]);
}
