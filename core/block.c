/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/block.c  Taking and giving back byte blocks.
 */
#include "core/block.h"

#include <stdint.h>
#include <string.h>

#include "core/sys.h"

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

struct block *weir__block_make(struct block_pool *pool, size_t size)
{
    size_t capacity = round_up(size);
    struct block *block = capacity == 0 ? NULL : sys_malloc(sizeof *block + capacity);

    if (block == NULL)
        return NULL;
    *block = (struct block) { .capacity = capacity };
    pool->live++;
    return block;
}

void weir__block_free(struct block *block)
{
    sys_free(block);
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
