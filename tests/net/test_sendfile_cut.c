/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_sendfile_cut.c  A file's way cut short: cancelled, out of time, closed, left by the peer, failed.
 *
 * At each of its three waits: for the backlog in front of it, for room while it is sent, for a thread that reads. What must
 * hold is the same: the code, a file position that says what went out, a transport that can be used on or is lost, and nothing
 * left behind. Holding a thread and failing a read take a pread and a preadv2 of the program's own.
 */
#include "net/sendfile.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <weir/run.h>

#include "core/task.h"
#include "lib/clock.h"
#include "lib/each_fault.h"
#include "lib/net_pair.h"
#include "lib/suite.h"

#define SIZE ((size_t)1200000)          /* more than the kernel holds for a pair */

enum stand { BEHIND_BACKLOG, SENDING, READING, STANDS };

static bool cold, hold;
static sem_t reading, go_on;

ssize_t preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
    if (cold) {
        ck_assert_int_eq(flags, RWF_NOWAIT);
        errno = EAGAIN;
        return -1;
    }
    return preadv(fd, iov, count, offset);
}

ssize_t pread(int fd, void *buf, size_t len, off_t offset)
{
    if (hold) {
        hold = false;
        sem_post(&reading);
        sem_wait(&go_on);
    }
    return syscall(SYS_pread64, fd, buf, len, offset);
}

/* --- One that stands at one of its waits ----------------------------------- */

struct cut {
    struct net_pair pair;
    enum stand stand;
    int way;                    /* how it is cut: the scenario's */
    int fd;
    double limit;               /* of a scope around it; 0: none */
    weir_task *task;
    int64_t sent;
    int later;                  /* what the task's next wait returned */
    size_t before;              /* bytes of the backlog */
    int64_t position;
};

static int send_it(void *arg)
{
    struct cut *cut = arg;
    weir_timeout scope;

    if (cut->limit > 0)
        weir_timeout_begin(&scope, cut->limit);
    cut->sent = weir_loop_sendfile(weir_get_running_loop(), cut->pair.near, cut->fd, 0, WEIR_UNSET);
    if (cut->limit > 0)
        weir_timeout_end(&scope);
    cut->later = weir_yield();
    return 0;
}

static void make_file(struct cut *cut)
{
    unsigned char *bytes = net_pattern_new(SIZE);
    char path[] = "/tmp/weir-sendfile-XXXXXX";

    cut->fd = mkstemp(path);
    ck_assert_int_ge(cut->fd, 0);
    unlink(path);
    ck_assert_int_eq(write(cut->fd, bytes, SIZE), (ssize_t)SIZE);
    free(bytes);
}

/* The peer does not read, so each of them waits for good. */
static void stand_there(struct cut *cut)
{
    unsigned char *bytes = net_pattern_new(SIZE);

    make_file(cut);
    weir_transport_set_write_buffer_limits(cut->pair.near, SIZE, SIZE);
    if (cut->stand == BEHIND_BACKLOG) {
        weir_transport_write(cut->pair.near, bytes, SIZE);
        cut->before = SIZE;
    }
    free(bytes);
    cold = hold = cut->stand == READING;
    cut->task = weir_create_task(send_it, cut);
    ck_assert_ptr_nonnull(cut->task);
    if (cut->stand == READING) {
        NET_UNTIL(sem_trywait(&reading) == 0);
        ck_assert_int_eq(cut->task->wait_kind, WAIT_EXECUTOR);
    } else {
        NET_UNTIL(cut->task->state == TASK_PARKED && cut->task->wait_kind == WAIT_SENDFILE);
        net_passes(20);
        ck_assert_int_eq(cut->task->wait_kind, WAIT_SENDFILE);
        ck_assert_uint_eq(weir_transport_get_write_buffer_size(cut->pair.near) > 0,
                          cut->stand == BEHIND_BACKLOG || cut->pair.kind == NET_MEMORY);
    }
}

static void let_the_thread_go(struct cut *cut)
{
    cold = false;
    if (cut->stand == READING)
        sem_post(&go_on);
}

static void join(struct cut *cut)
{
    mark_point();
    ck_assert_int_eq(weir_task_join(cut->task), 0);
    weir_task_unref(cut->task);
    cut->position = lseek(cut->fd, 0, SEEK_CUR);
    close(cut->fd);
}

static void run_cut(struct cut *cut, int i, void (*scenario)(struct net_pair *pair))
{
    sem_init(&reading, 0, 0);
    sem_init(&go_on, 0, 0);
    cut->stand = (enum stand)(i / NET_KINDS);
    net_run(&cut->pair, i % NET_KINDS * NET_CUTS, scenario);
}

static void fini(struct cut *cut)
{
    net_pair_fini(&cut->pair);
    sem_destroy(&reading);
    sem_destroy(&go_on);
}

static struct cut *cut_of(struct net_pair *pair)
{
    return list_entry(pair, struct cut, pair);
}

/* --- Cut by whoever asked -------------------------------------------------- */

/* All that is accepted comes, then a tail; and what comes back is heard again. */
static void use_on(struct cut *cut)
{
    struct net_pair *pair = &cut->pair;

    pair->got[0] = weir_transport_write(pair->near, "tail", 4);
    pair->got[1] = weir_transport_is_reading(pair->near);
    net_far_send(pair, "x", 1);
    NET_UNTIL(pair->log.len == 1);
    weir_transport_write_eof(pair->near);
    net_far_read(pair, 10 * SIZE);
}

static void check_used_on(const struct cut *cut)
{
    const struct net_log *far = &cut->pair.far_log;
    size_t sent = (size_t)cut->position;

    ck_assert_int_eq(cut->pair.got[0], 0);
    ck_assert_int_eq(cut->pair.got[1], 1);
    ck_assert_uint_eq(far->len, cut->before + sent + 4);
    ck_assert(net_is_pattern(far->bytes, cut->before));
    ck_assert(net_is_pattern(far->bytes + cut->before, sent));
    ck_assert_int_eq(memcmp(far->bytes + cut->before + sent, "tail", 4), 0);
    ck_assert_int_eq(cut->pair.log.code, 0);
    ck_assert_uint_eq(sent > 0, cut->stand == SENDING);
}

static void cancel(struct net_pair *pair)
{
    struct cut *cut = cut_of(pair);

    stand_there(cut);
    weir_task_cancel(cut->task);
    join(cut);                                  /* also while the thread is held */
    let_the_thread_go(cut);
    use_on(cut);
}

START_TEST(cancelled_it_leaves_a_transport_that_can_be_used_on) /* CV-12, fault 37 */
{
    struct cut cut = { 0 };

    run_cut(&cut, _i, cancel);
    ck_assert_int_eq(cut.sent, -ECANCELED);
    ck_assert_int_eq(cut.later, 0);
    check_used_on(&cut);
    fini(&cut);
}
END_TEST

static void run_out(struct net_pair *pair)
{
    struct cut *cut = cut_of(pair);

    if (cut->way == 0)
        cut->limit = 5;
    stand_there(cut);
    join(cut);
    let_the_thread_go(cut);
    use_on(cut);
}

START_TEST(out_of_time_it_leaves_a_transport_that_can_be_used_on)
{
    struct cut cut = { 0 };

    clock_fake();
    run_cut(&cut, _i, run_out);
    ck_assert_int_eq(cut.sent, -ETIMEDOUT);
    ck_assert_int_eq(cut.later, 0);
    ck_assert_double_ge(clock_now(), 5);
    check_used_on(&cut);
    fini(&cut);
}
END_TEST

static int factory(void *arg, const weir_protocol **protocol, void **self)
{
    return net_log_factory(arg, protocol, self);
}

static int leave_it_behind(void *arg)
{
    struct cut *cut = arg;

    cut->pair.kind = NET_MEMORY;
    cut->pair.far_log.on = cut->pair.log.on = NULL;
    ck_assert_int_eq(weir_memory_pair(factory, &cut->pair.log, &cut->pair.near, factory, &cut->pair.far_log, &cut->pair.far, 0), 0);
    NET_UNTIL(cut->pair.log.made && cut->pair.far_log.made);
    weir_transport_pause_reading(cut->pair.far);
    stand_there(cut);
    weir_task_unref(cut->task);
    let_the_thread_go(cut);
    return 0;
}

START_TEST(a_run_that_ends_cancels_it)
{
    struct cut cut = { .stand = (enum stand)_i };
    int before = net_open_descriptors();

    sem_init(&reading, 0, 0);
    sem_init(&go_on, 0, 0);
    ck_assert_int_eq(weir_run(leave_it_behind, &cut), 0);
    ck_assert_int_eq(cut.sent, -ECANCELED);
    ck_assert_int_eq(cut.later, 0);
    ck_assert_uint_eq(cut.pair.log.lost, 1);
    close(cut.fd);
    net_check_descriptors(before);
    fini(&cut);
}
END_TEST

/* --- Closed meanwhile ------------------------------------------------------ */

static void end_it(struct net_pair *pair)
{
    struct cut *cut = cut_of(pair);

    stand_there(cut);
    if (cut->way == 0)
        weir_transport_close(pair->near);
    else
        weir_transport_abort(pair->near);
    let_the_thread_go(cut);
    join(cut);                                  /* a close does not wait for the file, and the file not for the backlog */
    net_far_read(pair, 10 * SIZE);
    NET_UNTIL(pair->log.lost);
}

START_TEST(closed_meanwhile_it_ends)            /* SF-3 */
{
    struct cut cut = { .way = _i / (NET_KINDS * STANDS) };

    run_cut(&cut, _i % (NET_KINDS * STANDS), end_it);
    ck_assert_int_eq(cut.sent, WEIR_ESTATE);
    ck_assert_int_eq(cut.pair.log.code, 0);
    if (cut.way == 0)                           /* a close lets out what was accepted, an abort does not */
        ck_assert_uint_eq(cut.pair.far_log.len, cut.before + (size_t)cut.position);
    else
        ck_assert_uint_le(cut.pair.far_log.len, cut.before + (size_t)cut.position);
    ck_assert_uint_eq(cut.position > 0, cut.stand == SENDING);
    fini(&cut);
}
END_TEST

static void lose_the_peer(struct net_pair *pair)
{
    struct cut *cut = cut_of(pair);

    stand_there(cut);
    if (pair->kind == NET_TCP)
        net_far_reset(pair);
    else
        net_far_close(pair);
    let_the_thread_go(cut);
    join(cut);
    pair->got[0] = weir_transport_is_closing(pair->near);
    NET_UNTIL(pair->log.lost);
}

/* SF-4, faults 7 and 25: and SIGPIPE, which sendfile raises, ends nobody, neither here nor after the run. */
START_TEST(left_by_the_peer_it_fails_and_the_transport_with_it)
{
    struct cut cut = { 0 };

    run_cut(&cut, _i, lose_the_peer);
    ck_assert_msg(cut.sent == -ECONNRESET || cut.sent == -EPIPE, "%ld", (long)cut.sent);
    ck_assert_int_eq(cut.pair.got[0], 1);
    ck_assert_int_eq(cut.pair.log.code, (int)cut.sent);
    fini(&cut);
}
END_TEST

/* --- Failures -------------------------------------------------------------- */

static void fail_the_read(struct net_pair *pair)
{
    struct cut *cut = cut_of(pair);

    make_file(cut);
    cold = true;
    /* 1: the descriptor's copy; 2: the thread's memory; 3: sendfile itself, with a code that is the file's */
    struct fault_plan plan = { .fail_at = 1, .only = FAULT_OF(cut->way == 1 ? SYS_DUP : cut->way == 2 ? SYS_ALLOC : SYS_SENDFILE) };
    if (cut->way == 3)
        plan.code = -EIO;
    weir__fault_begin(&plan);
    cut->sent = weir_loop_sendfile(weir_get_running_loop(), pair->near, cut->fd, 0, 1000);
    weir__fault_end();
    cold = false;
    cut->position = lseek(cut->fd, 0, SEEK_CUR);
    close(cut->fd);
    use_on(cut);
}

START_TEST(what_the_file_fails_with_is_the_callers_alone)
{
    static const int codes[] = { 0, -EMFILE, -ENOMEM, -EIO };
    struct cut cut = { .way = 1 + _i };

    run_cut(&cut, NET_TCP, fail_the_read);
    ck_assert_int_eq(cut.sent, codes[cut.way]);
    check_used_on(&cut);
    fini(&cut);
}
END_TEST

static void fail_to_send(struct net_pair *pair)
{
    struct cut *cut = cut_of(pair);

    make_file(cut);
    weir__fault_begin(&(struct fault_plan) { .fail_at = 1, .only = FAULT_OF(SYS_SENDFILE), .code = cut->way });
    cut->sent = weir_loop_sendfile(weir_get_running_loop(), pair->near, cut->fd, 0, 1000);
    weir__fault_end();
    close(cut->fd);
    pair->got[0] = weir_transport_is_closing(pair->near);
    NET_UNTIL(pair->log.lost);
}

START_TEST(what_the_socket_fails_with_is_what_the_connection_is_lost_with)      /* fault 3, 7 */
{
    static const int codes[] = { -ECONNRESET, -EPIPE, -ETIMEDOUT, -ENOMEM, -EHOSTUNREACH };
    struct cut cut = { .way = codes[_i] };

    run_cut(&cut, NET_TCP, fail_to_send);
    ck_assert_int_eq(cut.sent, codes[_i]);
    ck_assert_int_eq(cut.pair.got[0], 1);
    ck_assert_int_eq(cut.pair.log.code, codes[_i]);
    fini(&cut);
}
END_TEST

static int read_all(void *arg)
{
    net_far_read(arg, SIZE);
    return 0;
}

static void fail_everything(struct net_pair *pair)
{
    struct cut *cut = cut_of(pair);

    make_file(cut);
    cold = pair->got[5];
    weir_task *task = weir_create_task(read_all, pair);
    weir__fault_begin(&(struct fault_plan) { .fail_at = (uint64_t)cut->way, .from_then_on = pair->got[6], .only = FAULT_ANY });
    cut->sent = weir_loop_sendfile(weir_get_running_loop(), pair->near, cut->fd, 0, 100000);
    pair->got[7] = (long)weir__fault_end();
    cold = false;
    close(cut->fd);
    weir_transport_write_eof(pair->near);
    mark_point();
    ck_assert_int_eq(weir_task_join(task), 0);
    weir_task_unref(task);
}

/* Faults 2, 3, 26: whichever call fails, or all from one on, there is a code, or it went out; and nothing is left. */
START_TEST(whatever_call_fails_it_ends_in_order)
{
    uint64_t failed = 1;

    for (int n = 1; failed > 0; n++) {
        struct cut cut = { .way = n };
        cut.pair.got[6] = _i % 2;
        cut.pair.got[5] = _i / 2 % 2;
        run_cut(&cut, _i / 4, fail_everything);
        failed = (uint64_t)cut.pair.got[7];
        if (failed == 0)
            ck_assert_int_eq(cut.sent, 100000);
        ck_assert(net_is_pattern(cut.pair.far_log.bytes, cut.pair.far_log.len));
        if (cut.sent >= 0)
            ck_assert_uint_eq(cut.pair.far_log.len, 100000);
        fini(&cut);
        ck_assert_int_lt(n, 1000);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *sendfile = suite_create("net/sendfile, cut short");
    int all = NET_KINDS * STANDS;

    TCase *asked = tcase_create("asked");
    tcase_add_loop_test(asked, cancelled_it_leaves_a_transport_that_can_be_used_on, 0, all);
    tcase_add_loop_test(asked, out_of_time_it_leaves_a_transport_that_can_be_used_on, 0, all);
    tcase_add_loop_test(asked, a_run_that_ends_cancels_it, 0, STANDS);
    suite_add_tcase(sendfile, asked);

    TCase *ended = tcase_create("ended");
    tcase_add_loop_test(ended, closed_meanwhile_it_ends, 0, 2 * all);
    tcase_add_loop_test(ended, left_by_the_peer_it_fails_and_the_transport_with_it, 0, all);
    suite_add_tcase(sendfile, ended);

    TCase *failures = tcase_create("failures");
    tcase_add_loop_test(failures, what_the_file_fails_with_is_the_callers_alone, 0, 3);
    tcase_add_loop_test(failures, what_the_socket_fails_with_is_what_the_connection_is_lost_with, 0, 5);
    tcase_add_loop_test(failures, whatever_call_fails_it_ends_in_order, 0, 4 * NET_KINDS);
    suite_add_tcase(sendfile, failures);
    return sendfile;
}
