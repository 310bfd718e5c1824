/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_counters.c  What server/counters.c promises: names once, numbers for each worker, sums.
 */
#include "server/counters.h"

#include <stdint.h>
#include <stdio.h>

#include "lib/suite.h"

START_TEST(a_name_is_one_counter_of_its_section)
{
    struct counters_table table = { .count = 0 };

    ck_assert_uint_eq(counters_name(&table, "a", "lines", "read"), 0);
    ck_assert_uint_eq(counters_name(&table, "b", "lines", "read"), 1);
    ck_assert_uint_eq(counters_name(&table, "a", "lines", "again"), 0);
    ck_assert_uint_eq(counters_name(&table, "a", "bytes", NULL), 2);
    ck_assert_str_eq(table.names[0].help, "read");
    ck_assert_str_eq(table.names[2].help, "");
    counters_fini(&table);
    ck_assert_uint_eq(table.count, 0);
}
END_TEST

START_TEST(totals_are_the_sum_over_workers)
{
    struct counters_table table = { .count = 0 };
    unsigned lines = counters_name(&table, "a", "lines", "");
    unsigned bytes = counters_name(&table, "a", "bytes", "");

    ck_assert_uint_eq(counters_total(&table, lines), 0);
    ck_assert_int_eq(counters_open(&table, 3), 0);
    for (unsigned worker = 0; worker < 3; worker++) {
        _Atomic uint64_t *row = counters_row(&table, worker);
        ck_assert_uint_eq((uintptr_t)row % 64, 0);      /* no line is written by two workers */
        row[lines] = worker + 1;
        row[bytes] = 100;
    }
    ck_assert_uint_eq(counters_total(&table, lines), 6);
    ck_assert_uint_eq(counters_total(&table, bytes), 300);
    counters_fini(&table);
}
END_TEST

START_TEST(no_counter_is_named_without_room_or_too_late)
{
    struct counters_table table = { .count = 0 };
    char name[16];

    for (unsigned i = 0; i < COUNTERS_MOST; i++) {
        snprintf(name, sizeof name, "n%u", i);
        ck_assert_uint_eq(counters_name(&table, "a", name, ""), i);
    }
    ck_assert_uint_eq(counters_name(&table, "a", "more", ""), COUNTER_NONE);
    ck_assert_uint_eq(counters_name(&table, "a", "n7", ""), 7);
    counters_fini(&table);

    ck_assert_uint_eq(counters_name(&table, "a", "first", ""), 0);
    ck_assert_int_eq(counters_open(&table, 1), 0);
    ck_assert_uint_eq(counters_name(&table, "a", "second", ""), COUNTER_NONE);
    counters_fini(&table);
}
END_TEST

START_TEST(without_counters_there_are_no_rows)
{
    struct counters_table table = { .count = 0 };

    ck_assert_int_eq(counters_open(&table, 4), 0);
    ck_assert_ptr_null(counters_row(&table, 3));
    counters_fini(&table);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("server/counters");
    TCase *counters = tcase_create("counters");

    tcase_add_test(counters, a_name_is_one_counter_of_its_section);
    tcase_add_test(counters, totals_are_the_sum_over_workers);
    tcase_add_test(counters, no_counter_is_named_without_room_or_too_late);
    tcase_add_test(counters, without_counters_there_are_no_rows);
    suite_add_tcase(s, counters);
    return s;
}
