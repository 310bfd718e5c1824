/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/sync_barrier.c  Tasks that wait for each other, so many at a time.
 *
 *                    the last one comes: all go on
 *                 +------------------+
 *                 |                  v
 *      abort      +-------------- FILLING <------+
 *   +------------------------------- |           | reset
 *   +-------------------------> BROKEN ----------+
 *
 * A round ends at one moment: all its tasks leave the list with their numbers, and the next round may begin before they
 * have run. Who was cut short has left; the barrier is as if it had not come.
 */
#include <weir/sync.h>

#include <limits.h>

#include "core/sync_waiters.h"

struct SYNC_OBJECT barrier {
    struct waiters waiters;
    unsigned       parties;
    unsigned       came;        /* how many wait; too high by those who left early, until it is counted anew */
    bool           broken;
};
_Static_assert(sizeof(struct barrier) <= sizeof(weir_barrier), "a barrier fits into its public array");

#define WHAT "barrier"

static struct barrier *barrier_of(weir_barrier *b)
{
    return (struct barrier *)(uintptr_t)b;
}

int weir_barrier_init(weir_barrier *b, unsigned parties)
{
    struct barrier *barrier = barrier_of(b);

    if (parties < 1 || parties > INT_MAX)
        return weir__fail_text(-EINVAL, "a barrier for %u tasks, expected 1 to %d", parties, INT_MAX);
    weir__waiters_init(&barrier->waiters);
    barrier->parties = parties;
    barrier->came = 0;
    barrier->broken = false;
    return 0;
}

static unsigned count_waiting(const struct barrier *barrier)
{
    unsigned count = 0;

    for (const struct list *node = barrier->waiters.tasks.next; node != &barrier->waiters.tasks; node = node->next)
        count++;
    return count;
}

/* Each gets its number in the order in which they came. */
static void let_all_go(struct barrier *barrier)
{
    int number = 0;

    while (!list_empty(&barrier->waiters.tasks))
        weir__task_wake(list_entry(barrier->waiters.tasks.next, weir_task, wait_link), number++);
    barrier->came = 0;
}

int weir_barrier_wait(weir_barrier *b)
{
    struct barrier *barrier = barrier_of(b);
    int code = weir__waiters_use(&barrier->waiters, WHAT);

    if (code < 0)
        return code;
    if (barrier->broken)
        return weir__fail(-EPIPE);

    /* Counted only when it seems to be full: a walk for each round, and for each task that left early. */
    if (barrier->came + 1 >= barrier->parties)
        barrier->came = count_waiting(barrier);
    if (barrier->came + 1 == barrier->parties) {
        let_all_go(barrier);
        return (int)barrier->parties - 1;
    }
    if (weir__task_current() == NULL)
        return weir__fail(WEIR_ENOTASK);
    barrier->came++;
    return weir__waiters_wait(&barrier->waiters.tasks, WAIT_BARRIER, barrier);
}

static int break_up(struct barrier *barrier, bool broken)
{
    int code = weir__waiters_use(&barrier->waiters, WHAT);

    if (code < 0)
        return code;
    barrier->broken = broken;
    barrier->came = 0;
    weir__task_wake_all(&barrier->waiters.tasks, -EPIPE);
    return 0;
}

int weir_barrier_reset(weir_barrier *b)
{
    return break_up(barrier_of(b), false);
}

int weir_barrier_abort(weir_barrier *b)
{
    return break_up(barrier_of(b), true);
}
