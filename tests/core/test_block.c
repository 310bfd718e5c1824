/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_block.c  What core/block.c promises: byte blocks of a few sizes, kept for reuse up to a bound.
 */
#include <stdint.h>
#include <string.h>

#include "core/block.h"
#include "core/sys_fault.h"
#include "lib/suite.h"

static struct block_pool pool;

static void make_pool(void)
{
    weir__block_pool_init(&pool);
}

static void free_pool(void)
{
    weir__block_pool_fini(&pool);
}

static struct block *take(size_t size)
{
    struct block *block = weir__block_take(&pool, size);

    ck_assert_ptr_nonnull(block);
    ck_assert_uint_ge(block->capacity, size);
    ck_assert_uint_eq(block_len(block), 0);
    ck_assert_uint_eq(block_room(block), block->capacity);
    return block;
}

/* At the edges of each class: one byte more needs the next, and a wrong class would hand out a block that is too small. */
START_TEST(a_block_holds_what_was_asked_for_at_the_edge_of_every_class)
{
    for (size_t size = BLOCK_SMALLEST; size <= 8 * BLOCK_LARGEST; size *= 2) {
        for (size_t at = size - 1; at <= size + 1; at++) {
            struct block *block = take(at);
            memset(block->bytes, 'x', block->capacity);
            weir__block_give(&pool, block);
            block = take(at);                   /* the one that was kept, or a new one */
            memset(block->bytes, 'y', block->capacity);
            weir__block_give(&pool, block);
        }
    }
    ck_assert_uint_eq(pool.live, 0);
    struct block *smallest = take(0);
    ck_assert_uint_eq(smallest->capacity, BLOCK_SMALLEST);
    weir__block_give(&pool, smallest);
}
END_TEST

START_TEST(the_block_given_back_last_is_taken_first_and_is_empty)
{
    struct block *a = take(1000), *b = take(1000);

    a->begin = 10;
    a->end = 20;
    weir__block_give(&pool, b);
    weir__block_give(&pool, a);
    ck_assert_ptr_eq(take(1000), a);
    ck_assert_ptr_eq(take(1000), b);
    weir__block_give(&pool, a);
    weir__block_give(&pool, b);
}
END_TEST

/* A burst must not be held for ever: beyond the bound blocks go back to the system, and those too large at once. */
START_TEST(free_blocks_are_kept_up_to_a_bound)
{
    static struct block *blocks[2 * BLOCK_KEPT_BYTES / BLOCK_SMALLEST];
    size_t size = BLOCK_SMALLEST;

    for (int kind = 0; kind < BLOCK_CLASSES; kind++) {
        size_t count = 2 * BLOCK_KEPT_BYTES / size;
        for (size_t i = 0; i < count; i++)
            blocks[i] = take(size);
        ck_assert_uint_eq(blocks[0]->capacity, size);
        for (size_t i = 0; i < count; i++)
            weir__block_give(&pool, blocks[i]);
        ck_assert_uint_eq(pool.kept[kind], BLOCK_KEPT_BYTES / size);
        size *= 4;
    }
    weir__block_give(&pool, take(BLOCK_LARGEST + 1));
    ck_assert_uint_eq(pool.live, 0);
}
END_TEST

START_TEST(impossible_sizes_and_missing_memory_give_no_block)
{
    struct fault_plan plan = { .fail_at = 1 };

    ck_assert_ptr_null(weir__block_take(&pool, SIZE_MAX));
    ck_assert_ptr_null(weir__block_take(&pool, SIZE_MAX / 2));
    weir__fault_begin(&plan);
    ck_assert_ptr_null(weir__block_take(&pool, 100));
    weir__fault_end();
    ck_assert_uint_eq(pool.live, 0);
}
END_TEST

START_TEST(the_block_to_receive_into_is_one_until_it_is_kept_or_too_small)
{
    struct block *first = weir__block_receive(&pool, 1000);

    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_eq(weir__block_receive(&pool, 500), first);
    struct block *larger = weir__block_receive(&pool, 100000);
    ck_assert_uint_ge(larger->capacity, 100000);
    ck_assert_uint_eq(pool.live, 1);
    ck_assert_ptr_eq(weir__block_keep_received(&pool), larger);
    struct block *other = weir__block_receive(&pool, 100000);
    ck_assert_ptr_ne(other, larger);
    ck_assert_uint_eq(pool.live, 2);
    weir__block_give(&pool, larger);

    struct fault_plan plan = { .fail_at = 1 };
    weir__fault_begin(&plan);
    ck_assert_ptr_null(weir__block_receive(&pool, 10 * BLOCK_LARGEST));
    weir__fault_end();
    ck_assert_ptr_nonnull(weir__block_receive(&pool, 1000));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/block");

    TCase *blocks = tcase_create("blocks");
    tcase_add_checked_fixture(blocks, make_pool, free_pool);
    tcase_add_test(blocks, a_block_holds_what_was_asked_for_at_the_edge_of_every_class);
    tcase_add_test(blocks, the_block_given_back_last_is_taken_first_and_is_empty);
    tcase_add_test(blocks, free_blocks_are_kept_up_to_a_bound);
    tcase_add_test(blocks, impossible_sizes_and_missing_memory_give_no_block);
    tcase_add_test(blocks, the_block_to_receive_into_is_one_until_it_is_kept_or_too_small);
    suite_add_tcase(s, blocks);
    return s;
}
