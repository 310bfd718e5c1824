/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_serve.c  What weir_serve promises: workers, signals, the drain.
 *
 * With one worker the clients are tasks on its loop, and time is the test clock's. With several they are a thread with
 * plain sockets, and nothing depends on time.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <weir/loop.h>
#include <weir/run.h>

#include "lib/clock.h"
#include "lib/stream_service.h"
#include "lib/suite.h"
#include "net/server.h"

#define DRAIN 10.0

struct stage {
    int (*client)(void *arg);   /* as a task, or as a thread */
    bool as_thread;
    int port;
    pthread_t thread;
    atomic_int ready, started, stopped, handled, wrong_state;
    int failing_worker;         /* 1 + the index of the one whose start fails; 0: none */
    int code;                   /* what a call of the client's gave */
};

static void *client_thread(void *arg)
{
    struct stage *stage = arg;

    stage->client(stage);
    return NULL;
}

static void on_ready(weir_server *server, void *arg)
{
    struct stage *stage = arg;
    int fd;

    stage->ready++;
    weir_server_sockets(server, &fd, 1);
    stage->port = raw_port(fd);
    if (stage->as_thread)
        pthread_create(&stage->thread, NULL, client_thread, stage);
    else
        weir_spawn(stage->client, stage);
}

/* Says lines back; idle between them. */
static int echo_idle(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_bytes line;
    ssize_t n;

    (void)arg;
    for (;;) {
        weir_writer_set_idle(writer, true);
        n = weir_reader_peek(reader, 1, &line);
        weir_writer_set_idle(writer, false);
        n = n > 0 ? weir_reader_readline(reader, &line) : n;
        if (n <= 0)
            return weir_result(n);
        weir_writer_write(writer, line.data, line.len);
    }
}

static int serve(struct stage *stage, unsigned workers, weir_client_connected_cb cb, weir_serve_options *opts)
{
    int before = open_descriptors();

    opts->workers = workers;
    opts->no_pin = true;
    opts->on_ready = on_ready;
    if (opts->drain_timeout == 0)
        opts->drain_timeout = DRAIN;
    int code = weir_serve(cb, stage, "127.0.0.1", 0, opts);
    if (stage->as_thread && stage->ready > 0)
        pthread_join(stage->thread, NULL);
    if (open_descriptors() != before)
        say("LEAK");
    return code;
}

/* --- Several workers ------------------------------------------------------ */

#define CLIENTS 40

struct state {
    unsigned worker;
};

static struct state states[16];

static int start_worker(void *arg, void **state)
{
    struct stage *stage = arg;
    unsigned index = weir_worker_index();

    int code = weir_yield();                    /* may suspend, and is then cancelled when another worker failed */
    if (code < 0)
        return code;
    if (stage->failing_worker == (int)index + 1)
        return -EPERM;
    states[index].worker = index;
    *state = &states[index];
    stage->started++;
    return 0;
}

static void stop_worker(void *arg, void *state)
{
    struct stage *stage = arg;

    stage->stopped++;
    stage->wrong_state += state != &states[weir_worker_index()];
}

static atomic_int handled, wrong_state;

static int echo_on_worker(weir_reader *reader, weir_writer *writer, void *arg)
{
    handled++;
    wrong_state += arg != &states[weir_worker_index()];
    return echo_idle(reader, writer, arg);
}

static bool echoes_blocking(int fd, const char *text)
{
    char got[64];
    size_t len = strlen(text);

    return send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len && recv(fd, got, len, MSG_WAITALL) == (ssize_t)len
        && memcmp(got, text, len) == 0;
}

static int many_clients(void *arg)
{
    struct stage *stage = arg;
    int fds[CLIENTS];
    char end;

    for (int i = 0; i < CLIENTS; i++)
        fds[i] = raw_connect(stage->port);
    for (int i = 0; i < CLIENTS; i++)
        stage->handled += echoes_blocking(fds[i], "hello\n");
    weir_serve_stop();                          /* from a thread that is none of weir's */
    for (int i = 0; i < CLIENTS; i++) {
        stage->handled += recv(fds[i], &end, 1, 0) == 0;    /* idle: closed without waiting for the client */
        close(fds[i]);
    }
    return 0;
}

START_TEST(all_workers_serve_one_port_and_drain_together)
{
    struct stage stage = { .client = many_clients, .as_thread = true };
    weir_serve_options opts = { .worker_start = start_worker, .worker_stop = stop_worker };

    ck_assert_int_eq(serve(&stage, (unsigned)_i, echo_on_worker, &opts), 0);
    ck_assert_int_eq(stage.ready, 1);
    ck_assert_int_eq(stage.started, _i);
    ck_assert_int_eq(stage.stopped, _i);
    ck_assert_int_eq(stage.handled, 2 * CLIENTS);
    ck_assert_int_eq(handled, CLIENTS);
    ck_assert_int_eq(wrong_state + stage.wrong_state, 0);
    ck_assert_str_eq(said(), "");
}
END_TEST

START_TEST(a_worker_that_cannot_start_ends_everything)
{
    struct stage stage = { .client = many_clients, .as_thread = true, .failing_worker = _i };
    weir_serve_options opts = { .worker_start = start_worker, .worker_stop = stop_worker };

    ck_assert_int_eq(serve(&stage, 3, echo_on_worker, &opts), -EPERM);
    ck_assert_int_eq(stage.ready, 0);
    ck_assert_int_eq(stage.stopped, stage.started);     /* the first failure may have cancelled others before their start */
    ck_assert_str_eq(said(), "");
}
END_TEST

/* Takes the cancel that another worker's failure sends it for nothing, and starts. */
static int start_stubborn(void *arg, void **state)
{
    struct stage *stage = arg;
    unsigned index = weir_worker_index();

    if (stage->failing_worker == (int)index + 1)
        return -EPERM;
    while (weir_yield() != -ECANCELED)
        ;
    *state = &states[index];
    stage->started++;
    return 0;
}

/* Whoever waits for the others must hear of a failure by more than a cancel. */
START_TEST(a_start_that_ignores_its_cancel_does_not_hang_the_others)
{
    struct stage stage = { .client = many_clients, .as_thread = true, .failing_worker = _i };
    weir_serve_options opts = { .worker_start = start_stubborn, .worker_stop = stop_worker };

    ck_assert_int_eq(serve(&stage, 3, echo_on_worker, &opts), -EPERM);
    ck_assert_int_eq(stage.ready, 0);
    ck_assert_int_eq(stage.stopped, stage.started);
    ck_assert_int_eq(stage.wrong_state, 0);
}
END_TEST

static int serve_again(void *arg)
{
    struct stage *stage = arg;

    stage->code = weir_serve(echo_lines, NULL, "127.0.0.1", 0, NULL);
    weir_serve_stop();
    weir_serve_stop();
    return 0;
}

START_TEST(a_process_serves_once_at_a_time)
{
    struct stage stage = { .client = serve_again, .as_thread = true };
    weir_serve_options opts = { 0 };

    ck_assert_int_eq(serve(&stage, 2, echo_lines, &opts), 0);
    ck_assert_int_eq(stage.code, -EBUSY);
}
END_TEST

/* --- The drain, on one worker and by the test clock ----------------------- */

static int drain_client(void *arg)
{
    struct stage *stage = arg;
    char got[8] = "";
    int idle = raw_connect(stage->port), busy = raw_connect(stage->port);

    say("%d", service_echoes(idle, "idle\n"));
    raw_send(busy, "half", 4);                  /* a request has begun */
    far_settle();
    say("%d", weir_draining());
    weir_serve_stop();
    say("%zu", raw_recv(idle, got, 1));
    say("%d", weir_draining());
    weir_sleep(2 * LEAVE_SECONDS);
    say("%d", raw_connect(stage->port));        /* nobody listens any more */
    weir_sleep(DRAIN / 2);
    raw_send(busy, " done\n", 6);
    raw_recv(busy, got, 5);                     /* it got the time it needed, and then was idle */
    say("%s", got);
    raw_recv(busy, got, 8);
    say("%.0f", clock_now());
    close(idle);
    close(busy);
    return 0;
}

START_TEST(a_drain_closes_idle_connections_and_gives_the_others_time)
{
    struct stage stage = { .client = drain_client };
    weir_serve_options opts = { 0 };

    clock_fake();
    ck_assert_int_eq(serve(&stage, 1, echo_idle, &opts), 0);
    ck_assert_str_eq(said(), "1 0 0 1 -1 half  5");
    ck_assert(!weir_draining());
}
END_TEST

static double served_until;

static int stuck_client(void *arg)
{
    struct stage *stage = arg;
    int fd = raw_connect(stage->port);

    say("%d", service_echoes(fd, "hello\n"));   /* echo_lines is never idle */
    weir_serve_stop();
    weir_sleep(DRAIN - 1);
    say("%d", service_echoes(fd, "still\n"));
    int code = weir_sleep(1000);                /* cut short: the drain is over, and with it the run */
    say("%s", code_name(code));
    served_until = clock_now();
    close(fd);
    return 0;
}

START_TEST(a_drain_ends_after_its_time)
{
    struct stage stage = { .client = stuck_client };
    weir_serve_options opts = { 0 };

    clock_fake();
    ck_assert_int_eq(serve(&stage, 1, echo_lines, &opts), 0);
    ck_assert_str_eq(said(), "1 1 ECANCELED");
    ck_assert_double_eq_tol(served_until, DRAIN, 0.01);
}
END_TEST

static int impatient_client(void *arg)
{
    struct stage *stage = arg;
    int fd = raw_connect(stage->port);

    say("%d", service_echoes(fd, "hello\n"));
    weir_serve_stop();
    weir_sleep(1);
    weir_serve_stop();
    say("%s", code_name(weir_sleep(1000)));
    served_until = clock_now();
    close(fd);
    return 0;
}

START_TEST(a_second_stop_ends_the_drain_at_once)
{
    struct stage stage = { .client = impatient_client };
    weir_serve_options opts = { 0 };

    clock_fake();
    ck_assert_int_eq(serve(&stage, 1, echo_lines, &opts), 0);
    ck_assert_str_eq(said(), "1 ECANCELED");
    ck_assert_double_eq_tol(served_until, 1, 0.01);
}
END_TEST

/* --- Signals -------------------------------------------------------------- */

static const int signals[] = { SIGTERM, SIGINT };
static int signal_sent;

static int signalling_client(void *arg)
{
    struct stage *stage = arg;
    char got[8];
    int fd = raw_connect(stage->port);

    say("%d", service_echoes(fd, "hello\n"));
    raise(signal_sent);
    say("%zu", raw_recv(fd, got, 1));
    close(fd);
    return 0;
}

static int caught;

static void catch (int sig)
{
    caught += sig;
}

START_TEST(a_signal_begins_the_drain_and_its_action_comes_back)
{
    struct stage stage = { .client = signalling_client };
    weir_serve_options opts = { 0 };

    signal_sent = signals[_i];
    signal(signal_sent, catch);
    ck_assert_int_eq(serve(&stage, 1, echo_idle, &opts), 0);
    ck_assert_str_eq(said(), "1 0");
    ck_assert_int_eq(caught, 0);
    raise(signal_sent);
    ck_assert_int_eq(caught, signal_sent);
}
END_TEST

static int twice_signalling_client(void *arg)
{
    struct stage *stage = arg;
    int fd = raw_connect(stage->port);

    say("%d", service_echoes(fd, "hello\n"));
    raise(SIGTERM);
    far_settle();
    raise(SIGTERM);
    say("%s", code_name(weir_sleep(1000)));
    close(fd);
    return 0;
}

START_TEST(a_second_signal_stops_at_once)
{
    struct stage stage = { .client = twice_signalling_client };
    weir_serve_options opts = { .drain_timeout = 900 };

    clock_fake();
    ck_assert_int_eq(serve(&stage, 1, echo_lines, &opts), 0);
    ck_assert_str_eq(said(), "1 ECANCELED");
}
END_TEST

/* --- What is refused ------------------------------------------------------ */

static int serve_in_a_loop(void *arg)
{
    (void)arg;
    return weir_serve(echo_lines, NULL, "127.0.0.1", 0, NULL);
}

START_TEST(a_server_that_cannot_serve_says_why)
{
    weir_serve_options negative = { .drain_timeout = -1 };
    int before = open_descriptors();
    int taken = raw_listen();
    int one = 1;

    weir_serve_stop();                          /* nothing serves: nothing happens */
    ck_assert_int_eq(weir_run(serve_in_a_loop, NULL), -EBUSY);
    ck_assert_int_eq(weir_serve(echo_lines, NULL, "127.0.0.1", 0, &negative), -EINVAL);
    ck_assert_int_eq(weir_serve(echo_lines, NULL, NULL, 0, NULL), -EINVAL);
    ck_assert_int_eq(weir_serve(echo_lines, NULL, "127.0.0.1", (uint16_t)raw_port(taken), NULL), -EADDRINUSE);
    ck_assert_ptr_nonnull(strstr(weir_error_detail(), "127.0.0.1"));

    /* Workers share a port by SO_REUSEPORT; another process of this user must not slip in by it. */
    setsockopt(taken, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    ck_assert_int_eq(weir_serve(echo_lines, NULL, "127.0.0.1", (uint16_t)raw_port(taken), NULL), -EADDRINUSE);
    close(taken);
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

Suite *suite(void)
{
    Suite *serving = suite_create("streams/serve");

    TCase *workers = tcase_create("workers");
    tcase_add_loop_test(workers, all_workers_serve_one_port_and_drain_together, 1, 4);
    tcase_add_loop_test(workers, a_worker_that_cannot_start_ends_everything, 1, 4);
    tcase_add_loop_test(workers, a_start_that_ignores_its_cancel_does_not_hang_the_others, 1, 4);
    tcase_add_test(workers, a_process_serves_once_at_a_time);
    suite_add_tcase(serving, workers);

    TCase *drain = tcase_create("drain");
    tcase_add_test(drain, a_drain_closes_idle_connections_and_gives_the_others_time);
    tcase_add_test(drain, a_drain_ends_after_its_time);
    tcase_add_test(drain, a_second_stop_ends_the_drain_at_once);
    suite_add_tcase(serving, drain);

    TCase *signalling = tcase_create("signals");
    tcase_add_loop_test(signalling, a_signal_begins_the_drain_and_its_action_comes_back, 0, 2);
    tcase_add_test(signalling, a_second_signal_stops_at_once);
    tcase_add_test(signalling, a_server_that_cannot_serve_says_why);
    suite_add_tcase(serving, signalling);
    return serving;
}
