/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/net_dealing.c  Starting, blocking, calling, ending.
 */
#include "lib/net_dealing.h"

#include <unistd.h>

#include <weir/run.h>

void dealing_init(struct dealing *d, unsigned workers)
{
    d->workers = workers;
    d->opts.all_workers = true;
    d->opts.balance = WEIR_BALANCE_EVEN;
    d->service.echo = true;
    ck_assert_int_eq(sem_init(&d->gate, 0, 0), 0);
}

void dealing_fini(struct dealing *d)
{
    sem_destroy(&d->gate);
    net_service_fini(&d->service);
}

void dealing_wait_for_step(struct dealing *d, int step)
{
    UNTIL(atomic_load(&d->step) >= step);
}

void dealing_stall_after(struct dealing *d, int64_t ns)
{
    pthread_mutex_lock(&d->service.server->lock);
    d->service.server->stall_ns = ns;
    pthread_mutex_unlock(&d->service.server->lock);
}

size_t dealing_load(struct dealing *d, unsigned worker)
{
    weir_server *server = d->service.server;

    pthread_mutex_lock(&server->lock);
    size_t load = server->parts[worker].load;
    pthread_mutex_unlock(&server->lock);
    return load;
}

size_t dealing_load_of_all(struct dealing *d)
{
    size_t load = 0;

    for (unsigned i = 0; i < d->workers; i++)
        load += dealing_load(d, i);
    return load;
}

int dealing_served_by(struct dealing *d, unsigned worker)
{
    return atomic_load(&d->service.by_worker[worker]);
}

void dealing_start(struct dealing *d, int64_t stall_ns)
{
    ck_assert_int_eq(net_service_start(&d->service, &d->opts), 0);
    ck_assert_int_eq(d->service.server->stall_ns, 100 * 1000000);
    dealing_stall_after(d, stall_ns);
}

void dealing_call(struct dealing *d, int from, int to)
{
    for (int i = from; i < to; i++) {
        size_t load = dealing_load_of_all(d);
        d->fds[i] = net_connect(net_service_port(d->service.server));
        UNTIL(dealing_load_of_all(d) == load + 1);
    }
}

bool dealing_echoes(int fd)
{
    char c = 0;

    return net_raw_send(fd, "x", 1) && net_raw_recv(fd, &c, 1) == 1 && c == 'x';
}

void dealing_hang_up(struct dealing *d, int from, int to)
{
    for (int i = from; i < to; i++)
        close(d->fds[i]);
}

void dealing_end(struct dealing *d)
{
    weir_server_close(d->service.server);
    d->got[9] = weir_server_wait_closed(d->service.server);
    weir_server_free(d->service.server);
    atomic_store(&d->step, 9);
}

int dealing_be_blocked(struct dealing *d)
{
    dealing_wait_for_step(d, 1);
    atomic_store(&d->blocked, true);
    while (sem_wait(&d->gate) < 0)
        ;
    dealing_wait_for_step(d, 9);
    return 0;
}

void dealing_block_other(struct dealing *d)
{
    atomic_store(&d->step, 1);
    UNTIL(atomic_load(&d->blocked));
}
