/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_sockets.c  What server/sockets.c promises: bound and not listening, for each server and worker, or a
 * problem at its place and nothing bound.
 */
#include "server/sockets.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/suite.h"

#define WORKERS 3

static char folder[64], path[96];
static struct listen_address addresses[4];
static struct server_config servers[2];
static struct config config = { .servers = servers };
static struct problems problems;
static struct sockets sockets;

static void prepare(void)
{
    snprintf(folder, sizeof folder, "/tmp/weir-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.sock", folder);
    memset(&problems, 0, sizeof problems);
    servers[0] = (struct server_config) { .name = "a", .listen = addresses, .unix_mode = CONFIG_UNIX_MODE_UMASK, .backlog = 10 };
    config.server_count = 1;
}

static void finish(void)
{
    sockets_close(&sockets);
    problems_fini(&problems);
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void tcp(const char *host, uint16_t port)
{
    unsigned line = 10 + (unsigned)servers[0].listen_count;

    addresses[servers[0].listen_count++] = (struct listen_address) { LISTEN_TCP, "text", host, port, NULL, { "x.conf", line } };
}

static void unix_socket(const char *name)
{
    unsigned line = 10 + (unsigned)servers[0].listen_count;

    addresses[servers[0].listen_count++] = (struct listen_address) { LISTEN_UNIX, "text", NULL, 0, name, { "x.conf", line } };
}

static int port_of(int fd)
{
    struct sockaddr_in bound = { .sin_family = AF_UNSPEC };

    ck_assert_int_eq(getsockname(fd, (void *)&bound, &(socklen_t) { sizeof bound }), 0);
    return bound.sin_family == AF_INET ? ntohs(bound.sin_port) : -1;
}

static bool listens(int fd)
{
    int listening = -1;

    ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &(socklen_t) { sizeof listening }), 0);
    return listening;
}

START_TEST(every_address_is_bound_for_every_worker)
{
    const struct listen_set *set;

    tcp("127.0.0.1", 0);
    unix_socket(path);
    tcp("localhost", 0);
    ck_assert_msg(sockets_bind(&config, WORKERS, &sockets, &problems) == 0, "%s", problems.count > 0 ? problems.kept[0].text : "");
    ck_assert_uint_eq(sockets.count, 1);
    set = &sockets.sets[0];
    ck_assert_uint_ge(set->addresses, 3);               /* localhost may be two */
    ck_assert_uint_eq(set->workers, WORKERS);
    int port = port_of(set->fds[0]);
    ck_assert_int_gt(port, 0);
    for (size_t worker = 0; worker < WORKERS; worker++) {
        ck_assert_int_eq(port_of(set->fds[worker]), port);
        ck_assert(!listens(set->fds[worker]));
    }
    ck_assert_int_ge(set->fds[WORKERS], 0);             /* one Unix socket for all of them */
    ck_assert_int_eq(set->fds[WORKERS + 1], -1);
    ck_assert_int_eq(access(path, F_OK), 0);
    sockets_close(&sockets);
    ck_assert_int_lt(access(path, F_OK), 0);
    ck_assert_ptr_null(sockets.sets);
}
END_TEST

START_TEST(no_host_is_every_interface)
{
    tcp("", 0);
    ck_assert_int_eq(sockets_bind(&config, 1, &sockets, &problems), 0);
    ck_assert_uint_ge(sockets.sets[0].addresses, 1);
    struct sockaddr_in bound;
    ck_assert_int_eq(getsockname(sockets.sets[0].fds[0], (void *)&bound, &(socklen_t) { sizeof bound }), 0);
    ck_assert_uint_eq(bound.sin_addr.s_addr, htonl(INADDR_ANY));
}
END_TEST

/* Everything that can't be bound is told, and what could be is let go again. */
START_TEST(each_address_that_cannot_be_bound_is_told_at_its_place)
{
    char missing[128];

    snprintf(missing, sizeof missing, "%s/none/b.sock", folder);
    tcp("192.0.2.1", 7000);
    unix_socket(path);
    unix_socket(missing);
    tcp("no-such-host.invalid", 1);
    ck_assert_int_eq(sockets_bind(&config, WORKERS, &sockets, &problems), -1);
    ck_assert_uint_eq(problems.count, 3);
    ck_assert_uint_eq(problems.kept[0].place.line, 10);
    ck_assert_ptr_nonnull(strstr(problems.kept[0].text, "192.0.2.1:7000"));
    ck_assert_uint_eq(problems.kept[1].place.line, 12);
    ck_assert_ptr_nonnull(strstr(problems.kept[1].text, "none/b.sock"));
    ck_assert_uint_eq(problems.kept[2].place.line, 13);
    ck_assert_ptr_nonnull(strstr(problems.kept[2].text, "no-such-host.invalid"));
    ck_assert_uint_eq(sockets.count, 0);
    ck_assert_int_lt(access(path, F_OK), 0);
}
END_TEST

/* A check runs beside the server that has the port. */
START_TEST(a_check_takes_no_address)
{
    char longer[256];

    memset(longer, 'x', sizeof longer - 1);
    longer[0] = '/';
    longer[sizeof longer - 1] = '\0';
    tcp("127.0.0.1", 0);
    unix_socket(path);
    unix_socket("@abstract");
    ck_assert_int_eq(sockets_bind(&config, 1, &sockets, &problems), 0);
    addresses[0].port = (uint16_t)port_of(sockets.sets[0].fds[0]);
    sockets_check(&config, &problems);
    ck_assert_uint_eq(problems.count, 0);

    servers[0].listen_count = 0;
    unix_socket(longer);
    tcp("no-such-host.invalid", 1);
    sockets_check(&config, &problems);
    ck_assert_uint_eq(problems.count, 2);
    ck_assert_ptr_nonnull(strstr(problems.kept[0].text, "has 255 bytes, expected at most 107"));
    ck_assert_ptr_nonnull(strstr(problems.kept[1].text, "is not resolved"));
}
END_TEST

START_TEST(a_check_looks_at_the_folder_of_a_unix_socket)
{
    char below_a_file[128];
    FILE *file = fopen(path, "we");

    ck_assert_ptr_nonnull(file);
    fclose(file);
    snprintf(below_a_file, sizeof below_a_file, "%s/b.sock", path);
    unix_socket(path);                                  /* a file that is no socket */
    unix_socket(below_a_file);
    unix_socket("/no/such/folder/c.sock");
    unix_socket("/c.sock");
    sockets_check(&config, &problems);
    ck_assert_uint_eq(problems.count, 3);
    ck_assert_ptr_nonnull(strstr(problems.kept[0].text, "no socket"));
    ck_assert_ptr_nonnull(strstr(problems.kept[1].text, "is a file, expected a folder"));
    ck_assert_ptr_nonnull(strstr(problems.kept[2].text, "/no/such/folder"));
}
END_TEST

START_TEST(a_sections_limits_are_the_servers_options)
{
    struct server_config server = {
        .limit = 1, .backlog = 2, .stack_size = 3, .balance = CONFIG_BALANCE_EVEN, .max_connections = 4, .max_write_buffer = 5,
        .max_read = 6, .idle_timeout = 7, .close_timeout = 8, .keep_alive = true,
    };
    weir_server_options opts = sockets_options(&server);

    ck_assert_uint_eq(opts.limit, 1);
    ck_assert_int_eq(opts.backlog, 2);
    ck_assert_uint_eq(opts.stack_size, 3);
    ck_assert_int_eq(opts.balance, WEIR_BALANCE_EVEN);
    ck_assert_uint_eq(opts.max_connections, 4);
    ck_assert_uint_eq(opts.max_write_buffer, 5);
    ck_assert_uint_eq(opts.max_read, 6);
    ck_assert(opts.idle_timeout == 7 && opts.close_timeout == 8);
    ck_assert(opts.keep_alive);
    server.balance = CONFIG_BALANCE_REUSEPORT;
    ck_assert_int_eq(sockets_options(&server).balance, WEIR_BALANCE_REUSEPORT);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("server/sockets");
    TCase *bind = tcase_create("sockets");

    tcase_add_checked_fixture(bind, prepare, finish);
    tcase_add_test(bind, every_address_is_bound_for_every_worker);
    tcase_add_test(bind, no_host_is_every_interface);
    tcase_add_test(bind, each_address_that_cannot_be_bound_is_told_at_its_place);
    tcase_add_test(bind, a_check_takes_no_address);
    tcase_add_test(bind, a_check_looks_at_the_folder_of_a_unix_socket);
    tcase_add_test(bind, a_sections_limits_are_the_servers_options);
    suite_add_tcase(s, bind);
    return s;
}
