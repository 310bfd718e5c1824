/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_serve_plan.c  What weir__serve promises beyond weir_serve: several services, sockets that were bound
 * before, and whether the drain was cut short.
 */
#include "streams/serve.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/stream_service.h"
#include "lib/suite.h"
#include "net/address.h"

#define WORKERS 2

/* What an abandoned task's connection has is lost with it: that is what being abandoned means. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:names_of\n";
}

struct stage {
    struct serve_plan plan;
    struct serve_service services[2];
    struct listen_set sockets;  /* of the first service */
    int ports[2];
    pthread_t client;
    void (*visit)(struct stage *stage);
    atomic_int starts, stops, ready;
    char got[2];                /* what each service answered */
};

/* Which service it is; then waits for the peer to leave. */
static int answer(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_bytes all;

    weir_writer_write(writer, arg, 1);
    int code = weir_writer_drain(writer);
    return code < 0 ? code : weir_result(weir_reader_read(reader, WEIR_READ_ALL, &all));
}

static int start(void *arg, unsigned worker)
{
    struct stage *stage = arg;

    stage->starts += 1 << (8 * worker);
    return 0;
}

static void stop(void *arg, unsigned worker)
{
    struct stage *stage = arg;

    stage->stops += 1 << (8 * worker);
}

static void *client_thread(void *arg)
{
    struct stage *stage = arg;

    stage->visit(stage);
    return NULL;
}

static void on_ready(void *arg)
{
    struct stage *stage = arg;

    stage->ready++;
    for (int i = 0; i < 2; i++) {
        int fd;
        weir_server_sockets(stage->services[i].server, &fd, 1);
        stage->ports[i] = raw_port(fd);
    }
    pthread_create(&stage->client, NULL, client_thread, stage);
}

static struct listen_set bind_loopback(void)
{
    struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct address_list list = { 0 };
    struct listen_set set = { 0 };
    weir_server_options opts = { 0 };

    ck_assert_int_eq(weir__address_list_add(&list, (void *)&any, sizeof any), 0);
    ck_assert_int_eq(weir__listen_bind(&list, WORKERS, &opts, &set), 0);
    weir__address_list_fini(&list);
    return set;
}

static void prepare(struct stage *stage, void (*visit)(struct stage *))
{
    *stage = (struct stage) { .visit = visit, .sockets = bind_loopback() };
    stage->services[0] = (struct serve_service) { .serving = { .cb = answer, .arg = "a" }, .sockets = &stage->sockets };
    stage->services[1] = (struct serve_service) { .serving = { .cb = answer, .arg = "b" }, .host = "127.0.0.1" };
    stage->plan = (struct serve_plan) {
        .workers = WORKERS, .services = stage->services, .service_count = 2, .worker_start = start, .worker_stop = stop,
        .on_ready = on_ready, .arg = stage,
    };
}

static void visit_both(struct stage *stage)
{
    int fds[2];

    for (int i = 0; i < 2; i++) {
        fds[i] = raw_connect(stage->ports[i]);
        if (recv(fds[i], &stage->got[i], 1, MSG_WAITALL) != 1)
            stage->got[i] = '?';
    }
    weir_serve_stop();
    close(fds[0]);
    close(fds[1]);
}

START_TEST(services_run_side_by_side_and_drain_together)
{
    struct stage stage;

    prepare(&stage, visit_both);
    ck_assert_int_eq(weir__serve(&stage.plan), 0);
    pthread_join(stage.client, NULL);
    ck_assert_int_eq(stage.got[0], 'a');
    ck_assert_int_eq(stage.got[1], 'b');
    ck_assert_int_eq(stage.ready, 1);
    ck_assert_int_eq(stage.starts, 0x0101);     /* each worker once, whatever the number of services */
    ck_assert_int_eq(stage.stops, 0x0101);
    ck_assert(!stage.plan.cut_short);
    ck_assert_ptr_null(stage.services[0].server);
    ck_assert_ptr_null(stage.sockets.fds);      /* taken over */
}
END_TEST

static void visit_and_stay(struct stage *stage)
{
    char end;
    int fd = raw_connect(stage->ports[1]);

    (void)!recv(fd, &stage->got[1], 1, MSG_WAITALL);
    weir_serve_stop();
    weir_serve_stop();
    (void)!recv(fd, &end, 1, 0);                /* a reset, or the end: we were cut off, and did not leave */
    close(fd);
}

START_TEST(a_second_stop_says_that_it_cut_the_drain_short)
{
    struct stage stage;

    prepare(&stage, visit_and_stay);
    ck_assert_int_eq(weir__serve(&stage.plan), 0);
    pthread_join(stage.client, NULL);
    ck_assert_int_eq(stage.got[1], 'b');
    ck_assert(stage.plan.cut_short);
}
END_TEST

/* Whoever can't serve all of it serves none of it: nobody is accepted by the first service meanwhile. */
START_TEST(nothing_listens_when_one_service_cannot_bind)
{
    struct stage stage;
    struct listen_set taken = bind_loopback();
    int port = raw_port(taken.fds[0]);

    ck_assert_int_eq(listen(taken.fds[0], 1), 0);
    prepare(&stage, visit_both);
    stage.services[1].port = (uint16_t)port;
    int watched = dup(stage.sockets.fds[0]);    /* the same socket: its state can be asked for afterwards */
    ck_assert_int_eq(weir__serve(&stage.plan), -EADDRINUSE);
    ck_assert_ptr_nonnull(strstr(weir_error_detail(), "127.0.0.1"));

    int listening = -1;
    ck_assert_int_eq(getsockopt(watched, SOL_SOCKET, SO_ACCEPTCONN, &listening, &(socklen_t) { sizeof listening }), 0);
    ck_assert_int_eq(listening, 0);
    ck_assert_int_eq(stage.ready, 0);
    ck_assert_int_eq(stage.starts, 0x0101);
    ck_assert_int_eq(stage.stops, 0x0101);
    ck_assert_ptr_null(stage.services[0].server);
    close(watched);
    weir__listen_set_fini(&taken);
}
END_TEST

/* --- Handlers that do not end --------------------------------------------- */

static char abandoned[1024];    /* the log's lines about them */
static pthread_mutex_t abandoned_lock = PTHREAD_MUTEX_INITIALIZER;

static void note_abandoned(int level, const char *message, void *arg)
{
    (void)level, (void)arg;
    if (strstr(message, "task abandoned") == NULL)
        return;
    pthread_mutex_lock(&abandoned_lock);
    size_t len = strlen(abandoned);
    snprintf(abandoned + len, sizeof abandoned - len, "%s\n", message);
    pthread_mutex_unlock(&abandoned_lock);
}

static atomic_int cancels;

/* Whatever is said to it, it sleeps on. */
static int never_end(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_writer_write(writer, arg, 1);
    weir_writer_flush(writer);
    weir_task_set_name(weir_current_task(), "stubborn");
    for (;;) {
        if (weir_sleep(3600) == -ECANCELED)
            atomic_fetch_add(&cancels, 1);
    }
    return (int)weir_reader_buffered(reader);
}

static void visit_and_leave(struct stage *stage)
{
    int fd = raw_connect(stage->ports[0]);

    (void)!recv(fd, &stage->got[0], 1, MSG_WAITALL);
    weir_serve_stop();
    close(fd);
}

/* The last sentence: it delays the end until the limit, and the log names it. */
START_TEST(a_handler_that_ignores_its_cancel_is_named_and_left_behind_when_the_time_is_up)
{
    struct stage stage;

    prepare(&stage, visit_and_leave);
    stage.services[0].serving.cb = never_end;
    stage.plan.drain_timeout = 0.05;
    stage.plan.grace = 0.05;
    weir_set_log(note_abandoned, NULL, 0);
    ck_assert_int_eq(weir__serve(&stage.plan), 0);
    weir_set_log(NULL, NULL, 0);
    pthread_join(stage.client, NULL);
    ck_assert_int_eq(stage.got[0], 'a');
    ck_assert_int_eq(cancels, 1);
    ck_assert_uint_eq(stage.plan.abandoned, 1);
    ck_assert_ptr_nonnull(strstr(abandoned, "task=\"stubborn\" handler=test_serve_plan+0x"));
    ck_assert_ptr_nonnull(strstr(abandoned, " waits_for=sleep seconds="));
    ck_assert_ptr_nonnull(strstr(abandoned, " peer=127.0.0.1:"));
    ck_assert_int_eq(stage.stops == 0x0100 || stage.stops == 0x0001, 1);    /* its own worker's state is not freed under it */
}
END_TEST

static void visit_and_stop_twice(struct stage *stage)
{
    int fd = raw_connect(stage->ports[0]);

    (void)!recv(fd, &stage->got[0], 1, MSG_WAITALL);
    raw_reset(fd);
    weir_serve_stop();
    while (atomic_load(&cancels) == 0)          /* the connection is gone, and the task has been told */
        usleep(100);
    weir_serve_stop();
}

/* With an hour to end in, only the second stop ends it. */
START_TEST(a_second_stop_does_not_leave_the_tasks_their_time)
{
    struct stage stage;

    prepare(&stage, visit_and_stop_twice);
    stage.services[0].serving.cb = never_end;
    stage.plan.drain_timeout = 3600;
    stage.plan.grace = 0.05;
    ck_assert_int_eq(weir__serve(&stage.plan), 0);
    pthread_join(stage.client, NULL);
    ck_assert_uint_eq(stage.plan.abandoned, 1);
}
END_TEST

/* It ends, late, and in time: nothing is lost. */
static int clean_up(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_bytes all;

    weir_writer_write(writer, arg, 1);
    weir_writer_flush(writer);
    (void)!weir_reader_read(reader, WEIR_READ_ALL, &all);
    weir_writer_close(writer);
    while (atomic_load(&cancels) == 0) {
        if (weir_sleep(3600) == -ECANCELED)
            atomic_fetch_add(&cancels, 1);
    }
    for (int i = 0; i < 20; i++)
        (void)weir_sleep(0.001);
    return 0;
}

START_TEST(a_handler_that_takes_its_time_to_clean_up_has_it)
{
    struct stage stage;

    prepare(&stage, visit_and_leave);
    stage.services[0].serving.cb = clean_up;
    stage.plan.drain_timeout = 3600;
    ck_assert_int_eq(weir__serve(&stage.plan), 0);
    pthread_join(stage.client, NULL);
    ck_assert_int_eq(cancels, 1);
    ck_assert_uint_eq(stage.plan.abandoned, 0);
    ck_assert_int_eq(stage.stops, 0x0101);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("streams/serve_plan");
    TCase *plan = tcase_create("plan");

    tcase_add_test(plan, services_run_side_by_side_and_drain_together);
    tcase_add_test(plan, a_second_stop_says_that_it_cut_the_drain_short);
    tcase_add_test(plan, nothing_listens_when_one_service_cannot_bind);
    suite_add_tcase(s, plan);

    TCase *stubborn = tcase_create("stubborn");
    tcase_add_test(stubborn, a_handler_that_ignores_its_cancel_is_named_and_left_behind_when_the_time_is_up);
    tcase_add_test(stubborn, a_second_stop_does_not_leave_the_tasks_their_time);
    tcase_add_test(stubborn, a_handler_that_takes_its_time_to_clean_up_has_it);
    suite_add_tcase(s, stubborn);
    return s;
}
