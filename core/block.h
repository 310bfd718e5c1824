/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/block.h  The loop's pool of byte blocks.
 *
 * A connection borrows a block only while it holds bytes, and one that fits: blocks come in powers of four from 256 bytes,
 * so a thousand requests that wait for their turn lie in the cache and not in a thousand pages. Those up to 256 KiB are
 * kept for reuse, a bounded number of each.
 *
 * What comes in is received into one block that the loop keeps for all its connections, hot in the cache. A little of it is
 * copied to a block that fits; much of it takes the block along.
 */
#ifndef WEIR_CORE_BLOCK_H
#define WEIR_CORE_BLOCK_H

#include <assert.h>
#include <stddef.h>

#define BLOCK_SMALLEST_BITS 8
#define BLOCK_SMALLEST ((size_t)1 << BLOCK_SMALLEST_BITS)
#define BLOCK_USUAL    ((size_t)16 * 1024)      /* requests and replies that were gathered, nearly always */
#define BLOCK_LARGEST  ((size_t)256 * 1024)     /* the most one read takes from the kernel (SEMANTICS BT-13) */
#define BLOCK_CLASSES  6                        /* 256 bytes, 1, 4, 16, 64, 256 KiB */
#define BLOCK_KEPT_BYTES ((size_t)1024 * 1024)  /* free bytes kept in each class */

struct block {
    struct block *next;         /* the holder's to use */
    size_t capacity;
    size_t begin, end;          /* the bytes in use: bytes[begin .. end) */
    unsigned char bytes[];
};

struct block_pool {
    struct block *free[BLOCK_CLASSES];
    size_t kept[BLOCK_CLASSES]; /* how many are free in each class */
    size_t live;                /* lent out */
    struct block *receive;      /* the one all connections receive into; NULL: to be taken */
};

void weir__block_pool_init(struct block_pool *pool);
void weir__block_pool_fini(struct block_pool *pool);

/* Which class holds blocks of @size bytes; BLOCK_CLASSES or more: none, it is larger. */
static inline size_t block_class(size_t size)
{
    if (size <= BLOCK_SMALLEST)
        return 0;
    size_t bits = 64 - (size_t)__builtin_clzll(size - 1);       /* size fits into 2^bits; a class is four times the one before */
    return (bits - BLOCK_SMALLEST_BITS + 1) / 2;
}

/* From malloc, for weir__block_take when none is free. */
struct block *weir__block_make(struct block_pool *pool, size_t size);

/* An empty block for at least @size bytes; NULL without memory. */
static inline struct block *weir__block_take(struct block_pool *pool, size_t size)
{
    size_t class = block_class(size);
    struct block *block = class < BLOCK_CLASSES ? pool->free[class] : NULL;

    if (block == NULL)
        return weir__block_make(pool, size);
    pool->free[class] = block->next;
    pool->kept[class]--;
    pool->live++;
    block->next = NULL;
    block->begin = block->end = 0;
    return block;
}

/* To malloc, for weir__block_give when enough are kept. */
void weir__block_free(struct block *block);

static inline void weir__block_give(struct block_pool *pool, struct block *block)
{
    size_t class = block_class(block->capacity);

    assert(pool->live > 0);
    pool->live--;
    if (class >= BLOCK_CLASSES || (pool->kept[class] + 1) * block->capacity > BLOCK_KEPT_BYTES) {
        weir__block_free(block);
        return;
    }
    block->next = pool->free[class];
    pool->free[class] = block;
    pool->kept[class]++;
}

/* The block to receive into, empty, of at least @size bytes; NULL without memory. It stays the pool's. */
struct block *weir__block_receive(struct block_pool *pool, size_t size);

/* Take that block over, with what was received; the pool takes another when it needs one. */
struct block *weir__block_keep_received(struct block_pool *pool);

static inline size_t block_len(const struct block *block)
{
    return block->end - block->begin;
}

static inline size_t block_room(const struct block *block)
{
    return block->capacity - block->end;
}

#endif
