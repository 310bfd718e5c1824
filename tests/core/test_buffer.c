/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_buffer.c  What core/buffer.c promises: bytes in order, and views that never move.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/sys_fault.h"
#include "lib/suite.h"

static struct block_pool pool;
static struct buffer buffer;

static void make_buffer(void)
{
    weir__block_pool_init(&pool);
    weir__buffer_init(&buffer, &pool);
}

static void free_buffer(void)
{
    weir__buffer_fini(&buffer);
    ck_assert_uint_eq(pool.live, pool.receive != NULL);
    weir__block_pool_fini(&pool);
}

#define PERIOD 251              /* of the stream's bytes: a prime, so no block size repeats it */
#define PIECE  ((size_t)1 << 20)

static unsigned char stream[PERIOD + PIECE];

static const void *stream_from(size_t n)
{
    if (stream[1] == 0) {
        for (size_t i = 0; i < sizeof stream; i++)
            stream[i] = (unsigned char)(i % PERIOD);
    }
    return stream + n % PERIOD;
}

static bool is_stream(const void *data, size_t from, size_t len)
{
    const unsigned char *bytes = data;

    while (len > PIECE) {
        if (memcmp(bytes, stream_from(from), PIECE) != 0)
            return false;
        bytes += PIECE;
        from += PIECE;
        len -= PIECE;
    }
    return memcmp(bytes, stream_from(from), len) == 0;
}

static size_t written;          /* bytes of the stream that went in */

static int append(size_t len)
{
    int code = weir__buffer_append(&buffer, stream_from(written), len);

    if (code == 0)
        written += len;
    return code;
}

/* --- Small promises ------------------------------------------------------- */

START_TEST(an_empty_buffer_without_a_loan_holds_no_block)
{
    weir_bytes view;

    ck_assert_uint_eq(buffer_len(&buffer), 0);
    ck_assert_ptr_null(buffer_bytes(&buffer));
    ck_assert_uint_eq(pool.live, 0);
    ck_assert_int_eq(append(10), 0);
    ck_assert_uint_eq(pool.live, 1);
    weir__buffer_lend(&buffer, 10, &view);
    ck_assert_uint_eq(buffer_len(&buffer), 0);
    ck_assert_uint_eq(pool.live, 1);            /* the view needs it */
    weir__buffer_end_loan(&buffer);
    ck_assert_uint_eq(pool.live, 0);
    weir__buffer_end_loan(&buffer);             /* again: nothing */
}
END_TEST

START_TEST(a_view_of_nothing_is_valid_and_needs_no_loan)
{
    weir_bytes view = { NULL, 99 };

    weir__buffer_lend(&buffer, 0, &view);
    ck_assert_ptr_nonnull(view.data);
    ck_assert_uint_eq(view.len, 0);
    ck_assert_uint_eq(pool.live, 0);
}
END_TEST

START_TEST(what_was_peeked_at_is_still_unread)
{
    weir_bytes view;

    ck_assert_int_eq(append(100), 0);
    weir__buffer_peek(&buffer, 60, &view);
    ck_assert(is_stream(view.data, 0, 60));
    weir__buffer_end_loan(&buffer);
    ck_assert_uint_eq(buffer_len(&buffer), 100);
    weir__buffer_drop(&buffer, 40);
    weir__buffer_lend(&buffer, 60, &view);
    ck_assert(is_stream(view.data, 40, 60));
}
END_TEST

/* --- Views do not move ---------------------------------------------------- */

/* B 6. Memory that realloc() grew is the same block nearly always, so only a model shows that it is not by luck. */
START_TEST(a_view_stays_where_it_is_while_the_buffer_outgrows_its_block_twice)
{
    weir_bytes view;

    ck_assert_int_eq(append(1000), 0);
    weir__buffer_lend(&buffer, 600, &view);
    const void *at = view.data;
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(append(50000), 0);
    ck_assert_ptr_eq(view.data, at);
    ck_assert(is_stream(view.data, 0, 600));
    ck_assert_uint_eq(buffer_len(&buffer), 500400);
    ck_assert_uint_eq(pool.live, 2);            /* the lent block and the current one */
    weir__buffer_end_loan(&buffer);
    ck_assert_uint_eq(pool.live, 1);
    ck_assert(is_stream(buffer_bytes(&buffer), 600, 500400));
}
END_TEST

#define MUCH ((size_t)64 * 1024)        /* unread bytes beyond which a sequence feeds no more: it has to end */

struct view {
    weir_bytes bytes;
    size_t from;
    bool out;
};

static void check_all(const struct view *view, size_t read)
{
    ck_assert_uint_eq(buffer_len(&buffer), written - read);
    if (written > read)
        ck_assert(is_stream(buffer_bytes(&buffer), read, written - read));
    if (view->out)
        ck_assert_msg(is_stream(view->bytes.data, view->from, view->bytes.len), "a view changed");
    ck_assert_uint_le(pool.live, 2U + (pool.receive != NULL));
}

static size_t random_size(unsigned *seed, size_t most)
{
    size_t bound = (size_t)1 << rand_r(seed) % 17;      /* small ones as often as large ones */

    if (bound > most)
        bound = most;
    return bound == 0 ? 0 : (size_t)rand_r(seed) % (bound + 1);
}

/* Any order of feeding, lending, peeking and dropping against the simplest model: three numbers of one stream. */
START_TEST(a_random_sequence_gives_the_bytes_in_order_and_keeps_the_view)
{
    unsigned seed = (unsigned)_i;
    struct view view = { .out = false };
    size_t read = 0;

    for (int step = 0; step < 300; step++) {
        size_t unread = written - read, n = random_size(&seed, unread);
        void *at;
        size_t room;
        switch (rand_r(&seed) % 8) {
        case 0:
        case 1:
            if (unread < MUCH)
                ck_assert_int_eq(append(random_size(&seed, 1 << 16)), 0);
            break;
        case 2:                                 /* as a transport: ask for room, use some of it */
            n = 1 + random_size(&seed, 20000);
            ck_assert_int_eq(weir__buffer_room(&buffer, n, 65536, &at, &room), 0);
            ck_assert_uint_ge(room, n);
            memcpy(at, stream_from(written), n);
            weir__buffer_added(&buffer, n);
            written += n;
            break;
        case 6:                                 /* the same through the block that all share, and nothing may come */
        case 7:
            ck_assert_int_eq(weir__buffer_receive(&buffer, 1, BLOCK_LARGEST, &at, &room), 0);
            ck_assert_uint_ge(room, 1);
            n = random_size(&seed, room);
            if (n == 0 || unread > MUCH)
                break;
            memcpy(at, stream_from(written), n);
            ck_assert_int_eq(weir__buffer_received(&buffer, n), 0);
            written += n;
            break;
        case 3:
            weir__buffer_end_loan(&buffer);
            weir__buffer_lend(&buffer, n, &view.bytes);
            view.from = read;
            view.out = true;
            read += n;
            break;
        case 4:
            weir__buffer_end_loan(&buffer);
            weir__buffer_peek(&buffer, n, &view.bytes);
            view.from = read;
            view.out = true;
            break;
        case 5:
            weir__buffer_end_loan(&buffer);
            view.out = false;
            weir__buffer_drop(&buffer, n);
            read += n;
            break;
        }
        if (step % 4 == 0)
            check_all(&view, read);
    }
}
END_TEST

/* --- Growing -------------------------------------------------------------- */

/* Growing by what is needed each time would copy a megabyte that comes in small pieces hundreds of times. */
START_TEST(growing_by_single_bytes_takes_few_blocks)
{
    struct fault_plan plan = { 0 };

    weir__fault_begin(&plan);
    int failed = 0;                             /* not a million asserts, which cost more than what they look at */
    for (int i = 0; i < 1 << 20; i++)
        failed += weir__buffer_append(&buffer, "x", 1) < 0;
    weir__fault_end();
    ck_assert_int_eq(failed, 0);
    ck_assert_uint_le(weir__fault_seen(SYS_ALLOC), 8);
    ck_assert_uint_eq(buffer_len(&buffer), 1 << 20);
}
END_TEST

/* A reader that always leaves a little behind would otherwise grow its buffer for ever. */
START_TEST(a_buffer_that_is_read_as_fast_as_it_is_fed_stays_in_one_block)
{
    weir_bytes view;

    ck_assert_int_eq(append(100), 0);
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(append(1000), 0);
        weir__buffer_lend(&buffer, 1000, &view);
        weir__buffer_end_loan(&buffer);
    }
    ck_assert_uint_eq(buffer_len(&buffer), 100);
    ck_assert_uint_le(buffer.current->capacity, 4096);
    ck_assert(is_stream(buffer_bytes(&buffer), written - 100, 100));
}
END_TEST

/* FAULTS 2. */
START_TEST(what_is_received_without_memory_is_lost_and_the_rest_is_not)
{
    struct fault_plan plan = { .fail_at = 1, .from_then_on = true };
    void *at;
    size_t room;

    weir__fault_begin(&plan);
    ck_assert_int_eq(weir__buffer_receive(&buffer, 1, BLOCK_LARGEST, &at, &room), -ENOMEM);
    weir__fault_end();
    ck_assert_int_eq(append(10), 0);
    weir__buffer_drop(&buffer, 10);
    weir__buffer_end_loan(&buffer);
    ck_assert_int_eq(weir__buffer_receive(&buffer, 1, BLOCK_LARGEST, &at, &room), 0);
    memcpy(at, stream_from(written), 300);
    weir__fault_begin(&plan);
    ck_assert_int_eq(weir__buffer_received(&buffer, 300), -ENOMEM);
    weir__fault_end();
    ck_assert_uint_eq(buffer_len(&buffer), 0);
    ck_assert_int_eq(append(500), 0);
    ck_assert(is_stream(buffer_bytes(&buffer), 10, 500));
}
END_TEST

/* FAULTS 2. */
START_TEST(without_memory_the_buffer_and_the_view_are_as_before)
{
    struct fault_plan plan = { .fail_at = 1, .from_then_on = true };
    weir_bytes view;
    void *at;
    size_t room;

    ck_assert_int_eq(append(1000), 0);
    weir__buffer_lend(&buffer, 400, &view);
    weir__fault_begin(&plan);
    ck_assert_int_eq(append(100000), -ENOMEM);
    ck_assert_int_eq(weir__buffer_room(&buffer, 100000, 200000, &at, &room), -ENOMEM);
    ck_assert_int_eq(weir__buffer_room(&buffer, SIZE_MAX, 0, &at, &room), -ENOMEM);
    ck_assert_int_eq(append(10), 0);            /* fits: needs no memory */
    weir__fault_end();
    ck_assert_int_eq(weir__buffer_room(&buffer, SIZE_MAX - 100, 0, &at, &room), -ENOMEM);       /* the sum wraps */
    ck_assert(is_stream(view.data, 0, 400));
    ck_assert_uint_eq(buffer_len(&buffer), 610);
    ck_assert(is_stream(buffer_bytes(&buffer), 400, 610));
    ck_assert_int_eq(append(100000), 0);
    ck_assert(is_stream(view.data, 0, 400));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/buffer");

    TCase *views = tcase_create("views");
    tcase_add_checked_fixture(views, make_buffer, free_buffer);
    tcase_add_test(views, an_empty_buffer_without_a_loan_holds_no_block);
    tcase_add_test(views, a_view_of_nothing_is_valid_and_needs_no_loan);
    tcase_add_test(views, what_was_peeked_at_is_still_unread);
    tcase_add_test(views, a_view_stays_where_it_is_while_the_buffer_outgrows_its_block_twice);
    tcase_add_loop_test(views, a_random_sequence_gives_the_bytes_in_order_and_keeps_the_view, 1, 21);
    suite_add_tcase(s, views);

    TCase *growing = tcase_create("growing");
    tcase_add_checked_fixture(growing, make_buffer, free_buffer);
    tcase_add_test(growing, growing_by_single_bytes_takes_few_blocks);
    tcase_add_test(growing, a_buffer_that_is_read_as_fast_as_it_is_fed_stays_in_one_block);
    tcase_add_test(growing, what_is_received_without_memory_is_lost_and_the_rest_is_not);
    tcase_add_test(growing, without_memory_the_buffer_and_the_view_are_as_before);
    suite_add_tcase(s, growing);
    return s;
}
