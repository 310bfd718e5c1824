/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/proxy/tunnel.c  The two tasks of a tunnel.
 *
 * The calling task carries bytes up, one that it makes carries them down. It joins that one before it returns, whatever
 * happened, so *t and both connections may belong to the caller's frame: nobody takes references. A cancel that finds it in
 * the join is handed on by it, and ends the other direction, which ends the tunnel.
 */
#include "plugins/proxy/tunnel.h"

#include <errno.h>
#include <sys/socket.h>

#include <weir/loop.h>
#include <weir/plugin.h>
#include <weir/task.h>

#define MOMENT 0.001            /* seconds: silence that is so nearly over counts as over */

struct direction {
    struct tunnel *tunnel;
    struct side *from, *to;
    unsigned counter;
};

/* --- Ending --------------------------------------------------------------- */

/* Closed with what is under way thrown away and a reset sent, where there is a socket. */
static void reset(struct side *side)
{
    const struct linger hard = { .l_onoff = 1, .l_linger = 0 };
    int fd = weir_writer_fd(side->writer);

    if (fd >= 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);    /* if it fails the peer sees an end instead */
    weir_writer_abort(side->writer);
}

static void end_tunnel(struct tunnel *t, enum ended ended, int code)
{
    if (t->ended != ENDED_NOT)
        return;
    t->ended = ended;
    t->code = code;
    reset(&t->client);                          /* which also wakes whoever waits there */
    reset(&t->upstream);
}

/* A call on @side failed. */
static void end_by_failure(struct tunnel *t, const struct side *side, int code)
{
    if (code == -ECANCELED)
        end_tunnel(t, ENDED_CANCELLED, code);
    else
        end_tunnel(t, code == -ENOMEM ? ENDED_MEMORY : side->failed, code);
}

/* --- Silence -------------------------------------------------------------- */

static void note_moved(struct tunnel *t, struct side *to)
{
    t->moved = weir_loop_time(t->loop);
    to->sent_seen = *to->sent;
}

/* What went out by itself, to a side that takes its bytes slowly. */
static void look_for_movement(struct tunnel *t, struct side *side)
{
    if (side->sent_seen != *side->sent)
        note_moved(t, side);
}

/* Seconds until the tunnel has been silent for too long; 0: it has. */
static double silence_left(struct tunnel *t)
{
    look_for_movement(t, &t->client);
    look_for_movement(t, &t->upstream);
    double left = t->moved + t->idle_timeout - weir_loop_time(t->loop);
    return left > MOMENT ? left : 0;
}

/* A wait on @side has ended with -ETIMEDOUT: whether since its time was over, and not as the connection's own failure. */
static bool is_silence(const struct tunnel *t, const struct side *side)
{
    return t->ended == ENDED_NOT && !weir_writer_is_closing(side->writer);
}

/* --- Carrying ------------------------------------------------------------- */

/* A wait is given what was left of the silence at one time or another, never more: when that is over it may go on, for what is
 * left now. As weir_reader_read(), with -ETIMEDOUT for silence too. */
static ssize_t wait_for_bytes(struct tunnel *t, struct side *from, weir_bytes *out)
{
    for (;;) {
        ssize_t n = weir_reader_read(from->reader, PIECE_MOST, out);
        if (n != -ETIMEDOUT || !is_silence(t, from))
            return n;
        double left = silence_left(t);
        if (left <= 0)
            return n;
        weir_reader_set_timeout(from->reader, left);
    }
}

/* The same for weir_writer_drain(). */
static int wait_for_room(struct tunnel *t, struct side *to)
{
    for (;;) {
        int code = weir_writer_drain(to->writer);
        if (code != -ETIMEDOUT || !is_silence(t, to))
            return code;
        double left = silence_left(t);
        if (left <= 0)
            return code;
        weir_writer_set_timeout(to->writer, left);
    }
}

/* Flushed at once, so that what the kernel takes now is part of this movement, and what it takes later is one of its own. */
static int pass_on(struct tunnel *t, struct side *to, weir_bytes bytes)
{
    int code = weir_writer_write(to->writer, bytes.data, bytes.len);

    if (code < 0)
        return code;
    (void)weir_writer_flush(to->writer);        /* a failure is drain's to tell */
    note_moved(t, to);
    return wait_for_room(t, to);
}

static void end_by_wait(struct tunnel *t, const struct side *side, int code)
{
    if (code == -ETIMEDOUT && is_silence(t, side))
        end_tunnel(t, ENDED_IDLE, code);
    else
        end_by_failure(t, side, code);
}

/* @from has no more. An end without a peer that ended is our own: the server has cut the connection. */
static void carry_end(struct tunnel *t, const struct side *from, const struct side *to)
{
    if (weir_writer_is_closing(from->writer)) {
        end_tunnel(t, ENDED_CANCELLED, -ECANCELED);
        return;
    }
    int code = weir_writer_write_eof(to->writer);
    if (code < 0)
        end_by_failure(t, to, code);
}

static void carry(const struct direction *d)
{
    struct tunnel *t = d->tunnel;
    weir_bytes bytes;

    for (;;) {
        ssize_t n = wait_for_bytes(t, d->from, &bytes);
        if (t->ended != ENDED_NOT)
            return;
        if (n < 0) {
            end_by_wait(t, d->from, (int)n);
            return;
        }
        if (n == 0) {
            carry_end(t, d->from, d->to);
            return;
        }
        weir_counter_add(d->counter, (uint64_t)n);
        int code = pass_on(t, d->to, bytes);
        if (t->ended != ENDED_NOT)
            return;
        if (code < 0) {
            end_by_wait(t, d->to, code);
            return;
        }
    }
}

static int carry_down(void *arg)
{
    carry(arg);
    return 0;
}

/* --- Both ----------------------------------------------------------------- */

static void begin_side(struct tunnel *t, struct side *side)
{
    side->sent = weir_writer_get_extra_info(side->writer, "bytes_sent");
    side->sent_seen = *side->sent;
    weir_reader_set_timeout(side->reader, t->idle_timeout);
    weir_writer_set_timeout(side->writer, t->idle_timeout);
}

/* Both sides have ended. What @side has not taken yet goes out before the tunnel counts as ended in good order. */
static void wait_for_last_bytes(struct tunnel *t, struct side *side)
{
    bool goes_on = true;
    int code = 0;

    if (weir_transport_get_write_buffer_size(weir_writer_transport(side->writer)) == 0)
        return;
    weir_writer_close(side->writer);
    while (goes_on) {
        side->sent_seen = *side->sent;
        WEIR_TIMEOUT(t->idle_timeout)
            code = weir_writer_wait_closed(side->writer);
        goes_on = code == -ETIMEDOUT && side->sent_seen != *side->sent;
    }
    if (code == -ETIMEDOUT)
        end_tunnel(t, ENDED_IDLE, code);
    else if (code < 0)
        end_by_failure(t, side, code);
}

void tunnel_run(struct tunnel *t)
{
    struct direction up = { t, &t->client, &t->upstream, t->bytes_up };
    struct direction down = { t, &t->upstream, &t->client, t->bytes_down };

    t->loop = weir_get_running_loop();
    t->ended = ENDED_NOT;
    t->code = 0;
    t->moved = weir_loop_time(t->loop);
    t->client.failed = ENDED_CLIENT;
    t->upstream.failed = ENDED_UPSTREAM;
    begin_side(t, &t->client);
    begin_side(t, &t->upstream);

    weir_task *task = weir_create_task(carry_down, &down);
    if (task == NULL) {
        end_tunnel(t, ENDED_MEMORY, -ENOMEM);
        return;
    }
    carry(&up);
    /* Returns when it is done, and not before: a cancel and a deadline are handed on to it. */
    if (weir_task_join(task) < 0)
        end_tunnel(t, ENDED_CANCELLED, -ECANCELED);     /* it was cancelled before its first step, by the loop's end */
    weir_task_unref(task);
    if (t->ended == ENDED_NOT)
        wait_for_last_bytes(t, &t->upstream);
    if (t->ended == ENDED_NOT)
        wait_for_last_bytes(t, &t->client);
    if (t->ended == ENDED_NOT)
        t->ended = ENDED_EOF;
}
