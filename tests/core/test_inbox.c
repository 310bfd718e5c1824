/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_inbox.c  What core/inbox.c promises: every item run or dropped exactly once, whoever races.
 *
 * Made for ThreadSanitizer as much as for the plain build.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/inbox.h"
#include "core/list.h"
#include "core/sys_fault.h"
#include "lib/suite.h"

#define PRODUCERS 4
#define ITEMS     4000          /* of each producer */

struct item {
    struct inbox_item item;
    int producer, number;
    bool accepted;              /* the producer's */
    int ran, dropped;           /* the consumer's */
};

struct producer {
    pthread_t thread;
    struct inbox *inbox;
    struct item items[ITEMS];
    int next;                   /* the number the consumer has to meet next */
};
static struct producer producers[PRODUCERS];
static int out_of_order, finished;

static void on_run(struct inbox_item *posted)
{
    struct item *item = list_entry(posted, struct item, item);

    item->ran++;
    if (producers[item->producer].next++ != item->number)
        out_of_order++;
    finished++;
}

static void on_drop(struct inbox_item *posted)
{
    struct item *item = list_entry(posted, struct item, item);

    item->dropped++;
    if (producers[item->producer].next++ != item->number)
        out_of_order++;
    finished++;
}

static struct inbox *make_inbox(void)
{
    int code = 0;
    struct inbox *inbox = weir__inbox_new(&code);

    ck_assert_ptr_nonnull(inbox);
    return inbox;
}

static void *produce(void *arg)
{
    struct producer *self = arg;

    for (int i = 0; i < ITEMS; i++) {
        struct item *item = &self->items[i];
        int code = weir__inbox_post(self->inbox, &item->item);
        if (code == -ESHUTDOWN)
            break;
        item->accepted = code == 0;
    }
    weir__inbox_unref(self->inbox);
    return NULL;
}

static void start_producers(struct inbox *inbox)
{
    for (int p = 0; p < PRODUCERS; p++) {
        struct producer *producer = &producers[p];
        producer->inbox = weir__inbox_ref(inbox);
        producer->next = 0;
        for (int i = 0; i < ITEMS; i++)
            producer->items[i] = (struct item) { .item = { .run = on_run, .drop = on_drop }, .producer = p, .number = i };
        ck_assert_int_eq(pthread_create(&producer->thread, NULL, produce, producer), 0);
    }
}

static void join_producers(void)
{
    for (int p = 0; p < PRODUCERS; p++)
        pthread_join(producers[p].thread, NULL);
}

static void drain_when_readable(struct inbox *inbox)
{
    struct pollfd readable = { .fd = weir__inbox_fd(inbox), .events = POLLIN };

    ck_assert_int_eq(poll(&readable, 1, -1), 1);
    weir__inbox_drain(inbox);
}

/* --- Posting -------------------------------------------------------------- */

/* A post that falls between the read of the eventfd and the exchange must make it readable again, or it sleeps in the
 * inbox: then this waits for ever. */
START_TEST(what_many_threads_post_is_run_once_in_the_order_of_each_and_none_is_overlooked)
{
    struct inbox *inbox = make_inbox();

    start_producers(inbox);
    while (finished < PRODUCERS * ITEMS)
        drain_when_readable(inbox);
    join_producers();
    ck_assert_int_eq(out_of_order, 0);
    int wrong = 0;
    for (int p = 0; p < PRODUCERS; p++) {
        for (int i = 0; i < ITEMS; i++)
            wrong += producers[p].items[i].ran != 1 || producers[p].items[i].dropped != 0;
    }
    ck_assert_int_eq(wrong, 0);
    weir__inbox_close(inbox);
    weir__inbox_unref(inbox);
}
END_TEST

/* FAULTS 39: "is it closed" and "push" are one step; as two, an item that slips in between is never heard of again. */
START_TEST(when_the_inbox_closes_every_accepted_item_is_run_or_dropped_and_a_refused_one_is_neither)
{
    struct inbox *inbox = make_inbox();
    int accepted = 0, wrong = 0;

    start_producers(inbox);
    for (int i = 0; i < _i && finished < PRODUCERS * ITEMS; i++)
        drain_when_readable(inbox);
    weir__inbox_close(inbox);
    weir__inbox_unref(inbox);                   /* the producers hold it still */
    join_producers();
    for (int p = 0; p < PRODUCERS; p++) {
        for (int i = 0; i < ITEMS; i++) {
            const struct item *item = &producers[p].items[i];
            accepted += item->accepted;
            wrong += item->ran + item->dropped != item->accepted;
        }
    }
    ck_assert_int_eq(wrong, 0);
    ck_assert_int_eq(finished, accepted);
    ck_assert_int_eq(out_of_order, 0);
}
END_TEST

static struct item one(void)
{
    return (struct item) { .item = { .run = on_run, .drop = on_drop } };
}

/* A loop that is told of each post separately would read its eventfd once for each. */
START_TEST(a_burst_of_posts_costs_one_wake_up)
{
    struct inbox *inbox = make_inbox();
    struct fault_plan plan = { 0 };

    weir__fault_begin(&plan);
    for (int round = 1; round <= 3; round++) {
        static struct item items[100];
        for (int i = 0; i < 100; i++) {
            items[i] = one();
            ck_assert_int_eq(weir__inbox_post(inbox, &items[i].item), 0);
        }
        ck_assert_uint_eq(weir__fault_seen(SYS_WRITE), (uint64_t)round);
        weir__inbox_drain(inbox);
    }
    weir__fault_end();
    ck_assert_int_eq(finished, 300);
    weir__inbox_unref(inbox);
}
END_TEST

static struct inbox *posting_inbox;

static void post_second(struct inbox_item *item)
{
    static struct item second;

    (void)item;
    second = one();
    second.number = 1;
    finished++;
    producers[0].next = 1;
    if (weir__inbox_post(posting_inbox, &second.item) < 0)
        finished = -100;
}

/* An item may post, and may be gone when it has run: draining must look at it no more. */
START_TEST(what_an_item_posts_comes_with_the_next_drain)
{
    struct item first = { .item = { .run = post_second, .drop = on_drop } };

    posting_inbox = make_inbox();
    ck_assert_int_eq(weir__inbox_post(posting_inbox, &first.item), 0);
    drain_when_readable(posting_inbox);
    ck_assert_int_eq(finished, 1);
    drain_when_readable(posting_inbox);
    ck_assert_int_eq(finished, 2);
    ck_assert_int_eq(out_of_order, 0);
    weir__inbox_unref(posting_inbox);
}
END_TEST

/* --- The bound ------------------------------------------------------------ */

/* What the library itself has to deliver must get through when users have filled the inbox. */
START_TEST(only_bounded_items_are_refused_by_a_full_inbox)
{
    struct inbox *inbox = make_inbox();
    struct item *items = calloc(INBOX_MAX + 3, sizeof *items);

    for (int i = 0; i < INBOX_MAX + 3; i++) {
        items[i] = one();
        items[i].item.bounded = i != INBOX_MAX;
    }
    int refused = 0;
    for (int i = 0; i < INBOX_MAX; i++)
        refused += weir__inbox_post(inbox, &items[i].item) < 0;
    ck_assert_int_eq(refused, 0);
    ck_assert_int_eq(weir__inbox_post(inbox, &items[INBOX_MAX].item), 0);
    ck_assert_int_eq(weir__inbox_post(inbox, &items[INBOX_MAX + 1].item), -ENOBUFS);
    weir__inbox_drain(inbox);
    ck_assert_int_eq(finished, INBOX_MAX + 1);
    ck_assert_int_eq(weir__inbox_post(inbox, &items[INBOX_MAX + 1].item), 0);
    ck_assert(!weir__inbox_is_closed(inbox));
    weir__inbox_close(inbox);
    ck_assert(weir__inbox_is_closed(inbox));
    ck_assert_int_eq(finished, INBOX_MAX + 2);
    ck_assert_int_eq(items[INBOX_MAX + 1].dropped, 1);
    for (int i = 0; i < 2; i++)                 /* refused for being closed, it does not count either */
        ck_assert_int_eq(weir__inbox_post(inbox, &items[INBOX_MAX + 2].item), -ESHUTDOWN);
    weir__inbox_close(inbox);
    weir__inbox_drain(inbox);
    weir__inbox_unref(inbox);
    free(items);
}
END_TEST

START_TEST(an_inbox_without_memory_or_descriptor_is_not_made)
{
    for (uint64_t n = 1; n <= 2; n++) {
        struct fault_plan plan = { .fail_at = n };
        int code = 0;
        weir__fault_begin(&plan);
        struct inbox *inbox = weir__inbox_new(&code);
        weir__fault_end();
        ck_assert_ptr_null(inbox);
        ck_assert_int_eq(code, n == 1 ? -ENOMEM : -EMFILE);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/inbox");

    TCase *posting = tcase_create("posting");
    tcase_add_test(posting, what_many_threads_post_is_run_once_in_the_order_of_each_and_none_is_overlooked);
    tcase_add_loop_test(posting, when_the_inbox_closes_every_accepted_item_is_run_or_dropped_and_a_refused_one_is_neither, 0, 12);
    tcase_add_test(posting, a_burst_of_posts_costs_one_wake_up);
    tcase_add_test(posting, what_an_item_posts_comes_with_the_next_drain);
    suite_add_tcase(s, posting);

    TCase *bound = tcase_create("bound");
    tcase_add_test(bound, only_bounded_items_are_refused_by_a_full_inbox);
    tcase_add_test(bound, an_inbox_without_memory_or_descriptor_is_not_made);
    suite_add_tcase(s, bound);
    return s;
}
