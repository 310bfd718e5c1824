/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_server_make.c  What net/server_make.c promises: what is refused, what is bound, and that failures leave nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/run.h>

#include "core/stack.h"
#include "core/sys_fault.h"
#include "lib/net_ports.h"
#include "lib/net_resolver.h"
#include "lib/net_service.h"
#include "lib/suite.h"

struct scene {
    struct net_service service;
    weir_server_options opts;
    const char *host;
    uint16_t port;
    int code;
    char detail[256];
    size_t sockets;
    uint16_t ports[8];
    int families[8];
    long got[4];
};

static int make(void *arg)
{
    struct scene *s = arg;
    int fds[8];

    s->code = weir_loop_create_server(weir_get_running_loop(), net_service_factory, &s->service, s->host, s->port, &s->opts,
                                      &s->service.server);
    if (s->code < 0) {
        strncpy(s->detail, weir_error_detail(), sizeof s->detail - 1);
        return 0;
    }
    s->sockets = weir_server_sockets(s->service.server, fds, 8);
    for (size_t i = 0; i < s->sockets && i < 8; i++) {
        weir_address address = { .len = sizeof address.storage };
        getsockname(fds[i], (void *)&address.storage, &address.len);
        s->ports[i] = weir_address_port(&address);
        s->families[i] = address.storage.ss_family;
    }
    weir_server_free(s->service.server);
    return 0;
}

/* --- Refused ------------------------------------------------------------------------ */

static int a_tls;               /* any address will do: it is not looked at */
#define SOME_TLS ((weir_tls_context *)(void *)&a_tls)

static const struct {
    const char *host;
    uint16_t port;
    weir_server_options opts;
    int code;
} refused[] = {                 /* C72, C83, SV-2; host and port fit unless they are the matter */
    { NULL, 0, { 0 }, -EINVAL },
    { "127.0.0.1", 0, { .tls_handshake_timeout = 1 }, -EINVAL },
    { "127.0.0.1", 0, { .tls_shutdown_timeout = 1 }, -EINVAL },
    { "127.0.0.1", 0, { .tls_handshake_timeout = -1 }, -EINVAL },
    { "127.0.0.1", 0, { .tls = SOME_TLS, .tls_handshake_timeout = -1 }, -EINVAL },
    { "127.0.0.1", 0, { .tls = SOME_TLS, .tls_shutdown_timeout = -1 }, -EINVAL },
    { "127.0.0.1", 0, { .backlog = -1 }, -EINVAL },
    { "127.0.0.1", 0, { .close_timeout = -1 }, -EINVAL },
    { "127.0.0.1", 0, { .close_timeout = NAN }, -EINVAL },
    { "127.0.0.1", 0, { .idle_timeout = -1 }, -EINVAL },
    { "127.0.0.1", 0, { .idle_timeout = NAN }, -EINVAL },
    { "127.0.0.1", 0, { .limit = (size_t)-1 }, -EINVAL },
    { "127.0.0.1", 0, { .stack_size = (size_t)-1 }, -EINVAL },
    { "127.0.0.1", 0, { .balance = (enum weir_balance)2 }, -EINVAL },
    { "127.0.0.1,,127.0.0.2", 0, { 0 }, -EINVAL },
    { ",", 0, { 0 }, -EINVAL },
    { "", 0, { .family = AF_UNIX }, -EINVAL },
    { "127.0.0.1", 0, { .tls = SOME_TLS }, -ENOTSUP },
    { "127.0.0.1", 0, { .proxy_protocol = true }, -ENOTSUP },
    { NULL, 0, { .proxy_protocol = true }, -EINVAL },           /* what is wrong comes before what is not offered */
};

START_TEST(what_does_not_fit_is_refused_in_words)
{
    struct scene s = { .host = refused[_i].host, .port = refused[_i].port, .opts = refused[_i].opts };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(make, &s), 0);
    ck_assert_int_eq(s.code, refused[_i].code);
    ck_assert_str_ne(s.detail, "");
    ck_assert_ptr_null(s.service.server);
    net_check_descriptors(before);
}
END_TEST

START_TEST(a_server_needs_a_task_of_its_own_loop)
{
    weir_loop *loop = weir_loop_new();
    struct net_service service = { 0 };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_loop_create_server(loop, net_service_factory, &service, "127.0.0.1", 0, NULL, &service.server),
                     WEIR_ESTATE);
    weir_loop_close(loop);
    ck_assert_int_eq(weir_loop_create_server(loop, net_service_factory, &service, "127.0.0.1", 0, NULL, &service.server),
                     -ESHUTDOWN);
    ck_assert_ptr_null(service.server);
    net_check_descriptors(before);
    weir_loop_free(loop);
}
END_TEST

/* --- Addresses ------------------------------------------------------------------------ */

START_TEST(each_address_of_a_list_is_bound_once)        /* C72, SV-3 */
{
    static const struct {
        const char *hosts;
        size_t sockets;
    } lists[] = {
        { "127.0.0.1", 1 }, { "127.0.0.1,127.0.0.1", 1 }, { "127.0.0.1, 127.0.0.2", 2 }, { " 127.0.0.1 ,two.test ", 2 },
        { "two.test,two.test", 2 },
    };
    struct scene s = { .host = lists[_i].hosts };

    net_resolver_answer("127.0.0.3 127.0.0.1");
    ck_assert_int_eq(weir_run(make, &s), 0);
    ck_assert_int_eq(s.code, 0);
    ck_assert_uint_eq(s.sockets, lists[_i].sockets);
    for (size_t i = 0; i < s.sockets; i++)
        ck_assert_uint_gt(s.ports[i], 0);
}
END_TEST

START_TEST(no_host_is_every_interface)          /* C72, SV-3 */
{
    struct scene s = { .host = "", .opts.family = _i == 1 ? AF_INET : AF_UNSPEC };
    bool both = _i == 0 && net_has_ipv6("every interface of IPv6");

    ck_assert_int_eq(weir_run(make, &s), 0);
    ck_assert_int_eq(s.code, 0);
    if (both || _i == 1)
        ck_assert_uint_eq(s.sockets, both ? 2 : 1);
    ck_assert_int_eq(s.families[0], AF_INET);
    if (both)
        ck_assert_int_eq(s.families[1], AF_INET6);
}
END_TEST

START_TEST(a_name_that_is_not_resolved_binds_nothing)
{
    struct scene s = { .host = "127.0.0.1,nobody.test" };
    int before = net_open_descriptors();

    net_resolver_answer(NULL);
    ck_assert_int_eq(weir_run(make, &s), 0);
    ck_assert_int_eq(s.code, WEIR_ERESOLVE);
    ck_assert_ptr_nonnull(strstr(s.detail, "nobody.test"));
    net_check_descriptors(before);
}
END_TEST

START_TEST(a_port_in_use_is_named)      /* C73 */
{
    struct scene s = { .host = "127.0.0.2,127.0.0.1" };
    char text[64];
    int fd = net_listen(5, &s.port);
    int before = net_open_descriptors();

    snprintf(text, sizeof text, "127.0.0.1:%u", s.port);
    ck_assert_int_eq(weir_run(make, &s), 0);
    ck_assert_int_eq(s.code, -EADDRINUSE);
    ck_assert_ptr_nonnull(strstr(s.detail, text));
    net_check_descriptors(before);
    close(fd);
}
END_TEST

/* --- A socket of the caller's ----------------------------------------------------------- */

static int make_on_sock(void *arg)
{
    struct scene *s = arg;
    uint16_t port;
    int fd = net_listen(5, &port);

    s->opts.sock = &fd;
    s->code = net_service_start(&s->service, &s->opts);
    s->got[0] = s->code;                        /* with a host: refused, and the socket is still the caller's */
    s->got[1] = fcntl(fd, F_GETFD) >= 0;
    s->code = weir_loop_create_server(weir_get_running_loop(), net_service_factory, &s->service, NULL, 0, &s->opts,
                                      &s->service.server);
    if (s->code == 0) {
        s->got[2] = net_service_port(s->service.server) == port;
        int client = net_service_call(&s->service, port);
        close(client);
        weir_server_free(s->service.server);
    }
    s->got[3] = fcntl(fd, F_GETFD) < 0;
    return 0;
}

START_TEST(a_socket_may_be_handed_over)         /* SV-1 */
{
    struct scene s = { 0 };

    ck_assert_int_eq(weir_run(make_on_sock, &s), 0);
    ck_assert_int_eq(s.got[0], -EINVAL);
    ck_assert_int_eq(s.got[1], 1);
    ck_assert_int_eq(s.code, 0);
    ck_assert_int_eq(s.got[2], 1);
    ck_assert_int_eq(s.got[3], 1);
    net_service_fini(&s.service);
}
END_TEST

START_TEST(what_is_no_stream_socket_is_refused_and_stays_the_callers)   /* SV-2, C83 */
{
    int fds[2] = { -1, -1 };
    struct scene s = { .opts.sock = &fds[0] };

    if (_i == 0)
        fds[0] = socket(AF_INET, SOCK_DGRAM, 0);
    else if (_i == 1)
        ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(weir_run(make, &s), 0);
    ck_assert_int_eq(s.code, -EINVAL);
    ck_assert_int_eq(fds[0] < 0 || fcntl(fds[0], F_GETFD) >= 0, 1);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

/* Once it is ours, a failure closes it; and no descriptor is closed that is not ours. Fault 26. */
START_TEST(whatever_call_fails_the_socket_is_closed_once_or_given_back)
{
    uint64_t failed, n = 0;

    do {
        struct scene s = { 0 };
        uint16_t port;
        int fd = net_listen(5, &port);
        int before = net_open_descriptors();
        s.opts.sock = &fd;
        weir__fault_begin(&(struct fault_plan) { .fail_at = ++n });
        int code = weir_run(make, &s);
        failed = weir__fault_end();
        if (code < 0 || s.code == -EINVAL) {    /* the run itself could not begin, or it was refused: it is the caller's */
            net_check_descriptors(before);
            close(fd);
        } else {
            net_check_descriptors(before - 1);
        }
        net_service_fini(&s.service);
    } while (failed > 0);
    ck_assert_uint_gt(n, 10);
}
END_TEST

/* --- Failures on the way ------------------------------------------------------------------ */

START_TEST(whatever_call_fails_nothing_stays_open)      /* C73, faults 2, 3, 26 */
{
    int before = net_open_descriptors();
    uint64_t failed, n = 0;

    do {
        struct scene s = { .host = "127.0.0.1,127.0.0.2", .opts.keep_alive = true };
        weir__fault_begin(&(struct fault_plan) { .fail_at = ++n, .from_then_on = _i == 1 });
        int code = weir_run(make, &s);
        failed = weir__fault_end();
        if (failed == 0)
            ck_assert_int_eq(code < 0 ? code : s.code, 0);
        net_check_descriptors(before);
    } while (failed > 0);
    ck_assert_uint_gt(n, 20);
}
END_TEST

static atomic_int made_it;

static int make_for_all(void *arg)
{
    struct scene *s = arg;

    if (weir_worker_index() == 0) {
        s->opts.all_workers = true;
        make(s);
        atomic_store(&made_it, 1);
    }
    while (atomic_load(&made_it) == 0 && weir_yield() == 0)     /* cancelled, if worker 0 could not begin */
        ;
    return 0;
}

START_TEST(whatever_call_fails_for_several_workers_nothing_stays_open)
{
    int before = net_open_descriptors();
    uint64_t failed, n = 0;

    do {
        struct scene s = { .host = "127.0.0.1,127.0.0.2", .opts.max_connections = 5 };
        s.opts.balance = _i == 0 ? WEIR_BALANCE_REUSEPORT : WEIR_BALANCE_EVEN;
        atomic_store(&made_it, 0);
        /* Not the inboxes' wake-ups: what is posted to a loop that is never woken waits for ever, which is no fault a kernel
         * has, since a write to an eventfd fails only when it is readable already. */
        weir__fault_begin(&(struct fault_plan) {
            .fail_at = ++n, .only = ~(1ULL << SYS_WRITE | 1ULL << SYS_READ) });
        int code = weir_run_workers(3, make_for_all, &s);
        failed = weir__fault_end();
        if (failed == 0)
            ck_assert_int_eq(code < 0 ? code : s.code, 0);
        net_check_descriptors(before);
    } while (failed > 0);
    ck_assert_uint_gt(n, 20);
}
END_TEST

static int cancel_the_making(void *arg)
{
    struct scene *s = arg;
    weir_task *task = weir_create_task(make, s);

    net_passes((int)s->got[0]);
    weir_task_cancel(task);
    weir_task_join(task);
    weir_task_unref(task);
    return 0;
}

START_TEST(cancelling_the_start_at_any_pass_leaves_nothing)
{
    struct scene s = { .host = "127.0.0.1,two.test", .got[0] = _i };
    int before = net_open_descriptors();

    net_resolver_answer("127.0.0.3");
    ck_assert_int_eq(weir_run(cancel_the_making, &s), 0);
    ck_assert(s.code == 0 || s.code == -ECANCELED);
    net_check_descriptors(before);
}
END_TEST

Suite *suite(void)
{
    Suite *making = suite_create("net/server_make");

    TCase *arguments = tcase_create("arguments");
    tcase_add_loop_test(arguments, what_does_not_fit_is_refused_in_words, 0, (int)(sizeof refused / sizeof refused[0]));
    tcase_add_test(arguments, a_server_needs_a_task_of_its_own_loop);
    suite_add_tcase(making, arguments);

    TCase *addresses = tcase_create("addresses");
    tcase_add_loop_test(addresses, each_address_of_a_list_is_bound_once, 0, 5);
    tcase_add_loop_test(addresses, no_host_is_every_interface, 0, 2);
    tcase_add_test(addresses, a_name_that_is_not_resolved_binds_nothing);
    tcase_add_test(addresses, a_port_in_use_is_named);
    suite_add_tcase(making, addresses);

    TCase *sock = tcase_create("sock");
    tcase_add_test(sock, a_socket_may_be_handed_over);
    tcase_add_loop_test(sock, what_is_no_stream_socket_is_refused_and_stays_the_callers, 0, 3);
    tcase_add_test(sock, whatever_call_fails_the_socket_is_closed_once_or_given_back);
    suite_add_tcase(making, sock);

    TCase *failures = tcase_create("failures");
    tcase_add_loop_test(failures, whatever_call_fails_nothing_stays_open, 0, 2);
    tcase_add_loop_test(failures, whatever_call_fails_for_several_workers_nothing_stays_open, 0, 2);
    tcase_add_loop_test(failures, cancelling_the_start_at_any_pass_leaves_nothing, 0, 12);
    suite_add_tcase(making, failures);
    return making;
}
