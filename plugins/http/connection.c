/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/http/connection.c  Reading requests and answering them in order.
 *
 * What has come is looked at where it lies, with peek, and taken from the reader when it is answered: so a request stays in one
 * piece without a copy, and all that a read brought is answered before the next one. Answers are gathered and go out when the
 * task waits: sixteen pipelined requests cost one recv and one send.
 *
 * A negative code on its way up means that the connection is no good any more, and ends it without a word. END is the same for
 * an end in good order.
 */
#include "plugins/http/connection.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <weir/error.h>
#include <weir/run.h>
#include <weir/task.h>

#include "plugins/http/access.h"
#include "plugins/http/file.h"

#define END 1                   /* above 0 where 0 means "go on" */

#define QUIET_SECONDS  0.5      /* a client that has one request after the other sends the next within a round trip */
#define LINGER_SECONDS 1.0      /* time for the answer to arrive, and for the peer to see the end behind it */
#define LINGER_MOST    ((size_t)65536)

/* --- Writing -------------------------------------------------------------- */

bool connection_is_head(const struct connection *c)
{
    return c->request.method == HTTP_HEAD && c->request.phase == REQUEST_COMPLETE;
}

/* For every answer, when it has been written. */
static void count(struct connection *c, unsigned status, size_t bytes)
{
    worker_count(c->worker, status, bytes);
    if (c->worker->settings->access)
        access_log(c, status, bytes);
}

int connection_wait_drain(struct connection *c)
{
    int code = weir_writer_drain(c->writer);

    if (code == -ETIMEDOUT)
        weir_writer_abort(c->writer);           /* a peer that does not read: closing would wait for it once more */
    return code;
}

int64_t connection_wait_sendfile(struct connection *c, int fd, int64_t offset, uint64_t count)
{
    int64_t sent = weir_writer_sendfile(c->writer, fd, offset, count < SIZE_MAX ? (size_t)count : SIZE_MAX);

    if (sent == -ETIMEDOUT)
        weir_writer_abort(c->writer);
    return sent == WEIR_ESTATE ? -ECONNRESET : sent;    /* aborted by a drain whose time was up, which is nobody's failure */
}

/* What the head says: for 1.0 going on is the exception, for 1.1 ending is. */
static enum said_connection said(const struct connection *c)
{
    if (c->closing)
        return CONNECTION_CLOSE;
    return c->request.minor ? CONNECTION_UNSAID : CONNECTION_KEEP_ALIVE;
}

int connection_write(struct connection *c, const struct answer *answer, weir_bytes more, weir_bytes first)
{
    struct head head;
    size_t body = connection_is_head(c) ? 0 : first.len;

    worker_tick(c->worker);
    respond_head(&head, c->worker, answer, said(c));
    weir_bytes pieces[3] = { { head.text, head.len }, more, { first.data, body } };
    int code = weir_writer_writelines(c->writer, pieces, 3);
    if (code == 0)
        count(c, answer->status, head.len + more.len + (connection_is_head(c) ? 0 : (size_t)answer->length));
    return code;
}

int connection_answer_status(struct connection *c, unsigned status)
{
    static const weir_bytes plain = { "text/plain; charset=utf-8", 25 }, nothing = { "", 0 };
    weir_bytes reason = respond_reason(status);

    struct answer answer = {
        .status = (uint16_t)status, .type = plain, .length = reason.len, .modified = NEVER, .allow = status == 405,
    };
    return connection_write(c, &answer, nothing, reason);
}

static int write_ready(struct connection *c, const struct ready_answer *ready)
{
    size_t len = c->request.method == HTTP_HEAD ? ready->head_len : ready->len;
    int code = weir_writer_write(c->writer, ready->text, len);

    if (code == 0)
        count(c, 200, len);
    return code;
}

/* The same answer where its ready head does not fit. */
static int write_made(struct connection *c, weir_bytes type, weir_bytes body)
{
    struct answer answer = { .status = 200, .type = type, .length = body.len, .modified = NEVER };

    return connection_write(c, &answer, (weir_bytes) { "", 0 }, body);
}

/* --- Answering ------------------------------------------------------------ */

static weir_bytes target_of(const struct connection *c)
{
    return (weir_bytes) { c->view.data + c->start + c->request.target.at, c->request.target.len };
}

/* What this section answers a path with; NULL: that is for the files. */
static const struct ready_answer *ready_for(const struct worker *worker, weir_bytes target)
{
    if (worker->page.text != NULL && target.len == 1 && target.data[0] == '/')
        return &worker->page;
    if (worker->healthz.text != NULL && weir_bytes_eq(target, worker->settings->healthz))
        return &worker->healthz;
    return NULL;
}

/* Everything but what is ready: other spellings of a path, files. May suspend for a file. */
static int answer_path(struct connection *c)
{
    struct worker *worker = c->worker;
    const struct settings *settings = worker->settings;
    weir_bytes target = target_of(c);
    size_t len;

    int status = path_normalise(target.data, target.len, worker->path, &len);
    if (status != 0)
        return connection_answer_status(c, (unsigned)status);
    if (len == 0 && settings->page.data != NULL)
        return write_made(c, settings->page_type, settings->page);
    weir_bytes path = { worker->path, len };
    if (settings->healthz.len > 0 && weir_bytes_eq(path, (weir_bytes) { settings->healthz.data + 1, settings->healthz.len - 1 }))
        return write_made(c, (weir_bytes) { "text/plain; charset=utf-8", 25 }, (weir_bytes) { "ok\n", 3 });
    if (settings->root < 0)
        return connection_answer_status(c, 404);
    return file_answer(c, path);
}

/* Whether this answer is the last: the client says so, or the number is reached, or a drain is on and no further byte is there. */
static void decide_end(struct connection *c)
{
    const struct request *r = &c->request;
    uint64_t most = c->worker->settings->max_requests;
    bool enough = most > 0 && c->answered + 1 >= most;

    if (r->keep_alive && !enough && weir_draining())
        enough = c->start + r->parsed == weir_reader_buffered(c->reader);
    c->closing = !r->keep_alive || enough;
    c->lingers = enough || weir_reader_buffered(c->reader) > c->start + r->parsed;
}

/* 0 to go on, END, or a code. */
static int answer_request(struct connection *c)
{
    const struct request *r = &c->request;
    int code;

    decide_end(c);
    if (r->method == HTTP_GET || r->method == HTTP_HEAD) {
        const struct ready_answer *ready = c->closing || !r->minor ? NULL : ready_for(c->worker, target_of(c));
        code = ready != NULL ? write_ready(c, ready) : answer_path(c);
    } else {
        code = connection_answer_status(c, 405);
    }
    c->answered++;
    if (code < 0)
        return code;
    if (c->closing)
        return END;
    return connection_wait_drain(c);
}

/* An answer to what is no request, after which nothing can be told apart any more. */
static int answer_fault(struct connection *c, unsigned status)
{
    c->closing = c->lingers = true;
    int code = connection_answer_status(c, status);
    return code < 0 ? code : END;
}

/* --- Receiving ------------------------------------------------------------ */

static void end_limit(struct connection *c)
{
    if (!c->limited)
        return;
    weir_timeout_end(&c->limit);
    c->limited = false;
}

static void begin_limit(struct connection *c, double seconds)
{
    end_limit(c);
    weir_reader_set_timeout(c->reader, 0);      /* wait_idle's, which bounds each wait and not their sum */
    weir_timeout_begin(&c->limit, seconds);
    c->limited = true;
}

/* A body is coming. Who wants our word before he sends it gets it; who would get a refusal gets that at once. */
static int meet_body(struct connection *c)
{
    const struct request *r = &c->request;

    begin_limit(c, c->worker->settings->body_timeout);
    if (!r->expects_continue || !r->minor)
        return 0;
    if (r->method != HTTP_GET && r->method != HTTP_HEAD)
        return answer_fault(c, 405);
    return weir_writer_write(c->writer, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

/* Answer all that is in the view. 0: what is left needs more bytes; END, or a code. */
static int answer_view(struct connection *c)
{
    struct request *r = &c->request;
    int code = 0;

    while (code == 0 && c->start < c->view.len) {
        switch (request_parse(r, c->view.data + c->start, c->view.len - c->start)) {
        case REQUEST_MORE:
            return 0;
        case REQUEST_BODY_FOLLOWS:
            code = meet_body(c);
            if (code == 0 && c->start + r->parsed == c->view.len)
                return 0;
            break;
        case REQUEST_DONE:
            end_limit(c);
            code = answer_request(c);
            c->start += r->parsed;
            request_next(r);
            break;
        case REQUEST_FAULT:
            end_limit(c);
            code = answer_fault(c, r->fault);
            break;
        }
    }
    return code;
}

/* --- Waiting -------------------------------------------------------------- */

/* Until the first byte of a next request. As weir_reader_peek(). */
static ssize_t wait_idle(struct connection *c)
{
    weir_bytes out;

    weir_reader_set_timeout(c->reader, QUIET_SECONDS);
    ssize_t n = weir_reader_peek(c->reader, 1, &out);
    if (n != -ETIMEDOUT)
        return n;
    weir_reader_set_timeout(c->reader, c->worker->settings->idle_timeout);
    weir_writer_set_idle(c->writer, true);      /* which closes, when a drain is on */
    n = weir_reader_peek(c->reader, 1, &out);
    weir_writer_set_idle(c->writer, false);
    return n;
}

/* Until there is more of a request than llhttp has seen. As weir_reader_peek(), and 0 at the end. */
static ssize_t wait_for_rest(struct connection *c)
{
    size_t seen = c->request.parsed;
    weir_bytes out;

    if (!c->limited)
        begin_limit(c, c->worker->settings->header_timeout);
    ssize_t n = weir_reader_peek(c->reader, seen + 1, &out);
    return n == (ssize_t)seen ? 0 : n;
}

/* Take what is answered from the reader, and wait for more. How much there is; 0: the end. */
static ssize_t wait_for_bytes(struct connection *c)
{
    ssize_t n = c->start == 0 ? 0 : weir_reader_skip(c->reader, c->start);  /* they are there: it does not wait */

    c->start = c->view.len = 0;
    if (n < 0)
        return n;
    worker_flush_tally(c->worker);
    if (c->request.parsed > 0)
        n = wait_for_rest(c);
    else
        n = weir_reader_buffered(c->reader) > 0 ? 1 : wait_idle(c);
    if (n <= 0)
        return n;
    worker_tick(c->worker);
    if (c->worker->settings->access)
        access_begin(c);
    return weir_reader_peek(c->reader, weir_reader_buffered(c->reader), &c->view);
}

/* The wait was in vain. Only who has begun a request is told. 0, END or a code. */
static int give_up(struct connection *c, int code)
{
    weir_bytes seen = { "", 0 };

    end_limit(c);
    if (code == -EMSGSIZE)                      /* the section's max_read lets less through than our own bounds */
        return answer_fault(c, c->request.phase == REQUEST_BODY ? 413 : 431);
    if (code != -ETIMEDOUT)
        return code;
    if (c->request.parsed == 0 || weir_reader_peek(c->reader, c->request.parsed, &seen) < 0 ||
        !request_begun(&c->request, seen.data))
        return END;
    c->view = seen;
    return answer_fault(c, 408);
}

/* --- Life ----------------------------------------------------------------- */

/* Closing a socket that has unread bytes resets it, and a reset overtakes the answer. So the output is ended, and what the
 * peer still sends read off until it has seen the end; for a bounded time, and a bounded amount. */
static void wait_lingering(struct connection *c)
{
    weir_timeout limit;

    if (weir_writer_write_eof(c->writer) < 0)
        return;
    weir_reader_set_timeout(c->reader, 0);
    weir_timeout_begin(&limit, LINGER_SECONDS);
    (void)weir_reader_skip(c->reader, LINGER_MOST);
    weir_timeout_end(&limit);
}

static int serve(struct connection *c)
{
    int code = 0;

    while (code == 0) {
        ssize_t n = wait_for_bytes(c);
        if (n > 0)
            code = answer_view(c);
        else
            code = n == 0 ? END : give_up(c, (int)n);
    }
    if (code == END && c->closing && c->lingers)
        wait_lingering(c);
    /* Timeouts are told to the peer, if anybody, and are nothing to be reported. */
    return code == END || code == -ETIMEDOUT ? 0 : code;
}

int connection_serve(weir_reader *reader, weir_writer *writer, struct worker *worker)
{
    struct connection c = { .reader = reader, .writer = writer, .worker = worker };

    request_init(&c.request, worker->settings->max_header);
    weir_writer_set_timeout(writer, worker->settings->send_timeout);
    worker_ref(worker);
    int code = serve(&c);
    worker_flush_tally(worker);
    worker_unref(worker);
    return code;
}
