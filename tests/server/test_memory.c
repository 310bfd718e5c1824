/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_memory.c  What server/memory.c promises without jemalloc, which test builds do not link. With it, the
 * program's own tests look at the log line (tests/program/).
 */
#include "server/memory.h"

#include "lib/suite.h"

START_TEST(without_jemalloc_there_is_nothing_to_tell)
{
    struct memory_figures figures = { .allocated = 7 };

    ck_assert(!memory_own_arena());
    ck_assert(!memory_figures_read(&figures));
    ck_assert_uint_eq(figures.allocated, 7);
    ck_assert_ptr_null(memory_version());
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("server/memory");
    TCase *memory = tcase_create("memory");

    tcase_add_test(memory, without_jemalloc_there_is_nothing_to_tell);
    suite_add_tcase(s, memory);
    return s;
}
