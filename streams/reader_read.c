/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * streams/reader_read.c  The read calls.
 *
 * Each checks in the same order (SR-9): its arguments, the stored failure, n == 0, then what is there. Then it loops: look,
 * wait, look again. A view that an earlier read lent ends when the next read begins.
 */
#include <weir/streams.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "core/error.h"
#include "core/loop.h"
#include "core/sys.h"
#include "streams/reader.h"

#define SEPARATORS_INLINE 8     /* sorted on the stack; more need an allocation */

/* The beginning of every read; 0 to go on. */
static int begin(weir_reader *r, size_t n)
{
    if (weir__loop_foreign(r->loop))
        return weir__fail_text(WEIR_ESTATE, "read from a thread that does not run its loop");
    if (n > SSIZE_MAX)
        return weir__fail_text(-EINVAL, "a read of %zu bytes: more than a result can say", n);
    if (r->failure < 0)
        return weir__fail(r->failure);
    return 0;
}

/* Bytes leave the front: a search that is under way for a suspended task begins anew (SR-11). */
static void restart_scan(weir_reader *r)
{
    if (r->waiter != NULL && r->want == WANT_SCAN)
        weir__scan_restart(r->scan);
}

static ssize_t lend_nothing(weir_bytes *out)
{
    *out = (weir_bytes) { "", 0 };
    return 0;
}

static ssize_t lend(weir_reader *r, size_t n, weir_bytes *out)
{
    restart_scan(r);
    weir__buffer_lend(&r->in, n, out);
    weir__reader_maybe_resume(r);
    return (ssize_t)n;
}

/* The end came first: everything goes to the caller as the partial data. */
static ssize_t take_incomplete(weir_reader *r, size_t expected, weir_bytes *out)
{
    r->expected = expected;
    r->partial = buffer_len(&r->in);
    restart_scan(r);
    weir__buffer_lend(&r->in, r->partial, out);
    return weir__fail(WEIR_EINCOMPLETE);
}

static int wait_for_bytes(weir_reader *r, size_t n)
{
    return weir__reader_wait(r, WANT_BYTES, n, NULL);
}

/* --- By number ------------------------------------------------------------ */

static ssize_t read_to_the_end(weir_reader *r, weir_bytes *out)
{
    while (!r->eof) {
        if (r->max_read > 0 && buffer_len(&r->in) > r->max_read)
            return weir__fail(-EMSGSIZE);
        int code = weir__reader_wait(r, WANT_END, 0, NULL);
        if (code < 0)
            return code;
    }
    if (r->max_read > 0 && buffer_len(&r->in) > r->max_read)
        return weir__fail(-EMSGSIZE);
    return lend(r, buffer_len(&r->in), out);
}

ssize_t weir_reader_read(weir_reader *r, size_t n, weir_bytes *out)
{
    int code = begin(r, n == WEIR_READ_ALL ? 0 : n);

    if (code < 0)
        return code;
    if (n == 0)
        return lend_nothing(out);
    weir__buffer_end_loan(&r->in);
    if (n == WEIR_READ_ALL)
        return read_to_the_end(r, out);
    while (buffer_len(&r->in) == 0 && !r->eof) {
        code = wait_for_bytes(r, 1);
        if (code < 0)
            return code;
    }
    return lend(r, n < buffer_len(&r->in) ? n : buffer_len(&r->in), out);
}

ssize_t weir_reader_readexactly(weir_reader *r, size_t n, weir_bytes *out)
{
    int code = begin(r, n);

    if (code < 0)
        return code;
    if (n == 0)
        return lend_nothing(out);
    if (r->max_read > 0 && n > r->max_read)
        return weir__fail(-EMSGSIZE);
    weir__buffer_end_loan(&r->in);
    while (buffer_len(&r->in) < n) {
        if (r->eof)
            return take_incomplete(r, n, out);
        code = wait_for_bytes(r, n);
        if (code < 0)
            return code;
    }
    return lend(r, n, out);
}

ssize_t weir_reader_peek(weir_reader *r, size_t n, weir_bytes *out)
{
    int code = begin(r, n);

    if (code < 0)
        return code;
    if (n == 0)
        return lend_nothing(out);
    if (r->max_read > 0 && n > r->max_read)
        return weir__fail(-EMSGSIZE);
    weir__buffer_end_loan(&r->in);
    while (buffer_len(&r->in) < n && !r->eof) {
        code = wait_for_bytes(r, n);
        if (code < 0)
            return code;
    }
    n = n < buffer_len(&r->in) ? n : buffer_len(&r->in);
    weir__buffer_peek(&r->in, n, out);
    return (ssize_t)n;
}

/* --- Into the caller's memory --------------------------------------------- */

/* Move up to @n unread bytes to @buf, or nowhere (NULL). */
static size_t move_out(weir_reader *r, void *buf, size_t n)
{
    size_t len = buffer_len(&r->in);

    n = n < len ? n : len;
    if (n == 0)
        return 0;
    if (buf != NULL)
        memcpy(buf, buffer_bytes(&r->in), n);
    restart_scan(r);
    weir__buffer_drop(&r->in, n);
    weir__buffer_end_loan(&r->in);
    weir__reader_maybe_resume(r);
    return n;
}

ssize_t weir_reader_read_into(weir_reader *r, void *buf, size_t n)
{
    if (buf == NULL && n > 0)
        return weir__fail_text(-EINVAL, "read_into: no buffer, but room for %zu bytes", n);
    int code = begin(r, n);
    if (code < 0 || n == 0)
        return code;
    weir__buffer_end_loan(&r->in);
    while (buffer_len(&r->in) == 0 && !r->eof) {
        code = wait_for_bytes(r, 1);
        if (code < 0)
            return code;
    }
    return (ssize_t)move_out(r, buf, n);
}

/* Move bytes as they come until @n are moved or the end. How many, or the code that ended it, with consumed set. */
static ssize_t move_exactly(weir_reader *r, char *buf, size_t n)
{
    size_t moved = 0;

    weir__buffer_end_loan(&r->in);
    r->consumed = 0;
    if (r->waiter != NULL && buffer_len(&r->in) < n && !r->eof)
        return weir__fail(-EBUSY);              /* before anything is taken from under the other */
    for (;;) {
        moved += move_out(r, buf == NULL ? NULL : buf + moved, n - moved);
        r->consumed = moved;
        if (moved == n || r->eof)
            return (ssize_t)moved;
        int code = wait_for_bytes(r, 1);
        if (code < 0)
            return code;
    }
}

ssize_t weir_reader_readexactly_into(weir_reader *r, void *buf, size_t n)
{
    if (buf == NULL && n > 0)
        return weir__fail_text(-EINVAL, "readexactly_into: no buffer, but %zu bytes wanted", n);
    int code = begin(r, n);
    if (code < 0 || n == 0)
        return code;
    ssize_t moved = move_exactly(r, buf, n);
    if (moved < 0 || (size_t)moved == n)
        return moved;
    r->expected = n;
    r->partial = (size_t)moved;
    return weir__fail(WEIR_EINCOMPLETE);
}

ssize_t weir_reader_skip(weir_reader *r, size_t n)
{
    int code = begin(r, n);

    if (code < 0 || n == 0)
        return code;
    return move_exactly(r, NULL, n);
}

/* --- By separator --------------------------------------------------------- */

/* SR-17, literally: the search, the limit, the end, and only then the wait. 0: found, in @scan. Inlined by force: a frame of
 * its own would be another cache line of every parked task. */
__attribute__((always_inline)) static inline int wait_for_separator(weir_reader *r, struct scan *scan)
{
    weir__buffer_end_loan(&r->in);
    while (!weir__scan(scan, buffer_bytes(&r->in), buffer_len(&r->in))) {
        if (scan->offset > r->limit) {
            r->consumed = scan->offset;
            return weir__fail(WEIR_ELIMIT);
        }
        if (r->eof)
            return WEIR_EINCOMPLETE;
        int code = weir__reader_wait(r, WANT_SCAN, 0, scan);
        if (code < 0)
            return code;
    }
    if (scan->begin > r->limit) {
        r->consumed = scan->begin;
        return weir__fail(WEIR_ELIMIT);
    }
    return 0;
}

static ssize_t read_until(weir_reader *r, struct scan *scan, weir_bytes *out)
{
    int code = wait_for_separator(r, scan);

    if (code == WEIR_EINCOMPLETE)
        return take_incomplete(r, WEIR_UNSET, out);
    return code < 0 ? code : lend(r, scan->begin + scan->len, out);
}

ssize_t weir_reader_readuntil(weir_reader *r, const void *sep, size_t sep_len, weir_bytes *out)
{
    weir_bytes one = { sep, sep_len };
    struct scan scan = { .seps = &one, .count = 1 };

    if (sep == NULL || sep_len == 0)
        return weir__fail_text(-EINVAL, "readuntil: a separator has at least one byte");
    int code = begin(r, 0);
    return code < 0 ? code : read_until(r, &scan, out);
}

/* By rising length, as struct scan wants them; there are few. */
static int sort_separators(const weir_bytes *seps, size_t count, weir_bytes *sorted)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        if (seps[i].data == NULL || seps[i].len == 0)
            return weir__fail_text(-EINVAL, "readuntil_any: separator %zu is empty", i);
        for (; at > 0 && sorted[at - 1].len > seps[i].len; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = seps[i];
    }
    return 0;
}

ssize_t weir_reader_readuntil_any(weir_reader *r, const weir_bytes *seps, size_t count, weir_bytes *out)
{
    weir_bytes few[SEPARATORS_INLINE];
    weir_bytes *sorted = few;

    if (seps == NULL || count == 0)
        return weir__fail_text(-EINVAL, "readuntil_any: no separators");
    if (count > SEPARATORS_INLINE)
        sorted = count > SIZE_MAX / sizeof *sorted ? NULL : sys_malloc(count * sizeof *sorted);
    if (sorted == NULL)
        return weir__fail(-ENOMEM);
    ssize_t result = sort_separators(seps, count, sorted);
    if (result == 0)
        result = begin(r, 0);
    if (result == 0) {
        struct scan scan = { .seps = sorted, .count = count };
        result = read_until(r, &scan, out);
    }
    if (sorted != few)
        sys_free(sorted);
    return result;
}

/* An overlong line is dropped whole if its end is there, else as far as it came (SR-19). */
static ssize_t drop_long_line(weir_reader *r)
{
    size_t n = r->consumed;

    if (n < buffer_len(&r->in) && buffer_bytes(&r->in)[n] == '\n')
        n++;
    else
        n = buffer_len(&r->in);
    restart_scan(r);
    weir__buffer_drop(&r->in, n);
    weir__buffer_end_loan(&r->in);
    weir__reader_maybe_resume(r);
    return weir__fail(WEIR_ELIMIT);
}

ssize_t weir_reader_readline(weir_reader *r, weir_bytes *out)
{
    static const weir_bytes newline = { "\n", 1 };
    struct scan scan = { .seps = &newline, .count = 1 };
    int code = begin(r, 0);

    if (code < 0)
        return code;
    code = wait_for_separator(r, &scan);
    if (code == 0)
        return lend(r, scan.begin + 1, out);
    if (code == WEIR_EINCOMPLETE)
        return lend(r, buffer_len(&r->in), out);        /* the last line, or nothing: the end */
    return code == WEIR_ELIMIT ? drop_long_line(r) : code;
}
