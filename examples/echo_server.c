/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/echo_server.c  asyncio's echo server: start_server, serve_forever.    Try: ./echo_server & ./echo_client Hello */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

static int handle_echo(weir_reader *reader, weir_writer *writer, void *arg)
{
    char peer[WEIR_ADDRESS_MAX];
    weir_bytes data;

    (void)arg;
    ssize_t n = weir_reader_read(reader, 100, &data);
    if (n < 0)
        return (int)n;
    weir_address_format(weir_writer_peername(writer), peer, sizeof peer);
    printf("Received '%.*s' from %s\nSend, and close the connection\n", (int)n, data.data, peer);
    fflush(stdout);
    weir_writer_write(writer, data.data, data.len);
    return weir_writer_drain(writer);   /* the return closes it */
}

static void on_interrupt(void *server)
{
    weir_server_close(server);          /* what serve_forever waits for, and then for the clients */
    weir_server_close_clients(server);
}

static int serve(void *port)
{
    weir_address address = { .len = sizeof address.storage };
    weir_server *server;
    int fd;

    int code = weir_start_server(handle_echo, NULL, "127.0.0.1", *(uint16_t *)port, NULL, &server);
    if (code < 0)
        return code;
    code = weir_loop_add_signal_handler(weir_get_running_loop(), SIGINT, on_interrupt, server);
    if (weir_server_sockets(server, &fd, 1) > 0 && getsockname(fd, (void *)&address.storage, &address.len) == 0)
        printf("Serving on port %u\n", weir_address_port(&address));
    fflush(stdout);
    if (code == 0)
        code = weir_server_serve_forever(server);
    weir_server_free(server);
    return code == -ECANCELED ? 0 : code;
}

int main(int argc, char **argv)
{
    uint16_t port = argc > 1 ? (uint16_t)atoi(argv[1]) : 8888;
    int code = weir_run(serve, &port);

    if (code < 0)
        fprintf(stderr, "echo_server: %s: %s\n", weir_strerror(code), weir_error_detail());
    return code < 0;
}
