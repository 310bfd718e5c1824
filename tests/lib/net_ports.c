/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/net_ports.c  Binding them all, with a port that nobody has on any of them.
 */
#include "lib/net_ports.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

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
}

void net_ports_close(struct net_ports *ports)
{
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
