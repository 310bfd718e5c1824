/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/stream_say.h  What a test saw, as one line of text that is compared afterwards.
 *
 * Tasks say, and the check comes after the run: ck_assert_str_eq(said(), "...") shows everything at once when it fails.
 * For one thread.
 */
#ifndef WEIR_TESTS_STREAM_SAY_H
#define WEIR_TESTS_STREAM_SAY_H

#include <stddef.h>
#include <sys/types.h>

#include <weir/bytes.h>

/* Append a word, with a space before it. */
__attribute__((format(printf, 1, 2))) void say(const char *fmt, ...);

/* All that was said so far; and begin anew. */
const char *said(void);
void say_nothing(void);

/* "EPIPE" for -EPIPE, "ELIMIT" for WEIR_ELIMIT, "0" and other numbers as they are. In one of a few buffers. */
const char *code_name(ssize_t code);

/* The code that is called so; 0: none. */
int code_called(const char *name);

/* The bytes in quotes, with \n and the like made visible, long ones cut short. In one of a few buffers. */
const char *quoted(const void *data, size_t len);

#endif
