/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_create.c  What net/create.c promises: connections and servers with protocols of the user's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/run.h>

#include "core/sys_fault.h"
#include "lib/clock.h"
#include "lib/net_service.h"
#include "lib/suite.h"

struct scene {
    struct net_service service;
    struct net_log log;         /* the client's */
    weir_connect_options opts;
    weir_transport *transport;
    uint16_t port;
    int  code, later, refuse;
    bool refused;               /* the factory says no */
    long got[6];
    int  passes;
};

static int factory(void *arg, const weir_protocol **protocol, void **self)
{
    struct scene *s = arg;

    return s->refuse < 0 ? s->refuse : net_log_factory(&s->log, protocol, self);
}

static int connect_to(struct scene *s, const char *host, uint16_t port)
{
    return weir_loop_create_connection(weir_get_running_loop(), factory, s, host, port, &s->opts, &s->transport);
}

/* --- Connections -------------------------------------------------------------------- */

static int talk(void *arg)
{
    struct scene *s = arg;

    s->service.echo = true;
    net_service_start(&s->service, NULL);
    s->code = connect_to(s, "127.0.0.1", net_service_port(s->service.server));
    s->got[0] = (long)s->log.made;              /* connection_made came before the return (BT-1) */
    s->got[1] = s->transport == s->log.transport;
    weir_transport_write(s->transport, "hello", 5);
    NET_UNTIL(s->log.len == 5);
    weir_transport_close(s->transport);
    NET_UNTIL(s->log.lost && atomic_load(&s->service.lost));
    weir_server_free(s->service.server);
    return 0;
}

START_TEST(a_connection_is_made_before_it_is_returned)  /* BT-1 */
{
    struct scene s = { 0 };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(talk, &s), 0);
    ck_assert_int_eq(s.code, 0);
    ck_assert_int_eq(s.got[0], 1);
    ck_assert_int_eq(s.got[1], 1);
    ck_assert_str_eq(s.log.text, "CM DR(hello) CL(0)");
    ck_assert_str_eq(s.service.log[0].text, "CM DR(hello) ER CL(0)");
    net_check_descriptors(before);
    net_log_fini(&s.log);
    net_service_fini(&s.service);
}
END_TEST

static int fail_the_factory(void *arg)
{
    struct scene *s = arg;
    uint16_t port;
    int listener = net_listen(5, &port);

    s->refuse = -EACCES;
    s->code = connect_to(s, "127.0.0.1", port);
    close(listener);
    return 0;
}

START_TEST(a_factory_that_fails_is_the_callers_failure)
{
    struct scene s = { 0 };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(fail_the_factory, &s), 0);
    ck_assert_int_eq(s.code, -EACCES);
    ck_assert_ptr_null(s.transport);
    ck_assert_str_eq(s.log.text, "");
    net_check_descriptors(before);
}
END_TEST

static int be_refused(void *arg)
{
    struct scene *s = arg;
    uint16_t port;
    int holder = net_refused_port(&port);

    s->code = connect_to(s, "127.0.0.1", port);
    close(holder);
    return 0;
}

START_TEST(a_refused_connection_calls_nothing)  /* PR-1, C84 */
{
    struct scene s = { 0 };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(be_refused, &s), 0);
    ck_assert_int_eq(s.code, -ECONNREFUSED);
    ck_assert_ptr_null(s.transport);
    ck_assert_str_eq(s.log.text, "");
    net_check_descriptors(before);
}
END_TEST

static int numbers_only(void *arg)
{
    struct scene *s = arg;
    weir_server *server = NULL;

    s->opts.flags = AI_NUMERICHOST;
    s->code = connect_to(s, "localhost", 80);
    weir_server_options opts = { .flags = AI_NUMERICHOST };
    s->got[0] = weir_loop_create_server(weir_get_running_loop(), factory, s, "localhost", 0, &opts, &server);
    weir_server_free(server);
    return 0;
}

/* With AI_NUMERICHOST a name is none, which only the resolver can say. */
START_TEST(the_flags_are_the_resolvers)
{
    struct scene s = { 0 };

    ck_assert_int_eq(weir_run(numbers_only, &s), 0);
    ck_assert_int_eq(s.code, WEIR_ERESOLVE);
    ck_assert_int_eq(s.got[0], WEIR_ERESOLVE);
}
END_TEST

static int hand_over(void *arg)
{
    struct scene *s = arg;
    int fds[2];
    char text[8];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    s->opts.sock = &fds[0];
    s->code = connect_to(s, NULL, 0);
    weir_transport_write(s->transport, "hi", 2);
    weir_yield();
    s->got[0] = recv(fds[1], text, sizeof text, MSG_DONTWAIT);
    close(fds[1]);
    NET_UNTIL(s->log.lost);
    s->got[1] = fcntl(fds[0], F_GETFD) < 0;
    return 0;
}

START_TEST(a_socket_of_the_callers_becomes_a_transport) /* OC-9 */
{
    struct scene s = { 0 };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(hand_over, &s), 0);
    ck_assert_int_eq(s.code, 0);
    ck_assert_int_eq(s.got[0], 2);
    ck_assert_int_eq(s.got[1], 1);
    ck_assert_str_eq(s.log.text, "CM ER CL(0)");
    net_check_descriptors(before);
}
END_TEST

static int bound_the_output(void *arg)
{
    struct scene *s = arg;
    uint16_t port;
    int listener = net_listen(5, &port);
    unsigned char *bytes = net_pattern_new((size_t)8 << 20);

    s->opts.max_write_buffer = 1000;
    s->code = connect_to(s, "127.0.0.1", port);
    weir_transport_write(s->transport, bytes, (size_t)8 << 20);
    free(bytes);
    NET_UNTIL(s->log.lost);
    close(listener);
    return 0;
}

START_TEST(the_bound_of_the_output_is_the_options)
{
    struct scene s = { 0 };

    ck_assert_int_eq(weir_run(bound_the_output, &s), 0);
    ck_assert_int_eq(s.log.code, -ENOBUFS);
}
END_TEST

/* --- Cancelling ----------------------------------------------------------------------- */

static int connect_in_a_task(void *arg)
{
    struct scene *s = arg;

    s->code = connect_to(s, "127.0.0.1", s->port);
    s->later = weir_yield();                    /* a cancel that the connect did not return is met here */
    if (s->code == 0 && !s->log.lost)
        weir_transport_abort(s->transport);
    return 0;
}

static int cancel_it(void *arg)
{
    struct scene *s = arg;
    weir_task *task = weir_create_task(connect_in_a_task, s);

    for (int i = 0; i < s->passes && !weir_task_done(task); i++)
        weir_yield();
    s->got[0] = weir_task_cancel(task);
    weir_task_join(task);
    weir_task_unref(task);
    NET_UNTIL(s->log.made == s->log.lost);
    return 0;
}

/* OC-10. However far it has come: the connection is there and the cancel is met by the next wait, or there is nothing. */
START_TEST(cancelling_at_any_pass_is_met_once_and_leaves_nothing)
{
    struct scene s = { .passes = _i, .code = -ECANCELED };
    int listener = net_listen(5, &s.port);
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(cancel_it, &s), 0);
    if (_i > 0 && s.got[0])
        ck_assert_msg((s.code == -ECANCELED) + (s.later == -ECANCELED) == 1, "connect %d, then %d", s.code, s.later);
    if (s.code == 0)
        ck_assert_str_eq(s.log.text, "CM CL(0)");
    else
        ck_assert_str_eq(s.log.text, "");
    net_check_descriptors(before);
    close(listener);
}
END_TEST

static int adopt_in_a_task(void *arg)
{
    struct scene *s = arg;

    s->code = connect_to(s, NULL, 0);
    s->later = weir_yield();
    if (s->code == 0)
        weir_transport_abort(s->transport);
    return 0;
}

static int cancel_next_to_it(void *arg)
{
    struct scene *s = arg;
    int fds[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    s->opts.sock = &fds[0];
    weir_task *task = weir_create_task(adopt_in_a_task, s);     /* first step in the next pass, behind this task's */
    weir_yield();
    if (s->passes)
        weir_yield();
    weir_task_cancel(task);                     /* in the pass in which connection_made comes, before it */
    weir_task_join(task);
    weir_task_unref(task);
    NET_UNTIL(s->log.made == s->log.lost);
    close(fds[1]);
    if (s->log.made == 0 && s->code == -ECANCELED && fcntl(fds[0], F_GETFD) >= 0)
        close(fds[0]);                          /* it never ran */
    return 0;
}

START_TEST(a_cancel_in_the_pass_of_connection_made_is_not_lost)
{
    struct scene s = { .passes = _i, .code = -ECANCELED };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(cancel_next_to_it, &s), 0);
    ck_assert_uint_eq(s.log.made, s.code == 0 ? 1 : 0);
    ck_assert_msg((s.code == -ECANCELED) + (s.later == -ECANCELED) == 1, "connect %d, then %d", s.code, s.later);
    net_check_descriptors(before);
}
END_TEST

/* --- Everything fails once ----------------------------------------------------------------- */

static int whole_life(void *arg)
{
    struct scene *s = arg;

    s->service.echo = true;
    s->code = net_service_start(&s->service, NULL);
    if (s->code < 0)
        return s->code;
    int fd = -1;
    (void)weir_server_sockets(s->service.server, &fd, 1);
    uint16_t port = net_service_port(s->service.server);
    s->code = connect_to(s, "127.0.0.1", port);
    if (s->code == 0) {
        weir_transport_write(s->transport, "ping", 4);
        for (int i = 0; i < 300 && s->log.len < 4 && !s->log.lost; i++)
            weir_sleep(0.01);                   /* fake seconds: longer than accepting rests */
        if (!s->log.lost)
            weir_transport_close(s->transport);
        for (int i = 0; i < 300 && !s->log.lost; i++)
            weir_sleep(0.01);
    }
    weir_server_close(s->service.server);
    weir_server_abort_clients(s->service.server);
    s->later = weir_server_wait_closed(s->service.server);
    weir_server_free(s->service.server);
    return 0;
}

/* Faults 2, 3, 26: every call and allocation from weir_run to its return, one after the other, and from each one on. */
START_TEST(whatever_call_fails_a_whole_life_ends_in_order)
{
    int before = net_open_descriptors();
    uint64_t failed, n = 0;

    clock_fake();
    do {
        struct scene s = { 0 };
        weir__fault_begin(&(struct fault_plan) { .fail_at = ++n, .from_then_on = _i == 1 });
        int code = weir_run(whole_life, &s);
        failed = weir__fault_end();
        ck_assert_uint_eq(s.log.made, s.log.lost);
        ck_assert_int_eq(atomic_load(&s.service.made), atomic_load(&s.service.lost));
        net_check_descriptors(before);
        if (failed == 0) {
            ck_assert_int_eq(code, 0);
            ck_assert_uint_eq(s.log.len, 4);
        }
        net_log_fini(&s.log);
        net_service_fini(&s.service);
    } while (failed > 0);
    ck_assert_uint_gt(n, 40);
}
END_TEST

/* Faults 4, 5, 6: single bytes, EAGAIN and EINTR change nothing. */
START_TEST(disturbed_calls_change_nothing)
{
    static const struct fault_plan plans[] = {
        { .cap = 1 }, { .again_every = 2 }, { .again_every = 3 }, { .cap = 1, .again_every = 2 }, { .cap = 3, .again_every = 5 },
    };
    struct scene s = { 0 };

    weir__fault_begin(&plans[_i]);
    ck_assert_int_eq(weir_run(talk, &s), 0);
    weir__fault_end();
    ck_assert_str_eq(s.log.text, "CM DR(hello) CL(0)");
    ck_assert_str_eq(s.service.log[0].text, "CM DR(hello) ER CL(0)");
    net_log_fini(&s.log);
    net_service_fini(&s.service);
}
END_TEST

Suite *suite(void)
{
    Suite *create = suite_create("net/create");

    TCase *connections = tcase_create("connections");
    tcase_add_test(connections, a_connection_is_made_before_it_is_returned);
    tcase_add_test(connections, a_factory_that_fails_is_the_callers_failure);
    tcase_add_test(connections, a_refused_connection_calls_nothing);
    tcase_add_test(connections, the_flags_are_the_resolvers);
    tcase_add_test(connections, a_socket_of_the_callers_becomes_a_transport);
    tcase_add_test(connections, the_bound_of_the_output_is_the_options);
    suite_add_tcase(create, connections);

    TCase *cancelling = tcase_create("cancelling");
    tcase_add_loop_test(cancelling, cancelling_at_any_pass_is_met_once_and_leaves_nothing, 0, 12);
    tcase_add_loop_test(cancelling, a_cancel_in_the_pass_of_connection_made_is_not_lost, 0, 2);
    suite_add_tcase(create, cancelling);

    TCase *failures = tcase_create("failures");
    tcase_add_loop_test(failures, whatever_call_fails_a_whole_life_ends_in_order, 0, 2);
    tcase_add_loop_test(failures, disturbed_calls_change_nothing, 0, 5);
    suite_add_tcase(create, failures);
    return create;
}
