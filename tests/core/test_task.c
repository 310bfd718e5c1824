/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_task.c  What core/task.c promises: tasks run, wait, wake and end in order.
 */
#include <errno.h>

#include <weir/run.h>
#include <weir/task.h>

#include "core/sys.h"
#include "core/sys_fault.h"
#include "core/task.h"
#include "lib/clock.h"
#include "lib/suite.h"
#include "lib/trace.h"

#ifdef ANNOUNCE_TSAN
#define MANY 5000               /* its runtime has room for 8128 fibers */
#else
#define MANY 10000
#endif

/* --- Starting and taking turns -------------------------------------------- */

static int make_three(void *arg)
{
    (void)arg;
    weir_spawn(trace_task, "a");
    weir_spawn(trace_task, "b");
    trace("m");                         /* a new task never starts inline (EL-14) */
    weir_yield();
    trace("n");
    return 7;
}

START_TEST(tasks_start_in_order_and_never_inline)
{
    ck_assert_int_eq(weir_run(make_three, NULL), 7);
    ck_assert_str_eq(trace_text, "mabn");
}
END_TEST

static int yield_thrice(void *word)
{
    for (int i = 0; i < 3; i++) {
        trace(word);
        weir_yield();
    }
    return 0;
}

static int two_that_yield(void *arg)
{
    (void)arg;
    weir_spawn(yield_thrice, "a");
    weir_spawn(yield_thrice, "b");
    for (int i = 0; i < 4; i++)
        weir_yield();
    return 0;
}

/* A ready list that is taken from the wrong end, or run until it is empty, lets one task starve the other. */
START_TEST(tasks_that_yield_take_turns)
{
    ck_assert_int_eq(weir_run(two_that_yield, NULL), 0);
    ck_assert_str_eq(trace_text, "ababab");
}
END_TEST

static int count_polls(void *arg)
{
    uint64_t *polls = arg;

    for (int i = 0; i < 3; i++) {
        uint64_t before = epoll_waits();
        int code = i == 0 ? weir_yield() : weir_sleep(i == 1 ? 0 : -1);
        polls[i] = epoll_waits() - before;
        if (code < 0)
            return code;
    }
    return 0;
}

/* TS-6. Without a poll in between, tasks that yield to each other would shut descriptors out for good. */
START_TEST(yield_and_sleep_of_zero_or_less_wait_for_exactly_one_pass)
{
    uint64_t polls[3];

    ck_assert_int_eq(weir_run(count_polls, polls), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(polls[i], 1);
}
END_TEST

struct crowd {
    unsigned begun, ended;
    bool     all_there;         /* every task was alive when the first one ended */
};

static int one_of_many(void *arg)
{
    struct crowd *crowd = arg;

    crowd->begun++;
    weir_yield();
    if (crowd->ended++ == 0)
        crowd->all_there = crowd->begun == MANY;
    return 0;
}

static int start_many(void *arg)
{
    for (int i = 0; i < MANY; i++) {
        if (weir_spawn(one_of_many, arg) < 0)
            return -1;
    }
    weir_yield();
    weir_yield();
    return list_empty(&weir_get_running_loop()->tasks) ? -2 : 0;    /* main itself is there */
}

START_TEST(ten_thousand_tasks_live_at_once_and_all_end)
{
    struct crowd crowd = { 0 };

    ck_assert_int_eq(weir_run(start_many, &crowd), 0);
    ck_assert(crowd.begun == MANY && crowd.ended == MANY);
    ck_assert(crowd.all_there);
}
END_TEST

/* --- States --------------------------------------------------------------- */

struct states {
    enum task_state at[4];
    enum wait_kind kind, kind_after;
    bool done_early, done_late;
};

static int look_at_self(void *arg)
{
    struct states *states = arg;

    states->at[1] = weir_current_task()->state;
    weir_sleep(1);
    states->kind_after = weir_current_task()->wait_kind;
    return 0;
}

static int look_at_states(void *arg)
{
    struct states *states = arg;
    weir_task *task = weir_create_task(look_at_self, states);

    states->at[0] = task->state;
    weir_yield();
    states->at[2] = task->state;
    states->kind = task->wait_kind;
    states->done_early = weir_task_done(task);
    weir_sleep(2);
    states->at[3] = task->state;
    states->done_late = weir_task_done(task);
    weir_task_unref(task);
    return 0;
}

/* The drawing in core/task.h. What a task waits for is data, so that a dump can tell it. */
START_TEST(a_task_goes_through_the_states_of_the_drawing)
{
    struct states states = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(look_at_states, &states), 0);
    ck_assert_int_eq(states.at[0], TASK_READY);
    ck_assert_int_eq(states.at[1], TASK_RUNNING);
    ck_assert_int_eq(states.at[2], TASK_PARKED);
    ck_assert_int_eq(states.at[3], TASK_DONE);
    ck_assert_int_eq(states.kind, WAIT_SLEEP);
    ck_assert_int_eq(states.kind_after, WAIT_NOTHING);
    ck_assert(!states.done_early && states.done_late);
}
END_TEST

/* --- Waking --------------------------------------------------------------- */

static struct list waiters = { &waiters, &waiters };

static int wait_among(void *word)
{
    int code = weir__task_wait_among(&waiters, WAIT_SIGNAL, NULL, FOREVER);

    trace(word);
    return code;
}

static int wake_three(void *arg)
{
    int *codes = arg;
    weir_task *tasks[3];

    for (int i = 0; i < 3; i++)
        tasks[i] = weir_create_task(wait_among, i == 0 ? "a" : i == 1 ? "b" : "c");
    weir_yield();
    weir_task_cancel(tasks[1]);                 /* leaves the list from its middle */
    weir__task_wake_all(&waiters, 5);
    weir__task_wake(tasks[0], -EIO);            /* awake already: the first code stays */
    weir_yield();
    for (int i = 0; i < 3; i++) {
        codes[i] = weir_task_result(tasks[i]);
        weir_task_unref(tasks[i]);
    }
    return 0;
}

/* A waiter that was cancelled must not be met again by the wake-up that follows, nor keep it from the others. */
START_TEST(waiters_wake_in_order_and_a_cancelled_one_is_off_the_list)
{
    int codes[3] = { 0 };

    ck_assert_int_eq(weir_run(wake_three, codes), 0);
    ck_assert_str_eq(trace_text, "bac");
    ck_assert(codes[0] == 5 && codes[1] == -ECANCELED && codes[2] == 5);
    ck_assert(list_empty(&waiters));
}
END_TEST

static int wait_with_a_limit(void *arg)
{
    int *codes = arg;
    weir_timeout scope;
    int64_t now = sys_monotonic_ns();

    codes[0] = weir__task_wait_among(&waiters, WAIT_SIGNAL, NULL, now + NS_PER_SECOND);
    weir_timeout_begin(&scope, -1);
    codes[1] = weir__task_wait_among(&waiters, WAIT_SIGNAL, NULL, FOREVER);     /* before it could be parked */
    weir_timeout_end(&scope);
    weir_task_cancel(weir_current_task());
    codes[2] = weir__task_wait_among(&waiters, WAIT_SIGNAL, NULL, FOREVER);
    return list_empty(&waiters) ? 0 : -1;
}

/* Whoever forgets the list on the ways out that never park leaves a link into a frame that is gone. */
START_TEST(a_wait_that_ends_early_leaves_the_list_of_waiters)
{
    int codes[3] = { 0 };

    clock_fake();
    ck_assert_int_eq(weir_run(wait_with_a_limit, codes), 0);
    ck_assert(codes[0] == -ETIMEDOUT && codes[1] == -ETIMEDOUT && codes[2] == -ECANCELED);
}
END_TEST

static int wake_it(void *task)
{
    weir__task_wake(task, 1);
    return 0;
}

static int limits_of_all_lengths(void *arg)
{
    double *times = arg;
    static const double limits[] = { 10, 0.25, 5, 0.125, 60 };

    for (int i = 0; i < 5; i++) {
        weir_spawn(wake_it, weir_current_task());
        if (weir__task_wait(WAIT_SIGNAL, NULL, weir__ns_after(sys_monotonic_ns(), 30)) != 1)
            return -1;                          /* and its timer runs on */
        double before = clock_now();
        if (weir__task_wait(WAIT_SIGNAL, NULL, weir__ns_after(sys_monotonic_ns(), limits[i])) != -ETIMEDOUT)
            return -1;
        times[i] = clock_now() - before - limits[i];
    }
    return 0;
}

/* The timer is re-armed lazily: one that still runs for an earlier, longer or shorter limit must not decide. */
START_TEST(each_wait_has_its_own_limit_whatever_the_timer_was_set_for)
{
    double late[5];

    clock_fake();
    ck_assert_int_eq(weir_run(limits_of_all_lengths, late), 0);
    for (int i = 0; i < 5; i++) {
        ck_assert_double_ge(late[i], -1e-9);
        ck_assert_double_le(late[i], 0.003);
    }
}
END_TEST

static int sleeper(void *arg)
{
    double *woke = arg;
    int code = weir_sleep(*woke);

    *woke = clock_now();
    return code;
}

static int sleep_three(void *arg)
{
    double *seconds = arg;
    weir_task *tasks[3];
    int code = 0;

    for (int i = 0; i < 3; i++)
        tasks[i] = weir_create_task(sleeper, &seconds[i]);
    for (int i = 0; i < 3; i++) {
        code = code < 0 ? code : weir_task_join(tasks[i]);
        weir_task_unref(tasks[i]);
    }
    return code;
}

START_TEST(sleeps_end_when_their_time_has_come_and_never_early)
{
    static const double asked[3] = { 3600, 0.5, 2 };
    double seconds[3] = { 3600, 0.5, 2 };

    clock_fake();
    ck_assert_int_eq(weir_run(sleep_three, seconds), 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_double_ge(seconds[i], asked[i]);
        ck_assert_double_le(seconds[i], asked[i] + 0.002);
    }
}
END_TEST

static int jump_the_wall_clock(void *arg)
{
    double before = clock_now();

    (void)arg;
    clock_jump_wall(86400);
    int code = weir_sleep(1);
    clock_jump_wall(-2 * 86400);
    code = code < 0 ? code : weir_sleep(1);
    return code < 0 ? code : (int)((clock_now() - before) * 100);
}

/* FAULTS 28. libev keeps both clocks, and a timer that is set by the wrong one sleeps for a day. */
START_TEST(sleeps_do_not_notice_the_wall_clock)
{
    clock_fake();
    int hundredths = weir_run(jump_the_wall_clock, NULL);
    ck_assert(hundredths >= 199 && hundredths <= 201);
}
END_TEST

/* --- Without memory ------------------------------------------------------- */

static int spawn_without_memory(void *arg)
{
    int *codes = arg;
    struct fault_plan plan = { .fail_at = 1, .from_then_on = true, .only = 1ULL << SYS_MMAP };

    weir_spawn(trace_task, "a");                /* its class of stacks has a slab now */
    weir_yield();
    weir__fault_begin(&plan);
    for (int i = 0; i < 1000 && codes[0] == 0; i++)
        codes[0] = weir_spawn(trace_task, "");
    codes[1] = weir_create_task(trace_task, "") == NULL;
    weir__fault_end();
    return 0;
}

/* FAULTS 3: creating a task fails, the process does not. */
START_TEST(a_task_without_address_space_for_its_stack_is_refused)
{
    int codes[2] = { 0 };

    ck_assert_int_eq(weir_run(spawn_without_memory, codes), 0);
    ck_assert_int_eq(codes[0], -ENOMEM);
    ck_assert_int_eq(codes[1], true);
}
END_TEST

static int steps_of_abandoned;

static int wait_in_vain(void *arg)
{
    (void)arg;
    steps_of_abandoned++;
    (void)weir_sleep(0.5);
    steps_of_abandoned++;
    return 0;
}

static int abandon_one(void *arg)
{
    int *codes = arg;
    weir_task *task = weir_create_task(wait_in_vain, NULL);

    weir_yield();
    weir_yield();
    weir__task_abandon(task);
    weir__task_wake(task, 0);
    codes[0] = weir_task_cancel(task);
    codes[1] = weir_task_join(task);
    (void)weir_sleep(1);                        /* its timer would have run out */
    weir_task_unref(task);
    return 0;
}

/* Whoever still holds it may ask, wake and cancel: it never runs again. */
START_TEST(an_abandoned_task_is_done_and_never_runs_again)
{
    int codes[2] = { -1, -1 };

    clock_fake();
    ck_assert_int_eq(weir_run(abandon_one, codes), 0);
    ck_assert_int_eq(steps_of_abandoned, 1);
    ck_assert_int_eq(codes[0], false);
    ck_assert_int_eq(codes[1], -ECANCELED);
}
END_TEST

Suite *suite(void)
{
    Suite *task = suite_create("core/task");

    TCase *order = tcase_create("order");
    tcase_add_test(order, an_abandoned_task_is_done_and_never_runs_again);
    tcase_add_test(order, tasks_start_in_order_and_never_inline);
    tcase_add_test(order, tasks_that_yield_take_turns);
    tcase_add_test(order, yield_and_sleep_of_zero_or_less_wait_for_exactly_one_pass);
    tcase_add_test(order, ten_thousand_tasks_live_at_once_and_all_end);
    suite_add_tcase(task, order);

    TCase *waiting = tcase_create("waiting");
    tcase_add_test(waiting, a_task_goes_through_the_states_of_the_drawing);
    tcase_add_test(waiting, waiters_wake_in_order_and_a_cancelled_one_is_off_the_list);
    tcase_add_test(waiting, a_wait_that_ends_early_leaves_the_list_of_waiters);
    tcase_add_test(waiting, each_wait_has_its_own_limit_whatever_the_timer_was_set_for);
    tcase_add_test(waiting, sleeps_end_when_their_time_has_come_and_never_early);
    tcase_add_test(waiting, sleeps_do_not_notice_the_wall_clock);
    tcase_add_test(waiting, a_task_without_address_space_for_its_stack_is_refused);
    suite_add_tcase(task, waiting);
    return task;
}
