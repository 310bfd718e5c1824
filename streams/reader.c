/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * streams/reader.c  The reading half of a stream: its state, how it is fed, and how a read waits.
 *
 * Bytes go in at one end (feed_*, or straight into the buffer by the stream protocol) and come out at the other
 * (reader_read.c), one task at a time. The separator search is in reader_scan.c, the bytes themselves in core/buffer.c.
 *
 *                feed_eof
 *      OPEN -----------------> ENDED       OPEN    more bytes may come
 *        |                       |         ENDED   what is buffered is all there is
 *        |     set_exception     |         FAILED  every read returns the code, even with bytes still buffered
 *        +-------> FAILED <------+
 *
 * Always true between calls:
 *   1. waiter is set exactly while a task is suspended in weir__reader_wait().
 *   2. paused implies transport != NULL.
 *   3. In ENDED the buffer never grows.
 */
#include <weir/streams.h>

#include "streams/reader.h"

#include <assert.h>
#include <errno.h>

#include "core/error.h"
#include "core/loop.h"
#include "core/sys.h"
#include "core/task.h"
#include "net/transport.h"
#include "streams/stream.h"

#define ROOM_LEAST ((size_t)2048)   /* less room than this at a block's end is not worth a system call */

/* --- Making and freeing --------------------------------------------------- */

void weir__reader_init(weir_reader *r, weir_loop *loop, size_t limit)
{
    *r = (weir_reader) { .limit = limit, .loop = loop, .expected = WEIR_UNSET };
    weir__buffer_init(&r->in, &loop->blocks);
}

void weir__reader_fini(weir_reader *r)
{
    assert(r->waiter == NULL);
    weir__reader_forget_transport(r);
    weir__buffer_fini(&r->in);
}

weir_reader *weir_reader_new(size_t limit)
{
    weir_loop *loop = weir__this_loop;

    if (limit == 0 || (ssize_t)limit < 0) {
        weir__fail_text(-EINVAL, "a reader's limit has to be at least 1");
        return NULL;
    }
    if (loop == NULL) {
        weir__fail_text(WEIR_ESTATE, "a reader needs a running loop; this thread runs none");
        return NULL;
    }
    weir_reader *r = sys_malloc(sizeof *r);
    if (r == NULL) {
        weir__fail(-ENOMEM);
        return NULL;
    }
    weir__reader_init(r, loop, limit);
    return r;
}

void weir_reader_free(weir_reader *r)
{
    if (r == NULL || (r->stream != NULL && r->stream->owns_reader))
        return;                                 /* half of a connection: that goes with its writer */
    if (r->stream != NULL)
        r->stream->reader = NULL;
    weir__reader_fini(r);
    sys_free(r);
}

/* --- Pausing and resuming ------------------------------------------------- */

void weir__reader_forget_transport(weir_reader *r)
{
    weir_transport *t = r->transport;

    r->transport = NULL;
    r->paused = false;
    if (t != NULL)
        weir__transport_unref(t);
}

static void resume_transport(weir_reader *r)
{
    r->paused = false;
    if (r->transport != NULL)
        weir_transport_resume_reading(r->transport);
}

void weir__reader_maybe_resume(weir_reader *r)
{
    if (r->paused && buffer_len(&r->in) <= r->limit)
        resume_transport(r);
}

static void maybe_pause(weir_reader *r)
{
    if (r->transport == NULL || r->paused || buffer_len(&r->in) <= 2 * r->limit)
        return;
    if (weir_transport_pause_reading(r->transport) == -ENOTSUP)
        weir__reader_forget_transport(r);       /* cannot pause: the buffer simply grows (SR-3) */
    else
        r->paused = true;
}

/* --- Waiting -------------------------------------------------------------- */

static bool is_satisfied(weir_reader *r)
{
    size_t len = buffer_len(&r->in);

    if (r->eof)
        return true;
    switch (r->want) {
    case WANT_BYTES:
        return len >= r->want_bytes;
    case WANT_SCAN:
        return weir__scan(r->scan, buffer_bytes(&r->in), len) || r->scan->offset > r->limit;
    case WANT_END:
        return r->max_read > 0 && len > r->max_read;
    }
    return true;
}

/* Only a waiter that gets what it wants is switched to; the others sleep on. */
static void wake_waiter(weir_reader *r)
{
    if (r->waiter == NULL || r->waiter->state != TASK_PARKED)
        return;
    if (is_satisfied(r))
        weir__task_wake(r->waiter, 0);
    else if (r->paused)
        resume_transport(r);                    /* it wants more than the pause would let in (SR-10b) */
}

int weir__reader_wait(weir_reader *r, enum want want, size_t bytes, struct scan *scan)
{
    weir_task *task = weir__task_current();
    struct stream *stream = r->stream;

    assert(!r->eof);
    assert(r->failure == 0);
    if (task == NULL)
        return weir__fail(WEIR_ENOTASK);
    if (r->waiter != NULL)
        return weir__fail(-EBUSY);

    /* A paused transport would never wake us. This is also what lets readexactly wait for more than the pause allows. */
    if (r->paused)
        resume_transport(r);

    int64_t limit_ns = r->timeout > 0 ? weir__ns_after(weir__loop_pass_ns(r->loop), r->timeout) : FOREVER;
    r->waiter = task;
    r->want = want;
    r->want_bytes = bytes;
    r->scan = scan;
    if (stream != NULL)
        weir__stream_ref(stream);               /* the handler may return while we wait */
    int code = weir__task_wait(WAIT_BYTES, stream != NULL ? stream->transport : NULL, limit_ns);
    r->waiter = NULL;
    weir__buffer_end_loan(&r->in);              /* another task may have read in between */
    if (stream != NULL)
        weir__stream_unref_later(stream);       /* the read that called us still looks at *r */
    if (code < 0)
        return code;
    return r->failure < 0 ? weir__fail(r->failure) : 0;
}

/* --- Feeding -------------------------------------------------------------- */

int weir_reader_feed_data(weir_reader *r, const void *data, size_t len)
{
    if (weir__loop_foreign(r->loop))
        return weir__fail_text(WEIR_ESTATE, "fed from a thread that does not run its loop");
    if (data == NULL && len > 0)
        return weir__fail_text(-EINVAL, "feed_data: no data, but a length of %zu", len);
    if (r->eof)
        return weir__fail_text(WEIR_ESTATE, "fed after the end");
    if (len == 0)
        return 0;
    if (weir__buffer_append(&r->in, data, len) < 0)
        return weir__fail(-ENOMEM);
    maybe_pause(r);
    wake_waiter(r);
    return 0;
}

void weir__reader_get_buffer(weir_reader *r, void **buf, size_t *len)
{
    if (weir__buffer_receive(&r->in, ROOM_LEAST, r->big_reads ? BLOCK_LARGEST : BLOCK_USUAL, buf, len) < 0)
        *len = 0;
    r->offered = *len;
}

int weir__reader_buffer_updated(weir_reader *r, size_t n)
{
    r->big_reads = n == r->offered || (r->big_reads && n >= BLOCK_USUAL);
    if (weir__buffer_received(&r->in, n) < 0)
        return -ENOMEM;
    maybe_pause(r);
    wake_waiter(r);
    return 0;
}

void weir_reader_feed_eof(weir_reader *r)
{
    if (weir__loop_foreign(r->loop))
        return;
    r->eof = true;
    wake_waiter(r);
}

void weir_reader_set_exception(weir_reader *r, int code)
{
    if (code >= 0 || weir__loop_foreign(r->loop))
        return;
    r->failure = code;
    if (r->waiter != NULL)
        weir__task_wake(r->waiter, code);
}

int weir_reader_set_transport(weir_reader *r, weir_transport *t)
{
    if (r->had_transport)
        return weir__fail_text(WEIR_ESTATE, "the reader has a transport already");
    r->had_transport = true;
    r->transport = t;
    if (t != NULL)
        weir__transport_ref(t);                 /* reads go on after the loss, and resume it */
    return 0;
}

/* --- Asking --------------------------------------------------------------- */

bool weir_reader_at_eof(const weir_reader *r)
{
    return r->eof && buffer_len(&r->in) == 0;
}

int weir_reader_exception(const weir_reader *r)
{
    return r->failure;
}

size_t weir_reader_consumed(const weir_reader *r)
{
    return r->consumed;
}

size_t weir_reader_expected(const weir_reader *r)
{
    return r->expected;
}

size_t weir_reader_buffered(const weir_reader *r)
{
    return buffer_len(&r->in);
}

void weir_reader_set_timeout(weir_reader *r, double seconds)
{
    r->timeout = seconds > 0 ? seconds : 0;
}
