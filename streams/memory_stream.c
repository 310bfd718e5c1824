/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * streams/memory_stream.c  Streams over memory: weir_stream_pair and weir_test_handler.
 */
#include <weir/streams.h>

#include <errno.h>
#include <string.h>

#include "core/error.h"
#include "core/loop.h"
#include "core/sys.h"
#include "core/task.h"
#include "core/task_group.h"
#include "net/transport.h"
#include "streams/stream.h"

/* --- A stream over one end ------------------------------------------------ */

struct memory_stream {
    weir_reader reader;
    struct stream stream;
};

static void release_memory_stream(struct stream *stream)
{
    struct memory_stream *m = list_entry(stream, struct memory_stream, stream);

    if (stream->transport != NULL)
        weir__transport_unref(stream->transport);
    weir__reader_fini(&m->reader);
    sys_free(m);
}

static struct memory_stream *new_memory_stream(void)
{
    struct memory_stream *m = sys_malloc(sizeof *m);

    if (m == NULL) {
        weir__fail(-ENOMEM);
        return NULL;
    }
    weir__reader_init(&m->reader, weir__this_loop, STREAM_LIMIT);
    weir__stream_init(&m->stream, weir__this_loop, &m->reader, release_memory_stream);
    return m;
}

static int stream_factory(void *arg, const weir_protocol **protocol, void **self)
{
    *protocol = weir_stream_protocol();
    *self = &((struct memory_stream *)arg)->stream;
    return 0;
}

/* Usable at once: nobody but us sees a stream's connection_made. */
static void give_to_user(struct memory_stream *m, weir_transport *t)
{
    weir__transport_start_now(t);
    weir__stream_add_user(&m->stream);
}

int weir_stream_pair(weir_reader **ra, weir_writer **wa, weir_reader **rb, weir_writer **wb)
{
    weir_transport *ta, *tb;

    if (weir__this_loop == NULL)
        return weir__fail_text(WEIR_ESTATE, "a stream pair needs a running loop; this thread runs none");
    struct memory_stream *a = new_memory_stream();
    struct memory_stream *b = new_memory_stream();
    int code = a == NULL || b == NULL ? -ENOMEM : weir_memory_pair(stream_factory, a, &ta, stream_factory, b, &tb, 0);
    if (code < 0) {
        if (a != NULL)
            weir__stream_unref(&a->stream);
        if (b != NULL)
            weir__stream_unref(&b->stream);
        return weir__fail(code);
    }
    give_to_user(a, ta);
    give_to_user(b, tb);
    *ra = &a->reader;
    *wa = &a->stream.writer;
    *rb = &b->reader;
    *wb = &b->stream.writer;
    return 0;
}

/* --- Testing a handler ---------------------------------------------------- */

/* The far end: collects what the handler writes. */
struct collector {
    char *data;
    size_t len, room;
    int failure;                /* -ENOMEM */
    bool lost;
    weir_task *waiter;
};

struct trial {
    weir_client_connected_cb cb;
    void *arg;
    struct memory_stream *stream;
};

static void collect(void *self, const void *data, size_t len)
{
    struct collector *collector = self;

    if (collector->failure < 0)
        return;
    if (collector->room - collector->len < len) {
        size_t room = 2 * (collector->len + len);
        char *grown = sys_realloc(collector->data, room);
        if (grown == NULL) {
            collector->failure = -ENOMEM;
            return;
        }
        collector->data = grown;
        collector->room = room;
    }
    memcpy(collector->data + collector->len, data, len);
    collector->len += len;
}

static void collector_lost(void *self, int code)
{
    struct collector *collector = self;

    if (code == -ENOMEM)                        /* part of the output is missing; a reset only means input left unread */
        collector->failure = code;
    collector->lost = true;
    if (collector->waiter != NULL)
        weir__task_wake(collector->waiter, 0);
}

static const weir_protocol collector_protocol = { .data_received = collect, .connection_lost = collector_lost };

static int collector_factory(void *arg, const weir_protocol **protocol, void **self)
{
    *protocol = &collector_protocol;
    *self = arg;
    return 0;
}

static int run_trial(void *arg)
{
    struct trial *trial = arg;
    weir_writer *writer = &trial->stream->stream.writer;
    int code = trial->cb(&trial->stream->reader, writer, trial->arg);

    weir__task_groups_leave(code);              /* what it left running may use the connection */
    weir_writer_free(writer);
    return code;
}

/* The handler has returned; its last output is on its way. */
static void wait_for_output(struct collector *collector)
{
    weir_task *self = weir__task_current();
    bool cancelled = false;

    collector->waiter = self;
    while (!collector->lost) {
        if (weir__task_wait_past_deadline(WAIT_CLOSED, NULL) == -ECANCELED)
            cancelled = true;
    }
    self->cancel_pending = self->cancel_pending || cancelled;
}

/* What the handler returned, or, with *ran false, why it did not run. */
static int run_with_input(struct trial *trial, weir_transport *far, const void *in, size_t in_len, bool *ran)
{
    int code = weir_transport_write(far, in, in_len);

    if (code == 0)
        code = weir_transport_write_eof(far);
    weir_task *task = code == 0 ? weir_create_task(run_trial, trial) : NULL;
    *ran = task != NULL;
    if (task == NULL) {
        weir_writer_free(&trial->stream->stream.writer);
        weir_transport_abort(far);
        return code < 0 ? code : weir__failure_here()->code;
    }
    code = weir_task_join(task);
    weir_task_unref(task);
    return code;
}

int weir_test_handler(weir_client_connected_cb cb, void *arg, const void *in, size_t in_len, size_t chunk, char **out,
                      size_t *out_len)
{
    struct trial trial = { .cb = cb, .arg = arg };
    weir_transport *near, *far;

    if (weir__task_current() == NULL)
        return weir__fail(WEIR_ENOTASK);
    struct collector *collector = sys_calloc(1, sizeof *collector);
    trial.stream = collector == NULL ? NULL : new_memory_stream();
    int code = trial.stream == NULL ? -ENOMEM : weir_memory_pair(stream_factory, trial.stream, &near, collector_factory,
                                                                 collector, &far, chunk);
    if (code < 0) {
        if (trial.stream != NULL)
            weir__stream_unref(&trial.stream->stream);
        sys_free(collector);
        return weir__fail(code);
    }
    give_to_user(trial.stream, near);
    weir__transport_ref(far);
    bool ran;
    code = run_with_input(&trial, far, in, in_len, &ran);
    wait_for_output(collector);
    weir__transport_unref(far);
    if (collector->failure == 0 && collector->data == NULL) {
        collector->data = sys_malloc(1);        /* no output is not no memory: *out can be freed all the same */
        collector->failure = collector->data == NULL ? -ENOMEM : 0;
    }
    if (!ran || collector->failure < 0) {
        sys_free(collector->data);
        code = ran ? weir__fail(collector->failure) : code;
    } else {
        *out = collector->data;
        *out_len = collector->len;
    }
    sys_free(collector);
    return code;
}
