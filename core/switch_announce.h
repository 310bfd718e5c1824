/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/switch_announce.h  Tells AddressSanitizer, ThreadSanitizer and valgrind about stacks and switches.
 *
 * Without them every function here is empty, but for valgrind's client request, a few instructions that do nothing
 * outside of it.
 */
#ifndef WEIR_CORE_SWITCH_ANNOUNCE_H
#define WEIR_CORE_SWITCH_ANNOUNCE_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define ANNOUNCE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ANNOUNCE_ASAN 1
#endif
#endif
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ANNOUNCE_TSAN 1
#endif
#endif

#ifdef ANNOUNCE_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef ANNOUNCE_TSAN
#include <sched.h>
#include <sanitizer/tsan_interface.h>
#endif
#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define ANNOUNCE_VALGRIND 1
#endif
#endif

/* What the sanitizers know of one flow of control: a task or the loop's own. */
struct announced {
#ifdef ANNOUNCE_ASAN
    void       *fake_stack;
    const void *bottom;
    size_t      size;
#endif
#ifdef ANNOUNCE_TSAN
    void       *fiber;
#endif
    char        unused;         /* a struct may not be empty in C++ debuggers' eyes */
};

#ifdef ANNOUNCE_TSAN
/* clang 14's registry of threads and fibers can miss a wake-up when several threads wait for its lock: a loop then hangs in
 * __tsan_destroy_fiber for good. So one thread at a time makes or ends a fiber. Not instrumented, or the lock would order the
 * loops' accesses, and their races would not be seen. */
__attribute__((no_sanitize("thread"), noinline)) static void take_fiber_turn(bool take)
{
    static int taken;

    if (!take) {
        __atomic_store_n(&taken, 0, __ATOMIC_RELEASE);
        return;
    }
    while (__atomic_exchange_n(&taken, 1, __ATOMIC_ACQUIRE) != 0)
        sched_yield();
}
#endif

/* A new flow on [low, top). */
static inline void announce_new(struct announced *flow, const void *low, const void *top)
{
    (void)flow, (void)low, (void)top;
#ifdef ANNOUNCE_ASAN
    flow->fake_stack = NULL;
    flow->bottom = low;
    flow->size = (size_t)((const char *)top - (const char *)low);
    __asan_unpoison_memory_region((void *)(size_t)low, flow->size);     /* what the last task's frames left */
#endif
#ifdef ANNOUNCE_TSAN
    take_fiber_turn(true);
    flow->fiber = __tsan_create_fiber(0);
    take_fiber_turn(false);
#endif
}

static inline void announce_end(struct announced *flow)
{
    (void)flow;
#ifdef ANNOUNCE_TSAN
    take_fiber_turn(true);
    __tsan_destroy_fiber(flow->fiber);
    take_fiber_turn(false);
#endif
}

/* The thread's own flow, before its first switch. */
static inline void announce_thread(struct announced *flow)
{
    (void)flow;
#ifdef ANNOUNCE_TSAN
    flow->fiber = __tsan_get_current_fiber();
#endif
}

/* Just before the switch; @for_good: @from never runs again. Inlined by force, as announce_arrive is: ThreadSanitizer keeps
 * a shadow stack for each flow, and a function that is entered in one and left in another would unbalance both. */
__attribute__((always_inline)) static inline void announce_leave(struct announced *from, struct announced *to, bool for_good)
{
    (void)from, (void)to, (void)for_good;
#ifdef ANNOUNCE_ASAN
    __sanitizer_start_switch_fiber(for_good ? NULL : &from->fake_stack, to->bottom, to->size);
#endif
#ifdef ANNOUNCE_TSAN
    __tsan_switch_to_fiber(to->fiber, 0);
#endif
}

/* First thing on arrival in @here; @from is the flow that was left, whose stack becomes known by this. */
__attribute__((always_inline)) static inline void announce_arrive(struct announced *here, struct announced *from)
{
    (void)here, (void)from;
#ifdef ANNOUNCE_ASAN
    __sanitizer_finish_switch_fiber(here->fake_stack, &from->bottom, &from->size);
#endif
}

/* A stack comes into use on [low, top); returns valgrind's number for it. */
static inline unsigned announce_stack(const void *low, const void *top)
{
    (void)low, (void)top;
#ifdef ANNOUNCE_VALGRIND
    return (unsigned)VALGRIND_STACK_REGISTER(low, top);
#else
    return 0;
#endif
}

static inline void announce_stack_gone(unsigned id)
{
    (void)id;
#ifdef ANNOUNCE_VALGRIND
    VALGRIND_STACK_DEREGISTER(id);
#endif
}

/* Address space of stacks goes back to the system: its shadow must not remember them. */
static inline void announce_unmap(const void *at, size_t size)
{
    (void)at, (void)size;
#ifdef ANNOUNCE_ASAN
    __asan_unpoison_memory_region((void *)(size_t)at, size);
#endif
}

#endif
