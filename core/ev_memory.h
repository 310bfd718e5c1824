/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/ev_memory.h  Memory for libev that cannot fail once a connection was admitted.
 *
 * libev aborts the process when its allocator returns NULL. It allocates when its arrays (descriptors, pending events,
 * timers, results of epoll) grow, each by doubling. So before a watcher is added, spare blocks are laid aside, large
 * enough for the next growth of every array: what is refused is the connection, with -ENOMEM, never the process.
 */
#ifndef WEIR_CORE_EV_MEMORY_H
#define WEIR_CORE_EV_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* [thread-safe] Take libev's allocator and error callback over; again and again is fine. */
void weir__ev_memory_install(void);

/* [thread-safe] Lay memory aside so that libev can serve @watchers watchers and descriptors below @fds. 0 or -ENOMEM. */
int weir__ev_memory_reserve(size_t watchers, size_t fds);

/* [thread-safe] Whether libev had to live on it since, so that it is to be filled up. */
bool weir__ev_memory_short(void);

#endif
