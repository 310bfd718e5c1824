/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/sync_semaphore.c  A number of permits, and who waits for one.
 *
 * Always true: while somebody waits the value is 0; a release then gives its permit to the first in the row, and the
 * value stays 0, so that a task that comes along does not overtake.
 */
#include <weir/sync.h>

#include <limits.h>

#include "core/sync_waiters.h"

struct SYNC_OBJECT semaphore {
    struct waiters waiters;
    int            value;       /* permits that anybody may take */
    int            most;        /* the value never gets beyond */
};
_Static_assert(sizeof(struct semaphore) <= sizeof(weir_semaphore), "a semaphore fits into its public array");

#define WHAT "semaphore"

static struct semaphore *semaphore_of(const weir_semaphore *s)
{
    return (struct semaphore *)(uintptr_t)s;
}

static int init(weir_semaphore *s, int value, int most)
{
    struct semaphore *semaphore = semaphore_of(s);

    if (value < 0)
        return weir__fail_text(-EINVAL, "a semaphore's value is %d, expected 0 or more", value);
    weir__waiters_init(&semaphore->waiters);
    semaphore->value = value;
    semaphore->most = most;
    return 0;
}

int weir_semaphore_init(weir_semaphore *s, int value)
{
    return init(s, value, INT_MAX);
}

int weir_semaphore_init_bounded(weir_semaphore *s, int value)
{
    return init(s, value, value);
}

int weir_semaphore_acquire(weir_semaphore *s)
{
    struct semaphore *semaphore = semaphore_of(s);
    int code = weir__waiters_use(&semaphore->waiters, WHAT);

    if (code < 0)
        return code;
    if (semaphore->value == 0)
        return weir__waiters_wait(&semaphore->waiters.tasks, WAIT_SEMAPHORE, semaphore);
    semaphore->value--;
    return 0;
}

int weir_semaphore_release(weir_semaphore *s)
{
    struct semaphore *semaphore = semaphore_of(s);
    int code = weir__waiters_use(&semaphore->waiters, WHAT);

    if (code < 0)
        return code;
    if (semaphore->value >= semaphore->most)
        return weir__fail_text(-EINVAL, "the semaphore was released more often than acquired: its value is at its most, %d",
                               semaphore->most);
    if (!weir__waiters_wake_first(&semaphore->waiters.tasks))
        semaphore->value++;
    return 0;
}

bool weir_semaphore_locked(const weir_semaphore *s)
{
    return semaphore_of(s)->value == 0;
}
