/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/loop_call.c  call_soon, call_later, call_at, call_soon_threadsafe, and their handles.
 *
 * A handle is given back to its pool just before its callback runs, or when it is cancelled.
 */
#include <weir/loop.h>

#include <math.h>

#include "core/error.h"
#include "core/handle.h"
#include "core/sys.h"
#include "core/task.h"

static weir_handle *new_handle(weir_loop *loop, weir_callback cb, void *arg)
{
    if (loop->closed || loop->closing) {
        weir__fail(-ESHUTDOWN);
        return NULL;
    }
    if (weir__loop_foreign(loop)) {
        weir__fail_text(WEIR_ESTATE, "called from a thread that does not run this loop");
        return NULL;
    }
    weir_handle *handle = weir__pool_take(&loop->handles);
    if (handle == NULL) {
        weir__fail(-ENOMEM);
        return NULL;
    }
    handle->ready.kind = READY_HANDLE;
    list_init(&handle->ready.link);
    list_init(&handle->waiting);
    handle->loop = loop;
    handle->cb = cb;
    handle->arg = arg;
    handle->due_ns = FOREVER;
    handle->live = true;
    return handle;
}

static void give_back(weir_handle *handle)
{
    handle->live = false;
    weir__pool_give(&handle->loop->handles, handle);
}

void weir__handle_run(struct ready *ready)
{
    weir_handle *handle = list_entry(ready, weir_handle, ready);
    weir_callback cb = handle->cb;
    void *arg = handle->arg;

    give_back(handle);
    cb(arg);
}

weir_handle *weir_loop_call_soon(weir_loop *loop, weir_callback cb, void *arg)
{
    weir_handle *handle = new_handle(loop, cb, arg);

    if (handle != NULL)
        weir__loop_queue(loop, &handle->ready);
    return handle;
}

/* --- Later ---------------------------------------------------------------- */

static void set_timer(weir_handle *handle, int64_t now_ns)
{
    double after = (double)(handle->due_ns - now_ns) / NS_PER_SECOND;

    /* libev counts from when it last read the clock; what passed since is added, so that nothing is early. */
    ev_timer_set(&handle->timer, after, 0.);
    ev_timer_start(handle->loop->ev, &handle->timer);
}

static void on_due(struct ev_loop *ev, ev_timer *timer, int events)
{
    weir_handle *handle = timer->data;
    int64_t now_ns = sys_monotonic_ns();

    (void)ev, (void)events;
    if (now_ns < handle->due_ns) {
        set_timer(handle, now_ns);
        return;
    }
    list_remove(&handle->waiting);
    weir__loop_release(handle->loop);
    weir__loop_queue(handle->loop, &handle->ready);
}

static weir_handle *call_at_ns(weir_loop *loop, int64_t now_ns, int64_t due_ns, weir_callback cb, void *arg)
{
    weir_handle *handle = new_handle(loop, cb, arg);

    if (handle == NULL)
        return NULL;
    int code = weir__loop_admit(loop, -1);
    if (code < 0) {
        give_back(handle);
        weir__fail(code);
        return NULL;
    }
    handle->due_ns = due_ns;
    ev_timer_init(&handle->timer, on_due, 0., 0.);
    ev_set_priority(&handle->timer, -1);
    handle->timer.data = handle;
    list_append(&loop->later, &handle->waiting);
    if (due_ns != FOREVER)
        set_timer(handle, now_ns);
    return handle;
}

weir_handle *weir_loop_call_later(weir_loop *loop, double delay, weir_callback cb, void *arg)
{
    int64_t now_ns = sys_monotonic_ns();

    if (isnan(delay)) {
        weir__fail_text(-EINVAL, "call_later: the delay is not a number");
        return NULL;
    }
    /* A negative delay keeps its place before a smaller one (C113). */
    int64_t due_ns = delay > 0 ? weir__ns_after(now_ns, delay)
                   : delay > -1e9 ? now_ns + (int64_t)(delay * NS_PER_SECOND) : now_ns - NS_PER_SECOND * NS_PER_SECOND;
    return call_at_ns(loop, now_ns, due_ns, cb, arg);
}

weir_handle *weir_loop_call_at(weir_loop *loop, double when, weir_callback cb, void *arg)
{
    if (isnan(when)) {
        weir__fail_text(-EINVAL, "call_at: the time is not a number");
        return NULL;
    }
    return call_at_ns(loop, sys_monotonic_ns(), weir__ns_after(0, when), cb, arg);
}

/* --- Ending --------------------------------------------------------------- */

static void discard(weir_handle *handle)
{
    weir_loop *loop = handle->loop;

    if (!list_empty(&handle->waiting)) {
        if (handle->due_ns != FOREVER)
            ev_timer_stop(loop->ev, &handle->timer);
        list_remove(&handle->waiting);
        weir__loop_release(loop);
    }
    list_remove(&handle->ready.link);
    give_back(handle);
}

void weir_handle_cancel(weir_handle *handle)
{
    /* Once more is harmless (EL-4), as long as no later call got the same handle. */
    if (handle != NULL && handle->live && !weir__loop_foreign(handle->loop))
        discard(handle);
}

static void drop_queued(struct list *queue)
{
    struct list *node, *next;

    for (node = queue->next; node != queue; node = next) {
        struct ready *ready = list_entry(node, struct ready, link);
        next = node->next;
        if (ready->kind == READY_HANDLE)
            discard(list_entry(ready, weir_handle, ready));
    }
}

void weir__handles_drop(weir_loop *loop)
{
    drop_queued(&loop->now);
    drop_queued(&loop->next);
    while (!list_empty(&loop->later))
        discard(list_entry(loop->later.next, weir_handle, waiting));
}

static void finish_calls(struct list *queue)
{
    while (!list_empty(queue)) {
        struct ready *ready = list_entry(list_take_first(queue), struct ready, link);
        if (ready->kind == READY_CALL) {        /* tasks are on loop->tasks too, and dropped from there */
            struct call *call = list_entry(ready, struct call, ready);
            call->fn(call);
        }
    }
}

void weir__calls_finish(weir_loop *loop)
{
    finish_calls(&loop->now);
    finish_calls(&loop->next);
}

/* --- From other threads --------------------------------------------------- */

struct posted_call {
    struct inbox_item item;
    weir_loop *loop;
    weir_callback cb;
    void *arg;
};

/* Queued rather than called: it takes its turn among what call_soon queued. */
static void queue_posted(struct inbox_item *item)
{
    struct posted_call *posted = list_entry(item, struct posted_call, item);

    if (!posted->loop->closing && weir_loop_call_soon(posted->loop, posted->cb, posted->arg) == NULL)
        posted->cb(posted->arg);                /* no memory for a handle: a little early beats never */
    sys_free(posted);
}

static void drop_posted(struct inbox_item *item)
{
    sys_free(list_entry(item, struct posted_call, item));
}

int weir_loop_call_soon_threadsafe(weir_loop *loop, weir_callback cb, void *arg)
{
    struct posted_call *posted = sys_malloc(sizeof *posted);

    if (posted == NULL)
        return weir__fail(-ENOMEM);
    *posted = (struct posted_call) {
        .item = { .run = queue_posted, .drop = drop_posted, .bounded = true }, .loop = loop, .cb = cb, .arg = arg,
    };
    int code = weir__inbox_post(loop->inbox, &posted->item);
    if (code < 0) {
        sys_free(posted);
        return weir__fail(code);
    }
    return 0;
}
