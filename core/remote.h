/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/remote.h  Calling a function on another loop's thread and waiting for what it returns.
 */
#ifndef WEIR_CORE_REMOTE_H
#define WEIR_CORE_REMOTE_H

#include <weir/loop.h>

/*
 * Run fn(arg) on the loop's own stack, in @loop's thread.                           [suspends]
 *
 * On the caller's own loop it is called at once. fn must not suspend. The wait is seen through: a cancel is kept for the
 * task's next wait, and the enclosing deadline does not end it. Returns fn's result, -ESHUTDOWN when that loop has closed,
 * or -ENOMEM.
 */
int weir__remote_call(weir_loop *loop, int (*fn)(void *arg), void *arg);

#endif
