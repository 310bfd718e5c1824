/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/sync_queue_items.h  What lies in a queue, and in which order it comes out.
 *
 * Each item lies in a node of its own, which is made before the item is let in: from then on nothing about it can fail,
 * wherever it has to be put.
 */
#ifndef WEIR_CORE_SYNC_QUEUE_ITEMS_H
#define WEIR_CORE_SYNC_QUEUE_ITEMS_H

#include <stddef.h>
#include <stdint.h>

struct item_node {
    void             *item;
    struct item_node *next;     /* the one that follows; in a heap the left child */
    struct item_node *right;    /* in a heap only, as the rest */
    uint64_t          order;    /* when it came: equal items come out in this order */
    unsigned          rank;     /* nodes on the way from here to the nearest missing child */
};

enum items_kind { ITEMS_FIFO, ITEMS_LIFO, ITEMS_PRIORITY };

struct items {
    struct item_node *first;    /* the next to come out; NULL: none */
    union {
        struct item_node *last; /* FIFO; undefined while there is none */
        uint64_t next_order;    /* PRIORITY */
    } end;
    int (*compare)(const void *, const void *);     /* PRIORITY: negative when the first comes out before the second */
    size_t           count;
    enum items_kind  kind;
};

void weir__items_init(struct items *items, enum items_kind kind, int (*compare)(const void *, const void *));

/* In a heap, adding costs at most log2 of the count comparisons, taking twice as many. */
void weir__items_add(struct items *items, struct item_node *node);

/* The one whose turn it is, taken out; there must be one. */
struct item_node *weir__items_take(struct items *items);

/* Free all nodes, in no order and without comparing: the items may be gone already. */
void weir__items_drop(struct items *items);

#endif
