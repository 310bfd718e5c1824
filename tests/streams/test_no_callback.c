/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_no_callback.c  A factory or a handler that is NULL is refused before anything happens, by each call that
 * takes one.
 */
#include <errno.h>
#include <unistd.h>

#include <weir/run.h>
#include <weir/server.h>
#include <weir/streams.h>

#include "lib/suite.h"

#define CALLS 8
#define PATH  "@weir-no-callback"

struct scene {
    int codes[CALLS], fds[2];
    weir_transport *transport;
    weir_server *server;
};

static int call_all(void *arg)
{
    struct scene *s = arg;
    weir_loop *loop = weir_get_running_loop();
    const weir_server_options handed_over = { .sock = &s->fds[0] };

    s->codes[0] = weir_loop_create_connection(loop, NULL, NULL, "127.0.0.1", 1, NULL, &s->transport);
    s->codes[1] = weir_loop_create_unix_connection(loop, NULL, NULL, PATH, NULL, &s->transport);
    s->codes[2] = weir_loop_create_server(loop, NULL, NULL, NULL, 0, &handed_over, &s->server);
    s->codes[3] = weir_loop_create_unix_server(loop, NULL, NULL, PATH, NULL, &s->server);
    s->codes[4] = weir_start_server(NULL, NULL, NULL, 0, &handed_over, &s->server);
    s->codes[5] = weir_start_unix_server(NULL, NULL, PATH, NULL, &s->server);
    s->codes[6] = weir_loop_connect_read_pipe(loop, NULL, NULL, s->fds[0], &s->transport);
    s->codes[7] = weir_loop_connect_write_pipe(loop, NULL, NULL, s->fds[1], &s->transport);
    return 0;
}

START_TEST(what_nobody_could_call_is_refused_and_nothing_is_taken)
{
    struct scene s = { 0 };

    ck_assert_int_eq(pipe(s.fds), 0);
    ck_assert_int_eq(weir_run(call_all, &s), 0);
    for (int i = 0; i < CALLS; i++)
        ck_assert_int_eq(s.codes[i], -EINVAL);
    ck_assert_ptr_null(s.transport);
    ck_assert_ptr_null(s.server);
    ck_assert_int_eq(close(s.fds[0]), 0);       /* still the caller's, all the while */
    ck_assert_int_eq(close(s.fds[1]), 0);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("streams/no_callback");
    TCase *cases = tcase_create("no_callback");

    tcase_add_test(cases, what_nobody_could_call_is_refused_and_nothing_is_taken);
    suite_add_tcase(suite, cases);
    return suite;
}
