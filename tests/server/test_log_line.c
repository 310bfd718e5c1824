/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_log_line.c  What server/log_line.c promises: a line is one line, and JSON whatever comes.
 *
 * A small parser here accepts objects of strings and integers as RFC 8259 has them, in UTF-8 and with distinct members,
 * and nothing else.
 */
#include "server/log_line.h"

#include <stdlib.h>
#include <string.h>

#include "lib/suite.h"

#define TIME 1795722000123000000LL      /* 2026-11-26T19:40:00.123Z */

static char line[LOG_LINE_MOST + 1];

static const char *made(enum log_format format, bool journal, int level, const char *text, size_t len)
{
    size_t size = log_line(line, format, journal, &(struct log_event){ TIME, level, text, len });

    ck_assert_uint_gt(size, 0);
    ck_assert_uint_le(size, LOG_LINE_MOST);
    ck_assert_ptr_eq(memchr(line, '\n', size), line + size - 1);
    ck_assert_ptr_null(memchr(line, '\0', size));
    line[size] = '\0';
    return line;
}

static const char *text_of(const char *text)
{
    return made(LOG_FORMAT_TEXT, false, LOG_AT_INFO, text, strlen(text));
}

static const char *json_of(const char *text)
{
    return made(LOG_FORMAT_JSON, false, LOG_AT_INFO, text, strlen(text));
}

/* --- A parser ----------------------------------------------------------------- */

static bool is_utf8(const unsigned char *at)
{
    while (*at != '\0') {
        size_t more = *at < 0x80 ? 0 : *at < 0xc2 ? 9 : *at < 0xe0 ? 1 : *at < 0xf0 ? 2 : *at < 0xf5 ? 3 : 9;
        if (more == 9 || (*at == 0xe0 && at[1] < 0xa0) || (*at == 0xed && at[1] > 0x9f) || (*at == 0xf0 && at[1] < 0x90) ||
            (*at == 0xf4 && at[1] > 0x8f))
            return false;
        for (at++; more > 0; more--, at++)
            if (*at < 0x80 || *at > 0xbf)
                return false;
    }
    return true;
}

/* Behind the string at @at, or NULL. */
static const char *string_end(const char *at)
{
    if (*at++ != '"')
        return NULL;
    for (; *at != '"'; at++) {
        if ((unsigned char)*at < ' ')
            return NULL;
        if (*at != '\\')
            continue;
        at++;
        if (*at == 'u' && strspn(at + 1, "0123456789abcdefABCDEF") >= 4)
            at += 4;
        else if (*at == '\0' || strchr("\"\\/bfnrt", *at) == NULL)
            return NULL;
    }
    return at + 1;
}

static const char *integer_end(const char *at)
{
    at += *at == '-';
    if (*at == '0')
        return at + 1;
    size_t digits = strspn(at, "0123456789");
    return digits > 0 ? at + digits : NULL;
}

static bool is_json(const char *at)
{
    struct {
        const char *key;
        size_t len;
    } members[64];
    unsigned count = 0;

    if (!is_utf8((const unsigned char *)at) || *at++ != '{')
        return false;
    do {
        const char *end = string_end(at);
        if (end == NULL || *end != ':' || count == 64)
            return false;
        for (unsigned i = 0; i < count; i++)
            if (members[i].len == (size_t)(end - at) && memcmp(members[i].key, at, members[i].len) == 0)
                return false;
        members[count].key = at;
        members[count++].len = (size_t)(end - at);
        at = end + 1;
        at = *at == '"' ? string_end(at) : integer_end(at);
    } while (at != NULL && *at++ == ',');
    return at != NULL && strcmp(at - 1, "}\n") == 0;
}

START_TEST(the_parser_of_this_test_can_say_no)
{
    ck_assert(is_json("{\"a\":\"\\u0001\",\"b\":-12}\n"));
    static const char *const wrong[] = { "", "{}\n", "{\"a\":1", "{\"a\":1}", "{\"a\":01}\n", "{\"a\":\"\x01\"}\n",
                                         "{\"a\":\"\\x\"}\n",
                                         "{\"a\":1,\"a\":2}\n", "{\"a\":\"\xff\"}\n", "{\"a\":\"}\n", "{\"a\":1} \n", "{\"a\":-}\n",
                                         "{\"a\":\"\xed\xa0\x80\"}\n", "{a:1}\n", "{\"a\":\"\\u12\"}\n", "{\"a\":1,}\n" };
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_msg(!is_json(wrong[i]), "%s", wrong[i]);
}
END_TEST

/* --- Text ----------------------------------------------------------------------- */

START_TEST(text_has_the_time_the_level_and_the_message)
{
    ck_assert_str_eq(text_of("drained server=web"), "2026-11-26T19:40:00.123Z info  drained server=web\n");
    ck_assert_str_eq(made(LOG_FORMAT_TEXT, false, LOG_AT_DEBUG, "x", 1), "2026-11-26T19:40:00.123Z debug x\n");
    ck_assert_str_eq(made(LOG_FORMAT_TEXT, false, LOG_AT_WARNING, "x", 1), "2026-11-26T19:40:00.123Z warn  x\n");
    ck_assert_str_eq(made(LOG_FORMAT_TEXT, false, LOG_AT_ERROR, "x", 1), "2026-11-26T19:40:00.123Z error x\n");
    ck_assert_str_eq(made(LOG_FORMAT_TEXT, false, 17, "x", 1), "2026-11-26T19:40:00.123Z error x\n");
    ck_assert_str_eq(made(LOG_FORMAT_TEXT, false, -1, "x", 1), "2026-11-26T19:40:00.123Z debug x\n");
}
END_TEST

/* What a peer sends must not look like a line of ours. */
START_TEST(a_message_cannot_begin_another_line)
{
    ck_assert_str_eq(text_of("bad request=\"x\n2026-11-26T19:40:00.123Z error on fire\r\x1b[2J\""),
                     "2026-11-26T19:40:00.123Z info  bad request=\"x\\x0a2026-11-26T19:40:00.123Z error on fire\\x0d\\x1b[2J\"\n");
}
END_TEST

START_TEST(the_journal_gets_a_priority_and_no_time)
{
    static const char *const lines[] = { "<7>x\n", "<6>x\n", "<4>x\n", "<3>x\n" };

    for (int level = LOG_AT_DEBUG; level <= LOG_AT_ERROR; level++)
        ck_assert_str_eq(made(LOG_FORMAT_TEXT, true, level, "x", 1), lines[level]);
    ck_assert_str_eq(made(LOG_FORMAT_JSON, true, LOG_AT_WARNING, "x a=1", 5),
                     "<4>{\"level\":\"warning\",\"message\":\"x\",\"a\":1}\n");
}
END_TEST

START_TEST(the_time_is_utc_whatever_the_clock_says)
{
    static const struct {
        int64_t ns;
        const char *text;
    } times[] = {
        { 0, "1970-01-01T00:00:00.000Z info  x\n" }, { -5, "1970-01-01T00:00:00.000Z info  x\n" },
        { 999999999, "1970-01-01T00:00:00.999Z info  x\n" }, { 951827696000000000, "2000-02-29T12:34:56.000Z info  x\n" },
        { INT64_MAX, "2262-04-11T23:47:16.854Z info  x\n" },
    };

    setenv("TZ", "Asia/Tokyo", 1);
    for (unsigned i = 0; i < sizeof times / sizeof times[0]; i++) {
        size_t size = log_line(line, LOG_FORMAT_TEXT, false, &(struct log_event){ times[i].ns, LOG_AT_INFO, "x", 1 });
        line[size] = '\0';
        ck_assert_str_eq(line, times[i].text);
    }
}
END_TEST

/* --- JSON ----------------------------------------------------------------------- */

#define HEAD "{\"time\":\"2026-11-26T19:40:00.123Z\",\"level\":\"info\",\"message\":"

static const struct {
    const char *text, *json;
} samples[] = {
    { "draining", HEAD "\"draining\"}\n" },
    { "", HEAD "\"\"}\n" },
    { "bye server=web connections=3 ratio=0.5", HEAD "\"bye\",\"server\":\"web\",\"connections\":3,\"ratio\":\"0.5\"}\n" },
    { "x error=\"say \\\"a\\\" \\\\ \\x0a\" port=\"80\"",
      HEAD "\"x\",\"error\":\"say \\\"a\\\" \\\\ \\u000a\",\"port\":\"80\"}\n" },
    { "x path=C:\\x41", HEAD "\"x\",\"path\":\"C:\\\\x41\"}\n" },               /* without quotes nothing is an escape */
    { "say \"hi\"\x1b", HEAD "\"say \\\"hi\\\"\\u001b\"}\n" },
    { "x a=\xff", HEAD "\"x\",\"a\":\"\\ufffd\"}\n" },
    { "x time=1 level=2 message=3 rest=4", HEAD "\"x\",\"_time\":1,\"_level\":2,\"_message\":3,\"_rest\":4}\n" },
    { "x a=1 a=2 _a=3 a=4", HEAD "\"x\",\"a\":1,\"_a\":2,\"__a\":3,\"___a\":4}\n" },
    { "x _a=1 a=2 a=3", HEAD "\"x\",\"_a\":1,\"a\":2,\"__a\":3}\n" },
    { "x _=1 __=2 _=3", HEAD "\"x\",\"_\":1,\"__\":2,\"___\":3}\n" },
};

START_TEST(json_has_the_fields_as_members)
{
    ck_assert_str_eq(json_of(samples[_i].text), samples[_i].json);
    ck_assert(is_json(line));
}
END_TEST

START_TEST(what_is_behind_too_many_fields_is_kept_as_one)
{
    char text[512] = "x";

    for (int i = 0; i < LOG_FIELDS_MOST + 2; i++)
        strncat(text, " a=1", sizeof text - strlen(text) - 1);
    ck_assert(is_json(json_of(text)));
    ck_assert_ptr_nonnull(strstr(line, "_a\":1,\"rest\":\"a=1 a=1\"}\n"));
}
END_TEST

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* 20,000 messages of pieces that mean something, at places where they do not. */
START_TEST(any_bytes_make_valid_json_and_one_line)
{
    static const char *const pieces[] = { "a=", "b=\"", "\" ", " ", "\\", "\\x", "7", "\"", "\n", "\xc3", "\xa4", "\xe2\x80\xa8",
                                          "\xff", "time=", "-", "0", "\x1b", "=", "_", "word", "\x7f",
                                          "\xed\xa0", "\xf4\x8f", " c=" };
    uint32_t random = 7;

    for (int round = 0; round < 20000; round++) {
        char text[128] = "";
        for (unsigned i = next_random(&random) % 20; i > 0; i--)
            strncat(text, pieces[next_random(&random) % 24], sizeof text - strlen(text) - 1);
        ck_assert_msg(is_json(json_of(text)), "%s gave %s", text, line);
        text_of(text);
        ck_assert(is_utf8((const unsigned char *)line));
    }
}
END_TEST

/* The longest texts of the bytes that grow most: none outgrows LOG_LINE_MOST. */
START_TEST(the_longest_message_is_never_too_long)
{
    static const char *const pieces[] = { "\xff", "\x01", "\"", "\\", "x a=", " a=1", " a=\"\"", " a=\"\x01\"", "a=\xff ",
                                          " message=" };
    char text[LOG_TEXT_MOST], copy[LOG_LINE_MOST + 1];
    size_t len = strlen(pieces[_i]);

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = pieces[_i][i % len];
    for (int journal = 0; journal < 2; journal++) {
        made(LOG_FORMAT_TEXT, journal, LOG_AT_ERROR, text, sizeof text);
        memcpy(copy, made(LOG_FORMAT_JSON, journal, LOG_AT_ERROR, text, sizeof text), sizeof copy);
        ck_assert(is_json(copy + (journal ? 3 : 0)));
    }
}
END_TEST

START_TEST(a_zero_byte_is_a_byte)
{
    ck_assert_str_eq(made(LOG_FORMAT_JSON, false, LOG_AT_INFO, "x a=\0b", 6), HEAD "\"x\",\"a\":\"\\u0000b\"}\n");
    ck_assert_str_eq(made(LOG_FORMAT_TEXT, false, LOG_AT_INFO, "x a=\0b", 6), "2026-11-26T19:40:00.123Z info  x a=\\x00b\n");
}
END_TEST

Suite *suite(void)
{
    Suite *lines = suite_create("server/log_line");

    TCase *text = tcase_create("text");
    tcase_add_test(text, text_has_the_time_the_level_and_the_message);
    tcase_add_test(text, a_message_cannot_begin_another_line);
    tcase_add_test(text, the_journal_gets_a_priority_and_no_time);
    tcase_add_test(text, the_time_is_utc_whatever_the_clock_says);
    suite_add_tcase(lines, text);

    TCase *json = tcase_create("json");
    tcase_add_test(json, the_parser_of_this_test_can_say_no);
    tcase_add_loop_test(json, json_has_the_fields_as_members, 0, (int)(sizeof samples / sizeof samples[0]));
    tcase_add_test(json, what_is_behind_too_many_fields_is_kept_as_one);
    tcase_add_test(json, any_bytes_make_valid_json_and_one_line);
    tcase_add_loop_test(json, the_longest_message_is_never_too_long, 0, 10);
    tcase_add_test(json, a_zero_byte_is_a_byte);
    suite_add_tcase(lines, json);
    return lines;
}
