/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/listener.c  Accepting, and what accept(2) may fail with.
 *
 * Out of descriptors or memory the listener stops watching: the callers wait in the backlog and nothing spins. It tries
 * again as soon as weir closes any descriptor of the process, at the latest after one second (SV-12).
 */
#include "net/listener.h"

#include <linux/filter.h>
#include <stdatomic.h>

#include <weir/run.h>

#include "core/error.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/sys.h"
#include "core/workers.h"

#define RETRY_AFTER 1.0         /* seconds, asyncio's ACCEPT_RETRY_DELAY */
#define BATCH_MOST 64           /* one accept storm may delay a ready connection by this many accept(2) */

/* How many listeners of the process rest: the one number that each close of a descriptor looks at. */
static atomic_int resting;

/* Those of this thread's loop. A thread runs one loop, so this is a list per loop. */
static _Thread_local struct list resting_here;

static struct list *here(void)
{
    if (resting_here.next == NULL)
        list_init(&resting_here);
    return &resting_here;
}

/* After each change of what it depends on. */
static void update_watch(struct listener *listener)
{
    if (listener->watching && !listener->paused && !listener->held)
        ev_io_start(listener->loop->ev, &listener->io);
    else
        ev_io_stop(listener->loop->ev, &listener->io);
}

/* --- Resting -------------------------------------------------------------- */

static void resume(struct listener *listener)
{
    if (!listener->paused)
        return;
    listener->paused = false;
    list_remove(&listener->paused_link);
    atomic_fetch_sub(&resting, 1);
    ev_timer_stop(listener->loop->ev, &listener->retry);
    update_watch(listener);
}

static void on_retry(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev, (void)events;
    resume(timer->data);
}

static void rest(struct listener *listener, int code)
{
    listener->paused = true;
    atomic_fetch_add(&resting, 1);
    list_append(here(), &listener->paused_link);
    update_watch(listener);
    ev_timer_set(&listener->retry, RETRY_AFTER, 0.);
    ev_timer_start(listener->loop->ev, &listener->retry);
    weir__count(&listener->loop->counters, COUNTER_ACCEPT_STARVED);
    if (weir__log_due(&listener->last_report_ns))
        weir__loop_exception(listener->loop, code, "accepting rests, callers wait in the backlog: %s", weir_strerror(code));
}

static void resume_all_here(void)
{
    while (!list_empty(here()))
        resume(list_entry(here()->next, struct listener, paused_link));
}

static void on_descriptor_closed(void *arg)
{
    (void)arg;
    resume_all_here();
}

static void tell_resting(void)
{
    if (atomic_load_explicit(&resting, memory_order_relaxed) == 0)
        return;
    resume_all_here();
    /* Other loops' listeners: each worker looks for itself. A post that is refused means the retry timer does it. */
    for (unsigned i = 0; atomic_load(&resting) > 0 && i < weir_worker_count(); i++) {
        if (weir__this_loop == NULL || i != weir_worker_index())
            (void)weir__worker_call(i, on_descriptor_closed, NULL);
    }
}

void weir__descriptor_close(int fd)
{
    sys_close(fd);
    tell_resting();
}

/* --- Accepting ------------------------------------------------------------ */

/* The burst ends in each case; what else is to be done. */
static void failed(struct listener *listener, int code)
{
    switch (code) {
    case -EAGAIN:
        listener->batch = 1;
        return;
    case -EINTR:
    case -ECONNABORTED:                         /* the caller hung up before we came */
        return;
    case -EMFILE:
    case -ENFILE:
    case -ENOBUFS:
    case -ENOMEM:
        rest(listener, code);
        return;
    default:
        /* accept(2): errors already pending on the new socket (EPROTO, ENETDOWN, EPERM from a firewall …). */
        weir__count(&listener->loop->counters, COUNTER_ACCEPT_FAILED);
        if (weir__log_due(&listener->last_report_ns))
            weir__loop_exception(listener->loop, code, "a connection could not be accepted: %s", weir_strerror(code));
    }
}

/* false: no further one now. The listener may be gone then. */
static bool accept_one(struct listener *listener)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;

    if (listener->reserve != NULL && !listener->reserve(listener))
        return false;
    int fd = sys_accept(listener->fd, (void *)&peer, &len);
    if (fd < 0) {
        if (listener->release != NULL)
            listener->release(listener);
        failed(listener, fd);
        return false;
    }
    weir__count(&listener->loop->counters, COUNTER_ACCEPTED);
    return listener->accepted(listener, fd, (void *)&peer, len) && !listener->paused && !listener->held;
}

static void on_acceptable(struct ev_loop *ev, ev_io *io, int events)
{
    struct listener *listener = io->data;
    int batch = listener->batch;

    (void)ev;
    if (events & EV_ERROR) {                    /* libev could not watch it, and stopped the watcher */
        rest(listener, -ENOMEM);
        return;
    }
    for (int i = 0; i < batch; i++) {
        if (!accept_one(listener))
            return;
    }
    if (batch * 2 <= listener->most)
        listener->batch = batch * 2;
}

/* --- The last callers ----------------------------------------------------- */

void weir__listener_turn_away(struct listener *listener)
{
    /* The filter sees a packet from its TCP header on. A call begins with SYN, and without ACK. */
    static struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog program = { sizeof code / sizeof code[0], code };

    /* Where it fails, who calls at the wrong moment is reset. */
    if (listener->fd >= 0 && sys_filter_packets(listener->fd, &program) == 0)
        listener->turns_away = true;
}

void weir__listener_take_rest(struct listener *listener)
{
    while (listener->fd >= 0 && listener->watching && !listener->paused && !listener->held && accept_one(listener))
        ;
}

/* --- Life ----------------------------------------------------------------- */

void weir__listener_init(struct listener *listener, weir_loop *loop, int fd, int most, accepted_fn accepted)
{
    *listener = (struct listener) { .loop = loop, .fd = fd, .batch = 1, .accepted = accepted };
    listener->most = most < 1 ? 1 : most > BATCH_MOST ? BATCH_MOST : most;
    ev_io_init(&listener->io, on_acceptable, fd, EV_READ);
    ev_timer_init(&listener->retry, on_retry, RETRY_AFTER, 0.);
    ev_set_priority(&listener->retry, -1);
    listener->io.data = listener->retry.data = listener;
    list_init(&listener->link);
    list_init(&listener->paused_link);
}

int weir__listener_watch(struct listener *listener)
{
    if (listener->watching)
        return 0;
    int code = weir__loop_admit(listener->loop, listener->fd);
    if (code < 0)
        return code;
    listener->watching = true;
    update_watch(listener);
    return 0;
}

void weir__listener_hold(struct listener *listener, bool on)
{
    if (listener->held == on || listener->fd < 0)
        return;
    listener->held = on;
    update_watch(listener);
}

void weir__listener_close(struct listener *listener)
{
    if (listener->fd < 0)
        return;
    if (listener->paused) {
        listener->paused = false;
        list_remove(&listener->paused_link);
        atomic_fetch_sub(&resting, 1);
        ev_timer_stop(listener->loop->ev, &listener->retry);
    }
    if (listener->watching) {
        listener->watching = false;
        update_watch(listener);
        weir__loop_release(listener->loop);
    }
    /* Only after the last loop has stopped watching it; libev takes a closed descriptor out of epoll by itself, and one that
     * others keep open when the next event comes for it. acq_rel: whoever closes comes after the others' last use. */
    struct shared_socket *shared = listener->shared;
    if (shared == NULL || atomic_fetch_sub_explicit(&shared->users, 1, memory_order_acq_rel) == 1) {
        if (listener->turns_away)               /* the socket may live on in another process, which is to hear its callers */
            (void)sys_setsockopt(listener->fd, SOL_SOCKET, SO_DETACH_FILTER, 0);
        weir__descriptor_close(listener->fd);
    }
    listener->fd = -1;
}
