/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/loop.c  Making, running, stopping and closing a loop; the pass.
 */
#include <weir/loop.h>

#include "core/loop.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/ev_memory.h"
#include "core/executor.h"
#include "core/handle.h"
#include "core/log.h"
#include "core/loop_signal.h"
#include "core/pipe_signal.h"
#include "core/run.h"
#include "core/sys.h"
#include "core/task.h"
#include "core/task_dump.h"
#include "core/watchdog.h"

#define BASE_WATCHERS 64        /* what one loop starts on its own, with room: admitted before libev is first called */

_Thread_local weir_loop *weir__this_loop;

/* --- The pass ------------------------------------------------------------- */

#define FRAME_LINES 8            /* cache lines of a parked stack that its next step is sure to touch */

/* With a thousand connections each task's memory has left the cache since its last step: it is asked for while the task
 * before it runs, first the struct, one turn later the stack that the struct points to. Inlined by force: gcc 12 finds that
 * a function which does nothing but prefetch has no effect, and leaves the call out. */
__attribute__((always_inline)) static inline void fetch_next(const struct list *batch)
{
    const struct list *first = batch->next;

    if (first == batch)
        return;
    const struct ready *ready = list_entry((uintptr_t)first, struct ready, link);
    if (ready->kind == READY_TASK) {
        const char *sp = list_entry((uintptr_t)ready, weir_task, ready)->context.sp;
        for (int i = 0; i < FRAME_LINES; i++)
            __builtin_prefetch(sp + i * 64);
    }
    __builtin_prefetch(first->next);
}

static void run_all(weir_loop *loop, struct list *queue)
{
    struct list batch;

    list_move_all(queue, &batch);
    while (!list_empty(&batch)) {
        struct ready *ready = list_entry(list_take_first(&batch), struct ready, link);
        fetch_next(&batch);
        switch (ready->kind) {
        case READY_TASK:
            weir__task_run(list_entry(ready, weir_task, ready));
            break;
        case READY_CALL: {
            struct call *call = list_entry(ready, struct call, ready);
            call->fn(call);
            break;
        }
        case READY_HANDLE:
            weir__handle_run(ready);
            break;
        }
    }
    if (loop->output_due)
        loop->upper->output(loop->upper);       /* what plain callbacks wrote */
}

/* A: what was queued before the poll. */
static void before_io(weir_loop *loop)
{
    loop->pass_ns = 0;
    if (loop->watched > 0)
        atomic_store_explicit(&loop->busy_since_ns, weir__loop_pass_ns(loop), memory_order_relaxed);
    if (!list_empty(&loop->next))
        run_all(loop, &loop->next);
    loop->target = &loop->now;
}

/* C: what I/O and timers made ready. */
static void after_io(weir_loop *loop)
{
    loop->target = &loop->next;
    run_all(loop, &loop->now);
}

/* libev asks to invoke what is pending: after each poll, which is a pass; and before it, for what was fed to it or a user's
 * prepare watcher. Two check watchers would tell the same, for 120 instructions more in each pass. */
static void on_pending(struct ev_loop *ev)
{
    weir_loop *loop = weir__this_loop;
    unsigned polls = ev_iteration(ev);

    if (loop == NULL || loop->ev != ev || loop->polls == polls) {
        if (ev_pending_count(ev) > 0)
            ev_invoke_pending(ev);
        return;
    }
    loop->polls = polls;
    before_io(loop);
    ev_invoke_pending(ev);
    after_io(loop);
}

int64_t weir__loop_pass_ns(weir_loop *loop)
{
    if (loop->pass_ns == 0)
        loop->pass_ns = sys_monotonic_ns();
    return loop->pass_ns;
}

void weir__loop_watch(weir_loop *loop, bool on)
{
    if (!on)
        loop->watched--;
    else if (loop->watched++ == 0)
        atomic_store_explicit(&loop->busy_since_ns, 0, memory_order_relaxed);
}

bool weir__loop_stalled(const weir_loop *loop, int64_t now_ns, int64_t limit_ns)
{
    int64_t since_ns = atomic_load_explicit(&loop->busy_since_ns, memory_order_relaxed);

    return since_ns != 0 && now_ns - since_ns >= limit_ns;
}

static void on_wake(struct ev_loop *ev, ev_io *io, int events)
{
    weir_loop *loop = io->data;

    (void)ev, (void)events;
    weir__inbox_drain(loop->inbox);
    weir__signals_deliver(loop);
    weir__dump_answer(loop);
}

/* --- Making and freeing --------------------------------------------------- */

static int start_libev(weir_loop *loop)
{
    weir__ev_memory_install();
    int code = weir__ev_memory_reserve(BASE_WATCHERS, BASE_WATCHERS);
    if (code < 0)
        return weir__fail(code);
    loop->admitted = BASE_WATCHERS;

    /* Not the default loop, which would reap everybody's children; no LIBEV_FLAGS from outside. */
    loop->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
    if (loop->ev == NULL)
        return weir__fail_text(-EMFILE, "no epoll descriptor for a loop (limit: ulimit -n)");

    ev_set_invoke_pending_cb(loop->ev, on_pending);

    ev_io_init(&loop->wake, on_wake, weir__inbox_fd(loop->inbox), EV_READ);
    loop->wake.data = loop;
    ev_io_start(loop->ev, &loop->wake);
    return 0;
}

weir_loop *weir_loop_new(void)
{
    weir_loop *loop = sys_calloc(1, sizeof *loop);
    int code;

    if (loop == NULL) {
        weir__fail(-ENOMEM);
        return NULL;
    }
    list_init(&loop->now);
    list_init(&loop->next);
    loop->target = &loop->next;
    list_init(&loop->tasks);
    list_init(&loop->later);
    list_init(&loop->running_link);
    list_init(&loop->asks);
    weir__trim_init(loop);
    weir__stack_pool_init(&loop->stacks);
    weir__block_pool_init(&loop->blocks);
    weir__pool_init(&loop->handles, sizeof(struct weir_handle));

    loop->inbox = weir__inbox_new(&code);
    if (loop->inbox == NULL) {
        weir__fail_text(code, "a loop can't be made: %s", weir_strerror(code));
        sys_free(loop);
        return NULL;
    }
    if (start_libev(loop) < 0) {
        weir__inbox_unref(loop->inbox);
        sys_free(loop);
        return NULL;
    }
    weir__executor_hold();
    return loop;
}

int weir_loop_close(weir_loop *loop)
{
    if (loop->running)
        return weir__fail_text(-EBUSY, "the loop is running");
    if (loop->closed)
        return 0;
    bool pipe_blocked = weir__pipe_signal_hold();       /* open connections say their last words */
    loop->closing = true;
    weir__handles_drop(loop);
    weir__watches_drop(loop);
    /* Tasks hold what only they can let go of: connections, memory, threads' work. */
    if (!list_empty(&loop->tasks))
        weir__run_rest(loop);
    loop->closed = true;

    weir__signals_forget(loop);
    weir__inbox_close(loop->inbox);
    if (loop->upper != NULL)
        loop->upper->stop(loop->upper);
    weir__calls_finish(loop);
    weir__tasks_drop(loop);
    ev_timer_stop(loop->ev, &loop->trim_timer);
    ev_io_stop(loop->ev, &loop->wake);
    weir__pipe_signal_release(pipe_blocked);
    return 0;
}

void weir_loop_free(weir_loop *loop)
{
    if (loop == NULL || weir_loop_close(loop) < 0)
        return;
    if (loop->upper != NULL)
        loop->upper->free(loop->upper);
    ev_loop_destroy(loop->ev);
    weir__pool_fini(&loop->handles);
    weir__block_pool_fini(&loop->blocks);
    weir__stack_pool_fini(&loop->stacks);
    weir__inbox_unref(loop->inbox);
    sys_free(loop);
    weir__executor_release();
}

int weir__loop_admit(weir_loop *loop, int fd)
{
    size_t watchers = 2 * ++loop->watchers + BASE_WATCHERS;     /* a socket has two */
    size_t fds = (size_t)(fd + 1);

    if (watchers <= loop->admitted && fds <= loop->admitted && !weir__ev_memory_short())
        return 0;

    size_t admitted = loop->admitted;
    while (admitted < watchers || admitted < fds)
        admitted *= 2;
    int code = weir__ev_memory_reserve(admitted, admitted);
    if (code < 0) {
        loop->watchers--;
        return code;
    }
    loop->admitted = admitted;
    return 0;
}

void weir__loop_release(weir_loop *loop)
{
    loop->watchers--;
}

/* --- Running and stopping ------------------------------------------------- */

int weir__loop_enter(weir_loop *loop)
{
    if (loop->closed)
        return weir__fail(-ESHUTDOWN);
    if (loop->running)
        return weir__fail_text(-EBUSY, "the loop runs already");
    if (weir__this_loop != NULL)
        return weir__fail_text(-EBUSY, "this thread runs a loop already");
    weir__this_loop = loop;
    loop->thread = pthread_self();
    atomic_store_explicit(&loop->running, true, memory_order_relaxed);
    loop->pipe_blocked = weir__pipe_signal_hold();
    announce_thread(&loop->announced);
    weir__watchdog_enter(loop);
    weir__dump_enter(loop);
    return 0;
}

void weir__loop_leave(weir_loop *loop)
{
    weir__dump_leave(loop);
    weir__watchdog_leave(loop);
    atomic_store_explicit(&loop->running, false, memory_order_relaxed);
    weir__this_loop = NULL;
    weir__pipe_signal_release(loop->pipe_blocked);
}

int weir__loop_spin(weir_loop *loop, bool (*done)(weir_loop *loop, void *arg), void *arg)
{
    bool stop;

    do {
        /* Stopping before the start still makes one pass, which does not wait (EL-6). */
        stop = atomic_load_explicit(&loop->stopping, memory_order_relaxed);
        bool busy = stop || !list_empty(&loop->next);
        if (loop->watched > 0)
            atomic_store_explicit(&loop->busy_since_ns, 0, memory_order_relaxed);
        ev_run(loop->ev, busy ? EVRUN_NOWAIT : EVRUN_ONCE);
        if (loop->poll_failure < 0)
            return weir__fail(loop->poll_failure);
        stop = stop || atomic_load_explicit(&loop->stopping, memory_order_relaxed);
        if (done != NULL && done(loop, arg))
            break;                              /* a stop in the same pass is used up: it is not the next run's */
    } while (!stop);
    atomic_store_explicit(&loop->stopping, false, memory_order_relaxed);
    return 0;
}

int weir_loop_run_forever(weir_loop *loop)
{
    int code = weir__loop_enter(loop);

    if (code < 0)
        return code;
    code = weir__loop_spin(loop, NULL, NULL);
    weir__loop_leave(loop);
    return code;
}

void weir_loop_stop(weir_loop *loop)
{
    atomic_store_explicit(&loop->stopping, true, memory_order_relaxed);
    if (weir__this_loop != loop)
        weir__inbox_wake(loop->inbox);
}

void weir__loop_poll_failed(int code, const char *what)
{
    weir_loop *loop = weir__this_loop;

    weir__log(LOG_LEVEL_ERROR, "%s error=\"%s\"", what, weir_strerror(code));
    if (loop != NULL && code != -EINTR && code != -EAGAIN)
        loop->poll_failure = code;
}

/* --- Asking --------------------------------------------------------------- */

bool weir_loop_is_running(const weir_loop *loop)
{
    return loop->running;
}

bool weir_loop_is_closed(const weir_loop *loop)
{
    return loop->closed;
}

double weir_loop_time(const weir_loop *loop)
{
    (void)loop;
    return (double)sys_monotonic_ns() / NS_PER_SECOND;
}

weir_loop *weir_get_running_loop(void)
{
    return weir__this_loop;
}

struct ev_loop *weir_loop_ev(weir_loop *loop)
{
    return loop->closed ? NULL : loop->ev;
}

int64_t weir__ns_after(int64_t now_ns, double seconds)
{
    if (seconds <= 0)
        return now_ns;
    if (!(seconds < (double)(FOREVER / 2) / NS_PER_SECOND))
        return FOREVER;
    return now_ns + (int64_t)(seconds * NS_PER_SECOND);
}

/* --- Failures nobody else gets -------------------------------------------- */

void weir_loop_set_exception_handler(weir_loop *loop, weir_exception_handler handler, void *arg)
{
    loop->exception_handler = handler;
    loop->exception_arg = arg;
}

void weir__loop_exception(weir_loop *loop, int code, const char *fmt, ...)
{
    char text[256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (loop->exception_handler != NULL)
        loop->exception_handler(loop, code, text, loop->exception_arg);
    else
        weir__log(LOG_LEVEL_ERROR, "%s error=\"%s\" code=%d", text, weir_strerror(code), code);
}
