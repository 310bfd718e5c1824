/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_config_print.c  What server/config_print.c promises: print, read and print give the same.
 */
#include "server/config.h"

#include "lib/suite.h"
#include "server/config_case.h"
#include "server/config_schema.h"

/* Each printed text is read from another folder, so a path that is still relative shows. */
static void assert_round_trip(const struct config *config)
{
    char *printed = case_printed(config);

    scratch_write("elsewhere/printed.conf", printed);
    struct config_case again = case_of("elsewhere/printed.conf", NULL, NULL);
    case_good(&again);
    char *twice = case_printed(again.config);
    ck_assert_str_eq(twice, printed);
    /* Digits that are cut would be cut again, and not show in the text. */
    for (size_t i = 0; i < config->servers->option_count; i++) {
        const struct server_option *one = &config->servers->options[i], *other = &again.config->servers->options[i];
        ck_assert_int_eq(one->type, other->type);
        ck_assert(one->type != OPTION_FLOAT || one->value.number == other->value.number);
    }
    free(twice);
    free(printed);
    case_end(&again);
}

static const char *const texts[] = {
    A_SERVER,
    "workers = 7; pin = false; drain_timeout = 1.000001; user = \"u\"; group = \"g\"; pid_file = \"p\";\n"
    "log = { level = \"error\"; format = \"json\"; destination = \"l\"; queue = 65537; repeat_limit = 0; memory_interval = "
    "\"1d\"; };\n"
    "servers = ( { name = \"a\"; handler = \"x/y\"; listen = [ \":1\", \"[::1]:2\", \"unix:s\", \"unix:@s\" ]; unix_mode = "
    "\"7\";\n"
    "balance = \"even\"; backlog = 1; max_connections = 2147483647; limit = 1; max_read = \"1024G\"; max_write_buffer = 0;\n"
    "idle_timeout = \"90s\"; close_timeout = 0; keep_alive = true; stack_size = \"64M\"; access_log = \"stderr\"; folder = "
    "\"f\"; },\n"
    "{ name = \"b\"; handler = \"y\"; listen = \"*:0\"; access_log = \"\"; } );",
    /* Bytes that a text has to escape, and those that it does not. */
    "servers = ( { name = \"a\"; handler = \"b\"; listen = \"unix:a\\\"\\\\\\n\\x01\\x7f\\xffz\"; options = {\n"
    "t = \"\\\"\\\\\\n\\r\\t\\f\\x01\\x1f\\x7f\\x80\\xff\xc3\xa4\"; e = \"\"; l = [ \"\\n\", \"\" ]; none = [ ]; };  } );",
    "servers = ( { name = \"a\"; handler = \"b\"; listen = \":1\"; options = { t = true; f = FALSE; i = -9223372036854775808;\n"
    "j = 9223372036854775807; h = 0xff; d = 0.30000000000000004; e = 1e300; g = 5e-324; z = -0.0; o = 1.0; n = 123456789.0;\n"
    "x = 1e22; *y = 1; "
    "y-z_9 = 2; }; } );",
};

START_TEST(what_is_printed_reads_back)
{
    struct config_case loaded = case_text(texts[_i]);

    case_good(&loaded);
    assert_round_trip(loaded.config);
    case_end(&loaded);
}
END_TEST

START_TEST(every_key_is_printed_once)
{
    struct config_case loaded = case_text(A_SERVER);
    char *printed = case_printed(loaded.config);

    case_good(&loaded);
    for (enum config_section section = 0; section < SECTIONS; section++) {
        size_t count;
        const struct config_key *keys = config_schema_keys(section, &count);
        for (size_t i = 0; i < count; i++) {
            char line[128];
            snprintf(line, sizeof line, "\n%*s%s = ",
                     section == SECTION_TOP   ? 0
                     : section == SECTION_LOG ? 4
                                              : 8,
                     "", keys[i].name);
            const char *at = strstr(printed, line);
            ck_assert_msg(at != NULL, "no %s", keys[i].name);
            ck_assert_ptr_null(strstr(at + 1, line));
        }
    }
    free(printed);
    case_end(&loaded);
}
END_TEST

/* What the file's reader could not know is said: it would begin at the folder of the printed file's server. */
START_TEST(an_option_of_another_folder_says_so)
{
    scratch_write("conf/a.conf",
                  "servers = ( { name = \"a\"; handler = \"b\"; listen = \":1\"; options = { root = \"www\"; }; } );");
    struct config_case loaded = case_of("conf/a.conf", "servers.a.options.page=text", "servers.a.options.n=1");
    char line[8192];

    case_good(&loaded);
    char *printed = case_printed(loaded.config);
    snprintf(line, sizeof line, "        folder = \"%s/conf\";\n", scratch_folder());
    ck_assert_ptr_nonnull(strstr(printed, line));
    ck_assert_ptr_nonnull(strstr(printed, "root = \"www\";\n"));
    snprintf(line, sizeof line, "page = \"text\";   # a relative path begins at \"%s\"\n", scratch_folder());
    ck_assert_ptr_nonnull(strstr(printed, line));
    ck_assert_ptr_nonnull(strstr(printed, "n = 1;\n"));
    free(printed);
    case_end(&loaded);
}
END_TEST

/* An option's path leads to the same place after the round trip. */
START_TEST(a_relative_option_begins_where_it_began)
{
    char expected[4096];

    scratch_write("conf/a.conf",
                  "servers = ( { name = \"a\"; handler = \"b\"; listen = \":1\"; options = { root = \"www\"; }; } );");
    struct config_case loaded = case_of("conf/a.conf", NULL, NULL);
    case_good(&loaded);
    char *printed = case_printed(loaded.config);
    scratch_write("b.conf", printed);
    struct config_case again = case_of("b.conf", NULL, NULL);
    case_good(&again);
    snprintf(expected, sizeof expected, "%s/conf", scratch_folder());
    ck_assert_str_eq(loaded.config->servers->options->folder, expected);
    ck_assert_str_eq(again.config->servers->options->folder, expected);
    free(printed);
    case_end(&loaded);
    case_end(&again);
}
END_TEST

Suite *suite(void)
{
    Suite *print = suite_create("server/config_print");

    TCase *trip = tcase_create("round trip");
    tcase_add_checked_fixture(trip, scratch_begin, scratch_end);
    tcase_add_loop_test(trip, what_is_printed_reads_back, 0, sizeof texts / sizeof *texts);
    tcase_add_test(trip, every_key_is_printed_once);
    tcase_add_test(trip, an_option_of_another_folder_says_so);
    tcase_add_test(trip, a_relative_option_begins_where_it_began);
    suite_add_tcase(print, trip);

    return print;
}
