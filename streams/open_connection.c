/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * streams/open_connection.c  A connection to somewhere, over TCP or a Unix socket, as a pair of streams.
 */
#include <weir/streams.h>

#include <errno.h>

#include "core/error.h"
#include "core/loop.h"
#include "core/task.h"
#include "net/connector.h"
#include "streams/stream.h"

static int check(const weir_connect_options *opts)
{
    if (weir__this_loop == NULL)
        return weir__fail_text(WEIR_ENOTASK, "connecting needs a task; this thread runs no loop");
    if (opts != NULL && (ssize_t)opts->limit < 0)
        return weir__fail_text(-EINVAL, "limit %zu: too large", opts->limit);
    return 0;
}

/* The two halves of @connected, which is ours. [suspends] */
static int make_streams(const struct connected *connected, const weir_connect_options *opts, weir_reader **reader,
                        weir_writer **writer)
{
    struct stream_limits limits = { 0 };
    int code;

    if (opts != NULL)
        limits = (struct stream_limits) { opts->limit, opts->max_read, opts->max_write_buffer };
    struct socket_stream *s = weir__socket_stream_new(weir__this_loop, connected->fd, (const void *)&connected->peer.storage,
                                                      connected->peer.len, NULL, &limits, &code);
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

int weir_open_connection(const char *host, uint16_t port, const weir_connect_options *opts, weir_reader **reader,
                         weir_writer **writer)
{
    struct connected connected;
    int code = check(opts);

    if (code == 0)
        code = weir__connect(weir__this_loop, host, port, opts, &connected);
    return code < 0 ? code : make_streams(&connected, opts, reader, writer);
}

int weir_open_unix_connection(const char *path, const weir_connect_options *opts, weir_reader **reader, weir_writer **writer)
{
    struct connected connected;
    int code = check(opts);

    if (code == 0)
        code = weir__connect_unix(weir__this_loop, path, opts, &connected);
    return code < 0 ? code : make_streams(&connected, opts, reader, writer);
}
