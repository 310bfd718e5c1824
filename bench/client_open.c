/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/client_open.c  An open-loop load on a line echo server: lines at a constant rate, whatever the server does.
 *
 * Line i is due at i / RATE seconds after the start, on connection i mod CONNS. It is sent when it is due, behind lines that are
 * not answered yet if there are such, and its latency is the time from when it was due to when its last byte came back. A server
 * that stands still is so charged with every line that it made wait, also with those that this program could not send meanwhile
 * (a closed loop would leave them out: coordinated omission). How late lines were sent is reported, too: that much is ours.
 *
 * Always true of a connection: answered <= written bytes / SIZE <= issued; line k of connection c is line k * CONNS + c of all,
 * so that when it was due need not be kept.
 *
 *     without a word   the processor is never given away: times are as exact as they get, and a CPU is busy
 *     --sleep          asleep between lines, when the server needs this CPU, too
 *     --replay         no server: "DUE ANSWERED" in nanoseconds, a line each on stdin, and the same report
 *
 * Turns are taken as steer.h says.      Try:  client_open -r 10000 127.0.0.1 7000 </dev/null
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
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dial.h"
#include "latency.h"
#include "steer.h"

#define EVENTS      64          /* answers looked at between two looks at what is due */
#define BURST       64          /* lines sent between two looks at the answers */
#define BEHIND_MAX  65536       /* lines without an answer on one connection: the server will never make it */
#define LONGEST     65536       /* bytes of a line */
#define CONNS_MAX   1000000
#define COMPLAINTS  5           /* errors described one by one; the rest are counted */
#define STAMP       8           /* hex digits of a line's number on its connection, at its front */

struct conn {
    int      fd;                /* -1: dead */
    bool     blocked;           /* the kernel took only part; waiting for EPOLLOUT */
    uint64_t issued;            /* lines that were due so far */
    uint64_t written;           /* bytes */
    uint64_t answered;          /* lines */
    uint32_t part;              /* bytes of the next answer that are here and right */
};

struct load {
    uint32_t conns, size;
    double   rate, seconds, warmup, timeout;
    bool     sleeps;
    struct dialer dialer;
    struct conn  *all;
    int      epoll;
    uint32_t opened;
    int64_t  start;             /* when line 0 of this phase is due */
    uint64_t total, issued, answered, bytes, errors;
    bool     late;              /* a deadline passed */
    struct latencies took, sent_late;
};

static struct load load = { .conns = 64, .size = 64, .rate = 10000, .seconds = 1, .timeout = 120 };
static char input[256 * 1024];
static char line[LONGEST];

/* --- One connection ------------------------------------------------------ */

static void fail(struct conn *conn, const char *what, int code)
{
    if (load.errors++ < COMPLAINTS)
        fprintf(stderr, "client_open: connection %td: %s%s%s\n", conn - load.all, what, code != 0 ? ": " : "",
                code != 0 ? strerror(code) : "");
    if (conn->fd >= 0)
        close(conn->fd);
    conn->fd = -1;
}

static int64_t due(uint64_t number)
{
    return load.start + (int64_t)((double)number * ((double)SECOND / load.rate));
}

/* Line @number of a connection, into `line`. A late or doubled answer does not pass for another one's. */
static void write_line(const struct conn *conn, uint64_t number)
{
    uint32_t digits = load.size - 1 < STAMP ? load.size - 1 : STAMP;

    memset(line, 'a' + (int)((conn - load.all) % 26), load.size - 1);
    for (uint32_t i = 0; i < digits; i++)
        line[i] = "0123456789abcdef"[number >> (4 * i) & 15];
    line[load.size - 1] = '\n';
}

static void watch(struct conn *conn, int op, bool output)
{
    struct epoll_event event = { .events = EPOLLIN | (output ? (uint32_t)EPOLLOUT : 0), .data.ptr = conn };

    conn->blocked = output;
    if (epoll_ctl(load.epoll, op, conn->fd, &event) < 0)
        fail(conn, "epoll_ctl", errno);
}

static void send_issued(struct conn *conn)
{
    while (conn->written < conn->issued * load.size) {
        uint32_t at = (uint32_t)(conn->written % load.size);

        write_line(conn, conn->written / load.size);
        ssize_t n = send(conn->fd, line + at, load.size - at, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            if (!conn->blocked)
                watch(conn, EPOLL_CTL_MOD, true);
            return;
        }
        if (n < 0) {
            fail(conn, "send", errno);
            return;
        }
        conn->written += (uint64_t)n;
    }
    if (conn->blocked)
        watch(conn, EPOLL_CTL_MOD, false);
}

/* False: other bytes than were sent. */
static bool check(struct conn *conn, size_t len, int64_t now)
{
    for (size_t at = 0; at < len;) {
        uint32_t left = load.size - conn->part;
        uint32_t some = len - at < left ? (uint32_t)(len - at) : left;

        write_line(conn, conn->answered);
        if (conn->answered * load.size + conn->part + some > conn->written || memcmp(input + at, line + conn->part, some) != 0)
            return false;
        at += some;
        conn->part += some;
        if (conn->part == load.size) {
            latency_add(&load.took, now - due(conn->answered * load.conns + (uint64_t)(conn - load.all)));
            conn->part = 0;
            conn->answered++;
            load.answered++;
        }
    }
    return true;
}

static void receive(struct conn *conn)
{
    ssize_t n = recv(conn->fd, input, sizeof input, 0);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n < 0)
        fail(conn, "recv", errno);
    else if (n == 0)
        fail(conn, "closed by the server", 0);
    else if (!check(conn, (size_t)n, now_ns()))
        fail(conn, "other bytes came back than were sent", 0);
    else
        load.bytes += (uint64_t)n;
}

/* --- A phase ------------------------------------------------------------- */

static void issue_due(int64_t now)
{
    for (int i = 0; i < BURST && load.issued < load.total && due(load.issued) <= now; i++) {
        struct conn *conn = &load.all[load.issued % load.conns];

        if (conn->fd >= 0 && conn->issued - conn->answered >= BEHIND_MAX)
            fail(conn, "the server does not keep up: too many lines wait for their answer", 0);
        if (conn->fd >= 0) {
            conn->issued++;
            latency_add(&load.sent_late, now_ns() - due(load.issued));
            send_issued(conn);
        }
        load.issued++;
    }
}

/* With --sleep until the next line is due or something came; else a look. */
static int wait_for_events(struct epoll_event *events, int64_t now)
{
    int64_t until = load.issued < load.total ? due(load.issued) : now + SECOND / 100;
    int64_t left = load.sleeps && until > now ? until - now : 0;
    struct timespec patience = { .tv_sec = left / SECOND, .tv_nsec = left % SECOND };

    return epoll_pwait2(load.epoll, events, EVENTS, &patience, NULL);
}

/* RATE lines a second for @seconds, and all their answers. The counts are this phase's. */
static void run_phase(double seconds)
{
    static struct epoll_event events[EVENTS];
    int64_t now = now_ns(), deadline = now + (int64_t)((seconds + load.timeout) * (double)SECOND);

    for (uint32_t i = 0; i < load.conns; i++)
        load.all[i].issued = load.all[i].written = load.all[i].answered = 0;
    load.took = load.sent_late = (struct latencies){ 0 };
    load.total = (uint64_t)(load.rate * seconds);
    load.issued = load.answered = load.bytes = 0;
    load.start = now;
    while ((load.issued < load.total || load.answered < load.issued) && load.errors == 0) {
        issue_due(now);
        int count = wait_for_events(events, now);
        for (int i = 0; i < count; i++) {
            struct conn *conn = events[i].data.ptr;
            if (conn->fd >= 0 && (events[i].events & EPOLLOUT) != 0)
                send_issued(conn);
            if (conn->fd >= 0 && (events[i].events & ~(uint32_t)EPOLLOUT) != 0)
                receive(conn);
        }
        now = now_ns();
        if (now > deadline) {
            fprintf(stderr, "client_open: %" PRIu64 " lines still wait after %g s\n", load.issued - load.answered, load.timeout);
            load.late = true;
            load.errors++;
        }
    }
}

static void open_all(void)
{
    for (uint32_t i = 0; i < load.conns; i++) {
        struct conn *conn = &load.all[i];
        int fd = dial(&load.dialer);

        conn->fd = fd;
        if (fd < 0) {
            fail(conn, "connect", -fd);
            return;
        }
        load.opened++;
        watch(conn, EPOLL_CTL_ADD, false);
    }
}

static void report(double seconds)
{
    const struct latencies *took = &load.took, *late = &load.sent_late;

    printf("{\"mode\": \"open\", \"connections\": %u, \"requests\": %" PRIu64 ", \"errors\": %" PRIu64 ", \"bytes\": %" PRIu64
           ", \"seconds\": %.6f, \"timed_out\": %s, \"rate\": %.3f, ",
           load.opened, load.answered, load.errors, load.bytes, seconds, load.late ? "true" : "false", load.rate);
    printf("\"p50_ns\": %" PRIu64 ", \"p90_ns\": %" PRIu64 ", \"p99_ns\": %" PRIu64 ", \"p999_ns\": %" PRIu64
           ", \"max_ns\": %" PRIu64 ", \"mean_ns\": %" PRIu64 ", \"late_p99_ns\": %" PRIu64 ", \"late_max_ns\": %" PRIu64 "}\n",
           latency_quantile(took, 500), latency_quantile(took, 900), latency_quantile(took, 990), latency_quantile(took, 999),
           took->largest, took->count > 0 ? took->sum / took->count : 0, latency_quantile(late, 990), late->largest);
    fflush(stdout);
}

static int64_t patience(void)
{
    return now_ns() + (int64_t)(load.timeout * (double)SECOND);
}

static void drive(void)
{
    int64_t began = now_ns();

    open_all();
    if (load.errors == 0 && load.warmup > 0)
        run_phase(load.warmup);
    if (load.errors == 0 && !steer_ready(patience())) {
        load.late = true;
        load.errors++;
    } else if (load.errors == 0) {
        began = now_ns();
        run_phase(load.seconds);
    }
    report((double)(now_ns() - began) / (double)SECOND);
    if (load.errors == 0 && !steer_hold(load.epoll, patience())) {
        fprintf(stderr, "client_open: a connection was lost, or time ran out, while holding\n");
        load.errors++;
    }
}

/* Recorded times instead of a server's: what the report makes of them. */
static void replay(void)
{
    int64_t was_due, answered;
    int got;

    while ((got = scanf("%" SCNd64 " %" SCNd64, &was_due, &answered)) == 2) {
        latency_add(&load.took, answered - was_due);
        load.answered++;
    }
    if (got != EOF) {
        fprintf(stderr, "client_open: replay: line %" PRIu64 " is not two numbers\n", load.answered + 1);
        load.errors++;
    }
    report(0);
}

/* --- The command line ---------------------------------------------------- */

static void usage(void)
{
    fputs("usage: client_open [-c CONNS] [-r LINES_PER_SECOND] [-d SECONDS] [-w WARMUP_SECONDS] [-s SIZE] [--sleep]\n"
          "                   [--timeout SECONDS] HOST PORT\n"
          "       client_open --replay\n"
          "defaults: -c 64 -r 10000 -d 1 -w 0 -s 64 --timeout 120; HOST is an IPv4 literal\n",
          stderr);
    exit(2);
}

static double number(const char *text, double least, double most)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value >= least && value <= most)) {
        fprintf(stderr, "client_open: %s: expected a number from %.0f to %.0f\n", text, least, most);
        usage();
    }
    return value;
}

static bool parse(int argc, char **argv)
{
    static const struct option longs[] = { { "timeout", required_argument, NULL, 't' },
                                           { "sleep", no_argument, NULL, 'S' },
                                           { "replay", no_argument, NULL, 'R' },
                                           { 0 } };
    bool replays = false;
    int c;

    while ((c = getopt_long(argc, argv, "c:r:d:w:s:", longs, NULL)) != -1) {
        switch (c) {
        case 'c': load.conns = (uint32_t)number(optarg, 1, CONNS_MAX); break;
        case 'r': load.rate = number(optarg, 1, 1e8); break;
        case 'd': load.seconds = number(optarg, 0, 1e5); break;
        case 'w': load.warmup = number(optarg, 0, 1e5); break;
        case 's': load.size = (uint32_t)number(optarg, 2, LONGEST); break;
        case 't': load.timeout = number(optarg, 0, 1e6); break;
        case 'S': load.sleeps = true; break;
        case 'R': replays = true; break;
        default: usage();
        }
    }
    if (replays ? argc != optind : argc - optind != 2 || !dialer_init(&load.dialer, argv[optind], argv[optind + 1]))
        usage();
    return replays;
}

int main(int argc, char **argv)
{
    if (parse(argc, argv)) {
        replay();
        return load.errors > 0;
    }
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    load.all = calloc(load.conns, sizeof *load.all);
    if (load.all == NULL || load.epoll < 0) {
        perror("client_open");
        return 1;
    }
    prctl(PR_SET_TIMERSLACK, 1);        /* nanoseconds: asleep until a line is due, and not 50 microseconds longer */
    raise_file_limit();
    drive();
    return load.errors > 0;
}
