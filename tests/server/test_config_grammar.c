/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_config_grammar.c  What server/config_grammar.c promises: to accept what libconfig does, and say more where
 * it does not.
 *
 * Texts are cut into words by config_scan(), as in the program.
 */
#include "server/config_grammar.h"

#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

#include "lib/suite.h"
#include "server/config_scan.h"

#if defined(__SANITIZE_ADDRESS__)
#define LEAKS_ARE_FOUND 1
#endif

struct followed {
    struct config_text    text;         /* what libconfig would get */
    struct config_grammar grammar;
    struct problems       problems;
    bool                  good;
};

static void follow(struct followed *followed, const char *text)
{
    static const struct config_file file = { .name = "a.conf", .folder = "/" };

    memset(followed, 0, sizeof *followed);
    config_grammar_init(&followed->grammar, &followed->problems);
    followed->good = config_scan(&(struct config_scan){ .file = &file,
                                                        .bytes = text,
                                                        .len = strlen(text),
                                                        .out = &followed->text,
                                                        .grammar = &followed->grammar,
                                                        .problems = &followed->problems });
    struct config_word end = { WORD_END, "", 0, { "a.conf", 99 } };
    followed->good = followed->good && config_grammar_take(&followed->grammar, &end);
    ck_assert(followed->good == (problems_count(&followed->problems) == 0));
}

static void end(struct followed *followed)
{
    config_text_fini(&followed->text);
    config_grammar_fini(&followed->grammar);
    problems_fini(&followed->problems);
}

static bool libconfig_accepts(const struct followed *followed)
{
    config_t read;

    config_init(&read);
    bool accepts = config_read_string(&read, followed->text.bytes != NULL ? followed->text.bytes : "") == CONFIG_TRUE;
    config_destroy(&read);
    return accepts;
}

static const struct {
    const char *text;
    unsigned    line;
    const char *said;
} bad[] = {
    { "a", 99, "the file ends here, expected \"=\" behind the name before it" },
    { "a =", 99, "the file ends here, expected a value" },
    { "a = 1 2", 1, "\"2\" here, expected \";\" behind the value before it" },
    { "a = 1;;", 1, "\";\" here, expected NAME = VALUE;" },
    { ";", 1, "\";\" here, expected NAME = VALUE;" },
    { "a a = 1", 1, "\"a\" here, expected \"=\"" },
    { "a = = 1", 1, "\"=\" here, expected a value" },
    { "a = b", 1, "\"b\" here, expected a value: true, false, a number, a text in quotes, [ ... ], ( ... ) or { ... }" },
    { "1 = 1", 1, "\"1\" here, expected NAME = VALUE;" },
    { "True = 1", 1, "\"True\" here, expected NAME = VALUE;" },
    { "\"a\" = 1", 1, "\"a\" here, expected NAME = VALUE;" },
    { "a = true false", 1, "\"false\" here, expected \";\"" },
    { "a = 1 \"b\"", 1, "\"b\" here, expected \";\"" },
    { "a = { 1 }", 1, "\"1\" here, expected NAME = VALUE; or \"}\"" },
    { "a = { b = 1 ]", 1, "\"]\" here, expected \"}\" for the \"{\" of a.conf:1" },
    { "a = {\n{ } }", 2, "\"{\" here, expected NAME = VALUE; or \"}\"" },
    { "a = { b }", 1, "\"}\" here, expected \"=\"" },
    { "a = { b = }", 1, "\"}\" here, expected a value" },
    { "a = {\nb = {\n\nc = 1;\n};\n", 99, "the file ends here, expected \"}\" for the \"{\" of a.conf:1" },
    { "a = {\nb = {\n\nc = 1;\n", 99, "the file ends here, expected \"}\" for the \"{\" of a.conf:2" },
    { "}", 1, "\"}\" here, expected NAME = VALUE;" },
    { "a = 1 }", 1, "\"}\" here, expected \";\"" },
    { "a = ( 1 2 )", 1, "\"2\" here, expected \",\" or \")\"" },
    { "a = ( 1; 2 )", 1, "\";\" here, expected \",\" or \")\"" },
    { "a = ( , )", 1, "\",\" here, expected a value or \")\"" },
    { "a = ( 1, )", 1, "\")\" here, expected a value" },
    { "a = ( b = 1 )", 1, "\"b\" here, expected a value or \")\"" },
    { "a = ( 1 }", 1, "\"}\" here, expected \")\" for the \"(\" of a.conf:1" },
    { "a = [ 1, 1.5 ]", 1, "1.5 is of another type than what is before it, expected one type in [ ]" },
    { "a = [ 1, \"x\" ]", 1, "\"x\" is of another type" },
    { "a = [ 1, 99999999999 ]", 1, "99999999999 is of another type" },
    { "a = [ { } ]", 1, "\"{\" here, expected true, false, a number, a text in quotes, or \"]\"" },
    { "a = [ 1, ( ) ]", 1, "\"(\" here, expected true, false, a number, or a text in quotes" },
    { "a = [ 1, ]", 1, "\"]\" here, expected true, false, a number" },
    { "a = [ 1 2 ]", 1, "\"2\" here, expected \",\" or \"]\"" },
    { "a = 1;\nb = 2;\na = 3;", 3, "\"a\" is given a second time, expected it once: the first is at a.conf:1" },
    { "g = { a = 1;\na = 2; }", 2, "\"a\" is given a second time" },
    { "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg = 1", 1, "is a name of 65 bytes, expected at most 64" },
    { "a = (((((((((((((((((1", 1, "brackets within brackets 17 deep, expected at most 16" },
};

START_TEST(a_mistake_says_what_was_expected)
{
    struct followed followed;

    follow(&followed, bad[_i].text);
    ck_assert_msg(!followed.good, "accepted: %s", bad[_i].text);
    ck_assert_uint_eq(problems_count(&followed.problems), 1);           /* the first only: the next ones would be guessed */
    const struct problem *problem = &followed.problems.kept[0];
    ck_assert_msg(strstr(problem->text, bad[_i].said) != NULL, "expected \"%s\": %s", bad[_i].said, problem->text);
    ck_assert_msg(problem->place.line == bad[_i].line, "%s: line %u", bad[_i].text, problem->place.line);
    end(&followed);
}
END_TEST

static const char *const good[] = {
    "", "a=1", "a=1;", "a:1,", "a=1 b=2 c=3", "a=1,b=2;c=3", "a=\"x\" \"y\" b=1", "a = ( ), b = [ ] c = { };",
    "a = ( \"x\" \"y\", \"z\" ); b = [ \"x\" \"y\", \"z\" ]", "a = ( 1, 1.5, true, \"x\", [ 1 ], ( ( ) ), { b = 1 } )",
    "a = { b = { c = { d = 1 } } e = 1 } f = 1", "a = 1; g = { a = 1 }; h = { a = 1; };", "aa = 1; a = 1; aaa = 1;",
    "a = [ true, FALSE ]; b = [ 1.5, 2.0 ]; c = [ 99999999999, 99999999998 ]", "trueish = 1; falsey = 2; TRUE1 = 3",
    "a = ((((((((((((((((1))))))))))))))))", "a = (1, (2, (3)), 4)",
};

START_TEST(what_libconfig_reads_is_accepted)
{
    struct followed followed;

    follow(&followed, good[_i]);
    ck_assert_msg(followed.good, "%s: %s", good[_i], followed.problems.kept[0].text);
    ck_assert(libconfig_accepts(&followed));
    end(&followed);
}
END_TEST

/* xorshift64*: the same stream on every machine. */
static size_t any(uint64_t *state, size_t below)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (size_t)((*state * UINT64_C(2685821657736338717)) >> 16) % below;
}

/*
 * Words in any order, most of them as the grammar would have them, or nothing would ever be right: libconfig and the grammar
 * agree on each. Where leaks are found, libconfig is not asked about what it will refuse, as it leaks then.
 */
START_TEST(it_agrees_with_libconfig)
{
    static const char *const words[] = { "a",     "b", "c", "=", ":", "1", "99999999999", "1.5", "true",
                                         "\"x\"", "{", "}", "(", ")", "[", "]",           ",",   ";" };
    static const char *const settings[] = { "a = 1", "b = { }", "c = ( 1 )", "d = [ \"x\" ]", "e = { f = ( [ 1 ], { } ) }",
                                            ";",     "," };
    uint64_t state = 7;
    int accepted = 0, refused = 0;

    for (int i = 0; i < 40000; i++) {
        char text[512] = "";
        for (size_t count = any(&state, 10); count > 0; count--) {
            const char *word = any(&state, 3) > 0 ? settings[any(&state, 7)] : words[any(&state, 18)];
            strncat(text, word, sizeof text - strlen(text) - 2);
            strncat(text, " ", 2);
        }
        struct followed followed;
        follow(&followed, text);
        accepted += followed.good;
        refused += !followed.good;
#ifdef LEAKS_ARE_FOUND
        ck_assert_msg(!followed.good || libconfig_accepts(&followed), "\"%s\" is accepted here only", text);
#else
        ck_assert_msg(followed.good == libconfig_accepts(&followed), "\"%s\" is %s here only: %s", text,
                      followed.good ? "accepted" : "refused", followed.good ? "" : followed.problems.kept[0].text);
#endif
        end(&followed);
    }
    ck_assert_int_gt(accepted, 4000);
    ck_assert_int_gt(refused, 4000);
}
END_TEST

static void add(struct config_text *text, const char *more)
{
    config_text_add(text, more, strlen(more));
}

START_TEST(settings_of_a_group_are_bounded)
{
    struct config_text text = { 0 };
    struct followed followed;
    char one[32];

    for (int level = 0; level < 2; level++) {
        for (int i = 0; i < CONFIG_SETTINGS_MOST - (level == 0); i++) {
            snprintf(one, sizeof one, "s%d=1;", i);
            add(&text, one);
        }
        add(&text, level == 0 ? "g={" : "}");
    }
    follow(&followed, text.bytes);
    ck_assert(followed.good);
    end(&followed);
    add(&text, "more=1");
    follow(&followed, text.bytes);
    ck_assert_ptr_nonnull(strstr(followed.problems.kept[0].text, "more than 1000 settings in one group"));
    end(&followed);
    config_text_fini(&text);
}
END_TEST

START_TEST(values_are_bounded)
{
    struct config_text text = { 0 };
    struct followed followed;

    add(&text, "a = (1");
    for (int i = 2; i < CONFIG_VALUES_MOST; i++)        /* the list itself is one */
        add(&text, ",1");
    add(&text, ")");
    follow(&followed, text.bytes);
    ck_assert(followed.good);
    end(&followed);
    add(&text, "b = 1");
    follow(&followed, text.bytes);
    ck_assert_ptr_nonnull(strstr(followed.problems.kept[0].text, "more than 32768 values"));
    end(&followed);
    config_text_fini(&text);
}
END_TEST

Suite *suite(void)
{
    Suite *grammar = suite_create("server/config_grammar");

    TCase *order = tcase_create("order");
    tcase_add_loop_test(order, a_mistake_says_what_was_expected, 0, sizeof bad / sizeof *bad);
    tcase_add_loop_test(order, what_libconfig_reads_is_accepted, 0, sizeof good / sizeof *good);
    tcase_add_test(order, it_agrees_with_libconfig);
    suite_add_tcase(grammar, order);

    TCase *bounds = tcase_create("bounds");
    tcase_add_test(bounds, settings_of_a_group_are_bounded);
    tcase_add_test(bounds, values_are_bounded);
    suite_add_tcase(grammar, bounds);

    return grammar;
}
