/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/core_tasks.c  What a switch costs, and what it costs to make a task and see it end.
 *
 * Tasks run once a pass, and a pass asks the kernel for events, which is no part of either. So both figures are slopes: the
 * time of a pass with MANY tasks less that of one with FEW, over the tasks that make the difference.
 *
 * switch   one way: half of what a weir_yield costs, its place in the queue included. Beside it swapcontext of libc, one
 *          way, and a call through a pointer, which is what a callback costs.
 * create   a weir_spawn, the first step, the end, the stack back in the pool. Beside it a thread, created and joined.
 *
 * Try:  core_tasks switch 51
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <ucontext.h>

#include <weir/weir.h>

#include "turns.h"

#define FEW     8
#define MANY    56              /* with their stacks less than STACK_HOT of core/stack.h, and than the L1 TLB has entries */
#define PASSES  400
#define SWAPS   4000
#define CALLS   100000
#define THREADS 20

struct run {
    const char *row;
    int         turns;
};

/* --- weir ---------------------------------------------------------------- */

struct yields {
    int left;                   /* yielders that have not ended */
    int failure;
};

static int yield_often(void *arg)
{
    struct yields *yields = arg;

    for (int i = 0; i < PASSES + 2 && yields->failure == 0; i++)
        yields->failure = weir_yield();
    yields->left--;
    return 0;
}

static double say_failure(const char *what, int code)
{
    fprintf(stderr, "core_tasks: %s: %s (%s)\n", what, weir_strerror(code), weir_error_detail());
    return NAN;
}

/* Nanoseconds of a pass in which so many tasks yield, ours not counted; not a number on failure. */
static double yielding_pass_ns(int tasks)
{
    struct yields yields = { .left = tasks };

    for (int i = 0; i < tasks; i++) {
        int code = weir_spawn(yield_often, &yields);
        if (code < 0)
            return say_failure("spawn", code);
    }
    yields.failure = weir_yield();              /* all are at their first yield */
    int64_t since = turns_now_ns();
    for (int i = 0; i < PASSES && yields.failure == 0; i++)
        yields.failure = weir_yield();
    int64_t took = turns_now_ns() - since;
    while (yields.left > 0 && yields.failure == 0)
        yields.failure = weir_yield();
    return yields.failure < 0 ? say_failure("yield", yields.failure) : (double)took / PASSES;
}

static double weir_switch(void *arg)
{
    (void)arg;
    return (yielding_pass_ns(MANY) - yielding_pass_ns(FEW)) / (MANY - FEW) / 2;     /* NAN goes through */
}

static int nothing(void *arg)
{
    ++*(int *)arg;
    return 0;
}

/* Nanoseconds of a pass in which so many tasks are made, run and end. */
static double making_pass_ns(int tasks)
{
    int ended = 0, code = 0;
    int64_t since = turns_now_ns();

    for (int pass = 0; pass < PASSES && code == 0; pass++) {
        for (int i = 0; i < tasks && code == 0; i++)
            code = weir_spawn(nothing, &ended);
        if (code == 0)
            code = weir_yield();
    }
    int64_t took = turns_now_ns() - since;
    if (code < 0)
        return say_failure("spawn or yield", code);
    if (weir_yield() < 0 || ended != tasks * PASSES) {
        fprintf(stderr, "core_tasks: %d tasks of %d ran\n", ended, tasks * PASSES);
        return NAN;
    }
    return (double)took / PASSES;
}

static double weir_create(void *arg)
{
    (void)arg;
    return (making_pass_ns(MANY) - making_pass_ns(FEW)) / (MANY - FEW);
}

/* --- Beside it ------------------------------------------------------------ */

static ucontext_t here, there;

static void swap_back(void)
{
    for (;;)
        swapcontext(&there, &here);
}

static double libc_switch(void *arg)
{
    static char stack[64 * 1024];

    (void)arg;
    getcontext(&there);
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = sizeof stack;
    makecontext(&there, swap_back, 0);
    int64_t since = turns_now_ns();
    for (int i = 0; i < SWAPS; i++)
        swapcontext(&here, &there);
    return (double)(turns_now_ns() - since) / SWAPS / 2;
}

static double pointer_call(void *arg)
{
    static int (*volatile fn)(void *) = nothing;        /* volatile: read anew for each call, and never inlined */
    int calls = 0;

    (void)arg;
    int64_t since = turns_now_ns();
    for (int i = 0; i < CALLS; i++)
        fn(&calls);
    return (double)(turns_now_ns() - since) / calls;
}

static void *thread_nothing(void *arg)
{
    ++*(int *)arg;
    return NULL;
}

static double thread_create(void *arg)
{
    int ended = 0;
    int64_t since = turns_now_ns();

    (void)arg;
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;
        int trouble = pthread_create(&thread, NULL, thread_nothing, &ended);
        if (trouble != 0) {
            fprintf(stderr, "core_tasks: pthread_create: %s\n", strerror(trouble));
            return NAN;
        }
        pthread_join(thread, NULL);
    }
    return (double)(turns_now_ns() - since) / ended;
}

static int measure(void *arg)
{
    static const struct side switches[] = {
        { "weir", weir_switch, NULL }, { "swapcontext", libc_switch, NULL }, { "call through a pointer", pointer_call, NULL },
    };
    static const struct side creates[] = { { "weir", weir_create, NULL }, { "thread", thread_create, NULL } };
    const struct run *run = arg;

    if (strcmp(run->row, "switch") == 0)
        return turns_run(run->row, switches, 3, run->turns);
    return turns_run(run->row, creates, 2, run->turns);
}

int main(int argc, char **argv)
{
    struct run run = { .row = argc == 3 ? argv[1] : "", .turns = argc == 3 ? turns_wanted(argv[2]) : 0 };

    if (run.turns == 0 || (strcmp(run.row, "switch") != 0 && strcmp(run.row, "create") != 0)) {
        fputs("usage: core_tasks switch|create TURNS\n", stderr);
        return 2;
    }
    int code = weir_run(measure, &run);
    if (code < 0)
        (void)say_failure("run", code);
    return code != 0;
}
