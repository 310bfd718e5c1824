/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/ends_model_read.c  What a stream's calls may return: reads by SR, drain and wait_closed by SW.
 *
 * A read is judged by what was buffered in the instant in which it returned.
 */
#include "lib/ends_model.h"

#include <errno.h>
#include <string.h>

#include <weir/error.h>
#include <weir/transport.h>

static unsigned char byte_at(const struct model *m, int end, uint64_t at)
{
    return ends_byte(m->plan->seed, 1 - end, at);
}

/* --- Separators (SR-17, SR-23) -------------------------------------------- */

struct found {
    size_t begin, len;          /* len 0: not found */
    size_t longest;
};

static bool stands_at(const struct model *m, int end, uint64_t at, weir_bytes sep)
{
    for (size_t i = 0; i < sep.len; i++) {
        if (byte_at(m, end, at + i) != (unsigned char)sep.data[i])
            return false;
    }
    return true;
}

/* The match that ends first, and of those the shortest, in the first @len bytes that are not read. */
static struct found search(const struct model *m, int end, const struct act *act, size_t len)
{
    static const weir_bytes newline = { "\n", 1 };
    const weir_bytes *seps = act->read == READ_LINE ? &newline : act->read == READ_ANY ? ends_any : &ends_separators[act->sep];
    size_t count = act->read == READ_ANY ? ENDS_ANY : 1;
    uint64_t from = m->end[end].consumed;
    struct found found = { .longest = 0 };

    for (size_t k = 0; k < count; k++)
        found.longest = seps[k].len > found.longest ? seps[k].len : found.longest;
    for (size_t until = 1; until <= len; until++) {
        for (size_t k = 0; k < count; k++) {
            if (seps[k].len > until || !stands_at(m, end, from + until - seps[k].len, seps[k]))
                continue;
            if (found.len == 0 || seps[k].len < found.len) {
                found.begin = until - seps[k].len;
                found.len = seps[k].len;
            }
        }
        if (found.len > 0)
            break;
    }
    return found;
}

/* --- Reads ---------------------------------------------------------------- */

/* What a read should have given: @result, of which @given bytes, and @taken left the buffer. */
struct right {
    ssize_t result;
    size_t given, taken, consumed;
    bool waits;                 /* it should still be waiting */
};

static struct right by_separator(const struct model *m, int end, const struct act *act, size_t len, bool eof)
{
    struct found found = search(m, end, act, len);
    size_t limit = m->plan->limit[end];
    size_t offset = len + 1 > found.longest ? len + 1 - found.longest : 0;
    bool line = act->read == READ_LINE;

    if (found.len > 0 && found.begin <= limit)
        return (struct right) { .result = (ssize_t)(found.begin + found.len), .given = found.begin + found.len,
                                .taken = found.begin + found.len };
    if (found.len > 0)
        return (struct right) { .result = WEIR_ELIMIT, .taken = line ? found.begin + 1 : 0, .consumed = found.begin };
    if (offset > limit)
        return (struct right) { .result = WEIR_ELIMIT, .taken = line ? len : 0, .consumed = offset };
    if (!eof)
        return (struct right) { .waits = true };
    return (struct right) { .result = line ? (ssize_t)len : WEIR_EINCOMPLETE, .given = len, .taken = len };
}

/* By the rules, with @len bytes buffered. */
static struct right judge(const struct model *m, int end, const struct act *act, size_t len, bool eof)
{
    size_t least = act->n < len ? act->n : len;

    switch (act->read) {
    case READ_SOME:
        return (struct right) { .result = (ssize_t)least, .given = least, .taken = least, .waits = act->n > 0 && len == 0 && !eof };
    case READ_ALL:
        return (struct right) { .result = (ssize_t)len, .given = len, .taken = len, .waits = !eof };
    case READ_EXACTLY:
        if (len < act->n && eof)
            return (struct right) { .result = WEIR_EINCOMPLETE, .given = len, .taken = len };
        return (struct right) { .result = (ssize_t)act->n, .given = act->n, .taken = act->n, .waits = len < act->n };
    case READ_PEEK:
        return (struct right) { .result = (ssize_t)least, .given = least, .waits = len < act->n && !eof };
    default:
        return by_separator(m, end, act, len, eof);
    }
}

static bool at_the_end(const struct model_end *e)
{
    return e->ended || (e->lost && e->lost_code == 0);
}

/* SR-10a: what consumes resumes, at the limit and not above it; what does not leaves all as it is. */
static void check_reading(struct model *m, int end, const struct read_done *done, bool consumes)
{
    const struct model_end *e = &m->end[end];
    bool low = e->received - e->consumed <= m->plan->limit[end];

    if (e->seen.closing || !done->at_once)
        return;
    if (e->seen.reading != (done->was_reading || (consumes && low)))
        model_wrong(m, end, "%zu bytes are left, and reading %s (SR-10)", done->buffered,
                    e->seen.reading ? "goes on" : "is paused");
}

static void check_result(struct model *m, int end, const struct read_done *done)
{
    struct model_end *e = &m->end[end];
    size_t len = (size_t)(e->received - e->consumed);
    struct right right = judge(m, end, done->act, len, at_the_end(e));

    if (right.waits) {
        model_wrong(m, end, "a read that has to wait, with %zu bytes, returned %zd", len, done->result);
        return;
    }
    if (done->result != right.result || (right.result != WEIR_ELIMIT && done->len != right.given))
        model_wrong(m, end, "a read of %zu bytes that are there returned %zd, and not %zd", len, done->result, right.result);
    for (size_t i = 0; i < done->len && i < right.given && m->wrong == 0; i++) {
        if (done->bytes[i] != byte_at(m, end, e->consumed + i))
            model_wrong(m, end, "a read gave other bytes, from byte %zu on", i);
    }
    if (right.result == WEIR_ELIMIT && done->consumed != right.consumed)
        model_wrong(m, end, "consumed is %zu, and not %zu (SR-18)", done->consumed, right.consumed);
    if (right.result == WEIR_EINCOMPLETE && done->expected != (done->act->read == READ_EXACTLY ? done->act->n : WEIR_UNSET))
        model_wrong(m, end, "expected is %zu (SR-16)", done->expected);
    e->consumed += right.taken;
    check_reading(m, end, done, right.result != WEIR_EINCOMPLETE && right.taken > 0);
}

void model_read(struct model *m, int end, const struct read_done *done)
{
    struct model_end *e = &m->end[end];
    bool nothing = false;

    if (done->result == -ECANCELED)
        nothing = done->cancelled;
    else if (done->result == -EBUSY)
        nothing = done->other;
    else if (done->failure < 0)
        nothing = done->result == done->failure && e->lost && e->lost_code == done->failure;
    if (done->failure < 0 || done->result == -ECANCELED || done->result == -EBUSY) {
        if (!nothing)
            model_wrong(m, end, "a read returned %zd; the failure is %d", done->result, done->failure);
    } else {
        check_result(m, end, done);
    }
    if (done->failure == 0 && done->buffered != e->received - e->consumed)
        model_wrong(m, end, "%zu bytes are buffered, of %llu %llu were read", done->buffered, (unsigned long long)e->received,
                    (unsigned long long)e->consumed);
}

void model_read_waits(struct model *m, int end, const struct act *act, size_t buffered)
{
    const struct model_end *e = &m->end[end];
    struct right right = judge(m, end, act, buffered, at_the_end(e));

    if (!right.waits || e->lost)
        model_wrong(m, end, "a read waits that has what it wants: %zu bytes (SR-13 to SR-17)", buffered);
    if (!e->seen.reading && !e->seen.closing)
        model_wrong(m, end, "a read waits, and reading is paused (SR-10)");
}

/* --- Writers -------------------------------------------------------------- */

void model_drain(struct model *m, int end, const struct wait_begun *begun, int code, unsigned passes, bool cancelled)
{
    const struct model_end *e = &m->end[end];
    bool right;

    if (code == -ECANCELED)
        right = cancelled;
    else if (begun->failure < 0)
        right = code == begun->failure;
    else if (code < 0)
        right = e->lost && code == (e->lost_code < 0 ? e->lost_code : -ECONNRESET);
    else
        right = code == 0 && !begun->lost && (!e->lost || e->lost_code == 0);
    if (!right)
        model_wrong(m, end, "drain returned %d; lost %d with %d (SW-4)", code, e->lost, e->lost_code);
    if (code == 0 && begun->paused && !e->lost && e->resumes == begun->resumes)
        model_wrong(m, end, "drain returned, and writing was never resumed (SW-4)");
    if (begun->closing && begun->failure == 0 && passes == 0 && code != -ECANCELED)
        model_wrong(m, end, "drain on a closing end let nobody run (SW-4)");
    if (code == 0 && !begun->closing && !begun->paused && !e->seen.closing && passes > 0)
        model_wrong(m, end, "drain waited with little pending (SW-4)");
}

void model_drain_waits(struct model *m, int end)
{
    if (m->end[end].lost || !m->end[end].paused)
        model_wrong(m, end, "a drain waits, and writing is not paused (SW-4)");
}

void model_wait_closed(struct model *m, int end, int code, bool cancelled)
{
    const struct model_end *e = &m->end[end];

    if (code == -ECANCELED && cancelled)
        return;
    if (!e->lost || code != e->lost_code)
        model_wrong(m, end, "wait_closed returned %d; lost %d with %d (SW-9)", code, e->lost, e->lost_code);
}
