/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/http/worker.h  What a worker keeps for all its connections: the clock's text, answers that are ready, numbers.
 *
 * One thread's. Counted: a handler that hangs in a file system may outlive worker_stop.
 */
#ifndef WEIR_PLUGINS_HTTP_WORKER_H
#define WEIR_PLUGINS_HTTP_WORKER_H

#include "plugins/http/date.h"
#include "plugins/http/path.h"
#include "plugins/http/settings.h"

/* An answer of 200 with a body that never changes, whole: one write. */
struct ready_answer {
    char *text;                 /* NULL: there is no such answer */
    size_t head_len, len;       /* head and body; a HEAD gets the first part */
    size_t date_at;
};

struct worker {
    const struct settings *settings;
    unsigned refs;
    int64_t second;             /* that @date and the ready answers tell */
    char date[DATE_LENGTH];
    struct ready_answer page, healthz;
    uint64_t tally[COUNTS];   /* not yet given to the counters */
    char path[PATH_ROOM];       /* a normalised path, until the next suspension */
};

/* NULL without memory. */
struct worker *worker_new(const struct settings *settings);
void worker_ref(struct worker *worker);
void worker_unref(struct worker *worker);

/* Look at the clock, and write the date anew where it stands when the second is another one. */
void worker_tick(struct worker *worker);

void worker_count(struct worker *worker, unsigned status, size_t bytes);

/* Give what was counted to the counters. Once for all requests of a read. */
void worker_flush_tally(struct worker *worker);

#endif
