/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/core_limits.c  A million time limits, armed and moved.
 *
 * All of them are an hour away and none runs out. In weir a limit of its own is a weir_loop_call_later, and moving it is
 * a weir_handle_cancel and another one; with libev alone it is a timer of its own and ev_timer_again. They are moved in an
 * order that has nothing to do with that in the heap, as limits of connections are.
 *
 * limit-arm     each of COUNT armed
 * limit-rearm   each of COUNT moved, while all are armed
 * limit-task    a task's wait within a WEIR_TIMEOUT, TASKS of them, again and again, so that a million limits begin: what it
 *               takes more than the same wait without a limit. Beside it ev_timer_again of one of as many timers.
 *
 * Try:  core_limits limit-rearm 5
 */
#include <ev.h>

#include <weir/weir.h>

#include "turns.h"

#define COUNT   1000000
#define TASKS   1000
#define PASSES  1000            /* of TASKS, a limit for each */
#define AN_HOUR 3600.0
#define STRIDE  7368787         /* a prime: i * STRIDE % COUNT comes to every number once */

struct run {
    const char *row;
    int         turns;
};

static size_t shuffled(size_t i)
{
    return i * STRIDE % COUNT;
}

/* --- Of their own --------------------------------------------------------- */

static weir_handle **handles;
static ev_timer *timers;
static struct ev_loop *bare;
static int fired;

static void on_due(void *arg)
{
    (void)arg;
    fired++;
}

static void on_timer(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev, (void)timer, (void)events;
    fired++;
}

static int weir_arm(size_t i)
{
    handles[i] = weir_loop_call_later(weir_get_running_loop(), AN_HOUR, on_due, NULL);
    if (handles[i] != NULL)
        return 0;
    fprintf(stderr, "core_limits: %s\n", weir_error_detail());
    return -1;
}

/* Arm all, move all, take all back; the time of what @moved asks for. */
static double weir_limits(bool moved)
{
    int64_t since = turns_now_ns();
    for (size_t i = 0; i < COUNT; i++)
        if (weir_arm(i) < 0)
            return NAN;
    int64_t armed = turns_now_ns() - since;
    if (weir_yield() < 0)                       /* libev's clock goes on */
        return NAN;
    since = turns_now_ns();
    for (size_t i = 0; i < COUNT && moved; i++) {
        size_t which = shuffled(i);
        weir_handle_cancel(handles[which]);
        if (weir_arm(which) < 0)
            return NAN;
    }
    int64_t took = moved ? turns_now_ns() - since : armed;
    for (size_t i = 0; i < COUNT; i++)
        weir_handle_cancel(handles[i]);
    return (double)took / COUNT;
}

static double libev_limits(bool moved)
{
    int64_t since = turns_now_ns();
    for (size_t i = 0; i < COUNT; i++) {
        ev_timer_init(&timers[i], on_timer, 0., AN_HOUR);
        ev_timer_again(bare, &timers[i]);
    }
    int64_t armed = turns_now_ns() - since;
    ev_run(bare, EVRUN_NOWAIT);
    since = turns_now_ns();
    for (size_t i = 0; i < COUNT && moved; i++)
        ev_timer_again(bare, &timers[shuffled(i)]);
    int64_t took = moved ? turns_now_ns() - since : armed;
    for (size_t i = 0; i < COUNT; i++)
        ev_timer_stop(bare, &timers[i]);
    return (double)took / COUNT;
}

static double weir_arm_all(void *arg)
{
    (void)arg;
    return weir_limits(false);
}

static double weir_move_all(void *arg)
{
    (void)arg;
    return weir_limits(true);
}

static double libev_arm_all(void *arg)
{
    (void)arg;
    return libev_limits(false);
}

static double libev_move_all(void *arg)
{
    (void)arg;
    return libev_limits(true);
}

/* --- Of a task ------------------------------------------------------------ */

struct waiters {
    weir_event event;
    double     limit;           /* 0: none */
    int        left;            /* tasks that have not ended */
    int        failure;
};

static int wait_often(void *arg)
{
    struct waiters *waiters = arg;

    for (int i = 0; i <= PASSES && waiters->failure == 0; i++) {
        weir_timeout scope;
        if (waiters->limit > 0)
            weir_timeout_begin(&scope, waiters->limit);
        int code = weir_event_wait(&waiters->event);
        if (waiters->limit > 0)
            (void)weir_timeout_end(&scope);
        if (code < 0)
            waiters->failure = code;
    }
    waiters->left--;
    return 0;
}

/* Wake all that wait; they wait anew by the time this comes back. */
static int wake_all(struct waiters *waiters)
{
    weir_event_set(&waiters->event);
    weir_event_clear(&waiters->event);
    int code = weir_yield();
    return code < 0 ? code : waiters->failure;
}

/* Nanoseconds for one wait. */
static double waits_ns(double limit)
{
    struct waiters waiters = { .limit = limit, .left = TASKS };
    int code = 0;

    weir_event_init(&waiters.event);
    for (int i = 0; i < TASKS && code == 0; i++)
        code = weir_spawn(wait_often, &waiters);
    if (code == 0)
        code = weir_yield();
    int64_t since = turns_now_ns();
    for (int i = 0; i < PASSES && code == 0; i++)
        code = wake_all(&waiters);
    int64_t took = turns_now_ns() - since;
    while (waiters.left > 0 && code == 0)
        code = wake_all(&waiters);
    if (code < 0) {
        fprintf(stderr, "core_limits: %s (%s)\n", weir_strerror(code), weir_error_detail());
        return NAN;
    }
    return (double)took / TASKS / PASSES;
}

static double weir_waits(void *arg)
{
    (void)arg;
    return waits_ns(AN_HOUR) - waits_ns(0);     /* NAN goes through */
}

static double libev_agains(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < TASKS; i++) {
        ev_timer_init(&timers[i], on_timer, 0., AN_HOUR);
        ev_timer_again(bare, &timers[i]);
    }
    int64_t took = 0;
    for (int pass = 0; pass < PASSES; pass++) {
        ev_run(bare, EVRUN_NOWAIT);
        int64_t since = turns_now_ns();
        for (size_t i = 0; i < TASKS; i++)
            ev_timer_again(bare, &timers[i]);
        took += turns_now_ns() - since;
    }
    for (size_t i = 0; i < TASKS; i++)
        ev_timer_stop(bare, &timers[i]);
    return (double)took / TASKS / PASSES;
}

/* --- The run -------------------------------------------------------------- */

static const struct {
    const char *row;
    struct side sides[2];
} rows[] = {
    { "limit-arm", { { "weir", weir_arm_all, NULL }, { "libev", libev_arm_all, NULL } } },
    { "limit-rearm", { { "weir", weir_move_all, NULL }, { "libev", libev_move_all, NULL } } },
    { "limit-task", { { "weir", weir_waits, NULL }, { "libev", libev_agains, NULL } } },
};

static int measure(void *arg)
{
    const struct run *run = arg;
    int trouble = -1;

    /* After weir's loop: libev has one allocator for all loops of a process, and weir sets it. */
    bare = ev_loop_new(EVBACKEND_EPOLL);
    if (bare == NULL) {
        fputs("core_limits: no second loop\n", stderr);
        return 1;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].row, run->row) == 0)
            trouble = turns_run(run->row, rows[i].sides, 2, run->turns);
    if (trouble < 0)
        fprintf(stderr, "core_limits: there is no row %s\n", run->row);
    ev_loop_destroy(bare);
    return trouble != 0;
}

int main(int argc, char **argv)
{
    struct run run = { .row = argc == 3 ? argv[1] : "", .turns = argc == 3 ? turns_wanted(argv[2]) : 0 };

    if (run.turns == 0) {
        fputs("usage: core_limits limit-arm|limit-rearm|limit-task TURNS\n", stderr);
        return 2;
    }
    handles = calloc(COUNT, sizeof *handles);
    timers = calloc(COUNT, sizeof *timers);
    if (handles == NULL || timers == NULL) {
        fputs("core_limits: no memory for a million limits\n", stderr);
        return 1;
    }
    int code = weir_run(measure, &run);
    if (code < 0)
        fprintf(stderr, "core_limits: %s\n", weir_error_detail());
    if (fired > 0)
        fprintf(stderr, "core_limits: %d limits ran out\n", fired);
    free(timers);
    free(handles);
    return code != 0 || fired > 0;
}
