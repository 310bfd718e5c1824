/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/http/respond.h  Answers: a status and what belongs to it, as the bytes of a head.
 */
#ifndef WEIR_PLUGINS_HTTP_RESPOND_H
#define WEIR_PLUGINS_HTTP_RESPOND_H

#include <stdint.h>

#include "plugins/http/worker.h"

#define NEVER     INT64_MIN     /* no time */
#define HEAD_MOST 768           /* bytes of a head: two texts of HEADER_TEXT_MOST, and 400 for the rest */

/* What a head says about the connection: nothing is to go on with 1.1, and to close with 1.0. */
enum said_connection { CONNECTION_UNSAID, CONNECTION_CLOSE, CONNECTION_KEEP_ALIVE };

struct answer {
    uint16_t status;
    weir_bytes type;            /* len 0: no body, and no word of one */
    uint64_t length;            /* of the body */
    int64_t modified;           /* seconds since 1970; NEVER: not said */
    bool allow;                 /* with the methods that there are */
    bool open;                  /* more header lines follow: no blank line yet */
};

struct head {
    char text[HEAD_MOST];
    size_t len;
    size_t date_at;
};

/* Write the head of an answer. */
void respond_head(struct head *head, const struct worker *worker, const struct answer *answer, enum said_connection connection);

/* "404 Not Found\n": the body of an answer that says only its status. */
weir_bytes respond_reason(unsigned status);

#endif
