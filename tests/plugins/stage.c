/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/stage.c  Opening two connections, and what their far ends do.
 */
#include "plugins/stage.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/run.h>

#define PIECE  10000            /* no divisor of anything */
#define KERNEL ((int)131072)    /* bytes of a socket's buffers: twice what one segment on the loopback carries, so that it flows */
#define SETTLE 4                /* times far_settle(): the way is twice as long, and each task has a turn of its own */

struct play {
    void (*scenario)(struct stage *stage);
    enum far_kind kind;
    bool unbegun;
    int passes;
    struct stage *stage;
};

void stage_settle(void)
{
    for (int i = 0; i < SETTLE; i++)
        far_settle();
}

/* --- The tunnel ----------------------------------------------------------- */

static int run_tunnel(void *arg)
{
    struct stage *stage = arg;

    tunnel_run(&stage->tunnel);
    weir_writer_free(stage->tunnel.upstream.writer);
    weir_writer_free(stage->tunnel.client.writer);          /* as the end of a handler does */
    return 0;
}

void stage_begin(struct stage *stage)
{
    stage->task = weir_create_task(run_tunnel, stage);
}

void stage_join(struct stage *stage)
{
    static const char *const names[] = { "not", "eof", "client", "upstream", "idle", "cancelled", "memory" };

    if (stage->task == NULL)
        return;
    far_join(stage->task);
    stage->task = NULL;
    const char *name = names[stage->tunnel.ended];
    if (stage->tunnel.ended == ENDED_CLIENT || stage->tunnel.ended == ENDED_UPSTREAM)
        say("%s:%s", name, code_name(stage->tunnel.code));
    else
        say("%s", name);
}

/* --- The far ends --------------------------------------------------------- */

/* One try on a socket: how much was taken, 0 for none yet, or -1. The descriptor is looked at anew each time: the scenario may
 * have reset it meanwhile. A reset that a send meets is not met by a recv any more, so it is noted. */
static ssize_t try_send(struct stage *stage, int end, const unsigned char *bytes, size_t len)
{
    ssize_t n = send(stage->ends[end].fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n >= 0)
        return n;
    stage->was_reset[end] = stage->was_reset[end] || errno == ECONNRESET || errno == EPIPE;
    return errno == EAGAIN && weir_yield() == 0 ? 0 : -1;
}

/* To a tunnel that may have ended: false then. */
static bool put(struct stage *stage, int end, const unsigned char *bytes, size_t len)
{
    struct far *far = &stage->ends[end];

    if (far->far_writer != NULL)
        return weir_writer_write(far->far_writer, bytes, len) == 0 && weir_writer_drain(far->far_writer) == 0;
    for (size_t at = 0; at < len;) {
        ssize_t n = try_send(stage, end, bytes + at, len - at);
        if (n < 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

void stage_send(struct stage *stage, int end, size_t n)
{
    unsigned char bytes[PIECE];

    while (n > 0) {
        size_t piece = n < sizeof bytes ? n : sizeof bytes;
        for (size_t i = 0; i < piece; i++)
            bytes[i] = pattern_at(stage->sent[end] + i);
        if (!put(stage, end, bytes, piece))
            return;
        stage->sent[end] += piece;
        n -= piece;
    }
}

bool stage_recv(struct stage *stage, int end, size_t n)
{
    return far_recv_pattern(&stage->ends[end], n);
}

struct sending {
    struct stage *stage;
    int end;
    size_t n;
    bool ends_it;
};

static int send_and_end(void *arg)
{
    struct sending sending = *(struct sending *)arg;

    free(arg);
    stage_send(sending.stage, sending.end, sending.n);
    if (sending.ends_it)
        far_end_output(&sending.stage->ends[sending.end]);
    return 0;
}

weir_task *stage_sending(struct stage *stage, int end, size_t n, bool ends_it)
{
    struct sending *sending = malloc(sizeof *sending);

    *sending = (struct sending) { stage, end, n, ends_it };
    weir_task *task = weir_create_task(send_and_end, sending);
    stage_settle();
    return task;
}

void stage_turn_deaf(struct stage *stage, int end, bool deaf)
{
    weir_transport *transport = weir_writer_transport(stage->ends[end].far_writer);

    if (deaf)
        weir_transport_pause_reading(transport);
    else
        weir_transport_resume_reading(transport);
}

bool stage_sees_reset(struct stage *stage, int end)
{
    char bytes[4096];
    ssize_t n;

    while ((n = recv(stage->ends[end].fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0 || (n < 0 && errno == EAGAIN))
        weir_yield();
    return stage->was_reset[end] || (n < 0 && errno == ECONNRESET);
}

size_t stage_held(const struct stage *stage, int end)
{
    const struct side *from = end == CLIENT ? &stage->tunnel.client : &stage->tunnel.upstream;
    const struct side *to = end == CLIENT ? &stage->tunnel.upstream : &stage->tunnel.client;

    return weir_reader_buffered(from->reader) + weir_transport_get_write_buffer_size(weir_writer_transport(to->writer));
}

/* --- Playing -------------------------------------------------------------- */

/* Set, they do not grow by themselves, and a side that does not read is noticed. */
static void set_buffers(int fd)
{
    int size = KERNEL;

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

static int open_side(struct side *side, struct far *far, enum far_kind kind)
{
    *far = (struct far) { .fd = -1 };
    if (kind == FAR_MEMORY)
        return weir_stream_pair(&side->reader, &side->writer, &far->far_reader, &far->far_writer);
    int listener = raw_listen();
    set_buffers(listener);
    int code = weir_open_connection("127.0.0.1", (uint16_t)raw_port(listener), NULL, &side->reader, &side->writer);
    if (code == 0) {
        far->fd = raw_accept(listener);
        set_buffers(weir_writer_fd(side->writer));
    }
    close(listener);
    return code;
}

static int open_stage(struct stage *stage, enum far_kind kind, bool unbegun)
{
    int code = open_side(&stage->tunnel.client, &stage->ends[CLIENT], kind);

    if (code < 0)
        return code;
    code = open_side(&stage->tunnel.upstream, &stage->ends[UPSTREAM], kind);
    if (code == 0) {
        stage->tunnel.idle_timeout = STAGE_SILENCE;
        if (!unbegun)
            stage_begin(stage);
        if (unbegun || stage->task != NULL)
            return 0;
        weir_writer_free(stage->tunnel.upstream.writer);
        far_close(&stage->ends[UPSTREAM]);
        code = -ENOMEM;
    }
    weir_writer_free(stage->tunnel.client.writer);
    far_close(&stage->ends[CLIENT]);
    return code;
}

static void close_ends(struct stage *stage)
{
    far_close(&stage->ends[CLIENT]);
    far_close(&stage->ends[UPSTREAM]);
}

static int play_out(void *arg)
{
    const struct play *play = arg;
    int code = open_stage(play->stage, play->kind, play->unbegun);

    if (code < 0)
        return code;
    play->scenario(play->stage);
    stage_join(play->stage);
    close_ends(play->stage);
    return 0;
}

static int leave(void *arg)
{
    const struct play *play = arg;
    int code = open_stage(play->stage, play->kind, play->unbegun);

    if (code < 0)
        return code;
    for (int i = 0; i < play->passes; i++)
        weir_yield();
    weir_task_unref(play->stage->task);
    close_ends(play->stage);
    return 0;
}

static int run(struct play *play, weir_main main)
{
    struct stage stage = { 0 };
    int before = open_descriptors();

    say_nothing();
    play->stage = &stage;
    int code = weir_run(main, play);
    if (open_descriptors() != before)
        say("LEAK");
    return code;
}

int stage_play(void (*scenario)(struct stage *stage), enum far_kind kind)
{
    return run(&(struct play) { .scenario = scenario, .kind = kind }, play_out);
}

int stage_play_unbegun(void (*scenario)(struct stage *stage), enum far_kind kind)
{
    return run(&(struct play) { .scenario = scenario, .kind = kind, .unbegun = true }, play_out);
}

int stage_leave(int passes, enum far_kind kind)
{
    return run(&(struct play) { .passes = passes, .kind = kind }, leave);
}
