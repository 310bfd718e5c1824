/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/idle_limit.c  One lazily armed timer for each connection that has a limit.
 *
 * A byte that moves is one store. The timer is left alone until it fires, looks at when the last byte moved, and goes on for
 * the rest: the heap is touched once per limit's length and connection. A list in the order of arming would do without a
 * heap, but whoever was active meanwhile would have to go to its end, and be found up to a whole limit too late.
 *
 * What waits for a peer that takes nothing does not move, so a slow reader is idle too. Bytes of the same pass come first:
 * timers run after I/O.
 */
#include "net/idle_limit.h"

#include <errno.h>

#include "core/error.h"
#include "core/sys.h"

static void arm(struct idle_limit *limit)
{
    weir_loop *loop = limit->transport->loop;
    int64_t left_ns = limit->moved_ns + limit->limit_ns - weir__loop_pass_ns(loop);

    ev_timer_set(&limit->timer, (double)left_ns / NS_PER_SECOND, 0.);
    ev_timer_start(loop->ev, &limit->timer);
}

static void on_timer(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct idle_limit *limit = timer->data;
    weir_transport *t = limit->transport;

    (void)ev, (void)events;
    if (t->state >= TRANSPORT_LOST)
        return;
    if (limit->moved_ns + limit->limit_ns > weir__loop_pass_ns(t->loop)) {
        arm(limit);
        return;
    }
    t->idled_out = true;
    weir__transport_lose(t, -ETIMEDOUT);
}

int weir__idle_limit_set(weir_transport *t, int64_t limit_ns)
{
    struct idle_limit *limit = sys_malloc(sizeof *limit);

    if (limit == NULL)
        return weir__fail(-ENOMEM);
    int code = weir__loop_admit(t->loop, -1);
    if (code < 0) {
        sys_free(limit);
        return weir__fail(code);
    }
    *limit = (struct idle_limit) { .transport = t, .limit_ns = limit_ns, .moved_ns = weir__loop_pass_ns(t->loop) };
    ev_timer_init(&limit->timer, on_timer, 0., 0.);
    ev_set_priority(&limit->timer, -1);
    limit->timer.data = limit;
    t->idle_limit = limit;
    arm(limit);
    return 0;
}

void weir__idle_limit_end(weir_transport *t)
{
    if (t->idle_limit == NULL)
        return;
    ev_timer_stop(t->loop->ev, &t->idle_limit->timer);
    weir__loop_release(t->loop);
    sys_free(t->idle_limit);
    t->idle_limit = NULL;
}
