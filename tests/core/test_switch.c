/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_switch.c  What core/switch.h promises of either switch: registers, float environment, unwinding.
 *
 * Covers switch_x86_64.S or switch_ucontext.c, whichever was built in, and switch_announce.h by running under the sanitizers.
 */
#include <execinfo.h>
#include <fenv.h>
#include <stdint.h>
#include <string.h>

#include <weir/run.h>
#include <weir/task.h>

#include "core/task.h"
#include "lib/suite.h"
#include "lib/under_valgrind.h"

/* --- Registers ------------------------------------------------------------ */

#if defined(__x86_64__)
/* Fill every callee-saved register but the frame pointer, yield, and look. */
__attribute__((noinline)) static int registers_survive(uint64_t pattern)
{
    uint64_t wrong;
    int (*yield)(void) = weir_yield;

    __asm__ volatile("movq %%rdi, %%rbx\n\t"
                     "leaq 1(%%rbx), %%r12\n\t"
                     "leaq 2(%%rbx), %%r13\n\t"
                     "leaq 3(%%rbx), %%r14\n\t"
                     "movq %%rsp, %%r15\n\t"
                     "subq $256, %%rsp\n\t"             /* clear of the red zone */
                     "andq $-16, %%rsp\n\t"
                     "movq %%rdi, (%%rsp)\n\t"
                     "call *%%rsi\n\t"
                     "xorl %%eax, %%eax\n\t"
                     "cmpq (%%rsp), %%rbx\n\t"
                     "jne 1f\n\t"
                     "leaq 1(%%rbx), %%rcx\n\t"
                     "cmpq %%rcx, %%r12\n\t"
                     "jne 1f\n\t"
                     "leaq 2(%%rbx), %%rcx\n\t"
                     "cmpq %%rcx, %%r13\n\t"
                     "jne 1f\n\t"
                     "leaq 3(%%rbx), %%rcx\n\t"
                     "cmpq %%rcx, %%r14\n\t"
                     "je 2f\n"
                     "1:\tincq %%rax\n"
                     "2:\tmovq %%r15, %%rsp"
                     : "=&a"(wrong), "+D"(pattern), "+S"(yield)
                     :
                     : "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc",
                       "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
                       "xmm12", "xmm13", "xmm14", "xmm15");
    return (int)wrong;
}
#else
static int registers_survive(uint64_t pattern)
{
    (void)pattern;
    return weir_yield();
}
#endif

static int keep_registers(void *arg)
{
    int wrong = 0;

    for (uint64_t i = 0; i < 100; i++)
        wrong += registers_survive(*(uint64_t *)arg + i);
    return wrong;
}

static int join_all(weir_task **tasks, int count)
{
    int sum = 0;

    for (int i = 0; i < count; i++) {
        sum += weir_task_join(tasks[i]);
        weir_task_unref(tasks[i]);
    }
    return sum;
}

static int eight_register_keepers(void *arg)
{
    static uint64_t patterns[8];
    weir_task *tasks[8];

    (void)arg;
    for (uint64_t i = 0; i < 8; i++)
        patterns[i] = i * 0x123456789abcdefULL;
    for (uint64_t i = 0; i < 8; i++)
        tasks[i] = weir_create_task(keep_registers, &patterns[i]);
    return join_all(tasks, 8);
}

/* A register that is not saved belongs to whoever ran last: wrong only in optimised code, and only now and then. */
START_TEST(callee_saved_registers_are_each_tasks_own)
{
    ck_assert_int_eq(weir_run(eight_register_keepers, NULL), 0);
}
END_TEST

/* --- Floating point ------------------------------------------------------- */

/* double is rounded by MXCSR, long double by the x87 control word; fegetround() looks at one of them only. */
static bool rounds(int mode)
{
    volatile double one = 1, three = 3, third = one / three, minus = -one / three;
    volatile long double long_one = 1, long_three = 3, long_third = long_one / long_three, long_minus = -long_one / long_three;

    if (fegetround() != mode)
        return false;
    /* Rounded up, the positive quotient is the larger of the two in size; rounded down, the negative one. */
    int doubles = third > -minus ? 1 : third < -minus ? -1 : 0;
    int longs = long_third > -long_minus ? 1 : long_third < -long_minus ? -1 : 0;
    int expected = mode == FE_UPWARD ? 1 : mode == FE_DOWNWARD ? -1 : 0;
    return doubles == expected && longs == expected;
}

static int keep_rounding(void *mode)
{
    int wrong = 0;

    fesetround(*(int *)mode);
    for (int i = 0; i < 50; i++) {
        wrong += !rounds(*(int *)mode);
        weir_yield();
        wrong += !rounds(*(int *)mode);
    }
    return wrong;
}

static int round_in_all_ways(void *arg)
{
    static int modes[] = { FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO };
    weir_task *tasks[4];

    (void)arg;
    for (int i = 0; i < 4; i++)
        tasks[i] = weir_create_task(keep_rounding, &modes[i]);
    int wrong = join_all(tasks, 4);
    return wrong + (fegetround() != FE_TONEAREST);
}

/* One handler that sets a rounding mode must not change the sums of all the others. */
START_TEST(the_float_environment_is_each_tasks_own)
{
    ck_assert_int_eq(weir_run(round_in_all_ways, NULL), 0);
    ck_assert_int_eq(fegetround(), FE_TONEAREST);
}
END_TEST

/* --- Depth and numbers ----------------------------------------------------- */

__attribute__((noinline)) static int sum_down(int n)
{
    volatile int here[4] = { n, n, n, n };

    if (n == 0)
        return 0;
    if (n % 64 == 0)
        weir_yield();
    int below = sum_down(n - 1);
    return here[3] + below;
}

static int recurse(void *arg)
{
    (void)arg;
    return sum_down(500) == 500 * 501 / 2 ? 0 : 1;
}

static int five_that_recurse(void *arg)
{
    weir_task *tasks[5];

    (void)arg;
    for (int i = 0; i < 5; i++)
        tasks[i] = weir_create_task(recurse, NULL);
    return join_all(tasks, 5);
}

START_TEST(a_task_may_be_suspended_at_any_depth)
{
    ck_assert_int_eq(weir_run(five_that_recurse, NULL), 0);
}
END_TEST

#ifdef STACK_SANITIZED
#define SWITCHES 100000
#else
#define SWITCHES 1000000
#endif

static struct context here, there;
static struct announced here_flow, there_flow;
static volatile int rounds_made;

static void bounce(void *arg)
{
    announce_arrive(&there_flow, &here_flow);
    for (;;) {
        rounds_made += *(int *)arg;
        announce_leave(&there_flow, &here_flow, false);
        weir__switch(&there, &here);
        announce_arrive(&there_flow, &here_flow);
    }
}

START_TEST(a_million_switches_lose_nothing)
{
    _Alignas(16) static char stack[256 * 1024];
    int step = 3;

    announce_thread(&here_flow);
    announce_new(&there_flow, stack, stack + sizeof stack);
    unsigned id = announce_stack(stack, stack + sizeof stack);
    weir__switch_prepare(&there, stack, stack + sizeof stack, bounce, &step);
    for (int i = 0; i < SWITCHES; i++) {
        announce_leave(&here_flow, &there_flow, false);
        weir__switch(&here, &there);
        announce_arrive(&here_flow, &there_flow);
    }
    announce_end(&there_flow);
    announce_stack_gone(id);
    ck_assert_int_eq(rounds_made, 3 * SWITCHES);
}
END_TEST

/* --- Unwinding ------------------------------------------------------------ */

static int frames_seen[2];

__attribute__((noinline)) static int unwind(int depth)
{
    void *frames[200];

    if (depth > 0) {
        int code = unwind(depth - 1);
        __asm__ volatile("" : "+r"(code));     /* something left to do: else an optimiser makes a loop of this */
        return code + 1;
    }
    frames_seen[0] = backtrace(frames, 200);
    weir_yield();
    frames_seen[1] = backtrace(frames, 200);
    return 0;
}

static int unwind_in_task(void *arg)
{
    (void)arg;
    return unwind(10);
}

static int spawn_unwinding(void *arg)
{
    weir_task *task = weir_create_task(unwind_in_task, arg);

    return join_all(&task, 1);
}

/* A debugger, a profiler and C++ unwind; without an end mark at the first frame they walk off the stack. */
START_TEST(a_backtrace_from_inside_a_task_ends_at_its_first_frame)
{
    ck_assert_int_eq(weir_run(spawn_unwinding, NULL), 10);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_ge(frames_seen[i], 12);
        ck_assert_int_le(frames_seen[i], 30);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/switch");

    TCase *state = tcase_create("state");
    tcase_add_test(state, callee_saved_registers_are_each_tasks_own);
    if (!UNDER_VALGRIND)                        /* its x87 and SSE round to nearest, whatever they are told */
        tcase_add_test(state, the_float_environment_is_each_tasks_own);
    tcase_add_test(state, a_task_may_be_suspended_at_any_depth);
    tcase_add_test(state, a_million_switches_lose_nothing);
    tcase_add_test(state, a_backtrace_from_inside_a_task_ends_at_its_first_frame);
    suite_add_tcase(s, state);
    return s;
}
