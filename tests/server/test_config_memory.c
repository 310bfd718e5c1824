/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_config_memory.c  What server/config_memory.c promises.
 */
#include "server/config_memory.h"

#include <stdint.h>
#include <string.h>

#include "lib/suite.h"

START_TEST(pieces_are_zeroed_aligned_and_apart)
{
    struct config_memory memory;
    unsigned char *pieces[100];

    config_memory_init(&memory, 100000);
    for (size_t i = 0; i < 100; i++) {
        pieces[i] = config_memory_take(&memory, i + 1);
        ck_assert_ptr_nonnull(pieces[i]);
        ck_assert_uint_eq((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        for (size_t j = 0; j <= i; j++)
            ck_assert_uint_eq(pieces[i][j], 0);
        memset(pieces[i], (int)i, i + 1);
    }
    for (size_t i = 0; i < 100; i++)
        ck_assert_uint_eq(pieces[i][i], i);
    ck_assert(!memory.failed);
    config_memory_fini(&memory);
    ck_assert_ptr_null(memory.pieces);
}
END_TEST

START_TEST(texts_are_copied_cut_and_formatted)
{
    struct config_memory memory;

    config_memory_init(&memory, 100000);
    ck_assert_str_eq(config_memory_text(&memory, "abc"), "abc");
    ck_assert_str_eq(config_memory_text(&memory, ""), "");
    ck_assert_str_eq(config_memory_text_of(&memory, "abcdef", 3), "abc");
    ck_assert_str_eq(config_memory_format(&memory, "%s/%d", "a", 7), "a/7");
    config_memory_fini(&memory);
}
END_TEST

/* One byte less than a piece needs is not enough, and the failure is remembered also when a smaller one is found later. */
START_TEST(the_sum_is_bounded_and_a_failure_stays)
{
    struct config_memory memory;

    config_memory_init(&memory, 1000);
    ck_assert_ptr_nonnull(config_memory_take(&memory, 500));
    size_t left = memory.left;
    ck_assert_uint_lt(left, 500);
    ck_assert_ptr_null(config_memory_take(&memory, left));
    ck_assert(memory.failed);
    ck_assert_ptr_null(config_memory_take(&memory, SIZE_MAX));
    ck_assert_uint_eq(memory.left, left);
    ck_assert_ptr_nonnull(config_memory_take(&memory, 1));
    ck_assert(memory.failed);
    config_memory_fini(&memory);

    config_memory_init(&memory, 1000);
    ck_assert_ptr_null(config_memory_array(&memory, SIZE_MAX / 2, 3));
    ck_assert(memory.failed);
    ck_assert_ptr_null(memory.pieces);
    config_memory_fini(&memory);

    config_memory_init(&memory, 10);
    ck_assert_ptr_null(config_memory_text(&memory, "abc"));
    ck_assert_ptr_null(config_memory_format(&memory, "%d", 1));
    ck_assert(memory.failed);
    config_memory_fini(&memory);
}
END_TEST

Suite *suite(void)
{
    Suite *memory = suite_create("server/config_memory");

    TCase *pieces = tcase_create("pieces");
    tcase_add_test(pieces, pieces_are_zeroed_aligned_and_apart);
    tcase_add_test(pieces, texts_are_copied_cut_and_formatted);
    tcase_add_test(pieces, the_sum_is_bounded_and_a_failure_stays);
    suite_add_tcase(memory, pieces);

    return memory;
}
