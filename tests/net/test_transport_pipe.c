/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_transport_pipe.c  What net/transport_pipe.c promises of pipes that are there.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <weir/run.h>
#include <weir/transport.h>

#include "lib/clock.h"
#include "lib/each_fault.h"
#include "lib/net_pipe.h"
#include "lib/suite.h"
#include "net/transport.h"

#define MEGABYTE ((size_t)1 << 20)

/* --- Reading --------------------------------------------------------------- */

static void read_to_the_end(struct net_pipe *s)
{
    net_pipe_send(s, "hello", 5);
    net_pipe_close_far(s);
    NET_UNTIL(s->log.lost);
}

/* C111, PI-2: whatever eof_received answers. */
START_TEST(the_end_of_a_read_pipe_is_told_and_then_it_is_closed)
{
    struct net_pipe s = { .log.keep_open = _i / PIPE_WAYS == 0 };

    net_pipe_run(&s, _i % PIPE_WAYS, read_to_the_end);
    ck_assert_str_eq(s.log.text, "CM DR(hello) ER CL(0)");
    ck_assert_uint_eq(s.reports, 0);
    net_log_fini(&s.log);
}
END_TEST

static void read_much(struct net_pipe *s)
{
    size_t size = s->size[3];
    unsigned char *bytes = net_pattern_new(size);

    net_pipe_send(s, bytes, size);
    free(bytes);
    net_pipe_close_far(s);
    NET_UNTIL(s->log.lost);
}

START_TEST(what_comes_is_what_was_sent)         /* PI-2, faults 4, 5, 6 */
{
    bool cut = _i % NET_CUTS == 1 || _i % NET_CUTS == 4;
    struct net_pipe s = { .log.quiet = true, .log.region = 5000, .size[3] = cut ? 3000 : MEGABYTE };

    s.protocol = _i / PIPE_WAYS == 1 ? &net_log_buffered : NULL;
    net_pipe_run(&s, _i % PIPE_WAYS, read_much);
    ck_assert_uint_eq(s.log.len, s.size[3]);
    ck_assert(net_is_pattern(s.log.bytes, s.log.len));
    ck_assert_uint_le(s.log.largest, READ_MOST);
    ck_assert_str_eq(s.log.text, "CM ER CL(0)");
    net_log_fini(&s.log);
}
END_TEST

static void pause_it(struct net_pipe *s)
{
    weir_transport_pause_reading(s->t);
    net_pipe_send(s, "late", 4);
    net_pipe_close_far(s);
    net_passes(30);
    s->got[0] = (long)strlen(s->log.text);
    s->got[1] = weir_transport_is_reading(s->t);
    weir_transport_resume_reading(s->t);
    NET_UNTIL(s->log.lost);
}

START_TEST(a_paused_read_pipe_notices_nothing)  /* PI-2, BT-4 */
{
    struct net_pipe s = { 0 };

    net_pipe_run(&s, _i, pause_it);
    ck_assert_int_eq(s.got[0], 2);              /* CM */
    ck_assert_int_eq(s.got[1], 0);
    ck_assert_str_eq(s.log.text, "CM DR(late) ER CL(0)");
    net_log_fini(&s.log);
}
END_TEST

static void ask_reading(struct net_pipe *s)
{
    const int *fd = weir_transport_get_extra_info(s->t, "pipe");

    s->got[0] = fd != NULL && *fd == s->fd && weir_transport_get_extra_info(s->t, "socket") == NULL;
    s->got[1] = weir_transport_write(s->t, "x", 1);
    s->got[2] = weir_transport_write_eof(s->t);
    s->got[3] = weir_transport_can_write_eof(s->t);
    s->got[4] = weir_transport_is_reading(s->t);
    s->got[5] = weir_loop_sendfile(weir_get_running_loop(), s->t, open("/proc/self/exe", O_RDONLY), 0, 10);
    s->got[6] = (fcntl(s->fd, F_GETFL) & O_NONBLOCK) != 0;
    s->got[7] = weir_transport_is_closing(s->t);
    if (s->size[0])
        weir_transport_close(s->t);
    else
        weir_transport_abort(s->t);
    net_pipe_send(s, "unread", 6);
    NET_UNTIL(s->log.lost);
    s->size[1] = weir_transport_get_extra_info(s->t, "pipe") == NULL && weir__transport_fd(s->t) == -1;
}

START_TEST(a_read_pipe_is_not_written_to)       /* PI-1, PI-5 */
{
    struct net_pipe s = { .size[0] = (size_t)_i / PIPE_KINDS };
    int before = net_open_descriptors();

    s.kind = (enum net_pipe_kind)(_i % PIPE_KINDS);
    s.play = ask_reading;
    ck_assert_int_eq(weir_run(net_pipe_play, &s), 0);
    ck_assert_int_eq(s.got[0], 1);
    ck_assert_int_eq(s.got[1], -ENOTSUP);
    ck_assert_int_eq(s.got[2], -ENOTSUP);
    ck_assert_int_eq(s.got[3], 0);
    ck_assert_int_eq(s.got[4], 1);
    ck_assert_int_eq(s.got[5], -ENOTSUP);
    ck_assert_int_eq(s.got[6], 1);
    ck_assert_int_eq(s.got[7], 0);
    ck_assert_uint_eq(s.size[1], 1);
    ck_assert_str_eq(s.log.text, "CM CL(0)");
    net_check_descriptors(before + 1);          /* the file */
}
END_TEST

static void fail_to_read(struct net_pipe *s)
{
    weir__fault_begin(&(struct fault_plan) { .fail_at = 1, .only = FAULT_OF(SYS_RECV), .code = (int)s->got[0] });
    net_pipe_send(s, "x", 1);
    NET_UNTIL(s->log.lost);
}

START_TEST(a_failure_to_read_is_what_it_is_lost_with_and_reported)      /* PI-2 */
{
    struct net_pipe s = { .got[0] = _i == 0 ? -EIO : -ENXIO };

    net_pipe_run(&s, PIPE_FIFO, fail_to_read);
    ck_assert_int_eq(s.log.code, (int)s.got[0]);
    ck_assert_uint_eq(s.reports, _i == 0 ? 0 : 1);
}
END_TEST

static int read_a_terminal(void *arg)
{
    struct net_pipe *s = arg;
    struct termios raw;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    char name[64];

    weir_loop_set_exception_handler(weir_get_running_loop(), net_pipe_report, s);
    ck_assert_int_ge(master, 0);
    ck_assert(grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, name, sizeof name) == 0);
    s->far = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    ck_assert_int_ge(s->far, 0);
    ck_assert_int_eq(tcgetattr(s->far, &raw), 0);
    cfmakeraw(&raw);
    ck_assert_int_eq(tcsetattr(s->far, TCSANOW, &raw), 0);
    ck_assert_int_eq(net_pipe_connect(s, master), 0);
    net_pipe_send(s, "typed", 5);
    NET_UNTIL(s->log.len == 5);
    net_pipe_close_far(s);
    NET_UNTIL(s->log.lost);
    weir__transport_unref(s->t);
    return 0;
}

START_TEST(a_terminal_whose_other_side_closes_ends_with_eio)    /* PI-1, PI-2 */
{
    struct net_pipe s = { 0 };

    ck_assert_int_eq(weir_run(read_a_terminal, &s), 0);
    ck_assert_str_eq(s.log.text, "CM DR(typed) CL(EIO)");
    ck_assert_uint_eq(s.reports, 0);
    net_log_fini(&s.log);
}
END_TEST

/* --- Writing --------------------------------------------------------------- */

static struct net_log far_log;          /* each test is a process */

static void write_much(struct net_pipe *s)
{
    size_t size = s->size[3];
    unsigned char *bytes = net_pattern_new(size);

    for (size_t at = 0, n; at < size; at += n) {
        n = at % 3 == 0 ? 100 : 20000;
        n = n < size - at ? n : size - at;
        weir_transport_write(s->t, bytes + at, n);
        if (s->got[7] == 0)
            weir_yield();
    }
    free(bytes);
    if (s->got[7] == 1)
        weir_transport_close(s->t);
    else
        s->got[0] = weir_transport_write_eof(s->t);
    s->got[1] = weir_transport_is_closing(s->t);
    s->got[2] = weir_transport_write(s->t, "dropped", 7);
    net_pipe_read(s, &far_log, size + 7);
    NET_UNTIL(s->log.lost);
}

/* PI-3: write_eof is close; both let everything out, and what comes after them is dropped and no failure. */
START_TEST(what_was_written_goes_out_before_the_end)
{
    bool cut = _i % NET_CUTS == 1 || _i % NET_CUTS == 4;
    struct net_pipe s = { .writes = true, .got[7] = _i / PIPE_WAYS, .size[3] = cut ? 3000 : MEGABYTE };

    net_pipe_run(&s, _i % PIPE_WAYS, write_much);
    ck_assert_int_eq(s.got[0], 0);
    ck_assert_int_eq(s.got[1], 1);
    ck_assert_int_eq(s.got[2], 0);
    ck_assert_uint_eq(far_log.len, s.size[3]);
    ck_assert(net_is_pattern(far_log.bytes, far_log.len));
    ck_assert_str_eq(s.log.text, s.log.pauses ? "CM PW RW CL(0)" : "CM CL(0)");
    net_log_fini(&far_log);
}
END_TEST

static void note_size(struct net_log *log, enum net_event event)
{
    struct net_pipe *s = log->user;

    if (event == NET_RESUME)
        s->size[2] = weir_transport_get_write_buffer_size(s->t);
}

static void fill(struct net_pipe *s)
{
    unsigned char *bytes = net_pattern_new(MEGABYTE);

    weir_transport_set_write_buffer_limits(s->t, 64 * MEGABYTE, 0);
    weir_transport_write(s->t, bytes, MEGABYTE);
    free(bytes);
    s->size[0] = weir_transport_get_write_buffer_size(s->t);
}

static void meet_the_low_mark(struct net_pipe *s)
{
    size_t low, high;

    weir_transport_get_write_buffer_limits(s->t, &low, &high);
    s->got[0] = low == LOW_WATER && high == HIGH_WATER;
    fill(s);
    s->log.user = s;
    s->log.on = note_size;
    weir_transport_set_write_buffer_limits(s->t, s->size[0] - 1, s->size[0] / 2);
    s->got[1] = (long)s->log.pauses;
    net_pipe_read(s, &far_log, MEGABYTE);
    NET_UNTIL(s->log.resumes);
}

START_TEST(writing_is_resumed_at_the_low_mark)  /* A17, FC-1, FC-6 */
{
    struct net_pipe s = { .writes = true };

    net_pipe_run(&s, _i * NET_CUTS, meet_the_low_mark);
    ck_assert_int_eq(s.got[0], 1);
    ck_assert_int_eq(s.got[1], 1);
    ck_assert_uint_gt(s.size[0], 0);
    ck_assert_uint_gt(s.size[2], 0);            /* asyncio waits for an empty buffer */
    ck_assert_uint_le(s.size[2], s.size[0] / 2);
    ck_assert_str_eq(s.log.text, "CM PW RW CL(0)");
    net_log_fini(&far_log);
}
END_TEST

static void ask_writing(struct net_pipe *s)
{
    const int *fd = weir_transport_get_extra_info(s->t, "pipe");

    s->got[0] = fd != NULL && *fd == s->fd;
    s->got[1] = weir_transport_pause_reading(s->t);
    s->got[2] = weir_transport_can_write_eof(s->t);
    s->got[3] = weir_transport_is_reading(s->t);
    s->got[4] = weir_loop_add_reader(weir_get_running_loop(), s->fd, NULL, NULL) < 0;
    fill(s);
    weir_transport_abort(s->t);
    s->got[5] = (long)weir_transport_get_write_buffer_size(s->t);
    NET_UNTIL(s->log.lost);
    net_pipe_read(s, &far_log, 2 * MEGABYTE);
}

START_TEST(a_write_pipe_is_not_read_and_abort_drops)    /* PI-5 */
{
    struct net_pipe s = { .writes = true };

    net_pipe_run(&s, _i * NET_CUTS, ask_writing);
    ck_assert_int_eq(s.got[0], 1);
    ck_assert_int_eq(s.got[1], -ENOTSUP);
    ck_assert_int_eq(s.got[2], 1);
    ck_assert_int_eq(s.got[3], 0);
    ck_assert_int_eq(s.got[4], 1);
    ck_assert_int_eq(s.got[5], 0);
    ck_assert_uint_lt(far_log.len, MEGABYTE);
    ck_assert_str_eq(s.log.text, "CM CL(0)");
    net_log_fini(&far_log);
}
END_TEST

/* --- The reader leaves ------------------------------------------------------ */

enum standing { IDLE, GATHERED, BLOCKED, CLOSING, STANDINGS };

static void be_left(struct net_pipe *s)
{
    if (s->got[7] >= BLOCKED)
        fill(s);
    if (s->got[7] == CLOSING)
        weir_transport_close(s->t);
    net_passes(10);
    net_pipe_close_far(s);
    if (s->got[7] == GATHERED)
        weir_transport_write(s->t, "x", 1);
    NET_UNTIL(s->log.lost);
}

/* C111, PI-4, fault 25. */
START_TEST(a_reader_that_leaves_is_noticed)
{
    struct net_pipe s = { .writes = true, .got[7] = _i / PIPE_WAYS };

    net_pipe_run(&s, _i % PIPE_WAYS, be_left);
    ck_assert_str_eq(s.log.text, s.got[7] == IDLE ? "CM CL(0)" : "CM CL(EPIPE)");
    ck_assert_uint_eq(s.reports, 0);
}
END_TEST

static int be_left_in_the_closed_loop(void *arg)
{
    struct net_pipe *s = arg;

    net_pipe_open(s);
    ck_assert_int_eq(net_pipe_connect(s, s->fd), 0);
    weir__transport_unref(s->t);
    net_pipe_close_far(s);
    if (s->got[0] == 0)
        weir_transport_write(s->t, "x", 1);
    return s->got[0] == 0 ? weir_yield() : 0;
}

/* On a loop that is run by hand, and by what is offered when a loop is closed that does not run any more. */
START_TEST(sigpipe_does_not_reach_threads_of_the_users)
{
    struct net_pipe s = { .writes = true, .got[0] = _i };
    weir_loop *loop = weir_loop_new();
    sigset_t now;

    ck_assert_int_eq(weir_loop_run_until_complete(loop, be_left_in_the_closed_loop, &s), 0);
    if (_i == 1)
        weir_transport_write(s.t, "x", 1);      /* which is offered when the loop is closed */
    weir_loop_free(loop);
    ck_assert_uint_eq(s.log.lost, 1);
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    ck_assert_int_eq(sigismember(&now, SIGPIPE), 0);
}
END_TEST

static int stay(void *arg)
{
    struct net_pipe *s = arg;
    int fds[2], fifo = -1;
    char path[] = "/tmp/weir-pipe-XXXXXX";

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    if (s->got[7] == 0) {
        close(mkstemp(path));
        unlink(path);
        ck_assert_int_eq(mkfifo(path, 0600), 0);
        fifo = open(path, O_RDWR | O_CLOEXEC);
        unlink(path);
    }
    s->writes = true;
    ck_assert_int_eq(net_pipe_connect(s, s->got[7] == 0 ? fifo : fds[0]), 0);
    weir_transport_write(s->t, "own", 3);       /* into the FIFO which we could read: nobody has left */
    ck_assert_int_eq(write(fds[1], "unasked", 7), 7);
    net_passes(30);
    s->got[0] = (long)s->log.lost;
    uint64_t waits = epoll_waits();
    weir_sleep(10);
    s->got[1] = (long)(epoll_waits() - waits);
    close(fds[1]);
    for (int i = 0; i < 10 && !s->log.lost; i++) {
        weir_transport_write(s->t, "x", 1);
        weir_yield();
    }
    s->got[2] = s->log.lost ? s->log.code : 1;
    weir_transport_abort(s->t);
    NET_UNTIL(s->log.lost);
    if (s->got[7] == 0)
        close(fds[0]);
    weir__transport_unref(s->t);
    return 0;
}

START_TEST(input_at_a_write_pipe_is_not_a_reader_that_left)
{
    struct net_pipe s = { .got[7] = _i };
    int before = net_open_descriptors();

    clock_fake();
    ck_assert_int_eq(weir_run(stay, &s), 0);
    ck_assert_int_eq(s.got[0], 0);
    ck_assert_int_lt(s.got[1], 30);
    ck_assert_int_eq(s.got[2], _i == 0 ? 1 : -EPIPE);
    net_check_descriptors(before);
}
END_TEST

/* --- Files ------------------------------------------------------------------ */

static void send_a_file(struct net_pipe *s)
{
    unsigned char *bytes = net_pattern_new(MEGABYTE);
    int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    ck_assert_int_eq(write(fd, bytes, 60000), 60000);
    s->got[0] = weir_loop_sendfile(weir_get_running_loop(), s->t, fd, 0, WEIR_UNSET);
    weir_transport_write_eof(s->t);
    net_pipe_read(s, &far_log, MEGABYTE);
    close(fd);
    free(bytes);
}

START_TEST(a_file_goes_into_a_pipe)
{
    struct net_pipe s = { .writes = true };

    net_pipe_run(&s, _i * NET_CUTS, send_a_file);
    ck_assert_int_eq(s.got[0], 60000);
    ck_assert_uint_eq(far_log.len, 60000);
    ck_assert(net_is_pattern(far_log.bytes, 60000));
    net_log_fini(&far_log);
}
END_TEST

Suite *suite(void)
{
    Suite *pipe = suite_create("net/transport_pipe");

    TCase *reading = tcase_create("reading");
    tcase_add_loop_test(reading, the_end_of_a_read_pipe_is_told_and_then_it_is_closed, 0, 2 * PIPE_WAYS);
    tcase_add_loop_test(reading, what_comes_is_what_was_sent, 0, 2 * PIPE_WAYS);
    tcase_add_loop_test(reading, a_paused_read_pipe_notices_nothing, 0, PIPE_WAYS);
    tcase_add_loop_test(reading, a_read_pipe_is_not_written_to, 0, 2 * PIPE_KINDS);
    tcase_add_loop_test(reading, a_failure_to_read_is_what_it_is_lost_with_and_reported, 0, 2);
    tcase_add_test(reading, a_terminal_whose_other_side_closes_ends_with_eio);
    suite_add_tcase(pipe, reading);

    TCase *writing = tcase_create("writing");
    tcase_add_loop_test(writing, what_was_written_goes_out_before_the_end, 0, 3 * PIPE_WAYS);
    tcase_add_loop_test(writing, writing_is_resumed_at_the_low_mark, 0, PIPE_KINDS);
    tcase_add_loop_test(writing, a_write_pipe_is_not_read_and_abort_drops, 0, PIPE_KINDS);
    tcase_add_loop_test(writing, a_reader_that_leaves_is_noticed, 0, STANDINGS * PIPE_WAYS);
    tcase_add_loop_test(writing, sigpipe_does_not_reach_threads_of_the_users, 0, 2);
    tcase_add_loop_test(writing, input_at_a_write_pipe_is_not_a_reader_that_left, 0, 2);
    tcase_add_loop_test(writing, a_file_goes_into_a_pipe, 0, PIPE_KINDS);
    suite_add_tcase(pipe, writing);

    return pipe;
}
