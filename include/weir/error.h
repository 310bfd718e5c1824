/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <weir/error.h>  What a call answers when it fails, and where the library
 * talks.
 *
 * A function that can fail returns 0 or a count on success and a negative code
 * on failure; errno means nothing after a weir call. A code is -errno where the
 * operating system said it, or where C has the word for what asyncio says with
 * an exception:
 *
 *      -ECANCELED       CancelledError
 *      -ETIMEDOUT       TimeoutError
 *      -ECONNABORTED    ConnectionAbortedError
 *      -EBUSY           somebody else is doing this already (RuntimeError)
 *      -ESHUTDOWN       the loop or the server is closed (RuntimeError)
 *      -EINVAL          a bad argument (ValueError, TypeError): found before
 *                       anything was looked at or changed
 *      -ENOTSUP         not offered here (NotImplementedError)
 *      -EAGAIN          QueueEmpty, QueueFull
 *      -ESRCH           ProcessLookupError
 *      -ENOMEM          MemoryError
 *
 * and one of enum weir_error where it has not.
 *
 * Loop      Nothing here belongs to a loop. What differs between tasks or
 *           threads says so.
 * Owner     Every string returned is the library's: it is not freed.
 * Bytes     Strings are NUL-terminated and in English; their wording may
 *           change.
 */
#ifndef WEIR_ERROR_H
#define WEIR_ERROR_H

#include <weir/bytes.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The codes that are not -errno; all are below -10000, so the two never meet. */
enum weir_error {
    WEIR_EINCOMPLETE = -10001,  /* the end came before what was asked for: IncompleteReadError */
    WEIR_ELIMIT      = -10002,  /* no separator within the limit: LimitOverrunError,
                                 * and the ValueError of readline */
    WEIR_ESTATE      = -10003,  /* not in this state: RuntimeError, AssertionError,
                                 * InvalidStateError */
    WEIR_ENOTASK     = -10004,  /* the call would have to suspend, and was not made in a task */
    WEIR_ETLS        = -10005,  /* the TLS layer refused: ssl.SSLError; the detail names the alert
                                 * or the certificate's fault */
    WEIR_ERESOLVE    = -10006,  /* a name was not resolved: socket.gaierror; the detail says why */
    WEIR_ECONFIG     = -10007,  /* a setting is wrong; the detail names file and line */
    WEIR_EPLUGIN     = -10008   /* a plugin was refused or failed; the detail says which and why */
};

/*
 * A code as a sentence.                                           [thread-safe]
 *
 * code     a negative code, or 0 or more, which is success
 * returns  a text that stays valid for the life of the process; never NULL,
 *          also for a code that nobody knows
 * asyncio  str(exception); what is special to one failure is in
 *          weir_error_detail()
 */
const char *weir_strerror(int code);

/*
 * What the last failure's code cannot say: which address, which alert, which
 * line.
 *
 * One sentence, set at the place that knew the fact, together with the code.
 * Where there is nothing to add, as with the failures that belong to normal
 * work (end of the stream, cancelled, timed out, over the limit), it is the
 * code's own text.
 *
 * The text is the calling task's own, so another task's failure does not
 * replace it; it is valid until the task's next call that fails. Outside of
 * tasks there is one for each thread. weir_run(), weir_run_workers() and
 * weir_serve() leave the text of the first worker that failed with their
 * caller.
 *
 * returns  the text; never NULL, "" when nothing has failed yet
 * asyncio  the arguments of the exception
 */
const char *weir_error_detail(void);

/*
 * A handler's result after its read loop: 0, or @n's failure.     [thread-safe]
 *
 * n        what the last read returned
 * returns  @n when it is negative, else 0
 * beyond asyncio
 */
static inline int weir_result(ssize_t n)
{
    return n < 0 ? (int)n : 0;
}

/*
 * Where log lines go: the library itself never prints.
 *
 * It is called on the thread that has something to say, a loop's or an
 * executor's, so possibly on several at once. It must not suspend, and it holds
 * up whoever called it.
 *
 * level    0 debug, 1 info, 2 warning, 3 error
 * message  "message key=value key=value": a fixed sentence without "=", then
 *          fields, all separated by single spaces, a value with spaces in
 *          double quotes, without a newline. Valid during the call only.
 * arg      what was given to weir_set_log()
 */
typedef void (*weir_log_cb)(int level, const char *message, void *arg);

/*
 * Say where log lines go, from which level on.                    [thread-safe]
 *
 * One for the process; the last call counts. Lines that were begun before it
 * may still arrive at the callback that was there before, so @arg of that one
 * stays valid until the loops have stopped.
 *
 * cb       the new receiver; NULL, as at the start of the process: silent
 * arg      handed to @cb; the caller's
 * level    lines below it are not made: 0 debug, 1 info, 2 warning, 3 error
 * asyncio  logging.getLogger("asyncio"), which talks unless it is told not to
 */
void weir_set_log(weir_log_cb cb, void *arg, int level);

/*
 * A log receiver that writes to standard error.                   [thread-safe]
 *
 * For weir_set_log(). One line for each message, "weir: level: message
 * key=value ...", where level is debug, info, warning or error. Lines of
 * several threads do not mix.
 *
 * level    0 debug, 1 info, 2 warning, 3 error
 * message  the line without its newline
 * arg      not used
 * beyond asyncio  (Python has logging.StreamHandler)
 */
void weir_log_stderr(int level, const char *message, void *arg);

/*
 * Say something in the log.                                       [thread-safe]
 *
 * For handlers and plugins: it goes where the library's own lines go, with
 * weir_set_log()'s receiver. Below the wanted level it costs a comparison.
 *
 * level    0 debug, 1 info, 2 warning, 3 error
 * fmt      as printf(3), in the form that weir_log_cb describes; cut at 511
 *          bytes
 * asyncio  logging.getLogger("asyncio").log
 */
__attribute__((format(printf, 2, 3)))
void weir_log(int level, const char *fmt, ...);

/*
 * The version of the linked library, "major.minor.patch".         [thread-safe]
 *
 * returns  a text that stays valid for the life of the process
 * beyond asyncio
 */
const char *weir_version(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
