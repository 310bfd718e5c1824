/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * streams/open_connection.c  A connection to somewhere, as a pair of streams.
 */
#include <weir/streams.h>

#include <errno.h>

#include "core/error.h"
#include "core/loop.h"
#include "core/task.h"
#include "net/connector.h"
#include "streams/stream.h"

int weir_open_connection(const char *host, uint16_t port, const weir_connect_options *opts, weir_reader **reader,
                         weir_writer **writer)
{
    weir_loop *loop = weir__this_loop;
    struct connected connected;

    if (loop == NULL)
        return weir__fail_text(WEIR_ENOTASK, "connecting needs a task; this thread runs no loop");
    if (opts != NULL && (ssize_t)opts->limit < 0)
        return weir__fail_text(-EINVAL, "limit %zu: too large", opts->limit);
    int code = weir__connect(loop, host, port, opts, &connected);
    if (code < 0)
        return code;

    struct stream_limits limits = { 0 };
    if (opts != NULL)
        limits = (struct stream_limits) { opts->limit, opts->max_read, opts->max_write_buffer };
    struct socket_stream *s = weir__socket_stream_new(loop, connected.fd, (const void *)&connected.peer.storage,
                                                      connected.peer.len, NULL, &limits, &code);
    if (s == NULL)
        return code;
    weir__stream_add_user(&s->stream);          /* the caller */
    code = weir__transport_wait_start(&s->socket.base);
    if (code < 0) {                             /* never made: neither the caller nor connection_lost will drop theirs */
        weir__stream_unref(&s->stream);
        weir__stream_drop_user(&s->stream);
        return code;
    }
    *reader = &s->reader;
    *writer = &s->stream.writer;
    return 0;
}
