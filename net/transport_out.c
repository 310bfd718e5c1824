/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/transport_out.c  The write side: gather, offer, water marks.
 *
 * A write is copied behind what is gathered, and everything gathered goes out in one call when the writing task suspends
 * (net_loop.c). A large write is not copied first: it is offered at once, behind what was gathered, and only what the
 * kernel left is copied. After a short write the kernel is full, and only its write-ready event sends ("blocked").
 *
 * Always true between calls:
 *   1. size > 0 and not blocked: the transport is on net_loop->gathered.
 *   2. blocked: want_write is on.
 *   3. paused implies blocked: pause_writing comes only when the kernel would not take the bytes.
 */
#include "net/transport.h"

#include <errno.h>
#include <string.h>

#include "core/error.h"
#include "core/task.h"
#include "net/idle_limit.h"
#include "net/net_loop.h"

#define IOV_MOST 32             /* pieces offered in one call; more go in the next */

void weir__out_init(struct out *out)
{
    *out = (struct out) { .high = HIGH_WATER, .low = LOW_WATER };
}

void weir__out_discard(weir_transport *t)
{
    struct out *out = &t->out;

    while (out->first != NULL) {
        struct block *block = out->first;
        out->first = block->next;
        weir__block_give(&t->loop->blocks, block);
    }
    out->last = NULL;
    out->size = 0;
    out->blocked = false;
    list_remove(&t->gathered_link);
}

/* --- Keeping -------------------------------------------------------------- */

static int append(weir_transport *t, const void *data, size_t len)
{
    struct out *out = &t->out;

    while (len > 0) {
        if (out->last == NULL || block_room(out->last) == 0) {
            /* Room for more replies behind this one; what is left of a large write gets a block that fits it, or several. */
            size_t size = len < BLOCK_USUAL ? BLOCK_USUAL : len < BLOCK_LARGEST ? len : BLOCK_LARGEST;
            struct block *block = weir__block_take(&t->loop->blocks, size);
            if (block == NULL)
                return -ENOMEM;
            *(out->last == NULL ? &out->first : &out->last->next) = block;
            out->last = block;
        }
        size_t n = block_room(out->last) < len ? block_room(out->last) : len;
        memcpy(out->last->bytes + out->last->end, data, n);
        out->last->end += n;
        out->size += n;
        data = (const char *)data + n;
        len -= n;
    }
    return 0;
}

/* The first @n bytes are the kernel's. */
static void consume(weir_transport *t, size_t n)
{
    struct out *out = &t->out;

    out->size -= n;
    while (n > 0) {
        struct block *block = out->first;
        size_t len = block_len(block);
        if (n < len) {
            block->begin += n;
            return;
        }
        n -= len;
        out->first = block->next;
        if (out->first == NULL)
            out->last = NULL;
        weir__block_give(&t->loop->blocks, block);
    }
}

/* --- Offering ------------------------------------------------------------- */

static size_t gathered_pieces(const struct out *out, struct iovec *iov, size_t *total)
{
    size_t count = 0;

    *total = 0;
    for (struct block *block = out->first; block != NULL && count < IOV_MOST; block = block->next) {
        iov[count++] = (struct iovec) { block->bytes + block->begin, block_len(block) };
        *total += block_len(block);
    }
    return count;
}

static void block_until_writable(weir_transport *t)
{
    t->out.blocked = true;
    list_remove(&t->gathered_link);
    t->ops->want_write(t, true);
}

static void note_sent(weir_transport *t, size_t n)
{
    t->bytes_sent += n;
    weir__idle_limit_moved(t);
}

/* Out of line: half a kilobyte of frame would be in the way of the cache lines that a reply of one piece needs. */
__attribute__((noinline)) static ssize_t send_pieces(weir_transport *t, size_t *offered)
{
    struct iovec iov[IOV_MOST];
    size_t count = gathered_pieces(&t->out, iov, offered);

    return t->ops->send(t, iov, count);
}

static ssize_t send_once(weir_transport *t, size_t *offered)
{
    struct block *first = t->out.first;

    if (first->next != NULL)
        return send_pieces(t, offered);
    struct iovec piece = { first->bytes + first->begin, block_len(first) };
    *offered = piece.iov_len;
    return t->ops->send(t, &piece, 1);
}

/* Send until nothing is left or the kernel is full. */
static void send_gathered(weir_transport *t)
{
    struct out *out = &t->out;
    size_t offered;

    while (out->size > 0) {
        ssize_t n = send_once(t, &offered);
        if (n == -EINTR)
            continue;
        if (n < 0 && n != -EAGAIN) {
            weir__transport_lose(t, (int)n);
            return;
        }
        if (n > 0) {
            note_sent(t, (size_t)n);
            consume(t, (size_t)n);
        }
        if (n < 0 || (size_t)n < offered) {
            block_until_writable(t);
            return;
        }
    }
}

void weir__out_flush(weir_transport *t)
{
    if (t->out.size == 0 || t->out.blocked)
        return;
    list_remove(&t->gathered_link);
    send_gathered(t);
}

/* Offer what is gathered and @chunks behind it in one call; *taken of the chunks' bytes went out. */
static void send_large(weir_transport *t, const weir_bytes *chunks, size_t count, size_t *taken)
{
    struct iovec iov[IOV_MOST];
    size_t gathered, offered;
    size_t pieces = gathered_pieces(&t->out, iov, &gathered);

    *taken = 0;
    if (gathered < t->out.size || pieces + count > IOV_MOST) {
        weir__out_flush(t);                     /* many small pieces: gathering is the better way for them */
        return;
    }
    offered = gathered;
    for (size_t i = 0; i < count; i++) {
        iov[pieces++] = (struct iovec) { (void *)(uintptr_t)chunks[i].data, chunks[i].len };
        offered += chunks[i].len;
    }
    ssize_t n;
    do {
        n = t->ops->send(t, iov, pieces);
    } while (n == -EINTR);
    if (n < 0 && n != -EAGAIN) {
        weir__transport_lose(t, (int)n);
        return;
    }
    size_t sent = n < 0 ? 0 : (size_t)n;
    if (sent > 0)
        note_sent(t, sent);
    consume(t, sent < gathered ? sent : gathered);
    *taken = sent < gathered ? 0 : sent - gathered;
    if (sent < offered)
        block_until_writable(t);
}

/* --- Flow control --------------------------------------------------------- */

void weir__out_check_pause(weir_transport *t)
{
    struct out *out = &t->out;

    /* Nothing is called before connection_made; after it the start looks again. */
    if (out->size <= out->high || out->paused || t->state == TRANSPORT_OPENING || t->state > TRANSPORT_FLUSHING)
        return;
    weir__out_flush(t);
    if (out->size <= out->high || t->state > TRANSPORT_FLUSHING)
        return;
    out->paused = true;
    if (t->protocol->pause_writing != NULL) {
        enum transport_calling calling = t->calling;
        t->calling = CALLING_FLOW;
        t->protocol->pause_writing(t->self);
        t->calling = calling;
    }
}

static void check_resume(weir_transport *t)
{
    struct out *out = &t->out;

    if (!out->paused || out->size > out->low)
        return;
    out->paused = false;
    if (t->protocol->resume_writing != NULL) {
        t->calling = CALLING_FLOW;
        t->protocol->resume_writing(t->self);
        t->calling = CALLING_NOTHING;
    }
}

/* --- Entry points --------------------------------------------------------- */

int weir__out_write(weir_transport *t, const weir_bytes *chunks, size_t count, size_t total)
{
    struct out *out = &t->out;
    size_t skip = 0;

    if (total > LARGE_WRITE && !out->blocked)
        send_large(t, chunks, count, &skip);
    for (size_t i = 0; i < count && !weir_transport_is_closing(t); i++) {
        if (skip >= chunks[i].len) {
            skip -= chunks[i].len;
            continue;
        }
        if (append(t, chunks[i].data + skip, chunks[i].len - skip) < 0) {
            weir__transport_lose(t, -ENOMEM);   /* bytes are missing: what follows must not be sent */
            return weir__fail(-ENOMEM);
        }
        skip = 0;
    }
    if (weir_transport_is_closing(t))
        return 0;
    if (out->size > 0 && !out->blocked && list_empty(&t->gathered_link)) {
        list_append(&weir__net_loop(t->loop)->gathered, &t->gathered_link);
        t->loop->output_due = true;
    }
    weir__out_check_pause(t);
    if (out->most > 0 && out->size > out->most)
        weir__out_flush(t);
    if (out->most > 0 && out->size > out->most)
        weir__transport_lose(t, -ENOBUFS);      /* nobody drains, and the bound is reached */
    return 0;
}

/* A failure means that the peer is gone, which is no failure of ours (BT-12): reading tells it, or nobody wants to know. */
static void send_end(weir_transport *t)
{
    t->eof_sent = true;
    (void)t->ops->shutdown(t);
}

void weir__transport_writable(weir_transport *t)
{
    if (t->state == TRANSPORT_OPENING || t->state >= TRANSPORT_LOST)
        return;
    uint64_t sent = t->bytes_sent;
    weir__transport_ref(t);
    t->out.blocked = false;
    send_gathered(t);                           /* blocks again if the kernel filled up */
    if (t->state < TRANSPORT_LOST && !t->out.blocked)
        t->ops->want_write(t, false);
    if (t->state < TRANSPORT_LOST && t->bytes_sent > sent)
        check_resume(t);                        /* an event that took nothing resumes nothing, wherever the mark is (FC-3) */

    /* resume_writing may have written or closed: look again before deciding that all is out (FC-6). */
    if (t->state == TRANSPORT_OPEN || t->state == TRANSPORT_FLUSHING)
        weir__out_flush(t);
    if (t->state < TRANSPORT_LOST && t->out.size == 0) {
        if (t->gate == GATE_ENDED && !t->eof_sent)
            send_end(t);
        if (t->state == TRANSPORT_FLUSHING)
            weir__transport_lose(t, 0);
    }
    if (t->sender != NULL)
        weir__task_wake(t->sender, 0);
    weir__transport_unref(t);
}

ssize_t weir__out_send_file(weir_transport *t, int file, int64_t *offset, size_t count)
{
    ssize_t n;

    do {
        n = t->ops->send_file(t, file, offset, count);
    } while (n == -EINTR);
    if (n > 0)
        note_sent(t, (size_t)n);
    if (n == -EAGAIN || (n > 0 && (size_t)n < count))
        block_until_writable(t);
    return n;
}
