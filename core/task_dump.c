/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/task_dump.c  weir_tasks_dump: what every task waits for, on every loop.
 *
 * Tasks are their loop's thread's alone, so each loop lists its own, into memory of whoever asks, and the asker's thread
 * blocks until it has. Two that ask each other would block for good: so one that waits answers what it is asked meanwhile,
 * which it can, since between two lines of its task all lists are whole.
 *
 *      asker                                       the other loop
 *      put an ask on its list, wake it  -------->  on_wake, or while it waits itself, or when its run ends:
 *      wait, answering asks of its own  <--------  list the tasks, take the ask off, broadcast
 *      time is up: take the ask off
 *
 * Always true: asks lie in the asker's frame, and are on a list only while that waits. All of this is under one lock, which
 * is taken when a run begins or ends and when somebody asks, never on the way of a request.
 */
#include <weir/task.h>

#include "core/task_dump.h"

#include <string.h>

#include <weir/address.h>

#include "core/error.h"
#include "core/inbox.h"
#include "core/sys.h"
#include "core/task.h"

/* For all loops together: a blocked one must not block us for long. Tests run on machines where a loop that is not blocked may
 * get no CPU for a second. */
#ifdef WEIR_FAULTS
#define PATIENCE_NS (8 * NS_PER_SECOND)
#else
#define PATIENCE_NS NS_PER_SECOND
#endif
#define ROOM_LEAST  4096

/* Records one after the other: the struct, the address, the name with its NUL, up to the next multiple of 8. */
struct record {
    double      since;
    const char *waits_for;
    size_t      name_size;
    socklen_t   peer_len;       /* 0: no peer */
};

struct snapshot {
    char *bytes;
    size_t len, room;
    int count;
};

struct ask {
    struct list link;           /* on the loop's asks; on none once it was answered */
    struct snapshot *into;
    int result;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t news = PTHREAD_COND_INITIALIZER;          /* an ask was put, or answered */
struct list weir__running = { &weir__running, &weir__running };  /* in the order of their run_number. Debuggers look here */
static uint64_t runs;

/* --- One task ------------------------------------------------------------- */

static const char *const words[] = {
    [WAIT_NOTHING] = "nothing", [WAIT_SLEEP] = "sleep",   [WAIT_JOIN] = "join",       [WAIT_EXECUTOR] = "executor",
    [WAIT_BYTES] = "bytes",     [WAIT_DRAIN] = "drain",   [WAIT_CLOSED] = "closed",   [WAIT_CONNECT] = "connect",
    [WAIT_START] = "start",     [WAIT_SERVER] = "server", [WAIT_POST] = "post",       [WAIT_SIGNAL] = "signal",
    [WAIT_SHIELD] = "shield",   [WAIT_GATHER] = "gather", [WAIT_GROUP] = "group",     [WAIT_LOCK] = "lock",
    [WAIT_EVENT] = "event",     [WAIT_CONDITION] = "condition", [WAIT_SEMAPHORE] = "semaphore", [WAIT_BARRIER] = "barrier",
    [WAIT_GET] = "get",         [WAIT_PUT] = "put",       [WAIT_ALL_DONE] = "all done",
    [WAIT_SENDFILE] = "sendfile",
};
_Static_assert(sizeof words / sizeof words[0] == WAIT_KINDS, "each kind of wait has a word");

const char *weir__task_waits_for(const weir_task *task)
{
    switch (task->state) {
    case TASK_NEW:
    case TASK_READY:
        return "turn";
    case TASK_PARKED:
        return words[task->wait_kind];
    case TASK_RUNNING:
    case TASK_DONE:
        break;
    }
    return words[WAIT_NOTHING];
}

const char *weir__task_title(const weir_task *task)
{
    return task->name != NULL ? task->name : task->label;
}

/* --- One loop ------------------------------------------------------------- */

static size_t rounded(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

static void *reserve(struct snapshot *snapshot, size_t size)
{
    size_t room = snapshot->room > 0 ? snapshot->room : ROOM_LEAST;

    while (room - snapshot->len < size)
        room *= 2;
    if (room > snapshot->room) {
        char *bytes = sys_realloc(snapshot->bytes, room);
        if (bytes == NULL)
            return NULL;
        snapshot->bytes = bytes;
        snapshot->room = room;
    }
    void *at = snapshot->bytes + snapshot->len;
    snapshot->len += size;
    return at;
}

static int add(struct snapshot *snapshot, const weir_task *task, double now, double wall)
{
    struct loop_upper *upper = task->loop->upper;
    const char *name = weir__task_title(task);
    weir_address peer = { .len = 0 };
    /* Parked tasks have libev's wall clock, which costs nothing there: a jump of it shows here, and nowhere else. */
    double waited = task->state == TASK_PARKED && wall > task->since ? wall - task->since : 0;
    struct record record = { .since = now - waited, .waits_for = weir__task_waits_for(task), .name_size = strlen(name) + 1 };

    if (upper != NULL && upper->peer(upper, task, &peer))
        record.peer_len = peer.len;
    char *at = reserve(snapshot, rounded(sizeof record + record.peer_len + record.name_size));
    if (at == NULL)
        return -ENOMEM;
    memcpy(at, &record, sizeof record);
    memcpy(at + sizeof record, &peer.storage, record.peer_len);
    memcpy(at + sizeof record + record.peer_len, name, record.name_size);
    snapshot->count++;
    return 0;
}

/* In the loop's thread. */
static int list_tasks(const weir_loop *loop, struct snapshot *snapshot)
{
    double now = weir_loop_time(loop), wall = ev_time();
    int code = 0;

    for (const struct list *node = loop->tasks.next; node != &loop->tasks && code == 0; node = node->next)
        code = add(snapshot, list_entry((uintptr_t)node, weir_task, all_link), now, wall);
    return code;
}

static void tell(const struct snapshot *snapshot, void (*each)(const weir_task_info *info, void *arg), void *arg)
{
    size_t at = 0;

    while (at < snapshot->len) {
        const char *bytes = snapshot->bytes + at;
        struct record record;
        weir_address peer = { .len = 0 };
        memcpy(&record, bytes, sizeof record);
        memcpy(&peer.storage, bytes + sizeof record, record.peer_len);
        peer.len = record.peer_len;
        weir_task_info info = {
            .name = bytes + sizeof record + record.peer_len, .waits_for = record.waits_for, .since = record.since,
            .peer = record.peer_len > 0 ? &peer : NULL,
        };
        each(&info, arg);
        at += rounded(sizeof record + record.peer_len + record.name_size);
    }
}

/* --- Asking and answering (with the lock held) ---------------------------- */

static void answer(weir_loop *loop)
{
    atomic_store_explicit(&loop->asked, false, memory_order_relaxed);
    if (list_empty(&loop->asks))
        return;
    while (!list_empty(&loop->asks)) {
        struct ask *ask = list_entry(list_take_first(&loop->asks), struct ask, link);
        ask->result = list_tasks(loop, ask->into);
    }
    pthread_cond_broadcast(&news);
}

static int wait_for_answer(weir_loop *loop, struct snapshot *snapshot, int64_t until_ns)
{
    struct ask ask = { .into = snapshot, .result = -ETIMEDOUT };
    struct timespec until = { .tv_sec = (time_t)(until_ns / NS_PER_SECOND), .tv_nsec = (long)(until_ns % NS_PER_SECOND) };
    int code = 0;

    list_append(&loop->asks, &ask.link);
    atomic_store_explicit(&loop->asked, true, memory_order_relaxed);
    weir__inbox_wake(loop->inbox);
    pthread_cond_broadcast(&news);              /* it may wait for an answer itself */
    while (!list_empty(&ask.link) && code == 0) {
        if (weir__this_loop != NULL)
            answer(weir__this_loop);
        code = pthread_cond_clockwait(&news, &lock, CLOCK_MONOTONIC, &until);
    }
    list_remove(&ask.link);
    return ask.result;
}

weir_loop *weir__running_next(uint64_t after)
{
    for (struct list *node = weir__running.next; node != &weir__running; node = node->next) {
        weir_loop *loop = list_entry(node, weir_loop, running_link);
        if (loop->run_number > after)
            return loop;
    }
    return NULL;
}

static int ask_all(struct snapshot *snapshot)
{
    int64_t until_ns = sys_monotonic_ns() + PATIENCE_NS;
    uint64_t last = 0;
    int result = 0;

    for (weir_loop *loop = weir__running_next(last); loop != NULL; loop = weir__running_next(last)) {
        last = loop->run_number;
        int code = loop == weir__this_loop ? list_tasks(loop, snapshot) : wait_for_answer(loop, snapshot, until_ns);
        if (code < 0 && result != -ENOMEM)
            result = code;
    }
    return result;
}

void weir__running_lock(void)
{
    pthread_mutex_lock(&lock);
}

void weir__running_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

/* --- What loops do -------------------------------------------------------- */

void weir__dump_enter(weir_loop *loop)
{
    pthread_mutex_lock(&lock);
    loop->run_number = ++runs;
    list_append(&weir__running, &loop->running_link);
    pthread_mutex_unlock(&lock);
}

void weir__dump_leave(weir_loop *loop)
{
    pthread_mutex_lock(&lock);
    answer(loop);
    list_remove(&loop->running_link);
    pthread_mutex_unlock(&lock);
}

void weir__dump_answer_all(weir_loop *loop)
{
    pthread_mutex_lock(&lock);
    answer(loop);
    pthread_mutex_unlock(&lock);
}

/* --- Telling -------------------------------------------------------------- */

int weir_tasks_dump(bool all, void (*each)(const weir_task_info *info, void *arg), void *arg)
{
    struct snapshot snapshot = { .len = 0 };
    int code;

    if (each == NULL)
        return weir__fail_text(-EINVAL, "tasks_dump: nobody to tell");
    if (!all && weir__this_loop == NULL)
        return weir__fail_text(WEIR_ESTATE, "tasks_dump: no loop runs on this thread");
    if (all) {
        pthread_mutex_lock(&lock);
        code = ask_all(&snapshot);
        pthread_mutex_unlock(&lock);
    } else {
        code = list_tasks(weir__this_loop, &snapshot);
    }
    if (code != -ENOMEM)
        tell(&snapshot, each, arg);
    if (code == -ETIMEDOUT)
        weir__fail_text(code, "tasks_dump: a loop is blocked and did not answer");
    else if (code < 0)
        weir__fail(code);
    sys_free(snapshot.bytes);
    return code < 0 ? code : snapshot.count;
}
