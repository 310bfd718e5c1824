/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/stream_far.h  A stream under test, and its far end in the test's hand.
 *
 * The far end is a plain socket on the loopback, or the other half of a memory pair: the same scenario runs over both. All
 * in one thread: what has to wait lets other tasks run until it is there. Both directions carry one pattern of bytes, so
 * that any part of it can be checked.
 */
#ifndef WEIR_TESTS_STREAM_FAR_H
#define WEIR_TESTS_STREAM_FAR_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/streams.h>
#include <weir/task.h>

#include "lib/stream_say.h"

enum far_kind { FAR_SOCKET, FAR_MEMORY, FAR_KINDS };

struct far {
    weir_reader *reader;        /* under test */
    weir_writer *writer;
    int fd;                     /* FAR_SOCKET: the far end; -1 */
    weir_reader *far_reader;    /* FAR_MEMORY: the far end; NULL */
    weir_writer *far_writer;
    size_t written, received;   /* of the pattern: by the stream under test, by the far end */
};

/* Open one, run @scenario in a task, end everything. 0, or what failed; a descriptor left behind is said as LEAK. */
int far_play(void (*scenario)(struct far *far), enum far_kind kind);

/* The same with options for the stream under test; sockets only. */
int far_play_with(void (*scenario)(struct far *far), const weir_connect_options *opts);

/* What the stream under test does: @n bytes of the pattern with one write. */
int  far_write_pattern(struct far *far, size_t n);

/* What the far end does. */
void far_send(struct far *far, const void *data, size_t len);
size_t far_recv(struct far *far, void *buf, size_t len);    /* until @len bytes or the end */
bool far_recv_pattern(struct far *far, size_t n);           /* that they come, and are right */
bool far_at_end(struct far *far);                           /* waits: the next thing that comes is the end */
void far_end_output(struct far *far);
void far_close(struct far *far);
void far_reset(struct far *far);                            /* FAR_SOCKET */

/* Let everything run that can, without waiting for anything. */
void far_settle(void);

/* A task that the scenario makes, to be joined: its function gets the struct far. */
weir_task *far_task(struct far *far, int (*fn)(void *));
int far_join(weir_task *task);

/* Plain sockets on the loopback, not blocking. */
int  raw_listen(void);                                      /* on a port that the kernel chose */
int  raw_port(int fd);
int  raw_accept(int listener);                              /* [suspends] until somebody comes */
int  raw_connect(int port);
void raw_send(int fd, const void *data, size_t len);        /* [suspends] */
size_t raw_recv(int fd, void *buf, size_t len);             /* [suspends] until @len, the end or a reset */
void raw_reset(int fd);

/* Open descriptors of this process. */
int open_descriptors(void);

unsigned char pattern_at(size_t at);

#endif
