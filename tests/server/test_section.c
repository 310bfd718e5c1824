/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_section.c  What server/section.c promises a plugin about its options, and a person about its mistakes.
 *
 * The plugin is fixtures/asks.c, which is told by its own options what to ask for. Configurations are made by hand, as
 * config_load would make them.
 */
#include "server/section.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/plugin_asks.h"
#include "lib/suite.h"

static struct problems problems;
static struct sections sections;
static struct server_option options[8];
static struct server_config server;
static struct config config;

static const char *fixtures(void)
{
    static char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/tests/server/fixtures", getenv("WEIR_BUILD_DIR"));
    return path;
}

static void prepare(void)
{
    memset(&problems, 0, sizeof problems);
    memset(&config, 0, sizeof config);
    server = (struct server_config) {
        .name = "front", .handler = "asks", .access_log = "", .folder = "/etc/weir", .place = { "x.conf", 3 }, .options = options,
    };
    config.servers = &server;
    config.server_count = 1;
}

static void finish(void)
{
    sections_free(&sections);
    problems_fini(&problems);
}

static struct server_option *option(const char *key)
{
    struct server_option *added = &options[server.option_count++];

    *added = (struct server_option) { .key = key, .place = { "x.conf", 10 + (unsigned)server.option_count } };
    return added;
}

static void text(const char *key, const char *value)
{
    struct server_option *added = option(key);

    added->type = OPTION_TEXT;
    added->value.text = value;
}

static void integer(const char *key, int64_t value)
{
    struct server_option *added = option(key);

    added->type = OPTION_INT;
    added->value.integer = value;
}

static int load(void)
{
    ck_assert_int_eq(sections_init(&sections, &config, NULL, &problems), 0);
    return sections_load(&sections, fixtures(), &problems);
}

/* What the plugin got, as it kept it with its section. */
static const struct asked *got(void)
{
    return weir_plugin_context_data(&sections.at[0].base);
}

static const char *problem(size_t i)
{
    static char line[PROBLEM_TEXT_MAX * 2], where[PROBLEM_TEXT_MAX];

    ck_assert_uint_lt(i, problems.count);
    snprintf(line, sizeof line, "%s: %s", place_text(problems.kept[i].place, where), problems.kept[i].text);
    return line;
}

START_TEST(options_reach_the_plugin_as_it_wants_them)
{
    text("text", "abc");
    integer("number", -3);
    text("size", "64k");
    text("time", "250ms");
    text("path", "www/files");
    option("truth")->value.boolean = true;
    ck_assert_int_eq(load(), 0);
    ck_assert_str_eq(got()->text, "abc");
    ck_assert_int_eq(got()->number, -3);
    ck_assert_uint_eq(got()->size, 65536);
    ck_assert(got()->seconds == 0.25);
    ck_assert_str_eq(got()->path, "/etc/weir/www/files");
    ck_assert(got()->truth);
    ck_assert_str_eq(got()->server, "front");
}
END_TEST

START_TEST(options_that_are_not_there_are_what_the_plugin_says)
{
    ck_assert_int_eq(load(), 0);
    ck_assert_str_eq(got()->text, "default");
    ck_assert_int_eq(got()->number, 1);
    ck_assert_uint_eq(got()->size, 10);
    ck_assert(got()->seconds == 1.0);
    ck_assert_ptr_null(got()->path);
    ck_assert(!got()->truth);
}
END_TEST

START_TEST(an_absolute_path_and_a_setting_begin_where_they_say)
{
    text("path", "here");
    options[0].folder = "/srv/me";             /* of a setting on the command line */
    ck_assert_int_eq(load(), 0);
    ck_assert_str_eq(got()->path, "/srv/me/here");
    finish();
    prepare();
    text("path", "/srv");
    ck_assert_int_eq(load(), 0);
    ck_assert_str_eq(got()->path, "/srv");
}
END_TEST

START_TEST(numbers_are_sizes_and_times_too)
{
    struct server_option *time;

    integer("size", 4096);
    time = option("time");
    time->type = OPTION_FLOAT;
    time->value.number = 1.5;
    ck_assert_int_eq(load(), 0);
    ck_assert_uint_eq(got()->size, 4096);
    ck_assert(got()->seconds == 1.5);
}
END_TEST

/* All of them at once, each with its line. */
START_TEST(every_wrong_option_is_told_with_its_place)
{
    integer("text", 5);
    integer("number", 1000);
    text("size", "64 furlongs");
    text("time", "soon");
    integer("path", 1);
    text("truth", "yes");
    ck_assert_int_eq(load(), -1);
    ck_assert_uint_eq(problems.count, 6);
    /* in the order in which the plugin asked */
    static const char *const told[] = {
        "x.conf:11: option \"text\" of server \"front\" is 5, expected a text",
        "x.conf:15: option \"path\" of server \"front\" is 1, expected a path, as a text",
        "x.conf:12: option \"number\" of server \"front\" is 1000, expected an integer from -5 to 100",
        "x.conf:13: option \"size\" of server \"front\" is \"64 furlongs\", expected a size such as 65536 or \"64k\"",
        "x.conf:14: option \"time\" of server \"front\" is \"soon\", expected a time such as 1.5 or \"1.5s\"",
        "x.conf:16: option \"truth\" of server \"front\" is \"yes\", expected true or false",
    };
    for (size_t i = 0; i < 6; i++)
        ck_assert_str_eq(problem(i), told[i]);
}
END_TEST

START_TEST(an_option_nobody_asked_for_is_a_mistake)
{
    text("text", "abc");
    text("txet", "abc");
    ck_assert_int_eq(load(), -1);
    ck_assert_uint_eq(problems.count, 1);
    ck_assert_str_eq(problem(0), "x.conf:12: option \"txet\" of server \"front\" is not known to the plugin \"asks\"");
}
END_TEST

START_TEST(what_the_plugin_complains_of_is_told_with_its_place)
{
    text("complain", "text");
    text("text", "abc");
    ck_assert_int_eq(load(), -1);
    ck_assert_uint_eq(problems.count, 1);
    ck_assert_str_eq(problem(0), "x.conf:12: option \"text\" of server \"front\": is abc");
    finish();
    prepare();
    text("complain", "nothing");                /* an option that is not there: the section's place */
    ck_assert_int_eq(load(), -1);
    ck_assert_str_eq(problem(0), "x.conf:3: option \"nothing\" of server \"front\": is default");
    finish();
    prepare();
    text("refuse", "yes");                      /* without a word */
    ck_assert_int_eq(load(), -1);
    ck_assert_ptr_nonnull(strstr(problem(0), "x.conf:3: the plugin \"asks\" of server \"front\" refused"));
}
END_TEST

START_TEST(a_plugin_that_is_not_there_is_told_at_its_handler)
{
    server.handler = "missing";
    ck_assert_int_eq(load(), -1);
    ck_assert_ptr_nonnull(strstr(problem(0), "handler: there is no plugin \"missing\""));
}
END_TEST

START_TEST(two_sections_share_a_plugin_and_nothing_else)
{
    static struct server_config servers[2];
    static struct server_option other;

    text("text", "one");
    servers[0] = servers[1] = server;
    other = options[0];
    other.value.text = "two";
    servers[1].options = &other;
    servers[1].name = "back";
    config.servers = servers;
    config.server_count = 2;
    ck_assert_int_eq(load(), 0);
    ck_assert_ptr_eq(sections.at[0].plugin, sections.at[1].plugin);
    const struct asked *first = weir_plugin_context_data(&sections.at[0].base);
    const struct asked *second = weir_plugin_context_data(&sections.at[1].base);
    ck_assert_str_eq(first->text, "one");
    ck_assert_str_eq(second->text, "two");
    ck_assert_str_eq(second->server, "back");
    ck_assert_uint_ne(first->counter, second->counter);
}
END_TEST

/* destroy is called for each configure that succeeded, and for no other. */
START_TEST(destroy_follows_configure)
{
    int destroyed = 0;

    ck_assert_int_eq(load(), 0);
    *got()->destroyed = &destroyed;
    sections_free(&sections);
    ck_assert_int_eq(destroyed, 1);
    text("refuse", "yes");
    ck_assert_int_eq(load(), -1);
    sections_free(&sections);
    ck_assert_int_eq(destroyed, 1);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("server/section");
    TCase *section = tcase_create("section");

    tcase_add_checked_fixture(section, prepare, finish);
    tcase_add_test(section, options_reach_the_plugin_as_it_wants_them);
    tcase_add_test(section, options_that_are_not_there_are_what_the_plugin_says);
    tcase_add_test(section, an_absolute_path_and_a_setting_begin_where_they_say);
    tcase_add_test(section, numbers_are_sizes_and_times_too);
    tcase_add_test(section, every_wrong_option_is_told_with_its_place);
    tcase_add_test(section, an_option_nobody_asked_for_is_a_mistake);
    tcase_add_test(section, what_the_plugin_complains_of_is_told_with_its_place);
    tcase_add_test(section, a_plugin_that_is_not_there_is_told_at_its_handler);
    tcase_add_test(section, two_sections_share_a_plugin_and_nothing_else);
    tcase_add_test(section, destroy_follows_configure);
    suite_add_tcase(s, section);
    return s;
}
