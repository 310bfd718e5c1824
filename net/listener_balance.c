/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/listener_balance.c  Dealing accepted connections out: each goes to the part with the fewest, before a task exists.
 *
 * For sockets that several workers share: Unix sockets, which have no SO_REUSEPORT, and balance = even. All of the workers
 * accept from such a socket, so that one which is blocked in a handler does not hold the callers' queue up; whoever loses
 * the race for a caller gets -EAGAIN. The one who accepted chooses under the server's lock, counts there and sends a
 * message, so that two who accept at once cannot both choose the same part.
 *
 *      accepted --counted, travelling--> arrived --served there--> a connection of that part
 *                                           |
 *                                           +--its loop ends--> closed
 *
 * Always true: a part does not become done while something travels to it, and nothing is sent to a part that is closed, or
 * from a server that is. What a part cannot be sent (its inbox is full, no memory) is served where it was accepted.
 */
#include <weir/server.h>

#include <string.h>

#include "core/loop.h"
#include "core/sys.h"
#include "net/server.h"
#include "net/transport_socket.h"

struct traveller {
    struct inbox_item item;
    struct server_part *to;
    int fd;
    socklen_t peer_len;         /* 0: longer than there is room, and asked for when somebody wants it */
    unsigned char peer[PEER_INLINE];
    unsigned asks[CLIENTS_ASKS];        /* the server's when it left: what was asked since may have missed it */
};

/* --- Arriving ------------------------------------------------------------- */

/* What was asked of all clients while it was on its way. Idle ones were not meant: it has not begun. */
static enum clients_ask missed(const struct traveller *traveller, const weir_server *server)
{
    return traveller->asks[CLIENTS_ABORT] != server->asks[CLIENTS_ABORT] ? CLIENTS_ABORT
         : traveller->asks[CLIENTS_CLOSE] != server->asks[CLIENTS_CLOSE] ? CLIENTS_CLOSE : CLIENTS_LEAVE;
}

static void arrive(struct traveller *traveller, bool serve)
{
    struct server_part *part = traveller->to;
    weir_server *server = part->server;

    pthread_mutex_lock(&server->lock);
    part->travelling--;
    enum clients_ask ask = missed(traveller, server);
    pthread_mutex_unlock(&server->lock);
    if (serve)
        (void)weir__server_part_accept(part, traveller->fd, traveller->peer_len > 0 ? (const void *)traveller->peer : NULL,
                                       traveller->peer_len, ask);
    else
        weir__server_part_refuse(part, traveller->fd);
    sys_free(traveller);
    weir__server_unref(server);
}

static void on_arrival(struct inbox_item *item)
{
    struct traveller *traveller = list_entry(item, struct traveller, item);

    arrive(traveller, !traveller->to->ending);
}

static void on_dropped(struct inbox_item *item)
{
    arrive(list_entry(item, struct traveller, item), false);
}

/* --- Leaving -------------------------------------------------------------- */

/* With the lock held. false: it stays here. */
static bool send_to(struct server_part *to, int fd, const struct sockaddr *peer, socklen_t peer_len)
{
    struct traveller *traveller = sys_malloc(sizeof *traveller);

    if (traveller == NULL)
        return false;
    *traveller = (struct traveller) {
        .item = { .run = on_arrival, .drop = on_dropped, .bounded = true }, .to = to, .fd = fd,
    };
    if (peer_len <= sizeof traveller->peer) {
        memcpy(traveller->peer, peer, peer_len);
        traveller->peer_len = peer_len;
    }
    memcpy(traveller->asks, to->server->asks, sizeof traveller->asks);
    to->travelling++;                           /* before the message: it may have arrived when the post returns */
    weir__server_ref(to->server);
    if (weir__inbox_post(to->inbox, &traveller->item) < 0) {
        to->travelling--;
        weir__server_unref(to->server);         /* not the last: @to's own part still holds one */
        sys_free(traveller);
        return false;
    }
    return true;
}

/* With the lock held: the part with the fewest, or the next one in turn among several; @here when nobody else can take it. */
static struct server_part *choose(weir_server *server, struct server_part *here)
{
    struct server_part *best = NULL;
    int64_t now_ns = sys_monotonic_ns();

    if (server->closed)
        return here;                            /* what was asked of all clients is on its way to each part, and comes after it */
    for (size_t i = 0; i < server->part_count; i++) {
        struct server_part *part = &server->parts[(server->next_turn + i) % server->part_count];
        if (!part->takes || (part != here && weir__loop_stalled(part->loop, now_ns, server->stall_ns)))
            continue;
        if (best == NULL || part->load < best->load)
            best = part;
    }
    return best == NULL ? here : best;
}

bool weir__balance_deal(struct server_part *part, bool shared, int fd, const struct sockaddr *peer, socklen_t peer_len)
{
    weir_server *server = part->server;

    if (!server->deals)
        return false;
    pthread_mutex_lock(&server->lock);
    struct server_part *to = shared ? choose(server, part) : part;
    bool sent = to != part && send_to(to, fd, peer, peer_len);
    if (!sent)
        to = part;
    to->load++;
    server->next_turn = (size_t)(to - server->parts) + 1;
    pthread_mutex_unlock(&server->lock);
    return sent;
}
