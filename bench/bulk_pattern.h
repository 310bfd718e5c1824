/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/bulk_pattern.h  The bytes of a bulk transfer, known by their place.
 *
 * The stream repeats with a prime period, so a block that is lost, doubled or
 * out of order is seen: no power of two lines up with it. Both ends make the
 * same table; sending and checking are plain runs of memory.
 *
 * An exchange of the bulk programs starts with "N\n" from the client:
 *     in    the client sends N bytes, the server answers "N\n"
 *     out   the server sends N bytes
 * and in mode echo there is no such line: what comes goes back. Offsets count
 * from the start of the exchange. One connection carries many exchanges.
 */
#ifndef BENCH_BULK_PATTERN_H
#define BENCH_BULK_PATTERN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define BULK_PERIOD     65521           /* the largest prime below 64 KiB */
#define BULK_CHUNK_MAX  (1u << 20)      /* longest run asked for at once */
#define BULK_HEADER_MAX 24              /* "18446744073709551615\n" and some */

static char bulk_table[BULK_PERIOD + BULK_CHUNK_MAX];

static inline void bulk_pattern_init(void)
{
    uint32_t state = 1;

    for (uint32_t i = 0; i < BULK_PERIOD; i++) {
        state = state * 1664525u + 1013904223u;
        bulk_table[i] = (char)(state >> 24);
    }
    for (uint32_t i = 0; i < BULK_CHUNK_MAX; i++)
        bulk_table[BULK_PERIOD + i] = bulk_table[i % BULK_PERIOD];
}

/* The bytes from @offset on; at least BULK_CHUNK_MAX of them are there. */
static inline const char *bulk_pattern_at(uint64_t offset)
{
    return bulk_table + offset % BULK_PERIOD;
}

/* Whether all @len (at most BULK_CHUNK_MAX) bytes are those of @offset. */
static inline bool bulk_pattern_matches(const char *data, size_t len, uint64_t offset)
{
    return memcmp(data, bulk_pattern_at(offset), len) == 0;
}

/*
 * Whether the two ends of @data are those of @offset: what a receiver checks
 * that is measured itself. It notices a shift and costs two cache lines.
 */
static inline bool bulk_pattern_ends_match(const char *data, size_t len, uint64_t offset)
{
    return data[0] == bulk_pattern_at(offset)[0]
        && data[len - 1] == bulk_pattern_at(offset + len - 1)[0];
}

/* The number in front of the first newline, or 0: not a header, or too long a one. */
static inline uint64_t bulk_header(const char *line, size_t len)
{
    uint64_t value = 0;

    for (size_t i = 0; i < len && i < BULK_HEADER_MAX; i++) {
        if (line[i] == '\n')
            return value;
        if (line[i] < '0' || line[i] > '9')
            return 0;
        value = value * 10 + (uint64_t)(line[i] - '0');
    }
    return 0;
}

/*
 * Fix what the kernel buffers in each direction of @fd; 0 leaves it to the kernel.
 * When it decides, a queue of many megabytes may or may not build up, longer
 * than the cache holds: the same program then differs from itself by a factor
 * of two or three (README.md).
 */
static inline void bulk_socket_buffers(int fd, int size)
{
    if (size > 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    }
}

#endif
