/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_sys_fault.c  What core/sys_fault.c promises: exactly the planned calls fail. The other suites stand on it.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "core/sys.h"
#include "core/sys_fault.h"
#include "lib/each_fault.h"
#include "lib/suite.h"

static bool can_allocate(void)
{
    void *at = sys_malloc(16);

    sys_free(at);
    return at != NULL;
}

START_TEST(without_a_plan_nothing_fails_and_nothing_is_counted)
{
    ck_assert(can_allocate());
    ck_assert_uint_eq(weir__fault_seen(SYS_ALLOC), 0);
}
END_TEST

START_TEST(the_nth_call_fails_and_with_from_then_on_all_later_ones)
{
    struct fault_plan plan = { .fail_at = 3 };

    weir__fault_begin(&plan);
    for (int i = 1; i <= 5; i++)
        ck_assert_int_eq(can_allocate(), i != 3);
    ck_assert_uint_eq(weir__fault_end(), 1);
    ck_assert_uint_eq(weir__fault_seen(SYS_ALLOC), 5);
    ck_assert_uint_eq(weir__fault_seen(SYS_CALLS), 5);
    ck_assert(can_allocate());

    plan.from_then_on = true;
    weir__fault_begin(&plan);                   /* counts from zero again */
    for (int i = 1; i <= 5; i++)
        ck_assert_int_eq(can_allocate(), i < 3);
    ck_assert_uint_eq(weir__fault_end(), 3);
}
END_TEST

START_TEST(only_the_named_kinds_match_and_close_never_fails)
{
    struct fault_plan plan = { .fail_at = 1, .only = FAULT_OF(SYS_EVENTFD), .code = -ENFILE };

    weir__fault_begin(&plan);
    ck_assert(can_allocate());
    ck_assert_int_eq(sys_eventfd(), -ENFILE);
    int fd = sys_eventfd();
    ck_assert_int_ge(fd, 0);
    sys_close(fd);
    weir__fault_end();
    ck_assert_uint_eq(weir__fault_seen(SYS_CLOSE), 1);
    ck_assert_uint_eq(weir__fault_seen(SYS_CALLS), 2);

    plan = (struct fault_plan) { .fail_at = 1, .from_then_on = true };
    weir__fault_begin(&plan);
    ck_assert_int_eq(sys_eventfd(), -EMFILE);   /* a code that fits the call */
    ck_assert_int_eq(weir__fault(SYS_CLOSE), 0);
    weir__fault_end();
}
END_TEST

/* FAULTS 4, 5, 6: transfers that are short or have to be tried again. */
START_TEST(transfers_are_capped_and_made_to_try_again)
{
    struct fault_plan plan = { .cap = 2, .again_every = 3 };
    struct iovec pieces[2] = { { (char[]) { "abc" }, 3 }, { (char[]) { "def" }, 3 } };
    char got[8] = "";
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    weir__fault_begin(&plan);
    ck_assert_int_eq(sys_send(ends[0], pieces, 2), 2);
    ck_assert_int_eq(sys_send(ends[0], pieces, 2), 2);
    ck_assert_int_eq(sys_recv(ends[1], got, sizeof got), -EINTR);
    ck_assert_int_eq(sys_recv(ends[1], got, sizeof got), 2);
    ck_assert_int_eq(sys_recv(ends[1], got + 2, sizeof got - 2), 2);
    ck_assert_int_eq(sys_recv(ends[1], got, sizeof got), -EAGAIN);
    weir__fault_end();
    ck_assert_int_eq(sys_send(ends[0], pieces, 2), 6);
    ck_assert_int_eq(memcmp(got, "abab", 4), 0);
    sys_close(ends[0]);
    sys_close(ends[1]);
}
END_TEST

START_TEST(every_call_has_a_name)
{
    for (int call = 0; call < SYS_CALLS; call++) {
        ck_assert_ptr_nonnull(weir__fault_name((enum sys_call)call));
        for (int other = 0; other < call; other++)
            ck_assert_str_ne(weir__fault_name((enum sys_call)call), weir__fault_name((enum sys_call)other));
    }
}
END_TEST

static int three_allocations(void *runs)
{
    ++*(int *)runs;
    for (int i = 0; i < 3; i++) {
        if (!can_allocate())
            return -ENOMEM;
    }
    return 0;
}

START_TEST(each_fault_goes_on_until_nothing_is_left_to_fail)
{
    int runs = 0;

    ck_assert_uint_eq(each_fault(FAULT_ANY, false, three_allocations, &runs), 3);
    ck_assert_int_eq(runs, 4);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/sys_fault");

    TCase *plan = tcase_create("plan");
    tcase_add_test(plan, without_a_plan_nothing_fails_and_nothing_is_counted);
    tcase_add_test(plan, the_nth_call_fails_and_with_from_then_on_all_later_ones);
    tcase_add_test(plan, only_the_named_kinds_match_and_close_never_fails);
    tcase_add_test(plan, transfers_are_capped_and_made_to_try_again);
    tcase_add_test(plan, every_call_has_a_name);
    tcase_add_test(plan, each_fault_goes_on_until_nothing_is_left_to_fail);
    suite_add_tcase(s, plan);
    return s;
}
