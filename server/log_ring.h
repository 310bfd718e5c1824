/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/log_ring.h  The queue between those who post lines and the thread that writes them: a ring of fixed memory.
 *
 * Who uses it has a lock. Under it go log_ring_put(), log_ring_end() and log_ring_release(); between a log_ring_end() and
 * the release of what it promised the one reader may look at the records without it, since nothing writes there.
 */
#ifndef WEIR_SERVER_LOG_RING_H
#define WEIR_SERVER_LOG_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct log_ring {
    char    *bytes;
    size_t   capacity;          /* a multiple of the records' alignment */
    uint64_t head, tail;        /* bytes ever put and ever released: head - tail are in use */
};

struct log_record {
    uint32_t size;              /* of the whole, header included, rounded up: where the next one is */
    uint16_t file;
    int16_t  level;             /* a filler up to the end of the memory has LOG_RING_FILLER */
    int64_t  wall_ns;
    size_t   len;
    char     text[];
};

#define LOG_RING_FILLER (-1)
#define LOG_RING_LEAST ((size_t)16 * 1024)      /* room for some lines of any length */

/* 0 or -ENOMEM. A capacity below LOG_RING_LEAST is raised to it. */
int log_ring_init(struct log_ring *ring, size_t capacity);
void log_ring_fini(struct log_ring *ring);

/* Whether there was room. Text above @most bytes is cut, and ends in "...". */
bool log_ring_put(struct log_ring *ring, const struct log_record *header, const struct iovec *text, size_t count, size_t most);

size_t log_ring_used(const struct log_ring *ring);

/* Up to where there are records, as a position for log_ring_next(). */
uint64_t log_ring_end(const struct log_ring *ring);

/* The record at *at, which moves behind it; NULL at @end. */
const struct log_record *log_ring_next(const struct log_ring *ring, uint64_t *at, uint64_t end);

/* What is before @at may be overwritten. */
void log_ring_release(struct log_ring *ring, uint64_t at);

#endif
