/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/test_http_mime.c  What plugins/http/mime.c promises.
 */
#include "plugins/http/mime.h"

#include <string.h>

#include "lib/suite.h"

#define UNKNOWN "application/octet-stream"

static const struct {
    const char *path, *type;
} paths[] = {
    { "index.html", "text/html; charset=utf-8" },
    { "a/b/c.CSS", "text/css; charset=utf-8" },
    { "a.js", "text/javascript; charset=utf-8" },
    { "a.tar.gz", "application/gzip" },
    { "a.woff2", "font/woff2" },
    { "a.woff", "font/woff" },
    { "a.7z", "application/x-7z-compressed" },
    { "a.webmanifest", "application/manifest+json" },
    { "a.htmlx", UNKNOWN },
    { "a.htm", "text/html; charset=utf-8" },
    { "a.ht", UNKNOWN },
    { "a.", UNKNOWN },
    { "a", UNKNOWN },
    { "", UNKNOWN },
    { ".html", UNKNOWN },
    { "a/.html", UNKNOWN },
    { "a.html/b", UNKNOWN },
    { "html", UNKNOWN },
};

START_TEST(the_suffix_of_the_last_part_says_the_type)
{
    ck_assert_str_eq(mime_type(paths[_i].path, strlen(paths[_i].path)), paths[_i].type);
}
END_TEST

Suite *suite(void)
{
    Suite *mime = suite_create("plugins/http/mime");

    TCase *types = tcase_create("types");
    tcase_add_loop_test(types, the_suffix_of_the_last_part_says_the_type, 0, sizeof paths / sizeof paths[0]);
    suite_add_tcase(mime, types);

    return mime;
}
