/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_config_option.c  What server/config_option.c promises.
 */
#include "server/config_option.h"

#include "lib/suite.h"
#include "server/config_case.h"

#define BEFORE "servers = ( { name = \"echo\"; handler = \"echo\"; listen = \"*:7000\"; options = {\n"
#define BEHIND "}; } );\n"

static const struct server_option *option(const struct config *config, const char *key)
{
    const struct server_config *server = config->servers;

    for (size_t i = 0; i < server->option_count; i++) {
        if (strcmp(server->options[i].key, key) == 0)
            return &server->options[i];
    }
    ck_abort_msg("no option %s", key);
    return NULL;
}

START_TEST(values_keep_their_types_and_places)
{
    struct config_case loaded = case_text(BEFORE "b = true;\ni = -7; big = 9223372036854775807;\nf = 1.5;\nt = \"te\\nxt\";\n"
                                                 "l = [ \"a\", \"b\" ]; m = ( \"c\" ); none = [ ];\n" BEHIND);

    case_good(&loaded);
    ck_assert_uint_eq(loaded.config->servers->option_count, 8);
    const struct server_option *found = option(loaded.config, "b");
    ck_assert(found->type == OPTION_BOOL && found->value.boolean);
    ck_assert_uint_eq(found->place.line, 2);
    ck_assert_str_eq(found->place.file, "a.conf");
    ck_assert_str_eq(found->folder, scratch_folder());
    found = option(loaded.config, "i");
    ck_assert(found->type == OPTION_INT && found->value.integer == -7);
    ck_assert_uint_eq(found->place.line, 3);
    found = option(loaded.config, "big");
    ck_assert(found->type == OPTION_INT && found->value.integer == INT64_MAX);
    found = option(loaded.config, "f");
    ck_assert(found->type == OPTION_FLOAT && found->value.number == 1.5);
    found = option(loaded.config, "t");
    ck_assert_int_eq(found->type, OPTION_TEXT);
    ck_assert_str_eq(found->value.text, "te\nxt");
    ck_assert_uint_eq(found->place.line, 5);
    found = option(loaded.config, "l");
    ck_assert_int_eq(found->type, OPTION_TEXTS);
    ck_assert_uint_eq(found->value.texts.count, 2);
    ck_assert_str_eq(found->value.texts.at[1], "b");
    ck_assert_str_eq(option(loaded.config, "m")->value.texts.at[0], "c");
    ck_assert_uint_eq(option(loaded.config, "none")->value.texts.count, 0);
    case_end(&loaded);
}
END_TEST

START_TEST(options_stay_in_order)
{
    struct config_case loaded = case_text(BEFORE "z = 1; a = 2; m = 3;\n" BEHIND);

    case_good(&loaded);
    ck_assert_str_eq(loaded.config->servers->options[0].key, "z");
    ck_assert_str_eq(loaded.config->servers->options[1].key, "a");
    ck_assert_str_eq(loaded.config->servers->options[2].key, "m");
    case_end(&loaded);
}
END_TEST

START_TEST(what_no_option_can_be_is_refused)
{
    static const char *const values[] = { "{ }",          "{ a = 1; }", "( 1 )",   "[ 1, 2 ]",
                                          "( \"a\", 1 )", "( { } )",    "( ( ) )", "[ true ]" };
    char text[512];

    snprintf(text, sizeof text, BEFORE "\nwrong = %s;\n" BEHIND, values[_i]);
    struct config_case loaded = case_text(text);
    case_refused(&loaded, "a.conf:3: option \"wrong\" is ",
                 "expected true or false, a number, a text in quotes, or a list of texts");
    case_end(&loaded);
}
END_TEST

/* The thousandth is within the group's bound, and one of the command line comes on top. */
START_TEST(options_are_bounded)
{
    struct config_text text = { 0 };
    char one[32];

    config_text_add(&text, BEFORE, sizeof BEFORE - 1);
    for (int i = 0; i < CONFIG_OPTIONS_MOST; i++)
        config_text_add(&text, one, (size_t)snprintf(one, sizeof one, "o%d = %d;\n", i, i));
    config_text_add(&text, BEHIND, sizeof BEHIND);
    struct config_case loaded = case_text(text.bytes);
    case_good(&loaded);
    ck_assert_uint_eq(loaded.config->servers->option_count, CONFIG_OPTIONS_MOST);
    for (int i = 0; i < CONFIG_OPTIONS_MOST; i++)
        ck_assert_int_eq(loaded.config->servers->options[i].value.integer, i);
    case_end(&loaded);

    loaded = case_set(text.bytes, "servers.echo.options.o999=text");
    case_good(&loaded);
    ck_assert_str_eq(option(loaded.config, "o999")->value.text, "text");
    case_end(&loaded);
    loaded = case_set(text.bytes, "servers.echo.options.more=1");
    case_refused(&loaded, "-o servers.echo.options.more=1: option \"more\" is one too many", "expected at most 1000");
    case_end(&loaded);
    config_text_fini(&text);
}
END_TEST

START_TEST(texts_of_an_option_are_bounded)
{
    struct config_text text = { 0 };

    config_text_add(&text, BEFORE "l = ( \"a\"", sizeof BEFORE + 8);
    for (int i = 0; i < CONFIG_OPTIONS_MOST; i++)
        config_text_add(&text, ", \"a\"", 5);
    config_text_add(&text, ");" BEHIND, sizeof BEHIND + 2);
    struct config_case loaded = case_text(text.bytes);
    case_refused(&loaded, "a.conf:2: option \"l\" has 1001 texts", "expected at most 1000");
    case_end(&loaded);
    config_text_fini(&text);
}
END_TEST

/* Of files: the folder of the file, or the one that the server names; of the command line: where one is. */
START_TEST(an_option_knows_where_its_path_begins)
{
    char expected[4096];

    scratch_write("conf/options.conf", "i = \"x\";\n");
    scratch_write("a.conf", BEFORE "a = \"x\";\n@include \"conf/options.conf\"\n" BEHIND);
    struct config_case loaded = case_of("a.conf", NULL, NULL);
    case_good(&loaded);
    ck_assert_str_eq(option(loaded.config, "a")->folder, scratch_folder());
    snprintf(expected, sizeof expected, "%s/conf", scratch_folder());
    ck_assert_str_eq(option(loaded.config, "i")->folder, expected);
    ck_assert_str_eq(option(loaded.config, "i")->place.file, "conf/options.conf");
    ck_assert_str_eq(loaded.config->servers->folder, scratch_folder());
    case_end(&loaded);

    loaded = case_of("a.conf", "servers.echo.folder=www", "servers.echo.options.s=x");
    case_good(&loaded);
    snprintf(expected, sizeof expected, "%s/www", scratch_folder());
    ck_assert_str_eq(option(loaded.config, "a")->folder, expected);
    ck_assert_str_eq(option(loaded.config, "i")->folder, expected);
    ck_assert_str_eq(option(loaded.config, "s")->folder, scratch_folder());
    ck_assert_str_eq(option(loaded.config, "s")->place.file, "-o servers.echo.options.s=x");
    case_end(&loaded);
}
END_TEST

Suite *suite(void)
{
    Suite *options = suite_create("server/config_option");

    TCase *values = tcase_create("values");
    tcase_add_checked_fixture(values, scratch_begin, scratch_end);
    tcase_add_test(values, values_keep_their_types_and_places);
    tcase_add_test(values, options_stay_in_order);
    tcase_add_loop_test(values, what_no_option_can_be_is_refused, 0, 8);
    tcase_add_test(values, options_are_bounded);
    tcase_add_test(values, texts_of_an_option_are_bounded);
    tcase_add_test(values, an_option_knows_where_its_path_begins);
    suite_add_tcase(options, values);

    return options;
}
