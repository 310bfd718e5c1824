/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/talk.c  One client's side of a connection, and a reader of answers that trusts nothing.
 */
#include "plugins/talk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/run.h>
#include <weir/task.h>

#include "lib/clock.h"
#include "lib/suite.h"
#include "plugins/http/date.h"
#include "plugins/section.h"

#define SETTLED 4               /* passes after which what was written has been read and answered */

/* --- Talking -------------------------------------------------------------- */

struct ends {
    struct talk *talk;
    weir_reader *reader, *far_reader;
    weir_writer *writer, *far_writer;
};

static int run_handler(void *arg)
{
    struct ends *ends = arg;
    int code = weir_plugin_entry.client_connected(ends->reader, ends->writer, section_state);

    weir_writer_free(ends->writer);             /* closes it, as the end of a handler does */
    return code;
}

void talk_settle(void)
{
    for (int i = 0; i < SETTLED; i++)
        weir_yield();
}

static void send_piece(struct ends *ends, const char *data, size_t len, size_t chunk)
{
    double drip = ends->talk->drip;

    for (size_t at = 0; at < len;) {
        size_t n = chunk > 0 && chunk < len - at ? chunk : len - at;
        if (drip > 0)
            weir_sleep(drip);
        weir_writer_write(ends->far_writer, data + at, n);
        at += n;
        if (chunk > 0)
            talk_settle();
    }
}

/* As it comes: what a reset would take away has been seen by then. */
static int receive_all(void *arg)
{
    struct ends *ends = arg;
    struct talk *talk = ends->talk;
    weir_bytes got;
    ssize_t n;

    while ((n = weir_reader_read(ends->far_reader, 65536, &got)) > 0) {
        if (talk->out_len + got.len > TALK_OUT)
            break;
        char *more = realloc(talk->out, talk->out_len + got.len + 1);
        if (more == NULL)
            break;
        talk->out = more;
        memcpy(talk->out + talk->out_len, got.data, got.len);
        talk->out_len += got.len;
        talk->out[talk->out_len] = '\0';
    }
    return 0;
}

static int converse(void *arg)
{
    struct talk *talk = arg;
    struct ends ends = { .talk = talk };
    int code = section_start();

    if (code == 0)
        code = weir_stream_pair(&ends.reader, &ends.writer, &ends.far_reader, &ends.far_writer);
    if (code < 0)
        return code;
    weir_task *handler = weir_create_task(run_handler, &ends);
    weir_task *receiver = talk->deaf ? NULL : weir_create_task(receive_all, &ends);
    send_piece(&ends, talk->in, talk->cut, talk->chunk);
    if (talk->cut > 0)
        talk_settle();
    send_piece(&ends, talk->in + talk->cut, talk->in_len - talk->cut, talk->chunk);
    double begun = clock_now();
    if (!talk->keep_open)
        weir_writer_write_eof(ends.far_writer);
    if (talk->deaf) {
        weir_task_join(handler);
        receiver = weir_create_task(receive_all, &ends);
    }
    weir_task_join(receiver);
    weir_task_unref(receiver);
    talk->result = weir_task_join(handler);
    weir_task_unref(handler);
    talk->seconds = clock_now() - begun;
    weir_writer_free(ends.far_writer);
    section_stop();
    return 0;
}

void talk_run(struct talk *talk)
{
    talk->out = calloc(1, 1);
    talk->out_len = 0;
    ck_assert_int_eq(weir_run(converse, talk), 0);
}

void talk_free(struct talk *talk)
{
    free(talk->out);
    talk->out = NULL;
}

/* --- Reading answers ------------------------------------------------------ */

static char words[8192];

__attribute__((format(printf, 1, 2))) static void word(const char *fmt, ...)
{
    size_t len = strlen(words);
    va_list args;

    va_start(args, fmt);
    vsnprintf(words + len, sizeof words - len, fmt, args);
    va_end(args);
}

/* A header line's value, or NULL. @head ends with a blank line. */
static const char *line_called(const char *head, const char *end, const char *name, size_t *len)
{
    size_t name_len = strlen(name);

    for (const char *at = memmem(head, (size_t)(end - head), "\r\n", 2); at != NULL && at + 2 < end;
         at = memmem(at + 2, (size_t)(end - at - 2), "\r\n", 2)) {
        if ((size_t)(end - at) > name_len + 4 && memcmp(at + 2, name, name_len) == 0 && memcmp(at + 2 + name_len, ": ", 2) == 0) {
            const char *value = at + 2 + name_len + 2;
            const char *value_end = memmem(value, (size_t)(end - value), "\r\n", 2);
            *len = (size_t)(value_end - value);
            return value;
        }
    }
    return NULL;
}

static bool has_line(const char *head, const char *end, const char *name, const char *value)
{
    size_t len;
    const char *found = line_called(head, end, name, &len);

    return found != NULL && len == strlen(value) && memcmp(found, value, len) == 0;
}

static void tell_body(const char *body, size_t len)
{
    word("=");
    for (size_t i = 0; i < len && i < 40; i++)
        word("%c", body[i] > ' ' && body[i] < 127 ? body[i] : '_');
}

/* One answer; where the next begins, or NULL. */
static const char *tell_answer(const char *at, const char *end)
{
    const char *head_end = memmem(at, (size_t)(end - at), "\r\n\r\n", 4);
    int status = 0, used = 0;
    int64_t date;
    size_t len;

    if (head_end == NULL || sscanf(at, "HTTP/1.1 %3d %n", &status, &used) != 1 || used != 13) {
        word("BAD(head) ");
        return NULL;
    }
    head_end += 4;
    word("%d", status);
    if (status == 100) {
        word(" ");
        return head_end;
    }
    const char *value = line_called(at, head_end, "Date", &len);
    if (value == NULL || !date_parse(value, len, &date))
        word("BAD(date)");
    if (has_line(at, head_end, "Connection", "close"))
        word(":close");
    if (has_line(at, head_end, "Connection", "keep-alive"))
        word(":keep");
    if (has_line(at, head_end, "Allow", "GET, HEAD"))
        word(":allow");
    if ((value = line_called(at, head_end, "Location", &len)) != NULL)
        word(":%.*s", (int)len, value);
    value = line_called(at, head_end, "Content-Length", &len);
    size_t body = value == NULL ? 0 : strtoul(value, NULL, 10);
    if ((value == NULL) != (status == 304))
        word("BAD(length)");
    /* No body of ours begins like an answer. */
    if (body > 0 && (head_end == end || (end - head_end > 9 && memcmp(head_end, "HTTP/1.1 ", 9) == 0))) {
        word(":head ");
        return head_end;
    }
    if ((size_t)(end - head_end) < body) {
        word("BAD(body cut) ");
        return NULL;
    }
    if (status == 200)
        tell_body(head_end, body);
    word(" ");
    return head_end + body;
}

const char *talk_answers(const struct talk *talk)
{
    const char *at = talk->out, *end = talk->out + talk->out_len;

    words[0] = '\0';
    while (at != NULL && at < end && strlen(words) < sizeof words - 200)
        at = tell_answer(at, end);
    size_t len = strlen(words);
    if (len > 0)
        words[len - 1] = '\0';
    return words;
}

const char *talk_about(const char *in)
{
    struct talk talk = { .in = in, .in_len = strlen(in) };

    talk_run(&talk);
    const char *answers = talk_answers(&talk);
    talk_free(&talk);
    return answers;
}
