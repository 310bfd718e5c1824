/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/log_file.c  Lines are gathered in a buffer and leave in one write(2), at the end of the file (O_APPEND), so that
 * neither another process nor a rotation comes between the bytes of a line.
 *
 * Always true between calls: the buffer holds whole lines, after the rest of one line if `begun`.
 */
#include "server/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weir/error.h>

#define SECOND 1000000000LL
#define MODE 0640               /* addresses of peers are nobody's business but the group's */

_Static_assert(LOG_BUFFER_SIZE >= 2 * LOG_LINE_MOST, "a kept line and a new one fit");

/* --- Opening ----------------------------------------------------------------- */

/* systemd names the device and inode of the journal's socket, which standard error need no longer be (systemd.exec(5)). */
static bool is_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    uintmax_t device, inode;
    struct stat is;

    return stream != NULL && sscanf(stream, "%ju:%ju", &device, &inode) == 2 && fstat(fd, &is) == 0 &&
           is.st_dev == device && is.st_ino == inode;
}

/* A FIFO without a reader must not hold us up: such an open fails. Writes wait, the thread is made for it. */
static int open_path(const char *path)
{
    int fd;

    do
        fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, MODE);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return -errno;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0) {
        int code = -errno;
        close(fd);
        return code;
    }
    return fd;
}

int log_file_open(struct log_file *file, const char *path, enum log_format format, char *error, size_t size)
{
    int code = -ENOMEM;

    *file = (struct log_file){ .fd = -1, .format = format };
    file->buffer = malloc(LOG_BUFFER_SIZE);
    if (path != NULL)
        file->path = strdup(path);
    if (file->buffer == NULL || (path != NULL && file->path == NULL))
        goto fail;

    if (path != NULL) {
        file->fd = open_path(path);
    } else {
        /* A number of our own: 2 may be closed later, and given to a connection. */
        file->fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        if (file->fd < 0)
            file->fd = -errno;
        file->journal = file->fd >= 0 && is_journal(file->fd);
    }
    if (file->fd >= 0)
        return 0;
    code = file->fd;
    file->fd = -1;
fail:
    if (path == NULL)
        snprintf(error, size, "cannot log to standard error: %s", weir_strerror(code));
    else if (code == -ENXIO)
        snprintf(error, size, "cannot open log file %s: nobody reads this FIFO", path);
    else
        snprintf(error, size, "cannot open log file %s: %s", path, weir_strerror(code));
    log_file_fini(file);
    return code;
}

static size_t count_lines(const char *bytes, size_t len)
{
    size_t lines = 0;

    for (size_t i = 0; i < len; i++)
        lines += bytes[i] == '\n';
    return lines;
}

static void count_lost(struct log_file *file, size_t lines)
{
    file->lost += lines;
    file->unsaid += lines;
}

void log_file_fini(struct log_file *file)
{
    if (file->fd >= 0) {
        log_file_flush(file);
        count_lost(file, count_lines(file->buffer, file->used));        /* a line that was begun */
        close(file->fd);
    }
    free(file->buffer);
    free(file->path);
    file->fd = -1;
    file->used = 0;
    file->buffer = file->path = NULL;
}

const char *log_file_name(const struct log_file *file)
{
    return file->path != NULL ? file->path : "stderr";
}

/* --- Writing ----------------------------------------------------------------- */

static bool wait_writable(int fd)
{
    struct pollfd one = { .fd = fd, .events = POLLOUT };

    return poll(&one, 1, -1) > 0 || errno == EINTR;
}

/* Until everything is written or an error; returns how much was, and the error in @code. */
static size_t write_most(int fd, const char *bytes, size_t len, int *code)
{
    size_t at = 0;

    *code = 0;
    while (at < len) {
        ssize_t n = write(fd, bytes + at, len - at);
        if (n > 0)
            at += (size_t)n;
        else if (n == 0)
            *code = -EIO;       /* of a device that takes nothing and has no error for it */
        else if (errno != EINTR && !(errno == EAGAIN && wait_writable(fd)))     /* whoever shares stderr may set O_NONBLOCK */
            *code = -errno;
        if (*code < 0)
            break;
    }
    return at;
}

int log_file_flush(struct log_file *file)
{
    int code;

    if (file->used == 0)
        return file->failure;
    size_t done = write_most(file->fd, file->buffer, file->used, &code);
    file->failure = code;
    if (code == 0) {
        file->used = 0;
        file->begun = false;
        return 0;
    }

    if (done > 0)
        file->begun = file->buffer[done - 1] != '\n';
    const char *rest = file->buffer + done;
    const char *newline = memchr(rest, '\n', file->used - done);
    size_t kept = file->begun && newline != NULL ? (size_t)(newline + 1 - rest) : 0;
    count_lost(file, count_lines(rest + kept, file->used - done - kept));
    memmove(file->buffer, rest, kept);
    file->used = kept;
    return code;
}

void log_file_append(struct log_file *file, const struct log_event *event)
{
    if (LOG_BUFFER_SIZE - file->used < LOG_LINE_MOST)
        log_file_flush(file);
    file->used += log_line(file->buffer + file->used, file->format, file->journal, event);
}

int log_file_reopen(struct log_file *file)
{
    if (file->path == NULL)
        return 0;
    log_file_flush(file);
    int fd = open_path(file->path);
    if (fd < 0)
        return fd;

    if (file->begun) {          /* its beginning is in the file that we leave */
        count_lost(file, 1);
        file->begun = false;
        file->used = 0;
    }
    close(file->fd);
    file->fd = fd;
    file->failure = 0;
    return 0;
}

/* --- When it fails ------------------------------------------------------------ */

static bool is_same_file(int a, int b)
{
    struct stat one, other;

    return fstat(a, &one) == 0 && fstat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

void log_file_tell_stderr(const char *fmt, ...)
{
    struct pollfd stderr_now = { .fd = STDERR_FILENO, .events = POLLOUT };
    char line[1024];
    va_list args;
    int code;

    if (poll(&stderr_now, 1, 0) <= 0)
        return;
    int prefix = snprintf(line, sizeof line, "%sweir: ", is_journal(STDERR_FILENO) ? "<3>" : "");
    va_start(args, fmt);
    int len = vsnprintf(line + prefix, sizeof line - (size_t)prefix, fmt, args);
    va_end(args);
    if (len < 0)
        return;
    size_t size = strlen(line);
    line[size < sizeof line - 1 ? size : size - 1] = '\n';
    write_most(STDERR_FILENO, line, size < sizeof line - 1 ? size + 1 : size, &code);      /* nobody is left to be told */
}

void log_file_complain(struct log_file *file, int64_t now_ns, bool last)
{
    char path[512];

    bool soon = file->told > 0 && now_ns - file->told_ns < SECOND && !last;
    if (file->failure == 0 || file->path == NULL || file->lost == file->told || soon)
        return;
    file->told_ns = now_ns;
    file->told = file->lost;
    if (!is_same_file(file->fd, STDERR_FILENO))
        log_file_tell_stderr("log file not written path=%s error=\"%s\" lost=%" PRIu64,
                             log_quote(path, sizeof path, file->path, strlen(file->path)), weir_strerror(file->failure),
                             file->lost);
}
