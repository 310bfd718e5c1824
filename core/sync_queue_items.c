/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/sync_queue_items.c  First in first out, last in first out, or the smallest first.
 *
 * The last is a leftist heap: a tree whose nodes come out before their children, and whose way to the right is never
 * longer than the one to the left. Both operations merge two such trees along their right sides, which have at most
 * log2(n + 1) nodes each; so a queue of millions holds nobody up, and the recursion is never deeper than 128. It needs no
 * array that grows, which could fail.
 */
#include "core/sync_queue_items.h"

#include <assert.h>

#include "core/sys.h"

void weir__items_init(struct items *items, enum items_kind kind, int (*compare)(const void *, const void *))
{
    *items = (struct items) { .kind = kind, .compare = compare };
}

/* --- The heap ------------------------------------------------------------- */

static unsigned rank(const struct item_node *tree)
{
    return tree == NULL ? 0 : tree->rank;
}

static int comes_before(const struct items *items, const struct item_node *a, const struct item_node *b)
{
    int order = items->compare(a->item, b->item);

    return order != 0 ? order < 0 : a->order < b->order;
}

static struct item_node *merge(const struct items *items, struct item_node *a, struct item_node *b)
{
    if (a == NULL)
        return b;
    if (b == NULL)
        return a;
    if (comes_before(items, b, a)) {
        struct item_node *swap = a;
        a = b;
        b = swap;
    }
    a->right = merge(items, a->right, b);
    if (rank(a->next) < rank(a->right)) {
        struct item_node *swap = a->next;
        a->next = a->right;
        a->right = swap;
    }
    a->rank = rank(a->right) + 1;
    return a;
}

/* --- Adding and taking ---------------------------------------------------- */

void weir__items_add(struct items *items, struct item_node *node)
{
    switch (items->kind) {
    case ITEMS_FIFO:
        node->next = NULL;
        if (items->first == NULL)
            items->first = node;
        else
            items->end.last->next = node;
        items->end.last = node;
        break;
    case ITEMS_LIFO:
        node->next = items->first;
        items->first = node;
        break;
    case ITEMS_PRIORITY:
        node->next = node->right = NULL;
        node->order = items->end.next_order++;
        node->rank = 1;
        items->first = merge(items, items->first, node);
        break;
    }
    items->count++;
}

struct item_node *weir__items_take(struct items *items)
{
    struct item_node *node = items->first;

    assert(node != NULL);
    items->first = items->kind == ITEMS_PRIORITY ? merge(items, node->next, node->right) : node->next;
    items->count--;
    return node;
}

void weir__items_drop(struct items *items)
{
    struct item_node *node = items->first;

    while (node != NULL) {
        struct item_node *follows = node->next;
        if (items->kind == ITEMS_PRIORITY && follows != NULL) {
            node->next = follows->right;        /* turned, the left child above, until there is none: needs no stack */
            follows->right = node;
        } else {
            if (items->kind == ITEMS_PRIORITY)
                follows = node->right;
            sys_free(node);
        }
        node = follows;
    }
    items->first = NULL;
    items->count = 0;
}
