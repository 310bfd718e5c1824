/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/switch.h  The contract of a switch between two stacks of one thread.
 *
 * Saved and restored: the callee-saved registers, the stack pointer, MXCSR and the x87 control word, as a C call would
 * leave them. Not saved: the signal mask (a task must not change it across a suspension) and everything thread-local.
 * A debugger sees an ordinary call chain down to weir__switch, on either side.
 */
#ifndef WEIR_CORE_SWITCH_H
#define WEIR_CORE_SWITCH_H

#include <stddef.h>

/* Where a suspended flow of control continues. With assembly the saved stack pointer, with ucontext the address of a
 * ucontext_t that lies on the suspended stack. */
struct context {
    void *sp;
};

/* Prepare @context so that the first switch to it calls entry(arg) on the stack that ends at @top (aligned to 16) and
 * begins at @low. @entry must not return. */
void weir__switch_prepare(struct context *context, void *low, void *top, void (*entry)(void *), void *arg);

/* Save where we are in @from and go on at @to. Returns when somebody switches to @from. */
void weir__switch(struct context *from, const struct context *to);

#endif
