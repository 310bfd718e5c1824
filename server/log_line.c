/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/log_line.c  Renders events; a pure function of what it is given.
 */
#include "server/log_line.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "server/log_escape.h"
#include "server/log_form.h"

#define NS_PER_MS 1000000LL
#define MS_PER_SECOND 1000

struct member {
    const char *key;
    size_t len;
    unsigned underscores;
};

static int within(int level)
{
    return level < LOG_AT_DEBUG ? LOG_AT_DEBUG : level > LOG_AT_ERROR ? LOG_AT_ERROR : level;
}

static void put_time(struct log_out *out, int64_t wall_ns)
{
    static _Thread_local struct {       /* the last second that was rendered: most lines share theirs with the one before */
        int64_t second;
        size_t  len;
        char    text[32];
    } last;
    int64_t ms = wall_ns > 0 ? wall_ns / NS_PER_MS : 0;         /* a clock that is set before 1970 */
    int64_t second = ms / MS_PER_SECOND;

    if (last.len == 0 || last.second != second) {
        time_t time = (time_t)second;
        struct tm tm;
        gmtime_r(&time, &tm);           /* cannot fail: 63 bits of nanoseconds end in 2262 */
        last.len = strftime(last.text, sizeof last.text, "%Y-%m-%dT%H:%M:%S", &tm);
        last.second = second;
    }
    unsigned rest = (unsigned)(ms % MS_PER_SECOND);
    char fraction[] = { '.', (char)('0' + rest / 100), (char)('0' + rest / 10 % 10), (char)('0' + rest % 10), 'Z' };
    log_out_bytes(out, last.text, last.len);
    log_out_bytes(out, fraction, sizeof fraction);
}

/* --- JSON ------------------------------------------------------------------ */

static bool is_key(const struct member *member, unsigned underscores, const char *key, size_t len)
{
    return member->underscores == underscores && member->len == len && memcmp(member->key, key, len) == 0;
}

/* How many "_" it takes to tell a key from those before it. A key that itself begins with one compares by what is behind. */
static unsigned distinguish(const struct member *members, unsigned count, const char *key, size_t len, unsigned underscores)
{
    for (unsigned i = 0; i < count; i++)
        if (is_key(&members[i], underscores, key, len))
            return distinguish(members, count, key, len, underscores + 1);
    return underscores;
}

static void put_field(struct log_out *out, struct member *members, unsigned *count, const struct log_field *field)
{
    struct member *member = &members[*count];
    unsigned own = 0;

    while (own < field->key_len && field->key[own] == '_')
        own++;
    *member = (struct member){ field->key + own, field->key_len - own, 0 };
    member->underscores = distinguish(members, *count, member->key, member->len, own);
    ++*count;

    log_out_string(out, ",\"");
    for (unsigned i = 0; i < member->underscores; i++)
        log_out_string(out, "_");
    log_out_bytes(out, member->key, member->len);
    log_out_string(out, "\":");
    if (log_form_is_integer(field)) {
        log_out_bytes(out, field->value, field->value_len);
        return;
    }
    log_out_string(out, "\"");
    if (field->quoted)
        log_escape_json_unquoted(out, field->value, field->value_len);
    else
        log_escape_json(out, field->value, field->value_len);
    log_out_string(out, "\"");
}

static void put_json(struct log_out *out, bool journal, const struct log_event *event)
{
    static const char *const names[] = { "debug", "info", "warning", "error" };
    struct member members[4 + LOG_FIELDS_MOST] = { { "time", 4, 0 }, { "level", 5, 0 }, { "message", 7, 0 }, { "rest", 4, 0 } };
    unsigned count = 4;
    size_t at = log_form_sentence(event->text, event->len);
    struct log_field field;

    log_out_string(out, "{");
    if (!journal) {
        log_out_string(out, "\"time\":\"");
        put_time(out, event->wall_ns);
        log_out_string(out, "\",");
    }
    log_out_string(out, "\"level\":\"");
    log_out_string(out, names[within(event->level)]);
    log_out_string(out, "\",\"message\":\"");
    log_escape_json(out, event->text, at);
    log_out_string(out, "\"");

    for (size_t next; count < 4 + LOG_FIELDS_MOST && (next = log_form_field(event->text, event->len, at, &field)) > 0; at = next)
        put_field(out, members, &count, &field);
    if (at < event->len) {
        log_out_string(out, ",\"rest\":\"");
        log_escape_json(out, event->text + at + 1, event->len - at - 1);        /* behind the blank */
        log_out_string(out, "\"");
    }
    log_out_string(out, "}");
}

/* --- Lines ----------------------------------------------------------------- */

size_t log_line(char *buffer, enum log_format format, bool journal, const struct log_event *event)
{
    static const char *const names[] = { " debug ", " info  ", " warn  ", " error " };
    static const char *const priorities[] = { "<7>", "<6>", "<4>", "<3>" };     /* sd-daemon(3) */
    struct log_out out = { buffer, buffer + LOG_LINE_MOST - 1, false };         /* the newline always has its place */

    if (journal)
        log_out_string(&out, priorities[within(event->level)]);
    if (format == LOG_FORMAT_JSON) {
        put_json(&out, journal, event);
    } else {
        if (!journal) {
            put_time(&out, event->wall_ns);
            log_out_string(&out, names[within(event->level)]);
        }
        log_escape_text(&out, event->text, event->len);
    }
    assert(!out.full);
    *out.at++ = '\n';
    return (size_t)(out.at - buffer);
}
