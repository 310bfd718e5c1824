/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/log.c  The side of those who post: opening, lines into the queue, closing.
 *
 * What a worker's thread does here is bounded: a line is copied once, under a lock that is never held across a system
 * call, and the thread is woken only if it sleeps.
 */
#include "server/log.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <weir/error.h>

#include "server/log_form.h"
#include "server/log_thread.h"

#define WRITE_MOST 1024         /* on the stack of whoever logs, which may be a task */

/* --- Making and freeing ------------------------------------------------------ */

static int64_t system_clock(clockid_t which)
{
    struct timespec now;

    clock_gettime(which, &now);         /* cannot fail with these clocks and a valid pointer */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void log_free(struct log *log)
{
    for (unsigned i = 0; i < log->file_count; i++) {
        log_file_fini(log->files[i]);
        free(log->files[i]);
    }
    close_fd(log->wake_fd);
    close_fd(log->done_fd);
    log_ring_fini(&log->ring);
    pthread_mutex_destroy(&log->lock);
    free(log);
}

/* With every signal blocked, SIGPIPE of a closed pipe included: signals are for the workers' threads. */
static int start_thread(struct log *log)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = -pthread_create(&log->thread, NULL, log_thread_run, log);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

static unsigned repeat_limit(int limit)
{
    return limit < 0 ? 0 : limit == 0 ? LOG_REPEAT_DEFAULT : (unsigned)limit;
}

int log_open(const struct log_options *options, struct log **out, char *error, size_t size)
{
    struct log *log = calloc(1, sizeof *log);
    int code = -ENOMEM;

    if (log == NULL)
        goto fail;
    pthread_mutex_init(&log->lock, NULL);
    log->level = options->level;
    log->clock = options->clock != NULL ? options->clock : system_clock;
    log->close_timeout = options->close_timeout > 0 ? options->close_timeout : LOG_CLOSE_DEFAULT;
    log_repeat_init(&log->repeat, repeat_limit(options->repeat_limit));
    log->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    log->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (log->wake_fd < 0 || log->done_fd < 0) {
        code = -errno;
        goto fail;
    }
    code = log_ring_init(&log->ring, options->queue_size > 0 ? options->queue_size : LOG_QUEUE_DEFAULT);
    if (code < 0)
        goto fail;
    code = log_add_file(log, options->path, options->format, error, size);
    if (code < 0)
        goto fail_said;
    code = start_thread(log);
    if (code < 0)
        goto fail;
    *out = log;
    return 0;

fail:
    snprintf(error, size, "cannot start the log: %s", weir_strerror(code));
fail_said:
    if (log != NULL)
        log_free(log);
    return code;
}

int log_add_file(struct log *log, const char *path, enum log_format format, char *error, size_t size)
{
    struct log_file *file;
    unsigned count = log->file_count;           /* only this function changes it, and opening is one thread's */

    for (unsigned i = 0; i < count; i++) {
        const char *other = log->files[i]->path;        /* constant, as the format is */
        if ((path == NULL) != (other == NULL) || (path != NULL && strcmp(path, other) != 0))
            continue;
        if (log->files[i]->format == format)
            return (int)i;
        snprintf(error, size, "log file %s is written as %s already: one file has one format", path != NULL ? path : "stderr",
                 format == LOG_FORMAT_JSON ? "text" : "JSON");
        return -EINVAL;
    }
    if (count == LOG_FILES_MOST) {
        snprintf(error, size, "cannot open log file %s: there are %d already", path != NULL ? path : "stderr", LOG_FILES_MOST);
        return -ENFILE;
    }
    file = malloc(sizeof *file);
    if (file == NULL) {
        snprintf(error, size, "cannot open log file %s: %s", path != NULL ? path : "stderr", weir_strerror(-ENOMEM));
        return -ENOMEM;
    }
    int code = log_file_open(file, path, format, error, size);
    if (code < 0) {
        free(file);
        return code;
    }
    pthread_mutex_lock(&log->lock);
    log->files[log->file_count++] = file;
    pthread_mutex_unlock(&log->lock);
    return (int)count;
}

/* Whether the thread said within the time limit that it is about to end. */
static bool wait_for_thread(struct log *log)
{
    int64_t end = system_clock(CLOCK_MONOTONIC) + (int64_t)(log->close_timeout * 1e9);
    struct pollfd done = { .fd = log->done_fd, .events = POLLIN };

    for (;;) {
        int64_t left = end - system_clock(CLOCK_MONOTONIC);
        int ready = poll(&done, 1, left > 0 ? (int)(left / 1000000) + 1 : 0);
        if (ready >= 0 || errno != EINTR)
            return ready > 0;
    }
}

static bool end_thread(struct log *log)
{
    pthread_mutex_lock(&log->lock);
    log->closing = true;
    pthread_mutex_unlock(&log->lock);
    log_thread_wake(log);
    return wait_for_thread(log);
}

void log_finish(struct log *log)
{
    (void)end_thread(log);
}

void log_close(struct log *log)
{
    if (log == NULL)
        return;
    if (end_thread(log)) {
        pthread_join(log->thread, NULL);
        log_free(log);
        return;
    }
    double waited = log->close_timeout;         /* the log may be gone in a moment */
    pthread_detach(log->thread);
    if (atomic_fetch_add_explicit(&log->ends, 1, memory_order_acq_rel) == 1)
        log_free(log);                          /* it has just ended all the same */
    else
        log_file_tell_stderr("log not written to its end timeout=%g", waited);
}

/* --- Posting ------------------------------------------------------------------ */

void log_thread_wake(struct log *log)
{
    uint64_t one = 1;

    /* It can fail only with EAGAIN at 2^64-2 pending, and then the descriptor is readable anyway. */
    while (write(log->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

bool log_put(struct log *log, unsigned file, int level, const struct iovec *text, size_t count)
{
    struct log_record header = { .file = (uint16_t)file, .level = (int16_t)level, .wall_ns = log->clock(CLOCK_REALTIME) };

    return log_ring_put(&log->ring, &header, text, count, LOG_TEXT_MOST);
}

static void put_or_drop(struct log *log, unsigned file, int level, const struct iovec *text, size_t count)
{
    if (log_put(log, file, level, text, count))
        return;
    atomic_fetch_add_explicit(&log->dropped, 1, memory_order_relaxed);
    log->unsaid++;
}

void log_put_repeated(struct log *log, bool all)
{
    const struct log_repeated *message;
    int64_t now = log->clock(CLOCK_MONOTONIC);

    while ((message = log_repeat_due(&log->repeat, now, all)) != NULL) {
        char sentence[LOG_QUOTE_SIZE(LOG_REPEAT_SENTENCE)], text[sizeof sentence + 64];
        size_t kept = message->len < LOG_REPEAT_SENTENCE ? message->len : LOG_REPEAT_SENTENCE;
        int len = snprintf(text, sizeof text, "repeated message=%s times=%" PRIu64,
                           log_quote(sentence, sizeof sentence, message->sentence, kept), message->held);
        if (!log_put(log, 0, message->level, &(struct iovec){ text, (size_t)len }, 1))
            break;                              /* still held, and told when there is room */
        log_repeat_said(&log->repeat, message);
    }
}

/* Whether the thread has to be woken for what was put, and from then on counts as awake. Locked. */
static bool take_wake(struct log *log, bool urgent)
{
    bool wake = log->sleep == LOG_ASLEEP ||
                (log->sleep == LOG_NAPPING && (urgent || log_ring_used(&log->ring) > log->ring.capacity / 2));

    log->urgent |= urgent;
    if (wake)
        log->sleep = LOG_AWAKE;
    return wake;
}

void log_post(struct log *log, int file, int level, const struct iovec *text, size_t count)
{
    pthread_mutex_lock(&log->lock);
    put_or_drop(log, (unsigned)file, level, text, count);
    bool wake = take_wake(log, false);
    pthread_mutex_unlock(&log->lock);
    if (wake)
        log_thread_wake(log);
}

/* A line of the library's or a plugin's, limited as others of its sentence. */
static void post(struct log *log, int level, const char *text, size_t len)
{
    size_t sentence = log_form_sentence(text, len);

    pthread_mutex_lock(&log->lock);
    if (log->repeat.held > 0)
        log_put_repeated(log, false);           /* what was held back before it comes before it */
    if (log_repeat_admit(&log->repeat, log->clock(CLOCK_MONOTONIC), level, text, sentence))
        put_or_drop(log, 0, level, &(struct iovec){ (void *)text, len }, 1);
    bool wake = take_wake(log, true);           /* for a line held back too: it has a time to be told */
    pthread_mutex_unlock(&log->lock);
    if (wake)
        log_thread_wake(log);
}

bool log_wanted(const struct log *log, int level)
{
    return level >= log->level;
}

void log_hook(int level, const char *message, void *arg)
{
    struct log *log = arg;

    if (log_wanted(log, level))
        post(log, level, message, strlen(message));
}

void log_vwrite(struct log *log, int level, const char *fmt, va_list args)
{
    char text[WRITE_MOST];

    if (!log_wanted(log, level))
        return;
    int len = vsnprintf(text, sizeof text, fmt, args);
    if (len < 0)
        len = snprintf(text, sizeof text, "log line not made format=\"%s\"", fmt);      /* a wide string that is none */
    if ((size_t)len >= sizeof text) {
        len = sizeof text - 1;
        memcpy(text + len - 3, "...", 3);
    }
    log_post(log, 0, level, &(struct iovec) { text, (size_t)len }, 1);
}

void log_write(struct log *log, int level, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    log_vwrite(log, level, fmt, args);
    va_end(args);
}

void log_reopen(struct log *log)
{
    atomic_store_explicit(&log->reopen, true, memory_order_release);    /* pairs with the exchange in reopen_files() */
    log_thread_wake(log);
}

uint64_t log_dropped(const struct log *log)
{
    return atomic_load_explicit(&log->dropped, memory_order_relaxed);
}

uint64_t log_lost(const struct log *log)
{
    return atomic_load_explicit(&log->lost, memory_order_relaxed);
}
