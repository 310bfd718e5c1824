/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/proxy/worker.h  A worker's view of the upstreams: how many of its connections each has, and which failed of late.
 *
 * Workers know nothing of each other: with leastconn each evens out its own connections, and each finds out by itself that an
 * upstream is down. So choosing takes no lock.
 */
#ifndef WEIR_PLUGINS_PROXY_WORKER_H
#define WEIR_PLUGINS_PROXY_WORKER_H

#include "plugins/proxy/settings.h"

struct worker {
    const struct settings *settings;
    unsigned refs;              /* worker_start's, and one for each connection: its tasks outlive the client's socket */
    size_t next;                /* where looking for an upstream begins */
    struct {
        size_t connections;     /* made or being made */
        double failed_until;    /* in the loop's time; others come first until then */
    } upstreams[];
};

struct worker *worker_new(const struct settings *settings);    /* NULL: no memory */
void worker_ref(struct worker *worker);
void worker_unref(struct worker *worker);

/* Which upstream is next, of those whose bits are not in @tried: one that did not fail of late, or else one that did, since it
 * may have come back. It counts as connected until worker_leave(). -1: none is left. */
int  worker_choose(struct worker *worker, uint64_t tried, double now);
void worker_leave(struct worker *worker, int upstream);

/* It could not be connected. */
void worker_note_failure(struct worker *worker, int upstream, double now);

void worker_count(const struct worker *worker, enum count what, uint64_t n);

#endif
