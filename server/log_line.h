/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/log_line.h  One event as one line: for people, for programs, for systemd's journal.
 *
 *      2026-11-26T19:40:00.123Z info  drained server=web connections=3
 *      {"time":"2026-11-26T19:40:00.123Z","level":"info","message":"drained","server":"web","connections":3}
 *      <6>drained server=web connections=3
 *
 * In JSON, a field that has the name of a member before it gets "_" in front, and what is behind LOG_FIELDS_MOST fields is
 * one string, "rest".
 */
#ifndef WEIR_SERVER_LOG_LINE_H
#define WEIR_SERVER_LOG_LINE_H

#include "server/log.h"

#define LOG_FIELDS_MOST 32

/* No line is longer: a byte becomes at most the six of \u0000, a field's "=" at most the quotes and commas around it, and
 * the rest is for time, level and the names of members. */
#define LOG_LINE_MOST (6 * LOG_TEXT_MOST + 512)

struct log_event {
    int64_t     wall_ns;        /* CLOCK_REALTIME */
    int         level;
    const char *text;           /* at most LOG_TEXT_MOST bytes, of any kind */
    size_t      len;
};

/*
 * The line with its newline; no other byte of it is one.
 *
 * journal  the receiver is systemd's journal, which has its own time and takes the level as a prefix
 * out      LOG_LINE_MOST bytes
 * returns  the length
 */
size_t log_line(char *out, enum log_format format, bool journal, const struct log_event *event);

#endif
