/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_executor.c  What core/executor.c promises: work that blocks, on threads, waited for like anything else.
 *
 * Threads meet at gates, never by the time that passes.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <weir/loop.h>
#include <weir/run.h>
#include <weir/task.h>

#include "core/executor.h"
#include "core/sys_fault.h"
#include "core/task.h"
#include "lib/suite.h"

#define CROWD 100               /* more jobs than there can be threads */

static sem_t gate, begun_gate, disposed_gate;
static atomic_int begun, at_once, most_at_once, disposed;

static void make_gates(void)
{
    sem_init(&gate, 0, 0);
    sem_init(&begun_gate, 0, 0);
    sem_init(&disposed_gate, 0, 0);
}

static void wait_at(sem_t *at)
{
    while (sem_wait(at) < 0)
        ;
}

static void dispose(void *arg)
{
    (void)arg;
    atomic_fetch_add(&disposed, 1);
    sem_post(&disposed_gate);
}

/* A job that begins, and ends when the gate opens. */
static int pass_gate(void *arg)
{
    int now = atomic_fetch_add(&at_once, 1) + 1;
    int most = atomic_load(&most_at_once);

    while (now > most && !atomic_compare_exchange_weak(&most_at_once, &most, now))
        ;
    atomic_fetch_add(&begun, 1);
    sem_post(&begun_gate);
    wait_at(&gate);
    atomic_fetch_sub(&at_once, 1);
    return arg == NULL ? 0 : *(int *)arg;
}

/* --- Results -------------------------------------------------------------- */

struct there {
    pthread_t thread;
    bool loopless, signals_blocked;
    int wait_code, spawn_code;
};

static int look_around(void *arg)
{
    struct there *there = arg;
    sigset_t mask;

    there->thread = pthread_self();
    there->loopless = weir_get_running_loop() == NULL && weir_current_task() == NULL;
    there->wait_code = weir_sleep(1);
    there->spawn_code = weir_spawn(look_around, NULL);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    there->signals_blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGINT) == 1;
    return -EXDEV;
}

static int run_there(void *arg)
{
    return weir_loop_run_in_executor(weir_get_running_loop(), look_around, arg);
}

/* A signal that lands on such a thread would not wake the loop that handles it. */
START_TEST(a_job_runs_on_another_thread_and_its_result_comes_back)
{
    static struct there there;

    ck_assert_int_eq(weir_run(run_there, &there), -EXDEV);
    ck_assert(!pthread_equal(there.thread, pthread_self()));
    ck_assert(there.loopless && there.signals_blocked);
    ck_assert_int_eq(there.wait_code, WEIR_ENOTASK);
    ck_assert_int_eq(there.spawn_code, WEIR_ESTATE);
}
END_TEST

static int open_gate(void *arg)
{
    (void)arg;
    sem_post(&gate);
    return 0;
}

static int block_until_another_task_runs(void *arg)
{
    static int result = 5;

    (void)arg;
    weir_spawn(open_gate, NULL);
    return weir_loop_run_in_executor(weir_get_running_loop(), pass_gate, &result);
}

START_TEST(the_other_tasks_go_on_meanwhile)
{
    ck_assert_int_eq(weir_run(block_until_another_task_runs, NULL), 5);
}
END_TEST

static int pass_gate_in_task(void *arg)
{
    return weir_loop_run_in_executor(weir_get_running_loop(), pass_gate, arg);
}

static int open_in_task(void *arg)
{
    return weir_loop_run_in_executor(weir_get_running_loop(), open_gate, arg);
}

static int two_that_need_each_other(void *arg)
{
    weir_task *tasks[2];

    (void)arg;
    sem_post(&gate);
    int code = pass_gate_in_task(NULL);         /* leaves one idle thread */
    tasks[0] = weir_create_task(pass_gate_in_task, NULL);
    tasks[1] = weir_create_task(open_in_task, NULL);
    for (int i = 0; i < 2; i++) {
        code = code < 0 ? code : weir_task_join(tasks[i]);
        weir_task_unref(tasks[i]);
    }
    return code;
}

/* Both are queued before the one idle thread has woken; counted as idle for both, it would leave the second waiting for
 * the first, which waits for the second. */
START_TEST(an_idle_thread_counts_for_one_job_only)
{
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(weir_run(two_that_need_each_other, NULL), 0);
}
END_TEST

static int crowd_the_threads(void *arg)
{
    weir_task *tasks[CROWD];
    int code = 0;

    (void)arg;
    for (int i = 0; i < CROWD; i++)
        tasks[i] = weir_create_task(pass_gate_in_task, NULL);
    weir_yield();
    for (int i = 0; i < CROWD; i++)
        sem_post(&gate);
    for (int i = 0; i < CROWD; i++) {
        code = code < 0 ? code : weir_task_join(tasks[i]);
        weir_task_unref(tasks[i]);
    }
    return code;
}

/* FAULTS 29: nothing is unbounded; what is too much waits its turn and is not lost. */
START_TEST(many_jobs_are_done_by_a_bounded_number_of_threads)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    int bound = cpus + 4 < 32 ? (int)cpus + 4 : 32;

    ck_assert_int_eq(weir_run(crowd_the_threads, NULL), 0);
    ck_assert_int_eq(begun, CROWD);
    ck_assert_int_le(most_at_once, bound);
}
END_TEST

/* --- Cut short ------------------------------------------------------------ */

static int disposable(void *arg)
{
    bool *was = arg;

    return weir__executor_run(weir_get_running_loop(), pass_gate, NULL, dispose, was);
}

static int disposable_with_deadline(void *arg)
{
    int code = 0;

    WEIR_TIMEOUT(0.001)
        code = disposable(arg);
    return code;
}

struct cut {
    int (*task)(void *arg);
    int code;
    bool disposed;
    int disposed_early;
};

static int cut_a_running_job(void *arg)
{
    struct cut *cut = arg;
    weir_task *task = weir_create_task(cut->task, &cut->disposed);

    weir_yield();
    wait_at(&begun_gate);                       /* blocks this loop, and the job is not the loop's */
    if (cut->task == disposable)
        weir_task_cancel(task);
    cut->code = weir_task_join(task);
    weir_task_unref(task);
    cut->disposed_early = atomic_load(&disposed);
    sem_post(&gate);
    while (atomic_load(&disposed) == 0)
        weir_sleep(0.001);
    return 0;
}

/* A thread cannot be cancelled: its argument must live until it is done, though nobody waits any more. */
START_TEST(a_job_whose_wait_is_cut_short_runs_on_and_its_argument_is_disposed_of_once)
{
    struct cut cut = { .task = _i == 0 ? disposable : disposable_with_deadline };

    ck_assert_int_eq(weir_run(cut_a_running_job, &cut), 0);
    ck_assert_int_eq(cut.code, _i == 0 ? -ECANCELED : -ETIMEDOUT);
    ck_assert(cut.disposed);
    ck_assert_int_eq(cut.disposed_early, 0);
    ck_assert_int_eq(disposed, 1);
}
END_TEST

static int cancel_the_queued(void *arg)
{
    weir_task *tasks[CROWD];
    int *codes = arg;

    for (int i = 0; i < CROWD; i++)
        tasks[i] = weir_create_task(pass_gate_in_task, NULL);
    bool was = false;
    weir_task *queued = weir_create_task(disposable, &was);     /* behind a hundred others */
    weir_yield();
    weir_task_cancel(queued);
    codes[0] = weir_task_join(queued);
    codes[1] = was;
    codes[2] = atomic_load(&disposed);          /* at once: it will never begin */
    weir_task_unref(queued);
    for (int i = 0; i < CROWD; i++)
        sem_post(&gate);
    int code = 0;
    for (int i = 0; i < CROWD; i++) {
        code = code < 0 ? code : weir_task_join(tasks[i]);
        weir_task_unref(tasks[i]);
    }
    return code;
}

START_TEST(a_job_cancelled_while_queued_never_begins_and_is_disposed_of_once)
{
    int codes[3];

    ck_assert_int_eq(weir_run(cancel_the_queued, codes), 0);
    ck_assert_int_eq(codes[0], -ECANCELED);
    ck_assert_int_eq(codes[1], 1);
    ck_assert_int_eq(codes[2], 1);
    ck_assert_int_eq(begun, CROWD);
    ck_assert_int_eq(disposed, 1);
}
END_TEST

static int start_and_stop(void *arg)
{
    weir_spawn(disposable, arg);
    weir_yield();
    wait_at(&begun_gate);
    weir_loop_stop(weir_get_running_loop());
    return weir_yield();
}

/* FAULTS 39. The loop is freed with the job on a thread: whoever posts then must find a closed inbox and no freed memory. */
START_TEST(a_loop_may_be_freed_while_its_job_runs)
{
    static bool was;
    weir_loop *loop = weir_loop_new();

    ck_assert_int_eq(weir_loop_run_until_complete(loop, start_and_stop, &was), WEIR_ESTATE);
    weir_loop_free(loop);
    ck_assert_int_eq(disposed, 0);
    sem_post(&gate);
    wait_at(&disposed_gate);
    ck_assert_int_eq(disposed, 1);
}
END_TEST

/* --- Refused -------------------------------------------------------------- */

static int without_threads(void *arg)
{
    struct fault_plan plan = { .fail_at = 1, .from_then_on = true, .only = 1ULL << SYS_THREAD };
    bool *was = arg;

    weir__fault_begin(&plan);
    int code = weir__executor_run(weir_get_running_loop(), pass_gate, NULL, dispose, was);
    weir__fault_end();
    return code;
}

/* FAULTS 20. */
START_TEST(without_any_thread_a_job_is_refused_and_disposed_of)
{
    bool was = false;

    ck_assert_int_eq(weir_run(without_threads, &was), -EAGAIN);
    ck_assert_ptr_nonnull(strstr(weir_error_detail(), "thread"));
    ck_assert(was);
    ck_assert_int_eq(disposed, 1);
    ck_assert_int_eq(begun, 0);
}
END_TEST

static int other_loops_executor(void *arg)
{
    return weir_loop_run_in_executor(arg, open_gate, NULL);
}

START_TEST(a_job_is_for_a_task_of_its_own_loop)
{
    weir_loop *loop = weir_loop_new();

    ck_assert_int_eq(weir_loop_run_in_executor(loop, open_gate, NULL), WEIR_ENOTASK);
    ck_assert_int_eq(weir_run(other_loops_executor, loop), WEIR_ESTATE);
    weir_loop_free(loop);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/executor");

    TCase *results = tcase_create("results");
    tcase_add_checked_fixture(results, make_gates, NULL);
    tcase_add_test(results, a_job_runs_on_another_thread_and_its_result_comes_back);
    tcase_add_test(results, the_other_tasks_go_on_meanwhile);
    tcase_add_test(results, an_idle_thread_counts_for_one_job_only);
    tcase_add_test(results, many_jobs_are_done_by_a_bounded_number_of_threads);
    suite_add_tcase(s, results);

    TCase *cut = tcase_create("cut short");
    tcase_add_checked_fixture(cut, make_gates, NULL);
    tcase_add_loop_test(cut, a_job_whose_wait_is_cut_short_runs_on_and_its_argument_is_disposed_of_once, 0, 2);
    tcase_add_test(cut, a_job_cancelled_while_queued_never_begins_and_is_disposed_of_once);
    tcase_add_test(cut, a_loop_may_be_freed_while_its_job_runs);
    tcase_add_test(cut, without_any_thread_a_job_is_refused_and_disposed_of);
    tcase_add_test(cut, a_job_is_for_a_task_of_its_own_loop);
    suite_add_tcase(s, cut);
    return s;
}
