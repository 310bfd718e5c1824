/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_pid_file.c  What server/pid_file.c promises: a whole number or nothing, and nobody else's file removed.
 */
#include "server/pid_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/suite.h"

static char folder[64], path[96], error[256];

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/weir-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/weir.pid", folder);
}

static void remove_folder(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0);         /* nothing else was left in it */
}

static long number_in_file(void)
{
    long number = -1;
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return -1;
    ck_assert_int_eq(fscanf(file, "%ld\n", &number), 1);
    fclose(file);
    return number;
}

START_TEST(the_file_has_our_number_and_goes_with_us)
{
    ck_assert_int_eq(pid_file_write(path, error, sizeof error), 0);
    ck_assert_int_eq(number_in_file(), getpid());
    pid_file_remove(path);
    ck_assert_int_lt(access(path, F_OK), 0);
    pid_file_remove(path);                      /* not there: nothing to do */
}
END_TEST

/* A crash leaves one behind; the next start must not need a hand. */
START_TEST(an_old_file_is_replaced)
{
    FILE *file = fopen(path, "we");

    fputs("1\n", file);
    fclose(file);
    ck_assert_int_eq(pid_file_write(path, error, sizeof error), 0);
    ck_assert_int_eq(number_in_file(), getpid());
}
END_TEST

/* Another instance may have taken the file over meanwhile. */
START_TEST(the_file_of_somebody_else_stays)
{
    FILE *file = fopen(path, "we");

    fputs("1\n", file);
    fclose(file);
    pid_file_remove(path);
    ck_assert_int_eq(number_in_file(), 1);
}
END_TEST

START_TEST(what_cannot_be_written_is_said)
{
    ck_assert_int_lt(pid_file_write("/no/such/folder/weir.pid", error, sizeof error), 0);
    ck_assert_str_eq(error, "the pid file /no/such/folder/weir.pid can't be written: No such file or directory");
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_lt(pid_file_write(path, error, sizeof error), 0);
    ck_assert_ptr_nonnull(strstr(error, "Is a directory"));
    ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("server/pid_file");
    TCase *file = tcase_create("file");

    tcase_add_checked_fixture(file, make_folder, remove_folder);
    tcase_add_test(file, the_file_has_our_number_and_goes_with_us);
    tcase_add_test(file, an_old_file_is_replaced);
    tcase_add_test(file, the_file_of_somebody_else_stays);
    tcase_add_test(file, what_cannot_be_written_is_said);
    suite_add_tcase(s, file);
    return s;
}
