/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_config.c  What server/config.c promises: files and settings in order, and every problem at once.
 */
#include "server/config.h"

#include <errno.h>

#include <weir/error.h>

#include "lib/suite.h"
#include "server/config_case.h"
#include "server/config_text.h"

static struct config_case case_files(const char *one, const char *other)
{
    const char *files[] = { one, other };

    return case_from(&(struct config_sources){ files, 2, NULL, 0, 0 });
}

START_TEST(a_complete_file_is_read)
{
    struct config_case loaded = case_text(
        "workers = 2; pin = false; drain_timeout = \"1.5s\"; user = \"nobody\";\nlog = { level = \"debug\"; };\n" A_SERVER);

    case_good(&loaded);
    ck_assert_uint_eq(loaded.config->workers, 2);
    ck_assert(!loaded.config->pin);
    ck_assert_double_eq(loaded.config->drain_timeout, 1.5);
    ck_assert_str_eq(loaded.config->user, "nobody");
    ck_assert_str_eq(loaded.config->group, "");
    ck_assert_int_eq(loaded.config->log.level, CONFIG_LOG_DEBUG);
    ck_assert_str_eq(loaded.config->log.destination, "stderr");
    ck_assert_uint_eq(loaded.config->server_count, 1);
    const struct server_config *server = loaded.config->servers;
    ck_assert_str_eq(server->name, "echo");
    ck_assert_str_eq(server->handler, "echo");
    ck_assert_str_eq(server->listen->text, "*:7000");
    ck_assert_uint_eq(server->limit, 65536);
    ck_assert_uint_eq(server->backlog, 4096);
    ck_assert_str_eq(server->place.file, "a.conf");
    ck_assert_uint_eq(server->place.line, 3);
    case_end(&loaded);
}
END_TEST

START_TEST(places_are_those_of_keys)
{
    struct config_case loaded = case_text("\nuser = \"x\";\nlog = {\nlevel = \"info\"; };\nservers = (\n{ name = "
                                          "\"a\";\nhandler = \"b\"; listen = \"*:1\"; } );");

    case_good(&loaded);
    ck_assert_uint_eq(config_place(loaded.config, "user").line, 2);
    ck_assert_uint_eq(config_place(loaded.config, "log").line, 3);
    ck_assert_uint_eq(config_place_log(loaded.config, "level").line, 4);
    ck_assert_uint_eq(config_place(loaded.config, "servers").line, 5);
    ck_assert_uint_eq(loaded.config->servers->place.line, 6);
    ck_assert_uint_eq(config_place_server(loaded.config->servers, "handler").line, 7);
    ck_assert_str_eq(config_place_server(loaded.config->servers, "handler").file, "a.conf");
    ck_assert_uint_eq(config_place_server(loaded.config->servers, "limit").line, 6);        /* a default: the server's */
    ck_assert_ptr_null(config_place(loaded.config, "group").file);
    ck_assert_ptr_null(config_place(loaded.config, "no such key").file);
    ck_assert_ptr_null(config_place_log(loaded.config, "format").file);
    case_end(&loaded);
}
END_TEST

START_TEST(a_later_file_replaces_settings_and_adds_servers)
{
    scratch_write("a.conf", "workers = 1; pin = false;\nlog = { level = \"debug\"; format = \"json\"; };\n" A_SERVER);
    scratch_write("b.conf", "workers = 2;\nlog = { level = \"error\"; };\nservers = ( { name = \"http\"; handler = \"http\"; "
                            "listen = \"*:8080\"; } );");
    struct config_case loaded = case_files("a.conf", "b.conf");

    case_good(&loaded);
    ck_assert_uint_eq(loaded.config->workers, 2);
    ck_assert_str_eq(config_place(loaded.config, "workers").file, "b.conf");
    ck_assert(!loaded.config->pin);
    ck_assert_int_eq(loaded.config->log.level, CONFIG_LOG_ERROR);
    ck_assert_int_eq(loaded.config->log.format, CONFIG_LOG_JSON);
    ck_assert_uint_eq(loaded.config->server_count, 2);
    ck_assert_str_eq(loaded.config->servers[0].name, "echo");
    ck_assert_str_eq(loaded.config->servers[1].name, "http");
    ck_assert_str_eq(loaded.config->servers[1].place.file, "b.conf");
    case_end(&loaded);
}
END_TEST

START_TEST(servers_of_several_files_may_not_share_a_name)
{
    scratch_write("a.conf", A_SERVER);
    scratch_write("b.conf", "\n\nservers = ( { name = \"echo\"; handler = \"x\"; listen = \"*:1\"; } );");
    struct config_case loaded = case_files("a.conf", "b.conf");

    case_refused(&loaded, "b.conf:3: a second server named \"echo\"", "that of a.conf:1");
    case_end(&loaded);
}
END_TEST

START_TEST(servers_of_several_files_are_bounded_together)
{
    struct config_text text = { 0 };
    char one[64];

    for (int file = 0; file < 2; file++) {
        config_text_fini(&text);
        config_text_add(&text, "servers = (", 11);
        for (int i = 0; i < 501; i++)
            config_text_add(&text, one,
                            (size_t)snprintf(one, sizeof one, "%s{ name = \"s%d\"; handler = \"h\"; listen = \"*:0\"; }",
                                             i > 0 ? ",\n" : "", file * 1000 + i));
        config_text_add(&text, ");", 3);
        scratch_write(file == 0 ? "a.conf" : "b.conf", text.bytes);
    }
    config_text_fini(&text);
    struct config_case loaded = case_of("a.conf", NULL, NULL);
    case_good(&loaded);
    ck_assert_uint_eq(loaded.config->server_count, 501);
    case_end(&loaded);
    loaded = case_files("a.conf", "b.conf");
    case_refused(&loaded, "b.conf:1: 1002 servers are too many", "expected at most 1000");
    case_end(&loaded);
}
END_TEST

START_TEST(all_problems_are_reported_in_one_run)
{
    scratch_write("a.conf", "worker = 1;\npin = 3;\n@include \"c.conf\"\n" A_SERVER);
    scratch_write("c.conf", "\nuser = 5;\n");
    scratch_write("b.conf", "log = { level = 1;\nformat = 2; };");
    const char *files[] = { "a.conf", "b.conf" };
    const char *settings[] = { "workers=x", "drain_timeout=y" };
    struct config_case loaded = case_from(&(struct config_sources){ files, 2, settings, 2, 0 });
    static const char *const begins[] = { "a.conf:1: ", "a.conf:2: ", "c.conf:2: ", "b.conf:1: ", "b.conf:2: ", "-o workers=x: ",
                                          "-o drain_timeout=y: " };

    ck_assert_int_eq(loaded.code, WEIR_ECONFIG);
    ck_assert_uint_eq(loaded.count, 7);
    const char *line = loaded.said;
    for (size_t i = 0; i < 7; i++) {
        ck_assert_msg(strncmp(line, begins[i], strlen(begins[i])) == 0, "expected %s: %s", begins[i], line);
        line = strchr(line, '\n') + 1;
    }
    case_end(&loaded);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_does_not_hide_the_others)
{
    scratch_write("b.conf", "workers = x;");
    struct config_case loaded = case_files("none.conf", "b.conf");

    ck_assert_uint_eq(loaded.count, 2);
    ck_assert_ptr_nonnull(strstr(loaded.said, "none.conf: this file cannot be opened"));
    ck_assert_ptr_nonnull(strstr(loaded.said, "b.conf:1: \"x\" here, expected a value"));
    case_end(&loaded);
}
END_TEST

static const struct {
    const char *text, *begins, *has;
} syntax[] = {
    { "workers = 2\npin = true pid_file", "a.conf:2: the file ends here, expected \"=\"", "behind the name before it" },
    { "workers = ;", "a.conf:1: \";\" here, expected a value", "true, false, a number" },
    { "\n\nworkers\n\n", "a.conf:4: the file ends here", "expected \"=\"" },
    { "log = {\nlevel = \"info\";\n", "a.conf:2: the file ends here", "expected \"}\" for the \"{\" of a.conf:1" },
    { "workers = two;", "a.conf:1: \"two\" here", "expected a value" },
    { "pin = true;\nworkers = 1;\nworkers = 2;", "a.conf:3: \"workers\" is given a second time", "the first is at a.conf:2" },
    { "log = {\nlevel = \"info\";\n  level = \"info\"; };", "a.conf:3: \"level\" is given a second time", "at a.conf:2" },
    { "workers = 64k;", "a.conf:1: 64k is no number", "expected one, or a text in quotes" },
};

START_TEST(wrong_syntax_is_found_with_its_line)
{
    struct config_case loaded = case_text(syntax[_i].text);

    case_refused(&loaded, syntax[_i].begins, syntax[_i].has);
    case_end(&loaded);
}
END_TEST

START_TEST(wrong_syntax_of_an_included_file_is_found_there)
{
    scratch_write("conf/b.conf", "\n\nworkers = ;\n");
    scratch_write("conf/a.conf", "pin = true;\n@include \"b.conf\"\n" A_SERVER);
    struct config_case loaded = case_of("conf/a.conf", NULL, NULL);

    case_refused(&loaded, "conf/b.conf:3: \";\" here", "expected a value");
    case_end(&loaded);
}
END_TEST

/* Each allocation of ours that could fail, does once: nothing is lost, and nothing is used that is not there. */
START_TEST(without_memory_it_says_so)
{
    static const char text[] = "user = \"x\"; log = { destination = \"l\"; };\n@include \"b.conf\"\n"
                               "servers = ( { name = \"a\"; handler = \"./b\"; listen = [ \"*:1\", \"unix:x\" ]; options = { a "
                               "= \"x\"; l = [ \"y\" ]; }; } );";
    const char *file = "a.conf", *settings[] = { "servers.a.options.x=y", "pid_file=p" };
    size_t most = 1;
    int refused = 0;

    scratch_write("a.conf", text);
    scratch_write("b.conf", "group = \"y\";");
    for (;; most += 16) {
        struct config_case loaded = case_from(&(struct config_sources){ &file, 1, settings, 2, most });
        if (loaded.code == 0) {
            case_end(&loaded);
            break;
        }
        ck_assert_msg(loaded.code == -ENOMEM, "%zu: %d %s", most, loaded.code, loaded.said);
        case_end(&loaded);
        refused++;
        ck_assert_uint_lt(most, 100000);
    }
    ck_assert_int_gt(refused, 30);
}
END_TEST

START_TEST(problems_that_were_there_before_are_not_its_own)
{
    struct problems problems = { 0 };
    struct config *config = NULL;
    const char *file = "a.conf";

    problems_add(&problems, (struct place){ 0 }, "of somebody else");
    scratch_write("a.conf", A_SERVER);
    ck_assert_int_eq(config_load(&config, &(struct config_sources){ &file, 1, NULL, 0, 0 }, &problems), 0);
    ck_assert_uint_eq(problems_count(&problems), 1);
    config_free(config);
    config_free(NULL);
    problems_fini(&problems);
}
END_TEST

Suite *suite(void)
{
    Suite *config = suite_create("server/config");

    TCase *order = tcase_create("order");
    tcase_add_checked_fixture(order, scratch_begin, scratch_end);
    tcase_add_test(order, a_complete_file_is_read);
    tcase_add_test(order, places_are_those_of_keys);
    tcase_add_test(order, a_later_file_replaces_settings_and_adds_servers);
    tcase_add_test(order, servers_of_several_files_may_not_share_a_name);
    tcase_add_test(order, servers_of_several_files_are_bounded_together);
    suite_add_tcase(config, order);

    TCase *problems = tcase_create("problems");
    tcase_add_checked_fixture(problems, scratch_begin, scratch_end);
    tcase_add_test(problems, all_problems_are_reported_in_one_run);
    tcase_add_test(problems, a_file_that_cannot_be_read_does_not_hide_the_others);
    tcase_add_loop_test(problems, wrong_syntax_is_found_with_its_line, 0, sizeof syntax / sizeof *syntax);
    tcase_add_test(problems, wrong_syntax_of_an_included_file_is_found_there);
    tcase_add_test(problems, without_memory_it_says_so);
    tcase_add_test(problems, problems_that_were_there_before_are_not_its_own);
    suite_add_tcase(config, problems);

    return config;
}
