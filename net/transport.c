/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/transport.c  The life of a transport and the public calls. States are drawn in transport.h.
 */
#include <weir/transport.h>

#include "net/transport.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/error.h"
#include "core/task.h"
#include "net/idle_limit.h"
#include "net/net_loop.h"

/* --- Life ----------------------------------------------------------------- */

static void start_later(struct call *call);
static void finish_later(struct call *call);

int weir__transport_init(weir_transport *t, weir_loop *loop, const struct transport_ops *ops,
                         const weir_protocol *protocol, void *self, void (*release)(weir_transport *t))
{
    struct net_loop *net = weir__net_loop(loop);

    if (protocol == NULL)
        return weir__fail_text(WEIR_ESTATE, "the factory made no protocol");
    if (net == NULL)
        return weir__fail(-ENOMEM);
    t->ops = ops;
    t->loop = loop;
    t->protocol = protocol;
    t->self = self;
    t->state = TRANSPORT_OPENING;
    t->refs = 1;
    t->release = release;
    weir__out_init(&t->out);
    list_init(&t->gathered_link);
    list_init(&t->link);
    list_init(&t->owner_link);
    weir__call_init(&t->later, start_later);
    return 0;
}

void weir__transport_unref(weir_transport *t)
{
    assert(t->refs > 0);
    if (--t->refs == 0)
        t->release(t);
}

void weir__transport_start(weir_transport *t)
{
    assert(t->state == TRANSPORT_OPENING);
    weir__transport_ref(t);                     /* until connection_lost has returned */
    t->state = TRANSPORT_OPEN;
    weir__call_init(&t->later, finish_later);
    list_append(&weir__net_loop(t->loop)->transports, &t->link);
    if (t->early == EARLY_LOSE)
        weir__transport_lose(t, t->lost_code);  /* the first cause, whatever connection_made does (BT-7) */
    if (t->protocol->connection_made != NULL) {
        t->calling = CALLING_MADE;
        t->protocol->connection_made(t->self, t);
        t->calling = CALLING_NOTHING;
    }
    weir__out_check_pause(t);                   /* for what was written before */
    if (t->early == EARLY_CLOSE)
        weir_transport_close(t);
    if (t->state != TRANSPORT_OPEN)
        return;
    if (t->read_paused)
        t->read_stopped = true;
    else if (t->ops->want_read != NULL)
        t->ops->want_read(t, true);
}

static void start_later(struct call *call)
{
    weir_transport *t = list_entry(call, weir_transport, later);
    weir_task *starter = t->starter;

    t->starter = NULL;
    list_remove(&t->link);
    weir__transport_start(t);
    if (starter != NULL)
        weir__task_wake(starter, 0);
    else
        weir__transport_unref(t);               /* what start_later took over */
}

void weir__transport_start_later(weir_transport *t)
{
    list_append(&weir__net_loop(t->loop)->transports, &t->link);
    weir__loop_call(t->loop, &t->later);
}

void weir__transport_start_now(weir_transport *t)
{
    weir__call_cancel(&t->later);
    start_later(&t->later);
}

int weir__transport_wait_start(weir_transport *t)
{
    t->starter = weir__task_current();
    weir__loop_call(t->loop, &t->later);
    int code = weir__task_wait(WAIT_START, t, FOREVER);
    if (t->starter != NULL) {                   /* cut short before the turn of start_later came */
        weir__call_cancel(&t->later);
        t->starter = NULL;
        t->state = TRANSPORT_GONE;
        t->ops->close(t);
        return code;
    }
    weir__task_keep_cancel(code);               /* it is made all the same */
    return 0;
}

static void tell_sender(weir_transport *t)
{
    if (t->sender != NULL)
        weir__task_wake(t->sender, 0);
}

void weir__transport_lose(weir_transport *t, int code)
{
    if (t->state >= TRANSPORT_LOST || (t->state == TRANSPORT_OPENING && t->early == EARLY_LOSE))
        return;
    t->lost_code = code;
    weir__out_discard(t);
    tell_sender(t);
    if (t->state == TRANSPORT_OPENING) {
        t->early = EARLY_LOSE;
        return;
    }
    t->state = TRANSPORT_LOST;                  /* what ops still watch, close stops */
    weir__loop_call(t->loop, &t->later);
}

void weir__transport_finish(weir_transport *t)
{
    bool started = t->state != TRANSPORT_OPENING;

    weir__call_cancel(&t->later);
    t->state = TRANSPORT_GONE;
    if (started && t->protocol->connection_lost != NULL) {
        t->calling = CALLING_LOST;
        t->protocol->connection_lost(t->self, t->lost_code);
        t->calling = CALLING_NOTHING;
    }
    weir__idle_limit_end(t);
    t->ops->close(t);                           /* after the callback, which may still ask for the socket (BT-8) */
    list_remove(&t->link);
    if (t->owner != NULL) {
        struct transport_owner *owner = t->owner;
        t->owner = NULL;
        list_remove(&t->owner_link);
        owner->gone(owner, t);
    }
    weir__transport_unref(t);
}

static void finish_later(struct call *call)
{
    weir__transport_finish(list_entry(call, weir_transport, later));
}

/* --- Closing -------------------------------------------------------------- */

void weir_transport_close(weir_transport *t)
{
    if (t->state > TRANSPORT_OPEN || weir__loop_foreign(t->loop))
        return;
    if (t->state == TRANSPORT_OPENING) {
        t->early = t->early == EARLY_NOTHING ? EARLY_CLOSE : t->early;
        return;
    }
    t->state = TRANSPORT_FLUSHING;
    weir__out_flush(t);
    if (t->state == TRANSPORT_FLUSHING && t->out.size == 0)
        weir__transport_lose(t, 0);
    else
        tell_sender(t);
}

void weir_transport_abort(weir_transport *t)
{
    if (t->state >= TRANSPORT_LOST || t->early == EARLY_LOSE || weir__loop_foreign(t->loop))
        return;
    weir__out_flush(t);                         /* one offer; what the kernel does not take is dropped */
    weir__transport_lose(t, 0);
    t->lost_code = 0;                           /* the abort came before what the offer may have failed with */
}

void weir_transport_fail(weir_transport *t, int code, const char *why)
{
    if (weir__loop_foreign(t->loop))
        return;
    if (code >= 0)
        code = -EINVAL;                         /* a loss with 0 would read as a regular close */
    weir__loop_exception(t->loop, code, "%s", why != NULL ? why : "a protocol's callback failed");
    if (t->calling == CALLING_NOTHING || t->calling == CALLING_DATA)
        weir__transport_lose(t, code);
}

bool weir_transport_is_closing(const weir_transport *t)
{
    return t->state >= TRANSPORT_FLUSHING || t->early != EARLY_NOTHING;
}

/* --- Asking --------------------------------------------------------------- */

int weir__transport_fd(const weir_transport *t)
{
    return t->ops->fd == NULL ? -1 : t->ops->fd(t);
}

const void *weir_transport_get_extra_info(const weir_transport *t, const char *name)
{
    /* The transport is ours and never const; asking for a name may look it up and remember it. */
    weir_transport *asked = (weir_transport *)(uintptr_t)t;

    if (name == NULL)
        return NULL;
    if (strcmp(name, "bytes_received") == 0)
        return &t->bytes_received;
    if (strcmp(name, "bytes_sent") == 0)
        return &t->bytes_sent;
    if (strcmp(name, "socket") == 0 || strcmp(name, "pipe") == 0)
        weir__out_flush(asked);                 /* whoever writes to the descriptor himself comes after us */
    return t->ops->extra_info(asked, name);
}

void weir_transport_set_protocol(weir_transport *t, const weir_protocol *protocol, void *self)
{
    if (protocol == NULL || weir__loop_foreign(t->loop))
        return;
    weir__out_flush(t);
    t->protocol = protocol;
    t->self = self;
}

const weir_protocol *weir_transport_get_protocol(const weir_transport *t, void **self)
{
    if (self != NULL)
        *self = t->self;
    return t->protocol;
}

/* --- Reading -------------------------------------------------------------- */

void weir__transport_pause(weir_transport *t, enum transport_pause who)
{
    if (t->state <= TRANSPORT_OPEN)
        t->read_paused |= (unsigned char)who;
}

void weir__transport_resume(weir_transport *t, enum transport_pause who)
{
    if (t->state > TRANSPORT_OPEN || (t->read_paused & who) == 0)
        return;
    t->read_paused &= (unsigned char)~who;
    if (t->read_paused == 0 && t->read_stopped) {
        t->read_stopped = false;
        if (!t->eof_received)
            t->ops->want_read(t, true);
    }
}

int weir_transport_pause_reading(weir_transport *t)
{
    if (weir__loop_foreign(t->loop))
        return weir__fail(WEIR_ESTATE);
    if (t->ops->want_read == NULL)
        return weir__fail_text(-ENOTSUP, "this transport can't be paused");
    weir__transport_pause(t, PAUSED_BY_USER);
    return 0;
}

int weir_transport_resume_reading(weir_transport *t)
{
    if (weir__loop_foreign(t->loop))
        return weir__fail(WEIR_ESTATE);
    weir__transport_resume(t, PAUSED_BY_USER);
    return 0;
}

bool weir_transport_is_reading(const weir_transport *t)
{
    return t->read_paused == 0 && t->ops->recv != NULL && !weir_transport_is_closing(t);
}

/* --- Writing -------------------------------------------------------------- */

static int refuse(const weir_transport *t)
{
    if (t->gate == GATE_SENDFILE)
        return weir__fail_text(WEIR_ESTATE, "a file is being sent: there is no writing beside it");
    if (t->gate == GATE_READ_ONLY)
        return weir__fail_text(-ENOTSUP, "a read pipe can't be written to");
    return weir__fail_text(WEIR_ESTATE, "written to after write_eof");
}

int weir_transport_writelines(weir_transport *t, const weir_bytes *chunks, size_t count)
{
    size_t total = 0;

    if (weir__loop_foreign(t->loop))
        return weir__fail_text(WEIR_ESTATE, "written to from a thread that does not run its loop");
    for (size_t i = 0; i < count; i++) {
        if (chunks[i].data == NULL && chunks[i].len > 0)
            return weir__fail_text(-EINVAL, "write: no data, but a length of %zu", chunks[i].len);
        if (__builtin_add_overflow(total, chunks[i].len, &total))
            return weir__fail(-EINVAL);
    }
    if (t->gate != GATE_OPEN)
        return refuse(t);
    if (total == 0)
        return 0;
    if (weir_transport_is_closing(t)) {
        weir__count(&t->loop->counters, COUNTER_LOST_WRITES);
        return 0;                               /* the loss shows in drain, the reads, wait_closed (BT-11) */
    }
    return weir__out_write(t, chunks, count, total);
}

int weir_transport_write(weir_transport *t, const void *data, size_t len)
{
    weir_bytes chunk = { data, len };

    return weir_transport_writelines(t, &chunk, 1);
}

int weir_transport_flush(weir_transport *t)
{
    if (weir__loop_foreign(t->loop))
        return weir__fail(WEIR_ESTATE);
    weir__out_flush(t);
    return 0;
}

int weir_transport_write_eof(weir_transport *t)
{
    if (weir__loop_foreign(t->loop))
        return weir__fail(WEIR_ESTATE);
    if (weir_transport_is_closing(t) || t->gate == GATE_ENDED)
        return 0;
    if (t->gate != GATE_OPEN)
        return refuse(t);
    if (t->ops->one_way) {                      /* there is nothing that could stay open (PI-3) */
        weir_transport_close(t);
        return 0;
    }
    if (t->ops->shutdown == NULL)
        return weir__fail_text(-ENOTSUP, "this transport has no half-close");
    t->gate = GATE_ENDED;
    weir__out_flush(t);
    if (weir_transport_is_closing(t) || t->out.size > 0)
        return 0;                               /* the write-ready event does the rest */
    t->eof_sent = true;
    int code = t->ops->shutdown(t);
    return code < 0 ? weir__fail_text(code, "the writing side can't be closed: %s", weir_strerror(code)) : 0;
}

bool weir_transport_can_write_eof(const weir_transport *t)
{
    return t->ops->shutdown != NULL || (t->ops->one_way && t->ops->send != NULL);
}

int weir_transport_set_write_buffer_limits(weir_transport *t, size_t high, size_t low)
{
    if (weir__loop_foreign(t->loop))
        return weir__fail(WEIR_ESTATE);
    if (high == WEIR_UNSET && low == WEIR_UNSET) {
        high = HIGH_WATER;
        low = LOW_WATER;
    } else if (low == WEIR_UNSET) {
        low = high / 4;
    } else if (high == WEIR_UNSET) {
        if (__builtin_mul_overflow(low, 4, &high))
            return weir__fail_text(-EINVAL, "a low mark of %zu has no high mark four times as large", low);
    }
    if (high < low || (ssize_t)high < 0)
        return weir__fail_text(-EINVAL, "the high mark (%zu) has to be at least the low mark (%zu)", high, low);
    weir__out_flush(t);                         /* what the kernel takes now is not counted against the new marks */
    t->out.high = high;
    t->out.low = low;
    weir__out_check_pause(t);
    return 0;
}

void weir_transport_get_write_buffer_limits(const weir_transport *t, size_t *low, size_t *high)
{
    *low = t->out.low;
    *high = t->out.high;
}

size_t weir_transport_get_write_buffer_size(const weir_transport *t)
{
    return t->out.size;
}
