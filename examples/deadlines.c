/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/deadlines.c  So long for a line, so long for all of them.    Try: ./deadlines 7000 5 30 & nc localhost 7000 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

struct limits {
    double line, session;       /* seconds */
};

/* A scope within a scope: the earlier of both ends the read, and the inner one's end says whether it was that. */
static int converse(weir_reader *reader, weir_writer *writer, const struct limits *limits)
{
    for (unsigned count = 1;; count++) {
        weir_timeout line_limit;
        weir_bytes line;

        weir_timeout_begin(&line_limit, limits->line);
        ssize_t n = weir_reader_readline(reader, &line);
        bool too_slow = weir_timeout_end(&line_limit);
        if (n == -ETIMEDOUT)
            weir_writer_printf(writer, too_slow ? "too slow\n" : "your time is up\n");
        if (n <= 0)
            return n == -ETIMEDOUT ? 0 : weir_result(n);
        weir_writer_printf(writer, "%u: %.*s", count, (int)line.len, (const char *)line.data);
    }
}

static int handle(weir_reader *reader, weir_writer *writer, void *arg)
{
    const struct limits *limits = arg;
    int code = 0;

    WEIR_TIMEOUT(limits->session)
        code = converse(reader, writer, limits);
    return code;                        /* weir sends what is left, and closes */
}

static void say_ready(weir_server *server, void *arg)
{
    (void)server, (void)arg;
    puts("deadlines: ready");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct limits limits = { .line = argc > 2 ? atof(argv[2]) : 5, .session = argc > 3 ? atof(argv[3]) : 30 };
    weir_serve_options options = { .workers = 1, .on_ready = say_ready };
    int code = weir_serve(handle, &limits, "127.0.0.1", (uint16_t)(argc > 1 ? atoi(argv[1]) : 7000), &options);

    if (code < 0)
        fprintf(stderr, "deadlines: %s: %s\n", weir_strerror(code), weir_error_detail());
    return code < 0;
}
