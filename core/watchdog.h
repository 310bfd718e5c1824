/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/watchdog.h  A thread that notices loops whose thread is blocked, and says by what.
 */
#ifndef WEIR_CORE_WATCHDOG_H
#define WEIR_CORE_WATCHDOG_H

#include <stdint.h>

#include "core/export.h"
#include "core/loop.h"

struct watchdog_options {
    double limit;               /* seconds that one step of a loop may take; 0: that is not looked at */
    void (*tick)(void *arg);    /* in the watchdog's thread, several times a second. NULL: none */
    void *arg;
};

/*
 * Watch every loop whose run begins from now on. One at a time in a process.
 *
 * A stall is logged as a warning: the task, its function, where the thread is; five times a minute at most. All are counted.
 * 0, -EINVAL (limit), -EBUSY (there is one), or what the system refused with.
 */
FOR_PROGRAM int weir__watchdog_start(const struct watchdog_options *options);

/* When no loop runs any more. */
FOR_PROGRAM void weir__watchdog_stop(void);

/* How many stalls there were since it was started. */
FOR_PROGRAM uint64_t weir__watchdog_stalls(void);

/* Log, as errors, what every loop that runs is doing. [thread-safe] */
FOR_PROGRAM void weir__watchdog_name_all(const char *what);

/* --- Inside --------------------------------------------------------------- */

/* A run of @loop begins, or has ended, in this thread. */
void weir__watchdog_enter(weir_loop *loop);
void weir__watchdog_leave(weir_loop *loop);

/* Look at every loop once, at a time that tests may make up. */
void weir__watchdog_look(int64_t now_ns);

#endif
