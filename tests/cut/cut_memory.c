/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/cut/cut_memory.c  How many allocations are live: the linker hands the program's calls of malloc and free to these.
 *
 * Those of libc and of shared libraries are not among them. So getaddrinfo's results are freed here as lib/net_resolver.c
 * made them, piece by piece.
 */
#include <netdb.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "cut/cut.h"

static atomic_long live;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *at, size_t size);
void __real_free(void *at);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *at, size_t size);
void __wrap_free(void *at);
void __wrap_freeaddrinfo(struct addrinfo *list);

long cut_memory_live(void)
{
    return atomic_load(&live);
}

static void *made(void *at)
{
    if (at != NULL)
        atomic_fetch_add(&live, 1);
    return at;
}

void *__wrap_malloc(size_t size)
{
    return made(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return made(__real_calloc(count, size));
}

void *__wrap_realloc(void *at, size_t size)
{
    return at == NULL ? made(__real_realloc(at, size)) : __real_realloc(at, size);
}

void __wrap_free(void *at)
{
    if (at != NULL)
        atomic_fetch_sub(&live, 1);
    __real_free(at);
}

void __wrap_freeaddrinfo(struct addrinfo *list)
{
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;
        __wrap_free(list);
        list = next;
    }
}
