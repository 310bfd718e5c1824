/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * streams/stream.h  A connection as its user sees it: one counted object with two halves.
 *
 *      weir_reader <---- struct stream (the protocol, and the writer) ----> weir_transport
 *
 * Two counts. users: the handler's run, weir_open_connection's caller, weir_writer_ref; the last to go closes the
 * connection. refs: the users, every suspended call, and the connection itself until connection_lost has returned; the
 * last to go frees it. So both halves answer as long as anybody can ask.
 */
#ifndef WEIR_STREAMS_STREAM_H
#define WEIR_STREAMS_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/streams.h>

#include "core/list.h"
#include "net/transport_socket.h"
#include "streams/reader.h"

struct weir_task;

/* What to do with a new connection. */
struct stream_handler {
    weir_client_connected_cb cb;        /* NULL: none, somebody else holds the halves */
    void  *arg;
    bool   plain;               /* called at connection_made instead of started as a task */
    double close_timeout;       /* seconds for the output after the handler returned; 0: no limit */
    size_t stack_size;
};

struct weir_writer {
    double timeout;             /* of each wait in drain; 0: none */
    void *data;                 /* the user's */
};

struct stream {
    weir_reader *reader;        /* NULL once a hand-made one was freed */
    struct weir_writer writer;
    weir_transport *transport;  /* NULL before connection_made */
    weir_loop *loop;
    unsigned refs, users;
    bool paused;                /* between pause_writing and resume_writing */
    bool lost;                  /* connection_lost was called, with lost_code */
    bool owns_reader;
    int lost_code;
    struct list drainers, closers;
    struct weir_task *task;     /* made for the handler and not started yet; NULL otherwise */
    struct stream_handler handler;
    weir_handle *close_timer;   /* while output flushes against close_timeout */
    struct call last_unref;     /* weir__stream_unref_later */
    void (*release)(struct stream *stream);     /* refs are gone */
};

_Static_assert(offsetof(struct stream, drainers) <= 64, "what a request needs of a stream is its first cache line");

/* --- Life (stream.c) ------------------------------------------------------ */

/* The caller holds the connection's own reference: the transport it starts takes it over (connection_lost drops it), or
 * the caller drops it when nothing is started. */
void weir__stream_init(struct stream *stream, weir_loop *loop, weir_reader *reader, void (*release)(struct stream *));

static inline void weir__stream_ref(struct stream *stream)
{
    stream->refs++;
}

void weir__stream_unref(struct stream *stream);

/* The same; what that frees stays until the running task has suspended. */
void weir__stream_unref_later(struct stream *stream);

/* One more user, one less: the last closes the connection. */
void weir__stream_add_user(struct stream *stream);
void weir__stream_drop_user(struct stream *stream);

static inline struct stream *weir__stream_of(const weir_writer *writer)
{
    return list_entry((uintptr_t)writer, struct stream, writer);
}

/* --- Handlers (handler.c) ------------------------------------------------- */

/* Call or start the handler of a connection that was just made. */
void weir__handler_begin(struct stream *stream);

/* A task for the handler, not started, with @block_size bytes beside it. NULL: recorded why. */
struct weir_task *weir__handler_task(weir_loop *loop, const struct stream_handler *handler, size_t block_size, void **block);

/* --- A stream over a socket (socket_stream.c) ----------------------------- */

/* Everything one connection needs, in one piece: beside its handler's stack, or on its own. */
struct socket_stream {
    struct socket_transport socket;             /* each of the three begins a cache line, and what a request needs comes first */
    _Alignas(64) weir_reader reader;
    _Alignas(64) struct stream stream;
    struct weir_task *host;     /* whose stack it lies on, held until it goes; NULL: memory of its own */
};

struct stream_limits {
    size_t limit, max_read, max_write_buffer;   /* 0: the default, or no bound */
};

/* @fd is ours from here on, closed on failure. NULL with *code. */
struct socket_stream *weir__socket_stream_new(weir_loop *loop, int fd, const struct sockaddr *peer, socklen_t peer_len,
                                              const struct stream_handler *handler, const struct stream_limits *limits,
                                              int *code);

#define STREAM_LIMIT ((size_t)65536)    /* asyncio's _DEFAULT_LIMIT */

#endif
