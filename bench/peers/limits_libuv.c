/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/peers/limits_libuv.c  A million time limits in libuv, beside bench/core_limits.c: the same rows, the same lines as
 * turns.h prints.
 *
 * A limit is a uv_timer_t that lies in an array, which is the least there is: a program has one in each connection. It is moved
 * by uv_timer_again, in the same order that has nothing to do with that in the heap.
 *
 * Try:  limits_libuv limit-rearm 5
 */
#include <uv.h>

#include "bench/turns.h"

#define COUNT   1000000
#define TASKS   1000
#define PASSES  1000
#define AN_HOUR 3600000         /* ms */
#define STRIDE  7368787         /* as in core_limits.c */

static uv_loop_t *loop;
static uv_timer_t *timers;
static int fired;

static void on_timer(uv_timer_t *timer)
{
    (void)timer;
    fired++;
}

static double arm_ns(size_t count)
{
    int64_t since = turns_now_ns();

    for (size_t i = 0; i < count; i++)
        uv_timer_start(&timers[i], on_timer, AN_HOUR, AN_HOUR);
    return (double)(turns_now_ns() - since);
}

static void stop_all(size_t count)
{
    for (size_t i = 0; i < count; i++)
        uv_timer_stop(&timers[i]);
}

static double arm_all(void *arg)
{
    (void)arg;
    double took = arm_ns(COUNT);
    stop_all(COUNT);
    return took / COUNT;
}

static double move_all(void *arg)
{
    (void)arg;
    (void)arm_ns(COUNT);
    uv_run(loop, UV_RUN_NOWAIT);                /* libuv's clock goes on */
    int64_t since = turns_now_ns();
    for (size_t i = 0; i < COUNT; i++)
        uv_timer_again(&timers[i * STRIDE % COUNT]);
    int64_t took = turns_now_ns() - since;
    stop_all(COUNT);
    return (double)took / COUNT;
}

static double move_few(void *arg)
{
    int64_t took = 0;

    (void)arg;
    (void)arm_ns(TASKS);
    for (int pass = 0; pass < PASSES; pass++) {
        uv_run(loop, UV_RUN_NOWAIT);
        int64_t since = turns_now_ns();
        for (size_t i = 0; i < TASKS; i++)
            uv_timer_again(&timers[i]);
        took += turns_now_ns() - since;
    }
    stop_all(TASKS);
    return (double)took / TASKS / PASSES;
}

static const struct {
    const char *row;
    struct side side;
} rows[] = {
    { "limit-arm", { "libuv", arm_all, NULL } },
    { "limit-rearm", { "libuv", move_all, NULL } },
    { "limit-task", { "libuv", move_few, NULL } },
};

int main(int argc, char **argv)
{
    int turns = argc == 3 ? turns_wanted(argv[2]) : 0, trouble = 2;

    loop = uv_default_loop();
    timers = calloc(COUNT, sizeof *timers);
    if (loop == NULL || timers == NULL) {
        fputs("limits_libuv: no memory for a million limits\n", stderr);
        return 1;
    }
    for (size_t i = 0; i < COUNT; i++)
        uv_timer_init(loop, &timers[i]);
    for (size_t i = 0; turns > 0 && i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].row, argv[1]) == 0)
            trouble = turns_run(rows[i].row, &rows[i].side, 1, turns) != 0;
    if (trouble == 2)
        fputs("usage: limits_libuv limit-arm|limit-rearm|limit-task TURNS\n", stderr);
    free(timers);
    return fired > 0 ? 1 : trouble;
}
