/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/server_leave.c  The end of listening without a loss: between "nobody new" and closing, calls under way come through.
 *
 * Closing a listening socket resets the connections in its backlog, which for their callers are made, and may have carried a
 * request. So new calls are kept away first, from all parts; then, after a while, each part accepts all that wait and closes.
 * While it leaves, a server accepts as ever.
 */
#include <weir/server.h>

#include "net/server.h"

void weir__server_leave(weir_server *server)
{
    if (atomic_exchange(&server->leaving, true))
        return;
    /* Of all loops at once: who sees one connection end must not find another loop that still takes him. The lock keeps the
     * descriptors open meanwhile. */
    pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < server->part_count; i++) {
        for (size_t j = 0; j < server->parts[i].listener_count; j++)
            weir__listener_turn_away(&server->parts[i].listeners[j]);
    }
    pthread_mutex_unlock(&server->lock);
}

void weir__server_leave_at_once(weir_server *server)
{
    atomic_store(&server->leaving, false);
}

void weir__server_part_take_rest(struct server_part *part)
{
    /* Not from within an accept, whose own connection is not made yet; nor on a loop that ends, which serves nobody. */
    if (!atomic_load(&part->server->leaving) || part->ending || part->accepting)
        return;
    for (size_t i = 0; i < part->listener_count && !part->closed; i++)
        weir__listener_take_rest(&part->listeners[i]);
}
