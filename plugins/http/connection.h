/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/http/connection.h  The life of a connection, and what those who answer on it need.
 *
 *               bytes                  whole                    answered
 *      IDLE ------------> RECEIVING ------------> ANSWERING --------------> IDLE, or at once the next one
 *       |                    |  header_timeout, body_timeout: 408  |
 *       | idle_timeout       |  a fault: its status                | "close", the last of max_requests, a drain
 *       v                    v                                     v
 *      closed             LINGERING: output ended, input read off for LINGER_SECONDS --> closed
 *
 * A drain loses no request that has come: a connection is idle, as weir_writer_set_idle() means it, only after it was quiet for
 * QUIET_SECONDS, and the answer after which a drain closes it is the one behind which no further byte has come.
 */
#ifndef WEIR_PLUGINS_HTTP_CONNECTION_H
#define WEIR_PLUGINS_HTTP_CONNECTION_H

#include <weir/task.h>

#include "plugins/http/request.h"
#include "plugins/http/respond.h"

struct connection {
    weir_reader *reader;
    weir_writer *writer;
    struct worker *worker;
    weir_bytes view;            /* what is there, not yet taken from the reader */
    size_t start;               /* in @view: the first byte that is not answered */
    uint64_t answered;
    int64_t began_ns;           /* when the bytes at hand came; with an access log only */
    weir_timeout limit;         /* while @limited */
    bool limited;
    bool closing;               /* the answer that is being made is the last one */
    bool lingers;               /* the peer may be sending still: a close at once could cost it that answer */
    struct request request;
};

/* Serve until the end. What a handler returns. [suspends] */
int connection_serve(weir_reader *reader, weir_writer *writer, struct worker *worker);

/* Whether only the head of an answer is sent. */
bool connection_is_head(const struct connection *c);

/*
 * Write the head of an answer that has more header lines, or a body that is not in memory.
 *
 * more     header lines, each with its line end, and a blank one: only with answer->open
 * first    the first part of the body; not sent for a HEAD
 * returns  0, or a code to return upwards
 */
int connection_write(struct connection *c, const struct answer *answer, weir_bytes more, weir_bytes first);

/* Wait until the peer has taken enough, for send_timeout at most. 0, or a code to return upwards. [suspends] */
int connection_wait_drain(struct connection *c);

/* Send @count bytes of a file, each wait for the peer for send_timeout at most. How many the file still had, or a code: one to
 * return upwards, if the connection is closing. [suspends] */
int64_t connection_wait_sendfile(struct connection *c, int fd, int64_t offset, uint64_t count);

/* An answer that says only its status. As connection_write(). */
int connection_answer_status(struct connection *c, unsigned status);

#endif
