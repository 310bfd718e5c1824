/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_sync_queue_door.c  What core/sync_queue_door.c promises: items from other threads come in exactly once,
 * never more than there are places, or are refused.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

#include <weir/run.h>
#include <weir/sync.h>
#include <weir/task.h>

#include "core/sync_queue_door.h"
#include "core/sync_queue_items.h"
#include "core/sys_fault.h"
#include "lib/each_fault.h"
#include "lib/suite.h"

static weir_queue queue;
static int codes[8];

static void *item(uintptr_t number)
{
    return (void *)number;
}

/* --- One thread ----------------------------------------------------------- */

static int put_before_and_after_the_first_use(void *arg)
{
    void *got;

    (void)arg;
    codes[1] = weir_queue_get_nowait(&queue, &got);             /* the first use: it is this loop's */
    codes[2] = weir_queue_put_threadsafe(&queue, item(1));
    codes[3] = weir_queue_put_threadsafe(&queue, item(2));
    codes[4] = weir_queue_put_threadsafe(&queue, item(3));
    codes[5] = (int)weir_queue_qsize(&queue) + weir_queue_full(&queue) * 10;
    codes[6] = weir_queue_get(&queue, &got);
    return got == item(1) ? 0 : -1;
}

START_TEST(a_queue_needs_a_loop_before_others_can_send)
{
    void *got;

    ck_assert_int_eq(weir_queue_init(&queue, 2), 0);
    codes[0] = weir_queue_put_threadsafe(&queue, item(1));
    ck_assert_int_eq(weir_run(put_before_and_after_the_first_use, NULL), 0);
    ck_assert_int_eq(codes[0], WEIR_ESTATE);
    ck_assert_int_eq(codes[1], -EAGAIN);
    ck_assert_int_eq(codes[2], 0);
    ck_assert_int_eq(codes[3], 0);
    ck_assert_int_eq(codes[4], -EAGAIN);        /* B 20 */
    ck_assert_int_eq(codes[5], 10);             /* on their way: not there, and each has its place */
    ck_assert_int_eq(codes[6], 0);

    ck_assert_int_eq(weir_queue_put_threadsafe(&queue, item(4)), -ESHUTDOWN);   /* also when its loop is freed */
    ck_assert_int_eq(weir_queue_get_nowait(&queue, &got), 0);
    ck_assert_ptr_eq(got, item(2));
    ck_assert_int_eq(weir_queue_put_threadsafe(&queue, item(5)), -ESHUTDOWN);
    for (int i = 0; i < 3; i++)                 /* what was refused has left no place taken */
        ck_assert_int_eq(weir_queue_put_nowait(&queue, item(6)), i < 2 ? 0 : -EAGAIN);
    ck_assert_int_eq(weir_queue_put_threadsafe(&queue, item(7)), -ESHUTDOWN);   /* and not "full", for ever */
    weir_queue_fini(&queue);
}
END_TEST

static int put_and_end(void *arg)
{
    *(int *)arg = weir_queue_init(&queue, 0);
    return weir_queue_put_threadsafe(&queue, item(5));
}

/* FAULTS 39. The loop closes before it has come round. */
START_TEST(an_item_on_its_way_when_the_loop_closes_is_in_the_queue)
{
    void *got = NULL;

    for (int i = 0; i < 2; i++) {
        weir_loop *loop = weir_loop_new();
        ck_assert_int_eq(weir_loop_run_until_complete(loop, put_and_end, &codes[0]), 0);
        if (i == 1)
            weir_queue_fini(&queue);            /* it comes to a queue that is not there any more */
        weir_loop_close(loop);
        if (i == 0) {
            ck_assert_int_eq(weir_queue_get_nowait(&queue, &got), 0);
            ck_assert_ptr_eq(got, item(5));
            ck_assert_int_eq(weir_queue_get_nowait(&queue, &got), -EAGAIN);
            ck_assert_int_eq(weir_queue_put_threadsafe(&queue, item(6)), -ESHUTDOWN);
            weir_queue_fini(&queue);
        }
        weir_loop_free(loop);
    }
}
END_TEST

static int join_while_one_travels(void *arg)
{
    void *got;

    (void)arg;
    weir_queue_init(&queue, 0);
    weir_queue_put_nowait(&queue, item(1));
    weir_queue_get_nowait(&queue, &got);
    weir_queue_put_threadsafe(&queue, item(2));
    codes[0] = weir_queue_task_done(&queue);    /* the first is done, the second not yet here */
    weir_task_cancel(weir_current_task());
    codes[1] = weir_queue_join(&queue);         /* has to wait */
    codes[2] = weir_queue_get(&queue, &got);
    codes[3] = weir_queue_task_done(&queue);
    codes[4] = weir_queue_join(&queue);
    weir_queue_fini(&queue);
    return 0;
}

START_TEST(join_waits_for_items_on_their_way)
{
    ck_assert_int_eq(weir_run(join_while_one_travels, NULL), 0);
    ck_assert_int_eq(codes[0], 0);
    ck_assert_int_eq(codes[1], -ECANCELED);
    ck_assert_int_eq(codes[2], 0);
    ck_assert_int_eq(codes[3], 0);
    ck_assert_int_eq(codes[4], 0);
}
END_TEST

static int put_without_memory(void *arg)
{
    void *got;

    (void)arg;
    int code = weir_queue_put_threadsafe(&queue, item(1));
    codes[0] += code < 0 && (code != -ENOMEM || weir_queue_full(&queue));
    if (code == 0)
        codes[0] += weir_queue_get(&queue, &got) != 0;
    return code;
}

static int put_with_each_fault(void *arg)
{
    (void)arg;
    weir_queue_init(&queue, 1);
    codes[1] = (int)each_fault(FAULT_OF(SYS_ALLOC), false, put_without_memory, NULL);
    weir_queue_fini(&queue);
    return 0;
}

START_TEST(without_memory_nothing_is_sent_and_no_place_taken)
{
    ck_assert_int_eq(weir_run(put_with_each_fault, NULL), 0);
    ck_assert_int_eq(codes[0], 0);
    ck_assert_int_ge(codes[1], 1);              /* libev's memory counts too */
}
END_TEST

/* --- Many threads --------------------------------------------------------- */

#define THREADS 4
#define EACH 2000
#define LIMIT 7

struct sender {
    pthread_t thread;
    unsigned number, sent;      /* sent: how many items were taken from it */
    int last_code;
};

static struct sender senders[THREADS];
static unsigned got_from[THREADS];
static unsigned out_of_order, too_many;

/* Its items are numbered, so that it shows when one is lost, doubled or late. Ends when the loop is closed. */
static void *send_items(void *arg)
{
    struct sender *sender = arg;

    while (sender->sent < EACH) {
        sender->last_code = weir_queue_put_threadsafe(&queue, item((uintptr_t)sender->number << 32 | sender->sent));
        if (sender->last_code == 0)
            sender->sent++;
        else if (sender->last_code == -EAGAIN)
            sched_yield();
        else
            break;
    }
    return NULL;
}

static int start_senders(void)
{
    for (unsigned i = 0; i < THREADS; i++) {
        senders[i] = (struct sender) { .number = i };
        got_from[i] = 0;
        if (pthread_create(&senders[i].thread, NULL, send_items, &senders[i]) != 0)
            return -EAGAIN;
    }
    return 0;
}

static void check_item(void *got)
{
    unsigned who = (unsigned)((uintptr_t)got >> 32), which = (unsigned)(uintptr_t)got;

    if (who >= THREADS || which != got_from[who]++)
        out_of_order++;
    too_many += weir_queue_qsize(&queue) > LIMIT;
}

static int receive(void *arg)
{
    unsigned *left = arg;
    void *got;

    while (*left > 0) {
        --*left;
        int code = weir_queue_get(&queue, &got);
        if (code < 0)
            return code;
        check_item(got);
        weir_queue_task_done(&queue);
    }
    return 0;
}

static int receive_all(void *arg)
{
    unsigned left = THREADS * EACH;

    (void)arg;
    int code = weir_queue_init(&queue, LIMIT);
    if (code == 0)
        code = start_senders();
    if (code < 0)
        return code;
    weir_task *other = weir_create_task(receive, &left);
    code = receive(&left);
    weir_task_join(other);
    weir_task_unref(other);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(senders[i].thread, NULL);
    if (code == 0)
        code = weir_queue_join(&queue);
    codes[0] = weir_queue_empty(&queue) && !weir_queue_full(&queue);
    return code;
}

/* FAULTS 39; the bound holds for what is stored, and below for what is taken. */
START_TEST(items_of_many_threads_come_once_and_each_thread_s_in_order)
{
    ck_assert_int_eq(weir_run(receive_all, NULL), 0);
    ck_assert_int_eq(codes[0], true);
    ck_assert_uint_eq(out_of_order, 0);
    ck_assert_uint_eq(too_many, 0);
    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_uint_eq(got_from[i], EACH);
    weir_queue_fini(&queue);
}
END_TEST

static int receive_some(void *arg)
{
    unsigned left = *(unsigned *)arg;

    int code = weir_queue_init(&queue, LIMIT);
    if (code == 0)
        code = start_senders();
    return code < 0 ? code : receive(&left);
}

/* FAULTS 39: the loop closes and is freed in the midst of it. What was accepted is got or still there, the rest refused. */
START_TEST(nothing_accepted_is_lost_when_the_loop_closes)
{
    unsigned some = (unsigned)_i * 50;
    void *got;

    ck_assert_int_eq(weir_run(receive_some, &some), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(senders[i].thread, NULL);
    while (weir_queue_get_nowait(&queue, &got) == 0)
        check_item(got);
    ck_assert_uint_eq(out_of_order, 0);
    for (unsigned i = 0; i < THREADS; i++) {
        ck_assert_int_eq(senders[i].last_code, -ESHUTDOWN);
        ck_assert_uint_eq(got_from[i], senders[i].sent);
    }
    ck_assert(!weir_queue_full(&queue));
    weir_queue_fini(&queue);
}
END_TEST

static struct door *door;
static atomic_uint inside, most_inside;

static void never_arrives(void *unused, struct item_node *node)
{
    (void)unused, (void)node;
}

#define ROUNDS 50000
static pthread_barrier_t together;          /* else the first is through before the last begins */

static void *come_and_go(void *arg)
{
    pthread_barrier_wait(&together);
    for (int i = 0; i < ROUNDS; i++) {
        if (!weir__door_reserve(door)) {
            ++*(unsigned *)arg;
            continue;
        }
        unsigned now = atomic_fetch_add(&inside, 1) + 1, most = atomic_load(&most_inside);
        while (now > most && !atomic_compare_exchange_weak(&most_inside, &most, now))
            ;
        atomic_fetch_sub(&inside, 1);
        weir__door_release(door);
    }
    return NULL;
}

/* The count of places is exact from both sides: never more than the limit, and not one lost. */
START_TEST(never_more_places_are_taken_than_there_are)
{
    pthread_t threads[THREADS];
    unsigned refusals[THREADS] = { 0 };

    door = weir__door_new(2, NULL, never_arrives);
    ck_assert_ptr_nonnull(door);
    pthread_barrier_init(&together, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, come_and_go, &refusals[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&together);
    ck_assert_uint_le(most_inside, 2);
    ck_assert_uint_eq(weir__door_taken(door), 0);
    ck_assert(weir__door_reserve(door) && weir__door_reserve(door));
    ck_assert(!weir__door_reserve(door) && weir__door_full(door));
    weir__door_end(door);
}
END_TEST

/* --- From worker to worker ------------------------------------------------ */

#define WORKERS 3
static weir_queue own[WORKERS];
static atomic_uint ready_count, done_count;

/* Puts one into the next one's queue, if it has room. */
static int send_one(unsigned next, uintptr_t *sent)
{
    int code = weir_queue_put_threadsafe(&own[next], item(*sent));

    if (code == 0)
        ++*sent;
    return code == -EAGAIN ? 0 : code;
}

/* Takes one out of its own queue: waits for it once there is nothing left to send. */
static int receive_one(unsigned me, bool wait, uintptr_t *received, unsigned long *sum)
{
    void *got;

    if (!wait)
        weir_yield();                           /* what was sent to us comes in */
    int code = wait ? weir_queue_get(&own[me], &got) : weir_queue_get_nowait(&own[me], &got);
    if (code == 0) {
        ++*received;
        *sum += (uintptr_t)got;
    }
    return code == -EAGAIN ? 0 : code;
}

static int pass_on(void *arg)
{
    unsigned me = weir_worker_index(), next = (me + 1) % WORKERS;
    unsigned long *sums = arg;
    uintptr_t sent = 0, received = 0;

    int code = weir_queue_init(&own[me], 4);
    atomic_fetch_add(&ready_count, 1);
    while (atomic_load(&ready_count) < WORKERS)
        weir_sleep(0.0005);
    while (code == 0 && (sent < EACH || received < EACH)) {
        if (sent < EACH)
            code = send_one(next, &sent);
        if (code == 0 && received < EACH)
            code = receive_one(me, sent == EACH, &received, &sums[me]);
        else if (code == 0)
            code = weir_yield();
    }
    atomic_fetch_add(&done_count, 1);
    while (atomic_load(&done_count) < WORKERS)  /* the others still send to us */
        weir_sleep(0.0005);
    weir_queue_fini(&own[me]);
    return code;
}

START_TEST(tasks_of_different_workers_send_to_each_other)
{
    unsigned long sums[WORKERS] = { 0 };

    ck_assert_int_eq(weir_run_workers(WORKERS, pass_on, sums), 0);
    for (int i = 0; i < WORKERS; i++)
        ck_assert_uint_eq(sums[i], (unsigned long)EACH * (EACH - 1) / 2);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/sync_queue_door");

    TCase *cases = tcase_create("cases");
    tcase_add_test(cases, a_queue_needs_a_loop_before_others_can_send);
    tcase_add_test(cases, an_item_on_its_way_when_the_loop_closes_is_in_the_queue);
    tcase_add_test(cases, join_waits_for_items_on_their_way);
    tcase_add_test(cases, without_memory_nothing_is_sent_and_no_place_taken);
    suite_add_tcase(s, cases);

    TCase *threads = tcase_create("threads");
    tcase_add_test(threads, items_of_many_threads_come_once_and_each_thread_s_in_order);
    tcase_add_loop_test(threads, nothing_accepted_is_lost_when_the_loop_closes, 0, 10);
    tcase_add_test(threads, never_more_places_are_taken_than_there_are);
    tcase_add_test(threads, tasks_of_different_workers_send_to_each_other);
    suite_add_tcase(s, threads);
    return s;
}
