/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_sync_semaphore.c  What core/sync_semaphore.c promises: as many as there are permits, in turn.
 */
#include <errno.h>
#include <limits.h>

#include <weir/run.h>
#include <weir/sync.h>

#include "lib/actors.h"
#include "lib/clock.h"
#include "lib/suite.h"
#include "lib/trace.h"

static weir_semaphore semaphore;
static int codes[8];

/* --- Cases ---------------------------------------------------------------- */

START_TEST(values_that_make_no_sense_are_refused)
{
    ck_assert_int_eq(weir_semaphore_init(&semaphore, -1), -EINVAL);             /* SY-3 */
    ck_assert_int_eq(weir_semaphore_init_bounded(&semaphore, -1), -EINVAL);

    ck_assert_int_eq(weir_semaphore_init_bounded(&semaphore, 1), 0);
    ck_assert_int_eq(weir_semaphore_release(&semaphore), -EINVAL);              /* SY-3 */
    ck_assert_int_eq(weir_semaphore_acquire(&semaphore), 0);
    ck_assert(weir_semaphore_locked(&semaphore));
    ck_assert_int_eq(weir_semaphore_release(&semaphore), 0);
    ck_assert_int_eq(weir_semaphore_release(&semaphore), -EINVAL);
    ck_assert(!weir_semaphore_locked(&semaphore));

    ck_assert_int_eq(weir_semaphore_init(&semaphore, 0), 0);
    ck_assert(weir_semaphore_locked(&semaphore));
    ck_assert_int_eq(weir_semaphore_acquire(&semaphore), WEIR_ENOTASK);
    ck_assert_int_eq(weir_semaphore_release(&semaphore), 0);
    ck_assert_int_eq(weir_semaphore_release(&semaphore), 0);                    /* no bound */
    ck_assert_int_eq(weir_semaphore_acquire(&semaphore), 0);
    ck_assert_int_eq(weir_semaphore_acquire(&semaphore), 0);

    ck_assert_int_eq(weir_semaphore_init(&semaphore, INT_MAX), 0);
    ck_assert_int_eq(weir_semaphore_release(&semaphore), -EINVAL);
}
END_TEST

static int use_and_say(void *word)
{
    int code = weir_semaphore_acquire(&semaphore);

    trace(word);
    weir_yield();
    weir_semaphore_release(&semaphore);
    return code;
}

static int come_along(void *arg)
{
    (void)arg;
    weir_semaphore_init(&semaphore, 2);
    weir_spawn(use_and_say, "a");
    weir_spawn(use_and_say, "b");
    weir_spawn(use_and_say, "c");
    weir_spawn(use_and_say, "d");
    weir_yield();
    trace("-");
    weir_yield();                       /* a and b have released, c and d have not run */
    codes[0] = weir_semaphore_locked(&semaphore);
    codes[1] = weir_semaphore_acquire(&semaphore);
    trace("m");
    weir_semaphore_release(&semaphore);
    return 0;
}

/* SY-3: in turn, and who comes along does not get past who waits. */
START_TEST(permits_go_to_who_waited_longest)
{
    ck_assert_int_eq(weir_run(come_along, NULL), 0);
    ck_assert_str_eq(trace_text, "ab-cdm");
    ck_assert_int_eq(codes[0], true);
    ck_assert_int_eq(codes[1], 0);
}
END_TEST

static int acquire_once(void *arg)
{
    *(int *)arg = weir_semaphore_acquire(&semaphore);
    return 0;
}

static int cut_short(void *arg)
{
    weir_timeout scope;

    (void)arg;
    weir_semaphore_init(&semaphore, 0);
    weir_task *cancelled = weir_create_task(acquire_once, &codes[0]);
    weir_task *waits = weir_create_task(acquire_once, &codes[1]);
    weir_yield();
    weir_task_cancel(cancelled);
    weir_semaphore_release(&semaphore);         /* before the cancelled one has run */
    weir_task_join(waits);
    weir_task_join(cancelled);
    weir_timeout_begin(&scope, 4);
    codes[2] = weir_semaphore_acquire(&semaphore);
    weir_timeout_end(&scope);
    weir_semaphore_release(&semaphore);
    codes[3] = weir_semaphore_acquire(&semaphore);
    weir_task_unref(cancelled);
    weir_task_unref(waits);
    return 0;
}

START_TEST(no_permit_is_lost_to_who_gave_up)
{
    clock_fake();
    ck_assert_int_eq(weir_run(cut_short, NULL), 0);
    ck_assert_int_eq(codes[0], -ECANCELED);
    ck_assert_int_eq(codes[1], 0);
    ck_assert_int_eq(codes[2], -ETIMEDOUT);
    ck_assert_int_eq(codes[3], 0);
}
END_TEST

/* --- By chance ------------------------------------------------------------ */

static struct list row;
static int value, bound, wrong_codes;

static void begin(void)
{
    bool bounded = chance(2);

    value = (int)chance(4);
    bound = bounded ? value : INT_MAX;
    wrong_codes += (bounded ? weir_semaphore_init_bounded(&semaphore, value) : weir_semaphore_init(&semaphore, value)) != 0;
    list_init(&row);
}

static int call_acquire(struct actor *actor)
{
    (void)actor;
    return weir_semaphore_acquire(&semaphore);
}

static void step(struct actor *actor, int code)
{
    if (actor->stage++ > 0) {
        model_done(actor, code);
    } else if (value > 0) {
        value--;
        model_done(actor, 0);
    } else {
        code = model_wait(actor, &row, false);
        if (code < 0)
            model_done(actor, code);
    }
}

static void release(void)
{
    int code = weir_semaphore_release(&semaphore);

    if (value >= bound) {
        wrong_codes += code != -EINVAL;
        return;
    }
    wrong_codes += code != 0;
    if (!model_wake_first(&row, 0))
        value++;
}

static void act(void)
{
    struct actor *actor = an_idle_actor();

    if (actors_disturb())
        return;
    if (actor != NULL && chance(2))
        actor_start(actor, call_acquire, 0);
    else
        release();
}

static bool agrees(void)
{
    return weir_semaphore_locked(&semaphore) == (value == 0);
}

/* A bounded semaphore of 0 gives nothing to anybody, so who waits there has to be cancelled. */
static void give_way(void)
{
    if (bound == 0)
        actor_cancel(a_busy_actor());
    else
        release();
}

START_TEST(any_order_of_calls_agrees_with_the_model)
{
    static const struct trial trial = { .begin = begin, .act = act, .step = step, .agrees = agrees, .give_way = give_way };

    clock_fake();
    for (unsigned seed = 1; seed <= 1000; seed++) {
        const char *found = actors_try(&trial, seed, 60);
        ck_assert_msg(found == NULL, "seed %u: %s", seed, found);
    }
    ck_assert_int_eq(wrong_codes, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/sync_semaphore");

    TCase *cases = tcase_create("cases");
    tcase_add_test(cases, values_that_make_no_sense_are_refused);
    tcase_add_test(cases, permits_go_to_who_waited_longest);
    tcase_add_test(cases, no_permit_is_lost_to_who_gave_up);
    suite_add_tcase(s, cases);

    TCase *random = tcase_create("random");
    tcase_add_test(random, any_order_of_calls_agrees_with_the_model);
    suite_add_tcase(s, random);
    return s;
}
