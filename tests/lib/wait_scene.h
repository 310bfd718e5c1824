/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/wait_scene.h  Some tasks, one that waits for them as the scene says, and what it saw.
 */
#ifndef WEIR_TESTS_WAIT_SCENE_H
#define WEIR_TESTS_WAIT_SCENE_H

#include <weir/run.h>
#include <weir/task.h>

#include "lib/suite.h"
#include "lib/task_life.h"

#define CHILDREN 4

struct scene {
    struct life child[CHILDREN];
    size_t count;
    int  (*wait)(struct scene *scene);
    int    code[4];
    int    results[CHILDREN];
    double at[4];
    bool   done[CHILDREN];      /* which children were when the wait ended */
    weir_task *task[CHILDREN];
};

/* Start the children and wait for them as the scene says; what of them is left after that is joined. */
static inline int play(void *arg)
{
    struct scene *scene = arg;

    for (size_t i = 0; i < scene->count; i++) {
        scene->task[i] = weir_create_task(live, &scene->child[i]);
        scene->results[i] = 99;
    }
    scene->code[0] = scene->wait(scene);
    scene->at[0] = clock_now();
    for (size_t i = 0; i < scene->count; i++)
        scene->done[i] = weir_task_done(scene->task[i]);
    for (size_t i = 0; i < scene->count; i++) {
        weir_task_join(scene->task[i]);
        weir_task_unref(scene->task[i]);
    }
    return 0;
}

static inline void run_scene(struct scene *scene)
{
    clock_fake();
    ck_assert_int_eq(weir_run(play, scene), 0);
}

static inline int play_and_cancel(void *arg)
{
    struct scene *scene = arg;
    weir_task *task = weir_create_task(play, scene);

    weir_sleep(1);
    weir_task_cancel(task);
    scene->code[1] = weir_task_join(task);
    weir_task_unref(task);
    return 0;
}

#endif
