/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_scan.c  The words of one configuration file, checked before libconfig sees them.
 *
 * One step of the loop takes one word, of at least one byte, so it ends. After a word that is wrong it goes on behind
 * it: the next ones may be wrong as well.
 */
#include "server/config_scan.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS        "0123456789"
#define LETTERS       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define NAME_BEGINS   LETTERS "*"
#define NAME_GOES_ON  LETTERS DIGITS "-_*"
#define NUMBER_BEGINS DIGITS "+-."
#define NUMBER_MOST   64            /* bytes of a number; one that means something is shorter */
#define QUOTED_MOST   40            /* bytes of what was found that a problem quotes */

struct words {
    const struct config_scan *scan;
    const char *at, *end;
    unsigned    line;               /* of `at`, from 1 */
    bool        at_line_start;      /* nothing but blanks so far on this line */
    bool        wrong;
};

#define COMPLAIN(words, on_line, ...)                                                                                        \
    do {                                                                                                                     \
        (words)->wrong = true;                                                                                               \
        (words)->scan->grammar->stopped = true;                                                                              \
        if ((words)->scan->problems != NULL)                                                                                 \
            problems_add((words)->scan->problems, (struct place){ (words)->scan->file->name, (on_line) }, __VA_ARGS__);      \
    } while (0)

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* How many of the bytes at @at are in @set. */
static size_t span(const struct words *words, const char *at, const char *set)
{
    size_t len = 0;

    while (at + len < words->end && is_one_of(at[len], set))
        len++;
    return len;
}

static bool follows(const struct words *words, const char *what)
{
    size_t len = strlen(what);
    return (size_t)(words->end - words->at) >= len && memcmp(words->at, what, len) == 0;
}

/* Tell the grammar of the word at `at`. */
static void tell(struct words *words, enum config_word_kind kind, size_t len)
{
    struct config_word word = { kind, words->at, len, { words->scan->file->name, words->line } };

    if (!config_grammar_take(words->scan->grammar, &word))
        words->wrong = true;
}

static void pass_on(struct words *words, size_t len)
{
    config_text_add(words->scan->out, words->at, len);
    words->at += len;
}

static int quoted(size_t len)
{
    return len < QUOTED_MOST ? (int)len : QUOTED_MOST;
}

/* --- Comments ------------------------------------------------------------ */

static void skip_line_comment(struct words *words)
{
    const char *line_break = memchr(words->at, '\n', (size_t)(words->end - words->at));
    words->at = line_break != NULL ? line_break : words->end;
}

static void skip_comment(struct words *words)
{
    unsigned first = words->line;

    for (words->at += 2; words->at < words->end; words->at++) {
        if (follows(words, "*/")) {
            words->at += 2;
            config_text_add(words->scan->out, " ", 1);      /* a comment parts words */
            return;
        }
        if (*words->at == '\n') {
            config_text_add(words->scan->out, "\n", 1);
            words->line++;
        }
    }
    COMPLAIN(words, first, "this comment is never closed, expected */");
}

/* --- Texts --------------------------------------------------------------- */

/* The length of the escape at @at, a backslash; 0: it is none. */
static size_t escape_length(const struct words *words, const char *at)
{
    if (at + 1 >= words->end)
        return 0;
    if (is_one_of(at[1], "\"\\nrtf"))
        return 2;
    if (is_one_of(at[1], "xX") && span(words, at + 2, DIGITS "abcdefABCDEF") >= 2 && memcmp(at + 2, "00", 2) != 0)
        return 4;
    return 0;
}

static void take_text(struct words *words)
{
    const char *at = words->at + 1;

    while (at < words->end && *at != '"' && *at != '\n') {
        size_t len = 1;
        if (*at == '\0') {
            COMPLAIN(words, words->line, "a NUL byte in a text, expected characters");
        } else if (*at == '\\') {
            len = escape_length(words, at);
            if (len == 0) {
                COMPLAIN(words, words->line, "\"\\%.*s\" in a text, expected \\\\, \\\", \\n, \\r, \\t, \\f or \\x01 to \\xff",
                         at + 1 < words->end && at[1] != '\n' ? 1 : 0, at + 1);
                len = 1;
            }
        }
        at += len;
    }
    if (at >= words->end || *at != '"') {
        COMPLAIN(words, words->line, "this text has no closing quote on its line (a line break within a text is \\n)");
        words->at = at < words->end ? at : words->end;
        return;
    }
    tell(words, WORD_TEXT, (size_t)(at + 1 - words->at));
    pass_on(words, (size_t)(at + 1 - words->at));
}

/* --- Numbers ------------------------------------------------------------- */

/* How long the number at `at` is, with whatever sticks to it. */
static size_t number_length(const struct words *words)
{
    size_t len = 1;

    for (;;) {
        len += span(words, words->at + len, DIGITS LETTERS "._");
        /* The sign of an exponent; in 0x1e+1 it would not be one, but that is no number in any case. */
        if (words->at + len < words->end && is_one_of(words->at[len], "+-") && is_one_of(words->at[len - 1], "eE"))
            len++;
        else
            return len;
    }
}

/* Pass an integer on, with the mark of one of 64 bits if it is one. False: it is none; else *fits says whether those are enough. */
static bool pass_on_integer(struct words *words, const char *number, bool *fits)
{
    char *end;
    char out[NUMBER_MOST];
    bool hex = number[0] == '0' && is_one_of(number[1], "xX");
    const char *digits = hex ? number + 2 : number + (is_one_of(number[0], "+-") ? 1 : 0);

    if (!is_one_of(*digits, hex ? DIGITS "abcdefABCDEF" : DIGITS))
        return false;
    errno = 0;
    long long value = strtoll(hex ? digits : number, &end, hex ? 16 : 10);
    *fits = errno == 0;
    if (*end != '\0' && strcmp(end, "L") != 0 && strcmp(end, "LL") != 0)
        return false;
    bool is_long = value < INT_MIN || value > INT_MAX;
    tell(words, is_long ? WORD_LONG : WORD_INT, strlen(number));
    int len = snprintf(out, sizeof out, "%lld%s", value, is_long ? "L" : "");
    config_text_add(words->scan->out, out, (size_t)len);
    return true;
}

static bool pass_on_float(struct words *words, const char *number, bool *fits)
{
    char *end;
    size_t len = strlen(number);

    if (strspn(number, DIGITS "+-.eE") != len || strpbrk(number, DIGITS) == NULL)
        return false;
    *fits = isfinite(strtod(number, &end)) != 0;
    if (*end != '\0')
        return false;
    tell(words, WORD_FLOAT, len);
    config_text_add(words->scan->out, number, len);
    return true;
}

static void take_number(struct words *words)
{
    size_t len = number_length(words);
    char number[NUMBER_MOST];
    bool fits = true;

    if (len >= sizeof number) {
        COMPLAIN(words, words->line, "a number of %zu characters, expected less than %d", len, NUMBER_MOST);
    } else {
        memcpy(number, words->at, len);
        number[len] = '\0';
        if (!pass_on_integer(words, number, &fits) && !pass_on_float(words, number, &fits)) {
            if (is_one_of(number[0], DIGITS))
                COMPLAIN(words, words->line, "%.*s is no number, expected one, or a text in quotes: \"%.*s\"", quoted(len), number,
                         quoted(len), number);
            else
                COMPLAIN(words, words->line, "%.*s is no number, expected one such as 12, -3 or 1.5", quoted(len), number);
        } else if (!fits) {
            COMPLAIN(words, words->line, "the number %.*s is too large, expected one that 64 bits can hold", quoted(len), number);
        }
    }
    words->at += len;
}

/* --- Includes, names, marks ---------------------------------------------- */

static void take_include(struct words *words)
{
    static const char expected[] = "expected @include \"FILE\" at the beginning of a line";
    size_t keyword = strlen("@include");

    if (!words->at_line_start || words->scan->include == NULL || !follows(words, "@include")) {
        COMPLAIN(words, words->line, "\"@\" here, %s", expected);
        words->at++;
        return;
    }
    const char *path = words->at + keyword + span(words, words->at + keyword, " \t");
    size_t len = 0;
    if (path < words->end && *path == '"') {
        path++;
        while (path + len < words->end && !is_one_of(path[len], "\"\n") && path[len] != '\0')
            len++;
    }
    if (len == 0 || path + len == words->end || path[len] != '"') {
        COMPLAIN(words, words->line, "@include without a file name in quotes, %s", expected);
        words->at += keyword;
        return;
    }
    if (!words->scan->include(words->scan->arg, path, len, words->line))
        words->wrong = true;
    config_text_begin(words->scan->out, words->scan->file, words->line);
    words->at = path + len + 1;
}

static void take_name(struct words *words)
{
    size_t len = span(words, words->at, NAME_GOES_ON);
    bool is_bool =
        (len == 4 && strncasecmp(words->at, "true", len) == 0) || (len == 5 && strncasecmp(words->at, "false", len) == 0);

    tell(words, is_bool ? WORD_BOOL : WORD_NAME, len);
    pass_on(words, len);
}

static void take_mark(struct words *words)
{
    char c = *words->at;

    tell(words, c == ',' ? WORD_COMMA : c == ';' ? WORD_SEMICOLON : is_one_of(c, "=:") ? WORD_EQUALS : WORD_BRACKET, 1);
    pass_on(words, 1);
}

static void take_other(struct words *words)
{
    unsigned char c = (unsigned char)*words->at;

    if (is_one_of(*words->at, " \t\r\f")) {
        pass_on(words, 1);
        return;
    }
    if (c > ' ' && c < 0x7f)
        COMPLAIN(words, words->line, "\"%c\" here, expected NAME = VALUE; (a text stands in quotes)", c);
    else
        COMPLAIN(words, words->line,
                 "a byte 0x%02x here, expected text: only within quotes and comments it may be anything but NUL", c);
    words->at++;
}

static void take_word(struct words *words)
{
    char c = *words->at;

    if (c == '#' || follows(words, "//"))
        skip_line_comment(words);
    else if (follows(words, "/*"))
        skip_comment(words);
    else if (c == '"')
        take_text(words);
    else if (c == '@')
        take_include(words);
    else if (is_one_of(c, "{[()]},;=:"))
        take_mark(words);
    else if (is_one_of(c, NAME_BEGINS))
        take_name(words);
    else if (is_one_of(c, NUMBER_BEGINS))
        take_number(words);
    else
        take_other(words);
}

bool config_scan(const struct config_scan *scan)
{
    struct words words = { .scan = scan, .at = scan->bytes, .end = scan->bytes + scan->len, .line = 1, .at_line_start = true };

    config_text_begin(scan->out, scan->file, 1);
    while (words.at < words.end && !scan->out->failed) {
        if (*words.at == '\n') {
            pass_on(&words, 1);
            words.line++;
            words.at_line_start = true;
            continue;
        }
        bool blank = is_one_of(*words.at, " \t\r\f");
        take_word(&words);
        words.at_line_start = words.at_line_start && blank;
    }
    return !words.wrong;
}
