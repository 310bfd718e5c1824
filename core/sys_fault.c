/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/sys_fault.c  Test builds only: counts the seam's calls and fails those that the plan names.
 *
 * Atomics, since executor threads and workers pass the seam too; a plan is set while nothing else runs.
 */
#include "core/sys_fault.h"

#include <stdatomic.h>

static struct fault_plan plan;
static atomic_bool active;
static _Atomic uint64_t seen[SYS_CALLS], matched, failed, transfers;

static const struct {
    const char *name;
    int code;                   /* what it fails with unless the plan says; 0: it cannot fail */
} calls[SYS_CALLS] = {
    [SYS_ALLOC] = { "alloc", -ENOMEM },           [SYS_MMAP] = { "mmap", -ENOMEM },
    [SYS_MADVISE] = { "madvise", -EINVAL },       [SYS_MPROTECT] = { "mprotect", -ENOMEM },
    [SYS_EVENTFD] = { "eventfd", -EMFILE },       [SYS_READ] = { "read", -EAGAIN },
    [SYS_WRITE] = { "write", -EAGAIN },           [SYS_CLOSE] = { "close", 0 },
    [SYS_THREAD] = { "thread", -EAGAIN },         [SYS_SOCKET] = { "socket", -EMFILE },
    [SYS_BIND] = { "bind", -EADDRINUSE },         [SYS_LISTEN] = { "listen", -EADDRINUSE },
    [SYS_ACCEPT] = { "accept", -EMFILE },         [SYS_CONNECT] = { "connect", -ECONNREFUSED },
    [SYS_GETSOCKNAME] = { "getsockname", -ENOBUFS }, [SYS_GETPEERNAME] = { "getpeername", -ENOTCONN },
    [SYS_SETSOCKOPT] = { "setsockopt", -ENOBUFS }, [SYS_GETSOCKOPT] = { "getsockopt", -ENOBUFS },
    [SYS_NONBLOCK] = { "nonblock", -EBADF },
    [SYS_SHUTDOWN] = { "shutdown", -ENOTCONN },   [SYS_RECV] = { "recv", -ECONNRESET },
    [SYS_SEND] = { "send", -ECONNRESET },         [SYS_GETADDRINFO] = { "getaddrinfo", -EIO },
    [SYS_GETNAMEINFO] = { "getnameinfo", -EIO },  [SYS_SIGACTION] = { "sigaction", -EINVAL },
    [SYS_LSTAT] = { "lstat", -EACCES },           [SYS_CHMOD] = { "chmod", -EPERM },
    [SYS_UNLINK] = { "unlink", -EPERM },         [SYS_EPOLL_CREATE] = { "epoll_create", -EMFILE },
    [SYS_EPOLL_CTL] = { "epoll_ctl", -ENOMEM },  [SYS_EPOLL_WAIT] = { "epoll_wait", -EINTR },
    [SYS_FSTAT] = { "fstat", -EIO },              [SYS_SENDFILE] = { "sendfile", -ECONNRESET },
    [SYS_PREAD] = { "pread", -EIO },              [SYS_SEEK] = { "seek", -EIO },
    [SYS_DUP] = { "dup", -EMFILE },
};

void weir__fault_begin(const struct fault_plan *next)
{
    plan = *next;
    for (int i = 0; i < SYS_CALLS; i++)
        atomic_store(&seen[i], 0);
    atomic_store(&matched, 0);
    atomic_store(&failed, 0);
    atomic_store(&transfers, 0);
    atomic_store(&active, true);
}

uint64_t weir__fault_end(void)
{
    atomic_store(&active, false);
    return atomic_load(&failed);
}

uint64_t weir__fault_seen(enum sys_call call)
{
    return call == SYS_CALLS ? atomic_load(&matched) : atomic_load(&seen[call]);
}

const char *weir__fault_name(enum sys_call call)
{
    return calls[call].name;
}

int weir__fault(enum sys_call call)
{
    if (!atomic_load_explicit(&active, memory_order_relaxed))
        return 0;

    atomic_fetch_add(&seen[call], 1);
    if (plan.again_every > 0 && (call == SYS_RECV || call == SYS_SEND || call == SYS_ACCEPT || call == SYS_SENDFILE)) {
        uint64_t n = atomic_fetch_add(&transfers, 1) + 1;
        if (n % plan.again_every == 0)
            return n / plan.again_every % 2 == 0 ? -EAGAIN : -EINTR;
    }
    if (calls[call].code == 0 || (plan.only != 0 && (plan.only & (1ULL << call)) == 0))
        return 0;

    uint64_t n = atomic_fetch_add(&matched, 1) + 1;
    if (plan.fail_at == 0 || (plan.from_then_on ? n < plan.fail_at : n != plan.fail_at))
        return 0;
    atomic_fetch_add(&failed, 1);
    return plan.code != 0 ? plan.code : calls[call].code;
}

size_t weir__fault_cap(enum sys_call call, size_t len)
{
    (void)call;
    if (!atomic_load_explicit(&active, memory_order_relaxed) || plan.cap == 0)
        return len;
    return len < plan.cap ? len : plan.cap;
}
