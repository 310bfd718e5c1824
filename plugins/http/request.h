/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/http/request.h  One request after the other, read by llhttp out of bytes that stay where they are.
 *
 * The caller keeps a request's bytes together until it is answered, and shows all of them again each time some more have
 * come; llhttp sees each byte once. So nothing is copied: what is remembered of a request are places in it, counted from its
 * first byte, which hold also when the bytes have moved.
 *
 *      START --a byte--> HEADER --blank line, and a body--> BODY --its end--> COMPLETE --request_next--> START
 *                          |                                                     ^
 *                          +--blank line, and no body----------------------------+
 *
 * Where bytes are cut makes no difference to the result: llhttp is never shown more than a bound lets through, so each fault is
 * found at the byte that makes it one.
 */
#ifndef WEIR_PLUGINS_HTTP_REQUEST_H
#define WEIR_PLUGINS_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <llhttp.h>

#define BODY_MOST ((size_t)65536)       /* bytes of a body that are read off to keep a connection, its framing included */

/* A piece of a request, counted from its first byte. */
struct span {
    uint32_t at, len;
};

enum request_phase { REQUEST_START, REQUEST_HEADER, REQUEST_BODY, REQUEST_COMPLETE };

enum request_event {
    REQUEST_MORE,               /* the bytes do not reach */
    REQUEST_BODY_FOLLOWS,       /* the header is complete, the body is not; said once */
    REQUEST_DONE,               /* a whole request: @parsed bytes */
    REQUEST_FAULT               /* it is answered with @fault, and the connection cannot go on */
};

struct request {
    llhttp_t parser;
    const char *base;           /* while llhttp runs: the request's first byte */
    uint32_t parsed;            /* bytes that llhttp has seen */
    uint32_t header_len;        /* in BODY and COMPLETE */
    uint32_t most_header;       /* bytes; the setting */
    struct span target, name, value;    /* name and value: of the header line under way */
    struct span since;          /* If-Modified-Since; len 0: none */
    uint16_t fault;             /* 0: none */
    uint8_t phase;              /* enum request_phase */
    uint8_t method;             /* of llhttp: HTTP_GET, ... */
    uint8_t hosts;              /* lines with a Host: one is right */
    bool keep_alive;            /* the client wants to go on */
    bool minor;                 /* HTTP/1.1, not 1.0 */
    bool conditional;           /* If-None-Match: If-Modified-Since is of no meaning beside it */
    bool expects_continue;
    bool in_name;               /* a header's name is not over yet */
};

/* @most_header bounds the request line and headers together, blank line included. */
void request_init(struct request *r, size_t most_header);

/* Go on with a request whose @len first bytes are at @base, of which the first r->parsed were shown before. */
enum request_event request_parse(struct request *r, const char *base, size_t len);

/* After REQUEST_DONE: forget it; the next one begins with the byte behind it. */
void request_next(struct request *r);

/* Whether anything but line ends has come of it: what has not begun gets no answer when the time is up. */
bool request_begun(const struct request *r, const char *base);

#endif
