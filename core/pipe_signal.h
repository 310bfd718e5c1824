/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/pipe_signal.h  SIGPIPE, kept from a thread while it runs or closes a loop.
 *
 * Sockets are written with MSG_NOSIGNAL; pipes and sendfile know no such flag, and raise SIGPIPE in the thread that wrote when
 * nobody reads any more. Blocked, it stays pending, so it has to be taken before the thread may meet it again: else the
 * program would die of it when its loop ends.
 */
#ifndef WEIR_CORE_PIPE_SIGNAL_H
#define WEIR_CORE_PIPE_SIGNAL_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

static inline sigset_t pipe_signal_alone(void)
{
    sigset_t alone;

    sigemptyset(&alone);
    sigaddset(&alone, SIGPIPE);
    return alone;
}

/* Whether this thread had it blocked already: then it is left to whoever did that. */
static inline bool weir__pipe_signal_hold(void)
{
    sigset_t alone = pipe_signal_alone(), before;

    pthread_sigmask(SIG_BLOCK, &alone, &before);
    return sigismember(&before, SIGPIPE) == 1;
}

static inline void weir__pipe_signal_release(bool was_blocked)
{
    sigset_t alone = pipe_signal_alone();
    static const struct timespec at_once = { 0, 0 };

    if (was_blocked)
        return;
    while (sigtimedwait(&alone, NULL, &at_once) == SIGPIPE)
        ;
    pthread_sigmask(SIG_UNBLOCK, &alone, NULL);
}

#endif
