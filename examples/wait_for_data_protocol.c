/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/wait_for_data_protocol.c  Wait for data on an open socket, by a protocol.    Try: ./wait_for_data_protocol */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <weir/weir.h>

static weir_loop *loop;
static weir_transport *transport;
static int sockets[2];

static void data_received(void *self, const void *data, size_t len)
{
    (void)self;
    printf("Received: %.*s\n", (int)len, (const char *)data);
    weir_transport_close(transport);    /* we are done; connection_lost follows */
}

static void connection_lost(void *self, int code)
{
    (void)self, (void)code;
    weir_loop_stop(loop);               /* the socket has been closed */
}

static const weir_protocol my_protocol = { .data_received = data_received, .connection_lost = connection_lost };

static int make_protocol(void *arg, const weir_protocol **protocol, void **self)
{
    *protocol = &my_protocol;
    *self = arg;
    return 0;
}

/* Register the open socket to wait for data: from now on it is the transport's. */
static int register_socket(void *arg)
{
    weir_connect_options options = { .sock = &sockets[0] };

    return weir_loop_create_connection(loop, make_protocol, arg, NULL, 0, &options, &transport);
}

/* Stands for data that comes over the network. */
static void send_abc(void *arg)
{
    (void)arg;
    if (send(sockets[1], "abc", 3, 0) < 0)
        perror("wait_for_data_protocol");
}

int main(void)
{
    if ((loop = weir_loop_new()) == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) < 0)
        return perror("wait_for_data_protocol"), 1;
    int code = weir_loop_run_until_complete(loop, register_socket, NULL);
    if (code == 0 && weir_loop_call_soon(loop, send_abc, NULL) != NULL)
        code = weir_loop_run_forever(loop);
    if (code < 0)
        fprintf(stderr, "wait_for_data_protocol: %s: %s\n", weir_strerror(code), weir_error_detail());
    weir_loop_free(loop);
    close(sockets[1]);
    return code < 0;
}
