/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/echo_client_protocol.c  The echo client as callbacks.    Try: ./echo_server_protocol & ./echo_client_protocol Hello */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

static const char *message = "Hello World!";
static uint16_t port = 8888;

static void connection_made(void *self, weir_transport *transport)
{
    (void)self;
    weir_transport_write(transport, message, strlen(message));
    printf("Data sent: '%s'\n", message);
}

static void data_received(void *self, const void *data, size_t len)
{
    (void)self;
    printf("Data received: '%.*s'\n", (int)len, (const char *)data);
}

static void connection_lost(void *lost, int code)
{
    printf("The server closed the connection: %s\n", weir_strerror(code));
    weir_event_set(lost);               /* ends talk(), and with it the loop */
}

static const weir_protocol echo_client_protocol = {
    .connection_made = connection_made, .data_received = data_received, .connection_lost = connection_lost,
};

static int make_protocol(void *lost, const weir_protocol **protocol, void **self)
{
    *protocol = &echo_client_protocol;
    *self = lost;
    return 0;
}

static int talk(void *lost)
{
    weir_loop *loop = weir_get_running_loop();
    weir_transport *transport;

    weir_event_init(lost);
    int code = weir_loop_create_connection(loop, make_protocol, lost, "127.0.0.1", port, NULL, &transport);
    return code < 0 ? code : weir_event_wait(lost);
}

int main(int argc, char **argv)
{
    message = argc > 1 ? argv[1] : message;
    port = argc > 2 ? (uint16_t)atoi(argv[2]) : port;
    int code = weir_run(talk, &(weir_event) { 0 });
    if (code < 0)
        fprintf(stderr, "echo_client_protocol: %s: %s\n", weir_strerror(code), weir_error_detail());
    return code < 0;
}
