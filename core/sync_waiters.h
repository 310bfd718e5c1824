/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/sync_waiters.h  Who waits for a lock, an event, a queue: first come, first served, on one loop.
 *
 * Whoever makes room wakes the first waiter and has by then written down that the room is taken, in the object, not in
 * the waiter: so a wait that ends with 0 has what it waited for, nobody can step in between, and there is no wake-up to
 * pass on when the woken task is cancelled before it runs (the cancel is then met by its next wait). A wait that was cut
 * short left the list at that moment: nothing is ever given to it.
 *
 * The objects are in the user's memory, declared there as arrays of pointers. The structs behind them are marked with
 * SYNC_OBJECT, since one memory is then seen through two types.
 */
#ifndef WEIR_CORE_SYNC_WAITERS_H
#define WEIR_CORE_SYNC_WAITERS_H

#include <weir/sync.h>

#include "core/task.h"

#define SYNC_OBJECT __attribute__((may_alias))

struct SYNC_OBJECT waiters {
    struct list tasks;
    weir_loop  *loop;           /* the one that first used the object; NULL: none yet. Compared, never looked into */
};

void weir__waiters_init(struct waiters *waiters);

/*
 * Every function of an object begins with this: the first loop to use it is its loop.
 *
 * WEIR_ESTATE, with a text about @what: another loop's task uses it, or, which only a debug build sees, another thread
 * that runs no loop.
 */
int weir__waiters_use(struct waiters *waiters, const char *what);

/* The same for a function that has no code to answer with: false, and an error in the log. */
bool weir__waiters_usable(struct waiters *waiters, const char *what);

/* Suspend the running task as the last on @tasks. As weir__task_wait; WEIR_ENOTASK outside of a task. */
int weir__waiters_wait(struct list *tasks, enum wait_kind kind, const void *on);

/* Wake the first of @tasks with 0; false: nobody waits. */
bool weir__waiters_wake_first(struct list *tasks);

#endif
