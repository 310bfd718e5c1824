/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_connector.c  What net/connector.c promises: one connected socket, or none and every address's reason.
 *
 * How several addresses are tried is in test_connect_race.c, what the options choose in test_connector_options.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/address.h>
#include <weir/run.h>

#include "core/sys_fault.h"
#include "lib/clock.h"
#include "lib/net_pair.h"
#include "lib/net_ports.h"
#include "lib/net_resolver.h"
#include "lib/suite.h"
#include "net/connector.h"

struct scene {
    const char *host;
    uint16_t port;
    weir_connect_options opts;
    struct connected connected;
    int  code;
    char detail[512];
    char peer[64];              /* of the dump */
    int  nodelay;
    bool keep;                  /* leave the socket open */
    int  passes;
    int  later;                 /* what the wait after it returned */
    double seconds;
};

static int connect_it(void *arg)
{
    struct scene *s = arg;

    s->connected.fd = -1;
    s->code = weir__connect(weir_get_running_loop(), s->host, s->port, &s->opts, &s->connected);
    snprintf(s->detail, sizeof s->detail, "%s", s->code < 0 ? weir_error_detail() : "");
    if (s->connected.fd >= 0) {
        socklen_t len = sizeof s->nodelay;
        getsockopt(s->connected.fd, IPPROTO_TCP, TCP_NODELAY, &s->nodelay, &len);
        if (!s->keep)
            close(s->connected.fd);
    }
    s->later = weir_yield();
    return 0;
}

/* --- Refused ---------------------------------------------------------------------- */

static int a_tls;               /* any address will do: it is not looked at */
#define SOME_TLS ((weir_tls_context *)(void *)&a_tls)

static const int no_such_descriptor = 1 << 20;

static const struct {
    const char *host;
    uint16_t port;
    weir_connect_options opts;
    int code;
} refused[] = {                 /* C83, OC-2 */
    { NULL, 0, { 0 }, -EINVAL },
    { "127.0.0.1", 1, { .server_hostname = "" }, -EINVAL },
    { "127.0.0.1", 1, { .server_hostname = "x" }, -EINVAL },
    { "127.0.0.1", 1, { .tls_handshake_timeout = 1 }, -EINVAL },
    { "127.0.0.1", 1, { .tls_shutdown_timeout = 1 }, -EINVAL },
    { "127.0.0.1", 1, { .tls_shutdown_timeout = -1 }, -EINVAL },
    { NULL, 1, { .tls = SOME_TLS }, -EINVAL },
    { "", 1, { .tls = SOME_TLS }, -EINVAL },
    { "127.0.0.1", 1, { .tls = SOME_TLS, .tls_handshake_timeout = -1 }, -EINVAL },
    { "127.0.0.1", 1, { .tls = SOME_TLS, .tls_shutdown_timeout = -1 }, -EINVAL },
    { "127.0.0.1", 1, { .timeout = -1 }, -EINVAL },
    { "127.0.0.1", 1, { .timeout = NAN }, -EINVAL },
    { "127.0.0.1", 0, { .sock = &no_such_descriptor }, -EINVAL },
    { NULL, 1, { .sock = &no_such_descriptor }, -EINVAL },
    { NULL, 0, { .sock = &no_such_descriptor }, -EINVAL },
    { "127.0.0.1", 1, { .tls = SOME_TLS }, -ENOTSUP },
    { "127.0.0.1", 1, { .happy_eyeballs_delay = -1 }, -EINVAL },
    { "127.0.0.1", 1, { .happy_eyeballs_delay = NAN }, -EINVAL },
    { NULL, 0, { .tls = SOME_TLS, .server_hostname = "x" }, -EINVAL },  /* what is wrong comes before what is not offered */
};

START_TEST(what_does_not_fit_is_refused_in_words)
{
    struct scene s = { .host = refused[_i].host, .port = refused[_i].port, .opts = refused[_i].opts };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(connect_it, &s), 0);
    ck_assert_int_eq(s.code, refused[_i].code);
    ck_assert_str_ne(s.detail, "");
    ck_assert_int_eq(s.connected.fd, -1);
    net_check_descriptors(before);
}
END_TEST

static int refuse_in_order(void *arg)
{
    static const char *const told[] = {         /* OC-2: each time what was found is put right */
        "server_hostname without tls", "tls_handshake_timeout", "tls_shutdown_timeout", "together with a sock",
        "not a stream socket", "has to be 0 or more", "happy_eyeballs_delay",
    };
    struct scene *s = arg;
    int datagram = socket(AF_INET, SOCK_DGRAM, 0), fds[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    s->host = "127.0.0.1";
    s->opts = (weir_connect_options) { .server_hostname = "", .tls_handshake_timeout = 1, .tls_shutdown_timeout = 1,
                                       .sock = &datagram, .timeout = -1, .happy_eyeballs_delay = -1 };
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        connect_it(s);
        if (s->code == -EINVAL && strstr(s->detail, told[i]) != NULL)
            s->passes++;
        s->opts.server_hostname = NULL;
        s->opts.tls_handshake_timeout = i < 1;
        s->opts.tls_shutdown_timeout = i < 2;
        s->host = i < 3 ? s->host : NULL;
        s->opts.sock = i < 4 ? &datagram : &fds[0];
        s->opts.timeout = i < 5 ? -1 : 0;
        s->opts.happy_eyeballs_delay = i < 6 ? -1 : 0;
    }
    connect_it(s);                              /* and now all is right */
    close(datagram);
    close(fds[1]);
    return 0;
}

START_TEST(what_is_wrong_is_found_in_this_order)        /* OC-2 */
{
    struct scene s = { 0 };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(refuse_in_order, &s), 0);
    ck_assert_int_eq(s.passes, 7);
    ck_assert_int_eq(s.code, 0);
    net_check_descriptors(before);
}
END_TEST

/* --- Connected ---------------------------------------------------------------------- */

START_TEST(a_connect_gives_a_socket_and_its_peer)       /* OC-1, BT-2 */
{
    struct scene s = { .host = _i == 0 ? "127.0.0.1" : NULL, .opts.family = AF_INET };
    int before = net_open_descriptors();
    int listener = net_listen(5, &s.port);
    int begun = net_resolver_begun();

    ck_assert_int_eq(weir_run(connect_it, &s), 0);
    ck_assert_int_eq(s.code, 0);
    ck_assert_uint_eq(weir_address_port(&s.connected.peer), s.port);
    ck_assert_int_eq(s.nodelay, 1);
    if (_i == 0)
        ck_assert_int_eq(net_resolver_begun(), begun);  /* OC-3 */
    close(listener);
    net_check_descriptors(before);
}
END_TEST

/* --- Several addresses ---------------------------------------------------------------- */

START_TEST(the_first_address_that_answers_counts)       /* C84, OC-4 */
{
    struct scene s = { .host = "some.test" };
    int before = net_open_descriptors();
    int listener = net_listen(5, &s.port);              /* on 127.0.0.1 only */
    char text[64];

    net_resolver_answer(_i == 0 ? "127.0.0.2 127.0.0.1" : _i == 1 ? "127.0.0.2 127.0.0.3 127.0.0.1" : "127.0.0.1 127.0.0.2");
    weir__fault_begin(&(struct fault_plan) { 0 });
    ck_assert_int_eq(weir_run(connect_it, &s), 0);
    weir__fault_end();
    ck_assert_int_eq(s.code, 0);
    ck_assert_uint_eq(weir__fault_seen(SYS_CONNECT), _i == 0 ? 2 : _i == 1 ? 3 : 1);
    snprintf(text, sizeof text, "127.0.0.1:%u", s.port);
    char name[WEIR_ADDRESS_MAX];
    ck_assert_str_eq(weir_address_format(&s.connected.peer, name, sizeof name), text);
    close(listener);
    net_check_descriptors(before);
}
END_TEST

START_TEST(when_none_answers_the_first_code_counts_and_all_are_told)    /* C84, OC-5, decision 7 */
{
    struct scene s = { .host = "some.test" };
    int before = net_open_descriptors();
    int holder = net_refused_port(&s.port);
    char text[2][64];

    net_resolver_answer("127.0.0.1 127.0.0.2");
    weir__fault_begin(&(struct fault_plan) { .fail_at = (uint64_t)_i, .only = 1ULL << SYS_CONNECT, .code = -ENETUNREACH });
    ck_assert_int_eq(weir_run(connect_it, &s), 0);
    weir__fault_end();
    ck_assert_int_eq(s.code, _i == 1 ? -ENETUNREACH : -ECONNREFUSED);
    for (int i = 0; i < 2; i++) {
        snprintf(text[i], sizeof text[i], "127.0.0.%d:%u: %s", i + 1, s.port,
                 weir_strerror(_i == i + 1 ? -ENETUNREACH : -ECONNREFUSED));
        ck_assert_msg(strstr(s.detail, text[i]) != NULL, "\"%s\" is not in \"%s\"", text[i], s.detail);
    }
    close(holder);
    net_check_descriptors(before);
}
END_TEST

START_TEST(one_refused_address_is_its_own_code) /* C84 */
{
    struct scene s = { .host = "127.0.0.1" };
    int before = net_open_descriptors();
    int holder = net_refused_port(&s.port);

    ck_assert_int_eq(weir_run(connect_it, &s), 0);
    ck_assert_int_eq(s.code, -ECONNREFUSED);
    ck_assert_ptr_nonnull(strstr(s.detail, "127.0.0.1:"));
    close(holder);
    net_check_descriptors(before);
}
END_TEST

START_TEST(a_name_without_an_address_is_an_error)       /* C84, OC-3 */
{
    struct scene s = { .host = "some.test", .port = 80 };

    net_resolver_answer(_i == 0 ? "" : NULL);
    ck_assert_int_eq(weir_run(connect_it, &s), 0);
    ck_assert_int_eq(s.code, WEIR_ERESOLVE);
    ck_assert_str_ne(s.detail, "");
}
END_TEST

START_TEST(many_addresses_that_fail_fit_into_the_text_as_far_as_they_do)
{
    struct scene s = { .host = "some.test", .port = 80 };
    char list[256] = "";

    for (int i = 1; i <= 16; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s127.0.1.%d", i > 1 ? " " : "", i);
    net_resolver_answer(list);
    weir__fault_begin(&(struct fault_plan) { .fail_at = 1, .from_then_on = true, .only = 1ULL << SYS_CONNECT });
    ck_assert_int_eq(weir_run(connect_it, &s), 0);
    weir__fault_end();
    ck_assert_int_eq(s.code, -ECONNREFUSED);
    ck_assert_ptr_nonnull(strstr(s.detail, "127.0.1.1:80"));
    ck_assert_ptr_nonnull(strstr(s.detail, "127.0.1.8:80"));
}
END_TEST

/* --- Time and cuts ------------------------------------------------------------------------ */

static int connect_for_a_time(void *arg)
{
    struct scene *s = arg;

    double since = clock_now();
    connect_it(s);
    s->seconds = clock_now() - since;
    return 0;
}

static void note_connecting(const weir_task_info *info, void *arg)
{
    struct scene *s = arg;
    char text[WEIR_ADDRESS_MAX];

    if (strcmp(info->waits_for, "connect") == 0 && info->peer != NULL)
        snprintf(s->peer, sizeof s->peer, "%s", weir_address_format(info->peer, text, sizeof text));
}

static int look_at_a_hanging_connect(void *arg)
{
    struct scene *s = arg;
    weir_task *task = weir_create_task(connect_it, s);

    while (s->peer[0] == '\0' && !weir_task_done(task)) {
        weir_yield();
        weir_tasks_dump(false, note_connecting, s);
    }
    weir_task_cancel(task);
    weir_task_unref(task);
    return 0;
}

START_TEST(a_dump_says_who_is_being_connected_to)
{
    struct scene s = { .host = "127.0.0.1" };
    struct net_ports ports;
    char expected[64];

    net_ports_open(&ports, "h");
    s.port = ports.port;
    ck_assert_int_eq(weir_run(look_at_a_hanging_connect, &s), 0);
    snprintf(expected, sizeof expected, "127.0.0.1:%u", s.port);
    ck_assert_str_eq(s.peer, expected);
    ck_assert_int_eq(s.code, -ECANCELED);
    net_ports_close(&ports);
}
END_TEST

START_TEST(the_time_limit_covers_the_connect)
{
    struct scene s = { .host = "127.0.0.1", .opts.timeout = 2.5 };
    struct net_ports ports;
    int before = net_open_descriptors();

    net_ports_open(&ports, "h");
    s.port = ports.port;
    clock_fake();
    ck_assert_int_eq(weir_run(connect_for_a_time, &s), 0);
    ck_assert_int_eq(s.code, -ETIMEDOUT);
    ck_assert_double_ge(s.seconds, 2.5);
    ck_assert_double_le(s.seconds, 2.6);
    ck_assert_int_eq(s.later, 0);               /* the limit is over with the call */
    net_ports_close(&ports);
    net_check_descriptors(before);
}
END_TEST

START_TEST(the_time_limit_covers_the_resolver)
{
    struct scene s = { .host = _i == 0 ? "some.test" : "127.0.0.1", .port = 80, .opts.timeout = 0.02 };
    int before = net_open_descriptors();

    if (_i == 1)
        s.opts.local_host = "some.test";
    net_resolver_answer("127.0.0.1");
    net_resolver_hold();
    ck_assert_int_eq(weir_run(connect_it, &s), 0);
    net_resolver_release();
    ck_assert_int_eq(s.code, -ETIMEDOUT);
    ck_assert_ptr_nonnull(strstr(s.detail, "was not resolved yet"));
    ck_assert_ptr_nonnull(strstr(s.detail, "some.test"));
    net_check_descriptors(before);
}
END_TEST

START_TEST(a_timeout_of_the_kernels_is_a_reason_to_try_the_next_address)
{
    struct scene s = { .host = "some.test", .opts.timeout = 100 };
    int listener = net_listen(5, &s.port);

    net_resolver_answer("127.0.0.2 127.0.0.1");
    weir__fault_begin(&(struct fault_plan) { .fail_at = 1, .only = 1ULL << SYS_CONNECT, .code = -ETIMEDOUT });
    ck_assert_int_eq(weir_run(connect_it, &s), 0);
    weir__fault_end();
    ck_assert_int_eq(s.code, 0);
    close(listener);
}
END_TEST

static int cancel_after(void *arg)
{
    struct scene *s = arg;
    weir_task *task = weir_create_task(connect_it, s);

    net_passes(s->passes);
    weir_task_cancel(task);
    weir_task_join(task);
    weir_task_unref(task);
    return 0;
}

START_TEST(cancelling_at_any_pass_leaves_no_descriptor) /* OC-10 */
{
    struct scene s = { .host = _i % 2 == 0 ? "127.0.0.1" : "some.test", .passes = _i / 2 };
    int before = net_open_descriptors();
    int listener = net_listen(5, &s.port);

    s.code = -ECANCELED;                        /* cancelled before it began, it never runs */
    net_resolver_answer("127.0.0.2 127.0.0.1");
    ck_assert_int_eq(weir_run(cancel_after, &s), 0);
    ck_assert(s.code == 0 || s.code == -ECANCELED);
    close(listener);
    net_check_descriptors(before);
}
END_TEST

START_TEST(a_connect_that_hangs_can_be_cancelled)
{
    struct scene s = { .host = "127.0.0.1", .passes = 20 };
    struct net_ports ports;
    int before = net_open_descriptors();

    net_ports_open(&ports, "h");
    s.port = ports.port;
    ck_assert_int_eq(weir_run(cancel_after, &s), 0);
    ck_assert_int_eq(s.code, -ECANCELED);
    net_ports_close(&ports);
    net_check_descriptors(before);
}
END_TEST

/* --- What fails on the way -------------------------------------------------------------------- */

static int connect_unwatched(void *arg)
{
    net_passes(2);                              /* until the loop's own descriptors are watched */
    epoll_ctl_fail(1, ENOMEM);
    return connect_it(arg);
}

/* Fault 3: libev says so with the same call that would say "connected". */
START_TEST(a_socket_that_cannot_be_watched_is_not_taken_for_connected)
{
    struct scene s = { .host = "127.0.0.1" };
    struct net_ports ports;
    int before = net_open_descriptors();

    net_ports_open(&ports, "h");
    s.port = ports.port;
    ck_assert_int_eq(weir_run(connect_unwatched, &s), 0);
    ck_assert_int_eq(s.code, -ENOMEM);
    net_ports_close(&ports);
    net_check_descriptors(before);
}
END_TEST

START_TEST(whatever_call_fails_nothing_stays_open)      /* faults 2, 3, 26 */
{
    uint16_t port;
    int listener = net_listen(100, &port);
    int before = net_open_descriptors();
    uint64_t failed, n = 0;

    net_resolver_answer("127.0.0.2 127.0.0.1");
    do {
        struct scene s = { .host = "some.test", .port = port };
        weir__fault_begin(&(struct fault_plan) { .fail_at = ++n, .from_then_on = _i == 1,
                                                 .only = ~(1ULL << SYS_WRITE | 1ULL << SYS_READ) });
        int code = weir_run(connect_it, &s);
        failed = weir__fault_end();
        if (failed == 0)
            ck_assert_int_eq(code < 0 ? code : s.code, 0);
        net_check_descriptors(before);
    } while (failed > 0);
    ck_assert_uint_gt(n, 15);
    close(listener);
}
END_TEST

/* --- A socket of the caller's -------------------------------------------------------------------- */

START_TEST(a_connected_socket_may_be_handed_over)       /* OC-9 */
{
    int fds[2];
    struct scene s = { .opts.sock = &fds[0], .keep = true };

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    ck_assert_int_eq(weir_run(connect_it, &s), 0);
    ck_assert_int_eq(s.code, 0);
    ck_assert_int_eq(s.connected.fd, fds[0]);
    ck_assert_uint_eq(s.connected.peer.len, 0);
    ck_assert_int_ne(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

START_TEST(what_is_no_stream_socket_is_refused_and_stays_the_callers)   /* C83 */
{
    int fds[2] = { -1, -1 };
    struct scene s = { .opts.sock = &fds[0] };

    if (_i == 0)
        fds[0] = socket(AF_INET, SOCK_DGRAM, 0);
    else
        ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(weir_run(connect_it, &s), 0);
    ck_assert_int_eq(s.code, -EINVAL);
    ck_assert_int_ge(fcntl(fds[0], F_GETFD), 0);
    close(fds[0]);
    if (fds[1] >= 0)
        close(fds[1]);
}
END_TEST

START_TEST(connecting_needs_a_task_of_its_own_loop)
{
    weir_loop *loop = weir_loop_new();
    struct connected connected = { .fd = -1 };
    int before = net_open_descriptors();
    int fd = _i == 0 ? -1 : socket(AF_INET, SOCK_STREAM, 0);
    weir_connect_options opts = { .sock = _i == 0 ? NULL : &fd };
    const char *host = _i == 0 ? "127.0.0.1" : NULL;

    if (_i == 2)
        weir_loop_close(loop);
    ck_assert_int_eq(weir__connect(loop, host, 0, &opts, &connected), _i == 2 ? -ESHUTDOWN : WEIR_ESTATE);
    ck_assert_int_eq(connected.fd, -1);
    net_check_descriptors(before);   /* a sock was ours, and is closed */
    weir_loop_free(loop);
}
END_TEST

Suite *suite(void)
{
    Suite *connector = suite_create("net/connector");

    TCase *arguments = tcase_create("arguments");
    tcase_add_loop_test(arguments, what_does_not_fit_is_refused_in_words, 0, (int)(sizeof refused / sizeof refused[0]));
    tcase_add_test(arguments, what_is_wrong_is_found_in_this_order);
    tcase_add_loop_test(arguments, connecting_needs_a_task_of_its_own_loop, 0, 3);
    tcase_add_test(arguments, a_connected_socket_may_be_handed_over);
    tcase_add_loop_test(arguments, what_is_no_stream_socket_is_refused_and_stays_the_callers, 0, 2);
    suite_add_tcase(connector, arguments);

    TCase *addresses = tcase_create("addresses");
    tcase_add_loop_test(addresses, a_connect_gives_a_socket_and_its_peer, 0, 2);
    tcase_add_loop_test(addresses, the_first_address_that_answers_counts, 0, 3);
    tcase_add_loop_test(addresses, when_none_answers_the_first_code_counts_and_all_are_told, 0, 3);
    tcase_add_test(addresses, one_refused_address_is_its_own_code);
    tcase_add_loop_test(addresses, a_name_without_an_address_is_an_error, 0, 2);
    tcase_add_test(addresses, many_addresses_that_fail_fit_into_the_text_as_far_as_they_do);
    suite_add_tcase(connector, addresses);

    TCase *cuts = tcase_create("cuts");
    tcase_add_test(cuts, a_dump_says_who_is_being_connected_to);
    tcase_add_test(cuts, the_time_limit_covers_the_connect);
    tcase_add_loop_test(cuts, the_time_limit_covers_the_resolver, 0, 2);
    tcase_add_test(cuts, a_timeout_of_the_kernels_is_a_reason_to_try_the_next_address);
    tcase_add_loop_test(cuts, cancelling_at_any_pass_leaves_no_descriptor, 0, 24);
    tcase_add_test(cuts, a_connect_that_hangs_can_be_cancelled);
    tcase_add_test(cuts, a_socket_that_cannot_be_watched_is_not_taken_for_connected);
    tcase_add_loop_test(cuts, whatever_call_fails_nothing_stays_open, 0, 2);
    suite_add_tcase(connector, cuts);
    return connector;
}
