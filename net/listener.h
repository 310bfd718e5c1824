/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/listener.h  One listening socket on one loop: accept in batches, rest when descriptors run out.
 */
#ifndef WEIR_NET_LISTENER_H
#define WEIR_NET_LISTENER_H

#include <ev.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <weir/loop.h>

#include "core/list.h"

struct listener;
struct server_part;

/* One accepted connection, which is the callee's from here on. false: the listener was closed, and may be gone. */
typedef bool (*accepted_fn)(struct listener *listener, int fd, const struct sockaddr *peer, socklen_t peer_len);

/* A listening socket that several loops accept from; the last listener to close closes it. */
struct shared_socket {
    int         fd;
    atomic_uint users;
};

struct listener {
    weir_loop  *loop;
    int         fd;             /* -1 once closed */
    struct shared_socket *shared;       /* whose fd it is; NULL: its own */
    int         most;           /* accepted per wake-up, at most */
    int         batch;          /* accepted per wake-up now: grows while connections queue, so that a single one costs no
                                 * second accept just to see EAGAIN */
    ev_io       io;
    ev_timer    retry;          /* while paused */
    bool        watching;       /* weir__listener_watch was called */
    bool        paused;         /* out of descriptors or memory */
    bool        held;           /* by weir__listener_hold */
    bool        turns_away;     /* new callers, by a filter on the socket */
    int64_t     last_report_ns;
    accepted_fn accepted;
    bool      (*reserve)(struct listener *listener);    /* asked before each accept; false: not now. NULL: always */
    void      (*release)(struct listener *listener);    /* there was nobody to accept after all */
    struct server_part *part;   /* whose it is */
    struct list link;           /* the server part's */
    struct list paused_link;    /* this thread's listeners that rest */
};

/* @fd is bound and becomes ours. Does not listen yet. */
void weir__listener_init(struct listener *listener, weir_loop *loop, int fd, int most, accepted_fn accepted);

/* Accept from now on; listen(2) has been called. 0 or -ENOMEM. */
int  weir__listener_watch(struct listener *listener);

/* Callers wait in the backlog while it is held. */
void weir__listener_hold(struct listener *listener, bool on);

/* No more callers until it is closed: those whose call has begun may end it, and others are not heard, as if their packets were
 * lost. A Unix socket has nothing of the kind, and its callers nothing that takes time. */
void weir__listener_turn_away(struct listener *listener);       /* on any thread that keeps it from being closed meanwhile */

/* Accept all that wait, as far as there are places, descriptors and memory. */
void weir__listener_take_rest(struct listener *listener);

/* Closes the descriptor, a shared one with the last of its listeners; connections that wait in the backlog are then dropped
 * by the kernel. Again: nothing. */
void weir__listener_close(struct listener *listener);

/* [thread-safe] Close a descriptor; whoever rests for want of one tries again. All of net and streams close this way. */
void weir__descriptor_close(int fd);

#endif
