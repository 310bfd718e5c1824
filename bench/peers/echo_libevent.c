/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/peers/echo_libevent.c  Lines said back by libevent's bufferevents: callbacks, one loop, one thread.
 *
 * A line is looked for in the input buffer and moved to the output buffer as it is, without a copy. With "bytes" all that came
 * is moved, and nothing is read while more than OUT_MAX bytes wait to go out.
 *
 * Try:  echo_libevent 7000
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#define LONGEST (64 * 1024)    /* a longer line ends the connection */
#define OUT_MAX  (1024 * 1024)
#define AT_ONCE_MAX (256 * 1024)    /* bytes of one read or write; 16 KiB if it is not said */

static bool by_bytes;
static int buffers;             /* of the kernel, for each direction; 0: as it likes */

static void move_lines(struct bufferevent *conn, void *arg)
{
    struct evbuffer *in = bufferevent_get_input(conn), *out = bufferevent_get_output(conn);
    struct evbuffer_ptr end;

    (void)arg;
    if (by_bytes) {
        evbuffer_add_buffer(out, in);
        if (evbuffer_get_length(out) > OUT_MAX)
            bufferevent_disable(conn, EV_READ);
        return;
    }
    while ((end = evbuffer_search_eol(in, NULL, NULL, EVBUFFER_EOL_LF)).pos >= 0)
        evbuffer_remove_buffer(in, out, (size_t)end.pos + 1);
    if (evbuffer_get_length(in) > LONGEST)
        bufferevent_free(conn);
}

static void went_out(struct bufferevent *conn, void *arg)
{
    (void)arg;
    bufferevent_enable(conn, EV_READ);
}

static void over(struct bufferevent *conn, short what, void *arg)
{
    (void)arg;
    if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0)
        bufferevent_free(conn);
}

static void greet(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int len, void *base)
{
    struct bufferevent *conn = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    int one = 1;

    (void)listener;
    (void)peer;
    (void)len;
    if (conn == NULL) {
        evutil_closesocket(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (buffers > 0) {
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffers, sizeof buffers);
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffers, sizeof buffers);
    }
    if (by_bytes) {
        bufferevent_set_max_single_read(conn, AT_ONCE_MAX);
        bufferevent_set_max_single_write(conn, AT_ONCE_MAX);
    }
    bufferevent_setcb(conn, move_lines, by_bytes ? went_out : NULL, over, NULL);
    bufferevent_enable(conn, EV_READ | EV_WRITE);
}

int main(int argc, char **argv)
{
    struct event_base *base = event_base_new();
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 7000)) };

    by_bytes = argc > 3 && strcmp(argv[3], "bytes") == 0;
    buffers = argc > 4 ? atoi(argv[4]) : 0;
    inet_pton(AF_INET, argc > 2 ? argv[2] : "127.0.0.1", &here.sin_addr);
    if (evconnlistener_new_bind(base, greet, base, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 4096, (struct sockaddr *)&here,
                                sizeof here) == NULL) {
        perror("echo_libevent: bind");
        return 1;
    }
    return event_base_dispatch(base);
}
