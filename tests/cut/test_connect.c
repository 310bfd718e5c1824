/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/cut/test_connect.c  Connecting, cut short while a name is looked up, while the peer does not answer, and at the start.
 *
 * The peer that does not answer is a listener whose queue is full. Its reset is that it goes away, which the kernel's next
 * attempt finds out, about a second later.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <weir/streams.h>

#include "cut/cut.h"
#include "lib/net_resolver.h"
#include "lib/stream_far.h"

#define CALLERS 8               /* more than a queue of length 0 takes */

static int listener, callers[CALLERS], adopted, far_end;
static int made, lost;          /* calls of connection_made and connection_lost */

/* --- Peers ---------------------------------------------------------------- */

static bool lookups_ended(void *arg)
{
    (void)arg;
    return net_resolver_begun() == net_resolver_ended();
}

static void open_resolving(void)
{
    listener = raw_listen();
    net_resolver_answer("127.0.0.1");
    net_resolver_hold();
}

static bool lookup_is_held(void)
{
    return !lookups_ended(NULL);
}

static void release_resolver(void)
{
    net_resolver_release();
    cut_until(lookups_ended, NULL, "every look-up ends");
}

static void close_resolving(void)
{
    release_resolver();
    close(listener);
}

/* On @host, which may be all addresses. */
static void open_full_on(in_addr_t host)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(host) };
    socklen_t len = sizeof addr;

    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    EXPECT(bind(listener, (void *)&addr, sizeof addr) == 0);
    listen(listener, 0);
    getsockname(listener, (void *)&addr, &len);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)!connect(callers[i], (void *)&addr, len);
    }
}

static void open_full(void)
{
    open_full_on(INADDR_LOOPBACK);
}

/* A name with two addresses, of which neither answers. */
static void open_full_twice(void)
{
    net_resolver_answer("127.0.0.1 127.0.0.2");
    open_full_on(INADDR_ANY);
}

static void leave(void)
{
    close(listener);
    listener = -1;
}

static void close_full(void)
{
    for (int i = 0; i < CALLERS; i++)
        close(callers[i]);
    if (listener >= 0)
        leave();
}

static void close_full_twice(void)
{
    cut_until(lookups_ended, NULL, "every look-up ends");
    close_full();
}

static char path[32];           /* an abstract name */

static void open_unix(void)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };

    snprintf(path, sizeof path, "@weir-cut-%d", (int)getpid());
    memcpy(addr.sun_path + 1, path + 1, strlen(path) - 1);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT(bind(listener, (void *)&addr, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))) == 0);
    EXPECT(listen(listener, 5) == 0);
    made = lost = 0;
}

static void close_unix(void)
{
    cut_settle();
    EXPECT(made == lost);
    if (listener >= 0)
        leave();
}

/* A socket that is connected already: nothing is left to wait for but the loop's turn. */
static void open_adopted(void)
{
    listener = raw_listen();
    adopted = raw_connect(raw_port(listener));
    far_end = raw_accept(listener);
    made = lost = 0;
}

static void reset_far(void)
{
    raw_reset(far_end);
    far_end = -1;
}

static void close_adopted(void)
{
    cut_settle();
    EXPECT(made == lost);                       /* who was never told of his connection is not told of its end */
    if (far_end >= 0)
        close(far_end);
    close(listener);
}

/* --- The calls ------------------------------------------------------------ */

static int open_connection(const char *host, uint16_t port, const weir_connect_options *opts)
{
    weir_reader *reader = NULL;
    weir_writer *writer = NULL;
    int code = weir_open_connection(host, port, opts, &reader, &writer);

    EXPECT((code == 0) == (writer != NULL) && (code == 0) == (reader != NULL));
    if (code == 0) {
        weir_writer_abort(writer);
        weir_writer_free(writer);
    }
    return code;
}

static int open_unix_connection(const char *name, const weir_connect_options *opts)
{
    weir_reader *reader = NULL;
    weir_writer *writer = NULL;
    int code = weir_open_unix_connection(name, opts, &reader, &writer);

    EXPECT((code == 0) == (writer != NULL) && (code == 0) == (reader != NULL));
    if (code == 0) {
        weir_writer_abort(writer);
        weir_writer_free(writer);
    }
    return code;
}

static void on_made(void *self, weir_transport *transport)
{
    (void)self, (void)transport;
    made++;
}

static void on_lost(void *self, int code)
{
    (void)self, (void)code;
    lost++;
}

static const weir_protocol protocol = { .connection_made = on_made, .connection_lost = on_lost };

static int factory(void *arg, const weir_protocol **out, void **self)
{
    (void)arg, (void)self;
    *out = &protocol;
    return 0;
}

static int create_connection(const char *host, uint16_t port, const weir_connect_options *opts)
{
    weir_transport *transport = NULL;
    int code = weir_loop_create_connection(weir_get_running_loop(), factory, NULL, host, port, opts, &transport);

    EXPECT((code == 0) == (transport != NULL));
    if (code == 0)
        weir_transport_abort(transport);
    return code;
}

static int create_unix_connection(const char *name, const weir_connect_options *opts)
{
    weir_transport *transport = NULL;
    int code = weir_loop_create_unix_connection(weir_get_running_loop(), factory, NULL, name, opts, &transport);

    EXPECT((code == 0) == (transport != NULL));
    if (code == 0)
        weir_transport_abort(transport);
    return code;
}

/* Until the next address is tried beside the last. */
static const weir_connect_options at_once = { .happy_eyeballs_delay = 1e-12 }, much_later = { .happy_eyeballs_delay = 1e6 };

#define CONNECTS(name, function)                                                       \
    static int name##_named(struct cut_subject *subject)                               \
    {                                                                                  \
        (void)subject;                                                                 \
        return function("held.test", (uint16_t)raw_port(listener), NULL);              \
    }                                                                                  \
    static int name##_full(struct cut_subject *subject)                                \
    {                                                                                  \
        (void)subject;                                                                 \
        return function("127.0.0.1", (uint16_t)raw_port(listener), NULL);              \
    }                                                                                  \
    static int name##_adopted(struct cut_subject *subject)                             \
    {                                                                                  \
        (void)subject;                                                                 \
        return function(NULL, 0, &(weir_connect_options) { .sock = &adopted });        \
    }

CONNECTS(stream, open_connection)
CONNECTS(plain, create_connection)

/* Two addresses, for streams alone: it is the same below. */
static int stream_beside(struct cut_subject *subject)
{
    (void)subject;
    return open_connection("two.test", (uint16_t)raw_port(listener), &at_once);
}

static int stream_next(struct cut_subject *subject)
{
    (void)subject;
    return open_connection("two.test", (uint16_t)raw_port(listener), &much_later);
}

static int stream_unix(struct cut_subject *subject)
{
    (void)subject;
    return open_unix_connection(path, NULL);
}

static int plain_unix(struct cut_subject *subject)
{
    (void)subject;
    return create_unix_connection(path, NULL);
}

/* --- All ------------------------------------------------------------------ */

#define RESOLVING(name, calls)                                                                                       \
    CUT(name, "a thread looks the name up", WAIT_EXECUTOR, .open = open_resolving, .call = calls,                    \
        .ready = lookup_is_held, .fulfil = release_resolver, .close = close_resolving, .company = true, .no_peer = true)
#define CONNECTING(name, calls)                                                                                      \
    CUT(name, "the peer has not answered", WAIT_CONNECT, .open = open_full, .call = calls, .close = close_full,      \
        .reset = leave, .reset_code = -ECONNREFUSED, .over = AT_ANY)
#define RACING(name, state, calls)                                                                                   \
    CUT(name, state, WAIT_CONNECT, .open = open_full_twice, .call = calls, .close = close_full_twice, .reset = leave,  \
        .reset_code = -ECONNREFUSED, .over = AT_ANY)
/* It is the next thing that the loop does, so every cut comes too late: the connection is made. */
#define STARTING(name, calls)                                                                                        \
    CUT(name, "connected, for its turn", WAIT_START, .open = open_adopted, .call = calls, .close = close_adopted,   \
        .reset = reset_far, .late = AT_ANY, .over = AT_ANY)

#define STARTING_UNIX(name, calls)                                                                                   \
    CUT(name, "connected, for its turn", WAIT_START, .open = open_unix, .call = calls, .close = close_unix,         \
        .reset = leave, .late = AT_ANY, .over = AT_ANY)

static const struct cut_scene scenes[] = {
    RESOLVING(weir_open_connection, stream_named),
    CONNECTING(weir_open_connection, stream_full),
    RACING(weir_open_connection, "two addresses have not answered", stream_beside),
    RACING(weir_open_connection, "the next address's turn has not come", stream_next),
    STARTING(weir_open_connection, stream_adopted),
    STARTING_UNIX(weir_open_unix_connection, stream_unix),
    RESOLVING(weir_loop_create_connection, plain_named),
    CONNECTING(weir_loop_create_connection, plain_full),
    STARTING(weir_loop_create_connection, plain_adopted),
    STARTING_UNIX(weir_loop_create_unix_connection, plain_unix),
};

Suite *suite(void)
{
    return cut_suite("cut/connect", scenes, sizeof scenes / sizeof scenes[0]);
}
