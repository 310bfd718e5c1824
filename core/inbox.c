/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/inbox.c  A stack that producers push to with compare-and-swap and the loop takes whole with one exchange.
 *
 * Only the producer that finds the stack empty writes to the eventfd: a burst of posts costs one wake-up. A closed inbox
 * holds the marker CLOSED instead of items, so "is it closed" and "push" are one atomic step and nothing is lost between.
 */
#include "core/inbox.h"

#include <stdatomic.h>

#include "core/sys.h"

struct inbox {
    _Atomic(struct inbox_item *) head;
    atomic_uint   refs;
    atomic_size_t waiting;      /* bounded items pushed and not yet run */
    int           fd;
};

static struct inbox_item closed_marker;
#define CLOSED (&closed_marker)

struct inbox *weir__inbox_new(int *code)
{
    struct inbox *inbox = sys_calloc(1, sizeof *inbox);

    if (inbox == NULL) {
        *code = -ENOMEM;
        return NULL;
    }
    inbox->fd = sys_eventfd();
    if (inbox->fd < 0) {
        *code = inbox->fd;
        sys_free(inbox);
        return NULL;
    }
    atomic_init(&inbox->refs, 1);
    return inbox;
}

struct inbox *weir__inbox_ref(struct inbox *inbox)
{
    atomic_fetch_add_explicit(&inbox->refs, 1, memory_order_relaxed);
    return inbox;
}

void weir__inbox_unref(struct inbox *inbox)
{
    /* acq_rel: whoever frees must see what the other holders did */
    if (atomic_fetch_sub_explicit(&inbox->refs, 1, memory_order_acq_rel) != 1)
        return;
    sys_close(inbox->fd);
    sys_free(inbox);
}

int weir__inbox_fd(const struct inbox *inbox)
{
    return inbox->fd;
}

void weir__inbox_wake(struct inbox *inbox)
{
    uint64_t one = 1;

    /* It can fail only with EAGAIN at 2^64-2 pending, and then the descriptor is readable anyway. */
    while (sys_write(inbox->fd, &one, sizeof one) == -EINTR)
        ;
}

static int push(struct inbox *inbox, struct inbox_item *item)
{
    /* Counted before pushing: may refuse a little early while others post, never lets more than the bound in. */
    if (item->bounded && atomic_fetch_add_explicit(&inbox->waiting, 1, memory_order_relaxed) >= INBOX_MAX) {
        atomic_fetch_sub_explicit(&inbox->waiting, 1, memory_order_relaxed);
        return -ENOBUFS;
    }

    struct inbox_item *head = atomic_load_explicit(&inbox->head, memory_order_relaxed);
    do {
        if (head == CLOSED) {
            if (item->bounded)
                atomic_fetch_sub_explicit(&inbox->waiting, 1, memory_order_relaxed);
            return -ESHUTDOWN;
        }
        item->next = head;
        /* release pairs with the acquire of take_all(): the loop sees the item's contents */
    } while (!atomic_compare_exchange_weak_explicit(&inbox->head, &head, item, memory_order_release, memory_order_relaxed));

    if (head == NULL)
        weir__inbox_wake(inbox);
    return 0;
}

int weir__inbox_post(struct inbox *inbox, struct inbox_item *item)
{
    /* Held for the call: the loop may take the item, and what that ends may be its last reference, before the wake-up is
     * written. */
    weir__inbox_ref(inbox);
    int code = push(inbox, item);
    weir__inbox_unref(inbox);
    return code;
}

bool weir__inbox_is_closed(const struct inbox *inbox)
{
    return atomic_load_explicit(&inbox->head, memory_order_relaxed) == CLOSED;
}

/* Everything pushed so far, oldest first, leaving @instead behind. */
static struct inbox_item *take_all(struct inbox *inbox, struct inbox_item *instead)
{
    struct inbox_item *newest = atomic_exchange_explicit(&inbox->head, instead, memory_order_acquire);
    struct inbox_item *oldest = NULL;

    if (newest == CLOSED)
        return NULL;
    while (newest != NULL) {
        struct inbox_item *older = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = older;
    }
    return oldest;
}

static void finish(struct inbox *inbox, struct inbox_item *item, bool run)
{
    while (item != NULL) {
        struct inbox_item *next = item->next;
        if (item->bounded)
            atomic_fetch_sub_explicit(&inbox->waiting, 1, memory_order_relaxed);
        if (run)
            item->run(item);
        else
            item->drop(item);
        item = next;
    }
}

void weir__inbox_drain(struct inbox *inbox)
{
    uint64_t wakes;

    /* Before taking: a post after the read makes the descriptor readable again, so none is overlooked. */
    (void)sys_read(inbox->fd, &wakes, sizeof wakes);
    finish(inbox, take_all(inbox, NULL), true);
}

void weir__inbox_close(struct inbox *inbox)
{
    finish(inbox, take_all(inbox, CLOSED), false);
}
