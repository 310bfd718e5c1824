/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/net_ports.c  Binding them all, with a port that nobody has on any of them.
 */
#include "lib/net_ports.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <check.h>

#include "lib/clock.h"

/* --- Answers on their way ------------------------------------------------------- */

#define WATCHED_MOST 64

static struct net_ports *open_ports;    /* NULL: none, and connect is the system's */
static int watched[WATCHED_MOST];       /* descriptors whose connect will be answered, closed ones among them */
static size_t watched_count;

static bool will_answer(const struct sockaddr *address, socklen_t len)
{
    weir_address called;

    weir__address_set(&called, address, len);
    for (size_t i = 0; i < open_ports->count; i++) {
        if (weir_address_eq(&called, &open_ports->list.items[i]))
            return tolower((unsigned char)open_ports->kinds[i]) != 'h';
    }
    return false;
}

static void watch(int fd, bool answered)
{
    size_t at = 0;

    while (at < watched_count && watched[at] != fd)
        at++;
    if (at < watched_count && !answered)        /* an old one of the same number */
        watched[at] = watched[--watched_count];
    else if (at == watched_count && answered && watched_count < WATCHED_MOST)
        watched[watched_count++] = fd;
}

int connect(int fd, const struct sockaddr *address, socklen_t len)
{
    if (open_ports != NULL)
        watch(fd, will_answer(address, len));
    return (int)syscall(SYS_connect, fd, address, len);
}

static bool is_one_on_its_way(void)
{
    for (size_t i = 0; open_ports != NULL && i < watched_count; i++) {
        struct pollfd asked = { .fd = watched[i], .events = POLLOUT };
        if (poll(&asked, 1, 0) == 0)
            return true;
    }
    return false;
}

/* --- Ports ------------------------------------------------------------------------ */

static int bind_to(weir_address *address)
{
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    if (bind(fd, (void *)&address->storage, address->len) == 0) {
        ck_assert_int_eq(getsockname(fd, (void *)&address->storage, &address->len), 0);
        return fd;
    }
    ck_assert_int_eq(errno, EADDRINUSE);
    close(fd);
    return -1;
}

/* false: somebody has the port on one of them. */
static bool bind_all(struct net_ports *ports, const char *kinds)
{
    ports->port = 0;
    for (ports->count = 0; kinds[ports->count] != '\0'; ports->count++) {
        weir_address address;
        char host[32];
        snprintf(host, sizeof host, isupper((unsigned char)kinds[ports->count]) ? "::1" : "127.0.0.%zu", ports->count + 1);
        ck_assert_int_eq(weir_address_parse(&address, host, ports->port), 0);
        ports->holders[ports->count] = bind_to(&address);
        if (ports->holders[ports->count] < 0)
            return false;
        ports->port = weir_address_port(&address);
        ck_assert_int_eq(weir__address_list_add(&ports->list, (const void *)&address.storage, address.len), 0);
    }
    return true;
}

static void close_all(struct net_ports *ports)
{
    for (size_t i = 0; i < ports->count; i++)
        close(ports->holders[i]);
    weir__address_list_fini(&ports->list);
}

static void fill(struct net_ports *ports, size_t which)
{
    const weir_address *address = &ports->list.items[which];

    for (int i = 0; i < FILLERS; i++) {
        int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        ck_assert(connect(fd, (const void *)&address->storage, address->len) == 0 || errno == EINPROGRESS);
        ports->fillers[which][i] = fd;
    }
}

void net_ports_open(struct net_ports *ports, const char *kinds)
{
    int tries = 0;

    ck_assert_uint_le(strlen(kinds), PORTS_MOST);
    memset(ports, 0, sizeof *ports);
    memset(ports->fillers, 0xff, sizeof ports->fillers);
    memcpy(ports->kinds, kinds, strlen(kinds));
    while (!bind_all(ports, kinds)) {
        close_all(ports);
        ck_assert_int_lt(++tries, 100);
    }
    for (size_t i = 0; i < ports->count; i++) {
        char kind = (char)tolower((unsigned char)kinds[i]);
        if (kind != 'r')
            ck_assert_int_eq(listen(ports->holders[i], kind == 'h' ? 0 : 100), 0);
        if (kind == 'h')
            fill(ports, i);
    }
    watched_count = 0;
    open_ports = ports;
    clock_when_idle(is_one_on_its_way);
}

void net_ports_close(struct net_ports *ports)
{
    open_ports = NULL;
    clock_when_idle(NULL);
    for (size_t i = 0; i < ports->count; i++) {
        for (int j = 0; j < FILLERS && ports->fillers[i][j] >= 0; j++)
            close(ports->fillers[i][j]);
    }
    close_all(ports);
}

bool net_has_ipv6(const char *what)
{
    struct sockaddr_in6 loopback = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (void *)&loopback, sizeof loopback) == 0;

    if (fd >= 0)
        close(fd);
    if (!has)
        fprintf(stderr, "skipped: %s: this machine has no ::1\n", what);
    return has;
}
