/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/echo_server_loop.c  The same with a loop of one's own: run_forever.    Try: ./echo_server_loop & ./echo_client Hello */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

static uint16_t port = 8888;
static weir_server *server;

static int handle_echo(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_bytes data;

    (void)arg;
    ssize_t n = weir_reader_read(reader, 100, &data);
    if (n < 0)
        return (int)n;
    printf("Received '%.*s', sent back\n", (int)n, data.data);
    fflush(stdout);
    weir_writer_write(writer, data.data, data.len);
    return weir_writer_drain(writer);
}

static int start(void *arg)
{
    (void)arg;
    return weir_start_server(handle_echo, NULL, "127.0.0.1", port, NULL, &server);
}

static int wait_closed(void *arg)
{
    (void)arg;
    return weir_server_wait_closed(server);
}

static void on_interrupt(void *loop)
{
    weir_loop_stop(loop);
}

int main(int argc, char **argv)
{
    weir_loop *loop = weir_loop_new();
    weir_address address = { .len = sizeof address.storage };
    int fd;

    port = argc > 1 ? (uint16_t)atoi(argv[1]) : port;
    if (loop == NULL || weir_loop_add_signal_handler(loop, SIGINT, on_interrupt, loop) < 0 ||
        weir_loop_run_until_complete(loop, start, NULL) < 0)
        return fprintf(stderr, "echo_server_loop: %s\n", weir_error_detail()), 1;
    if (weir_server_sockets(server, &fd, 1) > 0 && getsockname(fd, (void *)&address.storage, &address.len) == 0)
        printf("Serving on port %u\n", weir_address_port(&address));
    fflush(stdout);

    int code = weir_loop_run_forever(loop);                         /* until Ctrl-C */
    weir_server_close(server);
    (void)weir_loop_run_until_complete(loop, wait_closed, NULL);    /* the clients end, or a second Ctrl-C does */
    weir_server_free(server);
    weir_loop_free(loop);
    return code < 0;
}
