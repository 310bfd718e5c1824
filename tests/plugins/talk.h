/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/talk.h  Requests to the http plugin, over memory, and its answers in short.
 *
 * The section has been configured (section.h). What comes back is checked to be HTTP, and told as one word for each answer:
 *
 *      200=hello           status, and the body of a 200, cut at 40 bytes, with blanks and line ends as "_"
 *      404:close           "Connection: close"; ":keep" is "Connection: keep-alive"
 *      200:head            a length, but no body: the answer to a HEAD
 *      405:allow           with a line "Allow: GET, HEAD"
 *      301:/a/             where to
 *      BAD(...)            it is no HTTP, and why
 */
#ifndef WEIR_TESTS_PLUGINS_TALK_H
#define WEIR_TESTS_PLUGINS_TALK_H

#include <stdbool.h>
#include <stddef.h>

#define TALK_OUT ((size_t)4 * 1024 * 1024)

struct talk {
    const char *in;
    size_t in_len;
    size_t cut;                 /* the input comes in two pieces, the first one this long; 0: in one */
    size_t chunk;               /* at most so many bytes at a time; 0: any number */
    double drip;                /* seconds before each piece */
    bool keep_open;             /* the client says nothing more, but does not end */
    bool deaf;                  /* the client reads nothing before the handler has returned */
    int result;                 /* the handler's */
    char *out;                  /* TALK_OUT bytes at most, NUL-terminated; talk_free() */
    size_t out_len;
    double seconds;             /* from the last input to the end, by the test clock */
};

/* A loop, a worker, a connection. */
void talk_run(struct talk *talk);
void talk_free(struct talk *talk);

/* The answers in short. In a static buffer. */
const char *talk_answers(const struct talk *talk);

/* @in in, and the answers. */
const char *talk_about(const char *in);

/* Let everything run that can, so that what was written is read and answered. [suspends] */
void talk_settle(void);

#endif
