/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_problems.c  What server/problems.c promises.
 */
#include "server/problems.h"

#include <stdlib.h>
#include <string.h>

#include "lib/suite.h"

static char *printed(const struct problems *problems)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);

    ck_assert_ptr_nonnull(to);
    problems_print(problems, to);
    fclose(to);
    return text;
}

START_TEST(a_place_is_written_as_editors_read_it)
{
    char out[PROBLEM_TEXT_MAX];

    ck_assert_str_eq(place_text((struct place){ "conf/weir.conf", 12 }, out), "conf/weir.conf:12");
    ck_assert_str_eq(place_text((struct place){ "conf/weir.conf", 0 }, out), "conf/weir.conf");
    ck_assert_str_eq(place_text((struct place){ "-o workers=2", 0 }, out), "-o workers=2");
    ck_assert_str_eq(place_text((struct place){ NULL, 0 }, out), "");
}
END_TEST

/* Whatever was added, and the place with it, may be gone when the list is printed. */
START_TEST(findings_are_copies_in_order)
{
    struct problems problems = { 0 };
    char file[] = "a.conf";
    char word[] = "first";

    problems_add(&problems, (struct place){ file, 3 }, "%s of %d", word, 2);
    memset(file, 'x', sizeof file - 1);
    memset(word, 'x', sizeof word - 1);
    problems_add(&problems, (struct place){ 0 }, "second");

    ck_assert_uint_eq(problems_count(&problems), 2);
    char *text = printed(&problems);
    ck_assert_str_eq(text, "a.conf:3: first of 2\nsecond\n");
    free(text);
    problems_fini(&problems);
    ck_assert_uint_eq(problems_count(&problems), 0);
}
END_TEST

START_TEST(a_finding_is_one_line_whatever_it_quotes)
{
    struct problems problems = { 0 };

    problems_add(&problems, (struct place){ "a\nb", 1 }, "found \"%s\"", "x\ny\x1b[2J\x7f");

    char *text = printed(&problems);
    ck_assert_str_eq(text, "a?b:1: found \"x?y?[2J?\"\n");
    free(text);
    problems_fini(&problems);
}
END_TEST

START_TEST(a_long_finding_is_cut)
{
    struct problems problems = { 0 };
    char *word = malloc(10000);

    ck_assert_ptr_nonnull(word);
    memset(word, 'w', 9999);
    word[9999] = '\0';
    problems_add(&problems, (struct place){ word, 1 }, "%s", word);

    ck_assert_uint_eq(strlen(problems.kept[0].text), PROBLEM_TEXT_MAX - 1);
    char *text = printed(&problems);
    ck_assert_uint_le(strlen(text), (size_t)2 * PROBLEM_TEXT_MAX + 2);
    free(text);
    free(word);
    problems_fini(&problems);
}
END_TEST

START_TEST(what_is_too_many_is_counted)
{
    struct problems problems = { 0 };

    for (int i = 0; i < PROBLEMS_KEPT + 23; i++)
        problems_add(&problems, (struct place){ "a.conf", (unsigned)i + 1 }, "no. %d", i);

    ck_assert_uint_eq(problems_count(&problems), PROBLEMS_KEPT + 23);
    char *text = printed(&problems);
    ck_assert_ptr_nonnull(strstr(text, "a.conf:100: no. 99\nand 23 more\n"));
    ck_assert_ptr_null(strstr(text, "no. 100"));
    free(text);
    problems_fini(&problems);
}
END_TEST

Suite *suite(void)
{
    Suite *problems = suite_create("server/problems");

    TCase *list = tcase_create("list");
    tcase_add_test(list, a_place_is_written_as_editors_read_it);
    tcase_add_test(list, findings_are_copies_in_order);
    tcase_add_test(list, a_finding_is_one_line_whatever_it_quotes);
    tcase_add_test(list, a_long_finding_is_cut);
    tcase_add_test(list, what_is_too_many_is_counted);
    suite_add_tcase(problems, list);

    return problems;
}
