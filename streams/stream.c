/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * streams/stream.c  The stream protocol: what a connection's events mean for its two halves (SEMANTICS SP).
 */
#include <weir/streams.h>

#include "streams/stream.h"

#include <assert.h>
#include <errno.h>

#include "core/error.h"
#include "core/loop.h"
#include "core/sys.h"
#include "core/task.h"
#include "net/transport.h"

/* --- Life ----------------------------------------------------------------- */

static void unref_last(struct call *call);

void weir__stream_init(struct stream *stream, weir_loop *loop, weir_reader *reader, void (*release)(struct stream *))
{
    *stream = (struct stream) { .reader = reader, .loop = loop, .refs = 1, .owns_reader = true, .release = release };
    list_init(&stream->drainers);
    list_init(&stream->closers);
    weir__call_init(&stream->last_unref, unref_last);
    reader->stream = stream;
}

void weir__stream_unref(struct stream *stream)
{
    assert(stream->refs > 0);
    if (--stream->refs == 0)
        stream->release(stream);
}

static void unref_last(struct call *call)
{
    weir__stream_unref(list_entry(call, struct stream, last_unref));
}

void weir__stream_unref_later(struct stream *stream)
{
    if (stream->refs > 1)
        stream->refs--;
    else
        weir__loop_call(stream->loop, &stream->last_unref);
}

void weir__stream_add_user(struct stream *stream)
{
    stream->users++;
    weir__stream_ref(stream);
}

void weir__stream_drop_user(struct stream *stream)
{
    assert(stream->users > 0);
    if (--stream->users == 0 && stream->transport != NULL)
        weir_transport_close(stream->transport);
    weir__stream_unref(stream);
}

/* --- The protocol --------------------------------------------------------- */

static void on_made(void *self, weir_transport *transport)
{
    struct stream *stream = self;

    if (stream->transport == NULL) {
        stream->transport = transport;
        weir__transport_ref(transport);
    }
    if (stream->reader != NULL)
        (void)weir_reader_set_transport(stream->reader, transport);
    if (stream->handler.cb != NULL)
        weir__handler_begin(stream);
}

static void on_lost(void *self, int code)
{
    struct stream *stream = self;

    stream->lost = true;
    stream->lost_code = code;
    if (stream->close_timer != NULL) {
        weir_handle_cancel(stream->close_timer);
        stream->close_timer = NULL;
    }
    if (stream->reader != NULL) {
        weir__reader_forget_transport(stream->reader);
        if (code == 0)
            weir_reader_feed_eof(stream->reader);
        else
            weir_reader_set_exception(stream->reader, code);
    }
    weir__task_wake_all(&stream->drainers, code);
    weir__task_wake_all(&stream->closers, 0);
    weir__stream_unref(stream);
}

static void get_buffer(void *self, size_t hint, void **buf, size_t *len)
{
    struct stream *stream = self;

    (void)hint;
    if (stream->reader == NULL)
        *len = 0;
    else
        weir__reader_get_buffer(stream->reader, buf, len);
    if (*len == 0 && stream->transport != NULL)
        weir__transport_lose(stream->transport, -ENOMEM);
}

static void buffer_updated(void *self, size_t n)
{
    struct stream *stream = self;

    if (weir__reader_buffer_updated(stream->reader, n) == 0)
        return;
    if (stream->transport != NULL)
        weir__transport_lose(stream->transport, -ENOMEM);
    else
        weir_reader_set_exception(stream->reader, -ENOMEM);     /* set_protocol'ed, and never told of its transport */
}

static bool on_end(void *self)
{
    struct stream *stream = self;

    if (stream->reader != NULL)
        weir_reader_feed_eof(stream->reader);
    return true;                                /* half-open: the handler may still write (SP-2) */
}

static void on_pause(void *self)
{
    ((struct stream *)self)->paused = true;
}

static void on_resume(void *self)
{
    struct stream *stream = self;

    stream->paused = false;
    weir__task_wake_all(&stream->drainers, 0);
}

static const weir_protocol stream_protocol = {
    .connection_made = on_made, .connection_lost = on_lost, .get_buffer = get_buffer, .buffer_updated = buffer_updated,
    .eof_received = on_end, .pause_writing = on_pause, .resume_writing = on_resume,
};

const weir_protocol *weir_stream_protocol(void)
{
    return &stream_protocol;
}

/* --- For transports of the user's own ------------------------------------- */

static void release_made_by_user(struct stream *stream)
{
    if (stream->transport != NULL)
        weir__transport_unref(stream->transport);
    if (stream->owns_reader && stream->reader != NULL) {
        weir__reader_fini(stream->reader);
        sys_free(stream->reader);
    } else if (stream->reader != NULL) {
        stream->reader->stream = NULL;
    }
    sys_free(stream);
}

void *weir_stream_protocol_new(weir_reader *reader, weir_client_connected_cb cb, void *arg)
{
    if (reader == NULL) {
        weir__fail_text(-EINVAL, "a stream protocol needs a reader");
        return NULL;
    }
    if (reader->stream != NULL) {
        weir__fail_text(WEIR_ESTATE, "the reader is half of a connection already");
        return NULL;
    }
    struct stream *stream = sys_malloc(sizeof *stream);
    if (stream == NULL) {
        weir__fail(-ENOMEM);
        return NULL;
    }
    weir__stream_init(stream, reader->loop, reader, release_made_by_user);
    stream->owns_reader = cb != NULL;
    stream->handler = (struct stream_handler) { .cb = cb, .arg = arg };
    return stream;
}
