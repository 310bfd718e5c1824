/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * streams/writer.c  The writing half: a facade over the transport (SW-1), and the two calls that wait.
 */
#include <weir/streams.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include <weir/run.h>

#include "core/error.h"
#include "core/loop.h"
#include "core/sys.h"
#include "core/task.h"
#include "net/sendfile.h"
#include "net/transport.h"
#include "net/transport_socket.h"
#include "streams/stream.h"

#define PRINTF_INLINE 256       /* longer texts are formatted into an allocation */

/* --- Writing -------------------------------------------------------------- */

int weir_writer_write(weir_writer *w, const void *data, size_t len)
{
    return weir_transport_write(weir__stream_of(w)->transport, data, len);
}

int weir_writer_writelines(weir_writer *w, const weir_bytes *chunks, size_t count)
{
    return weir_transport_writelines(weir__stream_of(w)->transport, chunks, count);
}

int weir_writer_printf(weir_writer *w, const char *fmt, ...)
{
    char text[PRINTF_INLINE];
    va_list args;

    va_start(args, fmt);
    int len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (len < 0)
        return weir__fail_text(-EINVAL, "printf: the format \"%.64s\" can't be printed", fmt);
    if ((size_t)len < sizeof text)
        return weir_writer_write(w, text, (size_t)len);

    char *longer = sys_malloc((size_t)len + 1);
    if (longer == NULL)
        return weir__fail(-ENOMEM);
    va_start(args, fmt);
    vsnprintf(longer, (size_t)len + 1, fmt, args);
    va_end(args);
    int code = weir_writer_write(w, longer, (size_t)len);
    sys_free(longer);
    return code;
}

int weir_writer_flush(weir_writer *w)
{
    return weir_transport_flush(weir__stream_of(w)->transport);
}

bool weir_writer_can_write_eof(const weir_writer *w)
{
    return weir_transport_can_write_eof(weir__stream_of(w)->transport);
}

int weir_writer_write_eof(weir_writer *w)
{
    return weir_transport_write_eof(weir__stream_of(w)->transport);
}

/* --- Waiting -------------------------------------------------------------- */

/* SW-4, steps 2 to 5. The caller holds the stream. */
static int wait_for_drain(struct stream *stream)
{
    double timeout = stream->writer.timeout;

    if (weir_transport_is_closing(stream->transport)) {
        int code = weir_yield();                /* one pass: lets a pending connection_lost come */
        if (code < 0)
            return code;
    }
    if (stream->lost)
        return weir__fail(stream->lost_code < 0 ? stream->lost_code : -ECONNRESET);
    if (!stream->paused)
        return 0;
    if (weir__task_current() == NULL)
        return weir__fail(WEIR_ENOTASK);
    int64_t limit_ns = timeout > 0 ? weir__ns_after(weir__loop_pass_ns(stream->loop), timeout) : FOREVER;
    return weir__task_wait_among(&stream->drainers, WAIT_DRAIN, stream->transport, limit_ns);
}

int weir_writer_drain(weir_writer *w)
{
    struct stream *stream = weir__stream_of(w);

    if (weir__loop_foreign(stream->loop))
        return weir__fail_text(WEIR_ESTATE, "drained from a thread that does not run its loop");
    if (stream->reader != NULL && stream->reader->failure < 0)
        return weir__fail(stream->reader->failure);
    /* With unread input another request is at hand, and its reply goes out together with this one. */
    if (stream->reader == NULL || !weir__reader_has_input(stream->reader))
        weir__out_flush(stream->transport);
    if (!stream->paused && stream->transport->state == TRANSPORT_OPEN)
        return 0;

    weir__stream_ref(stream);
    int code = wait_for_drain(stream);
    weir__stream_unref(stream);
    return code;
}

int64_t weir_writer_sendfile(weir_writer *w, int fd, int64_t offset, size_t count)
{
    struct stream *stream = weir__stream_of(w);
    const weir_transport *t = stream->transport;

    if (weir__loop_foreign(stream->loop))
        return weir__fail_text(WEIR_ESTATE, "a file sent from a thread that does not run the writer's loop");
    weir__stream_ref(stream);
    int64_t sent = weir__sendfile(stream->transport, fd, offset, count, w->timeout);
    if (sent == WEIR_ESTATE && t->state >= TRANSPORT_LOST && t->lost_code < 0)
        sent = weir__fail(t->lost_code);        /* why it is closing, as in drain */
    weir__stream_unref(stream);
    return sent;
}

int weir_writer_wait_closed(weir_writer *w)
{
    struct stream *stream = weir__stream_of(w);
    int code = 0;

    if (weir__loop_foreign(stream->loop))
        return weir__fail_text(WEIR_ESTATE, "waited for in a thread that does not run its loop");
    if (!stream->lost) {
        if (weir__task_current() == NULL)
            return weir__fail(WEIR_ENOTASK);
        weir__stream_ref(stream);
        code = weir__task_wait_among(&stream->closers, WAIT_CLOSED, stream->transport, FOREVER);
        if (code == 0)
            code = stream->lost_code;
        weir__stream_unref(stream);
    } else {
        code = stream->lost_code;
    }
    return code < 0 ? weir__fail(code) : code;
}

/* --- Closing -------------------------------------------------------------- */

void weir_writer_close(weir_writer *w)
{
    weir_transport_close(weir__stream_of(w)->transport);
}

void weir_writer_abort(weir_writer *w)
{
    weir_transport_abort(weir__stream_of(w)->transport);
}

bool weir_writer_is_closing(const weir_writer *w)
{
    return weir_transport_is_closing(weir__stream_of(w)->transport);
}

weir_writer *weir_writer_ref(weir_writer *w)
{
    weir__stream_add_user(weir__stream_of(w));
    return w;
}

void weir_writer_free(weir_writer *w)
{
    if (w != NULL)
        weir__stream_drop_user(weir__stream_of(w));
}

/* --- Asking and setting --------------------------------------------------- */

const void *weir_writer_get_extra_info(const weir_writer *w, const char *name)
{
    return weir_transport_get_extra_info(weir__stream_of(w)->transport, name);
}

const weir_address *weir_writer_peername(const weir_writer *w)
{
    return weir_writer_get_extra_info(w, "peername");
}

const weir_address *weir_writer_sockname(const weir_writer *w)
{
    return weir_writer_get_extra_info(w, "sockname");
}

int weir_writer_fd(const weir_writer *w)
{
    return weir__transport_fd(weir__stream_of(w)->transport);
}

weir_transport *weir_writer_transport(const weir_writer *w)
{
    return weir__stream_of(w)->transport;
}

void weir_writer_set_timeout(weir_writer *w, double seconds)
{
    w->timeout = seconds > 0 ? seconds : 0;
}

void weir_writer_set_idle(weir_writer *w, bool idle)
{
    weir_transport *t = weir__stream_of(w)->transport;

    t->idle = idle;
    if (idle && weir_draining())
        weir_transport_close(t);                /* the drain has passed us already */
}

void weir_writer_set_data(weir_writer *w, void *data)
{
    w->data = data;
}

void *weir_writer_data(const weir_writer *w)
{
    return w->data;
}
