/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_error.c  What core/error.c promises: a text for every code, and a detail of one's own.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <weir/run.h>
#include <weir/task.h>

#include "core/error.h"
#include "core/sys_fault.h"
#include "lib/suite.h"

/* A code that was added to the header and not to the list would say "unknown error" to its first user. */
START_TEST(every_code_of_ours_has_a_text_of_its_own)
{
    const char *texts[8];

    for (int i = 0; i < 8; i++) {
        texts[i] = weir_strerror(WEIR_EINCOMPLETE - i);
        ck_assert_str_ne(texts[i], weir_strerror(-100000));
        for (int k = 0; k < i; k++)
            ck_assert_str_ne(texts[i], texts[k]);
    }
    ck_assert_int_eq(WEIR_EPLUGIN, WEIR_EINCOMPLETE - 7);
    ck_assert_str_eq(weir_strerror(WEIR_EPLUGIN - 1), weir_strerror(-100000));  /* the last there is */
}
END_TEST

START_TEST(any_number_has_a_text)
{
    static const int numbers[] = { 0, 1, INT_MAX, INT_MIN, -4095, -4096, -4097, -9999, -10000, -133, -134, -500 };

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        ck_assert_ptr_nonnull(weir_strerror(numbers[i]));
    ck_assert_str_eq(weir_strerror(-ECONNRESET), strerror(ECONNRESET));
    ck_assert_str_eq(weir_strerror(0), weir_strerror(17));
}
END_TEST

START_TEST(a_detail_stays_until_the_next_failure_and_defaults_to_the_codes_text)
{
    ck_assert_str_eq(weir_error_detail(), "");
    ck_assert_int_eq(weir__fail_text(-EPERM, "door %d", 3), -EPERM);
    ck_assert_str_eq(weir_error_detail(), "door 3");
    ck_assert_str_eq(weir_error_detail(), "door 3");
    ck_assert_int_eq(weir__fail(-EPIPE), -EPIPE);
    ck_assert_str_eq(weir_error_detail(), strerror(EPIPE));     /* and not the door's */
}
END_TEST

START_TEST(a_long_detail_is_cut)
{
    char longer[2 * ERROR_TEXT_MAX];

    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    weir__fail_text(-EIO, "%s", longer);
    ck_assert_uint_eq(strlen(weir_error_detail()), ERROR_TEXT_MAX - 1);
}
END_TEST

static char before_yield[64], after_yield[64];

static int fail_too(void *arg)
{
    (void)arg;
    weir__fail_text(-EIO, "the other task's");
    return 0;
}

static int fail_and_yield(void *arg)
{
    (void)arg;
    weir__fail_text(-EPERM, "mine");
    snprintf(before_yield, sizeof before_yield, "%s", weir_error_detail());
    weir_spawn(fail_too, NULL);
    weir_yield();
    weir_yield();
    snprintf(after_yield, sizeof after_yield, "%s", weir_error_detail());
    return 0;
}

/* errno is one for each thread: between a call and its look at it another task would overwrite it. */
START_TEST(a_detail_is_the_tasks_own_across_suspensions)
{
    weir__fail_text(-EXDEV, "the thread's");
    ck_assert_int_eq(weir_run(fail_and_yield, NULL), 0);
    ck_assert_str_eq(before_yield, "mine");
    ck_assert_str_eq(after_yield, "mine");
    ck_assert_str_eq(weir_error_detail(), "the thread's");
}
END_TEST

static void *fail_in_thread(void *arg)
{
    bool empty = weir_error_detail()[0] == '\0';

    weir__fail_text(-EIO, "that thread's");
    return empty ? arg : NULL;
}

START_TEST(a_detail_is_the_threads_own_outside_of_tasks)
{
    pthread_t thread;
    void *result;

    weir__fail_text(-EPERM, "this thread's");
    ck_assert_int_eq(pthread_create(&thread, NULL, fail_in_thread, before_yield), 0);
    pthread_join(thread, &result);
    ck_assert_ptr_nonnull(result);
    ck_assert_str_eq(weir_error_detail(), "this thread's");
}
END_TEST

static int fail_without_memory(void *arg)
{
    struct fault_plan plan = { .fail_at = 1, .only = 1ULL << SYS_ALLOC };

    (void)arg;
    weir__fault_begin(&plan);
    weir__fail_text(-EPERM, "there is no room for this");
    weir__fault_end();
    snprintf(before_yield, sizeof before_yield, "%s", weir_error_detail());
    return 0;
}

START_TEST(without_memory_for_the_sentence_the_code_alone_is_recorded)
{
    ck_assert_int_eq(weir_run(fail_without_memory, NULL), 0);
    ck_assert_str_eq(before_yield, strerror(EPERM));
}
END_TEST

/* What is carried over must outlive its task or thread, whose own buffer must not be freed with it. */
START_TEST(a_failure_can_be_carried_over_from_a_thread_and_to_it)
{
    struct failure kept = { 0 };

    weir__fail_text(-EPERM, "carried");
    weir__failure_move(weir__failure_here(), &kept);
    ck_assert_int_eq(kept.code, -EPERM);
    ck_assert_str_eq(kept.text, "carried");
    weir__fail_text(-EIO, "newer");
    ck_assert_str_eq(kept.text, "carried");
    weir__failure_move(&kept, weir__failure_here());
    weir__failure_fini(&kept);
    ck_assert_str_eq(weir_error_detail(), "carried");

    struct failure plain = { .code = -EPIPE };
    weir__failure_move(&plain, weir__failure_here());
    weir__failure_fini(&plain);
    ck_assert_str_eq(weir_error_detail(), strerror(EPIPE));
}
END_TEST

START_TEST(the_version_is_three_numbers)
{
    int a, b, c, end = 0;

    ck_assert_int_eq(sscanf(weir_version(), "%d.%d.%d%n", &a, &b, &c, &end), 3);
    ck_assert_int_eq(weir_version()[end], '\0');
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/error");

    TCase *texts = tcase_create("texts");
    tcase_add_test(texts, every_code_of_ours_has_a_text_of_its_own);
    tcase_add_test(texts, any_number_has_a_text);
    tcase_add_test(texts, the_version_is_three_numbers);
    suite_add_tcase(s, texts);

    TCase *details = tcase_create("details");
    tcase_add_test(details, a_detail_stays_until_the_next_failure_and_defaults_to_the_codes_text);
    tcase_add_test(details, a_long_detail_is_cut);
    tcase_add_test(details, a_detail_is_the_tasks_own_across_suspensions);
    tcase_add_test(details, a_detail_is_the_threads_own_outside_of_tasks);
    tcase_add_test(details, without_memory_for_the_sentence_the_code_alone_is_recorded);
    tcase_add_test(details, a_failure_can_be_carried_over_from_a_thread_and_to_it);
    suite_add_tcase(s, details);
    return s;
}
