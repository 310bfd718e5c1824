/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/stream_far.c  Opening both kinds of far end, and doing the same with either.
 */
#include "lib/stream_far.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/run.h>

#define SETTLED 6               /* passes after which everything that can run has run */

struct scene {
    void (*scenario)(struct far *far);
    enum far_kind kind;
    const weir_connect_options *opts;
};

unsigned char pattern_at(size_t at)
{
    return (unsigned char)(at * 31 + at / 509);
}

void far_settle(void)
{
    for (int i = 0; i < SETTLED; i++)
        weir_yield();
}

weir_task *far_task(struct far *far, int (*fn)(void *))
{
    weir_task *task = weir_create_task(fn, far);

    far_settle();
    return task;
}

int far_join(weir_task *task)
{
    int code = weir_task_join(task);

    weir_task_unref(task);
    return code;
}

/* --- The stream under test ------------------------------------------------ */

int far_write_pattern(struct far *far, size_t n)
{
    unsigned char *bytes = malloc(n + 1);

    for (size_t i = 0; i < n; i++)
        bytes[i] = pattern_at(far->written + i);
    int code = weir_writer_write(far->writer, bytes, n);
    memset(bytes, 0, n);                        /* the caller's memory is free again at the return */
    free(bytes);
    far->written += n;
    return code;
}

/* --- The far end ---------------------------------------------------------- */

void far_send(struct far *far, const void *data, size_t len)
{
    if (far->fd >= 0) {
        raw_send(far->fd, data, len);
    } else {
        weir_writer_write(far->far_writer, data, len);
        if (weir_writer_drain(far->far_writer) < 0)
            say("far_send failed");
    }
}

size_t far_recv(struct far *far, void *buf, size_t len)
{
    if (far->fd >= 0)
        return raw_recv(far->fd, buf, len);
    ssize_t n = weir_reader_readexactly_into(far->far_reader, buf, len);
    return n < 0 ? weir_reader_consumed(far->far_reader) : (size_t)n;
}

bool far_recv_pattern(struct far *far, size_t n)
{
    unsigned char bytes[4096];

    while (n > 0) {
        size_t piece = n < sizeof bytes ? n : sizeof bytes;
        if (far_recv(far, bytes, piece) != piece)
            return false;
        for (size_t i = 0; i < piece; i++) {
            if (bytes[i] != pattern_at(far->received + i))
                return false;
        }
        far->received += piece;
        n -= piece;
    }
    return true;
}

bool far_at_end(struct far *far)
{
    char byte;

    if (far_recv(far, &byte, 1) != 0)
        return false;
    return far->fd >= 0 ? recv(far->fd, &byte, 1, MSG_DONTWAIT) == 0 : weir_reader_at_eof(far->far_reader);
}

void far_end_output(struct far *far)
{
    if (far->fd >= 0)
        shutdown(far->fd, SHUT_WR);
    else
        weir_writer_write_eof(far->far_writer);
}

void far_close(struct far *far)
{
    if (far->fd >= 0) {
        close(far->fd);
        far->fd = -1;
    } else if (far->far_writer != NULL) {
        weir_writer_free(far->far_writer);
        far->far_writer = NULL;
        far->far_reader = NULL;
    }
}

void far_reset(struct far *far)
{
    raw_reset(far->fd);
    far->fd = -1;
}

/* --- Playing -------------------------------------------------------------- */

static int open_socket(struct far *far, const weir_connect_options *opts)
{
    int listener = raw_listen();
    int code = weir_open_connection("127.0.0.1", (uint16_t)raw_port(listener), opts, &far->reader, &far->writer);
    int size = 4096;

    if (code == 0) {
        far->fd = raw_accept(listener);
        setsockopt(weir_writer_fd(far->writer), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    }
    close(listener);
    return code;
}

static int play(void *arg)
{
    const struct scene *scene = arg;
    struct far far = { .fd = -1 };
    int code = scene->kind == FAR_SOCKET ? open_socket(&far, scene->opts)
             : weir_stream_pair(&far.reader, &far.writer, &far.far_reader, &far.far_writer);

    if (code < 0)
        return code;
    scene->scenario(&far);
    far_close(&far);
    weir_writer_free(far.writer);
    return 0;
}

static int play_scene(struct scene *scene)
{
    int before = open_descriptors();

    say_nothing();
    int code = weir_run(play, scene);
    if (open_descriptors() != before)
        say("LEAK");
    return code;
}

int far_play(void (*scenario)(struct far *far), enum far_kind kind)
{
    return play_scene(&(struct scene) { .scenario = scenario, .kind = kind });
}

int far_play_with(void (*scenario)(struct far *far), const weir_connect_options *opts)
{
    return play_scene(&(struct scene) { .scenario = scenario, .kind = FAR_SOCKET, .opts = opts });
}
