/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_start_unix_server.c  What weir_start_unix_server promises: who is served, which files come and go.
 *
 * Binding by itself is tried in tests/net/test_listen_unix.c. Each test has a folder of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <weir/loop.h>
#include <weir/run.h>
#include <weir/server.h>

#include "core/sys_fault.h"
#include "lib/each_fault.h"
#include "lib/net_unix.h"
#include "lib/stream_service.h"
#include "lib/suite.h"

static int start(const char *path, const weir_server_options *opts, weir_server **server)
{
    return weir_start_unix_server(echo_lines, NULL, path, opts, server);
}

/* Raw: whether @text comes back. [suspends] */
static bool path_echoes(const char *path, const char *text)
{
    int fd = net_unix_connect(path);
    bool right = fd >= 0 && service_echoes(fd, text);

    close(fd);
    return right;
}

static void end(weir_server *server)
{
    weir_server_close(server);
    say("%d", weir_server_wait_closed(server));
    weir_server_free(server);
}

/* --- Serving ---------------------------------------------------------------------- */

static int serve_path(void *arg)
{
    weir_server *server;
    const char *path = arg;

    say("%s", code_name(start(path, NULL, &server)));
    say("%d %zu", weir_server_is_serving(server), weir_server_sockets(server, NULL, 0));
    say("%d %d", path_echoes(path, "one\n"), path_echoes(path, "two\n"));
    say("%d", access(path, F_OK) == 0);
    weir_server_close(server);
    weir_server_close(server);
    say("%d", access(path, F_OK) == 0);
    say("%s", code_name(net_unix_connect(path)));
    end(server);
    return 0;
}

START_TEST(a_path_is_served_and_its_file_goes_with_the_server)  /* SV-15, decision 9 */
{
    char path[128];
    int before = open_descriptors();

    snprintf(path, sizeof path, "%s", net_unix_path("s"));
    ck_assert_int_eq(weir_run(serve_path, path), 0);
    ck_assert_str_eq(said(), "0 1 1 1 1 1 0 ENOENT 0");
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

START_TEST(an_abstract_name_is_served)  /* C81, decision 16 */
{
    char name[64];

    snprintf(name, sizeof name, "@weir-server-%d", (int)getpid());
    ck_assert_int_eq(weir_run(serve_path, name), 0);
    ck_assert_str_eq(said(), "0 1 1 1 1 0 0 ECONNREFUSED 0");
}
END_TEST

static int say_names(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_bytes line;
    char own[WEIR_ADDRESS_MAX], peer[WEIR_ADDRESS_MAX];

    (void)arg;
    (void)!weir_reader_readline(reader, &line);
    const weir_address *ours = weir_writer_sockname(writer), *theirs = weir_writer_peername(writer);
    say("[%s] [%s]", weir_address_format(ours, own, sizeof own), weir_address_format(theirs, peer, sizeof peer));
    return 0;
}

static int ask_names(void *arg)
{
    weir_server *server;
    const char *path = arg;
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    char own[128];

    say("%s", code_name(weir_start_unix_server(say_names, NULL, path, NULL, &server)));
    close(net_unix_connect(path));
    far_settle();
    /* A caller may have a name too, longer than what is kept of an IPv6 address. */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    snprintf(own, sizeof own, "%s", net_unix_path("a-caller-with-a-name-of-its-own"));
    memcpy(name.sun_path, own, strlen(own));
    say("%d", bind(fd, (void *)&name, sizeof name));
    memset(name.sun_path, 0, sizeof name.sun_path);
    memcpy(name.sun_path, path, strlen(path));
    say("%d", connect(fd, (void *)&name, sizeof name));
    far_settle();
    close(fd);
    unlink(own);
    end(server);
    return 0;
}

START_TEST(both_ends_are_named) /* BT-18 */
{
    char path[128], expected[400];

    snprintf(path, sizeof path, "%s", net_unix_path("s"));
    snprintf(expected, sizeof expected, "0 [unix:%s] [unix:] 0 0 [unix:%s] [unix:%s] 0", path, path,
             net_unix_path("a-caller-with-a-name-of-its-own"));
    ck_assert_int_eq(weir_run(ask_names, path), 0);
    ck_assert_str_eq(said(), expected);
}
END_TEST

static int serve_sock(void *arg)
{
    const char *path = arg;
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    weir_server *server;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    weir_server_options opts = { .sock = &fd };

    memcpy(name.sun_path, path, strlen(path));
    say("%d", bind(fd, (void *)&name, sizeof name));
    say("%s", code_name(start(path, &opts, &server)));  /* both: refused, and the socket is still ours */
    say("%d", fcntl(fd, F_GETFD) >= 0);
    say("%s", code_name(start(NULL, &opts, &server)));
    say("%d", path_echoes(path, "over a sock\n"));
    end(server);
    say("%d %d", fcntl(fd, F_GETFD) >= 0, access(path, F_OK) == 0);
    return 0;
}

START_TEST(a_unix_socket_may_be_handed_over)    /* SV-15, decision 9 */
{
    char path[128];

    snprintf(path, sizeof path, "%s", net_unix_path("s"));
    ck_assert_int_eq(weir_run(serve_sock, path), 0);
    ck_assert_str_eq(said(), "0 EINVAL 1 0 1 0 0 0");
}
END_TEST

/* --- Files that are there ----------------------------------------------------------- */

static int replace(void *arg)
{
    const char *path = arg;
    weir_server *first, *second;

    say("%s", code_name(start(path, NULL, &first)));
    int fd = net_unix_connect(path);
    say("%d", service_echoes(fd, "to the first\n"));
    say("%s", code_name(start(path, NULL, &second)));
    say("%d", path_echoes(path, "to the second\n"));
    weir_server_close(first);                   /* the file is the second one's by now */
    say("%d", access(path, F_OK) == 0);
    say("%d", path_echoes(path, "still there\n"));
    say("%d", service_echoes(fd, "and so is the first one's caller\n"));
    close(fd);
    end(first);
    end(second);
    say("%d", access(path, F_OK) == 0);
    return 0;
}

START_TEST(a_socket_in_use_is_replaced_and_each_server_removes_its_own)         /* SV-15, decision 9, C81 */
{
    char path[128];

    snprintf(path, sizeof path, "%s", net_unix_path("s"));
    ck_assert_int_eq(weir_run(replace, path), 0);
    ck_assert_str_eq(said(), "0 1 0 1 1 1 1 0 0 0");
}
END_TEST

static int leave_it_open(void *arg)
{
    weir_server **server = arg;

    say("%s", code_name(start(net_unix_path("s"), NULL, server)));
    return 0;                                   /* the run ends it */
}

START_TEST(a_run_that_ends_removes_the_file)
{
    weir_server *server = NULL;

    ck_assert_int_eq(weir_run(leave_it_open, &server), 0);
    ck_assert_str_eq(said(), "0");
    ck_assert_int_eq(access(net_unix_path("s"), F_OK), -1);
    weir_server_free(server);
}
END_TEST

/* --- Refused -------------------------------------------------------------------------- */

static void say_refusal(const char *path, const char *word)
{
    weir_server *server;

    say("%s", code_name(start(path, NULL, &server)));
    say("%d", strstr(weir_error_detail(), word) != NULL);
}

static int start_badly(void *arg)
{
    weir_server *server = NULL;
    weir_server_options tls = { .tls_handshake_timeout = 1 }, late = { .idle_timeout = NAN };
    char path[160];

    (void)arg;
    say("%s", code_name(start(NULL, NULL, &server)));
    say("%s", code_name(start("", NULL, &server)));
    say("%s", code_name(start(net_unix_path("s"), &tls, &server)));
    say("%s", code_name(start(net_unix_path("s"), &late, &server)));
    memset(path, 'x', sizeof path);
    path[108] = '\0';
    say_refusal(path, "107");
    say_refusal(net_unix_path("no/s"), "/no/s");
    close(open(net_unix_path("file"), O_CREAT | O_WRONLY, 0600));
    say_refusal(net_unix_path("file"), "/file");
    say("%d", unlink(net_unix_path("file")));
    say("%s", server == NULL ? "untouched" : "TOUCHED");
    return 0;
}

START_TEST(a_unix_server_that_cannot_start_says_why)    /* C81, SV-2 */
{
    weir_server *server;
    int before = open_descriptors();

    ck_assert_int_eq(start(net_unix_path("s"), NULL, &server), WEIR_ENOTASK);
    ck_assert_int_eq(weir_run(start_badly, NULL), 0);
    ck_assert_str_eq(said(), "EINVAL EINVAL EINVAL EINVAL ENAMETOOLONG 1 ENOENT 1 EADDRINUSE 1 0 untouched");
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

static int start_with_wrong_socks(void *arg)
{
    weir_server *server;
    int fds[] = { socket(AF_INET, SOCK_STREAM, 0), socket(AF_UNIX, SOCK_DGRAM, 0), -1 };

    (void)arg;
    for (int i = 0; i < 3; i++) {
        weir_server_options opts = { .sock = &fds[i] };
        say("%s", code_name(start(NULL, &opts, &server)));
        say("%d", fds[i] < 0 || close(fds[i]) == 0);    /* still ours */
    }
    return 0;
}

START_TEST(what_is_no_unix_stream_socket_is_refused_and_stays_the_callers)
{
    ck_assert_int_eq(weir_run(start_with_wrong_socks, NULL), 0);
    ck_assert_str_eq(said(), "EINVAL 1 EINVAL 1 EINVAL 1");
}
END_TEST

static int serve_once(void *arg)
{
    int *code = arg;
    weir_server *server;

    *code = start(net_unix_path("s"), NULL, &server);
    if (*code == 0)
        weir_server_free(server);
    return 0;
}

START_TEST(whatever_call_fails_no_file_and_no_descriptor_stays)
{
    int before = open_descriptors();
    uint64_t failed, n = 0;

    do {
        int code = 0;
        /* Not unlink, nor the lstat that says whose the file is: without them there is no way to remove it. */
        weir__fault_begin(&(struct fault_plan) {
            .fail_at = ++n, .only = FAULT_ANY & ~(FAULT_OF(SYS_UNLINK) | FAULT_OF(SYS_LSTAT)) });
        int run = weir_run(serve_once, &code);
        failed = weir__fault_end();
        if (failed == 0)
            ck_assert_int_eq(run < 0 ? run : code, 0);
        ck_assert_int_eq(access(net_unix_path("s"), F_OK), -1);
        ck_assert_int_eq(open_descriptors(), before);
    } while (failed > 0);
    ck_assert_uint_gt(n, 10);
}
END_TEST

Suite *suite(void)
{
    Suite *server = suite_create("streams/start_unix_server");

    TCase *serving = tcase_create("serving");
    tcase_add_checked_fixture(serving, net_unix_folder, net_unix_remove_folder);
    tcase_add_test(serving, a_path_is_served_and_its_file_goes_with_the_server);
    tcase_add_test(serving, an_abstract_name_is_served);
    tcase_add_test(serving, both_ends_are_named);
    tcase_add_test(serving, a_unix_socket_may_be_handed_over);
    suite_add_tcase(server, serving);

    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, net_unix_folder, net_unix_remove_folder);
    tcase_add_test(files, a_socket_in_use_is_replaced_and_each_server_removes_its_own);
    tcase_add_test(files, a_run_that_ends_removes_the_file);
    suite_add_tcase(server, files);

    TCase *refused = tcase_create("refused");
    tcase_add_checked_fixture(refused, net_unix_folder, net_unix_remove_folder);
    tcase_add_test(refused, a_unix_server_that_cannot_start_says_why);
    tcase_add_test(refused, what_is_no_unix_stream_socket_is_refused_and_stays_the_callers);
    tcase_add_test(refused, whatever_call_fails_no_file_and_no_descriptor_stays);
    suite_add_tcase(server, refused);
    return server;
}
