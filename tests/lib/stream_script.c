/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/stream_script.c  Reading a script's steps and doing them.
 */
#include "lib/stream_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/run.h>
#include <weir/task.h>

#include "streams/reader.h"

#define SLOTS 3                 /* reads at the same time: A, B, C */
#define PASSES 4                /* after so many, everything that can run has run */

/* One read. */
struct read {
    weir_reader *reader;
    char what[64];              /* "until:--" */
    char result[256];
    weir_task *task;            /* NULL: free */
};

struct play {
    const char *steps;
    weir_reader *reader;
    struct read reads[SLOTS];
};

weir_transport *script_transport, *script_transport_refusing;
const char *script_log = "";

/* --- One read ------------------------------------------------------------- */

static bool is(const char *what, const char *name)
{
    size_t len = strlen(name);

    return strncmp(what, name, len) == 0 && (what[len] == ':' || what[len] == '\0');
}

static size_t split(char *text, weir_bytes *out, size_t most)
{
    size_t count = 0;
    char *part;

    while (text != NULL && count < most && (part = strsep(&text, ",")) != NULL)
        out[count++] = weir_bytes_of(part);
    return count;
}

static ssize_t call(weir_reader *r, const char *what, char *argument, weir_bytes *out)
{
    static char into[4096];
    size_t n = argument == NULL ? 0 : (size_t)strtol(argument, NULL, 10);
    weir_bytes seps[8];
    ssize_t got;

    if (is(what, "read"))
        return weir_reader_read(r, n, out);
    if (is(what, "all"))
        return weir_reader_read(r, WEIR_READ_ALL, out);
    if (is(what, "exactly"))
        return weir_reader_readexactly(r, n, out);
    if (is(what, "line"))
        return weir_reader_readline(r, out);
    if (is(what, "peek"))
        return weir_reader_peek(r, n, out);
    if (is(what, "skip"))
        return weir_reader_skip(r, n);
    if (is(what, "until"))
        return weir_reader_readuntil(r, argument == NULL ? "\n" : argument, argument == NULL ? 1 : strlen(argument), out);
    if (is(what, "any"))
        return weir_reader_readuntil_any(r, seps, split(argument, seps, 8), out);
    got = is(what, "into") ? weir_reader_read_into(r, into, n) : weir_reader_readexactly_into(r, into, n);
    if (got >= 0)
        *out = (weir_bytes) { into, (size_t)got };
    else if (got == WEIR_EINCOMPLETE)
        *out = (weir_bytes) { into, weir_reader_consumed(r) };
    return got;
}

static void perform(struct read *read)
{
    static const char untouched;
    weir_bytes out = { &untouched, 77 };
    char what[64], expected[24] = "?", count[24] = "";
    char *argument;
    size_t size = sizeof read->result;
    weir_reader *r = read->reader;

    snprintf(what, sizeof what, "%s", read->what);
    argument = strchr(what, ':');
    if (argument != NULL)
        *argument++ = '\0';
    ssize_t n = call(r, what, argument, &out);

    if (n >= 0 && is(what, "skip")) {
        snprintf(read->result, size, "skip(%zd)", n);
    } else if (n >= 0) {
        snprintf(read->result, size, "%s%s", quoted(out.data, out.len), (size_t)n == out.len ? "" : "WRONG");
    } else if (n == WEIR_EINCOMPLETE) {
        if (weir_reader_expected(r) != WEIR_UNSET)
            snprintf(expected, sizeof expected, "%zu", weir_reader_expected(r));
        snprintf(read->result, size, "INC(%s,%s)", quoted(out.data, out.len), expected);
    } else {
        bool counts = (n == WEIR_ELIMIT && !is(what, "line")) || is(what, "skip") || is(what, "exactinto");
        if (counts)
            snprintf(count, sizeof count, "(%zu)", weir_reader_consumed(r));
        snprintf(read->result, size, "%s%s%s", code_name(n), count, out.data == &untouched && out.len == 77 ? "" : "TOUCHED");
    }
}

void script_read(weir_reader *r, const char *what)
{
    struct read read = { .reader = r };

    snprintf(read.what, sizeof read.what, "%s", what);
    perform(&read);
    say("%s", read.result);
}

static int read_task(void *arg)
{
    perform(arg);
    return 0;
}

/* --- Steps ---------------------------------------------------------------- */

static void settle(struct play *play)
{
    for (int i = 0; i < PASSES; i++)
        weir_yield();
    for (int i = 0; i < SLOTS; i++) {
        struct read *read = &play->reads[i];
        if (read->task == NULL || !weir_task_done(read->task))
            continue;
        if (i > 0)
            say("%c=%s", 'A' + i, read->result);
        else
            say("%s", read->result);
        weir_task_unref(read->task);
        read->task = NULL;
    }
}

static void start_read(struct play *play, int slot, const char *what)
{
    struct read *read = &play->reads[slot];

    *read = (struct read) { .reader = play->reader };
    snprintf(read->what, sizeof read->what, "%s", what);
    read->task = weir_create_task(read_task, read);
    settle(play);
    if (read->task != NULL)
        say(slot > 0 ? "%c=susp" : "susp", 'A' + slot);
}

static void make_reader(struct play *play, const char *step)
{
    play->reader = weir_reader_new((size_t)strtol(step + 1, NULL, 10));
    if (play->reader == NULL)
        say("NULL");
    else if (step[0] != 'R')
        weir_reader_set_transport(play->reader, step[0] == 'T' ? script_transport : script_transport_refusing);
}

static bool tell(struct play *play, const char *step)
{
    weir_reader *r = play->reader;

    if (is(step, "buf"))
        say("%s", quoted(buffer_bytes(&r->in), buffer_len(&r->in)));
    else if (is(step, "len"))
        say("%zu", weir_reader_buffered(r));
    else if (is(step, "log"))
        say("[%s]", script_log);
    else if (is(step, "ateof"))
        say("%s", weir_reader_at_eof(r) ? "true" : "false");
    else if (is(step, "exc"))
        say("%s", code_name(weir_reader_exception(r)));
    else if (is(step, "?"))
        say("%s", play->reads[0].task != NULL ? "susp" : "idle");
    else
        return false;
    return true;
}

static bool change(struct play *play, const char *step)
{
    weir_reader *r = play->reader;
    const char *argument = strchr(step, ':');

    if (is(step, "eof"))
        weir_reader_feed_eof(r);
    else if (is(step, "err"))
        weir_reader_set_exception(r, code_called(argument + 1));
    else if (is(step, "cancel"))
        weir_task_cancel(play->reads[argument[1] - 'A'].task);
    else if (is(step, "timeout"))
        weir_reader_set_timeout(r, strtod(argument + 1, NULL));
    else if (is(step, "sleep"))
        weir_sleep(strtod(argument + 1, NULL));
    else if (is(step, "max"))
        r->max_read = (size_t)strtol(argument + 1, NULL, 10);
    else if (is(step, "transport"))
        say("%s", code_name(weir_reader_set_transport(r, script_transport)));
    else
        return is(step, "settle");
    return true;
}

static void do_step(struct play *play, const char *step)
{
    if (strchr("RTN", step[0]) != NULL) {
        make_reader(play, step);
    } else if (step[0] == '+') {
        int code = weir_reader_feed_data(play->reader, step + 1, strlen(step + 1));
        if (code < 0)
            say("%s", code_name(code));
    } else if (step[0] == '!') {
        struct read read = { .reader = play->reader };
        snprintf(read.what, sizeof read.what, "%s", step + 1);
        perform(&read);
        say("!%s", read.result);
    } else if (!change(play, step)) {
        settle(play);
        if (!tell(play, step)) {
            bool lettered = step[1] == ':';
            start_read(play, lettered ? step[0] - 'A' : 0, lettered ? step + 2 : step);
        }
        return;
    } else if (is(step, "settle") || is(step, "sleep")) {
        settle(play);
    }
}

static int play_task(void *arg)
{
    struct play *play = arg;
    char *steps = strdup(play->steps);
    char *rest = steps;
    char *step;

    while ((step = strsep(&rest, " ")) != NULL) {
        if (step[0] != '\0')
            do_step(play, step);
    }
    settle(play);
    for (int i = 0; i < SLOTS; i++) {
        if (play->reads[i].task != NULL) {      /* what still waits ends with the script */
            weir_task_cancel(play->reads[i].task);
            weir_task_join(play->reads[i].task);
            weir_task_unref(play->reads[i].task);
        }
    }
    weir_reader_free(play->reader);
    free(steps);
    return 0;
}

void script_play(const char *steps)
{
    struct play play = { .steps = steps };

    say_nothing();
    if (weir_run(play_task, &play) != 0)
        say("RUN FAILED");
}
