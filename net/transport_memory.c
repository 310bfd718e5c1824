/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/transport_memory.c  Two transports joined by memory: a connection without a kernel.
 *
 * Each end has a queue of bytes that came from the other, of the size of a small socket buffer, so water marks and
 * back-pressure work as on a socket. Bytes move in later passes, at most @chunk a step, never inside a write; and a write
 * is taken at most @chunk at a time too, so that with a small one both sides meet every way to cut.
 *
 * Closing an end is what closing a socket is: the other end reads what was sent and then the end, or a reset if this end
 * left bytes unread.
 */
#include <weir/transport.h>

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/buffer.h"
#include "core/error.h"
#include "core/sys.h"
#include "net/transport.h"

#define QUEUE_MOST ((size_t)64 * 1024)  /* bytes on the way in one direction */

struct memory_pair;

struct memory_end {
    weir_transport base;
    struct memory_pair *pair;
    struct memory_end *other;
    struct buffer queue;        /* sent by the other end, not yet received here */
    struct call step;           /* looks whether there is something to read or room to write */
    size_t step_left;           /* bytes that this step may still deliver */
    bool want_read, want_write;
    bool ended;                 /* the other end will send no more */
    bool reset;                 /* the other end closed with bytes unread */
    bool closed;                /* this end is closed */
    bool free;                  /* nobody refers to this end any more */
};

/* Both ends are one allocation, freed when neither is referred to. */
struct memory_pair {
    size_t chunk;               /* most bytes a step carries; 0: any */
    struct memory_end a, b;
};

static struct memory_end *end_of(const weir_transport *t)
{
    return (struct memory_end *)(uintptr_t)t;
}

/* Something changed that @end may be waiting for. */
static void nudge(struct memory_end *end)
{
    if (!end->closed)
        weir__loop_call(end->base.loop, &end->step);
}

static bool readable(const struct memory_end *end)
{
    return buffer_len(&end->queue) > 0 || end->ended || end->reset;
}

static bool has_room(const struct memory_end *end)
{
    return end->other->closed || buffer_len(&end->other->queue) < QUEUE_MOST;
}

/* Reading first, as the kernel tells of a reset before it tells that nobody takes what is written. */
static void take_step(struct call *call)
{
    struct memory_end *end = list_entry(call, struct memory_end, step);

    weir__transport_ref(&end->base);
    end->step_left = end->pair->chunk > 0 ? end->pair->chunk : SIZE_MAX;
    if (end->want_read && readable(end))
        weir__transport_readable(&end->base);
    if (!end->closed && end->want_write && has_room(end))
        weir__transport_writable(&end->base);
    if ((end->want_read && readable(end)) || (end->want_write && has_room(end)))
        nudge(end);                             /* like a level-triggered event: again in the next pass */
    weir__transport_unref(&end->base);
}

/* --- Operations ----------------------------------------------------------- */

static ssize_t memory_recv(weir_transport *t, void *buf, size_t len)
{
    struct memory_end *end = end_of(t);
    size_t n = buffer_len(&end->queue);

    int fault = weir__fault(SYS_RECV);
    if (fault < 0)
        return fault;
    if (n == 0)                                 /* what came before a reset is read first (BT-19) */
        return end->reset ? -ECONNRESET : end->ended ? 0 : -EAGAIN;
    if (end->step_left == 0)
        return -EAGAIN;
    n = n < len ? n : len;
    n = n < end->step_left ? n : end->step_left;
    end->step_left -= n;
    memcpy(buf, buffer_bytes(&end->queue), n);
    weir__buffer_drop(&end->queue, n);
    weir__buffer_end_loan(&end->queue);         /* an empty queue holds no block */
    if (end->other->want_write)
        nudge(end->other);
    return (ssize_t)n;
}

static ssize_t memory_send(weir_transport *t, struct iovec *iov, size_t count)
{
    struct memory_end *end = end_of(t);
    struct memory_end *other = end->other;
    size_t sent = 0;

    int fault = weir__fault(SYS_SEND);
    if (fault < 0)
        return fault;
    if (other->closed)
        return end->reset ? -ECONNRESET : -EPIPE;
    size_t most = QUEUE_MOST - buffer_len(&other->queue);
    if (end->pair->chunk > 0 && most > end->pair->chunk)
        most = end->pair->chunk;
    for (size_t i = 0; i < count && sent < most; i++) {
        size_t n = iov[i].iov_len < most - sent ? iov[i].iov_len : most - sent;
        if (weir__buffer_append(&other->queue, iov[i].iov_base, n) < 0)
            return sent > 0 ? (ssize_t)sent : -ENOMEM;
        sent += n;
    }
    if (sent == 0)
        return -EAGAIN;
    nudge(other);
    return (ssize_t)sent;
}

static void memory_want_read(weir_transport *t, bool on)
{
    struct memory_end *end = end_of(t);

    end->want_read = on;
    if (on && readable(end))
        nudge(end);
}

static void memory_want_write(weir_transport *t, bool on)
{
    struct memory_end *end = end_of(t);

    end->want_write = on;
    if (on && has_room(end))
        nudge(end);
}

static int memory_shutdown(weir_transport *t)
{
    struct memory_end *end = end_of(t);

    if (end->other->closed)
        return -ENOTCONN;
    end->other->ended = true;
    nudge(end->other);
    return 0;
}

static void memory_close(weir_transport *t)
{
    struct memory_end *end = end_of(t);

    end->closed = true;
    weir__call_cancel(&end->step);
    if (buffer_len(&end->queue) > 0)
        end->other->reset = true;
    end->other->ended = true;
    weir__buffer_fini(&end->queue);
    nudge(end->other);
}

static const void *memory_extra_info(weir_transport *t, const char *name)
{
    (void)t, (void)name;
    return NULL;
}

static const struct transport_ops memory_ops = {
    .recv = memory_recv, .send = memory_send, .want_read = memory_want_read, .want_write = memory_want_write,
    .shutdown = memory_shutdown, .close = memory_close, .extra_info = memory_extra_info,
};

/* --- Making and freeing --------------------------------------------------- */

static void release_end(weir_transport *t)
{
    struct memory_end *end = end_of(t);

    assert(end->closed);
    end->free = true;
    if (end->other->free)
        sys_free(end->pair);
}

static int make_end(struct memory_pair *pair, struct memory_end *end, struct memory_end *other, weir_loop *loop,
                    weir_protocol_factory factory, void *arg)
{
    const weir_protocol *protocol = NULL;
    void *self = NULL;
    int code = factory(arg, &protocol, &self);

    if (code < 0)
        return code;
    end->pair = pair;
    end->other = other;
    weir__buffer_init(&end->queue, &loop->blocks);
    weir__call_init(&end->step, take_step);
    return weir__transport_init(&end->base, loop, &memory_ops, protocol, self, release_end);
}

int weir_memory_pair(weir_protocol_factory fa, void *aa, weir_transport **a, weir_protocol_factory fb, void *ab,
                     weir_transport **b, size_t chunk)
{
    weir_loop *loop = weir__this_loop;

    if (fa == NULL || fb == NULL)
        return weir__fail_text(-EINVAL, "a memory pair needs a factory for each end");
    if (loop == NULL)
        return weir__fail_text(WEIR_ESTATE, "a memory pair needs a running loop; this thread runs none");
    struct memory_pair *pair = sys_calloc(1, sizeof *pair);
    if (pair == NULL)
        return weir__fail(-ENOMEM);
    pair->chunk = chunk;
    int code = make_end(pair, &pair->a, &pair->b, loop, fa, aa);
    if (code == 0)
        code = make_end(pair, &pair->b, &pair->a, loop, fb, ab);
    if (code < 0) {
        sys_free(pair);
        return code;
    }
    *a = &pair->a.base;
    *b = &pair->b.base;
    weir__transport_start_later(&pair->a.base);
    weir__transport_start_later(&pair->b.base);
    return 0;
}
