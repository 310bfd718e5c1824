/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_config_schema.c  What server/config_schema.c promises: that the table is in order, and finds keys.
 */
#include "server/config_schema.h"

#include <string.h>

#include "lib/suite.h"

START_TEST(every_row_is_in_order)
{
    for (enum config_section section = 0; section < SECTIONS; section++) {
        size_t count;
        const struct config_key *keys = config_schema_keys(section, &count);
        ck_assert_uint_ge(count, 6);
        ck_assert_uint_le(count, CONFIG_KEYS_MOST);
        for (size_t i = 0; i < count; i++) {
            ck_assert_int_eq(keys[i].section, section);
            ck_assert_uint_eq(config_schema_index(&keys[i]), i);
            ck_assert_ptr_eq(config_schema_find(section, keys[i].name), &keys[i]);      /* the first of this name */
            ck_assert_uint_gt(strlen(keys[i].meaning), 10);
            ck_assert((keys[i].type == KEY_WORD) == (keys[i].words != NULL));
            ck_assert(keys[i].least <= keys[i].most);
            for (size_t j = 0; j < i; j++)
                ck_assert_msg(keys[i].at != keys[j].at, "%s and %s share a field", keys[i].name, keys[j].name);
        }
    }
}
END_TEST

START_TEST(a_key_is_of_one_section)
{
    ck_assert_ptr_nonnull(config_schema_find(SECTION_TOP, "workers"));
    ck_assert_ptr_null(config_schema_find(SECTION_SERVER, "workers"));
    ck_assert_ptr_null(config_schema_find(SECTION_LOG, "workers"));
    ck_assert_ptr_null(config_schema_find(SECTION_TOP, "worker"));
    ck_assert_ptr_null(config_schema_find(SECTION_TOP, ""));
}
END_TEST

START_TEST(a_misspelt_key_is_recognised)
{
    ck_assert_str_eq(config_schema_nearest_key(SECTION_TOP, "worker"), "workers");
    ck_assert_str_eq(config_schema_nearest_key(SECTION_TOP, "wrokers"), "workers");
    ck_assert_str_eq(config_schema_nearest_key(SECTION_TOP, "drain-timeout"), "drain_timeout");
    ck_assert_str_eq(config_schema_nearest_key(SECTION_TOP, "pidfile"), "pid_file");
    ck_assert_str_eq(config_schema_nearest_key(SECTION_LOG, "lvel"), "level");
    ck_assert_str_eq(config_schema_nearest_key(SECTION_SERVER, "listn"), "listen");
    ck_assert_str_eq(config_schema_nearest_key(SECTION_SERVER, "limits"), "limit");
    ck_assert_ptr_null(config_schema_nearest_key(SECTION_TOP, "zebra"));
    ck_assert_ptr_null(config_schema_nearest_key(SECTION_TOP, ""));
}
END_TEST

/* Each letter left out, doubled, replaced, and each two neighbours swapped: people's four mistakes. */
START_TEST(one_slip_in_any_key_is_recognised)
{
    for (enum config_section section = 0; section < SECTIONS; section++) {
        size_t count;
        const struct config_key *keys = config_schema_keys(section, &count);
        for (size_t i = 0; i < count; i++) {
            size_t len = strlen(keys[i].name);
            for (size_t at = 0; len > 3 && at < len; at++) {
                char slip[64];
                snprintf(slip, sizeof slip, "%.*s%s", (int)at, keys[i].name, keys[i].name + at + 1);
                ck_assert_str_eq(config_schema_nearest_key(section, slip), keys[i].name);
                snprintf(slip, sizeof slip, "%.*s%c%s", (int)at, keys[i].name, keys[i].name[at], keys[i].name + at);
                ck_assert_str_eq(config_schema_nearest_key(section, slip), keys[i].name);
                snprintf(slip, sizeof slip, "%.*sZ%s", (int)at, keys[i].name, keys[i].name + at + 1);
                ck_assert_str_eq(config_schema_nearest_key(section, slip), keys[i].name);
                if (at + 1 < len) {
                    snprintf(slip, sizeof slip, "%.*s%c%c%s", (int)at, keys[i].name, keys[i].name[at + 1], keys[i].name[at],
                             keys[i].name + at + 2);
                    ck_assert_str_eq(config_schema_nearest_key(section, slip), keys[i].name);
                }
            }
        }
    }
}
END_TEST

START_TEST(a_name_of_any_length_is_compared)
{
    char name[200];
    const char *const names[] = { name, "echo" };

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    ck_assert_ptr_null(config_schema_nearest(name, names, 2));
    ck_assert_str_eq(config_schema_nearest("ecko", names, 2), "echo");
    name[64] = '\0';
    ck_assert_str_eq(config_schema_nearest(name, names, 2), name);
    ck_assert_ptr_null(config_schema_nearest("echo", names, 0));
}
END_TEST

START_TEST(every_key_says_what_it_expects)
{
    for (enum config_section section = 0; section < SECTIONS; section++) {
        size_t count;
        const struct config_key *keys = config_schema_keys(section, &count);
        for (size_t i = 0; i < count; i++) {
            char expected[CONFIG_EXPECTED_MAX] = "";
            ck_assert_ptr_eq(config_schema_expected(&keys[i], expected), expected);
            ck_assert_uint_gt(strlen(expected), 4);
            ck_assert_uint_lt(strlen(expected), CONFIG_EXPECTED_MAX - 1);
        }
    }
    char expected[CONFIG_EXPECTED_MAX];
    ck_assert_str_eq(config_schema_expected(config_schema_find(SECTION_LOG, "level"), expected),
                     "\"debug\", \"info\", \"warning\" or \"error\"");
    ck_assert_str_eq(config_schema_expected(config_schema_find(SECTION_TOP, "workers"), expected), "a whole number from 0 to 1024");
}
END_TEST

Suite *suite(void)
{
    Suite *schema = suite_create("server/config_schema");

    TCase *table = tcase_create("table");
    tcase_add_test(table, every_row_is_in_order);
    tcase_add_test(table, a_key_is_of_one_section);
    tcase_add_test(table, every_key_says_what_it_expects);
    suite_add_tcase(schema, table);

    TCase *nearest = tcase_create("nearest");
    tcase_add_test(nearest, a_misspelt_key_is_recognised);
    tcase_add_test(nearest, one_slip_in_any_key_is_recognised);
    tcase_add_test(nearest, a_name_of_any_length_is_compared);
    suite_add_tcase(schema, nearest);

    return schema;
}
