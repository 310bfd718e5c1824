/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/bare_threads.c  The floor's echo with several threads: what a second one costs a server that does nothing else.
 *
 * Each thread has a listener of its own on the same port (SO_REUSEPORT, as weir's workers have), an epoll descriptor, and
 * a buffer; what came is sent back. No framing, and nothing is kept of a connection.
 *
 * Try:  bare_threads 7000 127.0.0.1 2
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS      256
#define BUFFER      65536
#define THREADS_MOST 64

static struct sockaddr_in address;

static int make_listener(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) == 0 &&
        bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 4096) == 0)
        return fd;
    perror("bare_threads: listening");
    exit(1);
}

static void watch(int epoll, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        perror("bare_threads: epoll_ctl");
        exit(1);
    }
}

static void accept_all(int epoll, int listener)
{
    int fd, one = 1;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        watch(epoll, fd);
    }
}

static void echo(int fd, char *buffer)
{
    ssize_t got = recv(fd, buffer, BUFFER, 0);

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        close(fd);
    else if (send(fd, buffer, (size_t)got, MSG_NOSIGNAL) != got)
        perror("bare_threads: send");
}

static void *serve(void *arg)
{
    int listener = *(const int *)arg, epoll = epoll_create1(EPOLL_CLOEXEC);
    char *buffer = malloc(BUFFER);
    struct epoll_event events[EVENTS];

    if (epoll < 0 || buffer == NULL) {
        perror("bare_threads");
        exit(1);
    }
    watch(epoll, listener);
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                accept_all(epoll, listener);
            else
                echo(events[i].data.fd, buffer);
        }
    }
}

int main(int argc, char **argv)
{
    int port = argc > 1 ? atoi(argv[1]) : 0;
    int count = argc > 3 ? atoi(argv[3]) : 1;
    int listeners[THREADS_MOST];

    address = (struct sockaddr_in) { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    if (port <= 0 || port > 65535 || count < 1 || count > THREADS_MOST ||
        inet_pton(AF_INET, argc > 2 ? argv[2] : "127.0.0.1", &address.sin_addr) != 1) {
        fputs("usage: bare_threads PORT [HOST [THREADS]]\n", stderr);
        return 2;
    }
    for (int i = 0; i < count; i++)             /* all of them before anybody is served: the kernel then shares out evenly */
        listeners[i] = make_listener();
    for (int i = 1; i < count; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, &listeners[i]) != 0) {
            fputs("bare_threads: no thread\n", stderr);
            return 1;
        }
    }
    serve(&listeners[0]);
}
