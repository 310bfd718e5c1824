/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/sync_queue_door.c  Places are counted where all threads can count, items go through the loop's inbox.
 *
 * The count is exact: a place is reserved before its item sets out, and by compare-and-swap, so that never more than the
 * limit are taken, and nobody is refused while there is one. The inbox does not count these items towards its own bound:
 * the queue's is the one that its user chose.
 */
#include "core/sync_queue_door.h"

#include <stdatomic.h>

#include "core/error.h"
#include "core/inbox.h"
#include "core/list.h"
#include "core/loop.h"
#include "core/sync_queue_items.h"
#include "core/sys.h"

struct door {
    atomic_uint refs;               /* the queue's, and one for each item that travels */
    atomic_size_t taken;            /* relaxed: a number; what happens to the items is ordered by the inbox */
    size_t limit;                   /* 0: none */
    _Atomic(struct inbox *) inbox;  /* NULL until the queue has a loop */
    void *queue;                    /* the loop's; NULL after weir__door_end */
    void (*arrive)(void *queue, struct item_node *node);
};

/* The node comes first: what is left after the arrival is freed as a node. */
struct parcel {
    struct item_node node;
    struct inbox_item post;
    struct door *door;
};

struct door *weir__door_new(size_t limit, void *queue, void (*arrive)(void *queue, struct item_node *node))
{
    struct door *door = sys_calloc(1, sizeof *door);

    if (door == NULL)
        return NULL;
    atomic_init(&door->refs, 1);
    atomic_init(&door->taken, 0);
    atomic_init(&door->inbox, NULL);
    door->limit = limit;
    door->queue = queue;
    door->arrive = arrive;
    return door;
}

static void unref(struct door *door)
{
    /* acq_rel: whoever frees must see what the other holders did */
    if (atomic_fetch_sub_explicit(&door->refs, 1, memory_order_acq_rel) != 1)
        return;
    struct inbox *inbox = atomic_load_explicit(&door->inbox, memory_order_relaxed);
    if (inbox != NULL)
        weir__inbox_unref(inbox);
    sys_free(door);
}

void weir__door_end(struct door *door)
{
    door->queue = NULL;
    unref(door);
}

void weir__door_bind(struct door *door, weir_loop *loop)
{
    /* release pairs with the acquire of weir__door_post(): the poster sees a whole inbox. Counted, since the loop may be
     * freed while a thread still tries. */
    atomic_store_explicit(&door->inbox, weir__inbox_ref(loop->inbox), memory_order_release);
}

/* --- Places --------------------------------------------------------------- */

bool weir__door_reserve(struct door *door)
{
    size_t taken = atomic_load_explicit(&door->taken, memory_order_relaxed);

    do {
        if (door->limit > 0 && taken >= door->limit)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&door->taken, &taken, taken + 1, memory_order_relaxed, memory_order_relaxed));
    return true;
}

void weir__door_release(struct door *door)
{
    atomic_fetch_sub_explicit(&door->taken, 1, memory_order_relaxed);
}

size_t weir__door_taken(const struct door *door)
{
    return atomic_load_explicit(&door->taken, memory_order_relaxed);
}

bool weir__door_full(const struct door *door)
{
    return door->limit > 0 && weir__door_taken(door) >= door->limit;
}

/* --- Travelling ----------------------------------------------------------- */

/* On the loop's thread. Also when the loop closes: the item then lies in the queue for whoever empties it. */
static void come_in(struct inbox_item *item)
{
    struct parcel *parcel = list_entry(item, struct parcel, post);
    struct door *door = parcel->door;

    if (door->queue != NULL)
        door->arrive(door->queue, &parcel->node);
    else
        sys_free(parcel);
    unref(door);
}

static int set_out(struct door *door, struct inbox *inbox, struct parcel *parcel)
{
    if (!weir__door_reserve(door))              /* full, but nobody will ever make room in a queue whose loop is closed */
        return weir__inbox_is_closed(inbox) ? -ESHUTDOWN : -EAGAIN;
    atomic_fetch_add_explicit(&door->refs, 1, memory_order_relaxed);
    int code = weir__inbox_post(inbox, &parcel->post);
    if (code < 0) {
        weir__door_release(door);
        unref(door);
    }
    return code;
}

int weir__door_post(struct door *door, void *item)
{
    struct inbox *inbox = atomic_load_explicit(&door->inbox, memory_order_acquire);

    if (inbox == NULL)
        return weir__fail_text(WEIR_ESTATE, "no loop has used the queue yet, so there is none to send to");
    struct parcel *parcel = sys_malloc(sizeof *parcel);
    if (parcel == NULL)
        return weir__fail(-ENOMEM);
    *parcel = (struct parcel) { .node.item = item, .post = { .run = come_in, .drop = come_in }, .door = door };
    int code = set_out(door, inbox, parcel);
    if (code < 0) {
        sys_free(parcel);
        return weir__fail(code);
    }
    return 0;
}
