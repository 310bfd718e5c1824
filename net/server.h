/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/server.h  asyncio's Server: listeners and the connections that came of them, on one loop or on every worker's.
 *
 * A server has a part for each loop it listens on. A part belongs to its loop and is touched only there; the server
 * itself is shared, counted, and locked for the few words that other threads read. It is not the program: see server/.
 *
 *      part:   LISTENING --close--> CLOSED, connections go on --last one gone--> DONE
 *      server: wait_closed returns when every part is done
 *
 * An accepted connection may travel from the part that accepted it to another one (listener_balance.c). From then on it is
 * the other one's: counted there, and waited for.
 */
#ifndef WEIR_NET_SERVER_H
#define WEIR_NET_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <weir/server.h>

#include "core/inbox.h"
#include "core/list.h"
#include "net/listen.h"
#include "net/listener.h"
#include "net/transport.h"

struct server_part;

/* What to do with an accepted connection; set up by the layer that knows protocols or handlers. */
struct acceptor {
    /* @fd, accepted and non-blocking, is the callee's, who hands the transport to weir__server_adopt before its start. */
    void (*accept)(struct acceptor *acceptor, struct server_part *part, int fd, const struct sockaddr *peer, socklen_t len);
    void (*free)(struct acceptor *acceptor);
};

/* What is asked of all clients of a part; the larger wins. */
enum clients_ask { CLIENTS_LEAVE, CLIENTS_CLOSE_IDLE, CLIENTS_CLOSE, CLIENTS_ABORT, CLIENTS_ASKS };

struct server_part {
    weir_server *server;
    weir_loop *loop;            /* may be gone before the server is: other threads use the inbox */
    struct inbox *inbox;        /* the loop's, counted */
    struct listener *listeners;
    size_t listener_count;
    struct list transports;     /* of its connections, by owner_link */
    struct list link;           /* net_loop->parts */
    struct transport_owner owner;
    bool opened, closed, done;
    bool ending;                /* its loop ends: what still arrives is closed */
    bool accepting;             /* a connection is being made that is not on transports yet */
    weir_transport *adopted;    /* while accepting: what came of it */
    struct inbox_item close_item;       /* posted once at most */
    struct inbox_item clients_item;
    atomic_bool clients_posted;
    atomic_int clients_ask;
    int64_t full_reported_ns;

    /* Under the server's lock. */
    bool takes;                 /* it listens, and connections may be sent to it */
    size_t load;                /* its connections and those that travel to it, if the server deals */
    size_t travelling;
    bool full;                  /* its listeners are held until a place is free */
    bool resume_posted;
    struct inbox_item resume_item;
};

struct weir_server {
    atomic_uint refs;           /* the user's, each part's until it is done, each waiter's */
    struct acceptor *acceptor;
    weir_loop *loop;            /* that it was made on */
    weir_server_options options;
    struct listen_set sockets;  /* owned by the listeners once they exist, but for the files */
    struct shared_socket *shared;       /* one for each address; users 0: each worker has a socket of its own there */
    bool deals;                 /* some address is shared: accepted connections are dealt out */
    int64_t stall_ns;           /* who has been in one pass for so long gets none meanwhile */
    pthread_mutex_t lock;       /* over what follows, and some of each part */
    bool serving, closed;
    size_t connections;         /* places taken, if there are max_connections */
    size_t next_turn;           /* of the parts with equally few connections, which one gets the next */
    atomic_bool leaving;        /* who waits at the close is accepted */
    unsigned asks[CLIENTS_ASKS];        /* how often each was asked of all clients */
    bool forever;               /* a task is in serve_forever */
    size_t parts_open;          /* not done yet */
    struct list waiters;        /* server_wait.c */
    size_t part_count;
    struct server_part parts[];
};

/* server_make.c: [suspends] as weir_start_server. @acceptor is the server's from here on, freed on failure too. */
int  weir__server_new(weir_loop *loop, struct acceptor *acceptor, const char *host, uint16_t port,
                      const weir_server_options *opts, weir_server **out);

/* The same on a Unix socket, as weir_start_unix_server. */
int  weir__server_new_unix(weir_loop *loop, struct acceptor *acceptor, const char *path, const weir_server_options *opts,
                           weir_server **out);

/* The same on sockets that are bound, for one worker (this one) or for all of them, whatever opts->all_workers says. They are
 * the server's from here on, closed on failure too; @sockets is left empty. */
int  weir__server_new_bound(weir_loop *loop, struct acceptor *acceptor, struct listen_set *sockets,
                            const weir_server_options *opts, weir_server **out);

/* @code, a failure other than -EINVAL, -ENOTSUP and WEIR_ENOTASK that came before anything was looked at: opts->sock is ours
 * and closed. */
int  weir__server_refuse(const weir_server_options *opts, int code);

/* @t is a connection of @part: counted, and closed with its clients. */
void weir__server_adopt(struct server_part *part, weir_transport *t);

/* transport_owner.gone of every part. */
void weir__server_connection_gone(struct transport_owner *owner, weir_transport *t);

/* One accepted connection, counted on @part already, for the acceptor; then @ask is done to it. false: the part is closed
 * since then, and may be gone. */
bool weir__server_part_accept(struct server_part *part, int fd, const struct sockaddr *peer, socklen_t peer_len,
                              enum clients_ask ask);

/* The same for one that is not to be: closed. */
void weir__server_part_refuse(struct server_part *part, int fd);

/* On the part's loop: listeners closed; done as soon as the last connection is gone. */
void weir__server_part_close(struct server_part *part);

/* --- Leaving (server_leave.c) --------------------------------------------- */

/*
 * No new callers from here on, and those who have called already are served: also those who wait in the backlog when the
 * server is closed, which is to be some time later, when calls that had begun have come through (LEAVE_SECONDS). Once.
 */
void weir__server_leave(weir_server *server);

/* From here on who waits at the close is dropped, as asyncio drops him. */
void weir__server_leave_at_once(weir_server *server);

/* On the part's loop, before it closes. */
void weir__server_part_take_rest(struct server_part *part);

#define LEAVE_SECONDS 0.05      /* what is left of a handshake under way: most of a round trip */

/* --- Counting (server_count.c) -------------------------------------------- */

/* Take one of max_connections places for a connection that is about to be accepted. false: there is none, and the part's
 * listeners are held until there is. Without the option: true, and no lock. */
bool weir__server_take_place(struct server_part *part);
void weir__server_give_place(struct server_part *part);

/* A connection of @part is gone: its place and its share of the load. */
void weir__server_uncount(struct server_part *part);

/* --- Dealing (listener_balance.c) ----------------------------------------- */

#define STALL_NS 100000000LL    /* longer in one pass than any handler should be */

/*
 * Count an accepted connection on the part with the fewest, and send it there if that is not @part: the choice and the
 * count are one step. Only a @shared listener's are sent. true: it is on its way, and @fd with it; false: it is @part's to
 * serve. A server that does not deal counts nothing and takes no lock.
 */
bool weir__balance_deal(struct server_part *part, bool shared, int fd, const struct sockaddr *peer, socklen_t peer_len);

/* --- From any thread ------------------------------------------------------ */

/* [thread-safe] */
void weir__server_clients(weir_server *server, enum clients_ask ask);
void weir__server_ref(weir_server *server);
void weir__server_unref(weir_server *server);

/* server_wait.c: who waits for what. Called with the lock held. */
enum server_event { SERVER_CLOSED, SERVER_DONE };
void weir__server_wake(weir_server *server, enum server_event event);

#endif
