/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/transport_in.c  The read side: from readiness to the protocol's callbacks.
 *
 * A buffered protocol is asked where the bytes should go and gets them there; a plain one gets a borrowed block. A
 * read that filled less than it could has drained the kernel's queue: there is no second read only to see EAGAIN.
 *
 * Readiness is switched off only when an event comes that nobody wants: paused, after the end, while closing. A reader
 * that resumes first, and a connection that ends in the next pass, which is nearly every one, cost no epoll_ctl.
 *
 * Every callback may pause, close or abort the transport, or change its protocol, so each step looks again.
 */
#include "net/transport.h"

#include <errno.h>

#include "core/error.h"
#include "net/idle_limit.h"

static void on_end(weir_transport *t)
{
    bool keep = false;

    t->eof_received = true;
    if (t->protocol->eof_received != NULL)
        keep = t->protocol->eof_received(t->self);
    if (!keep || t->ops->one_way)
        weir_transport_close(t);                /* flushes first (BT-14) */
}

/* Whether to go on after @n of @asked bytes were read and handed over. */
static bool handed_over(weir_transport *t, ssize_t n, size_t asked)
{
    return (size_t)n == asked && t->state == TRANSPORT_OPEN && !t->read_paused;
}

/* The end, nothing there, or a failure: in each case there is nothing more to read now. */
static void no_bytes(weir_transport *t, ssize_t code)
{
    if (code == 0)
        on_end(t);
    else if (code != -EAGAIN && code != -EINTR)
        weir__transport_lose(t, (int)code);
}

static void note_received(weir_transport *t, ssize_t n)
{
    t->bytes_received += (size_t)n;
    weir__idle_limit_moved(t);
}

static bool read_into_protocol(weir_transport *t, size_t *budget)
{
    const weir_protocol *asked = t->protocol;
    void *asked_self = t->self;
    void *buf = NULL;
    size_t len = 0;

    asked->get_buffer(asked_self, WEIR_UNSET, &buf, &len);
    if (t->state != TRANSPORT_OPEN || t->read_paused)
        return false;
    if (t->protocol != asked || t->self != asked_self)
        return false;                           /* the room is not the new protocol's; what came is, with the next event (BT-15) */
    if (len == 0) {
        weir_transport_fail(t, WEIR_ESTATE, "get_buffer returned no room");
        return false;
    }
    if (len > *budget)
        len = *budget;
    ssize_t n = t->ops->recv(t, buf, len);
    if (n <= 0) {
        no_bytes(t, n);
        return false;
    }
    note_received(t, n);
    *budget -= (size_t)n;
    if (t->protocol->buffer_updated != NULL)
        t->protocol->buffer_updated(t->self, (size_t)n);
    return handed_over(t, n, len) && *budget > 0;
}

/* One piece of up to READ_MOST an event (BT-13). */
static void read_piece(weir_transport *t)
{
    struct block *block = weir__block_take(&t->loop->blocks, READ_MOST);

    if (block == NULL) {
        weir__transport_lose(t, -ENOMEM);
        return;
    }
    ssize_t n = t->ops->recv(t, block->bytes, READ_MOST);
    if (n > 0)
        note_received(t, n);
    if (n <= 0)
        no_bytes(t, n);
    else if (t->protocol->data_received != NULL)
        t->protocol->data_received(t->self, block->bytes, (size_t)n);
    weir__block_give(&t->loop->blocks, block);
}

void weir__transport_readable(weir_transport *t)
{
    size_t budget = READ_MOST;

    if (t->state != TRANSPORT_OPEN || t->eof_received || t->read_paused) {
        t->read_stopped = true;
        if (t->ops->want_read != NULL)
            t->ops->want_read(t, false);
        return;
    }
    weir__transport_ref(t);
    t->calling = CALLING_DATA;
    if (t->protocol->get_buffer != NULL) {
        while (read_into_protocol(t, &budget) && t->protocol->get_buffer != NULL)
            ;
    } else {
        read_piece(t);
    }
    t->calling = CALLING_NOTHING;
    weir__transport_unref(t);
}
