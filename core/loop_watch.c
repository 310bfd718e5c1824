/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/loop_watch.c  add_reader and add_writer: descriptors of the loop's users.
 *
 * They lie in an epoll set of our own, and libev watches that set: what it asserts on (a descriptor that was closed behind
 * its back) and spins on (a regular file) users do, and here it is a code, or nothing. What is ready is queued in B and
 * called in C, between the transports' events and what the timers queue after it; so a callback that was removed or
 * replaced by an earlier one of the same pass does not run.
 *
 *              add                       event                    its turn
 *      (none) ------> IN THE SET ------------------> QUEUED -------------------> IN THE SET
 *                         |   remove, or replaced: back to     |   (called)
 *                         +<-------- IN THE SET or none -------+
 *
 * Always true between calls:
 *   1. by_fd[fd] is set exactly while one of the two sides of fd has a callback, and it is on the list of all.
 *   2. Events carry the number of their registration. One whose number nobody has is of a descriptor that was closed while
 *      a duplicate of it lives: the kernel keeps such a registration and has no call to end it, so the set is made anew.
 */
#include <weir/loop.h>

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/error.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/sys.h"

#define BATCH 64                /* events taken in a pass; the kernel offers the others first in the next */
#define ROOM_LEAST 64

enum side_name { SIDE_READ, SIDE_WRITE };

struct side {
    struct call call;           /* queued while its callback is due */
    weir_callback cb;           /* NULL: not watched */
    void *arg;
};

struct watch {
    int fd;
    uint32_t number;            /* of its registration, which goes with its events */
    bool in_set;                /* the kernel took it; it may have been closed since */
    struct side side[2];
    struct list link;
};

struct watches {
    weir_loop *loop;
    int epoll;
    ev_io io;                   /* libev's, over epoll */
    struct watch **by_fd;
    size_t room;                /* of by_fd */
    uint32_t numbers;           /* given out; when they begin anew after 2^32, no event of the first ones is left */
    struct list all;
    int64_t complained_ns;
};

static struct watch *find(const weir_loop *loop, int fd)
{
    const struct watches *watches = loop->watches;

    return watches != NULL && (size_t)fd < watches->room ? watches->by_fd[fd] : NULL;
}

/* --- Calling back --------------------------------------------------------- */

static void call_back(const struct side *side)
{
    side->cb(side->arg);                        /* which may remove its own watch */
}

static void on_reader_turn(struct call *call)
{
    call_back(&list_entry(call, struct watch, side[SIDE_READ].call)->side[SIDE_READ]);
}

static void on_writer_turn(struct call *call)
{
    call_back(&list_entry(call, struct watch, side[SIDE_WRITE].call)->side[SIDE_WRITE]);
}

/* An error or a hang-up is for both sides, whichever is there: reading and writing both tell it. */
static void queue_ready(weir_loop *loop, struct watch *watch, uint32_t events)
{
    if (watch->side[SIDE_READ].cb != NULL && (events & ~(uint32_t)EPOLLOUT) != 0)
        weir__loop_call(loop, &watch->side[SIDE_READ].call);
    if (watch->side[SIDE_WRITE].cb != NULL && (events & ~(uint32_t)EPOLLIN) != 0)
        weir__loop_call(loop, &watch->side[SIDE_WRITE].call);
}

/* --- The set -------------------------------------------------------------- */

static struct epoll_event wanted(const struct watch *watch)
{
    return (struct epoll_event){
        .events = (watch->side[SIDE_READ].cb != NULL ? (uint32_t)EPOLLIN : 0) |
                  (watch->side[SIDE_WRITE].cb != NULL ? (uint32_t)EPOLLOUT : 0),
        .data.u64 = (uint64_t)watch->number << 32 | (uint32_t)watch->fd,
    };
}

/* Level-triggered, as all of asyncio's are. */
static int register_watch(struct watches *watches, struct watch *watch)
{
    struct epoll_event event = wanted(watch);
    int code = watch->in_set ? sys_epoll_ctl(watches->epoll, EPOLL_CTL_MOD, watch->fd, &event) : -ENOENT;

    if (code == -ENOENT) {                      /* new, or another file than the one that had this number */
        watch->in_set = false;
        watch->number = ++watches->numbers;
        event = wanted(watch);
        code = sys_epoll_ctl(watches->epoll, EPOLL_CTL_ADD, watch->fd, &event);
    }
    if (code == -EEXIST)                        /* removed while it was closed, and back by dup2 */
        code = sys_epoll_ctl(watches->epoll, EPOLL_CTL_MOD, watch->fd, &event);
    if (code == 0)
        watch->in_set = true;
    return code;
}

static void complain(struct watches *watches, int code, const char *what)
{
    if (weir__log_due(&watches->complained_ns))
        weir__log(LOG_LEVEL_ERROR, "%s error=\"%s\"", what, weir_strerror(code));
}

/* Set anew, or libev would take the descriptor for one that the kernel knows from before. */
static void watch_set(struct watches *watches)
{
    ev_io_set(&watches->io, watches->epoll, EV_READ);
    ev_io_start(watches->loop->ev, &watches->io);
}

/* Put everything that is watched into a new set, and nothing else. Until there is a descriptor for that, the old one goes
 * on, and the loop does not sleep. */
static void renew_set(struct watches *watches)
{
    weir_loop *loop = watches->loop;
    int epoll = sys_epoll_create();
    int code = epoll < 0 ? epoll : weir__loop_admit(loop, epoll);

    if (code < 0) {
        if (epoll >= 0)
            sys_close(epoll);
        complain(watches, code, "watched descriptor closed while a duplicate lives");
        return;
    }
    ev_io_stop(loop->ev, &watches->io);
    weir__loop_release(loop);
    sys_close(watches->epoll);
    watches->epoll = epoll;
    watch_set(watches);

    for (struct list *node = watches->all.next; node != &watches->all; node = node->next) {
        struct watch *watch = list_entry(node, struct watch, link);
        watch->in_set = false;
        code = register_watch(watches, watch);
        if (code < 0 && code != -EBADF)         /* closed: its user's affair */
            complain(watches, code, "descriptor not watched any more");
    }
}

static void on_ready(struct ev_loop *ev, ev_io *io, int events)
{
    struct watches *watches = io->data;
    struct epoll_event ready[BATCH];
    bool stale = false;

    (void)ev;
    if (events & EV_ERROR) {                    /* libev has stopped it; the next add tries again */
        weir__loop_exception(watches->loop, -ENOMEM, "descriptors are not watched any more");
        return;
    }
    int count = sys_epoll_poll(watches->epoll, ready, BATCH);
    if (count < 0 && count != -EINTR)
        complain(watches, count, "watched descriptors not polled");
    for (int i = 0; i < count; i++) {
        struct watch *watch = find(watches->loop, (int)(uint32_t)ready[i].data.u64);
        if (watch != NULL && watch->number == (uint32_t)(ready[i].data.u64 >> 32))
            queue_ready(watches->loop, watch, ready[i].events);
        else
            stale = true;
    }
    if (stale)
        renew_set(watches);
}

/* --- Making and freeing --------------------------------------------------- */

static struct watches *new_watches(weir_loop *loop, int *code)
{
    struct watches *watches = sys_calloc(1, sizeof *watches);

    if (watches == NULL) {
        *code = -ENOMEM;
        return NULL;
    }
    watches->loop = loop;
    list_init(&watches->all);
    watches->epoll = *code = sys_epoll_create();
    if (*code >= 0)
        *code = weir__loop_admit(loop, watches->epoll);
    if (*code < 0) {
        if (watches->epoll >= 0)
            sys_close(watches->epoll);
        sys_free(watches);
        return NULL;
    }
    ev_io_init(&watches->io, on_ready, watches->epoll, EV_READ);
    watches->io.data = watches;
    return watches;
}

static int make_room(struct watches *watches, int fd)
{
    size_t room = watches->room > 0 ? watches->room : ROOM_LEAST;

    while (room <= (size_t)fd)
        room *= 2;
    if (room == watches->room)
        return 0;
    struct watch **by_fd = sys_realloc(watches->by_fd, room * sizeof by_fd[0]);
    if (by_fd == NULL)
        return -ENOMEM;
    memset(by_fd + watches->room, 0, (room - watches->room) * sizeof by_fd[0]);
    watches->by_fd = by_fd;
    watches->room = room;
    return 0;
}

static struct watch *new_watch(int fd)
{
    struct watch *watch = sys_calloc(1, sizeof *watch);

    if (watch == NULL)
        return NULL;
    watch->fd = fd;
    list_init(&watch->link);
    weir__call_init(&watch->side[SIDE_READ].call, on_reader_turn);
    weir__call_init(&watch->side[SIDE_WRITE].call, on_writer_turn);
    return watch;
}

static void free_watch(struct watches *watches, struct watch *watch)
{
    weir__call_cancel(&watch->side[SIDE_READ].call);
    weir__call_cancel(&watch->side[SIDE_WRITE].call);
    if (!list_empty(&watch->link))
        watches->by_fd[watch->fd] = NULL;
    list_remove(&watch->link);
    sys_free(watch);
}

void weir__watches_drop(weir_loop *loop)
{
    struct watches *watches = loop->watches;

    if (watches == NULL)
        return;
    while (!list_empty(&watches->all))
        free_watch(watches, list_entry(watches->all.next, struct watch, link));
    ev_io_stop(loop->ev, &watches->io);
    weir__loop_release(loop);
    sys_close(watches->epoll);
    sys_free(watches->by_fd);
    sys_free(watches);
    loop->watches = NULL;
}

/* --- Adding and removing -------------------------------------------------- */

/* What neither adding nor removing may be asked. */
static int check(const weir_loop *loop, int fd)
{
    if (fd < 0)
        return weir__fail_text(-EINVAL, "descriptor %d: a number of 0 or more is needed", fd);
    if (weir__loop_foreign(loop))
        return weir__fail_text(WEIR_ESTATE, "called from a thread that does not run this loop");
    if (find(loop, fd) == NULL && loop->upper != NULL && loop->upper->owns(loop->upper, fd))
        return weir__fail_text(WEIR_ESTATE, "descriptor %d is a transport's", fd);
    return 0;
}

static int fail_add(int fd, int code)
{
    switch (code) {
    case -EBADF:
        return weir__fail_text(-EINVAL, "descriptor %d is not open", fd);
    case -EPERM:
        return weir__fail_text(-EPERM, "descriptor %d can't be watched: it is a file or folder, which is always ready", fd);
    default:
        return weir__fail_text(code, "descriptor %d can't be watched: %s", fd, weir_strerror(code));
    }
}

/* The first of its descriptor. The kernel looks at the number before the table grows to it. */
static int add_watch(struct watches *watches, int fd, enum side_name name, weir_callback cb, void *arg)
{
    struct watch *watch = new_watch(fd);
    struct epoll_event unused;

    if (watch == NULL)
        return -ENOMEM;
    watch->side[name].cb = cb;
    watch->side[name].arg = arg;
    int code = register_watch(watches, watch);
    if (code == 0) {
        code = make_room(watches, fd);
        if (code < 0)
            (void)sys_epoll_ctl(watches->epoll, EPOLL_CTL_DEL, fd, &unused);
    }
    if (code < 0) {
        free_watch(watches, watch);
        return code;
    }
    list_append(&watches->all, &watch->link);
    watches->by_fd[fd] = watch;
    return 0;
}

/* With the old callback in its place again if the kernel refuses. */
static int add_side(struct watches *watches, struct watch *watch, enum side_name name, weir_callback cb, void *arg)
{
    struct side *side = &watch->side[name];
    weir_callback old = side->cb;

    side->cb = cb;
    int code = register_watch(watches, watch);
    if (code < 0) {
        side->cb = old;
        return code;
    }
    side->arg = arg;
    weir__call_cancel(&side->call);             /* what was due was the old callback's */
    return 0;
}

static int add(weir_loop *loop, int fd, enum side_name name, weir_callback cb, void *arg)
{
    int code = cb != NULL ? check(loop, fd) : weir__fail_text(-EINVAL, "descriptor %d: no callback", fd);

    if (code < 0)
        return code;
    if (loop->closed || loop->closing)
        return weir__fail(-ESHUTDOWN);
    if (loop->watches == NULL)
        loop->watches = new_watches(loop, &code);
    if (loop->watches == NULL)
        return fail_add(fd, code);

    struct watches *watches = loop->watches;
    struct watch *watch = find(loop, fd);
    code = watch == NULL ? add_watch(watches, fd, name, cb, arg) : add_side(watches, watch, name, cb, arg);
    if (!ev_is_active(&watches->io))
        watch_set(watches);
    return code < 0 ? fail_add(fd, code) : 0;
}

static int remove_side(weir_loop *loop, int fd, enum side_name name)
{
    int code = check(loop, fd);
    struct watch *watch = code < 0 ? NULL : find(loop, fd);

    if (watch == NULL || watch->side[name].cb == NULL)
        return code;
    struct watches *watches = loop->watches;
    struct epoll_event event;
    watch->side[name].cb = NULL;
    weir__call_cancel(&watch->side[name].call);
    event = wanted(watch);
    /* It fails for a descriptor that was closed, which the kernel has forgotten, or else reports once more (see above). */
    if (event.events != 0) {
        (void)sys_epoll_ctl(watches->epoll, EPOLL_CTL_MOD, fd, &event);
    } else {
        (void)sys_epoll_ctl(watches->epoll, EPOLL_CTL_DEL, fd, &event);
        free_watch(watches, watch);
    }
    return 1;
}

int weir_loop_add_reader(weir_loop *loop, int fd, weir_callback cb, void *arg)
{
    return add(loop, fd, SIDE_READ, cb, arg);
}

int weir_loop_add_writer(weir_loop *loop, int fd, weir_callback cb, void *arg)
{
    return add(loop, fd, SIDE_WRITE, cb, arg);
}

int weir_loop_remove_reader(weir_loop *loop, int fd)
{
    return remove_side(loop, fd, SIDE_READ);
}

int weir_loop_remove_writer(weir_loop *loop, int fd)
{
    return remove_side(loop, fd, SIDE_WRITE);
}
