/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/generation.c  Serving: the sections on every worker, signals, what is said while it runs, and the end.
 *
 * Signals are caught on worker 0: SIGINT and SIGTERM by the library, which drains; the others here.
 */
#include "server/generation.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/loop.h>
#include <weir/run.h>

#include "core/watchdog.h"
#include "net/server.h"
#include "server/last_resort.h"
#include "server/memory.h"
#include "server/worker.h"
#include "streams/serve.h"

#define ADDRESSES_SHOWN 64      /* lines about one server's addresses, as many as it can have in its configuration */
#define NOT_AT_ALL 1e-6         /* seconds of a drain that gives no time; 0 would mean the library's default */

struct generation {
    const struct generation_options *options;
    struct staff staff;
    struct serve_service *services;
    pthread_mutex_t lock;       /* over failure: workers start at the same time */
    char *failure;              /* of the worker that failed first */
    size_t failure_size;
};

/* --- What is said ---------------------------------------------------------- */

static void say_addresses(struct log *log, const struct section *section, weir_server *server)
{
    int fds[ADDRESSES_SHOWN];
    size_t count = weir_server_sockets(server, fds, ADDRESSES_SHOWN);

    for (size_t i = 0; i < count && i < ADDRESSES_SHOWN; i++) {
        weir_address address = { .len = sizeof address.storage };
        char text[WEIR_ADDRESS_MAX], quoted[LOG_QUOTE_SIZE(WEIR_ADDRESS_MAX)], handler[LOG_QUOTE_SIZE(64)];
        if (getsockname(fds[i], (void *)&address.storage, &address.len) < 0)
            continue;
        weir_address_format(&address, text, sizeof text);
        log_write(log, 1, "listening server=%s address=%s handler=%s", section->config->name,
                  log_value(quoted, sizeof quoted, text, strlen(text)),
                  log_value(handler, sizeof handler, section->plugin->table.name, strnlen(section->plugin->table.name, 64)));
    }
}

static void say_counters(const struct generation *generation, int level)
{
    const struct counters_table *counters = &generation->staff.sections->counters;

    for (unsigned id = 0; id < counters->count; id++)
        log_write(generation->options->log, level, "counter server=%s name=%s value=%llu", counters->names[id].section,
                  counters->names[id].name, (unsigned long long)counters_total(counters, id));
}

static void say_memory(void *arg)
{
    struct generation *generation = arg;
    struct memory_figures figures;
    double interval = generation->options->config->log.memory_interval;

    if (memory_figures_read(&figures))
        weir_log(0, "memory allocated=%zu active=%zu resident=%zu mapped=%zu retained=%zu arenas=%u", figures.allocated,
                 figures.active, figures.resident, figures.mapped, figures.retained, figures.arenas);
    say_counters(generation, 0);
    if (weir_loop_call_later(weir_get_running_loop(), interval, say_memory, generation) == NULL)
        weir_log(2, "no more lines about memory: no memory for the timer");
}

/* --- Signals --------------------------------------------------------------- */

static void on_quit(void *arg)
{
    (void)arg;
    weir_serve_stop();
}

static void on_reopen(void *arg)
{
    const struct generation *generation = arg;

    log_reopen(generation->options->log);
}

static void on_reserved_hup(void *arg)
{
    (void)arg;
    weir_log(2, "SIGHUP is reserved for reading the configuration anew, which is not offered yet: restart to apply changes");
}

static void on_reserved_usr2(void *arg)
{
    (void)arg;
    weir_log(2, "SIGUSR2 is reserved for changing to a new binary, which is not offered yet: restart to change it");
}

static const int caught[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2 };

static void ignore_late(int number)
{
    (void)number;
}

/* Loops put back what was there before them, which by default ends the process: a signal that comes while it ends already would
 * change how, be it another stop or a request to reopen logs. So from here on there is a handler that does nothing, and until
 * the loops have theirs no signal gets through. */
static void hold_signals(void)
{
    struct sigaction nothing = { .sa_handler = ignore_late, .sa_flags = SA_RESTART };
    sigset_t held;

    sigemptyset(&held);
    for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++)
        sigaddset(&held, caught[i]);
    pthread_sigmask(SIG_BLOCK, &held, NULL);
    for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++)
        sigaction(caught[i], &nothing, NULL);   /* cannot fail with these numbers */
}

static int catch_signals(struct generation *generation)
{
    static const struct {
        int number;
        weir_callback callback;
    } signals[] = { { SIGQUIT, on_quit }, { SIGUSR1, on_reopen }, { SIGHUP, on_reserved_hup }, { SIGUSR2, on_reserved_usr2 } };
    sigset_t blocked;
    int code = 0;

    sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++)
        sigaddset(&blocked, caught[i]);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0] && code == 0; i++)
        code = weir_loop_add_signal_handler(weir_get_running_loop(), signals[i].number, signals[i].callback, generation);
    /* They were kept back until somebody can take them. */
    pthread_sigmask(SIG_UNBLOCK, &blocked, NULL);
    return code;
}

/* --- On the workers -------------------------------------------------------- */

static void note_failure(struct generation *generation, const char *text)
{
    pthread_mutex_lock(&generation->lock);
    if (generation->failure[0] == '\0')
        snprintf(generation->failure, generation->failure_size, "%s", text);
    pthread_mutex_unlock(&generation->lock);
}

static int on_worker_start(void *arg, unsigned worker)
{
    struct generation *generation = arg;
    char error[PROBLEM_TEXT_MAX * 2];
    int code = 0;

    if (worker == 0) {
        code = catch_signals(generation);
        if (code < 0)
            return code;
        if (generation->options->config->log.memory_interval > 0)
            say_memory(generation);
    }
    code = staff_start(&generation->staff, worker, error, sizeof error);
    if (code < 0)
        note_failure(generation, error);
    return code;
}

static void on_worker_stop(void *arg, unsigned worker)
{
    struct generation *generation = arg;

    staff_stop(&generation->staff, worker);
}

static void on_ready(void *arg)
{
    struct generation *generation = arg;
    const struct generation_options *options = generation->options;

    for (size_t i = 0; i < options->sections->count; i++)
        say_addresses(options->log, &options->sections->at[i], generation->services[i].server);
    log_write(options->log, 1, "ready workers=%u servers=%zu", generation->staff.workers, options->sections->count);
    if (options->ready != NULL)
        options->ready(options->arg);
}

/* --- All of it ------------------------------------------------------------- */

static int prepare(struct generation *generation, unsigned workers)
{
    const struct generation_options *options = generation->options;

    if (staff_init(&generation->staff, options->sections, workers) < 0)
        return -1;
    generation->services = calloc(options->sections->count, sizeof generation->services[0]);
    if (generation->services == NULL)
        return -1;
    for (size_t i = 0; i < options->sections->count; i++) {
        generation->services[i].serving = staff_serving(&generation->staff, i);
        generation->services[i].sockets = &options->sockets->sets[i];
        generation->services[i].options = sockets_options(&options->config->servers[i]);
    }
    return 0;
}

static enum generation_end serve(struct generation *generation)
{
    const struct config *config = generation->options->config;
    struct serve_plan plan = {
        .workers = generation->staff.workers, .no_pin = !config->pin,
        .drain_timeout = config->drain_timeout > 0 ? config->drain_timeout : NOT_AT_ALL,
        .services = generation->services, .service_count = generation->options->sections->count,
        .worker_start = on_worker_start, .worker_stop = on_worker_stop, .on_ready = on_ready, .arg = generation,
    };
    struct last_resort resort = {
        .plan = &plan, .drain = plan.drain_timeout, .stuck = generation->options->stuck, .arg = generation->options->arg,
    };
    struct watchdog_options watchdog = {
        .limit = config->watchdog, .tick = resort.stuck != NULL ? last_resort_tick : NULL, .arg = &resort,
    };

    int code = weir__watchdog_start(&watchdog);
    if (code < 0) {
        note_failure(generation, weir_error_detail());
        return GENERATION_FAILED;
    }
    hold_signals();
    code = weir__serve(&plan);
    if (code < 0)
        note_failure(generation, weir_error_detail());
    weir__watchdog_stop();
    if (code < 0)
        return GENERATION_FAILED;
    say_counters(generation, 1);
    if (config->watchdog > 0)
        log_write(generation->options->log, 1, "counter name=loop_stalls value=%llu",
                  (unsigned long long)weir__watchdog_stalls());
    return plan.abandoned > 0 ? GENERATION_ABANDONED : plan.cut_short ? GENERATION_CUT_SHORT : GENERATION_DRAINED;
}

enum generation_end generation_run(const struct generation_options *options, char *error, size_t size)
{
    struct generation generation = { .options = options, .failure = error, .failure_size = size };
    enum generation_end end = GENERATION_FAILED;

    error[0] = '\0';
    pthread_mutex_init(&generation.lock, NULL);
    if (prepare(&generation, weir__serve_workers(options->config->workers)) < 0)
        snprintf(error, size, "no memory for %zu servers on %u workers", options->sections->count,
                 weir__serve_workers(options->config->workers));
    else
        end = serve(&generation);
    sockets_close(options->sockets);
    free(generation.services);
    staff_fini(&generation.staff);
    pthread_mutex_destroy(&generation.lock);
    return end;
}
