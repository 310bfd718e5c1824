/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_start_server_hosts.c  Servers on several addresses and on IPv6, with clients of ours: who is called is
 * who answers.
 *
 * What is bound is tried in tests/net/test_server_make.c and test_listen.c. Where a machine has no IPv6, that is said.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/run.h>
#include <weir/server.h>

#include "lib/net_ports.h"
#include "lib/net_resolver.h"
#include "lib/stream_service.h"
#include "lib/suite.h"

#define SOCKETS_MOST 8

struct scene {
    const char *hosts;
    weir_server_options opts;
    const char *call[4];        /* addresses that are called, in turn; NULL: no more */
    weir_connect_options connect;
};

/* Says which address of the server was called, and by whom, in one line; then echoes. */
static int say_address(weir_reader *reader, weir_writer *writer, void *arg)
{
    char own[WEIR_ADDRESS_MAX], peer[WEIR_ADDRESS_MAX];

    weir_writer_printf(writer, "%s %s\n", weir_address_format(weir_writer_sockname(writer), own, sizeof own),
                       weir_address_format(weir_writer_peername(writer), peer, sizeof peer));
    return echo_lines(reader, writer, arg);
}

/* The port of the server's socket that is reached at @host: the one bound to it, or to all addresses of its family. */
static uint16_t port_at(const weir_server *server, const char *host)
{
    weir_address wanted;
    int fds[SOCKETS_MOST];
    size_t count = weir_server_sockets(server, fds, SOCKETS_MOST);

    for (size_t i = 0; i < count && weir_address_parse(&wanted, host, 0) == 0; i++) {
        weir_address bound = { .len = sizeof bound.storage };
        getsockname(fds[i], (void *)&bound.storage, &bound.len);
        uint16_t port = weir_address_port(&bound);
        weir_address any;
        (void)!weir_address_parse(&any, bound.storage.ss_family == AF_INET6 ? "::" : "0.0.0.0", port);
        (void)!weir_address_parse(&wanted, host, port);
        bool is_any = weir_address_eq(&bound, &any) && bound.storage.ss_family == wanted.storage.ss_family;
        if (is_any || weir_address_eq(&bound, &wanted))
            return port;
    }
    return 0;
}

/* Says "ok" when the server saw itself called at @host, and the client's own name; and when lines come back. [suspends] */
static void call(const struct scene *s, const weir_server *server, const char *host)
{
    uint16_t port = port_at(server, host);
    weir_reader *reader;
    weir_writer *writer;
    weir_bytes line;
    char own[WEIR_ADDRESS_MAX], peer[WEIR_ADDRESS_MAX], expected[2 * WEIR_ADDRESS_MAX];

    int code = weir_open_connection(host, port, &s->connect, &reader, &writer);
    if (code < 0) {
        say("%s", code_name(code));
        return;
    }
    weir_address_format(weir_writer_peername(writer), peer, sizeof peer);
    weir_address_format(weir_writer_sockname(writer), own, sizeof own);
    size_t len = (size_t)snprintf(expected, sizeof expected, "%s %s\n", peer, own);
    ssize_t n = weir_reader_readline(reader, &line);
    bool named = n == (ssize_t)len && memcmp(line.data, expected, len) == 0;
    weir_writer_printf(writer, "hello\n");
    (void)!weir_writer_write_eof(writer);       /* half-close: the answer comes all the same */
    n = weir_reader_readline(reader, &line);
    bool echoed = n == 6 && memcmp(line.data, "hello\n", 6) == 0;
    bool ended = weir_reader_readline(reader, &line) == 0;
    say("%s", !named ? "NAMES" : !echoed ? "ECHO" : !ended ? "END" : "ok");
    weir_writer_free(writer);
}

static int play(void *arg)
{
    const struct scene *s = arg;
    weir_server *server;
    int code = weir_start_server(say_address, NULL, s->hosts, 0, &s->opts, &server);

    if (code < 0)
        return code;
    say("%zu", weir_server_sockets(server, NULL, 0));
    for (int i = 0; i < 4 && s->call[i] != NULL; i++)
        call(s, server, s->call[i]);
    weir_server_close(server);
    say("%s", code_name(weir_server_wait_closed(server)));
    weir_server_free(server);
    return 0;
}

static void check_play(struct scene *s, const char *expected)
{
    int before = open_descriptors();

    ck_assert_int_eq(weir_run(play, s), 0);
    ck_assert_str_eq(said(), expected);
    for (int i = 0; i < 100000 && open_descriptors() != before; i++)
        sched_yield();                          /* a resolver's thread may be about to close its last one */
    ck_assert_int_eq(open_descriptors(), before);
}

/* --- IPv4 ---------------------------------------------------------------------------- */

START_TEST(each_address_of_a_list_is_served)    /* C72, SV-3 */
{
    struct scene s = { .hosts = "127.0.0.1, 127.0.0.2,127.0.0.1", .call = { "127.0.0.1", "127.0.0.2", "127.0.0.1" } };

    check_play(&s, "2 ok ok ok 0");
}
END_TEST

START_TEST(a_name_is_all_of_its_addresses)      /* C72, SV-3 */
{
    struct scene s = { .hosts = "two.test,127.0.0.3", .call = { "127.0.0.1", "127.0.0.2", "127.0.0.3" } };

    net_resolver_answer("127.0.0.1 127.0.0.2");
    check_play(&s, "3 ok ok ok 0");
}
END_TEST

START_TEST(an_address_of_the_list_that_is_not_here_is_left_out)         /* SV-4, decision 11 */
{
    struct scene s = { .hosts = "198.51.100.1,127.0.0.1", .call = { "127.0.0.1" } };

    check_play(&s, "1 ok 0");
}
END_TEST

START_TEST(all_interfaces_of_one_family)        /* C72 */
{
    struct scene s = { .hosts = "", .opts.family = AF_INET, .call = { "127.0.0.1", "127.0.0.9" } };

    check_play(&s, "1 ok ok 0");
}
END_TEST

START_TEST(a_client_comes_from_where_it_is_told)        /* C85 */
{
    struct scene s = { .hosts = "127.0.0.1", .call = { "127.0.0.1" }, .connect.local_host = "127.0.0.3" };

    check_play(&s, "1 ok 0");
}
END_TEST

/* --- IPv6 ---------------------------------------------------------------------------- */

START_TEST(ipv6_is_served_and_called)
{
    static const char *const hosts[] = { "::1", "[::1]", "six.test" };
    struct scene s = { .hosts = hosts[_i], .call = { "::1", "[::1]" } };

    if (!net_has_ipv6("a server on ::1"))
        return;
    net_resolver_answer("::1");
    check_play(&s, "1 ok ok 0");
}
END_TEST

START_TEST(both_families_are_served_beside_each_other)  /* C72, SV-3, SV-4 (IPV6_V6ONLY) */
{
    static const char *const hosts[] = { "127.0.0.1,::1", "", NULL };
    struct scene s = { .hosts = hosts[_i], .call = { "127.0.0.1", "::1" } };

    if (!net_has_ipv6("a server on both families"))
        return;
    if (_i < 2)
        check_play(&s, "2 ok ok 0");
    else
        ck_assert_int_eq(weir_run(play, &s), -EINVAL);  /* neither host nor port */
}
END_TEST

START_TEST(all_interfaces_of_ipv6)      /* C72 */
{
    struct scene s = { .hosts = "", .opts.family = AF_INET6, .call = { "::1" } };

    if (!net_has_ipv6("a server on ::"))
        return;
    check_play(&s, "1 ok 0");
}
END_TEST

START_TEST(a_client_of_ipv6_comes_from_where_it_is_told)        /* C85 */
{
    struct scene s = { .hosts = "::1", .call = { "::1" }, .connect.local_host = _i == 0 ? "::1" : "127.0.0.1" };

    if (!net_has_ipv6("a client with a local address of IPv6"))
        return;
    check_play(&s, _i == 0 ? "1 ok 0" : "1 EADDRNOTAVAIL 0");
}
END_TEST

/* --- Names with both ------------------------------------------------------------------ */

struct fallback {
    struct net_ports ports;
    weir_connect_options opts;
    int code;
    char peer[WEIR_ADDRESS_MAX];
};

static int call_a_name(void *arg)
{
    struct fallback *f = arg;
    weir_reader *reader;
    weir_writer *writer;

    f->code = weir_open_connection("both.test", f->ports.port, &f->opts, &reader, &writer);
    if (f->code < 0)
        return 0;
    weir_address_format(weir_writer_peername(writer), f->peer, sizeof f->peer);
    weir_writer_free(writer);
    return 0;
}

/* IPv6 comes first in the answer, and refuses, or hangs. */
START_TEST(a_name_falls_back_to_the_other_family)       /* C84, OC-4, OC-7 */
{
    struct fallback f = { .opts.happy_eyeballs_delay = _i == 0 ? 0 : 0.01 };
    char expected[WEIR_ADDRESS_MAX];

    if (!net_has_ipv6("a name with both families"))
        return;
    net_ports_open(&f.ports, _i == 0 ? "Ra" : "Ha");
    net_resolver_answer("::1 127.0.0.2");
    ck_assert_int_eq(weir_run(call_a_name, &f), 0);
    ck_assert_int_eq(f.code, 0);
    snprintf(expected, sizeof expected, "127.0.0.2:%u", f.ports.port);
    ck_assert_str_eq(f.peer, expected);
    net_ports_close(&f.ports);
}
END_TEST

Suite *suite(void)
{
    Suite *hosts = suite_create("streams/start_server_hosts");

    TCase *four = tcase_create("IPv4");
    tcase_add_test(four, each_address_of_a_list_is_served);
    tcase_add_test(four, a_name_is_all_of_its_addresses);
    tcase_add_test(four, an_address_of_the_list_that_is_not_here_is_left_out);
    tcase_add_test(four, all_interfaces_of_one_family);
    tcase_add_test(four, a_client_comes_from_where_it_is_told);
    suite_add_tcase(hosts, four);

    TCase *six = tcase_create("IPv6");
    tcase_add_loop_test(six, ipv6_is_served_and_called, 0, 3);
    tcase_add_loop_test(six, both_families_are_served_beside_each_other, 0, 3);
    tcase_add_test(six, all_interfaces_of_ipv6);
    tcase_add_loop_test(six, a_client_of_ipv6_comes_from_where_it_is_told, 0, 2);
    suite_add_tcase(hosts, six);

    TCase *names = tcase_create("names");
    tcase_add_loop_test(names, a_name_falls_back_to_the_other_family, 0, 2);
    suite_add_tcase(hosts, names);
    return hosts;
}
