/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/log_thread.c  The thread that writes: sleeps, takes what is queued, renders it into the files' buffers, flushes
 * them, tells of what is missing.
 *
 * One round, without the lock but for taking and releasing:
 *
 *      take       how far there are records, and once a second at most how many were dropped
 *      reopen     if asked for: after taking, so that a record posted after the request is seen together with it, and
 *                 with nothing in the buffers but a line that was begun
 *      render     record by record, giving the memory back in pieces of RELEASE_AFTER
 *      flush      every file; a file that hangs holds us here, and the queue takes what comes
 */
#include "server/log_thread.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <weir/error.h>

#define RELEASE_AFTER ((size_t)16 * 1024)       /* bytes of the queue, so that the lock is not taken for every line */
#define NS_PER_MS 1000000
#define SECOND 1000000000LL

struct round {
    uint64_t end;               /* where the records of this round end */
    uint64_t dropped;           /* lines dropped before it that are to be told of */
    unsigned files;             /* a record names no file beyond */
    bool last;                  /* nothing comes after it */
};

/* --- Sleeping ----------------------------------------------------------------- */

static int milliseconds(int64_t ns)
{
    return ns < 0 ? -1 : (int)((ns + NS_PER_MS - 1) / NS_PER_MS);
}

/* Until somebody wakes us or the time is over; a wake-up that came in between is seen, as the eventfd keeps it. */
static void sleep_ms(struct log *log, int timeout)
{
    struct pollfd wake = { .fd = log->wake_fd, .events = POLLIN };
    uint64_t count;

    if (poll(&wake, 1, timeout) > 0 && read(log->wake_fd, &count, sizeof count) < 0)
        return;                 /* EAGAIN: taken already, so we have looked since */
    pthread_mutex_lock(&log->lock);
    log->sleep = LOG_AWAKE;
    pthread_mutex_unlock(&log->lock);
}

/* Whether it is time to tell of dropped lines. Locked. */
static bool is_tell_due(const struct log *log)
{
    return log->unsaid > 0 && (log->closing || log->clock(CLOCK_MONOTONIC) >= log->tell_at_ns);
}

/* Nanoseconds until something is to be told that waits for its time; negative when nothing does. Locked. */
static int64_t time_to_tell(const struct log *log)
{
    int64_t now = log->clock(CLOCK_MONOTONIC), repeated = log_repeat_wait(&log->repeat, now);
    int64_t dropped = log->unsaid == 0 ? -1 : log->tell_at_ns > now ? log->tell_at_ns - now : 0;

    return repeated < 0 || (dropped >= 0 && dropped < repeated) ? dropped : repeated;
}

/* Sleep as long as there is no reason for a round. */
static void wait_for_work(struct log *log)
{
    for (bool napped = false;;) {
        int timeout = -1;

        pthread_mutex_lock(&log->lock);
        log_put_repeated(log, false);
        bool now = log->closing || log->urgent || is_tell_due(log) ||
                   atomic_load_explicit(&log->reopen, memory_order_relaxed);
        size_t used = log_ring_used(&log->ring);
        if (now || used > log->ring.capacity / 2 || (used > 0 && napped)) {
            pthread_mutex_unlock(&log->lock);
            return;
        }
        if (used > 0) {
            log->sleep = LOG_NAPPING;
            timeout = milliseconds((int64_t)(LOG_NAP * 1e9));
            napped = true;
        } else {
            log->sleep = LOG_ASLEEP;
            timeout = milliseconds(time_to_tell(log));
        }
        pthread_mutex_unlock(&log->lock);
        sleep_ms(log, timeout);
    }
}

/* --- Lines of the thread's own --------------------------------------------------- */

/* Whatever the level of the log: that lines are missing is never silent. */
__attribute__((format(printf, 3, 4))) static void say(struct log *log, int level, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    log_file_append(log->files[0], &(struct log_event){ log->clock(CLOCK_REALTIME), level, text, strlen(text) });
}

/* Tell of lines that a file would not take: standard error as long as it does not, the log once it does again. */
static void tell_of_failures(struct log *log, unsigned files, bool last)
{
    int64_t now = log->clock(CLOCK_MONOTONIC);
    uint64_t lost = 0;
    char path[512];

    for (unsigned i = 0; i < files; i++) {
        struct log_file *file = log->files[i];
        const char *name = log_file_name(file);

        lost += file->lost;
        log_file_complain(file, now, last);
        if (file->failure == 0 && file->unsaid > 0) {
            uint64_t unsaid = file->unsaid;
            file->unsaid = 0;
            say(log, LOG_AT_WARNING, "log lines lost path=%s lines=%" PRIu64, log_quote(path, sizeof path, name, strlen(name)),
                unsaid);
        }
    }
    atomic_store_explicit(&log->lost, lost, memory_order_relaxed);
}

/* --- A round -------------------------------------------------------------------- */

static struct round take(struct log *log)
{
    pthread_mutex_lock(&log->lock);
    log_put_repeated(log, log->closing);
    struct round round = { log_ring_end(&log->ring), 0, log->file_count, log->closing && log->repeat.held == 0 };
    if (is_tell_due(log)) {
        round.dropped = log->unsaid;
        log->unsaid = 0;
        log->tell_at_ns = log->clock(CLOCK_MONOTONIC) + SECOND;
    }
    log->urgent = false;
    pthread_mutex_unlock(&log->lock);
    return round;
}

static void release(struct log *log, uint64_t at)
{
    pthread_mutex_lock(&log->lock);
    log_ring_release(&log->ring, at);
    pthread_mutex_unlock(&log->lock);
}

static void render(struct log *log, const struct round *round)
{
    const struct log_record *record;
    uint64_t at = log->ring.tail, released = at;        /* only we move it */

    while ((record = log_ring_next(&log->ring, &at, round->end)) != NULL) {
        struct log_event event = { record->wall_ns, record->level, record->text, record->len };
        log_file_append(log->files[record->file], &event);
        if (at - released >= RELEASE_AFTER)
            release(log, released = at);
    }
    release(log, round->end);
}

static void flush(struct log *log, unsigned files)
{
    for (unsigned i = 0; i < files; i++)
        log_file_flush(log->files[i]);
}

static void reopen_files(struct log *log, unsigned files)
{
    unsigned reopened = 0;
    char path[512];

    for (unsigned i = 0; i < files; i++) {
        const char *name = log_file_name(log->files[i]);
        int code = log_file_reopen(log->files[i]);
        if (code < 0)
            say(log, LOG_AT_ERROR, "log file not reopened path=%s error=\"%s\"", log_quote(path, sizeof path, name, strlen(name)),
                weir_strerror(code));
        else if (log->files[i]->path != NULL)
            reopened++;
    }
    if (log_wanted(log, LOG_AT_INFO))
        say(log, LOG_AT_INFO, "log files reopened files=%u", reopened);
}

void *log_thread_run(void *arg)
{
    struct log *log = arg;
    struct round round;
    uint64_t one = 1;

    pthread_setname_np(pthread_self(), "weir/log");
    do {
        wait_for_work(log);
        round = take(log);
        /* acquire pairs with the release in log_reopen(): whoever renamed the file did so before */
        if (atomic_exchange_explicit(&log->reopen, false, memory_order_acquire))
            reopen_files(log, round.files);
        render(log, &round);
        if (round.dropped > 0)
            say(log, LOG_AT_WARNING, "log lines dropped lines=%" PRIu64, round.dropped);
        flush(log, round.files);
        tell_of_failures(log, round.files, false);
        flush(log, round.files);        /* what that said */
    } while (!round.last);
    tell_of_failures(log, round.files, true);

    /* Nothing of this can fail: the eventfd is ours, and has never been written. */
    if (write(log->done_fd, &one, sizeof one) < 0)
        log_file_tell_stderr("log thread ended without a word error=\"%s\"", weir_strerror(-errno));
    if (atomic_fetch_add_explicit(&log->ends, 1, memory_order_acq_rel) == 1)
        log_free(log);
    return NULL;
}
