/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_listen_unix.c  What net/listen_unix.c promises: which files it replaces, and with which permissions; what it
 * leaves behind.
 *
 * Each test works in a folder of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <weir/error.h>

#include "core/sys_fault.h"
#include "lib/net_pair.h"
#include "lib/net_unix.h"
#include "lib/suite.h"
#include "net/listen.h"

static const struct listen_unix as_asyncio = { .mode = LISTEN_MODE_UMASK };

static struct stat stat_of(const char *path)
{
    struct stat file = { 0 };

    ck_assert_int_eq(lstat(path, &file), 0);
    return file;
}

static mode_t mode_of(const char *path)
{
    return stat_of(path).st_mode & 07777;
}

/* Bound and listening, at @path. */
static int listening_at(const char *path)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_un name = { .sun_family = AF_UNIX };

    memcpy(name.sun_path, path, strlen(path));
    ck_assert_int_eq(bind(fd, (void *)&name, sizeof name), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    return fd;
}

static void write_file(const char *path)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    fputs("text", file);
    fclose(file);
}

/* --- Binding -------------------------------------------------------------------- */

START_TEST(a_path_is_bound_once_for_all_workers)
{
    const char *path = net_unix_path("s");
    struct listen_set set;
    int before = net_open_descriptors();
    size_t workers = (size_t)_i;

    ck_assert_int_eq(weir__listen_unix(path, &as_asyncio, workers, &set), 0);
    ck_assert_uint_eq(set.addresses, 1);
    ck_assert_uint_eq(set.workers, workers);
    for (size_t i = 1; i < workers; i++)
        ck_assert_int_eq(set.fds[i], -1);
    ck_assert_int_eq(net_unix_connect(path), -ECONNREFUSED);    /* bound, and nobody listens yet */
    ck_assert_int_eq(listen(set.fds[0], 5), 0);
    int caller = net_unix_connect(path);
    ck_assert_int_ge(caller, 0);
    close(caller);
    weir__listen_set_fini(&set);
    ck_assert_int_eq(access(path, F_OK), -1);
    net_check_descriptors(before);
}
END_TEST

START_TEST(a_name_with_an_at_sign_is_abstract_and_has_no_file)  /* C81, decision 16 */
{
    struct listen_set set, second;
    char name[64];

    snprintf(name, sizeof name, "@weir-test-%d-%d", (int)getpid(), _i);
    ck_assert_int_eq(weir__listen_unix(name, &as_asyncio, 2, &set), 0);
    ck_assert_uint_eq(set.file_count, 0);
    ck_assert_int_eq(listen(set.fds[0], 5), 0);
    int caller = net_unix_connect(name);
    ck_assert_int_ge(caller, 0);
    close(caller);
    ck_assert_int_eq(access(name, F_OK), -1);
    ck_assert_int_eq(weir__listen_unix(name, &as_asyncio, 2, &second), -EADDRINUSE);
    ck_assert_ptr_nonnull(strstr(weir_error_detail(), name));
    weir__listen_set_fini(&set);
}
END_TEST

START_TEST(a_path_that_does_not_fit_is_refused_with_its_bound)  /* SV-15 */
{
    struct listen_set set;
    char path[200];

    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[108] = '\0';
    ck_assert_int_eq(weir__listen_unix(path, &as_asyncio, 1, &set), -ENAMETOOLONG);
    ck_assert_ptr_nonnull(strstr(weir_error_detail(), "107"));
    ck_assert_int_eq(weir__listen_unix("", &as_asyncio, 1, &set), -EINVAL);
    ck_assert_str_ne(weir_error_detail(), "");
}
END_TEST

START_TEST(the_longest_path_that_fits_works_to_the_end)
{
    char path[128];
    struct listen_set set;
    size_t len = strlen(net_unix_path(""));

    snprintf(path, sizeof path, "%s", net_unix_path(""));
    memset(path + len, 'x', UNIX_PATH_MOST - len);
    path[UNIX_PATH_MOST] = '\0';
    ck_assert_int_eq(weir__listen_unix(path, &as_asyncio, 1, &set), 0);
    ck_assert_str_eq(set.files[0].path, path);
    ck_assert_int_eq(access(path, F_OK), 0);
    weir__listen_set_fini(&set);
    ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(a_missing_folder_is_said)    /* C81 */
{
    const char *path = net_unix_path("not/there");
    struct listen_set set;
    int before = net_open_descriptors();

    ck_assert_int_eq(weir__listen_unix(path, &as_asyncio, 1, &set), -ENOENT);
    ck_assert_ptr_nonnull(strstr(weir_error_detail(), path));
    ck_assert_ptr_nonnull(strstr(weir_error_detail(), "folder"));
    net_check_descriptors(before);
}
END_TEST

/* --- What is there already ------------------------------------------------------- */

START_TEST(a_socket_that_is_there_is_replaced_even_in_use)      /* C81, SV-15 */
{
    const char *path = net_unix_path("s");
    struct listen_set set;
    int old = listening_at(path);
    ino_t inode = stat_of(path).st_ino;

    if (_i == 0)
        close(old);                             /* stale: nobody listens any more */
    ck_assert_int_eq(weir__listen_unix(path, &as_asyncio, 1, &set), 0);
    ck_assert(stat_of(path).st_ino != inode || _i == 0);
    ck_assert_int_eq(net_unix_connect(path), -ECONNREFUSED);    /* it leads to ours */
    weir__listen_set_fini(&set);
    if (_i == 1)
        close(old);
}
END_TEST

START_TEST(a_file_that_is_no_socket_stays)      /* C81 */
{
    const char *path = net_unix_path("s");
    struct listen_unix how = { .mode = _i % 2 == 0 ? 0600 : LISTEN_MODE_UMASK, .refuse_live = _i >= 4 };
    struct listen_set set;
    int before = net_open_descriptors();

    if (_i / 2 % 2 == 0)
        write_file(path);
    else
        ck_assert_int_eq(symlink("elsewhere", path), 0);
    ck_assert_int_eq(weir__listen_unix(path, &how, 1, &set), -EADDRINUSE);
    ck_assert_ptr_nonnull(strstr(weir_error_detail(), path));
    ck_assert(!S_ISSOCK(stat_of(path).st_mode));
    unlink(path);
    net_check_descriptors(before);
}
END_TEST

/* For a program: two instances must not take each other's callers away. */
START_TEST(a_socket_that_somebody_listens_on_is_refused_when_asked)
{
    const char *path = net_unix_path("s");
    struct listen_unix how = { .mode = LISTEN_MODE_UMASK, .refuse_live = true };
    struct listen_set set;
    int old = listening_at(path);
    int full[16];

    for (int i = 0; i < 16; i++)                /* also when its backlog is full */
        full[i] = _i == 1 ? net_unix_connect(path) : -1;
    int before = net_open_descriptors();
    ck_assert_int_eq(weir__listen_unix(path, &how, 1, &set), -EADDRINUSE);
    ck_assert_ptr_nonnull(strstr(weir_error_detail(), path));
    ck_assert_ptr_nonnull(strstr(weir_error_detail(), "listening"));
    net_check_descriptors(before);
    for (int i = 0; i < 16; i++) {
        if (full[i] >= 0)
            close(full[i]);
    }
    close(old);
    ck_assert_int_eq(access(path, F_OK), 0);
    ck_assert_int_eq(weir__listen_unix(path, &how, 1, &set), 0);        /* stale now */
    weir__listen_set_fini(&set);
}
END_TEST

/* --- Permissions ------------------------------------------------------------------ */

START_TEST(the_file_has_exactly_the_mode_that_was_asked_for)
{
    static const mode_t modes[] = { 0, 0600, 0660, 0666, 0777, 0755 };
    static const mode_t umasks[] = { 0, 022, 077, 0777 };
    const char *path = net_unix_path("s");
    struct listen_unix how = { .mode = modes[_i / 4] };
    struct listen_set set;

    umask(umasks[_i % 4]);
    ck_assert_int_eq(weir__listen_unix(path, &how, 1, &set), 0);
    ck_assert_uint_eq(mode_of(path), how.mode);
    weir__listen_set_fini(&set);
}
END_TEST

START_TEST(without_a_mode_the_umask_decides)
{
    const char *path = net_unix_path("s");
    struct listen_set set;

    umask(027);
    ck_assert_int_eq(weir__listen_unix(path, &as_asyncio, 1, &set), 0);
    ck_assert_uint_eq(mode_of(path), 0750);
    weir__listen_set_fini(&set);
}
END_TEST

/* The last step is what adds permissions; if the file was open to more before it, failing there would show it. */
START_TEST(the_file_is_never_more_open_than_asked_for)
{
    const char *path = net_unix_path("s");
    struct listen_unix how = { .mode = 0640 };
    struct listen_set set;

    umask(0077);
    weir__fault_begin(&(struct fault_plan) { .fail_at = 2, .only = 1ULL << SYS_CHMOD | 1ULL << SYS_UNLINK, .from_then_on = true });
    ck_assert_int_eq(weir__listen_unix(path, &how, 1, &set), -EPERM);
    weir__fault_end();
    ck_assert_ptr_nonnull(strstr(weir_error_detail(), "0640"));
    ck_assert_uint_eq(mode_of(path), 0600);     /* it could not even be removed, and is what was asked for less the umask */
    unlink(path);
}
END_TEST

/* --- Ends -------------------------------------------------------------------------- */

START_TEST(a_file_that_is_somebody_elses_by_now_stays)  /* decision 9 */
{
    const char *path = net_unix_path("s"), *aside = net_unix_path("aside");
    struct listen_set set;

    ck_assert_int_eq(weir__listen_unix(path, &as_asyncio, 1, &set), 0);
    ck_assert_int_eq(rename(path, aside), 0);   /* kept, so that its inode is not given out again */
    int other = listening_at(path);
    weir__listen_set_fini(&set);
    ck_assert_int_eq(access(path, F_OK), 0);
    close(other);
    unlink(path);
    unlink(aside);
}
END_TEST

START_TEST(sets_are_put_together)
{
    static const weir_server_options defaults;
    struct address_list list = { 0 };
    weir_address address;
    struct listen_set set = { 0 }, more;
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_address_parse(&address, "127.0.0.1", 0), 0);
    ck_assert_int_eq(weir__address_list_add(&list, (void *)&address.storage, address.len), 0);
    for (int i = 0; i < 3; i++) {
        if (i == 1)
            ck_assert_int_eq(weir__listen_bind(&list, 3, &defaults, &more), 0);
        else
            ck_assert_int_eq(weir__listen_unix(net_unix_path(i == 0 ? "a" : "b"), &as_asyncio, 3, &more), 0);
        ck_assert_int_eq(weir__listen_set_append(&set, &more), 0);
        ck_assert_uint_eq(more.addresses, 0);
        ck_assert_ptr_null(more.fds);
    }
    ck_assert_uint_eq(set.addresses, 3);
    ck_assert_uint_eq(set.workers, 3);
    ck_assert_uint_eq(set.file_count, 2);
    for (int i = 0; i < 9; i++)
        ck_assert_int_eq(set.fds[i] >= 0, i == 0 || i == 6 || (i >= 3 && i < 6));
    weir__listen_set_fini(&set);
    ck_assert_int_eq(access(net_unix_path("a"), F_OK), -1);
    ck_assert_int_eq(access(net_unix_path("b"), F_OK), -1);
    weir__address_list_fini(&list);
    net_check_descriptors(before);
}
END_TEST

/* --- Failures ------------------------------------------------------------------------ */

START_TEST(whatever_call_fails_nothing_stays)
{
    const char *path = net_unix_path("s");
    struct listen_unix how = { .mode = _i % 2 == 0 ? 0666 : LISTEN_MODE_UMASK, .refuse_live = _i / 2 % 2 == 1 };
    int before = net_open_descriptors();
    uint64_t failed, n = 0;

    umask(0022);
    do {
        struct listen_set set;
        int old = _i >= 4 ? listening_at(path) : -1;
        if (old >= 0)
            close(old);
        /* Not unlink: then there is no way not to leave something. */
        weir__fault_begin(&(struct fault_plan) { .fail_at = ++n, .only = ~(1ULL << SYS_UNLINK) });
        int code = weir__listen_unix(path, &how, 2, &set);
        failed = weir__fault_end();
        if (failed == 0)
            ck_assert_int_eq(code, 0);
        if (code == 0)
            weir__listen_set_fini(&set);
        else
            ck_assert_str_ne(weir_error_detail(), "");
        net_check_descriptors(before);
        unlink(path);                           /* an old one that was not to be looked at stays */
    } while (failed > 0);
    ck_assert_uint_gt(n, 4);
}
END_TEST

START_TEST(putting_sets_together_without_memory_changes_neither)
{
    uint64_t failed, n = 0;

    do {
        struct listen_set set, more;
        ck_assert_int_eq(weir__listen_unix(net_unix_path("a"), &as_asyncio, 2, &set), 0);
        ck_assert_int_eq(weir__listen_unix(net_unix_path("b"), &as_asyncio, 2, &more), 0);
        weir__fault_begin(&(struct fault_plan) { .fail_at = ++n, .only = 1ULL << SYS_ALLOC });
        int code = weir__listen_set_append(&set, &more);
        failed = weir__fault_end();
        ck_assert_int_eq(code, failed > 0 ? -ENOMEM : 0);
        ck_assert_uint_eq(set.addresses, failed > 0 ? 1 : 2);
        ck_assert_uint_eq(set.file_count, failed > 0 ? 1 : 2);
        ck_assert_uint_eq(more.addresses, failed > 0 ? 1 : 0);
        weir__listen_set_fini(&set);
        weir__listen_set_fini(&more);
        ck_assert_int_eq(access(net_unix_path("a"), F_OK), -1);
        ck_assert_int_eq(access(net_unix_path("b"), F_OK), -1);
    } while (failed > 0);
    ck_assert_uint_eq(n, 3);
}
END_TEST

Suite *suite(void)
{
    Suite *listening = suite_create("net/listen_unix");

    TCase *binding = tcase_create("binding");
    tcase_add_checked_fixture(binding, net_unix_folder, net_unix_remove_folder);
    tcase_add_loop_test(binding, a_path_is_bound_once_for_all_workers, 1, 4);
    tcase_add_test(binding, a_name_with_an_at_sign_is_abstract_and_has_no_file);
    tcase_add_test(binding, a_path_that_does_not_fit_is_refused_with_its_bound);
    tcase_add_test(binding, the_longest_path_that_fits_works_to_the_end);
    tcase_add_test(binding, a_missing_folder_is_said);
    suite_add_tcase(listening, binding);

    TCase *there = tcase_create("there");
    tcase_add_checked_fixture(there, net_unix_folder, net_unix_remove_folder);
    tcase_add_loop_test(there, a_socket_that_is_there_is_replaced_even_in_use, 0, 2);
    tcase_add_loop_test(there, a_file_that_is_no_socket_stays, 0, 8);
    tcase_add_loop_test(there, a_socket_that_somebody_listens_on_is_refused_when_asked, 0, 2);
    suite_add_tcase(listening, there);

    TCase *permissions = tcase_create("permissions");
    tcase_add_checked_fixture(permissions, net_unix_folder, net_unix_remove_folder);
    tcase_add_loop_test(permissions, the_file_has_exactly_the_mode_that_was_asked_for, 0, 24);
    tcase_add_test(permissions, without_a_mode_the_umask_decides);
    tcase_add_test(permissions, the_file_is_never_more_open_than_asked_for);
    suite_add_tcase(listening, permissions);

    TCase *ends = tcase_create("ends");
    tcase_add_checked_fixture(ends, net_unix_folder, net_unix_remove_folder);
    tcase_add_test(ends, a_file_that_is_somebody_elses_by_now_stays);
    tcase_add_test(ends, sets_are_put_together);
    suite_add_tcase(listening, ends);

    TCase *failures = tcase_create("failures");
    tcase_add_checked_fixture(failures, net_unix_folder, net_unix_remove_folder);
    tcase_add_loop_test(failures, whatever_call_fails_nothing_stays, 0, 8);
    tcase_add_test(failures, putting_sets_together_without_memory_changes_neither);
    suite_add_tcase(listening, failures);
    return listening;
}
