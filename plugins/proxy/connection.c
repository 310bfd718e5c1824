/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/proxy/connection.c  Finding an upstream that answers, a tunnel to it, and a line about it all.
 *
 * The client is never idle in the sense of a drain: what its peer is about to send is not known here. So it ends with its
 * peers, or when the drain's time is over.
 */
#include "plugins/proxy/connection.h"

#include <errno.h>
#include <inttypes.h>

#include <weir/loop.h>

#include "plugins/proxy/tunnel.h"

struct connection {
    struct worker *worker;
    struct tunnel tunnel;
    int upstream;               /* its number; -1: none */
    unsigned tries;
    int code;                   /* why there is no upstream */
    double begun;               /* in the loop's time */
};

/* --- Connecting ----------------------------------------------------------- */

/* What another upstream would not change, and is not this one's fault. */
static bool is_our_failure(int code)
{
    return code == -ENOMEM || code == -EMFILE || code == -ENFILE || code == -ENOBUFS || code == -EADDRNOTAVAIL;
}

static double now(void)
{
    return weir_loop_time(weir_get_running_loop());
}

static int connect_one(struct connection *c)
{
    const struct settings *settings = c->worker->settings;
    const struct upstream *upstream = &settings->upstreams.at[c->upstream];
    weir_connect_options options = { .timeout = settings->connect_timeout };
    struct side *side = &c->tunnel.upstream;

    int code = weir_open_connection(upstream->host, upstream->port, &options, &side->reader, &side->writer);
    if (code == 0 || code == -ECANCELED)
        return code;
    worker_count(c->worker, COUNT_CONNECT_FAILURES, 1);
    if (!is_our_failure(code))
        worker_note_failure(c->worker, c->upstream, now());
    return code;
}

/* 0, or the last upstream's code. */
static int connect_somewhere(struct connection *c)
{
    uint64_t tried = 0;
    int code = -ECONNREFUSED;

    while (c->tries < c->worker->settings->tries && (c->upstream = worker_choose(c->worker, tried, now())) >= 0) {
        c->tries++;
        tried |= UINT64_C(1) << c->upstream;
        code = connect_one(c);
        if (code == 0)
            return 0;
        worker_leave(c->worker, c->upstream);
        if (code == -ECANCELED || is_our_failure(code))
            break;
    }
    c->upstream = -1;
    return code;
}

/* --- Telling -------------------------------------------------------------- */

static uint64_t bytes(const weir_writer *writer, const char *name)
{
    const uint64_t *number = weir_writer_get_extra_info(writer, name);

    return number != NULL ? *number : 0;
}

static const char *ended_text(const struct connection *c)
{
    static const char *const texts[] = {
        [ENDED_NOT] = "unserved", [ENDED_EOF] = "eof", [ENDED_CLIENT] = "client", [ENDED_UPSTREAM] = "upstream",
        [ENDED_IDLE] = "idle", [ENDED_CANCELLED] = "cut", [ENDED_MEMORY] = "memory",
    };

    return texts[c->tunnel.ended];
}

static void write_access_line(struct connection *c)
{
    const struct settings *settings = c->worker->settings;
    weir_writer *writer = c->tunnel.client.writer;
    int code = c->tunnel.ended == ENDED_NOT ? c->code : c->tunnel.code;

    weir_plugin_context_access(settings->ctx, writer,
                               "upstream=%s tries=%u bytes_in=%" PRIu64 " bytes_out=%" PRIu64 " seconds=%.3f ended=%s%s%s%s",
                               c->upstream >= 0 ? settings->upstreams.at[c->upstream].text : "-", c->tries,
                               bytes(writer, "bytes_received"), bytes(writer, "bytes_sent"), now() - c->begun, ended_text(c),
                               code < 0 ? " error=\"" : "", code < 0 ? weir_strerror(code) : "", code < 0 ? "\"" : "");
}

/* --- Life ----------------------------------------------------------------- */

static void run_tunnel(struct connection *c)
{
    const struct settings *settings = c->worker->settings;

    worker_count(c->worker, COUNT_CONNECTIONS, 1);
    c->tunnel.idle_timeout = settings->idle_timeout;
    c->tunnel.bytes_up = settings->counters[COUNT_BYTES_UP];
    c->tunnel.bytes_down = settings->counters[COUNT_BYTES_DOWN];
    tunnel_run(&c->tunnel);
    weir_writer_free(c->tunnel.upstream.writer);
    worker_leave(c->worker, c->upstream);
}

/* Peers that leave, and silence, are in the line and nobody's failure; no upstream, and no memory, are reported. */
static int result(const struct connection *c)
{
    switch (c->tunnel.ended) {
    case ENDED_NOT: return c->code;
    case ENDED_CANCELLED: return -ECANCELED;
    case ENDED_MEMORY: return -ENOMEM;
    default: return 0;
    }
}

int connection_serve(weir_reader *reader, weir_writer *writer, struct worker *worker)
{
    struct connection c = { .worker = worker, .tunnel.client = { .reader = reader, .writer = writer }, .begun = now() };

    worker_ref(worker);
    c.code = connect_somewhere(&c);
    if (c.code == 0)
        run_tunnel(&c);
    else if (c.code != -ECANCELED)
        worker_count(worker, COUNT_UNSERVED, 1);
    if (worker->settings->access)
        write_access_line(&c);
    worker_unref(worker);
    return result(&c);
}
