/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/cut/test_file.c  Sending a file, cut short at each of its waits, and connecting pipes.
 *
 * Each call begins where the file's position stands, which the one that was cut has set: so the far end gets every byte once.
 * That a thread has to read first takes a preadv2 and a pread of the program's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <weir/streams.h>

#include "cut/cut.h"
#include "lib/stream_far.h"

#define BACKLOG ((size_t)512 * 1024)    /* more than the kernel takes */

static struct far far;
static size_t before;                   /* of the pattern, written in front of the file */
static int file;

/* --- The kernel, as a test wants it --------------------------------------- */

static atomic_bool cold;
static atomic_int held;                 /* threads that stand in a read */
static bool shut;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;

ssize_t preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
    (void)flags;
    if (!atomic_load(&cold))
        return preadv(fd, iov, count, offset);
    errno = EAGAIN;
    return -1;
}

ssize_t pread(int fd, void *buf, size_t len, off_t offset)
{
    pthread_mutex_lock(&lock);
    atomic_fetch_add(&held, 1);
    while (shut)
        pthread_cond_wait(&opened, &lock);
    atomic_fetch_sub(&held, 1);
    pthread_mutex_unlock(&lock);
    return syscall(SYS_pread64, fd, buf, len, offset);
}

static void shut_gate(bool now)
{
    pthread_mutex_lock(&lock);
    shut = now;
    pthread_cond_broadcast(&opened);
    pthread_mutex_unlock(&lock);
}

/* --- Files ---------------------------------------------------------------- */

static void open_file(size_t backlog)
{
    static unsigned char bytes[BACKLOG];
    int listener = raw_listen(), size = 4096;

    far = (struct far) { .fd = -1 };
    if (weir_open_connection("127.0.0.1", (uint16_t)raw_port(listener), NULL, &far.reader, &far.writer) == 0)
        far.fd = raw_accept(listener);
    EXPECT(far.fd >= 0);
    close(listener);
    setsockopt(weir_writer_fd(far.writer), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    before = backlog;
    if (before > 0)
        EXPECT(far_write_pattern(&far, before) == 0);
    for (size_t i = 0; i < BACKLOG; i++)
        bytes[i] = pattern_at(before + i);
    file = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    EXPECT(write(file, bytes, BACKLOG) == (ssize_t)BACKLOG && lseek(file, 0, SEEK_SET) == 0);
}

static void open_behind_backlog(void)
{
    open_file(BACKLOG);
}

static void open_alone(void)
{
    open_file(0);
}

static void open_cold(void)
{
    open_file(0);
    atomic_store(&cold, true);
    shut_gate(true);
}

static bool thread_is_held(void)
{
    return atomic_load(&held) > 0;
}

static bool no_thread_is_held(void *arg)
{
    (void)arg;
    return !thread_is_held();
}

static void take_all(void)
{
    EXPECT(far_recv_pattern(&far, before + BACKLOG));
}

static void let_it_read(void)
{
    atomic_store(&cold, false);
    shut_gate(false);
    take_all();
}

static void reset(void)
{
    far_reset(&far);
}

static void close_file(void)
{
    atomic_store(&cold, false);
    shut_gate(false);
    cut_until(no_thread_is_held, NULL, "threads leave the file");
    close(file);
    if (far.fd >= 0)
        close(far.fd);
    weir_writer_abort(far.writer);
    weir_writer_free(far.writer);
}

/* To the end, from where it stands; what the kernel calls a reset that came while it sent is not the question here. */
static int result_of(int64_t sent)
{
    if (sent == -EPIPE)
        return -ECONNRESET;
    return sent > 0 ? 0 : (int)sent;
}

static int send_by_writer(struct cut_subject *subject)
{
    (void)subject;
    return result_of(weir_writer_sendfile(far.writer, file, lseek(file, 0, SEEK_CUR), WEIR_UNSET));
}

static int send_by_loop(struct cut_subject *subject)
{
    (void)subject;
    return result_of(weir_loop_sendfile(weir_get_running_loop(), weir_writer_transport(far.writer), file,
                                        lseek(file, 0, SEEK_CUR), WEIR_UNSET));
}

/* The output can be written to again, and input is read. */
static void check_usable(struct cut_subject *subject, enum cut cut)
{
    (void)subject;
    if (cut != CUT_RESET) {
        EXPECT(weir_writer_write(far.writer, "", 0) == 0);
        EXPECT(weir_transport_is_reading(weir_writer_transport(far.writer)));
    }
}

/* --- Pipes ---------------------------------------------------------------- */

static int near_end, far_end;
static int made, lost;

static void open_pipe(bool writes)
{
    int fds[2] = { -1, -1 };

    EXPECT(pipe2(fds, O_CLOEXEC) == 0);
    near_end = fds[writes];
    far_end = fds[!writes];
    made = lost = 0;
}

static void open_to_read(void)
{
    open_pipe(false);
}

static void open_to_write(void)
{
    open_pipe(true);
}

static void leave(void)
{
    close(far_end);
    far_end = -1;
}

static void close_pipe(void)
{
    cut_settle();
    EXPECT(made == lost);
    if (far_end >= 0)
        leave();
}

static void on_made(void *self, weir_transport *transport)
{
    (void)self, (void)transport;
    made++;
}

static void on_lost(void *self, int code)
{
    (void)self, (void)code;
    lost++;
}

static const weir_protocol protocol = { .connection_made = on_made, .connection_lost = on_lost };

static int factory(void *arg, const weir_protocol **out, void **self)
{
    (void)arg, (void)self;
    *out = &protocol;
    return 0;
}

static int read_pipe(struct cut_subject *subject)
{
    weir_transport *transport = NULL;
    int code = weir_loop_connect_read_pipe(weir_get_running_loop(), factory, NULL, near_end, &transport);

    (void)subject;
    EXPECT((code == 0) == (transport != NULL));
    if (code == 0)
        weir_transport_abort(transport);
    return code;
}

static int write_pipe(struct cut_subject *subject)
{
    weir_transport *transport = NULL;
    int code = weir_loop_connect_write_pipe(weir_get_running_loop(), factory, NULL, near_end, &transport);

    (void)subject;
    EXPECT((code == 0) == (transport != NULL));
    if (code == 0)
        weir_transport_abort(transport);
    return code;
}

/* --- All ------------------------------------------------------------------ */

#define SENDS(name, calls)                                                                                             \
    CUT(name, "behind a backlog", WAIT_SENDFILE, .open = open_behind_backlog, .call = calls, .left = check_usable,     \
        .fulfil = take_all, .close = close_file, .reset = reset),                                                      \
    CUT(name, "the peer does not read", WAIT_SENDFILE, .open = open_alone, .call = calls, .left = check_usable,        \
        .fulfil = take_all, .close = close_file, .reset = reset),                                                      \
    /* Nobody looks at the peer meanwhile. */                                                                          \
    CUT(name, "a thread reads", WAIT_EXECUTOR, .open = open_cold, .call = calls, .ready = thread_is_held,              \
        .left = check_usable, .fulfil = let_it_read, .close = close_file, .no_peer = true)
/* It is the next thing that the loop does, so every cut comes too late: the pipe is connected. */
#define CONNECTS(name, opens, calls)                                                                                   \
    CUT(name, "connected, for its turn", WAIT_START, .open = opens, .call = calls, .close = close_pipe,                \
        .reset = leave, .late = AT_ANY, .over = AT_ANY)

static const struct cut_scene scenes[] = {
    SENDS(weir_writer_sendfile, send_by_writer),
    SENDS(weir_loop_sendfile, send_by_loop),
    CONNECTS(weir_loop_connect_read_pipe, open_to_read, read_pipe),
    CONNECTS(weir_loop_connect_write_pipe, open_to_write, write_pipe),
};

Suite *suite(void)
{
    return cut_suite("cut/file", scenes, sizeof scenes / sizeof scenes[0]);
}
