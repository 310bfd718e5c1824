/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/core_post.c  A call from another thread, until it has run.
 *
 * The poster has one CPU; the threads that it posts to share another and sleep in epoll_wait, all but one, until the poster
 * posts to them. It spins until the last call of a burst has run.
 *
 *      weir        weir_loop_call_soon_threadsafe
 *      libev       ev_async, and a stack of messages by compare-and-swap, each from malloc, as weir's are
 *      eventfd     a write for each post, read by a loop around epoll_wait: nothing is carried over
 *
 * post        a burst of BURST posts, for one of them
 * post-wake   one post to a thread that sleeps: mostly what the kernel takes to wake it
 *
 * Try:  core_post post 51 0 1
 */
#define _GNU_SOURCE
#include <ev.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <weir/weir.h>

#include "turns.h"

#define BURST     1000
#define BURSTS    20
#define WAKES     100
#define ASLEEP_NS 20000         /* between two wakes: after so long a thread without work is back in epoll_wait */
#define PATIENCE_NS INT64_C(5000000000)

static int burst = BURST;       /* posts before the poster waits */
static size_t loop_cpu, poster_cpu;
static _Alignas(64) atomic_int ran;     /* calls of this burst that have run; written once, when all have */
static _Alignas(64) int seen;           /* the same, of the thread that runs them */
static pthread_barrier_t started;

static void complain(const char *what)
{
    fprintf(stderr, "core_post: %s\n", what);
}

static void pin(size_t cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0)
        complain("not pinned: no such CPU");
}

/* A call has run; the poster looks at the last one only. */
static void note(int calls)
{
    seen += calls;
    if (seen < burst)
        return;
    seen = 0;
    atomic_store_explicit(&ran, burst, memory_order_release);   /* pairs with the acquire in post_burst() */
}

/* --- weir ---------------------------------------------------------------- */

static weir_loop *weir;

static void weir_called(void *arg)
{
    (void)arg;
    note(1);
}

static void *weir_thread(void *arg)
{
    (void)arg;
    pin(loop_cpu);
    pthread_barrier_wait(&started);
    if (weir_loop_run_forever(weir) < 0)
        complain(weir_error_detail());
    return NULL;
}

static int weir_post(void)
{
    return weir_loop_call_soon_threadsafe(weir, weir_called, NULL);
}

static void weir_end(void)
{
    weir_loop_stop(weir);
}

/* --- libev --------------------------------------------------------------- */

struct message {
    struct message *next;
    void (*fn)(void *arg);
    void *arg;
};

static struct ev_loop *bare;
static ev_async async, quit;
static _Atomic(struct message *) messages;

static void on_async(struct ev_loop *ev, ev_async *watcher, int events)
{
    struct message *newest = atomic_exchange_explicit(&messages, NULL, memory_order_acquire), *oldest = NULL;

    (void)ev, (void)watcher, (void)events;
    while (newest != NULL) {
        struct message *older = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = older;
    }
    while (oldest != NULL) {
        struct message *message = oldest;
        oldest = message->next;
        message->fn(message->arg);
        free(message);
    }
}

static void on_quit(struct ev_loop *ev, ev_async *watcher, int events)
{
    (void)watcher, (void)events;
    ev_break(ev, EVBREAK_ALL);
}

static void *libev_thread(void *arg)
{
    (void)arg;
    pin(loop_cpu);
    pthread_barrier_wait(&started);
    ev_run(bare, 0);
    return NULL;
}

static int libev_post(void)
{
    struct message *message = malloc(sizeof *message);

    if (message == NULL)
        return -ENOMEM;
    *message = (struct message) { .fn = weir_called };
    message->next = atomic_load_explicit(&messages, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&messages, &message->next, message, memory_order_release,
                                                  memory_order_relaxed))
        ;
    ev_async_send(bare, &async);
    return 0;
}

static void libev_end(void)
{
    ev_async_send(bare, &quit);
}

/* --- eventfd -------------------------------------------------------------- */

static int epoll_fd = -1, event_fd = -1;
static atomic_bool event_stop;

static void *eventfd_thread(void *arg)
{
    struct epoll_event event;
    uint64_t count;

    (void)arg;
    pin(loop_cpu);
    pthread_barrier_wait(&started);
    while (!atomic_load(&event_stop)) {
        if (epoll_wait(epoll_fd, &event, 1, -1) > 0 && read(event_fd, &count, sizeof count) == (ssize_t)sizeof count)
            note((int)count);
    }
    return NULL;
}

static int eventfd_post(void)
{
    uint64_t one = 1;

    return write(event_fd, &one, sizeof one) == (ssize_t)sizeof one ? 0 : -errno;
}

static void eventfd_end(void)
{
    atomic_store(&event_stop, true);
    eventfd_post();
}

/* --- The poster ----------------------------------------------------------- */

struct target {
    const char *name;
    void     *(*thread)(void *arg);
    int       (*post)(void);
    void      (*end)(void);
    pthread_t   id;
};

static void spin_until(int64_t until_ns)
{
    while (turns_now_ns() < until_ns)
        ;
}

/* Nanoseconds until all posts of a burst have run; negative on failure. */
static int64_t post_burst(const struct target *target)
{
    atomic_store_explicit(&ran, 0, memory_order_relaxed);
    int64_t since = turns_now_ns(), looks = 0;
    for (int i = 0; i < burst; i++) {
        if (target->post() < 0) {
            complain("a post was refused");
            return -1;
        }
    }
    while (atomic_load_explicit(&ran, memory_order_acquire) != burst) {
        __builtin_ia32_pause();
        if (++looks % 1000000 == 0 && turns_now_ns() - since > PATIENCE_NS) {
            complain("a call did not run");
            return -1;
        }
    }
    return turns_now_ns() - since;
}

static double post_round(void *arg)
{
    int bursts = burst == 1 ? WAKES : BURSTS;
    double sum = 0;

    for (int i = 0; i < bursts; i++) {
        spin_until(turns_now_ns() + ASLEEP_NS);
        int64_t took = post_burst(arg);
        if (took < 0)
            return NAN;
        sum += (double)took;
    }
    return sum / bursts / burst;
}

/* weir's loop first: libev has one allocator for all loops of a process, and weir sets it. */
static int make_loops(void)
{
    struct epoll_event event = { .events = EPOLLIN };

    weir = weir_loop_new();
    bare = ev_loop_new(EVBACKEND_EPOLL);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (weir == NULL || bare == NULL || epoll_fd < 0 || event_fd < 0 ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event_fd, &event) < 0) {
        complain("a loop could not be made");
        return -1;
    }
    ev_async_init(&async, on_async);
    ev_async_start(bare, &async);
    ev_async_init(&quit, on_quit);
    ev_async_start(bare, &quit);
    return 0;
}

static int start(struct target *targets, int count)
{
    pthread_barrier_init(&started, NULL, (unsigned)count + 1);
    for (int i = 0; i < count; i++) {
        if (pthread_create(&targets[i].id, NULL, targets[i].thread, NULL) != 0) {
            complain("no thread");
            return -1;                          /* the others wait at the barrier, and go with the process */
        }
    }
    pthread_barrier_wait(&started);
    return 0;
}

static void end(struct target *targets, int count)
{
    for (int i = 0; i < count; i++) {
        targets[i].end();
        pthread_join(targets[i].id, NULL);
    }
    pthread_barrier_destroy(&started);
    weir_loop_free(weir);
    ev_loop_destroy(bare);
    close(epoll_fd);
    close(event_fd);
}

static int usage(void)
{
    fputs("usage: core_post post|post-wake TURNS LOOP_CPU POSTER_CPU\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    struct target targets[] = {
        { "weir", weir_thread, weir_post, weir_end, 0 }, { "libev", libev_thread, libev_post, libev_end, 0 },
        { "eventfd", eventfd_thread, eventfd_post, eventfd_end, 0 },
    };
    struct side sides[3];
    int turns = argc == 5 ? turns_wanted(argv[2]) : 0;

    if (turns == 0 || (strcmp(argv[1], "post") != 0 && strcmp(argv[1], "post-wake") != 0))
        return usage();
    burst = strcmp(argv[1], "post") == 0 ? BURST : 1;
    loop_cpu = strtoul(argv[3], NULL, 10);
    poster_cpu = strtoul(argv[4], NULL, 10);
    pin(poster_cpu);
    if (make_loops() < 0 || start(targets, 3) < 0)
        return 1;
    for (int i = 0; i < 3; i++)
        sides[i] = (struct side) { targets[i].name, post_round, &targets[i] };
    int trouble = turns_run(argv[1], sides, 3, turns);
    end(targets, 3);
    return trouble;
}
