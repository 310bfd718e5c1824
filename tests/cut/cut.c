/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/cut/cut.c  Playing a scene with a cut, again and again, and looking at what is left.
 *
 * A cut inside of a run is played in rounds on one loop, one that ends the loop in rounds of a loop each. The first rounds
 * fill caches (free blocks, stacks, libev's arrays); after the others everything that is counted has to be as it was after
 * those. Time is the test clock's, and a deadline comes when the clock is moved beyond it.
 */
#include "cut/cut.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <weir/loop.h>
#include <weir/run.h>

#include "core/loop.h"
#include "core/task_dump.h"
#include "lib/clock.h"
#include "lib/stream_far.h"

#define ROUNDS_WARM 2
#define ROUNDS      5           /* in all */
#define LIMIT       10.0        /* seconds of the deadline */
#define TIMEOUT     20          /* Check's, of a test: longer, so that it is told what failed */
#define PATIENCE    10          /* real seconds until something that should come to pass has failed */
#define SETTLED     8           /* passes after which all that can run has run */

static const char *const cut_names[CUTS] = { "a cancel", "a deadline", "a reset", "the end of the run", "a loop that closes" };

/* What is played now; a test is a process of its own. */
static const struct cut_scene *scene;
static enum cut cut;
static struct cut_subject first, second;
static int subjects;            /* that have not ended */
static enum wait_kind kind;     /* what they are to wait in now */
static int failures;
static char told[2048];

/* --- Saying what is wrong ------------------------------------------------- */

__attribute__((format(printf, 1, 2))) static void wrong(const char *fmt, ...)
{
    size_t len = strlen(told);
    va_list args;

    failures++;
    len += (size_t)snprintf(told + len, sizeof told - len, "%s in \"%s\", cut by %s: ", scene->function, scene->state,
                            cut_names[cut]);
    if (len < sizeof told) {
        va_start(args, fmt);
        len += (size_t)vsnprintf(told + len, sizeof told - len, fmt, args);
        va_end(args);
    }
    if (len < sizeof told)
        snprintf(told + len, sizeof told - len, "\n");
}

void cut_expect(bool so, const char *file, int line, const char *what)
{
    const char *name = strrchr(file, '/');

    if (!so)
        wrong("%s:%d: it is not so that %s", name != NULL ? name + 1 : file, line, what);
}

static time_t real_seconds(void)
{
    struct timespec now;

    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

void cut_settle(void)
{
    for (int i = 0; i < SETTLED; i++)
        weir_yield();
}

bool cut_until(bool (*so)(void *arg), void *arg, const char *what)
{
    time_t until = real_seconds() + PATIENCE;

    while (!so(arg)) {
        if (real_seconds() > until) {
            wrong("this did not come to pass: %s", what);
            return false;
        }
        weir_yield();
    }
    return true;
}

/* --- What may not be left ------------------------------------------------- */

struct counts {
    long descriptors, memory, blocks, handles, watchers, stacks, tasks;
};

static long stacks_in_use(const struct stack_pool *pool)
{
    long used = 0;

    for (int i = 0; i < STACK_CLASSES; i++)
        used += (long)pool->classes[i].carved - (long)pool->classes[i].free_count;
    return used;
}

static struct counts count(void)
{
    struct counts counts = { .descriptors = open_descriptors(), .memory = cut_memory_live() };
    weir_loop *loop = weir__this_loop;

    if (loop == NULL)
        return counts;
    counts.blocks = (long)loop->blocks.live;
    counts.handles = (long)loop->handles.live;
    counts.watchers = (long)loop->watchers;
    counts.stacks = stacks_in_use(&loop->stacks);
    for (struct list *node = loop->tasks.next; node != &loop->tasks; node = node->next)
        counts.tasks++;
    return counts;
}

static bool more(const struct counts *now, const struct counts *before)
{
    return now->descriptors > before->descriptors || now->memory > before->memory || now->blocks > before->blocks ||
           now->handles > before->handles || now->watchers > before->watchers || now->stacks > before->stacks ||
           now->tasks > before->tasks;
}

/* A connection's end, and a thread's last job, take a while after the task that caused them has gone on. */
static void check_nothing_left(const struct counts *before)
{
    time_t until = real_seconds() + PATIENCE;
    struct counts now = count();

    while (more(&now, before) && real_seconds() <= until) {
        if (weir__this_loop == NULL)
            usleep(100);
        else
            weir_yield();
        now = count();
    }
    if (more(&now, before))
        wrong("left after %d rounds: %ld descriptors, %ld allocations, %ld blocks, %ld handles, %ld watchers, %ld stacks, "
             "%ld tasks", ROUNDS - ROUNDS_WARM, now.descriptors - before->descriptors, now.memory - before->memory,
             now.blocks - before->blocks, now.handles - before->handles, now.watchers - before->watchers,
             now.stacks - before->stacks, now.tasks - before->tasks);
}

/* --- Runs ----------------------------------------------------------------- */

static weir_event over;         /* the other worker's */

static void set_over(void *arg)
{
    (void)arg;
    weir_event_set(&over);
}

/* Its loop is needed to the end: whoever is cut on worker 0 may still have to ask it. */
static void let_other_end(void)
{
    if (scene->workers)
        EXPECT(weir_loop_call_soon_threadsafe(weir_worker_loop(1), set_over, NULL) == 0);
}

static int play_or_stand_by(void *play)
{
    return weir_worker_index() == 0 ? ((int (*)(void *))play)(NULL) : weir_event_wait(&over);
}

static int run(int (*play)(void *))
{
    weir_event_init(&over);
    return scene->workers ? weir_run_workers(2, play_or_stand_by, (void *)play) : weir_run(play, NULL);
}

/* --- Subjects ------------------------------------------------------------- */

static bool ends_loop(void)
{
    return cut == CUT_RUN_ENDS || cut == CUT_LOOP_CLOSES;
}

static int enter_call(void *arg)
{
    struct cut_subject *self = arg;
    bool limited = self == &first && cut == CUT_DEADLINE;
    weir_timeout t;

    if (limited)
        weir_timeout_begin(&t, LIMIT);
    self->entered = true;
    self->code = scene->call(self);
    self->returned = true;
    if (limited)
        self->expired = weir_timeout_end(&t);
    if (scene->left != NULL && (self == &first || ends_loop()))
        scene->left(self, cut);
    self->kept = weir_yield() == -ECANCELED;
    if (--subjects > 0 || !ends_loop())
        return 0;
    if (scene->close != NULL)
        scene->close();                         /* nobody else is there to do it */
    let_other_end();
    return 0;
}

static void start(struct cut_subject *subject, const char *name)
{
    *subject = (struct cut_subject) { 0 };
    subjects++;
    subject->task = weir_create_task(enter_call, subject);
    weir_task_set_name(subject->task, name);
}

static bool is_waiting(const struct cut_subject *subject)
{
    const weir_task *task = subject->task;

    if (kind == WAIT_NOTHING)
        return subject->entered && task->state == TASK_READY && !subject->returned;
    return task->state == TASK_PARKED && task->wait_kind == kind && !subject->returned;
}

static bool has_arrived(void *arg)
{
    const struct cut_subject *subject = arg;

    return subject->returned || (is_waiting(subject) && (scene->ready == NULL || kind != scene->kind || scene->ready()));
}

static bool has_ended(void *arg)
{
    return weir_task_done(((struct cut_subject *)arg)->task);
}

static void until_waiting(struct cut_subject *subject)
{
    if (!cut_until(has_arrived, subject, "the call waits as the scene says"))
        wrong("it waits for \"%s\"", weir__task_waits_for(subject->task));
    else if (subject->returned)
        wrong("it did not wait, and returned %s", code_name(subject->code));
}

/* Joined without waiting in a call of its own, so that one that never ends is told. */
static void until_ended(struct cut_subject *subject)
{
    if (cut_until(has_ended, subject, "the call returns"))
        weir_task_unref(subject->task);
}

/* --- The cut -------------------------------------------------------------- */

static void note_peer(const weir_task_info *info, void *arg)
{
    if (strcmp(info->name, "first") == 0 && info->peer != NULL)
        *(bool *)arg = true;
}

/* A scene that says that there is no peer, where the library itself names one, would spare itself a cut. */
static void check_declared(void)
{
    bool has_peer = false;

    if ((scene->reset != NULL) == scene->no_peer)
        wrong("a scene has either a reset or no_peer");
    weir_tasks_dump(false, note_peer, &has_peer);
    if (scene->no_peer && has_peer)
        wrong("the scene says that there is no peer, and the library waits for one");
}

static int expected_code(void)
{
    if ((scene->late & AT(cut)) != 0)
        return scene->ok;
    if (cut == CUT_RESET && scene->reset != NULL)
        return scene->reset_code != 0 ? scene->reset_code : -ECONNRESET;
    if (cut == CUT_DEADLINE)
        return scene->deadline_code != 0 ? scene->deadline_code : -ETIMEDOUT;
    return -ECANCELED;
}

static void check_cut(const struct cut_subject *subject)
{
    bool cancelled = (AT(cut) & AT_CANCELS) != 0 || (cut == CUT_RESET && scene->reset == NULL);
    bool late = (scene->late & AT(cut)) != 0;

    if (!subject->returned)
        wrong("the call has not returned");
    else if (subject->code != expected_code())
        wrong("it returned %s, and %s was expected", code_name(subject->code), code_name(expected_code()));
    if (subject->returned && subject->kept != (cancelled && late))
        wrong(subject->kept ? "the cancel was met, and came a second time" : "the cancel was not met, and is lost");
    if (cut == CUT_DEADLINE && !subject->expired)
        wrong("the deadline had not run out");
}

static void make_cut(void)
{
    if (cut == CUT_DEADLINE)
        clock_advance(LIMIT + 1);
    else if (cut == CUT_RESET && scene->reset != NULL)
        scene->reset();
    else
        weir_task_cancel(first.task);
    if ((scene->sees_through & AT(cut)) != 0) {
        cut_settle();
        if (first.returned)
            wrong("it was cut, and should have been seen through");
        scene->fulfil();
    }
}

/* --- Afterwards ----------------------------------------------------------- */

/* The same call again, by another task, or by the one that stood behind the first: it waits, and gets what it waits for. */
static void check_usable(void)
{
    if (second.task == NULL)
        start(&second, "second");
    until_waiting(&second);
    if (failures > 0)
        return;
    scene->fulfil();
    until_ended(&second);
    if (second.code != scene->ok)
        wrong("the call after it returned %s, and %s was expected", code_name(second.code), code_name(scene->ok));
    else if (scene->text != NULL && strcmp(second.text, scene->text) != 0)
        wrong("the call after it got \"%s\", and \"%s\" was expected", second.text, scene->text);
}

static void open_and_enter(void)
{
    subjects = 0;
    second.task = NULL;
    kind = scene->from != WAIT_NOTHING ? scene->from : scene->kind;
    if (scene->open != NULL)
        scene->open();
    if (failures > 0)
        return;
    start(&first, "first");
    until_waiting(&first);
    if (scene->company) {
        start(&second, "second");
        until_waiting(&second);
    }
    if (scene->enter != NULL && failures == 0) {
        scene->enter();
        if (scene->from == WAIT_NOTHING)
            cut_settle();                       /* it looks the same before and after */
        kind = scene->kind;
        until_waiting(&first);
    }
    check_declared();
}

static void play_round(void)
{
    bool all = cut == CUT_RESET && scene->reset != NULL;        /* it meets everybody */

    open_and_enter();
    if (failures > 0)
        return;
    make_cut();
    until_ended(&first);
    check_cut(&first);
    if (scene->company && !all) {
        cut_settle();
        EXPECT(is_waiting(&second));
    }
    if (failures > 0)
        return;
    if (!all && (scene->over & AT(cut)) == 0) {
        check_usable();
    } else if (second.task != NULL) {
        until_ended(&second);
        check_cut(&second);
    }
    if (failures == 0 && scene->close != NULL)
        scene->close();
}

static int play(void *arg)
{
    struct counts before = { 0 };

    (void)arg;
    for (int round = 0; round < ROUNDS && failures == 0; round++) {
        play_round();
        clock_advance(LIMIT);                   /* the loop's own timers have their turn in every round */
        cut_settle();
        if (round == ROUNDS_WARM - 1)
            before = count();
    }
    if (failures == 0)
        check_nothing_left(&before);
    let_other_end();
    return 0;
}

/* --- A loop that ends ----------------------------------------------------- */

/* Main returns while they wait. */
static int leave_waiting(void *arg)
{
    (void)arg;
    open_and_enter();
    weir_task_unref(first.task);
    weir_task_unref(second.task);
    return 0;
}

static void play_loop(void)
{
    if (cut == CUT_RUN_ENDS || scene->workers) {
        EXPECT(run(leave_waiting) == 0);
    } else {
        weir_loop *loop = weir_loop_new();
        EXPECT(weir_loop_run_until_complete(loop, leave_waiting, NULL) == 0);
        EXPECT(!first.returned || scene->kind == WAIT_NOTHING);
        EXPECT(weir_loop_close(loop) == 0);
        check_cut(&first);
        weir_loop_free(loop);
    }
    check_cut(&first);
    if (scene->company)
        check_cut(&second);
    EXPECT(subjects == 0);
}

static void play_loops(void)
{
    struct counts before = { 0 };

    for (int round = 0; round < ROUNDS && failures == 0; round++) {
        play_loop();
        if (round == ROUNDS_WARM - 1)
            before = count();
    }
    if (failures == 0)
        check_nothing_left(&before);
}

/* --- What scenes use ------------------------------------------------------ */

void cut_keep(struct cut_subject *subject, const void *bytes, size_t len)
{
    if (len >= sizeof subject->text)
        len = sizeof subject->text - 1;
    memcpy(subject->text, bytes, len);
    subject->text[len] = '\0';
}

void cut_sleeper_init(struct cut_sleeper *sleeper)
{
    *sleeper = (struct cut_sleeper) { 0 };
    weir_event_init(&sleeper->event);
}

int cut_sleep(void *arg)
{
    struct cut_sleeper *sleeper = arg;

    sleeper->begun = true;
    return weir_event_wait(&sleeper->event);
}

void cut_sleeper_start(struct cut_sleeper *sleeper)
{
    cut_sleeper_init(sleeper);
    sleeper->task = weir_create_task(cut_sleep, sleeper);
}

void cut_sleeper_wake(struct cut_sleeper *sleeper)
{
    weir_event_set(&sleeper->event);
}

void cut_sleeper_end(struct cut_sleeper *sleeper)
{
    cut_sleeper_wake(sleeper);
    (void)weir_shield(sleeper->task);
    weir_task_unref(sleeper->task);
}

/* --- The suite ------------------------------------------------------------ */

static const struct cut_scene *scenes;
static size_t scene_count;

START_TEST(what_is_cut_short_leaves_nothing_behind)
{
    scene = &scenes[_i / CUTS];
    cut = (enum cut)(_i % CUTS);
    clock_fake();
    if (ends_loop())
        play_loops();
    else
        EXPECT(run(play) == 0);
    clock_real();
    ck_assert_msg(failures == 0, "%s", told);
}
END_TEST

/* "function / state / kind" for tests/tidy/suspends.py. */
static void list_scenes(void)
{
    for (size_t i = 0; i < scene_count; i++)
        printf("%s\t%s\t%d\n", scenes[i].function, scenes[i].state, (int)scenes[i].kind);
}

Suite *cut_suite(const char *name, const struct cut_scene *table, size_t size)
{
    Suite *suite = suite_create(name);
    TCase *all = tcase_create("cuts");

    scenes = table;
    scene_count = size;
    if (getenv("WEIR_CUT_LIST") != NULL) {
        list_scenes();
        exit(EXIT_SUCCESS);
    }
    tcase_set_timeout(all, TIMEOUT);
    tcase_add_loop_test(all, what_is_cut_short_leaves_nothing_behind, 0, (int)(size * CUTS));
    suite_add_tcase(suite, all);
    return suite;
}
