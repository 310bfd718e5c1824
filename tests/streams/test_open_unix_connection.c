/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_open_unix_connection.c  What streams/open_connection.c promises for Unix sockets, with a server of ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <weir/run.h>
#include <weir/server.h>

#include "core/sys_fault.h"
#include "lib/each_fault.h"
#include "lib/net_unix.h"
#include "lib/stream_service.h"
#include "lib/suite.h"

static int try_connect(const char *path, const weir_connect_options *opts)
{
    weir_reader *reader = NULL;
    weir_writer *writer = NULL;
    int code = weir_open_unix_connection(path, opts, &reader, &writer);

    if (code < 0 && (reader != NULL || writer != NULL))
        say("TOUCHED");
    if (code == 0)
        weir_writer_free(writer);
    return code;
}

static void end(weir_server *server)
{
    weir_server_close(server);
    say("%s", code_name(weir_server_wait_closed(server)));
    weir_server_free(server);
}

/* --- Used ------------------------------------------------------------------------ */

static int use_it(void *arg)
{
    const char *path = arg;
    weir_server *server;
    weir_reader *reader;
    weir_writer *writer;
    weir_bytes line;
    char name[WEIR_ADDRESS_MAX];

    int code = weir_start_unix_server(echo_lines, NULL, path, NULL, &server);
    if (code == 0)
        code = weir_open_unix_connection(path, NULL, &reader, &writer);
    if (code < 0)
        return code;
    weir_writer_printf(writer, "hello\n");
    ssize_t n = weir_reader_readline(reader, &line);
    say("%s", n == 6 ? quoted(line.data, line.len) : code_name(n));
    say("%d", strcmp(weir_address_format(weir_writer_peername(writer), name, sizeof name) + 5, path));
    say("[%s]", weir_address_format(weir_writer_sockname(writer), name, sizeof name));
    const struct ucred *credentials = weir_writer_get_extra_info(writer, "peercred");
    say("%d", credentials != NULL && credentials->pid == getpid());
    say("%s", code_name(weir_writer_write_eof(writer)));        /* half-close: the echo goes on to the end */
    say("%s", code_name(weir_reader_readline(reader, &line)));
    weir_writer_close(writer);
    say("%s", code_name(weir_writer_wait_closed(writer)));
    weir_writer_free(writer);
    end(server);
    return 0;
}

START_TEST(a_connection_is_opened_used_and_closed)      /* OC-11, BT-18 */
{
    char path[128];
    int before = open_descriptors();

    if (_i == 0)
        snprintf(path, sizeof path, "%s", net_unix_path("s"));
    else
        snprintf(path, sizeof path, "@weir-open-%d", (int)getpid());
    ck_assert_int_eq(weir_run(use_it, path), 0);
    ck_assert_str_eq(said(), "\"hello\\n\" 0 [unix:] 1 0 0 0 0");
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

static int use_a_sock(void *arg)
{
    weir_reader *reader;
    weir_writer *writer;
    weir_bytes line;
    int fds[2];
    weir_connect_options opts = { .sock = &fds[0], .limit = 10 };

    (void)arg;
    say("%d", socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
    say("%s", code_name(try_connect("/x", &opts)));     /* both: refused, and it is still ours */
    say("%d", fcntl(fds[0], F_GETFD) >= 0);
    int code = weir_open_unix_connection(NULL, &opts, &reader, &writer);
    if (code < 0)
        return code;
    raw_send(fds[1], "hi\n0123456789more\n", 18);
    ssize_t n = weir_reader_readline(reader, &line);
    say("%s", n == 3 ? quoted(line.data, line.len) : code_name(n));
    say("%s", code_name(weir_reader_readline(reader, &line)));  /* the limit is the options' */
    close(fds[1]);
    weir_writer_free(writer);
    far_settle();
    say("%d", fcntl(fds[0], F_GETFD) >= 0);
    return 0;
}

START_TEST(a_socket_may_be_handed_over) /* OC-9, OC-11 */
{
    int before = open_descriptors();

    ck_assert_int_eq(weir_run(use_a_sock, NULL), 0);
    ck_assert_str_eq(said(), "0 EINVAL 1 \"hi\\n\" ELIMIT 0");
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

/* --- Refused ----------------------------------------------------------------------- */

static int connect_badly(void *arg)
{
    const char *path = arg;
    int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    weir_connect_options name = { .server_hostname = "" }, handshake = { .tls_handshake_timeout = 1 },
                         family = { .family = AF_INET6 }, large = { .limit = (size_t)-1 }, other = { .sock = &tcp };

    say("%s", code_name(try_connect(NULL, NULL)));
    say("%s", code_name(try_connect(path, &name)));
    say("%s", code_name(try_connect(path, &handshake)));
    say("%s", code_name(try_connect(path, &family)));
    say("%s", code_name(try_connect(path, &large)));
    say("%s", code_name(try_connect(NULL, &other)));
    say("%s", code_name(try_connect(path, NULL)));
    say("%s", strstr(weir_error_detail(), path) != NULL ? "names it" : weir_error_detail());
    close(tcp);                                 /* still ours after -EINVAL */
    return 0;
}

START_TEST(a_connection_that_cannot_be_opened_says_why) /* OC-11, C83 */
{
    weir_reader *reader;
    weir_writer *writer;
    char path[128];
    int before = open_descriptors();

    snprintf(path, sizeof path, "%s", net_unix_path("nobody"));
    ck_assert_int_eq(weir_open_unix_connection(path, NULL, &reader, &writer), WEIR_ENOTASK);
    ck_assert_int_eq(weir_run(connect_badly, path), 0);
    ck_assert_str_eq(said(), "EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL ENOENT names it");
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

/* --- Cut short ----------------------------------------------------------------------- */

struct cut {
    const char *path;
    int passes;
    int code;
};

static int connect_to_it(void *arg)
{
    struct cut *cut = arg;

    cut->code = try_connect(cut->path, NULL);
    return 0;
}

static int cut_short(void *arg)
{
    struct cut *cut = arg;
    weir_server *server;

    int code = weir_start_unix_server(echo_lines, NULL, cut->path, NULL, &server);
    if (code < 0)
        return code;
    weir_task *task = weir_create_task(connect_to_it, cut);
    for (int i = 0; i < cut->passes; i++)
        weir_yield();
    weir_task_cancel(task);
    far_join(task);
    end(server);
    return 0;
}

START_TEST(cancelled_at_any_pass_it_leaves_nothing)     /* OC-10 */
{
    struct cut cut = { .path = net_unix_path("s"), .passes = _i, .code = -ECANCELED };
    int before = open_descriptors();

    ck_assert_int_eq(weir_run(cut_short, &cut), 0);
    ck_assert(cut.code == 0 || cut.code == -ECANCELED);
    ck_assert_str_eq(said(), "0");
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

static int out_of_time(void *arg)
{
    const char *path = arg;
    weir_connect_options opts = { .timeout = 1e-12 };
    weir_timeout scope;
    weir_server *server;

    int code = weir_start_unix_server(echo_lines, NULL, path, NULL, &server);
    if (code < 0)
        return code;
    weir_timeout_begin(&scope, 0);
    say("%s", code_name(try_connect(path, NULL)));
    weir_timeout_end(&scope);
    say("%s", code_name(try_connect(path, &opts)));
    end(server);
    return 0;
}

/* A scope that is over ends the wait for connection_made. The option bounds connecting, which is over at once here. */
START_TEST(a_deadline_that_is_over_leaves_nothing)
{
    char path[128];
    int before = open_descriptors();

    snprintf(path, sizeof path, "%s", net_unix_path("s"));
    ck_assert_int_eq(weir_run(out_of_time, path), 0);
    ck_assert_str_eq(said(), "ETIMEDOUT 0 0");
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

static int connect_in_a_run(void *arg)
{
    struct cut *cut = arg;
    int code = weir_run(connect_to_it, cut);

    return code < 0 ? code : cut->code;
}

/* Fault 2 and the like: the code arrives, and nothing stays. */
START_TEST(whatever_call_fails_nothing_stays_open)
{
    char name[64];
    struct cut cut = { .path = name };
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(name, sizeof name, "@weir-faults-%d", (int)getpid());
    memcpy(un.sun_path + 1, name + 1, strlen(name + 1));
    ck_assert_int_eq(bind(listener, (void *)&un, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))), 0);
    ck_assert_int_eq(listen(listener, 1000), 0);
    int before = open_descriptors();
    ck_assert_uint_gt(each_fault(FAULT_ANY, _i == 1, connect_in_a_run, &cut), 10);
    ck_assert_int_eq(open_descriptors(), before);
    close(listener);
}
END_TEST

Suite *suite(void)
{
    Suite *opening = suite_create("streams/open_unix_connection");

    TCase *used = tcase_create("used");
    tcase_add_checked_fixture(used, net_unix_folder, net_unix_remove_folder);
    tcase_add_loop_test(used, a_connection_is_opened_used_and_closed, 0, 2);
    tcase_add_test(used, a_socket_may_be_handed_over);
    tcase_add_test(used, a_connection_that_cannot_be_opened_says_why);
    suite_add_tcase(opening, used);

    TCase *cuts = tcase_create("cuts");
    tcase_add_checked_fixture(cuts, net_unix_folder, net_unix_remove_folder);
    tcase_add_loop_test(cuts, cancelled_at_any_pass_it_leaves_nothing, 0, 8);
    tcase_add_test(cuts, a_deadline_that_is_over_leaves_nothing);
    tcase_add_loop_test(cuts, whatever_call_fails_nothing_stays_open, 0, 2);
    suite_add_tcase(opening, cuts);
    return opening;
}
