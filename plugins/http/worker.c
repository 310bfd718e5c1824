/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/http/worker.c  Making ready what most requests get.
 */
#include "plugins/http/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugins/http/respond.h"

static bool make_ready(struct ready_answer *ready, const struct worker *worker, weir_bytes type, weir_bytes body)
{
    struct answer answer = { .status = 200, .type = type, .length = body.len, .modified = NEVER };
    struct head head;

    respond_head(&head, worker, &answer, CONNECTION_UNSAID);
    ready->text = malloc(head.len + body.len);
    if (ready->text == NULL)
        return false;
    memcpy(ready->text, head.text, head.len);
    memcpy(ready->text + head.len, body.data, body.len);
    ready->head_len = head.len;
    ready->len = head.len + body.len;
    ready->date_at = head.date_at;
    return true;
}

struct worker *worker_new(const struct settings *settings)
{
    static const weir_bytes plain = { "text/plain; charset=utf-8", 25 }, ok = { "ok\n", 3 };
    struct worker *worker = calloc(1, sizeof *worker);

    if (worker == NULL)
        return NULL;
    worker->settings = settings;
    worker->refs = 1;
    worker->second = NEVER;
    worker_tick(worker);
    if ((settings->page.data != NULL && !make_ready(&worker->page, worker, settings->page_type, settings->page)) ||
        (settings->healthz.len > 0 && !make_ready(&worker->healthz, worker, plain, ok))) {
        worker_unref(worker);
        return NULL;
    }
    return worker;
}

void worker_ref(struct worker *worker)
{
    worker->refs++;
}

void worker_unref(struct worker *worker)
{
    if (worker == NULL || --worker->refs > 0)
        return;
    free(worker->page.text);
    free(worker->healthz.text);
    free(worker);
}

/* The coarse clock is a read of memory that the kernel keeps up to date; it is late by 4 ms at most. */
void worker_tick(struct worker *worker)
{
    struct timespec now = { 0, 0 };

    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec == worker->second)
        return;
    worker->second = now.tv_sec;
    date_format(worker->date, now.tv_sec);
    if (worker->page.text != NULL)
        memcpy(worker->page.text + worker->page.date_at, worker->date, DATE_LENGTH);
    if (worker->healthz.text != NULL)
        memcpy(worker->healthz.text + worker->healthz.date_at, worker->date, DATE_LENGTH);
}

void worker_count(struct worker *worker, unsigned status, size_t bytes)
{
    worker->tally[COUNT_REQUESTS]++;
    worker->tally[COUNT_2XX + status / 100 - 2]++;
    worker->tally[COUNT_BYTES] += bytes;
}

void worker_flush_tally(struct worker *worker)
{
    for (int i = 0; i < COUNTS; i++) {
        if (worker->tally[i] != 0)
            weir_counter_add(worker->settings->counters[i], worker->tally[i]);
        worker->tally[i] = 0;
    }
}
