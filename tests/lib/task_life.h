/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/task_life.h  A task that sleeps, is cut short or not, and tells how that went. By the test clock.
 */
#ifndef WEIR_TESTS_TASK_LIFE_H
#define WEIR_TESTS_TASK_LIFE_H

#include <math.h>
#include <stdbool.h>

#include <weir/task.h>

#include "lib/clock.h"

#define NEAR(a, b) (fabs((a) - (b)) < 0.005)

/* A task that sleeps, cleans up when it is cut short, and ends with a result. */
struct life {
    double seconds;
    int    result;              /* when it slept its time */
    double cleanup;             /* seconds it takes to end when cut short */
    int    cut_result;          /* what it ends with then; 0: the code of its sleep */
    int    code;                /* of its sleep */
    double ended;
    bool   ran;
};

/* So many seconds, then this result; then fields by name. */
#define LIFE(time, code, ...) { .seconds = time, .result = code, __VA_ARGS__ }

static inline int live(void *arg)
{
    struct life *life = arg;

    life->ran = true;
    life->code = weir_sleep(life->seconds);
    if (life->code < 0 && life->cleanup > 0)
        weir_sleep(life->cleanup);
    life->ended = clock_now();
    return life->code == 0 ? life->result : life->cut_result != 0 ? life->cut_result : life->code;
}

#endif
