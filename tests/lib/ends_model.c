/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/ends_model.c  The two directions of a pair: what may be told to an end, and when.
 */
#include "lib/ends_model.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include <weir/error.h>
#include <weir/transport.h>

void model_begin(struct model *m, const struct ends_plan *plan)
{
    *m = (struct model) { .plan = plan, .step = -1 };
    for (int i = 0; i < 2; i++) {
        m->end[i].low = 16384;                  /* FC-1 */
        m->end[i].high = 65536;
    }
}

void model_wrong(struct model *m, int end, const char *fmt, ...)
{
    va_list args;

    if (m->wrong++ > 0)
        return;                                 /* what follows from a broken rule is no news */
    printf("WEIR_STREAM_SEED=%llu: step %d, end %c: ", (unsigned long long)m->plan->seed, m->step, 'A' + end);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n");
    fflush(stdout);                             /* the test is a process of its own, which does not end by exit() */
}

/* Closing, and not by a loss whose code came from below: its output is still on its way out. */
static bool is_flushing(const struct model_end *e, struct seen seen)
{
    return seen.closing && e->cause == CAUSE_CLOSE && seen.size > 0;
}

static bool may_end(const struct model_end *e, struct seen before)
{
    return !before.closing || is_flushing(e, before);
}

/* --- Callbacks ------------------------------------------------------------ */

/* What every callback but the first needs, and what comes from the peer besides. */
static void check_alive(struct model *m, int end, const char *what)
{
    if (!m->end[end].made || m->end[end].lost)
        model_wrong(m, end, "%s %s (PR-1)", what, m->end[end].lost ? "after the loss" : "before connection_made");
}

static void check_input(struct model *m, int end, const char *what)
{
    const struct model_end *e = &m->end[end];

    check_alive(m, end, what);
    if (e->ended)
        model_wrong(m, end, "%s after the end (PR-1)", what);
    if (e->cause != CAUSE_NONE || e->seen.closing)
        model_wrong(m, end, "%s while closing (BT-5)", what);
    if (e->read_paused || !e->seen.reading)
        model_wrong(m, end, "%s while paused (BT-4)", what);
}

void model_made(struct model *m, int end)
{
    if (m->end[end].made || m->end[end].lost)
        model_wrong(m, end, "connection_made twice (PR-1)");
    m->end[end].made = true;
}

void model_place(struct model *m, int end)
{
    check_input(m, end, "get_buffer");
}

void model_data(struct model *m, int end, const unsigned char *bytes, size_t n)
{
    struct model_end *e = &m->end[end];

    check_input(m, end, "data");
    if (n == 0 || n > 262144 || (m->plan->chunk > 0 && n > m->plan->chunk))
        model_wrong(m, end, "a piece of %zu bytes (BT-13)", n);
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] != ends_byte(m->plan->seed, 1 - end, e->received + i)) {
            model_wrong(m, end, "byte %llu is not what was written", (unsigned long long)(e->received + i));
            break;
        }
    }
    e->received += n;
    if (e->received > m->end[1 - end].seen.sent || e->received != e->seen.received)
        model_wrong(m, end, "told %llu bytes, received %llu, and the peer sent %llu", (unsigned long long)e->received,
                    (unsigned long long)e->seen.received, (unsigned long long)m->end[1 - end].seen.sent);
}

bool model_ended(struct model *m, int end)
{
    struct model_end *e = &m->end[end], *peer = &m->end[1 - end];

    check_input(m, end, "the end");
    e->ended = true;
    if (!peer->eof_asked && !peer->lost)
        model_wrong(m, end, "an end that nobody sent");
    if (peer->left_unread)
        model_wrong(m, end, "an end, and the peer had left bytes unread (BT-17)");
    if (e->received != peer->seen.sent)
        model_wrong(m, end, "the end after %llu of %llu bytes that were sent (BT-12)", (unsigned long long)e->received,
                    (unsigned long long)peer->seen.sent);
    if (!peer->cut && e->received != peer->accepted)
        model_wrong(m, end, "the end after %llu of %llu bytes that were written (BT-12)", (unsigned long long)e->received,
                    (unsigned long long)peer->accepted);
    return m->plan->kind[end] == ENDS_STREAM || m->plan->keep_open[end];
}

void model_auto_close(struct model *m, int end)
{
    if (m->end[end].cause == CAUSE_NONE)
        m->end[end].cause = CAUSE_CLOSE;
}

void model_paused(struct model *m, int end)
{
    struct model_end *e = &m->end[end];

    check_alive(m, end, "pause_writing");
    if (e->paused)
        model_wrong(m, end, "pause_writing twice (FC-5)");
    if (e->calls == 0)
        model_wrong(m, end, "pause_writing outside of a write (PR-2)");
    if (e->seen.size <= e->high)
        model_wrong(m, end, "pause_writing at %zu, not above %zu (FC-5)", e->seen.size, e->high);
    e->paused = true;
    e->sent_then = e->seen.sent;
}

void model_resumed(struct model *m, int end)
{
    struct model_end *e = &m->end[end];

    check_alive(m, end, "resume_writing");
    if (!e->paused)
        model_wrong(m, end, "resume_writing without pause_writing (FC-6)");
    if (e->calls > 0)
        model_wrong(m, end, "resume_writing inside a call (FC-3)");
    if (e->seen.size > e->low)
        model_wrong(m, end, "resume_writing at %zu, above %zu (FC-6)", e->seen.size, e->low);
    if (e->seen.sent == e->sent_then)
        model_wrong(m, end, "resume_writing, and nothing was taken (FC-6)");
    e->paused = false;
    e->resumes++;
}

static bool is_right_loss(const struct model_end *e, const struct model_end *peer, int code)
{
    bool broken = peer->lost && code == (peer->left_unread ? -ECONNRESET : -EPIPE);

    switch (e->cause) {
    case CAUSE_EXACT: return code == e->cause_code;
    case CAUSE_CLOSE: return code == 0 ? e->seen.sent == e->accepted : broken && e->seen.sent < e->accepted;
    case CAUSE_NONE: break;
    }
    return broken && (code == -ECONNRESET || e->seen.sent < e->accepted);
}

void model_lost(struct model *m, int end, int code)
{
    struct model_end *e = &m->end[end], *peer = &m->end[1 - end];

    check_alive(m, end, "connection_lost");
    if (!e->seen.closing || e->seen.reading || e->seen.size > 0)
        model_wrong(m, end, "lost, and %s (BT-16)", !e->seen.closing ? "not closing" : e->seen.reading ? "reading" : "not empty");
    if (!is_right_loss(e, peer, code))
        model_wrong(m, end, "lost with %d; cause %d, %d; %llu of %llu bytes were sent (BT-7)", code, (int)e->cause, e->cause_code,
                    (unsigned long long)e->seen.sent, (unsigned long long)e->accepted);
    e->lost = true;
    e->lost_code = code;
    e->cut = e->cut || code != 0;
    e->left_unread = peer->seen.sent > e->received;
}

/* --- Calls ---------------------------------------------------------------- */

static void check_marks(struct model *m, int end)
{
    const struct model_end *e = &m->end[end];

    if (e->made && !e->seen.closing && e->seen.size > e->high && !e->paused)
        model_wrong(m, end, "%zu bytes are buffered, the high mark is %zu, and writing is not paused (FC-5)", e->seen.size,
                    e->high);
}

void model_write_begin(struct model *m, int end, size_t n)
{
    struct model_end *e = &m->end[end];

    e->calls++;
    if (!e->eof_asked && !e->seen.closing)
        e->accepted += n;
}

void model_write(struct model *m, int end, struct seen before, bool eof_before, int code)
{
    struct model_end *e = &m->end[end];

    e->calls--;
    if (code != (eof_before ? WEIR_ESTATE : 0))
        model_wrong(m, end, "a write returned %d (BT-9)", code);
    if (before.closing && (e->seen.size > before.size || e->seen.sent != before.sent))
        model_wrong(m, end, "a write while closing was kept or sent (B 3)");
    check_marks(m, end);
}

void model_write_eof(struct model *m, int end, struct seen before, int code)
{
    struct model_end *e = &m->end[end];
    bool gone = !before.closing && !e->eof_asked && m->end[1 - end].lost && !e->seen.closing && e->seen.size == 0;

    if (code != (gone ? -ENOTCONN : 0))
        model_wrong(m, end, "write_eof returned %d (BT-12)", code);
    if (before.closing)
        return;
    e->eof_asked = true;
    if (e->seen.closing && e->seen.sent == e->accepted)
        model_wrong(m, end, "write_eof closed (BT-12)");
}

void model_close(struct model *m, int end, struct seen before)
{
    struct model_end *e = &m->end[end];

    if (!e->seen.closing || e->seen.reading)
        model_wrong(m, end, "close, and not closing (BT-3)");
    if (!before.closing)
        e->cause = CAUSE_CLOSE;
}

static void end_now(struct model_end *e, int code)
{
    e->cause = CAUSE_EXACT;
    e->cause_code = code;
    e->cut = true;
}

void model_abort(struct model *m, int end, struct seen before)
{
    struct model_end *e = &m->end[end];

    if (!e->seen.closing || e->seen.reading || e->seen.size > 0)
        model_wrong(m, end, "abort, and %zu bytes are buffered (BT-6)", e->seen.size);
    if (may_end(e, before))
        end_now(e, 0);
}

void model_fail(struct model *m, int end, struct seen before, int code, bool only_reported)
{
    struct model_end *e = &m->end[end];

    m->reports++;
    if (only_reported) {
        if (e->seen.closing != before.closing)
            model_wrong(m, end, "a failure that is only reported closed (PR-9)");
        return;
    }
    if (!e->seen.closing || e->seen.size > 0)
        model_wrong(m, end, "failed, and goes on (PR-9)");
    if (may_end(e, before))
        end_now(e, code);
}

void model_reading(struct model *m, int end, struct seen before, bool on, int code)
{
    struct model_end *e = &m->end[end];

    if (!before.closing)
        e->read_paused = !on;
    if (code != 0 || e->seen.reading != (!before.closing && on))
        model_wrong(m, end, "%s returned %d, and is_reading is %d (BT-4)", on ? "resume" : "pause", code, e->seen.reading);
}

/* FC-2. False: what was asked for is wrong. */
static bool marks_asked(const struct act *asked, size_t *low, size_t *high)
{
    *high = asked->n;
    *low = asked->low;
    if (asked->n == WEIR_UNSET && asked->low == WEIR_UNSET) {
        *high = 65536;
        *low = 16384;
    } else if (asked->low == WEIR_UNSET) {
        *low = asked->n / 4;
    } else if (asked->n == WEIR_UNSET) {
        *high = asked->low > SIZE_MAX / 4 ? 0 : asked->low * 4;
    }
    return *high >= *low && (ssize_t)*high >= 0;
}

void model_limits_begin(struct model *m, int end, const struct act *asked)
{
    struct model_end *e = &m->end[end];
    size_t low, high;

    e->calls++;
    if (!marks_asked(asked, &low, &high))
        return;
    e->low = low;
    e->high = high;
    e->sent_then = e->seen.sent;
}

void model_limits(struct model *m, int end, const struct act *asked, int code, size_t low, size_t high)
{
    struct model_end *e = &m->end[end];
    size_t wants_low, wants_high;

    e->calls--;
    if (code != (marks_asked(asked, &wants_low, &wants_high) ? 0 : -EINVAL))
        model_wrong(m, end, "limits returned %d (FC-2)", code);
    if (low != e->low || high != e->high)
        model_wrong(m, end, "the marks are %zu and %zu, not %zu and %zu (FC-2)", low, high, e->low, e->high);
    check_marks(m, end);
}

/* --- States --------------------------------------------------------------- */

static void check_end(struct model *m, int end)
{
    const struct model_end *e = &m->end[end];
    bool alive = !e->seen.closing || is_flushing(e, e->seen);

    if (alive && e->seen.size != e->accepted - e->seen.sent)
        model_wrong(m, end, "%zu bytes are buffered, of %llu %llu were sent (FC-4)", e->seen.size, (unsigned long long)e->accepted,
                    (unsigned long long)e->seen.sent);
    if (e->paused && alive && e->seen.size <= e->low && e->seen.sent > e->sent_then)
        model_wrong(m, end, "%zu bytes are buffered, the low mark is %zu, and writing is not resumed (FC-6)", e->seen.size, e->low);
    if (e->received != e->seen.received)
        model_wrong(m, end, "%llu bytes were received and %llu told", (unsigned long long)e->seen.received,
                    (unsigned long long)e->received);
    if ((e->cause != CAUSE_NONE || e->lost) && !e->seen.closing)
        model_wrong(m, end, "closed, and not closing (BT-3)");
    if (e->lost && (e->seen.reading || e->seen.size > 0))
        model_wrong(m, end, "lost, and reads or holds output (BT-16)");
    check_marks(m, end);
}

void model_always(struct model *m)
{
    check_end(m, 0);
    check_end(m, 1);
}

/* Nothing moves. Whoever has something to do, and nothing to wait for, was forgotten. */
static void check_stuck(struct model *m, int end)
{
    const struct model_end *e = &m->end[end], *peer = &m->end[1 - end];
    bool listens = peer->seen.reading && !peer->ended;

    if (!e->made)
        model_wrong(m, end, "never made");
    if (e->lost && listens)
        model_wrong(m, 1 - end, "hears nothing of the peer's end");
    if (!e->lost && e->seen.size > 0 && (peer->lost || e->seen.sent - peer->received < ENDS_HELD))
        model_wrong(m, end, "%zu bytes wait for a peer that has room (BT-5)", e->seen.size);
    if (!e->lost && e->seen.closing && e->seen.size == 0)
        model_wrong(m, end, "closing, and never lost (BT-5)");
    if (listens && peer->received < e->seen.sent)
        model_wrong(m, 1 - end, "reads, and %llu bytes do not come", (unsigned long long)(e->seen.sent - peer->received));
    if (listens && e->eof_asked && !e->seen.closing && e->seen.size == 0)
        model_wrong(m, 1 - end, "hears nothing of the end of the output (BT-12)");
    if (e->ended && !e->seen.closing && m->plan->kind[end] != ENDS_STREAM && !m->plan->keep_open[end])
        model_wrong(m, end, "does not close at the end (BT-14)");
}

void model_quiet(struct model *m)
{
    model_always(m);
    check_stuck(m, 0);
    check_stuck(m, 1);
}
