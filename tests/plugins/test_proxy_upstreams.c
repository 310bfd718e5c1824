/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/test_proxy_upstreams.c  What plugins/proxy/upstreams.c promises.
 */
#include "plugins/proxy/upstreams.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/suite.h"

/* "text=host port ..." for each, or what was wrong. */
static const char *told(const char *text)
{
    static char out[8192];
    struct upstreams upstreams;
    char error[512] = "";
    size_t len = 0;

    int code = upstreams_parse(&upstreams, text, error, sizeof error);
    out[0] = '\0';
    for (size_t i = 0; code == 0 && i < upstreams.count; i++) {
        const struct upstream *at = &upstreams.at[i];
        len += (size_t)snprintf(out + len, sizeof out - len, "%s%s=%s %u", i > 0 ? ", " : "", at->text, at->host, at->port);
    }
    if (code != 0)
        snprintf(out, sizeof out, "%s%s", code == -EINVAL ? "" : "another code: ", error);
    upstreams_fini(&upstreams);
    return out;
}

START_TEST(addresses_are_taken_apart)
{
    ck_assert_str_eq(told("127.0.0.1:9000"), "127.0.0.1:9000=127.0.0.1 9000");
    ck_assert_str_eq(told("[::1]:1"), "[::1]:1=::1 1");
    ck_assert_str_eq(told("back-end.example:65535"), "back-end.example:65535=back-end.example 65535");
}
END_TEST

START_TEST(commas_and_blanks_stand_between_them)
{
    ck_assert_str_eq(told("a:1,b:2"), "a:1=a 1, b:2=b 2");
    ck_assert_str_eq(told("  a:1 ,, [::2]:2\n\tc:3 , "), "a:1=a 1, [::2]:2=::2 2, c:3=c 3");
}
END_TEST

START_TEST(what_is_wrong_is_said_with_the_address)
{
    ck_assert_str_eq(told(""), "no address: expected \"host:port\", or several with commas between them");
    ck_assert_str_eq(told(" , "), "no address: expected \"host:port\", or several with commas between them");
    ck_assert_str_eq(told("a:1 b"), "\"b\": it has no port: expected host:port");
    ck_assert_str_eq(told("a:0"), "\"a:0\": its port is none: expected host:port with a port from 1 to 65535");
    ck_assert_str_eq(told("a:65536"), "\"a:65536\": its port is none: expected host:port with a port from 1 to 65535");
    ck_assert_str_eq(told("a:+1"), "\"a:+1\": its port is none: expected host:port with a port from 1 to 65535");
    ck_assert_str_eq(told("a:"), "\"a:\": its port is none: expected host:port with a port from 1 to 65535");
    ck_assert_str_eq(told(":80"), "\":80\": its host is none: expected a name or an address");
    ck_assert_str_eq(told("[]:80"), "\"[]:80\": its host is none: expected a name or an address");
    ck_assert_str_eq(told("[:80"), "\"[:80\": its brackets do not match: expected [address]:port");
    ck_assert_str_eq(told("[::1:80"), "\"[::1:80\": its brackets do not match: expected [address]:port");
    ck_assert_str_eq(told("::1]:80"), "\"::1]:80\": an IPv6 address has to be in brackets: expected [address]:port");
    ck_assert_str_eq(told("a]:80"), "\"a]:80\": its host is none: expected a name or an address");
    ck_assert_str_eq(told("::1:80"), "\"::1:80\": an IPv6 address has to be in brackets: expected [address]:port");
    ck_assert_str_eq(told("http://a:80"), "\"http://a:80\": an IPv6 address has to be in brackets: expected [address]:port");
    ck_assert_str_eq(told("unix:/run/x.sock"), "\"unix:/run/x.sock\": Unix sockets are not offered, TCP only");
}
END_TEST

START_TEST(there_are_at_most_sixty_four)
{
    char text[UPSTREAMS_MOST * 4 + 8] = "";

    for (int i = 0; i < UPSTREAMS_MOST; i++)
        memcpy(text + 4 * i, "a:1 ", 4);
    ck_assert_str_ne(told(text), "more than 64 addresses");
    memcpy(text + 4 * UPSTREAMS_MOST, "b:2", 3);
    ck_assert_str_eq(told(text), "more than 64 addresses");
}
END_TEST

Suite *suite(void)
{
    Suite *upstreams = suite_create("plugins/proxy/upstreams");

    TCase *parse = tcase_create("parse");
    tcase_add_test(parse, addresses_are_taken_apart);
    tcase_add_test(parse, commas_and_blanks_stand_between_them);
    tcase_add_test(parse, what_is_wrong_is_said_with_the_address);
    tcase_add_test(parse, there_are_at_most_sixty_four);
    suite_add_tcase(upstreams, parse);

    return upstreams;
}
