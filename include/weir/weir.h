/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <weir/weir.h>  All of weir in one include.
 *
 * asyncio's Class.method is weir_<class>_<method> here, and a module's function
 * is weir_<function>: who knows the one can guess the other. Each header can
 * also be included by itself.
 *
 *      address.h    socket addresses: parsed, printed, compared
 *      bytes.h      views of bytes, and integers inside them
 *      error.h      codes, their texts, and where the library logs
 *      loop.h       callbacks, timers, signals, other threads
 *      run.h        from main() into tasks: weir_run, weir_serve
 *      server.h     listening sockets, and a handler for each client
 *      streams.h    a connection as a reader and a writer
 *      sync.h       locks, events, semaphores, queues between tasks
 *      task.h       functions that can wait, and deadlines
 *      transport.h  connections as callbacks
 *
 * Loop      Everything belongs to the loop that made it, and is used on that
 *           loop's thread, except where a function says [thread-safe].
 * Owner     Each header says who frees what.
 * Bytes     A weir_bytes is a view, never an owner.
 */
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

#include <weir/address.h>
#include <weir/bytes.h>
#include <weir/error.h>
#include <weir/loop.h>
#include <weir/run.h>
#include <weir/server.h>
#include <weir/streams.h>
#include <weir/sync.h>
#include <weir/task.h>
#include <weir/transport.h>

#endif
