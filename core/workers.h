/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/workers.h  Worker threads, each with its own loop.
 */
#ifndef WEIR_CORE_WORKERS_H
#define WEIR_CORE_WORKERS_H

#include <stdbool.h>

#include <weir/loop.h>

/* As weir_run_workers, with a choice about pinning. */
int weir__workers_run(unsigned count, bool pin, int (*main)(void *arg), void *arg);

/* [thread-safe] weir_loop_call_soon_threadsafe to a worker's loop, which cannot end in between. -ESRCH: no such worker. */
int weir__worker_call(unsigned index, weir_callback cb, void *arg);

/* How many CPUs this process may use. */
unsigned weir__cpu_count(void);

#endif
