/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/programs/reads.c  Reads from a connection what a script says, and prints what came of each read.
 *
 *      reads connect PORT          opens a connection for each script
 *      reads serve                 serves one client for each script, on a port of its own, which is printed first
 *
 * A script is a line of the standard input: the reader's limit, and the reads:
 *      await:N                     until N bytes have come, none of which is consumed
 *      read:N  all  exactly:N  line  until:HEX
 * Printed, in a line for each script: "=HEX" the bytes; "limit:N" over the limit, N to skip; "limit" of a line;
 * "incomplete:HEX:N" the end came before N, "?" being unknown; "code:N" another failure.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

static char script[65536];
static size_t limit;
static uint16_t port;
static weir_event served;

static void print_hex(weir_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        printf("%02x", (unsigned char)bytes.data[i]);
}

static size_t from_hex(const char *text, char *out, size_t size)
{
    size_t len = 0;
    unsigned byte;

    for (; len < size && sscanf(text, "%2x", &byte) == 1; text += 2)
        out[len++] = (char)byte;
    return len;
}

/* One read, as a word says; */
static ssize_t do_read(weir_reader *reader, const char *word, weir_bytes *out)
{
    const char *colon = strchr(word, ':');
    size_t n = colon != NULL ? strtoul(colon + 1, NULL, 10) : 0;
    char separator[16];

    if (strncmp(word, "await:", 6) == 0)
        return weir_reader_peek(reader, n, out) == (ssize_t)n ? 0 : -EBADMSG;
    if (strncmp(word, "read:", 5) == 0)
        return weir_reader_read(reader, n, out);
    if (strcmp(word, "all") == 0)
        return weir_reader_read(reader, WEIR_READ_ALL, out);
    if (strncmp(word, "exactly:", 8) == 0)
        return weir_reader_readexactly(reader, n, out);
    if (strcmp(word, "line") == 0)
        return weir_reader_readline(reader, out);
    if (strncmp(word, "until:", 6) == 0)
        return weir_reader_readuntil(reader, separator, from_hex(word + 6, separator, sizeof separator), out);
    return -EINVAL;
}

static void print_read(const weir_reader *reader, const char *word, ssize_t n, weir_bytes bytes)
{
    if (n == WEIR_ELIMIT && strcmp(word, "line") == 0) {
        printf("limit ");
    } else if (n == WEIR_ELIMIT) {
        printf("limit:%zu ", weir_reader_consumed(reader));
    } else if (n == WEIR_EINCOMPLETE) {
        printf("incomplete:");
        print_hex(bytes);
        size_t expected = weir_reader_expected(reader);
        expected == WEIR_UNSET ? printf(":? ") : printf(":%zu ", expected);
    } else if (n < 0) {
        printf("code:%zd ", n);
    } else if (strncmp(word, "await:", 6) != 0) {
        printf("=");
        print_hex(bytes);
        printf(" ");
    }
}

static int handle(weir_reader *reader, weir_writer *writer, void *arg)
{
    (void)writer, (void)arg;
    for (char *word = script + strspn(script, " \n"), *next; *word != '\0'; word = next) {
        next = word + strcspn(word, " \n");
        if (*next != '\0')
            *next++ = '\0';
        next += strspn(next, " \n");
        weir_bytes bytes = { 0 };
        ssize_t n = do_read(reader, word, &bytes);
        print_read(reader, word, n, bytes);
    }
    printf("\n");
    fflush(stdout);
    weir_event_set(&served);
    return 0;
}

static int connect_once(void)
{
    weir_connect_options options = { .limit = limit };
    weir_reader *reader;
    weir_writer *writer;

    int code = weir_open_connection("127.0.0.1", port, &options, &reader, &writer);
    if (code < 0)
        return code;
    code = handle(reader, writer, NULL);
    weir_writer_free(writer);
    return code;
}

static int serve_once(void)
{
    weir_server_options options = { .limit = limit };
    weir_address address = { .len = sizeof address.storage };
    weir_server *server;
    int fd;

    int code = weir_start_server(handle, NULL, "127.0.0.1", 0, &options, &server);
    if (code < 0)
        return code;
    if (weir_server_sockets(server, &fd, 1) > 0 && getsockname(fd, (void *)&address.storage, &address.len) == 0)
        printf("%u\n", weir_address_port(&address));
    fflush(stdout);
    code = weir_event_wait(&served);
    weir_event_clear(&served);
    weir_server_close(server);
    if (code == 0)
        code = weir_server_wait_closed(server);
    weir_server_free(server);
    return code;
}

static int run_scripts(void *arg)
{
    int code = 0;

    (void)arg;
    while (code == 0 && fgets(script, sizeof script, stdin) != NULL) {
        char *rest;
        limit = strtoul(script, &rest, 10);
        memmove(script, rest, strlen(rest) + 1);
        code = port != 0 ? connect_once() : serve_once();
    }
    return code;
}

int main(int argc, char **argv)
{
    weir_event_init(&served);
    port = argc == 3 && strcmp(argv[1], "connect") == 0 ? (uint16_t)atoi(argv[2]) : 0;
    int result = argc == 2 || port != 0 ? weir_run(run_scripts, NULL) : -EINVAL;
    if (result < 0)
        fprintf(stderr, "reads: %s: %s\n", weir_strerror(result), weir_error_detail());
    return result < 0;
}
