/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/buffer.c  Making room without moving what is lent.
 */
#include "core/buffer.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Up to this share of the received block is copied out of it: 2 KiB of the usual 16. */
#define COPY_SHARE 8

void weir__buffer_fini(struct buffer *buffer)
{
    if (buffer->lent != NULL)
        weir__block_give(buffer->pool, buffer->lent);
    if (buffer->current != NULL)
        weir__block_give(buffer->pool, buffer->current);
    weir__buffer_init(buffer, buffer->pool);
}

/* Move the unread bytes to a block that has room for @least more; the old block stays if a view points into it. */
static int move_to_larger(struct buffer *buffer, size_t least, size_t size)
{
    struct block *old = buffer->current;
    size_t len = buffer_len(buffer);
    size_t need = len + least;

    if (need < len)
        return -ENOMEM;
    if (size < need)
        size = need;
    /* Doubling keeps the cost of growing by small pieces linear in what arrives. */
    if (old != NULL && !buffer->loan && size < 2 * old->capacity)
        size = 2 * old->capacity;

    struct block *block = weir__block_take(buffer->pool, size);
    if (block == NULL)
        return -ENOMEM;
    if (len > 0)
        memcpy(block->bytes, old->bytes + old->begin, len);
    block->end = len;
    buffer->current = block;

    if (old != NULL && buffer->loan) {
        assert(buffer->lent == NULL);           /* one view at a time */
        buffer->lent = old;
        buffer->loan = false;
    } else if (old != NULL) {
        weir__block_give(buffer->pool, old);
    }
    return 0;
}

int weir__buffer_room(struct buffer *buffer, size_t least, size_t size, void **at, size_t *room)
{
    struct block *block = buffer->current;

    if (block != NULL && block_room(block) < least && !buffer->loan) {
        /* Moving to the front is worth it when at least half the block becomes free: each byte then moves once per
         * half block that came in. */
        size_t len = block_len(block);
        if (len <= block->capacity / 2 && block->capacity - len >= least) {
            memmove(block->bytes, block->bytes + block->begin, len);
            block->begin = 0;
            block->end = len;
        }
    }
    if (block == NULL || block_room(block) < least) {
        int code = move_to_larger(buffer, least, size);
        if (code < 0)
            return code;
        block = buffer->current;
    }
    *at = block->bytes + block->end;
    *room = block_room(block);
    return 0;
}

int weir__buffer_receive(struct buffer *buffer, size_t least, size_t size, void **at, size_t *room)
{
    const struct block *current = buffer->current;

    /* With a good deal of bytes at hand, or room behind them, what comes is put there at once. */
    buffer->receives = current == NULL || (block_room(current) < least && block_len(current) <= BLOCK_USUAL / COPY_SHARE);
    if (!buffer->receives)
        return weir__buffer_room(buffer, least, size, at, room);

    struct block *shared = weir__block_receive(buffer->pool, size);
    if (shared == NULL)
        return -ENOMEM;
    *at = shared->bytes;
    *room = shared->capacity;
    return 0;
}

int weir__buffer_received(struct buffer *buffer, size_t n)
{
    if (!buffer->receives) {
        weir__buffer_added(buffer, n);
        return 0;
    }

    const struct block *shared = buffer->pool->receive;
    if (buffer->current != NULL)
        return weir__buffer_append(buffer, shared->bytes, n);
    /* Copying a little is cheaper than holding a whole block for it. */
    bool little = n <= shared->capacity / COPY_SHARE;
    struct block *block = little ? weir__block_take(buffer->pool, n) : weir__block_keep_received(buffer->pool);
    if (block == NULL)
        return -ENOMEM;
    if (little)
        memcpy(block->bytes, shared->bytes, n);
    block->end = n;
    buffer->current = block;
    return 0;
}

int weir__buffer_append(struct buffer *buffer, const void *data, size_t len)
{
    void *at;
    size_t room;
    int code = weir__buffer_room(buffer, len, len, &at, &room);

    if (code < 0)
        return code;
    memcpy(at, data, len);
    weir__buffer_added(buffer, len);
    return 0;
}

void weir__buffer_peek(struct buffer *buffer, size_t n, weir_bytes *out)
{
    assert(!buffer->loan && buffer->lent == NULL);
    assert(n <= buffer_len(buffer));

    if (n == 0) {
        *out = (weir_bytes) { "", 0 };
        return;
    }
    out->data = (const char *)buffer_bytes(buffer);
    out->len = n;
    buffer->loan = true;
}

void weir__buffer_lend(struct buffer *buffer, size_t n, weir_bytes *out)
{
    weir__buffer_peek(buffer, n, out);
    weir__buffer_drop(buffer, n);
}

void weir__buffer_end_loan(struct buffer *buffer)
{
    if (buffer->lent != NULL) {
        weir__block_give(buffer->pool, buffer->lent);
        buffer->lent = NULL;
    }
    buffer->loan = false;
    if (buffer->current != NULL && block_len(buffer->current) == 0) {
        weir__block_give(buffer->pool, buffer->current);
        buffer->current = NULL;
    }
}
