/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/workers.c  Starting workers together, ending them together.
 *
 * The caller's thread is worker 0; the others are new threads. All loops exist before any main begins, so that mains
 * find each other with weir_worker_loop, and are freed after all threads have ended, so that a late post finds a closed
 * inbox and not freed memory. Workers share nothing else.
 */
#include <weir/run.h>

#include "core/workers.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/log.h"
#include "core/run.h"
#include "core/stack_overflow.h"
#include "core/sys.h"
#include "core/task.h"

#define WORKERS_MOST 1024

enum gate { GATE_SHUT, GATE_OPEN, GATE_ABANDONED };

struct worker {
    struct run run;
    struct workers *all;
    unsigned index;
    pthread_t thread;           /* not for worker 0 */
    struct inbox_item cancel;   /* posted at most once, by the first worker that fails */
};

struct workers {
    unsigned count;
    bool pin;
    cpu_set_t cpus;
    pthread_mutex_t lock;
    pthread_cond_t opened;
    enum gate gate;
    int first_failure;          /* the result of the worker that failed first */
    struct failure failure;     /* and its text */
    struct worker worker[];
};

static pthread_mutex_t running_lock = PTHREAD_MUTEX_INITIALIZER;
static struct workers *running;         /* one set at a time in a process */
static _Thread_local unsigned this_index;

/* --- Asking --------------------------------------------------------------- */

unsigned weir_worker_index(void)
{
    return this_index;
}

unsigned weir_worker_count(void)
{
    pthread_mutex_lock(&running_lock);
    unsigned count = running != NULL ? running->count : weir__this_loop != NULL ? 1 : 0;
    pthread_mutex_unlock(&running_lock);
    return count;
}

weir_loop *weir_worker_loop(unsigned index)
{
    weir_loop *loop = NULL;

    pthread_mutex_lock(&running_lock);
    if (running != NULL && index < running->count)
        loop = running->worker[index].run.loop;
    else if (running == NULL && index == 0)
        loop = weir__this_loop;                 /* a run outside of workers is a set of one, as the count says */
    pthread_mutex_unlock(&running_lock);
    return loop;
}

int weir__worker_call(unsigned index, weir_callback cb, void *arg)
{
    int code = -ESRCH;

    pthread_mutex_lock(&running_lock);          /* which unclaim() takes before the loops are freed */
    if (running != NULL && index < running->count)
        code = weir_loop_call_soon_threadsafe(running->worker[index].run.loop, cb, arg);
    pthread_mutex_unlock(&running_lock);
    return code;
}

unsigned weir__cpu_count(void)
{
    cpu_set_t cpus;

    if (sched_getaffinity(0, sizeof cpus, &cpus) < 0)
        return 1;                               /* more CPUs than a cpu_set_t holds: the caller names a number */
    int count = CPU_COUNT(&cpus);
    return count > 0 ? (unsigned)count : 1;
}

/* --- One worker ----------------------------------------------------------- */

static void on_cancel(struct inbox_item *item)
{
    struct worker *worker = list_entry(item, struct worker, cancel);

    if (worker->run.task != NULL)
        weir_task_cancel(worker->run.task);
}

static void on_cancel_dropped(struct inbox_item *item)
{
    (void)item;                                 /* that worker has ended by itself */
}

/* The n-th CPU of those the process may use. With fewer CPUs than workers, or one worker, the kernel places better. */
static void pin(const struct worker *worker)
{
    const struct workers *all = worker->all;
    cpu_set_t one;
    unsigned nth = worker->index;

    if (!all->pin || all->count < 2 || (int)all->count > CPU_COUNT(&all->cpus))
        return;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET((size_t)cpu, &all->cpus) || nth-- > 0)
            continue;
        CPU_ZERO(&one);
        CPU_SET((size_t)cpu, &one);
        int code = pthread_setaffinity_np(pthread_self(), sizeof one, &one);
        if (code != 0)
            weir__log(LOG_LEVEL_WARNING, "worker not pinned worker=%u cpu=%d error=\"%s\"", worker->index, cpu,
                      weir_strerror(-code));
        return;
    }
}

static void report_failure(struct worker *worker, int code)
{
    struct workers *all = worker->all;

    pthread_mutex_lock(&all->lock);
    bool first = all->first_failure == 0;
    if (first) {
        all->first_failure = code;
        weir__failure_move(&worker->run.failure, &all->failure);
    }
    pthread_mutex_unlock(&all->lock);
    if (!first)
        return;
    for (unsigned i = 0; i < all->count; i++) {
        if (i != worker->index)
            (void)weir__inbox_post(all->worker[i].run.loop->inbox, &all->worker[i].cancel);
    }
}

static void work(struct worker *worker)
{
    this_index = worker->index;
    pin(worker);
    weir__thread_prepare();
    int code = weir__run_main(&worker->run);
    if (code < 0) {
        if (worker->run.failure.code == 0)      /* failed before main had a slot of its own */
            weir__failure_move(weir__failure_here(), &worker->run.failure);
        report_failure(worker, code);
    }
    weir__failure_fini(&worker->run.failure);
    weir_loop_close(worker->run.loop);
    this_index = 0;
}

static void *worker_thread(void *arg)
{
    struct worker *worker = arg;
    struct workers *all = worker->all;
    char name[16];

    snprintf(name, sizeof name, "weir/%u", worker->index);
    pthread_setname_np(pthread_self(), name);

    pthread_mutex_lock(&all->lock);
    while (all->gate == GATE_SHUT)
        pthread_cond_wait(&all->opened, &all->lock);
    bool go = all->gate == GATE_OPEN;
    pthread_mutex_unlock(&all->lock);
    if (go)
        work(worker);
    weir__overflow_thread_end();
    return NULL;
}

/* --- All of them ---------------------------------------------------------- */

static int make_loops(struct workers *all)
{
    for (unsigned i = 0; i < all->count; i++) {
        struct worker *worker = &all->worker[i];
        worker->all = all;
        worker->index = i;
        worker->cancel = (struct inbox_item) { .run = on_cancel, .drop = on_cancel_dropped };
        worker->run.loop = weir_loop_new();
        if (worker->run.loop == NULL)
            return weir__failure_here()->code;
    }
    return 0;
}

/* Threads wait at the gate until all are there; if one can't be made, none begins. */
static int start_threads(struct workers *all, unsigned *started)
{
    int code = 0;

    for (*started = 1; *started < all->count && code == 0; ) {
        struct worker *worker = &all->worker[*started];
        code = sys_thread(&worker->thread, NULL, worker_thread, worker);
        if (code == 0)
            ++*started;
        else
            weir__fail_text(code, "worker %u of %u can't be started: %s", *started, all->count, weir_strerror(code));
    }
    pthread_mutex_lock(&all->lock);
    all->gate = code == 0 ? GATE_OPEN : GATE_ABANDONED;
    pthread_cond_broadcast(&all->opened);
    pthread_mutex_unlock(&all->lock);
    return code;
}

static int run_all(struct workers *all)
{
    unsigned started;
    int code = start_threads(all, &started);

    if (code == 0)
        work(&all->worker[0]);
    for (unsigned i = 1; i < started; i++)
        pthread_join(all->worker[i].thread, NULL);
    if (all->pin && code == 0)
        (void)pthread_setaffinity_np(pthread_self(), sizeof all->cpus, &all->cpus);
    if (code == 0 && all->first_failure < 0) {
        code = all->first_failure;
        weir__failure_move(&all->failure, weir__failure_here());
    }
    weir__failure_fini(&all->failure);
    return code;
}

static int claim(struct workers *all)
{
    pthread_mutex_lock(&running_lock);
    bool free = running == NULL;
    if (free)
        running = all;
    pthread_mutex_unlock(&running_lock);
    return free ? 0 : weir__fail_text(-EBUSY, "workers run already in this process");
}

static void unclaim(void)
{
    pthread_mutex_lock(&running_lock);
    running = NULL;
    pthread_mutex_unlock(&running_lock);
}

int weir__workers_run(unsigned count, bool pin_them, int (*main)(void *), void *arg)
{
    if (weir__this_loop != NULL)
        return weir__fail_text(-EBUSY, "weir_run_workers: this thread runs a loop already");
    if (count == 0)
        count = weir__cpu_count();
    if (count > WORKERS_MOST)
        return weir__fail_text(-EINVAL, "%u workers: at most %d are possible", count, WORKERS_MOST);

    struct workers *all = sys_calloc(1, sizeof *all + count * sizeof all->worker[0]);
    if (all == NULL)
        return weir__fail(-ENOMEM);
    all->count = count;
    pthread_mutex_init(&all->lock, NULL);
    pthread_cond_init(&all->opened, NULL);
    all->pin = pin_them && sched_getaffinity(0, sizeof all->cpus, &all->cpus) == 0;

    int code = make_loops(all);
    if (code == 0) {
        for (unsigned i = 0; i < count; i++) {
            all->worker[i].run.main = main;
            all->worker[i].run.arg = arg;
        }
        code = claim(all);
        if (code == 0) {
            code = run_all(all);
            unclaim();
        }
    }
    for (unsigned i = 0; i < count; i++)
        weir_loop_free(all->worker[i].run.loop);
    pthread_cond_destroy(&all->opened);
    pthread_mutex_destroy(&all->lock);
    sys_free(all);
    return code;
}

int weir_run_workers(unsigned workers, weir_main main, void *arg)
{
    return weir__workers_run(workers, true, main, arg);
}
