/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_sendfile.c  What net/sendfile.c promises, as long as nobody cuts it short.
 *
 * Every way to send runs: by sendfile(2) with the file in memory, with each window read in by a thread, on a file system that
 * can't say what it has, and copied, because the kernel does not take the file or the transport has no socket. For that the
 * program has its own preadv2 and sendfile, which do what a test wants of the kernel.
 */
#include "net/sendfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <weir/run.h>

#include "core/task.h"
#include "lib/net_pair.h"
#include "lib/suite.h"

#define WHOLE ((size_t)300000)          /* more than a window and than the kernel holds for a pair */
#define FEW   ((size_t)3000)            /* when it goes byte by byte */

/* --- The kernel, as a test wants it --------------------------------------- */

enum kernel { IN_MEMORY, NOT_IN_MEMORY, CANT_SAY, NOT_TAKEN, NOT_TAKEN_LATER, KERNELS };

static enum kernel kernel;
static unsigned sendfiles, threads_reads;
static bool swallow;                    /* sendfile says that all is sent */

ssize_t preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
    ck_assert_int_eq(flags, RWF_NOWAIT);
    if (kernel == NOT_IN_MEMORY || kernel == CANT_SAY) {
        errno = kernel == CANT_SAY ? EOPNOTSUPP : EAGAIN;
        return -1;
    }
    return preadv(fd, iov, count, offset);
}

ssize_t pread(int fd, void *buf, size_t len, off_t offset)
{
    __atomic_add_fetch(&threads_reads, 1, __ATOMIC_RELAXED);
    return syscall(SYS_pread64, fd, buf, len, offset);
}

ssize_t sendfile(int out, int in, off_t *offset, size_t count)
{
    sendfiles++;
    if (kernel == NOT_TAKEN || (kernel == NOT_TAKEN_LATER && sendfiles > 2)) {
        errno = EINVAL;
        return -1;
    }
    if (!swallow)
        return syscall(SYS_sendfile, out, in, offset, count);
    *offset += (off_t)count;
    return (ssize_t)count;
}

/* --- A file --------------------------------------------------------------- */

static int make_file(size_t size)
{
    unsigned char *bytes = net_pattern_new(size);
    char path[] = "/tmp/weir-sendfile-XXXXXX";
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    unlink(path);
    ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
    free(bytes);
    return fd;
}

static int64_t send_part(struct net_pair *pair, int fd, int64_t offset, size_t count)
{
    return weir_loop_sendfile(weir_get_running_loop(), pair->near, fd, offset, count);
}

static bool is_one_byte_at_a_time(const struct net_pair *pair)
{
    return pair->cut == 1 || pair->cut == 4;
}

/* --- What comes ----------------------------------------------------------- */

struct reading {
    struct net_pair *pair;
    size_t most;
};

static int read_it(void *arg)
{
    struct reading *reading = arg;

    net_far_read(reading->pair, reading->most);
    return 0;
}

static weir_task *reader_of(struct reading *reading)
{
    weir_task *task = weir_create_task(read_it, reading);

    ck_assert_ptr_nonnull(task);
    return task;
}

static void join(weir_task *task)
{
    ck_assert_int_eq(weir_task_join(task), 0);
    weir_task_unref(task);
}

static void send_between_writes(struct net_pair *pair)
{
    size_t size = is_one_byte_at_a_time(pair) ? FEW : WHOLE;
    struct reading reading = { pair, size + 8 };
    int fd = make_file(size);
    weir_task *task = reader_of(&reading);

    weir_transport_write(pair->near, "head", 4);        /* gathered, and not offered yet */
    pair->got[0] = send_part(pair, fd, 0, WEIR_UNSET);
    pair->got[1] = lseek(fd, 0, SEEK_CUR);
    weir_transport_write(pair->near, "tail", 4);
    join(task);
    close(fd);
    pair->size[3] = size;
}

START_TEST(a_file_goes_out_whole_and_between_what_is_written_before_and_after)  /* faults 4, 5, 6 */
{
    struct net_pair pair = { 0 };

    kernel = (enum kernel)(_i / NET_WAYS);
    net_run(&pair, _i % NET_WAYS, send_between_writes);
    size_t size = pair.size[3];
    ck_assert_int_eq(pair.got[0], (long)size);
    ck_assert_int_eq(pair.got[1], (long)size);
    ck_assert_uint_eq(pair.far_log.len, size + 8);
    ck_assert_int_eq(memcmp(pair.far_log.bytes, "head", 4), 0);
    ck_assert(net_is_pattern(pair.far_log.bytes + 4, size));
    ck_assert_int_eq(memcmp(pair.far_log.bytes + 4 + size, "tail", 4), 0);
    ck_assert_uint_eq(sendfiles > 0, pair.kind != NET_MEMORY);
    ck_assert_uint_eq(threads_reads > 0, kernel == NOT_IN_MEMORY || kernel == CANT_SAY);
    ck_assert_int_eq(pair.log.code, 0);
    net_pair_fini(&pair);
}
END_TEST

static const struct {
    int64_t offset;
    size_t count;
    int64_t from, sent;
} parts[] = {                           /* of a file of 1,000 bytes */
    { 0, WEIR_UNSET, 0, 1000 }, { 0, 1000, 0, 1000 }, { 0, 1, 0, 1 }, { 10, 100, 10, 100 }, { 999, WEIR_UNSET, 999, 1 },
    { 995, 100, 995, 5 },               /* a count past the end stops at the end */
    { 1000, WEIR_UNSET, 0, 0 }, { 1010, 5, 0, 0 }, { INT64_MAX - 3, 100, 0, 0 },
};
#define PARTS (sizeof parts / sizeof parts[0])

static void send_a_part(struct net_pair *pair)
{
    size_t at = (size_t)pair->got[7];
    int fd = make_file(1000);

    lseek(fd, 123, SEEK_SET);                   /* where it stood is of no meaning */
    pair->got[0] = send_part(pair, fd, parts[at].offset, parts[at].count);
    pair->got[1] = lseek(fd, 0, SEEK_CUR);
    weir_transport_write_eof(pair->near);
    net_far_read(pair, 2000);
    close(fd);
}

START_TEST(a_part_is_what_was_asked_for_as_far_as_the_file_goes)        /* SF-1, decision 13 */
{
    size_t at = (size_t)_i % PARTS;
    struct net_pair pair = { .got[7] = (long)at };

    kernel = (enum kernel)((size_t)_i / PARTS / NET_KINDS);
    net_run(&pair, (int)((size_t)_i / PARTS % NET_KINDS) * NET_CUTS, send_a_part);
    if (parts[at].offset < 2000) {
        ck_assert_int_eq(pair.got[0], parts[at].sent);
        ck_assert_int_eq(pair.got[1], parts[at].offset + parts[at].sent);
    } else {
        ck_assert_int_lt(pair.got[0], 0);       /* no file is so large, and no position so far out */
    }
    ck_assert_uint_eq(pair.far_log.len, (size_t)parts[at].sent);
    for (size_t i = 0; i < pair.far_log.len; i++)
        ck_assert_uint_eq(pair.far_log.bytes[i], net_pattern((size_t)parts[at].from + i));
    net_pair_fini(&pair);
}
END_TEST

static void send_behind_backlog(struct net_pair *pair)
{
    unsigned char *bytes = net_pattern_new(WHOLE);
    struct reading reading = { pair, 2 * WHOLE };
    int fd = make_file(WHOLE);

    weir_transport_write(pair->near, bytes, WHOLE);
    free(bytes);
    pair->size[0] = weir_transport_get_write_buffer_size(pair->near);
    weir_task *task = reader_of(&reading);
    pair->got[0] = send_part(pair, fd, 0, WHOLE);
    pair->size[1] = weir_transport_get_write_buffer_size(pair->near);
    join(task);
    close(fd);
}

START_TEST(it_waits_until_the_backlog_is_gone)  /* SF-1 */
{
    struct net_pair pair = { 0 };

    kernel = (enum kernel)(_i / NET_KINDS);
    net_run(&pair, _i % NET_KINDS * NET_CUTS, send_behind_backlog);
    ck_assert_uint_gt(pair.size[0], 65536);
    ck_assert_int_eq(pair.got[0], (long)WHOLE);
    ck_assert_uint_eq(pair.size[1], 0);
    ck_assert_uint_eq(pair.far_log.len, 2 * WHOLE);
    ck_assert(net_is_pattern(pair.far_log.bytes, WHOLE));
    ck_assert(net_is_pattern(pair.far_log.bytes + WHOLE, WHOLE));
    ck_assert_ptr_nonnull(strstr(pair.log.text, "CM PW RW"));
    net_pair_fini(&pair);
}
END_TEST

static void send_from_the_disk(struct net_pair *pair)
{
    struct reading reading = { pair, WHOLE };
    int fd = make_file(WHOLE);

    ck_assert_int_eq(fdatasync(fd), 0);
    ck_assert_int_eq(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    weir_task *task = reader_of(&reading);
    pair->got[0] = send_part(pair, fd, 0, WEIR_UNSET);
    join(task);
    close(fd);
}

START_TEST(a_file_that_the_kernel_has_let_go_of_comes_too)
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i * NET_CUTS, send_from_the_disk);
    ck_assert_int_eq(pair.got[0], (long)WHOLE);
    ck_assert(net_is_pattern(pair.far_log.bytes, WHOLE));
    net_pair_fini(&pair);
}
END_TEST

/* --- Meanwhile ------------------------------------------------------------ */

struct meanwhile {
    struct net_pair *pair;
    int fd;
    size_t count;
    int64_t sent;
    int later;
};

static int send_in_a_task(void *arg)
{
    struct meanwhile *m = arg;

    m->sent = send_part(m->pair, m->fd, 0, m->count);
    m->later = weir_yield();
    return 0;
}

/* Begin to send a file that the kernel does not hold, to a peer that does not read. */
static weir_task *begin(struct meanwhile *m, struct net_pair *pair)
{
    *m = (struct meanwhile) { .pair = pair, .fd = make_file(4 * WHOLE), .count = WEIR_UNSET };
    weir_task *task = weir_create_task(send_in_a_task, m);

    ck_assert_ptr_nonnull(task);
    NET_UNTIL(task->state == TASK_PARKED && task->wait_kind == WAIT_SENDFILE);
    net_passes(20);
    ck_assert(task->state == TASK_PARKED);
    return task;
}

static void end(struct meanwhile *m, weir_task *task)
{
    join(task);
    close(m->fd);
}

static void write_during(struct net_pair *pair)
{
    struct meanwhile m;
    weir_task *task = begin(&m, pair);
    weir_bytes piece = { "x", 1 };

    pair->got[0] = weir_transport_write(pair->near, "x", 1);
    pair->got[1] = weir_transport_writelines(pair->near, &piece, 1);
    pair->got[2] = weir_transport_write(pair->near, "", 0);
    pair->got[3] = weir_transport_write_eof(pair->near);
    pair->got[4] = send_part(pair, m.fd, 0, 1);
    pair->got[5] = weir_transport_write(pair->near, NULL, 1);
    net_far_read(pair, 4 * WHOLE);
    end(&m, task);
    pair->got[6] = weir_transport_write(pair->near, "tail", 4);
    pair->got[7] = weir_transport_write_eof(pair->near);
    pair->size[0] = (size_t)m.sent;
    net_far_read(pair, 5 * WHOLE);
}

START_TEST(nothing_else_is_written_meanwhile)   /* SF-2, BT-9 */
{
    struct net_pair pair = { 0 };

    kernel = (enum kernel)(_i / NET_KINDS);
    net_run(&pair, _i % NET_KINDS * NET_CUTS, write_during);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pair.got[i], WEIR_ESTATE);
    ck_assert_int_eq(pair.got[4], -EBUSY);
    ck_assert_int_eq(pair.got[5], -EINVAL);
    ck_assert_int_eq(pair.got[6], 0);
    ck_assert_int_eq(pair.got[7], 0);
    ck_assert_uint_eq(pair.size[0], 4 * WHOLE);
    ck_assert_uint_eq(pair.far_log.len, 4 * WHOLE + 4);
    ck_assert(net_is_pattern(pair.far_log.bytes, 4 * WHOLE));
    ck_assert_int_eq(memcmp(pair.far_log.bytes + 4 * WHOLE, "tail", 4), 0);
    net_pair_fini(&pair);
}
END_TEST

static void receive_during(struct net_pair *pair)
{
    struct meanwhile m;
    int way = (int)pair->got[7];

    if (way == 1)
        weir_transport_pause_reading(pair->near);
    weir_task *task = begin(&m, pair);
    pair->got[0] = weir_transport_is_reading(pair->near);
    if (way == 2)
        weir_transport_pause_reading(pair->near);
    if (way == 3)
        weir_transport_resume_reading(pair->near);      /* of what the caller did not pause: nothing */
    net_far_send(pair, "hello", 5);
    net_passes(20);
    pair->got[1] = (long)pair->log.len;
    net_far_read(pair, 4 * WHOLE);
    end(&m, task);
    pair->got[2] = weir_transport_is_reading(pair->near);
    net_passes(20);
    pair->got[3] = (long)pair->log.len;
    weir_transport_resume_reading(pair->near);
    NET_UNTIL(pair->log.len == 5);
}

/* SF-1: paused is whoever paused it, before or meanwhile. */
START_TEST(reading_is_paused_and_then_as_before)
{
    int way = _i / NET_KINDS;
    bool by_user = way == 1 || way == 2;
    struct net_pair pair = { .got[7] = way };

    net_run(&pair, _i % NET_KINDS * NET_CUTS, receive_during);
    ck_assert_int_eq(pair.got[0], 0);
    ck_assert_int_eq(pair.got[1], 0);
    ck_assert_int_eq(pair.got[2], !by_user);
    ck_assert_int_eq(pair.got[3], by_user ? 0 : 5);
    ck_assert_str_eq(pair.log.text, "CM DR(hello) CL(0)");
    net_pair_fini(&pair);
}
END_TEST

static void shrink_during(struct net_pair *pair)
{
    struct meanwhile m;
    weir_task *task = begin(&m, pair);

    ck_assert_int_eq(ftruncate(m.fd, 1000), 0);
    weir_transport_set_write_buffer_limits(pair->near, WEIR_UNSET, WEIR_UNSET);
    struct reading reading = { pair, 5 * WHOLE };
    weir_task *reader = reader_of(&reading);
    join(task);
    pair->got[0] = (long)m.sent;
    pair->got[1] = lseek(m.fd, 0, SEEK_CUR);
    close(m.fd);
    weir_transport_write_eof(pair->near);
    join(reader);
}

START_TEST(a_file_that_becomes_shorter_ends_where_it_ends)
{
    struct net_pair pair = { 0 };

    kernel = (enum kernel)(_i / NET_KINDS);
    net_run(&pair, _i % NET_KINDS * NET_CUTS, shrink_during);
    ck_assert_int_gt(pair.got[0], 0);
    ck_assert_int_lt(pair.got[0], (long)(4 * WHOLE));
    ck_assert_int_eq(pair.got[1], pair.got[0]);
    ck_assert_uint_eq(pair.far_log.len, (size_t)pair.got[0]);
    net_pair_fini(&pair);
}
END_TEST

static int count_passes(void *arg)
{
    long *passes = arg;

    while (*passes >= 0 && weir_yield() == 0)
        ++*passes;
    return 0;
}

static void send_to_the_fast(struct net_pair *pair)
{
    int fd = make_file(100);
    long passes = 0;

    ck_assert_int_eq(ftruncate(fd, 40 << 20), 0);
    weir_task *task = weir_create_task(count_passes, &passes);
    swallow = true;
    pair->got[0] = send_part(pair, fd, 0, 40 << 20);
    pair->got[1] = passes;
    passes = -1;
    weir_task_cancel(task);
    weir_task_join(task);
    weir_task_unref(task);
    close(fd);
}

START_TEST(a_peer_that_takes_everything_does_not_keep_the_loop)
{
    struct net_pair pair = { 0 };

    net_run(&pair, NET_TCP * NET_CUTS, send_to_the_fast);
    ck_assert_int_eq(pair.got[0], 40 << 20);
    ck_assert_int_ge(pair.got[1], (40 << 20) / (long)READ_MOST - 2);
    ck_assert_uint_eq(sendfiles, (40 << 20) / READ_MOST);
    net_pair_fini(&pair);
}
END_TEST

/* --- Who may not ---------------------------------------------------------- */

static void ask_wrongly(struct net_pair *pair)
{
    weir_loop *other = weir_loop_new();
    int fd = make_file(1000), write_only = open("/dev/null", O_WRONLY), folder = open("/tmp", O_RDONLY), fds[2];
    char path[64];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int no_reading = open(path, O_WRONLY);
    ck_assert_int_eq(pipe(fds), 0);
    lseek(fd, 123, SEEK_SET);
    pair->got[0] = send_part(pair, fd, -1, 10);
    pair->got[1] = send_part(pair, fd, 0, 0);
    pair->got[2] = send_part(pair, fds[0], 0, 10) | send_part(pair, write_only, 0, 10) | send_part(pair, folder, 0, 10);
    pair->got[3] = send_part(pair, 1234, 0, 10) | send_part(pair, -1, 0, 10);
    pair->got[4] = send_part(pair, no_reading, 0, 10);
    pair->got[5] = weir_loop_sendfile(other, pair->near, fd, 0, 10);
    pair->got[6] = lseek(fd, 0, SEEK_CUR);
    pair->got[7] = weir_transport_is_reading(pair->near) && weir_transport_write(pair->near, "x", 1) == 0;
    close(fd), close(write_only), close(folder), close(no_reading), close(fds[0]), close(fds[1]);
    weir_loop_free(other);
    net_far_read(pair, 1);
}

START_TEST(wrong_arguments_are_found_before_anything_changes)   /* SF-5, CV-1 */
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i * NET_CUTS, ask_wrongly);
    for (int i = 0; i < 6; i++)
        ck_assert_msg(pair.got[i] == -EINVAL, "%d: %ld", i, pair.got[i]);
    ck_assert_int_eq(pair.got[6], 123);
    ck_assert_int_eq(pair.got[7], 1);
    ck_assert_uint_eq(sendfiles, 0);
    net_pair_fini(&pair);
}
END_TEST

static void send_too_late(struct net_pair *pair)
{
    int fd = make_file(1000);

    lseek(fd, 123, SEEK_SET);
    if (pair->got[7] == 0)
        weir_transport_write_eof(pair->near);
    else if (pair->got[7] == 1)
        weir_transport_close(pair->near);
    else
        weir_transport_abort(pair->near);
    pair->got[0] = send_part(pair, fd, 0, 10);
    NET_UNTIL(pair->got[7] == 0 || pair->log.lost);
    pair->got[1] = send_part(pair, fd, 0, 10);
    pair->got[2] = lseek(fd, 0, SEEK_CUR);
    close(fd);
}

START_TEST(after_the_end_of_output_there_is_no_sending) /* SF-3 */
{
    struct net_pair pair = { .got[7] = _i / NET_KINDS };

    net_run(&pair, _i % NET_KINDS * NET_CUTS, send_too_late);
    ck_assert_int_eq(pair.got[0], WEIR_ESTATE);
    ck_assert_int_eq(pair.got[1], WEIR_ESTATE);
    ck_assert_int_eq(pair.got[2], 123);
    net_pair_fini(&pair);
}
END_TEST

static void from_a_callback(struct net_log *log, enum net_event event)
{
    struct net_pair *pair = log->user;

    if (event == NET_DATA)
        pair->got[0] = send_part(pair, (int)pair->got[6], 0, 10);
}

static void send_from_a_callback(struct net_pair *pair)
{
    pair->log.user = pair;
    pair->log.on = from_a_callback;
    pair->got[6] = make_file(1000);
    net_far_send(pair, "x", 1);
    NET_UNTIL(pair->log.len == 1);
    pair->log.on = NULL;
    close((int)pair->got[6]);
}

START_TEST(a_callback_is_no_task)
{
    struct net_pair pair = { 0 };

    net_run(&pair, _i * NET_CUTS, send_from_a_callback);
    ck_assert_int_eq(pair.got[0], WEIR_ENOTASK);
    net_pair_fini(&pair);
}
END_TEST

Suite *suite(void)
{
    Suite *sendfile = suite_create("net/sendfile");

    TCase *bytes = tcase_create("bytes");
    tcase_add_loop_test(bytes, a_file_goes_out_whole_and_between_what_is_written_before_and_after, 0, KERNELS * NET_WAYS);
    tcase_add_loop_test(bytes, a_part_is_what_was_asked_for_as_far_as_the_file_goes, 0, (int)PARTS * NET_KINDS * KERNELS);
    tcase_add_loop_test(bytes, it_waits_until_the_backlog_is_gone, 0, NET_KINDS * KERNELS);
    tcase_add_loop_test(bytes, a_file_that_the_kernel_has_let_go_of_comes_too, 0, NET_KINDS);
    suite_add_tcase(sendfile, bytes);

    TCase *meanwhile = tcase_create("meanwhile");
    tcase_add_loop_test(meanwhile, nothing_else_is_written_meanwhile, 0, NET_KINDS * KERNELS);
    tcase_add_loop_test(meanwhile, reading_is_paused_and_then_as_before, 0, 4 * NET_KINDS);
    tcase_add_loop_test(meanwhile, a_file_that_becomes_shorter_ends_where_it_ends, 0, NET_KINDS * KERNELS);
    tcase_add_test(meanwhile, a_peer_that_takes_everything_does_not_keep_the_loop);
    suite_add_tcase(sendfile, meanwhile);

    TCase *refused = tcase_create("refused");
    tcase_add_loop_test(refused, wrong_arguments_are_found_before_anything_changes, 0, NET_KINDS);
    tcase_add_loop_test(refused, after_the_end_of_output_there_is_no_sending, 0, 3 * NET_KINDS);
    tcase_add_loop_test(refused, a_callback_is_no_task, 0, NET_KINDS);
    suite_add_tcase(sendfile, refused);
    return sendfile;
}
