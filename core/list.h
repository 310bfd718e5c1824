/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/list.h  Intrusive circular doubly linked list.
 *
 * Intrusive, so that queueing and waiting never allocate and therefore never fail; doubly linked, so that a cancelled
 * waiter leaves from the middle in O(1). <sys/queue.h> has no list that a node can leave without knowing its head.
 *
 * A node that is on no list points to itself: list_remove() may be called on it again.
 */
#ifndef WEIR_CORE_LIST_H
#define WEIR_CORE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *prev, *next;
};

/* The object of @type that holds @node in its field @field. */
#define list_entry(node, type, field) ((type *)(void *)((char *)(node) - offsetof(type, field)))

static inline void list_init(struct list *list)
{
    list->prev = list->next = list;
}

static inline bool list_empty(const struct list *list)
{
    return list->next == list;
}

static inline void list_append(struct list *head, struct list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* The first node, taken off; the list must not be empty. */
static inline struct list *list_take_first(struct list *head)
{
    struct list *node = head->next;

    list_remove(node);
    return node;
}

/* Move every node of @from to @to, which is overwritten; @from is empty afterwards. */
static inline void list_move_all(struct list *from, struct list *to)
{
    if (list_empty(from)) {
        list_init(to);
        return;
    }
    *to = *from;
    to->next->prev = to;
    to->prev->next = to;
    list_init(from);
}

#endif
