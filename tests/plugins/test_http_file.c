/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/test_http_file.c  What plugins/http/file.c and disk.c promise: the files of a folder, and nothing else.
 *
 * Every test runs three times: with what the kernel has in memory, with every open and read sent to the executor, and with a
 * file system that can't say what it has. For that the program has its own preadv2, and its own syscall for openat2.
 */
#include "plugins/http/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <weir/run.h>

#include "core/task.h"
#include "lib/clock.h"
#include "lib/stream_far.h"
#include "lib/suite.h"
#include "net/transport.h"
#include "plugins/section.h"
#include "plugins/talk.h"

#define H    "Host: a\r\n"
#define BIG  ((size_t)1000000)
#define WHEN 784111777          /* Sun, 06 Nov 1994 08:49:37 GMT */

/* --- The kernel, as a test wants it --------------------------------------- */

enum memory { IN_MEMORY, NOT_IN_MEMORY, CANT_SAY, MEMORIES };

static enum memory memory;
static unsigned executor_reads, refused;
static bool hold_reads;
static sem_t reading, go_on;

ssize_t preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
    if ((flags & RWF_NOWAIT) != 0 && memory != IN_MEMORY) {
        refused++;
        errno = memory == CANT_SAY ? EOPNOTSUPP : EAGAIN;
        return -1;
    }
    return preadv(fd, iov, count, offset);
}

/* The executor's: on another thread. */
ssize_t pread(int fd, void *buf, size_t len, off_t offset)
{
    __atomic_add_fetch(&executor_reads, 1, __ATOMIC_RELAXED);
    if (hold_reads) {
        sem_post(&reading);
        sem_wait(&go_on);
    }
    return syscall(SYS_pread64, fd, buf, len, offset);
}

static long call(long number, long a, long b, long c, long d, long e, long f)
{
#ifdef __x86_64__
    long result;
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
#else
#error "write down how a system call is made here"
#endif
    if (result < 0) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

/* Six arguments are read, however many were given, as the C library does it: the sixth lies on the stack. */
__attribute__((no_sanitize("address"))) long syscall(long number, ...)
{
    long arg[6];
    va_list args;

    va_start(args, number);
    for (int i = 0; i < 6; i++)
        arg[i] = va_arg(args, long);
    va_end(args);
    if (number == SYS_openat2 && memory != IN_MEMORY && (((struct open_how *)arg[2])->resolve & RESOLVE_CACHED) != 0) {
        refused++;
        errno = memory == CANT_SAY ? EINVAL : EAGAIN;
        return -1;
    }
    return call(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

/* --- A folder ------------------------------------------------------------- */

static char top[64], root[80];

static const char *in_top(const char *name)
{
    static char path[4][200];
    static unsigned next;
    char *out = path[next++ % 4];

    snprintf(out, sizeof path[0], "%s/%s", top, name);
    return out;
}

static void make_file(const char *name, const char *text, size_t len)
{
    const struct timespec times[2] = { { WHEN, 0 }, { WHEN, 500000000 } };
    int fd = open(in_top(name), O_CREAT | O_WRONLY | O_TRUNC, 0644);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
    ck_assert_int_eq(futimens(fd, times), 0);
    close(fd);
}

static void make_folder(void)
{
    static char big[BIG];

    for (size_t i = 0; i < BIG; i++)
        big[i] = (char)pattern_at(i);
    snprintf(top, sizeof top, "/tmp/weir-http-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(top));
    snprintf(root, sizeof root, "%s/root", top);
    mkdir(root, 0755);
    mkdir(in_top("root/sub"), 0755);
    mkdir(in_top("root/empty"), 0755);
    mkdir(in_top("root/odd"), 0755);
    mkdir(in_top("root/odd/index.html"), 0755);
    mkdir(in_top("root/a b?c"), 0755);
    mkdir(in_top("root2"), 0755);
    make_file("canary", "CANARY", 6);
    make_file("root2/canary", "CANARY", 6);
    make_file("root/index.html", "top", 3);
    make_file("root/sub/index.html", "sub", 3);
    make_file("root/a.txt", "text", 4);
    make_file("root/none", "", 0);
    make_file("root/..a", "dots", 4);
    make_file("root/a b?c/index.html", "odd", 3);
    make_file("root/big", big, BIG);
    make_file("root/exact", big, 65536);
    make_file("root/more", big, 65537);
    ck_assert_int_eq(symlink("a.txt", in_top("root/inside")), 0);
    ck_assert_int_eq(symlink("../a.txt", in_top("root/sub/up")), 0);
    ck_assert_int_eq(symlink("../canary", in_top("root/outside")), 0);
    ck_assert_int_eq(symlink("..", in_top("root/parent")), 0);
    ck_assert_int_eq(symlink("/etc/passwd", in_top("root/absolute")), 0);
    ck_assert_int_eq(symlink(in_top("root/a.txt"), in_top("root/absolute-inside")), 0);
    ck_assert_int_eq(symlink("loop", in_top("root/loop")), 0);
    ck_assert_int_eq(symlink("/proc/self/root", in_top("root/magic")), 0);
    ck_assert_int_eq(symlink("nowhere", in_top("root/dangling")), 0);
    ck_assert_int_eq(mkfifo(in_top("root/fifo"), 0644), 0);
}

static void remove_folder(void)
{
    char command[100];

    snprintf(command, sizeof command, "rm -r %s", top);
    ck_assert_int_eq(system(command), 0);
}

static int descriptors;

static void begin(int i)
{
    memory = (enum memory)i;
    make_folder();
    descriptors = open_descriptors();
    section_begin((struct option[]) { { "root", root }, { NULL, NULL } });
    ck_assert_int_eq(section_configure(), 0);
    ck_assert_str_eq(section_failures(), "");
}

static void end(void)
{
    section_end();
    ck_assert_int_eq(open_descriptors(), descriptors);
    remove_folder();
}

/* --- What is there -------------------------------------------------------- */

static const struct {
    const char *in, *answers;
} requests[] = {
    { "GET /a.txt HTTP/1.1\r\n" H "\r\n", "200=text" },
    { "GET / HTTP/1.1\r\n" H "\r\n", "200=top" },
    { "GET /sub/ HTTP/1.1\r\n" H "\r\n", "200=sub" },
    { "GET /sub/index.html?x=/../ HTTP/1.1\r\n" H "\r\n", "200=sub" },
    { "GET /%61.t%78t HTTP/1.1\r\n" H "\r\n", "200=text" },
    { "GET /sub/../a.txt HTTP/1.1\r\n" H "\r\n", "200=text" },
    { "HEAD /a.txt HTTP/1.1\r\n" H "\r\n", "200:head" },
    { "GET /none HTTP/1.1\r\n" H "\r\n", "200=" },
    { "GET /..a HTTP/1.1\r\n" H "\r\n", "200=dots" },
    { "GET /healthz HTTP/1.1\r\n" H "\r\n", "200=ok_" },
    { "GET /inside HTTP/1.1\r\n" H "\r\n", "200=text" },
    { "GET /sub/up HTTP/1.1\r\n" H "\r\n", "200=text" },
    { "GET /a.txt HTTP/1.0\r\n\r\n", "200:close=text" },
    { "GET /a.txt HTTP/1.1\r\n" H "\r\nGET /none HTTP/1.1\r\n" H "\r\nHEAD / HTTP/1.1\r\n" H "\r\nGET /a.txt HTTP/1.1\r\n" H "\r\n",
      "200=text 200= 200:head 200=text" },
    { "GET /a.txt HTTP/1.1\r\n" H "Range: bytes=0-1\r\n\r\n", "200=text" },
    { "POST /a.txt HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\nx", "405:allow" },
    { "GET /x HTTP/1.1\r\n" H "\r\n", "404" },
    { "GET /a.txt/ HTTP/1.1\r\n" H "\r\n", "404" },
    { "GET /a.txt/b HTTP/1.1\r\n" H "\r\n", "404" },

    /* folders: no listing, and a name with its slash */
    { "GET /sub HTTP/1.1\r\n" H "\r\n", "301:/sub/" },
    { "HEAD /sub HTTP/1.1\r\n" H "\r\n", "301:/sub/:head" },
    { "GET /sub?a=b HTTP/1.1\r\n" H "\r\n", "301:/sub/?a=b" },
    { "GET //sub HTTP/1.1\r\n" H "\r\n", "301:/sub/" },         /* "//sub/" would be another host */
    { "GET http://evil/sub HTTP/1.1\r\n" H "\r\n", "301:/sub/" },
    { "GET /a%20b%3fc HTTP/1.1\r\n" H "\r\n", "301:/a%20b%3Fc/" },
    { "GET /a%20b%3Fc/ HTTP/1.1\r\n" H "\r\n", "200=odd" },
    { "GET /empty/ HTTP/1.1\r\n" H "\r\n", "404" },
    { "GET /empty HTTP/1.1\r\n" H "\r\n", "301:/empty/" },
    { "GET /odd/ HTTP/1.1\r\n" H "\r\n", "404" },

    /* what is not a file, or not in the folder */
    { "GET /fifo HTTP/1.1\r\n" H "\r\n", "404" },
    { "GET /loop HTTP/1.1\r\n" H "\r\n", "404" },
    { "GET /dangling HTTP/1.1\r\n" H "\r\n", "404" },
    { "GET /outside HTTP/1.1\r\n" H "\r\n", "404" },
    { "GET /parent/canary HTTP/1.1\r\n" H "\r\n", "404" },
    { "GET /parent/root/a.txt HTTP/1.1\r\n" H "\r\n", "404" },
    { "GET /parent HTTP/1.1\r\n" H "\r\n", "404" },
    { "GET /absolute HTTP/1.1\r\n" H "\r\n", "404" },
    { "GET /absolute-inside HTTP/1.1\r\n" H "\r\n", "404" },
    { "GET /magic/etc/passwd HTTP/1.1\r\n" H "\r\n", "404" },
    { "GET /../canary HTTP/1.1\r\n" H "\r\n", "400" },
    { "GET /%2e%2e/canary HTTP/1.1\r\n" H "\r\n", "400" },
    { "GET /..%2fcanary HTTP/1.1\r\n" H "\r\n", "404" },
    { "GET /sub/../../canary HTTP/1.1\r\n" H "\r\n", "400" },
    { "GET /../root2/canary HTTP/1.1\r\n" H "\r\n", "400" },
    { "GET /..%5ccanary HTTP/1.1\r\n" H "\r\n", "404" },
    { "GET /%252e%252e/canary HTTP/1.1\r\n" H "\r\n", "404" },
    { "GET /%c0%ae%c0%ae/canary HTTP/1.1\r\n" H "\r\n", "404" },
    { "GET /..%00/canary HTTP/1.1\r\n" H "\r\n", "400" },
    { "GET /a.txt%00.html HTTP/1.1\r\n" H "\r\n", "400" },

    /* a time that is known already */
    { "GET /a.txt HTTP/1.1\r\n" H "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n", "304" },
    { "HEAD /a.txt HTTP/1.1\r\n" H "If-Modified-Since: Sun, 06 Nov 1994 08:49:38 GMT  \r\n\r\n", "304" },
    { "GET /sub/ HTTP/1.1\r\n" H "if-modified-since:Sunday, 06-Nov-94 08:49:37 GMT\r\n\r\n", "304" },
    { "GET /a.txt HTTP/1.1\r\n" H "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n\r\n", "200=text" },
    { "GET /a.txt HTTP/1.1\r\n" H "If-Modified-Since: yesterday\r\n\r\n", "200=text" },
    { "GET /a.txt HTTP/1.1\r\n" H "If-None-Match: x\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n", "200=text" },
    { "GET /x HTTP/1.1\r\n" H "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n", "404" },
    { "GET /a.txt HTTP/1.1\r\n" H "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\nGET /a.txt HTTP/1.1\r\n" H "\r\n",
      "304 200=text" },
    /* the same place in the next request is another header's */
    { "GET /a.txt HTTP/1.1\r\n" H "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"
      "GET /a.txt HTTP/1.1\r\n" H "X--Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n", "304 200=text" },
};
#define REQUESTS (sizeof requests / sizeof requests[0])

/* The canary's bytes are nowhere in any answer, whatever the words say. */
START_TEST(the_files_of_the_folder_are_there_and_no_others)
{
    begin(_i);
    for (size_t i = 0; i < REQUESTS; i++) {
        struct talk talk = { .in = requests[i].in, .in_len = strlen(requests[i].in) };
        talk_run(&talk);
        const char *answers = talk_answers(&talk);
        ck_assert_msg(strcmp(answers, requests[i].answers) == 0, "\"%s\", not \"%s\", for:\n%s", answers, requests[i].answers,
                      requests[i].in);
        ck_assert_ptr_null(strstr(talk.out, "CANARY"));
        ck_assert_ptr_null(strstr(talk.out, "root:"));
        talk_free(&talk);
    }
    ck_assert_uint_eq(refused > 0, memory != IN_MEMORY);
    ck_assert(executor_reads > 0 || memory == IN_MEMORY);
    end();
}
END_TEST

START_TEST(a_file_comes_with_its_type_and_its_time)
{
    struct talk talk = { .in = "GET /a.txt HTTP/1.1\r\n" H "\r\nGET /sub/ HTTP/1.1\r\n" H "\r\n", };

    talk.in_len = strlen(talk.in);
    begin(_i);
    talk_run(&talk);
    ck_assert_ptr_nonnull(strstr(talk.out, "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 4\r\n"));
    ck_assert_ptr_nonnull(strstr(talk.out, "\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 3\r\n"));
    ck_assert_ptr_nonnull(strstr(talk.out, "\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
    talk_free(&talk);
    end();
}
END_TEST

static void check_bytes(const char *name, size_t size)
{
    char in[100];
    struct talk talk = { .in = in };

    snprintf(in, sizeof in, "GET /%s HTTP/1.1\r\n" H "Connection: close\r\n\r\n", name);
    talk.in_len = strlen(in);
    talk_run(&talk);
    ck_assert_int_eq(talk.result, 0);
    const char *body = strstr(talk.out, "\r\n\r\n");
    ck_assert_ptr_nonnull(body);
    body += 4;
    ck_assert_uint_eq((size_t)(talk.out + talk.out_len - body), size);
    size_t right = 0;
    while (right < size && (unsigned char)body[right] == pattern_at(right))
        right++;
    ck_assert_uint_eq(right, size);
    talk_free(&talk);
}

START_TEST(a_file_of_any_size_comes_whole)
{
    begin(_i);
    check_bytes("big", BIG);
    check_bytes("exact", 65536);
    check_bytes("more", 65537);
    end();
}
END_TEST

/* --- What happens meanwhile ----------------------------------------------- */

static int run_handler(void *arg)
{
    struct far *far = arg;
    int code = weir_plugin_entry.client_connected(far->reader, far->writer, section_state);

    weir_writer_close(far->writer);             /* as the end of a handler does */
    return code;
}

static void shrink_while_it_is_sent(struct far *far)
{
    static const char in[] = "GET /big HTTP/1.1\r\n" H "\r\nGET /a.txt HTTP/1.1\r\n" H "\r\n";
    static char got[BIG + 1000];

    say("%s", code_name(section_start()));
    far_send(far, in, sizeof in - 1);
    weir_task *handler = far_task(far, run_handler);
    while (weir_transport_get_write_buffer_size(weir_writer_transport(far->writer)) == 0)
        weir_sleep(0);                          /* its reads may be on another thread */
    say("%s", code_name(truncate(in_top("root/big"), 300000)));
    size_t n = far_recv(far, got, sizeof got);
    say("%s", n > 200000 && n < BIG ? "short" : "WRONG");
    say("%s", memmem(got, n, "text/plain", 10) == NULL ? "ended" : "WENT ON");
    say("%s", code_name(far_join(handler)));
    section_stop();
}

/* A request for the large file, and a handler that stands in the middle of it, since the peer does not read. */
static weir_task *begin_large(struct far *far)
{
    static const char in[] = "GET /big HTTP/1.1\r\n" H "Connection: close\r\n\r\n";
    int fd = weir_writer_fd(far->writer), room = 32768;

    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room), 0);
    ck_assert_int_eq(setsockopt(far->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room), 0);
    far_send(far, in, sizeof in - 1);
    weir_task *handler = far_task(far, run_handler);
    mark_point();
    for (int still = 0; still < 20; still++) {
        while (handler->state != TASK_PARKED || handler->wait_kind != WAIT_SENDFILE) {
            still = 0;
            weir_sleep(0);
        }
        weir_sleep(0);
    }
    return handler;
}

static void read_after_a_while(struct far *far)
{
    static char got[BIG + 1000];

    say("%s", code_name(section_start()));
    weir_task *handler = begin_large(far);
    say("%d", weir_transport_get_write_buffer_size(weir_writer_transport(far->writer)) == 0);
    size_t n = far_recv(far, got, sizeof got);
    const char *body = memmem(got, n, "\r\n\r\n", 4);
    ck_assert_ptr_nonnull(body);
    size_t at = (size_t)(body + 4 - got), right = 0;
    while (at + right < n && (unsigned char)got[at + right] == pattern_at(right))
        right++;
    say("%zu", right);
    say("%zu", n - at);
    say("%s", code_name(far_join(handler)));
    section_stop();
}

START_TEST(a_file_larger_than_the_socket_comes_whole_and_waits_in_the_file)
{
    begin(_i);
    ck_assert_int_eq(far_play(read_after_a_while, FAR_SOCKET), 0);
    ck_assert_str_eq(said(), "0 1 1000000 1000000 0");
    end();
}
END_TEST

static void leave_midway(struct far *far)
{
    char some[50000];

    say("%s", code_name(section_start()));
    weir_task *handler = begin_large(far);
    say("%zu", far_recv(far, some, sizeof some));
    far_reset(far);
    int code = far_join(handler);
    say("%s", code == -ECONNRESET || code == -EPIPE ? "left" : code_name(code));
    section_stop();
}

START_TEST(a_client_that_leaves_midway_ends_the_connection)
{
    begin(_i);
    ck_assert_int_eq(far_play(leave_midway, FAR_SOCKET), 0);
    ck_assert_str_eq(said(), "0 50000 left");
    end();
}
END_TEST

static void shrink_midway(struct far *far)
{
    static char got[BIG + 1000];

    say("%s", code_name(section_start()));
    weir_task *handler = begin_large(far);
    say("%s", code_name(truncate(in_top("root/big"), 20000)));
    size_t n = far_recv(far, got, sizeof got);
    say("%s", n > 20000 && n < BIG ? "short" : "WRONG");
    say("%s", code_name(far_join(handler)));
    section_stop();
}

START_TEST(a_large_file_that_becomes_shorter_is_not_filled_up)
{
    begin(_i);
    ck_assert_int_eq(far_play(shrink_midway, FAR_SOCKET), 0);
    ck_assert_str_eq(said(), "0 0 short EPIPE");
    end();
}
END_TEST

static void take_nothing(struct far *far)
{
    say("%s", code_name(section_start()));
    weir_task *handler = begin_large(far);
    double begun = clock_now();
    say("%s", code_name(far_join(handler)));
    say("%.0f", clock_now() - begun);
    say("%d", weir_writer_is_closing(far->writer));
    section_stop();
}

START_TEST(a_client_that_takes_nothing_of_a_file_is_cut_off)
{
    clock_fake();
    memory = IN_MEMORY;
    make_folder();
    section_begin((struct option[]) { { "root", root }, { "send_timeout", "7s" }, { NULL, NULL } });
    ck_assert_int_eq(section_configure(), 0);
    ck_assert_int_eq(far_play(take_nothing, FAR_SOCKET), 0);
    ck_assert_str_eq(said(), "0 0 7 1");
    section_end();
    remove_folder();
    clock_real();
}
END_TEST

static void drain_midway(struct far *far)
{
    say("%s", code_name(section_start()));
    weir_task *handler = begin_large(far);
    weir_writer_abort(far->writer);             /* what a drain does whose time is up */
    say("%s", code_name(far_join(handler)));
    section_stop();
}

START_TEST(a_drain_that_cuts_a_file_off_is_no_failure_of_the_handlers)
{
    begin(_i);
    ck_assert_int_eq(far_play(drain_midway, FAR_SOCKET), 0);
    ck_assert_str_eq(said(), "0 ECONNRESET");   /* which nobody reports */
    end();
}
END_TEST

/* A length was promised, and there are no more bytes: the end of the connection says so, and no other answer can follow. */
START_TEST(a_file_that_becomes_shorter_ends_the_connection)
{
    begin(_i);
    ck_assert_int_eq(far_play(shrink_while_it_is_sent, FAR_MEMORY), 0);
    ck_assert_str_eq(said(), "0 0 short ended EPIPE");
    end();
}
END_TEST

static void cancel_while_it_is_read(struct far *far)
{
    static const char in[] = "GET /a.txt HTTP/1.1\r\n" H "\r\n";
    int before = open_descriptors();

    say("%s", code_name(section_start()));
    far_send(far, in, sizeof in - 1);
    hold_reads = true;
    weir_task *handler = far_task(far, run_handler);
    while (sem_trywait(&reading) < 0)
        weir_sleep(0);
    weir_task_cancel(handler);
    section_stop();                             /* the worker's memory has to outlive this */
    say("%s", code_name(far_join(handler)));
    say("%d", open_descriptors() - before);
    hold_reads = false;
    sem_post(&go_on);
    while (open_descriptors() > before)         /* now the thread closes it */
        weir_sleep(0);
}

/* The thread is in the file still: it is what frees it, and closes it. */
START_TEST(a_handler_that_is_cancelled_leaves_its_file_to_the_thread)
{
    sem_init(&reading, 0, 0);
    sem_init(&go_on, 0, 0);
    begin(NOT_IN_MEMORY);
    int before = open_descriptors();
    ck_assert_int_eq(far_play(cancel_while_it_is_read, FAR_MEMORY), 0);
    ck_assert_int_eq(strncmp(said(), "0 ECANCELED 1", 13), 0);
    while (open_descriptors() > before)         /* the thread may be the last to hold the loop's wake-up */
        sched_yield();
    end();
}
END_TEST

Suite *suite(void)
{
    Suite *file = suite_create("plugins/http/file");

    TCase *files = tcase_create("files");
    tcase_add_loop_test(files, the_files_of_the_folder_are_there_and_no_others, 0, MEMORIES);
    tcase_add_loop_test(files, a_file_comes_with_its_type_and_its_time, 0, MEMORIES);
    tcase_add_loop_test(files, a_file_of_any_size_comes_whole, 0, MEMORIES);
    suite_add_tcase(file, files);

    TCase *meanwhile = tcase_create("meanwhile");
    tcase_add_loop_test(meanwhile, a_file_that_becomes_shorter_ends_the_connection, 0, MEMORIES);
    tcase_add_loop_test(meanwhile, a_file_larger_than_the_socket_comes_whole_and_waits_in_the_file, 0, MEMORIES);
    tcase_add_loop_test(meanwhile, a_client_that_leaves_midway_ends_the_connection, 0, MEMORIES);
    tcase_add_loop_test(meanwhile, a_large_file_that_becomes_shorter_is_not_filled_up, 0, MEMORIES);
    tcase_add_test(meanwhile, a_client_that_takes_nothing_of_a_file_is_cut_off);
    tcase_add_loop_test(meanwhile, a_drain_that_cuts_a_file_off_is_no_failure_of_the_handlers, 0, MEMORIES);
    tcase_add_test(meanwhile, a_handler_that_is_cancelled_leaves_its_file_to_the_thread);
    suite_add_tcase(file, meanwhile);

    return file;
}
