/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_config_scan.c  What server/config_scan.c promises.
 */
#include "server/config_scan.h"

#include <stdlib.h>
#include <string.h>

#include "lib/suite.h"

static const struct config_file file = { .name = "a.conf", .folder = "/" };

struct scanned {
    struct config_text text;
    struct problems    problems;
    struct config_grammar grammar;
    bool               good;
};

/* Remembers that there was an include, and that it went well unless it is "no". */
static bool include(void *arg, const char *path, size_t len, unsigned line)
{
    struct scanned *scanned = arg;
    char shown[64];

    snprintf(shown, sizeof shown, "<%.*s %u>", (int)len, path, line);
    config_text_add(&scanned->text, shown, strlen(shown));
    return len != 2 || memcmp(path, "no", 2) != 0;
}

static void scan(struct scanned *scanned, const char *bytes, size_t len)
{
    memset(scanned, 0, sizeof *scanned);
    config_grammar_init(&scanned->grammar, &scanned->problems);
    scanned->good = config_scan(&(struct config_scan){
        .file = &file,
        .bytes = bytes,
        .len = len,
        .out = &scanned->text,
        .grammar = &scanned->grammar,
        .problems = &scanned->problems,
        .include = include,
        .arg = scanned,
    });
}

static void end(struct scanned *scanned)
{
    config_text_fini(&scanned->text);
    config_grammar_fini(&scanned->grammar);
    problems_fini(&scanned->problems);
}

static const struct {
    const char *in, *out;
} good[] = {
    { "", NULL },
    { "a = 1;", "a = 1;" },
    { "a=-3;b:+7", "a=-3;b:7" },
    { "a = 0x1f; b = 0XFFL", "a = 31; b = 255" },
    { "a = 5L; b = 6LL", "a = 5; b = 6" },
    { "a = 99999999999;", "a = 99999999999L;" },
    { "a = 2147483647; b = 2147483648; c = -2147483648; d = -2147483649",
      "a = 2147483647; b = 2147483648L; c = -2147483648; d = -2147483649L" },
    { "a = 9223372036854775807; b = -9223372036854775808", "a = 9223372036854775807L; b = -9223372036854775808L" },
    { "a = 007", "a = 7" },
    { "a = 1.5; b = .5; c = 1.; d = -1e3; e = 1.5E-7; f=1e+9", "a = 1.5; b = .5; c = 1.; d = -1e3; e = 1.5E-7; f=1e+9" },
    { "a1 = 1; b-2 = 2; *c_ = 3;", "a1 = 1; b-2 = 2; *c_ = 3;" },
    { "a = \"# // /* @include 64k { \\\" \\\\ \\n\\r\\t\\f \\x01\\XfF\" \"more\";",
      "a = \"# // /* @include 64k { \\\" \\\\ \\n\\r\\t\\f \\x01\\XfF\" \"more\";" },
    { "a = true; # gone\nb = FALSE; // gone too\n", "a = true; \nb = FALSE; \n" },
    { "a=1/* \n * \n */b = 1", "a=1\n\n b = 1" },
    { "a=/**/1", "a= 1" },
    { "/***/ /* / */ a=1", "    a=1" },
    { "# no line break", "" },
    { "g = { a = ( 1, [ 2, 3 ] ); };\t\r\f\n", "g = { a = ( 1, [ 2, 3 ] ); };\t\r\f\n" },
    { "a = 1\n \t@include \"x y\"\nb = 2", "a = 1\n \t<x y 2>\n\nb = 2" },
    { "@include \"x\" b = 2", "<x 1>\n b = 2" },
};

START_TEST(words_are_passed_on)
{
    struct scanned scanned;

    scan(&scanned, good[_i].in, strlen(good[_i].in));
    ck_assert_msg(scanned.good && problems_count(&scanned.problems) == 0, "%s", good[_i].in);
    if (good[_i].out != NULL && strcmp(good[_i].out, "") != 0)
        ck_assert_str_eq(scanned.text.bytes, good[_i].out);
    else
        ck_assert_uint_eq(scanned.text.len, 0);
    end(&scanned);
}
END_TEST

static const struct {
    const char *in;
    unsigned    line;
    const char *said;
} bad[] = {
    { "a = 64k;", 1, "64k is no number, expected one, or a text in quotes: \"64k\"" },
    { "\n\na = 1.5s;", 3, "1.5s is no number" },
    { "a = 9223372036854775808;", 1, "the number 9223372036854775808 is too large" },
    { "a = -9223372036854775809;", 1, "too large" },
    { "a = 0x8000000000000000;", 1, "too large" },
    { "a = 1e999;", 1, "the number 1e999 is too large" },
    { "a = .;", 1, ". is no number" },
    { "a = -.;", 1, "-. is no number" },
    { "a = -;", 1, "- is no number" },
    { "a = +inf;", 1, "+inf is no number" },
    { "a = -nan;", 1, "-nan is no number" },
    { "a = 0x;", 1, "0x is no number" },
    { "a = 0xg;", 1, "0xg is no number" },
    { "a = 0x1p3;", 1, "0x1p3 is no number" },
    { "a = 1e;", 1, "1e is no number" },
    { "a = 1.2.3;", 1, "1.2.3 is no number" },
    { "a = 5LLL;", 1, "5LLL is no number" },
    { "a = 1111111111111111111111111111111111111111111111111111111111111111;", 1, "a number of 64 characters" },
    { "a = \"x", 1, "no closing quote" },
    { "a = \"x\ny\";", 1, "no closing quote" },
    { "a = \"\\q\";", 1, "\"\\q\" in a text, expected" },
    { "a = \"\\x0\";", 1, "\"\\x\" in a text, expected" },
    { "a = \"\\x00\";", 1, "\"\\x\" in a text, expected" },
    { "a = 1;\n/* x\n\n", 2, "this comment is never closed" },
    { "a = 1; /*/", 1, "this comment is never closed" },
    { "a = @x;", 1, "\"@\" here, expected @include" },
    { "a = 1; @include \"x\"", 1, "\"@\" here, expected @include" },
    { "@includ \"x\"", 1, "\"@\" here, expected @include" },
    { "@include", 1, "without a file name" },
    { "@include x", 1, "without a file name" },
    { "@include \"\"", 1, "without a file name" },
    { "@include \"x", 1, "without a file name" },
    { "\n@include \"x\n\"", 2, "without a file name" },
    { "a = 'x';", 1, "\"'\" here, expected NAME = VALUE" },
    { "a = 1 / 2;", 1, "\"/\" here" },
    { "a = \xff;", 1, "a byte 0xff here" },
    { "\xef\xbb\xbf" "a = 1;", 1, "a byte 0xef here" },
    { "a = 1;\n\v", 2, "a byte 0x0b here" },
    { "a = 1;\n= 2;", 2, "\"=\" here, expected NAME = VALUE;" },
};

START_TEST(a_wrong_word_is_found_with_its_line)
{
    struct scanned scanned;

    scan(&scanned, bad[_i].in, strlen(bad[_i].in));
    ck_assert_msg(!scanned.good && scanned.problems.count >= 1, "accepted: %s", bad[_i].in);
    const struct problem *problem = &scanned.problems.kept[0];
    ck_assert_msg(strstr(problem->text, bad[_i].said) != NULL, "expected \"%s\": %s", bad[_i].said, problem->text);
    ck_assert_uint_eq(problem->place.line, bad[_i].line);
    ck_assert_str_eq(problem->place.file, "a.conf");
    end(&scanned);
}
END_TEST

START_TEST(a_nul_byte_is_found_anywhere)
{
    static const char text[] = "ab = \"text\"; # c\n/* d */\n@include \"f\"";
    struct scanned scanned;

    for (size_t at = 0; at < sizeof text - 1; at++) {
        char copy[sizeof text];
        memcpy(copy, text, sizeof text);
        copy[at] = '\0';
        scan(&scanned, copy, sizeof text - 1);
        bool in_comment = (at > 13 && at < 17) || (at > 18 && at < 22);
        ck_assert_msg(scanned.good == in_comment, "at %zu", at);
        if (scanned.good)
            ck_assert_uint_eq(strlen(scanned.text.bytes), scanned.text.len);
        end(&scanned);
    }
}
END_TEST

START_TEST(every_wrong_word_is_found)
{
    static const char text[] = "a = 64k;\nb = 'x\nc = \"\\q \\w\"; @\n";
    struct scanned scanned;

    scan(&scanned, text, sizeof text - 1);
    ck_assert_uint_eq(problems_count(&scanned.problems), 5);
    end(&scanned);
}
END_TEST

START_TEST(a_failed_include_fails_the_file)
{
    struct scanned scanned;

    scan(&scanned, "@include \"no\"\n", 14);
    ck_assert(!scanned.good);
    ck_assert_uint_eq(problems_count(&scanned.problems), 0);
    end(&scanned);
}
END_TEST

/* Wherever a file is cut, the words are read to the cut and not behind it: AddressSanitizer watches the copy. */
START_TEST(a_file_may_end_anywhere)
{
    struct scanned scanned;

    for (size_t i = 0; i < sizeof bad / sizeof *bad + sizeof good / sizeof *good; i++) {
        const char *text = i < sizeof bad / sizeof *bad ? bad[i].in : good[i - sizeof bad / sizeof *bad].in;
        for (size_t len = 0; len <= strlen(text); len++) {
            char *copy = malloc(len > 0 ? len : 1);
            ck_assert_ptr_nonnull(copy);
            memcpy(copy, text, len);
            scan(&scanned, copy, len);
            ck_assert(scanned.good == (problems_count(&scanned.problems) == 0) || strstr(text, "no") != NULL);
            end(&scanned);
            free(copy);
        }
    }
}
END_TEST

START_TEST(without_a_list_it_only_says_whether)
{
    struct config_text text = { 0 };
    struct config_grammar grammar;
    struct config_scan quiet = { .file = &file, .bytes = "64k @include \"x\"", .len = 16, .out = &text, .grammar = &grammar };

    config_grammar_init(&grammar, NULL);
    ck_assert(!config_scan(&quiet));
    config_grammar_fini(&grammar);
    config_text_fini(&text);
}
END_TEST

Suite *suite(void)
{
    Suite *scanner = suite_create("server/config_scan");

    TCase *words = tcase_create("words");
    tcase_add_loop_test(words, words_are_passed_on, 0, sizeof good / sizeof *good);
    tcase_add_loop_test(words, a_wrong_word_is_found_with_its_line, 0, sizeof bad / sizeof *bad);
    tcase_add_test(words, a_nul_byte_is_found_anywhere);
    tcase_add_test(words, every_wrong_word_is_found);
    tcase_add_test(words, a_failed_include_fails_the_file);
    tcase_add_test(words, a_file_may_end_anywhere);
    tcase_add_test(words, without_a_list_it_only_says_whether);
    suite_add_tcase(scanner, words);

    return scanner;
}
