/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_create_unix.c  What net/create.c promises for Unix sockets: connections and servers with protocols of the
 * user's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/run.h>

#include "core/sys_fault.h"
#include "lib/net_dealing.h"
#include "lib/net_unix.h"
#include "lib/suite.h"

struct scene {
    struct net_service service;
    struct net_log log;         /* the client's */
    weir_connect_options opts;
    weir_server_options server_opts;
    weir_transport *transport;
    char path[108];
    char names[4][WEIR_ADDRESS_MAX];    /* own and peer's of the client, own and peer's of the server's end */
    struct ucred credentials[2];        /* of whom the client talks to, and of the client */
    int  code, later, refuse;
    int  passes;
    bool cancelled;
    long got[6];
};

static int factory(void *arg, const weir_protocol **protocol, void **self)
{
    struct scene *s = arg;

    return s->refuse < 0 ? s->refuse : net_log_factory(&s->log, protocol, self);
}

static int serve(struct scene *s)
{
    return weir_loop_create_unix_server(weir_get_running_loop(), net_service_factory, &s->service, s->path, &s->server_opts,
                                        &s->service.server);
}

static int connect_to(struct scene *s)
{
    return weir_loop_create_unix_connection(weir_get_running_loop(), factory, s, s->path, &s->opts, &s->transport);
}

static void note_names(struct scene *s, const weir_transport *t, int which)
{
    const weir_address *own = weir_transport_get_extra_info(t, "sockname"), *peer = weir_transport_get_extra_info(t, "peername");
    const struct ucred *credentials = weir_transport_get_extra_info(t, "peercred");

    if (own != NULL)
        weir_address_format(own, s->names[2 * which], WEIR_ADDRESS_MAX);
    if (peer != NULL)
        weir_address_format(peer, s->names[2 * which + 1], WEIR_ADDRESS_MAX);
    if (credentials != NULL)
        s->credentials[which] = *credentials;
}

static int talk(void *arg)
{
    struct scene *s = arg;

    s->service.echo = true;
    s->code = serve(s);
    if (s->code == 0)
        s->code = connect_to(s);
    if (s->code == 0) {
        s->got[0] = (long)s->log.made;          /* connection_made came before the return (BT-1) */
        s->got[1] = s->transport == s->log.transport;
        NET_UNTIL(atomic_load(&s->service.made) == 1 || s->log.lost);
        if (!s->log.lost) {                     /* the server may have had no memory for it */
            note_names(s, s->transport, 0);
            note_names(s, s->service.log[0].transport, 1);
            weir_transport_write(s->transport, "hello", 5);
            s->got[2] = weir_transport_can_write_eof(s->transport);
        }
        NET_UNTIL(s->log.len == 5 || s->log.lost);
        if (!s->log.lost)
            weir_transport_close(s->transport);
        NET_UNTIL(s->log.lost && atomic_load(&s->service.lost) == atomic_load(&s->service.made));
    }
    weir_server_free(s->service.server);
    return 0;
}

static void take_a_path(struct scene *s, int way)
{
    if (way == 0)
        snprintf(s->path, sizeof s->path, "%s", net_unix_path("s"));
    else
        snprintf(s->path, sizeof s->path, "@weir-create-%d", (int)getpid());
}

START_TEST(two_protocols_talk_over_a_unix_socket)       /* SV-15, OC-11, BT-1, C81 */
{
    struct scene s = { 0 };
    int before = net_open_descriptors();

    take_a_path(&s, _i);
    ck_assert_int_eq(weir_run(talk, &s), 0);
    ck_assert_int_eq(s.code, 0);
    ck_assert_int_eq(s.got[0], 1);
    ck_assert_int_eq(s.got[1], 1);
    ck_assert_int_eq(s.got[2], 1);
    ck_assert_str_eq(s.log.text, "CM DR(hello) CL(0)");
    ck_assert_str_eq(s.service.log[0].text, "CM DR(hello) ER CL(0)");
    net_check_descriptors(before);
    net_log_fini(&s.log);
    net_service_fini(&s.service);
}
END_TEST

START_TEST(both_ends_know_names_and_credentials)        /* BT-18 */
{
    struct scene s = { 0 };
    char expected[WEIR_ADDRESS_MAX];

    take_a_path(&s, _i);
    ck_assert_int_eq(weir_run(talk, &s), 0);
    snprintf(expected, sizeof expected, "unix:%s", s.path);
    ck_assert_str_eq(s.names[0], "unix:");      /* a client has no name of its own */
    ck_assert_str_eq(s.names[1], expected);
    ck_assert_str_eq(s.names[2], expected);
    ck_assert_str_eq(s.names[3], "unix:");
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(s.credentials[i].pid, getpid());
        ck_assert_uint_eq(s.credentials[i].uid, geteuid());
        ck_assert_uint_eq(s.credentials[i].gid, getegid());
    }
    net_log_fini(&s.log);
    net_service_fini(&s.service);
}
END_TEST

/* --- Refused ------------------------------------------------------------------------------ */

static int be_refused(void *arg)
{
    struct scene *s = arg;
    weir_loop *loop = weir_get_running_loop();
    int fds[2];

    s->got[0] = connect_to(s);                  /* nobody is there */
    s->got[1] = weir_loop_create_unix_connection(loop, factory, s, NULL, NULL, &s->transport);
    s->got[2] = weir_loop_create_unix_server(loop, net_service_factory, &s->service, NULL, NULL, &s->service.server);
    s->got[3] = weir_loop_create_unix_server(loop, net_service_factory, &s->service, "/nowhere/s", NULL, &s->service.server);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    s->opts.sock = &fds[0];
    s->got[4] = connect_to(s);                  /* a path too: it stays the caller's */
    s->got[5] = fcntl(fds[0], F_GETFD) >= 0;
    s->refuse = -EACCES;
    s->code = weir_loop_create_unix_connection(loop, factory, s, NULL, &s->opts, &s->transport);
    s->later = fcntl(fds[0], F_GETFD) >= 0;     /* ours by then, and closed */
    close(fds[1]);
    return 0;
}

START_TEST(what_is_refused_calls_nothing)       /* PR-1, OC-11, SV-15, C81 */
{
    struct scene s = { 0 };
    int before = net_open_descriptors();

    take_a_path(&s, 0);
    ck_assert_int_eq(weir_run(be_refused, &s), 0);
    ck_assert_int_eq(s.got[0], -ENOENT);
    ck_assert_int_eq(s.got[1], -EINVAL);
    ck_assert_int_eq(s.got[2], -EINVAL);
    ck_assert_int_eq(s.got[3], -ENOENT);
    ck_assert_int_eq(s.got[4], -EINVAL);
    ck_assert_int_eq(s.got[5], 1);
    ck_assert_int_eq(s.code, -EACCES);
    ck_assert_int_eq(s.later, 0);
    ck_assert_ptr_null(s.transport);
    ck_assert_ptr_null(s.service.server);
    ck_assert_str_eq(s.log.text, "");
    net_check_descriptors(before);
}
END_TEST

/* --- Cut short, and failing ------------------------------------------------------------------ */

static int connect_in_a_task(void *arg)
{
    struct scene *s = arg;

    s->code = connect_to(s);
    s->later = weir_yield();                    /* a cancel that the connect did not return is met here */
    if (s->code == 0 && !s->log.lost)
        weir_transport_abort(s->transport);
    return 0;
}

static int cancel_it(void *arg)
{
    struct scene *s = arg;

    serve(s);
    weir_task *task = weir_create_task(connect_in_a_task, s);
    for (int i = 0; i < s->passes && !weir_task_done(task); i++)
        weir_yield();
    s->cancelled = weir_task_cancel(task);
    weir_task_join(task);
    weir_task_unref(task);
    NET_UNTIL(s->log.made == s->log.lost);
    weir_server_free(s->service.server);
    return 0;
}

START_TEST(cancelling_at_any_pass_is_met_once_and_leaves_nothing)       /* OC-10 */
{
    struct scene s = { .passes = _i, .code = -ECANCELED };
    int before = net_open_descriptors();

    take_a_path(&s, 0);
    ck_assert_int_eq(weir_run(cancel_it, &s), 0);
    if (_i > 0 && s.cancelled)
        ck_assert_msg((s.code == -ECANCELED) + (s.later == -ECANCELED) == 1, "connect %d, then %d", s.code, s.later);
    ck_assert_str_eq(s.log.text, s.code == 0 ? "CM CL(0)" : "");
    net_check_descriptors(before);
    net_service_fini(&s.service);
}
END_TEST

START_TEST(whatever_call_fails_a_whole_life_ends_in_order)      /* faults 2, 3, 26, 36 */
{
    uint64_t failed, n = 0;

    do {
        struct scene s = { 0 };
        int before = net_open_descriptors();
        take_a_path(&s, 0);
        weir__fault_begin(&(struct fault_plan) { .fail_at = ++n, .only = ~(1ULL << SYS_WRITE | 1ULL << SYS_READ | 1ULL << SYS_UNLINK
                                                                          | 1ULL << SYS_RECV | 1ULL << SYS_SEND
                                                                          | 1ULL << SYS_ACCEPT | 1ULL << SYS_GETPEERNAME) });
        int code = weir_run(talk, &s);
        failed = weir__fault_end();
        net_check_descriptors(before);
        ck_assert_uint_eq(s.log.made, s.log.lost);
        if (failed == 0) {
            ck_assert_int_eq(code < 0 ? code : s.code, 0);
            ck_assert_uint_eq(s.log.len, 5);
        }
        unlink(s.path);                         /* of a server that could not note what it had bound */
        net_log_fini(&s.log);
        net_service_fini(&s.service);
    } while (failed > 0);
    ck_assert_uint_gt(n, 20);
}
END_TEST

/* --- All workers ------------------------------------------------------------------------------ */

static int deal_out(void *arg)
{
    struct dealing *d = arg;

    if (weir_worker_index() > 0) {
        dealing_wait_for_step(d, 9);
        return 0;
    }
    const char *path = net_unix_path("s");
    ck_assert_int_eq(weir_loop_create_unix_server(weir_get_running_loop(), net_service_factory, &d->service, path, &d->opts,
                                                  &d->service.server), 0);
    dealing_stall_after(d, FOREVER);
    d->got[0] = (long)weir_server_sockets(d->service.server, NULL, 0);
    for (int i = 0; i < 12; i++)
        d->fds[i] = net_unix_connect(path);
    UNTIL(atomic_load(&d->service.made) == 12);
    for (int i = 0; i < 12; i++)
        d->got[1] += dealing_echoes(d->fds[i]);
    dealing_hang_up(d, 0, 12);
    dealing_end(d);
    return 0;
}

/* A Unix socket is one for all workers, and needs no option for that. */
START_TEST(accepted_descriptors_are_dealt_out)
{
    struct dealing d = { 0 };
    int before = net_open_descriptors();

    dealing_init(&d, (unsigned)_i);
    d.opts.balance = WEIR_BALANCE_REUSEPORT;
    ck_assert_int_eq(weir_run_workers(d.workers, deal_out, &d), 0);
    ck_assert_int_eq(d.got[0], 1);
    ck_assert_int_eq(d.got[1], 12);
    for (unsigned i = 0; i < d.workers; i++)
        ck_assert_int_eq(dealing_served_by(&d, i), 12 / _i);
    ck_assert_int_eq(d.got[9], 0);
    net_check_descriptors(before);
    dealing_fini(&d);
}
END_TEST

Suite *suite(void)
{
    Suite *create = suite_create("net/create_unix");

    TCase *talking = tcase_create("talking");
    tcase_add_checked_fixture(talking, net_unix_folder, net_unix_remove_folder);
    tcase_add_loop_test(talking, two_protocols_talk_over_a_unix_socket, 0, 2);
    tcase_add_loop_test(talking, both_ends_know_names_and_credentials, 0, 2);
    tcase_add_test(talking, what_is_refused_calls_nothing);
    suite_add_tcase(create, talking);

    TCase *failures = tcase_create("failures");
    tcase_add_checked_fixture(failures, net_unix_folder, net_unix_remove_folder);
    tcase_add_loop_test(failures, cancelling_at_any_pass_is_met_once_and_leaves_nothing, 0, 8);
    tcase_add_test(failures, whatever_call_fails_a_whole_life_ends_in_order);
    suite_add_tcase(create, failures);

    TCase *workers = tcase_create("workers");
    tcase_add_checked_fixture(workers, net_unix_folder, net_unix_remove_folder);
    tcase_add_loop_test(workers, accepted_descriptors_are_dealt_out, 1, 5);
    suite_add_tcase(create, workers);
    return create;
}
