/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * streams/handler.c  Running a client_connected callback, and what its result means.
 *
 * A handler has the connection for its run. When it returns, the connection is closed: its output is flushed in the
 * background, within close_timeout, and whoever else waits on it gets the result of that.
 */
#include <weir/streams.h>

#include <errno.h>

#include "core/error.h"
#include "core/loop.h"
#include "core/task.h"
#include "core/task_group.h"
#include "net/transport.h"
#include "streams/stream.h"

/* The codes that only say that the peer left, or that somebody cancelled us: part of every server's life. */
static bool is_a_failure(const struct stream *stream, int code)
{
    switch (code) {
    case -ECANCELED:
    case -ECONNRESET:
    case -EPIPE:
    case -ENOTCONN:
        return false;
    case -ETIMEDOUT:                            /* of idle_timeout; a deadline of the handler's own is its failure */
        return !stream->transport->idled_out;
    case WEIR_EINCOMPLETE:
        return stream->reader->partial > 0;
    default:
        return code < 0;
    }
}

static void report(struct stream *stream, int code)
{
    const weir_address *peer = weir_transport_get_extra_info(stream->transport, "peername");
    char text[WEIR_ADDRESS_MAX];

    /* The peer is a field and no part of the sentence: a log may limit what is repeated by its sentence. */
    weir__loop_exception(stream->loop, code, "a handler failed peer=%s",
                         peer == NULL ? "-" : weir_address_format(peer, text, sizeof text));
}

static void on_close_timeout(void *arg)
{
    struct stream *stream = arg;

    stream->close_timer = NULL;
    weir_transport_abort(stream->transport);
}

static void close_and_watch(struct stream *stream)
{
    weir_transport_close(stream->transport);
    if (stream->lost || stream->handler.close_timeout <= 0 || stream->close_timer != NULL)
        return;
    stream->close_timer = weir_loop_call_later(stream->loop, stream->handler.close_timeout, on_close_timeout, stream);
    if (stream->close_timer == NULL)
        weir_transport_abort(stream->transport);        /* no memory to bound the flush by */
}

static int run_handler(void *arg)
{
    struct stream *stream = arg;
    weir_task *self = weir__task_current();
    int code;

    if (self->cancel_pending) {                 /* the loop ends already: no handler, but its connection has to go */
        self->cancel_pending = false;
        code = weir__fail(-ECANCELED);
    } else {
        code = stream->handler.cb(stream->reader, &stream->writer, stream->handler.arg);
        weir__task_groups_leave(code);          /* what it left running may use the connection */
    }
    if (is_a_failure(stream, code))
        report(stream, code);
    close_and_watch(stream);
    weir__stream_drop_user(stream);
    return code;
}

weir_task *weir__handler_task(weir_loop *loop, const struct stream_handler *handler, size_t block_size, void **block)
{
    weir_task *task = weir__task_new(loop, run_handler, NULL, handler->stack_size, block_size, block);

    if (task != NULL) {
        task->label = "connection handler";
        task->cleans_up = true;
        task->entry = (const void *)(uintptr_t)handler->cb;
    }
    return task;
}

/* A plain callback keeps its connection by a reference of its own, or loses it at the return (SP-8, B 14). */
static void call_plain(struct stream *stream)
{
    weir__stream_add_user(stream);
    int code = stream->handler.cb(stream->reader, &stream->writer, stream->handler.arg);

    if (is_a_failure(stream, code))
        report(stream, code);
    if (code < 0 || stream->users == 1)         /* failed, or nobody kept it */
        close_and_watch(stream);
    weir__stream_drop_user(stream);
}

void weir__handler_begin(struct stream *stream)
{
    weir_task *task = stream->task;

    if (stream->handler.plain) {
        call_plain(stream);
        return;
    }
    stream->task = NULL;
    if (task == NULL)
        task = weir__handler_task(stream->loop, &stream->handler, 0, NULL);
    else
        weir_task_ref(task);
    if (task == NULL) {
        weir__loop_exception(stream->loop, weir__failure_here()->code, "no task for a connection's handler");
        weir_transport_abort(stream->transport);
        return;
    }
    task->arg = stream;
    task->serves = stream->transport;
    weir__stream_add_user(stream);
    weir__task_start(task);
    weir_task_unref(task);
}
