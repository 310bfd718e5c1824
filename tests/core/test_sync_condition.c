/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_sync_condition.c  What core/sync_condition.c promises: the lock is held again whatever is returned, and
 * no notification is lost.
 */
#include <errno.h>

#include <weir/run.h>
#include <weir/sync.h>

#include "lib/actors.h"
#include "lib/clock.h"
#include "lib/suite.h"
#include "lib/trace.h"

static weir_lock shared;
static weir_condition condition;
static int codes[10];

/* --- Cases ---------------------------------------------------------------- */

START_TEST(without_the_lock_nothing_is_allowed)
{
    weir_condition_init(&condition, NULL);
    ck_assert_int_eq(weir_condition_wait(&condition), WEIR_ESTATE);             /* SY-4 */
    ck_assert_int_eq(weir_condition_notify(&condition, 1), WEIR_ESTATE);
    ck_assert_int_eq(weir_condition_notify_all(&condition), WEIR_ESTATE);
    ck_assert_int_eq(weir_condition_release(&condition), WEIR_ESTATE);
    ck_assert_int_eq(weir_condition_acquire(&condition), 0);
    ck_assert(weir_condition_locked(&condition));
    ck_assert_int_eq(weir_condition_notify(&condition, 1), 0);                  /* nobody waits */
    ck_assert_int_eq(weir_condition_wait(&condition), WEIR_ENOTASK);
    ck_assert(weir_condition_locked(&condition));                               /* nothing was done */
    ck_assert_int_eq(weir_condition_release(&condition), 0);
    ck_assert(!weir_condition_locked(&condition));
}
END_TEST

static int wait_and_say(void *word)
{
    int code = weir_condition_acquire(&condition);

    if (code < 0)
        return code;
    code = weir_condition_wait(&condition);
    trace(weir_condition_locked(&condition) ? word : "unlocked!");
    weir_yield();
    trace(word);
    weir_condition_release(&condition);
    return code;
}

static int notify_some(void *arg)
{
    (void)arg;
    weir_lock_init(&shared);
    weir_condition_init(&condition, &shared);
    weir_spawn(wait_and_say, "a");
    weir_spawn(wait_and_say, "b");
    weir_spawn(wait_and_say, "c");
    weir_spawn(wait_and_say, "d");
    weir_yield();
    codes[0] = weir_lock_acquire(&shared);      /* free: all wait */
    codes[1] = weir_condition_notify(&condition, 0);
    codes[2] = weir_condition_notify(&condition, 2);
    weir_yield();
    trace("-");                                 /* they were told, and wait for the lock */
    codes[3] = weir_lock_release(&shared);
    codes[4] = weir_condition_acquire(&condition);
    trace("-");
    codes[5] = weir_condition_notify_all(&condition);
    weir_lock_release(&shared);
    codes[6] = weir_condition_acquire(&condition);
    weir_condition_release(&condition);
    for (int i = 0; i < 5; i++)
        weir_yield();
    return 0;
}

START_TEST(notify_lets_those_go_who_waited_longest_one_after_the_other)
{
    ck_assert_int_eq(weir_run(notify_some, NULL), 0);
    ck_assert_str_eq(trace_text, "-aabb-ccdd");
    for (int i = 0; i < 7; i++)
        ck_assert_int_eq(codes[i], 0);
}
END_TEST

struct waiting {
    int code[3];
    bool locked;
};

static int wait_then_wait_again(void *arg)
{
    struct waiting *waiting = arg;

    weir_condition_acquire(&condition);
    waiting->code[0] = weir_condition_wait(&condition);
    waiting->locked = weir_condition_locked(&condition);
    weir_condition_release(&condition);
    waiting->code[1] = weir_yield();
    return 0;
}

/* Which comes first, and where it is met: 0 cancel; 1 notify, cancel; 2 notify, then cancel while it waits for the lock;
 * 3 cancel, and again while it waits for the lock. */
static int cancel_at_every_point(void *arg)
{
    static struct waiting waiting[2];
    int how = *(int *)arg;

    weir_condition_init(&condition, NULL);
    weir_task *first = weir_create_task(wait_then_wait_again, &waiting[0]);
    weir_task *second = weir_create_task(wait_then_wait_again, &waiting[1]);
    weir_yield();
    weir_condition_acquire(&condition);
    if (how == 1 || how == 2)
        weir_condition_notify(&condition, 1);
    if (how == 2 || how == 3) {
        if (how == 3)
            weir_task_cancel(first);
        weir_yield();                           /* it waits for the lock now */
    }
    weir_task_cancel(first);
    weir_yield();
    weir_yield();
    codes[0] = weir_task_done(first);           /* it has to have the lock, which we hold */
    if (how == 0 || how == 3)
        weir_condition_notify(&condition, 1);
    weir_condition_release(&condition);
    weir_task_join(first);
    for (int i = 0; i < 3; i++)
        weir_yield();
    codes[1] = weir_task_done(second);
    weir_task_cancel(second);
    weir_task_join(second);
    weir_task_unref(first);
    weir_task_unref(second);
    codes[2] = waiting[0].code[0];
    codes[3] = waiting[0].code[1];
    codes[4] = waiting[0].locked && waiting[1].locked;
    codes[5] = waiting[1].code[0];
    codes[6] = weir_condition_locked(&condition);
    return 0;
}

/* SY-4. A notification that the cancelled task was given counts as used, so it returns 0 and meets the cancel later; one
 * that came after the cancel is the next task's. */
START_TEST(a_cancelled_wait_holds_the_lock_again_and_loses_no_notification)
{
    int how = _i;
    bool notified = how == 1 || how == 2;

    ck_assert_int_eq(weir_run(cancel_at_every_point, &how), 0);
    ck_assert_int_eq(codes[0], false);
    ck_assert_int_eq(codes[1], !notified);
    ck_assert_int_eq(codes[2], notified ? 0 : -ECANCELED);
    ck_assert_int_eq(codes[3], notified ? -ECANCELED : 0);
    ck_assert_int_eq(codes[4], true);
    ck_assert_int_eq(codes[5], notified ? -ECANCELED : 0);
    ck_assert_int_eq(codes[6], false);
}
END_TEST

static int let_go_later(void *arg)
{
    (void)arg;
    weir_condition_acquire(&condition);
    weir_sleep(10);
    weir_condition_release(&condition);
    return 0;
}

static int wait_too_long(void *arg)
{
    weir_timeout scope;

    (void)arg;
    weir_condition_init(&condition, NULL);
    weir_condition_acquire(&condition);
    weir_task *holder = weir_create_task(let_go_later, NULL);
    weir_timeout_begin(&scope, 3);
    codes[0] = weir_condition_wait(&condition);
    codes[1] = (int)clock_now();
    codes[2] = weir_condition_locked(&condition);
    codes[3] = weir_condition_wait(&condition);         /* still out of time */
    weir_timeout_end(&scope);
    codes[4] = weir_condition_release(&condition);
    weir_task_join(holder);
    weir_task_unref(holder);
    return 0;
}

START_TEST(a_deadline_ends_the_wait_when_the_lock_is_held_again)
{
    clock_fake();
    ck_assert_int_eq(weir_run(wait_too_long, NULL), 0);
    ck_assert_int_eq(codes[0], -ETIMEDOUT);
    ck_assert_int_eq(codes[1], 10);
    ck_assert_int_eq(codes[2], true);
    ck_assert_int_eq(codes[3], -ETIMEDOUT);
    ck_assert_int_eq(codes[4], 0);
}
END_TEST

/* --- By chance ------------------------------------------------------------ */

static struct list lock_row, condition_row;
static bool held, held_by_us;
static struct {
    int code;
    bool cancelled;
} waits[ACTORS];
static int wrong_codes;

static void begin(void)
{
    weir_lock_init(&shared);
    weir_condition_init(&condition, chance(2) ? &shared : NULL);
    list_init(&lock_row);
    list_init(&condition_row);
    held = held_by_us = false;
}

static int call_wait(struct actor *actor)
{
    (void)actor;
    int code = weir_condition_acquire(&condition);

    if (code < 0)
        return code;
    code = weir_condition_wait(&condition);
    wrong_codes += weir_condition_release(&condition) != 0;
    return code;
}

static void model_release(void)
{
    if (!model_wake_first(&lock_row, 0))
        held = false;
}

static void finish(struct actor *actor)
{
    int code = waits[actor - actors].code;

    model_release();
    model_done(actor, code < 0 && waits[actor - actors].cancelled ? -ECANCELED : code);
}

enum { STAGE_START, STAGE_ACQUIRES, STAGE_WAITS, STAGE_ACQUIRES_AGAIN };

static void acquire_again(struct actor *actor)
{
    while (held) {
        actor->stage = STAGE_ACQUIRES_AGAIN;
        if (model_wait(actor, &lock_row, true) == 0)
            return;
        waits[actor - actors].cancelled = true;
    }
    held = true;
    finish(actor);
}

static void wait_for_condition(struct actor *actor)
{
    model_release();
    actor->stage = STAGE_WAITS;
    waits[actor - actors].cancelled = false;
    waits[actor - actors].code = model_wait(actor, &condition_row, false);
    if (waits[actor - actors].code < 0)
        acquire_again(actor);
}

static void step(struct actor *actor, int code)
{
    switch (actor->stage) {
    case STAGE_START:
        if (!held) {
            held = true;
            wait_for_condition(actor);
            break;
        }
        actor->stage = STAGE_ACQUIRES;
        code = model_wait(actor, &lock_row, false);
        if (code < 0)
            model_done(actor, code);
        break;
    case STAGE_ACQUIRES:
        if (code < 0)
            model_done(actor, code);
        else
            wait_for_condition(actor);
        break;
    case STAGE_WAITS:
        waits[actor - actors].code = code;
        acquire_again(actor);
        break;
    default:
        if (code == 0) {
            finish(actor);
        } else {
            waits[actor - actors].cancelled = true;
            acquire_again(actor);
        }
    }
}

static void take_or_leave(void)
{
    if (held_by_us) {
        wrong_codes += weir_condition_release(&condition) != 0;
        held_by_us = false;
        model_release();
    } else if (!held) {
        wrong_codes += weir_condition_acquire(&condition) != 0;
        held = held_by_us = true;
    }
}

static void notify(size_t n)
{
    wrong_codes += weir_condition_notify(&condition, n) != (held ? 0 : WEIR_ESTATE);
    for (; held && n > 0 && model_wake_first(&condition_row, 0); n--)
        ;
}

static void act(void)
{
    struct actor *actor = an_idle_actor();

    if (actors_disturb())
        return;
    if (actor != NULL && chance(2))
        actor_start(actor, call_wait, STAGE_START);
    else if (chance(2))
        take_or_leave();
    else
        notify(chance(4));
}

static bool agrees(void)
{
    return weir_condition_locked(&condition) == held;
}

static void give_way(void)
{
    if (!held_by_us)
        take_or_leave();
    notify(ACTORS);
    take_or_leave();
}

START_TEST(any_order_of_calls_agrees_with_the_model)
{
    static const struct trial trial = {
        .begin = begin, .act = act, .step = step, .agrees = agrees, .give_way = give_way, .one_expiry = true,
    };

    clock_fake();
    for (unsigned seed = 1; seed <= 1000; seed++) {
        const char *found = actors_try(&trial, seed, 60);
        ck_assert_msg(found == NULL, "seed %u: %s", seed, found);
    }
    ck_assert_int_eq(wrong_codes, 0);
    ck_assert_int_gt(actors_played, 500);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/sync_condition");

    TCase *cases = tcase_create("cases");
    tcase_add_test(cases, without_the_lock_nothing_is_allowed);
    tcase_add_test(cases, notify_lets_those_go_who_waited_longest_one_after_the_other);
    tcase_add_loop_test(cases, a_cancelled_wait_holds_the_lock_again_and_loses_no_notification, 0, 4);
    tcase_add_test(cases, a_deadline_ends_the_wait_when_the_lock_is_held_again);
    suite_add_tcase(s, cases);

    TCase *random = tcase_create("random");
    tcase_add_test(random, any_order_of_calls_agrees_with_the_model);
    suite_add_tcase(s, random);
    return s;
}
