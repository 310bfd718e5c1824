/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/stack.h  Stacks for tasks: guarded, pooled, and as small in memory as they are used.
 *
 * A stack is address space out of a large slab; only pages that were touched cost memory. Its lowest page is a guard:
 * running off the end is a fault at a known address and never a write to a neighbour.
 *
 *   base                                                        base + size
 *   | guard page | ...untouched... | ...used, growing down... | block | task |
 */
#ifndef WEIR_CORE_STACK_H
#define WEIR_CORE_STACK_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STACK_SANITIZED 1
#endif
#endif

/* The sanitizers' frames are several times larger. */
#ifdef STACK_SANITIZED
#define STACK_DEFAULT ((size_t)512 * 1024)
#define STACK_LEAST   ((size_t)64 * 1024)
#else
#define STACK_DEFAULT ((size_t)128 * 1024)
#define STACK_LEAST   ((size_t)16 * 1024)
#endif
#define STACK_MOST    ((size_t)64 * 1024 * 1024)
#define STACK_CLASSES 13        /* powers of two from STACK_LEAST to STACK_MOST */
#define STACK_HOT     64        /* free stacks of a class that keep their pages, for the next connections */

struct stack {
    char  *base;                /* the guard page */
    size_t size;                /* guard included */
    unsigned valgrind_id;
};

struct slab;
struct stack_class {
    struct slab *slabs;         /* the newest first */
    size_t carved;              /* stacks handed out at least once */
    char **free;                /* last in, first out; room for every stack carved */
    size_t free_count, free_room;
    size_t hot;                 /* the top so many of free still have their pages */
};

struct stack_pool {
    struct stack_class classes[STACK_CLASSES];
    size_t page;
    bool protect;               /* the kernel has no MADV_GUARD_INSTALL: guards are mprotect'ed */
};

void weir__stack_pool_init(struct stack_pool *pool);

/* Returns all address space; no stack may be in use any more. */
void weir__stack_pool_fini(struct stack_pool *pool);

/* @size (0: the default) is rounded up to a power of two. 0, -EINVAL (too large), or -ENOMEM with a sentence that names
 * the setting that stopped us. */
int  weir__stack_take(struct stack_pool *pool, size_t size, struct stack *out);
void weir__stack_give(struct stack_pool *pool, struct stack *stack);

/* Give back the memory of pages wholly below @sp; the content there is lost. */
void weir__stack_trim(const struct stack_pool *pool, const struct stack *stack, const void *sp);

/* Whether @address lies in the guard of @stack. */
bool weir__stack_guards(const struct stack_pool *pool, const struct stack *stack, const void *address);

#endif
