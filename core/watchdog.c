/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/watchdog.c  Looks at each loop several times within the time limit, and notices when it stands still.
 *
 * A loop that is watched writes down when its pass began (core/loop.h), and counts its switches in any case: it costs a pass
 * one look at the clock, and a request nothing. While both numbers stay the same, one step of a task or one row of callbacks
 * is being run. A loop that only has much to do changes them.
 *
 *            look: same step for the limit             look: another step
 *      GOES -------------------------------> STALLED ----------------------> GOES
 *                 counted, and logged                   logged, if that was
 *
 * Looking is done with the runs' lock, so that no thread ends under the probe; logging is done without.
 */
#include "core/watchdog.h"

#include <math.h>
#include <string.h>

#include <weir/run.h>

#include "core/error.h"
#include "core/log.h"
#include "core/sys.h"
#include "core/task_dump.h"
#include "core/thread_probe.h"

#define LOOKS        4                  /* within the limit: what is longer by a quarter is noticed for sure */
#define LOOK_LEAST   (NS_PER_SECOND / 1000)
#define TICK         (NS_PER_SECOND / 4)
#define REPORTS      5                  /* a minute at most; each is some 20 lines */
#define REPORTS_NS   (60 * NS_PER_SECOND)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t stopped = PTHREAD_COND_INITIALIZER;
static bool stopping;                   /* locked */
static pthread_t thread;
static struct watchdog_options options; /* constant while it runs */
static int64_t limit_ns;
static bool probes;                     /* weir__probe_start succeeded */
static atomic_bool on, watching;        /* there is one; and it has a limit */
static _Atomic uint64_t stalls;

/* Under weir__running_lock: when the last so many reports were made. */
static int64_t reported_ns[REPORTS];
static unsigned reports;

/* What one look found at one loop. */
struct finding {
    enum { FOUND_NOTHING, FOUND_STALL, FOUND_END } kind;
    unsigned worker;
    double seconds;
    uint64_t stalls;
    bool probed;
    struct probed probe;
};

/* --- Looking (with weir__running_lock) ------------------------------------ */

static bool may_report(int64_t now_ns)
{
    int64_t *oldest = &reported_ns[reports % REPORTS];

    if (reports >= REPORTS && now_ns - *oldest < REPORTS_NS)
        return false;
    *oldest = now_ns;
    reports++;
    return true;
}

static void found_stall(weir_loop *loop, int64_t now_ns, struct finding *out)
{
    struct stall *stall = &loop->stall;

    stall->counted = true;
    uint64_t count = atomic_fetch_add_explicit(&stalls, 1, memory_order_relaxed) + 1;
    stall->told = may_report(now_ns);
    if (!stall->told)
        return;
    *out = (struct finding) { .kind = FOUND_STALL, .worker = loop->worker, .stalls = count,
                              .seconds = (double)(now_ns - stall->seen_ns) / NS_PER_SECOND };
    /* It may have gone on just now: then what it is doing is not what it was. */
    out->probed = probes && weir__probe(loop, &out->probe) == 0 && out->probe.pass_ns == stall->pass_ns &&
                  out->probe.switches == stall->switches;
}

static void look_at(weir_loop *loop, int64_t now_ns, struct finding *out)
{
    struct stall *stall = &loop->stall;
    int64_t pass_ns = atomic_load_explicit(&loop->busy_since_ns, memory_order_relaxed);
    uint64_t switches = weir__counter_read(&loop->counters, COUNTER_SWITCHES);

    out->kind = FOUND_NOTHING;
    if (!stall->watched)
        return;
    if (pass_ns == 0 || pass_ns != stall->pass_ns || switches != stall->switches) {
        if (stall->counted && stall->told)
            *out = (struct finding) { .kind = FOUND_END, .worker = loop->worker,
                                      .seconds = (double)(now_ns - stall->seen_ns) / NS_PER_SECOND };
        *stall = (struct stall) { .watched = true, .pass_ns = pass_ns, .switches = switches, .seen_ns = now_ns };
    } else if (!stall->counted && now_ns - stall->seen_ns >= limit_ns) {
        found_stall(loop, now_ns, out);
    }
}

/* --- Saying (without) ----------------------------------------------------- */

/* For a value in quotes: a name may have any byte in it. */
static const char *quotable(char *text)
{
    for (char *at = text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\' || (unsigned char)*at < ' ')
            *at = '?';
    }
    return text;
}

static void say_step(enum log_level level, const char *message, struct finding *found)
{
    char handler[PROBE_TEXT];

    if (!found->probed)
        weir__log(level, "%s worker=%u seconds=%.3f stalls=%llu: it could not be looked at", message, found->worker, found->seconds,
                  (unsigned long long)found->stalls);
    else if (!found->probe.in_task)
        weir__log(level, "%s worker=%u seconds=%.3f stalls=%llu task=none", message, found->worker, found->seconds,
                  (unsigned long long)found->stalls);
    else
        weir__log(level, "%s worker=%u seconds=%.3f stalls=%llu task=\"%s\" handler=%s", message, found->worker, found->seconds,
                  (unsigned long long)found->stalls, quotable(found->probe.task), weir__probe_place(found->probe.entry, handler));
    if (found->probed)
        weir__probe_log_frames(level, &found->probe);
}

static void say(struct finding *found)
{
    if (found->kind == FOUND_STALL)
        say_step(LOG_LEVEL_WARNING, "loop stalled", found);
    else if (found->kind == FOUND_END)
        weir__log(LOG_LEVEL_WARNING, "loop goes on after a stall worker=%u seconds=%.3f", found->worker, found->seconds);
}

void weir__watchdog_look(int64_t now_ns)
{
    static _Thread_local struct finding found;          /* frames included it is too large for a stack */
    uint64_t last = 0;

    for (;;) {
        weir__running_lock();
        weir_loop *loop = weir__running_next(last);
        if (loop != NULL) {
            last = loop->run_number;
            look_at(loop, now_ns, &found);
        }
        weir__running_unlock();
        if (loop == NULL)
            return;
        say(&found);
    }
}

void weir__watchdog_name_all(const char *what)
{
    static _Thread_local struct finding found;
    uint64_t last = 0;

    for (;;) {
        weir__running_lock();
        weir_loop *loop = weir__running_next(last);
        if (loop != NULL) {
            int64_t since_ns = loop->stall.seen_ns;
            last = loop->run_number;
            found = (struct finding) { .worker = loop->worker, .stalls = weir__watchdog_stalls() };
            found.seconds = since_ns > 0 ? (double)(sys_monotonic_ns() - since_ns) / NS_PER_SECOND : 0;
            found.probed = probes && weir__probe(loop, &found.probe) == 0;
        }
        weir__running_unlock();
        if (loop == NULL)
            return;
        say_step(LOG_LEVEL_ERROR, what, &found);
    }
}

/* --- What loops do -------------------------------------------------------- */

void weir__watchdog_enter(weir_loop *loop)
{
    loop->worker = weir_worker_index();
    if (!atomic_load_explicit(&watching, memory_order_relaxed))
        return;
    weir__loop_watch(loop, true);
    loop->stall = (struct stall) { .watched = true };
}

void weir__watchdog_leave(weir_loop *loop)
{
    if (!loop->stall.watched)
        return;
    loop->stall.watched = false;
    weir__loop_watch(loop, false);
}

/* --- The thread ----------------------------------------------------------- */

static int64_t look_period(void)
{
    int64_t period = limit_ns / LOOKS;

    return limit_ns == 0 ? FOREVER : period < LOOK_LEAST ? LOOK_LEAST : period;
}

static int64_t tick_period(void)
{
    return options.tick == NULL ? FOREVER : TICK;
}

/* Or until it is to stop. Locked. */
static void wait_until(int64_t at_ns)
{
    struct timespec at = { .tv_sec = (time_t)(at_ns / NS_PER_SECOND), .tv_nsec = (long)(at_ns % NS_PER_SECOND) };

    while (!stopping && pthread_cond_clockwait(&stopped, &lock, CLOCK_MONOTONIC, &at) == 0)
        continue;
}

/* Counted from when it was last done: a machine that was suspended is not caught up with. */
static int64_t after(int64_t now_ns, int64_t period)
{
    return period == FOREVER ? FOREVER : now_ns + period;
}

static void *watch(void *unused)
{
    int64_t now_ns = sys_monotonic_ns();
    int64_t look_ns = after(now_ns, look_period()), tick_ns = after(now_ns, tick_period());

    (void)unused;
    pthread_setname_np(pthread_self(), "weir/watchdog");
    pthread_mutex_lock(&lock);
    for (;;) {
        wait_until(look_ns < tick_ns ? look_ns : tick_ns);
        if (stopping)
            break;
        pthread_mutex_unlock(&lock);
        now_ns = sys_monotonic_ns();
        if (now_ns >= look_ns) {
            weir__watchdog_look(now_ns);
            look_ns = after(now_ns, look_period());
        }
        if (now_ns >= tick_ns) {
            options.tick(options.arg);
            tick_ns = after(now_ns, tick_period());
        }
        pthread_mutex_lock(&lock);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* Signals are for the threads of loops. */
static int start_thread(void)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = sys_thread(&thread, NULL, watch, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

int weir__watchdog_start(const struct watchdog_options *opts)
{
    if (isnan(opts->limit) || opts->limit < 0)
        return weir__fail_text(-EINVAL, "watchdog: the limit has to be 0 (off) or more seconds");
    if (atomic_exchange(&on, true))
        return weir__fail_text(-EBUSY, "there is a watchdog already");
    options = *opts;
    limit_ns = opts->limit > 0 ? weir__ns_after(0, opts->limit) : 0;
    stopping = false;
    reports = 0;
    atomic_store(&stalls, 0);
    probes = weir__probe_start() == 0;
    if (!probes)
        weir__log(LOG_LEVEL_WARNING, "stalls will have no backtrace error=\"%s\"", weir_error_detail());
    int code = start_thread();
    if (code < 0) {
        if (probes)
            weir__probe_stop();
        atomic_store(&on, false);
        return weir__fail_text(code, "the watchdog's thread can't be started: %s", weir_strerror(code));
    }
    atomic_store(&watching, limit_ns > 0);
    return 0;
}

void weir__watchdog_stop(void)
{
    if (!atomic_load(&on))
        return;
    atomic_store(&watching, false);
    pthread_mutex_lock(&lock);
    stopping = true;
    pthread_cond_signal(&stopped);
    pthread_mutex_unlock(&lock);
    pthread_join(thread, NULL);
    if (probes)
        weir__probe_stop();
    probes = false;
    atomic_store(&on, false);
}

uint64_t weir__watchdog_stalls(void)
{
    return atomic_load_explicit(&stalls, memory_order_relaxed);
}
