/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/switch_ucontext.c  The switch for machines without one in assembly: slower (it saves the signal mask by a system
 * call), otherwise the same.
 */
#include "core/switch.h"

#include <stdint.h>
#include <ucontext.h>

/* makecontext passes ints, so pointers travel in halves. */
static void enter(unsigned entry_high, unsigned entry_low, unsigned arg_high, unsigned arg_low)
{
    void (*entry)(void *) = (void (*)(void *))(((uintptr_t)entry_high << 16 << 16) | entry_low);
    void *arg = (void *)(((uintptr_t)arg_high << 16 << 16) | arg_low);

    entry(arg);
}

void weir__switch_prepare(struct context *context, void *low, void *top, void (*entry)(void *), void *arg)
{
    /* The context lives at the top of the stack it describes. */
    ucontext_t *uc = (void *)(((uintptr_t)top - sizeof *uc) & ~(uintptr_t)63);
    uintptr_t entry_bits = (uintptr_t)entry;
    uintptr_t arg_bits = (uintptr_t)arg;

    getcontext(uc);
    uc->uc_stack.ss_sp = low;
    uc->uc_stack.ss_size = (size_t)((char *)uc - (char *)low);
    uc->uc_link = NULL;
    makecontext(uc, (void (*)(void))enter, 4, (unsigned)(entry_bits >> 16 >> 16), (unsigned)entry_bits,
                (unsigned)(arg_bits >> 16 >> 16), (unsigned)arg_bits);
    context->sp = uc;
}

void weir__switch(struct context *from, const struct context *to)
{
    ucontext_t here;            /* on the stack that is left; it stays until we come back */

    from->sp = &here;
    swapcontext(&here, to->sp);
}
