/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/sync_event.c  Something that has happened, or not yet.
 *
 * Always true: while it is set nobody waits.
 */
#include <weir/sync.h>

#include "core/sync_waiters.h"

struct SYNC_OBJECT event {
    struct waiters waiters;
    bool           set;
};
_Static_assert(sizeof(struct event) <= sizeof(weir_event), "an event fits into its public array");

#define WHAT "event"

static struct event *event_of(const weir_event *e)
{
    return (struct event *)(uintptr_t)e;
}

void weir_event_init(weir_event *e)
{
    struct event *event = event_of(e);

    weir__waiters_init(&event->waiters);
    event->set = false;
}

void weir_event_set(weir_event *e)
{
    struct event *event = event_of(e);

    if (!weir__waiters_usable(&event->waiters, WHAT))
        return;
    event->set = true;
    weir__task_wake_all(&event->waiters.tasks, 0);
}

void weir_event_clear(weir_event *e)
{
    struct event *event = event_of(e);

    if (weir__waiters_usable(&event->waiters, WHAT))
        event->set = false;
}

bool weir_event_is_set(const weir_event *e)
{
    return event_of(e)->set;
}

int weir_event_wait(weir_event *e)
{
    struct event *event = event_of(e);
    int code = weir__waiters_use(&event->waiters, WHAT);

    if (code < 0 || event->set)
        return code;
    return weir__waiters_wait(&event->waiters.tasks, WAIT_EVENT, event);
}
