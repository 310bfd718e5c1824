/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/memory.c  Arenas and figures of jemalloc.
 *
 * mallctl is a weak name: a build without jemalloc (a sanitizer brings an allocator of its own) has the same program with
 * nothing to tell.
 */
#include "server/memory.h"

#include <stdint.h>

extern int mallctl(const char *name, void *old, size_t *old_size, void *fresh, size_t fresh_size) __attribute__((weak));

static bool read_size(const char *name, size_t *out)
{
    size_t size = sizeof *out;

    return mallctl(name, out, &size, NULL, 0) == 0;
}

bool memory_own_arena(void)
{
    unsigned arena = 0;
    size_t size = sizeof arena;

    if (mallctl == NULL || mallctl("arenas.create", &arena, &size, NULL, 0) != 0)
        return false;
    return mallctl("thread.arena", NULL, NULL, &arena, sizeof arena) == 0;
}

bool memory_figures_read(struct memory_figures *out)
{
    struct memory_figures figures;
    uint64_t epoch = 1;                         /* jemalloc keeps figures of the moment an epoch was begun */
    size_t size = sizeof figures.arenas;

    if (mallctl == NULL || mallctl("epoch", NULL, NULL, &epoch, sizeof epoch) != 0)
        return false;
    if (!read_size("stats.allocated", &figures.allocated) || !read_size("stats.active", &figures.active)
        || !read_size("stats.resident", &figures.resident) || !read_size("stats.mapped", &figures.mapped)
        || !read_size("stats.retained", &figures.retained) || mallctl("arenas.narenas", &figures.arenas, &size, NULL, 0) != 0)
        return false;                           /* built without statistics */
    *out = figures;
    return true;
}

const char *memory_version(void)
{
    const char *version = NULL;
    size_t size = sizeof version;

    return mallctl != NULL && mallctl("version", &version, &size, NULL, 0) == 0 ? version : NULL;
}
