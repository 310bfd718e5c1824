/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_sync_event.c  What core/sync_event.c promises: a set wakes all who wait, whatever comes after it.
 */
#include <errno.h>

#include <weir/run.h>
#include <weir/sync.h>

#include "lib/actors.h"
#include "lib/clock.h"
#include "lib/suite.h"
#include "lib/trace.h"

static weir_event event;
static int codes[8];

/* --- Cases ---------------------------------------------------------------- */

static int wait_and_say(void *word)
{
    int code = weir_event_wait(&event);

    trace(code == 0 ? word : "failed");
    return code;
}

static int set_and_clear(void *arg)
{
    (void)arg;
    weir_event_init(&event);
    codes[0] = weir_event_is_set(&event);
    weir_task *first = weir_create_task(wait_and_say, "a");
    weir_task *second = weir_create_task(wait_and_say, "b");
    weir_yield();
    weir_event_set(&event);
    codes[1] = weir_event_is_set(&event);
    weir_event_clear(&event);
    codes[2] = weir_event_is_set(&event);
    trace("-");
    codes[3] = weir_task_join(first);
    codes[4] = weir_task_join(second);
    weir_task_unref(first);
    weir_task_unref(second);
    return 0;
}

/* C120, SY-2. */
START_TEST(set_then_clear_wakes_both_waiters)
{
    ck_assert_int_eq(weir_run(set_and_clear, NULL), 0);
    ck_assert_str_eq(trace_text, "-ab");
    ck_assert_int_eq(codes[0], false);
    ck_assert_int_eq(codes[1], true);
    ck_assert_int_eq(codes[2], false);
    ck_assert_int_eq(codes[3], 0);
    ck_assert_int_eq(codes[4], 0);
}
END_TEST

static int wait_on_a_set_one(void *arg)
{
    (void)arg;
    weir_event_init(&event);
    weir_event_set(&event);
    weir_event_set(&event);
    weir_spawn(trace_task, "other");
    codes[0] = weir_event_wait(&event);
    trace("went on, ");
    return 0;
}

/* SY-2, CV-4. */
START_TEST(a_wait_on_a_set_event_does_not_yield)
{
    ck_assert_int_eq(weir_run(wait_on_a_set_one, NULL), 0);
    ck_assert_int_eq(codes[0], 0);
    ck_assert_str_eq(trace_text, "went on, ");  /* the other was cancelled before its first step */
}
END_TEST

static int cut_short(void *arg)
{
    weir_timeout scope;

    (void)arg;
    weir_event_init(&event);
    weir_timeout_begin(&scope, 3);
    codes[0] = weir_event_wait(&event);
    weir_timeout_end(&scope);
    weir_task_cancel(weir_current_task());
    codes[1] = weir_event_wait(&event);
    weir_event_set(&event);
    codes[2] = weir_event_wait(&event);
    return 0;
}

START_TEST(a_cancel_or_a_deadline_ends_the_wait_and_leaves_the_event_usable)
{
    clock_fake();
    ck_assert_int_eq(weir_run(cut_short, NULL), 0);
    ck_assert_int_eq(codes[0], -ETIMEDOUT);
    ck_assert_int_eq(codes[1], -ECANCELED);
    ck_assert_int_eq(codes[2], 0);
}
END_TEST

static void set_it(void *arg)
{
    weir_event_set(arg);
}

static int wait_for_a_callback(void *arg)
{
    (void)arg;
    weir_loop_call_later(weir_get_running_loop(), 2, set_it, &event);
    return weir_event_wait(&event);
}

START_TEST(a_plain_callback_may_set_it)
{
    clock_fake();
    weir_event_init(&event);
    ck_assert_int_eq(weir_event_wait(&event), WEIR_ENOTASK);
    ck_assert_int_eq(weir_run(wait_for_a_callback, NULL), 0);
    ck_assert_int_eq(weir_event_wait(&event), 0);
}
END_TEST

/* --- By chance ------------------------------------------------------------ */

static struct list row;
static bool set;

static void begin(void)
{
    weir_event_init(&event);
    list_init(&row);
    set = false;
}

static int call_wait(struct actor *actor)
{
    (void)actor;
    return weir_event_wait(&event);
}

static void step(struct actor *actor, int code)
{
    bool first = actor->stage++ == 0;

    if (first && !set) {
        code = model_wait(actor, &row, false);
        if (code == 0)
            return;
    }
    model_done(actor, code);
}

static void set_both(void)
{
    weir_event_set(&event);
    set = true;
    while (model_wake_first(&row, 0))
        ;
}

static void act(void)
{
    struct actor *actor = an_idle_actor();

    if (actors_disturb())
        return;
    if (actor != NULL && chance(3)) {
        actor_start(actor, call_wait, 0);
    } else if (chance(2)) {
        set_both();
    } else {
        weir_event_clear(&event);
        set = false;
    }
}

static bool agrees(void)
{
    return weir_event_is_set(&event) == set;
}

START_TEST(any_order_of_calls_agrees_with_the_model)
{
    static const struct trial trial = { .begin = begin, .act = act, .step = step, .agrees = agrees, .give_way = set_both };

    clock_fake();
    for (unsigned seed = 1; seed <= 1000; seed++) {
        const char *found = actors_try(&trial, seed, 60);
        ck_assert_msg(found == NULL, "seed %u: %s", seed, found);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/sync_event");

    TCase *cases = tcase_create("cases");
    tcase_add_test(cases, set_then_clear_wakes_both_waiters);
    tcase_add_test(cases, a_wait_on_a_set_event_does_not_yield);
    tcase_add_test(cases, a_cancel_or_a_deadline_ends_the_wait_and_leaves_the_event_usable);
    tcase_add_test(cases, a_plain_callback_may_set_it);
    suite_add_tcase(s, cases);

    TCase *random = tcase_create("random");
    tcase_add_test(random, any_order_of_calls_agrees_with_the_model);
    suite_add_tcase(s, random);
    return s;
}
