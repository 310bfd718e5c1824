/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_privileges.c  What server/privileges.c promises. Each test is a process of its own, so it may change
 * for good; what only root can do is left out, with a word, when the tests run as somebody else.
 */
#include "server/privileges.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/suite.h"

static char error[256];
static struct privileges found;
static bool wrong_group;

static bool is_root(void)
{
    if (geteuid() == 0)
        return true;
    printf("not root: not tried\n");
    return false;
}

START_TEST(without_names_nothing_changes)
{
    ck_assert_int_eq(privileges_find(NULL, "", &found, &wrong_group, error, sizeof error), 0);
    ck_assert_int_eq(privileges_take(&found, error, sizeof error), 0);
    ck_assert_uint_eq(getuid(), found.uid);
}
END_TEST

START_TEST(who_does_not_exist_is_named)
{
    ck_assert_int_lt(privileges_find("no-such-user", NULL, &found, &wrong_group, error, sizeof error), 0);
    ck_assert_str_eq(error, "there is no user \"no-such-user\"");
    ck_assert(!wrong_group);
    ck_assert_int_lt(privileges_find(NULL, "no-such-group", &found, &wrong_group, error, sizeof error), 0);
    ck_assert_str_eq(error, "there is no group \"no-such-group\"");
    ck_assert(wrong_group);
}
END_TEST

START_TEST(changing_is_for_good)
{
    gid_t groups[64];

    if (!is_root())
        return;
    ck_assert_int_eq(privileges_find("nobody", NULL, &found, &wrong_group, error, sizeof error), 0);
    ck_assert_int_eq(privileges_take(&found, error, sizeof error), 0);
    ck_assert_uint_eq(getuid(), getpwnam("nobody")->pw_uid);
    ck_assert_uint_eq(geteuid(), getpwnam("nobody")->pw_uid);
    ck_assert_uint_eq(getegid(), getpwnam("nobody")->pw_gid);
    int count = getgroups(64, groups);
    for (int i = 0; i < count; i++)
        ck_assert_uint_ne(groups[i], 0);        /* root's groups went too */
    ck_assert_int_lt(setuid(0), 0);
}
END_TEST

START_TEST(a_group_may_differ_from_the_users)
{
    if (!is_root())
        return;
    ck_assert_int_eq(privileges_find("nobody", "daemon", &found, &wrong_group, error, sizeof error), 0);
    ck_assert_int_eq(privileges_take(&found, error, sizeof error), 0);
    ck_assert_uint_eq(getegid(), getgrnam("daemon")->gr_gid);
    ck_assert_uint_eq(geteuid(), getpwnam("nobody")->pw_uid);
}
END_TEST

START_TEST(a_group_alone_leaves_the_user)
{
    gid_t groups[4];

    if (!is_root())
        return;
    ck_assert_int_eq(privileges_find("", "daemon", &found, &wrong_group, error, sizeof error), 0);
    ck_assert_int_eq(privileges_take(&found, error, sizeof error), 0);
    ck_assert_uint_eq(geteuid(), 0);
    ck_assert_uint_eq(getegid(), getgrnam("daemon")->gr_gid);
    ck_assert_int_eq(getgroups(4, groups), 1);
}
END_TEST

START_TEST(numbers_need_no_entry)
{
    gid_t groups[4];

    if (!is_root())
        return;
    ck_assert_int_eq(privileges_find("54321", "54322", &found, &wrong_group, error, sizeof error), 0);
    ck_assert_int_eq(privileges_take(&found, error, sizeof error), 0);
    ck_assert_uint_eq(geteuid(), 54321);
    ck_assert_uint_eq(getegid(), 54322);
    ck_assert_int_eq(getgroups(4, groups), 1);
    ck_assert_int_lt(privileges_find("5x", NULL, &found, &wrong_group, error, sizeof error), 0);
    ck_assert_int_lt(privileges_find("4294967295", NULL, &found, &wrong_group, error, sizeof error), 0);     /* means "none" */
}
END_TEST

START_TEST(somebody_else_is_told_that_it_takes_root)
{
    if (!is_root())
        return;
    ck_assert_int_eq(setgid(getpwnam("nobody")->pw_gid), 0);
    ck_assert_int_eq(setuid(getpwnam("nobody")->pw_uid), 0);
    ck_assert_int_lt(privileges_find("daemon", NULL, &found, &wrong_group, error, sizeof error), 0);
    ck_assert_ptr_nonnull(strstr(error, "only root can change to user \"daemon\""));
    ck_assert_int_lt(privileges_find(NULL, "daemon", &found, &wrong_group, error, sizeof error), 0);
    ck_assert_ptr_nonnull(strstr(error, "only root can change to group \"daemon\""));
    ck_assert_int_eq(privileges_find("nobody", NULL, &found, &wrong_group, error, sizeof error), 0);     /* who we are already */
    ck_assert_int_eq(privileges_take(&found, error, sizeof error), 0);
}
END_TEST

START_TEST(descriptors_are_raised_to_what_is_allowed)
{
    struct rlimit limit;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 64;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_uint_eq(privileges_raise_descriptors(), limit.rlim_max);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_uint_eq(limit.rlim_cur, limit.rlim_max);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("server/privileges");
    TCase *privileges = tcase_create("privileges");

    tcase_add_test(privileges, without_names_nothing_changes);
    tcase_add_test(privileges, who_does_not_exist_is_named);
    tcase_add_test(privileges, changing_is_for_good);
    tcase_add_test(privileges, a_group_may_differ_from_the_users);
    tcase_add_test(privileges, a_group_alone_leaves_the_user);
    tcase_add_test(privileges, numbers_need_no_entry);
    tcase_add_test(privileges, somebody_else_is_told_that_it_takes_root);
    tcase_add_test(privileges, descriptors_are_raised_to_what_is_allowed);
    suite_add_tcase(s, privileges);
    return s;
}
