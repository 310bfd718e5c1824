/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/echo_server_protocol.c  The echo server as callbacks.    Try: ./echo_server_protocol & ./echo_client_protocol Hello */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

struct client {
    weir_transport *transport;
};

static void connection_made(void *self, weir_transport *transport)
{
    char peer[WEIR_ADDRESS_MAX];

    ((struct client *)self)->transport = transport;
    printf("Connection from %s\n", weir_address_format(weir_transport_get_extra_info(transport, "peername"), peer, sizeof peer));
}

static void data_received(void *self, const void *data, size_t len)
{
    const struct client *client = self;

    printf("Data received: '%.*s'\nSend, and close the client's socket\n", (int)len, (const char *)data);
    fflush(stdout);
    weir_transport_write(client->transport, data, len);
    weir_transport_close(client->transport);    /* after what was written went out */
}

static void connection_lost(void *self, int code)
{
    (void)code;
    free(self);
}

static const weir_protocol echo_server_protocol = {
    .connection_made = connection_made, .data_received = data_received, .connection_lost = connection_lost,
};

/* Called for each connection. */
static int make_protocol(void *arg, const weir_protocol **protocol, void **self)
{
    (void)arg;
    *protocol = &echo_server_protocol;
    *self = calloc(1, sizeof(struct client));
    return *self == NULL ? -ENOMEM : 0;
}

static int serve(void *port)
{
    weir_address address = { .len = sizeof address.storage };
    weir_server *server;
    int fd;

    int code = weir_loop_create_server(weir_get_running_loop(), make_protocol, NULL, "127.0.0.1", *(uint16_t *)port, NULL, &server);
    if (code < 0)
        return code;
    if (weir_server_sockets(server, &fd, 1) > 0 && getsockname(fd, (void *)&address.storage, &address.len) == 0)
        printf("Serving on port %u\n", weir_address_port(&address));
    fflush(stdout);
    code = weir_server_serve_forever(server);   /* until Ctrl-C ends the process */
    weir_server_free(server);
    return code;
}

int main(int argc, char **argv)
{
    uint16_t port = argc > 1 ? (uint16_t)atoi(argv[1]) : 8888;
    int code = weir_run(serve, &port);

    fprintf(stderr, "echo_server_protocol: %s: %s\n", weir_strerror(code), weir_error_detail());
    return 1;
}
