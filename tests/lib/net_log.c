/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/net_log.c  The recording protocol.
 */
#include "lib/net_log.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *net_code_name(int code)
{
    const char *name = code == 0 ? "0" : code == WEIR_ESTATE ? "ESTATE" : strerrorname_np(-code);

    return name != NULL ? name : "?";
}

void net_log_word(struct net_log *log, const char *word)
{
    size_t len = strlen(log->text);

    snprintf(log->text + len, sizeof log->text - len, "%s%s", len > 0 ? " " : "", word);
}

/* "DR(he)" and "llo" are "DR(hello)"; a full text is left as it is. */
static void log_bytes(struct net_log *log, const char *word, const unsigned char *data, size_t n)
{
    size_t len = strlen(log->text);
    const char *last = strrchr(log->text, ' ');

    last = last == NULL ? log->text : last + 1;
    if (strncmp(last, word, strlen(word)) == 0 && strcmp(word, "BU(") != 0) {
        log->text[--len] = '\0';
    } else {
        net_log_word(log, word);
        len = strlen(log->text);
    }
    for (size_t i = 0; i < n && len + 2 < sizeof log->text; i++)
        log->text[len++] = isgraph(data[i]) ? (char)data[i] : '_';
    log->text[len++] = ')';
    log->text[len] = '\0';
}

void net_log_add(struct net_log *log, const void *data, size_t len)
{
    if (log->len + len > log->room) {
        log->room = (log->len + len) * 2;
        log->bytes = realloc(log->bytes, log->room);
        if (log->bytes == NULL)
            abort();
    }
    memcpy(log->bytes + log->len, data, len);
    log->len += len;
    log->largest = len > log->largest ? len : log->largest;
    log->last = len;
    log->pieces++;
}

void net_log_fini(struct net_log *log)
{
    free(log->bytes);
    log->bytes = NULL;
    log->len = log->room = 0;
}

static void tell(struct net_log *log, enum net_event event)
{
    if ((log->fails & (1u << event)) != 0)
        weir_transport_fail(log->transport, -EPERM, "told to fail");
    if (log->on != NULL)
        log->on(log, event);
}

static void made(void *self, weir_transport *transport)
{
    struct net_log *log = self;

    log->transport = transport;
    log->made++;
    net_log_word(log, "CM");
    tell(log, NET_MADE);
}

static void lost(void *self, int code)
{
    struct net_log *log = self;
    char word[32];

    snprintf(word, sizeof word, "CL(%s)", net_code_name(code));
    net_log_word(log, word);
    log->code = code;
    tell(log, NET_LOST);
    log->lost++;                                /* last: who waits for it sees everything else */
    log->transport = NULL;
}

static void data(void *self, const void *bytes, size_t len)
{
    struct net_log *log = self;

    net_log_add(log, bytes, len);
    if (!log->quiet)
        log_bytes(log, "DR(", bytes, len);
    tell(log, NET_DATA);
}

static void place(void *self, size_t hint, void **buf, size_t *len)
{
    struct net_log *log = self;

    log->hint = hint;
    *buf = log->place;
    *len = log->region < sizeof log->place ? log->region : sizeof log->place;
    tell(log, NET_PLACE);
}

static void filled(void *self, size_t n)
{
    struct net_log *log = self;

    net_log_add(log, log->place, n);
    if (!log->quiet)
        log_bytes(log, "BU(", log->place, n);
    memset(log->place, '#', sizeof log->place);
    tell(log, NET_FILLED);
}

static bool ended(void *self)
{
    struct net_log *log = self;

    log->ends++;
    net_log_word(log, "ER");
    tell(log, NET_END);
    return log->keep_open;
}

static void pause_it(void *self)
{
    struct net_log *log = self;

    log->pauses++;
    net_log_word(log, "PW");
    tell(log, NET_PAUSE);
}

static void resume_it(void *self)
{
    struct net_log *log = self;

    log->resumes++;
    net_log_word(log, "RW");
    tell(log, NET_RESUME);
}

const weir_protocol net_log_plain = {
    .connection_made = made, .connection_lost = lost, .data_received = data, .eof_received = ended,
    .pause_writing = pause_it, .resume_writing = resume_it,
};

const weir_protocol net_log_buffered = {
    .connection_made = made, .connection_lost = lost, .get_buffer = place, .buffer_updated = filled,
    .eof_received = ended, .pause_writing = pause_it, .resume_writing = resume_it,
};

int net_log_factory(void *arg, const weir_protocol **protocol, void **self)
{
    *protocol = &net_log_plain;
    *self = arg;
    return 0;
}

int net_log_buffered_factory(void *arg, const weir_protocol **protocol, void **self)
{
    *protocol = &net_log_buffered;
    *self = arg;
    return 0;
}
