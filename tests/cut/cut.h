/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/cut/cut.h  Cancel everywhere: each state in which a [suspends] function waits, cut short in every way there is.
 *
 * A scene is one function of include/weir in one state. It says how to get there, what the call returns when nothing cuts
 * it, and what stands in its objects afterwards; the harness (cut.c) does the rest. It lets a task, the subject, enter the
 * call, looks that it waits for what the scene names, cuts it, and checks the code, that the same call works afterwards,
 * and, over several rounds, that no descriptor, block, stack, handle, watcher or allocation is left.
 *
 *      open --> subjects enter the call --> enter --> CUT --> left --> (another subject:) fulfil --> close
 *
 * What each program's scenes are called is compared with the headers (tests/tidy/suspends.py): a function without a scene
 * fails. Tasks record what is not as it should be (EXPECT); the check comes after the run.
 */
#ifndef WEIR_TESTS_CUT_H
#define WEIR_TESTS_CUT_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/sync.h>
#include <weir/task.h>

#include "core/task.h"
#include "lib/suite.h"

enum cut {
    CUT_CANCEL,                 /* weir_task_cancel */
    CUT_DEADLINE,               /* an enclosing weir_timeout runs out, by the test clock */
    CUT_RESET,                  /* the peer resets the connection, or what comes nearest */
    CUT_RUN_ENDS,               /* weir_run's main returns */
    CUT_LOOP_CLOSES,            /* run_until_complete returned, and weir_loop_close is called */
    CUTS
};

#define AT(cut) (1u << (cut))
#define AT_CANCELS (AT(CUT_CANCEL) | AT(CUT_RUN_ENDS) | AT(CUT_LOOP_CLOSES))
#define AT_ANY     (AT(CUTS) - 1)

struct cut_subject;

struct cut_scene {
    const char *function;       /* of include/weir; CUT() fills these two */
    void (*symbol)(void);       /* so that a name that is none does not compile */
    const char *state;          /* what it waits in, in a few words */
    enum wait_kind kind;        /* WAIT_NOTHING: it stands in a weir_yield */

    void (*open)(void);                         /* make what it waits on; [suspends]. NULL: nothing */
    int  (*call)(struct cut_subject *subject);  /* the call itself. Its out values go to the subject, as text if they can */
    bool (*ready)(void);                        /* NULL, or whether the state is reached, once the kind is right */
    void (*enter)(void);                        /* NULL, or what brings those that wait from one state into this one, */
    enum wait_kind from;                        /* which is of this kind; WAIT_NOTHING: the same */
    void (*left)(struct cut_subject *subject, enum cut cut);    /* NULL, or run by the subject right after the cut call */
    void (*fulfil)(void);                       /* give those that wait what they wait for; NULL where none waits after a cut */
    void (*close)(void);                        /* let go of all that open made; [suspends]. NULL: nothing */

    void (*reset)(void);        /* the peer resets; NULL: there is no peer, which no_peer has to say as well */
    bool no_peer;

    bool workers;               /* it is played on worker 0 of two; a loop that closes is then the end of the run again */

    int ok;                     /* what the call returns when it was fulfilled, */
    const char *text;           /* and leaves in subject->text; NULL: not looked at */
    int reset_code;             /* what a reset makes of it; 0: -ECONNRESET */
    int deadline_code;          /* 0: -ETIMEDOUT */
    bool company;               /* a second task enters the call behind the first, and is not disturbed */
    unsigned late;              /* AT(...): cuts that do not end this wait: the call returns ok, and a cancel is met by the
                                 * next wait */
    unsigned sees_through;      /* AT(...): the call goes on after the cut until it is fulfilled */
    unsigned over;              /* AT(...): cuts after which the object cannot be waited on any more */
};

/* A row of a table of scenes. */
#define CUT(name, in_state, of_kind, ...) \
    { .function = #name, .symbol = (void (*)(void))name, .state = in_state, .kind = of_kind, __VA_ARGS__ }

/* A task in the call. */
struct cut_subject {
    weir_task *task;
    bool entered, returned;
    int code;                   /* what the call returned */
    bool expired;               /* what weir_timeout_end said */
    bool kept;                  /* its next wait met a cancel */
    char text[64];
    void *item;                 /* the scene's */
};

/* A suite of these scenes, each with each cut. With WEIR_CUT_LIST in the environment it names them and ends the program. */
Suite *cut_suite(const char *name, const struct cut_scene *scenes, size_t count);

/* What is to be so; tasks go on after a failure, which is told when the run is over. */
#define EXPECT(so) cut_expect(so, __FILE__, __LINE__, #so)
void cut_expect(bool so, const char *file, int line, const char *what);

/* Let other tasks run until @so; false, and an EXPECT that failed: it did not come to pass in ten seconds of real time. */
bool cut_until(bool (*so)(void *arg), void *arg, const char *what);

/* Let everything run that can. */
void cut_settle(void);

/* Keep what a read gave as the subject's text. */
void cut_keep(struct cut_subject *subject, const void *bytes, size_t len);

/* A task for a scene that needs one to wait for: it waits to be told to end, or is cancelled. */
struct cut_sleeper {
    weir_task *task;
    weir_event event;
    bool begun;
};
void cut_sleeper_init(struct cut_sleeper *sleeper);
int  cut_sleep(void *sleeper);              /* its function, of an initialised one */
void cut_sleeper_start(struct cut_sleeper *sleeper);
void cut_sleeper_wake(struct cut_sleeper *sleeper);     /* it ends with 0 */
void cut_sleeper_end(struct cut_sleeper *sleeper);      /* woken if need be, joined, unreferenced */

/* Memory that the program has allocated and not freed, counted in allocations (cut_memory.c). */
long cut_memory_live(void);

#endif
