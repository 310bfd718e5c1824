/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/cut/test_sync.c  What <weir/sync.h> waits in, cut short: who waits behind is served next, as if the other had not come.
 */
#include <weir/sync.h>

#include "cut/cut.h"

static weir_lock lock;
static weir_event event;
static weir_condition condition;
static weir_semaphore semaphore;
static weir_barrier barrier;
static weir_queue queue;
static char one, two;
static struct cut_sleeper holder;

/* --- Lock ----------------------------------------------------------------- */

static void open_lock(void)
{
    weir_lock_init(&lock);
    EXPECT(weir_lock_acquire(&lock) == 0);
}

static int acquire_lock(struct cut_subject *subject)
{
    (void)subject;
    return weir_lock_acquire(&lock);
}

static void release_lock(void)
{
    EXPECT(weir_lock_release(&lock) == 0);
}

/* It was given to the second subject; nobody has it after that. */
static void close_lock(void)
{
    EXPECT(weir_lock_release(&lock) == 0);
    EXPECT(weir_lock_release(&lock) == WEIR_ESTATE);
}

/* --- Event ---------------------------------------------------------------- */

static void open_event(void)
{
    weir_event_init(&event);
}

static int wait_for_event(struct cut_subject *subject)
{
    (void)subject;
    return weir_event_wait(&event);
}

static void set_event(void)
{
    weir_event_set(&event);
}

/* --- Condition ------------------------------------------------------------ */

static void open_condition(void)
{
    weir_condition_init(&condition, NULL);
}

static void open_held_condition(void)
{
    open_condition();
    EXPECT(weir_condition_acquire(&condition) == 0);
}

static int acquire_condition(struct cut_subject *subject)
{
    (void)subject;
    return weir_condition_acquire(&condition);
}

static void release_condition(void)
{
    EXPECT(weir_condition_release(&condition) == 0);
}

static void close_condition(void)
{
    release_condition();
    EXPECT(!weir_condition_locked(&condition));
}

/* The lock is held at the return, whatever that is. */
static int wait_for_condition(struct cut_subject *subject)
{
    (void)subject;
    int code = weir_condition_acquire(&condition);
    if (code < 0)
        return code;
    code = weir_condition_wait(&condition);
    EXPECT(weir_condition_locked(&condition));
    release_condition();
    return code;
}

static void notify_condition(void)
{
    EXPECT(weir_condition_acquire(&condition) == 0);
    EXPECT(weir_condition_notify(&condition, 1) == 0);
    release_condition();
}

/* Who was notified, while somebody holds the lock for as long as nobody tells him to end. */
static int hold_lock(void *arg)
{
    int code = weir_condition_acquire(&condition);

    if (code == 0) {
        EXPECT(weir_condition_notify(&condition, 1) == 0);
        code = cut_sleep(arg);
        release_condition();
    }
    return code;
}

static void notify_and_hold(void)
{
    cut_sleeper_init(&holder);
    holder.task = weir_create_task(hold_lock, &holder);
}

static void let_lock_go(void)
{
    cut_sleeper_wake(&holder);
}

static void close_notified(void)
{
    cut_sleeper_end(&holder);
    EXPECT(!weir_condition_locked(&condition));
}

/* --- Semaphore ------------------------------------------------------------ */

static void open_semaphore(void)
{
    EXPECT(weir_semaphore_init_bounded(&semaphore, 1) == 0);
    EXPECT(weir_semaphore_acquire(&semaphore) == 0);
}

static int acquire_semaphore(struct cut_subject *subject)
{
    (void)subject;
    return weir_semaphore_acquire(&semaphore);
}

static void release_semaphore(void)
{
    EXPECT(weir_semaphore_release(&semaphore) == 0);
}

/* Exactly the one permit is there. */
static void close_semaphore(void)
{
    release_semaphore();
    EXPECT(weir_semaphore_release(&semaphore) == -EINVAL);
}

/* --- Barrier -------------------------------------------------------------- */

static void open_barrier(void)
{
    EXPECT(weir_barrier_init(&barrier, 2) == 0);
}

static int wait_at_barrier(struct cut_subject *subject)
{
    (void)subject;
    return weir_barrier_wait(&barrier);
}

/* The second of two: had the one that was cut been counted, this would be the first of a new round, and wait. */
static void come_last(void)
{
    EXPECT(weir_barrier_wait(&barrier) == 1);
}

/* --- Queue ---------------------------------------------------------------- */

static void open_empty_queue(void)
{
    EXPECT(weir_queue_init(&queue, 1) == 0);
}

static void open_full_queue(void)
{
    open_empty_queue();
    EXPECT(weir_queue_put_nowait(&queue, &one) == 0);
}

static int put(struct cut_subject *subject)
{
    (void)subject;
    return weir_queue_put(&queue, &two);
}

static void take_one(void)
{
    void *item = NULL;

    EXPECT(weir_queue_get_nowait(&queue, &item) == 0);
    EXPECT(item == &one);
}

/* What the second put is in, once, and nothing of the first. */
static void check_not_put(struct cut_subject *subject, enum cut cut)
{
    (void)subject, (void)cut;
    EXPECT(weir_queue_qsize(&queue) == 1);
}

static void close_queue(void)
{
    weir_queue_fini(&queue);
}

static int get(struct cut_subject *subject)
{
    return weir_queue_get(&queue, &subject->item);
}

static void put_one(void)
{
    EXPECT(weir_queue_put_nowait(&queue, &one) == 0);
}

static void check_not_got(struct cut_subject *subject, enum cut cut)
{
    (void)cut;
    EXPECT(subject->item == NULL);
}

static void close_emptied_queue(void)
{
    EXPECT(weir_queue_empty(&queue));
    EXPECT(weir_queue_put_nowait(&queue, &one) == 0);       /* its one place is free */
    close_queue();
}

static int join_queue(struct cut_subject *subject)
{
    (void)subject;
    return weir_queue_join(&queue);
}

static void do_work(void)
{
    EXPECT(weir_queue_task_done(&queue) == 0);
}

/* --- All ------------------------------------------------------------------ */

static const struct cut_scene scenes[] = {
    CUT(weir_lock_acquire, "held by another", WAIT_LOCK, .open = open_lock, .call = acquire_lock, .fulfil = release_lock,
        .close = close_lock, .company = true, .no_peer = true),
    CUT(weir_event_wait, "not set", WAIT_EVENT, .open = open_event, .call = wait_for_event, .fulfil = set_event,
        .company = true, .no_peer = true),
    CUT(weir_condition_acquire, "held by another", WAIT_LOCK, .open = open_held_condition, .call = acquire_condition,
        .fulfil = release_condition, .close = close_condition, .company = true, .no_peer = true),
    CUT(weir_condition_wait, "not notified", WAIT_CONDITION, .open = open_condition, .call = wait_for_condition,
        .fulfil = notify_condition, .company = true, .no_peer = true),
    /* A notification that was given is never lost, and the lock is held at the return: both are worth a cancel's delay. */
    CUT(weir_condition_wait, "notified, and the lock is held by another", WAIT_LOCK, .open = open_condition,
        .call = wait_for_condition, .from = WAIT_CONDITION, .enter = notify_and_hold, .fulfil = let_lock_go,
        .close = close_notified, .no_peer = true, .late = AT_ANY, .sees_through = AT_ANY, .over = AT_ANY),
    CUT(weir_semaphore_acquire, "no permit left", WAIT_SEMAPHORE, .open = open_semaphore, .call = acquire_semaphore,
        .fulfil = release_semaphore, .close = close_semaphore, .company = true, .no_peer = true),
    CUT(weir_barrier_wait, "one of two came", WAIT_BARRIER, .open = open_barrier, .call = wait_at_barrier, .fulfil = come_last,
        .no_peer = true),
    CUT(weir_queue_put, "full", WAIT_PUT, .open = open_full_queue, .call = put, .left = check_not_put, .fulfil = take_one,
        .close = close_queue, .company = true, .no_peer = true),
    CUT(weir_queue_get, "empty", WAIT_GET, .open = open_empty_queue, .call = get, .left = check_not_got, .fulfil = put_one,
        .close = close_emptied_queue, .company = true, .no_peer = true),
    CUT(weir_queue_join, "work undone", WAIT_ALL_DONE, .open = open_full_queue, .call = join_queue, .fulfil = do_work,
        .close = close_queue, .company = true, .no_peer = true),
};

Suite *suite(void)
{
    return cut_suite("cut/sync", scenes, sizeof scenes / sizeof scenes[0]);
}
