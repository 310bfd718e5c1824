/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_log_thread.c  What server/log_thread.c promises: each line whole, once and in order, across rotations;
 * and disks that are full, readers that are gone.
 */
#include "server/log_thread.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/suite.h"

#define HEAD "2026-11-26T19:40:00.123Z "

static char folder[] = "/tmp/weir-log-XXXXXX";
static char path[64], other_path[64];
static char error[256], content[65536];
static struct log *logger;
static int stderr_end = -1;

static int64_t test_clock(clockid_t which)
{
    return which == CLOCK_REALTIME ? 1795722000123000000 : 1;
}

static void make(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/log", folder);
    snprintf(other_path, sizeof other_path, "%s/other", folder);
    unsetenv("JOURNAL_STREAM");
}

static void drop(void)
{
    unlink(path);
    unlink(other_path);
    rmdir(folder);
}

static void open_log(struct log_options options)
{
    options.clock = test_clock;
    options.close_timeout = 100;
    ck_assert_msg(log_open(&options, &logger, error, sizeof error) == 0, "%s", error);
}

static const char *content_of(const char *name)
{
    FILE *from = fopen(name, "r");

    ck_assert_ptr_nonnull(from);
    content[fread(content, 1, sizeof content - 1, from)] = '\0';
    fclose(from);
    return content;
}

static const char *line_from(int fd)
{
    static char line[1024];
    size_t len = 0;

    while (len < sizeof line - 1 && read(fd, line + len, 1) == 1 && line[len++] != '\n')
        ;
    line[len] = '\0';
    return line;
}

/* Standard error becomes a pipe whose other end is stderr_end. */
static void catch_stderr(void)
{
    int ends[2];

    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    stderr_end = ends[0];
}

/* --- Rotation ---------------------------------------------------------------------- */

/* The thread is at any place of its round when the request comes. */
START_TEST(lines_posted_after_the_request_are_in_the_new_file)
{
    char after[64];

    open_log((struct log_options){ .path = path, .repeat_limit = -1 });
    for (int round = 0; round < 300; round++) {
        log_write(logger, LOG_AT_INFO, "before %d", round);
        while (rename(path, other_path) < 0)            /* the log has not made it anew yet */
            sched_yield();
        log_reopen(logger);
        log_write(logger, LOG_AT_INFO, "after %d", round);
        if (round > 0) {                                /* a new file exists, so the old one is complete */
            while (access(path, F_OK) < 0)
                sched_yield();
            snprintf(after, sizeof after, "after %d\n", round);
            ck_assert_ptr_null(strstr(content_of(other_path), after));
        }
    }
    log_close(logger);
    ck_assert_ptr_nonnull(strstr(content_of(path), HEAD "info  after 299\n"));
}
END_TEST

START_TEST(a_failed_reopening_is_said_in_the_old_file)
{
    char expected[256];

    open_log((struct log_options){ .path = path });
    ck_assert_int_eq(rename(path, other_path), 0);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    log_reopen(logger);
    log_write(logger, LOG_AT_INFO, "after");
    log_close(logger);
    snprintf(expected, sizeof expected, HEAD "error log file not reopened path=\"%s\" error=\"Is a directory\"\n"
             HEAD "info  log files reopened files=0\n" HEAD "info  after\n", path);
    ck_assert_str_eq(content_of(other_path), expected);
    rmdir(path);
}
END_TEST

#define TALKERS 4
#define LINES 3000
#define ROTATIONS 40

static atomic_int talking;

static void *talk(void *arg)
{
    int talker = (int)(intptr_t)arg;

    for (int i = 0; i < LINES; i++)
        log_write(logger, LOG_AT_INFO, "line talker=%d n=%d", talker, i);
    atomic_fetch_sub(&talking, 1);
    return NULL;
}

/* Each line of a file is the next one of its talker. */
static void check_lines(const char *name, int next[TALKERS])
{
    FILE *from = fopen(name, "r");
    char line[256], expected[256];
    int talker, n;

    ck_assert_msg(from != NULL, "%s", name);
    while (fgets(line, sizeof line, from) != NULL) {
        if (strncmp(line, HEAD "info  log files reopened", strlen(HEAD "info  log files reopened")) == 0)
            continue;
        ck_assert_msg(sscanf(line, HEAD "info  line talker=%d n=%d\n", &talker, &n) == 2, "%s", line);
        snprintf(expected, sizeof expected, HEAD "info  line talker=%d n=%d\n", talker, n);
        ck_assert_str_eq(line, expected);
        ck_assert_int_eq(n, next[talker]++);
    }
    fclose(from);
}

START_TEST(many_threads_and_rotations_keep_each_line_once_and_in_order)
{
    pthread_t threads[TALKERS];
    int next[TALKERS] = { 0 }, rotations = 0;
    char name[128];

    open_log((struct log_options){ .path = path, .repeat_limit = -1, .queue_size = TALKERS * LINES * (size_t)128 });
    atomic_store(&talking, TALKERS);
    for (int i = 0; i < TALKERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, talk, (void *)(intptr_t)i), 0);
    while (atomic_load(&talking) > 0 || rotations == 0) {
        snprintf(name, sizeof name, "%s.%d", path, rotations);
        if (rotations < ROTATIONS && rename(path, name) == 0) {         /* not before the log has made it anew */
            rotations++;
            log_reopen(logger);
        }
        sched_yield();
    }
    for (int i = 0; i < TALKERS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(log_dropped(logger), 0);
    log_close(logger);

    for (int i = 0; i < rotations; i++) {
        snprintf(name, sizeof name, "%s.%d", path, i);
        check_lines(name, next);
        unlink(name);
    }
    check_lines(path, next);
    for (int i = 0; i < TALKERS; i++)
        ck_assert_int_eq(next[i], LINES);
}
END_TEST

/* --- Files that fail ----------------------------------------------------------------- */

START_TEST(a_full_disk_is_told_and_the_log_goes_on)
{
    catch_stderr();
    ck_assert_int_eq(symlink("/dev/full", path), 0);
    open_log((struct log_options){ .path = path, .level = LOG_AT_ERROR });
    log_write(logger, LOG_AT_ERROR, "lost");
    char expected[256];
    snprintf(expected, sizeof expected, "weir: log file not written path=\"%s\" error=\"No space left on device\" lost=1\n", path);
    ck_assert_str_eq(line_from(stderr_end), expected);

    unlink(path);
    log_reopen(logger);
    log_write(logger, LOG_AT_ERROR, "found");
    log_close(logger);
    /* A warning, though the level is error: nothing is lost in silence. Which of the two is first is not promised. */
    snprintf(expected, sizeof expected, HEAD "warn  log lines lost path=\"%s\" lines=1\n", path);
    ck_assert_ptr_nonnull(strstr(content_of(path), expected));
    ck_assert_ptr_nonnull(strstr(content, HEAD "error found\n"));
    ck_assert_uint_eq(strlen(content), strlen(expected) + strlen(HEAD "error found\n"));
}
END_TEST

START_TEST(lost_lines_of_an_access_log_are_told_at_the_end_at_the_latest)
{
    char last[1024] = "";

    catch_stderr();
    open_log((struct log_options){ .path = path });
    int full = log_add_file(logger, "/dev/full", LOG_FORMAT_TEXT, error, sizeof error);
    for (int i = 0; i < 3; i++)
        log_post(logger, full, LOG_AT_INFO, &(struct iovec){ (void *)"x", 1 }, 1);
    log_write(logger, LOG_AT_INFO, "kept");
    log_close(logger);
    close(STDERR_FILENO);
    for (const char *line; *(line = line_from(stderr_end)) != '\0';)
        snprintf(last, sizeof last, "%s", line);
    ck_assert_str_eq(last, "weir: log file not written path=\"/dev/full\" error=\"No space left on device\" lost=3\n");
    ck_assert_str_eq(content_of(path), HEAD "info  kept\n");
}
END_TEST

/* The signal of a write without a reader comes to the thread that writes, and that has it blocked. */
START_TEST(a_reader_that_is_gone_kills_nobody)
{
    ck_assert_int_eq(signal(SIGPIPE, SIG_DFL) == SIG_ERR, 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    int reading_end = open(path, O_RDONLY | O_NONBLOCK);
    catch_stderr();
    open_log((struct log_options){ .path = path });
    close(reading_end);
    log_write(logger, LOG_AT_INFO, "x");
    ck_assert_ptr_nonnull(strstr(line_from(stderr_end), "error=\"Broken pipe\" lost=1\n"));
    ck_assert_uint_eq(log_dropped(logger), 0);
    log_close(logger);
}
END_TEST

START_TEST(the_numbers_can_be_asked_for)
{
    catch_stderr();
    open_log((struct log_options){ .path = "/dev/full" });
    ck_assert_uint_eq(log_lost(logger), 0);
    log_write(logger, LOG_AT_INFO, "x");
    line_from(stderr_end);
    while (log_lost(logger) == 0)               /* it is set just behind what was read */
        sched_yield();
    ck_assert_uint_eq(log_lost(logger), 1);
    log_close(logger);
}
END_TEST

/* --- The thread ------------------------------------------------------------------------ */

/* The line of /proc/self/task/TID/status that begins with @key, for the thread named @name. */
static bool thread_status(const char *name, const char *key, char out[256])
{
    DIR *tasks = opendir("/proc/self/task");
    bool is_it = false;

    ck_assert_ptr_nonnull(tasks);
    for (struct dirent *task; !is_it && (task = readdir(tasks)) != NULL;) {
        char status[320], line[256];
        snprintf(status, sizeof status, "/proc/self/task/%s/status", task->d_name);
        FILE *from = task->d_name[0] == '.' ? NULL : fopen(status, "r");
        while (from != NULL && fgets(line, sizeof line, from) != NULL) {
            if (strncmp(line, "Name:\t", 6) == 0)
                is_it = strncmp(line + 6, name, strlen(name)) == 0 && line[6 + strlen(name)] == '\n';
            if (is_it && strncmp(line, key, strlen(key)) == 0)
                memcpy(out, line + strlen(key), sizeof line - strlen(key));
        }
        if (from != NULL)
            fclose(from);
    }
    closedir(tasks);
    return is_it;
}

START_TEST(the_thread_has_a_name_and_takes_no_signals)
{
    char blocked[256] = "";
    unsigned long long mask;

    catch_stderr();
    open_log((struct log_options){ .path = NULL });
    log_write(logger, LOG_AT_INFO, "x");
    ck_assert_str_eq(line_from(stderr_end), HEAD "info  x\n");
    ck_assert(thread_status("weir/log", "SigBlk:\t", blocked));
    ck_assert_int_eq(sscanf(blocked, "%llx", &mask), 1);
    static const int signals[] = { SIGPIPE, SIGTERM, SIGINT, SIGUSR1, SIGHUP, SIGXFSZ, SIGCHLD };
    for (unsigned i = 0; i < sizeof signals / sizeof signals[0]; i++)
        ck_assert(mask >> (signals[i] - 1) & 1);
    sigset_t own;
    pthread_sigmask(SIG_SETMASK, NULL, &own);
    ck_assert_int_eq(sigismember(&own, SIGTERM), 0);    /* ours are as before */
    log_close(logger);
}
END_TEST

static void wait_until_asleep(void)
{
    for (bool asleep = false; !asleep; sched_yield()) {
        pthread_mutex_lock(&logger->lock);
        asleep = logger->sleep == LOG_ASLEEP;
        pthread_mutex_unlock(&logger->lock);
    }
}

START_TEST(a_sleeping_thread_is_woken_by_any_line)
{
    catch_stderr();
    open_log((struct log_options){ .path = NULL });
    for (int round = 0; round < 3; round++) {
        wait_until_asleep();
        log_write(logger, LOG_AT_INFO, "x");
        ck_assert_str_eq(line_from(stderr_end), HEAD "info  x\n");
        wait_until_asleep();
        log_post(logger, 0, LOG_AT_INFO, &(struct iovec){ (void *)"y", 1 }, 1);
        ck_assert_str_eq(line_from(stderr_end), HEAD "info  y\n");
    }
    log_close(logger);
}
END_TEST

/* A burst of lazy lines of more than half a queue does not wait for the nap to end, and none of it is lost. */
START_TEST(lazy_lines_are_written_without_anybody_asking)
{
    int reading_end;
    char line[64];

    ck_assert_int_eq(mkfifo(path, 0600), 0);
    reading_end = open(path, O_RDONLY | O_NONBLOCK);
    fcntl(reading_end, F_SETFL, 0);
    open_log((struct log_options){ .path = path, .queue_size = 1 });
    for (int i = 0; i < 200; i++) {
        snprintf(line, sizeof line, "n=%d", i);
        log_post(logger, 0, LOG_AT_INFO, &(struct iovec){ line, strlen(line) }, 1);
    }
    for (int i = 0; i < 200; i++) {
        snprintf(line, sizeof line, HEAD "info  n=%d\n", i);
        ck_assert_str_eq(line_from(reading_end), line);
    }
    log_close(logger);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("server/log_thread");

    TCase *rotation = tcase_create("rotation");
    tcase_set_timeout(rotation, 30);
    tcase_add_checked_fixture(rotation, make, drop);
    tcase_add_test(rotation, lines_posted_after_the_request_are_in_the_new_file);
    tcase_add_test(rotation, a_failed_reopening_is_said_in_the_old_file);
    tcase_add_test(rotation, many_threads_and_rotations_keep_each_line_once_and_in_order);
    suite_add_tcase(s, rotation);

    TCase *failures = tcase_create("failures");
    tcase_add_checked_fixture(failures, make, drop);
    tcase_add_test(failures, a_full_disk_is_told_and_the_log_goes_on);
    tcase_add_test(failures, lost_lines_of_an_access_log_are_told_at_the_end_at_the_latest);
    tcase_add_test(failures, a_reader_that_is_gone_kills_nobody);
    tcase_add_test(failures, the_numbers_can_be_asked_for);
    suite_add_tcase(s, failures);

    TCase *thread = tcase_create("thread");
    tcase_add_checked_fixture(thread, make, drop);
    tcase_add_test(thread, the_thread_has_a_name_and_takes_no_signals);
    tcase_add_test(thread, a_sleeping_thread_is_woken_by_any_line);
    tcase_add_test(thread, lazy_lines_are_written_without_anybody_asking);
    suite_add_tcase(s, thread);
    return s;
}
