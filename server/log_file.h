/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/log_file.h  Where lines end up: a file, a FIFO, standard error. Everything here may block, and is the log
 * thread's alone, but for making it.
 */
#ifndef WEIR_SERVER_LOG_FILE_H
#define WEIR_SERVER_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/log.h"
#include "server/log_line.h"

#define LOG_BUFFER_SIZE ((size_t)64 * 1024)     /* one write(2); more than two lines of any length */

struct log_file {
    char    *path;              /* NULL: standard error */
    char    *buffer;            /* lines to be written, whole but for the first if `begun` */
    size_t   used;
    int      fd;
    enum log_format format;
    bool     journal;           /* standard error is systemd's journal */
    bool     begun;             /* the file would take a part of a line only; the buffer begins with the rest of it */
    int      failure;           /* what the last write failed with, 0 when it did not */
    uint64_t lost;              /* lines that could not be written, ever */
    uint64_t unsaid;            /* of these, the ones that the log has not told of */
    int64_t  told_ns;           /* when standard error was told last */
    uint64_t told;              /* and of how many lost lines; 0 for never */
};

/* 0, or a negative code with a sentence in @error; then *file is as log_file_fini() leaves it. */
int log_file_open(struct log_file *file, const char *path, enum log_format format, char *error, size_t size);

/* Writes what it can once more, and closes. */
void log_file_fini(struct log_file *file);

/* Path or "stderr". */
const char *log_file_name(const struct log_file *file);

/* A line, to be written with the next flush; flushes when the buffer is full. */
void log_file_append(struct log_file *file, const struct log_event *event);

/* Write what is in the buffer. Lines that cannot be written are counted as lost; one that was begun is kept, and completed
 * as soon as the file takes bytes again. 0 or a negative code. */
int log_file_flush(struct log_file *file);

/* Open the path anew and go on there; on failure, a negative code, with the old file. Standard error stays. */
int log_file_reopen(struct log_file *file);

/* Tell standard error, if that is another file and takes it at once, that lines are lost: once a second at most, but what
 * it does not know yet if this is the last chance. */
void log_file_complain(struct log_file *file, int64_t now_ns, bool last);

/* One line to standard error, if that takes it without waiting; with the prefix of an error if it is the journal. */
__attribute__((format(printf, 1, 2))) void log_file_tell_stderr(const char *fmt, ...);

#endif
