/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/test_proxy_settings.c  What plugins/proxy/settings.c promises.
 */
#include "plugins/proxy/settings.h"

#include "lib/suite.h"
#include "plugins/section.h"

static const struct settings *configured(const struct option *options)
{
    section_begin(options);
    ck_assert_int_eq(section_configure(), 0);
    ck_assert_str_eq(section_failures(), "");
    ck_assert_str_eq(section_unasked(), "");
    return section_data();
}

START_TEST(an_upstream_is_all_that_is_needed)
{
    const struct settings *s = configured((struct option[]) { { "upstreams", "a:1" }, { NULL, NULL } });

    ck_assert_uint_eq(s->upstreams.count, 1);
    ck_assert_int_eq(s->balance, BALANCE_ROUNDROBIN);
    ck_assert_uint_eq(s->tries, 3);
    ck_assert_double_eq(s->connect_timeout, 5);
    ck_assert_double_eq(s->idle_timeout, 600);
    ck_assert_double_eq(s->fail_time, 10);
    ck_assert(!s->access);
    section_end();
}
END_TEST

START_TEST(every_option_is_asked_for)
{
    section_want_access();
    const struct settings *s = configured((struct option[]) {
        { "upstreams", "a:1 b:2" }, { "balance", "leastconn" }, { "tries", "64" }, { "connect_timeout", "1.5s" },
        { "idle_timeout", "2m" }, { "fail_time", "0" }, { NULL, NULL } });

    ck_assert_uint_eq(s->upstreams.count, 2);
    ck_assert_int_eq(s->balance, BALANCE_LEASTCONN);
    ck_assert_uint_eq(s->tries, 64);
    ck_assert_double_eq(s->connect_timeout, 1.5);
    ck_assert_double_eq(s->idle_timeout, 120);
    ck_assert_double_eq(s->fail_time, 0);
    ck_assert(s->access);
    section_end();
}
END_TEST

START_TEST(all_that_is_wrong_is_told_at_once)
{
    section_begin((struct option[]) {
        { "upstreams", "a" }, { "balance", "random" }, { "tries", "65" }, { "connect_timeout", "0" }, { "idle_timeout", "90000s" },
        { "fail_time", "90000s" }, { NULL, NULL } });
    ck_assert_int_eq(section_configure(), WEIR_ECONFIG);
    ck_assert_str_eq(section_failures(),
                     "upstreams: \"a\": it has no port: expected host:port\n"
                     "balance: \"random\" is no way to choose an upstream; \"roundrobin\" and \"leastconn\" are\n"
                     "tries: wrong type or out of bounds\n"
                     "connect_timeout: 0 s; it has to be from 0.001 s to 86400 s\n"
                     "idle_timeout: 90000 s; it has to be from 0.001 s to 86400 s\n"
                     "fail_time: 90000 s; it has to be from 0 s to 86400 s\n");
    ck_assert_str_eq(section_unasked(), "");
}
END_TEST

START_TEST(a_proxy_without_upstreams_is_none)
{
    section_begin((struct option[]) { { NULL, NULL } });
    ck_assert_int_eq(section_configure(), WEIR_ECONFIG);
    ck_assert_str_eq(section_failures(), "upstreams: no address: expected \"host:port\", or several with commas between them\n");
}
END_TEST

Suite *suite(void)
{
    Suite *settings = suite_create("plugins/proxy/settings");

    TCase *options = tcase_create("options");
    tcase_add_test(options, an_upstream_is_all_that_is_needed);
    tcase_add_test(options, every_option_is_asked_for);
    tcase_add_test(options, all_that_is_wrong_is_told_at_once);
    tcase_add_test(options, a_proxy_without_upstreams_is_none);
    suite_add_tcase(settings, options);

    return settings;
}
