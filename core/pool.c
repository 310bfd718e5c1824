/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/pool.c  Slabs of objects, handed out last in, first out.
 */
#include "core/pool.h"

#include <assert.h>
#include <string.h>

#include "core/sys.h"

#define OBJECTS_PER_SLAB 32

/* What a free object and the head of a slab hold. */
struct link {
    struct link *next;
    void *padding;              /* keeps the objects behind a slab's head aligned for any type */
};

void weir__pool_init(struct pool *pool, size_t object_size)
{
    size_t align = _Alignof(max_align_t);

    memset(pool, 0, sizeof *pool);
    if (object_size < sizeof(struct link))
        object_size = sizeof(struct link);
    pool->object = (object_size + align - 1) / align * align;
}

void weir__pool_fini(struct pool *pool)
{
    struct link *slab = pool->slabs;

    while (slab != NULL) {
        struct link *next = slab->next;
        sys_free(slab);
        slab = next;
    }
    pool->slabs = pool->free = NULL;
}

static int add_slab(struct pool *pool)
{
    struct link *slab = sys_malloc(sizeof *slab + OBJECTS_PER_SLAB * pool->object);

    if (slab == NULL)
        return -ENOMEM;
    slab->next = pool->slabs;
    pool->slabs = slab;
    for (size_t i = OBJECTS_PER_SLAB; i-- > 0; ) {
        struct link *object = (void *)((char *)(slab + 1) + i * pool->object);
        object->next = pool->free;
        pool->free = object;
    }
    return 0;
}

void *weir__pool_take(struct pool *pool)
{
    if (pool->free == NULL && add_slab(pool) < 0)
        return NULL;

    struct link *object = pool->free;
    pool->free = object->next;
    pool->live++;
    return memset(object, 0, pool->object);
}

void weir__pool_give(struct pool *pool, void *object)
{
    struct link *link = object;

    assert(pool->live > 0);
    pool->live--;
    link->next = pool->free;
    pool->free = link;
}
