/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_sync_queue_items.c  What core/sync_queue_items.c promises: the order in which items come out.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "core/sync_queue_items.h"
#include "lib/suite.h"

struct thing {
    int size;
    int number;
};

static unsigned comparisons;

static int by_size(const void *a, const void *b)
{
    comparisons++;
    return ((const struct thing *)a)->size - ((const struct thing *)b)->size;
}

static void add(struct items *items, struct thing *thing)
{
    struct item_node *node = malloc(sizeof *node);

    if (node == NULL)
        ck_abort_msg("no memory");
    node->item = thing;
    weir__items_add(items, node);
}

static struct thing *take(struct items *items)
{
    struct item_node *node = weir__items_take(items);
    struct thing *thing = node->item;

    free(node);
    return thing;
}

START_TEST(first_in_is_first_or_last_out)
{
    struct thing things[] = { { 0, 0 }, { 0, 1 }, { 0, 2 } };
    struct items items;

    for (enum items_kind kind = ITEMS_FIFO; kind <= ITEMS_LIFO; kind++) {
        weir__items_init(&items, kind, NULL);
        for (int round = 0; round < 2; round++) {           /* empty in between: its ends are set anew */
            for (int i = 0; i < 3; i++)
                add(&items, &things[i]);
            ck_assert_uint_eq(items.count, 3);
            for (int i = 0; i < 3; i++)
                ck_assert_int_eq(take(&items)->number, kind == ITEMS_FIFO ? i : 2 - i);
            ck_assert_uint_eq(items.count, 0);
        }
    }
}
END_TEST

#define THINGS 1000

/* Few sizes, so that there are many equal ones, which come out in their order. */
START_TEST(the_smallest_comes_first_and_equals_in_their_order)
{
    static struct thing things[THINGS];
    static bool inside[THINGS];
    struct items items;
    unsigned wrong = 0;

    srandom(3);
    weir__items_init(&items, ITEMS_PRIORITY, by_size);
    for (int put = 0, got = 0; got < THINGS;) {
        if (put < THINGS && (items.count == 0 || random() % 3 > 0)) {
            things[put] = (struct thing) { .size = (int)(random() % 20), .number = put };
            inside[put] = true;
            add(&items, &things[put++]);
            continue;
        }
        int expected = -1;
        for (int i = 0; i < put; i++) {
            if (inside[i] && (expected < 0 || things[i].size < things[expected].size))
                expected = i;
        }
        wrong += take(&items)->number != expected;
        inside[expected] = false;
        got++;
    }
    ck_assert_uint_eq(wrong, 0);
}
END_TEST

#define MANY (1 << 14)

/* The bound of the first comment, for the orders that are worst for most heaps: sorted, and sorted the other way. */
START_TEST(no_single_step_compares_more_than_the_bound)
{
    static struct thing things[MANY];
    struct items items;
    unsigned most = 0, unsorted = 0;

    weir__items_init(&items, ITEMS_PRIORITY, by_size);
    for (int i = 0; i < MANY; i++) {
        things[i].size = _i == 0 ? i : MANY - i;
        comparisons = 0;
        add(&items, &things[i]);
        most = comparisons > most ? comparisons : most;
    }
    ck_assert_uint_le(most, 14);
    for (int i = 0, size = 0; i < MANY; i++) {
        comparisons = 0;
        struct thing *thing = take(&items);
        unsorted += thing->size < size;
        size = thing->size;
        most = comparisons > most ? comparisons : most;
    }
    ck_assert_uint_le(most, 28);
    ck_assert_uint_eq(unsorted, 0);
}
END_TEST

/* The sanitizers and valgrind see what is left. */
START_TEST(dropping_frees_all_nodes_without_comparing)
{
    static struct thing things[500];
    struct items items;

    for (enum items_kind kind = ITEMS_FIFO; kind <= ITEMS_PRIORITY; kind++) {
        weir__items_init(&items, kind, by_size);
        weir__items_drop(&items);
        for (int i = 0; i < 500; i++) {
            things[i].size = i * 7919 % 500;
            add(&items, &things[i]);
        }
        for (int i = 0; i < 50; i++)
            take(&items);
        comparisons = 0;
        weir__items_drop(&items);
        ck_assert_uint_eq(items.count, 0);
        ck_assert_ptr_null(items.first);
        ck_assert_uint_eq(comparisons, 0);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/sync_queue_items");

    TCase *order = tcase_create("order");
    tcase_add_test(order, first_in_is_first_or_last_out);
    tcase_add_test(order, the_smallest_comes_first_and_equals_in_their_order);
    tcase_add_loop_test(order, no_single_step_compares_more_than_the_bound, 0, 2);
    tcase_add_test(order, dropping_frees_all_nodes_without_comparing);
    suite_add_tcase(s, order);
    return s;
}
