/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/generation.h  The serving process: workers, sections and sockets at work, from a ready start to the last
 * connection's end.
 *
 * It gets everything from outside, its listening sockets too, and says when it is ready: whoever starts it may be a
 * parent process that holds the sockets for the next one as well.
 */
#ifndef WEIR_SERVER_GENERATION_H
#define WEIR_SERVER_GENERATION_H

#include "server/section.h"
#include "server/sockets.h"

struct generation_options {
    const struct config *config;
    struct sections *sections;          /* configured, and their log open */
    struct sockets *sockets;            /* bound for as many workers as the configuration says; taken over */
    struct log *log;
    /* On worker 0's loop, when everything listens. NULL: none */
    void (*ready)(void *arg);
    /* In a thread of its own, when it has not ended though its time is up: a handler does not give its thread back. It ends
     * the process. NULL: nobody looks */
    void (*stuck)(void *arg);
    void *arg;
};

enum generation_end {
    GENERATION_DRAINED,                 /* every connection had its time */
    GENERATION_CUT_SHORT,               /* connections were aborted: the drain's time was up, or a second stop came */
    GENERATION_ABANDONED,               /* the same, and tasks did not end: they, or the executor's threads, may use anything */
    GENERATION_FAILED                   /* it did not serve, or not to the end */
};

/* Serve until told to stop. With GENERATION_FAILED, a sentence in @error. */
enum generation_end generation_run(const struct generation_options *options, char *error, size_t size);

#endif
