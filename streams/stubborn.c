/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * streams/stubborn.c  Names the tasks that ignored their cancel until there was no more time, and leaves them behind.
 *
 * The name, the function and the connection are what somebody needs who wants to mend the handler. What the task holds
 * (memory, descriptors, a worker's state) cannot be let go: only the task knows it.
 */
#include "streams/stubborn.h"

#include <ev.h>
#include <stdio.h>

#include <weir/address.h>
#include <weir/run.h>

#include "core/log.h"
#include "core/task.h"
#include "core/task_dump.h"
#include "core/thread_probe.h"

static void name(const weir_task *task)
{
    struct loop_upper *upper = task->loop->upper;
    char handler[PROBE_TEXT], peer[WEIR_ADDRESS_MAX] = "none";
    weir_address address;
    double waited = ev_time() - task->since;

    if (upper != NULL && upper->peer(upper, task, &address))
        (void)weir_address_format(&address, peer, sizeof peer);
    weir__log(LOG_LEVEL_ERROR, "task abandoned: it was cancelled and did not end worker=%u task=\"%s\" handler=%s waits_for=%s "
                               "seconds=%.3f peer=%s",
              weir_worker_index(), weir__task_title(task), weir__probe_place(task->entry, handler), weir__task_waits_for(task),
              task->state == TASK_PARKED && waited > 0 ? waited : 0, peer);
}

unsigned weir__stubborn_abandon(void)
{
    weir_task *self = weir__task_current();
    unsigned count = 0;
    struct list *node, *next;

    for (node = self->loop->tasks.next; node != &self->loop->tasks; node = next) {
        weir_task *task = list_entry(node, weir_task, all_link);
        next = node->next;
        if (task == self)
            continue;
        name(task);
        weir__task_abandon(task);
        count++;
    }
    return count;
}
