/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/sendfile.c  A file as output, from the kernel's page cache to the socket without a way through our memory.
 *
 *      wait until what was written is gone
 *        |
 *        v                 not in memory
 *      LOOK, a window ahead ------------> a thread reads it in
 *        |   ^                                 |
 *        v   |  the window is out              |
 *      SEND <----------------------------------+        full: wait for room, and go on
 *        |
 *        +--> sendfile(2) does not take the file, or the transport has no descriptor: COPY, by pread and write
 *
 * sendfile(2) waits for the disk when a page is not in memory, and the loop's thread would with it. So no byte is sent before
 * its window was found in memory, or was read in on a thread of the executor (docs/decisions/015-sendfile-cold-files.md).
 *
 * While this runs the transport's gate is shut (write: WEIR_ESTATE), and reading is paused on our own behalf, so that whoever
 * pauses it meanwhile finds it paused afterwards. Wherever it ends, both are undone and the file's position is what was sent.
 */
#include <weir/transport.h>

#include "net/sendfile.h"

#include <errno.h>

#include "core/error.h"
#include "core/executor.h"
#include "core/sys.h"
#include "core/task.h"
#include "net/listener.h"

#define WINDOW     READ_MOST            /* bytes sent between two passes, as one connection reads between two */
#define STRIDE     ((size_t)65536)      /* looked at once each: a kernel that reads ahead fills more than that at a time */
#define COPY_PIECE ((size_t)65536)
#define PAGE       ((size_t)4096)       /* or a part of one */

#define ENDED 1                         /* above 0, where 0 means "go on": the file has no more bytes */

struct sending {
    weir_transport *t;
    int fd;
    int64_t offset, end;        /* of the next byte; of the first that is not to be sent */
    double timeout;
    struct file_job *job;       /* NULL: no thread was needed yet */
};

/* What a thread of the executor reads. In memory and with a descriptor of its own: when the wait is cut short, the caller is
 * gone, and may have closed his. */
struct file_job {
    int fd;                     /* -1: not needed yet */
    int64_t offset;
    size_t len;
    ssize_t result;
    char bytes[];               /* COPY_PIECE of them when copying */
};

/* --- Checking ------------------------------------------------------------- */

static int check_arguments(int fd, int64_t offset, size_t count)
{
    struct stat facts;
    int code;

    if (offset < 0)
        return weir__fail_text(-EINVAL, "sendfile: the offset is negative (%lld)", (long long)offset);
    if (count == 0 || (count > INT64_MAX && count != WEIR_UNSET))
        return weir__fail_text(-EINVAL, "sendfile: a count of %zu; WEIR_UNSET means to the end", count);
    code = sys_fstat(fd, &facts);
    if (code < 0)
        return weir__fail_text(-EINVAL, "sendfile: descriptor %d: %s", fd, weir_strerror(code));
    if (!S_ISREG(facts.st_mode) && !S_ISBLK(facts.st_mode))
        return weir__fail_text(-EINVAL, "sendfile: descriptor %d is no file", fd);
    if (sys_access_mode(fd) == O_WRONLY)
        return weir__fail_text(-EINVAL, "sendfile: descriptor %d is not open for reading", fd);
    return 0;
}

static int check_transport(const weir_transport *t)
{
    if (weir__loop_foreign(t->loop))
        return weir__fail_text(WEIR_ESTATE, "sendfile: called from a thread that does not run the transport's loop");
    if (weir__task_current() == NULL)
        return weir__fail(WEIR_ENOTASK);
    if (weir_transport_is_closing(t))
        return weir__fail_text(WEIR_ESTATE, "sendfile: the transport is closing");
    if (t->state != TRANSPORT_OPEN)
        return weir__fail_text(WEIR_ESTATE, "sendfile: the transport has not begun yet");
    if (t->gate == GATE_SENDFILE)
        return weir__fail_text(-EBUSY, "sendfile: another file is being sent");
    if (t->gate == GATE_READ_ONLY)
        return weir__fail_text(-ENOTSUP, "sendfile: a read pipe can't be written to");
    return t->gate == GATE_OPEN ? 0 : weir__fail_text(WEIR_ESTATE, "sendfile: called after write_eof");
}

/* --- Waiting for the peer ------------------------------------------------- */

/* Whether there is somebody to send to still. */
static int look_again(const weir_transport *t)
{
    if (t->state == TRANSPORT_OPEN)
        return 0;
    if (t->state >= TRANSPORT_LOST && t->lost_code < 0)
        return weir__fail(t->lost_code);
    return weir__fail_text(WEIR_ESTATE, "closed while a file was sent");
}

static int wait_for_room(struct sending *s)
{
    weir_transport *t = s->t;
    int64_t limit_ns = s->timeout > 0 ? weir__ns_after(weir__loop_pass_ns(t->loop), s->timeout) : FOREVER;

    t->sender = weir__task_current();
    int code = weir__task_wait(WAIT_SENDFILE, t, limit_ns);
    t->sender = NULL;
    return code < 0 ? code : look_again(t);
}

static int wait_for_output(struct sending *s)
{
    int code = 0;

    weir__out_flush(s->t);
    while (code == 0 && s->t->out.size > 0)
        code = wait_for_room(s);
    return code < 0 ? code : look_again(s->t);
}

/* Others' turn: a peer that takes everything at once would keep the loop for itself. */
static int wait_a_pass(struct sending *s)
{
    int code = weir_yield();

    return code < 0 ? code : look_again(s->t);
}

/* --- Waiting for the disk ------------------------------------------------- */

static void free_job(void *arg)
{
    struct file_job *job = arg;

    if (job == NULL)
        return;
    if (job->fd >= 0)
        weir__descriptor_close(job->fd);
    sys_free(job);
}

static int need_job(struct sending *s, size_t room)
{
    if (s->job != NULL)
        return 0;
    s->job = sys_malloc(sizeof *s->job + room);
    if (s->job == NULL)
        return weir__fail(-ENOMEM);
    s->job->fd = -1;
    return 0;
}

/* 0: @fn has run on a thread; what it met is in the job. */
static int wait_for_thread(struct sending *s, int (*fn)(void *), size_t len)
{
    struct file_job *job = s->job;
    bool disposed = false;

    if (job->fd < 0)
        job->fd = sys_dup(s->fd);
    if (job->fd < 0)
        return weir__fail_text(job->fd, "sendfile: no descriptor for reading: %s", weir_strerror(job->fd));
    job->offset = s->offset;
    job->len = len;
    int code = weir__executor_run(s->t->loop, fn, job, free_job, &disposed);
    if (disposed)
        s->job = NULL;
    return code < 0 ? code : look_again(s->t);
}

/* On the thread. A byte of each page is enough to wait for all of it. Failures are for sendfile to find. */
static int read_in(void *arg)
{
    struct file_job *job = arg;
    char byte;

    sys_will_need(job->fd, job->offset, 2 * job->len);          /* the disk has the next window to do while this one is sent */
    for (size_t at = 0; at < job->len && sys_pread(job->fd, &byte, 1, job->offset + (int64_t)at) == 1; )
        at += PAGE - ((size_t)job->offset + at) % PAGE;
    return 0;
}

/* Whether sendfile would not have to wait, as far as samples can say. */
static bool is_in_memory(const struct sending *s, size_t len)
{
    char byte;

    for (size_t at = 0; at + 1 < len; at += STRIDE) {
        if (sys_pread_cached(s->fd, &byte, 1, s->offset + (int64_t)at) < 0)
            return false;
    }
    return sys_pread_cached(s->fd, &byte, 1, s->offset + (int64_t)len - 1) >= 0;        /* 0: beyond the end */
}

static int wait_until_in_memory(struct sending *s, size_t len)
{
    if (is_in_memory(s, len))
        return 0;
    int code = need_job(s, 0);
    return code < 0 ? code : wait_for_thread(s, read_in, len);
}

/* --- By sendfile(2) ------------------------------------------------------- */

/* A failure of the file, not of the connection; any other code is taken for the connection's. */
static bool is_the_files(ssize_t code)
{
    return code == -EIO || code == -EBADF || code == -EISDIR || code == -ESTALE || code == -EOVERFLOW || code == -EACCES;
}

/* What the kernel says when it has no way from this file to that socket: before the first byte, or never. */
static bool is_not_taken(ssize_t code)
{
    return code == -EINVAL || code == -ENOSYS || code == -EOPNOTSUPP || code == -ESPIPE;
}

static int failed(struct sending *s, ssize_t code)
{
    if (is_the_files(code))
        return weir__fail_text((int)code, "sendfile: the file can't be read: %s", weir_strerror((int)code));
    weir__transport_lose(s->t, (int)code);
    return weir__fail((int)code);
}

/* 0, ENDED, -ENOTSUP where the file can only be copied, or a code. */
static int send_window(struct sending *s, int64_t until)
{
    while (s->offset < until) {
        int code = s->t->out.blocked ? wait_for_room(s) : 0;
        if (code < 0)
            return code;
        if (s->t->out.blocked)
            continue;
        ssize_t n = weir__out_send_file(s->t, s->fd, &s->offset, (size_t)(until - s->offset));
        if (n == 0)
            return ENDED;
        if (is_not_taken(n))
            return -ENOTSUP;
        if (n < 0 && n != -EAGAIN)
            return failed(s, n);
    }
    return 0;
}

static size_t left_up_to(const struct sending *s, size_t most)
{
    int64_t left = s->end - s->offset;

    return left < (int64_t)most ? (size_t)left : most;
}

static int send_all(struct sending *s)
{
    for (;;) {
        size_t len = left_up_to(s, WINDOW);
        int code = wait_until_in_memory(s, len);
        if (code == 0)
            code = send_window(s, s->offset + (int64_t)len);
        if (code != 0 || s->offset == s->end)
            return code;
        code = wait_a_pass(s);
        if (code < 0)
            return code;
    }
}

/* --- By reading and writing ----------------------------------------------- */

static int read_piece(void *arg)
{
    struct file_job *job = arg;

    do {
        job->result = sys_pread(job->fd, job->bytes, job->len, job->offset);
    } while (job->result == -EINTR);
    return 0;
}

/* How many bytes there are at job->bytes; 0: the file ends here. */
static ssize_t wait_for_piece(struct sending *s, size_t len)
{
    ssize_t n = sys_pread_cached(s->fd, s->job->bytes, len, s->offset);

    if (n >= 0)
        return n;
    /* Not in memory, or whatever it is: a thread can wait for it, and its answer is the one that counts. */
    int code = wait_for_thread(s, read_piece, len);
    if (code < 0)
        return code;
    n = s->job->result;
    return n >= 0 ? n : weir__fail_text((int)n, "sendfile: the file can't be read: %s", weir_strerror((int)n));
}

static int copy_all(struct sending *s)
{
    size_t most = s->t->out.most > 0 && s->t->out.most < COPY_PIECE ? s->t->out.most : COPY_PIECE;
    int code = 0;

    free_job(s->job);                           /* the one that only reads in has no room */
    s->job = NULL;
    code = need_job(s, COPY_PIECE);
    while (code == 0 && s->offset < s->end) {
        ssize_t n = wait_for_piece(s, left_up_to(s, most));
        if (n <= 0)
            return (int)n;
        weir_bytes piece = { s->job->bytes, (size_t)n };
        code = weir__out_write(s->t, &piece, 1, piece.len);
        if (code == 0)
            s->offset += n;                     /* the output's, which goes out also when we are cut short */
        if (code == 0)
            code = wait_for_output(s);
        if (code == 0 && s->offset < s->end)
            code = wait_a_pass(s);
    }
    return code;
}

/* --- All of it ------------------------------------------------------------ */

static int send_file(struct sending *s)
{
    int code = wait_for_output(s);

    if (code < 0)
        return code;
    code = s->t->ops->send_file != NULL ? send_all(s) : -ENOTSUP;
    return code == -ENOTSUP ? copy_all(s) : code;
}

int64_t weir__sendfile(weir_transport *t, int fd, int64_t offset, size_t count, double timeout)
{
    struct sending s = { .t = t, .fd = fd, .offset = offset, .end = INT64_MAX, .timeout = timeout };
    int code = check_arguments(fd, offset, count);

    if (code == 0)
        code = check_transport(t);
    if (code < 0)
        return code;
    if (count != WEIR_UNSET && (int64_t)count < INT64_MAX - offset)
        s.end = offset + (int64_t)count;
    weir__transport_ref(t);
    t->gate = GATE_SENDFILE;
    weir__transport_pause(t, PAUSED_BY_SENDFILE);
    code = send_file(&s);
    free_job(s.job);
    t->gate = GATE_OPEN;
    weir__transport_resume(t, PAUSED_BY_SENDFILE);
    weir__transport_unref(t);
    int moved = sys_seek(fd, s.offset);
    if (moved < 0 && code >= 0)
        code = weir__fail_text(moved, "sendfile: the file's position can't be set: %s", weir_strerror(moved));
    return code < 0 ? code : s.offset - offset;
}

int64_t weir_loop_sendfile(weir_loop *loop, weir_transport *t, int fd, int64_t offset, size_t count)
{
    if (loop != t->loop)
        return weir__fail_text(-EINVAL, "sendfile: the transport belongs to another loop");
    return weir__sendfile(t, fd, offset, count, 0);
}
