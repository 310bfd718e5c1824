/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/net_pair.c  Opening, disturbing and ending a pair; the raw far end.
 */
#include "lib/net_pair.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/run.h>

#include "core/sys_fault.h"
#include "net/transport_socket.h"

#define KERNEL_ROOM 32768       /* asked for in each direction, so that a large write fills the kernel whatever its defaults */

static const struct fault_plan cuts[NET_CUTS] = {
    { 0 }, { .cap = 1 }, { .again_every = 2 }, { .again_every = 3 }, { .cap = 1, .again_every = 3 },
};

/* --- Descriptors ---------------------------------------------------------- */

int net_open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;

    ck_assert_ptr_nonnull(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

void net_check_descriptors(int before)
{
    int now;

    mark_point();
    for (int i = 1; (now = net_open_descriptors()) != before; i++) {
        if (i == 100000)                        /* Check's limit will end this; here is why */
            fprintf(stderr, "%d descriptors are open, and %d were before\n", now, before);
        sched_yield();
    }
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in) {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

static int bound_socket(uint16_t *port)
{
    struct sockaddr_in in = loopback(0);
    socklen_t len = sizeof in;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (void *)&in, sizeof in), 0);
    ck_assert_int_eq(getsockname(fd, (void *)&in, &len), 0);
    *port = ntohs(in.sin_port);
    return fd;
}

int net_listen(int backlog, uint16_t *port)
{
    int fd = bound_socket(port);

    ck_assert_int_eq(listen(fd, backlog), 0);
    return fd;
}

int net_refused_port(uint16_t *port)
{
    return bound_socket(port);
}

int net_connect(uint16_t port)
{
    struct sockaddr_in in = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int) { KERNEL_ROOM }, sizeof(int)), 0);
    ck_assert(connect(fd, (void *)&in, sizeof in) == 0 || errno == EINPROGRESS);
    return fd;
}

/* --- Patterns ------------------------------------------------------------- */

unsigned char net_pattern(size_t at)
{
    return (unsigned char)(at * 7 + at / 251 + at / 65521);
}

unsigned char *net_pattern_new(size_t len)
{
    unsigned char *bytes = malloc(len);

    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < len; i++)
        bytes[i] = net_pattern(i);
    return bytes;
}

bool net_is_pattern(const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != net_pattern(i))
            return false;
    }
    return true;
}

/* --- Opening and ending --------------------------------------------------- */

static void on_report(weir_loop *loop, int code, const char *message, void *arg)
{
    struct net_pair *pair = arg;

    (void)loop, (void)message;
    pair->reports++;
    pair->report = code;
}

static void open_raw(struct net_pair *pair)
{
    int fds[2], code;

    if (pair->kind == NET_SOCKETPAIR) {
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    } else {
        uint16_t port;
        int listener = net_listen(1, &port);
        fds[1] = net_connect(port);
        NET_UNTIL((fds[0] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0);
        ck_assert_int_eq(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &(int) { KERNEL_ROOM }, sizeof(int)), 0);
        weir__socket_no_delay(fds[0]);
        close(listener);
    }
    pair->fd = fds[1];
    pair->near = weir__socket_transport_new(weir_get_running_loop(), fds[0], NULL, 0, pair->protocol, &pair->log, &code);
    ck_assert_ptr_nonnull(pair->near);
    ck_assert_int_eq(weir__transport_wait_start(pair->near), 0);
}

static int near_factory(void *arg, const weir_protocol **protocol, void **self)
{
    struct net_pair *pair = arg;

    *protocol = pair->protocol;
    *self = &pair->log;
    return 0;
}

static void hold_far(struct net_log *log, enum net_event event)
{
    if (event == NET_MADE)
        weir_transport_pause_reading(log->transport);
    else if (event == NET_LOST && log->code < 0)
        log->ends++;
}

static void open_memory(struct net_pair *pair)
{
    pair->fd = -1;
    pair->far_log.quiet = pair->far_log.keep_open = true;
    pair->far_log.on = hold_far;
    ck_assert_int_eq(weir_memory_pair(near_factory, pair, &pair->near, net_log_factory, &pair->far_log, &pair->far,
                                      cuts[pair->cut].cap), 0);
    weir__transport_ref(pair->near);
    weir__transport_ref(pair->far);
    NET_UNTIL(pair->log.made && pair->far_log.made);
}

struct net_scenario {
    struct net_pair *pair;
    void (*run)(struct net_pair *pair);
};

static int play(void *arg)
{
    struct net_scenario *scenario = arg;
    struct net_pair *pair = scenario->pair;

    weir_loop_set_exception_handler(weir_get_running_loop(), on_report, pair);
    weir__fault_begin(&cuts[pair->cut]);
    if (pair->kind == NET_MEMORY)
        open_memory(pair);
    else
        open_raw(pair);
    scenario->run(pair);
    if (!pair->log.lost)
        weir_transport_abort(pair->near);
    NET_UNTIL(pair->log.lost);
    weir__transport_unref(pair->near);
    if (pair->far != NULL) {
        weir_transport_abort(pair->far);
        NET_UNTIL(pair->far_log.lost);
        weir__transport_unref(pair->far);
    }
    weir__fault_end();
    if (pair->fd >= 0)
        close(pair->fd);
    return 0;
}

void net_run(struct net_pair *pair, int way, void (*run)(struct net_pair *pair))
{
    struct net_scenario scenario = { pair, run };
    int before = net_open_descriptors();

    pair->kind = (enum net_kind)(way / NET_CUTS);
    pair->cut = (unsigned)way % NET_CUTS;
    if (pair->protocol == NULL)
        pair->protocol = &net_log_plain;
    ck_assert_int_eq(weir_run(play, &scenario), 0);
    net_check_descriptors(before);
    ck_assert_uint_eq(pair->log.made, 1);
    ck_assert_uint_eq(pair->log.lost, 1);
}

void net_pair_fini(struct net_pair *pair)
{
    net_log_fini(&pair->log);
    net_log_fini(&pair->far_log);
}

void net_passes(int passes)
{
    while (passes-- > 0)
        weir_yield();
}

/* --- The far end ---------------------------------------------------------- */

void net_far_send(struct net_pair *pair, const void *data, size_t len)
{
    if (pair->far != NULL) {
        weir_transport_write(pair->far, data, len);
        return;
    }
    for (size_t sent = 0; sent < len; ) {
        ssize_t n = send(pair->fd, (const char *)data + sent, len - sent, MSG_NOSIGNAL);
        if (n > 0)
            sent += (size_t)n;
        else if (errno != EAGAIN)
            return;
        else
            weir_yield();
    }
}

void net_far_eof(struct net_pair *pair)
{
    if (pair->far != NULL)
        weir_transport_write_eof(pair->far);
    else
        shutdown(pair->fd, SHUT_WR);
}

void net_far_close(struct net_pair *pair)
{
    if (pair->far != NULL) {
        weir_transport_close(pair->far);
        return;
    }
    close(pair->fd);
    pair->fd = -1;
}

void net_far_reset(struct net_pair *pair)
{
    struct linger linger = { .l_onoff = 1 };

    ck_assert_int_eq(setsockopt(pair->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    net_far_close(pair);
}

static void read_raw(struct net_pair *pair, size_t most)
{
    struct net_log *log = &pair->far_log;
    char *buf = malloc(65536);

    ck_assert_ptr_nonnull(buf);
    while (log->len < most && !log->ends) {
        size_t want = most - log->len < 65536 ? most - log->len : 65536;
        ssize_t n = recv(pair->fd, buf, want, 0);
        if (n > 0) {
            net_log_add(log, buf, (size_t)n);
        } else if (n < 0 && errno == EAGAIN) {
            weir_yield();
        } else {
            log->ends++;
            log->code = n < 0 ? -errno : 0;
        }
    }
    free(buf);
}

void net_far_read(struct net_pair *pair, size_t most)
{
    struct net_log *log = &pair->far_log;

    if (pair->far == NULL) {
        read_raw(pair, most);
        return;
    }
    weir_transport_resume_reading(pair->far);
    NET_UNTIL(log->len >= most || log->ends || log->lost);
    if (!log->lost)
        weir_transport_pause_reading(pair->far);
}
