/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/net_service.c  The factory of a recording server, and raw clients for it.
 */
#include "lib/net_service.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/run.h>

static void count_made(struct net_service *service)
{
    int now = atomic_fetch_add(&service->now, 1) + 1;
    int most = atomic_load(&service->most);

    while (now > most && !atomic_compare_exchange_weak(&service->most, &most, now))
        ;
    atomic_fetch_add(&service->by_worker[weir_worker_index() % 8], 1);
    atomic_fetch_add(&service->made, 1);
}

static void on_event(struct net_log *log, enum net_event event)
{
    struct net_service *service = log->user;

    if (event == NET_DATA && service->echo)
        weir_transport_write(log->transport, log->bytes + log->len - log->last, log->last);
    if (event == NET_MADE && service->free_in_made)
        weir_server_free(service->server);
    if (event == NET_MADE)
        count_made(service);
    if (event == NET_LOST) {
        atomic_fetch_sub(&service->now, 1);
        atomic_fetch_add(&service->lost, 1);
        if (service->when_lost != NULL)
            service->when_lost(service);
    }
}

int net_service_factory(void *arg, const weir_protocol **protocol, void **self)
{
    struct net_service *service = arg;
    int index = atomic_fetch_add(&service->asked, 1);

    if (service->free_in_factory)
        weir_server_free(service->server);
    if (service->refuse < 0)
        return service->refuse;
    service->log[index % NET_CLIENTS].user = service;
    service->log[index % NET_CLIENTS].on = on_event;
    return net_log_factory(&service->log[index % NET_CLIENTS], protocol, self);
}

int net_service_start(struct net_service *service, const weir_server_options *opts)
{
    return weir_loop_create_server(weir_get_running_loop(), net_service_factory, service, "127.0.0.1", 0, opts,
                                   &service->server);
}

uint16_t net_service_port(const weir_server *server)
{
    weir_address address = { .len = sizeof address.storage };
    int fd = -1;

    ck_assert_uint_ge(weir_server_sockets(server, &fd, 1), 1);
    ck_assert_int_eq(getsockname(fd, (void *)&address.storage, &address.len), 0);
    return weir_address_port(&address);
}

void net_service_fini(struct net_service *service)
{
    for (int i = 0; i < NET_CLIENTS; i++)
        net_log_fini(&service->log[i]);
}

int net_service_call(struct net_service *service, uint16_t port)
{
    int made = atomic_load(&service->made);
    int fd = net_connect(port);

    NET_UNTIL(atomic_load(&service->made) > made);
    return fd;
}

bool net_raw_send(int fd, const void *data, size_t len)
{
    for (size_t sent = 0; sent < len; ) {
        ssize_t n = send(fd, (const char *)data + sent, len - sent, MSG_NOSIGNAL);
        if (n > 0)
            sent += (size_t)n;
        else if (errno != EAGAIN)
            return false;
        else
            weir_yield();
    }
    return true;
}

size_t net_raw_recv(int fd, void *data, size_t len)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = recv(fd, (char *)data + got, len - got, 0);
        if (n > 0)
            got += (size_t)n;
        else if (n < 0 && errno == EAGAIN)
            weir_yield();
        else
            break;
    }
    return got;
}

bool net_refused(uint16_t port)
{
    struct pollfd poll_it = { .fd = net_connect(port), .events = POLLOUT };
    int error = 0;
    socklen_t len = sizeof error;

    NET_UNTIL(poll(&poll_it, 1, 0) == 1);
    ck_assert_int_eq(getsockopt(poll_it.fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
    close(poll_it.fd);
    return error == ECONNREFUSED;
}
