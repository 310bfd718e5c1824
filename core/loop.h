/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/loop.h  One event loop: libev for waiting, and the order in which things run after it.
 *
 * A pass:
 *     poll
 *     A  what was queued before this poll
 *     B  I/O callbacks, then timers                  (libev's watchers, of priorities 0 and -1)
 *     C  the tasks and calls that B made ready
 * What A or C queues runs in the next pass, which then polls without waiting. So callbacks keep their order, descriptors
 * are looked at between any two steps of a task, a request costs one poll, and nothing runs recursively.
 *
 * Everything here is for the loop's own thread. Other threads have the inbox.
 */
#ifndef WEIR_CORE_LOOP_H
#define WEIR_CORE_LOOP_H

#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <weir/loop.h>

#include "core/block.h"
#include "core/counter.h"
#include "core/inbox.h"
#include "core/list.h"
#include "core/pool.h"
#include "core/stack.h"
#include "core/switch.h"
#include "core/switch_announce.h"

struct weir_address;
struct weir_task;
struct watches;

#define FOREVER INT64_MAX       /* a point in time that never comes */

/* Something that is to run once: queued by being on a list, taken back by leaving it. */
enum ready_kind { READY_TASK, READY_CALL, READY_HANDLE };
struct ready {
    struct list link;
    enum ready_kind kind;
};

/* A call of the library's own, in the memory of the object it concerns, so that queueing it cannot fail. */
struct call {
    struct ready ready;
    void (*fn)(struct call *call);
};

/*
 * What the layer above keeps for each loop, and when it wants to be asked. One is enough: net is the only layer with
 * state of its own in a loop.
 */
struct loop_upper {
    void (*output)(struct loop_upper *upper);   /* output was gathered, and the task that wrote it suspended, or the pass ends */
    void (*stop)(struct loop_upper *upper);     /* the loop is about to close: end what is open */
    bool (*idle)(struct loop_upper *upper);     /* nothing is left to end */
    bool (*owns)(struct loop_upper *upper, int fd);     /* an open transport uses @fd */
    /* The other end of what @task waits on, or serves. False: there is none */
    bool (*peer)(struct loop_upper *upper, const struct weir_task *task, struct weir_address *out);
    void (*free)(struct loop_upper *upper);
};

/* What the watchdog knows of a loop that it watches. */
struct stall {
    bool     watched;           /* the loop's: set while it runs */
    bool     counted;           /* this step is a stall, and was counted */
    bool     told;              /* and logged */
    int64_t  pass_ns;           /* the step, as it was seen last: busy_since_ns, */
    uint64_t switches;          /* COUNTER_SWITCHES, */
    int64_t  seen_ns;           /* and when that was first */
};

struct weir_loop {
    /* Hot: looked at in every pass. */
    struct list        *target;         /* where what becomes ready now is queued: &now in B, else &next */
    struct list         now, next;
    struct weir_task   *current;        /* the running task; NULL on the loop's own stack */
    struct context      context;        /* the loop's own stack while a task runs */
    struct announced    announced;
    int64_t             pass_ns;        /* the time of this pass; 0: nobody asked yet */
    unsigned            watched;        /* how many want busy_since_ns to be kept up to date */
    _Atomic int64_t     busy_since_ns;  /* while watched: when this pass began; 0: between two passes. Any thread may read */
    struct ev_loop     *ev;
    struct loop_upper  *upper;          /* NULL until the layer above needs it */
    bool                output_due;     /* upper->output is to be called */
    struct block_pool   blocks;
    struct counters     counters;

    /* Tasks. */
    struct list         tasks;          /* all that have not ended */
    struct list         untrimmed;      /* tasks that ran since their stack was last trimmed */
    ev_timer            trim_timer;
    unsigned            trim_ticks;     /* the sweep's own count of time */
    struct stack_pool   stacks;

    /* Running and stopping. */
    unsigned            polls;          /* libev's count of them, when the pass began */
    ev_io               wake;
    struct inbox       *inbox;
    pthread_t           thread;         /* valid while running */
    atomic_bool         running;        /* written by the loop's thread; a foreign caller's check may read it */
    bool                pipe_blocked;   /* SIGPIPE was, in the thread that runs us, before it did */
    bool                closing;        /* callbacks are not taken any more; remaining tasks may still run to their end */
    bool                closed;
    atomic_bool         stopping;
    int                 poll_failure;   /* what epoll_wait failed with for good; ends the run */

    /* For task_dump.c, under its lock. */
    struct list         running_link;   /* among the loops that run */
    uint64_t            run_number;     /* in the order in which runs began */
    struct list         asks;           /* who waits for a list of our tasks */
    atomic_bool         asked;          /* there may be some */
    unsigned            worker;         /* whose loop it is in this run */
    struct stall        stall;          /* watchdog.c's */

    struct pool         handles;
    struct list         later;          /* handles that wait for their time */
    struct watches     *watches;        /* loop_watch.c's; NULL until a descriptor is watched */
    size_t              admitted;       /* watchers and descriptors libev has memory for */
    size_t              watchers;       /* of ours, started and not stopped; at most */
    weir_exception_handler exception_handler;
    void               *exception_arg;
};

/* The loop this thread runs, NULL outside. Tasks never change threads, so the address may be kept across suspensions. */
extern __attribute__((visibility("hidden"), tls_model("initial-exec"))) _Thread_local weir_loop *weir__this_loop;

/* A debug build answers calls from a foreign thread with WEIR_ESTATE; a release build does not look. */
static inline bool weir__loop_foreign(const weir_loop *loop)
{
#ifdef NDEBUG
    (void)loop;
    return false;
#else
    return loop != weir__this_loop && atomic_load_explicit(&loop->running, memory_order_relaxed);
#endif
}

/* --- Queueing ------------------------------------------------------------- */

static inline void weir__loop_queue(weir_loop *loop, struct ready *ready)
{
    list_append(loop->target, &ready->link);
}

static inline void weir__call_init(struct call *call, void (*fn)(struct call *call))
{
    list_init(&call->ready.link);
    call->ready.kind = READY_CALL;
    call->fn = fn;
}

/* Queue @call unless it is queued already. */
static inline void weir__loop_call(weir_loop *loop, struct call *call)
{
    if (list_empty(&call->ready.link))
        weir__loop_queue(loop, &call->ready);
}

static inline bool weir__call_queued(const struct call *call)
{
    return !list_empty(&call->ready.link);
}

static inline void weir__call_cancel(struct call *call)
{
    list_remove(&call->ready.link);
}

/* What a handle has to do when its turn has come (loop_call.c). */
void weir__handle_run(struct ready *ready);

/* Descriptors that users watch are not watched any more; for a loop that closes (loop_watch.c). */
void weir__watches_drop(weir_loop *loop);

/* --- Time and memory ------------------------------------------------------ */

/* The time of this pass: read once a pass, and only if asked. */
int64_t weir__loop_pass_ns(weir_loop *loop);

/* One more wants to know with weir__loop_stalled, or one less. It costs each pass a look at the clock. */
void weir__loop_watch(weir_loop *loop, bool on);

/* [thread-safe] Whether @loop, which is watched and not freed, has been in one pass for at least @limit_ns: something blocks
 * its thread, and what is sent to it waits. */
bool weir__loop_stalled(const weir_loop *loop, int64_t now_ns, int64_t limit_ns);

/* Make sure that libev can take one timer, or the two watchers of @fd, without allocating in vain. 0 or -ENOMEM. Each
 * success is balanced by one weir__loop_release. */
int  weir__loop_admit(weir_loop *loop, int fd);
void weir__loop_release(weir_loop *loop);

/* --- Running -------------------------------------------------------------- */

/* Go round until stopped, or until @done (NULL: never) says so after a pass. 0, or the code with which polling failed for
 * good. The caller has entered the loop. */
int  weir__loop_spin(weir_loop *loop, bool (*done)(weir_loop *loop, void *arg), void *arg);

/* Enter and leave: this thread runs this loop. -ESHUTDOWN, -EBUSY. */
int  weir__loop_enter(weir_loop *loop);
void weir__loop_leave(weir_loop *loop);

/* Called by libev's error callback in the thread that polls. */
void weir__loop_poll_failed(int code, const char *what);

/* Tell the exception handler, or the log if there is none. */
__attribute__((format(printf, 3, 4))) void weir__loop_exception(weir_loop *loop, int code, const char *fmt, ...);

/* Seconds to ns; anything too large, and infinity, is FOREVER. */
int64_t weir__ns_after(int64_t now_ns, double seconds);

#endif
