/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/start.c  Getting ready in an order that matters:
 *
 *      read the configuration          everything wrong with it is said at once
 *      open the log, bind sockets, open access logs, write the pid file        as root, where that is needed
 *      change to user and group        from here on for good
 *      load and configure plugins      no plugin's code runs as root
 *      workers, worker_start, listen   generation.c
 *
 * Nothing listens before all of it has gone well. Each step adds what it finds wrong to one list, and as many steps as make
 * sense are taken before it is shown.
 */
#include "server/start.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weir/run.h>

#include "server/config.h"
#include "server/generation.h"
#include "server/log.h"
#include "server/pid_file.h"
#include "server/privileges.h"
#include "server/section.h"
#include "server/sockets.h"
#include "streams/serve.h"

#define ERROR_MOST 2048

/* What a start has made so far; all zero: nothing. */
struct start {
    struct problems problems;
    struct config *config;
    struct log *log;
    struct privileges privileges;
    struct sockets sockets;
    struct sections sections;
    bool has_pid_file;
};

static void cannot(const char *what)
{
    fprintf(stderr, "weir: %s\n", what);
}

/* --- Steps ----------------------------------------------------------------- */

static int read_config(struct start *start, const struct options *options)
{
    static const char *const standard[] = { WEIR_CONFIG_FILE };
    struct config_sources sources = {
        .files = options->file_count > 0 ? options->files : standard,
        .file_count = options->file_count > 0 ? options->file_count : 1,
        .settings = options->settings, .setting_count = options->setting_count,
    };
    int code = config_load(&start->config, &sources, &start->problems);

    if (code < 0 && problems_count(&start->problems) == 0)
        problems_add(&start->problems, (struct place) { 0 }, "the configuration can't be read: %s", weir_strerror(code));
    return code;
}

static void find_user(struct start *start)
{
    const struct config *config = start->config;
    char error[ERROR_MOST];
    bool wrong_group;

    if (privileges_find(config->user, config->group, &start->privileges, &wrong_group, error, sizeof error) < 0)
        problems_add(&start->problems, config_place(config, wrong_group ? "group" : "user"), "%s: %s",
                     wrong_group ? "group" : "user", error);
}

static void open_log(struct start *start)
{
    const struct config_log *log = &start->config->log;
    struct log_options options = {
        .level = log->level, .format = log->format == CONFIG_LOG_JSON ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT,
        .path = strcmp(log->destination, "stderr") == 0 ? NULL : log->destination,
        .repeat_limit = log->repeat_limit > 0 ? (int)log->repeat_limit : -1, .queue_size = log->queue,
    };
    char error[ERROR_MOST];

    if (log_open(&options, &start->log, error, sizeof error) < 0)
        problems_add(&start->problems, config_place_log(start->config, "destination"), "log.destination: %s", error);
}

static void write_pid_file(struct start *start)
{
    char error[ERROR_MOST];

    if (start->config->pid_file[0] == '\0')
        return;
    if (pid_file_write(start->config->pid_file, error, sizeof error) < 0)
        problems_add(&start->problems, config_place(start->config, "pid_file"), "pid_file: %s", error);
    else
        start->has_pid_file = true;
}

static void load_plugins(struct start *start)
{
    char dir[PATH_MAX];

    (void)sections_load(&start->sections, plugin_default_dir(dir, sizeof dir), &start->problems);
}

/* What is wrong, and that nothing came of it. */
static bool give_up(struct start *start)
{
    size_t count = problems_count(&start->problems);

    if (count == 0)
        return false;
    problems_print(&start->problems, stderr);
    fprintf(stderr, "weir: %zu %s: nothing was started\n", count, count == 1 ? "error" : "errors");
    return true;
}

static void undo(struct start *start)
{
    sections_free(&start->sections);
    sockets_close(&start->sockets);
    if (start->has_pid_file)
        pid_file_remove(start->config->pid_file);
    weir_set_log(NULL, NULL, 0);
    log_close(start->log);
    config_free(start->config);
    problems_fini(&start->problems);
    free(start);
}

/* --- Running --------------------------------------------------------------- */

/* What would end the process before there is a loop to take it waits until there is one. */
static void hold_signals(void)
{
    sigset_t held;

    sigemptyset(&held);
    sigaddset(&held, SIGHUP);
    sigaddset(&held, SIGUSR1);
    sigaddset(&held, SIGUSR2);
    sigaddset(&held, SIGQUIT);
    sigaddset(&held, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &held, NULL);
}

/* All that needs the rights the process was started with. */
static void prepare(struct start *start)
{
    unsigned workers = weir__serve_workers(start->config->workers);

    find_user(start);
    privileges_raise_descriptors();
    open_log(start);
    (void)sockets_bind(start->config, workers, &start->sockets, &start->problems);
    if (start->log != NULL && sections_init(&start->sections, start->config, start->log, &start->problems) == 0)
        write_pid_file(start);
}

/* Threads are at work that nobody can stop, so nothing of what they may use is taken apart. */
static void leave_everything(void *arg)
{
    struct start *start = arg;

    weir_log(2, "stopped end=forced: a handler did not end");
    if (start->has_pid_file)
        pid_file_remove(start->config->pid_file);
    log_finish(start->log);
    _exit(EXIT_CUT_SHORT);
}

static int serve(struct start *start)
{
    struct generation_options options = {
        .config = start->config, .sections = &start->sections, .sockets = &start->sockets, .log = start->log,
        .stuck = leave_everything, .arg = start,
    };
    char error[ERROR_MOST];

    weir_set_log(log_hook, start->log, start->config->log.level);
    int code = weir_report_stack_overflow();
    if (code < 0)
        weir_log(2, "a stack overflow would not be explained error=\"%s\"", weir_strerror(code));
    if (geteuid() == 0)
        weir_log(2, "plugins run as root key=user");
    switch (generation_run(&options, error, sizeof error)) {
    case GENERATION_DRAINED:
        weir_log(1, "stopped end=clean");
        return EXIT_FINE;
    case GENERATION_CUT_SHORT:
        weir_log(2, "stopped end=forced reason=\"connections were aborted\"");
        return EXIT_CUT_SHORT;
    case GENERATION_ABANDONED:
        leave_everything(start);
        break;
    case GENERATION_FAILED:
        break;
    }
    cannot(error);
    return EXIT_TROUBLE;
}

static int run(struct start *start, const struct options *options)
{
    char error[ERROR_MOST];

    if (read_config(start, options) == 0)
        prepare(start);
    if (give_up(start))
        return EXIT_TROUBLE;
    if (privileges_take(&start->privileges, error, sizeof error) < 0) {
        cannot(error);
        return EXIT_TROUBLE;
    }
    load_plugins(start);
    if (give_up(start))
        return EXIT_TROUBLE;
    return serve(start);
}

int start_run(const struct options *options)
{
    struct start *start = calloc(1, sizeof *start);     /* its list of problems is too large for a stack's taste */

    if (start == NULL) {
        cannot("no memory");
        return EXIT_TROUBLE;
    }
    hold_signals();
    int status = run(start, options);
    undo(start);
    return status;
}

/* --- Checking and printing ------------------------------------------------- */

/* Whether a file could be written there, without writing it. */
static void check_destination(struct problems *problems, struct place place, const char *key, const char *path)
{
    char folder[PATH_MAX];
    struct stat now;

    if (path[0] != '/')
        return;                                 /* none, or standard error */
    if (stat(path, &now) == 0) {
        if (S_ISDIR(now.st_mode))
            problems_add(problems, place, "%s: %s is a folder, expected a file", key, path);
        else if (access(path, W_OK) < 0)
            problems_add(problems, place, "%s: %s can't be written: %s", key, path, strerror(errno));
        return;
    }
    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = '\0';
    if (access(folder[0] != '\0' ? folder : "/", W_OK | X_OK) < 0)
        problems_add(problems, place, "%s: %s can't be created: the folder %s: %s", key, path, folder, strerror(errno));
}

static void check_files(struct start *start)
{
    const struct config *config = start->config;

    check_destination(&start->problems, config_place_log(config, "destination"), "log.destination", config->log.destination);
    check_destination(&start->problems, config_place(config, "pid_file"), "pid_file", config->pid_file);
    for (size_t i = 0; i < config->server_count; i++)
        check_destination(&start->problems, config_place_server(&config->servers[i], "access_log"), "access_log",
                          config->servers[i].access_log);
}

static int check(struct start *start, const struct options *options)
{
    if (read_config(start, options) == 0) {
        find_user(start);
        sockets_check(start->config, &start->problems);
        check_files(start);
        if (sections_init(&start->sections, start->config, NULL, &start->problems) == 0)
            load_plugins(start);
    }
    size_t count = problems_count(&start->problems);
    if (count > 0) {
        problems_print(&start->problems, stderr);
        fprintf(stderr, "weir: %zu %s\n", count, count == 1 ? "error" : "errors");
        return EXIT_TROUBLE;
    }
    printf("weir: the configuration is fine: %zu %s\n", start->config->server_count,
           start->config->server_count == 1 ? "server" : "servers");
    return EXIT_FINE;
}

static int print(struct start *start, const struct options *options)
{
    if (read_config(start, options) < 0) {
        problems_print(&start->problems, stderr);
        return EXIT_TROUBLE;
    }
    config_print(start->config, stdout);
    if (fflush(stdout) == 0)
        return EXIT_FINE;
    fprintf(stderr, "weir: standard output: %s\n", strerror(errno));
    return EXIT_TROUBLE;
}

static int without_serving(const struct options *options, int (*what)(struct start *start, const struct options *options))
{
    struct start *start = calloc(1, sizeof *start);

    if (start == NULL) {
        cannot("no memory");
        return EXIT_TROUBLE;
    }
    int status = what(start, options);
    undo(start);
    return status;
}

int start_check(const struct options *options)
{
    return without_serving(options, check);
}

int start_print(const struct options *options)
{
    return without_serving(options, print);
}
