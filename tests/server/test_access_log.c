/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_access_log.c  What server/access_log.c promises: a line for what a section did, whoever the peer is.
 */
#include "server/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/error.h>

#include "lib/suite.h"

#define HEAD "2026-11-26T19:40:00.123Z info  "

static char folder[] = "/tmp/weir-log-XXXXXX";
static char path[64], log_path[64];
static char error[256], content[8192];
static struct log *logger;

static int64_t test_clock(clockid_t which)
{
    return which == CLOCK_REALTIME ? 1795722000123000000 : 1;
}

static void make(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/access", folder);
    snprintf(log_path, sizeof log_path, "%s/log", folder);
    unsetenv("JOURNAL_STREAM");
    struct log_options options = { .path = log_path, .level = LOG_AT_ERROR, .repeat_limit = 1, .clock = test_clock };
    ck_assert_msg(log_open(&options, &logger, error, sizeof error) == 0, "%s", error);
}

static void drop(void)
{
    unlink(path);
    unlink(log_path);
    rmdir(folder);
}

static struct access_log *open_access(const char *server, const char *destination, enum log_format format)
{
    struct access_log *access = NULL;

    ck_assert_msg(access_log_open(logger, server, destination, format, &access, error, sizeof error) == 0, "%s", error);
    return access;
}

static const char *content_of(const char *name)
{
    FILE *from = fopen(name, "r");

    ck_assert_ptr_nonnull(from);
    content[fread(content, 1, sizeof content - 1, from)] = '\0';
    fclose(from);
    return content;
}

static const struct {
    struct access_connection connection;
    const char *fields;
} samples[] = {
    { { "127.0.0.1:41874", 0.0125, 78, 231, 0 }, "peer=127.0.0.1:41874 seconds=0.013 bytes_in=78 bytes_out=231 result=ok" },
    { { "[::1]:80", 3600, 0, UINT64_MAX, 5 },
      "peer=[::1]:80 seconds=3600.000 bytes_in=0 bytes_out=18446744073709551615 result=ok" },
    { { "1.2.3.4:5", 0, 1, 2, -ECONNRESET },
      "peer=1.2.3.4:5 seconds=0.000 bytes_in=1 bytes_out=2 result=\"Connection reset by peer\"" },
    { { NULL, 0, 0, 0, 0 }, "peer=unknown seconds=0.000 bytes_in=0 bytes_out=0 result=ok" },
    /* A Unix socket's client may be bound to any name. */
    { { "/tmp/x\n\" result=ok", 0, 0, 0, -ETIMEDOUT },
      "peer=\"/tmp/x\\x0a\\\" result=ok\" seconds=0.000 bytes_in=0 bytes_out=0 result=\"Connection timed out\"" },
};

START_TEST(a_connection_is_a_peer_a_time_bytes_and_a_result)
{
    char fields[ACCESS_LINE_MOST];
    size_t len = access_log_format(fields, sizeof fields, &samples[_i].connection);

    ck_assert_str_eq(fields, samples[_i].fields);
    ck_assert_uint_eq(len, strlen(fields));
    for (size_t size = 1; size <= len; size++) {
        memset(fields, '#', sizeof fields);
        ck_assert_uint_eq(access_log_format(fields, size, &samples[_i].connection), size - 1);
        ck_assert_uint_eq(strlen(fields), size - 1);
        ck_assert_int_eq(fields[size], '#');
    }
    log_close(logger);
}
END_TEST

START_TEST(the_longest_values_fit)
{
    char peer[1000], fields[ACCESS_LINE_MOST];

    memset(peer, 0xff, sizeof peer - 1);
    peer[sizeof peer - 1] = '\0';
    struct access_connection connection = { peer, 1e18, UINT64_MAX, UINT64_MAX, WEIR_ENOTASK };
    size_t len = access_log_format(fields, sizeof fields, &connection);
    ck_assert_uint_lt(len, sizeof fields - 1);
    ck_assert_ptr_nonnull(strstr(fields, "\\xff\" seconds="));
    ck_assert_int_eq(fields[len - 1], '"');
    log_close(logger);
}
END_TEST

START_TEST(sections_with_one_path_share_the_file)
{
    struct access_log *web = open_access("web", path, LOG_FORMAT_TEXT), *echo = open_access("echo 2", path, LOG_FORMAT_TEXT);

    access_log_connection(web, &samples[0].connection);
    for (int i = 0; i < 3; i++)         /* neither limited nor filtered, as the log of this test is */
        access_log_fields(echo, "request=\"GET /\" status=200", 26);
    access_log_connection(web, &samples[2].connection);
    access_log_free(web);
    access_log_free(echo);
    log_close(logger);
    ck_assert_str_eq(content_of(path),
                     HEAD "connection server=web peer=127.0.0.1:41874 seconds=0.013 bytes_in=78 bytes_out=231 result=ok\n"
                     HEAD "request server=\"echo 2\" request=\"GET /\" status=200\n"
                     HEAD "request server=\"echo 2\" request=\"GET /\" status=200\n"
                     HEAD "request server=\"echo 2\" request=\"GET /\" status=200\n"
                     HEAD "connection server=web peer=1.2.3.4:5 seconds=0.000 bytes_in=1 bytes_out=2 "
                     "result=\"Connection reset by peer\"\n");
    ck_assert_str_eq(content_of(log_path), "");
}
END_TEST

START_TEST(json_has_the_same_fields)
{
    struct access_log *web = open_access("7", path, LOG_FORMAT_JSON);
    static const char fields[] = "request=\"GET /\\\"\n\xff HTTP/1.1\" status=404";

    access_log_connection(web, &samples[0].connection);
    access_log_fields(web, fields, sizeof fields - 1);
    access_log_free(web);
    log_close(logger);
    ck_assert_str_eq(content_of(path),
                     "{\"time\":\"2026-11-26T19:40:00.123Z\",\"level\":\"info\",\"message\":\"connection\",\"server\":\"7\","
                     "\"peer\":\"127.0.0.1:41874\",\"seconds\":\"0.013\",\"bytes_in\":78,\"bytes_out\":231,\"result\":\"ok\"}\n"
                     "{\"time\":\"2026-11-26T19:40:00.123Z\",\"level\":\"info\",\"message\":\"request\",\"server\":\"7\","
                     "\"request\":\"GET /\\\"\\u000a\\ufffd HTTP/1.1\",\"status\":404}\n");
}
END_TEST

/* A plugin that does not escape: its fields may be wrong, but a line stays one line. */
START_TEST(fields_of_a_careless_plugin_stay_one_line)
{
    static const char fields[] = "request=\"GET /\r\nx\x1b[31m\0 y\"";
    struct access_log *web = open_access("web", path, LOG_FORMAT_TEXT);

    access_log_fields(web, fields, sizeof fields - 1);
    access_log_free(web);
    log_close(logger);
    ck_assert_str_eq(content_of(path), HEAD "request server=web request=\"GET /\\x0d\\x0ax\\x1b[31m\\x00 y\"\n");
}
END_TEST

START_TEST(standard_error_is_a_destination)
{
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND, 0600);

    ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    struct access_log *web = open_access("web", "stderr", LOG_FORMAT_TEXT);
    access_log_fields(web, "status=200", 10);
    access_log_free(web);
    log_close(logger);
    ck_assert_str_eq(content_of(path), HEAD "request server=web status=200\n");
}
END_TEST

START_TEST(a_destination_that_cannot_be_opened_is_named)
{
    struct access_log *access = NULL;

    ck_assert_int_eq(access_log_open(logger, "web", "/nowhere/x", LOG_FORMAT_TEXT, &access, error, sizeof error), -ENOENT);
    ck_assert_str_eq(error, "cannot open log file /nowhere/x: No such file or directory");
    ck_assert_int_eq(access_log_open(logger, "web", log_path, LOG_FORMAT_JSON, &access, error, sizeof error), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error, "is written as text already"));
    ck_assert_ptr_null(access);
    access_log_free(NULL);
    log_close(logger);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("server/access_log");

    TCase *lines = tcase_create("lines");
    tcase_add_checked_fixture(lines, make, drop);
    tcase_add_loop_test(lines, a_connection_is_a_peer_a_time_bytes_and_a_result, 0, (int)(sizeof samples / sizeof samples[0]));
    tcase_add_test(lines, the_longest_values_fit);
    tcase_add_test(lines, sections_with_one_path_share_the_file);
    tcase_add_test(lines, json_has_the_same_fields);
    tcase_add_test(lines, fields_of_a_careless_plugin_stay_one_line);
    tcase_add_test(lines, standard_error_is_a_destination);
    tcase_add_test(lines, a_destination_that_cannot_be_opened_is_named);
    suite_add_tcase(s, lines);
    return s;
}
