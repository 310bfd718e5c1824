/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/test_http_settings.c  What plugins/http/settings.c promises.
 */
#include "plugins/http/settings.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/suite.h"
#include "plugins/section.h"

#define LONG_TEXT "0123456789012345678901234567890123456789012345678901234567890123456789" \
                  "01234567890123456789012345678901234567890123456789012345678"

static const struct settings *configured(const struct option *options)
{
    section_begin(options);
    ck_assert_int_eq(section_configure(), 0);
    ck_assert_str_eq(section_failures(), "");
    ck_assert_str_eq(section_unasked(), "");
    return section_data();
}

START_TEST(without_options_there_is_a_health_check)
{
    const struct settings *s = configured((struct option[]) { { NULL, NULL } });

    ck_assert_ptr_null(s->page.data);
    ck_assert_str_eq(s->healthz.data, "/healthz");
    ck_assert_str_eq(s->server.data, "weir");
    ck_assert_str_eq(s->index, "index.html");
    ck_assert_int_eq(s->root, -1);
    ck_assert_double_eq(s->header_timeout, 10);
    ck_assert_double_eq(s->body_timeout, 1);
    ck_assert_double_eq(s->idle_timeout, 60);
    ck_assert_double_eq(s->send_timeout, 60);
    ck_assert_uint_eq(s->max_header, 16384);
    ck_assert_uint_eq(s->max_requests, 0);
    section_end();
}
END_TEST

START_TEST(every_option_is_asked_for)
{
    const struct settings *s = configured((struct option[]) {
        { "page", "hi" }, { "page_type", "text/html" }, { "healthz", "" }, { "server_header", "" }, { "index", "main.htm" },
        { "root", "/" }, { "header_timeout", "1.5s" }, { "body_timeout", "2s" }, { "idle_timeout", "3s" },
        { "send_timeout", "4s" }, { "max_header", "4k" }, { "max_requests", "7" }, { NULL, NULL } });

    ck_assert_str_eq(s->page.data, "hi");
    ck_assert_uint_eq(s->healthz.len, 0);
    ck_assert_int_ge(s->root, 0);
    ck_assert_double_eq(s->header_timeout, 1.5);
    ck_assert_uint_eq(s->max_header, 4096);
    ck_assert_uint_eq(s->max_requests, 7);
    section_end();
}
END_TEST

static const struct {
    const char *key, *value, *failure;
} wrong[] = {
    { "page_type", "a\nb", "page_type: it has a control character, and stands in a header\n" },
    { "server_header", LONG_TEXT, "server_header: it is 129 bytes long; at most 128 are allowed\n" },
    { "healthz", "healthz", "healthz: \"healthz\" is no path: it has to begin with a slash, or to be empty\n" },
    { "index", "", "index: \"\" is no name of a file\n" },
    { "index", "a/b", "index: \"a/b\" is no name of a file\n" },
    { "index", "..", "index: \"..\" is no name of a file\n" },
    { "root", "/nowhere", "root: \"/nowhere\" can't be opened as a folder: No such file or directory\n" },
    { "root", "/dev/null", "root: \"/dev/null\" can't be opened as a folder: Not a directory\n" },
    { "header_timeout", "0", "header_timeout: 0 s; it has to be from 0.001 s to 86400 s\n" },
    { "body_timeout", "0.0001", "body_timeout: 0.0001 s; it has to be from 0.001 s to 86400 s\n" },
    { "idle_timeout", "86401", "idle_timeout: 86401 s; it has to be from 0.001 s to 86400 s\n" },
    { "send_timeout", "soon", "send_timeout: wrong type or out of bounds\n" },
    { "max_header", "255", "max_header: 255 bytes; it has to be from 256 to 1048576\n" },
    { "max_header", "2M", "max_header: 2097152 bytes; it has to be from 256 to 1048576\n" },
    { "max_requests", "-1", "max_requests: wrong type or out of bounds\n" },
};

START_TEST(a_wrong_value_is_told_with_what_was_expected)
{
    int before = dup(0);

    close(before);
    section_begin((struct option[]) { { wrong[_i].key, wrong[_i].value }, { NULL, NULL } });
    ck_assert_int_eq(section_configure(), WEIR_ECONFIG);
    ck_assert_str_eq(section_failures(), wrong[_i].failure);
    ck_assert_int_eq(dup(0), before);           /* no folder was left open */
}
END_TEST

START_TEST(all_that_is_wrong_is_told_at_once)
{
    section_begin((struct option[]) {
        { "index", "/" }, { "root", "/" }, { "max_header", "1" }, { "body_timeout", "0" }, { NULL, NULL } });
    ck_assert_int_eq(section_configure(), WEIR_ECONFIG);
    ck_assert_str_eq(section_failures(), "index: \"/\" is no name of a file\n"
                                         "body_timeout: 0 s; it has to be from 0.001 s to 86400 s\n"
                                         "max_header: 1 bytes; it has to be from 256 to 1048576\n");
    ck_assert_str_eq(section_unasked(), "");
}
END_TEST

Suite *suite(void)
{
    Suite *settings = suite_create("plugins/http/settings");

    TCase *options = tcase_create("options");
    tcase_add_test(options, without_options_there_is_a_health_check);
    tcase_add_test(options, every_option_is_asked_for);
    tcase_add_loop_test(options, a_wrong_value_is_told_with_what_was_expected, 0, sizeof wrong / sizeof wrong[0]);
    tcase_add_test(options, all_that_is_wrong_is_told_at_once);
    suite_add_tcase(settings, options);

    return settings;
}
