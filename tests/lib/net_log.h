/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/net_log.h  A protocol that writes down what it is told, in the words of the contract's cases.
 *
 *      CM DR(hello) PW RW ER CL(0)     CL(ECONNRESET): what it was lost with
 *
 * Neighbouring DR are written as one, since where a piece ends means nothing. `on` is told of each word after it was
 * written, and may call the transport: that is how a test acts inside a callback.
 */
#ifndef WEIR_TESTS_NET_LOG_H
#define WEIR_TESTS_NET_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/transport.h>

enum net_event { NET_MADE, NET_DATA, NET_END, NET_PAUSE, NET_RESUME, NET_LOST, NET_PLACE, NET_FILLED };

struct net_log {
    char   text[512];           /* the words so far */
    bool   quiet;               /* DR, GB and BU leave no word */
    unsigned char *bytes;       /* everything that came; freed by net_log_fini */
    size_t len, room;
    size_t largest, last;       /* piece */
    weir_transport *transport;  /* NULL before connection_made and after connection_lost */
    unsigned made, pieces, ends, pauses, resumes, lost;
    int    code;                /* of connection_lost */
    bool   keep_open;           /* what eof_received answers */
    size_t region;              /* of the buffered protocol: how much get_buffer offers */
    size_t hint;                /* what get_buffer was told last */
    unsigned fails;             /* 1 << enum net_event: callbacks that fail with -EPERM */
    void (*on)(struct net_log *log, enum net_event event);
    void  *user;
    unsigned char place[64];
};

/* data_received; and get_buffer with `region` bytes, whose words are BU(bytes). */
extern const weir_protocol net_log_plain, net_log_buffered;

/* A factory: @arg is the struct net_log. */
int  net_log_factory(void *arg, const weir_protocol **protocol, void **self);
int  net_log_buffered_factory(void *arg, const weir_protocol **protocol, void **self);

/* Bytes that a raw end got, kept in the same place. */
void net_log_add(struct net_log *log, const void *data, size_t len);
void net_log_word(struct net_log *log, const char *word);
void net_log_fini(struct net_log *log);

/* "EPIPE" for -EPIPE, "0" for 0. */
const char *net_code_name(int code);

#endif
