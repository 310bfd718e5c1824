/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/timeout.c  Deadline scopes.
 *
 * The deadline that counts is one number in the task. A scope lowers it and puts the outer one back; nothing is
 * registered anywhere, so a scope that is left early harms nothing, and one around reads that do not wait costs nothing.
 */
#include <weir/task.h>

#include <math.h>

#include "core/sys.h"
#include "core/task.h"

/* What a number of seconds in a double may be off by, for a clock that has run for 250 years: who was told that the time is
 * over, at the very nanosecond, finds the same in weir_timeout_end. */
#define ROUNDING_NS 1000

static double seconds_of(int64_t ns)
{
    return ns == FOREVER ? INFINITY : (double)ns / NS_PER_SECOND;
}

/* To the nearest, so that a deadline that goes through a double with each scope inside of it does not creep. */
static int64_t ns_of(double seconds)
{
    return weir__ns_after(0, seconds + 0.5 / NS_PER_SECOND);
}

void weir_timeout_begin(weir_timeout *t, double seconds)
{
    weir_task *task = weir__task_current();

    *t = (weir_timeout) { .outer = INFINITY, .due = INFINITY };
    if (task == NULL)
        return;
    int64_t due = isnan(seconds) ? FOREVER : weir__ns_after(weir__loop_pass_ns(task->loop), seconds);
    t->outer = seconds_of(task->deadline_ns);
    t->due = seconds_of(due);
    if (due < task->deadline_ns)
        task->deadline_ns = due;
}

bool weir_timeout_end(weir_timeout *t)
{
    weir_task *task = weir__task_current();

    if (task == NULL)
        return false;
    if (t->due != INFINITY)
        t->expired = ns_of(t->due) <= weir__loop_pass_ns(task->loop) + ROUNDING_NS;
    /* A scope that shortened nothing changes nothing, not even by the rounding: what has expired stays expired. */
    int64_t outer_ns = ns_of(t->outer);
    int64_t moved_ns = outer_ns - task->deadline_ns;
    if (moved_ns < -ROUNDING_NS || moved_ns > ROUNDING_NS)
        task->deadline_ns = outer_ns;
    return t->expired;
}
