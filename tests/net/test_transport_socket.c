/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_transport_socket.c  What net/transport_socket.c promises: names, options, watchers, and what a request costs.
 *
 * The counts are exact: they are the reason why reading interest stays registered and why output is gathered.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/run.h>
#include <weir/transport.h>

#include "core/sys_fault.h"
#include "lib/clock.h"
#include "lib/net_pair.h"
#include "lib/suite.h"
#include "net/transport_socket.h"

/* --- Counts ------------------------------------------------------------------ */

#define REQUESTS 200

static void echo(struct net_log *log, enum net_event event)
{
    if (event == NET_DATA)
        weir_transport_write(log->transport, log->bytes + log->len - 64, 64);
}

static void ask_and_read(struct net_pair *pair, int requests)
{
    char text[64] = "a request of sixty-four bytes";

    for (int i = 0; i < requests; i++) {
        size_t before = pair->far_log.len;
        net_far_send(pair, text, sizeof text);
        net_far_read(pair, before + sizeof text);
    }
}

static void count_requests(struct net_pair *pair)
{
    ask_and_read(pair, 20);                     /* until every block has been used once */
    weir__fault_begin(&(struct fault_plan) { 0 });
    uint64_t ctls = epoll_ctls();
    ask_and_read(pair, REQUESTS);
    pair->got[0] = (long)weir__fault_seen(SYS_RECV);
    pair->got[1] = (long)weir__fault_seen(SYS_SEND);
    pair->got[2] = (long)weir__fault_seen(SYS_ALLOC);
    pair->got[3] = (long)(epoll_ctls() - ctls);
    pair->got[4] = (long)weir__fault_seen(SYS_SETSOCKOPT);
}

START_TEST(a_request_costs_one_recv_and_one_send_and_nothing_else)
{
    struct net_pair pair = { .log.on = echo, .log.quiet = true };

    net_run(&pair, _i * NET_CUTS, count_requests);
    ck_assert_int_eq(pair.got[0], REQUESTS);
    ck_assert_int_eq(pair.got[1], REQUESTS);
    ck_assert_int_eq(pair.got[2], 0);
    ck_assert_int_eq(pair.got[3], 0);
    ck_assert_int_eq(pair.got[4], 0);
    net_pair_fini(&pair);
}
END_TEST

static void end_it(struct net_pair *pair)
{
    net_far_send(pair, "x", 1);
    NET_UNTIL(pair->log.len == 1);
    uint64_t ctls = epoll_ctls();
    net_far_close(pair);
    NET_UNTIL(pair->log.lost);
    pair->got[0] = (long)(epoll_ctls() - ctls);
    pair->got[1] = (long)weir__fault_seen(SYS_CLOSE);
}

/* TCP's; a Unix socket's end is EPOLLHUP too, which libev answers with an epoll_ctl of its own. */
START_TEST(the_end_of_a_connection_costs_no_epoll_ctl)
{
    struct net_pair pair = { 0 };

    net_run(&pair, NET_TCP * NET_CUTS, end_it);
    ck_assert_int_eq(pair.got[0], 0);
    ck_assert_int_eq(pair.got[1], 1);
    net_pair_fini(&pair);
}
END_TEST

/* --- Names ------------------------------------------------------------------- */

static void ask_names(struct net_pair *pair)
{
    const weir_address *peer = weir_transport_get_extra_info(pair->near, "peername");
    const weir_address *own = weir_transport_get_extra_info(pair->near, "sockname");
    const int *fd = weir_transport_get_extra_info(pair->near, "socket");
    struct sockaddr_in far;
    socklen_t len = sizeof far;

    getsockname(pair->fd, (void *)&far, &len);
    pair->got[0] = peer != NULL && weir_address_port(peer) == ntohs(far.sin_port);
    getpeername(pair->fd, (void *)&far, &len);
    pair->got[1] = own != NULL && weir_address_port(own) == ntohs(far.sin_port);
    pair->got[2] = fd != NULL && *fd == weir__transport_fd(pair->near);
    pair->got[3] = weir_transport_get_extra_info(pair->near, "sslcontext") == NULL;
    int delay = 0;
    len = sizeof delay;
    getsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &delay, &len);
    pair->got[4] = delay;
    weir_transport_close(pair->near);
    NET_UNTIL(pair->log.lost);
    pair->got[5] = weir_transport_get_extra_info(pair->near, "peername") == peer
                   && weir_transport_get_extra_info(pair->near, "sockname") == own;
    pair->got[6] = weir_transport_get_extra_info(pair->near, "socket") == NULL && weir__transport_fd(pair->near) == -1;
}

START_TEST(names_answer_and_are_the_same_after_the_loss)        /* BT-2, BT-16, BT-18, C71 */
{
    struct net_pair pair = { 0 };

    net_run(&pair, NET_TCP * NET_CUTS, ask_names);
    for (int i = 0; i < 7; i++)
        ck_assert_msg(pair.got[i] == 1, "answer %d is %ld", i, pair.got[i]);
    net_pair_fini(&pair);
}
END_TEST

static bool is_us(const struct ucred *credentials)
{
    return credentials != NULL && credentials->pid == getpid() && credentials->uid == geteuid()
           && credentials->gid == getegid();
}

static void ask_credentials(struct net_pair *pair)
{
    bool early = pair->size[0] == 0;
    const struct ucred *first = early ? weir_transport_get_extra_info(pair->near, "peercred") : NULL;

    pair->got[0] = is_us(first);
    weir_transport_close(pair->near);
    NET_UNTIL(pair->log.lost);
    const struct ucred *later = weir_transport_get_extra_info(pair->near, "peercred");
    pair->got[1] = is_us(later);
    pair->got[2] = !early || later == first;
    pair->got[3] = first == NULL && later == NULL;
}

/* First asked before the loss, and after it. */
START_TEST(a_unix_sockets_peer_is_known_by_its_credentials)     /* BT-16, BT-18 */
{
    struct net_pair pair = { .size[0] = (size_t)_i };

    net_run(&pair, NET_SOCKETPAIR * NET_CUTS, ask_credentials);
    ck_assert_int_eq(pair.got[0], _i == 0);
    ck_assert_int_eq(pair.got[1], 1);
    ck_assert_int_eq(pair.got[2], 1);
    net_pair_fini(&pair);
}
END_TEST

START_TEST(tcp_has_no_credentials)
{
    struct net_pair pair = { 0 };

    net_run(&pair, NET_TCP * NET_CUTS, ask_credentials);
    ck_assert_int_eq(pair.got[3], 1);           /* and not a struct that says nobody */
    net_pair_fini(&pair);
}
END_TEST

static void lose_credentials(struct net_pair *pair)
{
    weir__fault_begin(&(struct fault_plan) { .fail_at = 1, .only = 1ULL << SYS_GETSOCKOPT, .code = -ENOMEM });
    pair->got[0] = weir_transport_get_extra_info(pair->near, "peercred") == NULL;
    pair->got[1] = (long)weir__fault_end();
    pair->got[2] = is_us(weir_transport_get_extra_info(pair->near, "peercred"));
}

START_TEST(credentials_that_could_not_be_found_out_are_none_and_may_be_found_later)
{
    struct net_pair pair = { 0 };

    net_run(&pair, NET_SOCKETPAIR * NET_CUTS, lose_credentials);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pair.got[i], 1);
    net_pair_fini(&pair);
}
END_TEST

static void ask_late(struct net_pair *pair)
{
    const weir_address *peer, *own;

    weir_transport_close(pair->near);
    NET_UNTIL(pair->log.lost);
    peer = weir_transport_get_extra_info(pair->near, "peername");
    own = weir_transport_get_extra_info(pair->near, "sockname");
    pair->got[0] = peer != NULL && weir_address_port(peer) != 0;
    pair->got[1] = own != NULL && weir_address_port(own) != 0;
}

START_TEST(names_that_were_first_asked_after_the_loss_answer_too)
{
    struct net_pair pair = { 0 };

    net_run(&pair, NET_TCP * NET_CUTS, ask_late);
    ck_assert_int_eq(pair.got[0], 1);
    ck_assert_int_eq(pair.got[1], 1);
    net_pair_fini(&pair);
}
END_TEST

static void ask_without_memory(struct net_pair *pair)
{
    weir__fault_begin(&(struct fault_plan) { .fail_at = 1, .from_then_on = true });
    pair->got[0] = weir_transport_get_extra_info(pair->near, "peername") == NULL;
    pair->got[1] = weir_transport_get_extra_info(pair->near, "sockname") == NULL;
    weir__fault_end();
    pair->got[2] = weir_transport_get_extra_info(pair->near, "peername") != NULL;
}

START_TEST(a_name_that_could_not_be_found_out_is_none_and_may_be_found_later)
{
    struct net_pair pair = { 0 };

    net_run(&pair, NET_TCP * NET_CUTS, ask_without_memory);
    ck_assert_int_eq(pair.got[0], 1);
    ck_assert_int_eq(pair.got[1], 1);
    ck_assert_int_eq(pair.got[2], 1);
    net_pair_fini(&pair);
}
END_TEST

/* --- The descriptor ------------------------------------------------------------ */

static void look_in_lost(struct net_log *log, enum net_event event)
{
    struct net_pair *pair = log->user;

    if (event != NET_LOST)
        return;
    const int *fd = weir_transport_get_extra_info(log->transport, "socket");
    int error;
    socklen_t len = sizeof error;
    pair->got[0] = fd != NULL && getsockopt(*fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0;
}

static void lose_it(struct net_pair *pair)
{
    pair->log.user = pair;
    weir_transport_abort(pair->near);
    NET_UNTIL(pair->log.lost);
}

START_TEST(the_descriptor_is_open_until_connection_lost_has_returned)   /* BT-8 */
{
    struct net_pair pair = { .log.on = look_in_lost };

    net_run(&pair, _i * NET_CUTS, lose_it);
    ck_assert_int_eq(pair.got[0], 1);
    net_pair_fini(&pair);
}
END_TEST

static void not_watched(struct net_pair *pair)
{
    weir_transport_pause_reading(pair->near);
    net_far_send(pair, "x", 1);
    net_passes(5);                              /* the event nobody wanted took the watcher off */
    epoll_ctl_fail(2, pair->got[7] ? ENOSPC : ENOMEM);
    weir_transport_resume_reading(pair->near);
    NET_UNTIL(pair->log.lost);
}

START_TEST(a_descriptor_that_cannot_be_watched_is_a_lost_connection)    /* fault 3 */
{
    struct net_pair pair = { .got[7] = _i };

    net_run(&pair, NET_TCP * NET_CUTS, not_watched);
    ck_assert_str_eq(pair.log.text, "CM CL(ENOMEM)");
    net_pair_fini(&pair);
}
END_TEST

static int refuse(void *arg)
{
    int *fds = arg, code = 0;

    weir__fault_begin(&(struct fault_plan) { .fail_at = (uint64_t)fds[2], .only = 1ULL << SYS_ALLOC });
    weir_transport *t = weir__socket_transport_new(weir_get_running_loop(), fds[0], NULL, 0, &net_log_plain, NULL, &code);
    weir__fault_end();
    if (t == NULL)
        return code;
    weir__transport_wait_start(t);
    return 1;
}

START_TEST(a_transport_that_cannot_be_made_closes_its_descriptor)
{
    int before = net_open_descriptors();
    int fds[3] = { -1, -1, _i };

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    ck_assert_int_eq(weir_run(refuse, fds), -ENOMEM);
    close(fds[1]);
    net_check_descriptors(before);
}
END_TEST

Suite *suite(void)
{
    Suite *socket = suite_create("net/transport_socket");

    TCase *counts = tcase_create("counts");
    tcase_add_loop_test(counts, a_request_costs_one_recv_and_one_send_and_nothing_else, 0, 2);
    tcase_add_test(counts, the_end_of_a_connection_costs_no_epoll_ctl);
    suite_add_tcase(socket, counts);

    TCase *names = tcase_create("names");
    tcase_add_test(names, names_answer_and_are_the_same_after_the_loss);
    tcase_add_loop_test(names, a_unix_sockets_peer_is_known_by_its_credentials, 0, 2);
    tcase_add_test(names, tcp_has_no_credentials);
    tcase_add_test(names, credentials_that_could_not_be_found_out_are_none_and_may_be_found_later);
    tcase_add_test(names, names_that_were_first_asked_after_the_loss_answer_too);
    tcase_add_test(names, a_name_that_could_not_be_found_out_is_none_and_may_be_found_later);
    suite_add_tcase(socket, names);

    TCase *descriptor = tcase_create("descriptor");
    tcase_add_loop_test(descriptor, the_descriptor_is_open_until_connection_lost_has_returned, 0, 2);
    tcase_add_loop_test(descriptor, a_descriptor_that_cannot_be_watched_is_a_lost_connection, 0, 2);
    tcase_add_loop_test(descriptor, a_transport_that_cannot_be_made_closes_its_descriptor, 1, 3);
    suite_add_tcase(socket, descriptor);
    return socket;
}
