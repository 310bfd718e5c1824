/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/ev_memory.c  The reserve behind libev's allocator.
 *
 * One reserve for the process, since libev has one allocator for the process. It holds up to SPARES blocks of one size;
 * the size follows the largest array any loop was admitted to. A growth takes from the system first and from the reserve
 * only when the system refuses; the next admission has to fill the reserve up again before it may succeed.
 */
#include "core/ev_memory.h"

#include <ev.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/log.h"
#include "core/loop.h"
#include "core/sys.h"

#define SPARES 6                /* arrays that can outgrow themselves in one pass: descriptors, changes, pending, timers,
                                 * epoll results, and one for a second loop's */
#define ENTRY_MAX 32            /* no entry of libev's arrays is larger */
#define SMALLEST ((size_t)8192) /* covers struct ev_loop and the first growth of every array */

/* libev's realloc does not say how much to copy, so each allocation remembers its size. */
struct header {
    size_t size;
    size_t padding;             /* keeps what follows aligned for any type */
};

static pthread_mutex_t reserve_lock = PTHREAD_MUTEX_INITIALIZER;
static struct header *spares[SPARES];
static size_t spare_count;
static size_t spare_size;       /* bytes each spare can serve */

static void drop_spares(void)
{
    while (spare_count > 0)
        sys_free(spares[--spare_count]);
}

int weir__ev_memory_reserve(size_t watchers, size_t fds)
{
    size_t entries = watchers > fds ? watchers : fds;
    size_t need = SMALLEST;
    int code = 0;

    while (need < entries * ENTRY_MAX)          /* twice what is in use is at most the next power of two */
        need *= 2;

    pthread_mutex_lock(&reserve_lock);
    if (need > spare_size) {
        drop_spares();
        spare_size = need;
    }
    while (spare_count < SPARES) {
        struct header *spare = sys_malloc(sizeof *spare + spare_size);
        if (spare == NULL) {
            code = -ENOMEM;
            break;
        }
        spares[spare_count++] = spare;
    }
    pthread_mutex_unlock(&reserve_lock);
    return code;
}

static struct header *take_spare(size_t size)
{
    struct header *spare = NULL;

    pthread_mutex_lock(&reserve_lock);
    if (size <= spare_size && spare_count > 0)
        spare = spares[--spare_count];
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

    struct header *grown = sys_realloc(old, sizeof *grown + (size_t)size);
    if (grown == NULL) {
        grown = take_spare((size_t)size);
        if (grown == NULL)
            return NULL;                        /* beyond what was admitted: libev ends the process (README) */
        if (old != NULL) {
            memcpy(grown + 1, old + 1, old->size < (size_t)size ? old->size : (size_t)size);
            sys_free(old);
        }
    }
    grown->size = (size_t)size;
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
    drop_spares();
    pthread_mutex_unlock(&reserve_lock);
}
