/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/last_resort.h  The end of a process whose handlers do not let it end.
 */
#ifndef WEIR_SERVER_LAST_RESORT_H
#define WEIR_SERVER_LAST_RESORT_H

#include <stdint.h>

#include "streams/serve.h"

#define LAST_RESORT_MERCY 2.0   /* seconds for worker_stop and the end of threads, after everything else had to have ended */

struct last_resort {
    const struct serve_plan *plan;
    double drain;               /* seconds, as in the plan */
    void (*stuck)(void *arg);   /* ends the process */
    void *arg;
    int64_t waiting_since_ns;   /* a stop came that worker 0 has not heard; 0: none */
};

/* For the watchdog's thread: look at the clock. @arg is the struct. */
void last_resort_tick(void *arg);

/* The same at a time of the monotonic clock. */
void last_resort_look(struct last_resort *resort, int64_t now_ns);

#endif
