/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_connector_options.c  What net/connector.c does with the options: families, the order of the addresses, and
 * where a connect comes from.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/run.h>

#include "core/sys_fault.h"
#include "lib/net_pair.h"
#include "lib/net_ports.h"
#include "lib/net_resolver.h"
#include "lib/suite.h"
#include "net/connector.h"

struct scene {
    const char *host;
    uint16_t port;
    weir_connect_options opts;
    weir_address local;         /* of the socket that was connected */
    int  code;
    char detail[512];
};

static int connect_it(void *arg)
{
    struct scene *s = arg;
    struct connected connected = { .fd = -1 };

    s->code = weir__connect(weir_get_running_loop(), s->host, s->port, &s->opts, &connected);
    snprintf(s->detail, sizeof s->detail, "%s", s->code < 0 ? weir_error_detail() : "");
    if (connected.fd >= 0) {
        s->local.len = sizeof s->local.storage;
        getsockname(connected.fd, (void *)&s->local.storage, &s->local.len);
        close(connected.fd);
    }
    return 0;
}

/* --- In which order, and beside each other ------------------------------------------- */

static const struct {
    unsigned interleave;
    double   delay;
    int      family;
    const char *order[4];       /* what is tried, by what the text lists */
} orders[] = {                  /* OC-7, OC-8, C86 */
    { 0, 0, 0, { "127.0.0.1:", "127.0.0.2:", "[::1]:", "[::2]:" } },
    { 1, 0, 0, { "127.0.0.1:", "[::1]:", "127.0.0.2:", "[::2]:" } },
    { 2, 0, 0, { "127.0.0.1:", "127.0.0.2:", "[::1]:", "[::2]:" } },
    { 0, 9, 0, { "127.0.0.1:", "[::1]:", "127.0.0.2:", "[::2]:" } },    /* with a delay, families take turns by themselves */
    { 3, 9, 0, { "127.0.0.1:", "127.0.0.2:", "[::1]:", "[::2]:" } },
    { 1, 0, AF_INET6, { "[::1]:", "[::2]:", NULL } },
    { 0, 0, AF_INET, { "127.0.0.1:", "127.0.0.2:", NULL } },
};

START_TEST(the_order_is_the_options)
{
    struct scene s = { .host = "some.test", .port = 80, .opts.interleave = orders[_i].interleave,
                       .opts.happy_eyeballs_delay = orders[_i].delay, .opts.family = orders[_i].family };
    const char *at = s.detail;

    net_resolver_answer("127.0.0.1 127.0.0.2 ::1 ::2");
    weir__fault_begin(&(struct fault_plan) { .fail_at = 1, .from_then_on = true, .only = 1ULL << SYS_CONNECT });
    ck_assert_int_eq(weir_run(connect_it, &s), 0);
    weir__fault_end();
    ck_assert_int_lt(s.code, 0);
    for (int i = 0; i < 4 && orders[_i].order[i] != NULL; i++) {
        const char *next = strstr(at, orders[_i].order[i]);
        ck_assert_msg(next != NULL, "%s is not behind \"%s\" in \"%s\"", orders[_i].order[i], at, s.detail);
        at = next;
    }
    ck_assert_ptr_null(strstr(at + 1, orders[_i].order[0]));
}
END_TEST

START_TEST(one_that_hangs_does_not_hold_the_next_one_up)        /* OC-7 */
{
    struct scene s = { .host = "some.test", .opts.happy_eyeballs_delay = 0.01 };
    struct net_ports ports;
    int before = net_open_descriptors();

    net_ports_open(&ports, "ha");
    s.port = ports.port;
    net_resolver_answer("127.0.0.1 127.0.0.2");
    ck_assert_int_eq(weir_run(connect_it, &s), 0);
    ck_assert_int_eq(s.code, 0);
    net_ports_close(&ports);
    net_check_descriptors(before);
}
END_TEST

/* --- From where ----------------------------------------------------------------------- */

static void check_local(const struct scene *s, const char *host)
{
    char name[WEIR_ADDRESS_MAX];

    weir_address_format(&s->local, name, sizeof name);
    ck_assert_int_eq(strncmp(name, host, strlen(host)), 0);
}

START_TEST(a_connect_comes_from_where_it_is_told)       /* C85, OC-6 */
{
    static const char *const hosts[] = { "127.0.0.3", "local.test", "" };
    struct scene s = { .host = "127.0.0.1", .opts.local_host = hosts[_i] };
    int before = net_open_descriptors();
    int listener = net_listen(5, &s.port);

    net_resolver_answer("::1 198.51.100.1 127.0.0.3");     /* another family; not ours */
    ck_assert_int_eq(weir_run(connect_it, &s), 0);
    ck_assert_int_eq(s.code, 0);
    check_local(&s, _i == 2 ? "127.0.0.1:" : "127.0.0.3:");
    close(listener);
    net_check_descriptors(before);
}
END_TEST

START_TEST(a_local_port_may_be_given)   /* OC-6 */
{
    struct scene s = { .host = "127.0.0.1" };
    int listener = net_listen(5, &s.port), tries = 0;

    do {                                        /* somebody else may get the port in between */
        close(net_refused_port(&s.opts.local_port));
        s.opts.local_host = _i == 0 ? NULL : "127.0.0.1";
        ck_assert_int_eq(weir_run(connect_it, &s), 0);
    } while (s.code == -EADDRINUSE && ++tries < 100);
    ck_assert_int_eq(s.code, 0);
    ck_assert_uint_eq(weir_address_port(&s.local), s.opts.local_port);
    check_local(&s, "127.0.0.1:");
    close(listener);
}
END_TEST

static const struct {
    const char *local;
    const char *answer;         /* for names */
    int  family;
    int  code;
    const char *told;
} no_locals[] = {               /* C85 */
    { "::1", NULL, 0, -EADDRNOTAVAIL, "there is no local address of its family" },
    { "198.51.100.1", NULL, 0, -EADDRNOTAVAIL, "from 198.51.100.1:" },
    { "local.test", "198.51.100.1 198.51.100.2", 0, -EADDRNOTAVAIL, "from 198.51.100.2:" },     /* the last one's failure */
    { "::1", NULL, AF_INET, WEIR_ERESOLVE, "::1" },
    { "nobody.test", NULL, 0, WEIR_ERESOLVE, "nobody.test" },
};

START_TEST(a_local_address_that_will_not_do_is_named)
{
    struct scene s = { .host = "127.0.0.1", .opts = { .local_host = no_locals[_i].local, .family = no_locals[_i].family } };
    int before = net_open_descriptors();
    int listener = net_listen(5, &s.port);

    net_resolver_answer(no_locals[_i].answer);
    ck_assert_int_eq(weir_run(connect_it, &s), 0);
    ck_assert_int_eq(s.code, no_locals[_i].code);
    ck_assert_msg(strstr(s.detail, no_locals[_i].told) != NULL, "\"%s\" is not in \"%s\"", no_locals[_i].told, s.detail);
    close(listener);
    net_check_descriptors(before);
}
END_TEST

Suite *suite(void)
{
    Suite *options = suite_create("net/connector_options");

    TCase *order = tcase_create("order");
    tcase_add_loop_test(order, the_order_is_the_options, 0, (int)(sizeof orders / sizeof orders[0]));
    tcase_add_test(order, one_that_hangs_does_not_hold_the_next_one_up);
    suite_add_tcase(options, order);

    TCase *local = tcase_create("local");
    tcase_add_loop_test(local, a_connect_comes_from_where_it_is_told, 0, 3);
    tcase_add_loop_test(local, a_local_port_may_be_given, 0, 2);
    tcase_add_loop_test(local, a_local_address_that_will_not_do_is_named, 0, (int)(sizeof no_locals / sizeof no_locals[0]));
    suite_add_tcase(options, local);

    return options;
}
