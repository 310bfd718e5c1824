/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_pool.c  What core/pool.c promises: objects that are zeroed, aligned, reused, and counted.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/pool.h"
#include "core/sys_fault.h"
#include "lib/suite.h"

#define MANY 1000

static bool all_bytes_are(const unsigned char *bytes, size_t size, int value)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != value)
            return false;
    }
    return true;
}

/* Odd sizes, and one too small for the link that a free object holds. */
START_TEST(objects_of_any_size_are_aligned_zeroed_and_apart)
{
    static const size_t sizes[] = { 1, 8, 24, 33, 200 };
    size_t size = sizes[_i];
    unsigned char *objects[MANY];
    struct pool pool;

    weir__pool_init(&pool, size);
    for (int i = 0; i < MANY; i++) {
        objects[i] = weir__pool_take(&pool);
        ck_assert_ptr_nonnull(objects[i]);
        ck_assert_uint_eq((uintptr_t)objects[i] % _Alignof(max_align_t), 0);
        ck_assert(all_bytes_are(objects[i], size, 0));
        memset(objects[i], 1 + i % 255, size);
    }
    ck_assert_uint_eq(pool.live, MANY);
    for (int i = 0; i < MANY; i++) {
        ck_assert(all_bytes_are(objects[i], size, 1 + i % 255));
        weir__pool_give(&pool, objects[i]);
    }
    ck_assert_uint_eq(pool.live, 0);
    weir__pool_fini(&pool);
}
END_TEST

START_TEST(the_object_given_back_last_is_taken_first_and_zeroed_again)
{
    struct pool pool;

    weir__pool_init(&pool, 64);
    char *a = weir__pool_take(&pool), *b = weir__pool_take(&pool);
    memset(a, 'x', 64);
    weir__pool_give(&pool, b);
    weir__pool_give(&pool, a);
    ck_assert_ptr_eq(weir__pool_take(&pool), a);
    for (int i = 0; i < 64; i++)
        ck_assert_int_eq(a[i], 0);
    ck_assert_ptr_eq(weir__pool_take(&pool), b);
    weir__pool_fini(&pool);                     /* with objects out: their memory goes too */
}
END_TEST

START_TEST(objects_that_come_and_go_need_no_more_memory)
{
    struct pool pool;
    struct fault_plan plan = { 0 };

    weir__pool_init(&pool, 100);
    weir__fault_begin(&plan);
    for (int i = 0; i < MANY; i++)
        weir__pool_give(&pool, weir__pool_take(&pool));
    weir__fault_end();
    ck_assert_uint_eq(weir__fault_seen(SYS_ALLOC), 1);
    weir__pool_fini(&pool);
}
END_TEST

START_TEST(without_memory_there_is_no_object_and_the_pool_is_as_before)
{
    struct pool pool;
    struct fault_plan plan = { .fail_at = 1 };

    weir__pool_init(&pool, 100);
    weir__fault_begin(&plan);
    ck_assert_ptr_null(weir__pool_take(&pool));
    ck_assert_uint_eq(pool.live, 0);
    ck_assert_ptr_nonnull(weir__pool_take(&pool));
    weir__fault_end();
    weir__pool_fini(&pool);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/pool");

    TCase *pool = tcase_create("pool");
    tcase_add_loop_test(pool, objects_of_any_size_are_aligned_zeroed_and_apart, 0, 5);
    tcase_add_test(pool, the_object_given_back_last_is_taken_first_and_zeroed_again);
    tcase_add_test(pool, objects_that_come_and_go_need_no_more_memory);
    tcase_add_test(pool, without_memory_there_is_no_object_and_the_pool_is_as_before);
    suite_add_tcase(s, pool);
    return s;
}
