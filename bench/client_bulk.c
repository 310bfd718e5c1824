/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/client_bulk.c  A load of few connections and many bytes, for
 * bulk_server and bare_bulk.
 *
 *     in     send BYTES, wait until the server says that it counted them
 *     out    ask for BYTES, check every one
 *     echo   send BYTES and check every one that comes back
 *
 * BYTES are shared out evenly over CONNS connections. An exchange of
 * WARMUP_BYTES comes first on the same connections, so that the kernel has
 * sized their buffers when the measured one starts. Turns are taken as steer.h
 * says, what an exchange looks like is in bulk_pattern.h.
 *
 * Try:  client_bulk -m echo -b 1000000000 127.0.0.1 7000 </dev/null
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bulk_pattern.h"
#include "dial.h"
#include "steer.h"

#define CONNS_MAX 1000
#define RECV_SIZE (256u * 1024)

enum mode { MODE_IN, MODE_OUT, MODE_ECHO };

struct conn {
    int      fd;
    uint32_t interest;          /* what epoll watches for; 0: not in an exchange */
    uint64_t to_send, sent;     /* of the pattern */
    uint64_t to_get, got;       /* of the pattern, or in mode in of the answer */
    char     answer[BULK_HEADER_MAX];
};

struct load {
    enum mode     mode;
    uint32_t      count;
    uint64_t      bytes, warmup;
    double        timeout;
    int           buffers;      /* of the kernel, for each direction; 0: as it likes */
    struct dialer dialer;
    struct conn   conns[CONNS_MAX];
    int           epoll;
    uint32_t      opened, busy, errors;
    uint64_t      moved;        /* bytes of finished exchanges, one way */
    bool          late;
};

static struct load load = { .count = 1, .bytes = UINT64_C(1) << 30, .timeout = 120 };
static char input[RECV_SIZE];

/* --- One connection ------------------------------------------------------ */

static void fail(struct conn *conn, const char *what, int code)
{
    fprintf(stderr, "client_bulk: connection %td: %s%s%s\n", conn - load.conns, what,
            code != 0 ? ": " : "", code != 0 ? strerror(code) : "");
    load.errors++;
    load.busy--;
    close(conn->fd);
    conn->fd = -1;
}

static void watch(struct conn *conn)
{
    uint32_t interest = EPOLLIN | (conn->sent < conn->to_send ? (uint32_t)EPOLLOUT : 0);
    struct epoll_event event = { .events = interest, .data.ptr = conn };

    if (interest != conn->interest)
        epoll_ctl(load.epoll, EPOLL_CTL_MOD, conn->fd, &event);
    conn->interest = interest;
}

static void send_some(struct conn *conn)
{
    while (conn->sent < conn->to_send) {
        uint64_t left = conn->to_send - conn->sent;
        size_t len = left < RECV_SIZE ? (size_t)left : RECV_SIZE;
        ssize_t n = send(conn->fd, bulk_pattern_at(conn->sent), len, MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0) {
            fail(conn, "send", errno);
            return;
        }
        conn->sent += (uint64_t)n;
        if ((size_t)n < len || load.mode == MODE_ECHO)      /* echo: look at the input, too */
            return;
    }
}

static bool input_is_right(const struct conn *conn, size_t len)
{
    if (len > conn->to_get - conn->got)
        return false;
    if (load.mode == MODE_IN)
        return conn->sent == conn->to_send && memcmp(input, conn->answer + conn->got, len) == 0;
    if (load.mode == MODE_ECHO && conn->got + len > conn->sent)
        return false;
    return bulk_pattern_matches(input, len, conn->got);
}

static void receive_some(struct conn *conn)
{
    ssize_t n = recv(conn->fd, input, sizeof input, 0);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        fail(conn, n == 0 ? "closed by the server" : "recv", n == 0 ? 0 : errno);
        return;
    }
    if (!input_is_right(conn, (size_t)n)) {
        fail(conn, "not the bytes expected", 0);
        return;
    }
    conn->got += (uint64_t)n;
    if (conn->got == conn->to_get) {
        load.moved += load.mode == MODE_IN ? conn->to_send : conn->to_get;
        load.busy--;
    }
}

static void handle(const struct epoll_event *event)
{
    struct conn *conn = event->data.ptr;

    if ((event->events & EPOLLOUT) != 0)
        send_some(conn);
    if (conn->fd >= 0 && (event->events & ~(uint32_t)EPOLLOUT) != 0)
        receive_some(conn);
    if (conn->fd >= 0)
        watch(conn);
}

/* --- Exchanges ----------------------------------------------------------- */

static void start_exchange(struct conn *conn, uint64_t bytes)
{
    int len = snprintf(conn->answer, sizeof conn->answer, "%" PRIu64 "\n", bytes);

    conn->sent = conn->got = 0;
    conn->to_send = load.mode == MODE_OUT ? 0 : bytes;
    conn->to_get = load.mode == MODE_IN ? (uint64_t)len : bytes;
    load.busy++;
    if (load.mode != MODE_ECHO && send(conn->fd, conn->answer, (size_t)len, MSG_NOSIGNAL) != len)
        fail(conn, "send", errno);
    else
        watch(conn);
}

static int64_t patience(void)
{
    return now_ns() + (int64_t)(load.timeout * (double)SECOND);
}

static void exchange(uint64_t bytes)
{
    int64_t deadline = patience();
    struct epoll_event events[64];

    load.moved = 0;
    for (uint32_t i = 0; i < load.count; i++)
        start_exchange(&load.conns[i], bytes / load.count);
    while (load.busy > 0) {
        int count = epoll_wait(load.epoll, events, 64, ms_until(deadline));

        for (int i = 0; i < count; i++)
            handle(&events[i]);
        if (now_ns() > deadline) {
            fprintf(stderr, "client_bulk: not finished after %g s\n", load.timeout);
            load.late = true;
            load.errors++;
            return;
        }
    }
}

static void open_all(void)
{
    for (uint32_t i = 0; i < load.count; i++) {
        struct conn *conn = &load.conns[i];
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = conn };

        conn->fd = dial(&load.dialer);
        if (conn->fd < 0 || epoll_ctl(load.epoll, EPOLL_CTL_ADD, conn->fd, &event) < 0) {
            fprintf(stderr, "client_bulk: connect: %s\n", strerror(conn->fd < 0 ? -conn->fd : errno));
            load.errors++;
            return;
        }
        bulk_socket_buffers(conn->fd, load.buffers);
        conn->interest = EPOLLIN;
        load.opened++;
    }
}

static void report(double seconds)
{
    static const char *const names[] = { "in", "out", "echo" };

    printf("{\"mode\": \"%s\", \"connections\": %u, \"errors\": %u, \"bytes\": %" PRIu64
           ", \"seconds\": %.6f, \"timed_out\": %s}\n",
           names[load.mode], load.opened, load.errors, load.moved, seconds,
           load.late ? "true" : "false");
    fflush(stdout);
}

static void drive(void)
{
    int64_t began = now_ns();

    open_all();
    if (load.errors == 0 && load.warmup >= load.count)
        exchange(load.warmup);
    if (load.errors == 0 && !steer_ready(patience()))
        load.errors++;
    if (load.errors == 0) {
        began = now_ns();
        exchange(load.bytes);
    }
    report((double)(now_ns() - began) / (double)SECOND);
    if (load.errors == 0 && !steer_hold(load.epoll, patience())) {
        fputs("client_bulk: a connection was lost, or time ran out, while holding\n", stderr);
        load.errors++;
    }
}

/* --- The command line ---------------------------------------------------- */

static void usage(void)
{
    fputs("usage: client_bulk [-m in|out|echo] [-c CONNS] [-b BYTES] [-w WARMUP_BYTES]\n"
          "                   [-k SOCKET_BUFFER] [--timeout SECONDS] HOST PORT\n"
          "defaults: -m in -c 1 -b 1073741824 -w 0 -k 0 --timeout 120; HOST is an IPv4 literal\n", stderr);
    exit(2);
}

static double number(const char *text, double least, double most)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value >= least && value <= most))
        usage();
    return value;
}

static enum mode mode_of(const char *name)
{
    if (strcmp(name, "in") == 0)
        return MODE_IN;
    if (strcmp(name, "out") == 0)
        return MODE_OUT;
    if (strcmp(name, "echo") != 0)
        usage();
    return MODE_ECHO;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = { { "timeout", required_argument, NULL, 't' }, { 0 } };
    int c;

    while ((c = getopt_long(argc, argv, "m:c:b:w:k:", longs, NULL)) != -1) {
        switch (c) {
        case 'm': load.mode = mode_of(optarg); break;
        case 'c': load.count = (uint32_t)number(optarg, 1, CONNS_MAX); break;
        case 'b': load.bytes = (uint64_t)number(optarg, CONNS_MAX, 1e15); break;
        case 'w': load.warmup = (uint64_t)number(optarg, 0, 1e15); break;
        case 'k': load.buffers = (int)number(optarg, 0, 1e9); break;
        case 't': load.timeout = number(optarg, 0, 1e6); break;
        default: usage();
        }
    }
    if (argc - optind != 2 || !dialer_init(&load.dialer, argv[optind], argv[optind + 1]))
        usage();
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load.epoll < 0) {
        perror("client_bulk");
        return 1;
    }
    raise_file_limit();
    bulk_pattern_init();
    drive();
    return load.errors > 0;
}
