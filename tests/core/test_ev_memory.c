/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_ev_memory.c  What core/ev_memory.c promises: libev, which aborts without memory, never goes without.
 *
 * FAULTS 2. Memory goes away at every possible moment while timers and descriptors are added: what was admitted works, what
 * comes after is refused, and the process lives.
 */
#include <errno.h>
#include <unistd.h>

#include <weir/loop.h>
#include <weir/run.h>
#include <weir/task.h>

#include "core/ev_memory.h"
#include "core/loop.h"
#include "lib/clock.h"
#include "lib/each_fault.h"
#include "lib/suite.h"

#define TIMERS 3000

static int ran;

static void count_cb(void *arg)
{
    (void)arg;
    ran++;
}

/* Timers until one is refused, then let all of them run. */
static int add_timers(void *most)
{
    weir_loop *loop = weir_get_running_loop();
    int made = 0;

    ran = 0;
    for (int i = 0; i < *(int *)most; i++) {
        if (weir_loop_call_later(loop, 0.001 * (i % 100), count_cb, NULL) == NULL)
            break;
        made++;
        if (i % 64 == 0 && weir_yield() < 0)
            break;
    }
    for (int i = 0; i < 1000 && ran < made; i++)
        clock_advance(0.001), weir_yield();
    return ran == made ? 0 : -EPROTO;
}

static int run_add_timers(void *most)
{
    int code = weir_run(add_timers, most);

    ck_assert_int_ne(code, -EPROTO);            /* a timer that was admitted did not come */
    return code;
}

START_TEST(timers_survive_the_end_of_memory_at_every_moment)
{
    int most = TIMERS;

    clock_fake();
    ck_assert_uint_ge(each_fault(FAULT_OF(SYS_ALLOC), true, run_add_timers, &most), 20);
    ck_assert_int_eq(ran, TIMERS);
}
END_TEST

START_TEST(timers_survive_every_single_failing_allocation)
{
    int most = TIMERS / 4;

    clock_fake();
    ck_assert_uint_ge(each_fault(FAULT_OF(SYS_ALLOC), false, run_add_timers, &most), 20);
    ck_assert_int_eq(ran, TIMERS / 4);
}
END_TEST

#define FDS 200

static int readable;

static void on_readable(struct ev_loop *ev, ev_io *io, int events)
{
    (void)events;
    readable++;
    ev_io_stop(ev, io);
}

/* As a transport does it: admitted first, then two watchers. */
static int watch_descriptors(void *arg)
{
    static ev_io reading[FDS], writing[FDS];
    weir_loop *loop = weir_get_running_loop();
    const int *fds = arg;
    int admitted = 0, code = 0;

    readable = 0;
    for (int i = 0; i < FDS && code == 0; i++) {
        code = weir__loop_admit(loop, fds[i]);
        if (code < 0)
            break;
        admitted++;
        ev_io_init(&reading[i], on_readable, fds[i], EV_READ);
        ev_io_start(loop->ev, &reading[i]);
        ev_io_init(&writing[i], on_readable, fds[i], EV_WRITE);
        ev_io_start(loop->ev, &writing[i]);
        if (i % 16 == 0)
            (void)weir_yield();
    }
    for (int i = 0; i < 4; i++)
        (void)weir_yield();
    int seen = readable;
    for (int i = 0; i < admitted; i++) {
        ev_io_stop(loop->ev, &reading[i]);
        ev_io_stop(loop->ev, &writing[i]);
        weir__loop_release(loop);
    }
    return seen != admitted ? -EPROTO : code;
}

static int run_watch_descriptors(void *arg)
{
    int code = weir_run(watch_descriptors, arg);

    ck_assert_int_ne(code, -EPROTO);
    return code;
}

START_TEST(descriptors_survive_the_end_of_memory_at_every_moment)
{
    int fds[FDS], ends[2];

    for (int i = 0; i < FDS; i += 2) {
        ck_assert_int_eq(pipe(ends), 0);
        ck_assert_int_eq(write(ends[1], "x", 1), 1);
        fds[i] = ends[0];                       /* readable */
        fds[i + 1] = ends[1];                   /* writable */
    }
    ck_assert_uint_ge(each_fault(FAULT_OF(SYS_ALLOC), true, run_watch_descriptors, fds), 10);
    ck_assert_uint_ge(each_fault(FAULT_OF(SYS_ALLOC), false, run_watch_descriptors, fds), 10);
}
END_TEST

static int sleep_once(void *arg)
{
    (void)arg;
    return weir_sleep(0.001);
}

static int many_sleepers(void *arg)
{
    weir_task *tasks[300];
    int made = 0, code = 0;

    (void)arg;
    while (made < 300 && (tasks[made] = weir_create_task(sleep_once, NULL)) != NULL)
        made++;
    for (int i = 0; i < made; i++) {
        int result = weir_task_join(tasks[i]);
        if (result < 0)
            code = result;
        weir_task_unref(tasks[i]);
    }
    return made < 300 ? -ENOMEM : code;
}

static int run_many_sleepers(void *arg)
{
    int code = weir_run(many_sleepers, arg);

    ck_assert_msg(code == 0 || code == -ENOMEM, "the run gave %d", code);
    return code;
}

/* A sleep without memory for its timer fails with a code, which is one of those every waiting call may return. */
START_TEST(sleeping_tasks_survive_the_end_of_memory_at_every_moment)
{
    clock_fake();
    ck_assert_uint_ge(each_fault(FAULT_OF(SYS_ALLOC), true, run_many_sleepers, NULL), 10);
}
END_TEST

START_TEST(memory_that_cannot_be_laid_aside_is_told)
{
    struct fault_plan plan = { .fail_at = 1 };

    weir__ev_memory_install();
    weir__fault_begin(&plan);
    ck_assert_int_eq(weir__ev_memory_reserve(100000, 10), -ENOMEM);
    ck_assert_int_eq(weir__ev_memory_reserve(100000, 10), 0);
    ck_assert_int_eq(weir__ev_memory_reserve(10, 100000), 0);
    weir__fault_end();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/ev_memory");

    TCase *memory = tcase_create("memory");
    tcase_set_timeout(memory, 20);
    tcase_add_test(memory, timers_survive_the_end_of_memory_at_every_moment);
    tcase_add_test(memory, timers_survive_every_single_failing_allocation);
    tcase_add_test(memory, descriptors_survive_the_end_of_memory_at_every_moment);
    tcase_add_test(memory, sleeping_tasks_survive_the_end_of_memory_at_every_moment);
    tcase_add_test(memory, memory_that_cannot_be_laid_aside_is_told);
    suite_add_tcase(s, memory);
    return s;
}
