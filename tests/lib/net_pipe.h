/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/net_pipe.h  A pipe transport, and its far end as a raw descriptor.
 *
 * As net_pair.h, in one direction: the near end has the recording protocol and reads, or writes. Disturbances are the near
 * end's alone. SIGPIPE has its default disposition, so that one which reached a thread would end the test.
 */
#ifndef WEIR_TESTS_NET_PIPE_H
#define WEIR_TESTS_NET_PIPE_H

#include "lib/net_pair.h"

enum net_pipe_kind { PIPE_FIFO, PIPE_SOCKET, PIPE_KINDS };
#define PIPE_WAYS (PIPE_KINDS * NET_CUTS)         /* as in net_pair.h */

struct net_pipe {
    enum net_pipe_kind kind;
    bool writes;                /* the near end does */
    const weir_protocol *protocol;
    struct net_log log;         /* what the near end was told */
    weir_transport *t;          /* held to the end */
    int fd, far;                /* far: -1 once closed */
    int code;                   /* of connecting */
    unsigned reports;
    long got[8];
    size_t size[4];
    void (*play)(struct net_pipe *s);   /* net_pipe_run's */
};

/* weir_run of @play with an open pipe, disturbed in this way: kind * NET_CUTS + cut. Checks that it leaves no descriptor. */
void net_pipe_run(struct net_pipe *s, int way, void (*play)(struct net_pipe *s));
int  net_pipe_play(void *arg);          /* the main of such a run, for s->kind and s->play */

/* Its steps. */
void net_pipe_open(struct net_pipe *s);                 /* fd and far */
int  net_pipe_connect(struct net_pipe *s, int fd);      /* s->code, which is returned; t is held */
void net_pipe_report(weir_loop *loop, int code, const char *message, void *arg);        /* an exception handler that counts */

int  net_pipe_factory(void *arg, const weir_protocol **protocol, void **self);  /* @arg: the struct net_pipe */

/* The far end. */
void net_pipe_send(struct net_pipe *s, const void *data, size_t len);
void net_pipe_read(struct net_pipe *s, struct net_log *into, size_t most);      /* until it has so many, or the end */
void net_pipe_close_far(struct net_pipe *s);

#endif
