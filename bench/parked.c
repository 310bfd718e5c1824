/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/parked.c  How many tasks can wait at once, and what each one costs.
 *
 * Starts COUNT tasks on one loop: every second sleeps for a year, the others
 * join the one before them; or, with --pairs, each waits in readline at one end
 * of a memory pair. When all have begun, memory and mappings are read (the
 * difference to the reading before, over the tasks), and a page of guard is
 * looked for below each task's stack. A line into every pair then wakes each
 * task, which reads it and waits again; twice, since the first line also makes
 * the buffers, and both times are told. At last all are cancelled and joined,
 * which is timed, too: woken with -ECANCELED, each comes to its end.
 *
 * Exit status: 0 when all started, woke, were cancelled and ended, 1 otherwise;
 * the JSON line is printed either way.
 *
 * Try:  parked 200000
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <weir/weir.h>

#define A_YEAR      (365.0 * 24 * 3600)
#define PASSES_MAX  100000      /* the tasks have begun after a few; never wait for ever */
#define WAKES       2           /* rounds of lines with --pairs */
#define GUARD_REACH 32          /* pages searched: a default stack, 128 KiB, ends within them */
#define PAGE_GUARD  (UINT64_C(1) << 58)     /* of a pagemap entry: MADV_GUARD_INSTALL, Linux 6.15 */

struct parked {
    weir_task  *task;
    weir_task  *partner;        /* joined; NULL: sleep instead */
    weir_reader *reader;        /* with --pairs, the task's end and ours */
    weir_writer *near, *far;
    const void *stack;          /* an address in the task's deepest frame of ours; NULL: not begun */
};

struct run {
    struct parked *tasks;
    bool   pairs;
    size_t wanted, created, begun, ended;
    long   bytes;               /* of memory, all tasks */
    long   mappings, guards;    /* guards: -1 when the kernel does not say */
    double seconds;             /* from the first create to the last beginning */
    double wake_seconds[WAKES]; /* from the first line written to the last one read; --pairs only */
    double end_seconds;         /* from the first cancel to the last join */
    int    trouble;
};

static size_t begun, woken;     /* one loop, so one thread */

static int read_lines(weir_reader *reader)
{
    weir_bytes line;
    ssize_t n;

    while ((n = weir_reader_readline(reader, &line)) > 0)
        woken++;
    return (int)n;
}

static int park(void *arg)
{
    struct parked *self = arg;

    self->stack = __builtin_frame_address(0);
    begun++;
    if (self->reader != NULL)
        return read_lines(self->reader);
    return self->partner != NULL ? weir_task_join(self->partner) : weir_sleep(A_YEAR);
}

/* --- What the kernel says about us --------------------------------------- */

/* The number after @key, in the file's unit (kB), or 0. */
static long value_of(const char *path, const char *key)
{
    char line[256];
    long value = 0;
    FILE *file = fopen(path, "r");

    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtol(line + strlen(key), NULL, 10);
    if (file != NULL)
        fclose(file);
    return value;
}

static long memory_now(void)
{
    return 1024 * (value_of("/proc/self/smaps_rollup", "Pss:")
                   + value_of("/proc/self/status", "VmPTE:"));
}

static long mappings_now(void)
{
    FILE *file = fopen("/proc/self/maps", "r");
    long lines = 0;
    int c;

    while (file != NULL && (c = getc(file)) != EOF)
        lines += c == '\n';
    if (file != NULL)
        fclose(file);
    return lines;
}

/* Whether one of the pages below @stack is a guard: 1, 0, or -1 when unknown. */
static int guard_below(int pagemap, const void *stack)
{
    static uint64_t entries[GUARD_REACH];       /* not on a task's stack */
    long page = sysconf(_SC_PAGESIZE);
    intptr_t top = (intptr_t)stack / page;
    ssize_t got = pread(pagemap, entries, sizeof entries,
                        (off_t)((top - GUARD_REACH) * (intptr_t)sizeof entries[0]));

    if (got != (ssize_t)sizeof entries)
        return -1;
    for (int i = 0; i < GUARD_REACH; i++)
        if ((entries[i] & PAGE_GUARD) != 0)
            return 1;
    return 0;
}

/* Guards made by mprotect, of older kernels, are not seen: then this is 0. */
static long count_guards(const struct run *run)
{
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    long guards = pagemap < 0 ? -1 : 0;

    for (size_t i = 0; i < run->created && guards >= 0; i++) {
        int found = guard_below(pagemap, run->tasks[i].stack);
        guards = found < 0 ? -1 : guards + found;
    }
    if (pagemap >= 0)
        close(pagemap);
    return guards;
}

/* --- The run ------------------------------------------------------------- */

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Let the others run until @count is @wanted; a failure is in run->trouble. */
static void run_until(struct run *run, const size_t *count, size_t wanted)
{
    for (int i = 0; i < PASSES_MAX && *count < wanted && run->trouble == 0; i++)
        run->trouble = weir_yield();
}

static bool make_pair(struct parked *self)
{
    weir_reader *unread;
    int code = weir_stream_pair(&unread, &self->near, &self->reader, &self->far);

    if (code < 0)
        fprintf(stderr, "parked: a pair: %s\n", weir_strerror(code));
    return code == 0;
}

static void start_all(struct run *run)
{
    double since = now();

    for (size_t i = 0; i < run->wanted; i++) {
        struct parked *self = &run->tasks[i];

        if (run->pairs && !make_pair(self))
            break;
        self->partner = i % 2 == 1 && !run->pairs ? run->tasks[i - 1].task : NULL;
        self->task = weir_create_task(park, self);
        if (self->task == NULL) {
            fprintf(stderr, "parked: task %zu: %s\n", i, weir_error_detail());
            break;
        }
        run->created++;
    }
    run_until(run, &begun, run->created);
    run->seconds = now() - since;
    run->begun = begun;
}

static void wake_all(struct run *run, int round)
{
    double since = now();

    for (size_t i = 0; i < run->created; i++)
        weir_writer_write(run->tasks[i].near, "x\n", 2);
    run_until(run, &woken, run->created * ((size_t)round + 1));
    run->wake_seconds[round] = now() - since;
}

static void end_all(struct run *run)
{
    double since = now();

    for (size_t i = 0; i < run->created; i++)
        weir_task_cancel(run->tasks[i].task);
    for (size_t i = 0; i < run->created; i++) {
        run->ended += weir_task_join(run->tasks[i].task) == -ECANCELED;
        weir_task_unref(run->tasks[i].task);
    }
    run->end_seconds = now() - since;
    for (size_t i = 0; i < run->wanted && run->tasks[i].near != NULL; i++) {
        weir_writer_free(run->tasks[i].near);
        weir_writer_free(run->tasks[i].far);
    }
}

static int measure(void *arg)
{
    struct run *run = arg;
    long before = memory_now();

    start_all(run);
    run->bytes = memory_now() - before;
    run->mappings = mappings_now();
    run->guards = run->begun == run->created ? count_guards(run) : -1;
    for (int round = 0; round < WAKES && run->pairs && run->begun == run->created; round++)
        wake_all(run, round);
    end_all(run);
    return run->trouble;
}

static void report(const struct run *run)
{
    char guards[24] = "null", wake[64] = "null";
    double each = run->begun > 0 ? 1e9 / (double)run->begun : 0.0;

    if (run->guards >= 0)
        snprintf(guards, sizeof guards, "%ld", run->guards);
    if (run->pairs)
        snprintf(wake, sizeof wake, "[%.1f, %.1f]", run->wake_seconds[0] * each, run->wake_seconds[1] * each);
    printf("{\"wanted\": %zu, \"started\": %zu, \"seconds\": %.6f, \"bytes_per_task\": %.1f, "
           "\"mappings\": %ld, \"guards\": %s, \"ended\": %zu, \"pairs\": %s, \"wake_ns\": %s, \"end_ns\": %.1f}\n",
           run->wanted, run->begun, run->seconds,
           run->begun > 0 ? (double)run->bytes / (double)run->begun : 0.0, run->mappings, guards,
           run->ended, run->pairs ? "true" : "false", wake, run->end_seconds * each);
}

int main(int argc, char **argv)
{
    bool pairs = argc > 1 && strcmp(argv[1], "--pairs") == 0;
    const char *count = argc > 1 + pairs ? argv[1 + pairs] : "200000";
    struct run run = { .pairs = pairs, .wanted = strtoul(count, NULL, 10) };

    if (argc > 2 + pairs || run.wanted == 0 || run.wanted > 100000000) {
        fputs("usage: parked [--pairs] [COUNT]\n", stderr);
        return 2;
    }
    run.tasks = malloc(run.wanted * sizeof *run.tasks);
    if (run.tasks == NULL) {
        perror("parked");
        return 1;
    }
    memset(run.tasks, 0, run.wanted * sizeof *run.tasks);
    for (size_t i = 0; i < run.wanted; i += 64)     /* every page is ours before the first reading */
        ((volatile struct parked *)run.tasks)[i].stack = NULL;

    int code = weir_run(measure, &run);
    if (code < 0)
        fprintf(stderr, "parked: %s: %s\n", weir_strerror(code), weir_error_detail());
    report(&run);
    free(run.tasks);
    return code < 0 || run.begun < run.wanted || run.ended < run.begun || (pairs && woken < run.begun * WAKES);
}
