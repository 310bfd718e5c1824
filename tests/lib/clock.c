/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/clock.c  clock_gettime, gettimeofday, epoll_wait and epoll_ctl, defined here for the whole test program.
 */
#include "lib/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "core/loop.h"

#define NS 1000000000LL
#define START (1000 * NS)

static atomic_bool faked, looped;       /* looped: a loop has polled with the fake clock */
static _Atomic int64_t now_ns = START, wall_ns = START + 1700000000 * NS;
static _Atomic uint64_t waits, ctls;
static atomic_uint empty_polls;
static atomic_uint ctl_failures;
static atomic_int ctl_error;
static bool (*when_idle)(void);         /* of the thread that set it, which runs the loop */

void clock_fake(void)
{
    atomic_store(&faked, true);
}

void clock_real(void)
{
    atomic_store(&faked, false);
}

void clock_advance(double seconds)
{
    atomic_fetch_add(&now_ns, (int64_t)(seconds * NS));
    atomic_fetch_add(&wall_ns, (int64_t)(seconds * NS));
}

void clock_when_idle(bool (*hook)(void))
{
    when_idle = hook;
}

void clock_jump_wall(double seconds)
{
    atomic_fetch_add(&wall_ns, (int64_t)(seconds * NS));
}

double clock_now(void)
{
    return (double)(atomic_load(&now_ns) - START) / NS;
}

uint64_t epoll_waits(void)
{
    return atomic_load(&waits);
}

uint64_t epoll_ctls(void)
{
    return atomic_load(&ctls);
}

void epoll_ctl_fail(unsigned calls, int error)
{
    atomic_store(&ctl_error, error);
    atomic_store(&ctl_failures, calls);
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    /* When the loop is done it is Check that asks, for how long the test took: a made-up time would be no duration. */
    bool over = weir__this_loop == NULL && atomic_load_explicit(&looped, memory_order_relaxed);
    if (!atomic_load_explicit(&faked, memory_order_relaxed) || over)
        return (int)syscall(SYS_clock_gettime, clock, out);

    int64_t ns = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ? atomic_load(&wall_ns) : atomic_load(&now_ns);
    out->tv_sec = ns / NS;
    out->tv_nsec = ns % NS;
    return 0;
}

/* What libev asks for the wall clock. */
int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    int code = clock_gettime(CLOCK_REALTIME, &now);

    (void)zone;
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return code;
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms)
{
    atomic_fetch_add_explicit(&waits, 1, memory_order_relaxed);
    if (!atomic_load_explicit(&faked, memory_order_relaxed) || timeout_ms < 0)
        return (int)syscall(SYS_epoll_pwait, epoll, events, most, timeout_ms, NULL, 8);

    atomic_store_explicit(&looped, true, memory_order_relaxed);
    int count = (int)syscall(SYS_epoll_pwait, epoll, events, most, 0, NULL, 8);
    if (count == 0 && timeout_ms > 0 && when_idle != NULL && when_idle())
        return (int)syscall(SYS_epoll_pwait, epoll, events, most, -1, NULL, 8);
    if (count == 0 && timeout_ms > 0)           /* nothing to do until then: it is then */
        clock_advance(timeout_ms / 1e3);
    else if (count == 0 && ++empty_polls % 4 == 0)
        clock_advance(1e-6);                    /* libev polls without waiting until a timer lies in the past, not now */
    return count;
}

int epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
    unsigned left = atomic_load(&ctl_failures);

    atomic_fetch_add_explicit(&ctls, 1, memory_order_relaxed);
    if (left > 0) {
        atomic_store(&ctl_failures, left - 1);
        errno = atomic_load(&ctl_error);
        return -1;
    }
    return (int)syscall(SYS_epoll_ctl, epoll, op, fd, event);
}
