/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/log_escape.h  Bytes from anywhere as text that a terminal, a grep and a JSON parser take for what it is.
 *
 * Escaped are control characters (C0, DEL, C1), line and paragraph separators, characters that change the direction of
 * text, and bytes that are not UTF-8. Everything is appended to a struct log_out, which never grows: what does not fit is
 * left out and noted.
 */
#ifndef WEIR_SERVER_LOG_ESCAPE_H
#define WEIR_SERVER_LOG_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log_out {
    char  *at, *end;
    bool   full;                /* something did not fit; nothing is appended from then on */
};

void log_out_bytes(struct log_out *out, const char *bytes, size_t len);
void log_out_string(struct log_out *out, const char *string);

/* For text: \xNN for each byte. */
void log_escape_text(struct log_out *out, const char *bytes, size_t len);

/* For the inside of a quoted value: the same, and \" and \\. */
void log_escape_quoted(struct log_out *out, const char *bytes, size_t len);

/* For the inside of a JSON string. A byte that is not UTF-8 becomes U+FFFD. */
void log_escape_json(struct log_out *out, const char *bytes, size_t len);

/* The same for the inside of a quoted value, whose \", \\ and \xNN are the bytes they stand for. */
void log_escape_json_unquoted(struct log_out *out, const char *bytes, size_t len);

#endif
