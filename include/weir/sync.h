/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <weir/sync.h>  Locks, events, conditions, semaphores, barriers and queues
 * between tasks.
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
 *           it is, which is logged. Only weir_queue_put_threadsafe() is for
 *           other threads.
 * Owner     Every object is in its user's memory, is initialised before its
 *           first use, and may not be moved or copied. Its memory has to stay
 *           until no task waits for it any more: what lies in the frame of a
 *           function is gone when that returns. Only a queue holds memory of
 *           its own and is ended with weir_queue_fini().
 * Bytes     A queue's items are pointers. It never looks at what they point to.
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

/* Items on their way from those who put them to those who get them. */
typedef struct weir_queue {
    void *opaque[16];
} weir_queue;

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

/* --- Queue --------------------------------------------------------------- */

/*
 * Make a queue: first in, first out.
 *
 * Made inside of a loop it is that loop's at once, so other threads can put
 * from then on; else it is so from the first use on a loop.
 *
 * q        in the caller's memory; ended with weir_queue_fini()
 * maxsize  how many items are in it at most; 0: as many as memory holds
 * returns  0, or
 *          -ENOMEM  no memory
 * asyncio  asyncio.Queue
 */
int weir_queue_init(weir_queue *q, size_t maxsize);

/*
 * Make a queue: last in, first out.
 *
 * returns  as weir_queue_init()
 * asyncio  asyncio.LifoQueue
 */
int weir_queue_init_lifo(weir_queue *q, size_t maxsize);

/*
 * Make a queue: the smallest first, of equal ones the one that came first.
 *
 * compare  gets two items; negative when the first is smaller, 0 when they are
 *          equal. Called on the loop's thread only; must not suspend, and must
 *          not use the queue
 * returns  as weir_queue_init(), or
 *          -EINVAL  @compare is NULL
 * asyncio  asyncio.PriorityQueue; there the items compare themselves, and equal
 *          ones come in any order
 */
int weir_queue_init_priority(weir_queue *q, size_t maxsize,
                             int (*compare)(const void *, const void *));

/*
 * End a queue: free what it holds.
 *
 * No task may be in one of its calls, and no other thread in
 * weir_queue_put_threadsafe(), now or later. Items that are in it are
 * forgotten, those on their way from other threads included; what they point
 * to is the user's, who empties the queue first if it has to be freed. Again:
 * does nothing.
 *
 * beyond asyncio  (Python frees by itself)
 */
void weir_queue_fini(weir_queue *q);

/*
 * Put an item in, waiting until there is a place for it.             [suspends]
 *
 * item     any pointer, NULL included
 * returns  0, or
 *          WEIR_ESTATE  it is another loop's
 *          -ENOMEM      no memory; also when there was nothing to wait for
 * asyncio  Queue.put
 */
int weir_queue_put(weir_queue *q, void *item);

/*
 * Take an item out, waiting until there is one.                      [suspends]
 *
 * item     the item; untouched on failure
 * returns  0, or
 *          WEIR_ESTATE  it is another loop's
 * asyncio  Queue.get
 */
int weir_queue_get(weir_queue *q, void **item);

/*
 * Put an item in if there is a place for it now.
 *
 * item     any pointer, NULL included
 * returns  0, or
 *          -EAGAIN      the queue is full
 *          WEIR_ESTATE  it is another loop's
 *          -ENOMEM      no memory
 * asyncio  Queue.put_nowait; QueueFull is -EAGAIN
 */
int weir_queue_put_nowait(weir_queue *q, void *item);

/*
 * Take an item out if there is one now.
 *
 * What was given to a task that waits in weir_queue_get() is not there any
 * more, even when that task has not gone on yet.
 *
 * item     the item; untouched on failure
 * returns  0, or
 *          -EAGAIN      the queue is empty
 *          WEIR_ESTATE  it is another loop's
 * asyncio  Queue.get_nowait; QueueEmpty is -EAGAIN
 */
int weir_queue_get_nowait(weir_queue *q, void **item);

/*
 * Put an item in from another thread, or another worker's task.   [thread-safe]
 *
 * The item's place is taken at once; the item itself is in the queue when its
 * loop has come round, which this call wakes. Items of one thread come in the
 * order of its calls. On failure the item is still the caller's; on success it
 * will be in the queue exactly once, also when the loop closes meanwhile: then
 * weir_queue_get_nowait() finds it after that.
 *
 * item     any pointer, NULL included; who gets it sees all that was written
 *          before this call
 * returns  0, or
 *          -EAGAIN      the queue is full: all places are taken, or promised to
 *                       tasks that wait in weir_queue_put()
 *          -ESHUTDOWN   the queue's loop is closed
 *          WEIR_ESTATE  no loop has used the queue yet
 *          -ENOMEM      no memory
 * beyond asyncio  (its queues are for one thread)
 */
int weir_queue_put_threadsafe(weir_queue *q, void *item);

/*
 * How many items could be taken out now.
 *
 * returns  the number; without what waiting tasks were given, and what is on
 *          its way from other threads
 * asyncio  Queue.qsize
 */
size_t weir_queue_qsize(const weir_queue *q);

/*
 * Whether weir_queue_get_nowait() would find nothing.
 *
 * returns  true when weir_queue_qsize() is 0
 * asyncio  Queue.empty
 */
bool weir_queue_empty(const weir_queue *q);

/*
 * Whether weir_queue_put_nowait() would find no place.
 *
 * An item has its place until the task that gets it has gone on, so a queue can
 * be full and empty at the same time.
 *
 * returns  true when all places are taken; never for a queue without a bound
 * asyncio  Queue.full
 */
bool weir_queue_full(const weir_queue *q);

/*
 * Say that the work for one item that was taken out is done.
 *
 * returns  0, or
 *          -EINVAL      called more often than items were put in
 *          WEIR_ESTATE  it is another loop's
 * asyncio  Queue.task_done
 */
int weir_queue_task_done(weir_queue *q);

/*
 * Wait until the work for every item is done.                        [suspends]
 *
 * That is, until weir_queue_task_done() was called as often as items were put
 * in, those on their way from other threads included.
 *
 * returns  0, or
 *          WEIR_ESTATE  it is another loop's
 * asyncio  Queue.join
 */
int weir_queue_join(weir_queue *q);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
