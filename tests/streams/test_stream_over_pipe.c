/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_stream_over_pipe.c  Streams over pipes, made of public names alone, as a program would.
 *
 * A reader over a FIFO's reading end and a writer over its writing end: the stream protocol does not know what it is over.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weir/run.h>
#include <weir/streams.h>
#include <weir/task.h>

#include "lib/stream_say.h"
#include "lib/suite.h"

struct scene {
    weir_reader *reader;
    weir_writer *writer;
    weir_transport *in, *out;
    size_t sum;
};

static int reader_factory(void *arg, const weir_protocol **protocol, void **self)
{
    struct scene *s = arg;

    s->reader = weir_reader_new(65536);
    *self = weir_stream_protocol_new(s->reader, NULL, NULL);
    *protocol = weir_stream_protocol();
    return *self == NULL ? -ENOMEM : 0;
}

static int write_lines(weir_reader *reader, weir_writer *writer, void *arg)
{
    struct scene *s = arg;
    int code = 0;

    (void)reader;
    s->writer = writer;
    for (int i = 0; code == 0 && i < 20000; i++) {
        weir_writer_printf(writer, "line %d\n", i);
        code = weir_writer_drain(writer);
    }
    weir_writer_write(writer, "tail", 4);
    return code;                                /* which closes it, after all went out */
}

static int writer_factory(void *arg, const weir_protocol **protocol, void **self)
{
    *self = weir_stream_protocol_new(weir_reader_new(65536), write_lines, arg);
    *protocol = weir_stream_protocol();
    return *self == NULL ? -ENOMEM : 0;
}

static int through_a_fifo(void *arg)
{
    struct scene *s = arg;
    weir_loop *loop = weir_get_running_loop();
    char path[] = "/tmp/weir-fifo-XXXXXX", expected[40];
    weir_bytes line;
    int number = 0;

    close(mkstemp(path));
    unlink(path);
    say("%s", code_name(mkfifo(path, 0600)));
    int in = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), out = open(path, O_WRONLY | O_CLOEXEC);
    unlink(path);
    say("%s", code_name(weir_loop_connect_read_pipe(loop, reader_factory, s, in, &s->in)));
    say("%s", code_name(weir_loop_connect_write_pipe(loop, writer_factory, s, out, &s->out)));
    ssize_t n;
    while ((n = weir_reader_readline(s->reader, &line)) > 0) {
        int len = snprintf(expected, sizeof expected, "line %d\n", number);
        if ((size_t)len != line.len || memcmp(expected, line.data, line.len) != 0)
            break;
        number++;
    }
    say("%d", number);
    say("%.*s", (int)line.len, line.data);
    say("%s", code_name((int)weir_reader_readline(s->reader, &line)));
    say("%s", weir_reader_at_eof(s->reader) ? "end" : "NO END");
    weir_reader_free(s->reader);
    return 0;
}

START_TEST(lines_go_through_a_fifo)             /* PI-1 to PI-3, under back-pressure, since a FIFO holds less */
{
    struct scene s = { 0 };

    ck_assert_int_eq(weir_run(through_a_fifo, &s), 0);
    ck_assert_str_eq(said(), "0 0 0 20000 tail 0 end");
}
END_TEST

static int keep_writing(weir_reader *reader, weir_writer *writer, void *arg)
{
    int code = 0;

    (void)reader, (void)arg;
    while (code == 0) {
        weir_writer_write(writer, "more\n", 5);
        code = weir_writer_drain(writer);
        if (code == 0)
            code = weir_yield();
    }
    say("%s", code_name(code));
    say("%s", code_name(weir_writer_wait_closed(writer)));
    return 0;
}

static int keep_writing_factory(void *arg, const weir_protocol **protocol, void **self)
{
    *self = weir_stream_protocol_new(weir_reader_new(65536), keep_writing, arg);
    *protocol = weir_stream_protocol();
    return *self == NULL ? -ENOMEM : 0;
}

static int lose_the_reader(void *arg)
{
    struct scene *s = arg;
    int fds[2];

    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    say("%s", code_name(weir_loop_connect_write_pipe(weir_get_running_loop(), keep_writing_factory, s, fds[1], &s->out)));
    for (int i = 0; i < 10; i++)
        weir_yield();
    close(fds[0]);
    for (int i = 0; i < 50; i++)
        weir_yield();
    return 0;
}

START_TEST(a_writer_whose_reader_leaves_ends)   /* PI-4, SW-4 */
{
    struct scene s = { 0 };

    ck_assert_int_eq(weir_run(lose_the_reader, &s), 0);
    const char *words = said();                 /* with something to write when it happens, or between two writes */
    ck_assert_msg(strcmp(words, "0 EPIPE EPIPE") == 0 || strcmp(words, "0 ECONNRESET 0") == 0, "%s", words);
}
END_TEST

Suite *suite(void)
{
    Suite *pipe = suite_create("streams over pipes");

    TCase *fifo = tcase_create("fifo");
    tcase_add_test(fifo, lines_go_through_a_fifo);
    tcase_add_test(fifo, a_writer_whose_reader_leaves_ends);
    suite_add_tcase(pipe, fifo);
    return pipe;
}
