/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/proxy/worker.c  Choosing an upstream.
 *
 * Both ways of choosing go round from where the last choice ended, so that equals take turns. Workers begin at different
 * places: a few clients on many workers do not all meet the first upstream.
 */
#include "plugins/proxy/worker.h"

#include <stdlib.h>

#include <weir/run.h>

struct worker *worker_new(const struct settings *settings)
{
    size_t count = settings->upstreams.count;
    struct worker *worker = calloc(1, sizeof *worker + count * sizeof worker->upstreams[0]);

    if (worker == NULL)
        return NULL;
    worker->settings = settings;
    worker->refs = 1;
    worker->next = weir_worker_index() % count;
    return worker;
}

void worker_ref(struct worker *worker)
{
    worker->refs++;
}

void worker_unref(struct worker *worker)
{
    if (worker != NULL && --worker->refs == 0)
        free(worker);
}

/* The best of those that count, or -1. */
static int choose_among(const struct worker *worker, uint64_t tried, bool failed, double now)
{
    size_t count = worker->settings->upstreams.count;
    int best = -1;

    for (size_t step = 0; step < count; step++) {
        size_t i = (worker->next + step) % count;
        if ((tried >> i & 1) != 0 || (worker->upstreams[i].failed_until > now) != failed)
            continue;
        if (worker->settings->balance == BALANCE_ROUNDROBIN)
            return (int)i;
        if (best < 0 || worker->upstreams[i].connections < worker->upstreams[best].connections)
            best = (int)i;
    }
    return best;
}

int worker_choose(struct worker *worker, uint64_t tried, double now)
{
    int chosen = choose_among(worker, tried, false, now);

    if (chosen < 0)
        chosen = choose_among(worker, tried, true, now);
    if (chosen < 0)
        return -1;
    worker->upstreams[chosen].connections++;
    worker->next = ((size_t)chosen + 1) % worker->settings->upstreams.count;
    return chosen;
}

void worker_leave(struct worker *worker, int upstream)
{
    worker->upstreams[upstream].connections--;
}

void worker_note_failure(struct worker *worker, int upstream, double now)
{
    worker->upstreams[upstream].failed_until = now + worker->settings->fail_time;
}

void worker_count(const struct worker *worker, enum count what, uint64_t n)
{
    weir_counter_add(worker->settings->counters[what], n);
}
