/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_stack.c  What core/stack.c promises: stacks that are guarded, reused, and no larger than they are used.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include <weir/error.h>

#include "core/stack.h"
#include "core/sys.h"
#include "core/sys_fault.h"
#include "lib/suite.h"
#include "lib/under_valgrind.h"

static struct stack_pool pool;

static void make_pool(void)
{
    weir__stack_pool_init(&pool);
}

static void free_pool(void)
{
    weir__stack_pool_fini(&pool);
}

static struct stack take(size_t size)
{
    struct stack stack = { 0 };

    ck_assert_int_eq(weir__stack_take(&pool, size, &stack), 0);
    return stack;
}

/* How many pages of the stack cost memory. */
static size_t resident(const struct stack *stack)
{
    static unsigned char pages[65536];
    size_t count = stack->size / pool.page, in_memory = 0;

    ck_assert_uint_le(count, sizeof pages);
    ck_assert_int_eq(mincore(stack->base, stack->size, pages), 0);
    for (size_t i = 0; i < count; i++)
        in_memory += pages[i] & 1;
    return in_memory;
}

static void touch(const struct stack *stack)
{
    memset(stack->base + pool.page, 'x', stack->size - pool.page);
}

/* --- Guards --------------------------------------------------------------- */

static sigjmp_buf fault_return;
static void *fault_address;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)context;
    fault_address = info->si_addr;
    siglongjmp(fault_return, sig);
}

static int write_to(char *at)
{
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    int sig = sigsetjmp(fault_return, 1);

    if (sig == 0) {
        sigaction(SIGSEGV, &action, NULL);
        sigaction(SIGBUS, &action, NULL);
        *(volatile char *)at = 'x';
    }
    return sig;
}

static void expect_guard(const struct stack *stack)
{
    char *last_usable = stack->base + pool.page;

    ck_assert_int_eq(write_to(last_usable), 0);
    ck_assert_int_eq(write_to(last_usable - 1), SIGSEGV);
    ck_assert_ptr_eq(fault_address, last_usable - 1);
    ck_assert_int_eq(write_to(stack->base), SIGSEGV);
    ck_assert(weir__stack_guards(&pool, stack, stack->base));
    ck_assert(weir__stack_guards(&pool, stack, last_usable - 1));
    ck_assert(!weir__stack_guards(&pool, stack, last_usable));
    ck_assert(!weir__stack_guards(&pool, stack, stack->base - 1));
}

/* FAULTS 15: running off the end is a fault at a known address and never a write to a neighbour. */
START_TEST(every_stack_has_a_guard_at_its_low_end)
{
    struct stack stacks[20];

    for (int i = 0; i < 20; i++)
        stacks[i] = take(0);
    for (int i = 0; i < 20; i++)
        expect_guard(&stacks[i]);
}
END_TEST

/* What the kernel calls a guard must outlive the memory advice of trimming and of giving back. */
START_TEST(a_guard_survives_trimming_and_reuse)
{
    struct stack stack = take(0);

    touch(&stack);
    weir__stack_trim(&pool, &stack, stack.base + stack.size);
    expect_guard(&stack);
    weir__stack_give(&pool, &stack);
    stack = take(0);
    expect_guard(&stack);
}
END_TEST

/* Kernels before 6.13, and locked memory, answer EINVAL to the cheap way. */
START_TEST(without_guard_advice_the_guards_are_protected_pages)
{
    struct fault_plan plan = { .fail_at = 2, .only = 1ULL << SYS_MADVISE, .code = -EINVAL };
    struct stack first, second;

    weir__fault_begin(&plan);                   /* the first advice is about huge pages */
    int code = weir__stack_take(&pool, 0, &first);
    weir__fault_end();
    ck_assert_int_eq(code, 0);
    ck_assert(pool.protect);
    second = take(0);                           /* and is not asked again */
    expect_guard(&first);
    expect_guard(&second);
}
END_TEST

/* FAULTS 3, 46. With vm.max_map_count used up, the sentence names it; nobody could guess. */
START_TEST(a_stack_without_a_guard_is_not_handed_out)
{
    struct fault_plan plan = { .fail_at = 1, .only = 1ULL << SYS_MPROTECT };
    struct stack stack;

    pool.protect = true;
    weir__fault_begin(&plan);
    int code = weir__stack_take(&pool, 0, &stack);
    weir__fault_end();
    ck_assert_int_eq(code, -ENOMEM);
    ck_assert_ptr_nonnull(strstr(weir_error_detail(), "vm.max_map_count"));
    stack = take(0);
    expect_guard(&stack);
}
END_TEST

/* --- Sizes ---------------------------------------------------------------- */

START_TEST(a_size_is_rounded_up_to_a_power_of_two_within_its_bounds)
{
    struct stack stack;

    ck_assert_uint_eq(take(0).size, STACK_DEFAULT);
    ck_assert_uint_eq(take(1).size, STACK_LEAST);
    ck_assert_uint_eq(take(STACK_LEAST).size, STACK_LEAST);
    ck_assert_uint_eq(take(STACK_LEAST + 1).size, 2 * STACK_LEAST);
    ck_assert_uint_eq(take(STACK_MOST).size, STACK_MOST);
    ck_assert_int_eq(weir__stack_take(&pool, STACK_MOST + 1, &stack), -EINVAL);
    ck_assert_int_eq(weir__stack_take(&pool, SIZE_MAX, &stack), -EINVAL);
}
END_TEST

/* A small stack that is given back must not be handed out as a large one. */
START_TEST(stacks_of_different_sizes_do_not_mix)
{
    struct stack small = take(STACK_LEAST), large = take(4 * STACK_LEAST);
    char *small_base = small.base, *large_base = large.base;

    weir__stack_give(&pool, &small);
    weir__stack_give(&pool, &large);
    ck_assert_ptr_eq(take(3 * STACK_LEAST).base, large_base);
    ck_assert_ptr_eq(take(1).base, small_base);
}
END_TEST

/* --- Reuse ---------------------------------------------------------------- */

START_TEST(the_stack_given_back_last_is_taken_first)
{
    struct stack a = take(0), b = take(0), c = take(0);
    char *bases[] = { a.base, b.base, c.base };

    weir__stack_give(&pool, &a);
    weir__stack_give(&pool, &b);
    weir__stack_give(&pool, &c);
    ck_assert_ptr_eq(take(0).base, bases[2]);
    ck_assert_ptr_eq(take(0).base, bases[1]);
    ck_assert_ptr_eq(take(0).base, bases[0]);
}
END_TEST

#define MANY 200

/* A burst of connections must not cost its memory for ever; a few hot ones are kept for the next. */
START_TEST(of_many_free_stacks_only_the_hot_ones_keep_their_memory)
{
    static struct stack stacks[MANY];
    static bool seen[MANY];
    size_t with_memory = 0;

    for (int i = 0; i < MANY; i++) {
        stacks[i] = take(STACK_LEAST);
        touch(&stacks[i]);
    }
    for (int i = 0; i < MANY; i++) {
        struct stack copy = stacks[i];
        weir__stack_give(&pool, &copy);
    }
    for (int i = 0; i < MANY; i++)
        with_memory += resident(&stacks[i]) > 0;
    ck_assert_uint_eq(with_memory, STACK_HOT);

    for (int i = 0; i < MANY; i++) {            /* each comes back exactly once, the hot ones first */
        struct stack again = take(STACK_LEAST);
        size_t pages = resident(&again);
        ck_assert_msg((pages > 0) == (i < STACK_HOT), "stack %d came back with %zu pages", i, pages);
        for (int k = 0; k < MANY; k++) {
            if (stacks[k].base == again.base) {
                ck_assert(!seen[k]);
                seen[k] = true;
            }
        }
    }
    for (int i = 0; i < MANY; i++)
        ck_assert(seen[i]);
}
END_TEST

START_TEST(a_fresh_stack_costs_no_memory)
{
    struct stack stack = take(STACK_MOST);

    ck_assert_uint_eq(resident(&stack), 0);
    stack.base[stack.size - 1] = 'x';
    ck_assert_uint_eq(resident(&stack), 1);     /* no huge page either (FAULTS 46) */
}
END_TEST

/* The page of the stack pointer, and the 128 bytes below it that the ABI lets a leaf use, stay. */
START_TEST(trimming_returns_what_lies_wholly_below_the_stack_pointer)
{
    struct stack stack = take(0);
    size_t usable = stack.size / pool.page - 1;
    char *top = stack.base + stack.size;

    touch(&stack);
    ck_assert_uint_eq(resident(&stack), usable);
    weir__stack_trim(&pool, &stack, top - 2 * pool.page + 200);
    ck_assert_uint_eq(resident(&stack), 2);
    ck_assert_int_eq(top[-1], 'x');
    ck_assert_int_eq(top[-(ptrdiff_t)(2 * pool.page) + 1], 'x');
    touch(&stack);
    weir__stack_trim(&pool, &stack, top - 2 * pool.page + 100);
    ck_assert_uint_eq(resident(&stack), 3);     /* the red zone reaches into the next page */
    weir__stack_trim(&pool, &stack, stack.base + pool.page + 1);        /* nothing below: nothing happens */
    ck_assert_uint_eq(resident(&stack), 3);
}
END_TEST

/* --- Without memory ------------------------------------------------------- */

START_TEST(every_failing_call_leaves_the_pool_usable)
{
    for (uint64_t n = 1; ; n++) {
        struct fault_plan plan = { .fail_at = n };
        struct stack stack;
        make_pool();
        weir__fault_begin(&plan);
        int code = weir__stack_take(&pool, 0, &stack);
        bool failed = weir__fault_end() > 0;
        if (code < 0)
            ck_assert_int_eq(code, -ENOMEM);
        if (code == 0)
            weir__stack_give(&pool, &stack);
        stack = take(0);
        expect_guard(&stack);
        free_pool();
        if (!failed)
            break;
    }
    make_pool();
}
END_TEST

#ifndef STACK_SANITIZED
/* FAULTS 27, 46. A slab that does not fit is tried smaller, and in the end the sentence names the limit. */
START_TEST(with_limited_address_space_stacks_are_made_until_there_is_none_left)
{
    struct rlimit limit;
    struct stack stack;
    int code = 0;
    unsigned count = 0;

    if (UNDER_VALGRIND)                         /* which needs memory of its own from what is left, and ends without */
        return;
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = (rlim_t)512 * 1024 * 1024;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    while (count < 1000000 && (code = weir__stack_take(&pool, 0, &stack)) == 0)
        count++;
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    ck_assert_int_eq(code, -ENOMEM);
    ck_assert_ptr_nonnull(strstr(weir_error_detail(), "ulimit -v"));
    ck_assert_uint_ge(count, 3000);             /* 384 of the 512 MiB: nearly all that was there */
    take(0);
}
END_TEST
#endif

Suite *suite(void)
{
    Suite *s = suite_create("core/stack");

    TCase *guards = tcase_create("guards");
    tcase_add_checked_fixture(guards, make_pool, free_pool);
    tcase_add_test(guards, every_stack_has_a_guard_at_its_low_end);
    tcase_add_test(guards, a_guard_survives_trimming_and_reuse);
    tcase_add_test(guards, without_guard_advice_the_guards_are_protected_pages);
    tcase_add_test(guards, a_stack_without_a_guard_is_not_handed_out);
    suite_add_tcase(s, guards);

    TCase *reuse = tcase_create("reuse");
    tcase_add_checked_fixture(reuse, make_pool, free_pool);
    tcase_add_test(reuse, a_size_is_rounded_up_to_a_power_of_two_within_its_bounds);
    tcase_add_test(reuse, stacks_of_different_sizes_do_not_mix);
    tcase_add_test(reuse, the_stack_given_back_last_is_taken_first);
    tcase_add_test(reuse, of_many_free_stacks_only_the_hot_ones_keep_their_memory);
    tcase_add_test(reuse, a_fresh_stack_costs_no_memory);
    tcase_add_test(reuse, trimming_returns_what_lies_wholly_below_the_stack_pointer);
    tcase_add_test(reuse, every_failing_call_leaves_the_pool_usable);
#ifndef STACK_SANITIZED                         /* a sanitizer's shadow needs terabytes of address space */
    tcase_add_test(reuse, with_limited_address_space_stacks_are_made_until_there_is_none_left);
#endif
    suite_add_tcase(s, reuse);
    return s;
}
