/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/cut/test_loop.c  What <weir/loop.h> waits in, cut short: the executor's threads, which cannot be.
 *
 * A job that has begun runs on and its result is dropped; one that has not begun never runs. Both are let go in `close` or
 * before the second call, and the count of allocations shows that what they held was freed by whoever had it last.
 */
#include <weir/loop.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "cut/cut.h"
#include "lib/net_resolver.h"

#define FILLERS 40              /* more than the executor has threads */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static bool closed;
static atomic_int begun, ended;         /* jobs, since the program began */
static int begun_before;                /* the gate was closed */
static int fillers;                     /* tasks that keep threads busy, or wait to */
static atomic_int late_ran;
static int late_returned;

/* --- A gate for threads --------------------------------------------------- */

static void close_gate(void)
{
    pthread_mutex_lock(&gate);
    closed = true;
    pthread_mutex_unlock(&gate);
    begun_before = atomic_load(&begun);
    atomic_store(&late_ran, 0);
    late_returned = 0;
}

static void open_gate(void)
{
    pthread_mutex_lock(&gate);
    closed = false;
    pthread_cond_broadcast(&opened);
    pthread_mutex_unlock(&gate);
}

static void pass_gate(void)
{
    atomic_fetch_add(&begun, 1);
    pthread_mutex_lock(&gate);
    while (closed)
        pthread_cond_wait(&opened, &gate);
    pthread_mutex_unlock(&gate);
    atomic_fetch_add(&ended, 1);
}

static bool all_have_ended(void *arg)
{
    (void)arg;
    return atomic_load(&ended) == atomic_load(&begun);
}

static void let_threads_end(void)
{
    open_gate();
    cut_until(all_have_ended, NULL, "every job on a thread ends");
}

/* --- run_in_executor ------------------------------------------------------ */

static int job(void *arg)
{
    (void)arg;
    pass_gate();
    return 7;
}

static int run_job(struct cut_subject *subject)
{
    (void)subject;
    return weir_loop_run_in_executor(weir_get_running_loop(), job, NULL);
}

static bool job_has_begun(void)
{
    return atomic_load(&begun) > begun_before;
}

static int fill(void *arg)
{
    (void)arg;
    int code = weir_loop_run_in_executor(weir_get_running_loop(), job, NULL);
    fillers--;
    EXPECT(code == 7 || code == -ECANCELED);
    return 0;
}

static bool no_filler_is_left(void *arg)
{
    (void)arg;
    return fillers == 0;
}

static bool fillers_wait(void *arg)
{
    weir_loop *loop = weir_get_running_loop();
    int waiting = 0;

    (void)arg;
    for (struct list *node = loop->tasks.next; node != &loop->tasks; node = node->next)
        waiting += list_entry(node, weir_task, all_link)->wait_kind == WAIT_EXECUTOR;
    return waiting >= FILLERS;
}

/* All threads are in a job, and more jobs stand in the queue. */
static void fill_executor(void)
{
    close_gate();
    for (fillers = 0; fillers < FILLERS; fillers++)
        EXPECT(weir_spawn(fill, NULL) == 0);
    cut_until(fillers_wait, NULL, "the executor is full");
}

static int late_job(void *arg)
{
    (void)arg;
    atomic_fetch_add(&late_ran, 1);
    return 8;
}

static int run_late_job(struct cut_subject *subject)
{
    (void)subject;
    int code = weir_loop_run_in_executor(weir_get_running_loop(), late_job, NULL);
    late_returned += code == 8;
    return code;
}

/* All threads are free, and took what was queued: each job whose call was not cut, and no other. */
static void check_which_ran(void)
{
    open_gate();
    cut_until(no_filler_is_left, NULL, "every filler ends");
    let_threads_end();
    EXPECT(weir_loop_run_in_executor(weir_get_running_loop(), job, NULL) == 7);
    EXPECT(atomic_load(&late_ran) == late_returned);
}

/* --- Names ---------------------------------------------------------------- */

static int held_lookups(void)
{
    return net_resolver_begun() - net_resolver_ended();
}

static void hold_resolver(void)
{
    net_resolver_answer("192.0.2.1 192.0.2.2");
    net_resolver_hold();
}

static bool lookup_is_held(void)
{
    return held_lookups() > 0;
}

static bool no_lookup_is_held(void *arg)
{
    (void)arg;
    return held_lookups() == 0;
}

static void release_resolver(void)
{
    net_resolver_release();
    cut_until(no_lookup_is_held, NULL, "every look-up ends");
}

static int resolve(struct cut_subject *subject)
{
    struct addrinfo *list = NULL;
    int code = weir_loop_getaddrinfo(weir_get_running_loop(), "held.test", "80", NULL, &list);

    if (code == 0) {
        const struct sockaddr_in *in = (const void *)list->ai_addr;
        EXPECT(inet_ntop(AF_INET, &in->sin_addr, subject->text, sizeof subject->text) != NULL);
        freeaddrinfo(list);
    } else {
        EXPECT(list == NULL);
    }
    return code;
}

/* getnameinfo, for the whole program. */
int getnameinfo(const struct sockaddr *restrict addr, socklen_t len, char *restrict host, socklen_t host_size,
                char *restrict service, socklen_t service_size, int flags)
{
    (void)addr, (void)len, (void)service, (void)service_size, (void)flags;
    pass_gate();
    if (host == NULL || host_size < 6)
        return EAI_OVERFLOW;
    memcpy(host, "named", 6);
    return 0;
}

static int name(struct cut_subject *subject)
{
    struct sockaddr_in in = { .sin_family = AF_INET };

    return weir_loop_getnameinfo(weir_get_running_loop(), (const void *)&in, sizeof in, subject->text, sizeof subject->text,
                                 NULL, 0, 0);
}

static void check_not_named(struct cut_subject *subject, enum cut cut)
{
    (void)cut;
    EXPECT(subject->text[0] == '\0');
}

/* --- All ------------------------------------------------------------------ */

static const struct cut_scene scenes[] = {
    CUT(weir_loop_run_in_executor, "the job runs", WAIT_EXECUTOR, .open = close_gate, .call = run_job, .ready = job_has_begun,
        .fulfil = open_gate, .close = let_threads_end, .ok = 7, .company = true, .no_peer = true),
    CUT(weir_loop_run_in_executor, "the job is queued", WAIT_EXECUTOR, .open = fill_executor, .call = run_late_job,
        .fulfil = open_gate, .close = check_which_ran, .ok = 8, .no_peer = true),
    CUT(weir_loop_getaddrinfo, "a thread looks it up", WAIT_EXECUTOR, .open = hold_resolver, .call = resolve,
        .ready = lookup_is_held, .fulfil = release_resolver, .close = release_resolver, .text = "192.0.2.1", .company = true,
        .no_peer = true),
    CUT(weir_loop_getnameinfo, "a thread looks it up", WAIT_EXECUTOR, .open = close_gate, .call = name, .ready = job_has_begun,
        .left = check_not_named, .fulfil = open_gate, .close = let_threads_end, .text = "named", .company = true,
        .no_peer = true),
};

Suite *suite(void)
{
    return cut_suite("cut/loop", scenes, sizeof scenes / sizeof scenes[0]);
}
