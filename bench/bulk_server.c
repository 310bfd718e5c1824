/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/bulk_server.c  weir's side of the bulk rows: large transfers through
 * the reader and the writer of a connection's task.
 *
 *     in     count what the client sends, with weir_reader_read
 *     out    send what the client asks for, with weir_writer_write and drain
 *     echo   both: what was read is written back
 *
 * CHUNK is the most one read asks for and the length of one write,
 * SOCKET_BUFFER what the kernel may hold in each direction (0: as it likes).
 * Everything else is a default: a user's first version of such a handler looks
 * like this. bare_bulk.c does the same without weir; bulk_pattern.h has the
 * exchange.
 *
 * Try:  bulk_server 7000 127.0.0.1 echo 262144 0
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

#include "bulk_pattern.h"

/* Set before the worker starts, then read only. */
static size_t chunk;
static int buffers;
static weir_client_connected_cb job;

static size_t at_most_chunk(uint64_t left)
{
    return left < chunk ? (size_t)left : chunk;
}

/* The number that starts an exchange: 1 with it in *out, 0 when the peer is done, or a code. */
static int read_header(weir_reader *reader, uint64_t *out)
{
    weir_bytes line;
    ssize_t n = weir_reader_readline(reader, &line);

    if (n <= 0)
        return (int)n;
    *out = bulk_header(line.data, line.len);
    return *out > 0 ? 1 : -EPROTO;
}

static int count(weir_reader *reader, weir_writer *writer, void *arg)
{
    uint64_t total;
    int code;

    (void)arg;
    while ((code = read_header(reader, &total)) > 0) {
        for (uint64_t at = 0; at < total;) {
            weir_bytes bytes;
            ssize_t n = weir_reader_read(reader, at_most_chunk(total - at), &bytes);
            if (n <= 0)
                return n < 0 ? (int)n : -EPROTO;
            if (!bulk_pattern_ends_match(bytes.data, bytes.len, at))
                return -EPROTO;
            at += bytes.len;
        }
        weir_writer_printf(writer, "%llu\n", (unsigned long long)total);
        code = weir_writer_drain(writer);
        if (code < 0)
            return code;
    }
    return code;
}

static int supply(weir_reader *reader, weir_writer *writer, void *arg)
{
    uint64_t total;
    int code;

    (void)arg;
    while ((code = read_header(reader, &total)) > 0) {
        for (uint64_t at = 0; at < total;) {
            size_t len = at_most_chunk(total - at);
            weir_writer_write(writer, bulk_pattern_at(at), len);
            code = weir_writer_drain(writer);
            if (code < 0)
                return code;
            at += len;
        }
    }
    return code;
}

static int echo(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_bytes bytes;
    ssize_t n;

    (void)arg;
    while ((n = weir_reader_read(reader, chunk, &bytes)) > 0) {
        weir_writer_write(writer, bytes.data, bytes.len);
        int code = weir_writer_drain(writer);
        if (code < 0)
            return code;
    }
    return weir_result(n);
}

static int start(weir_reader *reader, weir_writer *writer, void *arg)
{
    bulk_socket_buffers(weir_writer_fd(writer), buffers);
    return job(reader, writer, arg);
}

static weir_client_connected_cb handler_of(const char *mode)
{
    if (strcmp(mode, "in") == 0)
        return count;
    if (strcmp(mode, "out") == 0)
        return supply;
    return strcmp(mode, "echo") == 0 ? echo : NULL;
}

int main(int argc, char **argv)
{
    int port = argc == 6 ? atoi(argv[1]) : 0;
    weir_serve_options opts = { .workers = 1, .no_pin = true, .drain_timeout = 1.0 };

    job = argc == 6 ? handler_of(argv[3]) : NULL;
    chunk = argc == 6 ? strtoul(argv[4], NULL, 10) : 0;
    buffers = argc == 6 ? atoi(argv[5]) : 0;
    if (port <= 0 || port > 65535 || job == NULL || chunk == 0 || chunk > BULK_CHUNK_MAX) {
        fputs("usage: bulk_server PORT HOST in|out|echo CHUNK SOCKET_BUFFER\n", stderr);
        return 2;
    }
    bulk_pattern_init();
    int code = weir_serve(start, NULL, argv[2], (uint16_t)port, &opts);
    if (code < 0)
        fprintf(stderr, "bulk_server: %s: %s\n", weir_strerror(code), weir_error_detail());
    return code < 0;
}
