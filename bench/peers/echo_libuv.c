/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/peers/echo_libuv.c  Lines said back on libuv: callbacks, one loop, one thread.
 *
 * As lean as libuv gets: everybody reads into one buffer, whole lines go out by uv_try_write, and only what the kernel did not
 * take, or a line that is not complete yet, is copied. With "bytes" whatever came is sent back whole, and nothing is read until
 * it is gone.
 *
 * Try:  echo_libuv 7000
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define LONGEST (64 * 1024)    /* a longer line ends the connection */

struct conn {
    uv_tcp_t tcp;               /* first: a handle is its connection */
    char    *part;              /* of a line, on the heap while there is one */
    size_t   part_len;
};

struct rest {
    uv_write_t request;
    struct conn *conn;
    char bytes[];
};

static bool by_bytes;
static int buffers;             /* of the kernel, for each direction; 0: as it likes */
static char input[256 * 1024];

static void closed(uv_handle_t *handle)
{
    free(((struct conn *)handle)->part);
    free(handle);
}

static void lend_input(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(input, sizeof input);
}

static void read_some(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static void written(uv_write_t *request, int code)
{
    struct conn *conn = ((struct rest *)request)->conn;

    free(request);
    if (code == 0 && by_bytes)
        uv_read_start((uv_stream_t *)&conn->tcp, lend_input, read_some);
}

/* False: the connection is lost, or there is no memory. */
static bool say(struct conn *conn, char *data, size_t len)
{
    uv_buf_t buf = uv_buf_init(data, (unsigned)len);
    int sent = uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);
    size_t at = sent > 0 ? (size_t)sent : 0;

    if (at == len || (sent < 0 && sent != UV_EAGAIN))
        return at == len;
    struct rest *rest = malloc(sizeof *rest + len - at);
    if (rest == NULL)
        return false;
    rest->conn = conn;
    memcpy(rest->bytes, data + at, len - at);
    buf = uv_buf_init(rest->bytes, (unsigned)(len - at));
    if (by_bytes)
        uv_read_stop((uv_stream_t *)&conn->tcp);
    return uv_write(&rest->request, (uv_stream_t *)&conn->tcp, &buf, 1, written) == 0;
}

/* What is kept of a line, and @len bytes more. */
static bool keep(struct conn *conn, const char *data, size_t len)
{
    char *part = conn->part_len + len <= LONGEST ? realloc(conn->part, conn->part_len + len) : NULL;

    if (part == NULL)
        return false;
    memcpy(part + conn->part_len, data, len);
    conn->part = part;
    conn->part_len += len;
    return true;
}

static bool say_lines(struct conn *conn, char *data, size_t len)
{
    char *at = data, *end;

    if (by_bytes)
        return say(conn, data, len);
    while ((end = memchr(at, '\n', len - (size_t)(at - data))) != NULL) {
        size_t line = (size_t)(end + 1 - at);
        bool ok = conn->part == NULL ? say(conn, at, line) : keep(conn, at, line) && say(conn, conn->part, conn->part_len);

        free(conn->part);
        conn->part = NULL;
        conn->part_len = 0;
        if (!ok)
            return false;
        at = end + 1;
    }
    return at == data + len || keep(conn, at, len - (size_t)(at - data));
}

static void read_some(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    bool ok = n >= 0 && (n == 0 || say_lines((struct conn *)stream, buf->base, (size_t)n));

    if (!ok && !uv_is_closing((uv_handle_t *)stream))
        uv_close((uv_handle_t *)stream, closed);
}

static void greet(uv_stream_t *listener, int status)
{
    struct conn *conn = status == 0 ? calloc(1, sizeof *conn) : NULL;

    if (conn == NULL)
        return;
    uv_tcp_init(listener->loop, &conn->tcp);
    if (uv_accept(listener, (uv_stream_t *)&conn->tcp) < 0) {
        uv_close((uv_handle_t *)&conn->tcp, closed);
        return;
    }
    uv_tcp_nodelay(&conn->tcp, 1);
    if (buffers > 0) {
        uv_send_buffer_size((uv_handle_t *)&conn->tcp, &(int){ buffers });
        uv_recv_buffer_size((uv_handle_t *)&conn->tcp, &(int){ buffers });
    }
    uv_read_start((uv_stream_t *)&conn->tcp, lend_input, read_some);
}

int main(int argc, char **argv)
{
    uv_tcp_t listener;
    struct sockaddr_in here;
    int code = uv_ip4_addr(argc > 2 ? argv[2] : "127.0.0.1", argc > 1 ? atoi(argv[1]) : 7000, &here);

    by_bytes = argc > 3 && strcmp(argv[3], "bytes") == 0;
    buffers = argc > 4 ? atoi(argv[4]) : 0;
    uv_tcp_init(uv_default_loop(), &listener);
    if (code == 0)
        code = uv_tcp_bind(&listener, (const struct sockaddr *)&here, 0);
    if (code == 0)
        code = uv_listen((uv_stream_t *)&listener, 4096, greet);
    if (code < 0) {
        fprintf(stderr, "echo_libuv: %s\n", uv_strerror(code));
        return 1;
    }
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
