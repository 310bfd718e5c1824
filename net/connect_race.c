/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/connect_race.c  Attempts to connect, side by side if need be: sockets and watchers for what eyeballs.c decides.
 *
 * One task waits for all attempts of its connect. A watcher that fires notes it and wakes the task, which then looks at each
 * attempt; so whatever came in one pass is told to eyeballs.c together, and a success comes before a time that is over.
 *
 * Always true: an attempt with a descriptor that is not the winner's has a running watcher, unless it has answered. All of
 * it lies in memory of its own, since libev's lists hold the watchers while the task is suspended.
 */
#include "net/connect_race.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/loop.h"
#include "core/sys.h"
#include "core/task.h"
#include "net/eyeballs.h"
#include "net/listener.h"
#include "net/net_loop.h"
#include "net/transport_socket.h"

struct race;

struct attempt {
    ev_io io;
    struct race *race;
    const weir_address *from;   /* the local one that could not be bound, which is what failed; NULL: it is not */
    const char *why;            /* what code does not say; NULL: it says all */
    int fd;                     /* -1: none */
    int code;                   /* what it failed with; 0: it has not */
    int answer;                 /* if answered: what is known without asking the kernel, negative; else 0 */
    bool answered;              /* the watcher fired, and the task has not looked yet */
};

struct race {
    weir_loop *loop;
    weir_task *task;
    const weir_address *to;     /* the plan's, of one attempt each */
    const struct address_list *from;
    struct eyeballs eyeballs;
    struct attempt attempts[];
};

bool weir__race_peer(const void *wait_on, weir_address *out)
{
    const struct race *race = wait_on;
    size_t latest = race->eyeballs.begun - 1;

    while (latest > 0 && race->attempts[latest].fd < 0)
        latest--;
    *out = race->to[latest];
    return true;
}

/* --- One attempt ---------------------------------------------------------- */

static void on_writable(struct ev_loop *ev, ev_io *io, int events)
{
    struct attempt *attempt = io->data;

    ev_io_stop(ev, io);
    attempt->answered = true;
    attempt->answer = events & EV_ERROR ? -ENOMEM : 0;          /* EV_ERROR: libev could not watch the descriptor */
    weir__task_wake(attempt->race->task, 0);
}

/* The descriptor is not watched any more. */
static int take_descriptor(struct attempt *attempt)
{
    int fd = attempt->fd;

    ev_io_stop(attempt->race->loop->ev, &attempt->io);
    weir__loop_release(attempt->race->loop);
    attempt->fd = -1;
    return fd;
}

static int watch(struct attempt *attempt, int fd)
{
    weir_loop *loop = attempt->race->loop;
    int code = weir__loop_admit(loop, fd);

    if (code < 0)
        return code;
    attempt->fd = fd;
    ev_io_init(&attempt->io, on_writable, fd, EV_WRITE);
    attempt->io.data = attempt;
    ev_io_start(loop->ev, &attempt->io);
    return 0;
}

/* The first address of the family that can be bound; with none the last failure, and a family without one is a failure too. */
static int bind_local(struct attempt *attempt, int fd, int family)
{
    const struct address_list *from = attempt->race->from;
    int code = 1;

    for (size_t i = 0; i < from->count && code != 0; i++) {
        const weir_address *local = &from->items[i];
        if (local->storage.ss_family != family)
            continue;
        code = sys_bind(fd, (const void *)&local->storage, local->len);
        attempt->from = code < 0 ? local : NULL;
    }
    if (code <= 0 || from->count == 0)
        return code < 0 ? code : 0;
    attempt->why = "there is no local address of its family to come from";
    return -EADDRNOTAVAIL;
}

/* 0: connected, and *out the socket; 1: that is not known yet; negative: failed. */
static int begin(struct attempt *attempt, const weir_address *to, int *out)
{
    int fd = sys_socket(to->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return fd;
    int code = bind_local(attempt, fd, to->storage.ss_family);
    if (code == 0)
        code = sys_connect(fd, (const void *)&to->storage, to->len);
    if (code == -EINPROGRESS || code == -EINTR) {
        code = watch(attempt, fd);
        if (code == 0)
            return 1;
    }
    if (code < 0)
        weir__descriptor_close(fd);
    else
        *out = fd;
    return code;
}

/* --- All of them ---------------------------------------------------------- */

static void note_failure(struct race *race, size_t which, int code)
{
    race->attempts[which].code = code;
    weir__eyeballs_failed(&race->eyeballs, which, weir__loop_pass_ns(race->loop));
}

static void note_success(struct race *race, size_t which, int fd, struct connected *out)
{
    weir__eyeballs_won(&race->eyeballs, which);
    out->fd = fd;
    out->peer = race->to[which];
}

static void begin_next(struct race *race, struct connected *out)
{
    size_t which = race->eyeballs.begun;
    int fd = -1;

    weir__eyeballs_began(&race->eyeballs, weir__loop_pass_ns(race->loop));
    int code = begin(&race->attempts[which], &race->to[which], &fd);
    if (code < 0)
        note_failure(race, which, code);
    else if (code == 0)
        note_success(race, which, fd, out);
}

static void look_at_answers(struct race *race, struct connected *out)
{
    for (size_t i = 0; i < race->eyeballs.begun && !race->eyeballs.won; i++) {
        struct attempt *attempt = &race->attempts[i];
        int failure = 0;
        if (!attempt->answered)
            continue;
        attempt->answered = false;
        int code = attempt->answer < 0 ? attempt->answer : sys_getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &failure);
        int fd = take_descriptor(attempt);
        if (code == 0 && failure == 0) {
            note_success(race, i, fd, out);
        } else {
            weir__descriptor_close(fd);
            note_failure(race, i, code < 0 ? code : -failure);
        }
    }
}

/* A -ETIMEDOUT of the wait is the caller's time, or only that of the next attempt. */
static bool is_cut(const struct race *race, int code)
{
    return code < 0 && !(code == -ETIMEDOUT && race->task->deadline_ns > weir__loop_pass_ns(race->loop));
}

/* 0: it is decided. */
static int run(struct race *race, struct connected *out)
{
    for (;;) {
        int64_t until_ns = FOREVER;
        switch (weir__eyeballs_ask(&race->eyeballs, weir__loop_pass_ns(race->loop), &until_ns)) {
        case EYEBALLS_BEGIN:
            begin_next(race, out);
            break;
        case EYEBALLS_WAIT: {
            int code = weir__task_wait(WAIT_CONNECT, race, until_ns);
            if (is_cut(race, code))             /* also with an answer in the same pass, so that no cancel is lost */
                return code;
            look_at_answers(race, out);
            break;
        }
        case EYEBALLS_WON:
        case EYEBALLS_LOST:
            return 0;
        }
    }
}

static void finish(struct race *race)
{
    for (size_t i = 0; i < race->eyeballs.begun; i++) {
        if (race->attempts[i].fd >= 0)
            weir__descriptor_close(take_descriptor(&race->attempts[i]));
    }
    sys_free(race);
}

/* --- What is told --------------------------------------------------------- */

static size_t append_attempt(const struct race *race, size_t which, char *text, size_t size)
{
    const struct attempt *attempt = &race->attempts[which];
    char to[WEIR_ADDRESS_MAX], from[WEIR_ADDRESS_MAX];
    const char *why = attempt->code == 0 ? "no answer yet" : attempt->why != NULL ? attempt->why : weir_strerror(attempt->code);
    bool local = attempt->from != NULL;

    int len = snprintf(text, size, "%s%s: %s%s%s%s", which > 0 ? "; " : "",
                       weir_address_format(&race->to[which], to, sizeof to), local ? "from " : "",
                       local ? weir_address_format(attempt->from, from, sizeof from) : "", local ? ": " : "", why);
    return len > 0 && (size_t)len < size ? (size_t)len : size - 1;
}

/* "192.0.2.1:80: Connection refused; [2001:db8::1]:80: no answer yet", as much of it as fits. */
static int tell(const struct race *race, int code, const char *before)
{
    size_t size = ERROR_TEXT_MAX, len = 0;
    char *text = sys_malloc(size);              /* too large for a task's stack */

    if (text == NULL)
        return weir__fail(code);
    text[0] = '\0';
    for (size_t i = 0; i < race->eyeballs.begun && len + 1 < size; i++)
        len += append_attempt(race, i, text + len, size - len);
    weir__fail_text(code, "%s%s", before, text);
    sys_free(text);
    return code;
}

int weir__race(weir_loop *loop, const struct race_plan *plan, struct connected *out)
{
    size_t count = plan->to->count;
    struct race *race = sys_calloc(1, sizeof *race + count * sizeof race->attempts[0]);

    if (race == NULL)
        return weir__fail(-ENOMEM);
    (void)weir__net_loop(loop);                 /* which knows whom a task waits for; without it that is not told */
    race->loop = loop;
    race->task = weir__task_current();
    race->to = plan->to->items;
    race->from = plan->from;
    for (size_t i = 0; i < count; i++) {
        race->attempts[i].race = race;
        race->attempts[i].fd = -1;
    }
    weir__eyeballs_init(&race->eyeballs, count, plan->delay);
    int code = run(race, out);
    if (code == -ETIMEDOUT)
        tell(race, code, "the time is over: ");
    else if (code == 0 && !race->eyeballs.won)
        code = count > 0 ? tell(race, race->attempts[0].code, "") : weir__fail_text(WEIR_ERESOLVE, "the name has no address");
    else if (code == 0 && out->peer.storage.ss_family != AF_UNIX)
        weir__socket_no_delay(out->fd);
    finish(race);
    return code;
}
