/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/wait_for_data.c  Wait for data on a socket that is open already, by streams.    Try: ./wait_for_data */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <weir/weir.h>

/* Stands for data that comes over the network. */
static void send_abc(void *arg)
{
    if (send(*(const int *)arg, "abc", 3, 0) < 0)
        perror("wait_for_data");
}

static int wait_for_data(void *arg)
{
    int sockets[2];
    weir_reader *reader;
    weir_writer *writer;
    weir_bytes data;

    (void)arg;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) < 0)
        return -errno;

    /* Register the open socket to wait for data: from now on it is the connection's. */
    int code = weir_open_connection(NULL, 0, &(weir_connect_options) { .sock = &sockets[0] }, &reader, &writer);
    if (code < 0)
        return close(sockets[1]), code;

    weir_loop_call_soon(weir_get_running_loop(), send_abc, &sockets[1]);

    ssize_t n = weir_reader_read(reader, 100, &data);
    if (n >= 0)
        printf("Received: %.*s\n", (int)n, data.data);      /* got data, we are done: close the socket */
    weir_writer_free(writer);
    close(sockets[1]);
    return weir_result(n);
}

int main(void)
{
    int code = weir_run(wait_for_data, NULL);

    if (code < 0)
        fprintf(stderr, "wait_for_data: %s: %s\n", weir_strerror(code), weir_error_detail());
    return code < 0;
}
