/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_workers.c  What core/workers.c promises: workers that begin together and end together.
 *
 * On a machine with one CPU the pinning tests still run: then nothing may be pinned.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include <weir/loop.h>
#include <weir/run.h>
#include <weir/task.h>

#include "core/error.h"
#include "core/loop.h"
#include "core/sys_fault.h"
#include "core/workers.h"
#include "lib/each_fault.h"
#include "lib/suite.h"

#define MOST 8

static weir_loop *loops[MOST];
static atomic_uint begun, ended;
static atomic_int result_of[MOST];
static cpu_set_t cpus_of[MOST];

/* --- Who is who ----------------------------------------------------------- */

static int look_around(void *arg)
{
    unsigned index = weir_worker_index();
    unsigned *wrong = arg;

    if (weir_worker_count() != 3 || index >= 3 || weir_worker_loop(3) != NULL)
        ++*wrong;                               /* only on failure, where a race does not matter */
    if (weir_worker_loop(index) != weir_get_running_loop())
        ++*wrong;
    loops[index] = weir_get_running_loop();
    atomic_fetch_add(&begun, 1);
    return 0;
}

START_TEST(each_worker_has_an_index_and_a_loop_of_its_own)
{
    unsigned wrong = 0;

    ck_assert_uint_eq(weir_worker_count(), 0);
    ck_assert_int_eq(weir_run_workers(3, look_around, &wrong), 0);
    ck_assert_uint_eq(wrong, 0);
    ck_assert_uint_eq(begun, 3);
    ck_assert(loops[0] != loops[1] && loops[1] != loops[2] && loops[0] != loops[2]);
    ck_assert_uint_eq(weir_worker_count(), 0);
    ck_assert_uint_eq(weir_worker_index(), 0);
    ck_assert_ptr_null(weir_worker_loop(0));
}
END_TEST

static int count_in_run(void *arg)
{
    (void)arg;
    return weir_worker_loop(0) == weir_get_running_loop() && weir_worker_loop(1) == NULL ? (int)weir_worker_count() : -1;
}

/* A handler that posts to every worker's loop must find one here too. */
START_TEST(a_run_is_a_set_of_one_worker)
{
    ck_assert_int_eq(weir_run(count_in_run, NULL), 1);
    ck_assert_uint_eq(weir_worker_count(), 0);
}
END_TEST

static int count_self(void *arg)
{
    (void)arg;
    atomic_fetch_add(&begun, 1);
    return 0;
}

START_TEST(zero_workers_means_one_for_each_cpu)
{
    cpu_set_t cpus;

    ck_assert_int_eq(sched_getaffinity(0, sizeof cpus, &cpus), 0);
    ck_assert_uint_eq(weir__cpu_count(), (unsigned)CPU_COUNT(&cpus));
    ck_assert_int_eq(weir_run_workers(0, count_self, NULL), 0);
    ck_assert_uint_eq(begun, (unsigned)CPU_COUNT(&cpus));
}
END_TEST

/* --- Calls between workers ------------------------------------------------ */

static void arrived(void *arg)
{
    (void)arg;
    atomic_fetch_add(&ended, 1);
}

static int post_to_all(void *arg)
{
    int code = 0;

    (void)arg;
    for (unsigned i = 0; i < weir_worker_count(); i++) {        /* all loops exist before any main begins */
        if (code == 0)
            code = weir_loop_call_soon_threadsafe(weir_worker_loop(i), arrived, NULL);
    }
    while (atomic_load(&ended) < 16 && code == 0)
        code = weir_sleep(0.001);
    return code;
}

START_TEST(workers_find_each_others_loops_from_the_first_step_on)
{
    ck_assert_int_eq(weir_run_workers(4, post_to_all, NULL), 0);
    ck_assert_uint_eq(ended, 16);
}
END_TEST

/* --- Failing together ------------------------------------------------------ */

static int fail_or_wait(void *arg)
{
    unsigned index = weir_worker_index();
    unsigned failing = *(unsigned *)arg;

    atomic_fetch_add(&begun, 1);
    if (index == failing)
        return weir__fail_text(-EPERM, "worker %u found the door shut", index);
    int code = weir_sleep(3600);
    atomic_store(&result_of[index], code);
    weir_sleep(0.001);                          /* awaited, not cut off */
    atomic_fetch_add(&ended, 1);
    return code;
}

/* Which one fails first is the test's choice; worker 0 is the caller's own thread and goes another way. */
START_TEST(the_first_failure_cancels_the_others_and_is_what_the_caller_gets)
{
    unsigned failing = (unsigned)_i;

    ck_assert_int_eq(weir_run_workers(3, fail_or_wait, &failing), -EPERM);
    ck_assert_ptr_nonnull(strstr(weir_error_detail(), "found the door shut"));
    ck_assert_int_eq(weir_error_detail()[7], '0' + _i);
    ck_assert_uint_eq(begun, 3);
    ck_assert_uint_eq(ended, 2);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(result_of[i], i == _i ? 0 : -ECANCELED);
}
END_TEST

static int all_fail(void *arg)
{
    (void)arg;
    return weir__fail_text(-EPERM - (int)weir_worker_index(), "worker %u", weir_worker_index());
}

START_TEST(when_all_fail_code_and_text_are_of_the_same_worker)
{
    for (int round = 0; round < 50; round++) {
        int code = weir_run_workers(4, all_fail, NULL);
        ck_assert_int_le(code, -EPERM);
        ck_assert_int_eq(weir_error_detail()[7] - '0', -EPERM - code);
    }
}
END_TEST

static int one_ends_early(void *arg)
{
    (void)arg;
    if (weir_worker_index() == 1)
        return 5;                               /* 0 or more is no failure */
    weir_sleep(0.002);
    atomic_fetch_add(&ended, 1);
    return 7;
}

START_TEST(a_worker_that_ends_well_leaves_the_others_alone)
{
    ck_assert_int_eq(weir_run_workers(3, one_ends_early, NULL), 0);
    ck_assert_uint_eq(ended, 2);
}
END_TEST

/* --- Not starting ---------------------------------------------------------- */

/* FAULTS 20. Half a set of workers that wait for the other half would wait for ever. */
START_TEST(when_a_thread_cannot_be_made_nothing_runs)
{
    struct fault_plan plan = { .fail_at = (uint64_t)_i, .only = 1ULL << SYS_THREAD };

    weir__fault_begin(&plan);
    int code = weir_run_workers(4, count_self, NULL);
    weir__fault_end();
    ck_assert_int_eq(code, -EAGAIN);
    ck_assert_ptr_nonnull(strstr(weir_error_detail(), "worker"));
    ck_assert_uint_eq(begun, 0);
    ck_assert_int_eq(weir_run_workers(4, count_self, NULL), 0);
    ck_assert_uint_eq(begun, 4);
}
END_TEST

START_TEST(an_absurd_number_of_workers_is_refused)
{
    ck_assert_int_eq(weir_run_workers(1025, count_self, NULL), -EINVAL);
    ck_assert_int_eq(weir_run_workers(4000000000U, count_self, NULL), -EINVAL);
    ck_assert_uint_eq(begun, 0);
}
END_TEST

static int second_set(void *arg)
{
    (void)arg;
    atomic_store(&result_of[1], weir_run_workers(2, count_self, NULL));
    return 0;
}

static void *run_second_set(void *arg)
{
    second_set(arg);
    return NULL;
}

static int try_a_second_set(void *arg)
{
    pthread_t thread;

    if (weir_worker_index() == 0) {
        second_set(arg);
        atomic_store(&result_of[0], atomic_load(&result_of[1]));
        if (pthread_create(&thread, NULL, run_second_set, arg) != 0)
            return -1;
        pthread_join(thread, NULL);
    }
    return 0;
}

START_TEST(a_process_has_one_set_of_workers_at_a_time)
{
    ck_assert_int_eq(weir_run_workers(2, try_a_second_set, NULL), 0);
    ck_assert_int_eq(result_of[0], -EBUSY);     /* on a worker's thread, and on any other */
    ck_assert_int_eq(result_of[1], -EBUSY);
    ck_assert_uint_eq(begun, 0);
}
END_TEST

static int sleep_a_little(void *arg)
{
    (void)arg;
    return weir_sleep(0.0001);
}

static int run_three(void *arg)
{
    return weir_run_workers(3, sleep_a_little, arg);
}

/* FAULTS 2, 20, 26. */
START_TEST(workers_survive_every_single_failing_call)
{
    ck_assert_uint_ge(each_fault(FAULT_ANY, false, run_three, NULL), 10);
}
END_TEST

/* --- Pinning --------------------------------------------------------------- */

static int note_cpus(void *arg)
{
    (void)arg;
    return sched_getaffinity(0, sizeof cpus_of[0], &cpus_of[weir_worker_index()]) < 0 ? -errno : 0;
}

START_TEST(workers_are_kept_on_one_cpu_each_and_the_callers_thread_gets_its_cpus_back)
{
    cpu_set_t before, after, together;

    ck_assert_int_eq(sched_getaffinity(0, sizeof before, &before), 0);
    unsigned cpus = (unsigned)CPU_COUNT(&before);
    unsigned workers = cpus > MOST ? MOST : cpus;
    ck_assert_int_eq(weir_run_workers(workers, note_cpus, NULL), 0);
    ck_assert_int_eq(sched_getaffinity(0, sizeof after, &after), 0);
    ck_assert(CPU_EQUAL(&before, &after));

    CPU_ZERO(&together);
    for (unsigned i = 0; i < workers; i++) {
        ck_assert_int_eq(CPU_COUNT(&cpus_of[i]), 1);
        CPU_OR(&together, &together, &cpus_of[i]);
    }
    ck_assert_uint_eq((unsigned)CPU_COUNT(&together), workers);
}
END_TEST

/* With more workers than CPUs, and when asked not to, the kernel places them better. */
START_TEST(workers_are_not_pinned_when_they_are_too_many_or_it_is_not_wanted)
{
    cpu_set_t before;

    ck_assert_int_eq(sched_getaffinity(0, sizeof before, &before), 0);
    ck_assert_int_eq(weir__workers_run(2, false, note_cpus, NULL), 0);
    ck_assert(CPU_EQUAL(&before, &cpus_of[0]) && CPU_EQUAL(&before, &cpus_of[1]));
    if (CPU_COUNT(&before) < MOST) {
        unsigned workers = (unsigned)CPU_COUNT(&before) + 1;
        ck_assert_int_eq(weir_run_workers(workers, note_cpus, NULL), 0);
        for (unsigned i = 0; i < workers; i++)
            ck_assert(CPU_EQUAL(&before, &cpus_of[i]));
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/workers");

    TCase *who = tcase_create("who");
    tcase_add_test(who, each_worker_has_an_index_and_a_loop_of_its_own);
    tcase_add_test(who, a_run_is_a_set_of_one_worker);
    tcase_add_test(who, zero_workers_means_one_for_each_cpu);
    tcase_add_test(who, workers_find_each_others_loops_from_the_first_step_on);
    suite_add_tcase(s, who);

    TCase *ending = tcase_create("ending");
    tcase_add_loop_test(ending, the_first_failure_cancels_the_others_and_is_what_the_caller_gets, 0, 3);
    tcase_add_test(ending, when_all_fail_code_and_text_are_of_the_same_worker);
    tcase_add_test(ending, a_worker_that_ends_well_leaves_the_others_alone);
    suite_add_tcase(s, ending);

    TCase *starting = tcase_create("starting");
    tcase_add_loop_test(starting, when_a_thread_cannot_be_made_nothing_runs, 1, 4);
    tcase_add_test(starting, an_absurd_number_of_workers_is_refused);
    tcase_add_test(starting, a_process_has_one_set_of_workers_at_a_time);
    tcase_add_test(starting, workers_survive_every_single_failing_call);
    suite_add_tcase(s, starting);

    TCase *pinning = tcase_create("pinning");
    tcase_add_test(pinning, workers_are_kept_on_one_cpu_each_and_the_callers_thread_gets_its_cpus_back);
    tcase_add_test(pinning, workers_are_not_pinned_when_they_are_too_many_or_it_is_not_wanted);
    suite_add_tcase(s, pinning);
    return s;
}
