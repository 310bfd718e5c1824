/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_log.c  What core/log.c promises: lines for the hook, and silence without one.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <weir/error.h>
#include <weir/run.h>

#include "core/log.h"
#include "lib/clock.h"
#include "lib/suite.h"
#include "lib/trace.h"

static int last_level;

static void keep(int level, const char *message, void *arg)
{
    last_level = level;
    trace(arg);
    trace(message);
}

/* The library itself never prints. */
START_TEST(without_a_hook_nobody_is_told)
{
    ck_assert(!weir__log_wanted(LOG_LEVEL_ERROR));
    weir__log(LOG_LEVEL_ERROR, "unheard");
    weir_set_log(keep, ">", 0);
    weir_set_log(NULL, NULL, 0);
    ck_assert(!weir__log_wanted(LOG_LEVEL_ERROR));
    weir__log(LOG_LEVEL_ERROR, "unheard");
    ck_assert_str_eq(trace_text, "");
}
END_TEST

START_TEST(lines_below_the_level_are_not_made)
{
    weir_set_log(keep, ">", LOG_LEVEL_WARNING);
    weir__log(LOG_LEVEL_INFO, "info");
    ck_assert_str_eq(trace_text, "");
    weir__log(LOG_LEVEL_WARNING, "low on memory bytes=%d", 7);
    ck_assert_str_eq(trace_text, ">low on memory bytes=7");
    ck_assert_int_eq(last_level, LOG_LEVEL_WARNING);
    weir_set_log(keep, "!", LOG_LEVEL_DEBUG);   /* the last call counts */
    weir__log(LOG_LEVEL_DEBUG, "x");
    ck_assert_str_eq(trace_text, ">low on memory bytes=7!x");
}
END_TEST

/* A plugin's level is not trusted. */
START_TEST(others_talk_through_the_same_hook)
{
    weir_set_log(keep, ">", LOG_LEVEL_INFO);
    weir_log(0, "debug");
    weir_log(-5, "debug");
    ck_assert_str_eq(trace_text, "");
    weir_log(2, "warned times=%d", 3);
    ck_assert_int_eq(last_level, LOG_LEVEL_WARNING);
    weir_log(99, "x");
    ck_assert_int_eq(last_level, LOG_LEVEL_ERROR);
    ck_assert_str_eq(trace_text, ">warned times=3>x");
}
END_TEST

START_TEST(a_long_line_is_cut)
{
    char longer[2000];

    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    weir_set_log(keep, "", 0);
    weir__log(LOG_LEVEL_ERROR, "%s", longer);
    ck_assert_uint_eq(strlen(trace_text), 511);
}
END_TEST

START_TEST(the_receiver_for_standard_error_writes_one_line)
{
    char line[256];
    int ends[2];

    ck_assert_int_eq(pipe(ends), 0);
    int before = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    for (int level = -1; level <= 4; level++)
        weir_log_stderr(level, "message key=value", NULL);
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
    close(ends[1]);
    ssize_t len = read(ends[0], line, sizeof line - 1);
    close(ends[0]);
    ck_assert_int_gt(len, 0);
    line[len] = '\0';
    ck_assert_str_eq(line, "weir: debug: message key=value\nweir: debug: message key=value\n"
                           "weir: info: message key=value\nweir: warning: message key=value\n"
                           "weir: error: message key=value\nweir: error: message key=value\n");
}
END_TEST

static atomic_int lines;
static atomic_bool done;

static void count_line(int level, const char *message, void *arg)
{
    if (level == LOG_LEVEL_ERROR && strcmp(message, "n=1") == 0)
        atomic_fetch_add((atomic_int *)arg, 1);
}

static void *talk(void *arg)
{
    while (!atomic_load(&done))
        weir__log(LOG_LEVEL_ERROR, "n=%d", 1);
    return arg;
}

/* For ThreadSanitizer: callback and argument change together, or one gets the other's. */
START_TEST(the_hook_may_be_changed_while_others_talk)
{
    pthread_t threads[3];

    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, talk, NULL), 0);
    for (int i = 0; i < 1000 || atomic_load(&lines) == 0; i++)
        weir_set_log(i % 2 == 0 ? count_line : NULL, &lines, 0);
    atomic_store(&done, true);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_gt(lines, 0);
}
END_TEST

static int storm_of_events(void *arg)
{
    int64_t storm = 0, other = 0;
    int due = 0;

    (void)arg;
    for (int i = 0; i < 3000; i++) {
        due += weir__log_due(&storm);
        clock_advance(0.001);
    }
    /* Each event on its own. */
    return weir__log_due(&other) && !weir__log_due(&other) ? due : -1;
}

START_TEST(a_storm_of_one_event_is_one_line_a_second)
{
    clock_fake();
    int due = weir_run(storm_of_events, NULL);
    ck_assert_int_ge(due, 3);
    ck_assert_int_le(due, 4);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/log");

    TCase *log = tcase_create("log");
    tcase_add_test(log, without_a_hook_nobody_is_told);
    tcase_add_test(log, lines_below_the_level_are_not_made);
    tcase_add_test(log, others_talk_through_the_same_hook);
    tcase_add_test(log, a_long_line_is_cut);
    tcase_add_test(log, the_receiver_for_standard_error_writes_one_line);
    tcase_add_test(log, the_hook_may_be_changed_while_others_talk);
    tcase_add_test(log, a_storm_of_one_event_is_one_line_a_second);
    suite_add_tcase(s, log);
    return s;
}
