/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/server_count.c  max_connections: places that connections take before they are accepted and give back at their end.
 *
 *      part:   accepting --no place--> full, its listeners held --a place is given back--> accepting
 *
 * A place is taken before accept(2), so that there are never more connections than places, on all loops together. A place
 * that is given back wakes every part that found none: each has callers of its own in the kernel's queue, and which of
 * them came first nobody knows.
 */
#include <weir/server.h>

#include "core/log.h"
#include "core/loop.h"
#include "net/server.h"

/* --- Waking --------------------------------------------------------------- */

static void hold_listeners(struct server_part *part, bool on)
{
    for (size_t i = 0; i < part->listener_count; i++)
        weir__listener_hold(&part->listeners[i], on);
}

/* Back on the part's loop. By then it may be full again: then it is held until the next message. */
static void resume_posted(struct inbox_item *item)
{
    struct server_part *part = list_entry(item, struct server_part, resume_item);
    weir_server *server = part->server;

    pthread_mutex_lock(&server->lock);
    part->resume_posted = false;
    bool full = part->full;
    pthread_mutex_unlock(&server->lock);
    if (!full)
        hold_listeners(part, false);
    weir__server_unref(server);
}

static void resume_dropped(struct inbox_item *item)
{
    weir__server_unref(list_entry(item, struct server_part, resume_item)->server);
}

/* With the lock held, by somebody who holds the server. */
static void wake(struct server_part *part)
{
    part->full = false;
    if (part->loop == weir__this_loop) {
        hold_listeners(part, false);
        return;
    }
    if (part->resume_posted)
        return;                                 /* on its way already, and it looks at full when it comes */
    part->resume_posted = true;
    part->resume_item = (struct inbox_item) { .run = resume_posted, .drop = resume_dropped };
    weir__server_ref(part->server);
    if (weir__inbox_post(part->inbox, &part->resume_item) < 0)
        weir__server_unref(part->server);       /* that loop has ended */
}

/* With the lock held. */
static void free_place(weir_server *server)
{
    server->connections--;
    for (size_t i = 0; i < server->part_count; i++) {
        if (server->parts[i].full)
            wake(&server->parts[i]);
    }
}

/* --- Places --------------------------------------------------------------- */

bool weir__server_take_place(struct server_part *part)
{
    weir_server *server = part->server;
    size_t most = server->options.max_connections;

    if (most == 0)
        return true;
    pthread_mutex_lock(&server->lock);
    bool taken = server->connections < most;
    if (taken)
        server->connections++;
    else
        part->full = true;
    pthread_mutex_unlock(&server->lock);
    if (taken)
        return true;

    hold_listeners(part, true);
    weir__count(&part->loop->counters, COUNTER_ACCEPT_FULL);
    if (weir__log_due(&part->full_reported_ns))
        weir__log(LOG_LEVEL_WARNING, "accepting rests, callers wait in the backlog max_connections=%zu", most);
    return false;
}

void weir__server_give_place(struct server_part *part)
{
    weir_server *server = part->server;

    if (server->options.max_connections == 0)
        return;
    pthread_mutex_lock(&server->lock);
    free_place(server);
    pthread_mutex_unlock(&server->lock);
}

void weir__server_uncount(struct server_part *part)
{
    weir_server *server = part->server;

    if (!server->deals && server->options.max_connections == 0)
        return;
    pthread_mutex_lock(&server->lock);
    if (server->deals)
        part->load--;
    if (server->options.max_connections > 0)
        free_place(server);
    pthread_mutex_unlock(&server->lock);
}
