/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/programs/scoped_reads.c  So many lines read from one reader, for tests/exact/deadline.py, which counts what that takes.
 *
 *      scoped_reads MODE LINES
 *          there    each line is there, and read within a WEIR_TIMEOUT
 *          bare     the same without one
 *          later    each line comes when the read waits for it, within a limit that ends earlier than the one before
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

#define LINES_MOST 100000
#define AT_ONCE    50           /* lines fed before they are read; both numbers of the test are a multiple */

struct run {
    int        (*read)(struct run *run);
    int          lines;
    weir_reader *reader;
};

static int feed(struct run *run, int lines)
{
    static const char line[] = "a line of some bytes, as they come\n";
    int code = 0;

    for (int i = 0; i < lines && code == 0; i++)
        code = weir_reader_feed_data(run->reader, line, sizeof line - 1);
    return code;
}

static int feed_later(void *arg)
{
    return feed(arg, 1);
}

static int read_line(struct run *run)
{
    weir_bytes line;
    ssize_t n = weir_reader_readline(run->reader, &line);

    return n < 0 ? (int)n : n == 0 ? WEIR_EINCOMPLETE : 0;
}

static int read_there(struct run *run)
{
    int code = 0;

    for (int i = 0; i < run->lines && code == 0; i++) {
        if (i % AT_ONCE == 0)
            code = feed(run, AT_ONCE);
        if (code == 0)
            WEIR_TIMEOUT(5.0)
                code = read_line(run);
    }
    return code;
}

static int read_bare(struct run *run)
{
    int code = 0;

    for (int i = 0; i < run->lines && code == 0; i++) {
        if (i % AT_ONCE == 0)
            code = feed(run, AT_ONCE);
        if (code == 0)
            code = read_line(run);
    }
    return code;
}

static int read_later(struct run *run)
{
    int code = 0;

    for (int i = 0; i < run->lines && code == 0; i++) {
        code = weir_spawn(feed_later, run);
        if (code == 0)
            WEIR_TIMEOUT(10.0 * (LINES_MOST - i))
                code = read_line(run);
    }
    return code;
}

static int read_all(void *arg)
{
    struct run *run = arg;

    run->reader = weir_reader_new(65536);
    if (run->reader == NULL)
        return -ENOMEM;
    int code = run->read(run);
    weir_reader_free(run->reader);
    return code;
}

static const struct {
    const char *name;
    int       (*read)(struct run *run);
} modes[] = { { "there", read_there }, { "bare", read_bare }, { "later", read_later } };

int main(int argc, char **argv)
{
    struct run run = { .lines = argc == 3 ? atoi(argv[2]) : 0 };

    for (size_t i = 0; argc == 3 && i < sizeof modes / sizeof modes[0]; i++)
        if (strcmp(argv[1], modes[i].name) == 0)
            run.read = modes[i].read;
    if (run.read == NULL || run.lines < 1 || run.lines > LINES_MOST) {
        fputs("usage: scoped_reads there|bare|later LINES\n", stderr);
        return 2;
    }
    int code = weir_run(read_all, &run);
    if (code < 0)
        fprintf(stderr, "scoped_reads: %s (%s)\n", weir_strerror(code), weir_error_detail());
    return code < 0;
}
