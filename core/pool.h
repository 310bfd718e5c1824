/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/pool.h  Objects of one size, for one loop.
 *
 * Last in, first out, so that the object handed out next is the one most likely still in the cache. Memory goes back to
 * the system when the pool ends; the count of live objects lets a test find leaks.
 */
#ifndef WEIR_CORE_POOL_H
#define WEIR_CORE_POOL_H

#include <stddef.h>

struct pool {
    size_t object;              /* bytes each */
    size_t live;                /* handed out and not returned */
    void  *free;                /* linked through their first word */
    void  *slabs;               /* likewise */
};

void  weir__pool_init(struct pool *pool, size_t object_size);
void  weir__pool_fini(struct pool *pool);
void *weir__pool_take(struct pool *pool);               /* zeroed; NULL without memory */
void  weir__pool_give(struct pool *pool, void *object);

#endif
