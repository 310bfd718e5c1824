/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/stack_overflow.h  The report of a task that ran off its stack.
 */
#ifndef WEIR_CORE_STACK_OVERFLOW_H
#define WEIR_CORE_STACK_OVERFLOW_H

/* Give this thread the alternate signal stack the report runs on, if reports were asked for. */
void weir__overflow_thread(void);

/* A thread of ours ends. */
void weir__overflow_thread_end(void);

#endif
