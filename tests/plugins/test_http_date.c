/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/test_http_date.c  What plugins/http/date.c promises.
 */
#include "plugins/http/date.h"

#include <string.h>
#include <time.h>

#include "lib/suite.h"

static const struct {
    int64_t seconds;
    const char *text;
} dates[] = {
    { 784111777, "Sun, 06 Nov 1994 08:49:37 GMT" },
    { 0, "Thu, 01 Jan 1970 00:00:00 GMT" },
    { -1, "Wed, 31 Dec 1969 23:59:59 GMT" },
    { 951782400, "Tue, 29 Feb 2000 00:00:00 GMT" },
    { 4107542400, "Mon, 01 Mar 2100 00:00:00 GMT" },
    { 253402300799, "Fri, 31 Dec 9999 23:59:59 GMT" },
    { 253402300800, "Fri, 31 Dec 9999 23:59:59 GMT" },
    { INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT" },
    { INT64_MIN, "Sat, 01 Jan 0000 00:00:00 GMT" },
};

START_TEST(a_date_is_written_in_the_one_form)
{
    char text[DATE_LENGTH + 1] = "";

    date_format(text, dates[_i].seconds);
    ck_assert_str_eq(text, dates[_i].text);
}
END_TEST

/* Every day of 400 years, after which the calendar repeats itself; the C library is the judge. */
START_TEST(what_was_written_is_read_back_and_is_what_libc_says)
{
    for (int64_t seconds = -86400LL * 365 * 30; seconds < 86400LL * 365 * 370; seconds += 86400 + 3661) {
        char text[DATE_LENGTH + 1] = "", expected[40];
        struct tm tm;
        time_t time = (time_t)seconds;
        int64_t back = 0;

        gmtime_r(&time, &tm);
        strftime(expected, sizeof expected, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        date_format(text, seconds);
        ck_assert_str_eq(text, expected);
        ck_assert(date_parse(text, DATE_LENGTH, &back));
        ck_assert_int_eq(back, seconds);
    }
}
END_TEST

static const struct {
    const char *text;
    int64_t seconds;            /* -1: no date */
} texts[] = {
    { "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
    { "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
    { "Sun Nov  6 08:49:37 1994", 784111777 },
    { "Sun Nov 16 08:49:37 1994", 784975777 },
    { "Wednesday, 01-Jan-20 00:00:00 GMT", 1577836800 },
    { "Sat, 31 Dec 2016 23:59:60 GMT", 1483228800 },
    { "", -1 },
    { "Sun", -1 },
    { "Sun, 06 Nov 1994 08:49:37", -1 },
    { "Sun, 06 Nov 1994 08:49:37 GMT ", -1 },
    { "Sun, 06 Nov 1994 08:49:37 UTC", -1 },
    { "Sun, 06 Nov 1994 24:49:37 GMT", -1 },
    { "Sun, 06 Nov 1994 08:60:37 GMT", -1 },
    { "Sun, 00 Nov 1994 08:49:37 GMT", -1 },
    { "Sun, 32 Nov 1994 08:49:37 GMT", -1 },
    { "Sun, 06 Nev 1994 08:49:37 GMT", -1 },
    { "Sun, 06 Nov 19x4 08:49:37 GMT", -1 },
    { "Sun, 06-Nov-94 08:49:37 GMT", -1 },
    { "Xun, 06 Nov 1994 08:49:37 GMT", -1 },
    { "06 Nov 1994 08:49:37 GMT", -1 },
    { ", 06 Nov 1994 08:49:37 GMT", -1 },
    { "784111777", -1 },
};

START_TEST(three_forms_are_read_and_nothing_else)
{
    int64_t seconds = -1;

    if (!date_parse(texts[_i].text, strlen(texts[_i].text), &seconds))
        seconds = -1;
    ck_assert_int_eq(seconds, texts[_i].seconds);
    /* Nothing behind the length is looked at: every beginning of a date is none. */
    for (size_t len = 0; len < strlen(texts[_i].text) && texts[_i].seconds >= 0; len++)
        ck_assert(!date_parse(texts[_i].text, len, &seconds));
}
END_TEST

Suite *suite(void)
{
    Suite *date = suite_create("plugins/http/date");

    TCase *forms = tcase_create("forms");
    tcase_add_loop_test(forms, a_date_is_written_in_the_one_form, 0, sizeof dates / sizeof dates[0]);
    tcase_add_test(forms, what_was_written_is_read_back_and_is_what_libc_says);
    tcase_add_loop_test(forms, three_forms_are_read_and_nothing_else, 0, sizeof texts / sizeof texts[0]);
    suite_add_tcase(date, forms);

    return date;
}
