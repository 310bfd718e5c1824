/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/programs/own_protocol.c  How a user tries a protocol of his own, and a handler, without a socket: the public headers
 * only, weir_memory_pair with chunks of every size, and water marks that a few bytes go over.
 *
 * The protocol: frames of one length byte and so many bytes. It answers each with the same in upper case; "!" it answers with
 * FLOOD frames, as fast as the other side takes them. Prints a line for each thing that was tried; ends with 0 if all were.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <weir/weir.h>

#define FRAME_MOST 32
#define FLOOD      500          /* frames */
#define FLOOD_LEN  ((size_t)FLOOD * 6)
#define HIGH       64
#define LOW        16

static const size_t chunks[] = { 1, 2, 3, 7, 100, 0 };
static int failures;

static void tried(const char *what, bool right)
{
    printf("%s %s\n", right ? "ok" : "WRONG", what);
    failures += !right;
}

/* --- The protocol ----------------------------------------------------------- */

struct frames {
    weir_transport *transport;
    unsigned char place[FRAME_MOST + 1];    /* the frame that is coming */
    size_t have;
    int owed;                   /* frames of a flood that are still to be written */
    bool paused;
    size_t most;                /* that was ever buffered */
    int lost;                   /* 1: not yet */
};

static void pay(struct frames *f)
{
    while (f->owed > 0 && !f->paused) {
        f->owed--;
        weir_transport_write(f->transport, "\005flood", 6);
        size_t size = weir_transport_get_write_buffer_size(f->transport);
        f->most = size > f->most ? size : f->most;
    }
}

static void frames_made(void *self, weir_transport *transport)
{
    struct frames *f = self;

    f->transport = transport;
    weir_transport_set_write_buffer_limits(transport, HIGH, LOW);
}

static void frames_lost(void *self, int code)
{
    ((struct frames *)self)->lost = code;
}

/* Never past the end of a frame, so that it stands alone in its place. */
static void frames_room(void *self, size_t hint, void **buf, size_t *len)
{
    struct frames *f = self;

    (void)hint;
    *buf = f->place + f->have;
    *len = f->have == 0 ? 1 : f->place[0] + 1 - f->have;
}

static void frames_came(void *self, size_t n)
{
    struct frames *f = self;

    f->have += n;
    if (f->place[0] == 0 || f->place[0] > FRAME_MOST) {
        weir_transport_fail(f->transport, -EPROTO, "a frame has 1 to 32 bytes");
        return;
    }
    if (f->have <= f->place[0])
        return;
    if (f->place[0] == 1 && f->place[1] == '!') {
        f->owed = FLOOD;
        pay(f);
    } else {
        for (size_t i = 1; i < f->have; i++)
            f->place[i] = (unsigned char)toupper(f->place[i]);
        weir_transport_write(f->transport, f->place, f->have);
    }
    f->have = 0;
}

static void frames_pause(void *self)
{
    ((struct frames *)self)->paused = true;
}

static void frames_resume(void *self)
{
    struct frames *f = self;

    f->paused = false;
    pay(f);
}

static const weir_protocol frames_protocol = {
    .connection_made = frames_made, .connection_lost = frames_lost, .get_buffer = frames_room, .buffer_updated = frames_came,
    .pause_writing = frames_pause, .resume_writing = frames_resume,
};

static int make_frames(void *arg, const weir_protocol **protocol, void **self)
{
    *protocol = &frames_protocol;
    *self = arg;
    return 0;
}

/* --- The other end, which is the test's --------------------------------------- */

struct tester {
    weir_transport *transport;
    char got[8192];
    size_t len, wanted;         /* when so much came it ends its output */
    bool ended;
    weir_event over;            /* connection_lost was called */
};

static void tester_data(void *self, const void *data, size_t len)
{
    struct tester *t = self;

    if (len > sizeof t->got - t->len)
        len = sizeof t->got - t->len;
    memcpy(t->got + t->len, data, len);
    t->len += len;
    if (t->len >= t->wanted)
        weir_transport_write_eof(t->transport);
}

static bool tester_end(void *self)
{
    ((struct tester *)self)->ended = true;
    return false;
}

static void tester_lost(void *self, int code)
{
    (void)code;
    weir_event_set(&((struct tester *)self)->over);
}

static const weir_protocol tester_protocol = {
    .data_received = tester_data, .eof_received = tester_end, .connection_lost = tester_lost,
};

static int make_tester(void *arg, const weir_protocol **protocol, void **self)
{
    *protocol = &tester_protocol;
    *self = arg;
    return 0;
}

/* Say @in to a protocol, and nothing more when @wanted bytes came; what it answered is in the tester, when all is over. */
static int talk(weir_protocol_factory make, void *arg, struct tester *tester, const char *in, size_t len, size_t wanted,
                size_t chunk)
{
    weir_transport *near;

    *tester = (struct tester) { .wanted = wanted };
    weir_event_init(&tester->over);
    int code = weir_memory_pair(make, arg, &near, make_tester, tester, &tester->transport, chunk);
    if (code < 0)
        return code;
    weir_transport_write(tester->transport, in, len);
    if (wanted == 0)
        weir_transport_write_eof(tester->transport);
    return weir_event_wait(&tester->over);
}

/* --- What is tried ------------------------------------------------------------ */

static void answers_frames(size_t chunk)
{
    struct frames f = { .lost = 1 };
    struct tester t;

    int code = talk(make_frames, &f, &t, "\005hello\003you", 10, 0, chunk);
    tried("frames are answered", code == 0 && f.lost == 0 && t.ended && t.len == 10 && memcmp(t.got, "\005HELLO\003YOU", 10) == 0);
}

static void holds_back(size_t chunk)
{
    struct frames f = { .lost = 1 };
    struct tester t;

    int code = talk(make_frames, &f, &t, "\001!", 2, FLOOD_LEN, chunk);
    bool whole = code == 0 && t.len == FLOOD_LEN;
    for (size_t i = 0; whole && i < t.len; i += 6)
        whole = memcmp(t.got + i, "\005flood", 6) == 0;
    /* One frame may go over the mark. With large chunks all is taken at once, and nothing has to wait. */
    bool waits = chunk > 0 && chunk <= HIGH;
    tried("a flood waits for who takes it", whole && f.lost == 0 && f.most <= HIGH + 6 && (f.most > HIGH || !waits));
}

static void refuses(size_t chunk)
{
    struct frames f = { .lost = 1 };
    struct tester t;

    int code = talk(make_frames, &f, &t, "\001a\000b", 4, 0, chunk);
    tried("a frame of no bytes ends the connection", code == 0 && f.lost == -EPROTO);
}

static int greet(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_bytes line;
    ssize_t n;

    (void)arg;
    weir_transport_set_write_buffer_limits(weir_writer_transport(writer), 4, 0);
    while ((n = weir_reader_readline(reader, &line)) > 0) {
        weir_writer_printf(writer, "hello, %.*s", (int)line.len, (const char *)line.data);
        int code = weir_writer_drain(writer);
        if (code < 0)
            return code;
    }
    return weir_result(n);
}

static int make_stream(void *arg, const weir_protocol **protocol, void **self)
{
    weir_reader *reader = weir_reader_new(64);

    (void)arg;
    *protocol = weir_stream_protocol();
    *self = reader == NULL ? NULL : weir_stream_protocol_new(reader, greet, NULL);
    return *self == NULL ? -ENOMEM : 0;
}

static void serves_streams(size_t chunk)
{
    struct tester t;

    int code = talk(make_stream, NULL, &t, "ann\nbob\n", 8, 0, chunk);
    tried("a handler answers over a transport of one's own",
          code == 0 && t.ended && t.len == 22 && memcmp(t.got, "hello, ann\nhello, bob\n", 22) == 0);
}

static void ignore(weir_loop *loop, int code, const char *message, void *arg)
{
    (void)loop, (void)code, (void)message, (void)arg;
}

static int try_all(void *arg)
{
    (void)arg;
    weir_loop_set_exception_handler(weir_get_running_loop(), ignore, NULL);
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        answers_frames(chunks[i]);
        holds_back(chunks[i]);
        refuses(chunks[i]);
        serves_streams(chunks[i]);
    }
    return 0;
}

int main(void)
{
    int code = weir_run(try_all, NULL);

    if (code < 0)
        fprintf(stderr, "own_protocol: %s\n", weir_strerror(code));
    return code < 0 || failures > 0;
}
