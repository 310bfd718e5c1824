/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/echo_server.c  weir's side of the echo rows: a task per connection
 * that says every line back through readline, write and drain.
 *
 * One worker, not pinned (who measures pins the process), default options.
 * With --idle the first line of a connection is answered the expensive way, by
 * stdio and an 8 KiB deep stack, so that what a parked connection costs is
 * measured after a handler has really used its stack. With --workers N there
 * are N of them.
 *
 * Try:  echo_server 7000
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

#define DEEP        8192        /* bytes of stack the idle handler has touched once */
#define DEEP_FRAME  1024        /* in steps of this, for the frame limit of the build */

static FILE *nowhere;           /* /dev/null, unbuffered: each line goes through all of stdio */

static int echo(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_bytes line;
    ssize_t n;

    (void)arg;
    while ((n = weir_reader_readline(reader, &line)) > 0) {
        weir_writer_write(writer, line.data, line.len);
        int code = weir_writer_drain(writer);
        if (code < 0)
            return code;
    }
    return weir_result(n);
}

/* Touch every cache line of @left bytes of stack. The read after the inner call
 * keeps the frames apart: there is no tail to turn into a loop. */
__attribute__((noinline)) static int go_deep(int left)
{
    volatile char frame[DEEP_FRAME];

    for (int i = 0; i < DEEP_FRAME; i += 64)
        frame[i] = (char)left;
    int below = left > DEEP_FRAME ? go_deep(left - DEEP_FRAME) : 0;
    return below + frame[0];
}

static void use_stack(weir_bytes line)
{
    char text[128];

    snprintf(text, sizeof text, "%.*s %zu bytes, %.3f lines", (int)(line.len % 64), line.data,
             line.len, 1.0);
    fprintf(nowhere, "%s %d\n", text, go_deep(DEEP));
}

static int echo_then_idle(weir_reader *reader, weir_writer *writer, void *arg)
{
    bool first = true;
    weir_bytes line;
    ssize_t n;

    (void)arg;
    while ((n = weir_reader_readline(reader, &line)) > 0) {
        if (first)
            use_stack(line);
        first = false;
        weir_writer_write(writer, line.data, line.len);
        int code = weir_writer_drain(writer);
        if (code < 0)
            return code;
    }
    return weir_result(n);
}

int main(int argc, char **argv)
{
    int port = argc > 1 ? atoi(argv[1]) : 0;
    const char *host = argc > 2 && argv[2][0] != '-' ? argv[2] : "127.0.0.1";
    const char *option = argc > 2 && argv[2][0] != '-' ? argv[3] : argc > 2 ? argv[2] : NULL;
    bool idle = option != NULL && strcmp(option, "--idle") == 0;
    int workers = option != NULL && strcmp(option, "--workers") == 0 ? atoi(argv[argc - 1]) : 1;
    weir_serve_options opts = { .workers = (unsigned)workers, .no_pin = true, .drain_timeout = 1.0 };

    if (port <= 0 || port > 65535 || workers <= 0 || (option != NULL && !idle && strcmp(option, "--workers") != 0)) {
        fputs("usage: echo_server PORT [HOST] [--idle | --workers N]\n", stderr);
        return 2;
    }
    nowhere = fopen("/dev/null", "w");
    if (nowhere == NULL) {
        perror("echo_server: /dev/null");
        return 1;
    }
    setvbuf(nowhere, NULL, _IONBF, 0);

    int code = weir_serve(idle ? echo_then_idle : echo, NULL, host, (uint16_t)port, &opts);
    if (code < 0)
        fprintf(stderr, "echo_server: %s: %s\n", weir_strerror(code), weir_error_detail());
    fclose(nowhere);
    return code < 0;
}
