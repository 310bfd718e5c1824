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
#include <string.h>
#include <unistd.h>

#include "lib/stream_service.h"
#include "lib/suite.h"
#include "net/address.h"

#define WORKERS 2

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

Suite *suite(void)
{
    Suite *s = suite_create("streams/serve_plan");
    TCase *plan = tcase_create("plan");

    tcase_add_test(plan, services_run_side_by_side_and_drain_together);
    tcase_add_test(plan, a_second_stop_says_that_it_cut_the_drain_short);
    tcase_add_test(plan, nothing_listens_when_one_service_cannot_bind);
    suite_add_tcase(s, plan);
    return s;
}
