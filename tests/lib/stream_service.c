/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/stream_service.c  Starting the server and ending it.
 */
#include "lib/stream_service.h"

#include <sched.h>
#include <string.h>

#include <weir/loop.h>
#include <weir/run.h>

int echo_lines(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_bytes line;
    ssize_t n;

    (void)arg;
    while ((n = weir_reader_readline(reader, &line)) > 0) {
        weir_writer_write(writer, line.data, line.len);
        int code = weir_writer_drain(writer);
        if (code < 0)
            return code;
    }
    return weir_result(n);
}

static void report(weir_loop *loop, int code, const char *message, void *arg)
{
    (void)loop, (void)message, (void)arg;
    say("report:%s", code_name(code));
}

static int play(void *arg)
{
    struct service *service = arg;
    int fd;

    weir_loop_set_exception_handler(weir_get_running_loop(), report, NULL);
    int code = weir_start_server(service->cb, service, "127.0.0.1", 0, &service->options, &service->server);
    if (code < 0)
        return code;
    weir_server_sockets(service->server, &fd, 1);
    service->port = raw_port(fd);
    service->scenario(service);
    weir_server_close(service->server);
    code = weir_server_wait_closed(service->server);
    weir_server_free(service->server);
    return code;
}

int service_play(void (*scenario)(struct service *service), weir_client_connected_cb cb, const weir_server_options *opts)
{
    struct service service = { .cb = cb, .scenario = scenario };
    int before = open_descriptors();

    if (opts != NULL)
        service.options = *opts;
    say_nothing();
    int code = weir_run(play, &service);
    /* An executor thread that answered lets go of the loop's inbox a moment after the loop has gone. */
    for (int i = 0; i < 100000 && open_descriptors() != before; i++)
        sched_yield();
    if (open_descriptors() != before)
        say("LEAK");
    return code;
}

int service_client(const struct service *service)
{
    return raw_connect(service->port);
}

bool service_echoes(int fd, const char *text)
{
    char got[256];
    size_t len = strlen(text);

    raw_send(fd, text, len);
    return raw_recv(fd, got, len) == len && memcmp(got, text, len) == 0;
}
