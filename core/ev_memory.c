/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/ev_memory.c  The reserve behind libev's allocator.
 *
 * One reserve for the process, since libev has one allocator for the process. It holds up to SPARES blocks of one size;
 * the size follows the largest array any loop was admitted to. A growth takes from the system first and from the reserve
 * only when the system refuses; the next admission has to fill the reserve up again before it may succeed. An array that
 * got a block of the reserve keeps all of it, so it needs no second one before the loop is admitted to more.
 */
#include "core/ev_memory.h"

#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/log.h"
#include "core/loop.h"
#include "core/sys.h"

#define SPARES 12               /* all that one loop has: itself, descriptors, changes, pending of four priorities, timers,
                                 * those that are due, checks, epoll results, and descriptors that epoll refuses */
#define ENTRY_MAX 32            /* no entry of libev's arrays is larger */
#define SMALLEST ((size_t)8192) /* covers struct ev_loop and the first growth of every array */

/* libev's realloc does not say how much to copy, so each allocation remembers its size. */
struct header {
    size_t size;                /* that there is, which may be more than was asked for */
    size_t padding;             /* keeps what follows aligned for any type */
};

static pthread_mutex_t reserve_lock = PTHREAD_MUTEX_INITIALIZER;
static struct header *spares[SPARES];           /* NULL: taken */
static size_t spare_size;       /* bytes each of them could serve when all were there */
static atomic_bool taken;       /* a spare was, and has not been replaced */

int weir__ev_memory_reserve(size_t watchers, size_t fds)
{
    size_t entries = watchers > fds ? watchers : fds;
    size_t need = SMALLEST;
    int code = 0;

    while (need < entries * ENTRY_MAX)          /* twice what is in use is at most the next power of two */
        need *= 2;

    pthread_mutex_lock(&reserve_lock);
    if (need < spare_size)
        need = spare_size;                      /* what another loop was admitted to still counts */
    for (size_t i = 0; i < SPARES; i++) {
        if (spares[i] != NULL && spares[i]->size >= need)
            continue;
        struct header *spare = sys_malloc(sizeof *spare + need);
        if (spare == NULL) {
            code = -ENOMEM;                     /* the smaller ones stay, for what they were laid aside for */
            break;
        }
        spare->size = need;
        sys_free(spares[i]);
        spares[i] = spare;
    }
    if (code == 0) {
        spare_size = need;
        atomic_store_explicit(&taken, false, memory_order_relaxed);
    }
    pthread_mutex_unlock(&reserve_lock);
    return code;
}

bool weir__ev_memory_short(void)
{
    return atomic_load_explicit(&taken, memory_order_relaxed);
}

static struct header *take_spare(size_t size)
{
    struct header *spare = NULL;

    pthread_mutex_lock(&reserve_lock);
    for (size_t i = 0; i < SPARES && spare == NULL; i++) {
        if (spares[i] == NULL || spares[i]->size < size)
            continue;
        spare = spares[i];
        spares[i] = NULL;
        atomic_store_explicit(&taken, true, memory_order_relaxed);
    }
    pthread_mutex_unlock(&reserve_lock);
    return spare;
}

/* realloc and free in one, as ev_set_allocator wants it. libev never shrinks an array. */
static void *ev_memory(void *at, long size)
{
    struct header *old = at == NULL ? NULL : (struct header *)at - 1;

    if (size == 0) {
        if (old != NULL)
            sys_free(old);
        return NULL;
    }

    if (old != NULL && (size_t)size <= old->size)
        return at;                              /* in a spare there is room for more */

    struct header *grown = sys_realloc(old, sizeof *grown + (size_t)size);
    if (grown != NULL) {
        grown->size = (size_t)size;
        return grown + 1;
    }
    grown = take_spare((size_t)size);
    if (grown == NULL)
        return NULL;                            /* beyond what was admitted: libev ends the process (README) */
    if (old != NULL) {
        memcpy(grown + 1, old + 1, old->size);
        sys_free(old);
    }
    return grown + 1;
}

/* By default libev prints and aborts; the loop that polls in this thread ends with the code instead. */
static void ev_syserr(const char *what)
{
    weir__loop_poll_failed(-errno, what);
}

static void install(void)
{
    ev_set_allocator(ev_memory);
    ev_set_syserr_cb(ev_syserr);
}

void weir__ev_memory_install(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, install);
}

/* Nothing else frees the spares, and leak checkers should see that only they are left. */
__attribute__((destructor)) static void free_reserve(void)
{
    pthread_mutex_lock(&reserve_lock);
    for (size_t i = 0; i < SPARES; i++) {
        sys_free(spares[i]);
        spares[i] = NULL;
    }
    pthread_mutex_unlock(&reserve_lock);
}
