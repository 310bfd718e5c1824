/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_value.c  What server/value.c promises.
 *
 * Besides the cases that were thought of, a seeded stream of near misses: texts made of the characters that sizes and
 * durations are made of, each judged by a second, slower reading of the rule.
 */
#include "server/value.h"

#include <errno.h>
#include <math.h>
#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/suite.h"

#define UNTOUCHED 77

static const struct {
    const char *text;
    int         code;
    uint64_t    bytes;
} sizes[] = {
    { "0", 0, 0 },
    { "1", 0, 1 },
    { "007", 0, 7 },
    { "64k", 0, 65536 },
    { "64K", 0, 65536 },
    { "1M", 0, 1048576 },
    { "1m", 0, 1048576 },
    { "2G", 0, UINT64_C(2) << 30 },
    { "2g", 0, UINT64_C(2) << 30 },
    { "9223372036854775807", 0, INT64_MAX },
    { "9223372036854775808", -ERANGE, 0 },
    { "8589934591G", 0, UINT64_C(8589934591) << 30 },
    { "8589934592G", -ERANGE, 0 },
    { "18446744073709551616", -ERANGE, 0 },
    { "99999999999999999999999999k", -ERANGE, 0 },
    { "", -EINVAL, 0 },
    { "k", -EINVAL, 0 },
    { "-1", -EINVAL, 0 },
    { "+1", -EINVAL, 0 },
    { " 1", -EINVAL, 0 },
    { "1 ", -EINVAL, 0 },
    { "1 k", -EINVAL, 0 },
    { "1.5k", -EINVAL, 0 },
    { "1kB", -EINVAL, 0 },
    { "1kk", -EINVAL, 0 },
    { "1T", -EINVAL, 0 },
    { "0x10", -EINVAL, 0 },
    { "1e3", -EINVAL, 0 },
    { "99999999999999999999999999x", -EINVAL, 0 },
};

START_TEST(a_size_is_bytes_in_powers_of_1024_and_nothing_else)
{
    uint64_t bytes = UNTOUCHED;

    ck_assert_msg(value_parse_size(sizes[_i].text, &bytes) == sizes[_i].code, "\"%s\"", sizes[_i].text);
    ck_assert_uint_eq(bytes, sizes[_i].code == 0 ? sizes[_i].bytes : UNTOUCHED);
}
END_TEST

static const struct {
    const char *text;
    int         code;
    double      seconds;
} durations[] = {
    { "0", 0, 0 },
    { "30", 0, 30 },
    { "1.5", 0, 1.5 },
    { "1.5s", 0, 1.5 },
    { "200ms", 0, 0.2 },
    { "0.5ms", 0, 0.0005 },
    { "0.001ms", 0, 0.000001 },
    { "0.0010000ms", 0, 0.000001 },
    { "0.000001s", 0, 0.000001 },
    { "2m", 0, 120 },
    { "1.5m", 0, 90 },
    { "1h", 0, 3600 },
    { "0.25h", 0, 900 },
    { "1d", 0, 86400 },
    { "1.00000000001d", -EINVAL, 0 },
    { "0.000000125d", 0, 0.0108 },
    { "0.00000025m", 0, 0.000015 },
    { "0.0001220703125d", 0, 10.546875 },
    { "0.000000000000000000000000001d", -EINVAL, 0 },
    { "0.500000000000000000000000000d", 0, 43200 },
    { "365d", 0, 31536000 },
    { "31536000.000001", -ERANGE, 0 },
    { "366d", -ERANGE, 0 },
    { "99999999999999999999999999ms", -ERANGE, 0 },
    { "0.0000001s", -EINVAL, 0 },
    { "0.0001ms", -EINVAL, 0 },
    { "", -EINVAL, 0 },
    { "s", -EINVAL, 0 },
    { ".5s", -EINVAL, 0 },
    { "1.s", -EINVAL, 0 },
    { "1..5s", -EINVAL, 0 },
    { "1,5s", -EINVAL, 0 },
    { "-1s", -EINVAL, 0 },
    { "+1s", -EINVAL, 0 },
    { "1 s", -EINVAL, 0 },
    { " 1s", -EINVAL, 0 },
    { "1s ", -EINVAL, 0 },
    { "1S", -EINVAL, 0 },
    { "1us", -EINVAL, 0 },
    { "1h30m", -EINVAL, 0 },
    { "1e3", -EINVAL, 0 },
    { "nan", -EINVAL, 0 },
    { "inf", -EINVAL, 0 },
    { "0x1p3", -EINVAL, 0 },
};

START_TEST(a_duration_is_seconds_to_the_microsecond_and_nothing_else)
{
    double seconds = UNTOUCHED;

    ck_assert_msg(value_parse_duration(durations[_i].text, &seconds) == durations[_i].code, "\"%s\"", durations[_i].text);
    ck_assert_msg(seconds == (durations[_i].code == 0 ? durations[_i].seconds : UNTOUCHED), "\"%s\": %.17g", durations[_i].text,
                  seconds);
}
END_TEST

START_TEST(a_number_of_seconds_is_rounded_and_never_to_nothing)
{
    double seconds = UNTOUCHED;

    ck_assert_int_eq(value_round_duration(NAN, &seconds), -EINVAL);
    ck_assert_int_eq(value_round_duration(INFINITY, &seconds), -ERANGE);
    ck_assert_int_eq(value_round_duration(-INFINITY, &seconds), -ERANGE);
    ck_assert_int_eq(value_round_duration(-0.5, &seconds), -ERANGE);
    ck_assert_int_eq(value_round_duration(1e-9, &seconds), -ERANGE);
    ck_assert_int_eq(value_round_duration(VALUE_DURATION_MOST + 1, &seconds), -ERANGE);
    ck_assert_double_eq(seconds, UNTOUCHED);

    ck_assert_int_eq(value_round_duration(0, &seconds), 0);
    ck_assert_double_eq(seconds, 0);
    ck_assert_int_eq(value_round_duration(0.1 + 0.2, &seconds), 0);
    ck_assert_double_eq(seconds, 0.3);
    ck_assert_int_eq(value_round_duration(VALUE_DURATION_MOST, &seconds), 0);
    ck_assert_double_eq(seconds, VALUE_DURATION_MOST);
}
END_TEST

START_TEST(a_value_is_printed_in_its_largest_whole_unit)
{
    char out[VALUE_TEXT_MAX];

    ck_assert_str_eq(value_print_size(0, out), "0");
    ck_assert_str_eq(value_print_size(1000, out), "1000");
    ck_assert_str_eq(value_print_size(65536, out), "64k");
    ck_assert_str_eq(value_print_size(UINT64_C(3) << 30, out), "3G");
    ck_assert_str_eq(value_print_size(INT64_MAX, out), "9223372036854775807");

    ck_assert_str_eq(value_print_duration(0, out), "0s");
    ck_assert_str_eq(value_print_duration(90, out), "90s");
    ck_assert_str_eq(value_print_duration(120, out), "2m");
    ck_assert_str_eq(value_print_duration(3600, out), "1h");
    ck_assert_str_eq(value_print_duration(172800, out), "2d");
    ck_assert_str_eq(value_print_duration(0.25, out), "250ms");
    ck_assert_str_eq(value_print_duration(1.5, out), "1500ms");
    ck_assert_str_eq(value_print_duration(1.000001, out), "1.000001s");
}
END_TEST

/* xorshift64*: the same stream on every machine. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

START_TEST(whatever_is_printed_reads_back_to_the_same)
{
    uint64_t state = 1;

    for (int i = 0; i < 50000; i++) {
        char out[VALUE_TEXT_MAX];
        uint64_t size = next_random(&state) >> (1 + next_random(&state) % 63), size_again;
        ck_assert_int_eq(value_parse_size(value_print_size(size, out), &size_again), 0);
        ck_assert_uint_eq(size, size_again);

        double seconds = UNTOUCHED, seconds_again;
        uint64_t microseconds = next_random(&state) >> (1 + next_random(&state) % 63);
        int code = value_round_duration((double)microseconds / 1e6, &seconds);
        if (code == 0) {
            ck_assert_int_eq(value_parse_duration(value_print_duration(seconds, out), &seconds_again), 0);
            ck_assert_msg(seconds == seconds_again, "%.17g is %s is %.17g", seconds, out, seconds_again);
        }
    }
}
END_TEST

START_TEST(near_misses_are_judged_by_the_rule)
{
    static const char letters[] = "0123456789kKmMgGsmhd. -+xe";
    regex_t size_rule, duration_rule;
    uint64_t state = 20;
    int accepted = 0;

    ck_assert_int_eq(regcomp(&size_rule, "^[0-9]+[kKmMgG]?$", REG_EXTENDED | REG_NOSUB), 0);
    ck_assert_int_eq(regcomp(&duration_rule, "^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)?$", REG_EXTENDED | REG_NOSUB), 0);
    for (int i = 0; i < 50000; i++) {
        char text[8] = "";
        size_t len = next_random(&state) % sizeof text;
        for (size_t j = 0; j < len; j++)
            text[j] = letters[next_random(&state) % (j == 0 ? 10 : sizeof letters - 1)];

        uint64_t bytes;
        bool is_size = regexec(&size_rule, text, 0, NULL, 0) == 0;
        ck_assert_msg((value_parse_size(text, &bytes) != -EINVAL) == is_size, "\"%s\"", text);

        double seconds = UNTOUCHED;
        bool is_duration = regexec(&duration_rule, text, 0, NULL, 0) == 0;
        int code = value_parse_duration(text, &seconds);
        if (!is_duration)
            ck_assert_msg(code == -EINVAL, "\"%s\"", text);
        if (code == 0) {
            char *unit;
            double count = strtod(text, &unit);
            double times = strcmp(unit, "ms") == 0 ? 0.001 : *unit == 'm' ? 60 : *unit == 'h' ? 3600 : *unit == 'd' ? 86400 : 1;
            ck_assert_msg(fabs(seconds - count * times) < 1e-9 * (1 + seconds), "\"%s\" is %.17g", text, seconds);
            accepted++;
        }
    }
    ck_assert_int_gt(accepted, 2500);           /* so that both sides were tried */
    regfree(&size_rule);
    regfree(&duration_rule);
}
END_TEST

Suite *suite(void)
{
    Suite *value = suite_create("server/value");

    TCase *parse = tcase_create("parse");
    tcase_add_loop_test(parse, a_size_is_bytes_in_powers_of_1024_and_nothing_else, 0, sizeof sizes / sizeof *sizes);
    tcase_add_loop_test(parse, a_duration_is_seconds_to_the_microsecond_and_nothing_else, 0, sizeof durations / sizeof *durations);
    tcase_add_test(parse, a_number_of_seconds_is_rounded_and_never_to_nothing);
    tcase_add_test(parse, near_misses_are_judged_by_the_rule);
    suite_add_tcase(value, parse);

    TCase *print = tcase_create("print");
    tcase_add_test(print, a_value_is_printed_in_its_largest_whole_unit);
    tcase_add_test(print, whatever_is_printed_reads_back_to_the_same);
    suite_add_tcase(value, print);

    return value;
}
