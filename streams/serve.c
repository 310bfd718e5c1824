/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * streams/serve.c  weir_serve: workers, one server over all of them, and the drain.
 *
 *      every worker       worker_start
 *      worker 0           listens when all have started; catches SIGINT and SIGTERM; on_ready
 *      first stop         listeners closed, idle connections closed, the others get drain_timeout
 *      time up, or second stop    the others are aborted
 *      last connection gone       worker 0 lets the others go; every worker: worker_stop
 *
 * All decisions are made on worker 0's loop; the others report by posts to it.
 */
#include <weir/run.h>

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>

#include "core/error.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/run.h"
#include "core/sys.h"
#include "core/task.h"
#include "core/workers.h"
#include "net/server.h"
#include "streams/start_server.h"

#define DRAIN_DEFAULT 30.0      /* seconds */
#define BACKLOG_SERVE 4096      /* asyncio's 100 is for a chat; the kernel bounds it by net.core.somaxconn */

/* One worker's share. Its messages lie in our memory, so that sending them cannot fail; each is sent once. */
struct share {
    struct serve *serve;
    struct inbox_item report;   /* to worker 0: worker_start has returned */
    int start_result;
    weir_task *main;            /* while it waits to be let go */
    struct inbox_item release;  /* worker 0's word */
    bool released;
};

struct serve {
    weir_client_connected_cb cb;
    void *arg;
    const char *host;
    uint16_t port;
    weir_serve_options opts;
    unsigned workers;
    weir_server *server;        /* worker 0's */
    weir_handle *drain_timer;   /* worker 0's */
    unsigned started;           /* worker 0's: workers whose worker_start succeeded */
    bool start_failed;          /* worker 0's: one did not */
    unsigned stops;             /* worker 0's: how often a stop was asked for */
    weir_task *starter;         /* worker 0's main while it waits for the others to start */
    struct share *shares;       /* each worker's own */
    void **worker_args;         /* the handlers' arg on each worker */
};

static atomic_bool draining;

/* The one that runs, for weir_serve_stop. */
static pthread_mutex_t current_lock = PTHREAD_MUTEX_INITIALIZER;
static struct serve *current;

bool weir_draining(void)
{
    return atomic_load_explicit(&draining, memory_order_relaxed);
}

/* --- Stopping (worker 0) -------------------------------------------------- */

static void abort_the_rest(void *arg)
{
    struct serve *serve = arg;

    serve->drain_timer = NULL;
    if (serve->server == NULL)
        return;
    weir__log(LOG_LEVEL_WARNING, "drain cut short: connections aborted");
    weir_server_abort_clients(serve->server);
}

static void stop(void *arg)
{
    struct serve *serve = arg;

    atomic_store(&draining, true);
    serve->stops++;
    if (serve->server == NULL)
        return;                                 /* not listening yet: serve_clients looks at stops */
    if (serve->stops > 1) {
        weir_handle_cancel(serve->drain_timer);
        abort_the_rest(serve);
        return;
    }
    weir__log(LOG_LEVEL_INFO, "draining");
    weir_server_close(serve->server);
    weir__server_clients(serve->server, CLIENTS_CLOSE_IDLE);
    double limit = serve->opts.drain_timeout > 0 ? serve->opts.drain_timeout : DRAIN_DEFAULT;
    serve->drain_timer = weir_loop_call_later(weir__this_loop, limit, abort_the_rest, serve);
    if (serve->drain_timer == NULL)
        abort_the_rest(serve);                  /* no memory to bound the drain by */
}

void weir_serve_stop(void)
{
    pthread_mutex_lock(&current_lock);
    if (current != NULL)
        (void)weir__worker_call(0, stop, current);
    pthread_mutex_unlock(&current_lock);
}

static int catch_signals(struct serve *serve)
{
    int code = weir_loop_add_signal_handler(weir__this_loop, SIGINT, stop, serve);

    return code < 0 ? code : weir_loop_add_signal_handler(weir__this_loop, SIGTERM, stop, serve);
}

/* --- Worker 0 ------------------------------------------------------------- */

static void note_start(struct serve *serve, int result)
{
    if (result < 0)
        serve->start_failed = true;
    else
        serve->started++;
    if (serve->starter != NULL && (serve->start_failed || serve->started == serve->workers))
        weir__task_wake(serve->starter, 0);
}

static void on_report(struct inbox_item *item)
{
    struct share *share = list_entry(item, struct share, report);

    note_start(share->serve, share->start_result);
}

static int wait_for_all_started(struct serve *serve)
{
    while (serve->started < serve->workers && !serve->start_failed) {
        serve->starter = weir__task_current();
        int code = weir__task_wait(WAIT_START, serve, FOREVER);
        serve->starter = NULL;
        if (code < 0)
            return code;
    }
    return 0;
}

static int serve_clients(struct serve *serve)
{
    struct serving serving = { .cb = serve->cb, .arg = serve->arg };
    weir_server_options opts = serve->opts.server;
    weir_server *server;

    if (serve->opts.worker_start != NULL)
        serving.worker_args = serve->worker_args;
    opts.all_workers = true;
    opts.no_start_serving = false;
    if (opts.backlog == 0)
        opts.backlog = BACKLOG_SERVE;
    int code = weir__start_server(&serving, serve->host, serve->port, &opts, &server);
    if (code < 0)
        return code;
    serve->server = server;
    if (serve->stops > 0) {                     /* asked to stop while starting */
        serve->stops = 0;
        stop(serve);
    } else if (serve->opts.on_ready != NULL) {
        serve->opts.on_ready(server, serve->arg);
    }
    code = weir_server_wait_closed(server);
    if (code < 0)                               /* another worker failed and cancelled us */
        weir_server_abort_clients(server);
    weir_handle_cancel(serve->drain_timer);
    serve->drain_timer = NULL;
    serve->server = NULL;
    weir_server_free(server);
    return code;
}

/* --- Every worker --------------------------------------------------------- */

static void release(struct inbox_item *item)
{
    struct share *share = list_entry(item, struct share, release);

    share->released = true;
    if (share->main != NULL)
        weir__task_wake(share->main, 0);
}

static void drop_message(struct inbox_item *item)
{
    (void)item;                                 /* the worker it was for has ended by itself */
}

static int wait_for_release(struct share *share)
{
    int code = 0;

    while (!share->released && code == 0) {
        share->main = weir__task_current();
        code = weir__task_wait(WAIT_SERVER, share, FOREVER);
        share->main = NULL;
    }
    return code;
}

static void release_others(struct serve *serve)
{
    for (unsigned i = 1; i < serve->workers; i++) {
        serve->shares[i].release = (struct inbox_item) { .run = release, .drop = drop_message };
        (void)weir__inbox_post(weir_worker_loop(i)->inbox, &serve->shares[i].release);
    }
}

static int start_worker(struct serve *serve, unsigned index)
{
    struct share *share = &serve->shares[index];
    int code = 0;

    if (serve->opts.worker_start != NULL)
        code = serve->opts.worker_start(serve->arg, &serve->worker_args[index]);
    if (index == 0) {
        note_start(serve, code);
        return code;
    }
    share->serve = serve;
    share->start_result = code;
    share->report = (struct inbox_item) { .run = on_report, .drop = drop_message };
    (void)weir__inbox_post(weir_worker_loop(0)->inbox, &share->report);
    return code;
}

static void stop_worker(struct serve *serve, unsigned index)
{
    if (serve->opts.worker_stop == NULL)
        return;
    weir__run_end_tasks();                      /* handlers may outlive their connections, and use the state until then */
    serve->opts.worker_stop(serve->arg, serve->worker_args[index]);
}

static int serve_main(void *arg)
{
    struct serve *serve = arg;
    unsigned index = weir_worker_index();
    int code = 0;

    if (index == 0)                             /* from here on a signal is a drain, also while workers start */
        code = catch_signals(serve);
    if (code == 0)
        code = start_worker(serve, index);
    if (code < 0) {
        if (index == 0)
            release_others(serve);              /* a worker_start may have taken the cancel that says the same */
        return code;
    }

    if (index > 0) {
        code = wait_for_release(&serve->shares[index]);
    } else {
        code = wait_for_all_started(serve);
        if (code == 0 && !serve->start_failed)  /* else that worker's code is the result, and we have none of our own */
            code = serve_clients(serve);
        release_others(serve);
    }
    stop_worker(serve, index);
    return code;
}

/* --- Starting ------------------------------------------------------------- */

static int run(struct serve *serve)
{
    serve->shares = sys_calloc(serve->workers, sizeof serve->shares[0]);
    serve->worker_args = sys_calloc(serve->workers, sizeof serve->worker_args[0]);
    if (serve->shares == NULL || serve->worker_args == NULL)
        return weir__fail(-ENOMEM);

    pthread_mutex_lock(&current_lock);
    bool busy = current != NULL;
    if (!busy)
        current = serve;
    pthread_mutex_unlock(&current_lock);
    if (busy)
        return weir__fail_text(-EBUSY, "weir_serve runs already in this process");

    int code = weir__workers_run(serve->workers, !serve->opts.no_pin, serve_main, serve);
    pthread_mutex_lock(&current_lock);
    current = NULL;
    pthread_mutex_unlock(&current_lock);
    atomic_store(&draining, false);
    return code;
}

int weir_serve(weir_client_connected_cb cb, void *arg, const char *host, uint16_t port, const weir_serve_options *opts)
{
    struct serve serve = { .cb = cb, .arg = arg, .host = host, .port = port };

    if (opts != NULL)
        serve.opts = *opts;
    if (isnan(serve.opts.drain_timeout) || serve.opts.drain_timeout < 0)
        return weir__fail_text(-EINVAL, "drain_timeout has to be 0 (the default) or more seconds");
    serve.workers = serve.opts.workers > 0 ? serve.opts.workers : weir__cpu_count();
    int code = run(&serve);
    sys_free(serve.shares);
    sys_free(serve.worker_args);
    return code;
}
