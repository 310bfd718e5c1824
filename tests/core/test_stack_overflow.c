/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_stack_overflow.c  What core/stack_overflow.c promises: the task that ran off its stack is named.
 *
 * Each overflow happens in a child whose standard error is read. Under a sanitizer the fault then goes on to its handler,
 * as it was there before, and the child ends in its way instead of by the signal.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/run.h>
#include <weir/task.h>

#include "core/stack.h"
#include "core/switch_announce.h"
#include "core/sys_fault.h"
#include "lib/suite.h"
#include "lib/under_valgrind.h"

static char said[65536];

/* Run @body in a child; its wait status, and what it said. */
static int in_child(void (*body)(void))
{
    int ends[2], status = 0;
    size_t len = 0;
    ssize_t n;

    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct rlimit none = { 0, 0 };
        setrlimit(RLIMIT_CORE, &none);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        body();
        _exit(99);
    }
    close(ends[1]);
    while ((n = read(ends[0], said + len, sizeof said - 1 - len)) > 0)
        len += (size_t)n;
    said[len] = '\0';
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

static void ended_by_the_fault(int status)
{
#ifdef STACK_SANITIZED
    ck_assert_msg(!WIFEXITED(status) || WEXITSTATUS(status) != 99, "the child went on");
#else
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "the child ended with status 0x%x", (unsigned)status);
#endif
}

/* Every frame is used after the call, so that none becomes a jump. */
__attribute__((noinline)) static int go_down(volatile int *above)
{
    volatile int here[64];

    here[0] = *above + 1;
    int below = here[0] < 1 << 30 ? go_down(here) : 0;
    return below + here[0];
}

static int overflow(void *arg)
{
    volatile int zero = 0;

    if (arg != NULL)
        weir_task_set_name(weir_current_task(), arg);
    weir_yield();
    return go_down(&zero);
}

static int spawn_overflow(void *name)
{
    weir_spawn(overflow, name);
    return weir_sleep(1000);
}

static void expect_report(const char *task, size_t size)
{
    char expected[256];

    snprintf(expected, sizeof expected, "weir: stack overflow in task %s, handler ", task);
    ck_assert_msg(strstr(said, expected) != NULL, "said: %s", said);
    snprintf(expected, sizeof expected, "its stack of %zu KiB is full", size / 1024);
    ck_assert_msg(strstr(said, expected) != NULL, "said: %s", said);
    snprintf(expected, sizeof expected, "%016zx", (size_t)(void *)overflow);    /* static: it has no name for dladdr */
    ck_assert_msg(strstr(said, expected) != NULL, "said: %s", said);
}

/* --- Reports -------------------------------------------------------------- */

static void overflow_named(void)
{
    weir_report_stack_overflow();
    weir_run(spawn_overflow, "deep diver");
}

/* FAULTS 15. A handler that runs on the full stack faults again, and nobody learns anything. */
START_TEST(an_overflow_names_task_handler_and_stack_and_ends_the_process)
{
    ended_by_the_fault(in_child(overflow_named));
    expect_report("deep diver", STACK_DEFAULT);
}
END_TEST

static void overflow_unnamed(void)
{
    weir_report_stack_overflow();
    weir_report_stack_overflow();               /* again: does nothing */
    weir_run(spawn_overflow, NULL);
}

START_TEST(a_task_without_a_name_is_told_by_what_it_is)
{
    ended_by_the_fault(in_child(overflow_unnamed));
    expect_report("task", STACK_DEFAULT);
}
END_TEST

static void overflow_main(void)
{
    weir_report_stack_overflow();
    weir_run(overflow, NULL);
}

START_TEST(the_first_task_of_a_run_has_a_larger_stack_and_a_guard_too)
{
    ended_by_the_fault(in_child(overflow_main));
    expect_report("main", (size_t)1024 * 1024);
}
END_TEST

static int overflow_on_second(void *name)
{
    return weir_worker_index() == 1 ? spawn_overflow(name) : weir_sleep(1000);
}

static void overflow_in_worker(void)
{
    weir_report_stack_overflow();
    weir_run_workers(2, overflow_on_second, "worker's");
}

/* The alternate stack belongs to a thread, so each has to get one. */
START_TEST(an_overflow_on_another_worker_is_reported_too)
{
    ended_by_the_fault(in_child(overflow_in_worker));
    expect_report("worker's", STACK_DEFAULT);
}
END_TEST

static void overflow_unasked(void)
{
    weir_run(spawn_overflow, "quiet");
}

START_TEST(a_program_that_did_not_ask_gets_no_report)
{
    ended_by_the_fault(in_child(overflow_unasked));
    ck_assert_ptr_null(strstr(said, "weir:"));
}
END_TEST

/* --- Faults that are not ours ----------------------------------------------- */

static void programs_own(int sig)
{
    _exit(sig == SIGSEGV ? 42 : 43);
}

static volatile int *volatile nowhere = (volatile int *)64;

static int fault_elsewhere(void *arg)
{
    (void)arg;
    weir_yield();
    return *nowhere;
}

static void fault_with_a_handler_before(void)
{
    signal(SIGSEGV, programs_own);
    weir_report_stack_overflow();
    weir_run(fault_elsewhere, NULL);
}

START_TEST(a_fault_elsewhere_goes_to_the_handler_that_was_there_before)
{
    int status = in_child(fault_with_a_handler_before);

    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 42);
    ck_assert_ptr_null(strstr(said, "weir:"));
}
END_TEST

static void fault_without(void)
{
    weir_report_stack_overflow();
    weir_run(fault_elsewhere, NULL);
}

static void fault_outside_of_tasks(void)
{
    weir_report_stack_overflow();
    fault_elsewhere(NULL);
}

/* Returning from the handler without having changed anything would fault again, for ever. */
START_TEST(a_fault_elsewhere_without_such_a_handler_ends_the_process)
{
    ended_by_the_fault(in_child(fault_without));
    ck_assert_ptr_null(strstr(said, "weir:"));
    ended_by_the_fault(in_child(fault_outside_of_tasks));
    ck_assert_ptr_null(strstr(said, "weir:"));
}
END_TEST

/* --- Installing ------------------------------------------------------------ */

static void fault_that_is_sent(void)
{
    weir_report_stack_overflow();
    raise(SIGSEGV);
    _exit(99);
}

/* Nothing faults again when the handler returns, so the signal has to be handed on. */
START_TEST(a_fault_that_was_sent_ends_the_process_too)
{
    ended_by_the_fault(in_child(fault_that_is_sent));
    ck_assert_ptr_null(strstr(said, "stack overflow in task"));
}
END_TEST

START_TEST(a_handler_that_cannot_be_installed_is_told_and_leaves_nothing_behind)
{
    struct sigaction before, after;

    sigaction(SIGSEGV, NULL, &before);
    for (uint64_t n = 1; n <= 2; n++) {
        struct fault_plan plan = { .fail_at = n, .only = 1ULL << SYS_SIGACTION };
        weir__fault_begin(&plan);
        int code = weir_report_stack_overflow();
        weir__fault_end();
        ck_assert_int_eq(code, -EINVAL);
        sigaction(SIGSEGV, NULL, &after);
        ck_assert(before.sa_sigaction == after.sa_sigaction);
    }
    ck_assert_int_eq(weir_report_stack_overflow(), 0);
    sigaction(SIGSEGV, NULL, &after);
    ck_assert(before.sa_sigaction != after.sa_sigaction);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/stack_overflow");

    TCase *reports = tcase_create("reports");
    tcase_set_timeout(reports, 20);             /* a sanitizer's own report takes seconds */
    tcase_add_test(reports, an_overflow_names_task_handler_and_stack_and_ends_the_process);
    tcase_add_test(reports, a_task_without_a_name_is_told_by_what_it_is);
    tcase_add_test(reports, the_first_task_of_a_run_has_a_larger_stack_and_a_guard_too);
    tcase_add_test(reports, an_overflow_on_another_worker_is_reported_too);
    tcase_add_test(reports, a_program_that_did_not_ask_gets_no_report);
    suite_add_tcase(s, reports);

    TCase *others = tcase_create("others");
    tcase_set_timeout(others, 20);
    if (!UNDER_VALGRIND)                        /* it ends a child that read where nothing is with a code of its own */
        tcase_add_test(others, a_fault_elsewhere_goes_to_the_handler_that_was_there_before);
    tcase_add_test(others, a_fault_elsewhere_without_such_a_handler_ends_the_process);
    tcase_add_test(others, a_fault_that_was_sent_ends_the_process_too);
    tcase_add_test(others, a_handler_that_cannot_be_installed_is_told_and_leaves_nothing_behind);
    suite_add_tcase(s, others);
    return s;
}
