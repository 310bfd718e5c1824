/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/programs/peer.c  The other side of a script: does what the first line of each connection says.
 *
 *      peer serve WORKERS          serves, prints its port when ready, ends on SIGTERM
 *      peer serve-unix PATH        the same on a Unix socket; prints the path
 *      peer connect PLACE COUNT    opens COUNT connections to a port, or to the path of a Unix socket, and ends with them
 *
 * Either way the far side sends the first line:
 *      echo        every line comes back; after the end, "bye"
 *      source N    N bytes of the pattern are sent
 *      drip N      the same, each byte by itself
 *      sink N      N bytes of the pattern are awaited, then "ok" is sent
 *      both N      both at once
 *      hold N      as sink, but nothing is read before another connection of the same loop says "go"
 *      finish      says "last words" and ends its output, then reads to the end and prints how much that was
 *      drop        resets the connection
 */
#include <errno.h>
#include <signal.h>
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

static int source(weir_reader *reader, weir_writer *writer, size_t n)
{
    (void)reader;
    return send_pattern(&(struct sending) { writer, n });
}

static int drip(weir_reader *reader, weir_writer *writer, size_t n)
{
    int code = 0;

    (void)reader;
    for (size_t at = 0; at < n && code == 0; at++) {
        weir_writer_write(writer, pattern + at % PATTERN, 1);
        weir_writer_flush(writer);
        code = weir_yield();
    }
    return code;
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

static int sink(weir_reader *reader, weir_writer *writer, size_t n)
{
    int code = receive_pattern(reader, n);

    return code < 0 ? code : weir_writer_printf(writer, "ok\n");
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
    code = code < 0 ? code : sent;
    return code < 0 ? code : weir_writer_printf(writer, "ok\n");
}

static int echo(weir_reader *reader, weir_writer *writer, size_t n)
{
    weir_bytes line;
    ssize_t got;

    (void)n;
    while ((got = weir_reader_readline(reader, &line)) > 0) {
        weir_writer_write(writer, line.data, line.len);
        int code = weir_writer_drain(writer);
        if (code < 0)
            return code;
    }
    return got < 0 ? (int)got : weir_writer_printf(writer, "bye\n");
}

static weir_event went;         /* somebody said "go" */

static int hold(weir_reader *reader, weir_writer *writer, size_t n)
{
    int code = weir_event_wait(&went);

    return code < 0 ? code : sink(reader, writer, n);
}

static int go(weir_reader *reader, weir_writer *writer, size_t n)
{
    (void)reader, (void)writer, (void)n;
    weir_event_set(&went);
    return 0;
}

static int finish(weir_reader *reader, weir_writer *writer, size_t n)
{
    weir_bytes rest;

    (void)n;
    weir_writer_printf(writer, "last words\n");
    int code = weir_writer_write_eof(writer);
    if (code < 0)
        return code;
    ssize_t got = weir_reader_read(reader, WEIR_READ_ALL, &rest);
    printf("after its own end: %zd bytes\n", got);
    fflush(stdout);
    return weir_result(got);
}

static int drop(weir_reader *reader, weir_writer *writer, size_t n)
{
    struct linger none = { .l_onoff = 1 };

    (void)reader, (void)n;
    if (setsockopt(weir_writer_fd(writer), SOL_SOCKET, SO_LINGER, &none, sizeof none) < 0)
        return -errno;
    weir_writer_abort(writer);
    return 0;
}

static const struct {
    const char *word;
    int (*act)(weir_reader *reader, weir_writer *writer, size_t n);
} commands[] = {
    { "echo", echo }, { "source", source }, { "drip", drip }, { "sink", sink }, { "both", both_ways },
    { "hold", hold }, { "go", go }, { "finish", finish }, { "drop", drop },
};

static int handle(weir_reader *reader, weir_writer *writer, void *arg)
{
    char word[16] = "", text[64] = "";
    size_t number = 0;
    weir_bytes line;

    (void)arg;
    ssize_t n = weir_reader_readline(reader, &line);
    if (n <= 0)
        return weir_result(n);
    memcpy(text, line.data, line.len < sizeof text ? line.len : sizeof text - 1);
    sscanf(text, "%15s %zu", word, &number);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(word, commands[i].word) == 0)
            return commands[i].act(reader, writer, number);
    return -EINVAL;
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

static void close_server(void *server)
{
    weir_server_close(server);
    weir_server_abort_clients(server);          /* what a script that failed has left open */
}

/* The backlog: a Unix socket that is not blocking refuses at once who does not fit into it. */
static int serve_unix(void *path)
{
    weir_server_options options = { .backlog = 1000 };
    weir_server *server;

    int code = weir_start_unix_server(handle, NULL, path, &options, &server);
    if (code < 0)
        return code;
    code = weir_loop_add_signal_handler(weir_get_running_loop(), SIGTERM, close_server, server);
    printf("%s\n", (const char *)path);
    fflush(stdout);
    if (code == 0)
        code = weir_server_serve_forever(server);
    weir_server_free(server);
    return code == -ECANCELED ? 0 : code;
}

/* --- Connecting ----------------------------------------------------------- */

static int connect_once(void *arg)
{
    const char *place = arg;
    weir_reader *reader;
    weir_writer *writer;

    int code = place[0] == '/' ? weir_open_unix_connection(place, NULL, &reader, &writer)
                               : weir_open_connection("127.0.0.1", (uint16_t)atoi(place), NULL, &reader, &writer);
    if (code < 0)
        return code;
    code = handle(reader, writer, NULL);
    weir_writer_close(writer);
    int closed = weir_writer_wait_closed(writer);
    weir_writer_free(writer);
    return code < 0 ? code : closed == -ECONNRESET || closed == -EPIPE ? 0 : closed;    /* the far side may leave first */
}

struct client {
    char *place;
    unsigned count;
};

static int connect_all(void *arg)
{
    struct client *client = arg;
    weir_task **tasks = calloc(client->count, sizeof tasks[0]);
    int failure = 0;

    for (unsigned i = 0; i < client->count; i++)
        tasks[i] = weir_create_task(connect_once, client->place);
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
    weir_event_init(&went);
    if (argc == 3 && strcmp(argv[1], "serve") == 0) {
        weir_serve_options options = { .workers = (unsigned)atoi(argv[2]), .on_ready = print_port };
        code = weir_serve(handle, NULL, "127.0.0.1", 0, &options);
    } else if (argc == 3 && strcmp(argv[1], "serve-unix") == 0) {
        code = weir_run(serve_unix, argv[2]);
    } else if (argc == 4 && strcmp(argv[1], "connect") == 0) {
        struct client client = { argv[2], (unsigned)atoi(argv[3]) };
        code = weir_run(connect_all, &client);
    }
    if (code < 0)
        fprintf(stderr, "peer: %s: %s\n", weir_strerror(code), weir_error_detail());
    return code < 0;
}
