/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/cut/test_task.c  What <weir/task.h> waits in, cut short: what is waited for is cancelled too, or spared, as each says.
 */
#include <weir/task.h>

#include "cut/cut.h"

static struct cut_sleeper one, two, helper;
static weir_task_group group;

/* --- Time ----------------------------------------------------------------- */

static int sleep_long(struct cut_subject *subject)
{
    (void)subject;
    return weir_sleep(100);
}

static int yield(struct cut_subject *subject)
{
    (void)subject;
    return weir_yield();
}

/* The second one's time comes at once: by the test clock, when there is nothing else to do. */
static void pass_time(void)
{
    EXPECT(weir_sleep(101) == 0);
}

static void do_nothing(void)
{
}

/* --- One task ------------------------------------------------------------- */

static void open_one(void)
{
    cut_sleeper_start(&one);
}

static bool one_runs(void)
{
    return one.begun;
}

static void wake_one(void)
{
    cut_sleeper_wake(&one);
}

static void close_one(void)
{
    cut_sleeper_end(&one);
}

static int join_one(struct cut_subject *subject)
{
    (void)subject;
    return weir_task_join(one.task);
}

/* Awaiting a task hands the cut on to it (SEMANTICS B 17). */
static void check_one_cancelled(struct cut_subject *subject, enum cut cut)
{
    (void)subject, (void)cut;
    EXPECT(weir_task_done(one.task));
    EXPECT(weir_task_result(one.task) == -ECANCELED);
}

static int shield_one(struct cut_subject *subject)
{
    (void)subject;
    return weir_shield(one.task);
}

/* When the loop ends, it ends everybody. */
static void check_one_spared(struct cut_subject *subject, enum cut cut)
{
    (void)subject;
    if ((AT(cut) & (AT(CUT_RUN_ENDS) | AT(CUT_LOOP_CLOSES))) == 0)
        EXPECT(!weir_task_done(one.task));
}

/* --- Several -------------------------------------------------------------- */

static void open_two(void)
{
    cut_sleeper_start(&one);
    cut_sleeper_start(&two);
}

static bool two_run(void)
{
    return one.begun && two.begun;
}

static void wake_two(void)
{
    cut_sleeper_wake(&one);
    cut_sleeper_wake(&two);
}

static void close_two(void)
{
    cut_sleeper_end(&one);
    cut_sleeper_end(&two);
}

static int gather_two(struct cut_subject *subject)
{
    weir_task *tasks[] = { one.task, two.task };

    (void)subject;
    return weir_gather(tasks, 2, NULL);
}

static void check_two_cancelled(struct cut_subject *subject, enum cut cut)
{
    check_one_cancelled(subject, cut);
    EXPECT(weir_task_result(two.task) == -ECANCELED);
}

/* --- A function with a limit ---------------------------------------------- */

static void open_function(void)
{
    cut_sleeper_init(&one);
}

/* In the caller's frame, as the header allows: the function has ended when the call returns. */
static int note_end(void *arg)
{
    bool *ended = arg;
    int code = cut_sleep(&one);

    *ended = true;
    return code;
}

static int wait_for_function(struct cut_subject *subject)
{
    bool ended = false;

    (void)subject;
    int code = weir_wait_for(note_end, &ended, 1000);
    EXPECT(ended);
    return code;
}

static int wait_for_early(struct cut_subject *subject)
{
    (void)subject;
    return weir_wait_for(cut_sleep, &one, 1000);
}

/* --- A group -------------------------------------------------------------- */

static int join_group(struct cut_subject *subject)
{
    weir_task_group own;

    (void)subject;
    cut_sleeper_init(&one);
    cut_sleeper_init(&two);
    weir_task_group_init(&own);
    EXPECT(weir_task_group_spawn(&own, cut_sleep, &one) == 0);
    EXPECT(weir_task_group_spawn(&own, cut_sleep, &two) == 0);
    return weir_task_group_join(&own);
}

/* The cut is cleaned up after by a member, for as long as it takes. */
static int sleep_and_clean_up(void *arg)
{
    int code = cut_sleep(arg);

    if (code < 0)
        (void)cut_sleep(&two);
    return code;
}

static int join_slow_group(struct cut_subject *subject)
{
    (void)subject;
    cut_sleeper_init(&one);
    weir_task_group_init(&group);
    EXPECT(weir_task_group_spawn(&group, sleep_and_clean_up, &one) == 0);
    return weir_task_group_join(&group);
}

/* Who cleans up waits for an event. When the loop ends, nobody is there to set it but the helper, who is told to end too. */
static int help_when_told(void *arg)
{
    (void)cut_sleep(arg);
    cut_settle();
    cut_sleeper_wake(&two);
    return 0;
}

static void open_helper(void)
{
    cut_sleeper_init(&helper);
    cut_sleeper_init(&two);
    helper.task = weir_create_task(help_when_told, &helper);
}

static void close_helper(void)
{
    cut_sleeper_end(&helper);
}

static void open_slow_one(void)
{
    open_helper();
    cut_sleeper_init(&one);
    one.task = weir_create_task(sleep_and_clean_up, &one);
}

static void close_slow_one(void)
{
    close_helper();
    cut_sleeper_end(&one);
}

/* --- All ------------------------------------------------------------------ */

static const struct cut_scene scenes[] = {
    CUT(weir_sleep, "for its time", WAIT_SLEEP, .call = sleep_long, .fulfil = pass_time, .company = true, .no_peer = true),
    /* It stands there for one pass, and a deadline that comes with the next pass comes too late. */
    CUT(weir_yield, "for its turn", WAIT_NOTHING, .call = yield, .fulfil = do_nothing, .no_peer = true,
        .late = AT(CUT_DEADLINE)),
    CUT(weir_task_join, "the task runs", WAIT_JOIN, .open = open_one, .call = join_one, .ready = one_runs,
        .left = check_one_cancelled, .close = close_one, .no_peer = true, .over = AT_ANY),
    CUT(weir_task_join, "the task cleans up", WAIT_JOIN, .open = open_slow_one, .call = join_one, .ready = one_runs,
        .left = check_one_cancelled, .fulfil = wake_two, .close = close_slow_one, .no_peer = true, .over = AT_ANY,
        .sees_through = AT_ANY),
    CUT(weir_shield, "the task runs", WAIT_SHIELD, .open = open_one, .call = shield_one, .ready = one_runs,
        .left = check_one_spared, .fulfil = wake_one, .close = close_one, .company = true, .no_peer = true),
    CUT(weir_gather, "two tasks run", WAIT_GATHER, .open = open_two, .call = gather_two, .ready = two_run,
        .left = check_two_cancelled, .close = close_two, .no_peer = true, .over = AT_ANY),
    CUT(weir_wait_for, "the function runs", WAIT_JOIN, .open = open_function, .call = wait_for_function, .ready = one_runs,
        .fulfil = wake_one, .no_peer = true),
    CUT(weir_wait_for, "the function has not begun", WAIT_JOIN, .open = open_function, .call = wait_for_early,
        .fulfil = wake_one, .no_peer = true),
    CUT(weir_task_group_join, "two members run", WAIT_GROUP, .call = join_group, .ready = two_run, .fulfil = wake_two,
        .no_peer = true),
    CUT(weir_task_group_join, "a member cleans up", WAIT_GROUP, .open = open_helper, .call = join_slow_group,
        .ready = one_runs, .fulfil = wake_two, .close = close_helper, .no_peer = true, .over = AT_ANY, .sees_through = AT_ANY),
};

Suite *suite(void)
{
    return cut_suite("cut/task", scenes, sizeof scenes / sizeof scenes[0]);
}
