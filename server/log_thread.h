/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/log_thread.h  What the log's two sides share: those who post (log.c) and the thread that writes (log_thread.c).
 *
 *              posted: anything
 *       ASLEEP ----------------> AWAKE     ASLEEP   the queue is empty; whoever posts wakes
 *         ^                      |   ^     NAPPING  only lazy lines wait; an urgent one, or half a queue, wakes
 *         +---- queue empty -----+   |     AWAKE    looks at the queue before it sleeps: nobody needs to wake it
 *                                |   |
 *                 lazy lines     v   |  urgent, half full, LOG_NAP over
 *                              NAPPING
 *
 * The thread moves away from AWAKE, the one who wakes it to AWAKE. Fields are locked unless they say otherwise.
 */
#ifndef WEIR_SERVER_LOG_THREAD_H
#define WEIR_SERVER_LOG_THREAD_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/log.h"
#include "server/log_file.h"
#include "server/log_repeat.h"
#include "server/log_ring.h"

#define LOG_NAP 0.05

enum log_sleep { LOG_AWAKE, LOG_NAPPING, LOG_ASLEEP };

struct log {
    pthread_mutex_t lock;
    struct log_ring ring;
    struct log_repeat repeat;
    enum log_sleep sleep;
    bool urgent;                /* something is in the queue that cannot wait for a nap to end */
    bool closing;
    uint64_t unsaid;            /* lines dropped of which no line has told yet */
    int64_t tell_at_ns;         /* from when on one may: a second after the last */
    unsigned file_count;
    struct log_file *files[LOG_FILES_MOST];     /* each made before it is counted, then the thread's */

    int level;                  /* constant */
    double close_timeout;       /* constant */
    int64_t (*clock)(clockid_t which);          /* constant */
    int wake_fd, done_fd;       /* constant: eventfds, something happened and the thread is about to end */
    pthread_t thread;           /* constant */

    atomic_bool reopen;         /* the thread is to reopen the files */
    atomic_uint_fast64_t dropped, lost;
    atomic_int ends;            /* sides that are through with this: the second one frees it */
};

/* The thread's function; @arg is the log. */
void *log_thread_run(void *arg);

/* Wake the thread, whatever it does. From any thread. */
void log_thread_wake(struct log *log);

/* Put a line into the queue, if there is room; locked. */
bool log_put(struct log *log, unsigned file, int level, const struct iovec *text, size_t count);

/* Put what is due of the lines held back into the queue, or all, as far as there is room; locked. */
void log_put_repeated(struct log *log, bool all);

/* Let go of it all: nobody posts, and the thread is not running. */
void log_free(struct log *log);

#endif
