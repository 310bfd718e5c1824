/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_task_dump.c  What core/task_dump.c promises: each live task with what it waits for, on every loop.
 *
 * With several workers, they meet at gates made of posts and atomics; nothing depends on who is faster.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <weir/loop.h>
#include <weir/run.h>
#include <weir/task.h>

#include "core/remote.h"
#include "core/sys_fault.h"
#include "core/task.h"
#include "core/task_dump.h"
#include "lib/clock.h"
#include "lib/suite.h"

struct seen {
    int result;
    int count;
    char text[4096];            /* "name:waits_for " of each, as they were told */
    double since[16];
    bool peer;
};

static void note(const weir_task_info *info, void *arg)
{
    struct seen *seen = arg;
    size_t len = strlen(seen->text);

    snprintf(seen->text + len, sizeof seen->text - len, "%s:%s ", info->name, info->waits_for);
    if (seen->count < 16)
        seen->since[seen->count] = info->since;
    seen->count++;
    seen->peer = seen->peer || info->peer != NULL;
}

static void dump(bool all, struct seen *seen)
{
    *seen = (struct seen) { .result = 0 };
    seen->result = weir_tasks_dump(all, note, seen);
}

static int times(const struct seen *seen, const char *what)
{
    int count = 0;

    for (const char *at = strstr(seen->text, what); at != NULL; at = strstr(at + 1, what))
        count++;
    return count;
}

/* --- One loop ------------------------------------------------------------- */

static int sleep_long(void *arg)
{
    (void)arg;
    return weir_sleep(3600);
}

static int join_it(void *arg)
{
    return weir_task_join(arg);
}

static int block_a_thread(void *arg)
{
    char byte;

    return read(*(int *)arg, &byte, 1) == 1 ? 0 : -EIO;
}

static int use_the_executor(void *arg)
{
    return weir_loop_run_in_executor(weir_get_running_loop(), block_a_thread, arg);
}

static int never_run(void *arg)
{
    (void)arg;
    return 0;
}

static struct seen seen;
static int pipe_fds[2];

static int one_of_each(void *arg)
{
    (void)arg;
    weir_task *sleeper = weir_create_task(sleep_long, NULL);
    weir_task *joiner = weir_create_task(join_it, sleeper);
    weir_task *blocker = weir_create_task(use_the_executor, &pipe_fds[0]);
    weir_task_set_name(sleeper, "sleeper");
    weir_task_set_name(joiner, "joiner");
    weir_task_set_name(blocker, "blocker");
    weir_yield();
    weir_task *fresh = weir_create_task(never_run, NULL);
    dump(false, &seen);
    int code = write(pipe_fds[1], "x", 1) == 1 ? weir_task_join(blocker) : -EIO;
    weir_task_unref(sleeper);
    weir_task_unref(joiner);
    weir_task_unref(blocker);
    weir_task_unref(fresh);
    return code;
}

START_TEST(each_task_is_told_with_its_name_and_what_it_waits_for)
{
    ck_assert_int_eq(pipe(pipe_fds), 0);
    ck_assert_int_eq(weir_run(one_of_each, NULL), 0);
    ck_assert_int_eq(seen.result, 5);
    ck_assert_str_eq(seen.text, "main:nothing sleeper:sleep joiner:join blocker:executor task:turn ");
    ck_assert(!seen.peer);
}
END_TEST

static int told_in_time(void *arg)
{
    double *begin = arg;

    weir_spawn(sleep_long, NULL);
    weir_sleep(5);
    *begin = weir_loop_time(weir_get_running_loop());
    dump(false, &seen);
    return 0;
}

/* Which of the loop's clocks it is shows when a second is compared with it. */
START_TEST(since_is_a_time_of_the_loops_clock)
{
    double now;

    clock_fake();
    ck_assert_int_eq(weir_run(told_in_time, &now), 0);
    ck_assert_int_eq(seen.result, 2);
    ck_assert_double_eq_tol(seen.since[0], now, 0.01);         /* main runs */
    ck_assert_double_eq_tol(seen.since[1], now - 5, 0.01);
}
END_TEST

static void dump_too(const weir_task_info *info, void *arg)
{
    int *told = arg;

    (void)info;
    ++*told;
    weir_spawn(never_run, NULL);                /* would make a walk along the list endless */
    weir_sleep(0.001);                          /* and this would lose its place */
}

static int dump_and_more(void *arg)
{
    for (int i = 0; i < 3; i++)
        weir_spawn(never_run, NULL);
    return weir_tasks_dump(false, dump_too, arg);
}

START_TEST(whoever_is_told_may_do_anything)
{
    int told = 0;

    ck_assert_int_eq(weir_run(dump_and_more, &told), 4);
    ck_assert_int_eq(told, 4);
}
END_TEST

static int long_names(void *arg)
{
    char name[10000];

    (void)arg;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    weir_task_set_name(weir_current_task(), name);
    for (int i = 0; i < 500; i++)
        weir_spawn(never_run, NULL);
    dump(false, &seen);
    return 0;
}

START_TEST(many_tasks_and_long_names_are_told_whole)
{
    ck_assert_int_eq(weir_run(long_names, NULL), 0);
    ck_assert_int_eq(seen.result, 501);
    ck_assert_int_eq(seen.count, 501);
}
END_TEST

static int fail_to_dump(void *arg)
{
    (void)arg;
    weir__fault_begin(&(struct fault_plan) { .fail_at = 1, .only = 1ULL << SYS_ALLOC });
    dump(false, &seen);
    weir__fault_end();
    return 0;
}

START_TEST(without_memory_nothing_is_told)
{
    ck_assert_int_eq(weir_run(fail_to_dump, NULL), 0);
    ck_assert_int_eq(seen.result, -ENOMEM);
    ck_assert_int_eq(seen.count, 0);
}
END_TEST

static int misuse(void *arg)
{
    *(int *)arg = weir_tasks_dump(false, NULL, NULL);
    return 0;
}

START_TEST(misuse_has_its_code)
{
    int code = 0;

    ck_assert_int_eq(weir_tasks_dump(false, note, &seen), WEIR_ESTATE);
    ck_assert_int_eq(weir_tasks_dump(true, note, &seen), 0);       /* no loop runs: no tasks */
    ck_assert_int_eq(weir_run(misuse, &code), 0);
    ck_assert_int_eq(code, -EINVAL);
}
END_TEST

/* A kind that is added without a word would be told as NULL. */
START_TEST(every_kind_of_wait_has_a_word_of_its_own)
{
    for (int i = 0; i < WAIT_KINDS; i++) {
        weir_task task = { .state = TASK_PARKED, .wait_kind = (enum wait_kind)i };
        ck_assert_ptr_nonnull(weir__task_waits_for(&task));
        for (int j = 0; j < i; j++) {
            weir_task other = { .state = TASK_PARKED, .wait_kind = (enum wait_kind)j };
            ck_assert_str_ne(weir__task_waits_for(&task), weir__task_waits_for(&other));
        }
    }
}
END_TEST

/* --- All loops ------------------------------------------------------------ */

#define WORKERS 3

static atomic_int arrived, left;
static struct seen seen_by[WORKERS];
static pthread_barrier_t barrier;

/* Past it, all workers' tasks are parked where they should be. */
static void meet(atomic_int *gate)
{
    atomic_fetch_add(gate, 1);
    while (atomic_load(gate) < WORKERS)
        weir_sleep(0.0005);
}

static int workers_main(void *arg)
{
    char name[32];
    weir_task *task = weir_create_task(sleep_long, NULL);

    snprintf(name, sizeof name, "sleeper%u", weir_worker_index());
    weir_task_set_name(task, name);
    weir_task_unref(task);
    weir_yield();
    meet(&arrived);
    if (arg == NULL)
        pthread_barrier_wait(&barrier);
    if (arg == NULL || weir_worker_index() == 0)
        dump(true, &seen_by[weir_worker_index()]);
    meet(&left);
    return 0;
}

START_TEST(all_loops_answer)
{
    ck_assert_int_eq(weir_run_workers(WORKERS, workers_main, &seen), 0);
    ck_assert_int_eq(seen_by[0].result, 2 * WORKERS);
    ck_assert_int_eq(times(&seen_by[0], "main:"), WORKERS);
    for (int i = 0; i < WORKERS; i++) {
        char line[32];
        snprintf(line, sizeof line, "sleeper%d:sleep ", i);
        ck_assert_int_eq(times(&seen_by[0], line), 1);
    }
}
END_TEST

/* Past the barrier no loop polls before its own call has returned: each answers while it waits, or all do for good. */
START_TEST(loops_that_ask_each_other_all_get_their_answer)
{
    pthread_barrier_init(&barrier, NULL, WORKERS);
    ck_assert_int_eq(weir_run_workers(WORKERS, workers_main, NULL), 0);
    pthread_barrier_destroy(&barrier);
    for (int i = 0; i < WORKERS; i++) {
        ck_assert_int_ge(seen_by[i].result, WORKERS + 1);
        ck_assert_int_eq(times(&seen_by[i], ":sleep ") >= WORKERS, 1);
    }
}
END_TEST

static int blocked_main(void *arg)
{
    char byte;

    (void)arg;
    if (weir_worker_index() == 1) {
        atomic_store(&arrived, 1);
        return read(pipe_fds[0], &byte, 1) == 1 ? 0 : -EIO;     /* on the loop's thread: what nobody should do */
    }
    while (atomic_load(&arrived) == 0)
        weir_sleep(0.0005);
    dump(true, &seen);
    return write(pipe_fds[1], "x", 1) == 1 ? 0 : -EIO;
}

START_TEST(a_blocked_loop_does_not_block_the_one_that_asks_for_long)
{
    ck_assert_int_eq(pipe(pipe_fds), 0);
    ck_assert_int_eq(weir_run_workers(2, blocked_main, NULL), 0);
    ck_assert_int_eq(seen.result, -ETIMEDOUT);
    ck_assert_str_eq(seen.text, "main:nothing ");
}
END_TEST

/* --- Loops that come and go ----------------------------------------------- */

static int end_when_asked(void *arg)
{
    weir_loop *loop = weir_get_running_loop();

    (void)arg;
    atomic_store(&arrived, 1);
    while (!atomic_load(&loop->asked))
        continue;
    return 0;
}

static void *run_until_asked(void *arg)
{
    weir_loop *loop = weir_loop_new();

    *(int *)arg = weir_loop_run_until_complete(loop, end_when_asked, NULL);
    weir_loop_free(loop);
    return NULL;
}

static int dump_while_it_ends(void *arg)
{
    (void)arg;
    while (atomic_load(&arrived) == 0)
        continue;
    dump(true, &seen);
    return 0;
}

/* It never polls again: the end of its run is the last moment to answer. */
START_TEST(a_run_that_ends_answers_before_it_does)
{
    pthread_t thread;
    int code = -1;

    ck_assert_int_eq(pthread_create(&thread, NULL, run_until_asked, &code), 0);
    ck_assert_int_eq(weir_run(dump_while_it_ends, NULL), 0);
    pthread_join(thread, NULL);
    ck_assert_int_eq(code, 0);
    ck_assert_int_ge(seen.result, 1);
    ck_assert_int_eq(times(&seen, "main:nothing "), 1);
}
END_TEST

static atomic_bool over;

static int tiny(void *arg)
{
    (void)arg;
    weir_spawn(sleep_long, NULL);
    return weir_yield();
}

static void *run_again_and_again(void *arg)
{
    int *code = arg;

    while (!atomic_load(&over) && *code == 0)
        *code = weir_run(tiny, NULL);
    return NULL;
}

static int dump_again_and_again(void *arg)
{
    (void)arg;
    for (int i = 0; i < 300; i++) {
        dump(true, &seen);
        if (seen.result < 1)
            return seen.result < 0 ? seen.result : -EIO;
        weir_yield();
    }
    return 0;
}

START_TEST(runs_that_begin_and_end_meanwhile_answer_or_are_left_out)
{
    pthread_t threads[2];
    int codes[2] = { 0, 0 };

    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_again_and_again, &codes[i]), 0);
    ck_assert_int_eq(weir_run(dump_again_and_again, NULL), 0);
    atomic_store(&over, true);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(codes[i], 0);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/task_dump");

    TCase *one = tcase_create("one loop");
    tcase_add_test(one, each_task_is_told_with_its_name_and_what_it_waits_for);
    tcase_add_test(one, since_is_a_time_of_the_loops_clock);
    tcase_add_test(one, whoever_is_told_may_do_anything);
    tcase_add_test(one, many_tasks_and_long_names_are_told_whole);
    tcase_add_test(one, without_memory_nothing_is_told);
    tcase_add_test(one, misuse_has_its_code);
    tcase_add_test(one, every_kind_of_wait_has_a_word_of_its_own);
    suite_add_tcase(s, one);

    TCase *all = tcase_create("all loops");
    tcase_add_test(all, all_loops_answer);
    tcase_add_test(all, loops_that_ask_each_other_all_get_their_answer);
    tcase_add_test(all, a_blocked_loop_does_not_block_the_one_that_asks_for_long);
    tcase_add_test(all, a_run_that_ends_answers_before_it_does);
    tcase_add_test(all, runs_that_begin_and_end_meanwhile_answer_or_are_left_out);
    suite_add_tcase(s, all);
    return s;
}
