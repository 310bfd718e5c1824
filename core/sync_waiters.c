/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/sync_waiters.c  Joining and leaving a list of waiters, and keeping other loops away from it.
 */
#include "core/sync_waiters.h"

#include "core/log.h"

void weir__waiters_init(struct waiters *waiters)
{
    list_init(&waiters->tasks);
    waiters->loop = NULL;
}

/* A loop that has been freed may be compared and nothing else, so only a waiter's own loop, which lives, is asked
 * whether it runs. */
static bool is_foreign(struct waiters *waiters)
{
    if (weir__this_loop == NULL)
        return !list_empty(&waiters->tasks) && weir__loop_foreign(list_entry(waiters->tasks.next, weir_task, wait_link)->loop);
    if (waiters->loop == NULL)
        waiters->loop = weir__this_loop;
    return waiters->loop != weir__this_loop;
}

int weir__waiters_use(struct waiters *waiters, const char *what)
{
    if (is_foreign(waiters))
        return weir__fail_text(WEIR_ESTATE, "the %s belongs to another loop, and is used on that loop's thread only", what);
    return 0;
}

bool weir__waiters_usable(struct waiters *waiters, const char *what)
{
    int code = weir__waiters_use(waiters, what);

    if (code < 0)
        weir__log(LOG_LEVEL_ERROR, "an object of another loop was used, and left as it is object=%s", what);
    return code == 0;
}

int weir__waiters_wait(struct list *tasks, enum wait_kind kind, const void *on)
{
    if (weir__task_current() == NULL)
        return weir__fail(WEIR_ENOTASK);
    return weir__task_wait_among(tasks, kind, on, FOREVER);
}

bool weir__waiters_wake_first(struct list *tasks)
{
    if (list_empty(tasks))
        return false;
    weir__task_wake(list_entry(tasks->next, weir_task, wait_link), 0);
    return true;
}
