/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/http/access.c  The request line as it came, quoted.
 */
#include "plugins/http/access.h"

#include <time.h>

#define LINE_MOST 512           /* bytes of a request line that are logged; what is longer is cut, and ends with "..." */
#define NS        1000000000LL

static int64_t now_ns(void)
{
    struct timespec now = { 0, 0 };

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS + now.tv_nsec;
}

void access_begin(struct connection *c)
{
    c->began_ns = now_ns();
}

/* The first line of what is there, with quotes and backslashes escaped; control characters are the log's business. */
static void quote_line(weir_bytes from, char *out)
{
    size_t n = 0, at = 0;

    while (at < from.len && (from.data[at] == '\r' || from.data[at] == '\n'))
        at++;
    for (; at < from.len && from.data[at] != '\r' && from.data[at] != '\n'; at++) {
        if (n + 6 > LINE_MOST) {
            for (int i = 0; i < 3; i++)
                out[n++] = '.';
            break;
        }
        if (from.data[at] == '"' || from.data[at] == '\\')
            out[n++] = '\\';
        out[n++] = from.data[at] != '\0' ? from.data[at] : '?';
    }
    out[n] = '\0';
}

void access_log(struct connection *c, unsigned status, size_t bytes)
{
    char line[LINE_MOST];
    weir_bytes from = { c->view.data + c->start, c->view.len - c->start };

    quote_line(from, line);
    weir_plugin_context_access(c->worker->settings->ctx, c->writer, "request=\"%s\" status=%u bytes=%zu seconds=%.6f", line,
                               status, bytes, (double)(now_ns() - c->began_ns) / (double)NS);
}
