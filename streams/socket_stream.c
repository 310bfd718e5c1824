/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * streams/socket_stream.c  Where a connection's memory lies: this file decides, nothing else assumes it.
 *
 * With a handler it lies at the top of the handler's stack, beside the frames that use it: an idle connection is one
 * page. It keeps that stack until it goes, which may be after the handler. Without a handler it is an allocation.
 */
#include <weir/streams.h>

#include <errno.h>
#include <string.h>

#include "core/error.h"
#include "core/loop.h"
#include "core/sys.h"
#include "core/task.h"
#include "net/listener.h"
#include "streams/stream.h"

static void release_stream(struct stream *stream)
{
    struct socket_stream *s = list_entry(stream, struct socket_stream, stream);

    weir__transport_unref(&s->socket.base);
}

static void release_transport(weir_transport *t)
{
    struct socket_stream *s = list_entry(t, struct socket_stream, socket.base);

    weir__socket_transport_fini(&s->socket);
    weir__reader_fini(&s->reader);
    if (s->host != NULL)
        weir_task_unref(s->host);
    else
        sys_free(s);
}

static struct socket_stream *alloc(weir_loop *loop, const struct stream_handler *handler)
{
    void *block;

    if (handler == NULL || handler->plain) {
        struct socket_stream *s = sys_aligned_alloc(_Alignof(struct socket_stream), sizeof *s);
        if (s == NULL)
            weir__fail(-ENOMEM);
        else
            memset(s, 0, sizeof *s);
        return s;
    }
    weir_task *task = weir__handler_task(loop, handler, sizeof(struct socket_stream), &block);
    if (task == NULL)
        return NULL;
    struct socket_stream *s = block;
    s->host = task;
    return s;
}

struct socket_stream *weir__socket_stream_new(weir_loop *loop, int fd, const struct sockaddr *peer, socklen_t peer_len,
                                              const struct stream_handler *handler, const struct stream_limits *limits,
                                              int *code)
{
    struct socket_stream *s = alloc(loop, handler);

    if (s == NULL) {
        *code = weir__failure_here()->code;
        weir__descriptor_close(fd);
        return NULL;
    }
    weir__reader_init(&s->reader, loop, limits->limit > 0 ? limits->limit : STREAM_LIMIT);
    s->reader.max_read = limits->max_read;
    weir__stream_init(&s->stream, loop, &s->reader, release_stream);
    *code = weir__socket_transport_init(&s->socket, loop, fd, peer, peer_len, weir_stream_protocol(), &s->stream,
                                        release_transport);
    if (*code < 0) {
        if (s->host != NULL)
            weir_task_unref(s->host);
        else
            sys_free(s);
        return NULL;
    }
    s->socket.base.out.most = limits->max_write_buffer;
    s->stream.transport = &s->socket.base;      /* which the stream holds: the reference that init made */
    s->stream.task = s->host;
    if (handler != NULL)
        s->stream.handler = *handler;
    return s;
}
