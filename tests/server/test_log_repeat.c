/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_log_repeat.c  What server/log_repeat.c promises: so many lines of a message a second, and then a number.
 */
#include "server/log_repeat.h"

#include <stdio.h>
#include <string.h>

#include "lib/suite.h"

#define SECOND 1000000000LL

static struct log_repeat repeat;

static bool admit_at(int64_t now, int level, const char *sentence)
{
    return log_repeat_admit(&repeat, now, level, sentence, strlen(sentence));
}

static unsigned admitted(unsigned count, int64_t now, const char *sentence)
{
    unsigned lines = 0;

    for (unsigned i = 0; i < count; i++)
        lines += admit_at(now, 1, sentence);
    return lines;
}

START_TEST(lines_above_the_limit_are_counted_until_the_second_is_over)
{
    log_repeat_init(&repeat, 10);
    ck_assert_uint_eq(admitted(10, 5, "x"), 10);
    ck_assert_int_lt(log_repeat_wait(&repeat, 5), 0);           /* nothing is held back yet */
    ck_assert_uint_eq(admitted(7, SECOND - 1, "x"), 0);
    ck_assert_int_eq(log_repeat_wait(&repeat, SECOND), 5);
    ck_assert_ptr_null(log_repeat_due(&repeat, SECOND + 4, false));

    const struct log_repeated *message = log_repeat_due(&repeat, SECOND + 5, false);
    ck_assert_ptr_nonnull(message);
    ck_assert_uint_eq(message->held, 7);
    ck_assert_int_eq(message->level, 1);
    ck_assert_uint_eq(message->len, 1);
    ck_assert_int_eq(message->sentence[0], 'x');
    ck_assert_int_eq(log_repeat_wait(&repeat, 2 * SECOND), 0);
    log_repeat_said(&repeat, message);
    ck_assert_ptr_null(log_repeat_due(&repeat, 9 * SECOND, true));
    ck_assert_int_lt(log_repeat_wait(&repeat, 9 * SECOND), 0);
    ck_assert_uint_eq(admitted(11, SECOND + 6, "x"), 10);       /* a second of its own */
}
END_TEST

START_TEST(seldom_messages_are_never_held_back)
{
    log_repeat_init(&repeat, 10);
    for (int64_t second = 0; second < 100; second++)
        ck_assert_uint_eq(admitted(10, second * SECOND, "x"), 10);
    ck_assert_ptr_null(log_repeat_due(&repeat, 1000 * SECOND, true));
}
END_TEST

/* A line held back and not told yet is not forgotten because the next second has begun. */
START_TEST(what_is_held_back_stays_until_it_was_said)
{
    log_repeat_init(&repeat, 1);
    ck_assert_uint_eq(admitted(3, 0, "x"), 1);
    ck_assert_uint_eq(admitted(2, 5 * SECOND, "x"), 0);
    const struct log_repeated *message = log_repeat_due(&repeat, 5 * SECOND, false);
    ck_assert_ptr_nonnull(message);
    ck_assert_uint_eq(message->held, 4);
}
END_TEST

START_TEST(messages_are_told_apart_by_sentence_and_level)
{
    log_repeat_init(&repeat, 1);
    ck_assert(admit_at(0, 1, "x"));
    ck_assert(admit_at(0, 2, "x"));
    ck_assert(admit_at(0, 1, "y"));
    ck_assert(admit_at(0, 1, ""));
    ck_assert(!admit_at(0, 1, "x"));
    ck_assert(!admit_at(0, 2, "x"));
    ck_assert(!admit_at(0, 1, ""));

    ck_assert_ptr_null(log_repeat_due(&repeat, 0, false));
    unsigned told = 0;
    for (const struct log_repeated *message; (message = log_repeat_due(&repeat, 0, true)) != NULL; told++) {
        ck_assert_uint_eq(message->held, 1);
        log_repeat_said(&repeat, message);
    }
    ck_assert_uint_eq(told, 3);
}
END_TEST

START_TEST(long_sentences_are_told_apart_by_their_length_too)
{
    char sentence[LOG_REPEAT_SENTENCE + 10];

    memset(sentence, 's', sizeof sentence);
    log_repeat_init(&repeat, 1);
    for (size_t len = LOG_REPEAT_SENTENCE - 1; len < sizeof sentence; len++) {
        ck_assert(log_repeat_admit(&repeat, 0, 1, sentence, len));
        ck_assert(!log_repeat_admit(&repeat, 0, 1, sentence, len));
    }
}
END_TEST

START_TEST(a_full_table_lets_other_messages_pass)
{
    char sentence[32];

    log_repeat_init(&repeat, 1);
    for (int i = 0; i < LOG_REPEAT_MESSAGES; i++) {
        snprintf(sentence, sizeof sentence, "message %d", i);
        ck_assert_uint_eq(admitted(2, 0, sentence), 1);
    }
    ck_assert_uint_eq(admitted(50, 0, "another"), 50);
    ck_assert_uint_eq(admitted(50, 3 * SECOND, "another"), 50);         /* places with lines held back are not taken */
    log_repeat_said(&repeat, log_repeat_due(&repeat, 3 * SECOND, false));
    ck_assert_uint_eq(admitted(50, 3 * SECOND, "another"), 1);
    ck_assert_uint_eq(admitted(2, 3 * SECOND, "message 5"), 0);         /* found behind the place that was free */
}
END_TEST

START_TEST(without_a_limit_all_pass)
{
    log_repeat_init(&repeat, 0);
    ck_assert_uint_eq(admitted(1000, 0, "x"), 1000);
    ck_assert_ptr_null(log_repeat_due(&repeat, 5 * SECOND, true));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("server/log_repeat");

    TCase *messages = tcase_create("messages");
    tcase_add_test(messages, lines_above_the_limit_are_counted_until_the_second_is_over);
    tcase_add_test(messages, seldom_messages_are_never_held_back);
    tcase_add_test(messages, what_is_held_back_stays_until_it_was_said);
    tcase_add_test(messages, messages_are_told_apart_by_sentence_and_level);
    tcase_add_test(messages, long_sentences_are_told_apart_by_their_length_too);
    tcase_add_test(messages, a_full_table_lets_other_messages_pass);
    tcase_add_test(messages, without_a_limit_all_pass);
    suite_add_tcase(s, messages);
    return s;
}
