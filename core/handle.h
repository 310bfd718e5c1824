/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/handle.h  What call_soon, call_later and call_at return.
 */
#ifndef WEIR_CORE_HANDLE_H
#define WEIR_CORE_HANDLE_H

#include <ev.h>

#include <weir/loop.h>

#include "core/loop.h"

struct weir_handle {
    struct ready  ready;
    weir_loop    *loop;
    weir_callback cb;
    void         *arg;
    ev_timer      timer;        /* call_later and call_at; inactive otherwise */
    int64_t       due_ns;       /* FOREVER: no timer */
    struct list   waiting;      /* on loop->later while the timer runs */
    bool          live;         /* false once it ran or was cancelled, until the pool hands it out again */
};

/* For a loop that closes: callbacks that are still queued or wait for their time are discarded. */
void weir__handles_drop(weir_loop *loop);

/* Nothing will run any more: what is queued of the library's own is done now, so that it lets go of what it holds. */
void weir__calls_finish(weir_loop *loop);

#endif
