/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_trim.c  What core/trim.c promises: a task that sleeps gives the deep pages of its stack back.
 */
#include <string.h>
#include <sys/mman.h>

#include <weir/run.h>
#include <weir/task.h>

#include "core/task.h"
#include "lib/clock.h"
#include "lib/suite.h"

#define DEEP ((size_t)48 * 1024)        /* bytes of stack that a task uses once */

static size_t resident(const weir_task *task)
{
    unsigned char pages[1024];
    size_t count = task->stack.size / task->loop->stacks.page, in_memory = 0;

    if (count > sizeof pages || mincore(task->stack.base, task->stack.size, pages) < 0)
        return SIZE_MAX;
    for (size_t i = 0; i < count; i++)
        in_memory += pages[i] & 1;
    return in_memory;
}

static uint64_t trimmed(void)
{
    return weir__counter_read(&weir_get_running_loop()->counters, COUNTER_TRIMMED);
}

__attribute__((noinline)) static void go_deep(void)
{
    volatile char frame[DEEP];

    for (size_t i = 0; i < sizeof frame; i += 256)
        frame[i] = 'x';
}

struct seen {
    size_t pages[4];
    uint64_t trims[4];
    bool intact;
};

static int go_deep_and_sleep(void *arg)
{
    struct seen *seen = arg;
    unsigned char kept[512];

    memset(kept, 0x5a, sizeof kept);
    for (int i = 0; i < 2; i++) {
        go_deep();
        weir_sleep(10);
    }
    seen->intact = true;
    for (size_t i = 0; i < sizeof kept; i++)
        seen->intact = seen->intact && kept[i] == 0x5a;
    return 0;
}

/* How often the sleeper alone was trimmed; main, which sleeps too, is told apart by its being 1 MiB. */
static int watch_a_sleeper(void *arg)
{
    struct seen *seen = arg;
    weir_task *task = weir_create_task(go_deep_and_sleep, seen);

    weir_sleep(0.5);
    seen->pages[0] = resident(task);
    seen->trims[0] = trimmed();
    for (int i = 0; i < 4; i++)
        weir_sleep(0.5);                        /* main is never parked for a second */
    seen->pages[1] = resident(task);            /* at 2.5 s */
    seen->trims[1] = trimmed();
    for (int i = 0; i < 10; i++)
        weir_sleep(0.5);
    seen->trims[2] = trimmed();                 /* at 7.5 s: still the same parking */
    for (int i = 0; i < 12; i++)
        weir_sleep(0.5);
    seen->pages[3] = resident(task);            /* at 13.5 s, in the second parking */
    seen->trims[3] = trimmed();
    int code = weir_task_join(task);
    weir_task_unref(task);
    return code;
}

/* One printf touches several pages of a stack that then sits there for hours. */
START_TEST(a_task_parked_for_a_second_is_trimmed_once_in_each_parking)
{
    struct seen seen = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(watch_a_sleeper, &seen), 0);
    ck_assert_uint_ge(seen.pages[0], DEEP / 4096);
    ck_assert_uint_eq(seen.trims[0], 0);
    ck_assert_uint_le(seen.pages[1], 4);
    ck_assert_uint_eq(seen.trims[1], 1);
    ck_assert_uint_eq(seen.trims[2], 1);
    ck_assert_uint_le(seen.pages[3], 4);
    ck_assert_uint_eq(seen.trims[3], 2);
    ck_assert(seen.intact);                     /* what it uses is above its stack pointer */
}
END_TEST

static int keep_busy(void *arg)
{
    const double *step = arg;

    for (int i = 0; i < 100; i++) {
        go_deep();
        if (*step > 0)
            weir_sleep(*step);
        else
            weir_yield();
    }
    return 0;
}

static int watch_the_busy(void *arg)
{
    static double steps[] = { 0.1, 0.7, 0 };
    struct seen *seen = arg;
    weir_task *tasks[3];

    for (int i = 0; i < 3; i++)
        tasks[i] = weir_create_task(keep_busy, &steps[i]);
    for (int i = 0; i < 18; i++)
        weir_sleep(0.5);
    for (int i = 0; i < 2; i++)
        seen->pages[i] = resident(tasks[i]);
    seen->trims[0] = trimmed();
    for (int i = 0; i < 3; i++) {
        weir_task_cancel(tasks[i]);
        weir_task_unref(tasks[i]);
    }
    return 0;
}

/* A connection that talks more than once a second would fault its pages in again each time. */
START_TEST(tasks_that_run_now_and_then_are_left_alone)
{
    struct seen seen = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(watch_the_busy, &seen), 0);
    ck_assert_uint_eq(seen.trims[0], 0);
    ck_assert_uint_ge(seen.pages[0], DEEP / 4096);
    ck_assert_uint_ge(seen.pages[1], DEEP / 4096);
}
END_TEST

static int sleep_then_go_deep(void *arg)
{
    (void)arg;
    weir_sleep(0.6);
    go_deep();
    return weir_sleep(100);
}

static int watch_a_late_one(void *arg)
{
    struct seen *seen = arg;
    weir_task *task = weir_create_task(sleep_then_go_deep, NULL);

    for (int i = 0; i < 6; i++)
        weir_sleep(0.5);
    seen->pages[0] = resident(task);
    weir_task_unref(task);
    return 0;
}

/* The first sweep finds it parked for less than a second. It does not note itself again, so the sweep has to keep it. */
START_TEST(a_task_parked_shortly_before_a_sweep_is_trimmed_by_a_later_one)
{
    struct seen seen = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(watch_a_late_one, &seen), 0);
    ck_assert_uint_le(seen.pages[0], 4);
}
END_TEST

#define MANY 1500               /* three batches of the sweep */

static int deep_sleeper(void *arg)
{
    (void)arg;
    go_deep();
    return weir_sleep(100);
}

static int watch_many(void *arg)
{
    struct seen *seen = arg;
    static weir_task *tasks[MANY];
    static double step = 0.1;                   /* it goes on while the run ends */
    weir_task *busy = weir_create_task(keep_busy, &step);

    for (int i = 0; i < MANY; i++)
        tasks[i] = weir_create_task(deep_sleeper, NULL);
    for (int i = 0; i < 6; i++)
        weir_sleep(0.5);
    seen->trims[0] = trimmed();
    for (int i = 0; i < MANY; i++) {
        size_t pages = resident(tasks[i]);
        if (pages > seen->pages[0])
            seen->pages[0] = pages;
        weir_task_unref(tasks[i]);
    }
    weir_task_unref(busy);
    return 0;
}

START_TEST(a_crowd_is_trimmed_in_batches_and_none_is_forgotten)
{
    struct seen seen = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(watch_many, &seen), 0);
    ck_assert_uint_eq(seen.trims[0], MANY);
    ck_assert_uint_le(seen.pages[0], 4);
}
END_TEST

static int sleep_for_long(void *arg)
{
    uint64_t *polls = arg;

    weir_spawn(deep_sleeper, NULL);
    weir_sleep(5);
    *polls = epoll_waits();
    int code = weir_sleep(90);
    *polls = epoll_waits() - *polls;
    return code;
}

/* A sweep that goes on when there is nothing to do wakes an idle process every second. */
START_TEST(the_sweep_rests_when_everybody_has_been_trimmed)
{
    uint64_t polls = 0;

    clock_fake();
    ck_assert_int_eq(weir_run(sleep_for_long, &polls), 0);
    ck_assert_uint_le(polls, 30);
}
END_TEST

static int set_the_wall_clock_back(void *arg)
{
    struct seen *seen = arg;
    weir_task *task = weir_create_task(go_deep_and_sleep, seen);

    weir_sleep(0.5);
    clock_jump_wall(-86400);
    for (int i = 0; i < 4; i++)
        weir_sleep(0.5);
    seen->trims[0] = trimmed();
    int code = weir_task_join(task);
    weir_task_unref(task);
    return code;
}

/* Fault 28. How long a task has been parked is not a matter of the time of day. */
START_TEST(a_wall_clock_that_is_set_back_delays_no_trimming)
{
    struct seen seen = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(set_the_wall_clock_back, &seen), 0);
    ck_assert_uint_eq(seen.trims[0], 1);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/trim");

    TCase *trim = tcase_create("trim");
    tcase_add_test(trim, a_task_parked_for_a_second_is_trimmed_once_in_each_parking);
    tcase_add_test(trim, a_task_parked_shortly_before_a_sweep_is_trimmed_by_a_later_one);
    tcase_add_test(trim, tasks_that_run_now_and_then_are_left_alone);
    tcase_add_test(trim, a_crowd_is_trimmed_in_batches_and_none_is_forgotten);
    tcase_add_test(trim, a_wall_clock_that_is_set_back_delays_no_trimming);
    tcase_add_test(trim, the_sweep_rests_when_everybody_has_been_trimmed);
    suite_add_tcase(s, trim);
    return s;
}
