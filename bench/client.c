/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/client.c  A closed-loop load on a line echo server, or on an HTTP server.
 *
 * Each connection sends a batch of PIPELINE requests in one go, waits until all
 * of them are answered, checks every answer, and sends the next batch. So the
 * server never has more than CONNS * PIPELINE requests to do, and what it costs
 * can be divided by the requests answered. A request is a line, and its answer
 * the same line; or, with -m http, a GET, and its answer a page (http_reply.h).
 *
 *          start_batch            last byte came
 *   IDLE ---------------> BUSY -------------------> IDLE, or BUSY with the next
 *     |                    |
 *     +--------------------+---> DEAD (fd is -1)    reset, early end, wrong answer
 *
 * Always true: busy counts the connections in BUSY; a phase ends when it is 0.
 *
 *   echo    warm-up, "ready", the measured part, the result (steer.h)
 *   http    the same, with an HTTP server
 *   idle    one line over each connection, "ready", hold, the result
 *   accept  as echo, but each batch has a connection of its own
 *
 * Try:  client -n 100000 127.0.0.1 7000 </dev/null
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

#include "dial.h"
#include "http_reply.h"
#include "steer.h"

#define EVENTS      256         /* taken from one epoll_wait */
#define STAMP       6           /* hex digits of the batch number at the front of each line */
#define COMPLAINTS  5           /* errors described one by one; the rest are counted */
#define BATCH_MAX   (16u << 20) /* bytes in flight on one connection */
#define TOTAL_MAX   (1u << 30)  /* bytes in flight on all of them: they are kept to compare with */

#define PAGE        "Hello, World!"
#define PAGE_LEN    (sizeof PAGE - 1)

enum mode { MODE_ECHO, MODE_IDLE, MODE_ACCEPT, MODE_HTTP };

struct options {
    enum mode mode;
    uint32_t  conns;
    uint32_t  size;             /* of a request; of a line, with its newline */
    uint32_t  pipeline;         /* requests in a batch */
    uint64_t  requests;         /* in the measured part; 0: go by time */
    uint64_t  warmup;
    double    seconds;
    double    timeout;          /* of each phase and each wait for the steerer */
};

struct conn {
    int      fd;                /* -1: dead */
    uint32_t number;            /* of the batch */
    uint32_t sent, received;    /* of the batch's bytes */
    uint32_t answers;           /* pages of the batch that have come */
    bool     busy;              /* a batch is on its way */
    bool     blocked;           /* the kernel took only part; waiting for EPOLLOUT */
    char    *batch;             /* what goes out, and with lines must come back */
    struct http_reply *reply;   /* the page that is on its way; with -m http only */
};

struct load {
    struct options opts;
    struct dialer  dialer;
    struct conn   *conns;
    uint32_t       opened;
    uint32_t       batch_len;
    int            epoll;
    uint32_t       busy;
    uint64_t       issued, limit;       /* requests in this phase; limit 0: until stop_at */
    int64_t        stop_at;
    uint64_t       answered, bytes, errors;
    bool           late;                /* a deadline passed */
};

static char input[256 * 1024];
static char get[64];                    /* the request of -m http */

/* --- One connection ------------------------------------------------------ */

/* Letters that differ from one connection and one line to the next; or the same GET again and again. */
static void fill_batch(const struct load *load, struct conn *conn, uint32_t index)
{
    uint32_t size = load->opts.size;

    if (load->opts.mode == MODE_HTTP) {
        for (uint32_t at = 0; at < load->batch_len; at += size)
            memcpy(conn->batch + at, get, size);
        return;
    }
    for (uint32_t i = 0; i < load->batch_len; i++) {
        uint32_t line = i / size;
        uint32_t place = i % size;
        conn->batch[i] = place == size - 1 ? '\n'
                                           : (char)('a' + (index * 7 + line * 5 + place) % 26);
    }
}

/* A late or doubled answer to an earlier batch must not pass for this one's. */
static void stamp_batch(const struct load *load, struct conn *conn)
{
    uint32_t digits = load->opts.size - 1 < STAMP ? load->opts.size - 1 : STAMP;

    conn->number++;
    for (char *line = conn->batch; line < conn->batch + load->batch_len; line += load->opts.size)
        for (uint32_t i = 0; i < digits; i++)
            line[i] = "0123456789abcdef"[conn->number >> (4 * i) & 15];
}

static void fail_conn(struct load *load, struct conn *conn, const char *what, int code)
{
    if (load->errors++ < COMPLAINTS)
        fprintf(stderr, "client: connection %td: %s%s%s\n", conn - load->conns, what,
                code != 0 ? ": " : "", code != 0 ? strerror(code) : "");
    if (conn->fd >= 0)
        close(conn->fd);
    conn->fd = -1;
    load->busy -= conn->busy;
    conn->busy = false;
}

static void want(struct load *load, const struct conn *conn, int op, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.u32 = (uint32_t)(conn - load->conns) };

    if (epoll_ctl(load->epoll, op, conn->fd, &event) < 0) {
        perror("client: epoll_ctl");
        exit(1);
    }
}

static bool open_conn(struct load *load, struct conn *conn)
{
    int fd = dial(&load->dialer);

    if (fd < 0) {
        fail_conn(load, conn, "connect", -fd);
        return false;
    }
    conn->fd = fd;
    conn->blocked = false;
    want(load, conn, EPOLL_CTL_ADD, EPOLLIN);
    load->opened++;
    return true;
}

static void send_rest(struct load *load, struct conn *conn)
{
    while (conn->sent < load->batch_len) {
        ssize_t n = send(conn->fd, conn->batch + conn->sent, load->batch_len - conn->sent,
                         MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            if (!conn->blocked)
                want(load, conn, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            conn->blocked = true;
            return;
        }
        if (n < 0) {
            fail_conn(load, conn, "send", errno);
            return;
        }
        conn->sent += (uint32_t)n;
    }
    if (conn->blocked)
        want(load, conn, EPOLL_CTL_MOD, EPOLLIN);
    conn->blocked = false;
}

static bool more_wanted(const struct load *load)
{
    return load->limit > 0 ? load->issued < load->limit : now_ns() < load->stop_at;
}

static void start_batch(struct load *load, struct conn *conn)
{
    if (conn->fd < 0 && (load->opts.mode != MODE_ACCEPT || !open_conn(load, conn)))
        return;
    if (load->opts.mode != MODE_HTTP)
        stamp_batch(load, conn);
    conn->sent = conn->received = conn->answers = 0;
    load->issued += load->opts.pipeline;
    load->busy++;
    conn->busy = true;
    send_rest(load, conn);
}

static void end_batch(struct load *load, struct conn *conn)
{
    load->answered += load->opts.pipeline;
    load->busy--;
    conn->busy = false;
    if (load->opts.mode == MODE_ACCEPT) {
        close(conn->fd);
        conn->fd = -1;
    }
    if (load->opts.mode != MODE_IDLE && more_wanted(load))
        start_batch(load, conn);
}

/* Lines must be those that were sent. What is wrong with @len bytes of input, or NULL. */
static const char *check_lines(const struct load *load, struct conn *conn, size_t len)
{
    if (len > load->batch_len - conn->received)
        return "more bytes came back than were sent";
    if (memcmp(input, conn->batch + conn->received, len) != 0)
        return "other bytes came back than were sent";
    if (conn->received + (uint32_t)len > conn->sent)
        return "the answer came before its question";
    conn->received += (uint32_t)len;
    return NULL;
}

/* The same for pages. */
static const char *check_pages(const struct load *load, struct conn *conn, size_t len)
{
    const char *complaint = http_feed(conn->reply, input, len, PAGE, PAGE_LEN, &conn->answers);

    if (complaint != NULL)
        return complaint;
    bool amid = conn->reply->in_body || conn->reply->head_len > 0;
    if (conn->answers + amid > load->opts.pipeline)
        return "more answers came than were asked for";
    if (conn->answers + amid > conn->sent / load->opts.size)
        return "the answer came before its question";
    return NULL;
}

static bool is_answered(const struct load *load, const struct conn *conn)
{
    return load->opts.mode == MODE_HTTP ? conn->answers == load->opts.pipeline : conn->received == load->batch_len;
}

/* One recv: closed loop, so a batch's answer rarely needs a second. */
static void receive(struct load *load, struct conn *conn)
{
    ssize_t n = recv(conn->fd, input, sizeof input, 0);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n < 0) {
        fail_conn(load, conn, "recv", errno);
        return;
    }
    if (n == 0) {
        fail_conn(load, conn, "closed by the server before the answer was complete", 0);
        return;
    }
    const char *complaint = load->opts.mode == MODE_HTTP ? check_pages(load, conn, (size_t)n)
                                                         : check_lines(load, conn, (size_t)n);
    if (complaint != NULL) {
        fail_conn(load, conn, complaint, 0);
        return;
    }
    load->bytes += (uint64_t)n;
    if (is_answered(load, conn))
        end_batch(load, conn);
}

/* --- Phases -------------------------------------------------------------- */

static int64_t patience(const struct load *load)
{
    return now_ns() + (int64_t)(load->opts.timeout * (double)SECOND);
}

static void handle(struct load *load, const struct epoll_event *event)
{
    struct conn *conn = &load->conns[event->data.u32];

    if (conn->sent < load->batch_len && (event->events & EPOLLOUT) != 0)
        send_rest(load, conn);
    if (conn->fd >= 0 && (event->events & ~(uint32_t)EPOLLOUT) != 0)
        receive(load, conn);
}

/*
 * Keep every connection busy until @requests requests were issued (0: for
 * @seconds), then until all of them are answered. The counts are this phase's.
 */
static void run_phase(struct load *load, uint64_t requests, double seconds)
{
    static struct epoll_event events[EVENTS];
    int64_t deadline = patience(load);

    load->issued = load->answered = load->bytes = 0;
    load->limit = requests;
    load->stop_at = now_ns() + (int64_t)(seconds * (double)SECOND);
    for (uint32_t i = 0; i < load->opts.conns && more_wanted(load); i++)
        start_batch(load, &load->conns[i]);

    while (load->busy > 0) {
        int count = epoll_wait(load->epoll, events, EVENTS, ms_until(deadline));

        if (count < 0 && errno != EINTR) {
            perror("client: epoll_wait");
            exit(1);
        }
        for (int i = 0; i < count; i++)
            handle(load, &events[i]);
        if (now_ns() > deadline) {
            fprintf(stderr, "client: %u connections still wait after %g s\n", load->busy,
                    load->opts.timeout);
            load->late = true;
            load->errors++;
            return;
        }
    }
}

static void *needed(void *memory)
{
    if (memory == NULL) {
        perror("client");
        exit(1);
    }
    return memory;
}

static void open_all(struct load *load)
{
    for (uint32_t i = 0; i < load->opts.conns; i++) {
        load->conns[i].fd = -1;
        load->conns[i].batch = needed(malloc(load->batch_len));
        if (load->opts.mode == MODE_HTTP)
            load->conns[i].reply = needed(calloc(1, sizeof *load->conns[i].reply));
        fill_batch(load, &load->conns[i], i);
        if (load->opts.mode != MODE_ACCEPT)
            open_conn(load, &load->conns[i]);
    }
}

static void report(const struct load *load, double seconds)
{
    static const char *const names[] = { "echo", "idle", "accept", "http" };

    printf("{\"mode\": \"%s\", \"connections\": %u, \"requests\": %" PRIu64 ", \"errors\": %" PRIu64
           ", \"bytes\": %" PRIu64 ", \"seconds\": %.6f, \"timed_out\": %s}\n",
           names[load->opts.mode], load->opened, load->answered, load->errors, load->bytes, seconds,
           load->late ? "true" : "false");
    fflush(stdout);
}

static void hold(struct load *load)
{
    if (!steer_hold(load->epoll, patience(load))) {
        fprintf(stderr, "client: a connection was lost, or time ran out, while holding\n");
        load->errors++;
    }
}

static void drive(struct load *load)
{
    const struct options *opts = &load->opts;
    int64_t began = now_ns();

    open_all(load);
    if (load->errors == 0 && opts->mode == MODE_IDLE)
        run_phase(load, opts->conns, 0);
    else if (load->errors == 0 && opts->warmup > 0)
        run_phase(load, opts->warmup, 0);

    if (load->errors == 0) {
        if (opts->mode == MODE_ACCEPT)
            load->opened = 0;           /* from here on they are what is measured */
        if (opts->mode == MODE_IDLE) {
            puts("ready");
            fflush(stdout);
            hold(load);
        } else if (!steer_ready(patience(load))) {
            load->late = true;
            load->errors++;
        } else {
            began = now_ns();
            run_phase(load, opts->requests, opts->seconds);
        }
    }
    report(load, (double)(now_ns() - began) / (double)SECOND);
    if (load->errors == 0 && opts->mode != MODE_IDLE)
        hold(load);
}

/* --- The command line ---------------------------------------------------- */

static void usage(void)
{
    fputs("usage: client [-m echo|idle|accept|http] [-c CONNS] [-n REQUESTS | -d SECONDS] [-s SIZE]\n"
          "              [-p PIPELINE] [-w WARMUP_REQUESTS] [--timeout SECONDS] HOST PORT\n"
          "defaults: -m echo -c 64 -n 100000 -s 64 -p 1 -w 0 --timeout 120; HOST is an IPv4 literal;\n"
          "-m http has requests of its own size\n",
          stderr);
    exit(2);
}

static double number(const char *text, double least, double most)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value >= least && value <= most)) {
        fprintf(stderr, "client: %s: expected a number from %.0f to %.0f\n", text, least, most);
        usage();
    }
    return value;
}

static enum mode mode_of(const char *name)
{
    if (strcmp(name, "echo") == 0)
        return MODE_ECHO;
    if (strcmp(name, "idle") == 0)
        return MODE_IDLE;
    if (strcmp(name, "http") == 0)
        return MODE_HTTP;
    if (strcmp(name, "accept") != 0)
        usage();
    return MODE_ACCEPT;
}

static void parse(struct options *opts, int argc, char **argv)
{
    static const struct option longs[] = { { "timeout", required_argument, NULL, 't' }, { 0 } };
    int c;

    *opts = (struct options){ .conns = 64, .size = 64, .pipeline = 1, .timeout = 120 };
    while ((c = getopt_long(argc, argv, "m:c:n:d:s:p:w:", longs, NULL)) != -1) {
        switch (c) {
        case 'm': opts->mode = mode_of(optarg); break;
        case 'c': opts->conns = (uint32_t)number(optarg, 1, 1e6); break;
        case 'n': opts->requests = (uint64_t)number(optarg, 1, 1e15); break;
        case 'd': opts->seconds = number(optarg, 0, 1e6); break;
        case 's': opts->size = (uint32_t)number(optarg, 1, BATCH_MAX); break;
        case 'p': opts->pipeline = (uint32_t)number(optarg, 1, 65536); break;
        case 'w': opts->warmup = (uint64_t)number(optarg, 0, 1e15); break;
        case 't': opts->timeout = number(optarg, 0, 1e6); break;
        default: usage();
        }
    }
    if (argc - optind != 2)
        usage();
    if (opts->requests == 0 && opts->seconds <= 0)
        opts->requests = 100000;
    if (opts->mode == MODE_IDLE)
        opts->pipeline = 1;
}

/* What wrk asks, so that figures can be compared with those that were made with it. Its length. */
static uint32_t write_get(const char *host, const char *port)
{
    int len = snprintf(get, sizeof get, "GET / HTTP/1.1\r\nHost: %.15s:%.5s\r\n\r\n", host, port);

    return (uint32_t)len;
}

int main(int argc, char **argv)
{
    struct load load = { .epoll = epoll_create1(EPOLL_CLOEXEC) };

    parse(&load.opts, argc, argv);
    if (load.opts.mode == MODE_HTTP)
        load.opts.size = write_get(argv[optind], argv[optind + 1]);
    uint64_t batch = (uint64_t)load.opts.size * load.opts.pipeline;
    if (batch > BATCH_MAX || batch * load.opts.conns > TOTAL_MAX) {
        fprintf(stderr, "client: too many bytes in flight\n");
        return 2;
    }
    if (!dialer_init(&load.dialer, argv[optind], argv[optind + 1]))
        usage();
    load.dialer.spread = load.opts.mode == MODE_ACCEPT;
    load.batch_len = (uint32_t)batch;
    load.conns = calloc(load.opts.conns, sizeof *load.conns);
    if (load.conns == NULL || load.epoll < 0) {
        perror("client");
        return 1;
    }
    raise_file_limit();
    drive(&load);
    return load.errors > 0;
}
