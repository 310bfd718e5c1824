/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/ends_play.h  Two ends of a memory pair, and the steps of a plan done to them. Whatever is done or told goes to the
 * model, which judges it.
 *
 * A stream is built as a user's would be: weir_stream_protocol_new over a transport, behind a protocol that writes down what it
 * is told and hands it on. ends_play.c has that protocol and the steps, ends_jobs.c the calls that may wait.
 */
#ifndef WEIR_TESTS_ENDS_PLAY_H
#define WEIR_TESTS_ENDS_PLAY_H

#include <weir/streams.h>
#include <weir/sync.h>
#include <weir/task.h>

#include "lib/ends_model.h"

#define ENDS_JOBS (ENDS_ACTS + 8)

struct game;

/* A call in a task of its own. */
struct job {
    struct end *end;
    const struct act *act;
    weir_task *task;            /* NULL: free */
    bool over, cancelled, other;
};

struct end {
    struct game *game;
    int who;
    weir_transport *t;
    enum ends_kind kind;        /* plain and buffered change by ACT_SWAP */
    unsigned char room[4096];   /* a buffered protocol's */
    void *placed;               /* where the stream protocol wants the next bytes */
    void *stream;
    weir_reader *reader;
    weir_writer *writer;
    weir_event finished;        /* a stream's handler waits for it */
    const struct act *armed[EVENT_KINDS];
    struct job jobs[ENDS_JOBS];
    int job_count, reading;
};

struct game {
    const struct ends_plan *plan;
    struct model model;
    struct end end[2];
    unsigned pass, events, reports;
    bool print;
    unsigned *done, *told, *waited;     /* statistics: acts, events, calls that had to wait */
};

/* What the library says about both, into the model; that of @who. */
struct seen ends_look(struct game *game, int who);

/* A factory of the weir_memory_pair: @arg is the struct end. */
int  ends_factory(void *arg, const weir_protocol **protocol, void **self);

/* @kind: act->kind, or what is armed. inside: the callback that it is done in; EVENT_KINDS: none. */
void ends_perform(struct game *game, const struct act *act, enum act_kind kind, enum ends_event inside);
void ends_pass(struct game *game);
void ends_settle(struct game *game);            /* until nothing moves; then nobody may have been forgotten */
void ends_close(struct end *end, enum act_kind kind);   /* ACT_CLOSE, ACT_ABORT, ACT_WRITE_EOF */
void ends_read_on(struct end *end, bool on);

/* --- Calls that may wait (ends_jobs.c) --- */
void ends_job_start(struct end *end, const struct act *act);
void ends_job_cancel(struct end *end);          /* the latest that waits */
void ends_jobs_check(struct end *end);          /* nothing moves: each has to be waiting for something */

#endif
