/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/test_proxy_worker.c  What plugins/proxy/worker.c promises: which upstream is chosen.
 */
#include "plugins/proxy/worker.h"

#include <stdio.h>
#include <string.h>

#include "lib/suite.h"

static struct settings settings;
static struct worker *worker;

static void begin(enum balance balance, size_t count)
{
    settings = (struct settings) { .balance = balance, .fail_time = 10, .upstreams.count = count };
    worker = worker_new(&settings);
}

/* One choice after the other, none of them given back. */
static const char *chosen(int times, double now)
{
    static char out[64];

    out[0] = '\0';
    for (int i = 0; i < times; i++)
        snprintf(out + strlen(out), sizeof out - strlen(out), "%d", worker_choose(worker, 0, now));
    return out;
}

START_TEST(round_robin_gives_each_its_turn)
{
    begin(BALANCE_ROUNDROBIN, 3);
    ck_assert_str_eq(chosen(7, 0), "0120120");
    worker_unref(worker);
}
END_TEST

START_TEST(the_one_with_the_fewest_connections_is_chosen)
{
    begin(BALANCE_LEASTCONN, 3);
    ck_assert_str_eq(chosen(6, 0), "012012");
    worker_leave(worker, 1);
    worker_leave(worker, 1);
    worker_leave(worker, 2);
    ck_assert_str_eq(chosen(3, 0), "121");          /* 1 has none; then it and 2 have one, and it is 2's turn */
    worker_unref(worker);
}
END_TEST

START_TEST(none_is_chosen_twice_for_one_connection)
{
    begin((enum balance)_i, 2);
    ck_assert_int_eq(worker_choose(worker, 1, 0), 1);
    ck_assert_int_eq(worker_choose(worker, 2, 0), 0);
    ck_assert_int_eq(worker_choose(worker, 3, 0), -1);
    worker_unref(worker);
}
END_TEST

START_TEST(one_that_failed_is_left_out_for_its_time)
{
    begin((enum balance)_i, 3);
    worker_note_failure(worker, 1, 100);
    ck_assert_str_eq(chosen(4, 109.9), "0202");
    ck_assert_ptr_nonnull(strchr(chosen(3, 110), '1'));
    worker_unref(worker);
}
END_TEST

/* Waiting for the time to pass would turn clients away for nothing when it is back. */
START_TEST(when_all_failed_they_are_tried_all_the_same)
{
    begin((enum balance)_i, 2);
    worker_note_failure(worker, 0, 100);
    worker_note_failure(worker, 1, 100);
    ck_assert_str_eq(chosen(4, 101), "0101");
    ck_assert_int_eq(worker_choose(worker, 1, 101), 1);     /* and within one connection, after those that did not fail */
    worker_unref(worker);
}
END_TEST

START_TEST(sixty_four_can_be_told_apart)
{
    begin((enum balance)_i, UPSTREAMS_MOST);
    ck_assert_int_eq(worker_choose(worker, ~(UINT64_C(1) << 63), 0), 63);
    ck_assert_int_eq(worker_choose(worker, ~UINT64_C(0), 0), -1);
    worker_unref(worker);
}
END_TEST

START_TEST(it_lives_as_long_as_somebody_holds_it)
{
    begin(BALANCE_ROUNDROBIN, 2);
    worker_ref(worker);
    worker_unref(worker);
    ck_assert_str_eq(chosen(2, 0), "01");           /* a sanitizer would see that it is gone */
    worker_unref(worker);
    worker_unref(NULL);
}
END_TEST

Suite *suite(void)
{
    Suite *choice = suite_create("plugins/proxy/worker");

    TCase *choose = tcase_create("choose");
    tcase_add_test(choose, round_robin_gives_each_its_turn);
    tcase_add_test(choose, the_one_with_the_fewest_connections_is_chosen);
    tcase_add_loop_test(choose, none_is_chosen_twice_for_one_connection, 0, 2);
    tcase_add_loop_test(choose, one_that_failed_is_left_out_for_its_time, 0, 2);
    tcase_add_loop_test(choose, when_all_failed_they_are_tried_all_the_same, 0, 2);
    tcase_add_loop_test(choose, sixty_four_can_be_told_apart, 0, 2);
    tcase_add_test(choose, it_lives_as_long_as_somebody_holds_it);
    suite_add_tcase(choice, choose);

    return choice;
}
