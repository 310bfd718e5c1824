/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/test_http_access.c  What plugins/http/access.c promises: a line for each request, with nothing of the network
 * unquoted.
 */
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/suite.h"
#include "plugins/section.h"
#include "plugins/talk.h"

#define H "Host: a\r\n"

static void with_log(void)
{
    clock_fake();
    section_want_access();
    section_begin((struct option[]) { { "page", "hello" }, { "server_header", "" }, { "page_type", "x" }, { NULL, NULL } });
    ck_assert_int_eq(section_configure(), 0);
}

/* The line that a request leaves, up to "bytes=". */
static const char *line_of(const char *in)
{
    static char line[1024];

    talk_about(in);
    snprintf(line, sizeof line, "%s", section_access());
    char *bytes = strstr(line, " bytes=");
    if (bytes != NULL)
        *bytes = '\0';
    return line;
}

static const struct {
    const char *in, *line;
} requests[] = {
    { "GET / HTTP/1.1\r\n" H "\r\n", "request=\"GET / HTTP/1.1\" status=200" },
    { "\r\nHEAD /a?b HTTP/1.1\r\n" H "\r\n", "request=\"HEAD /a?b HTTP/1.1\" status=404" },
    { "GET /\"a\\b\" HTTP/1.1\r\n" H "\r\n", "request=\"GET /\\\"a\\\\b\\\" HTTP/1.1\" status=404" },
    { "BREW / HTTP/1.1\r\n" H "\r\n", "request=\"BREW / HTTP/1.1\" status=501" },
    { "\x16\x03", "request=\"\x16\x03\" status=400" },
    { "", "" },
    { "GET / HT", "" },
};

START_TEST(a_request_leaves_a_line)
{
    with_log();
    ck_assert_str_eq(line_of(requests[_i].in), requests[_i].line);
    section_end();
}
END_TEST

START_TEST(pipelined_requests_leave_a_line_each)
{
    with_log();
    talk_about("GET / HTTP/1.1\r\n" H "\r\nGET /n HTTP/1.1\r\n" H "\r\nX / HTTP/1.1\r\n\r\n");
    int lines = 0;
    for (const char *at = section_access(); (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    ck_assert_int_eq(lines, 3);
    ck_assert_ptr_nonnull(strstr(section_access(), "\nrequest=\"GET /n HTTP/1.1\" status=404 "));
    section_end();
}
END_TEST

/* As many bytes as were sent, and the time since the request came. */
START_TEST(a_line_tells_bytes_and_seconds)
{
    const char *in = "GET / HTTP/1.1\r\n" H "\r\n";
    char expected[100];
    struct talk talk = { .in = in, .in_len = strlen(in) };

    with_log();
    talk_run(&talk);
    snprintf(expected, sizeof expected, " bytes=%zu seconds=0.00000", talk.out_len);
    ck_assert_ptr_nonnull(strstr(section_access(), expected));
    talk_free(&talk);
    section_end();
}
END_TEST

START_TEST(a_line_that_is_long_is_cut)
{
    char in[3000];

    memset(in, '"', sizeof in - 1);
    in[sizeof in - 1] = '\0';
    memcpy(in, "GET /", 5);
    memcpy(in + sizeof in - 30, " HTTP/1.1\r\n" H "\r\n", 22);
    in[sizeof in - 8] = '\0';
    with_log();
    const char *line = line_of(in);
    ck_assert_uint_lt(strlen(line), 600);
    ck_assert_ptr_nonnull(strstr(line, "\\\"...\" status=404"));
    section_end();
}
END_TEST

START_TEST(a_request_that_timed_out_leaves_what_came_of_it)
{
    struct talk talk = { .in = "GET /slow", .in_len = 9, .keep_open = true };

    with_log();
    talk_run(&talk);
    ck_assert_ptr_nonnull(strstr(section_access(), "request=\"GET /slow\" status=408 "));
    talk_free(&talk);
    section_end();
}
END_TEST

START_TEST(without_a_log_there_are_no_lines)
{
    clock_fake();
    section_begin((struct option[]) { { "page", "hello" }, { NULL, NULL } });
    ck_assert_int_eq(section_configure(), 0);
    ck_assert_str_eq(line_of("GET / HTTP/1.1\r\n" H "\r\n"), "");
    section_end();
}
END_TEST

Suite *suite(void)
{
    Suite *access = suite_create("plugins/http/access");

    TCase *lines = tcase_create("lines");
    tcase_add_loop_test(lines, a_request_leaves_a_line, 0, sizeof requests / sizeof requests[0]);
    tcase_add_test(lines, pipelined_requests_leave_a_line_each);
    tcase_add_test(lines, a_line_tells_bytes_and_seconds);
    tcase_add_test(lines, a_line_that_is_long_is_cut);
    tcase_add_test(lines, a_request_that_timed_out_leaves_what_came_of_it);
    tcase_add_test(lines, without_a_log_there_are_no_lines);
    suite_add_tcase(access, lines);

    return access;
}
