/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/inbox.h  The one door into a loop from other threads: many producers, one consumer.
 *
 * Counted apart from its loop, so that a thread which still works for a loop can post after the loop was closed and
 * is told so. An item is the producer's memory until it was run or dropped, exactly one of which happens.
 */
#ifndef WEIR_CORE_INBOX_H
#define WEIR_CORE_INBOX_H

#include <stdbool.h>
#include <stddef.h>

#define INBOX_MAX 65536         /* calls waiting in one loop's inbox before call_soon_threadsafe answers -ENOBUFS */

struct inbox;

struct inbox_item {
    struct inbox_item *next;
    void (*run)(struct inbox_item *item);       /* on the loop's thread */
    void (*drop)(struct inbox_item *item);      /* instead, when the loop closes first; on the loop's thread */
    bool bounded;               /* counts towards INBOX_MAX; what the library itself must deliver does not */
};

/* NULL with *code set. The descriptor becomes readable when there is something to run. */
struct inbox *weir__inbox_new(int *code);
struct inbox *weir__inbox_ref(struct inbox *inbox);
void weir__inbox_unref(struct inbox *inbox);
int  weir__inbox_fd(const struct inbox *inbox);

/* [thread-safe] 0, -ENOBUFS when bounded and full, -ESHUTDOWN after close; on failure the item stays the caller's. */
int weir__inbox_post(struct inbox *inbox, struct inbox_item *item);

/* [thread-safe] Whether it refuses for good. */
bool weir__inbox_is_closed(const struct inbox *inbox);

/* [thread-safe] [async-signal-safe] Make the descriptor readable without posting anything. */
void weir__inbox_wake(struct inbox *inbox);

/* The loop's side: run what was posted, oldest first; refuse from now on and drop what is left. */
void weir__inbox_drain(struct inbox *inbox);
void weir__inbox_close(struct inbox *inbox);

#endif
