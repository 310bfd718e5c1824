/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/loop_signal.h  What the loop does for weir_loop_add_signal_handler.
 */
#ifndef WEIR_CORE_LOOP_SIGNAL_H
#define WEIR_CORE_LOOP_SIGNAL_H

#include <stdbool.h>

#include <weir/loop.h>

#include "core/export.h"

/* Call the handlers of @loop whose signals came since the last time. */
void weir__signals_deliver(weir_loop *loop);

/* Whether a signal came that a loop handles, and that loop has not called back yet. [thread-safe] */
FOR_PROGRAM bool weir__signal_waiting(int sig);

/* Remove every handler of @loop; the dispositions from before are put back. */
void weir__signals_forget(weir_loop *loop);

#endif
