/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/watch_descriptor.c  Be told when a descriptor can be read, and read it oneself.    Try: ./watch_descriptor */
#include <stdio.h>
#include <unistd.h>
#include <weir/weir.h>

struct watch {
    int sockets[2];
    weir_loop *loop;
};

static void on_readable(void *arg)
{
    struct watch *watch = arg;
    char data[100];
    ssize_t n = recv(watch->sockets[0], data, sizeof data, 0);

    if (n < 0)
        perror("watch_descriptor");
    else
        printf("Received: %.*s\n", (int)n, data);
    weir_loop_remove_reader(watch->loop, watch->sockets[0]);    /* we are done: unregister, before it is closed */
    weir_loop_stop(watch->loop);
}

/* Stands for data that comes over the network. */
static void send_abc(void *arg)
{
    if (send(((struct watch *)arg)->sockets[1], "abc", 3, 0) < 0)
        perror("watch_descriptor");
}

int main(void)
{
    struct watch watch = { .loop = weir_loop_new() };

    if (watch.loop == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, watch.sockets) < 0)
        return perror("watch_descriptor"), 1;
    int code = weir_loop_add_reader(watch.loop, watch.sockets[0], on_readable, &watch);
    if (code == 0 && weir_loop_call_soon(watch.loop, send_abc, &watch) != NULL)
        code = weir_loop_run_forever(watch.loop);
    if (code < 0)
        fprintf(stderr, "watch_descriptor: %s: %s\n", weir_strerror(code), weir_error_detail());
    weir_loop_free(watch.loop);
    close(watch.sockets[0]);
    close(watch.sockets[1]);
    return code < 0;
}
