/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/proxy/tunnel.h  Two connections, each of which gets what the other sends.
 *
 * Two tasks, one for each direction, each of which reads here and writes there:
 *
 *      OPEN --- the end of one side ---> HALF --- of the other ---> ENDED_EOF
 *        |                                |
 *        +--- a failure, silence, a cancel, in either direction ---+-----> any other ENDED_
 *
 * end_tunnel() makes the moves downwards, and resets both connections: whoever is still there sees that bytes are missing, and
 * does not take it for the end. Whichever task comes first decides; the other one finds it ended and leaves.
 *
 * Bounds. A direction holds at most the reader's twice 64 KiB and one read from the kernel (256 KiB), and the writer's 64 KiB
 * and one piece (PIECE_MOST): then reading stops, until the slow side takes something. Both directions: 1 MiB.
 */
#ifndef WEIR_PLUGINS_PROXY_TUNNEL_H
#define WEIR_PLUGINS_PROXY_TUNNEL_H

#include <stdint.h>

#include <weir/streams.h>

#define PIECE_MOST ((size_t)65536)

enum ended { ENDED_NOT, ENDED_EOF, ENDED_CLIENT, ENDED_UPSTREAM, ENDED_IDLE, ENDED_CANCELLED, ENDED_MEMORY };

struct side {
    weir_reader *reader;
    weir_writer *writer;
    enum ended failed;          /* what the tunnel's end is called when this side fails */
    const uint64_t *sent;       /* the writer's, as long as that lives */
    uint64_t sent_seen;         /* at the last movement that was noted */
};

struct tunnel {
    struct side client, upstream;
    double idle_timeout;        /* seconds without a byte in either direction */
    unsigned bytes_up, bytes_down;      /* counters */
    weir_loop *loop;
    double moved;               /* when a byte moved last, in the loop's time */
    enum ended ended;
    int code;                   /* of a side that failed */
};

/*
 * Carry bytes both ways until both sides have ended, or one has failed.                                   [suspends]
 *
 * The four halves, idle_timeout and the counters are filled in. When it returns nobody else uses *t. After ENDED_EOF
 * the kernel has taken everything for both sides; otherwise both are closed. The halves are still the caller's to free.
 */
void tunnel_run(struct tunnel *t);

#endif
