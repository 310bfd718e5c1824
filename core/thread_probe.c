/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/thread_probe.c  A signal to one thread, whose handler writes down where it is.
 *
 *             weir__probe              the handler                 the handler
 *      IDLE -------------> WANTED --------------------> TAKING ------------------> DONE
 *        ^                    | time is up                                           |
 *        +--------------------+------------------------------------------------------+   weir__probe
 *
 * One probe at a time, so its memory is static and nothing is allocated where the signal lands. A signal that comes too late
 * finds IDLE and does nothing.
 *
 * backtrace(3) is called once before it is needed: the first call loads the unwinder, with locks and malloc. After that it
 * takes no lock (glibc's _dl_find_object). It needs some 4 KiB of the alternate stack where the thread has one
 * (stack_overflow.c), else of the task's own, on top of what the kernel saves.
 */
#include "core/thread_probe.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#include "core/error.h"
#include "core/sys.h"
#include "core/task.h"
#include "core/task_dump.h"

#define PROBE_SIGNAL SIGURG
#define PATIENCE_NS  (2 * NS_PER_SECOND)      /* a thread that is to take a signal has to get a CPU first */

enum probe_state { PROBE_IDLE, PROBE_WANTED, PROBE_TAKING, PROBE_DONE };

static _Atomic enum probe_state state;
static weir_loop *probed_loop;          /* both set before WANTED */
static struct probed *taken;
static sem_t done;
static struct sigaction before;

/* --- Where the signal lands ----------------------------------------------- */

static const void *interrupted_at(const void *context)
{
#ifdef __x86_64__
    const ucontext_t *uc = context;
    return (const void *)(uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
#else
    (void)context;
    return NULL;
#endif
}

/* The frames of the handler itself say nothing. */
static void cut_above(struct probed *out, const void *first)
{
    for (int i = 0; i < out->frame_count; i++) {
        if (out->frames[i] != first)
            continue;
        out->frame_count -= i;
        memmove(out->frames, out->frames + i, (size_t)out->frame_count * sizeof out->frames[0]);
        return;
    }
}

static void take(struct probed *out, weir_loop *loop, const void *context)
{
    const weir_task *task = loop->current;

    out->pass_ns = atomic_load_explicit(&loop->busy_since_ns, memory_order_relaxed);
    out->switches = weir__counter_read(&loop->counters, COUNTER_SWITCHES);
    out->in_task = task != NULL;
    out->entry = task != NULL ? task->entry : NULL;
    out->task[0] = '\0';
    if (task != NULL) {
        const char *title = weir__task_title(task);
        size_t len = strnlen(title, sizeof out->task - 1);
        memcpy(out->task, title, len);
        out->task[len] = '\0';
    }
    out->frame_count = backtrace(out->frames, PROBE_FRAMES);
    cut_above(out, interrupted_at(context));
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
    int saved = errno;
    enum probe_state wanted = PROBE_WANTED;

    (void)sig, (void)info;
    if (atomic_compare_exchange_strong(&state, &wanted, PROBE_TAKING)) {
        if (probed_loop == weir__this_loop) {
            take(taken, probed_loop, context);
            atomic_store(&state, PROBE_DONE);
            sem_post(&done);
        } else {
            atomic_store(&state, PROBE_WANTED);         /* somebody's own signal, in another thread */
        }
    }
    errno = saved;
}

/* --- Who asks ------------------------------------------------------------- */

int weir__probe_start(void)
{
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK };
    void *warm[1];

    (void)backtrace(warm, 1);
    sem_init(&done, 0, 0);
    sigfillset(&action.sa_mask);
    int code = sys_sigaction(PROBE_SIGNAL, &action, &before);
    if (code < 0)
        return weir__fail_text(code, "the handler for looking at threads can't be installed");
    if ((before.sa_flags & SA_SIGINFO) == 0 && (before.sa_handler == SIG_DFL || before.sa_handler == SIG_IGN))
        return 0;
    weir__probe_stop();
    return weir__fail_text(-EBUSY, "SIGURG is handled by the program: threads can't be looked at");
}

void weir__probe_stop(void)
{
    (void)sys_sigaction(PROBE_SIGNAL, &before, NULL);
}

static bool wait_for_done(void)
{
    int64_t until_ns = sys_monotonic_ns() + PATIENCE_NS;
    struct timespec until = { .tv_sec = (time_t)(until_ns / NS_PER_SECOND), .tv_nsec = (long)(until_ns % NS_PER_SECOND) };
    enum probe_state wanted = PROBE_WANTED;

    while (sem_clockwait(&done, CLOCK_MONOTONIC, &until) < 0) {
        if (errno != EINTR && atomic_compare_exchange_strong(&state, &wanted, PROBE_IDLE))
            return false;
        if (errno != EINTR)                     /* it is at it: a moment more */
            until.tv_sec++;
        wanted = PROBE_WANTED;
    }
    return true;
}

int weir__probe(weir_loop *loop, struct probed *out)
{
    probed_loop = loop;
    taken = out;
    atomic_store(&state, PROBE_WANTED);
    int code = -pthread_kill(loop->thread, PROBE_SIGNAL);
    if (code == 0 && !wait_for_done())
        code = -ETIMEDOUT;
    (void)atomic_load(&state);                  /* after DONE, what the handler wrote is there */
    atomic_store(&state, PROBE_IDLE);
    return code;
}

/* --- What to make of it --------------------------------------------------- */

/* dladdr takes the loader's lock: a thread that is stuck inside of the loader has to wait for its turn to be named. */
const char *weir__probe_place(const void *address, char out[PROBE_TEXT])
{
    Dl_info symbol;

    if (address == NULL || dladdr(address, &symbol) == 0 || symbol.dli_fname == NULL) {
        snprintf(out, PROBE_TEXT, "%p", address);
        return out;
    }
    const char *slash = strrchr(symbol.dli_fname, '/');
    const char *object = slash != NULL ? slash + 1 : symbol.dli_fname;
    if (symbol.dli_sname != NULL && address == symbol.dli_saddr)
        snprintf(out, PROBE_TEXT, "%s", symbol.dli_sname);
    else if (symbol.dli_sname != NULL)
        snprintf(out, PROBE_TEXT, "%s+0x%zx", symbol.dli_sname, (size_t)((const char *)address - (const char *)symbol.dli_saddr));
    else
        snprintf(out, PROBE_TEXT, "%s+0x%zx", object, (size_t)((const char *)address - (const char *)symbol.dli_fbase));
    return out;
}

void weir__probe_log_frames(enum log_level level, const struct probed *probed)
{
    for (int i = 0; i < probed->frame_count; i++) {
        char place[PROBE_TEXT];
        Dl_info object;
        const void *at = probed->frames[i];
        bool known = dladdr(at, &object) != 0 && object.dli_fname != NULL;
        /* The number is part of the message, so that a log that limits repetitions takes no frame for another. */
        if (known)
            weir__log(level, "stalled at frame %d in=%s object=%s offset=0x%zx", i, weir__probe_place(at, place), object.dli_fname,
                      (size_t)((const char *)at - (const char *)object.dli_fbase));
        else
            weir__log(level, "stalled at frame %d in=%p", i, at);
    }
}
