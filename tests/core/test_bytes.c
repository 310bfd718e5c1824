/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_bytes.c  What <weir/bytes.h> promises: views that compare, integers at any alignment in both orders.
 */
#include <weir/bytes.h>

#include "lib/suite.h"

START_TEST(views_are_equal_when_their_bytes_are)
{
    const weir_bytes nothing = { NULL, 0 }, inside = { "a\0b", 3 };

    ck_assert(weir_bytes_eq(weir_bytes_of("abc"), (weir_bytes) { "abcd", 3 }));
    ck_assert(!weir_bytes_eq(weir_bytes_of("abc"), weir_bytes_of("abd")));
    ck_assert(!weir_bytes_eq(weir_bytes_of("abc"), weir_bytes_of("ab")));
    ck_assert(weir_bytes_eq(nothing, weir_bytes_of("")));           /* and no pointer is looked at */
    ck_assert(!weir_bytes_eq(inside, (weir_bytes) { "a\0c", 3 }));  /* no C strings: a NUL ends nothing */
    ck_assert(weir_bytes_eq(inside, (weir_bytes) { "a\0b", 3 }));
}
END_TEST

/* Each offset, so that an aligned load in the place of bytes would be noticed where it matters; and values whose top bit is set,
 * which a signed shift would spoil. */
START_TEST(integers_are_read_and_written_at_any_alignment)
{
    static const unsigned char wire[] = { 0x81, 0x92, 0xa3, 0xb4, 0xc5, 0xd6, 0xe7, 0xf8 };
    unsigned char buf[16], out[16] = { 0 };
    unsigned char *p = buf + _i, *q = out + _i;

    memcpy(p, wire, sizeof wire);
    ck_assert_uint_eq(weir_be16(p), 0x8192);
    ck_assert_uint_eq(weir_le16(p), 0x9281);
    ck_assert_uint_eq(weir_be32(p), 0x8192a3b4);
    ck_assert_uint_eq(weir_le32(p), 0xb4a39281);
    ck_assert_uint_eq(weir_be64(p), 0x8192a3b4c5d6e7f8);
    ck_assert_uint_eq(weir_le64(p), 0xf8e7d6c5b4a39281);

    weir_store_be64(q, 0x8192a3b4c5d6e7f8);
    ck_assert_mem_eq(q, wire, 8);
    weir_store_le64(q, 0xf8e7d6c5b4a39281);
    ck_assert_mem_eq(q, wire, 8);
    memset(out, 0, sizeof out);
    weir_store_be32(q, 0x8192a3b4);
    ck_assert_mem_eq(q, wire, 4);
    ck_assert_uint_eq(q[4], 0);
    weir_store_le32(q, 0xb4a39281);
    ck_assert_mem_eq(q, wire, 4);
    memset(out, 0, sizeof out);
    weir_store_be16(q, 0x8192);
    ck_assert_mem_eq(q, wire, 2);
    ck_assert_uint_eq(q[2], 0);
    weir_store_le16(q, 0x9281);
    ck_assert_mem_eq(q, wire, 2);
}
END_TEST

Suite *suite(void)
{
    Suite *bytes = suite_create("core/bytes");

    TCase *cases = tcase_create("bytes");
    tcase_add_test(cases, views_are_equal_when_their_bytes_are);
    tcase_add_loop_test(cases, integers_are_read_and_written_at_any_alignment, 0, 8);
    suite_add_tcase(bytes, cases);

    return bytes;
}
