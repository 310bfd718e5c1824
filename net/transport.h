/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/transport.h  A transport: asyncio's rules on top, something that moves bytes below.
 *
 *                  start                close                  output gone
 *      OPENING -------------> OPEN -----------------> FLUSHING -----------------> LOST
 *         |                    |                          |                        |
 *         | start failed       +--- abort, failure -------+------------------->----+
 *         v                                                                        | connection_lost
 *       GONE <---------------------------------------------------------------------+
 *
 *   weir__transport_start, weir_transport_close, weir__transport_lose, weir__transport_finish (in this order)
 *
 * LOST means that connection_lost is queued: nothing changes its argument any more (BT-7). Every rule about pausing,
 * closing, water marks and callbacks is here, in transport_in.c and in transport_out.c, once; sockets and memory
 * transports only say how to move bytes (struct transport_ops).
 *
 * Counted: from start to the return of connection_lost the transport holds itself; a suspended call and a stream's user
 * hold it too. The last one to let go calls release.
 */
#ifndef WEIR_NET_TRANSPORT_H
#define WEIR_NET_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <weir/transport.h>

#include "core/block.h"
#include "core/list.h"
#include "core/loop.h"

#define READ_MOST  ((size_t)262144)     /* bytes taken per readiness event: one connection delays the others by no more */
#define LARGE_WRITE ((size_t)16 * 1024) /* from here a write is sent at once instead of copied */
#define HIGH_WATER ((size_t)65536)      /* asyncio's defaults (FC-1) */
#define LOW_WATER  ((size_t)16384)

struct transport_ops {
    /* Bytes moved; recv: 0 at the end; -EAGAIN; any other code ends the connection. */
    ssize_t (*recv)(weir_transport *t, void *buf, size_t len);
    ssize_t (*send)(weir_transport *t, struct iovec *iov, size_t count);
    /* Call weir__transport_readable (_writable) when there may be something to do. want_read NULL: what comes is pushed, and
     * reading cannot be paused. */
    void (*want_read)(weir_transport *t, bool on);
    void (*want_write)(weir_transport *t, bool on);
    int  (*shutdown)(weir_transport *t);         /* NULL: no half-close */
    void (*close)(weir_transport *t);           /* nothing is called after this but extra_info */
    const void *(*extra_info)(weir_transport *t, const char *name);
    int  (*fd)(const weir_transport *t);        /* NULL: there is none */
    /* As sendfile(2), a code for errno; NULL: files go by read and write. */
    ssize_t (*send_file)(weir_transport *t, int file, int64_t *offset, size_t count);
    bool one_way;               /* a pipe: the end of its one direction closes it, whatever eof_received says */
};

/* Enumerations of a byte each: what a request looks at shares a few cache lines (struct weir_transport). */
#define ONE_BYTE __attribute__((packed))

/* Why write is refused. */
enum ONE_BYTE transport_gate { GATE_OPEN, GATE_ENDED, GATE_SENDFILE, GATE_READ_ONLY };

/* Who paused reading: it goes on when nobody does any more. */
enum transport_pause { PAUSED_BY_USER = 1, PAUSED_BY_SENDFILE = 2 };

enum ONE_BYTE transport_state { TRANSPORT_OPENING, TRANSPORT_OPEN, TRANSPORT_FLUSHING, TRANSPORT_LOST, TRANSPORT_GONE };

/* What was asked of a transport before it was started: a close is done right after connection_made; a loss stands before it. */
enum ONE_BYTE transport_early { EARLY_NOTHING, EARLY_CLOSE, EARLY_LOSE };

/* What is being called back right now, which decides what weir_transport_fail does (PR-9, FC-9). */
enum ONE_BYTE transport_calling { CALLING_NOTHING, CALLING_MADE, CALLING_DATA, CALLING_FLOW, CALLING_LOST };

/* Output that was accepted and not yet taken. */
struct out {
    struct block *first, *last;
    size_t size;                /* over all blocks */
    size_t high;
    size_t most;                /* more than this aborts the connection; 0: no bound */
    bool   blocked;             /* the kernel took less than it was offered: only the write-ready event sends */
    bool   paused;              /* pause_writing was called and resume_writing was not */
    size_t low;                 /* behind what every write looks at */
};

/* Told when a transport's connection_lost has returned: the server that counts its connections. */
struct transport_owner {
    void (*gone)(struct transport_owner *owner, weir_transport *t);
};

/*
 * A thousand connections do not fit into the cache, so a request waits for memory as often as it touches a line of its
 * connection's. What it touches comes first: 8 bytes, which end the line in which a socket's watcher lies (struct
 * socket_transport), a line for reading, and one for writing.
 */
struct weir_transport {
    enum transport_state state;
    enum transport_calling calling;
    enum transport_early early;
    unsigned char read_paused;  /* set of enum transport_pause */
    bool read_stopped;          /* an event came that nobody wanted, so want_read(false) was called */
    bool eof_received;
    enum transport_gate gate;   /* GATE_ENDED: write_eof was called */
    bool eof_sent;

    const struct transport_ops *ops;
    weir_loop *loop;
    const weir_protocol *protocol;
    void *self;
    struct idle_limit *idle_limit;              /* NULL: none */
    uint64_t bytes_received, bytes_sent;        /* what the kernel gave and took */
    unsigned refs;
    bool idle;                  /* closing now loses nothing (weir_writer_set_idle) */
    bool idled_out;             /* lost since no byte moved for too long */

    struct list gathered_link;  /* on net_loop->gathered while output waits to be offered */
    struct out out;

    struct list link;           /* net_loop->transports */
    int lost_code;
    struct call later;          /* first the start, then connection_lost */
    struct weir_task *starter;  /* who waits for the start; NULL: nobody */
    struct weir_task *sender;   /* parked in sendfile: woken when something may have changed for it; NULL: nobody */
    void (*release)(weir_transport *t);
    struct transport_owner *owner;
    struct list owner_link;
};

/* --- Life (transport.c) --------------------------------------------------- */

/* Fill in everything; the caller holds the one reference and has set up what ops need. 0 or -ENOMEM. */
int  weir__transport_init(weir_transport *t, weir_loop *loop, const struct transport_ops *ops,
                          const weir_protocol *protocol, void *self, void (*release)(weir_transport *t));

/* connection_made, then reading. From the loop's own stack. */
void weir__transport_start(weir_transport *t);

/* The same in a later pass; takes the caller's reference. */
void weir__transport_start_later(weir_transport *t);

/* Not later after all: for a protocol whose connection_made may be called from anywhere. */
void weir__transport_start_now(weir_transport *t);

/* The same from a task, which waits until connection_made has returned. Cut short, the transport is closed without a
 * callback and the code returned. [suspends] */
int  weir__transport_wait_start(weir_transport *t);

static inline void weir__transport_ref(weir_transport *t)
{
    t->refs++;
}
void weir__transport_unref(weir_transport *t);

/* Drop the output, stop reading, and queue connection_lost(code); nothing if that has happened. */
void weir__transport_lose(weir_transport *t, int code);

/* Reading stops, and goes on, on behalf of @who. */
void weir__transport_pause(weir_transport *t, enum transport_pause who);
void weir__transport_resume(weir_transport *t, enum transport_pause who);

/* -1: none, or closed. */
int  weir__transport_fd(const weir_transport *t);

/* Deliver a queued connection_lost now; one that was not started ends without a callback. */
void weir__transport_finish(weir_transport *t);

/* --- Reading (transport_in.c) --------------------------------------------- */

void weir__transport_readable(weir_transport *t);

/* --- Writing (transport_out.c) -------------------------------------------- */

void weir__out_init(struct out *out);
void weir__out_discard(weir_transport *t);
int  weir__out_write(weir_transport *t, const weir_bytes *chunks, size_t count, size_t total);
void weir__out_flush(weir_transport *t);        /* offer what is gathered, unless the kernel is known to be full */
void weir__transport_writable(weir_transport *t);

/* Offer up to @count bytes of @file from *offset on, which moves: how many; 0: the file ends there; -EAGAIN; another code.
 * After less than @count the transport is blocked. There is no other output. */
ssize_t weir__out_send_file(weir_transport *t, int file, int64_t *offset, size_t count);
void weir__out_check_pause(weir_transport *t);  /* pause_writing, if size > high (FC-5) */

#endif
