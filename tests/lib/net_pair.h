/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/net_pair.h  One transport, and a far end that a test can do anything with.
 *
 * The near end is a transport of weir with the recording protocol of net_log.h. The far end is a raw descriptor that weir
 * knows nothing of, or the other end of a memory pair. What it sends and gets never passes the fault plan, so a cut is the
 * near end's alone. Nothing waits for time: a wait is "yield until this is so", and Check's limit ends one that fails.
 */
#ifndef WEIR_TESTS_NET_PAIR_H
#define WEIR_TESTS_NET_PAIR_H

#include <check.h>

#include <weir/task.h>

#include "lib/net_log.h"

enum net_kind { NET_SOCKETPAIR, NET_TCP, NET_MEMORY, NET_KINDS };

/* How recv and send are disturbed: not; one byte each; EAGAIN and EINTR in turn at every 2nd or 3rd; both. */
#define NET_CUTS 5
#define NET_WAYS (NET_KINDS * NET_CUTS)         /* way: kind * NET_CUTS + cut, which begins with the undisturbed one */

struct net_pair {
    enum net_kind kind;
    unsigned cut;
    const weir_protocol *protocol;      /* set before the run: the near end's; NULL: net_log_plain */
    weir_transport *near;       /* held to the end, so it may be asked after connection_lost */
    struct net_log log;         /* what near was told */
    int fd;                     /* the raw far end; -1: closed, or memory */
    weir_transport *far;        /* the memory pair's, held too */
    struct net_log far_log;     /* what the far end got; `ends`: it saw the end. code: or what recv failed with */
    unsigned reports;           /* to the exception handler */
    int report;                 /* the last one's code */
    long got[8];                /* for the scenario */
    size_t size[4];
};

/* Let everything else run until @so. */
#define NET_UNTIL(so)                    \
    do {                                 \
        mark_point();                    \
        while (!(so) && weir_yield() == 0) \
            ;                            \
    } while (0)

/* weir_run of a scenario with an open pair, disturbed in this way; checks that it leaves no descriptor. The caller looks at
 * the logs and calls net_pair_fini. */
void net_run(struct net_pair *pair, int way, void (*scenario)(struct net_pair *pair));
void net_pair_fini(struct net_pair *pair);

/* So many passes, in which something is expected not to happen. */
void net_passes(int passes);

/* --- The far end --- */

void net_far_send(struct net_pair *pair, const void *data, size_t len);     /* until all is on its way */
void net_far_eof(struct net_pair *pair);                                    /* half close */
void net_far_close(struct net_pair *pair);
void net_far_reset(struct net_pair *pair);                                  /* TCP: with SO_LINGER 0 */
void net_far_read(struct net_pair *pair, size_t most);      /* until it has so many bytes in all, or the end */

/* --- Descriptors and sockets --- */

int  net_open_descriptors(void);
void net_check_descriptors(int before);     /* as many again; a resolver's thread may still be about to close the last one */
int  net_listen(int backlog, uint16_t *port);               /* 127.0.0.1, the kernel's port; non-blocking */
int  net_connect(uint16_t port);                            /* raw, non-blocking, connected or about to be */
int  net_refused_port(uint16_t *port);      /* bound and not listening: whoever connects is refused. Close it at the end */

/* Byte @at of a stream that differs at each place where a cut could go wrong. */
unsigned char net_pattern(size_t at);
unsigned char *net_pattern_new(size_t len);
bool net_is_pattern(const unsigned char *bytes, size_t len);

#endif
