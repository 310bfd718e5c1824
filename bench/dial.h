/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/dial.h  Many connections to one address, with source ports to spare.
 *
 * One loopback source has about 28,000 ports, and a closed connection keeps its
 * port for a minute. Towards 127.0.0.0/8 a dialer therefore goes through
 * several sources: round and round when asked to spread, else the next one when
 * the ports of this one have run out.
 */
#ifndef BENCH_DIAL_H
#define BENCH_DIAL_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define DIAL_SOURCES   64       /* 127.0.0.1 to .64: 1.8 million connections at once, or in a minute */
#define DIAL_TIMEOUT_S 10       /* a full backlog answers only after SYN retries of 1, 2, 4 s */

struct dialer {
    struct sockaddr_in to;
    unsigned           source;  /* 0: the kernel chooses, else 127.0.0.source */
    bool               spread;  /* a new source for each connection */
};

/* False unless @host is an IPv4 literal and @port a number that fits. */
static inline bool dialer_init(struct dialer *d, const char *host, const char *port)
{
    char *end;
    unsigned long number = strtoul(port, &end, 10);

    *d = (struct dialer){ .to = { .sin_family = AF_INET } };
    if (*end != '\0' || number == 0 || number > 65535)
        return false;
    d->to.sin_port = htons((uint16_t)number);
    return inet_pton(AF_INET, host, &d->to.sin_addr) == 1;
}

static inline bool dialer_next_source(struct dialer *d)
{
    if (ntohl(d->to.sin_addr.s_addr) >> 24 != 127)
        return false;
    d->source = d->source % DIAL_SOURCES + 1;
    return true;
}

/* One attempt from the present source: a descriptor, or -errno. */
static inline int dial_once(const struct dialer *d)
{
    struct timeval patience = { .tv_sec = DIAL_TIMEOUT_S };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    int code;

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);    /* bounds connect */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (d->source != 0) {
        struct sockaddr_in from = { .sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(0x7f000000u + d->source) };

        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0)
            goto fail;
    }
    if (connect(fd, (const struct sockaddr *)&d->to, sizeof d->to) < 0)
        goto fail;
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        goto fail;
    return fd;
fail:
    code = -errno;
    close(fd);
    return code == -EINPROGRESS ? -ETIMEDOUT : code;
}

/*
 * Open one connection, TCP_NODELAY, non-blocking from here on. The connect
 * itself blocks: on loopback it is over before the call returns.
 *
 * returns  a descriptor of the caller's, or -errno
 */
static inline int dial(struct dialer *d)
{
    int fd = -EADDRNOTAVAIL;

    if (d->spread)
        dialer_next_source(d);
    for (int i = 0; i <= DIAL_SOURCES && fd == -EADDRNOTAVAIL; i++) {
        if (i > 0 && !dialer_next_source(d))
            break;
        fd = dial_once(d);
    }
    return fd;
}

/* As many descriptors as the system lets us have. */
static inline void raise_file_limit(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

#endif
