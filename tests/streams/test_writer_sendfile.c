/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_writer_sendfile.c  What weir_writer_sendfile adds to the transport's: the writer's time limit, and the
 * stored cause.
 *
 * Over a socket, where the kernel sends, and over memory, where bytes are read and written.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/run.h>

#include "core/task.h"
#include "lib/clock.h"
#include "lib/stream_far.h"
#include "lib/suite.h"

#define SIZE ((size_t)1000000)

static int file;                        /* each test is a process */
static int64_t sent;

static void make_file(struct far *far)
{
    static unsigned char bytes[SIZE];
    int room = 32768;

    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = pattern_at(i);
    file = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    ck_assert_int_eq(write(file, bytes, SIZE), (ssize_t)SIZE);
    if (far->fd >= 0) {                         /* so that the kernel holds less than is read at a time below */
        ck_assert_int_eq(setsockopt(weir_writer_fd(far->writer), SOL_SOCKET, SO_SNDBUF, &room, sizeof room), 0);
        ck_assert_int_eq(setsockopt(far->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room), 0);
    }
}

static int send_it(void *arg)
{
    struct far *far = arg;

    sent = weir_writer_sendfile(far->writer, file, 0, WEIR_UNSET);
    return 0;
}

static weir_task *begin(struct far *far)
{
    make_file(far);
    weir_task *task = far_task(far, send_it);

    mark_point();
    while (task->state != TASK_PARKED || task->wait_kind != WAIT_SENDFILE)
        weir_yield();
    return task;
}

static void send_whole(struct far *far)
{
    char head[4];
    weir_bytes line;

    make_file(far);
    weir_writer_write(far->writer, "head", 4);
    weir_task *task = far_task(far, send_it);
    say("%zu", far_recv(far, head, 4));
    say("%.4s", head);
    far_send(far, "hello\n", 6);
    say("%d", far_recv_pattern(far, SIZE));
    far_join(task);
    say("%ld", (long)sent);
    say("%s", code_name(weir_writer_drain(far->writer)));
    say("%s", code_name(weir_reader_readline(far->reader, &line) - 6));
    close(file);
}

START_TEST(a_file_goes_out_behind_what_was_written)
{
    ck_assert_int_eq(far_play(send_whole, (enum far_kind)_i), 0);
    ck_assert_str_eq(said(), "4 head 1 1000000 0 0");
}
END_TEST

static void run_out(struct far *far)
{
    weir_writer_set_timeout(far->writer, 3);
    weir_task *task = begin(far);
    double begun = clock_now();

    far_join(task);
    say("%s", code_name(sent));
    say("%.0f", clock_now() - begun);
    say("%d", weir_writer_is_closing(far->writer));
    say("%d", weir_writer_write(far->writer, "", 0));
    say("%d", lseek(file, 0, SEEK_CUR) > 0);
    close(file);
}

START_TEST(the_writers_time_limit_bounds_each_wait)
{
    clock_fake();
    ck_assert_int_eq(far_play(run_out, (enum far_kind)_i), 0);
    ck_assert_str_eq(said(), "ETIMEDOUT 3 0 0 1");
}
END_TEST

static void go_on_slowly(struct far *far)
{
    static char some[SIZE];
    size_t got = 0;

    weir_writer_set_timeout(far->writer, 3);
    weir_task *task = begin(far);
    double begun = clock_now();
    while (got < SIZE) {                        /* longer than the limit in all, and never than it at a time */
        weir_sleep(2);
        size_t most = SIZE - got < 250000 ? SIZE - got : 250000;
        got += far_recv(far, some, most);
    }
    far_join(task);
    say("%ld", (long)sent);
    say("%.0f", clock_now() - begun);
    close(file);
}

START_TEST(a_peer_that_takes_some_now_and_then_is_waited_for)
{
    clock_fake();
    ck_assert_int_eq(far_play(go_on_slowly, (enum far_kind)_i), 0);
    ck_assert_str_eq(said(), "1000000 8");
}
END_TEST

static void send_to_the_lost(struct far *far)
{
    make_file(far);
    far_reset(far);
    int code = weir_writer_wait_closed(far->writer);
    say("%s", code_name(code));
    send_it(far);
    say("%s", code_name(sent));
    close(file);
}

static void send_to_the_closed(struct far *far)
{
    make_file(far);
    weir_writer_close(far->writer);
    send_it(far);
    say("%s", sent == WEIR_ESTATE ? "state" : code_name(sent));
    say("%s", code_name(weir_writer_wait_closed(far->writer)));
    send_it(far);
    say("%s", sent == WEIR_ESTATE ? "state" : code_name(sent));
    close(file);
}

START_TEST(on_a_lost_connection_it_says_why)    /* as drain, decision 2; SF-3 */
{
    ck_assert_int_eq(far_play(_i == 0 ? send_to_the_lost : send_to_the_closed, FAR_SOCKET), 0);
    ck_assert_str_eq(said(), _i == 0 ? "ECONNRESET ECONNRESET" : "state 0 state");
}
END_TEST

static int send_and_let_go(void *arg)
{
    struct far *far = arg;
    weir_writer *writer = far->writer;

    sent = weir_writer_sendfile(writer, file, 0, WEIR_UNSET);
    return 0;
}

static void let_go_meanwhile(struct far *far)
{
    make_file(far);
    weir_writer_ref(far->writer);
    weir_task *task = far_task(far, send_and_let_go);
    mark_point();
    while (task->state != TASK_PARKED || task->wait_kind != WAIT_SENDFILE)
        weir_yield();
    weir_writer_close(far->writer);
    weir_writer_free(far->writer);              /* ours; the pair's own goes with the play */
    far_join(task);
    say("%s", sent == WEIR_ESTATE ? "state" : code_name(sent));
    close(file);
}

START_TEST(a_connection_that_is_let_go_meanwhile_stays_as_long_as_the_call)
{
    ck_assert_int_eq(far_play(let_go_meanwhile, (enum far_kind)_i), 0);
    ck_assert_str_eq(said(), "state");
}
END_TEST

Suite *suite(void)
{
    Suite *sendfile = suite_create("streams/writer, sendfile");

    TCase *file_case = tcase_create("file");
    tcase_add_loop_test(file_case, a_file_goes_out_behind_what_was_written, 0, FAR_KINDS);
    tcase_add_loop_test(file_case, the_writers_time_limit_bounds_each_wait, 0, FAR_KINDS);
    tcase_add_loop_test(file_case, a_peer_that_takes_some_now_and_then_is_waited_for, 0, FAR_KINDS);
    tcase_add_loop_test(file_case, on_a_lost_connection_it_says_why, 0, 2);
    tcase_add_loop_test(file_case, a_connection_that_is_let_go_meanwhile_stays_as_long_as_the_call, 0, FAR_KINDS);
    suite_add_tcase(sendfile, file_case);
    return sendfile;
}
