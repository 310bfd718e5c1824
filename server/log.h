/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/log.h  The program's log: lines go into a bounded queue, and a thread of its own writes them.
 *
 * Posting never waits for a disk: it copies the line into memory that was reserved at the start, under a lock that is held
 * for no longer than that. When the queue is full the line is dropped and counted, and once there is room again a line
 * says how many are missing, once a second at most. One thread serves every file, so a file that hangs delays the others;
 * it never delays a worker.
 *
 * A line is made of "message key=value key=\"va lue\"", as weir_log_cb has it: a fixed sentence without "=", then fields.
 * In a quoted value \" and \\ stand for a quote and a backslash, \xNN for any byte. Control bytes and what is not UTF-8
 * are escaped on the way out, so whatever a peer sends, a line stays one line.
 */
#ifndef WEIR_SERVER_LOG_H
#define WEIR_SERVER_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <time.h>

#define LOG_QUEUE_DEFAULT ((size_t)1024 * 1024)
#define LOG_CLOSE_DEFAULT 2.0           /* seconds: a hung disk must not hold up the end of the process */
#define LOG_REPEAT_DEFAULT 10
#define LOG_TEXT_MOST 4096              /* bytes of one line before it is escaped; longer ones are cut and end in "..." */
#define LOG_FILES_MOST 256              /* the log itself and access logs; each has a buffer of LOG_BUFFER_SIZE */

/* What weir_set_log calls 0 to 3. */
enum log_severity { LOG_AT_DEBUG, LOG_AT_INFO, LOG_AT_WARNING, LOG_AT_ERROR };

struct log_options {
    int level;                          /* what is below is not written: an enum log_severity */
    enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON } format;
    const char *path;                   /* NULL: standard error */
    int    repeat_limit;                /* lines of one message a second; 0: LOG_REPEAT_DEFAULT, negative: no limit */
    size_t queue_size;                  /* bytes; 0: LOG_QUEUE_DEFAULT */
    double close_timeout;               /* seconds log_close() may take; 0: LOG_CLOSE_DEFAULT */
    int64_t (*clock)(clockid_t which);  /* nanoseconds of CLOCK_REALTIME or CLOCK_MONOTONIC; NULL: the system's */
};

struct log;

/*
 * Open the log and start its thread, which blocks every signal. The descriptors 0 to 2 must be open, or one of the files
 * becomes standard error.
 *
 * returns  0, or a negative code with a sentence in @error: which path, why
 */
int log_open(const struct log_options *options, struct log **out, char *error, size_t size);

/*
 * Write what is queued and end the thread; NULL is fine. Nobody may be posting any more, so weir_set_log(NULL, NULL, 0)
 * and the end of the workers come first.
 *
 * When a file hangs for longer than close_timeout the thread is left behind with what it holds, and standard error is
 * told.
 */
void log_close(struct log *log);

/*
 * Write what is queued, as log_close() does, and leave everything where it is: for a process that ends at once though its
 * other threads go on, which may still post and are not read any more.
 */
void log_finish(struct log *log);

/* Whether lines of this level are written; worth asking before work is spent on one. */
bool log_wanted(const struct log *log, int level);

/* A line of the program's own, never limited as repeated. A "%s" that came from outside goes through log_quote() first. At most
 * 1024 bytes. */
__attribute__((format(printf, 3, 4))) void log_write(struct log *log, int level, const char *fmt, ...);
__attribute__((format(printf, 3, 0))) void log_vwrite(struct log *log, int level, const char *fmt, va_list args);

/* For weir_set_log(log_hook, log, level): lines of the library and of plugins, of which repeat_limit a second are written. */
void log_hook(int level, const char *message, void *log);

/*
 * Reopen every file by its name, from any thread, without waiting: lines posted later are in the new file, earlier ones in
 * either, each in one. A file that cannot be opened stays the old one. The log says how it went.
 */
void log_reopen(struct log *log);

/*
 * Another file for lines of log_post(), such as an access log. One that is open already under this name, the log's own
 * included, is shared, and must then have the same format.
 *
 * path     NULL: standard error
 * returns  its number, or a negative code with a sentence in @error
 */
int log_add_file(struct log *log, const char *path, enum log_format format, char *error, size_t size);

/*
 * A line for file @file, 0 being the log's own, whatever its level, and never limited as repeated. It may lie in the queue
 * for LOG_NAP seconds, so that a busy access log is written in large pieces.
 *
 * text     @count pieces that make up the line, any bytes
 */
void log_post(struct log *log, int file, int level, const struct iovec *text, size_t count);

/* Lines that were dropped because the queue was full. */
uint64_t log_dropped(const struct log *log);

/* Lines that a file would not take: its disk was full, its reader gone. */
uint64_t log_lost(const struct log *log);

/*
 * @bytes as a quoted value, in @out with a NUL; cut where @size ends, with the closing quote. What it needs at most is
 * LOG_QUOTE_SIZE(len).
 *
 * returns  @out
 */
char *log_quote(char *out, size_t size, const char *bytes, size_t len);
#define LOG_QUOTE_SIZE(len) (4 * (len) + 3)

/* The same, but without quotes where none are needed: printable, without a blank, a quote, "=" or "\", and no number. */
char *log_value(char *out, size_t size, const char *bytes, size_t len);

#endif
