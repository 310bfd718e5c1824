/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/cut/test_server.c  Starting a server and waiting for one, cut short: no socket stays bound, and no client is forgotten.
 */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weir/run.h>
#include <weir/server.h>

#include "cut/cut.h"
#include "lib/net_resolver.h"
#include "lib/stream_far.h"

static weir_server *server;
static int client = -1;
static int clients;             /* handlers that have not returned */
static uint16_t port;           /* what the call is to listen on */
static int placeholder;         /* that shows whether the port is free */
static char path[64];
static const weir_server_options not_yet = { .no_start_serving = true };

static void do_nothing(void)
{
}

/* --- A server that is there ----------------------------------------------- */

static int read_to_the_end(weir_reader *reader, weir_writer *writer, void *arg)
{
    (void)writer, (void)arg;
    clients++;
    ssize_t n = weir_reader_skip(reader, 1000);
    clients--;
    return weir_result(n);
}

static int port_of(const weir_server *s)
{
    int fd = -1;

    weir_server_sockets(s, &fd, 1);
    return raw_port(fd);
}

static void open_with(const weir_server_options *opts)
{
    server = NULL;
    client = -1;
    clients = 0;
    EXPECT(weir_start_server(read_to_the_end, NULL, "127.0.0.1", 0, opts, &server) == 0);
}

static void open_listening(void)
{
    open_with(NULL);
}

static void open_bound(void)
{
    open_with(&not_yet);
}

static bool client_is_served(void *arg)
{
    (void)arg;
    return clients == 1;
}

static void open_with_client(void)
{
    open_listening();
    client = raw_connect(port_of(server));
    cut_until(client_is_served, NULL, "the client's handler runs");
}

static void open_closed_with_client(void)
{
    open_with_client();
    weir_server_close(server);
}

static void close_server(void)
{
    weir_server_close(server);
}

static void end_client(void)
{
    close(client);
    client = -1;
}

static void reset_client(void)
{
    raw_reset(client);
    client = -1;
}

static bool clients_are_gone(void *arg)
{
    (void)arg;
    return clients == 0;
}

static void free_server(void)
{
    weir_server_close(server);
    if (client >= 0)
        end_client();
    cut_until(clients_are_gone, NULL, "the client's handler ends");
    weir_server_free(server);
}

static void check_closed(struct cut_subject *subject, enum cut cut)
{
    (void)subject, (void)cut;
    EXPECT(!weir_server_is_serving(server));        /* whatever ends it closes the server */
}

static int wait_closed(struct cut_subject *subject)
{
    (void)subject;
    return weir_server_wait_closed(server);
}

static int serve_forever(struct cut_subject *subject)
{
    (void)subject;
    return weir_server_serve_forever(server);
}

static int start_serving(struct cut_subject *subject)
{
    (void)subject;
    return weir_server_start_serving(server);
}

/* --- A server that is about to be ----------------------------------------- */

/* A port that is free, and stays the test's: who is bound without listening is in nobody's way, with SO_REUSEADDR. */
static void open_port(void)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int on = 1;

    placeholder = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(placeholder, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    EXPECT(bind(placeholder, (void *)&in, sizeof in) == 0);
    port = (uint16_t)raw_port(placeholder);
}

/* Nobody listens: what was begun is undone. */
static void close_port(void)
{
    EXPECT(listen(placeholder, 1) == 0);
    close(placeholder);
}

static bool lookups_ended(void *arg)
{
    (void)arg;
    return net_resolver_begun() == net_resolver_ended();
}

static bool lookup_is_held(void)
{
    return !lookups_ended(NULL);
}

static void open_resolving(void)
{
    open_port();
    net_resolver_answer("127.0.0.1");
    net_resolver_hold();
}

static void release_resolver(void)
{
    net_resolver_release();
    cut_until(lookups_ended, NULL, "every look-up ends");
}

static void close_resolving(void)
{
    release_resolver();
    close_port();
}

/* Free what was started, so that its port is free again. */
static int started(int code, weir_server *made)
{
    EXPECT((code == 0) == (made != NULL));
    if (code == 0)
        EXPECT(weir_server_is_serving(made));
    weir_server_free(made);
    return code;
}

static int start_on(const char *host)
{
    weir_server *made = NULL;
    int code = weir_start_server(read_to_the_end, NULL, host, port, NULL, &made);

    return started(code, made);
}

static int start_named(struct cut_subject *subject)
{
    (void)subject;
    return start_on("held.test");
}

static int start_there(struct cut_subject *subject)
{
    (void)subject;
    return start_on("127.0.0.1");
}

static int factory(void *arg, const weir_protocol **protocol, void **self)
{
    (void)arg, (void)protocol, (void)self;
    return -EPERM;
}

static int create_on(const char *host)
{
    weir_server *made = NULL;
    int code = weir_loop_create_server(weir_get_running_loop(), factory, NULL, host, port, NULL, &made);

    return started(code, made);
}

static int create_named(struct cut_subject *subject)
{
    (void)subject;
    return create_on("held.test");
}

static int create_there(struct cut_subject *subject)
{
    (void)subject;
    return create_on("127.0.0.1");
}

/* --- Several workers ------------------------------------------------------ */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static bool blocks, closed;     /* worker 1 stands at the gate; which is closed */
static struct cut_sleeper helper;

static void stand_at_gate(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&gate);
    blocks = true;
    while (closed)
        pthread_cond_wait(&opened, &gate);
    blocks = false;
    pthread_mutex_unlock(&gate);
}

static bool other_is_blocked(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&gate);
    bool so = blocks;
    pthread_mutex_unlock(&gate);
    return so;
}

static void open_gate(void)
{
    pthread_mutex_lock(&gate);
    closed = false;
    pthread_cond_broadcast(&opened);
    pthread_mutex_unlock(&gate);
}

/* When the run ends, nobody is there to open the gate but he who is told to end as well. */
static int open_when_told(void *arg)
{
    (void)cut_sleep(arg);
    cut_settle();
    open_gate();
    return 0;
}

static void open_blocked(void)
{
    open_port();
    closed = true;
    EXPECT(weir_loop_call_soon_threadsafe(weir_worker_loop(1), stand_at_gate, NULL) == 0);
    cut_until(other_is_blocked, NULL, "the other worker is blocked");
    cut_sleeper_init(&helper);
    helper.task = weir_create_task(open_when_told, &helper);
}

static int start_on_all(struct cut_subject *subject)
{
    weir_server_options all = { .all_workers = true };
    weir_server *made = NULL;

    (void)subject;
    int code = weir_start_server(read_to_the_end, NULL, "127.0.0.1", port, &all, &made);
    return started(code, made);
}

static bool port_is_free(void *arg)
{
    (void)arg;
    return listen(placeholder, 1) == 0;
}

/* The other worker's listener closes a little later. */
static void close_blocked(void)
{
    cut_sleeper_end(&helper);
    cut_until(port_is_free, NULL, "nobody listens any more");
    close(placeholder);
}

/* --- A Unix socket -------------------------------------------------------- */

static void open_path(void)
{
    snprintf(path, sizeof path, "/tmp/weir-cut-%d.sock", (int)getpid());
}

static int start_at_path(struct cut_subject *subject)
{
    weir_server *made = NULL;

    (void)subject;
    int code = weir_start_unix_server(read_to_the_end, NULL, path, NULL, &made);
    return started(code, made);
}

static int create_at_path(struct cut_subject *subject)
{
    weir_server *made = NULL;

    (void)subject;
    int code = weir_loop_create_unix_server(weir_get_running_loop(), factory, NULL, path, NULL, &made);
    return started(code, made);
}

static void check_no_file(void)
{
    struct stat status;

    EXPECT(stat(path, &status) < 0 && errno == ENOENT);
}

/* --- All ------------------------------------------------------------------ */

#define RESOLVING(name, calls)                                                                                       \
    CUT(name, "a thread looks the name up", WAIT_EXECUTOR, .open = open_resolving, .call = calls,                    \
        .ready = lookup_is_held, .fulfil = release_resolver, .close = close_resolving, .no_peer = true)
/* It listens, and lets one pass go by: a deadline that comes with the next pass comes too late. */
#define BEGINNING(name, opens, calls, closes)                                                                        \
    CUT(name, "it listens, for a pass", WAIT_NOTHING, .open = opens, .call = calls, .fulfil = do_nothing,            \
        .close = closes, .no_peer = true, .late = AT(CUT_DEADLINE))

static const struct cut_scene scenes[] = {
    RESOLVING(weir_start_server, start_named),
    BEGINNING(weir_start_server, open_port, start_there, close_port),
    /* What was begun on another loop is waited for, so that it can be undone there; then the cut counts. */
    CUT(weir_start_server, "another worker has not answered", WAIT_POST, .open = open_blocked, .call = start_on_all,
        .fulfil = open_gate, .close = close_blocked, .no_peer = true, .workers = true, .sees_through = AT_ANY, .over = AT_ANY),
    BEGINNING(weir_start_unix_server, open_path, start_at_path, check_no_file),
    RESOLVING(weir_loop_create_server, create_named),
    BEGINNING(weir_loop_create_server, open_port, create_there, close_port),
    BEGINNING(weir_loop_create_unix_server, open_path, create_at_path, check_no_file),
    BEGINNING(weir_server_start_serving, open_bound, start_serving, free_server),
    CUT(weir_server_serve_forever, "open", WAIT_SERVER, .open = open_bound, .call = serve_forever, .left = check_closed,
        .fulfil = close_server, .close = free_server, .ok = -ECANCELED, .no_peer = true, .over = AT_ANY),
    CUT(weir_server_serve_forever, "it listens, for a pass", WAIT_NOTHING, .open = open_bound, .call = serve_forever,
        .left = check_closed, .fulfil = close_server, .close = free_server, .ok = -ECANCELED, .no_peer = true,
        .over = AT_ANY),
    CUT(weir_server_serve_forever, "closed, a client is left", WAIT_SERVER, .open = open_with_client, .call = serve_forever,
        .enter = close_server, .close = free_server, .reset = reset_client, .reset_code = -ECANCELED, .over = AT_ANY),
    CUT(weir_server_wait_closed, "open", WAIT_SERVER, .open = open_listening, .call = wait_closed, .fulfil = close_server,
        .close = free_server, .company = true, .no_peer = true),
    CUT(weir_server_wait_closed, "closed, a client is left", WAIT_SERVER, .open = open_closed_with_client, .call = wait_closed,
        .fulfil = end_client, .close = free_server, .reset = reset_client, .late = AT(CUT_RESET), .company = true),
};

Suite *suite(void)
{
    return cut_suite("cut/server", scenes, sizeof scenes / sizeof scenes[0]);
}
