/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * streams/serve.h  Serving on every worker until told to stop: what weir_serve and the weir program have in common.
 *
 *      workers start --> every worker_start succeeded --> all services bound --> all listen --> on_ready
 *                                                                                   |  stop: SIGINT, SIGTERM, weir_serve_stop
 *      workers end <-- worker_stop on each <-- every server closed and empty <-- drain, abort after drain_timeout
 *
 * Handlers may outlive their connections. When every worker has none left, the tasks of each are cancelled; they have until
 * the drain's time is up, and SERVE_GRACE more. Those that ignore it are named in the log and abandoned: what they hold is
 * lost, and the worker_stop of their worker is not called, since it would free what they, or a thread of the executor that
 * works for them, still have in hand.
 *
 * Nothing listens before every worker has started and every service is bound: a start that fails has served nobody.
 */
#ifndef WEIR_STREAMS_SERVE_H
#define WEIR_STREAMS_SERVE_H

#include <weir/run.h>

#include "core/export.h"
#include "net/listen.h"
#include "streams/start_server.h"

#define SERVE_GRACE 2.0         /* seconds for handlers to clean up after their connections were aborted */

/* A handler, and where its clients come from. */
struct serve_service {
    struct serving serving;
    const char *host;           /* and port: bound when the workers have started */
    uint16_t port;
    struct listen_set *sockets; /* or bound before, for as many workers as run: taken over. NULL: host and port */
    weir_server_options options;        /* all_workers and no_start_serving mean nothing; backlog 0: 4096 */
    weir_server *server;        /* worker 0's, while it exists */
};

struct serve_plan {
    unsigned workers;           /* 0: one for each CPU that the process may use */
    bool no_pin;
    double drain_timeout;       /* seconds; 0: 30 s */
    double grace;               /* seconds; 0: SERVE_GRACE */
    struct serve_service *services;
    size_t service_count;
    /* On each worker, in a task. Negative: nothing serves, and that is the result. NULL: none */
    int  (*worker_start)(void *arg, unsigned worker);
    /* On each worker whose worker_start succeeded, in a task, when all connections there are gone. NULL: none */
    void (*worker_stop)(void *arg, unsigned worker);
    /* On worker 0's loop, when all listen. NULL: none */
    void (*on_ready)(void *arg);
    void *arg;
    bool cut_short;             /* out: connections were aborted, since the drain's time was up or a second stop came */
    _Atomic int64_t end_by_ns;  /* out: when every task has to have ended, by the monotonic clock; 0: no stop yet. Any thread */
    _Atomic unsigned abandoned; /* out: tasks that had not, and never run again */
};

/* As weir_serve, whose errors it has, and -EINVAL for a wrong drain_timeout. */
FOR_PROGRAM int weir__serve(struct serve_plan *plan);

/* How many workers run when a plan says @workers. */
FOR_PROGRAM unsigned weir__serve_workers(unsigned workers);

#endif
