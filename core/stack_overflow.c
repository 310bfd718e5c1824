/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/stack_overflow.c  Names the task whose stack was too small, and lets the process end by the signal.
 *
 * The one place where the library writes to standard error, and only in a program that asked for it: there is no way
 * back from here, and nobody else could say what happened. Everything called is async-signal-safe but dladdr, which
 * takes the loader's lock; a fault on a guard page does not come from inside the loader.
 */
#include <weir/run.h>

#include "core/stack_overflow.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/sys.h"
#include "core/task.h"

#include <sys/auxv.h>                           /* after <ev.h>, whose EV_NONE is a macro of <elf.h> */

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif
#define REPORT_STACK ((size_t)16 * 1024)        /* on top of what the kernel needs for the frame itself */

static atomic_bool installed;
static struct sigaction before_segv, before_bus;

static void write_text(const char *text)
{
    (void)sys_write(STDERR_FILENO, text, strlen(text));
}

static void write_number(const char *before, size_t n, const char *after)
{
    char digits[24];
    char *at = digits + sizeof digits - 1;

    *at = '\0';
    do {
        *--at = (char)('0' + n % 10);
    } while ((n /= 10) > 0);
    write_text(before);
    write_text(at);
    write_text(after);
}

static void write_address(const void *address)
{
    char text[2 + 2 * sizeof address + 1] = "0x";
    uintptr_t bits = (uintptr_t)address;

    for (size_t i = 0; i < 2 * sizeof address; i++)
        text[2 + i] = "0123456789abcdef"[bits >> (8 * sizeof address - 4 * (i + 1)) & 15];
    text[sizeof text - 1] = '\0';
    write_text(text);
}

static void report(const weir_task *task)
{
    Dl_info symbol;

    write_text("weir: stack overflow in task ");
    write_text(task->name != NULL ? task->name : task->label);
    write_text(", handler ");
    if (dladdr(task->entry, &symbol) != 0 && symbol.dli_sname != NULL) {
        write_text(symbol.dli_sname);
    } else {
        write_address(task->entry);
        if (dladdr(task->entry, &symbol) != 0 && symbol.dli_fname != NULL) {
            write_text(" in ");
            write_text(symbol.dli_fname);
            write_text("+");
            write_address((const void *)((uintptr_t)task->entry - (uintptr_t)symbol.dli_fbase));
        }
    }
    write_number(": its stack of ", task->stack.size / 1024, " KiB is full; set a larger stack_size\n");
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    const weir_task *task = weir__task_current();

    (void)context;
    if (task != NULL && weir__stack_guards(&task->loop->stacks, &task->stack, info->si_addr))
        report(task);

    /* Ours or not, what was there before us decides: the faulting instruction runs again and meets it. */
    (void)sys_sigaction(sig, sig == SIGSEGV ? &before_segv : &before_bus, NULL);
    if (info->si_code <= 0)                     /* sent by kill or raise: there is no instruction to run again */
        (void)raise(sig);
}

/* The stack reports run on: one for each loop thread, for as long as the thread lives. */
static _Thread_local void *alternate;
static _Thread_local size_t alternate_size;

void weir__overflow_thread(void)
{
    stack_t now;

    if (!atomic_load(&installed) || alternate != NULL)
        return;
    if (sigaltstack(NULL, &now) == 0 && (now.ss_flags & SS_DISABLE) == 0)
        return;                                 /* the program has one of its own */
    size_t size = getauxval(AT_MINSIGSTKSZ) + REPORT_STACK;
    alternate = sys_map_stacks(size);
    if (alternate == NULL)
        return;                                 /* no report then; the overflow still ends the process */
    alternate_size = size;
    stack_t stack = { .ss_sp = alternate, .ss_size = size };
    (void)sigaltstack(&stack, NULL);
}

void weir__overflow_thread_end(void)
{
    stack_t none = { .ss_flags = SS_DISABLE };

    if (alternate == NULL)
        return;
    (void)sigaltstack(&none, NULL);
    sys_unmap(alternate, alternate_size);
    alternate = NULL;
}

int weir_report_stack_overflow(void)
{
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };

    if (atomic_exchange(&installed, true))
        return 0;
    sigemptyset(&action.sa_mask);
    int code = sys_sigaction(SIGSEGV, &action, &before_segv);
    if (code == 0) {
        code = sys_sigaction(SIGBUS, &action, &before_bus);
        if (code < 0)
            (void)sys_sigaction(SIGSEGV, &before_segv, NULL);
    }
    if (code < 0) {
        atomic_store(&installed, false);
        return weir__fail_text(code, "the handler for stack overflows can't be installed");
    }
    weir__overflow_thread();
    return 0;
}
