/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_config_listen.c  What server/config_listen.c promises.
 */
#include "server/config_listen.h"

#include <string.h>

#include "lib/suite.h"

#define LETTERS_50 "abcdefghijklmnopqrstuvwxyabcdefghijklmnopqrstuvwxy"

static const struct {
    const char *in, *text, *host;
    uint16_t    port;
} tcp[] = {
    { "*:7000", "*:7000", "", 7000 },
    { ":7000", "*:7000", "", 7000 },
    { "*:0", "*:0", "", 0 },
    { "*:65535", "*:65535", "", 65535 },
    { "*:00080", "*:80", "", 80 },
    { "127.0.0.1:7000", "127.0.0.1:7000", "127.0.0.1", 7000 },
    { "localhost:7000", "localhost:7000", "localhost", 7000 },
    { "LocalHost:7000", "localhost:7000", "localhost", 7000 },
    { "a-b.example_1.org:1", "a-b.example_1.org:1", "a-b.example_1.org", 1 },
    { "1.example.org:1", "1.example.org:1", "1.example.org", 1 },
    { "[::1]:7000", "[::1]:7000", "::1", 7000 },
    { "[::]:7000", "[::]:7000", "::", 7000 },
    { "[0:0:0:0:0:0:0:1]:7000", "[::1]:7000", "::1", 7000 },
    { "[FE80::1%eth0]:7000", "[fe80::1%eth0]:7000", "fe80::1%eth0", 7000 },
    { "[::ffff:1.2.3.4]:7", "[::ffff:1.2.3.4]:7", "::ffff:1.2.3.4", 7 },
};

START_TEST(a_tcp_address_has_one_form)
{
    struct config_memory memory;
    struct listen_address address, again;
    const char *why = NULL;

    config_memory_init(&memory, 100000);
    ck_assert_msg(config_listen_parse(&memory, "/f", tcp[_i].in, &address, &why), "%s %s", tcp[_i].in, why);
    ck_assert_int_eq(address.kind, LISTEN_TCP);
    ck_assert_str_eq(address.text, tcp[_i].text);
    ck_assert_str_eq(address.host, tcp[_i].host);
    ck_assert_uint_eq(address.port, tcp[_i].port);
    ck_assert_str_eq(address.path, "");

    ck_assert(config_listen_parse(&memory, "/g", address.text, &again, &why));
    ck_assert_str_eq(again.text, address.text);
    config_memory_fini(&memory);
}
END_TEST

static const struct {
    const char *in, *text, *path;
} unix_addresses[] = {
    { "unix:/run/x.sock", "unix:/run/x.sock", "/run/x.sock" },
    { "unix:x.sock", "unix:/f/x.sock", "/f/x.sock" },
    { "unix:./x:1.sock", "unix:/f/x:1.sock", "/f/x:1.sock" },
    { "unix:@weir", "unix:@weir", "@weir" },
    { "unix:@a/b c", "unix:@a/b c", "@a/b c" },
};

START_TEST(a_unix_address_is_a_path_or_a_name)
{
    struct config_memory memory;
    struct listen_address address, again;
    const char *why = NULL;

    config_memory_init(&memory, 100000);
    ck_assert_msg(config_listen_parse(&memory, "/f", unix_addresses[_i].in, &address, &why), "%s %s", unix_addresses[_i].in, why);
    ck_assert_int_eq(address.kind, LISTEN_UNIX);
    ck_assert_str_eq(address.text, unix_addresses[_i].text);
    ck_assert_str_eq(address.path, unix_addresses[_i].path);
    ck_assert_str_eq(address.host, "");

    ck_assert(config_listen_parse(&memory, "/g", address.text, &again, &why));
    ck_assert_str_eq(again.text, address.text);
    config_memory_fini(&memory);
}
END_TEST

/* 107 bytes are what sockaddr_un holds besides the NUL; the folder counts. */
START_TEST(a_unix_path_has_107_bytes_at_most)
{
    static const char text[] = "unix:/" LETTERS_50 "/" LETTERS_50 "/1234";      /* 107 behind the prefix */
    static const char longer[] = "unix:/" LETTERS_50 "/" LETTERS_50 "/12345";
    static const char relative[] = "unix:" LETTERS_50 "/" LETTERS_50 "/123";
    struct config_memory memory;
    struct listen_address address;
    const char *why = NULL;

    ck_assert_uint_eq(strlen(text), 5 + 107);
    config_memory_init(&memory, 100000);
    ck_assert(config_listen_parse(&memory, "/f", text, &address, &why));
    ck_assert(!config_listen_parse(&memory, "/f", longer, &address, &why));
    ck_assert_ptr_nonnull(strstr(why, "at most 107 bytes"));
    ck_assert(!config_listen_parse(&memory, "/f", relative, &address, &why));
    ck_assert(config_listen_parse(&memory, "/", relative, &address, &why));
    config_memory_fini(&memory);
}
END_TEST

static const struct {
    const char *in, *why;
} bad[] = {
    { "", "has no port" },
    { "7000", "has no port" },
    { "localhost", "has no port" },
    { "[::1]", "has no port" },
    { "[::1", "has no port" },
    { "*", "has no port" },
    { ":", "a port that is none" },
    { "*:", "a port that is none" },
    { "*:65536", "a port that is none" },
    { "*:100000", "a port that is none" },
    { "*:-1", "a port that is none" },
    { "*:+1", "a port that is none" },
    { "*: 1", "a port that is none" },
    { "*:http", "a port that is none" },
    { "*:0x50", "a port that is none" },
    { "localhost:", "a port that is none" },
    { "::1:7000", "has several \":\"" },
    { "a:b:7000", "has several \":\"" },
    { "[::1:7000", "has no port" },
    { "[]:7000", "no IPv6 address" },
    { "[::1%]:7000", "no IPv6 address" },
    { "[::1%abcdefghijklmnop]:7000", "no IPv6 address" },
    { "[127.0.0.1]:7000", "no IPv6 address" },
    { "[localhost]:7000", "no IPv6 address" },
    { "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:1", "no IPv6 address" },
    { "1.2.3:7000", "an address that is none" },
    { "256.1.1.1:7000", "an address that is none" },
    { "1:7000", "an address that is none" },
    { "**:7000", "a host that is none" },
    { "a b:7000", "a host that is none" },
    { "-a:7000", "a host that is none" },
    { "a,b:7000", "a host that is none" },
    { "http://localhost:80", "has several \":\"" },
    { "h\xc3\xb6st:7000", "a host that is none" },
    { LETTERS_50 LETTERS_50 LETTERS_50 LETTERS_50 LETTERS_50 "abcdef:1", "a host that is none" },
    { "unix:", "has no path" },
    { "unix:@", "has no path" },
    { "/run/x.sock", "expected \"unix:\" before it" },
    { "./x.sock", "expected \"unix:\" before it" },
    { "@x", "expected \"unix:\" before it" },
};

START_TEST(what_is_no_address_says_why)
{
    struct config_memory memory;
    struct listen_address address;
    const char *why = NULL;

    config_memory_init(&memory, 100000);
    ck_assert_msg(!config_listen_parse(&memory, "/f", bad[_i].in, &address, &why), "%s", bad[_i].in);
    ck_assert_ptr_nonnull(why);
    ck_assert_msg(strstr(why, bad[_i].why) != NULL, "\"%s\" %s", bad[_i].in, why);
    config_memory_fini(&memory);
}
END_TEST

START_TEST(without_memory_there_is_no_reason)
{
    static const char *const texts[] = { "*:7000", "unix:/x", "unix:@x", "unix:x" };
    struct listen_address address;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (size_t most = 0; most < 50; most++) {
            struct config_memory memory;
            const char *why = "untouched";
            config_memory_init(&memory, most);
            bool good = config_listen_parse(&memory, "/f", texts[i], &address, &why);
            ck_assert(good != memory.failed);
            if (!good)
                ck_assert_ptr_null(why);
            config_memory_fini(&memory);
        }
    }
}
END_TEST

Suite *suite(void)
{
    Suite *listen = suite_create("server/config_listen");

    TCase *parse = tcase_create("parse");
    tcase_add_loop_test(parse, a_tcp_address_has_one_form, 0, sizeof tcp / sizeof *tcp);
    tcase_add_loop_test(parse, a_unix_address_is_a_path_or_a_name, 0, sizeof unix_addresses / sizeof *unix_addresses);
    tcase_add_test(parse, a_unix_path_has_107_bytes_at_most);
    tcase_add_loop_test(parse, what_is_no_address_says_why, 0, sizeof bad / sizeof *bad);
    tcase_add_test(parse, without_memory_there_is_no_reason);
    suite_add_tcase(listen, parse);

    return listen;
}
