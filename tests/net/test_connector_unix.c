/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_connector_unix.c  What net/connector.c promises for Unix sockets: paths, abstract names, sockets handed over.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <weir/run.h>

#include "core/sys_fault.h"
#include "lib/net_pair.h"
#include "lib/net_unix.h"
#include "lib/suite.h"
#include "net/connector.h"

struct scene {
    const char *path;
    weir_connect_options opts;
    struct connected connected;
    int  code;
    char detail[256];
    bool keep;                  /* leave the socket open */
};

static int connect_it(void *arg)
{
    struct scene *s = arg;

    s->connected.fd = -1;
    s->code = weir__connect_unix(weir_get_running_loop(), s->path, &s->opts, &s->connected);
    snprintf(s->detail, sizeof s->detail, "%s", s->code < 0 ? weir_error_detail() : "");
    if (s->connected.fd >= 0 && !s->keep)
        close(s->connected.fd);
    return 0;
}

/* Raw: bound to a path or an abstract @name, and listening if @backlog is 0 or more. */
static int bind_to(const char *path, int backlog)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    size_t len = strlen(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_uint_lt(len, sizeof name.sun_path);
    memcpy(name.sun_path, path, len);
    if (path[0] == '@')
        name.sun_path[0] = '\0';
    ck_assert_int_eq(bind(fd, (void *)&name, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (path[0] != '@'))), 0);
    if (backlog >= 0)
        ck_assert_int_eq(listen(fd, backlog), 0);
    return fd;
}

/* --- Refused ------------------------------------------------------------------------ */

static int a_tls;               /* any address will do: it is not looked at */
#define SOME_TLS ((weir_tls_context *)(void *)&a_tls)

static const int no_such_descriptor = 1 << 20;

static const struct {
    const char *path;
    weir_connect_options opts;
    int code;
} refused[] = {                 /* OC-11, C83 */
    { NULL, { 0 }, -EINVAL },
    { "", { 0 }, -EINVAL },
    { "/x", { .sock = &no_such_descriptor }, -EINVAL },
    { NULL, { .sock = &no_such_descriptor }, -EINVAL },
    { "/x", { .server_hostname = "" }, -EINVAL },
    { "/x", { .server_hostname = "x" }, -EINVAL },
    { "/x", { .tls_handshake_timeout = 1 }, -EINVAL },
    { "/x", { .tls_shutdown_timeout = 1 }, -EINVAL },
    { "/x", { .tls = SOME_TLS }, -EINVAL },
    { "/x", { .timeout = -1 }, -EINVAL },
    { "/x", { .timeout = NAN }, -EINVAL },
    { "/x", { .local_host = "127.0.0.1" }, -EINVAL },
    { "/x", { .local_port = 1 }, -EINVAL },
    { "/x", { .happy_eyeballs_delay = 1 }, -EINVAL },
    { "/x", { .interleave = 1 }, -EINVAL },
    { "/x", { .family = AF_INET }, -EINVAL },
    { "/x", { .tls = SOME_TLS, .server_hostname = "" }, -ENOTSUP },
    { NULL, { .tls = SOME_TLS, .server_hostname = "" }, -EINVAL },      /* what is wrong comes before what is not offered */
};

START_TEST(what_does_not_fit_is_refused_in_words)
{
    struct scene s = { .path = refused[_i].path, .opts = refused[_i].opts };
    int before = net_open_descriptors();

    ck_assert_int_eq(weir_run(connect_it, &s), 0);
    ck_assert_int_eq(s.code, refused[_i].code);
    ck_assert_str_ne(s.detail, "");
    ck_assert_int_eq(s.connected.fd, -1);
    net_check_descriptors(before);
}
END_TEST

START_TEST(what_is_no_unix_stream_socket_is_refused_and_stays_the_callers)      /* OC-11, C83 */
{
    int fds[2] = { -1, -1 };
    struct scene s = { .opts.sock = &fds[0] };

    if (_i == 0)
        fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    else if (_i == 1)
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
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
    int fds[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    weir_connect_options opts = { .sock = &fds[0] };
    ck_assert_int_eq(weir__connect_unix(loop, "/x", NULL, &connected), WEIR_ESTATE);
    ck_assert_int_eq(weir__connect_unix(loop, NULL, &opts, &connected), WEIR_ESTATE);
    ck_assert_int_lt(fcntl(fds[0], F_GETFD), 0);        /* it was ours, and is closed */
    weir_loop_close(loop);
    ck_assert_int_eq(weir__connect_unix(loop, "/x", NULL, &connected), -ESHUTDOWN);
    close(fds[1]);
    weir_loop_free(loop);
}
END_TEST

/* --- Connected -------------------------------------------------------------------------- */

static void connect_to_listener(struct scene *s)
{
    int before = net_open_descriptors();
    int listener = bind_to(s->path, 5);
    char name[WEIR_ADDRESS_MAX], expected[WEIR_ADDRESS_MAX];

    ck_assert_int_eq(weir_run(connect_it, s), 0);
    ck_assert_int_eq(s->code, 0);
    snprintf(expected, sizeof expected, "unix:%s", s->path);
    ck_assert_str_eq(weir_address_format(&s->connected.peer, name, sizeof name), expected);
    int fd = accept(listener, NULL, NULL);
    ck_assert_int_ge(fd, 0);
    close(fd);
    close(listener);
    unlink(s->path);
    net_check_descriptors(before);
}

START_TEST(a_path_is_connected_to)      /* OC-11 */
{
    struct scene s = { .path = net_unix_path("s"), .opts.family = _i == 0 ? AF_UNSPEC : AF_UNIX };

    connect_to_listener(&s);
}
END_TEST

START_TEST(an_abstract_name_is_connected_to)    /* decision 16 */
{
    char name[64];
    struct scene s = { .path = name };

    snprintf(name, sizeof name, "@weir-connect-%d", (int)getpid());
    connect_to_listener(&s);
}
END_TEST

START_TEST(a_path_has_at_most_107_bytes)        /* fault 36 */
{
    char name[128], path[160];
    struct scene s = { .path = path };
    size_t folder = strlen(net_unix_path(""));

    memset(name, 'x', sizeof name);
    name[107 - folder + (size_t)_i] = '\0';
    snprintf(path, sizeof path, "%s", net_unix_path(name));
    ck_assert_uint_eq(strlen(path), 107 + (size_t)_i);
    if (_i == 0) {
        connect_to_listener(&s);
        return;
    }
    ck_assert_int_eq(weir_run(connect_it, &s), 0);
    ck_assert_int_eq(s.code, -ENAMETOOLONG);
    ck_assert_ptr_nonnull(strstr(s.detail, "107"));
}
END_TEST

START_TEST(a_connected_socket_may_be_handed_over)       /* OC-9 */
{
    int fds[2];
    struct scene s = { .opts.sock = &fds[0], .keep = true };

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    ck_assert_int_eq(weir_run(connect_it, &s), 0);
    ck_assert_int_eq(s.code, 0);
    ck_assert_int_eq(s.connected.fd, fds[0]);
    ck_assert_int_ne(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

/* --- Not connected ------------------------------------------------------------------------ */

enum there { NOTHING, STALE, REGULAR, BOUND, FULL, ABSTRACT, FOLDERLESS };

static const struct {
    enum there there;
    int code;
    const char *told;
} failing[] = {                 /* OC-11 */
    { NOTHING, -ENOENT, "No such file or directory" },
    { FOLDERLESS, -ENOENT, "No such file or directory" },
    { STALE, -ECONNREFUSED, "Connection refused" },
    { REGULAR, -ECONNREFUSED, "Connection refused" },
    { BOUND, -ECONNREFUSED, "Connection refused" },     /* and nobody listens */
    { ABSTRACT, -ECONNREFUSED, "Connection refused" },
    { FULL, -EAGAIN, "the queue of its callers is full" },
};

/* What is at the path; a descriptor that holds it, or -1. */
static int put_there(enum there there, const char *path)
{
    int fd;

    switch (there) {
    case NOTHING:
    case FOLDERLESS:
    case ABSTRACT:
        break;
    case STALE:
        close(bind_to(path, 5));
        break;
    case REGULAR:
        close(open(path, O_CREAT | O_WRONLY, 0600));
        break;
    case BOUND:
        return bind_to(path, -1);
    case FULL:
        fd = bind_to(path, 0);
        for (int i = 0; i < 3; i++)             /* those that are let in stay in the queue when they are closed */
            close(net_unix_connect(path));
        return fd;
    }
    return -1;
}

START_TEST(who_cannot_be_reached_is_named)
{
    char path[128];
    struct scene s = { .path = path };
    int before = net_open_descriptors();

    if (failing[_i].there == ABSTRACT)
        snprintf(path, sizeof path, "@weir-nobody-%d", (int)getpid());
    else
        snprintf(path, sizeof path, "%s", net_unix_path(failing[_i].there == FOLDERLESS ? "none/s" : "s"));
    int fd = put_there(failing[_i].there, path);
    ck_assert_int_eq(weir_run(connect_it, &s), 0);
    ck_assert_int_eq(s.code, failing[_i].code);
    ck_assert_ptr_nonnull(strstr(s.detail, path));
    ck_assert_msg(strstr(s.detail, failing[_i].told) != NULL, "\"%s\" is not in \"%s\"", failing[_i].told, s.detail);
    if (fd >= 0)
        close(fd);
    unlink(path);
    net_check_descriptors(before);
}
END_TEST

START_TEST(whatever_call_fails_nothing_stays_open)      /* faults 2, 3, 26 */
{
    struct scene s = { .path = net_unix_path("s") };
    int listener = bind_to(s.path, 100);
    int before = net_open_descriptors();
    uint64_t failed, n = 0;

    do {
        weir__fault_begin(&(struct fault_plan) { .fail_at = ++n, .from_then_on = _i == 1,
                                                 .only = ~(1ULL << SYS_WRITE | 1ULL << SYS_READ) });
        int code = weir_run(connect_it, &s);
        failed = weir__fault_end();
        if (failed == 0)
            ck_assert_int_eq(code < 0 ? code : s.code, 0);
        net_check_descriptors(before);
    } while (failed > 0);
    ck_assert_uint_gt(n, 8);
    close(listener);
    unlink(s.path);
}
END_TEST

Suite *suite(void)
{
    Suite *unix_sockets = suite_create("net/connector_unix");

    TCase *arguments = tcase_create("arguments");
    tcase_add_loop_test(arguments, what_does_not_fit_is_refused_in_words, 0, (int)(sizeof refused / sizeof refused[0]));
    tcase_add_loop_test(arguments, what_is_no_unix_stream_socket_is_refused_and_stays_the_callers, 0, 3);
    tcase_add_test(arguments, connecting_needs_a_task_of_its_own_loop);
    suite_add_tcase(unix_sockets, arguments);

    TCase *connecting = tcase_create("connecting");
    tcase_add_checked_fixture(connecting, net_unix_folder, net_unix_remove_folder);
    tcase_add_loop_test(connecting, a_path_is_connected_to, 0, 2);
    tcase_add_test(connecting, an_abstract_name_is_connected_to);
    tcase_add_loop_test(connecting, a_path_has_at_most_107_bytes, 0, 2);
    tcase_add_test(connecting, a_connected_socket_may_be_handed_over);
    tcase_add_loop_test(connecting, who_cannot_be_reached_is_named, 0, (int)(sizeof failing / sizeof failing[0]));
    tcase_add_loop_test(connecting, whatever_call_fails_nothing_stays_open, 0, 2);
    suite_add_tcase(unix_sockets, connecting);
    return unix_sockets;
}
