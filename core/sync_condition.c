/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/sync_condition.c  Waiting, with a lock held, until somebody who holds it says that something has changed.
 *
 * A wait is three steps: release, wait to be notified, acquire. The third is seen through, so that the caller holds the
 * lock whatever is returned. A notification is never lost: whoever was given it returns 0, and a cancel that came after
 * it is kept for that task's next wait.
 */
#include <weir/sync.h>

#include "core/sync_lock.h"

struct SYNC_OBJECT condition {
    struct waiters waiters;
    weir_lock     *lock;        /* the user's, or &own */
    weir_lock      own;
};
_Static_assert(sizeof(struct condition) <= sizeof(weir_condition), "a condition fits into its public array");

#define WHAT "condition"

static struct condition *condition_of(const weir_condition *c)
{
    return (struct condition *)(uintptr_t)c;
}

void weir_condition_init(weir_condition *c, weir_lock *lock)
{
    struct condition *condition = condition_of(c);

    weir__waiters_init(&condition->waiters);
    weir_lock_init(&condition->own);
    condition->lock = lock != NULL ? lock : &condition->own;
}

int weir_condition_acquire(weir_condition *c)
{
    return weir_lock_acquire(condition_of(c)->lock);
}

int weir_condition_release(weir_condition *c)
{
    return weir_lock_release(condition_of(c)->lock);
}

bool weir_condition_locked(const weir_condition *c)
{
    return weir_lock_locked(condition_of(c)->lock);
}

/* The beginning of what is allowed with the lock only. Whose task holds it is not known, as in asyncio. */
static int use_locked(struct condition *condition, const char *verb)
{
    int code = weir__waiters_use(&condition->waiters, WHAT);

    if (code == 0 && !weir_lock_locked(condition->lock))
        code = weir__fail_text(WEIR_ESTATE, "to %s a condition its lock has to be held", verb);
    return code;
}

int weir_condition_wait(weir_condition *c)
{
    struct condition *condition = condition_of(c);
    int code = use_locked(condition, "wait for");

    if (code < 0)
        return code;
    if (weir__task_current() == NULL)
        return weir__fail(WEIR_ENOTASK);

    code = weir_lock_release(condition->lock);
    if (code < 0)
        return code;
    code = weir__waiters_wait(&condition->waiters.tasks, WAIT_CONDITION, condition);
    if (!weir__lock_acquire_surely((struct lock *)condition->lock))
        return code;
    if (code < 0)
        return weir__fail(-ECANCELED);          /* that it was cancelled counts more than that it was late */
    weir__task_keep_cancel(-ECANCELED);
    return 0;
}

int weir_condition_notify(weir_condition *c, size_t n)
{
    struct condition *condition = condition_of(c);
    int code = use_locked(condition, "notify");

    while (code == 0 && n-- > 0 && weir__waiters_wake_first(&condition->waiters.tasks))
        ;
    return code;
}

int weir_condition_notify_all(weir_condition *c)
{
    return weir_condition_notify(c, SIZE_MAX);
}
