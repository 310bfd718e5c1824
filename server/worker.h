/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/worker.h  The sections on a worker: their plugins' state there, and the handler that the worker's connections get.
 */
#ifndef WEIR_SERVER_WORKER_H
#define WEIR_SERVER_WORKER_H

#include "server/section.h"
#include "streams/start_server.h"

/* A section on a worker. */
struct posting {
    struct section *section;
    void *state;                /* the plugin's */
    bool started;               /* its worker_start succeeded */
};

/* All sections on all workers: [section * workers + worker]. */
struct staff {
    struct sections *sections;
    unsigned workers;
    struct posting *postings;
    void **args;                /* what handlers get: the state, or the posting when the program logs for them */
};

/* 0 or -1: no memory. */
int  staff_init(struct staff *staff, struct sections *sections, unsigned workers);
void staff_fini(struct staff *staff);

/* On a worker, in a task: the allocator's arena, the counters' row, each plugin's worker_start in the order of the
 * configuration. Negative: one failed, with a sentence in @error; those before it have been stopped again. */
int  staff_start(struct staff *staff, unsigned worker, char *error, size_t size);
/* In the opposite order. */
void staff_stop(struct staff *staff, unsigned worker);

/* How the connections of a section are handled. */
struct serving staff_serving(const struct staff *staff, size_t section);

#endif
