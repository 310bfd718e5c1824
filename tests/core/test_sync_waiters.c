/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_sync_waiters.c  What core/sync_waiters.c promises: an object is one loop's, and others are told so.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <weir/run.h>
#include <weir/sync.h>

#include "core/sync_waiters.h"
#include "lib/suite.h"

static struct objects {
    weir_lock lock;
    weir_event event;
    weir_condition condition;
    weir_semaphore semaphore;
    weir_barrier barrier;
    weir_queue queue;
} objects;
static weir_queue full_queue;
static int codes[24];
static int logged;

static void count_errors(int level, const char *message, void *arg)
{
    (void)arg;
    logged += level == 3 && strstr(message, "object=event") != NULL;
}

static int init_all(void)
{
    weir_lock_init(&objects.lock);
    weir_event_init(&objects.event);
    weir_condition_init(&objects.condition, NULL);
    weir_semaphore_init(&objects.semaphore, 1);
    weir_barrier_init(&objects.barrier, 1);
    return weir_queue_init(&objects.queue, 1);
}

/* Each first used here. */
static int use_all(void *arg)
{
    void *item;
    int *code = arg;

    *code++ = weir_lock_acquire(&objects.lock);
    *code++ = weir_lock_release(&objects.lock);
    weir_event_set(&objects.event);
    *code++ = weir_event_wait(&objects.event);
    weir_event_clear(&objects.event);
    *code++ = weir_condition_acquire(&objects.condition);
    *code++ = weir_condition_notify(&objects.condition, 1);
    *code++ = weir_condition_release(&objects.condition);
    *code++ = weir_semaphore_acquire(&objects.semaphore);
    *code++ = weir_semaphore_release(&objects.semaphore);
    *code++ = weir_barrier_wait(&objects.barrier);
    *code++ = weir_barrier_reset(&objects.barrier);
    *code++ = weir_barrier_abort(&objects.barrier);
    *code++ = weir_barrier_reset(&objects.barrier);
    *code++ = weir_queue_put(&objects.queue, NULL);
    *code++ = weir_queue_get(&objects.queue, &item);
    *code++ = weir_queue_put_nowait(&objects.queue, NULL);
    *code++ = weir_queue_get_nowait(&objects.queue, &item);
    *code++ = weir_queue_task_done(&objects.queue);
    *code++ = weir_queue_task_done(&objects.queue);
    *code++ = weir_queue_join(&objects.queue);
    return (int)(code - (int *)arg);
}

/* The first loop lives on while the second runs, so that the two cannot lie at the same address. */
START_TEST(another_loop_is_told_and_changes_nothing)
{
    weir_loop *first = weir_loop_new();
    weir_loop *second = weir_loop_new();

    weir_set_log(count_errors, NULL, 0);
    ck_assert_int_eq(init_all(), 0);
    int count = weir_loop_run_until_complete(first, use_all, codes);
    ck_assert_int_eq(count, 19);
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(codes[i], 0);

    ck_assert_int_eq(weir_loop_run_until_complete(second, use_all, codes), count);
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(codes[i], WEIR_ESTATE);
    ck_assert_int_eq(logged, 2);
    ck_assert(!weir_event_is_set(&objects.event));
    ck_assert(weir_queue_empty(&objects.queue));

    ck_assert_int_eq(weir_loop_run_until_complete(first, use_all, codes), count);
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(codes[i], 0);
    weir_queue_fini(&objects.queue);
    ck_assert_int_eq(init_all(), 0);            /* anew: anybody's */
    ck_assert_int_eq(weir_loop_run_until_complete(second, use_all, codes), count);
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(codes[i], 0);
    weir_queue_fini(&objects.queue);
    weir_loop_free(first);
    weir_loop_free(second);
    weir_set_log(NULL, NULL, 0);
}
END_TEST

static atomic_int stage;

static void *set_from_a_thread(void *arg)
{
    (void)arg;
    codes[1] = weir_lock_release(&objects.lock);
    weir_event_set(&objects.event);             /* of all mistakes the likeliest */
    codes[2] = weir_event_is_set(&objects.event);
    atomic_store(&stage, 1);
    return NULL;
}

static int wait_for_the_lock(void *arg)
{
    *(int *)arg = weir_lock_acquire(&objects.lock);
    return 0;
}

static int wait_for_the_event(void *arg)
{
    *(int *)arg = weir_event_wait(&objects.event);
    return 0;
}

static int wait_while_a_thread_meddles(void *arg)
{
    pthread_t thread;

    (void)arg;
    init_all();
    weir_lock_acquire(&objects.lock);
    weir_task *waits = weir_create_task(wait_for_the_lock, &codes[3]);
    weir_spawn(wait_for_the_event, &codes[4]);
    weir_yield();
    if (pthread_create(&thread, NULL, set_from_a_thread, NULL) != 0)
        return -1;
    pthread_join(thread, NULL);                 /* so the two never touch the object at the same time */
    codes[5] = weir_task_done(waits);
    weir_task_unref(waits);
    weir_lock_release(&objects.lock);
    weir_queue_fini(&objects.queue);
    return 0;
}

START_TEST(a_thread_without_a_loop_is_told_in_a_debug_build)
{
    weir_set_log(count_errors, NULL, 0);
    ck_assert_int_eq(weir_run(wait_while_a_thread_meddles, NULL), 0);
    ck_assert_int_eq(codes[1], WEIR_ESTATE);
    ck_assert_int_eq(codes[2], false);
    ck_assert_int_eq(logged, 1);
    ck_assert_int_eq(codes[5], false);
    ck_assert_int_eq(codes[3], 0);              /* it was given the lock before it was told to end */
    ck_assert_int_eq(codes[4], -ECANCELED);
    weir_set_log(NULL, NULL, 0);
}
END_TEST

/* --- The end of the run --------------------------------------------------- */

static int wait_in_condition(void)
{
    int code = weir_condition_acquire(&objects.condition);

    if (code == 0)
        code = weir_condition_wait(&objects.condition);
    weir_condition_release(&objects.condition);
    return code;
}

static int wait_in_each(void *arg)
{
    int which = (int)(intptr_t)arg;
    void *item;

    codes[which] = which == 0   ? weir_lock_acquire(&objects.lock)
                   : which == 1 ? weir_event_wait(&objects.event)
                   : which == 2 ? wait_in_condition()
                   : which == 3 ? weir_semaphore_acquire(&objects.semaphore)
                   : which == 4 ? weir_barrier_wait(&objects.barrier)
                   : which == 5 ? weir_queue_get(&objects.queue, &item)
                   : which == 6 ? weir_queue_put(&full_queue, NULL)
                                : weir_queue_join(&full_queue);
    return 0;
}

#define WAITS 8

static int leave_all_waiting(void *arg)
{
    (void)arg;
    init_all();
    weir_queue_init(&full_queue, 1);
    weir_queue_put_nowait(&full_queue, NULL);
    weir_lock_acquire(&objects.lock);
    weir_semaphore_acquire(&objects.semaphore);
    weir_barrier_init(&objects.barrier, 2);
    for (int i = 0; i < WAITS; i++) {
        codes[i] = 1;
        weir_spawn(wait_in_each, (void *)(intptr_t)i);
    }
    weir_yield();
    return 0;
}

/* CV-12. Afterwards each object is as if those tasks had never waited. */
START_TEST(the_end_of_the_run_ends_every_wait)
{
    void *item = &item;

    ck_assert_int_eq(weir_run(leave_all_waiting, NULL), 0);
    for (int i = 0; i < WAITS; i++)
        ck_assert_int_eq(codes[i], -ECANCELED);
    ck_assert_int_eq(weir_lock_release(&objects.lock), 0);
    ck_assert(!weir_lock_locked(&objects.lock));
    ck_assert(!weir_condition_locked(&objects.condition));
    ck_assert_int_eq(weir_semaphore_release(&objects.semaphore), 0);
    ck_assert_int_eq(weir_semaphore_acquire(&objects.semaphore), 0);
    ck_assert_int_eq(weir_barrier_wait(&objects.barrier), WEIR_ENOTASK);        /* the first of two */
    ck_assert_int_eq(weir_queue_put_nowait(&objects.queue, NULL), 0);
    ck_assert_uint_eq(weir_queue_qsize(&objects.queue), 1);
    ck_assert_int_eq(weir_queue_get_nowait(&full_queue, &item), 0);
    ck_assert_ptr_null(item);
    ck_assert(weir_queue_empty(&full_queue) && !weir_queue_full(&full_queue));
    weir_queue_fini(&objects.queue);
    weir_queue_fini(&full_queue);
}
END_TEST

static int meet_a_cut_before_waiting(void *arg)
{
    weir_timeout scope;

    (void)arg;
    weir_lock_init(&objects.lock);
    weir_lock_acquire(&objects.lock);
    weir_timeout_begin(&scope, 0);
    codes[0] = weir_lock_acquire(&objects.lock);
    weir_timeout_end(&scope);
    codes[1] = list_empty(&weir_current_task()->wait_link);
    weir_task_cancel(weir_current_task());
    codes[2] = weir_lock_acquire(&objects.lock);
    codes[3] = list_empty(&weir_current_task()->wait_link);
    return 0;
}

/* It was on the list before it was found that it need not wait. */
START_TEST(who_did_not_wait_is_on_no_list)
{
    ck_assert_int_eq(weir_run(meet_a_cut_before_waiting, NULL), 0);
    ck_assert_int_eq(codes[0], -ETIMEDOUT);
    ck_assert_int_eq(codes[1], true);
    ck_assert_int_eq(codes[2], -ECANCELED);
    ck_assert_int_eq(codes[3], true);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/sync_waiters");

    TCase *cases = tcase_create("cases");
    tcase_add_test(cases, another_loop_is_told_and_changes_nothing);
    tcase_add_test(cases, a_thread_without_a_loop_is_told_in_a_debug_build);
    tcase_add_test(cases, the_end_of_the_run_ends_every_wait);
    tcase_add_test(cases, who_did_not_wait_is_on_no_list);
    suite_add_tcase(s, cases);
    return s;
}
