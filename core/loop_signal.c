/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/loop_signal.c  Signal handlers that run in a loop.
 *
 * A table of our own, since libev allows one loop per signal and aborts on a second. The real handler marks the entry and
 * makes the loop's wake descriptor readable; the loop then calls back like for any other event. Bursts may become one
 * call. A signal belongs to one loop at a time.
 */
#include "core/loop_signal.h"

#include <stdatomic.h>
#include <string.h>

#include "core/error.h"
#include "core/loop.h"
#include "core/sys.h"

#define SIGNALS 65              /* 1 .. 64 */

struct entry {
    _Atomic(struct inbox *) inbox;      /* of the loop that wants it; NULL: none. Read by the real handler */
    atomic_bool      came;
    weir_loop       *loop;
    weir_callback    cb;
    void            *arg;
    struct sigaction before;
};

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry table[SIGNALS];

/* Async-signal-safe: two atomics and a write(2). */
static void on_signal(int sig)
{
    int saved = errno;
    struct entry *entry = &table[sig];

    atomic_store(&entry->came, true);
    struct inbox *inbox = atomic_load(&entry->inbox);
    if (inbox != NULL)
        weir__inbox_wake(inbox);
    errno = saved;
}

static int check(weir_loop *loop, int sig)
{
    if (sig < 1 || sig >= SIGNALS)
        return weir__fail_text(-EINVAL, "signal %d: a number from 1 to %d is needed", sig, SIGNALS - 1);
    if (weir__loop_foreign(loop))
        return weir__fail_text(WEIR_ESTATE, "called from a thread that does not run this loop");
    return 0;
}

int weir_loop_add_signal_handler(weir_loop *loop, int sig, weir_callback cb, void *arg)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    int code = check(loop, sig);

    if (code < 0)
        return code;
    if (sig == SIGKILL || sig == SIGSTOP)
        return weir__fail_text(WEIR_ESTATE, "signal %d can't be caught", sig);
    if (loop->closed)
        return weir__fail(-ESHUTDOWN);

    pthread_mutex_lock(&table_lock);
    struct entry *entry = &table[sig];
    if (entry->loop != NULL && entry->loop != loop) {
        code = weir__fail_text(WEIR_ESTATE, "signal %d is handled by another loop", sig);
    } else {
        entry->cb = cb;
        entry->arg = arg;
        if (entry->loop == NULL) {
            atomic_store(&entry->came, false);
            entry->loop = loop;
            atomic_store(&entry->inbox, loop->inbox);
            sigfillset(&action.sa_mask);
            code = sys_sigaction(sig, &action, &entry->before);
            if (code < 0) {
                atomic_store(&entry->inbox, NULL);
                entry->loop = NULL;
                weir__fail_text(code, "signal %d can't be caught", sig);
            }
        }
    }
    pthread_mutex_unlock(&table_lock);
    return code;
}

/* With the lock held. */
static void forget(int sig)
{
    struct entry *entry = &table[sig];

    (void)sys_sigaction(sig, &entry->before, NULL);
    atomic_store(&entry->inbox, NULL);
    entry->loop = NULL;
}

int weir_loop_remove_signal_handler(weir_loop *loop, int sig)
{
    int code = check(loop, sig);
    int removed = 0;

    if (code < 0)
        return code;
    pthread_mutex_lock(&table_lock);
    if (table[sig].loop == loop) {
        forget(sig);
        removed = 1;
    }
    pthread_mutex_unlock(&table_lock);
    return removed;
}

void weir__signals_forget(weir_loop *loop)
{
    pthread_mutex_lock(&table_lock);
    for (int sig = 1; sig < SIGNALS; sig++) {
        if (table[sig].loop == loop)
            forget(sig);
    }
    pthread_mutex_unlock(&table_lock);
}

bool weir__signal_waiting(int sig)
{
    return sig > 0 && sig < SIGNALS && atomic_load(&table[sig].inbox) != NULL && atomic_load(&table[sig].came);
}

void weir__signals_deliver(weir_loop *loop)
{
    for (int sig = 1; sig < SIGNALS; sig++) {
        struct entry *entry = &table[sig];
        /* Not locked: an entry of this loop changes only in this thread, and others are only looked at. */
        if (atomic_load_explicit(&entry->inbox, memory_order_relaxed) != loop->inbox)
            continue;
        if (atomic_exchange(&entry->came, false))
            entry->cb(entry->arg);
    }
}
