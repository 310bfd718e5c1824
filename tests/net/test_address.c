/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_address.c  What net/address.c promises: text to addresses and back, without a resolver.
 */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include <weir/address.h>

#include "core/sys_fault.h"
#include "lib/suite.h"
#include "net/address.h"

static const struct {
    const char *host;
    uint16_t port;
    const char *text;
    int family;
} good[] = {
    { "192.0.2.1", 80, "192.0.2.1:80", AF_INET },
    { "0.0.0.0", 0, "0.0.0.0:0", AF_INET },
    { "255.255.255.255", 65535, "255.255.255.255:65535", AF_INET },
    { "::1", 80, "[::1]:80", AF_INET6 },
    { "[::1]", 80, "[::1]:80", AF_INET6 },
    { "::", 1, "[::]:1", AF_INET6 },
    { "2001:DB8::0:1", 443, "[2001:db8::1]:443", AF_INET6 },
    { "::ffff:192.0.2.1", 5, "[::ffff:192.0.2.1]:5", AF_INET6 },
    { "fe80::1%7", 5, "[fe80::1%7]:5", AF_INET6 },
    { "[fe80::1%7]", 5, "[fe80::1%7]:5", AF_INET6 },
    { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295", 65535, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535",
      AF_INET6 },
    { "unix:/tmp/a b", 9, "unix:/tmp/a b", AF_UNIX },
    { "unix:relative", 9, "unix:relative", AF_UNIX },
    { "unix:@name", 9, "unix:@name", AF_UNIX },
    { "unix:/\x01\xff", 9, "unix:/?\?", AF_UNIX },
};

START_TEST(what_is_parsed_prints_as_the_same_address)
{
    weir_address address, again;
    char text[WEIR_ADDRESS_MAX];

    ck_assert_int_eq(weir_address_parse(&address, good[_i].host, good[_i].port), 0);
    ck_assert_int_eq(address.storage.ss_family, good[_i].family);
    ck_assert_uint_eq(weir_address_port(&address), good[_i].family == AF_UNIX ? 0 : good[_i].port);
    ck_assert_str_eq(weir_address_format(&address, text, sizeof text), good[_i].text);
    ck_assert(weir_address_eq(&address, &address));
    ck_assert_int_eq(weir_address_parse(&again, good[_i].host, good[_i].port), 0);
    ck_assert(weir_address_eq(&address, &again));
}
END_TEST

static const char *const bad[] = {
    "", " ", "localhost", "1.2.3", "1.2.3.4.5", "256.0.0.1", "1.2.3.4 ", "01.2.3.4:80", "1.2.3.4:80", ":", ":::",
    "[::1", "::1]", "[]", "[1.2.3.4]", "[::1]:80", "fe80::1%", "fe80::1%no-such-interface", "fe80::1%4294967296", "fe80::1%7x",
    "1:2:3:4:5:6:7:8:9", "g::1", "unix:", "UNIX:/x",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%an-interface-name-that-is-far-too-long-to-be-one",
};

START_TEST(what_is_no_address_is_refused_and_nothing_is_written)
{
    weir_address address;

    memset(&address, 0x5a, sizeof address);
    ck_assert_int_eq(weir_address_parse(&address, bad[_i], 80), -EINVAL);
    for (size_t i = 0; i < sizeof address; i++)
        ck_assert_int_eq(((unsigned char *)&address)[i], 0x5a);
    ck_assert_str_ne(weir_error_detail(), "");
}
END_TEST

START_TEST(no_text_is_no_address)
{
    weir_address address;

    ck_assert_int_eq(weir_address_parse(&address, NULL, 80), -EINVAL);
}
END_TEST

START_TEST(a_path_has_to_fit_with_its_end)
{
    char text[5 + 200] = "unix:";
    weir_address address;
    size_t room = sizeof(((struct sockaddr_un *)0)->sun_path);

    memset(text + 5, 'p', room - 1);
    text[5 + room - 1] = '\0';
    ck_assert_int_eq(weir_address_parse(&address, text, 0), 0);
    ck_assert_uint_eq(address.len, sizeof(struct sockaddr_un));
    text[5 + room - 1] = 'p';
    text[5 + room] = '\0';
    ck_assert_int_eq(weir_address_parse(&address, text, 0), -ENAMETOOLONG);
}
END_TEST

START_TEST(an_abstract_name_has_no_end_and_a_path_has)
{
    weir_address address;
    const struct sockaddr_un *un = (const void *)&address.storage;

    ck_assert_int_eq(weir_address_parse(&address, "unix:@ab", 0), 0);
    ck_assert_uint_eq(address.len, offsetof(struct sockaddr_un, sun_path) + 3);
    ck_assert_int_eq(memcmp(un->sun_path, "\0ab", 3), 0);
    ck_assert_int_eq(weir_address_parse(&address, "unix:/ab", 0), 0);
    ck_assert_uint_eq(address.len, offsetof(struct sockaddr_un, sun_path) + 4);
}
END_TEST

START_TEST(an_interface_may_be_named)
{
    weir_address address;
    const struct sockaddr_in6 *in6 = (const void *)&address.storage;

    if (if_nametoindex("lo") == 0)
        return;                                 /* no such interface here, so none to name */
    ck_assert_int_eq(weir_address_parse(&address, "fe80::1%lo", 0), 0);
    ck_assert_uint_eq(in6->sin6_scope_id, if_nametoindex("lo"));
}
END_TEST

/* Every room from none to enough: never beyond it, always ended, always the beginning of the whole text. */
START_TEST(printing_is_cut_to_the_room_there_is)
{
    weir_address address;
    char whole[WEIR_ADDRESS_MAX], text[WEIR_ADDRESS_MAX + 1];

    ck_assert_int_eq(weir_address_parse(&address, good[_i].host, good[_i].port), 0);
    weir_address_format(&address, whole, sizeof whole);
    for (size_t size = 0; size <= strlen(whole) + 1; size++) {
        memset(text, '#', sizeof text);
        ck_assert_ptr_eq(weir_address_format(&address, text, size), text);
        ck_assert_int_eq(text[size], '#');
        if (size == 0)
            continue;
        ck_assert_uint_eq(strlen(text), size - 1 < strlen(whole) ? size - 1 : strlen(whole));
        ck_assert_int_eq(strncmp(text, whole, size - 1), 0);
    }
}
END_TEST

START_TEST(what_has_no_name_prints_as_such)
{
    weir_address address = { .len = offsetof(struct sockaddr_un, sun_path) };
    char text[WEIR_ADDRESS_MAX];

    address.storage.ss_family = AF_UNIX;
    ck_assert_str_eq(weir_address_format(&address, text, sizeof text), "unix:");
    ck_assert_uint_eq(weir_address_port(&address), 0);
    address = (weir_address) { .len = 0 };
    ck_assert_str_ne(weir_address_format(&address, text, sizeof text), "");
    ck_assert_uint_eq(weir_address_port(&address), 0);
}
END_TEST

START_TEST(the_longest_address_fits_into_the_room_promised)
{
    weir_address address = { .len = sizeof(struct sockaddr_un) };
    struct sockaddr_un *un = (void *)&address.storage;
    char text[WEIR_ADDRESS_MAX];

    un->sun_family = AF_UNIX;
    memset(un->sun_path, 'p', sizeof un->sun_path);     /* the kernel may fill it without an end */
    weir_address_format(&address, text, sizeof text);
    ck_assert_uint_eq(strlen(text), 5 + sizeof un->sun_path);
}
END_TEST

START_TEST(each_part_that_counts_makes_a_difference)
{
    static const char *const pairs[][2] = {
        { "192.0.2.1", "192.0.2.2" }, { "::1", "::2" }, { "fe80::1%1", "fe80::1%2" }, { "unix:/a", "unix:/b" },
        { "unix:@a", "unix:@ab" }, { "unix:/a", "unix:@a" }, { "192.0.2.1", "::ffff:192.0.2.1" },
    };
    weir_address a, b;

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        ck_assert_int_eq(weir_address_parse(&a, pairs[i][0], 1), 0);
        ck_assert_int_eq(weir_address_parse(&b, pairs[i][1], 1), 0);
        ck_assert_msg(!weir_address_eq(&a, &b), "%s and %s", pairs[i][0], pairs[i][1]);
    }
    weir_address_parse(&a, "::1", 1);
    weir_address_parse(&b, "::1", 2);
    ck_assert(!weir_address_eq(&a, &b));
    b = a;
    ((struct sockaddr_in6 *)&b.storage)->sin6_flowinfo = 5;     /* does not count */
    ck_assert(weir_address_eq(&a, &b));
    weir_address_parse(&a, "192.0.2.1", 1);
    b = a;
    memset(((struct sockaddr_in *)&b.storage)->sin_zero, 7, 8);
    ck_assert(weir_address_eq(&a, &b));
}
END_TEST

START_TEST(a_list_holds_each_address_once)      /* SV-3 */
{
    struct address_list list = { 0 };
    weir_address address;

    for (uint16_t port = 1; port <= 20; port++) {
        for (int again = 0; again < 2; again++) {
            weir_address_parse(&address, "127.0.0.1", port);
            ck_assert_int_eq(weir__address_list_add(&list, (void *)&address.storage, address.len), 0);
        }
    }
    ck_assert_uint_eq(list.count, 20);
    ck_assert_uint_eq(weir_address_port(&list.items[19]), 20);
    weir__address_list_fini(&list);
    ck_assert_uint_eq(list.count, 0);
}
END_TEST

START_TEST(a_list_without_memory_stays_as_it_was)
{
    struct address_list list = { 0 };
    weir_address address;

    for (uint16_t port = 1; port <= 4; port++) {
        weir_address_parse(&address, "127.0.0.1", port);
        ck_assert_int_eq(weir__address_list_add(&list, (void *)&address.storage, address.len), 0);
    }
    weir_address_parse(&address, "127.0.0.1", 5);
    weir__fault_begin(&(struct fault_plan) { .fail_at = 1 });
    ck_assert_int_eq(weir__address_list_add(&list, (void *)&address.storage, address.len), -ENOMEM);
    weir__fault_end();
    ck_assert_uint_eq(list.count, 4);
    weir__address_list_fini(&list);
}
END_TEST

Suite *suite(void)
{
    Suite *address = suite_create("net/address");

    TCase *text = tcase_create("text");
    tcase_add_loop_test(text, what_is_parsed_prints_as_the_same_address, 0, (int)(sizeof good / sizeof good[0]));
    tcase_add_loop_test(text, what_is_no_address_is_refused_and_nothing_is_written, 0, (int)(sizeof bad / sizeof bad[0]));
    tcase_add_loop_test(text, printing_is_cut_to_the_room_there_is, 0, (int)(sizeof good / sizeof good[0]));
    tcase_add_test(text, no_text_is_no_address);
    tcase_add_test(text, a_path_has_to_fit_with_its_end);
    tcase_add_test(text, an_abstract_name_has_no_end_and_a_path_has);
    tcase_add_test(text, an_interface_may_be_named);
    tcase_add_test(text, what_has_no_name_prints_as_such);
    tcase_add_test(text, the_longest_address_fits_into_the_room_promised);
    suite_add_tcase(address, text);

    TCase *sameness = tcase_create("sameness");
    tcase_add_test(sameness, each_part_that_counts_makes_a_difference);
    tcase_add_test(sameness, a_list_holds_each_address_once);
    tcase_add_test(sameness, a_list_without_memory_stays_as_it_was);
    suite_add_tcase(address, sameness);
    return address;
}
