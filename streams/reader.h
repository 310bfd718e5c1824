/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * streams/reader.h  The reading half, for those who feed it.
 */
#ifndef WEIR_STREAMS_READER_H
#define WEIR_STREAMS_READER_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/streams.h>

#include "core/buffer.h"
#include "streams/reader_scan.h"

struct stream;
struct weir_task;

/* What the suspended read waits for: it is woken when that is there, and not before. */
enum want { WANT_BYTES, WANT_SCAN, WANT_END };

struct weir_reader {
    /* Two cache lines, which is what a request touches. */
    struct buffer   in;         /* received, not yet consumed */
    size_t          limit;      /* longest line; reading pauses above twice this */
    struct weir_task *waiter;   /* the one task suspended on us, until it runs again (SR-12) */
    struct scan    *scan;       /* WANT_SCAN */
    int             failure;    /* 0, or the code every read returns */
    bool            eof;
    bool            paused;     /* we told the transport to stop reading */
    bool            had_transport;
    bool            big_reads;  /* the last read filled its block: offer larger ones */

    enum want       want;
    struct stream  *stream;     /* the connection we are half of; NULL: fed by hand */
    weir_transport *transport;  /* held; NULL once it cannot be paused, or is lost */
    weir_loop      *loop;
    size_t          offered;    /* room that get_buffer named last */
    size_t          want_bytes; /* WANT_BYTES */
    double          timeout;    /* of each wait; 0: none */

    size_t          max_read;   /* most that readexactly and read-to-the-end may hold; 0: no bound */
    size_t          expected;   /* what the last incomplete read wanted */
    size_t          consumed;   /* see weir_reader_consumed */
    size_t          partial;    /* how much the last incomplete read handed out */
};

_Static_assert(offsetof(struct weir_reader, want) == 64 && offsetof(struct weir_reader, max_read) <= 128,
               "what a request needs of a reader is its first two cache lines");

void weir__reader_init(weir_reader *r, weir_loop *loop, size_t limit);
void weir__reader_fini(weir_reader *r);

/* Where the next input goes, for a buffered protocol; *len 0 without memory. */
void weir__reader_get_buffer(weir_reader *r, void **buf, size_t *len);

/* -ENOMEM: the bytes are lost, and with them the connection. */
int  weir__reader_buffer_updated(weir_reader *r, size_t n);

/* The connection is gone: what is buffered stays, nobody is there to be paused. */
void weir__reader_forget_transport(weir_reader *r);

/* Whether unread input is held. */
static inline bool weir__reader_has_input(const weir_reader *r)
{
    return buffer_len(&r->in) > 0;
}

/* --- Between reader.c and reader_read.c ----------------------------------- */

/* Suspend until what is wanted is there, or the end, or a failure. Everything in *r may have changed after it; *r itself
 * stays at least until the task suspends again. */
int weir__reader_wait(weir_reader *r, enum want want, size_t bytes, struct scan *scan);

/* After a consuming read (SR-10a). */
void weir__reader_maybe_resume(weir_reader *r);

#endif
