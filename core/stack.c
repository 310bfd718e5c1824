/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/stack.c  Slabs of guarded stacks.
 *
 * A slab is one MAP_NORESERVE mapping; slabs double from SLAB_FIRST to SLAB_MOST, so a small program maps little and a
 * million stacks are about a hundred mappings. Guards are MADV_GUARD_INSTALL (Linux 6.13), which needs no mapping of its
 * own; older kernels and locked memory answer EINVAL, and the guards become mprotect'ed pages, about 32,700 of which
 * fit under the default vm.max_map_count.
 *
 * A free stack is an address in an array, not a link inside the stack: touching it would bring its pages back.
 */
#include "core/stack.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/error.h"
#include "core/switch_announce.h"
#include "core/sys.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102  /* asm-generic/mman-common.h since Linux 6.13 */
#endif

#define SLAB_FIRST ((size_t)8 * 1024 * 1024)
#define SLAB_MOST  ((size_t)1024 * 1024 * 1024)

struct slab {
    struct slab *next;
    char  *base;
    size_t size;
    size_t used;                /* bytes carved into stacks so far */
};

void weir__stack_pool_init(struct stack_pool *pool)
{
    memset(pool, 0, sizeof *pool);
    pool->page = (size_t)sysconf(_SC_PAGESIZE);
}

void weir__stack_pool_fini(struct stack_pool *pool)
{
    for (size_t i = 0; i < STACK_CLASSES; i++) {
        struct stack_class *class = &pool->classes[i];
        while (class->slabs != NULL) {
            struct slab *slab = class->slabs;
            class->slabs = slab->next;
            announce_unmap(slab->base, slab->size);
            sys_unmap(slab->base, slab->size);
            sys_free(slab);
        }
        sys_free(class->free);
    }
    memset(pool, 0, sizeof *pool);
}

/* --- Making --------------------------------------------------------------- */

static int map_slab(struct stack_class *class, size_t stack_size)
{
    size_t size = class->slabs == NULL ? SLAB_FIRST : class->slabs->size * 2;

    if (size > SLAB_MOST)
        size = SLAB_MOST;
    if (size < stack_size)
        size = stack_size;

    struct slab *slab = sys_malloc(sizeof *slab);
    if (slab == NULL)
        return weir__fail(-ENOMEM);
    /* Address space may be limited (RLIMIT_AS, overcommit_memory=2): take what there is. */
    while ((slab->base = sys_map_stacks(size)) == NULL) {
        if (size / 2 < stack_size) {
            sys_free(slab);
            return weir__fail_text(-ENOMEM, "no address space for another task's stack of %zu KiB "
                                   "(limits: ulimit -v, vm.overcommit_memory)", stack_size / 1024);
        }
        size /= 2;
    }
    /* One huge page would make the first byte of a stack cost 2 MiB. Without the advice things still work. */
    (void)sys_madvise(slab->base, size, MADV_NOHUGEPAGE);
    slab->size = size;
    slab->used = 0;
    slab->next = class->slabs;
    class->slabs = slab;
    return 0;
}

static int install_guard(struct stack_pool *pool, char *base)
{
    if (!pool->protect) {
        int code = sys_madvise(base, pool->page, MADV_GUARD_INSTALL);
        if (code != -EINVAL)
            return code < 0 ? weir__fail(code) : 0;
        pool->protect = true;
    }
    if (sys_protect_none(base, pool->page) < 0)
        return weir__fail_text(-ENOMEM, "no guard page for another task's stack: this kernel needs one mapping each, and "
                               "vm.max_map_count bounds them");
    return 0;
}

/* Room in the free list for every stack there is, so that giving one back cannot fail. */
static int grow_free_list(struct stack_class *class)
{
    if (class->carved < class->free_room)
        return 0;

    size_t room = class->free_room == 0 ? 64 : class->free_room * 2;
    char **grown = sys_realloc(class->free, room * sizeof *grown);
    if (grown == NULL)
        return weir__fail(-ENOMEM);
    class->free = grown;
    class->free_room = room;
    return 0;
}

static int carve(struct stack_pool *pool, struct stack_class *class, size_t size, char **out)
{
    struct slab *slab = class->slabs;
    int code = grow_free_list(class);

    if (code < 0)
        return code;
    if (slab == NULL || slab->size - slab->used < size) {
        code = map_slab(class, size);
        if (code < 0)
            return code;
        slab = class->slabs;
    }
    char *base = slab->base + slab->used;
    code = install_guard(pool, base);
    if (code < 0)
        return code;                            /* not carved: the next attempt takes the same place */
    slab->used += size;
    class->carved++;
    *out = base;
    return 0;
}

/* --- Taking and giving ---------------------------------------------------- */

static struct stack_class *class_of(struct stack_pool *pool, size_t *size)
{
    size_t rounded = STACK_LEAST;
    size_t i = 0;

    while (rounded < *size) {
        rounded *= 2;
        i++;
    }
    *size = rounded;
    return &pool->classes[i];
}

int weir__stack_take(struct stack_pool *pool, size_t size, struct stack *out)
{
    if (size == 0)
        size = STACK_DEFAULT;
    if (size > STACK_MOST)
        return weir__fail_text(-EINVAL, "a task's stack of %zu bytes: at most %zu are possible", size, STACK_MOST);

    struct stack_class *class = class_of(pool, &size);
    if (class->free_count > 0) {
        out->base = class->free[--class->free_count];
        if (class->hot > 0)
            class->hot--;
    } else {
        int code = carve(pool, class, size, &out->base);
        if (code < 0)
            return code;
    }
    out->size = size;
    out->valgrind_id = announce_stack(out->base + pool->page, out->base + size);
    return 0;
}

void weir__stack_give(struct stack_pool *pool, struct stack *stack)
{
    size_t size = stack->size;
    struct stack_class *class = class_of(pool, &size);

    announce_stack_gone(stack->valgrind_id);
    assert(class->free_count < class->free_room);
    size_t at = class->free_count++;
    if (class->hot < STACK_HOT) {
        class->hot++;                           /* hot ones are on top: the cold lie below them */
    } else {
        /* One cold stack more, below the hot ones, which are taken first. */
        (void)sys_madvise(stack->base + pool->page, size - pool->page, MADV_DONTNEED);
        class->free[at] = class->free[at - STACK_HOT];
        at -= STACK_HOT;
    }
    class->free[at] = stack->base;
}

void weir__stack_trim(const struct stack_pool *pool, const struct stack *stack, const void *sp)
{
    uintptr_t low = (uintptr_t)stack->base + pool->page;
    /* 128 bytes below the stack pointer are the ABI's red zone. */
    uintptr_t high = ((uintptr_t)sp - 128) / pool->page * pool->page;

    if (high > low)
        (void)sys_madvise((void *)low, high - low, MADV_DONTNEED);
}

bool weir__stack_guards(const struct stack_pool *pool, const struct stack *stack, const void *address)
{
    return stack->base != NULL && (const char *)address >= stack->base && (const char *)address < stack->base + pool->page;
}
