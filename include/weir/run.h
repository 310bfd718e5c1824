/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <weir/run.h>  From main() into tasks, on one loop or on one per CPU.
 *
 * weir_run() is asyncio.run. weir_run_workers() is the same on several threads,
 * the workers, each with a loop of its own. weir_serve() is all that a server's
 * main() needs. These block the calling thread and are called outside of any
 * loop.
 *
 * Loop      A worker is one thread with one loop, for as long as the call runs.
 *           Workers share nothing by themselves: what their handlers share
 *           needs a lock or an atomic.
 * Owner     Loops, threads and servers made here are freed before these
 *           functions return.
 * Bytes     @arg and the options are the caller's, and valid until these
 *           functions return.
 */
#ifndef WEIR_RUN_H
#define WEIR_RUN_H

#include <weir/server.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The first task of a loop. Its result is the run's: 0 or more, or a negative code. */
typedef int (*weir_main)(void *arg);

/* --- Running ------------------------------------------------------------- */

/*
 * Run a function as a task on a loop of its own.
 *
 * When it returns, the loop's other tasks are cancelled and awaited, and the
 * loop is closed.
 *
 * main     returns the result
 * arg      handed to @main
 * returns  what @main returned, or
 *          -EBUSY   a loop is running on this thread
 *          -ENOMEM  no memory for the loop or the task
 *          -errno   the loop could not be made (-EMFILE, ...)
 *          weir_error_detail() has the text of the failure after the return.
 * asyncio  asyncio.run
 */
int weir_run(weir_main main, void *arg);

/*
 * Run a function as a task on each of several workers.
 *
 * Each worker has a thread, kept on one CPU, and a loop. The first @main to
 * fail cancels the others'. When a worker's @main has returned, the other tasks
 * of its loop are cancelled and awaited. The call returns when all workers are
 * done.
 *
 * workers  how many; 0: one for each CPU that the process may use
 * main     called on each worker, at the same time; weir_worker_index() tells
 *          them apart
 * arg      handed to each: shared by all of them
 * returns  the result of the first worker that failed, or 0; or
 *          -EBUSY   a loop is running on this thread, or other workers in this
 *                   process
 *          -EAGAIN  a thread could not be started; nothing ran
 *          -ENOMEM  no memory
 *          -errno   a loop could not be made (-EMFILE, ...)
 *          weir_error_detail() has the text of the first worker that failed
 *          after the return.
 * beyond asyncio
 */
int weir_run_workers(unsigned workers, weir_main main, void *arg);

/* --- Workers ------------------------------------------------------------- */

/*
 * Which worker the calling thread is.                             [thread-safe]
 *
 * returns  0 to weir_worker_count() - 1; 0 on a thread that is none
 * beyond asyncio
 */
unsigned weir_worker_index(void);

/*
 * How many workers run.
 *
 * returns  1 in weir_run(); 0 when nothing runs
 * beyond asyncio
 */
unsigned weir_worker_count(void);

/*
 * The loop of a worker.                                           [thread-safe]
 *
 * For weir_loop_call_soon_threadsafe(); most other functions are for the loop's
 * own thread.
 *
 * returns  borrowed, valid until the run ends; NULL: there is no such worker
 * beyond asyncio
 */
weir_loop *weir_worker_loop(unsigned index);

/*
 * Whether this process is closing down.                           [thread-safe]
 *
 * A handler that waits for a next request asks before it does, and returns
 * instead. See also weir_writer_set_idle().
 *
 * returns  true from the first SIGINT, SIGTERM or weir_serve_stop() on
 * beyond asyncio
 */
bool weir_draining(void);

/* --- Serving ------------------------------------------------------------- */

/* How weir_serve() serves. All zero: every default; so is a NULL instead of the struct. */
typedef struct weir_serve_options {
    unsigned workers;           /* how many; 0: one for each CPU that the process may use */
    bool     no_pin;            /* true: workers are not kept on one CPU each */
    double   drain_timeout;     /* seconds that connections get to end after a stop, then they are
                                 * aborted; 0: 30 s */
    /* Called first on each worker, in a task, which may suspend. *state, NULL at first, becomes
     * the handlers' arg on this worker, instead of the arg of weir_serve(). Negative: the server
     * does not start, and weir_serve() returns the code. NULL: none */
    int  (*worker_start)(void *arg, void **state);
    /* Called last on each worker whose worker_start succeeded, in a task, when its connections
     * are gone. NULL: none */
    void (*worker_stop)(void *arg, void *state);
    /* Called once, on worker 0's loop, when all workers listen; must not suspend. server is valid
     * until weir_serve() returns: it has the port that was chosen for 0. NULL: none */
    void (*on_ready)(weir_server *server, void *arg);
    weir_server_options server; /* how to listen; its all_workers and no_start_serving mean nothing
                                 * here, and a backlog of 0 is 4096 */
    void *reserved[8];          /* 0 */
} weir_serve_options;

/*
 * Serve TCP clients on all workers until a signal says stop.
 *
 * SIGINT, SIGTERM or weir_serve_stop() begin the drain: nothing is accepted any
 * more, idle connections (weir_writer_set_idle()) are closed at once, the
 * others get drain_timeout to end, then they are aborted. A second one stops at
 * once. The signals' actions are as before when the call returns.
 *
 * cb       the handler, as for weir_start_server(); it runs on all workers at
 *          the same time
 * arg      handed to it, unless worker_start gives it another
 * host     as for weir_start_server()
 * port     as for weir_start_server(); one number for all workers
 * opts     NULL: all defaults
 * returns  0 after a drain, or
 *          -EADDRINUSE    somebody else has the port, another process of the
 *                         same user included
 *          -EBUSY         a loop is running on this thread, or other workers in
 *                         this process
 *          -EAGAIN        a thread could not be started
 *          another code   worker_start's, or as weir_start_server()
 *          weir_error_detail() has the text of the failure after the return.
 * beyond asyncio  (start_server and serve_forever, for each core)
 */
int weir_serve(weir_client_connected_cb cb, void *arg, const char *host, uint16_t port,
               const weir_serve_options *opts);

/*
 * Stop weir_serve(), as SIGTERM would.                            [thread-safe]
 *
 * Not to be called in a signal handler. Does nothing when nothing serves.
 *
 * beyond asyncio
 */
void weir_serve_stop(void);

/* --- Stack overflow ------------------------------------------------------ */

/*
 * Have a task's stack overflow explained before the process ends.
 *
 * Installs handlers for SIGSEGV and SIGBUS, which run on a stack of their own
 * that each loop's thread gets. A fault in the guard page of a task's stack is
 * told on standard error: the task, its function, and how large the stack was;
 * then the signal ends the process. Faults anywhere else go on to the handler
 * that was there before. Called before weir_run(), weir_run_workers() or
 * weir_serve(), from one thread; again: does nothing.
 *
 * returns  0, or
 *          -errno  a handler could not be installed
 * beyond asyncio
 */
int weir_report_stack_overflow(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
