/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/echo_client.c  asyncio's echo client: write, read, close.    Try: ./echo_server & ./echo_client 'Hello World!' */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

struct talk {
    const char *message;
    uint16_t port;
};

static int tcp_echo_client(void *arg)
{
    const struct talk *talk = arg;
    weir_reader *reader;
    weir_writer *writer;
    weir_bytes data;

    int code = weir_open_connection("127.0.0.1", talk->port, NULL, &reader, &writer);
    if (code < 0)
        return code;

    printf("Send: '%s'\n", talk->message);
    weir_writer_write(writer, talk->message, strlen(talk->message));

    ssize_t n = weir_reader_read(reader, 100, &data);
    if (n >= 0)
        printf("Received: '%.*s'\n", (int)n, data.data);

    printf("Close the connection\n");
    weir_writer_close(writer);
    code = weir_writer_wait_closed(writer);
    weir_writer_free(writer);
    return n < 0 ? (int)n : code;
}

int main(int argc, char **argv)
{
    struct talk talk = { argc > 1 ? argv[1] : "Hello World!", argc > 2 ? (uint16_t)atoi(argv[2]) : 8888 };
    int code = weir_run(tcp_echo_client, &talk);

    if (code < 0)
        fprintf(stderr, "echo_client: %s: %s\n", weir_strerror(code), weir_error_detail());
    return code < 0;
}
