/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/test_http_connection.c  What plugins/http/connection.c promises: an answer for each request, in order, however it
 * comes; and an end in good order.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/suite.h"
#include "plugins/http_requests.h"
#include "plugins/section.h"
#include "plugins/talk.h"

#define H "Host: a\r\n"

static const struct option page[] = { { "page", "hello" }, { NULL, NULL } };

static void with_page(void)
{
    section_begin(page);
    ck_assert_int_eq(section_configure(), 0);
    ck_assert_str_eq(section_failures(), "");
}

/* --- Requests ------------------------------------------------------------- */

static void check(size_t i, size_t cut, size_t chunk)
{
    struct talk talk = { .in = http_requests[i].in, .in_len = strlen(http_requests[i].in), .cut = cut, .chunk = chunk };

    talk_run(&talk);
    const char *answers = talk_answers(&talk);
    ck_assert_msg(strcmp(answers, http_requests[i].answers) == 0 && talk.result == 0,
                  "request %zu cut at %zu in pieces of %zu: \"%s\" (%d), not \"%s\", for:\n%s", i, cut, chunk, answers, talk.result,
                  http_requests[i].answers, talk.in);
    talk_free(&talk);
}

START_TEST(each_request_gets_its_answer)
{
    clock_fake();
    with_page();
    check((size_t)_i, 0, 0);
    section_end();
}
END_TEST

/* TCP keeps order, not boundaries: the same bytes are the same requests, wherever they are cut. */
START_TEST(where_a_request_is_cut_makes_no_difference)
{
    clock_fake();
    with_page();
    for (size_t cut = 1; cut < strlen(http_requests[_i].in); cut++)
        check((size_t)_i, cut, 0);
    check((size_t)_i, 0, 1);
    check((size_t)_i, 0, 3);
    section_end();
}
END_TEST

/* --- Time ----------------------------------------------------------------- */

/* Each wait has its own end. 0.5 s of quiet come before a connection is idle, and 1 s of lingering after an error, since this
 * client says nothing and does not go. */
static const struct {
    const char *in;
    size_t chunk;
    double drip;
    const char *answers;
    double seconds;             /* after the last byte */
} slow[] = {
    { "", 0, 0, "", 60.5 },
    { "GET / HTTP/1.1\r\n" H "\r\n", 0, 0, "200=hello", 60.5 },
    { "\r\n", 0, 0, "", 10 },                   /* no request: nobody to tell */
    { "G", 0, 0, "408:close", 11 },
    { "GET / HTTP/1.1\r\n" H, 0, 0, "408:close", 11 },
    { "GET / HTTP/1.1\r\n" H "\r\nGET / HTTP/1.1\r\n" H, 0, 0, "200=hello 408:close", 11 },
    { "GET / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nab", 0, 0, "408:close", 2 },
    { "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", 0, 0, "408:close", 2 },
    { "GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n", 0, 0, "200:close=hello", 0 },
    { "BREW / HTTP/1.1\r\n\r\n", 0, 0, "501:close", 1 },
    /* A byte now and then does not help: 9 of these are there when 10 s are over, then 1 s of lingering, and no one reads. */
    { "GET / HTTP/1.1\r\n" H "\r\n", 1, 1, "408:close", 0 },
    { "GET / HTTP/1.1\r\n" H "\r\n", 3, 1, "200=hello", 60.5 },
    { "GET / HTTP/1.1\r\n" H "Content-Length: 9\r\n\r\n123456789", 47, 0.9, "200=hello", 60.5 },
    { "GET / HTTP/1.1\r\n" H "\r\n", 27, 59, "200=hello", 60.5 },
};

START_TEST(a_client_that_is_slow_is_not_waited_for_without_end)
{
    struct talk talk = {
        .in = slow[_i].in, .in_len = strlen(slow[_i].in), .chunk = slow[_i].chunk, .drip = slow[_i].drip, .keep_open = true,
    };

    clock_fake();
    with_page();
    talk_run(&talk);
    ck_assert_str_eq(talk_answers(&talk), slow[_i].answers);
    ck_assert_int_eq(talk.result, 0);
    ck_assert_msg(talk.seconds >= slow[_i].seconds && talk.seconds < slow[_i].seconds + 0.1, "after %g s", talk.seconds);
    talk_free(&talk);
    section_end();
}
END_TEST

static char *put(char *at, const char *text)
{
    memcpy(at, text, strlen(text));
    return at + strlen(text);
}

/* Pages enough to fill all that lies between: then the answer to who does not read is the end. */
START_TEST(a_client_that_does_not_read_is_cut_off)
{
    static char long_page[100000], in[8 * 64 + 1];
    struct talk talk = { .in = in, .keep_open = true, .deaf = true };

    memset(long_page, 'x', sizeof long_page - 1);
    for (int i = 0; i < 8; i++)
        talk.in_len = (size_t)(put(in + talk.in_len, "GET / HTTP/1.1\r\n" H "\r\n") - in);
    clock_fake();
    section_begin((struct option[]) { { "page", long_page }, { "send_timeout", "7" }, { NULL, NULL } });
    ck_assert_int_eq(section_configure(), 0);
    talk_run(&talk);
    ck_assert_int_eq(talk.result, 0);
    ck_assert_msg(talk.seconds >= 7 && talk.seconds < 7.1, "after %g s", talk.seconds);
    ck_assert_uint_lt(talk.out_len, 3 * sizeof long_page);
    talk_free(&talk);
    section_end();
}
END_TEST

/* --- Size ----------------------------------------------------------------- */

/* @len bytes: a request with @fill of its bytes in the target, or in a header. */
static char *request_of(size_t len, bool in_target)
{
    const char *front = in_target ? "GET /" : "GET / HTTP/1.1\r\n" H "A: ";
    const char *back = in_target ? " HTTP/1.1\r\n" H "\r\n" : "\r\n\r\n";
    char *text = calloc(1, len + 1);
    size_t front_len = strlen(front), back_len = strlen(back);

    memcpy(text, front, front_len);
    memset(text + front_len, 'x', len - front_len - back_len);
    memcpy(text + len - back_len, back, back_len);
    return text;
}

static void check_size(char *in, const char *answers)
{
    for (size_t cut = 0; cut < 3; cut++) {
        struct talk talk = { .in = in, .in_len = strlen(in), .cut = cut * 300, .chunk = cut == 2 ? 100 : 0 };
        talk_run(&talk);
        ck_assert_str_eq(talk_answers(&talk), answers);
        talk_free(&talk);
    }
    free(in);
}

/* To the byte, and the same however it comes. */
START_TEST(a_header_has_a_bound)
{
    clock_fake();
    section_begin((struct option[]) { { "page", "hello" }, { "max_header", "1k" }, { NULL, NULL } });
    ck_assert_int_eq(section_configure(), 0);
    check_size(request_of(1024, false), "200=hello");
    check_size(request_of(1025, false), "431:close");
    check_size(request_of(5000, false), "431:close");
    check_size(request_of(1024, true), "404");
    check_size(request_of(1025, true), "431:close");        /* the request line alone would do */
    check_size(request_of(1050, true), "414:close");
    check_size(request_of(100000, true), "414:close");
    section_end();
}
END_TEST

static char *chunked(size_t chunks)
{
    char *text = calloc(1, 200 + chunks * 10), *at = text;

    at = put(at, "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
    for (size_t i = 0; i < chunks; i++)
        at = put(at, "5\r\nabcde\r\n");
    put(at, "0\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n");
    return text;
}

static char *sized(size_t len)
{
    char *text = calloc(1, 200 + len), head[100];

    snprintf(head, sizeof head, "GET / HTTP/1.1\r\n" H "Content-Length: %zu\r\n\r\n", len);
    char *at = put(text, head);
    memset(at, 'b', len);
    put(at + len, "GET / HTTP/1.1\r\n" H "\r\n");
    return text;
}

START_TEST(a_body_has_a_bound)
{
    clock_fake();
    with_page();
    check_size(sized(65536), "200=hello 200=hello");
    check_size(sized(65537), "413:close");
    check_size(chunked(6553), "200=hello 200=hello");      /* 65,535 bytes with their framing */
    check_size(chunked(6554), "413:close");
    section_end();
}
END_TEST

START_TEST(a_connection_can_have_a_last_request)
{
    clock_fake();
    section_begin((struct option[]) { { "page", "hello" }, { "max_requests", "2" }, { NULL, NULL } });
    ck_assert_int_eq(section_configure(), 0);
    ck_assert_str_eq(talk_about("GET / HTTP/1.1\r\n" H "\r\nGET / HTTP/1.1\r\n" H "\r\nGET / HTTP/1.1\r\n" H "\r\n"),
                     "200=hello 200:close=hello");
    section_end();
}
END_TEST

/* --- What a section has --------------------------------------------------- */

START_TEST(without_a_page_and_files_there_is_only_health)
{
    clock_fake();
    section_begin((struct option[]) { { "healthz", "/up" }, { NULL, NULL } });
    ck_assert_int_eq(section_configure(), 0);
    ck_assert_str_eq(talk_about("GET / HTTP/1.1\r\n" H "\r\nGET /healthz HTTP/1.1\r\n" H "\r\nGET /up HTTP/1.1\r\n" H "\r\n"),
                     "404 404 200=ok_");
    section_end();
}
END_TEST

START_TEST(what_is_answered_is_counted)
{
    clock_fake();
    with_page();
    ck_assert_str_eq(talk_about("GET / HTTP/1.1\r\n" H "\r\nPUT / HTTP/1.1\r\n" H "\r\nGET /n HTTP/1.1\r\n" H "\r\n"
                                "X / HTTP/1.1\r\n" H "\r\n"), "200=hello 405:allow 404 501:close");
    ck_assert_uint_eq(section_count("requests"), 4);
    ck_assert_uint_eq(section_count("answers_2xx"), 1);
    ck_assert_uint_eq(section_count("answers_3xx"), 0);
    ck_assert_uint_eq(section_count("answers_4xx"), 2);
    ck_assert_uint_eq(section_count("answers_5xx"), 1);
    section_end();
}
END_TEST

START_TEST(every_byte_of_answers_is_counted)
{
    const char *in = "GET / HTTP/1.1\r\n" H "\r\nHEAD / HTTP/1.1\r\n" H "\r\nHEAD /n HTTP/1.0\r\n\r\n";
    struct talk talk = { .in = in, .in_len = strlen(in) };

    clock_fake();
    with_page();
    talk_run(&talk);
    ck_assert_str_eq(talk_answers(&talk), "200=hello 200:head 404:close:head");
    ck_assert_uint_eq(section_count("bytes"), talk.out_len);
    talk_free(&talk);
    section_end();
}
END_TEST

Suite *suite(void)
{
    Suite *connection = suite_create("plugins/http/connection");

    TCase *each = tcase_create("requests");
    tcase_add_loop_test(each, each_request_gets_its_answer, 0, (int)http_request_count);
    tcase_add_loop_test(each, where_a_request_is_cut_makes_no_difference, 0, (int)http_request_count);
    suite_add_tcase(connection, each);

    TCase *bounds = tcase_create("bounds");
    tcase_add_loop_test(bounds, a_client_that_is_slow_is_not_waited_for_without_end, 0, sizeof slow / sizeof slow[0]);
    tcase_add_test(bounds, a_client_that_does_not_read_is_cut_off);
    tcase_add_test(bounds, a_header_has_a_bound);
    tcase_add_test(bounds, a_body_has_a_bound);
    tcase_add_test(bounds, a_connection_can_have_a_last_request);
    suite_add_tcase(connection, bounds);

    TCase *section = tcase_create("section");
    tcase_add_test(section, without_a_page_and_files_there_is_only_health);
    tcase_add_test(section, what_is_answered_is_counted);
    tcase_add_test(section, every_byte_of_answers_is_counted);
    suite_add_tcase(connection, section);

    return connection;
}
