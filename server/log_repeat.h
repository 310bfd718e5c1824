/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/log_repeat.h  How often one message may come within a second.
 *
 * A message is its sentence and its level; the fields may differ. From the first one on a second is counted: lines above
 * the limit are held back, and when the second is over one line says how many. The table is of fixed size; a message that
 * finds no place in it is not limited.
 *
 * Time is what the caller says it is. Not thread-safe: goes under the caller's lock.
 */
#ifndef WEIR_SERVER_LOG_REPEAT_H
#define WEIR_SERVER_LOG_REPEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_REPEAT_MESSAGES 64
#define LOG_REPEAT_SENTENCE 120         /* bytes of a sentence that are kept and compared, its length apart */

struct log_repeat {
    unsigned limit;                     /* 0: nothing is limited */
    unsigned held;                      /* messages that have lines held back */
    struct log_repeated {
        uint64_t hash;
        int64_t  since_ns;              /* when the second began; the place is free once it is over and nothing is held */
        uint64_t held;                  /* lines held back in it */
        unsigned count;                 /* lines in it; 0: never used */
        int      level;
        size_t   len;
        char     sentence[LOG_REPEAT_SENTENCE];
    } messages[LOG_REPEAT_MESSAGES];
};

void log_repeat_init(struct log_repeat *repeat, unsigned limit);

/* Whether this line is to be written; false: it was counted. */
bool log_repeat_admit(struct log_repeat *repeat, int64_t now_ns, int level, const char *sentence, size_t len);

/* A message with lines held back whose second is over, or any that has some if @all; NULL when there is none. It is to be
 * given to log_repeat_said() when that was said. */
const struct log_repeated *log_repeat_due(struct log_repeat *repeat, int64_t now_ns, bool all);
void log_repeat_said(struct log_repeat *repeat, const struct log_repeated *message);

/* Nanoseconds until the next one is due; 0 when one is, negative when none will be. */
int64_t log_repeat_wait(const struct log_repeat *repeat, int64_t now_ns);

#endif
