/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/programs/peer.c  The other side of a script: does what the first line of each connection says.
 *
 *      peer serve WORKERS          serves, prints its port when ready, ends on SIGTERM
 *      peer connect PORT COUNT     opens COUNT connections, ends with them
 *
 * Either way the far side sends the first line:
 *      echo        every line comes back; after the end, "bye"
 *      source N    N bytes of the pattern are sent
 *      sink N      N bytes of the pattern are awaited, then "ok" is sent
 *      both N      both at once
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

#define PATTERN 65521           /* a prime: no buffer's size divides it */
#define PIECE ((size_t)16384)

static unsigned char pattern[PATTERN + PIECE];

static void make_pattern(void)
{
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (unsigned char)((i % PATTERN) * 7 + (i % PATTERN) / 251);
}

struct sending {
    weir_writer *writer;
    size_t n;
};

static int send_pattern(void *arg)
{
    const struct sending *sending = arg;

    for (size_t at = 0, piece; at < sending->n; at += piece) {
        piece = sending->n - at < PIECE ? sending->n - at : PIECE;
        weir_writer_write(sending->writer, pattern + at % PATTERN, piece);
        int code = weir_writer_drain(sending->writer);
        if (code < 0)
            return code;
    }
    return 0;
}

static int receive_pattern(weir_reader *reader, size_t n)
{
    weir_bytes bytes;

    for (size_t at = 0; at < n; at += bytes.len) {
        ssize_t got = weir_reader_read(reader, n - at < PIECE ? n - at : PIECE, &bytes);
        if (got <= 0)
            return got < 0 ? (int)got : WEIR_EINCOMPLETE;
        if (memcmp(bytes.data, pattern + at % PATTERN, bytes.len) != 0)
            return -EBADMSG;
    }
    return 0;
}

static int both_ways(weir_reader *reader, weir_writer *writer, size_t n)
{
    struct sending sending = { writer, n };
    weir_task *sender = weir_create_task(send_pattern, &sending);

    if (sender == NULL)
        return -ENOMEM;
    int code = receive_pattern(reader, n);
    int sent = weir_task_join(sender);
    weir_task_unref(sender);
    return code < 0 ? code : sent;
}

static int echo(weir_reader *reader, weir_writer *writer)
{
    weir_bytes line;
    ssize_t n;

    while ((n = weir_reader_readline(reader, &line)) > 0) {
        weir_writer_write(writer, line.data, line.len);
        int code = weir_writer_drain(writer);
        if (code < 0)
            return code;
    }
    return n < 0 ? (int)n : weir_writer_printf(writer, "bye\n");
}

static int handle(weir_reader *reader, weir_writer *writer, void *arg)
{
    char word[16] = "";
    size_t number = 0;
    weir_bytes line;

    (void)arg;
    ssize_t n = weir_reader_readline(reader, &line);
    if (n <= 0)
        return weir_result(n);
    char text[64] = "";
    memcpy(text, line.data, line.len < sizeof text ? line.len : sizeof text - 1);
    sscanf(text, "%15s %zu", word, &number);

    if (strcmp(word, "echo") == 0)
        return echo(reader, writer);
    if (strcmp(word, "source") == 0)
        return send_pattern(&(struct sending) { writer, number });
    int code = strcmp(word, "both") == 0 ? both_ways(reader, writer, number) : receive_pattern(reader, number);
    return code < 0 ? code : weir_writer_printf(writer, "ok\n");
}

/* --- Serving -------------------------------------------------------------- */

static void print_port(weir_server *server, void *arg)
{
    weir_address address = { .len = sizeof address.storage };
    int fd;

    (void)arg;
    if (weir_server_sockets(server, &fd, 1) > 0 && getsockname(fd, (void *)&address.storage, &address.len) == 0)
        printf("%u\n", weir_address_port(&address));
    fflush(stdout);
}

/* --- Connecting ----------------------------------------------------------- */

static int connect_once(void *arg)
{
    weir_reader *reader;
    weir_writer *writer;

    int code = weir_open_connection("127.0.0.1", *(const uint16_t *)arg, NULL, &reader, &writer);
    if (code < 0)
        return code;
    code = handle(reader, writer, NULL);
    weir_writer_close(writer);
    int closed = weir_writer_wait_closed(writer);
    weir_writer_free(writer);
    return code < 0 ? code : closed == -ECONNRESET ? 0 : closed;
}

struct client {
    uint16_t port;
    unsigned count;
};

static int connect_all(void *arg)
{
    struct client *client = arg;
    weir_task **tasks = calloc(client->count, sizeof tasks[0]);
    int failure = 0;

    for (unsigned i = 0; i < client->count; i++)
        tasks[i] = weir_create_task(connect_once, &client->port);
    for (unsigned i = 0; i < client->count; i++) {
        int code = tasks[i] == NULL ? -ENOMEM : weir_task_join(tasks[i]);
        failure = failure < 0 ? failure : code;
        weir_task_unref(tasks[i]);
    }
    free(tasks);
    return failure;
}

int main(int argc, char **argv)
{
    int code = -EINVAL;

    make_pattern();
    if (argc == 3 && strcmp(argv[1], "serve") == 0) {
        weir_serve_options options = { .workers = (unsigned)atoi(argv[2]), .on_ready = print_port };
        code = weir_serve(handle, NULL, "127.0.0.1", 0, &options);
    } else if (argc == 4 && strcmp(argv[1], "connect") == 0) {
        struct client client = { (uint16_t)atoi(argv[2]), (unsigned)atoi(argv[3]) };
        code = weir_run(connect_all, &client);
    }
    if (code < 0)
        fprintf(stderr, "peer: %s: %s\n", weir_strerror(code), weir_error_detail());
    return code < 0;
}
