/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/actors.h  Random trials of what tasks wait for, against a model of it.
 *
 * A director, which is a task too, tells a few actors what to call, cancels them, moves the clock and uses the object
 * itself; it does any number of these in one pass. Then it lets everybody run until nothing moves, lets the model do the
 * same, and compares which calls have returned, with what. The model knows the rules of waiting, here; the test adds those
 * of its object, as what an actor does when it runs.
 *
 *      idle --actor_start--> ready --runs--> step(actor, 0): model_done, or model_wait
 *      waits --model_wake, actor_cancel, time--> ready --runs--> step(actor, code)
 */
#ifndef WEIR_TESTS_ACTORS_H
#define WEIR_TESTS_ACTORS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/task.h"

#define ACTORS 6
#define NO_TIMEOUT (-1)

struct actor {
    weir_task *task;
    int (*op)(struct actor *self);      /* what it is told to call; NULL: idle */
    int timeout_ms;                     /* of a scope around the call; NO_TIMEOUT: none */
    bool returned;
    int result;
    void *item;                         /* what a test's op is given, or gets; compared with expected_item */

    /* The model's. */
    struct list link;                   /* on a list of waiters, or of those that are ready */
    bool busy, ready, waits, pending, done;
    int code;                           /* what its wait returned, when ready */
    int stage;                          /* the test's; 0 at the start */
    int64_t due_ms;
    int expected;
    void *expected_item;
};

extern struct actor actors[ACTORS];
extern int actors_step;                 /* how many rounds were played: to find the one that failed */
extern int actors_played;               /* how many trials were played to their end */

/* The random numbers of this trial: 0 to @below - 1. */
unsigned chance(unsigned below);

/*
 * Run a trial on a loop of its own, with a clock of its own: @rounds times @act, which does what the director does in one
 * pass, then everybody runs and is compared. @step is the model of an actor; @agrees (or NULL) compares the object itself.
 * At the end @give_way is called until no actor is busy. NULL, or what did not agree.
 */
struct trial {
    void (*begin)(void);
    void (*act)(void);
    void (*step)(struct actor *actor, int code);
    void (*arrive)(void);               /* NULL, or the model of what comes through the loop's inbox */
    bool (*agrees)(void);
    void (*give_way)(void);
    bool one_expiry;                    /* where it shows in which order several scopes run out at once, which is open */
};
const char *actors_try(const struct trial *trial, unsigned seed, int rounds);

/* --- For act -------------------------------------------------------------- */

struct actor *an_idle_actor(void);      /* NULL: none */
struct actor *a_busy_actor(void);

void actor_start(struct actor *actor, int (*op)(struct actor *self), int stage);
void actor_cancel(struct actor *actor);
void actors_pass_time(void);            /* some even number of ms; timeouts are odd, so the two never meet */

/* One of the above by chance, for half of all rounds; false: the test is to do something with its object. */
bool actors_disturb(void);

/* --- For step ------------------------------------------------------------- */

/* The actor waits as the last on @list; or not, and the code with which its wait returns at once. @sees_it_through: a
 * deadline does not count. */
int  model_wait(struct actor *actor, struct list *list, bool sees_it_through);
void model_wake(struct actor *actor, int code);
bool model_wake_first(struct list *list, int code);
void model_done(struct actor *actor, int result);

#endif
