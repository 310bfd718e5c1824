/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * streams/serve.c  Workers, servers over all of them, and the drain (serve.h draws it).
 *
 *      every worker       worker_start
 *      worker 0           listens when all have started; catches SIGINT and SIGTERM; on_ready
 *      first stop         no new callers, idle connections closed, the others get drain_timeout
 *      a moment later     those whose call was under way are accepted, listeners closed
 *      time up, or second stop    the others are aborted, and tasks have SERVE_GRACE left to end
 *      last connection gone       worker 0 lets the others go; every worker: worker_stop
 *
 * All decisions are made on worker 0's loop; the others report by posts to it.
 */
#include <weir/run.h>

#include "streams/serve.h"

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
#include "streams/stubborn.h"

#define DRAIN_DEFAULT 30.0      /* seconds */
#define BACKLOG_SERVE 4096      /* asyncio's 100 is for a chat; the kernel bounds it by net.core.somaxconn */

/* One worker's share. Its messages lie in our memory, so that sending them cannot fail; each is sent once. */
struct share {
    struct serve *serve;
    struct inbox_item report;   /* to worker 0: worker_start has returned */
    int start_result;
    weir_task *main;            /* while it waits to be let go, or for its tasks to end */
    struct inbox_item hurry;    /* worker 0's: tasks have less time than there was */
    struct inbox_item ended;    /* to worker 0: its main is about to return */
    struct inbox_item release;  /* worker 0's word */
    bool released;
};

struct serve {
    struct serve_plan *plan;
    unsigned workers;
    bool serving;               /* worker 0's: all listen, and not all are gone yet */
    bool ending;                /* worker 0's: they are gone, and the workers' tasks end */
    weir_handle *drain_timer;   /* worker 0's */
    weir_handle *leave_timer;   /* worker 0's */
    unsigned started;           /* worker 0's: workers whose worker_start succeeded */
    bool start_failed;          /* worker 0's: one did not */
    unsigned stops;             /* worker 0's: how often a stop was asked for */
    weir_task *starter;         /* worker 0's main while it waits for the others to start */
    unsigned ended;             /* worker 0's: other workers whose mains have come to their end */
    struct share *shares;       /* each worker's own */
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

static double drain_limit(const struct serve_plan *plan)
{
    return plan->drain_timeout > 0 ? plan->drain_timeout : DRAIN_DEFAULT;
}

static int64_t end_after(const struct serve_plan *plan, double seconds)
{
    return weir__ns_after(sys_monotonic_ns(), seconds + (plan->grace > 0 ? plan->grace : SERVE_GRACE));
}

static void end_within(struct serve_plan *plan, double seconds)
{
    atomic_store(&plan->end_by_ns, end_after(plan, seconds));
}

static void wake_main(struct share *share)
{
    if (share->main != NULL)
        weir__task_wake(share->main, 0);
}

static void on_hurry(struct inbox_item *item)
{
    wake_main(list_entry(item, struct share, hurry));
}

static void ask_all_clients(const struct serve_plan *plan, enum clients_ask ask)
{
    for (size_t i = 0; i < plan->service_count; i++) {
        if (plan->services[i].server != NULL)
            weir__server_clients(plan->services[i].server, ask);
    }
}

static void stop_listening(void *arg)
{
    struct serve *serve = arg;

    serve->leave_timer = NULL;
    for (size_t i = 0; serve->serving && i < serve->plan->service_count; i++)
        weir_server_close(serve->plan->services[i].server);
}

static void abort_the_rest(void *arg)
{
    struct serve *serve = arg;

    serve->drain_timer = NULL;
    if (!serve->serving)
        return;
    weir_handle_cancel(serve->leave_timer);
    for (size_t i = 0; i < serve->plan->service_count; i++)
        weir__server_leave_at_once(serve->plan->services[i].server);
    stop_listening(serve);
    serve->plan->cut_short = true;
    end_within(serve->plan, 0);
    weir__log(LOG_LEVEL_WARNING, "drain cut short: connections aborted");
    ask_all_clients(serve->plan, CLIENTS_ABORT);
}

static void begin_drain(struct serve *serve)
{
    struct serve_plan *plan = serve->plan;
    double limit = drain_limit(plan);

    weir__log(LOG_LEVEL_INFO, "draining seconds=%.3f", limit);
    end_within(plan, limit);
    for (size_t i = 0; i < plan->service_count; i++)
        weir__server_leave(plan->services[i].server);
    ask_all_clients(plan, CLIENTS_CLOSE_IDLE);
    serve->leave_timer = weir_loop_call_later(weir__this_loop, LEAVE_SECONDS, stop_listening, serve);
    if (serve->leave_timer == NULL)
        stop_listening(serve);
    serve->drain_timer = weir_loop_call_later(weir__this_loop, limit, abort_the_rest, serve);
    if (serve->drain_timer == NULL)
        abort_the_rest(serve);                  /* no memory to bound the drain by */
}

/* No connection is left to abort, but tasks that take their time. */
static void hurry(struct serve *serve)
{
    end_within(serve->plan, 0);
    for (unsigned i = 1; i < serve->workers; i++)
        (void)weir__inbox_post(weir_worker_loop(i)->inbox, &serve->shares[i].hurry);
    wake_main(&serve->shares[0]);
}

static void stop(void *arg)
{
    struct serve *serve = arg;

    atomic_store(&draining, true);
    serve->stops++;
    if (serve->ending && serve->stops == 2)
        hurry(serve);
    if (!serve->serving)
        return;                                 /* not listening yet: serve_clients looks at stops */
    if (serve->stops == 1) {
        begin_drain(serve);
    } else {
        weir_handle_cancel(serve->drain_timer);
        abort_the_rest(serve);
    }
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

/* Bound on every worker, and not listening yet. */
static int bind_service(struct serve_service *service)
{
    weir_server_options opts = service->options;

    opts.all_workers = true;
    opts.no_start_serving = true;
    if (opts.backlog == 0)
        opts.backlog = BACKLOG_SERVE;
    return service->sockets != NULL ? weir__start_server_bound(&service->serving, service->sockets, &opts, &service->server)
                                    : weir__start_server(&service->serving, service->host, service->port, &opts, &service->server);
}

static int listen_on_all(struct serve_plan *plan)
{
    int code = 0;

    for (size_t i = 0; i < plan->service_count && code == 0; i++)
        code = bind_service(&plan->services[i]);
    for (size_t i = 0; i < plan->service_count && code == 0; i++)
        code = weir_server_start_serving(plan->services[i].server);
    return code;
}

static int wait_for_all_closed(const struct serve_plan *plan)
{
    int code = 0;

    for (size_t i = 0; i < plan->service_count && code == 0; i++)
        code = weir_server_wait_closed(plan->services[i].server);
    return code;
}

static void free_servers(struct serve_plan *plan)
{
    for (size_t i = 0; i < plan->service_count; i++) {
        weir_server_free(plan->services[i].server);
        plan->services[i].server = NULL;
    }
}

static int serve_clients(struct serve *serve)
{
    struct serve_plan *plan = serve->plan;
    int code = listen_on_all(plan);

    if (code < 0) {
        ask_all_clients(plan, CLIENTS_ABORT);   /* of those that listened for a moment */
        free_servers(plan);
        return code;
    }
    serve->serving = true;
    if (serve->stops > 0) {                     /* asked to stop while starting */
        serve->stops = 1;
        begin_drain(serve);
    } else if (plan->on_ready != NULL) {
        plan->on_ready(plan->arg);
    }
    code = wait_for_all_closed(plan);
    if (code < 0)                               /* another worker failed and cancelled us */
        ask_all_clients(plan, CLIENTS_ABORT);
    weir_handle_cancel(serve->drain_timer);
    weir_handle_cancel(serve->leave_timer);
    serve->drain_timer = serve->leave_timer = NULL;
    serve->serving = false;
    free_servers(plan);
    return code;
}

/* --- Every worker --------------------------------------------------------- */

static void release(struct inbox_item *item)
{
    struct share *share = list_entry(item, struct share, release);

    share->released = true;
    wake_main(share);
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
        (void)weir__inbox_post(weir_worker_loop(i)->inbox, &serve->shares[i].release);
    }
}

static int start_worker(struct serve *serve, unsigned index)
{
    struct share *share = &serve->shares[index];
    int code = 0;

    if (serve->plan->worker_start != NULL)
        code = serve->plan->worker_start(serve->plan->arg, index);
    if (index == 0) {
        note_start(serve, code);
        return code;
    }
    share->start_result = code;
    (void)weir__inbox_post(weir_worker_loop(0)->inbox, &share->report);
    return code;
}

/* Handlers may outlive their connections, and use the worker's state until then. */
static bool end_tasks(struct serve_plan *plan, struct share *share)
{
    int64_t never = 0;

    /* Without a drain, since something failed, they have as long. */
    (void)atomic_compare_exchange_strong(&plan->end_by_ns, &never, end_after(plan, drain_limit(plan)));
    share->main = weir__task_current();
    bool all = weir__run_end_tasks(&plan->end_by_ns);
    share->main = NULL;
    if (!all)
        atomic_fetch_add(&plan->abandoned, weir__stubborn_abandon());
    return all;
}

static void stop_worker(struct serve *serve, unsigned index)
{
    if (end_tasks(serve->plan, &serve->shares[index]) && serve->plan->worker_stop != NULL)
        serve->plan->worker_stop(serve->plan->arg, index);
}

static void on_ended(struct inbox_item *item)
{
    struct serve *serve = list_entry(item, struct share, ended)->serve;

    serve->ended++;
    wake_main(&serve->shares[0]);
}

/* Worker 0 is there for as long as there are others, so that a second stop finds somebody. */
static void wait_for_the_others(struct serve *serve)
{
    int code = 0;

    while (serve->ended < serve->workers - 1 && code == 0) {
        serve->shares[0].main = weir__task_current();
        code = weir__task_wait_past_deadline(WAIT_SERVER, serve);       /* cancelled: one of them failed, and reports nothing */
        serve->shares[0].main = NULL;
    }
}

static int serve_on(struct serve *serve, unsigned index)
{
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
        serve->ending = true;
        release_others(serve);
    }
    stop_worker(serve, index);
    return code;
}

static int serve_main(void *arg)
{
    struct serve *serve = arg;
    unsigned index = weir_worker_index();
    int code = serve_on(serve, index);
    if (index == 0 && code == 0)
        wait_for_the_others(serve);
    else if (index > 0)
        (void)weir__inbox_post(weir_worker_loop(0)->inbox, &serve->shares[index].ended);
    return code;
}

/* --- Starting ------------------------------------------------------------- */

static int run(struct serve *serve)
{
    pthread_mutex_lock(&current_lock);
    bool busy = current != NULL;
    if (!busy)
        current = serve;
    pthread_mutex_unlock(&current_lock);
    if (busy)
        return weir__fail_text(-EBUSY, "weir_serve runs already in this process");

    int code = weir__workers_run(serve->workers, !serve->plan->no_pin, serve_main, serve);
    pthread_mutex_lock(&current_lock);
    current = NULL;
    pthread_mutex_unlock(&current_lock);
    atomic_store(&draining, false);
    return code;
}

unsigned weir__serve_workers(unsigned workers)
{
    return workers > 0 ? workers : weir__cpu_count();
}

int weir__serve(struct serve_plan *plan)
{
    struct serve serve = { .plan = plan, .workers = weir__serve_workers(plan->workers) };

    if (isnan(plan->drain_timeout) || plan->drain_timeout < 0)
        return weir__fail_text(-EINVAL, "drain_timeout has to be 0 (the default) or more seconds");
    serve.shares = sys_calloc(serve.workers, sizeof serve.shares[0]);
    if (serve.shares == NULL)
        return weir__fail(-ENOMEM);
    for (unsigned i = 0; i < serve.workers; i++)
        serve.shares[i] = (struct share) {
            .serve = &serve,
            .report = { .run = on_report, .drop = drop_message }, .release = { .run = release, .drop = drop_message },
            .hurry = { .run = on_hurry, .drop = drop_message }, .ended = { .run = on_ended, .drop = drop_message },
        };
    int code = run(&serve);
    sys_free(serve.shares);
    return code;
}

/* --- One handler ---------------------------------------------------------- */

struct one_handler {
    const weir_serve_options *opts;
    void *arg;
    void **worker_args;         /* the handlers' arg on each worker; NULL without a worker_start */
    struct serve_service service;
};

static int one_start(void *arg, unsigned worker)
{
    struct one_handler *one = arg;

    return one->opts->worker_start(one->arg, &one->worker_args[worker]);
}

static void one_stop(void *arg, unsigned worker)
{
    struct one_handler *one = arg;

    one->opts->worker_stop(one->arg, one->worker_args[worker]);
}

static void one_ready(void *arg)
{
    struct one_handler *one = arg;

    one->opts->on_ready(one->service.server, one->arg);
}

int weir_serve(weir_client_connected_cb cb, void *arg, const char *host, uint16_t port, const weir_serve_options *opts)
{
    static const weir_serve_options defaults;
    struct one_handler one = { .opts = opts != NULL ? opts : &defaults, .arg = arg };
    unsigned workers = weir__serve_workers(one.opts->workers);

    one.worker_args = sys_calloc(workers, sizeof one.worker_args[0]);
    if (one.worker_args == NULL)
        return weir__fail(-ENOMEM);
    one.service = (struct serve_service) {
        .serving = { .cb = cb, .arg = arg, .worker_args = one.opts->worker_start != NULL ? one.worker_args : NULL },
        .host = host, .port = port, .options = one.opts->server,
    };
    struct serve_plan plan = {
        .workers = workers, .no_pin = one.opts->no_pin, .drain_timeout = one.opts->drain_timeout,
        .services = &one.service, .service_count = 1, .arg = &one,
        .worker_start = one.opts->worker_start != NULL ? one_start : NULL,
        .worker_stop = one.opts->worker_stop != NULL ? one_stop : NULL,
        .on_ready = one.opts->on_ready != NULL ? one_ready : NULL,
    };
    int code = weir__serve(&plan);
    sys_free(one.worker_args);
    return code;
}
