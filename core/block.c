/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/block.c  Taking and giving back byte blocks.
 */
#include "core/block.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/sys.h"

#define SMALLEST_BITS 8         /* BLOCK_SMALLEST is 2^8, and each class is four times the one before */

/* Which class holds blocks of @size bytes; BLOCK_CLASSES or more: none, it is larger. */
static size_t class_of(size_t size)
{
    if (size <= BLOCK_SMALLEST)
        return 0;
    size_t bits = 64 - (size_t)__builtin_clzll(size - 1);       /* size fits into 2^bits */
    return (bits - SMALLEST_BITS + 1) / 2;
}

void weir__block_pool_init(struct block_pool *pool)
{
    memset(pool, 0, sizeof *pool);
}

void weir__block_pool_fini(struct block_pool *pool)
{
    if (pool->receive != NULL)
        weir__block_give(pool, weir__block_keep_received(pool));
    for (size_t index = 0; index < BLOCK_CLASSES; index++) {
        while (pool->free[index] != NULL) {
            struct block *block = pool->free[index];
            pool->free[index] = block->next;
            sys_free(block);
        }
    }
}

/* What a new block for @size bytes holds: what its class does, or, beyond the classes, a power of two; 0: there is none. */
static size_t round_up(size_t size)
{
    size_t capacity = BLOCK_SMALLEST;

    while (capacity < size) {
        if (capacity > SIZE_MAX / 4)
            return 0;
        capacity *= capacity < BLOCK_LARGEST ? 4 : 2;
    }
    return capacity;
}

struct block *weir__block_take(struct block_pool *pool, size_t size)
{
    size_t index = class_of(size);
    struct block *block;

    if (index < BLOCK_CLASSES && pool->free[index] != NULL) {
        block = pool->free[index];
        pool->free[index] = block->next;
        pool->kept[index]--;
    } else {
        size_t capacity = round_up(size);
        block = capacity == 0 ? NULL : sys_malloc(sizeof *block + capacity);
        if (block == NULL)
            return NULL;
        block->capacity = capacity;
    }
    block->next = NULL;
    block->begin = block->end = 0;
    pool->live++;
    return block;
}

void weir__block_give(struct block_pool *pool, struct block *block)
{
    size_t index = class_of(block->capacity);

    assert(pool->live > 0);
    pool->live--;
    if (index >= BLOCK_CLASSES || (pool->kept[index] + 1) * block->capacity > BLOCK_KEPT_BYTES) {
        sys_free(block);
        return;
    }
    block->next = pool->free[index];
    pool->free[index] = block;
    pool->kept[index]++;
}

struct block *weir__block_receive(struct block_pool *pool, size_t size)
{
    if (pool->receive != NULL && pool->receive->capacity < size) {
        weir__block_give(pool, pool->receive);
        pool->receive = NULL;
    }
    if (pool->receive == NULL)
        pool->receive = weir__block_take(pool, size);
    return pool->receive;
}

struct block *weir__block_keep_received(struct block_pool *pool)
{
    struct block *block = pool->receive;

    pool->receive = NULL;
    return block;
}
