/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/actors.c  The director's rounds, and the rules of waiting as a model.
 *
 * The order of the model is the loop's: those made ready run in the order in which they were, then those whom the inbox
 * or the time woke in that pass, then whom these made ready.
 */
#include "lib/actors.h"

#include <stdio.h>

#include <weir/run.h>

#include "lib/clock.h"

struct actor actors[ACTORS];
int actors_step, actors_played;

static struct list ready;               /* the model's: actors that will run */
static int64_t now_ms;
static int64_t passed_ms;               /* in this round */
static bool over;
static bool undecided;                  /* what comes next is not for the model to say: the trial ends here, well */
static const struct trial *trial;
static int rounds_to_play;
static uint64_t random_state;
static char disagreement[200];

unsigned chance(unsigned below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % below;
}

/* --- The actors ----------------------------------------------------------- */

static int act_as_told(void *arg)
{
    struct actor *actor = arg;

    while (!over) {
        if (actor->op == NULL) {
            (void)weir__task_wait(WAIT_SIGNAL, actor, FOREVER);     /* a cancel that its call did not meet ends here */
            continue;
        }
        weir_timeout scope;
        if (actor->timeout_ms != NO_TIMEOUT)
            weir_timeout_begin(&scope, actor->timeout_ms / 1e3);
        actor->result = actor->op(actor);
        if (actor->timeout_ms != NO_TIMEOUT)
            weir_timeout_end(&scope);
        actor->op = NULL;
        actor->returned = true;
    }
    return 0;
}

void actor_start(struct actor *actor, int (*op)(struct actor *self), int stage)
{
    actor->op = op;
    actor->timeout_ms = chance(2) ? NO_TIMEOUT : chance(4) ? 1 + 2 * (int)chance(trial->one_expiry ? 50 : 8) : 0;
    actor->returned = false;
    weir__task_wake(actor->task, 0);

    actor->busy = actor->ready = true;
    actor->done = actor->pending = actor->waits = false;
    actor->code = 0;
    actor->stage = stage;
    actor->due_ms = -1;                 /* reckoned when it runs */
    list_append(&ready, &actor->link);
}

void actor_cancel(struct actor *actor)
{
    weir_task_cancel(actor->task);
    if (actor->waits)
        model_wake(actor, -ECANCELED);
    else if (actor->ready && actor->code != -ECANCELED)
        actor->pending = true;
}

static struct actor *an_actor(bool busy)
{
    unsigned first = chance(ACTORS);

    for (unsigned i = 0; i < ACTORS; i++) {
        struct actor *actor = &actors[(first + i) % ACTORS];
        if (actor->busy == busy && !actor->done)
            return actor;
    }
    return NULL;
}

struct actor *an_idle_actor(void)
{
    return an_actor(false);
}

struct actor *a_busy_actor(void)
{
    return an_actor(true);
}

void actors_pass_time(void)
{
    int64_t ms = 2 * (int64_t)(1 + chance(5));

    if (trial->one_expiry) {
        for (int i = 0; i < ACTORS; i++) {
            if (actors[i].waits && actors[i].due_ms < now_ms + ms)
                ms = actors[i].due_ms + 1 - now_ms;
        }
        if (passed_ms > 0 || ms <= 0)
            return;
    }
    passed_ms += ms;
    now_ms += ms;
    clock_advance((double)ms / 1e3);
}

bool actors_disturb(void)
{
    struct actor *actor = a_busy_actor();

    if (chance(2))
        return false;
    if (actor != NULL && chance(3))
        actor_cancel(actor);
    else
        actors_pass_time();
    return true;
}

/* --- The model ------------------------------------------------------------ */

int model_wait(struct actor *actor, struct list *list, bool sees_it_through)
{
    if (actor->pending) {
        actor->pending = false;
        return -ECANCELED;
    }
    if (!sees_it_through && actor->due_ms <= now_ms)
        return -ETIMEDOUT;
    actor->waits = true;
    if (sees_it_through)
        actor->due_ms = INT64_MAX;
    list_append(list, &actor->link);
    return 0;
}

void model_wake(struct actor *actor, int code)
{
    list_remove(&actor->link);
    actor->waits = false;
    actor->ready = true;
    actor->code = code;
    list_append(&ready, &actor->link);
}

bool model_wake_first(struct list *list, int code)
{
    if (list_empty(list))
        return false;
    model_wake(list_entry(list->next, struct actor, link), code);
    return true;
}

void model_done(struct actor *actor, int result)
{
    actor->done = true;
    actor->expected = result;
}

static void run_ready(struct list *list)
{
    while (!list_empty(list)) {
        struct actor *actor = list_entry(list_take_first(list), struct actor, link);
        int code = actor->code;
        actor->ready = false;
        actor->code = 0;
        if (actor->due_ms < 0)
            actor->due_ms = actor->timeout_ms == NO_TIMEOUT ? INT64_MAX : now_ms + actor->timeout_ms;
        trial->step(actor, code);
    }
}

static void run_model(void)
{
    struct list batch, after, expired;
    int expiries = 0;

    list_move_all(&ready, &batch);
    run_ready(&batch);
    list_move_all(&ready, &after);
    if (trial->arrive != NULL)
        trial->arrive();
    for (int i = 0; i < ACTORS; i++) {
        if (actors[i].waits && actors[i].due_ms <= now_ms) {
            model_wake(&actors[i], -ETIMEDOUT);
            expiries++;
        }
    }
    undecided = trial->one_expiry && expiries > 1;
    passed_ms = 0;
    list_move_all(&ready, &expired);
    run_ready(&expired);
    run_ready(&after);
    run_ready(&ready);
}

/* --- The director --------------------------------------------------------- */

/* Until the director is the only one that runs, two passes in a row: who was woken by the first's timers ran in it. */
static void run_tasks(void)
{
    const struct counters *counters = &weir__this_loop->counters;
    int quiet = 0;

    while (quiet < 2) {
        uint64_t before = weir__counter_read(counters, COUNTER_SWITCHES);
        weir_yield();
        quiet = weir__counter_read(counters, COUNTER_SWITCHES) == before + 1 ? quiet + 1 : 0;
    }
}

static bool compare(const char *when)
{
    for (int i = 0; i < ACTORS; i++) {
        struct actor *actor = &actors[i];
        if (actor->busy && (actor->returned != actor->done || (actor->done && actor->result != actor->expected))) {
            snprintf(disagreement, sizeof disagreement, "%s, step %d, actor %d: %s %d, expected %s %d", when, actors_step, i,
                     actor->returned ? "returned" : "waits", actor->result, actor->done ? "a return with" : "it to wait",
                     actor->expected);
            return false;
        }
        if (actor->done && actor->expected == 0 && actor->item != actor->expected_item) {
            snprintf(disagreement, sizeof disagreement, "%s, step %d, actor %d: another item", when, actors_step, i);
            return false;
        }
        if (actor->done)
            actor->busy = actor->done = false;
    }
    if (trial->agrees != NULL && !trial->agrees()) {
        snprintf(disagreement, sizeof disagreement, "%s, step %d: the object differs", when, actors_step);
        return false;
    }
    return true;
}

static void play(void)
{
    for (actors_step = 1; actors_step <= rounds_to_play; actors_step++) {
        for (unsigned acts = 1 + chance(5); acts > 0; acts--)
            trial->act();
        run_model();
        run_tasks();
        if (undecided || !compare("in the game"))
            return;
    }
    for (int i = 0; i < 100 && a_busy_actor() != NULL; i++) {
        trial->give_way();
        run_model();
        run_tasks();
        if (!compare("at the end"))
            return;
    }
    if (a_busy_actor() != NULL)
        snprintf(disagreement, sizeof disagreement, "an actor waits for ever");
    else
        actors_played++;
}

static int direct(void *arg)
{
    (void)arg;
    over = false;
    list_init(&ready);
    trial->begin();
    for (int i = 0; i < ACTORS; i++) {
        actors[i] = (struct actor) { .task = weir_create_task(act_as_told, &actors[i]) };
        list_init(&actors[i].link);
    }
    run_tasks();
    play();
    over = true;
    for (int i = 0; undecided && i < 2 * ACTORS; i++) {
        trial->give_way();                      /* after a trial that was broken off, some of them still wait */
        run_model();
        run_tasks();
    }
    for (int i = 0; i < ACTORS; i++) {
        while (!weir_task_done(actors[i].task)) {
            weir_task_cancel(actors[i].task);
            weir_yield();
        }
        weir_task_unref(actors[i].task);
    }
    return 0;
}

const char *actors_try(const struct trial *what, unsigned seed, int rounds)
{
    trial = what;
    rounds_to_play = rounds;
    random_state = seed;
    disagreement[0] = '\0';
    now_ms = passed_ms = 0;
    undecided = false;
    for (int i = 0; i < 4; i++)
        chance(2);                      /* seeds that lie side by side begin alike */
    if (weir_run(direct, NULL) != 0)
        return "the run failed";
    return disagreement[0] != '\0' ? disagreement : NULL;
}
