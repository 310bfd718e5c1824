/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/bare_bulk.c  The peer of bulk_server.c: the same job by recv and send
 * in an epoll loop, nothing else.
 *
 * As good as such a loop gets: a buffer of its own for each connection, so that
 * a short send needs no copy; a recv that filled the buffer is repeated at
 * once; EPOLLOUT instead of EPOLLIN only while the kernel refuses bytes. The
 * socket options are those of bulk_server.c: TCP_NODELAY, and kernel buffers of
 * SOCKET_BUFFER (0: as the kernel likes).
 *
 *                 "N\n"               the last byte
 *     HEADER ---------------> MOVING ---------------> HEADER
 *
 * In mode echo a connection is always MOVING.
 *
 * Try:  bare_bulk 7000 127.0.0.1 echo 65536 0
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bulk_pattern.h"

#define BURST 16        /* chunks one connection may move before the others get their turn */

struct conn {
    int      fd;
    bool     moving;
    bool     blocked;           /* waiting for EPOLLOUT */
    uint64_t total, at;         /* of the exchange; in and out */
    size_t   held, sent;        /* echo: what the buffer holds, how much of it went back */
    char     buffer[];          /* chunk bytes */
};

static size_t chunk;
static int buffers;             /* of the kernel, for each direction; 0: as it likes */
static int epoll;
static bool (*move)(struct conn *conn);     /* one event's work; false: close it */

static void want(struct conn *conn, bool output)
{
    struct epoll_event event = { .events = output ? EPOLLOUT : EPOLLIN, .data.ptr = conn };

    if (conn->blocked != output)
        epoll_ctl(epoll, EPOLL_CTL_MOD, conn->fd, &event);
    conn->blocked = output;
}

/* Bytes received, 0 when there are none now, -1 when there never will be. */
static ssize_t receive(struct conn *conn, size_t most)
{
    ssize_t n = recv(conn->fd, conn->buffer, most, 0);

    if (n < 0 && errno == EAGAIN)
        return 0;
    return n > 0 ? n : -1;
}

/* Bytes the kernel took, 0 when it takes none now, -1 on a lost connection. */
static ssize_t offer(struct conn *conn, const char *data, size_t len)
{
    ssize_t n = send(conn->fd, data, len, MSG_NOSIGNAL);

    return n < 0 && errno == EAGAIN ? 0 : n;
}

static bool take_header(struct conn *conn, const char *data, size_t len)
{
    conn->total = bulk_header(data, len);
    conn->at = 0;
    conn->moving = conn->total > 0;
    return conn->moving;
}

static bool end_count(struct conn *conn)
{
    char text[BULK_HEADER_MAX];
    int len = snprintf(text, sizeof text, "%llu\n", (unsigned long long)conn->total);

    conn->moving = false;
    return offer(conn, text, (size_t)len) == len;
}

static bool count(struct conn *conn)
{
    for (int i = 0; i < BURST; i++) {
        uint64_t left = conn->moving ? conn->total - conn->at : chunk;
        size_t most = left < chunk ? (size_t)left : chunk;
        ssize_t n = receive(conn, most);
        const char *data = conn->buffer;
        size_t len = (size_t)n;

        if (n <= 0)
            return n == 0;
        if (!conn->moving) {            /* the first bytes may have come with the header */
            const char *end = memchr(data, '\n', len);
            if (end == NULL || !take_header(conn, data, len))
                return false;
            len -= (size_t)(end + 1 - data);
            data = end + 1;
        }
        if (len > 0 && !bulk_pattern_ends_match(data, len, conn->at))
            return false;
        conn->at += len;
        if (conn->at >= conn->total)
            return conn->at == conn->total && end_count(conn);
        if ((size_t)n < most)
            return true;
    }
    return true;
}

static bool supply(struct conn *conn)
{
    if (!conn->moving) {
        ssize_t n = receive(conn, chunk);
        if (n <= 0)
            return n == 0;
        if (!take_header(conn, conn->buffer, (size_t)n))
            return false;
    }
    for (int i = 0; i < BURST && conn->at < conn->total; i++) {
        uint64_t left = conn->total - conn->at;
        size_t len = left < chunk ? (size_t)left : chunk;
        ssize_t n = offer(conn, bulk_pattern_at(conn->at), len);

        if (n < 0)
            return false;
        conn->at += (uint64_t)n;
        if ((size_t)n < len)
            break;
    }
    conn->moving = conn->at < conn->total;
    want(conn, conn->moving);           /* level-triggered: still writable comes back at once */
    return true;
}

static bool echo(struct conn *conn)
{
    for (int i = 0; i < BURST; i++) {
        bool full = true;

        if (conn->sent == conn->held) {
            ssize_t n = receive(conn, chunk);
            if (n <= 0)
                return n == 0;
            conn->held = (size_t)n;
            conn->sent = 0;
            full = conn->held == chunk;
        }
        ssize_t n = offer(conn, conn->buffer + conn->sent, conn->held - conn->sent);
        if (n < 0)
            return false;
        conn->sent += (size_t)n;
        want(conn, conn->sent < conn->held);
        if (conn->sent < conn->held || !full)
            return true;
    }
    return true;
}

/* --- The loop ------------------------------------------------------------ */

static void accept_all(int listener)
{
    int fd, one = 1;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct conn *conn = calloc(1, sizeof *conn + chunk);
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = conn };

        if (conn == NULL) {
            close(fd);
            continue;
        }
        conn->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        bulk_socket_buffers(fd, buffers);
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

static int listen_on(const char *host, int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    inet_pton(AF_INET, host, &here.sin_addr);
    if (bind(fd, (struct sockaddr *)&here, sizeof here) < 0 || listen(fd, 4096) < 0
        || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        perror("bare_bulk: bind");
        exit(1);
    }
    return fd;
}

static bool choose(const char *mode)
{
    move = strcmp(mode, "in") == 0 ? count
         : strcmp(mode, "out") == 0 ? supply
         : strcmp(mode, "echo") == 0 ? echo : NULL;
    return move != NULL;
}

int main(int argc, char **argv)
{
    int port = argc == 6 ? atoi(argv[1]) : 0;
    struct epoll_event events[64];

    chunk = argc == 6 ? strtoul(argv[4], NULL, 10) : 0;
    buffers = argc == 6 ? atoi(argv[5]) : 0;
    if (port <= 0 || port > 65535 || chunk < BULK_HEADER_MAX || chunk > BULK_CHUNK_MAX
        || !choose(argv[3])) {
        fputs("usage: bare_bulk PORT HOST in|out|echo CHUNK SOCKET_BUFFER\n", stderr);
        return 2;
    }
    bulk_pattern_init();
    epoll = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_on(argv[2], port);
    for (;;) {
        int ready = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < ready; i++) {
            struct conn *conn = events[i].data.ptr;
            if (conn == NULL) {
                accept_all(listener);
            } else if (!move(conn)) {
                close(conn->fd);
                free(conn);
            }
        }
    }
}
