/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/buffer.h  Bytes that come in at the end and are lent out, in order, from the front.
 *
 * The unread bytes are always one contiguous piece, in the current block. A view that was lent stays where it is until
 * end_loan: while it is out, its block is neither moved, grown nor reused; new input that does not fit goes to a new
 * block, and the unread tail is copied there. At most one view is out at a time.
 *
 *   current block   [ lent | unread | room ]        usually
 *   lent block      [ lent ]                        after the current block was outgrown while a view was out
 *
 * An empty buffer without a loan holds no block at all.
 */
#ifndef WEIR_CORE_BUFFER_H
#define WEIR_CORE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/bytes.h>

#include "core/block.h"

struct buffer {
    struct block_pool *pool;
    struct block *current;      /* holds the unread bytes; NULL: none */
    struct block *lent;         /* a former current block that a view points into; NULL: none */
    bool loan;                  /* a view points into current */
    bool receives;              /* between _receive and _received: into the shared block */
};

static inline void weir__buffer_init(struct buffer *buffer, struct block_pool *pool)
{
    buffer->pool = pool;
    buffer->current = buffer->lent = NULL;
    buffer->loan = buffer->receives = false;
}

void weir__buffer_fini(struct buffer *buffer);

static inline size_t buffer_len(const struct buffer *buffer)
{
    return buffer->current == NULL ? 0 : block_len(buffer->current);
}

/* The unread bytes; not to be kept across any other call on the buffer. */
static inline const unsigned char *buffer_bytes(const struct buffer *buffer)
{
    return buffer->current == NULL ? NULL : buffer->current->bytes + buffer->current->begin;
}

/* Where to put input: at least @least bytes, as many as fit. 0 or -ENOMEM, with the buffer unchanged. @size is the
 * block to take when a new one is needed (at least @least). To be followed by weir__buffer_added. */
int weir__buffer_room(struct buffer *buffer, size_t least, size_t size, void **at, size_t *room);

/* @n bytes were put where weir__buffer_room said. */
static inline void weir__buffer_added(struct buffer *buffer, size_t n)
{
    buffer->current->end += n;
}

/* The same for input that comes from outside in one go: an empty buffer receives into the block all buffers of the loop
 * share. To be followed by weir__buffer_received before anybody else receives; or by nothing, when nothing came. */
int weir__buffer_receive(struct buffer *buffer, size_t least, size_t size, void **at, size_t *room);

/* @n bytes came. 0 or -ENOMEM, and then they are lost. */
int weir__buffer_received(struct buffer *buffer, size_t n);

int weir__buffer_append(struct buffer *buffer, const void *data, size_t len);

/* Take the first @n unread bytes out as a view; no other view may be out. */
void weir__buffer_lend(struct buffer *buffer, size_t n, weir_bytes *out);

/* The same, but the bytes stay unread. */
void weir__buffer_peek(struct buffer *buffer, size_t n, weir_bytes *out);

/* The view is no longer looked at. */
void weir__buffer_end_loan(struct buffer *buffer);

/* Forget the first @n unread bytes. */
static inline void weir__buffer_drop(struct buffer *buffer, size_t n)
{
    if (n > 0)
        buffer->current->begin += n;
}

#endif
