/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/test_http_respond.c  What plugins/http/respond.c and worker.c promise: heads, to the byte, and the date in them.
 */
#include "plugins/http/respond.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/suite.h"
#include "plugins/section.h"

#define DATE "Date: Tue, 14 Nov 2023 22:30:00 GMT\r\n"          /* where clock_fake() begins */

static struct worker *worker;

static void with(const struct option *options)
{
    clock_fake();
    section_begin(options);
    ck_assert_int_eq(section_configure(), 0);
    worker = worker_new(section_data());
    ck_assert_ptr_nonnull(worker);
}

static void without(void)
{
    worker_unref(worker);
    section_end();
    clock_real();
}

static void check_head(const struct answer *answer, enum said_connection connection, const char *expected)
{
    struct head head;

    respond_head(&head, worker, answer, connection);
    head.text[head.len] = '\0';
    ck_assert_str_eq(head.text, expected);
    ck_assert_mem_eq(head.text + head.date_at, worker->date, DATE_LENGTH);
}

START_TEST(a_head_has_what_belongs_to_its_answer)
{
    static const weir_bytes type = { "a/b", 3 };

    with((struct option[]) { { "server_header", "x" }, { NULL, NULL } });
    check_head(&(struct answer) { .status = 200, .type = type, .length = UINT64_MAX, .modified = NEVER }, CONNECTION_UNSAID,
               "HTTP/1.1 200 OK\r\nServer: x\r\n" DATE "Content-Type: a/b\r\nContent-Length: 18446744073709551615\r\n\r\n");
    check_head(&(struct answer) { .status = 304, .modified = 784111777 }, CONNECTION_CLOSE,
               "HTTP/1.1 304 Not Modified\r\nServer: x\r\n" DATE "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
               "Connection: close\r\n\r\n");
    check_head(&(struct answer) { .status = 405, .type = type, .modified = NEVER, .allow = true }, CONNECTION_KEEP_ALIVE,
               "HTTP/1.1 405 Method Not Allowed\r\nServer: x\r\n" DATE "Allow: GET, HEAD\r\nConnection: keep-alive\r\n"
               "Content-Type: a/b\r\nContent-Length: 0\r\n\r\n");
    check_head(&(struct answer) { .status = 301, .type = type, .length = 1, .modified = NEVER, .open = true }, CONNECTION_UNSAID,
               "HTTP/1.1 301 Moved Permanently\r\nServer: x\r\n" DATE "Content-Type: a/b\r\nContent-Length: 1\r\n");
    without();
}
END_TEST

START_TEST(a_server_need_not_say_its_name)
{
    with((struct option[]) { { "server_header", "" }, { NULL, NULL } });
    check_head(&(struct answer) { .status = 304, .modified = NEVER }, CONNECTION_UNSAID,
               "HTTP/1.1 304 Not Modified\r\n" DATE "\r\n");
    without();
}
END_TEST

/* The longest texts that settings.c lets through, and everything else there is. */
START_TEST(the_longest_head_fits)
{
    static char longest[HEADER_TEXT_MOST + 1];
    struct head head;

    memset(longest, 'x', HEADER_TEXT_MOST);
    with((struct option[]) { { "server_header", longest }, { "page_type", longest }, { "page", "" }, { NULL, NULL } });
    struct answer answer = {
        .status = 431, .type = { longest, HEADER_TEXT_MOST }, .length = UINT64_MAX, .modified = 0, .allow = true,
    };
    respond_head(&head, worker, &answer, CONNECTION_KEEP_ALIVE);
    ck_assert_uint_lt(head.len, HEAD_MOST);
    without();
}
END_TEST

START_TEST(what_is_ready_tells_the_second)
{
    static const char expected[] = "HTTP/1.1 200 OK\r\n" DATE
                                   "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello";

    with((struct option[]) { { "server_header", "" }, { "page", "hello" }, { NULL, NULL } });
    ck_assert_uint_eq(worker->page.len, sizeof expected - 1);
    ck_assert_uint_eq(worker->page.head_len, sizeof expected - 1 - 5);
    ck_assert_mem_eq(worker->page.text, expected, sizeof expected - 1);
    clock_advance(0.9);
    worker_tick(worker);
    ck_assert_mem_eq(worker->page.text, expected, sizeof expected - 1);
    clock_advance(0.1);
    worker_tick(worker);
    ck_assert_mem_eq(worker->page.text + 17, "Date: Tue, 14 Nov 2023 22:30:01 GMT\r\n", 37);
    ck_assert_mem_eq(worker->healthz.text + 17, "Date: Tue, 14 Nov 2023 22:30:01 GMT\r\n", 37);
    clock_jump_wall(-1);
    worker_tick(worker);                        /* somebody set the clock back */
    ck_assert_mem_eq(worker->page.text, expected, sizeof expected - 1);
    without();
}
END_TEST

START_TEST(each_status_has_its_words)
{
    ck_assert_str_eq(respond_reason(200).data, "200 OK\n");
    ck_assert_str_eq(respond_reason(505).data, "505 HTTP Version Not Supported\n");
}
END_TEST

Suite *suite(void)
{
    Suite *respond = suite_create("plugins/http/respond");

    TCase *heads = tcase_create("heads");
    tcase_add_test(heads, a_head_has_what_belongs_to_its_answer);
    tcase_add_test(heads, a_server_need_not_say_its_name);
    tcase_add_test(heads, the_longest_head_fits);
    tcase_add_test(heads, what_is_ready_tells_the_second);
    tcase_add_test(heads, each_status_has_its_words);
    suite_add_tcase(respond, heads);

    return respond;
}
