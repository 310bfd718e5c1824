/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/log_form.h  The form of a message, read: "message key=value key=\"va lue\"" as a sentence and fields.
 */
#ifndef WEIR_SERVER_LOG_FORM_H
#define WEIR_SERVER_LOG_FORM_H

#include <stdbool.h>
#include <stddef.h>

/* What stands where in a message; everything points into it. */
struct log_field {
    const char *key, *value;    /* value: without the quotes */
    size_t key_len, value_len;
    bool quoted;                /* the value is escaped inside, and no number */
};

/* The length of the sentence: what comes before the first field, without the blank between. */
size_t log_form_sentence(const char *text, size_t len);

/*
 * The next field from @at on, which is where the sentence or the field before it ended.
 *
 * A value without quotes ends where another field begins or the text does; so does a quoted one, at a quote. One that
 * lacks its closing quote, because the text was cut, is all of the rest.
 *
 * returns  where it ended, or 0 when there is none
 */
size_t log_form_field(const char *text, size_t len, size_t at, struct log_field *out);

/* Whether a value is a decimal integer that every reader of JSON keeps exactly. */
bool log_form_is_integer(const struct log_field *field);

#endif
