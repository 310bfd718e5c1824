/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_log_escape.c  What server/log_escape.c promises: text that is what it looks like, whatever the bytes.
 */
#include "server/log_escape.h"

#include <string.h>

#include "lib/suite.h"
#include "server/log.h"

typedef void escape_fn(struct log_out *out, const char *bytes, size_t len);

static char escaped_text[4096];

static const char *escaped(escape_fn *escape, const char *bytes, size_t len)
{
    struct log_out out = { escaped_text, escaped_text + sizeof escaped_text - 1, false };

    escape(&out, bytes, len);
    ck_assert(!out.full);
    *out.at = '\0';
    return escaped_text;
}

static const struct {
    const char *bytes, *text, *json;
} samples[] = {
    { "plain text, even ~", "plain text, even ~", "plain text, even ~" },
    { "a\nb\r\tc", "a\\x0ab\\x0d\\x09c", "a\\u000ab\\u000d\\u0009c" },
    { "\x1b[2J", "\\x1b[2J", "\\u001b[2J" },
    { "\x7f", "\\x7f", "\\u007f" },
    { "say \"x\" \\", "say \"x\" \\", "say \\\"x\\\" \\\\" },
    { "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80",
      "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80" },
    { "\xc2\x9b[2J", "\\xc2\\x9b[2J", "\\u009b[2J" },                           /* CSI as one character */
    { "\xe2\x80\xa8|\xe2\x80\xae", "\\xe2\\x80\\xa8|\\xe2\\x80\\xae", "\\u2028|\\u202e" },  /* a line end; right to left */
    { "\xe2\x81\xa6|\xe2\x80\x8f", "\\xe2\\x81\\xa6|\\xe2\\x80\\x8f", "\\u2066|\\u200f" },
    { "\xff\xfe", "\\xff\\xfe", "\\ufffd\\ufffd" },
    { "\x80x", "\\x80x", "\\ufffdx" },
    { "\xc0\xaf", "\\xc0\\xaf", "\\ufffd\\ufffd" },                             /* "/" in two bytes */
    { "\xe0\x80\xaf", "\\xe0\\x80\\xaf", "\\ufffd\\ufffd\\ufffd" },
    { "\xed\xa0\x80", "\\xed\\xa0\\x80", "\\ufffd\\ufffd\\ufffd" },             /* half of a surrogate pair */
    { "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\\ufffd\\ufffd\\ufffd\\ufffd" },     /* above U+10FFFF */
    { "\xe2\x82", "\\xe2\\x82", "\\ufffd\\ufffd" },                             /* cut */
    { "\xe2x\x82", "\\xe2x\\x82", "\\ufffdx\\ufffd" },
    { "", "", "" },
};

START_TEST(what_acts_or_is_no_text_is_escaped)
{
    size_t len = strlen(samples[_i].bytes);

    ck_assert_str_eq(escaped(log_escape_text, samples[_i].bytes, len), samples[_i].text);
    ck_assert_str_eq(escaped(log_escape_json, samples[_i].bytes, len), samples[_i].json);
}
END_TEST

/* With each byte: none of them may end a line, begin an escape sequence, or end a C string. */
START_TEST(no_byte_passes_that_a_terminal_acts_on)
{
    static escape_fn *const escapes[] = { log_escape_text, log_escape_quoted, log_escape_json, log_escape_json_unquoted };
    char byte = (char)_i;

    for (unsigned i = 0; i < 4; i++) {
        const char *text = escaped(escapes[i], &byte, 1);
        ck_assert_uint_gt(strlen(text), 0);
        for (; *text != '\0'; text++)
            ck_assert(*text >= ' ' && *text < 0x7f);
    }
}
END_TEST

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* A quoted value is as good as the bytes: read again, it gives the same JSON as these. */
START_TEST(quoting_and_reading_again_gives_the_bytes_back)
{
    static const char *const pieces[] = { "\"", "\\", "\\x", "41", "\xc3", "\xa4", "\xe2\x80", "\xa8", "\n", " a=", "z", "\xff" };
    uint32_t random = 1;

    for (int round = 0; round < 5000; round++) {
        char bytes[64] = "", value[LOG_QUOTE_SIZE(sizeof bytes)], json[sizeof escaped_text];
        for (unsigned i = next_random(&random) % 12; i > 0; i--)
            strncat(bytes, pieces[next_random(&random) % 12], sizeof bytes - strlen(bytes) - 1);
        log_quote(value, sizeof value, bytes, strlen(bytes));
        memcpy(json, escaped(log_escape_json, bytes, strlen(bytes)), sizeof json);
        ck_assert_str_eq(escaped(log_escape_json_unquoted, value + 1, strlen(value) - 2), json);
    }
}
END_TEST

START_TEST(an_escape_that_is_none_stays_as_it_is)
{
    ck_assert_str_eq(escaped(log_escape_json_unquoted, "C:\\new \\x4", 10), "C:\\\\new \\\\x4");
    ck_assert_str_eq(escaped(log_escape_json_unquoted, "\\", 1), "\\\\");
    ck_assert_str_eq(escaped(log_escape_json_unquoted, "\\xC3\\xa4", 8), "\xc3\xa4");   /* one character again */
}
END_TEST

/* Whatever the room, what is there is whole, closed, and within it. */
START_TEST(a_value_that_does_not_fit_is_cut_between_escapes)
{
    char out[64];

    memset(out, '#', sizeof out);
    log_quote(out, (size_t)_i, "ab\n\"\xff" "c", 6);
    static const char *const cuts[] = { "###", "", "", "\"\"", "\"a\"", "\"ab\"", "\"ab\"", "\"ab\"", "\"ab\"", "\"ab\\x0a\"",
                                        "\"ab\\x0a\"", "\"ab\\x0a\\\"\"" };
    if (_i == 0)
        ck_assert_int_eq(memcmp(out, cuts[0], 3), 0);
    else
        ck_assert_str_eq(out, cuts[_i]);
    ck_assert_int_eq(out[_i], '#');
}
END_TEST

START_TEST(a_value_has_quotes_where_it_needs_them)
{
    static const struct {
        const char *bytes, *value;
    } values[] = {
        { "127.0.0.1:80", "127.0.0.1:80" }, { "[::1]:80", "[::1]:80" }, { "/run/x.sock", "/run/x.sock" },
        { "", "\"\"" }, { "a b", "\"a b\"" }, { "a=b", "\"a=b\"" }, { "a\"b", "\"a\\\"b\"" }, { "a\\b", "\"a\\\\b\"" },
        { "a\nb", "\"a\\x0ab\"" }, { "\xc3\xa4", "\"\xc3\xa4\"" }, { "80", "\"80\"" }, { "-1", "\"-1\"" }, { "8-0", "8-0" },
    };
    char out[64];

    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++)
        ck_assert_str_eq(log_value(out, sizeof out, values[i].bytes, strlen(values[i].bytes)), values[i].value);
    ck_assert_str_eq(log_value(out, 5, "abcdefgh", 8), "\"ab\"");
}
END_TEST

Suite *suite(void)
{
    Suite *escape = suite_create("server/log_escape");

    TCase *bytes = tcase_create("bytes");
    tcase_add_loop_test(bytes, what_acts_or_is_no_text_is_escaped, 0, (int)(sizeof samples / sizeof samples[0]));
    tcase_add_loop_test(bytes, no_byte_passes_that_a_terminal_acts_on, 0, 256);
    suite_add_tcase(escape, bytes);

    TCase *values = tcase_create("values");
    tcase_add_test(values, quoting_and_reading_again_gives_the_bytes_back);
    tcase_add_test(values, an_escape_that_is_none_stays_as_it_is);
    tcase_add_loop_test(values, a_value_that_does_not_fit_is_cut_between_escapes, 0, 12);
    tcase_add_test(values, a_value_has_quotes_where_it_needs_them);
    suite_add_tcase(escape, values);
    return escape;
}
