/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_task_api.c  What core/task_api.c promises: making, cancelling, joining and naming tasks.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include <weir/run.h>
#include <weir/task.h>

#include "core/sys_fault.h"
#include "core/task.h"
#include "lib/clock.h"
#include "lib/suite.h"
#include "lib/trace.h"

static int return_it(void *code)
{
    return *(int *)code;
}

static int sleep_long(void *arg)
{
    (void)arg;
    return weir_sleep(1000);
}

static int swallow(void *arg)
{
    int *codes = arg;

    codes[0] = weir_sleep(1000);
    codes[1] = weir_sleep(1);
    return 42;
}

/* --- Joining -------------------------------------------------------------- */

static int join_it(void *task)
{
    int code = weir_task_join(task);

    trace("j");
    return code;
}

static int three_join_one(void *arg)
{
    int *codes = arg;
    int result = -EPERM;
    weir_task *one = weir_create_task(return_it, &result), *joiners[3];

    codes[0] = weir_task_result(one);           /* reading early */
    for (int i = 0; i < 3; i++)
        joiners[i] = weir_create_task(join_it, one);
    for (int i = 0; i < 3; i++) {
        codes[1 + i] = weir_task_join(joiners[i]);
        weir_task_unref(joiners[i]);
    }
    codes[4] = weir_task_join(one);             /* done: the result stays */
    codes[5] = weir_task_result(one);
    weir_task_unref(one);
    return 0;
}

START_TEST(any_number_may_join_before_and_after_and_the_result_stays)
{
    int codes[6];

    ck_assert_int_eq(weir_run(three_join_one, codes), 0);
    ck_assert_int_eq(codes[0], WEIR_ESTATE);
    for (int i = 1; i < 6; i++)
        ck_assert_int_eq(codes[i], -EPERM);
    ck_assert_str_eq(trace_text, "jjj");
}
END_TEST

static int join_sleeper(void *task)
{
    return weir_task_join(task);
}

static int cancel_a_chain(void *arg)
{
    int *codes = arg;
    weir_task *chain[4];

    chain[0] = weir_create_task(sleep_long, NULL);
    for (int i = 1; i < 4; i++)
        chain[i] = weir_create_task(join_sleeper, chain[i - 1]);
    weir_yield();
    weir_yield();
    weir_task_cancel(chain[3]);
    for (int i = 0; i < 4; i++) {
        codes[i] = weir_task_join(chain[i]);
        weir_task_unref(chain[i]);
    }
    return (int)clock_now();
}

/* B 17: as awaiting does. A joiner that just left would let the joined task run on unseen. */
START_TEST(cancelling_a_joiner_cancels_what_it_joins_through_the_whole_chain)
{
    int codes[4];

    clock_fake();
    ck_assert_int_eq(weir_run(cancel_a_chain, codes), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(codes[i], -ECANCELED);
}
END_TEST

static int cancel_joiner_of_a_swallower(void *arg)
{
    int *codes = arg;
    weir_task *inner = weir_create_task(swallow, codes + 1);
    weir_task *joiner = weir_create_task(join_it, inner);

    weir_yield();
    weir_yield();
    weir_task_cancel(joiner);
    codes[0] = weir_task_join(joiner);
    weir_task_unref(joiner);
    weir_task_unref(inner);
    return 0;
}

/* The joined task decides what becomes of the cancel, so its result is the joiner's (asyncio: the await returns it). */
START_TEST(a_joiner_gets_the_result_of_a_task_that_swallowed_the_cancel)
{
    int codes[3];

    clock_fake();
    ck_assert_int_eq(weir_run(cancel_joiner_of_a_swallower, codes), 0);
    ck_assert_int_eq(codes[0], 42);
}
END_TEST

static int cancel_self_then_join(void *arg)
{
    int *codes = arg;
    weir_task *task = weir_create_task(sleep_long, NULL);

    weir_task_cancel(weir_current_task());
    codes[0] = weir_task_join(task);
    codes[1] = weir_task_result(task);
    codes[2] = weir_yield();                    /* and the request is used up */
    weir_task_unref(task);
    return 0;
}

START_TEST(a_cancel_met_by_join_goes_to_the_joined_task)
{
    int codes[3];

    clock_fake();
    ck_assert_int_eq(weir_run(cancel_self_then_join, codes), 0);
    ck_assert_int_eq(codes[0], -ECANCELED);
    ck_assert_int_eq(codes[1], -ECANCELED);
    ck_assert_int_eq(codes[2], 0);
}
END_TEST

static weir_task *ring[3];

static int join_next(void *place)
{
    int at = *(int *)place;

    return weir_task_join(ring[(at + 1) % 3]);
}

static int close_the_ring(void *arg)
{
    static int places[] = { 0, 1, 2 };
    int *codes = arg;

    for (int i = 0; i < 3; i++)
        ring[i] = weir_create_task(join_next, &places[i]);
    for (int i = 0; i < 3; i++) {
        codes[i] = weir_task_join(ring[i]);
        weir_task_unref(ring[i]);
    }
    codes[3] = weir_task_join(weir_current_task());
    return 0;
}

/* Three tasks that join each other would wait for ever, and a cancel would walk the ring for ever. The last one is refused,
 * and its failure is the result of all three. */
START_TEST(a_join_that_would_close_a_ring_is_refused)
{
    int codes[4];

    ck_assert_int_eq(weir_run(close_the_ring, codes), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(codes[i], WEIR_ESTATE);
}
END_TEST

static int join_foreign(void *task)
{
    return weir_task_join(task);
}

static int make_and_stop(void *out)
{
    *(weir_task **)out = weir_create_task(sleep_long, NULL);
    weir_loop_stop(weir_get_running_loop());
    return weir_yield();
}

/* The joiner would be woken by another thread's loop. */
START_TEST(a_task_of_another_loop_cannot_be_joined)
{
    weir_loop *loop = weir_loop_new();
    weir_task *task = NULL;

    ck_assert_int_eq(weir_loop_run_until_complete(loop, make_and_stop, &task), WEIR_ESTATE);
    ck_assert_ptr_nonnull(task);
    ck_assert_int_eq(weir_run(join_foreign, task), WEIR_ESTATE);
    ck_assert_int_eq(weir_task_join(task), WEIR_ENOTASK);       /* and from no task at all not either */
    weir_loop_free(loop);
}
END_TEST

static int join_with_deadline(void *arg)
{
    int *codes = arg;
    int inner[2];
    weir_task *plain = weir_create_task(sleep_long, NULL);
    weir_task *stubborn = weir_create_task(swallow, inner);

    WEIR_TIMEOUT(2)
        codes[0] = weir_task_join(plain);
    codes[1] = weir_task_result(plain);
    WEIR_TIMEOUT(2)
        codes[2] = weir_task_join(stubborn);
    codes[3] = (int)(clock_now() + 0.5);
    weir_task_unref(plain);
    weir_task_unref(stubborn);
    return 0;
}

/* TS-2: what is joined is cancelled *and awaited*; what it makes of the rest of its life is the result, time up or not. */
START_TEST(a_deadline_ends_the_joined_task_and_waits_for_its_end)
{
    int codes[4];

    clock_fake();
    ck_assert_int_eq(weir_run(join_with_deadline, codes), 0);
    ck_assert_int_eq(codes[0], -ETIMEDOUT);
    ck_assert_int_eq(codes[1], -ECANCELED);
    ck_assert_int_eq(codes[2], 42);
    ck_assert_int_eq(codes[3], 5);              /* 2 + 2 + the second that swallow() sleeps afterwards */
}
END_TEST

/* --- Failures of tasks that nobody asks about ------------------------------ */

static int told[4];
static int told_count;

static void tell(weir_loop *loop, int code, const char *message, void *arg)
{
    if (loop == arg && weir_current_task() == NULL && message[0] != '\0')
        told[told_count++] = code;
}

static int spawn_failures(void *arg)
{
    static int codes[] = { -EPERM, -ECANCELED, 3, -EIO };
    weir_loop *loop = weir_get_running_loop();

    (void)arg;
    weir_loop_set_exception_handler(loop, tell, loop);
    for (int i = 0; i < 3; i++)
        weir_spawn(return_it, &codes[i]);
    weir_task_unref(weir_create_task(return_it, &codes[3]));    /* has had a handle: its holder's to ask */
    weir_yield();
    weir_yield();
    return 0;
}

/* A cancelled task did what it was told, and who holds a handle may still ask. */
START_TEST(only_a_spawned_task_that_failed_by_itself_goes_to_the_exception_handler)
{
    ck_assert_int_eq(weir_run(spawn_failures, NULL), 0);
    ck_assert_int_eq(told_count, 1);
    ck_assert_int_eq(told[0], -EPERM);
}
END_TEST

START_TEST(without_a_running_loop_there_are_no_tasks)
{
    ck_assert_ptr_null(weir_create_task(trace_task, "x"));
    ck_assert_int_eq(weir_spawn(trace_task, "x"), WEIR_ESTATE);
    ck_assert_ptr_null(weir_current_task());
    ck_assert_int_eq(weir_yield(), WEIR_ENOTASK);
    ck_assert_int_eq(weir_sleep(1), WEIR_ENOTASK);
    ck_assert_int_eq(weir_sleep(NAN), -EINVAL); /* found before anything was looked at (CV-1) */
    ck_assert_str_eq(trace_text, "");
}
END_TEST

/* --- Names and references ------------------------------------------------- */

static int name_tasks(void *arg)
{
    weir_task *self = weir_current_task();
    char given[] = "worker bee";
    struct fault_plan plan = { .fail_at = 1 };

    (void)arg;
    trace(weir_task_name(self));                /* the first task of a run */
    weir_task_set_name(self, given);
    given[0] = 'W';                             /* copied */
    trace(" ");
    trace(weir_task_name(self));
    weir__fault_begin(&plan);
    int code = weir_task_set_name(self, "other");
    weir__fault_end();
    trace(" ");
    trace(weir_task_name(self));                /* as before */
    weir_task_set_name(self, NULL);
    trace(weir_task_name(self));
    return code;
}

START_TEST(a_name_is_copied_and_stays_when_there_is_no_memory_for_the_next)
{
    ck_assert_int_eq(weir_run(name_tasks, NULL), -ENOMEM);
    ck_assert_str_eq(trace_text, "main worker bee worker bee");
}
END_TEST

static int count_references(void *arg)
{
    int result = 5;
    weir_task *task = weir_create_task(return_it, &result);

    (void)arg;
    if (weir_task_ref(task) != task)
        return -1;
    weir_task_unref(task);
    weir_yield();
    weir_yield();
    int code = weir_task_result(task);          /* done, and still ours */
    weir_task_unref(task);
    weir_task_unref(NULL);
    weir_task_unref(weir_create_task(trace_task, "runs"));      /* without a reference too */
    weir_yield();
    weir_yield();
    return code;
}

START_TEST(a_task_needs_no_reference_to_run_and_a_reference_keeps_its_result)
{
    ck_assert_int_eq(weir_run(count_references, NULL), 5);
    ck_assert_str_eq(trace_text, "runs");
}
END_TEST

Suite *suite(void)
{
    Suite *api = suite_create("core/task_api");

    TCase *joining = tcase_create("joining");
    tcase_add_test(joining, any_number_may_join_before_and_after_and_the_result_stays);
    tcase_add_test(joining, cancelling_a_joiner_cancels_what_it_joins_through_the_whole_chain);
    tcase_add_test(joining, a_joiner_gets_the_result_of_a_task_that_swallowed_the_cancel);
    tcase_add_test(joining, a_cancel_met_by_join_goes_to_the_joined_task);
    tcase_add_test(joining, a_join_that_would_close_a_ring_is_refused);
    tcase_add_test(joining, a_task_of_another_loop_cannot_be_joined);
    tcase_add_test(joining, a_deadline_ends_the_joined_task_and_waits_for_its_end);
    suite_add_tcase(api, joining);

    TCase *handles = tcase_create("handles");
    tcase_add_test(handles, only_a_spawned_task_that_failed_by_itself_goes_to_the_exception_handler);
    tcase_add_test(handles, without_a_running_loop_there_are_no_tasks);
    tcase_add_test(handles, a_name_is_copied_and_stays_when_there_is_no_memory_for_the_next);
    tcase_add_test(handles, a_task_needs_no_reference_to_run_and_a_reference_keeps_its_result);
    suite_add_tcase(api, handles);
    return api;
}
