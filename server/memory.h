/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/memory.h  What the program asks of jemalloc, where it is linked with it.
 */
#ifndef WEIR_SERVER_MEMORY_H
#define WEIR_SERVER_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* The calling thread allocates from an arena of its own from now on: workers share no lock and no cache line of the
 * allocator. false: it does not, for want of jemalloc or of memory, and goes on as before. */
bool memory_own_arena(void);

/* Bytes of the process; jemalloc's words. */
struct memory_figures {
    size_t allocated;           /* in use by the program */
    size_t active;              /* pages with something in use */
    size_t resident;            /* pages of the allocator that are in memory */
    size_t mapped;              /* address space in use */
    size_t retained;            /* address space kept for later, no memory behind it */
    unsigned arenas;
};

/* false: no jemalloc, @out is untouched. */
bool memory_figures_read(struct memory_figures *out);

/* "5.3.0-0-g..."; NULL: no jemalloc. */
const char *memory_version(void);

#endif
