/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/test_http_path.c  What plugins/http/path.c promises.
 */
#include "plugins/http/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/suite.h"

static const struct {
    const char *target, *path;  /* path: or the status that refuses it */
} targets[] = {
    { "/", "" },
    { "/a", "a" },
    { "/a/", "a/" },
    { "/a/b.txt?c=/../d", "a/b.txt" },
    { "/?", "" },
    { "//a///b//", "a/b/" },
    { "/./a/./b/.", "a/b/" },
    { "/a/../b", "b" },
    { "/a/..", "" },
    { "/a/b/..", "a/" },
    { "/a/b/../", "a/" },
    { "/%41%5a%7e", "AZ~" },
    { "/a%20b%25", "a b%" },
    { "/%2e%2e%2e", "..." },
    { "/.a/..b", ".a/..b" },
    { "/a\\..\\b", "a\\..\\b" },
    { "/%c3%a4", "\xc3\xa4" },
    { "http://host/a", "a" },
    { "HTTPS://host:1/a/?b", "a/" },
    { "http://host", "" },
    { "http://host?a/b", "" },
    /* none of these may lead out */
    { "/..", "400" },
    { "/../", "400" },
    { "/../a", "400" },
    { "/a/../../b", "400" },
    { "/./../a", "400" },
    { "//../a", "400" },
    { "/%2e%2e/a", "400" },
    { "/.%2E/a", "400" },
    { "/%2e./a", "400" },
    { "/a/%2e%2e/%2e%2e/b", "400" },
    { "http://host/../a", "400" },
    { "http://host/a/../../b", "400" },
    { "/%2f..", "404" },
    { "/..%2f", "404" },
    { "/..%2F..%2Fetc", "404" },
    { "/a%2fb", "404" },
    { "/%252e%252e/a", "%2e%2e/a" },            /* decoded once, and only once */
    { "/%c0%ae%c0%ae/a", "\xc0\xae\xc0\xae/a" },        /* an overlong dot is not a dot */
    /* no path */
    { "", "400" },
    { "a", "400" },
    { "*", "400" },
    { "/a#b", "400" },
    { "/a%00b", "400" },
    { "/%", "400" },
    { "/%4", "400" },
    { "/%4g", "400" },
    { "/%g4", "400" },
    { "/a/%4", "400" },
    { "/%4/1", "400" },
    { "ftp://host/a", "400" },
    { "http:///a", "400" },
    { "http://", "400" },
    { "http:/a", "400" },
};

START_TEST(a_target_is_a_path_below_the_folder_or_none)
{
    char path[PATH_ROOM], text[PATH_ROOM];
    size_t len = 0;
    int status = path_normalise(targets[_i].target, strlen(targets[_i].target), path, &len);

    snprintf(text, sizeof text, "%d", status);
    if (status == 0) {
        ck_assert_uint_eq(strlen(path), len);
        snprintf(text, sizeof text, "%s", path);
    }
    ck_assert_str_eq(text, targets[_i].path);
}
END_TEST

/* The target is not NUL-terminated where it lies. */
START_TEST(nothing_behind_a_target_is_looked_at)
{
    char path[PATH_ROOM];
    size_t len = 0;

    ck_assert_int_eq(path_normalise("/ab%41", 3, path, &len), 0);
    ck_assert_str_eq(path, "ab");
    ck_assert_int_eq(path_normalise("/ab%41", 5, path, &len), 400);
}
END_TEST

static int normalise_many(size_t parts, size_t part_len, const char *part)
{
    static char target[100000], path[PATH_ROOM];
    size_t len = 0, n = 0;

    for (size_t i = 0; i < parts; i++) {
        target[n++] = '/';
        for (size_t j = 0; j < part_len; j++) {
            memcpy(target + n, part, strlen(part));
            n += strlen(part);
        }
    }
    int status = path_normalise(target, n, path, &len);
    ck_assert_uint_lt(len, PATH_ROOM);
    return status;
}

START_TEST(a_path_that_is_too_long_is_none)
{
    ck_assert_int_eq(normalise_many(1, 255, "a"), 0);
    ck_assert_int_eq(normalise_many(1, 256, "a"), 404);
    ck_assert_int_eq(normalise_many(1, 255, "%61"), 0);
    ck_assert_int_eq(normalise_many(1, 256, "%61"), 404);
    ck_assert_int_eq(normalise_many(10, 255, "a"), 0);
    ck_assert_int_eq(normalise_many(20, 255, "a"), 404);
    ck_assert_int_eq(normalise_many(9000, 1, "a"), 404);
    ck_assert_int_eq(normalise_many(9000, 1, "."), 0);
}
END_TEST

/* Whatever goes in: no part is empty, "." or "..", and there is no NUL and no slash in front. */
START_TEST(no_input_leads_out)
{
    static const char *const pieces[] = {
        "/", "..", ".", "%2e", "%2E", "%2f", "%5c", "\\", "a", "%00", "//", "%", "?", "#", "%252e", ";",
    };
    unsigned seed = (unsigned)_i;
    char target[256], path[PATH_ROOM];

    for (int i = 0; i < 1000; i++) {
        size_t n = 0, len;
        target[n++] = '/';
        for (int j = rand_r(&seed) % 12; j > 0; j--) {
            const char *piece = pieces[(size_t)rand_r(&seed) % (sizeof pieces / sizeof pieces[0])];
            memcpy(target + n, piece, strlen(piece));
            n += strlen(piece);
        }
        if (path_normalise(target, n, path, &len) != 0)
            continue;
        ck_assert_uint_eq(strlen(path), len);
        char around[PATH_ROOM + 2];
        snprintf(around, sizeof around, "/%s", path);
        ck_assert_ptr_null(strstr(around, "//"));
        ck_assert_ptr_null(strstr(around, "/./"));
        ck_assert_ptr_null(strstr(around, "/../"));
        ck_assert(len < 2 || strcmp(around + len - 1, "/..") != 0);
        ck_assert(strcmp(around, "/..") != 0 && strcmp(around, "/.") != 0);
    }
}
END_TEST

START_TEST(an_escaped_path_can_stand_in_a_header_and_means_the_same)
{
    char all[256], escaped[768], target[780], back[PATH_ROOM];
    size_t n = 0, len;

    for (int c = 1; c < 256; c++) {
        if (c != '/' && c != '.')
            all[n++] = (char)c;
    }
    size_t escaped_len = path_escape(all, n, escaped);
    ck_assert_uint_le(escaped_len, 3 * n);
    for (size_t i = 0; i < escaped_len; i++)
        ck_assert_msg(escaped[i] > ' ' && escaped[i] < 127 && strchr("\"<>\\^`{|}?#", escaped[i]) == NULL, "%d", escaped[i]);
    target[0] = '/';
    memcpy(target + 1, escaped, escaped_len);
    ck_assert_int_eq(path_normalise(target, escaped_len + 1, back, &len), 0);
    ck_assert_uint_eq(len, n);
    ck_assert_mem_eq(back, all, n);
}
END_TEST

Suite *suite(void)
{
    Suite *path = suite_create("plugins/http/path");

    TCase *normalise = tcase_create("normalise");
    tcase_add_loop_test(normalise, a_target_is_a_path_below_the_folder_or_none, 0, sizeof targets / sizeof targets[0]);
    tcase_add_test(normalise, nothing_behind_a_target_is_looked_at);
    tcase_add_test(normalise, a_path_that_is_too_long_is_none);
    tcase_add_loop_test(normalise, no_input_leads_out, 0, 20);
    tcase_add_test(normalise, an_escaped_path_can_stand_in_a_header_and_means_the_same);
    suite_add_tcase(path, normalise);

    return path;
}
