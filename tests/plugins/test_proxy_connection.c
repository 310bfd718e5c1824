/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/test_proxy_connection.c  What plugins/proxy/connection.c promises: which upstream a client gets, and what is
 * counted and written about it.
 *
 * Clients are memory pairs. Upstreams are sockets on the loopback: one that listens, one that is bound and does not, which
 * refuses, and one whose backlog is full, which does not answer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/run.h>

#include "core/sys_fault.h"
#include "lib/clock.h"
#include "lib/stream_far.h"
#include "lib/suite.h"
#include "plugins/section.h"

#define WAITING 8               /* more than a backlog of 0 takes */

/* --- Upstreams ------------------------------------------------------------ */

static int sockets[2], waiting[WAITING];
static char addresses[128];
static struct option options[8];

static int refusing(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(fd, (void *)&address, sizeof address), 0);
    return fd;
}

static int silent(void)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    int fd = raw_listen();

    listen(fd, 0);
    getsockname(fd, (void *)&address, &len);
    for (int i = 0; i < WAITING; i++) {
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)!connect(waiting[i], (void *)&address, len);
    }
    return fd;
}

/* Two upstreams, the section's options, and a worker to come. */
static void begin(int first, int second, const char *key, const char *value)
{
    sockets[0] = first;
    sockets[1] = second;
    snprintf(addresses, sizeof addresses, "127.0.0.1:%d 127.0.0.1:%d", raw_port(first), raw_port(second));
    options[0] = (struct option) { "upstreams", addresses };
    options[1] = (struct option) { "fail_time", "86400" };
    options[2] = (struct option) { key, value };
    section_want_access();
    section_begin(options);
    ck_assert_int_eq(section_configure(), 0);
}

static void end(void)
{
    section_end();
    close(sockets[0]);
    close(sockets[1]);
}

/* --- Visits --------------------------------------------------------------- */

/* A client, and the upstream's end of its tunnel. */
struct visit {
    struct far client;
    weir_task *handler;
    int upstream;
};

static int run_handler(void *arg)
{
    struct visit *visit = arg;
    int code = weir_plugin_entry.client_connected(visit->client.reader, visit->client.writer, section_state);

    weir_writer_free(visit->client.writer);
    return code;
}

static void arrive(struct visit *visit)
{
    *visit = (struct visit) { .client.fd = -1, .upstream = -1 };
    if (weir_stream_pair(&visit->client.reader, &visit->client.writer, &visit->client.far_reader, &visit->client.far_writer) < 0)
        say("no pair");
    visit->handler = weir_create_task(run_handler, visit);
}

/* With what its handler returned. */
static void depart(struct visit *visit)
{
    say("%s", code_name(far_join(visit->handler)));
    far_close(&visit->client);
    if (visit->upstream >= 0)
        close(visit->upstream);
}

/* A client that reached upstream @number, said so much and was answered, until both have ended. */
static void talk(struct visit *visit, int number)
{
    int before = open_descriptors();
    char bytes[16];

    arrive(visit);
    visit->upstream = raw_accept(sockets[number]);
    far_send(&visit->client, "question", 8);
    far_end_output(&visit->client);
    say("%zu", raw_recv(visit->upstream, bytes, sizeof bytes));
    raw_send(visit->upstream, "ok", 2);
    shutdown(visit->upstream, SHUT_WR);
    say("%zu", far_recv(&visit->client, bytes, sizeof bytes));
    depart(visit);
    far_settle();
    if (open_descriptors() != before)
        say("LEAK");
}

static void (*scenario)(void);

static int play_scenario(void *arg)
{
    (void)arg;
    int code = section_start();

    if (code == 0)
        scenario();
    section_stop();
    return code;
}

static void play(void (*what)(void))
{
    int before = open_descriptors();

    scenario = what;
    ck_assert_int_eq(weir_run(play_scenario, NULL), 0);
    ck_assert_int_eq(open_descriptors(), before);
}

static void check_counts(unsigned connections, unsigned failures, unsigned unserved)
{
    ck_assert_uint_eq(section_count("connections"), connections);
    ck_assert_uint_eq(section_count("connect_failures"), failures);
    ck_assert_uint_eq(section_count("unserved"), unserved);
}

/* Line @number of the access log, with "N" for the time, and for the port of upstream i "<i>". */
static const char *line(int number)
{
    static char out[512];
    const char *at = section_access();
    char address[32];
    char *found;

    for (int i = 0; i < number && at != NULL; i++)
        at = strchr(at, '\n') == NULL ? NULL : strchr(at, '\n') + 1;
    snprintf(out, sizeof out, "%.*s", at == NULL ? 0 : (int)strcspn(at, "\n"), at == NULL ? "" : at);
    for (int i = 0; i < 2; i++) {
        snprintf(address, sizeof address, "upstream=127.0.0.1:%d ", raw_port(sockets[i]));
        if (strncmp(out, address, strlen(address)) == 0) {
            memmove(out + strlen("upstream=0 "), out + strlen(address), strlen(out) - strlen(address) + 1);
            out[strlen("upstream=")] = (char)('0' + i);
            out[strlen("upstream=0")] = ' ';
        }
    }
    if ((found = strstr(out, "seconds=")) != NULL) {
        found += strlen("seconds=");
        size_t digits = strspn(found, "0123456789.");
        memmove(found + 1, found + digits, strlen(found + digits) + 1);
        *found = 'N';
    }
    return out;
}

/* --- Served --------------------------------------------------------------- */

static void talk_once(void)
{
    struct visit visit;

    talk(&visit, 0);
}

START_TEST(a_client_is_led_to_an_upstream)
{
    begin(raw_listen(), raw_listen(), NULL, NULL);
    play(talk_once);
    ck_assert_str_eq(said(), "8 2 0");
    check_counts(1, 0, 0);
    ck_assert_uint_eq(section_count("bytes_up"), 8);
    ck_assert_uint_eq(section_count("bytes_down"), 2);
    ck_assert_str_eq(line(0), "upstream=0 tries=1 bytes_in=8 bytes_out=2 seconds=N ended=eof");
    end();
}
END_TEST

static void talk_past_the_first(void)
{
    struct visit visit;

    for (int i = 0; i < 3; i++)
        talk(&visit, 1);
}

START_TEST(an_upstream_that_is_down_is_passed_over)
{
    begin(refusing(), raw_listen(), NULL, NULL);
    play(talk_past_the_first);
    ck_assert_str_eq(said(), "8 2 0 8 2 0 8 2 0");
    check_counts(3, 1, 0);
    ck_assert_str_eq(line(0), "upstream=1 tries=2 bytes_in=8 bytes_out=2 seconds=N ended=eof");
    ck_assert_str_eq(line(1), "upstream=1 tries=1 bytes_in=8 bytes_out=2 seconds=N ended=eof");
    end();
}
END_TEST

/* One stays with the first, which then has more than the second at any time that one is chosen. */
static void stay_and_talk(void)
{
    struct visit staying, visit;

    arrive(&staying);
    staying.upstream = raw_accept(sockets[0]);
    for (int i = 0; i < 3; i++)
        talk(&visit, 1);
    far_end_output(&staying.client);
    shutdown(staying.upstream, SHUT_WR);
    depart(&staying);
}

START_TEST(who_has_left_is_not_counted_as_a_connection)
{
    begin(raw_listen(), raw_listen(), "balance", "leastconn");
    play(stay_and_talk);
    ck_assert_str_eq(said(), "8 2 0 8 2 0 8 2 0 0");
    end();
}
END_TEST

/* --- Unserved ------------------------------------------------------------- */

static void arrive_in_vain(void)
{
    struct visit visit;

    arrive(&visit);
    depart(&visit);
    say("%.0f", clock_now());
}

START_TEST(when_all_are_down_the_client_is_closed_and_counted)
{
    clock_fake();
    begin(refusing(), refusing(), NULL, NULL);
    play(arrive_in_vain);
    ck_assert_str_eq(said(), "ECONNREFUSED 0");
    check_counts(0, 2, 1);
    ck_assert_str_eq(line(0), "upstream=- tries=2 bytes_in=0 bytes_out=0 seconds=N ended=unserved error=\"Connection refused\"");
    end();
}
END_TEST

START_TEST(no_more_are_tried_than_allowed)
{
    clock_fake();
    begin(refusing(), raw_listen(), "tries", "1");
    play(arrive_in_vain);
    ck_assert_str_eq(said(), "ECONNREFUSED 0");
    check_counts(0, 1, 1);
    end();
}
END_TEST

START_TEST(one_that_does_not_answer_gets_its_time)
{
    clock_fake();
    begin(silent(), refusing(), "connect_timeout", "7s");
    play(arrive_in_vain);
    ck_assert_str_eq(said(), "ECONNREFUSED 7");
    check_counts(0, 2, 1);
    end();
}
END_TEST

/* The plan is in force for one visit, so that the next ones show what came of it. */
static void run_out_of_descriptors(void)
{
    struct visit visit;

    weir__fault_begin(&(struct fault_plan) { .fail_at = 1, .only = 1ULL << SYS_SOCKET, .code = -EMFILE });
    arrive_in_vain();
    weir__fault_end();
    talk(&visit, 1);
    talk(&visit, 0);
}

START_TEST(a_failure_of_our_own_is_not_the_upstreams)
{
    clock_fake();
    begin(raw_listen(), raw_listen(), NULL, NULL);
    play(run_out_of_descriptors);
    ck_assert_str_eq(said(), "EMFILE 0 8 2 0 8 2 0");
    check_counts(2, 1, 1);
    ck_assert_str_eq(line(0), "upstream=- tries=1 bytes_in=0 bytes_out=0 seconds=N ended=unserved error=\"Too many open files\"");
    end();
}
END_TEST

/* --- Ended otherwise ------------------------------------------------------ */

static void cancel_while_connecting(void)
{
    struct visit visit;

    arrive(&visit);
    far_settle();
    say("%d", weir_task_done(visit.handler));
    weir_task_cancel(visit.handler);
    depart(&visit);
}

START_TEST(a_cancel_ends_the_wait_for_an_upstream)
{
    clock_fake();
    begin(silent(), raw_listen(), NULL, NULL);
    play(cancel_while_connecting);
    ck_assert_str_eq(said(), "0 ECANCELED");
    check_counts(0, 0, 0);
    end();
}
END_TEST

static void cancel_while_connected(void)
{
    struct visit visit;

    arrive(&visit);
    visit.upstream = raw_accept(sockets[0]);
    far_settle();
    weir_task_cancel(visit.handler);
    depart(&visit);
}

START_TEST(a_cancel_ends_the_tunnel)
{
    begin(raw_listen(), raw_listen(), NULL, NULL);
    play(cancel_while_connected);
    ck_assert_str_eq(said(), "ECANCELED");
    check_counts(1, 0, 0);
    ck_assert_ptr_nonnull(strstr(line(0), "ended=cut error="));
    end();
}
END_TEST

static void fall_silent(void)
{
    struct visit visit;

    arrive(&visit);
    visit.upstream = raw_accept(sockets[0]);
    depart(&visit);
    say("%.0f", clock_now());
}

START_TEST(silence_is_nobodys_failure)
{
    clock_fake();
    begin(raw_listen(), raw_listen(), "idle_timeout", "30s");
    play(fall_silent);
    ck_assert_str_eq(said(), "0 30");
    ck_assert_str_eq(line(0), "upstream=0 tries=1 bytes_in=0 bytes_out=0 seconds=N ended=idle error=\"Connection timed out\"");
    end();
}
END_TEST

static void reset_by_the_upstream(void)
{
    struct visit visit;

    arrive(&visit);
    visit.upstream = raw_accept(sockets[0]);
    far_settle();
    raw_reset(visit.upstream);
    visit.upstream = -1;
    depart(&visit);
}

START_TEST(who_failed_is_in_the_line)
{
    begin(raw_listen(), raw_listen(), NULL, NULL);
    play(reset_by_the_upstream);
    ck_assert_str_eq(said(), "0");
    ck_assert_str_eq(line(0),
                     "upstream=0 tries=1 bytes_in=0 bytes_out=0 seconds=N ended=upstream error=\"Connection reset by peer\"");
    end();
}
END_TEST

/* The client is gone, so the worker may stop; the handler still has bytes for the upstream, and its upstream to leave. */
static void outlive_the_worker(void)
{
    struct visit visit;

    arrive(&visit);
    visit.upstream = raw_accept(sockets[0]);
    far_settle();
    section_stop();
    shutdown(visit.upstream, SHUT_WR);
    far_end_output(&visit.client);
    depart(&visit);
}

START_TEST(a_connection_may_outlive_its_worker)
{
    begin(raw_listen(), raw_listen(), NULL, NULL);
    play(outlive_the_worker);
    ck_assert_str_eq(said(), "0");
    end();
}
END_TEST

Suite *suite(void)
{
    Suite *connection = suite_create("plugins/proxy/connection");

    TCase *served = tcase_create("served");
    tcase_add_test(served, a_client_is_led_to_an_upstream);
    tcase_add_test(served, an_upstream_that_is_down_is_passed_over);
    tcase_add_test(served, who_has_left_is_not_counted_as_a_connection);
    suite_add_tcase(connection, served);

    TCase *unserved = tcase_create("unserved");
    tcase_add_test(unserved, when_all_are_down_the_client_is_closed_and_counted);
    tcase_add_test(unserved, no_more_are_tried_than_allowed);
    tcase_add_test(unserved, one_that_does_not_answer_gets_its_time);
    tcase_add_test(unserved, a_failure_of_our_own_is_not_the_upstreams);
    suite_add_tcase(connection, unserved);

    TCase *ended = tcase_create("ended");
    tcase_add_test(ended, a_cancel_ends_the_wait_for_an_upstream);
    tcase_add_test(ended, a_cancel_ends_the_tunnel);
    tcase_add_test(ended, silence_is_nobodys_failure);
    tcase_add_test(ended, who_failed_is_in_the_line);
    tcase_add_test(ended, a_connection_may_outlive_its_worker);
    suite_add_tcase(connection, ended);

    return connection;
}
