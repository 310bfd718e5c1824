/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/error.h  How the library's functions say that they failed.
 *
 * Code and text are set together, at the exit where the fact is known, and handed upwards untouched. Each task has its own
 * slot and each thread one for what runs outside of tasks. Codes that belong to the normal life of a connection (end of
 * stream, cancel, timeout, limit) store no text: that is one store, not a formatting.
 */
#ifndef WEIR_CORE_ERROR_H
#define WEIR_CORE_ERROR_H

#include <stddef.h>

#include <weir/error.h>

#define ERROR_TEXT_MAX 512      /* longest detail, end included; more is cut */

/* The slot of a task or thread. Zero-initialised means: nothing failed yet. */
struct failure {
    int   code;                 /* of the last failing call */
    char *text;                 /* ERROR_TEXT_MAX bytes, made when the first text is stored; NULL before */
};

/* Record @code without a text in the running task (or thread) and return it. */
int weir__fail(int code);

/* Record @code with one sentence and return it. Without memory for the sentence the code alone is recorded. */
__attribute__((format(printf, 2, 3))) int weir__fail_text(int code, const char *fmt, ...);

/* As weir__fail for the types of result that are not int. */
static inline ssize_t weir__fail_size(ssize_t code)
{
    return weir__fail((int)code);
}

/* Carry the text of one slot over to another: a worker's main to the caller of weir_run. */
void weir__failure_move(struct failure *from, struct failure *to);
void weir__failure_fini(struct failure *failure);

/* The slot that weir__fail writes to now. */
struct failure *weir__failure_here(void);

#endif
