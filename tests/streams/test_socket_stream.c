/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_socket_stream.c  What lies where: a connection beside its handler's stack, and for how long.
 *
 * And what only a real socket shows of a stream: views that stay while the kernel delivers, misuse that leaves the
 * connection usable, every wait cut short.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <weir/loop.h>
#include <weir/run.h>

#include "lib/stream_service.h"
#include "lib/suite.h"

#define SERVED(name, scenario, handler, options, expected)          \
    START_TEST(name)                                                \
    {                                                               \
        ck_assert_int_eq(service_play(scenario, handler, options), 0); \
        ck_assert_str_eq(said(), expected);                         \
    }                                                               \
    END_TEST

/* --- Memory --------------------------------------------------------------- */

static weir_writer *kept;

static int keep(weir_reader *reader, weir_writer *writer, void *arg)
{
    char here;

    (void)arg;
    kept = weir_writer_ref(writer);
    /* On the same stack: no allocation, and one page for both as long as the handler is idle. */
    say("%s", (uintptr_t)reader - (uintptr_t)&here < 32768 ? "beside" : "ELSEWHERE");
    return 0;
}

static int scribble(weir_reader *reader, weir_writer *writer, void *arg)
{
    volatile char deep[16384];

    (void)reader, (void)writer, (void)arg;
    memset((void *)(uintptr_t)deep, 0x55, sizeof deep);
    return deep[0] == 0x55 ? 0 : -EIO;
}

static void outlive(struct service *service)
{
    weir_server *other;
    char byte;
    int fd = service_client(service);

    raw_recv(fd, &byte, 1);
    far_settle();                               /* the handler's task is done; its stack must not be anybody's yet */
    close(fd);
    if (weir_start_server(scribble, NULL, "127.0.0.1", 0, NULL, &other) < 0)
        return;
    int listener;
    weir_server_sockets(other, &listener, 1);
    for (int i = 0; i < 20; i++) {
        fd = raw_connect(raw_port(listener));
        raw_recv(fd, &byte, 1);
        close(fd);
    }
    weir_server_free(other);
    say("%s %s", code_name(weir_writer_wait_closed(kept)), weir_writer_peername(kept) != NULL ? "named" : "LOST");
    weir_writer_free(kept);
}
SERVED(a_kept_connection_keeps_its_handlers_stack, outlive, keep, NULL, "beside 0 named")

static int go_deep(weir_reader *reader, weir_writer *writer, void *arg)
{
    volatile char deep[48 * 1024];

    memset((void *)(uintptr_t)deep, 1, sizeof deep);
    return deep[100] == 1 ? echo_lines(reader, writer, arg) : -EIO;
}

static void echo_deep(struct service *service)
{
    int fd = service_client(service);

    say("%d", service_echoes(fd, "deep\n"));
    close(fd);
}

static const weir_server_options large_stacks = { .stack_size = 256 * 1024 };
SERVED(a_handler_has_the_stack_that_it_was_given, echo_deep, go_deep, &large_stacks, "1")

/* --- Views ---------------------------------------------------------------- */

#define FLOOD ((size_t)1024 * 1024)

static void flood(struct far *far)
{
    static unsigned char bytes[FLOOD];
    weir_bytes view;

    for (size_t i = 0; i < FLOOD; i++)
        bytes[i] = pattern_at(i);
    far_send(far, bytes, 1000);
    ssize_t n = weir_reader_readexactly(far->reader, 1000, &view);
    const char *where = view.data;
    far_send(far, bytes + 1000, FLOOD - 1000);
    while (weir_reader_buffered(far->reader) < FLOOD - 1000)
        weir_yield();
    say("%d", n == 1000 && view.data == where && memcmp(view.data, bytes, 1000) == 0);
    n = weir_reader_readexactly(far->reader, FLOOD - 1000, &view);
    say("%d", n == (ssize_t)(FLOOD - 1000) && memcmp(view.data, bytes + 1000, view.len) == 0);
}

START_TEST(a_view_stays_while_the_socket_delivers_a_million_bytes)
{
    weir_connect_options opts = { .limit = FLOOD };

    ck_assert_int_eq(far_play_with(flood, &opts), 0);
    ck_assert_str_eq(said(), "1 1");
}
END_TEST

/* --- Misuse, after which everything still works --------------------------- */

static int read_one(void *arg)
{
    weir_bytes out;

    return (int)weir_reader_readexactly(((struct far *)arg)->reader, 2, &out);
}

struct foreign {
    struct far *far;
    ssize_t codes[7];
};

static void *use_from_outside(void *arg)
{
    struct foreign *foreign = arg;
    weir_reader *r = foreign->far->reader;
    weir_writer *w = foreign->far->writer;
    weir_bytes out;

    foreign->codes[0] = weir_reader_read(r, 1, &out);
    foreign->codes[1] = weir_reader_feed_data(r, "x", 1);
    foreign->codes[2] = weir_writer_write(w, "x", 1);
    foreign->codes[3] = weir_writer_drain(w);
    foreign->codes[4] = weir_writer_wait_closed(w);
    foreign->codes[5] = weir_writer_flush(w);
    foreign->codes[6] = weir_writer_write_eof(w);
    weir_writer_close(w);                       /* ignored, as the next two */
    weir_writer_abort(w);
    weir_reader_set_exception(r, -EIO);
    return NULL;
}

static void misuse_from_a_thread(struct far *far)
{
    struct foreign foreign = { .far = far };
    pthread_t thread;

    pthread_create(&thread, NULL, use_from_outside, &foreign);
    pthread_join(thread, NULL);
    for (int i = 0; i < 7; i++)
        say("%s", code_name(foreign.codes[i]));
}

static void misuse(struct far *far)
{
    weir_bytes out;
    weir_task *first = far_task(far, read_one);

    say("%s", code_name(weir_reader_read(far->reader, 1, &out)));       /* a second reader */
    say("%d", weir_writer_is_closing(far->writer));
    far_send(far, "ab", 2);
    say("%s", code_name(far_join(first)));
    weir_writer_write_eof(far->writer);
    say("%s", code_name(weir_writer_write(far->writer, "x", 1)));
    far_send(far, "cd", 2);
    say("%s", code_name(weir_reader_readexactly(far->reader, 2, &out)));
    say("%s", code_name(weir_writer_drain(far->writer)));
}

START_TEST(misuse_has_its_code_and_leaves_the_stream_usable)
{
    ck_assert_int_eq(far_play(misuse, (enum far_kind)_i), 0);
    ck_assert_str_eq(said(), "EBUSY 0 2 ESTATE 2 0");
}
END_TEST

static void misuse_from_outside(struct far *far)
{
    weir_bytes out;

    misuse_from_a_thread(far);
    far_send(far, "ab", 2);
    say("%s %d", code_name(weir_reader_readexactly(far->reader, 2, &out)), weir_writer_is_closing(far->writer));
}

START_TEST(another_thread_is_refused_in_a_debug_build)
{
    ck_assert_int_eq(far_play(misuse_from_outside, (enum far_kind)_i), 0);
    ck_assert_str_eq(said(), "ESTATE ESTATE ESTATE ESTATE ESTATE ESTATE ESTATE 2 0");
}
END_TEST

/* --- Every wait, cut short (fault 37) ------------------------------------- */

static int w_read(struct far *f)
{
    weir_bytes o;
    return (int)weir_reader_read(f->reader, 9, &o);
}
static int w_all(struct far *f)
{
    weir_bytes o;
    return (int)weir_reader_read(f->reader, WEIR_READ_ALL, &o);
}
static int w_line(struct far *f)
{
    weir_bytes o;
    return (int)weir_reader_readline(f->reader, &o);
}
static int w_exactly(struct far *f)
{
    weir_bytes o;
    return (int)weir_reader_readexactly(f->reader, 9, &o);
}
static int w_until(struct far *f)
{
    weir_bytes o;
    return (int)weir_reader_readuntil(f->reader, "--", 2, &o);
}
static int w_any(struct far *f)
{
    weir_bytes o, sep = { ";", 1 };
    return (int)weir_reader_readuntil_any(f->reader, &sep, 1, &o);
}
static int w_peek(struct far *f)
{
    weir_bytes o;
    return (int)weir_reader_peek(f->reader, 9, &o);
}
static int w_into(struct far *f)
{
    char b[9];
    return (int)weir_reader_read_into(f->reader, b, 9);
}
static int w_exactly_into(struct far *f)
{
    char b[9];
    return (int)weir_reader_readexactly_into(f->reader, b, 9);
}
static int w_skip(struct far *f)
{
    return (int)weir_reader_skip(f->reader, 9);
}
static int w_drain(struct far *f)
{
    return weir_writer_drain(f->writer);
}
static int w_closed(struct far *f)
{
    return weir_writer_wait_closed(f->writer);
}

static int (*const waits[])(struct far *) = {
    w_read, w_all, w_line, w_exactly, w_until, w_any, w_peek, w_into, w_exactly_into, w_skip, w_drain, w_closed,
};
static int which;

static int do_wait(void *arg)
{
    return waits[which](arg);
}

static int do_wait_and_say(void *arg)
{
    int code = waits[which](arg);

    say("end:%s", code_name(code));
    return code;
}

static void cut_short(struct far *far)
{
    weir_timeout t;

    far_write_pattern(far, FLOOD);              /* so that drain waits too */
    weir_task *task = far_task(far, do_wait);
    say("%d", weir_task_done(task));
    weir_task_cancel(task);
    say("%s", code_name(far_join(task)));
    weir_timeout_begin(&t, -1);                 /* over before it began: no clock needed */
    say("%s", code_name(waits[which](far)));
    weir_timeout_end(&t);
    if (far->fd >= 0) {
        task = far_task(far, do_wait);
        far_reset(far);
        say("%s", code_name(far_join(task)));
    } else {
        say("-");
    }
}

START_TEST(every_wait_ends_by_cancel_by_deadline_and_by_reset)
{
    which = _i / FAR_KINDS;
    ck_assert_int_eq(far_play(cut_short, (enum far_kind)(_i % FAR_KINDS)), 0);
    ck_assert_str_eq(said(), _i % FAR_KINDS == FAR_SOCKET ? "0 ECANCELED ETIMEDOUT ECONNRESET" : "0 ECANCELED ETIMEDOUT -");
}
END_TEST

static struct far left;

static int leave_a_wait_behind(void *arg)
{
    (void)arg;
    int code = weir_stream_pair(&left.reader, &left.writer, &left.far_reader, &left.far_writer);
    if (code < 0)
        return code;
    left.fd = -1;
    far_write_pattern(&left, FLOOD);
    weir_spawn(do_wait_and_say, &left);
    weir_spawn(do_wait, &left);
    far_settle();
    return 7;                                   /* with two references and two waits, which the run's end cuts */
}

START_TEST(the_end_of_the_loop_cancels_every_wait)
{
    which = _i;
    ck_assert_int_eq(weir_run(leave_a_wait_behind, NULL), 7);
    ck_assert_str_eq(said(), "end:ECANCELED");
}
END_TEST

Suite *suite(void)
{
    Suite *sockets = suite_create("streams/socket_stream");
    int wait_count = (int)(sizeof waits / sizeof waits[0]);

    TCase *memory = tcase_create("memory");
    tcase_add_test(memory, a_kept_connection_keeps_its_handlers_stack);
    tcase_add_test(memory, a_handler_has_the_stack_that_it_was_given);
    tcase_add_test(memory, a_view_stays_while_the_socket_delivers_a_million_bytes);
    suite_add_tcase(sockets, memory);

    TCase *wrong = tcase_create("misuse");
    tcase_add_loop_test(wrong, misuse_has_its_code_and_leaves_the_stream_usable, 0, FAR_KINDS);
    tcase_add_loop_test(wrong, another_thread_is_refused_in_a_debug_build, 0, FAR_KINDS);
    suite_add_tcase(sockets, wrong);

    TCase *cut = tcase_create("cut short");
    tcase_add_loop_test(cut, every_wait_ends_by_cancel_by_deadline_and_by_reset, 0, wait_count * FAR_KINDS);
    tcase_add_loop_test(cut, the_end_of_the_loop_cancels_every_wait, 0, wait_count);
    suite_add_tcase(sockets, cut);
    return sockets;
}
