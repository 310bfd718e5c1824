/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/last_resort.c  Notices that the process should have ended, names what keeps it, and has it ended.
 *
 * Tasks that wait are ended by the library (streams/serve.h), which says until when. What is left is a handler that never
 * gives its thread back: in an endless loop, or in a call that blocks. Nothing on that thread runs any more, and if it is
 * worker 0's, not even the stop is heard there; then its time counts from when the signal came.
 */
#include "server/last_resort.h"

#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include <weir/error.h>

#include "core/loop_signal.h"
#include "core/watchdog.h"

#define NS 1e9

static bool stop_is_waiting(void)
{
    return weir__signal_waiting(SIGTERM) || weir__signal_waiting(SIGINT) || weir__signal_waiting(SIGQUIT);
}

/* When all of it has to have ended; 0: nobody asked for an end. */
static int64_t end_by(struct last_resort *resort, int64_t now_ns)
{
    int64_t end_ns = atomic_load(&resort->plan->end_by_ns);

    if (end_ns != 0)
        return end_ns;
    if (!stop_is_waiting()) {
        resort->waiting_since_ns = 0;
        return 0;
    }
    if (resort->waiting_since_ns == 0)
        resort->waiting_since_ns = now_ns;
    return resort->waiting_since_ns + (int64_t)((resort->drain + SERVE_GRACE) * NS);
}

void last_resort_look(struct last_resort *resort, int64_t now_ns)
{
    int64_t end_ns = end_by(resort, now_ns);

    if (end_ns == 0 || now_ns < end_ns + (int64_t)(LAST_RESORT_MERCY * NS))
        return;
    weir__watchdog_name_all("worker still at work when it has to end");
    resort->stuck(resort->arg);
}

void last_resort_tick(void *arg)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);       /* cannot fail with this clock and a valid pointer */
    last_resort_look(arg, now.tv_sec * (int64_t)NS + now.tv_nsec);
}
