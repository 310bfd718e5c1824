/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/stream_raw.c  Plain sockets on the loopback, for a far end that is not weir's.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/stream_far.h"

/* A few KiB each way, so that a peer that does not read is soon noticed. */
static void small_buffers(int fd)
{
    int size = 4096;

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

int raw_listen(void)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    small_buffers(fd);
    if (fd < 0 || bind(fd, (void *)&addr, sizeof addr) < 0 || listen(fd, 16) < 0)
        abort();
    return fd;
}

int raw_port(int fd)
{
    struct sockaddr_in addr = { 0 };
    socklen_t len = sizeof addr;

    if (getsockname(fd, (void *)&addr, &len) < 0)
        abort();
    return ntohs(addr.sin_port);
}

int raw_accept(int listener)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) < 0 && errno == EAGAIN) {
        if (weir_yield() < 0)
            break;
    }
    return fd;
}

int raw_connect(int port)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval most = { .tv_sec = 20 };

    addr.sin_port = htons((uint16_t)port);
    /* On the loopback a connect succeeds as soon as the backlog has room: nobody has to accept first. */
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    if (fd < 0 || connect(fd, (void *)&addr, sizeof addr) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

void raw_send(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN)
            return;
        if (n < 0 && weir_yield() < 0)
            return;
        at += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
}

size_t raw_recv(int fd, void *buf, size_t len)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = recv(fd, (char *)buf + got, len - got, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            break;
        if (n < 0 && weir_yield() < 0)
            break;
        got += n > 0 ? (size_t)n : 0;
    }
    return got;
}

void raw_reset(int fd)
{
    struct linger hard = { .l_onoff = 1, .l_linger = 0 };

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
}

int open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;

    if (dir == NULL)
        abort();
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count - 3;                           /* ".", "..", and the directory's own */
}
