/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/stream_service.h  A server under test, on a loop of its own, with clients that are plain sockets.
 *
 * All in one thread (lib/stream_far.h says how that waits). What the loop's exception handler is told is said as
 * "report:EIO"; a descriptor left behind as LEAK.
 */
#ifndef WEIR_TESTS_STREAM_SERVICE_H
#define WEIR_TESTS_STREAM_SERVICE_H

#include <weir/server.h>
#include <weir/task.h>

#include "lib/stream_far.h"

struct service {
    weir_client_connected_cb cb;
    weir_server_options options;
    void (*scenario)(struct service *service);
    weir_server *server;
    int port;
};

/* Start a server, run the scenario, close it and wait until its last connection is gone. 0, or what failed. */
int service_play(void (*scenario)(struct service *service), weir_client_connected_cb cb, const weir_server_options *opts);

/* A connected plain socket. */
int service_client(const struct service *service);

/* Send @text, and whether the same comes back. [suspends] */
bool service_echoes(int fd, const char *text);

/* A handler that says every line back, as examples/echo.c does. */
int echo_lines(weir_reader *reader, weir_writer *writer, void *arg);

#endif
