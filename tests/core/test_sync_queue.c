/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_sync_queue.c  What core/sync_queue.c promises, case by case; test_sync_queue_random.c has the rest.
 */
#include <errno.h>
#include <stdint.h>

#include <weir/run.h>
#include <weir/sync.h>
#include <weir/task.h>

#include "core/sys_fault.h"
#include "lib/clock.h"
#include "lib/each_fault.h"
#include "lib/suite.h"
#include "lib/trace.h"

static weir_queue queue;
static int codes[12];
static void *items[12];

static void *item(uintptr_t number)
{
    return (void *)number;
}

static int by_number(const void *a, const void *b)
{
    return (uintptr_t)a < (uintptr_t)b ? -1 : (uintptr_t)a > (uintptr_t)b;
}

/* --- Without waiting ------------------------------------------------------ */

/* C120: queue(2). */
START_TEST(a_full_queue_and_an_empty_one_refuse)
{
    void *got = item(77);

    ck_assert_int_eq(weir_queue_init(&queue, 2), 0);
    ck_assert_int_eq(weir_queue_get_nowait(&queue, &got), -EAGAIN);
    ck_assert_ptr_eq(got, item(77));
    ck_assert(weir_queue_empty(&queue) && !weir_queue_full(&queue));
    ck_assert_int_eq(weir_queue_put_nowait(&queue, item(1)), 0);
    ck_assert_int_eq(weir_queue_put(&queue, NULL), 0);
    ck_assert_int_eq(weir_queue_put_nowait(&queue, item(3)), -EAGAIN);
    ck_assert_int_eq(weir_queue_put(&queue, item(3)), WEIR_ENOTASK);
    ck_assert_uint_eq(weir_queue_qsize(&queue), 2);
    ck_assert(weir_queue_full(&queue) && !weir_queue_empty(&queue));
    ck_assert_int_eq(weir_queue_get_nowait(&queue, &got), 0);
    ck_assert_ptr_eq(got, item(1));
    ck_assert_int_eq(weir_queue_get(&queue, &got), 0);
    ck_assert_ptr_null(got);
    ck_assert_int_eq(weir_queue_get(&queue, &got), WEIR_ENOTASK);
    weir_queue_fini(&queue);
    weir_queue_fini(&queue);
}
END_TEST

/* SY-5. */
START_TEST(lifo_and_priority_queues_have_their_order)
{
    static const uintptr_t put[] = { 5, 1, 9, 1, 7 }, lifo[] = { 7, 1, 9, 1, 5 }, priority[] = { 1, 1, 5, 7, 9 };
    void *got;

    ck_assert_int_eq(weir_queue_init_priority(&queue, 0, NULL), -EINVAL);
    ck_assert_int_eq(_i == 0 ? weir_queue_init_lifo(&queue, 5) : weir_queue_init_priority(&queue, 5, by_number), 0);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(weir_queue_put_nowait(&queue, item(put[i])), 0);
    ck_assert_int_eq(weir_queue_put_nowait(&queue, item(2)), -EAGAIN);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(weir_queue_get_nowait(&queue, &got), 0);
        ck_assert_ptr_eq(got, item(_i == 0 ? lifo[i] : priority[i]));
    }
    ck_assert_int_eq(weir_queue_put_nowait(&queue, item(2)), 0);    /* fini frees what is left in it */
    weir_queue_fini(&queue);
}
END_TEST

START_TEST(a_queue_of_0_has_no_bound)
{
    ck_assert_int_eq(weir_queue_init(&queue, 0), 0);
    for (uintptr_t i = 0; i < 10000; i++)
        ck_assert_int_eq(weir_queue_put_nowait(&queue, item(i)), 0);
    ck_assert(!weir_queue_full(&queue));
    ck_assert_uint_eq(weir_queue_qsize(&queue), 10000);
    weir_queue_fini(&queue);
}
END_TEST

/* SY-5. */
START_TEST(task_done_is_counted_against_what_was_put)
{
    void *got;

    ck_assert_int_eq(weir_queue_init(&queue, 0), 0);
    ck_assert_int_eq(weir_queue_join(&queue), 0);
    ck_assert_int_eq(weir_queue_task_done(&queue), -EINVAL);
    weir_queue_put_nowait(&queue, item(1));
    ck_assert_int_eq(weir_queue_join(&queue), WEIR_ENOTASK);
    weir_queue_get_nowait(&queue, &got);
    ck_assert_int_eq(weir_queue_join(&queue), WEIR_ENOTASK);        /* taken is not done */
    ck_assert_int_eq(weir_queue_task_done(&queue), 0);
    ck_assert_int_eq(weir_queue_task_done(&queue), -EINVAL);
    ck_assert_int_eq(weir_queue_join(&queue), 0);
    weir_queue_fini(&queue);
}
END_TEST

/* --- Waiting -------------------------------------------------------------- */

static int get_one(void *arg)
{
    int which = (int)(intptr_t)arg;

    codes[which] = weir_queue_get(&queue, &items[which]);
    return 0;
}

static int put_one(void *arg)
{
    int which = (int)(intptr_t)arg;

    codes[which] = weir_queue_put(&queue, item((uintptr_t)which));
    return 0;
}

static weir_task *start(int (*fn)(void *), int which)
{
    return weir_create_task(fn, (void *)(intptr_t)which);
}

static void end(weir_task *task)
{
    weir_task_join(task);
    weir_task_unref(task);
}

static int getters_in_turn(void *arg)
{
    (void)arg;
    weir_queue_init(&queue, 1);
    weir_task *tasks[] = { start(get_one, 0), start(get_one, 1) };
    weir_yield();
    codes[2] = weir_queue_put_nowait(&queue, item(10));
    codes[3] = weir_queue_get_nowait(&queue, &items[3]);        /* it is the waiting one's */
    codes[4] = (int)weir_queue_qsize(&queue);
    codes[5] = weir_queue_full(&queue);                         /* and has its place until it has gone */
    codes[6] = weir_queue_put_nowait(&queue, item(11));
    codes[7] = weir_queue_put(&queue, item(12));
    end(tasks[0]);
    end(tasks[1]);
    weir_queue_fini(&queue);
    return 0;
}

/* SY-5: a get that comes along does not take what another was given. */
START_TEST(items_go_to_who_waited_longest)
{
    ck_assert_int_eq(weir_run(getters_in_turn, NULL), 0);
    ck_assert_ptr_eq(items[0], item(10));
    ck_assert_ptr_eq(items[1], item(12));
    ck_assert_int_eq(codes[0], 0);
    ck_assert_int_eq(codes[1], 0);
    ck_assert_int_eq(codes[2], 0);
    ck_assert_int_eq(codes[3], -EAGAIN);
    ck_assert_int_eq(codes[4], 0);
    ck_assert_int_eq(codes[5], true);
    ck_assert_int_eq(codes[6], -EAGAIN);
    ck_assert_int_eq(codes[7], 0);
}
END_TEST

static int putters_in_turn(void *arg)
{
    (void)arg;
    weir_queue_init(&queue, 1);
    weir_queue_put_nowait(&queue, item(9));
    weir_task *tasks[] = { start(put_one, 0), start(put_one, 1) };
    weir_yield();
    weir_queue_get_nowait(&queue, &items[0]);
    codes[2] = weir_queue_put_nowait(&queue, item(8));          /* the place is promised */
    codes[3] = weir_queue_get(&queue, &items[1]);
    codes[4] = weir_queue_get(&queue, &items[2]);
    codes[5] = weir_queue_put_nowait(&queue, item(7));
    end(tasks[0]);
    end(tasks[1]);
    weir_queue_fini(&queue);
    return 0;
}

/* SY-5. */
START_TEST(places_go_to_who_waited_longest)
{
    ck_assert_int_eq(weir_run(putters_in_turn, NULL), 0);
    ck_assert_ptr_eq(items[0], item(9));
    ck_assert_ptr_eq(items[1], item(0));
    ck_assert_ptr_eq(items[2], item(1));
    ck_assert_int_eq(codes[2], -EAGAIN);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(codes[i], i == 2 ? -EAGAIN : 0);
}
END_TEST

static int wake_and_cancel(void *arg)
{
    bool cancel_first = *(int *)arg;

    weir_queue_init(&queue, 1);
    weir_task *getters[] = { start(get_one, 0), start(get_one, 1) };
    weir_yield();
    if (cancel_first)
        weir_task_cancel(getters[0]);
    weir_queue_put_nowait(&queue, item(10));
    if (!cancel_first)
        weir_task_cancel(getters[0]);
    weir_yield();
    weir_yield();
    codes[4] = (int)weir_queue_qsize(&queue);
    codes[5] = weir_task_done(getters[1]);
    weir_task_cancel(getters[1]);
    end(getters[0]);
    end(getters[1]);

    weir_queue_put_nowait(&queue, item(20));
    weir_task *putters[] = { start(put_one, 2), start(put_one, 3) };
    weir_yield();
    if (cancel_first)
        weir_task_cancel(putters[0]);
    weir_queue_get_nowait(&queue, &items[2]);
    if (!cancel_first)
        weir_task_cancel(putters[0]);
    weir_yield();
    weir_yield();
    weir_queue_get_nowait(&queue, &items[3]);
    weir_task_cancel(putters[1]);
    end(putters[0]);
    end(putters[1]);
    weir_queue_fini(&queue);
    return 0;
}

/* CV-12: what a cancelled task was given it keeps; what it was not given is the next one's. */
START_TEST(no_item_and_no_place_is_lost_to_who_was_cancelled)
{
    int cancel_first = _i;

    ck_assert_int_eq(weir_run(wake_and_cancel, &cancel_first), 0);
    ck_assert_int_eq(codes[0], cancel_first ? -ECANCELED : 0);
    ck_assert_ptr_eq(items[0], cancel_first ? NULL : item(10));
    ck_assert_ptr_eq(items[1], cancel_first ? item(10) : NULL);
    ck_assert_int_eq(codes[4], 0);
    ck_assert_int_eq(codes[5], cancel_first);
    ck_assert_int_eq(codes[2], cancel_first ? -ECANCELED : 0);
    ck_assert_ptr_eq(items[2], item(20));
    ck_assert_ptr_eq(items[3], item(cancel_first ? 3 : 2));
}
END_TEST

static int run_out_of_time(void *arg)
{
    weir_timeout scope;

    (void)arg;
    weir_queue_init(&queue, 1);
    weir_timeout_begin(&scope, 2);
    codes[0] = weir_queue_get(&queue, &items[0]);
    codes[1] = weir_queue_put(&queue, item(1));         /* need not wait */
    codes[2] = weir_queue_put(&queue, item(2));
    codes[3] = weir_queue_join(&queue);
    codes[4] = weir_queue_get(&queue, &items[1]);
    codes[5] = (int)weir_queue_qsize(&queue);
    weir_timeout_end(&scope);
    codes[6] = (int)clock_now();
    weir_task_cancel(weir_current_task());
    codes[7] = weir_queue_join(&queue);
    weir_queue_task_done(&queue);
    codes[8] = weir_queue_join(&queue);
    weir_queue_fini(&queue);
    return 0;
}

START_TEST(a_deadline_ends_every_wait_and_leaves_the_queue_usable)
{
    items[0] = item(77);
    clock_fake();
    ck_assert_int_eq(weir_run(run_out_of_time, NULL), 0);
    ck_assert_int_eq(codes[0], -ETIMEDOUT);
    ck_assert_ptr_eq(items[0], item(77));
    ck_assert_int_eq(codes[1], 0);
    ck_assert_int_eq(codes[2], -ETIMEDOUT);
    ck_assert_int_eq(codes[3], -ETIMEDOUT);
    ck_assert_int_eq(codes[4], 0);
    ck_assert_ptr_eq(items[1], item(1));
    ck_assert_int_eq(codes[5], 0);
    ck_assert_int_eq(codes[6], 2);
    ck_assert_int_eq(codes[7], -ECANCELED);
    ck_assert_int_eq(codes[8], 0);
}
END_TEST

static int work_off(void *arg)
{
    void *got;

    while (weir_queue_get(&queue, &got) == 0) {
        weir_sleep(1);
        trace(arg);
        weir_queue_task_done(&queue);
    }
    return 0;
}

static int wait_for_the_work(void *word)
{
    codes[0] = weir_queue_join(&queue);
    trace(word);
    return 0;
}

static int two_workers(void *arg)
{
    (void)arg;
    weir_queue_init(&queue, 0);
    for (uintptr_t i = 0; i < 4; i++)
        weir_queue_put_nowait(&queue, item(i));
    weir_spawn(work_off, "w");
    weir_spawn(work_off, "w");
    weir_spawn(wait_for_the_work, "j");
    codes[1] = weir_queue_join(&queue);
    trace("-");
    weir_yield();
    weir_yield();
    return (int)clock_now();
}

/* The worker pool of asyncio's documentation. The workers still wait when the run ends. */
START_TEST(join_waits_until_the_work_for_every_item_is_done)
{
    clock_fake();
    ck_assert_int_eq(weir_run(two_workers, NULL), 2);
    ck_assert_int_eq(codes[0], 0);
    ck_assert_int_eq(codes[1], 0);
    ck_assert_str_eq(trace_text, "wwww-j");
    weir_queue_fini(&queue);
}
END_TEST

/* --- Without memory ------------------------------------------------------- */

static int wrong;

/* The plan fails one allocation: the queue is then as it was, and the same call made again succeeds. */
static int use_queue(void *arg)
{
    void *got;

    (void)arg;
    int code = weir_queue_init(&queue, 2);
    if (code < 0) {
        wrong += code != -ENOMEM;
        return code;
    }
    for (uintptr_t i = 0; i < 2; i++) {
        int again = weir_queue_put_nowait(&queue, item(i));
        if (again < 0) {
            code = again;
            wrong += weir_queue_qsize(&queue) != i || weir_queue_put(&queue, item(i)) != 0;
        }
    }
    wrong += code != 0 && code != -ENOMEM;
    int full = weir_queue_put(&queue, item(2));             /* no task to wait in; or without memory before that */
    wrong += full != WEIR_ENOTASK && full != -ENOMEM;
    for (uintptr_t i = 0; i < 2; i++)
        wrong += weir_queue_get_nowait(&queue, &got) != 0 || got != item(i);
    wrong += weir_queue_get_nowait(&queue, &got) != -EAGAIN;
    weir_queue_fini(&queue);
    return code;
}

START_TEST(without_memory_nothing_changes)
{
    ck_assert_uint_ge(each_fault(FAULT_OF(SYS_ALLOC), false, use_queue, NULL), 4);
    ck_assert_int_eq(wrong, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/sync_queue");

    TCase *at_once = tcase_create("without waiting");
    tcase_add_test(at_once, a_full_queue_and_an_empty_one_refuse);
    tcase_add_loop_test(at_once, lifo_and_priority_queues_have_their_order, 0, 2);
    tcase_add_test(at_once, a_queue_of_0_has_no_bound);
    tcase_add_test(at_once, task_done_is_counted_against_what_was_put);
    tcase_add_test(at_once, without_memory_nothing_changes);
    suite_add_tcase(s, at_once);

    TCase *waiting = tcase_create("waiting");
    tcase_add_test(waiting, items_go_to_who_waited_longest);
    tcase_add_test(waiting, places_go_to_who_waited_longest);
    tcase_add_loop_test(waiting, no_item_and_no_place_is_lost_to_who_was_cancelled, 0, 2);
    tcase_add_test(waiting, a_deadline_ends_every_wait_and_leaves_the_queue_usable);
    tcase_add_test(waiting, join_waits_until_the_work_for_every_item_is_done);
    suite_add_tcase(s, waiting);
    return s;
}
