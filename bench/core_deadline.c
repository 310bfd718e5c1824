/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/core_deadline.c  What a deadline scope adds to a read that does not wait.
 *
 * A reader is fed LINES lines, and each is read by a weir_reader_readline of its own: in a scope of 5 s, or without one. That
 * neither touches libev's heap nor allocates is counted, not timed: tests/exact/deadline.py.
 *
 * Try:  core_deadline deadline 51
 */
#include <weir/weir.h>

#include "turns.h"

#define LINES   64
#define LINE    64              /* bytes, the newline included */
#define BATCHES 200             /* of LINES, a pass each: the scope's look at the clock once a pass is in the figure */

static weir_reader *reader;

/* Nanoseconds for one read of what is there. */
static double read_lines(double limit)
{
    static char fed[LINES * LINE];              /* not on a task's stack */
    int64_t took = 0;

    memset(fed, 'x', sizeof fed);
    for (int i = 1; i <= LINES; i++)
        fed[i * LINE - 1] = '\n';
    for (int batch = 0; batch < BATCHES; batch++) {
        if (weir_reader_feed_data(reader, fed, sizeof fed) < 0 || weir_yield() < 0)
            return NAN;
        size_t got = 0;
        int64_t since = turns_now_ns();
        for (int i = 0; i < LINES; i++) {
            weir_timeout scope;
            weir_bytes line;
            if (limit > 0)
                weir_timeout_begin(&scope, limit);
            ssize_t n = weir_reader_readline(reader, &line);
            if (limit > 0)
                (void)weir_timeout_end(&scope);
            got += n > 0 ? (size_t)n : 0;
        }
        took += turns_now_ns() - since;
        if (got != sizeof fed) {
            fprintf(stderr, "core_deadline: read %zu bytes of %zu\n", got, sizeof fed);
            return NAN;
        }
    }
    return (double)took / BATCHES / LINES;
}

static double in_a_scope(void *arg)
{
    (void)arg;
    return read_lines(5.0);
}

static double without(void *arg)
{
    (void)arg;
    return read_lines(0);
}

static int measure(void *arg)
{
    static const struct side sides[] = { { "weir", in_a_scope, NULL }, { "the same read without a scope", without, NULL } };

    reader = weir_reader_new(65536);
    if (reader == NULL) {
        fprintf(stderr, "core_deadline: %s\n", weir_error_detail());
        return 1;
    }
    int trouble = turns_run("deadline", sides, 2, *(int *)arg);
    weir_reader_free(reader);
    return trouble;
}

int main(int argc, char **argv)
{
    int turns = argc == 3 && strcmp(argv[1], "deadline") == 0 ? turns_wanted(argv[2]) : 0;

    if (turns == 0) {
        fputs("usage: core_deadline deadline TURNS\n", stderr);
        return 2;
    }
    int code = weir_run(measure, &turns);
    if (code < 0)
        fprintf(stderr, "core_deadline: %s\n", weir_error_detail());
    return code != 0;
}
