/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_log.c  What server/log.c promises to those who post: no waiting, and a number for each line that is
 * missing.
 *
 * Where a test has to know that something was written, it reads from a FIFO.
 */
#include "server/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weir/error.h>
#include <weir/run.h>
#include <weir/task.h>

#include "core/log.h"
#include "lib/suite.h"

#define HEAD "2026-11-26T19:40:00.123Z "

static char folder[] = "/tmp/weir-log-XXXXXX";
static char path[64], fifo[64];
static char error[256], content[65536];
static struct log *logger;
static int reading_end = -1;

static _Atomic int64_t steady_ns = 1;

/* A wall clock that stands, and time that moves when the test says so. */
static int64_t test_clock(clockid_t which)
{
    return which == CLOCK_REALTIME ? 1795722000123000000 : atomic_load(&steady_ns);
}

static void make(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/log", folder);
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    unsetenv("JOURNAL_STREAM");
}

static void drop(void)
{
    unlink(path);
    unlink(fifo);
    rmdir(folder);
}

static void open_log(struct log_options options)
{
    if (options.clock == NULL)
        options.clock = test_clock;
    ck_assert_msg(log_open(&options, &logger, error, sizeof error) == 0, "%s", error);
}

/* A log that goes to a FIFO of which nobody reads until the test does. */
static void open_log_to_fifo(struct log_options options)
{
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    reading_end = open(fifo, O_RDONLY | O_NONBLOCK);
    ck_assert_int_ge(reading_end, 0);
    fcntl(reading_end, F_SETFL, 0);
    options.path = fifo;
    open_log(options);
}

/* The next line of the FIFO, waiting for it; NULL at the end. */
static const char *next_line(void)
{
    static char line[8192];
    size_t len = 0;

    while (len < sizeof line - 1 && read(reading_end, line + len, 1) == 1)
        if (line[len++] == '\n')
            break;
    line[len] = '\0';
    return len > 0 ? line : NULL;
}

static const char *content_of(const char *name)
{
    FILE *from = fopen(name, "r");

    ck_assert_ptr_nonnull(from);
    content[fread(content, 1, sizeof content - 1, from)] = '\0';
    fclose(from);
    return content;
}

/* --- Lines ---------------------------------------------------------------------- */

START_TEST(lines_are_in_the_file_when_the_log_is_closed)
{
    open_log((struct log_options){ .path = path, .level = LOG_AT_INFO });
    log_write(logger, LOG_AT_INFO, "ready workers=%d", 2);
    log_write(logger, LOG_AT_DEBUG, "unheard");
    log_hook(LOG_AT_DEBUG, "unheard", logger);
    log_hook(LOG_AT_ERROR, "broken error=\"a b\"", logger);
    ck_assert(log_wanted(logger, LOG_AT_INFO));
    ck_assert(!log_wanted(logger, LOG_AT_DEBUG));
    log_close(logger);
    ck_assert_str_eq(content_of(path), HEAD "info  ready workers=2\n" HEAD "error broken error=\"a b\"\n");
}
END_TEST

START_TEST(a_finished_log_is_written_and_others_may_still_post)
{
    open_log((struct log_options){ .path = path, .level = LOG_AT_INFO });
    log_write(logger, LOG_AT_INFO, "last words");
    log_finish(logger);
    ck_assert_str_eq(content_of(path), HEAD "info  last words\n");
    log_write(logger, LOG_AT_INFO, "too late");
    log_close(logger);
    ck_assert_str_eq(content_of(path), HEAD "info  last words\n");
}
END_TEST

START_TEST(a_json_log_has_one_object_a_line)
{
    open_log((struct log_options){ .path = path, .format = LOG_FORMAT_JSON });
    log_write(logger, LOG_AT_INFO, "ready workers=%d", 2);
    log_close(logger);
    ck_assert_str_eq(content_of(path),
                     "{\"time\":\"2026-11-26T19:40:00.123Z\",\"level\":\"info\",\"message\":\"ready\",\"workers\":2}\n");
}
END_TEST

START_TEST(a_long_line_is_cut_and_says_so)
{
    char text[5000];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    open_log((struct log_options){ .path = path });
    log_write(logger, LOG_AT_INFO, "%s", text);
    log_hook(LOG_AT_INFO, text, logger);
    log_close(logger);
    content_of(path);
    char *second = strchr(content, '\n') + 1;
    ck_assert_uint_eq((size_t)(second - content), sizeof HEAD - 1 + 6 + 1023 + 1);
    ck_assert_int_eq(memcmp(second - 5, "x...\n", 5), 0);
    ck_assert_uint_eq(strlen(second), sizeof HEAD - 1 + 6 + LOG_TEXT_MOST + 1);
    ck_assert_str_eq(second + strlen(second) - 5, "x...\n");
}
END_TEST

START_TEST(a_log_that_cannot_be_opened_says_why)
{
    struct log_options options = { .path = "/nowhere/log" };

    ck_assert_int_eq(log_open(&options, &logger, error, sizeof error), -ENOENT);
    ck_assert_str_eq(error, "cannot open log file /nowhere/log: No such file or directory");
    ck_assert_ptr_null(logger);
    log_close(NULL);
}
END_TEST

/* --- Files ---------------------------------------------------------------------- */

static void post(int file, const char *text)
{
    struct iovec pieces[] = { { (void *)"", 0 }, { (void *)text, strlen(text) } };

    log_post(logger, file, LOG_AT_INFO, pieces, 2);
}

START_TEST(one_path_is_one_file)
{
    open_log((struct log_options){ .path = path });
    int other = log_add_file(logger, "/dev/null", LOG_FORMAT_JSON, error, sizeof error);
    ck_assert_int_eq(other, 1);
    ck_assert_int_eq(log_add_file(logger, "/dev/null", LOG_FORMAT_JSON, error, sizeof error), other);
    ck_assert_int_eq(log_add_file(logger, path, LOG_FORMAT_TEXT, error, sizeof error), 0);
    ck_assert_int_eq(log_add_file(logger, NULL, LOG_FORMAT_TEXT, error, sizeof error), 2);
    ck_assert_int_eq(log_add_file(logger, NULL, LOG_FORMAT_TEXT, error, sizeof error), 2);

    ck_assert_int_eq(log_add_file(logger, "/dev/null", LOG_FORMAT_TEXT, error, sizeof error), -EINVAL);
    ck_assert_str_eq(error, "log file /dev/null is written as JSON already: one file has one format");
    ck_assert_int_eq(log_add_file(logger, NULL, LOG_FORMAT_JSON, error, sizeof error), -EINVAL);
    ck_assert_str_eq(error, "log file stderr is written as text already: one file has one format");
    ck_assert_int_eq(log_add_file(logger, "/nowhere/x", LOG_FORMAT_TEXT, error, sizeof error), -ENOENT);
    log_close(logger);
}
END_TEST

START_TEST(the_number_of_files_is_bounded)
{
    char name[512] = "/dev/";

    open_log((struct log_options){ .path = "/dev/null" });
    for (int i = 1; i < LOG_FILES_MOST; i++) {
        snprintf(name + 5 + i, sizeof name - 5 - (size_t)i, "null");
        name[4 + i] = '/';
        ck_assert_int_eq(log_add_file(logger, name, LOG_FORMAT_TEXT, error, sizeof error), i);
    }
    ck_assert_int_eq(log_add_file(logger, path, LOG_FORMAT_TEXT, error, sizeof error), -ENFILE);
    ck_assert_ptr_nonnull(strstr(error, "there are 256 already"));
    log_close(logger);
}
END_TEST

START_TEST(each_line_goes_to_its_file)
{
    open_log((struct log_options){ .path = path, .level = LOG_AT_ERROR });
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    reading_end = open(fifo, O_RDONLY | O_NONBLOCK);
    fcntl(reading_end, F_SETFL, 0);
    int file = log_add_file(logger, fifo, LOG_FORMAT_JSON, error, sizeof error);
    ck_assert_int_gt(file, 0);
    post(file, "request status=200");           /* whatever the level */
    post(0, "request status=404");
    ck_assert_str_eq(next_line(),               /* and without anybody closing: a nap has an end */
                     "{\"time\":\"2026-11-26T19:40:00.123Z\",\"level\":\"info\",\"message\":\"request\",\"status\":200}\n");
    log_close(logger);
    ck_assert_ptr_null(next_line());
    ck_assert_str_eq(content_of(path), HEAD "info  request status=404\n");
}
END_TEST

/* --- A disk that hangs ------------------------------------------------------------ */

#define FLOOD 5000              /* lines of more than 100 bytes: more than the least of queues and a buffer hold */

/* Make the FIFO full, so that the log's first write hangs; returns how many bytes are to be read away. */
static size_t fill_fifo(void)
{
    static char filler[4096];
    int fd = open(fifo, O_WRONLY | O_NONBLOCK);
    size_t filled = 0;

    ck_assert_int_ge(fd, 0);
    for (ssize_t n; (n = write(fd, filler, sizeof filler)) > 0;)
        filled += (size_t)n;
    close(fd);
    return filled;
}

static void empty_fifo(size_t filled)
{
    static char filler[4096];

    for (ssize_t n; filled > 0; filled -= (size_t)n) {
        n = read(reading_end, filler, filled < sizeof filler ? filled : sizeof filler);
        ck_assert_int_gt(n, 0);
    }
}

static void *count_lines(void *arg)
{
    int *seen = arg, number, last = -1;         /* lines, and what they say is missing */
    const char *line;

    while ((line = next_line()) != NULL) {
        if (sscanf(line, HEAD "info  flood n=%d ", &number) == 1) {
            ck_assert_int_gt(number, last);
            ck_assert_uint_eq(strlen(line), 151);
            last = number;
            seen[0]++;
        } else {
            ck_assert_msg(sscanf(line, HEAD "warn  log lines dropped lines=%d\n", &number) == 1, "%s", line);
            seen[1] += number;
        }
    }
    return NULL;
}

static void flood(void)
{
    for (int i = 0; i < FLOOD; i++)
        log_write(logger, LOG_AT_INFO, "flood n=%05d %0105d", i, 0);
}

START_TEST(what_a_full_queue_drops_is_counted_exactly)
{
    int seen[2] = { 0, 0 };
    pthread_t reader;

    open_log_to_fifo((struct log_options){ .repeat_limit = -1, .queue_size = 1, .close_timeout = 100 });
    size_t filled = fill_fifo();
    flood();
    uint64_t dropped = log_dropped(logger);
    ck_assert_uint_gt(dropped, 0);
    empty_fifo(filled);
    ck_assert_int_eq(pthread_create(&reader, NULL, count_lines, seen), 0);
    log_close(logger);
    pthread_join(reader, NULL);
    ck_assert_uint_eq((uint64_t)seen[1], dropped);
    ck_assert_int_eq(seen[0] + seen[1], FLOOD);
}
END_TEST

/* Read so many lines of the flood; returns how many lines those in between say are missing, and counts these. */
static uint64_t read_flood(uint64_t lines, int *told)
{
    uint64_t missing = 0;
    int number;

    while (lines > 0 || *told == 0) {
        const char *line = next_line();
        ck_assert_ptr_nonnull(line);
        if (sscanf(line, HEAD "warn  log lines dropped lines=%d\n", &number) == 1) {
            missing += (uint64_t)number;
            ++*told;
        } else {
            ck_assert_int_eq(strncmp(line, HEAD "info  flood", strlen(HEAD "info  flood")), 0);
            lines--;
        }
    }
    return missing;
}

/* The clock stands, so the second number has to wait until it moves, and then comes by itself. */
START_TEST(dropped_lines_are_told_once_a_second)
{
    int told = 0, rest;

    open_log_to_fifo((struct log_options){ .repeat_limit = -1, .queue_size = 1, .close_timeout = 100 });
    size_t filled = fill_fifo();
    flood();
    uint64_t dropped = log_dropped(logger);
    empty_fifo(filled);
    uint64_t missing = read_flood(FLOOD - dropped, &told);
    filled = fill_fifo();
    flood();
    uint64_t dropped_more = log_dropped(logger) - dropped;
    ck_assert_uint_gt(dropped_more, 0);
    empty_fifo(filled);
    missing += read_flood(FLOOD - dropped_more, &told);
    ck_assert_int_eq(told, 1);

    atomic_fetch_add(&steady_ns, 1000000000);
    const char *line = next_line();
    ck_assert_int_eq(sscanf(line, HEAD "warn  log lines dropped lines=%d\n", &rest), 1);
    ck_assert_uint_eq(missing + (uint64_t)rest, dropped + dropped_more);
    log_close(logger);
    ck_assert_ptr_null(next_line());
}
END_TEST

static int talk(void *arg)
{
    int yields = 0;

    for (int i = 0; i < FLOOD; i++) {
        weir__log(LOG_LEVEL_INFO, "flood n=%05d %0105d", i, 0);
        weir_yield();
        yields++;
    }
    return yields == FLOOD ? 0 : *(int *)arg;
}

/* Nobody reads: if one of these calls waited for the file, the test would never end. */
START_TEST(a_hung_disk_stops_neither_a_loop_nor_the_end)
{
    int seen[2] = { 0, 0 }, failed = -1;
    char stderr_text[256];

    int fd = open(path, O_RDWR | O_CREAT | O_APPEND, 0600);
    ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    open_log_to_fifo((struct log_options){ .repeat_limit = -1, .queue_size = 1, .close_timeout = 0.001 });
    size_t filled = fill_fifo();
    weir_set_log(log_hook, logger, LOG_AT_DEBUG);
    ck_assert_int_eq(weir_run(talk, &failed), 0);
    weir_set_log(NULL, NULL, 0);
    ck_assert_uint_gt(log_dropped(logger), 0);
    log_close(logger);
    ssize_t len = pread(fd, stderr_text, sizeof stderr_text - 1, 0);
    stderr_text[len > 0 ? len : 0] = '\0';
    ck_assert_str_eq(stderr_text, "weir: log not written to its end timeout=0.001\n");

    empty_fifo(filled);
    count_lines(seen);          /* the thread that was left behind ends by itself, with nothing lost but what was counted */
    ck_assert_int_eq(seen[0] + seen[1], FLOOD);
}
END_TEST

/* --- Repeated messages -------------------------------------------------------------- */

static void storm(int lines)
{
    char line[64];

    for (int i = 0; i < lines; i++) {
        snprintf(line, sizeof line, "out of \"descriptors\" n=%d", i);
        log_hook(LOG_AT_WARNING, line, logger);
    }
}

START_TEST(a_storm_is_ten_lines_and_a_number)
{
    char expected[128];

    open_log_to_fifo((struct log_options){ .close_timeout = 100 });
    storm(15);
    atomic_fetch_add(&steady_ns, 1000000000);
    log_hook(LOG_AT_INFO, "over", logger);
    for (int i = 0; i < 10; i++) {
        snprintf(expected, sizeof expected, HEAD "warn  out of \"descriptors\" n=%d\n", i);
        ck_assert_str_eq(next_line(), expected);
    }
    ck_assert_str_eq(next_line(), HEAD "warn  repeated message=\"out of \\\"descriptors\\\"\" times=5\n");
    ck_assert_str_eq(next_line(), HEAD "info  over\n");
    log_close(logger);
    ck_assert_ptr_null(next_line());
}
END_TEST

START_TEST(the_number_comes_by_itself_when_the_second_is_over)
{
    open_log_to_fifo((struct log_options){ .repeat_limit = 1, .close_timeout = 100 });
    storm(3);
    ck_assert_str_eq(next_line(), HEAD "warn  out of \"descriptors\" n=0\n");     /* by now it waits for the second to end */
    atomic_fetch_add(&steady_ns, 1000000000);
    ck_assert_str_eq(next_line(), HEAD "warn  repeated message=\"out of \\\"descriptors\\\"\" times=2\n");
    log_close(logger);
    ck_assert_ptr_null(next_line());
}
END_TEST

START_TEST(the_number_is_told_at_the_end_at_the_latest)
{
    open_log((struct log_options){ .path = path, .repeat_limit = 1 });
    storm(4);
    log_close(logger);
    ck_assert_str_eq(content_of(path), HEAD "warn  out of \"descriptors\" n=0\n"
                                       HEAD "warn  repeated message=\"out of \\\"descriptors\\\"\" times=3\n");
}
END_TEST

/* "listening" for each of twenty addresses, say. */
START_TEST(the_programs_own_lines_are_not_limited)
{
    open_log((struct log_options){ .path = path, .repeat_limit = 1 });
    for (int i = 0; i < 50; i++)
        log_write(logger, LOG_AT_INFO, "listening server=a");
    log_close(logger);
    ck_assert_uint_eq(strlen(content_of(path)), 50 * strlen(HEAD "info  listening server=a\n"));
}
END_TEST

START_TEST(access_lines_are_not_limited)
{
    open_log((struct log_options){ .path = path, .repeat_limit = 1 });
    for (int i = 0; i < 50; i++)
        post(0, "request status=200");
    log_close(logger);
    ck_assert_uint_eq(strlen(content_of(path)), 50 * strlen(HEAD "info  request status=200\n"));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("server/log");

    TCase *lines = tcase_create("lines");
    tcase_add_checked_fixture(lines, make, drop);
    tcase_add_test(lines, lines_are_in_the_file_when_the_log_is_closed);
    tcase_add_test(lines, a_finished_log_is_written_and_others_may_still_post);
    tcase_add_test(lines, a_json_log_has_one_object_a_line);
    tcase_add_test(lines, a_long_line_is_cut_and_says_so);
    tcase_add_test(lines, a_log_that_cannot_be_opened_says_why);
    suite_add_tcase(s, lines);

    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, make, drop);
    tcase_add_test(files, one_path_is_one_file);
    tcase_add_test(files, the_number_of_files_is_bounded);
    tcase_add_test(files, each_line_goes_to_its_file);
    suite_add_tcase(s, files);

    TCase *hung = tcase_create("hung");
    tcase_add_checked_fixture(hung, make, drop);
    tcase_add_test(hung, what_a_full_queue_drops_is_counted_exactly);
    tcase_add_test(hung, dropped_lines_are_told_once_a_second);
    tcase_add_test(hung, a_hung_disk_stops_neither_a_loop_nor_the_end);
    suite_add_tcase(s, hung);

    TCase *repeated = tcase_create("repeated");
    tcase_add_checked_fixture(repeated, make, drop);
    tcase_add_test(repeated, a_storm_is_ten_lines_and_a_number);
    tcase_add_test(repeated, the_number_comes_by_itself_when_the_second_is_over);
    tcase_add_test(repeated, the_number_is_told_at_the_end_at_the_latest);
    tcase_add_test(repeated, the_programs_own_lines_are_not_limited);
    tcase_add_test(repeated, access_lines_are_not_limited);
    suite_add_tcase(s, repeated);
    return s;
}
