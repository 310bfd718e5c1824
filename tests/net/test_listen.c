/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_listen.c  What net/listen.c promises: bound sockets with the right options, or none and a reason.
 *
 * Sockets are bound to port 0 and asked for their port. Which addresses are "not here" is the fault plan's decision, so that
 * no test depends on the machine's.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/error.h>

#include "core/sys_fault.h"
#include "lib/net_pair.h"
#include "lib/suite.h"
#include "net/listen.h"

static struct address_list listed(const char *const *hosts, uint16_t port)
{
    struct address_list list = { 0 };
    weir_address address;

    for (; *hosts != NULL; hosts++) {
        ck_assert_int_eq(weir_address_parse(&address, *hosts, port), 0);
        ck_assert_int_eq(weir__address_list_add(&list, (void *)&address.storage, address.len), 0);
    }
    return list;
}

static int bind_hosts(const char *const *hosts, uint16_t port, size_t workers, const weir_server_options *opts,
                      struct listen_set *set)
{
    struct address_list list = listed(hosts, port);
    int code = weir__listen_bind(&list, workers, opts, set);

    weir__address_list_fini(&list);
    return code;
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;

    ck_assert_int_eq(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static uint16_t port_of(int fd)
{
    weir_address address = { .len = sizeof address.storage };

    ck_assert_int_eq(getsockname(fd, (void *)&address.storage, &address.len), 0);
    return weir_address_port(&address);
}

static const char *const one[] = { "127.0.0.1", NULL };
static const weir_server_options defaults;

/* --- Options ------------------------------------------------------------------- */

START_TEST(a_socket_is_bound_with_asyncios_options)     /* C73, SV-4 */
{
    struct listen_set set;

    ck_assert_int_eq(bind_hosts(one, 0, 1, &defaults, &set), 0);
    ck_assert_uint_eq(set.addresses, 1);
    ck_assert_uint_gt(port_of(set.fds[0]), 0);
    ck_assert_int_eq(option(set.fds[0], SOL_SOCKET, SO_REUSEADDR), 1);
    ck_assert_int_eq(option(set.fds[0], SOL_SOCKET, SO_REUSEPORT), 0);
    ck_assert_int_eq(option(set.fds[0], SOL_SOCKET, SO_KEEPALIVE), 0);
    ck_assert_int_eq(option(set.fds[0], IPPROTO_TCP, TCP_NODELAY), 1);
    ck_assert_int_eq(option(set.fds[0], SOL_SOCKET, SO_ACCEPTCONN), 0);         /* nobody listens yet (SV-5) */
    ck_assert_int_ne(fcntl(set.fds[0], F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_ne(fcntl(set.fds[0], F_GETFD) & FD_CLOEXEC, 0);
    weir__listen_set_fini(&set);
}
END_TEST

START_TEST(options_are_as_asked_for)    /* C73, SV-16 */
{
    weir_server_options opts = { .no_reuse_address = true, .reuse_port = true, .keep_alive = true };
    struct listen_set set;

    ck_assert_int_eq(bind_hosts(one, 0, 1, &opts, &set), 0);
    ck_assert_int_eq(option(set.fds[0], SOL_SOCKET, SO_REUSEADDR), 0);
    ck_assert_int_eq(option(set.fds[0], SOL_SOCKET, SO_REUSEPORT), 1);
    ck_assert_int_eq(option(set.fds[0], SOL_SOCKET, SO_KEEPALIVE), 1);
    weir__listen_set_fini(&set);
}
END_TEST

/* An IPv6 socket that took IPv4 callers too would collide with the IPv4 socket of the same server. */
START_TEST(ipv6_is_ipv6_only)
{
    static const char *const six[] = { "::1", NULL };
    struct listen_set set;
    int code = bind_hosts(six, 0, 1, &defaults, &set);

    if (code == -EADDRNOTAVAIL || code == -EAFNOSUPPORT)
        return;                                 /* a machine without IPv6 */
    ck_assert_int_eq(code, 0);
    ck_assert_int_eq(option(set.fds[0], IPPROTO_IPV6, IPV6_V6ONLY), 1);
    weir__listen_set_fini(&set);
}
END_TEST

/* --- Workers -------------------------------------------------------------------- */

START_TEST(workers_share_one_port_that_nobody_else_gets)        /* ML-2 */
{
    size_t workers = (size_t)_i;
    struct listen_set set, second;
    int before = net_open_descriptors();

    ck_assert_int_eq(bind_hosts(one, 0, workers, &defaults, &set), 0);
    uint16_t port = port_of(set.fds[0]);
    for (size_t i = 0; i < workers; i++) {
        ck_assert_uint_eq(port_of(set.fds[i]), port);
        ck_assert_int_eq(option(set.fds[i], SOL_SOCKET, SO_REUSEPORT), workers > 1);
        ck_assert_int_eq(listen(set.fds[i], 5), 0);
    }
    int with = net_open_descriptors();
    ck_assert_int_eq(bind_hosts(one, port, workers, &defaults, &second), -EADDRINUSE);
    net_check_descriptors(with);
    weir__listen_set_fini(&set);
    net_check_descriptors(before);
}
END_TEST

/* balance = even: all workers accept from the one socket. */
START_TEST(an_address_that_is_shared_evenly_has_one_socket)
{
    weir_server_options opts = { .balance = WEIR_BALANCE_EVEN };
    static const char *const two[] = { "127.0.0.1", "127.0.0.2", NULL };
    struct listen_set set, second;
    int before = net_open_descriptors();

    ck_assert_int_eq(bind_hosts(two, 0, 3, &opts, &set), 0);
    ck_assert_uint_eq(set.addresses, 2);
    ck_assert_uint_eq(set.workers, 3);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(set.fds[i] >= 0, i % 3 == 0);
    ck_assert_int_eq(option(set.fds[0], SOL_SOCKET, SO_REUSEPORT), 0);
    ck_assert_int_eq(listen(set.fds[0], 5), 0);
    ck_assert_int_eq(bind_hosts(one, port_of(set.fds[0]), 3, &opts, &second), -EADDRINUSE);
    weir__listen_set_fini(&set);
    net_check_descriptors(before);
}
END_TEST

START_TEST(servers_that_ask_for_it_share_a_port)
{
    weir_server_options opts = { .reuse_port = true };
    struct listen_set set, second;

    ck_assert_int_eq(bind_hosts(one, 0, 1, &opts, &set), 0);
    ck_assert_int_eq(listen(set.fds[0], 5), 0);
    ck_assert_int_eq(bind_hosts(one, port_of(set.fds[0]), 1, &opts, &second), 0);
    ck_assert_int_eq(listen(second.fds[0], 5), 0);
    weir__listen_set_fini(&second);
    weir__listen_set_fini(&set);
}
END_TEST

/* --- Failures -------------------------------------------------------------------- */

START_TEST(a_port_in_use_is_named_and_nothing_stays_bound)      /* C73 */
{
    static const char *const three[] = { "127.0.0.2", "127.0.0.3", "127.0.0.1", NULL };
    struct listen_set set;
    char text[64];
    uint16_t port;
    int fd = net_listen(5, &port);
    int before = net_open_descriptors();

    snprintf(text, sizeof text, "127.0.0.1:%u", port);
    ck_assert_int_eq(bind_hosts(three, port, (size_t)_i, &defaults, &set), -EADDRINUSE);
    ck_assert_ptr_nonnull(strstr(weir_error_detail(), text));
    net_check_descriptors(before);
    close(fd);
}
END_TEST

static int bind_failing(const char *const *hosts, uint64_t at, bool from_then_on, int failure, size_t workers,
                        struct listen_set *set)
{
    weir__fault_begin(&(struct fault_plan) {
        .fail_at = at, .from_then_on = from_then_on, .only = 1ULL << SYS_BIND, .code = failure });
    int code = bind_hosts(hosts, 0, workers, &defaults, set);
    weir__fault_end();
    return code;
}

START_TEST(an_address_that_is_not_here_is_skipped)      /* decision 11 */
{
    static const char *const three[] = { "127.0.0.1", "127.0.0.2", "127.0.0.3", NULL };
    static const int failures[] = { -EADDRNOTAVAIL, -EAFNOSUPPORT };
    size_t workers = (size_t)_i / 6 + 1;
    struct listen_set set;
    int before = net_open_descriptors();

    ck_assert_int_eq(bind_failing(three, (uint64_t)_i % 3 * workers + 1, false, failures[_i / 3 % 2], workers, &set), 0);
    ck_assert_uint_eq(set.addresses, 2);
    for (size_t i = 0; i < 2 * workers; i++)
        ck_assert_uint_eq(port_of(set.fds[i]), port_of(set.fds[i / workers * workers]));
    weir__listen_set_fini(&set);
    net_check_descriptors(before);
}
END_TEST

START_TEST(addresses_none_of_which_is_here_are_a_failure_that_names_one)
{
    static const char *const two[] = { "127.0.0.1", "127.0.0.2", NULL };
    struct listen_set set;
    int before = net_open_descriptors();

    ck_assert_int_eq(bind_failing(two, 1, true, -EADDRNOTAVAIL, 2, &set), -EADDRNOTAVAIL);
    ck_assert_ptr_nonnull(strstr(weir_error_detail(), "127.0.0."));
    net_check_descriptors(before);
}
END_TEST

START_TEST(no_address_is_nothing_to_listen_on)  /* A18 */
{
    struct address_list list = { 0 };
    struct listen_set set;

    ck_assert_int_eq(weir__listen_bind(&list, 1, &defaults, &set), -EINVAL);
}
END_TEST

/* Fault 3, 26: every call in turn, for one and for three workers, on two addresses. */
START_TEST(whatever_call_fails_nothing_stays_open)
{
    static const char *const two[] = { "127.0.0.1", "127.0.0.2", NULL };
    weir_server_options opts = { .keep_alive = true, .reuse_port = true };
    int before = net_open_descriptors();
    uint64_t failed, n = 0;

    do {
        struct listen_set set;
        struct address_list list = listed(two, 0);
        weir__fault_begin(&(struct fault_plan) { .fail_at = ++n, .from_then_on = _i >= 2 });
        int code = weir__listen_bind(&list, _i % 2 == 0 ? 1 : 3, &opts, &set);
        failed = weir__fault_end();
        weir__address_list_fini(&list);
        ck_assert_int_eq(code == 0, failed == 0);
        if (code == 0)
            weir__listen_set_fini(&set);
        net_check_descriptors(before);
    } while (failed > 0);
    ck_assert_uint_gt(n, 10);
}
END_TEST

/* --- Adopting ---------------------------------------------------------------------- */

START_TEST(a_socket_that_is_handed_over_is_made_non_blocking)
{
    weir_server_options opts = { .keep_alive = true };
    struct listen_set set;
    uint16_t port;
    int fd = net_listen(5, &port);

    ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
    ck_assert_int_eq(weir__listen_adopt(fd, (size_t)_i, &opts, &set), 0);
    ck_assert_int_eq(set.fds[0], fd);
    for (int i = 1; i < _i; i++)
        ck_assert_int_eq(set.fds[i], -1);       /* the others share it */
    ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_eq(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    weir__listen_set_fini(&set);
    ck_assert_int_eq(fcntl(fd, F_GETFL), -1);
}
END_TEST

START_TEST(a_unix_socket_that_is_handed_over_gets_no_tcp_options)
{
    struct listen_set set;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    ck_assert_int_eq(weir__listen_adopt(fd, 1, &defaults, &set), 0);
    weir__listen_set_fini(&set);
}
END_TEST

START_TEST(a_socket_that_cannot_be_taken_over_is_closed)
{
    int before = net_open_descriptors();
    uint64_t failed, n = 0;

    do {
        struct listen_set set;
        uint16_t port;
        int fd = net_listen(5, &port);
        weir__fault_begin(&(struct fault_plan) { .fail_at = ++n });
        int code = weir__listen_adopt(fd, 1, &defaults, &set);
        failed = weir__fault_end();
        ck_assert_int_eq(code == 0, failed == 0);
        if (code == 0)
            weir__listen_set_fini(&set);
        net_check_descriptors(before);
    } while (failed > 0);
    ck_assert_uint_gt(n, 3);
}
END_TEST

Suite *suite(void)
{
    Suite *listening = suite_create("net/listen");

    TCase *options = tcase_create("options");
    tcase_add_test(options, a_socket_is_bound_with_asyncios_options);
    tcase_add_test(options, options_are_as_asked_for);
    tcase_add_test(options, ipv6_is_ipv6_only);
    suite_add_tcase(listening, options);

    TCase *workers = tcase_create("workers");
    tcase_add_loop_test(workers, workers_share_one_port_that_nobody_else_gets, 1, 5);
    tcase_add_test(workers, an_address_that_is_shared_evenly_has_one_socket);
    tcase_add_test(workers, servers_that_ask_for_it_share_a_port);
    suite_add_tcase(listening, workers);

    TCase *failures = tcase_create("failures");
    tcase_add_loop_test(failures, a_port_in_use_is_named_and_nothing_stays_bound, 1, 4);
    tcase_add_loop_test(failures, an_address_that_is_not_here_is_skipped, 0, 12);
    tcase_add_test(failures, addresses_none_of_which_is_here_are_a_failure_that_names_one);
    tcase_add_test(failures, no_address_is_nothing_to_listen_on);
    tcase_add_loop_test(failures, whatever_call_fails_nothing_stays_open, 0, 4);
    suite_add_tcase(listening, failures);

    TCase *adopting = tcase_create("adopting");
    tcase_add_loop_test(adopting, a_socket_that_is_handed_over_is_made_non_blocking, 1, 4);
    tcase_add_test(adopting, a_unix_socket_that_is_handed_over_gets_no_tcp_options);
    tcase_add_test(adopting, a_socket_that_cannot_be_taken_over_is_closed);
    suite_add_tcase(listening, adopting);
    return listening;
}
