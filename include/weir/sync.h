/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <weir/sync.h>  Locks, events, conditions, semaphores and barriers between
 * tasks.
 *
 * Between two [suspends] calls a task has its loop to itself, so these are not
 * for single accesses, as a mutex is: they are for what has to hold across a
 * wait, and for waiting itself. Who came first is served first, and nobody
 * overtakes a task that waits.
 *
 * Every [suspends] function may return, besides what it lists, -ECANCELED,
 * -ETIMEDOUT, WEIR_ENOTASK and -ENOMEM as <weir/task.h> says, and then has taken
 * nothing and waits nowhere any more. What a task was given before it was
 * cancelled it keeps: the call returns 0, and the cancel is met by its next
 * wait. Where there is nothing to wait for, the call returns at once, and may be
 * made outside of tasks.
 *
 * Loop      An object belongs to the loop that first uses it; initialised anew,
 *           it may belong to another. Another loop's task gets WEIR_ESTATE,
 *           and an object whose function has no code to answer with is left as
 *           it is, which is logged.
 * Owner     Every object is in its user's memory, is initialised before its
 *           first use, and may not be moved or copied. Its memory has to stay
 *           until no task waits for it any more: what lies in the frame of a
 *           function is gone when that returns. None needs to be freed.
 * Bytes     There are none.
 */
#ifndef WEIR_SYNC_H
#define WEIR_SYNC_H

#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The arrays are the library's: their contents mean something to it alone. */

/* Held by one at a time. */
typedef struct weir_lock {
    void *opaque[4];
} weir_lock;

/* Has happened, or not yet. */
typedef struct weir_event {
    void *opaque[4];
} weir_event;

/* A lock, and waiting for what it protects to change. */
typedef struct weir_condition {
    void *opaque[8];
} weir_condition;

/* A number of permits. */
typedef struct weir_semaphore {
    void *opaque[6];
} weir_semaphore;

/* Where a number of tasks wait for each other. */
typedef struct weir_barrier {
    void *opaque[8];
} weir_barrier;

/* --- Lock ---------------------------------------------------------------- */

/*
 * Make a lock, which nobody holds.
 *
 * l        in the caller's memory; needs no freeing
 * asyncio  asyncio.Lock
 */
void weir_lock_init(weir_lock *l);

/*
 * Hold a lock, waiting until it is free.                             [suspends]
 *
 * Not twice: who holds it already waits until somebody else releases it.
 *
 * returns  0, and the caller releases it with weir_lock_release(); or
 *          WEIR_ESTATE  it is another loop's
 * asyncio  Lock.acquire
 */
int weir_lock_acquire(weir_lock *l);

/*
 * Let a lock go.
 *
 * The task that waits first holds it from this moment on. It is not looked at
 * who releases: any task or callback of the loop may.
 *
 * returns  0, or
 *          WEIR_ESTATE  nobody holds it, or it is another loop's
 * asyncio  Lock.release
 */
int weir_lock_release(weir_lock *l);

/*
 * Whether somebody holds a lock.
 *
 * returns  true also when it was given to a task that has not gone on yet
 * asyncio  Lock.locked
 */
bool weir_lock_locked(const weir_lock *l);

/* --- Event --------------------------------------------------------------- */

/*
 * Make an event, which is not set.
 *
 * e        in the caller's memory; needs no freeing
 * asyncio  asyncio.Event
 */
void weir_event_init(weir_event *e);

/*
 * Set an event: all tasks that wait for it go on, and nobody waits any more.
 *
 * Those that waited go on even when it is cleared before they do.
 *
 * asyncio  Event.set
 */
void weir_event_set(weir_event *e);

/*
 * Clear an event: who waits from now on waits until it is set again.
 *
 * asyncio  Event.clear
 */
void weir_event_clear(weir_event *e);

/*
 * Whether an event is set.
 *
 * returns  true from weir_event_set() to weir_event_clear()
 * asyncio  Event.is_set
 */
bool weir_event_is_set(const weir_event *e);

/*
 * Wait until an event is set.                                        [suspends]
 *
 * returns  0 (it was set, and may have been cleared since), or
 *          WEIR_ESTATE  it is another loop's
 * asyncio  Event.wait
 */
int weir_event_wait(weir_event *e);

/* --- Condition ----------------------------------------------------------- */

/*
 * Make a condition.
 *
 * c        in the caller's memory; needs no freeing
 * lock     what protects the state that is waited for, of the same loop, and
 *          valid as long as the condition; several conditions may share one.
 *          NULL: a lock of its own
 * asyncio  asyncio.Condition
 */
void weir_condition_init(weir_condition *c, weir_lock *lock);

/*
 * Hold the condition's lock, waiting until it is free.               [suspends]
 *
 * returns  as weir_lock_acquire()
 * asyncio  Condition.acquire
 */
int weir_condition_acquire(weir_condition *c);

/*
 * Let the condition's lock go.
 *
 * returns  as weir_lock_release()
 * asyncio  Condition.release
 */
int weir_condition_release(weir_condition *c);

/*
 * Whether somebody holds the condition's lock.
 *
 * returns  as weir_lock_locked()
 * asyncio  Condition.locked
 */
bool weir_condition_locked(const weir_condition *c);

/*
 * Release the lock, wait to be notified, hold the lock again.        [suspends]
 *
 * Others may have held the lock in between, so a caller looks again whether
 * what it waits for is true, in a loop. The lock is held again whatever is
 * returned, unless that is WEIR_ESTATE or WEIR_ENOTASK: then nothing was done.
 * No cancel and no deadline shortens the wait for the lock, which is why
 * whoever holds it has to release it when it is cancelled itself. Each cancel
 * that comes during that wait sends the task to the end of the row.
 *
 * returns  0 when notified; a cancel that came later is met by the task's next
 *          wait; or
 *          WEIR_ESTATE  the lock is not held, or is another loop's
 * asyncio  Condition.wait
 */
int weir_condition_wait(weir_condition *c);

/*
 * Let some of the tasks that wait for a condition go on.
 *
 * They go on when they hold the lock again, so after the caller released it.
 *
 * n        how many at most, those that waited longest
 * returns  0, or
 *          WEIR_ESTATE  the lock is not held, or is another loop's
 * asyncio  Condition.notify
 */
int weir_condition_notify(weir_condition *c, size_t n);

/*
 * Let all tasks that wait for a condition go on, one after the other.
 *
 * returns  as weir_condition_notify()
 * asyncio  Condition.notify_all
 */
int weir_condition_notify_all(weir_condition *c);

/* --- Semaphore ----------------------------------------------------------- */

/*
 * Make a semaphore.
 *
 * s        in the caller's memory; needs no freeing
 * value    how many permits there are at first
 * returns  0, or
 *          -EINVAL  @value is negative
 * asyncio  asyncio.Semaphore
 */
int weir_semaphore_init(weir_semaphore *s, int value);

/*
 * Make a semaphore that never has more permits than at first.
 *
 * s        in the caller's memory; needs no freeing
 * value    how many permits there are at first, and at most
 * returns  0, or
 *          -EINVAL  @value is negative
 * asyncio  asyncio.BoundedSemaphore
 */
int weir_semaphore_init_bounded(weir_semaphore *s, int value);

/*
 * Take a permit, waiting until there is one.                         [suspends]
 *
 * returns  0, or
 *          WEIR_ESTATE  it is another loop's
 * asyncio  Semaphore.acquire
 */
int weir_semaphore_acquire(weir_semaphore *s);

/*
 * Give a permit back, or add one.
 *
 * The task that waits first has it from this moment on.
 *
 * returns  0, or
 *          -EINVAL      a bounded one would have more permits than at first, or
 *                       another more than INT_MAX
 *          WEIR_ESTATE  it is another loop's
 * asyncio  Semaphore.release
 */
int weir_semaphore_release(weir_semaphore *s);

/*
 * Whether a task that wants a permit would have to wait.
 *
 * returns  true when there is none left
 * asyncio  Semaphore.locked
 */
bool weir_semaphore_locked(const weir_semaphore *s);

/* --- Barrier ------------------------------------------------------------- */

/*
 * Make a barrier.
 *
 * b        in the caller's memory; needs no freeing
 * parties  how many tasks wait for each other, 1 to INT_MAX
 * returns  0, or
 *          -EINVAL  @parties is out of range
 * asyncio  asyncio.Barrier
 */
int weir_barrier_init(weir_barrier *b, unsigned parties);

/*
 * Wait until as many tasks wait as the barrier is for.               [suspends]
 *
 * The last one to come does not wait. The barrier is at once ready for the
 * next round. A task that is cut short has left the barrier, which is as if it
 * had not come.
 *
 * returns  the number of this task in its round, 0 for the first that came to
 *          parties - 1; or
 *          -EPIPE       the barrier is broken, or was reset while the task
 *                       waited
 *          WEIR_ESTATE  it is another loop's
 * asyncio  Barrier.wait; BrokenBarrierError is -EPIPE
 */
int weir_barrier_wait(weir_barrier *b);

/*
 * Put a barrier back to its beginning, broken or not.
 *
 * Tasks that wait get -EPIPE.
 *
 * returns  0, or
 *          WEIR_ESTATE  it is another loop's
 * asyncio  Barrier.reset
 */
int weir_barrier_reset(weir_barrier *b);

/*
 * Break a barrier: tasks that wait, and all that come until it is reset, get
 * -EPIPE.
 *
 * returns  0, or
 *          WEIR_ESTATE  it is another loop's
 * asyncio  Barrier.abort
 */
int weir_barrier_abort(weir_barrier *b);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
