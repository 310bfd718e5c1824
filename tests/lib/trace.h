/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/trace.h  A text that tasks and callbacks append to, so that a test checks an order at one glance.
 *
 * For one thread. It begins empty in every test, since Check forks.
 */
#ifndef WEIR_TESTS_TRACE_H
#define WEIR_TESTS_TRACE_H

#include <string.h>

static char trace_text[1024];

static inline void trace(const char *word)
{
    size_t len = strlen(trace_text);
    size_t add = strlen(word);

    if (len + add < sizeof trace_text)
        memcpy(trace_text + len, word, add + 1);
}

/* The same as a callback, and as a task. */
static inline void trace_cb(void *word)
{
    trace(word);
}

static inline int trace_task(void *word)
{
    trace(word);
    return 0;
}

#endif
