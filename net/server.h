/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/server.h  asyncio's Server: listeners and the connections that came of them, on one loop or on every worker's.
 *
 * A server has a part for each loop it listens on. A part belongs to its loop and is touched only there; the server
 * itself is shared, counted, and locked for the few words that other threads read. It is not the program: see server/.
 *
 *      part:   LISTENING --close--> CLOSED, connections go on --last one gone--> DONE
 *      server: wait_closed returns when every part is done
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
enum clients_ask { CLIENTS_LEAVE, CLIENTS_CLOSE_IDLE, CLIENTS_CLOSE, CLIENTS_ABORT };

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
    bool accepting;             /* a connection is being made that is not on transports yet */
    struct inbox_item close_item;       /* posted once at most */
    struct inbox_item clients_item;
    atomic_bool clients_posted;
    atomic_int clients_ask;
};

struct weir_server {
    atomic_uint refs;           /* the user's, each part's until it is done, each waiter's */
    struct acceptor *acceptor;
    weir_loop *loop;            /* that it was made on */
    weir_server_options options;
    struct listen_set sockets;  /* owned by the listeners once they exist */
    pthread_mutex_t lock;       /* over what follows */
    bool serving, closed;
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

/* One accepted connection for the acceptor. false: the part is closed since then, and may be gone. */
bool weir__server_part_accept(struct server_part *part, int fd, const struct sockaddr *peer, socklen_t peer_len);

/* On the part's loop: listeners closed; done as soon as the last connection is gone. */
void weir__server_part_close(struct server_part *part);

/* [thread-safe] */
void weir__server_clients(weir_server *server, enum clients_ask ask);
void weir__server_ref(weir_server *server);
void weir__server_unref(weir_server *server);

/* server_wait.c: who waits for what. Called with the lock held. */
enum server_event { SERVER_CLOSED, SERVER_DONE };
void weir__server_wake(weir_server *server, enum server_event event);

#endif
