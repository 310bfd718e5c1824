/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <weir/loop.h>  The event loop: callbacks, timers, signals, and work for other
 * threads.
 *
 * Most programs call weir_run() or weir_serve() and never make a loop; what is
 * here is what those are made of. A loop goes round in passes: it polls, runs
 * the callbacks that were queued before, then input and output, then timers,
 * then the tasks that these made ready. What is queued during a pass runs in
 * the next one.
 *
 * Every [suspends] function may return, besides what it lists, -ECANCELED (this
 * task was cancelled while it waited), -ETIMEDOUT (an enclosing weir_timeout
 * ran out) and WEIR_ENOTASK (it would have to wait, and was not called from a
 * task).
 *
 * Loop      A loop belongs to the thread that runs it. Call these functions
 *           only from that thread, or while the loop does not run, except where
 *           one says [thread-safe]. Callbacks run on the loop's own stack: they
 *           cannot call what has to wait.
 * Owner     weir_loop_new() gives a loop to its caller, who closes and frees
 *           it. A handle is the loop's and is never freed by the caller.
 * Bytes     Every @arg is the caller's and has to be valid until its callback
 *           ran, or was cancelled, or the loop was closed.
 */
#ifndef WEIR_LOOP_H
#define WEIR_LOOP_H

#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct ev_loop;
struct addrinfo;
struct sockaddr;

/* An event loop. */
typedef struct weir_loop weir_loop;

/* A callback that was asked for and has not run yet. */
typedef struct weir_handle weir_handle;

/* What a loop calls. It must not suspend; work that has to wait is a task. */
typedef void (*weir_callback)(void *arg);

/*
 * Who is told about failures that nobody else gets: of handlers, spawned tasks
 * and callbacks.
 *
 * Called on the loop's thread; it must not suspend.
 *
 * code     what failed, negative
 * message  what it happened to, in words; valid during the call only
 * arg      what was given to weir_loop_set_exception_handler()
 */
typedef void (*weir_exception_handler)(weir_loop *loop, int code, const char *message, void *arg);

/* --- Making and freeing -------------------------------------------------- */

/*
 * Make a loop.
 *
 * returns  the loop, which the caller closes with weir_loop_close() and frees
 *          with weir_loop_free(); NULL without memory or descriptors,
 *          weir_error_detail() says which
 * asyncio  asyncio.new_event_loop
 */
weir_loop *weir_loop_new(void);

/*
 * Close a loop: drop what is queued, remove its timers and signal handlers.
 *
 * Queued callbacks do not run any more. Tasks that have not ended are cancelled
 * and given the time they need to end. The loop's answers stay valid until
 * weir_loop_free(): from now on what would use it returns -ESHUTDOWN, or NULL,
 * or false. Closing again is harmless.
 *
 * returns  0, or
 *          -EBUSY  it is running; nothing changed
 * asyncio  loop.close; there tasks that have not ended are left as they are
 */
int weir_loop_close(weir_loop *loop);

/*
 * Free a loop, closing it first if need be.
 *
 * Nobody may use it any more, other threads included. A loop that runs is not
 * freed.
 *
 * loop     NULL does nothing
 * beyond asyncio  (Python frees by itself)
 */
void weir_loop_free(weir_loop *loop);

/* --- Running ------------------------------------------------------------- */

/*
 * Run until weir_loop_stop().
 *
 * What was queued and not run when it stops is kept for the next run. A stop
 * that was asked for before the run makes exactly one pass, which does not
 * wait.
 *
 * returns  0 when stopped, or
 *          -EBUSY      this loop, or another one on this thread, is running
 *          -ESHUTDOWN  the loop is closed
 * asyncio  loop.run_forever
 */
int weir_loop_run_forever(weir_loop *loop);

/*
 * Run a function as a task, and the loop until that is done.
 *
 * Tasks that it left behind are kept for the next run; weir_run() is the one
 * that cancels them.
 *
 * fn       returns the result
 * arg      handed to @fn
 * returns  what @fn returned, or
 *          -ECANCELED   its task was cancelled
 *          WEIR_ESTATE  weir_loop_stop() came first; the task goes on with the
 *                       next run
 *          -EBUSY       this loop, or another one on this thread, is running
 *          -ESHUTDOWN   the loop is closed
 *          -ENOMEM      no memory for the task or for its stack
 * asyncio  loop.run_until_complete
 */
int weir_loop_run_until_complete(weir_loop *loop, int (*fn)(void *), void *arg);

/*
 * Let the loop end after this pass.                               [thread-safe]
 *
 * What the pass has begun is finished, and output that was written goes out. On
 * a loop that does not run it counts for the next run; on a closed one it does
 * nothing.
 *
 * asyncio  loop.stop, which is for the loop's own thread only
 */
void weir_loop_stop(weir_loop *loop);

/*
 * Whether the loop is inside one of the run functions.
 *
 * returns  true while one runs it
 * asyncio  loop.is_running
 */
bool weir_loop_is_running(const weir_loop *loop);

/*
 * Whether weir_loop_close() was called.
 *
 * returns  true from the first successful close on
 * asyncio  loop.is_closed
 */
bool weir_loop_is_closed(const weir_loop *loop);

/*
 * The loop's clock, read now.
 *
 * Monotonic: setting the wall clock changes nothing, and the number means
 * something only compared with another one of this process.
 *
 * returns  seconds
 * asyncio  loop.time
 */
double weir_loop_time(const weir_loop *loop);

/*
 * The loop that is running on the calling thread.
 *
 * returns  borrowed; NULL when none is, also on a thread of the executor
 * asyncio  asyncio.get_running_loop, which raises RuntimeError instead
 */
weir_loop *weir_get_running_loop(void);

/*
 * The libev loop underneath, to add watchers of one's own.
 *
 * Start and stop watchers on the loop's thread only. It is not to be run,
 * broken, forked or destroyed by others, and its user data, invoke and release
 * callbacks are taken. A watcher's callback is a plain callback: it must not
 * suspend. Watchers are stopped before weir_loop_close(). libev has one allocator
 * for all loops of a process, which the first weir_loop_new() sets: a program
 * with libev loops of its own makes them after it.
 *
 * returns  borrowed, valid until weir_loop_close(); NULL after that
 * beyond asyncio
 */
struct ev_loop *weir_loop_ev(weir_loop *loop);

/* --- Callbacks and timers ------------------------------------------------ */

/*
 * Call a function in the next pass.
 *
 * In the order of the calls, exactly once, never from inside this call.
 *
 * returns  a handle, which is the loop's and is valid until the callback begins
 *          or is cancelled; NULL on a closed loop or without memory
 * asyncio  loop.call_soon; errors are NULL
 */
weir_handle *weir_loop_call_soon(weir_loop *loop, weir_callback cb, void *arg);

/*
 * Call a function after some time.
 *
 * Never early; earlier deadlines first, the order of equal ones is open.
 *
 * delay    seconds from now; 0 or less: when timers are next looked at
 * returns  a handle as weir_loop_call_soon()'s; NULL on a closed loop, without
 *          memory, or when @delay is not a number
 * asyncio  loop.call_later
 */
weir_handle *weir_loop_call_later(weir_loop *loop, double delay, weir_callback cb, void *arg);

/*
 * Call a function at a time of the loop's clock.
 *
 * when     seconds, as weir_loop_time() tells them; a time that has passed:
 *          when timers are next looked at
 * returns  a handle as weir_loop_call_soon()'s; NULL on a closed loop, without
 *          memory, or when @when is not a number
 * asyncio  loop.call_at
 */
weir_handle *weir_loop_call_at(weir_loop *loop, double when, weir_callback cb, void *arg);

/*
 * Take back a callback that has not run.
 *
 * It will not run, even when it was due in this pass. The handle is not valid
 * afterwards; neither is the handle of a callback that began, so a callback
 * forgets its own first.
 *
 * handle   NULL does nothing
 * asyncio  Handle.cancel and TimerHandle.cancel, which may be called again and
 *          later
 */
void weir_handle_cancel(weir_handle *handle);

/*
 * Call a function in the loop's thread, soon, from any thread.    [thread-safe]
 *
 * Callbacks of one thread run in the order of its calls. A loop that sleeps is
 * woken. The caller sees to it that the loop is not freed meanwhile.
 *
 * returns  0, or
 *          -ENOBUFS    the loop's inbox is full; try again later
 *          -ESHUTDOWN  the loop is closed
 *          -ENOMEM     no memory
 * asyncio  loop.call_soon_threadsafe; there the queue has no bound, and the
 *          call gives a handle
 */
int weir_loop_call_soon_threadsafe(weir_loop *loop, weir_callback cb, void *arg);

/* --- Descriptors --------------------------------------------------------- */

/*
 * Call a function whenever a descriptor can be read.
 *
 * For a descriptor that something else reads: a library with a socket of its
 * own, inotify, a pipe. The callback is a plain one, it runs once in each pass
 * in which there is something to read, the end or an error of the descriptor
 * included, until weir_loop_remove_reader(); what it leaves unread is told
 * again. A second call for the same descriptor replaces the first, and a
 * callback that was due already does not run. Reading and writing are watched
 * independently of each other.
 *
 * The descriptor stays the caller's, who removes it before closing it. One that
 * was closed all the same is not watched any more, and nothing else happens.
 *
 * fd       anything epoll(7) can watch
 * returns  0, or
 *          -EINVAL      @fd is not an open descriptor, or @cb is NULL
 *          -EPERM       a file or folder on a disk, which is always ready:
 *                       weir_loop_run_in_executor() is for those
 *          WEIR_ESTATE  @fd is an open transport's
 *          -ESHUTDOWN   the loop is closed
 *          -ENOMEM      no memory
 *          -EMFILE      no descriptor for the set of what is watched
 *          another code the one epoll_ctl(2) failed with (-ENOSPC, ...)
 *          On failure what was watched before still is.
 * asyncio  loop.add_reader; the regular file is PermissionError there
 */
int weir_loop_add_reader(weir_loop *loop, int fd, weir_callback cb, void *arg);

/*
 * Call a function whenever a descriptor can be written.
 *
 * As weir_loop_add_reader(): a descriptor with room is told in every pass, so
 * it is watched only while there is something to write.
 *
 * returns  as weir_loop_add_reader()
 * asyncio  loop.add_writer
 */
int weir_loop_add_writer(weir_loop *loop, int fd, weir_callback cb, void *arg);

/*
 * Stop watching a descriptor for reading.
 *
 * Its callback does not run any more, even when it was due in this pass.
 * Closing the loop does this for all of them.
 *
 * returns  1 removed, 0 there was none or the loop is closed, or
 *          -EINVAL      @fd is negative
 *          WEIR_ESTATE  @fd is an open transport's
 * asyncio  loop.remove_reader
 */
int weir_loop_remove_reader(weir_loop *loop, int fd);

/*
 * Stop watching a descriptor for writing.
 *
 * returns  as weir_loop_remove_reader()
 * asyncio  loop.remove_writer
 */
int weir_loop_remove_writer(weir_loop *loop, int fd);

/* --- Signals ------------------------------------------------------------- */

/*
 * Call a function when the process gets a signal.
 *
 * It runs as a plain callback of the loop, not in the signal handler, so it may
 * do whatever a callback may. Signals that come in a burst may be told once. A
 * second call for the same signal replaces the first.
 *
 * sig      the signal's number
 * returns  0, or
 *          -EINVAL      there is no such signal
 *          WEIR_ESTATE  SIGKILL and SIGSTOP cannot be handled; or another loop
 *                       handles this signal
 *          -ESHUTDOWN   the loop is closed
 *          -ENOMEM      no memory
 * asyncio  loop.add_signal_handler
 */
int weir_loop_add_signal_handler(weir_loop *loop, int sig, weir_callback cb, void *arg);

/*
 * Stop handling a signal; what was done about it before counts again.
 *
 * Closing the loop does this for all of them.
 *
 * returns  1 removed, 0 there was none, or
 *          -EINVAL  there is no such signal
 * asyncio  loop.remove_signal_handler, which puts the default action back
 */
int weir_loop_remove_signal_handler(weir_loop *loop, int sig);

/*
 * Say who is told about failures that nobody else gets.
 *
 * handler  NULL, as at the start: they are logged as errors
 * arg      handed to @handler; valid until it is replaced or the loop is closed
 * asyncio  loop.set_exception_handler; the context's parts are in the message
 */
void weir_loop_set_exception_handler(weir_loop *loop, weir_exception_handler handler, void *arg);

/* --- Work for other threads ---------------------------------------------- */

/*
 * Run a function that blocks on another thread, and wait for it.     [suspends]
 *
 * The thread is one of the executor's; the other tasks of the loop go on
 * meanwhile. The number of threads is bounded; further calls queue. Other
 * [suspends] functions cannot be called on that thread.
 *
 * A thread cannot be cancelled: when this call is cancelled or its time runs
 * out, a function that has begun runs on, and its result is dropped; one that
 * has not begun never runs. So @arg must not be in the calling frame unless the
 * call is known not to be cut short.
 *
 * fn       returns the result
 * arg      handed to @fn; has to be valid until @fn has returned
 * returns  what @fn returned, or
 *          WEIR_ESTATE  the calling task is not one of this loop's
 *          -ENOMEM      no memory
 *          -EAGAIN      no thread could be started
 * asyncio  loop.run_in_executor(None, fn, arg), awaited
 */
int weir_loop_run_in_executor(weir_loop *loop, int (*fn)(void *), void *arg);

/*
 * Resolve a host and a service name, without blocking the loop.      [suspends]
 *
 * The system's getaddrinfo(3), on a thread of the executor. When the call is
 * cut short, the result is freed as soon as it comes.
 *
 * host     NULL: no host, as getaddrinfo(3) has it
 * service  a number or a name; NULL: none
 * hints    NULL: none
 * out      the list, which the caller frees with freeaddrinfo(3); untouched on
 *          failure
 * returns  0, or
 *          WEIR_ERESOLVE  not resolved; weir_error_detail() says why
 *          -EINVAL        neither @host nor @service
 *          -ESHUTDOWN     the loop is closed
 *          -ENOMEM        no memory
 *          -EAGAIN        no thread could be started
 * asyncio  loop.getaddrinfo
 */
int weir_loop_getaddrinfo(weir_loop *loop, const char *host, const char *service,
                          const struct addrinfo *hints, struct addrinfo **out);

/*
 * Find the names for an address, without blocking the loop.          [suspends]
 *
 * The system's getnameinfo(3), on a thread of the executor.
 *
 * addr          copied before the call waits
 * addr_len      its size in bytes
 * host          gets the host's name, NUL-terminated; NULL: not wanted
 * host_size     the room at @host, in bytes
 * service       gets the service's name, NUL-terminated; NULL: not wanted
 * service_size  the room at @service, in bytes
 * flags         NI_NUMERICHOST and so on, as getnameinfo(3) has them
 * returns  0, or
 *          WEIR_ERESOLVE  not resolved, or not enough room; weir_error_detail()
 *                         says why
 *          -EINVAL        neither name is wanted, or @addr_len is longer than
 *                         any address
 *          -ESHUTDOWN     the loop is closed
 *          -ENOMEM        no memory
 *          -EAGAIN        no thread could be started
 *          The two texts are written on success only.
 * asyncio  loop.getnameinfo
 */
int weir_loop_getnameinfo(weir_loop *loop, const struct sockaddr *addr, unsigned addr_len,
                          char *host, size_t host_size, char *service, size_t service_size,
                          int flags);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
