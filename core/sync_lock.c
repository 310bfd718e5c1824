/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/sync_lock.c  A lock between tasks of one loop.
 *
 *                 acquire                   acquire: waits
 *      FREE -----------------------> HELD <----------------+
 *        ^                            |  |                 |
 *        +---- release, none wait ----+  +-- release, the first waiter holds it now
 *
 * It goes from hand to hand: between a release and the step of the task that was woken it is held already, by that task.
 */
#include <weir/sync.h>

#include "core/sync_lock.h"

_Static_assert(sizeof(struct lock) <= sizeof(weir_lock), "a lock fits into its public array");

#define WHAT "lock"

static struct lock *lock_of(const weir_lock *l)
{
    return (struct lock *)(uintptr_t)l;
}

void weir_lock_init(weir_lock *l)
{
    struct lock *lock = lock_of(l);

    weir__waiters_init(&lock->waiters);
    lock->locked = false;
}

int weir_lock_acquire(weir_lock *l)
{
    struct lock *lock = lock_of(l);
    int code = weir__waiters_use(&lock->waiters, WHAT);

    if (code < 0)
        return code;
    if (lock->locked)
        return weir__waiters_wait(&lock->waiters.tasks, WAIT_LOCK, lock);
    lock->locked = true;
    return 0;
}

bool weir__lock_acquire_surely(struct lock *lock)
{
    weir_task *task = weir__task_current();
    bool cancelled = false;

    if (!lock->locked) {
        lock->locked = true;
        return false;
    }
    do {
        /* A cancel takes it off the list, so it goes on as the last: each cancel costs it its place, as in asyncio. */
        list_append(&lock->waiters.tasks, &task->wait_link);
        if (weir__task_wait_past_deadline(WAIT_LOCK, lock) == 0)
            return cancelled;
        cancelled = true;
    } while (lock->locked);
    lock->locked = true;
    return cancelled;
}

int weir_lock_release(weir_lock *l)
{
    struct lock *lock = lock_of(l);
    int code = weir__waiters_use(&lock->waiters, WHAT);

    if (code < 0)
        return code;
    if (!lock->locked)
        return weir__fail_text(WEIR_ESTATE, "the lock is not held by anybody");
    if (!weir__waiters_wake_first(&lock->waiters.tasks))
        lock->locked = false;
    return 0;
}

bool weir_lock_locked(const weir_lock *l)
{
    return lock_of(l)->locked;
}
