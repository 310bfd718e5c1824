/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/sync_lock.h  What a condition needs of a lock beyond its public functions.
 */
#ifndef WEIR_CORE_SYNC_LOCK_H
#define WEIR_CORE_SYNC_LOCK_H

#include "core/sync_waiters.h"

struct SYNC_OBJECT lock {
    struct waiters waiters;     /* empty while it is not locked */
    bool           locked;
};

/* Acquire it whatever happens meanwhile: neither a cancel nor a deadline ends the wait. Returns whether a cancel was met,
 * which is then the caller's to answer for or to keep. */
bool weir__lock_acquire_surely(struct lock *lock);

#endif
