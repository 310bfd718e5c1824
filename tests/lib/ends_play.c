/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/ends_play.c  The recording protocol, and the steps. Each step sees before, calls, sees again, and tells the model.
 */
#include "lib/ends_play.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LONGEST    120001       /* bytes of a write */
#define PATIENCE   1000000      /* passes in which any script has come to rest */

static const int fail_codes[2] = { -EPROTO, -EIO };

/* --- Seeing --------------------------------------------------------------- */

struct seen ends_look(struct game *game, int who)
{
    for (int i = 0; i < 2; i++) {
        const weir_transport *t = game->end[i].t;
        game->model.end[i].seen = (struct seen) {
            .size = weir_transport_get_write_buffer_size(t), .closing = weir_transport_is_closing(t),
            .sent = *(const uint64_t *)weir_transport_get_extra_info(t, "bytes_sent"),
            .received = *(const uint64_t *)weir_transport_get_extra_info(t, "bytes_received"),
            .reading = weir_transport_is_reading(t),
        };
    }
    return game->model.end[who].seen;
}

static void happened(struct end *end, enum ends_event event)
{
    struct game *game = end->game;

    game->events++;
    game->told[event]++;
    ends_look(game, end->who);
    if (game->print)
        printf("           %c %s\n", 'A' + end->who, ends_event_name(event));
}

/* What was armed for this callback, once. */
static void act_inside(struct end *end, enum ends_event event)
{
    const struct act *act = end->armed[event];

    end->armed[event] = NULL;
    if (act == NULL)
        return;
    ends_perform(end->game, act, act->then, event);
    if (act->closes)
        ends_perform(end->game, act, ACT_CLOSE, event);
}

/* --- The recording protocol ------------------------------------------------ */

static void on_made(void *self, weir_transport *t)
{
    struct end *end = self;

    happened(end, EVENT_MADE);
    model_made(&end->game->model, end->who);
    if (end->kind == ENDS_STREAM)
        weir_stream_protocol()->connection_made(end->stream, t);
    act_inside(end, EVENT_MADE);
}

static void on_lost(void *self, int code)
{
    struct end *end = self;

    happened(end, EVENT_LOST);
    model_lost(&end->game->model, end->who, code);
    act_inside(end, EVENT_LOST);
    if (end->kind == ENDS_STREAM)
        weir_stream_protocol()->connection_lost(end->stream, code);
}

static void on_data(void *self, const void *data, size_t len)
{
    struct end *end = self;

    happened(end, EVENT_DATA);
    model_data(&end->game->model, end->who, data, len);
    act_inside(end, EVENT_DATA);
}

static void get_buffer(void *self, size_t hint, void **buf, size_t *len)
{
    struct end *end = self;

    happened(end, EVENT_PLACE);
    model_place(&end->game->model, end->who);
    if (end->kind == ENDS_STREAM) {
        weir_stream_protocol()->get_buffer(end->stream, hint, buf, len);
    } else {
        *buf = end->room;
        *len = end->game->plan->region[end->who];
    }
    end->placed = *buf;
    act_inside(end, EVENT_PLACE);
}

/* SR-3: unless a read is waiting, more than twice the limit pauses, at once. */
static void check_pause(struct end *end)
{
    bool full = weir_reader_buffered(end->reader) > 2 * end->game->plan->limit[end->who];

    if (end->reading == 0 && !weir_transport_is_closing(end->t) && full == weir_transport_is_reading(end->t))
        model_wrong(&end->game->model, end->who, "%zu bytes are unread, and reading is %s (SR-3)",
                    weir_reader_buffered(end->reader), full ? "not paused" : "paused");
}

static void buffer_updated(void *self, size_t n)
{
    struct end *end = self;

    happened(end, EVENT_DATA);
    model_data(&end->game->model, end->who, end->placed, n);
    if (end->kind == ENDS_STREAM) {
        weir_stream_protocol()->buffer_updated(end->stream, n);
        if (end->reader != NULL)
            check_pause(end);
    }
    act_inside(end, EVENT_DATA);
}

static bool on_end(void *self)
{
    struct end *end = self;

    happened(end, EVENT_END);
    bool keep = model_ended(&end->game->model, end->who);
    if (end->kind == ENDS_STREAM && weir_stream_protocol()->eof_received(end->stream) != keep)
        model_wrong(&end->game->model, end->who, "a stream closes at the end (SP-2)");
    act_inside(end, EVENT_END);
    if (!keep)
        model_auto_close(&end->game->model, end->who);
    return keep;
}

static void on_pause(void *self)
{
    struct end *end = self;

    happened(end, EVENT_PAUSE);
    model_paused(&end->game->model, end->who);
    if (end->kind == ENDS_STREAM)
        weir_stream_protocol()->pause_writing(end->stream);
    act_inside(end, EVENT_PAUSE);
}

static void on_resume(void *self)
{
    struct end *end = self;

    happened(end, EVENT_RESUME);
    model_resumed(&end->game->model, end->who);
    if (end->kind == ENDS_STREAM)
        weir_stream_protocol()->resume_writing(end->stream);
    act_inside(end, EVENT_RESUME);
}

static const weir_protocol plain_protocol = {
    .connection_made = on_made, .connection_lost = on_lost, .data_received = on_data, .eof_received = on_end,
    .pause_writing = on_pause, .resume_writing = on_resume,
};

static const weir_protocol buffered_protocol = {
    .connection_made = on_made, .connection_lost = on_lost, .get_buffer = get_buffer, .buffer_updated = buffer_updated,
    .eof_received = on_end, .pause_writing = on_pause, .resume_writing = on_resume,
};

static int wait_for_the_end(weir_reader *reader, weir_writer *writer, void *arg)
{
    struct end *end = arg;

    end->reader = reader;
    end->writer = weir_writer_ref(writer);
    return weir_event_wait(&end->finished);
}

int ends_factory(void *arg, const weir_protocol **protocol, void **self)
{
    struct end *end = arg;

    *protocol = end->kind == ENDS_PLAIN ? &plain_protocol : &buffered_protocol;
    *self = end;
    if (end->kind == ENDS_STREAM)
        end->stream = weir_stream_protocol_new(weir_reader_new(end->game->plan->limit[end->who]), wait_for_the_end, end);
    return 0;
}

/* --- Steps ---------------------------------------------------------------- */

void ends_pass(struct game *game)
{
    weir_yield();
    game->pass++;
    ends_look(game, 0);
    model_always(&game->model);
}

/* Until nothing moves; then nobody may have been forgotten. */
void ends_settle(struct game *game)
{
    uint64_t before = UINT64_MAX;

    for (unsigned still = 0, passes = 0; still < 4; passes++) {
        ends_pass(game);
        const struct model_end *a = &game->model.end[0], *b = &game->model.end[1];
        uint64_t now = game->events + a->seen.sent + a->received + b->seen.sent + b->received;
        still = now == before ? still + 1 : 0;
        before = now;
        if (game->model.wrong > 0)
            return;
        if (passes == PATIENCE) {
            model_wrong(&game->model, 0, "never comes to rest");
            return;
        }
    }
    model_quiet(&game->model);
    for (int i = 0; i < 2; i++)
        ends_jobs_check(&game->end[i]);
}

static void write_bytes(struct end *end, const struct act *act)
{
    struct game *game = end->game;
    struct model_end *e = &game->model.end[end->who];
    static unsigned char bytes[LONGEST];
    weir_bytes pieces[4];
    struct seen before = ends_look(game, end->who);
    bool eof_before = e->eof_asked;
    size_t at = 0;

    for (size_t i = 0; i < act->n; i++)
        bytes[i] = ends_byte(game->plan->seed, end->who, e->accepted + i);
    for (int i = 0; i < act->pieces; i++) {
        size_t len = i + 1 < act->pieces ? (act->n - at) / 2 : act->n - at;
        pieces[i] = (weir_bytes) { (const char *)bytes + at, len };
        at += len;
    }
    model_write_begin(&game->model, end->who, act->n);
    int code = act->pieces > 1 ? weir_transport_writelines(end->t, pieces, (size_t)act->pieces)
             : end->writer != NULL ? weir_writer_write(end->writer, bytes, act->n)
                                   : weir_transport_write(end->t, bytes, act->n);
    memset(bytes, '#', act->n);                 /* the caller's memory is his again (CV-5) */
    ends_look(game, end->who);
    model_write(&game->model, end->who, before, eof_before, code);
}

static void set_limits(struct end *end, const struct act *act)
{
    struct model *m = &end->game->model;
    size_t low, high;

    ends_look(end->game, end->who);
    model_limits_begin(m, end->who, act);
    int code = weir_transport_set_write_buffer_limits(end->t, act->n, act->low);
    weir_transport_get_write_buffer_limits(end->t, &low, &high);
    ends_look(end->game, end->who);
    model_limits(m, end->who, act, code, low, high);
}

static void fail_it(struct end *end, const struct act *act, enum ends_event inside)
{
    struct seen before = ends_look(end->game, end->who);
    bool only_reported = inside == EVENT_MADE || inside == EVENT_PAUSE || inside == EVENT_RESUME || inside == EVENT_LOST;
    int code = fail_codes[act->n % 2];

    weir_transport_fail(end->t, code, NULL);
    ends_look(end->game, end->who);
    model_fail(&end->game->model, end->who, before, code, only_reported);
}

void ends_read_on(struct end *end, bool on)
{
    struct seen before = ends_look(end->game, end->who);
    int code = on ? weir_transport_resume_reading(end->t) : weir_transport_pause_reading(end->t);

    ends_look(end->game, end->who);
    model_reading(&end->game->model, end->who, before, on, code);
}

static void swap_protocol(struct end *end)
{
    end->kind = end->kind == ENDS_PLAIN ? ENDS_BUFFERED : ENDS_PLAIN;
    weir_transport_set_protocol(end->t, end->kind == ENDS_PLAIN ? &plain_protocol : &buffered_protocol, end);
    ends_look(end->game, end->who);
}

void ends_close(struct end *end, enum act_kind kind)
{
    struct seen before = ends_look(end->game, end->who);
    struct model *m = &end->game->model;
    int code = 0;

    switch (kind) {
    case ACT_CLOSE: weir_transport_close(end->t); break;
    case ACT_ABORT: weir_transport_abort(end->t); break;
    default: code = weir_transport_write_eof(end->t);
    }
    ends_look(end->game, end->who);
    if (kind == ACT_CLOSE)
        model_close(m, end->who, before);
    else if (kind == ACT_ABORT)
        model_abort(m, end->who, before);
    else
        model_write_eof(m, end->who, before, code);
}

void ends_perform(struct game *game, const struct act *act, enum act_kind kind, enum ends_event inside)
{
    struct end *end = &game->end[act->end];

    game->done[kind]++;
    if (game->print)
        printf("        %s %c %s\n", inside < EVENT_KINDS ? "  " : "", 'A' + act->end, ends_act_name(kind));
    switch (kind) {
    case ACT_WRITE: write_bytes(end, act); break;
    case ACT_WRITE_EOF: case ACT_CLOSE: case ACT_ABORT: ends_close(end, kind); break;
    case ACT_FAIL: fail_it(end, act, inside); break;
    case ACT_PAUSE: ends_read_on(end, false); break;
    case ACT_RESUME: ends_read_on(end, true); break;
    case ACT_LIMITS: set_limits(end, act); break;
    case ACT_FLUSH: weir_transport_flush(end->t); break;
    case ACT_SWAP: swap_protocol(end); break;
    case ACT_ARM: end->armed[act->event] = act; break;
    case ACT_READ: case ACT_DRAIN: case ACT_WAIT_CLOSED: ends_job_start(end, act); break;
    case ACT_CANCEL: ends_job_cancel(end); break;
    case ACT_PASSES:
        for (size_t i = 0; i < act->n; i++)
            ends_pass(game);
        break;
    case ACT_SETTLE: ends_settle(game); break;
    case ACT_KINDS: break;
    }
}
