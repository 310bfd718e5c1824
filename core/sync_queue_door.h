/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/sync_queue_door.h  The part of a queue that other threads see: how many places are taken, and the way in.
 *
 * An item from another thread travels through the inbox of the queue's loop, so that it is either let in on the loop's
 * thread, exactly once, or refused and still the caller's. The door is counted: what travels holds it, so that a queue
 * may end meanwhile.
 */
#ifndef WEIR_CORE_SYNC_QUEUE_DOOR_H
#define WEIR_CORE_SYNC_QUEUE_DOOR_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/loop.h>

struct door;
struct item_node;

/* NULL: no memory. @limit: how many places there are; 0: any number. arrive() is called with @queue and an item that has
 * come, on the loop's thread, and frees the node with sys_free when the item goes. */
struct door *weir__door_new(size_t limit, void *queue, void (*arrive)(void *queue, struct item_node *node));

/* The queue ends: what still travels is dropped when it comes. */
void weir__door_end(struct door *door);

/* From the first loop on that uses the queue. Before that nothing can be posted. Once. */
void weir__door_bind(struct door *door, weir_loop *loop);

/* [thread-safe] Take one of the places; false: all are taken. Give one back. How many are taken. */
bool weir__door_reserve(struct door *door);
void weir__door_release(struct door *door);
size_t weir__door_taken(const struct door *door);
bool weir__door_full(const struct door *door);

/* [thread-safe] Send an item in: 0, and arrive() will be called unless the queue ends first; -EAGAIN, all places are taken;
 * -ESHUTDOWN, the loop is closed; WEIR_ESTATE, no loop yet; -ENOMEM. */
int weir__door_post(struct door *door, void *item);

#endif
