/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_config_text.c  What server/config_text.c promises.
 */
#include "server/config_text.h"

#include <stdlib.h>
#include <string.h>

#include "lib/suite.h"

static const struct config_file a = { .name = "a" }, b = { .name = "b" };

static void add(struct config_text *text, const char *bytes)
{
    config_text_add(text, bytes, strlen(bytes));
}

#define ASSERT_ORIGIN(text, at, from, number)                            \
    do {                                                                 \
        struct config_origin origin = config_text_origin((text), (at));  \
        ck_assert_ptr_eq(origin.file, (from));                           \
        ck_assert_uint_eq(origin.line, (number));                        \
    } while (0)

START_TEST(each_line_knows_its_file)
{
    struct config_text text = { 0 };

    ASSERT_ORIGIN(&text, 1, NULL, 0);
    config_text_begin(&text, &a, 1);
    add(&text, "a1\na2\n");
    config_text_begin(&text, &b, 1);
    add(&text, "b1\nb2");                       /* no line break at its end */
    config_text_begin(&text, &a, 3);
    add(&text, " rest of a3\na4\n");

    ck_assert_str_eq(text.bytes, "a1\na2\nb1\nb2\n rest of a3\na4\n");
    ASSERT_ORIGIN(&text, 1, &a, 1);
    ASSERT_ORIGIN(&text, 2, &a, 2);
    ASSERT_ORIGIN(&text, 3, &b, 1);
    ASSERT_ORIGIN(&text, 4, &b, 2);
    ASSERT_ORIGIN(&text, 5, &a, 3);
    ASSERT_ORIGIN(&text, 6, &a, 4);
    ASSERT_ORIGIN(&text, 7, &a, 5);             /* where a text that ends too early is missed */
    ASSERT_ORIGIN(&text, 1000, &a, 5);
    config_text_fini(&text);
}
END_TEST

START_TEST(a_file_without_lines_leaves_no_trace)
{
    struct config_text text = { 0 };

    config_text_begin(&text, &a, 1);
    add(&text, "a1\n");
    config_text_begin(&text, &b, 1);
    config_text_begin(&text, &a, 2);
    add(&text, "a2\n");
    ASSERT_ORIGIN(&text, 2, &a, 2);
    config_text_fini(&text);
}
END_TEST

START_TEST(many_runs_are_found_again)
{
    struct config_text text = { 0 };

    for (unsigned i = 0; i < 1000; i++) {
        config_text_begin(&text, i % 2 == 0 ? &a : &b, i * 10);
        add(&text, "x\ny\n");
    }
    for (unsigned i = 0; i < 1000; i++) {
        ASSERT_ORIGIN(&text, 2 * i + 1, i % 2 == 0 ? &a : &b, i * 10);
        ASSERT_ORIGIN(&text, 2 * i + 2, i % 2 == 0 ? &a : &b, i * 10 + 1);
    }
    config_text_fini(&text);
}
END_TEST

START_TEST(it_is_bounded_and_says_why_it_ended)
{
    struct config_text text = { 0 };
    char *piece = malloc(CONFIG_TEXT_MOST);

    ck_assert_ptr_nonnull(piece);
    memset(piece, 'x', CONFIG_TEXT_MOST);
    config_text_begin(&text, &a, 1);
    config_text_add(&text, piece, CONFIG_TEXT_MOST);
    ck_assert(!text.failed);
    ck_assert_uint_eq(text.len, CONFIG_TEXT_MOST);
    add(&text, "y");
    ck_assert(text.failed && text.too_long);
    ck_assert_uint_eq(text.len, CONFIG_TEXT_MOST);
    add(&text, "");
    config_text_begin(&text, &b, 1);            /* does nothing any more */
    ASSERT_ORIGIN(&text, 1, &a, 1);
    config_text_fini(&text);
    free(piece);
}
END_TEST

Suite *suite(void)
{
    Suite *text = suite_create("server/config_text");

    TCase *lines = tcase_create("lines");
    tcase_add_test(lines, each_line_knows_its_file);
    tcase_add_test(lines, a_file_without_lines_leaves_no_trace);
    tcase_add_test(lines, many_runs_are_found_again);
    tcase_add_test(lines, it_is_bounded_and_says_why_it_ended);
    suite_add_tcase(text, lines);

    return text;
}
