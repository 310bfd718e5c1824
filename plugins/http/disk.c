/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/http/disk.c  openat2 and preadv2, here or on another thread.
 *
 *      task's --a job--> both's --job ended--> task's
 *                          |
 *                          +--wait cut short--> left: the thread, if one has begun, frees the file at the job's end
 *
 * A job that was cut short before it began never runs, and nobody can tell that from one that is about to begin. So a file that
 * was left stays on a list until its thread takes it off; what stays there to the end is one file for each handler that was
 * cancelled while it waited here, which happens when its loop ends.
 */
#include "plugins/http/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <weir/loop.h>

#define CHUNK      ((size_t)65536)      /* bytes read at a time: as much as waits for a peer before drain does */
#define OPEN_TRIES 8                    /* -EAGAIN: somebody renames on the way */

struct disk_file {
    struct disk_file *next;     /* on the list of those that were left; under the lock */
    bool left, done;            /* the task is gone; the job has ended. Under the lock */
    int root, fd;
    bool not_from_cache;        /* this file system can't say what it has in memory */
    struct disk_facts facts;
    int64_t offset;
    size_t want, room;          /* @room: bytes at @chunk, made when it is read first */
    ssize_t result;             /* of the last job: what it returns, or -errno */
    char *chunk;
    size_t path_len;
    char path[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct disk_file *left_behind;

/* --- Making and freeing --------------------------------------------------- */

struct disk_file *disk_new(int root, weir_bytes path, weir_bytes more)
{
    struct disk_file *file = calloc(1, sizeof *file + path.len + more.len + 1);

    if (file == NULL)
        return NULL;
    file->root = root;
    file->fd = -1;
    memcpy(file->path, path.data, path.len);
    memcpy(file->path + path.len, more.data, more.len);
    file->path_len = path.len + more.len;
    return file;
}

weir_bytes disk_path(const struct disk_file *file)
{
    return (weir_bytes) { file->path, file->path_len };
}

int disk_descriptor(const struct disk_file *file)
{
    return file->fd;
}

int64_t disk_position(const struct disk_file *file)
{
    return file->offset;
}

void disk_free(struct disk_file *file)
{
    if (file == NULL)
        return;
    if (file->fd >= 0)
        close(file->fd);
    free(file->chunk);
    free(file);
}

/* --- Jobs ----------------------------------------------------------------- */

/* On the thread, as the last thing. */
static int end_job(struct disk_file *file)
{
    pthread_mutex_lock(&lock);
    bool left = file->left;
    file->done = true;
    if (left) {
        struct disk_file **at = &left_behind;
        while (*at != file)
            at = &(*at)->next;
        *at = file->next;
    }
    pthread_mutex_unlock(&lock);
    if (left)
        disk_free(file);
    return 0;
}

static void leave_behind(struct disk_file *file)
{
    pthread_mutex_lock(&lock);
    bool done = file->done;                     /* its result was on the way to us */
    if (!done) {
        file->left = true;
        file->next = left_behind;
        left_behind = file;
    }
    pthread_mutex_unlock(&lock);
    if (done)
        disk_free(file);
}

/* 0: the job has run, and file->result is its. Else the code, and with *gone the file is not ours any more. */
static int wait_for_job(struct disk_file *file, int (*job)(void *), bool *gone)
{
    file->done = false;                         /* no thread is at it now */
    int code = weir_loop_run_in_executor(weir_get_running_loop(), job, file);

    if (code == -ECANCELED || code == -ETIMEDOUT) {
        leave_behind(file);
        *gone = true;
    }
    return code;
}

/* --- Opening -------------------------------------------------------------- */

static int open_below(struct disk_file *file, uint64_t more_resolve)
{
    struct open_how how = {
        /* Without waiting for a peer of a FIFO, and without a terminal taking us for its own. */
        .flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | more_resolve,
    };
    struct stat facts;

    long fd = syscall(SYS_openat2, file->root, file->path, &how, sizeof how);
    if (fd < 0)
        return -errno;
    file->fd = (int)fd;
    if (fstat(file->fd, &facts) < 0)
        return -errno;
    file->facts = (struct disk_facts) {
        .is_regular = S_ISREG(facts.st_mode), .is_folder = S_ISDIR(facts.st_mode), .size = (uint64_t)facts.st_size,
        .modified = facts.st_mtim.tv_sec,
    };
    return 0;
}

static int open_job(void *arg)
{
    struct disk_file *file = arg;
    int tries = 0;

    do {
        file->result = open_below(file, 0);
    } while (file->result == -EINTR || (file->result == -EAGAIN && ++tries < OPEN_TRIES));
    return end_job(file);
}

int disk_wait_open(struct disk_file *file, struct disk_facts *facts, bool *gone)
{
    int code = open_below(file, RESOLVE_CACHED);

    *gone = false;
    if (code == -EAGAIN || code == -EINVAL) {   /* not in memory; a kernel before 5.12 */
        code = wait_for_job(file, open_job, gone);
        if (code == 0)
            code = (int)file->result;
    }
    if (code == 0)
        *facts = file->facts;
    return code;
}

/* --- Reading -------------------------------------------------------------- */

static int read_job(void *arg)
{
    struct disk_file *file = arg;
    ssize_t n;

    do {
        n = pread(file->fd, file->chunk, file->want, file->offset);
    } while (n < 0 && errno == EINTR);
    file->result = n < 0 ? -errno : n;
    return end_job(file);
}

static ssize_t read_cached(struct disk_file *file)
{
    struct iovec iov = { file->chunk, file->want };

    if (file->not_from_cache)
        return -EAGAIN;
    ssize_t n = preadv2(file->fd, &iov, 1, file->offset, RWF_NOWAIT);
    if (n >= 0)
        return n;
    if (errno == EOPNOTSUPP || errno == ENOSYS) {
        file->not_from_cache = true;
        return -EAGAIN;
    }
    return errno == EINTR ? -EAGAIN : -errno;
}

ssize_t disk_wait_read(struct disk_file *file, size_t most, weir_bytes *out, bool *gone)
{
    *gone = false;
    file->want = most < CHUNK ? most : CHUNK;
    if (file->chunk == NULL) {
        file->room = file->want;                /* the first one is the largest: what is left only becomes less */
        file->chunk = malloc(file->room);
    }
    if (file->chunk == NULL)
        return -ENOMEM;
    file->want = file->want < file->room ? file->want : file->room;
    ssize_t n = read_cached(file);
    if (n == -EAGAIN) {
        int code = wait_for_job(file, read_job, gone);
        if (code < 0)
            return code;
        n = file->result;
    }
    if (n > 0) {
        *out = (weir_bytes) { file->chunk, (size_t)n };
        file->offset += n;
    }
    return n;
}
