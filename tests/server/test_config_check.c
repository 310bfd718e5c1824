/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_config_check.c  What server/config_check.c promises.
 */
#include "server/config_check.h"

#include "lib/suite.h"
#include "server/config_case.h"

START_TEST(a_server_must_have_what_it_cannot_do_without)
{
    static const struct {
        const char *text, *begins, *has;
    } cases[] = {
        { "\n\nservers = (\n{ handler = \"a\"; listen = \"*:1\"; } );", "a.conf:4: a server has no name, expected a text",
          "logs" },
        { "servers = ( { name = \"a\"; listen = \"*:1\"; } );",
          "a.conf:1: server \"a\" has no handler, expected the name of a plugin", "echo" },
        { "servers = ( { name = \"a\"; handler = \"b\"; } );", "a.conf:1: server \"a\" has no listen, expected an address",
          "*:7000" },
    };
    struct config_case loaded = case_text(cases[_i].text);

    case_refused(&loaded, cases[_i].begins, cases[_i].has);
    case_end(&loaded);
}
END_TEST

START_TEST(what_was_given_wrongly_is_not_missing_too)
{
    struct config_case loaded = case_text("servers = ( { name = 1;\nhandler = 2;\nlisten = 3; } );");

    ck_assert_uint_eq(loaded.count, 3);
    ck_assert_ptr_null(strstr(loaded.said, "has no"));
    case_end(&loaded);
}
END_TEST

START_TEST(no_servers_at_all_is_a_mistake)
{
    static const char *const texts[] = { "", "\n# nothing\n", "workers = 2;", "\nservers = ( );", "\nservers = ();\nlog = { };" };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct config_case loaded = case_text(texts[i]);
        case_refused(&loaded, i < 3 ? "a.conf:1: there are no servers" : "a.conf:2: there are no servers",
                     "expected servers = ( {");
        case_end(&loaded);
    }
    struct config_case loaded = case_of(NULL, NULL, NULL);
    case_refused(&loaded, "there are no servers", "expected servers = ( {");
    case_end(&loaded);
}
END_TEST

START_TEST(names_are_given_once)
{
    struct config_case loaded = case_text("servers = (\n"
                                          "{ name = \"a\"; handler = \"x\"; listen = \"*:1\"; },\n"
                                          "{ name = \"b\"; handler = \"x\"; listen = \"*:2\"; },\n"
                                          "{ name = \"a\"; handler = \"x\"; listen = \"*:3\"; } );");

    case_refused(&loaded, "a.conf:4: a second server named \"a\"", "that of a.conf:2");
    case_end(&loaded);
}
END_TEST

/* The text may differ, the address is one. Ports that the kernel chooses differ. */
START_TEST(addresses_are_given_once)
{
    static const struct {
        const char *one, *other;
        bool        same;
    } cases[] = {
        { "*:1", ":1", true },
        { "[::1]:1", "[0::1]:01", true },
        { "localhost:1", "LOCALHOST:1", true },
        { "unix:x", "unix:./x", true },
        { "unix:@x", "unix:@x", true },
        { "*:0", "*:0", false },
        { "*:1", "*:2", false },
        { "127.0.0.1:1", "127.0.0.2:1", false },
        { "unix:x", "unix:@x", false },
    };
    char text[512];

    snprintf(text, sizeof text,
             "servers = (\n{ name = \"a\"; handler = \"x\"; listen = \"%s\"; },\n{ name = \"b\"; handler = \"x\";\nlisten = "
             "\"%s\"; } );",
             cases[_i].one, cases[_i].other);
    struct config_case loaded = case_text(text);
    if (cases[_i].same)
        case_refused(&loaded, "a.conf:4: server \"b\" listens on ",
                     "expected another address than that of server \"a\" at a.conf:2");
    else
        case_good(&loaded);
    case_end(&loaded);

    snprintf(text, sizeof text, "servers = ( { name = \"a\"; handler = \"x\"; listen = [\n\"%s\",\n\"%s\" ]; } );",
             cases[_i].one, cases[_i].other);
    loaded = case_text(text);
    if (cases[_i].same)
        case_refused(&loaded, "a.conf:3: server \"a\" listens on ", "at a.conf:2");
    else
        case_good(&loaded);
    case_end(&loaded);
}
END_TEST

Suite *suite(void)
{
    Suite *check = suite_create("server/config_check");

    TCase *whole = tcase_create("whole");
    tcase_add_checked_fixture(whole, scratch_begin, scratch_end);
    tcase_add_loop_test(whole, a_server_must_have_what_it_cannot_do_without, 0, 3);
    tcase_add_test(whole, what_was_given_wrongly_is_not_missing_too);
    tcase_add_test(whole, no_servers_at_all_is_a_mistake);
    tcase_add_test(whole, names_are_given_once);
    tcase_add_loop_test(whole, addresses_are_given_once, 0, 9);
    suite_add_tcase(check, whole);

    return check;
}
