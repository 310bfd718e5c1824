/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_log_ring.c  What server/log_ring.c promises: records come out as they went in, in order, or are
 * refused.
 */
#include "server/log_ring.h"

#include <stdlib.h>
#include <string.h>

#include "lib/suite.h"

#define MOST 4096

static struct log_ring ring;

static void make(void)
{
    ck_assert_int_eq(log_ring_init(&ring, LOG_RING_LEAST), 0);
}

static void drop(void)
{
    log_ring_fini(&ring);
}

static bool put(const char *text, size_t len, int file)
{
    struct log_record header = { .file = (uint16_t)file, .level = 2, .wall_ns = 1000 + file };

    return log_ring_put(&ring, &header, &(struct iovec){ (void *)text, len }, 1, MOST);
}

static const struct log_record *only_record(uint64_t *at)
{
    uint64_t end = log_ring_end(&ring);
    const struct log_record *record = log_ring_next(&ring, at, end);

    ck_assert_ptr_nonnull(record);
    ck_assert_ptr_null(log_ring_next(&ring, at, end));
    return record;
}

START_TEST(a_record_is_what_was_put)
{
    struct iovec pieces[] = { { (void *)"connection", 10 }, { (void *)"", 0 }, { (void *)" a=\0", 4 }, { (void *)"b", 1 } };
    struct log_record header = { .file = 7, .level = 3, .wall_ns = -5 };
    uint64_t at = 0;

    ck_assert(log_ring_put(&ring, &header, pieces, 4, MOST));
    const struct log_record *record = only_record(&at);
    ck_assert_uint_eq(record->len, 15);
    ck_assert_int_eq(memcmp(record->text, "connection a=\0b", 15), 0);
    ck_assert_int_eq(record->file, 7);
    ck_assert_int_eq(record->level, 3);
    ck_assert_int_eq(record->wall_ns, -5);
}
END_TEST

START_TEST(a_long_text_is_cut_and_says_so)
{
    struct iovec pieces[] = { { (void *)"abcdefgh", 8 }, { (void *)"ijkl", 4 }, { (void *)"mnop", 4 } };
    struct log_record header = { .level = 1 };
    uint64_t at = 0;

    ck_assert(log_ring_put(&ring, &header, pieces, 3, 11));
    const struct log_record *record = only_record(&at);
    ck_assert_uint_eq(record->len, 11);
    ck_assert_int_eq(memcmp(record->text, "abcdefgh...", 11), 0);

    ck_assert(log_ring_put(&ring, &header, pieces, 3, 16));
    record = only_record(&at);
    ck_assert_uint_eq(record->len, 16);
    ck_assert_int_eq(memcmp(record->text, "abcdefghijklmnop", 16), 0);
}
END_TEST

START_TEST(a_full_ring_refuses_and_is_not_changed_by_it)
{
    char text[100];
    uint64_t at = 0;
    int count = 0, read = 0;

    memset(text, 'x', sizeof text);
    while (put(text, sizeof text, count))
        count++;
    ck_assert_int_gt(count, 100);
    uint64_t end = log_ring_end(&ring);
    ck_assert(!put(text, sizeof text, 0));
    ck_assert_uint_eq(log_ring_end(&ring), end);

    for (const struct log_record *record; (record = log_ring_next(&ring, &at, end)) != NULL; read++)
        ck_assert_int_eq(record->file, read);
    ck_assert_int_eq(read, count);
    ck_assert(!put(text, sizeof text, 0));          /* read, but not released */
    log_ring_release(&ring, at);
    ck_assert_uint_eq(log_ring_used(&ring), 0);
    ck_assert(put(text, sizeof text, 0));
}
END_TEST

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void check_record(const struct log_record *record, unsigned number)
{
    ck_assert_ptr_nonnull(record);
    ck_assert_int_eq(record->file, (uint16_t)number);
    uint32_t random = number;
    ck_assert_uint_eq(record->len, next_random(&random) % 2000);
    size_t same = 0;
    while (same < record->len && record->text[same] == (char)number)
        same++;
    ck_assert_uint_eq(same, record->len);
}

/* Records of all sizes, put and taken in bursts, so that each place of the memory is an end once. */
START_TEST(records_keep_their_order_round_and_round)
{
    static char text[2000];
    unsigned puts = 0, takes = 0;
    uint64_t at = 0;
    uint32_t burst = 3;

    while (puts < 20000) {
        for (unsigned i = next_random(&burst) % 12; i > 0; i--) {
            uint32_t random = puts;
            size_t len = next_random(&random) % 2000;
            memset(text, (char)puts, len);
            if (!put(text, len, (uint16_t)puts))
                break;
            puts++;
        }
        uint64_t end = log_ring_end(&ring);
        for (unsigned i = next_random(&burst) % 12; i > 0 && takes < puts; i--)
            check_record(log_ring_next(&ring, &at, end), takes++);
        log_ring_release(&ring, at);
        ck_assert_uint_le(log_ring_used(&ring), ring.capacity);
    }
    while (takes < puts)
        check_record(log_ring_next(&ring, &at, log_ring_end(&ring)), takes++);
    ck_assert_ptr_null(log_ring_next(&ring, &at, log_ring_end(&ring)));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("server/log_ring");

    TCase *records = tcase_create("records");
    tcase_add_checked_fixture(records, make, drop);
    tcase_add_test(records, a_record_is_what_was_put);
    tcase_add_test(records, a_long_text_is_cut_and_says_so);
    tcase_add_test(records, a_full_ring_refuses_and_is_not_changed_by_it);
    tcase_add_test(records, records_keep_their_order_round_and_round);
    suite_add_tcase(s, records);
    return s;
}
