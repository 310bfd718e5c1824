/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_task_peers.c  On which connection a task waits, as weir_tasks_dump tells it.
 *
 * core lists the tasks, net knows addresses, and streams says which connection a wait is about: what the three make of it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/address.h>
#include <weir/run.h>
#include <weir/task.h>

#include "lib/stream_service.h"
#include "lib/suite.h"

/* "bytes here", "sleep there", "drain nobody": which of the service's clients it is. */
static void note(const weir_task_info *info, void *arg)
{
    const weir_address *client = arg;

    if (strcmp(info->waits_for, "nothing") == 0)
        return;                                 /* who asks */
    say("%s %s", info->waits_for, info->peer == NULL ? "nobody" : weir_address_eq(info->peer, client) ? "client" : "OTHER");
}

static weir_address name_of(int fd)
{
    weir_address address = { .len = sizeof address.storage };

    if (getsockname(fd, (void *)&address.storage, &address.len) < 0)
        address.len = 0;
    return address;
}

static weir_task *handler;

static void call_and_dump(struct service *service)
{
    int fd = service_client(service);
    weir_address client = name_of(fd);

    raw_send(fd, "x", 1);
    far_settle();
    weir_tasks_dump(false, note, &client);
    weir_task_cancel(handler);                  /* it has not ended: each of them waits for good */
    far_settle();
    close(fd);
    far_settle();
}

static int read_bytes(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_bytes view;

    (void)writer, (void)arg;
    handler = weir_current_task();
    return (int)weir_reader_readexactly(reader, 2, &view);
}

static int fill_and_drain(weir_reader *reader, weir_writer *writer, void *arg)
{
    static const char much[64 * 1024];
    int code = 0;

    (void)reader, (void)arg;
    handler = weir_current_task();
    while (code == 0) {
        weir_writer_write(writer, much, sizeof much);
        code = weir_writer_drain(writer);
    }
    return code;
}

static int close_and_wait(weir_reader *reader, weir_writer *writer, void *arg)
{
    static const char much[8 * 1024 * 1024];    /* more than the kernel takes */

    (void)reader, (void)arg;
    handler = weir_current_task();
    weir_writer_write(writer, much, sizeof much);
    weir_writer_close(writer);
    return weir_writer_wait_closed(writer);
}

static int sleep_on(weir_reader *reader, weir_writer *writer, void *arg)
{
    (void)reader, (void)writer, (void)arg;
    handler = weir_current_task();
    return weir_sleep(3600);
}

/* It serves the client, and reads from somebody else, who is what it waits for. */
static int read_from_a_pair(weir_reader *reader, weir_writer *writer, void *arg)
{
    weir_reader *ra, *rb;
    weir_writer *wa, *wb;
    weir_bytes line;

    (void)reader, (void)writer, (void)arg;
    handler = weir_current_task();
    int code = weir_stream_pair(&ra, &wa, &rb, &wb);
    if (code < 0)
        return code;
    code = (int)weir_reader_readline(ra, &line);
    weir_writer_free(wa);
    weir_writer_free(wb);
    return code;
}

#define DUMPED(name, handler, expected)                                         \
    START_TEST(name)                                                            \
    {                                                                           \
        ck_assert_int_eq(service_play(call_and_dump, handler, NULL), 0);        \
        ck_assert_str_eq(said(), expected);                                     \
    }                                                                           \
    END_TEST

DUMPED(a_read_is_told_with_its_peer, read_bytes, "bytes client")
DUMPED(a_drain_is_told_with_its_peer, fill_and_drain, "drain client")
DUMPED(waiting_for_the_end_is_told_with_its_peer, close_and_wait, "closed client")
DUMPED(a_handler_that_waits_for_something_else_is_told_with_the_peer_it_serves, sleep_on, "sleep client")
DUMPED(a_handler_that_waits_on_another_connection_is_told_with_that_ones, read_from_a_pair, "bytes nobody")

Suite *suite(void)
{
    Suite *s = suite_create("streams/task_peers");

    TCase *peers = tcase_create("peers");
    tcase_add_test(peers, a_read_is_told_with_its_peer);
    tcase_add_test(peers, a_drain_is_told_with_its_peer);
    tcase_add_test(peers, waiting_for_the_end_is_told_with_its_peer);
    tcase_add_test(peers, a_handler_that_waits_for_something_else_is_told_with_the_peer_it_serves);
    tcase_add_test(peers, a_handler_that_waits_on_another_connection_is_told_with_that_ones);
    suite_add_tcase(s, peers);
    return s;
}
