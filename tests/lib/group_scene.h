/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/group_scene.h  A task group with its members, its owner, who does with it what the scene says, and what all saw.
 */
#ifndef WEIR_TESTS_GROUP_SCENE_H
#define WEIR_TESTS_GROUP_SCENE_H

#include <errno.h>
#include <stdio.h>

#include <weir/run.h>
#include <weir/task.h>

#include "lib/suite.h"
#include "lib/task_life.h"

#define MEMBERS 4

struct scene {
    struct life member[MEMBERS];
    size_t count;
    int  (*owner)(struct scene *scene, weir_task_group *group);
    int    code[6];
    double at[6];
    unsigned reports;           /* to the exception handler */
    int    reported[4];
    char   message[160];        /* the last */
};

static inline void on_exception(weir_loop *loop, int code, const char *message, void *arg)
{
    struct scene *scene = arg;

    (void)loop;
    if (scene->reports < 4)
        scene->reported[scene->reports] = code;
    scene->reports++;
    snprintf(scene->message, sizeof scene->message, "%s", message);
}

static inline int play(void *arg)
{
    struct scene *scene = arg;
    weir_task_group group;

    weir_loop_set_exception_handler(weir_get_running_loop(), on_exception, scene);
    weir_task_group_init(&group);
    for (size_t i = 0; i < scene->count; i++)
        weir_task_group_spawn(&group, live, &scene->member[i]);
    return scene->owner(scene, &group);
}

static inline int run_scene(struct scene *scene)
{
    clock_fake();
    return weir_run(play, scene);
}

/* Cancelled after a second, and looked at when it has ended. */
static inline int play_and_cancel(void *arg)
{
    weir_task *task = weir_create_task(play, arg);

    weir_sleep(1);
    weir_task_cancel(task);
    int code = weir_task_join(task);
    weir_task_unref(task);
    return code;
}

/* An owner that joins, and then looks at what is left of the group. */
static inline int join(struct scene *scene, weir_task_group *group)
{
    scene->code[0] = weir_task_group_join(group);
    scene->at[0] = clock_now();
    scene->code[1] = weir_sleep(1);             /* nothing is left pending */
    scene->code[2] = weir_task_group_spawn(group, live, &scene->member[MEMBERS - 1]);
    scene->code[3] = weir_task_group_join(group);
    return 7;
}

#endif
