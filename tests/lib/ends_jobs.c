/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/ends_jobs.c  Reads, drains and wait_closed of a stream, each in a task of its own.
 */
#include "lib/ends_play.h"

#include <check.h>

/* --- Jobs ----------------------------------------------------------------- */

static ssize_t read_as_asked(struct end *end, const struct act *act, weir_bytes *out)
{
    const weir_bytes *sep = &ends_separators[act->sep];

    switch (act->read) {
    case READ_SOME: return weir_reader_read(end->reader, act->n, out);
    case READ_ALL: return weir_reader_read(end->reader, WEIR_READ_ALL, out);
    case READ_EXACTLY: return weir_reader_readexactly(end->reader, act->n, out);
    case READ_PEEK: return weir_reader_peek(end->reader, act->n, out);
    case READ_LINE: return weir_reader_readline(end->reader, out);
    case READ_UNTIL: return weir_reader_readuntil(end->reader, sep->data, sep->len, out);
    default: return weir_reader_readuntil_any(end->reader, ends_any, ENDS_ANY, out);
    }
}

static void do_read(struct job *job)
{
    struct end *end = job->end;
    weir_bytes out = { NULL, 0 };

    job->other = end->reading++ > 0;
    bool was_reading = weir_transport_is_reading(end->t);
    unsigned pass = end->game->pass;
    ssize_t result = read_as_asked(end, job->act, &out);
    end->reading--;
    ends_look(end->game, end->who);
    struct read_done done = {
        .act = job->act, .result = result, .bytes = (const void *)out.data, .len = out.len, .cancelled = job->cancelled,
        .buffered = weir_reader_buffered(end->reader), .consumed = weir_reader_consumed(end->reader),
        .expected = weir_reader_expected(end->reader), .failure = weir_reader_exception(end->reader), .other = job->other,
        .was_reading = was_reading, .at_once = end->game->pass == pass && !job->other,
    };
    model_read(&end->game->model, end->who, &done);
}

static void do_drain(struct job *job)
{
    struct end *end = job->end;
    struct model_end *e = &end->game->model.end[end->who];
    struct wait_begun begun = {
        .closing = weir_writer_is_closing(end->writer), .paused = e->paused, .lost = e->lost, .resumes = e->resumes,
        .failure = weir_reader_exception(end->reader), .pass = end->game->pass,
    };

    int code = weir_writer_drain(end->writer);
    ends_look(end->game, end->who);
    model_drain(&end->game->model, end->who, &begun, code, end->game->pass - begun.pass, job->cancelled);
}

static void do_wait_closed(struct job *job)
{
    struct end *end = job->end;
    int code = weir_writer_wait_closed(end->writer);

    ends_look(end->game, end->who);
    model_wait_closed(&end->game->model, end->who, code, job->cancelled);
}

static int run_job(void *arg)
{
    struct job *job = arg;
    struct game *game = job->end->game;
    unsigned pass = game->pass;

    if (job->act->kind == ACT_READ)
        do_read(job);
    else if (job->act->kind == ACT_DRAIN)
        do_drain(job);
    else
        do_wait_closed(job);
    job->over = true;
    game->events++;
    game->waited[job->act->kind] += game->pass != pass;
    return 0;
}

void ends_job_start(struct end *end, const struct act *act)
{
    struct job *job = &end->jobs[end->job_count++];

    ck_assert_int_le(end->job_count, ENDS_JOBS);
    *job = (struct job) { .end = end, .act = act };
    job->task = weir_create_task(run_job, job);
}

/* The latest that waits. */
void ends_job_cancel(struct end *end)
{
    for (int i = end->job_count - 1; i >= 0; i--) {
        struct job *job = &end->jobs[i];
        if (job->over || job->cancelled)
            continue;
        job->cancelled = true;
        weir_task_cancel(job->task);
        return;
    }
}

void ends_jobs_check(struct end *end)
{
    struct model *m = &end->game->model;

    for (int i = 0; i < end->job_count; i++) {
        struct job *job = &end->jobs[i];
        if (job->over || weir_task_done(job->task))     /* the latter: cancelled before it began */
            continue;
        if (job->act->kind == ACT_READ)
            model_read_waits(m, end->who, job->act, weir_reader_buffered(end->reader));
        else if (job->act->kind == ACT_DRAIN)
            model_drain_waits(m, end->who);
        else if (m->end[end->who].lost)
            model_wrong(m, end->who, "wait_closed waits after the loss (SW-9)");
        if (job->cancelled)
            model_wrong(m, end->who, "a cancelled call waits on");
    }
}
