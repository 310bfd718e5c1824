/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_log_file.c  What server/log_file.c promises: whole lines, and a number for those that are missing.
 *
 * A file that takes a part only is made with RLIMIT_FSIZE, which cuts the write that crosses it and refuses the next.
 */
#include "server/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/suite.h"

#define SECOND 1000000000LL

static char folder[] = "/tmp/weir-log-XXXXXX";
static char path[64], other_path[64];
static char error[256], content[16384];
static struct log_file file;

static void make(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/log", folder);
    snprintf(other_path, sizeof other_path, "%s/other", folder);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    unsetenv("JOURNAL_STREAM");
    file.fd = -1;
}

static void drop(void)
{
    log_file_fini(&file);
    unlink(path);
    unlink(other_path);
    rmdir(folder);
}

static const char *content_of(const char *name)
{
    FILE *from = fopen(name, "r");

    ck_assert_ptr_nonnull(from);
    content[fread(content, 1, sizeof content - 1, from)] = '\0';
    fclose(from);
    return content;
}

/* A line is TIME and the text; "1970-01-01T00:00:00.000Z info  " are 31 bytes. */
#define HEAD "1970-01-01T00:00:00.000Z info  "

static void append(const char *text)
{
    log_file_append(&file, &(struct log_event){ 0, LOG_AT_INFO, text, strlen(text) });
}

static void open_file(const char *name)
{
    ck_assert_msg(log_file_open(&file, name, LOG_FORMAT_TEXT, error, sizeof error) == 0, "%s", error);
}

/* How large files may get, from here on; the hard limit stays. */
static void limit_size(rlim_t bytes)
{
    struct rlimit limit;

    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(lines_are_appended_with_the_flush)
{
    open_file(path);
    append("a");
    append("b");
    ck_assert_str_eq(content_of(path), "");
    ck_assert_int_eq(log_file_flush(&file), 0);
    ck_assert_str_eq(content_of(path), HEAD "a\n" HEAD "b\n");
    log_file_fini(&file);

    open_file(path);                            /* what was there stays */
    append("c");
    log_file_fini(&file);
    ck_assert_str_eq(content_of(path), HEAD "a\n" HEAD "b\n" HEAD "c\n");
    struct stat is;
    ck_assert_int_eq(stat(path, &is), 0);
    ck_assert_int_eq(is.st_mode & 0137, 0);
}
END_TEST

START_TEST(a_full_buffer_is_flushed_by_itself)
{
    char text[LOG_TEXT_MOST];
    struct stat is;

    memset(text, 0xff, sizeof text);
    open_file(path);
    for (int i = 0; i < 100; i++)
        log_file_append(&file, &(struct log_event){ 0, LOG_AT_INFO, text, sizeof text });
    ck_assert_int_eq(log_file_flush(&file), 0);
    ck_assert_int_eq(stat(path, &is), 0);
    ck_assert_int_eq(is.st_size, 100 * (31 + 4 * LOG_TEXT_MOST + 1));
}
END_TEST

START_TEST(a_path_that_cannot_be_opened_is_named_with_the_reason)
{
    char expected[256];

    ck_assert_int_eq(log_file_open(&file, folder, LOG_FORMAT_TEXT, error, sizeof error), -EISDIR);
    snprintf(expected, sizeof expected, "cannot open log file %s: Is a directory", folder);
    ck_assert_str_eq(error, expected);
    ck_assert_int_eq(log_file_open(&file, "/nowhere/log", LOG_FORMAT_TEXT, error, sizeof error), -ENOENT);
    ck_assert_str_eq(error, "cannot open log file /nowhere/log: No such file or directory");

    /* An ordinary open would wait for a reader, and the program with it. */
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(log_file_open(&file, path, LOG_FORMAT_TEXT, error, sizeof error), -ENXIO);
    snprintf(expected, sizeof expected, "cannot open log file %s: nobody reads this FIFO", path);
    ck_assert_str_eq(error, expected);
}
END_TEST

START_TEST(closed_standard_error_is_said)
{
    close(STDERR_FILENO);
    ck_assert_int_eq(log_file_open(&file, NULL, LOG_FORMAT_TEXT, error, sizeof error), -EBADF);
    ck_assert_str_eq(error, "cannot log to standard error: Bad file descriptor");
}
END_TEST

START_TEST(lines_for_a_full_disk_are_counted)
{
    open_file("/dev/full");
    append("a");
    append("b");
    ck_assert_int_eq(log_file_flush(&file), -ENOSPC);
    ck_assert_uint_eq(file.lost, 2);
    append("c");
    ck_assert_int_eq(log_file_flush(&file), -ENOSPC);
    ck_assert_uint_eq(file.lost, 3);
    ck_assert_uint_eq(file.used, 0);
}
END_TEST

/* Wherever the disk is full: once there is room the line that was begun is completed, the ones behind it are counted. */
START_TEST(a_line_is_never_cut)
{
    static const char *const lines[] = { HEAD "a\n", HEAD "b\n", HEAD "c\n" };
    size_t len = strlen(lines[0]), whole = (size_t)_i / len, begun = (size_t)_i % len > 0;
    char expected[256] = "";

    open_file(path);
    limit_size((rlim_t)_i);
    append("a");
    append("b");
    append("c");
    ck_assert_int_eq(log_file_flush(&file), -EFBIG);
    ck_assert_int_eq(log_file_flush(&file), -EFBIG);            /* still full */
    ck_assert_uint_eq(file.lost, 3 - whole - begun);
    ck_assert_uint_eq(strlen(content_of(path)), (size_t)_i);

    limit_size(RLIM_INFINITY);
    append("d");
    ck_assert_int_eq(log_file_flush(&file), 0);
    for (size_t i = 0; i < whole + begun; i++)
        strncat(expected, lines[i], sizeof expected - strlen(expected) - 1);
    strncat(expected, HEAD "d\n", sizeof expected - strlen(expected) - 1);
    ck_assert_str_eq(content_of(path), expected);
    ck_assert_uint_eq(file.lost, 3 - whole - begun);
}
END_TEST

START_TEST(the_rest_of_a_line_goes_to_no_other_file)
{
    open_file(path);
    limit_size(40);
    append("a");
    append("b");
    ck_assert_int_eq(log_file_flush(&file), -EFBIG);
    ck_assert_int_eq(rename(path, other_path), 0);
    ck_assert_int_eq(log_file_reopen(&file), 0);
    ck_assert_uint_eq(file.lost, 1);
    limit_size(RLIM_INFINITY);
    append("c");
    ck_assert_int_eq(log_file_flush(&file), 0);
    ck_assert_str_eq(content_of(path), HEAD "c\n");
    ck_assert_str_eq(content_of(other_path), HEAD "a\n1970-01");
}
END_TEST

START_TEST(reopening_goes_on_in_the_new_file)
{
    open_file(path);
    append("a");
    ck_assert_int_eq(rename(path, other_path), 0);
    append("b");
    ck_assert_int_eq(log_file_reopen(&file), 0);
    append("c");
    ck_assert_int_eq(log_file_flush(&file), 0);
    ck_assert_str_eq(content_of(other_path), HEAD "a\n" HEAD "b\n");
    ck_assert_str_eq(content_of(path), HEAD "c\n");
}
END_TEST

START_TEST(a_failed_reopening_keeps_the_old_file)
{
    open_file(path);
    ck_assert_int_eq(rename(path, other_path), 0);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(log_file_reopen(&file), -EISDIR);
    append("a");
    ck_assert_int_eq(log_file_flush(&file), 0);
    ck_assert_str_eq(content_of(other_path), HEAD "a\n");
    rmdir(path);
}
END_TEST

static char piped[4096];

static void *read_all(void *arg)
{
    size_t used = 0;
    ssize_t n;

    while ((n = read(*(int *)arg, piped + used, sizeof piped - used)) > 0)
        used += (size_t)n < 100 ? (size_t)n : 0;        /* only the last few bytes are of interest */
    return NULL;
}

/* A shell or a terminal may have made standard error non-blocking for all who share it. */
START_TEST(standard_error_that_would_block_is_waited_for)
{
    static char filler[65536];
    int ends[2];
    pthread_t reader;

    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    open_file(NULL);
    while (write(STDERR_FILENO, filler, sizeof filler) > 0)
        ;
    ck_assert_int_eq(errno, EAGAIN);
    fcntl(ends[0], F_SETFL, 0);
    ck_assert_int_eq(pthread_create(&reader, NULL, read_all, &ends[0]), 0);
    append("a");
    ck_assert_int_eq(log_file_flush(&file), 0);
    close(STDERR_FILENO);
    log_file_fini(&file);
    pthread_join(reader, NULL);
    ck_assert_str_eq(piped, HEAD "a\n");
    ck_assert_uint_eq(file.lost, 0);
}
END_TEST

static void stderr_to(const char *name)
{
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    close(fd);
}

START_TEST(standard_error_as_the_journal_is_recognised)
{
    char stream[64];
    struct stat is;

    stderr_to(other_path);
    ck_assert_int_eq(fstat(STDERR_FILENO, &is), 0);
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)is.st_dev, (uintmax_t)is.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    open_file(NULL);
    append("a");
    log_file_fini(&file);
    ck_assert_str_eq(content_of(other_path), "<6>a\n");

    /* Inherited, but standard error has been sent elsewhere since. */
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)is.st_dev, (uintmax_t)is.st_ino + 1);
    setenv("JOURNAL_STREAM", stream, 1);
    open_file(NULL);
    append("b");
    log_file_fini(&file);
    ck_assert_str_eq(content_of(other_path), "<6>a\n" HEAD "b\n");
}
END_TEST

START_TEST(a_failing_file_is_told_to_standard_error_once_a_second)
{
    stderr_to(other_path);
    open_file("/dev/full");
    append("a");
    log_file_complain(&file, 5, false);
    ck_assert_str_eq(content_of(other_path), "");               /* nothing has failed */
    log_file_flush(&file);
    log_file_complain(&file, 5, false);
    ck_assert_str_eq(content_of(other_path),
                     "weir: log file not written path=\"/dev/full\" error=\"No space left on device\" lost=1\n");
    append("b");
    log_file_flush(&file);
    log_file_complain(&file, 4 + SECOND, false);
    ck_assert_ptr_null(strstr(content_of(other_path), "lost=2"));
    log_file_complain(&file, 5 + SECOND, false);
    ck_assert_ptr_nonnull(strstr(content_of(other_path), "lost=2"));
    append("c");
    log_file_flush(&file);
    log_file_complain(&file, 6 + SECOND, true);                 /* the last chance */
    ck_assert_ptr_nonnull(strstr(content_of(other_path), "lost=3"));
    size_t len = strlen(content);
    log_file_complain(&file, 9 * SECOND, true);                 /* nothing new */
    ck_assert_uint_eq(strlen(content_of(other_path)), len);
}
END_TEST

/* Telling must not wait either, and not add to the file that is full. */
START_TEST(standard_error_that_takes_nothing_is_not_told)
{
    static char filler[65536];
    int ends[2];

    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    while (write(STDERR_FILENO, filler, sizeof filler) > 0)
        ;
    fcntl(ends[1], F_SETFL, 0);
    open_file("/dev/full");
    append("a");
    log_file_flush(&file);
    log_file_complain(&file, 5, false);         /* would hang here */
    ck_assert_uint_eq(file.told, 1);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("server/log_file");

    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, make, drop);
    tcase_add_test(files, lines_are_appended_with_the_flush);
    tcase_add_test(files, a_full_buffer_is_flushed_by_itself);
    tcase_add_test(files, a_path_that_cannot_be_opened_is_named_with_the_reason);
    tcase_add_test(files, closed_standard_error_is_said);
    tcase_add_test(files, reopening_goes_on_in_the_new_file);
    tcase_add_test(files, a_failed_reopening_keeps_the_old_file);
    suite_add_tcase(s, files);

    TCase *failures = tcase_create("failures");
    tcase_add_checked_fixture(failures, make, drop);
    tcase_add_test(failures, lines_for_a_full_disk_are_counted);
    tcase_add_loop_test(failures, a_line_is_never_cut, 0, 3 * 33);
    tcase_add_test(failures, the_rest_of_a_line_goes_to_no_other_file);
    suite_add_tcase(s, failures);

    TCase *standard_error = tcase_create("standard_error");
    tcase_add_checked_fixture(standard_error, make, drop);
    tcase_add_test(standard_error, standard_error_that_would_block_is_waited_for);
    tcase_add_test(standard_error, standard_error_as_the_journal_is_recognised);
    tcase_add_test(standard_error, a_failing_file_is_told_to_standard_error_once_a_second);
    tcase_add_test(standard_error, standard_error_that_takes_nothing_is_not_told);
    suite_add_tcase(s, standard_error);
    return s;
}
