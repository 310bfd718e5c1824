/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/log_ring.c  Records lie one behind the other and each in one piece: where one does not fit before the end of the
 * memory, a filler takes the rest and it begins at the start.
 *
 *      0        tail             head             capacity
 *      |  free   | records ....... |     free        |
 *
 * Always true: tail <= head <= tail + capacity, and both are multiples of ALIGN.
 */
#include "server/log_ring.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN sizeof(struct log_record)         /* so that a filler's header fits wherever a record could begin */

_Static_assert(sizeof(struct log_record) % _Alignof(struct log_record) == 0, "records behind each other are aligned");

static size_t round_up(size_t size)
{
    return (size + ALIGN - 1) / ALIGN * ALIGN;
}

int log_ring_init(struct log_ring *ring, size_t capacity)
{
    capacity = round_up(capacity < LOG_RING_LEAST ? LOG_RING_LEAST : capacity);
    *ring = (struct log_ring){ .bytes = malloc(capacity), .capacity = capacity };
    return ring->bytes == NULL ? -ENOMEM : 0;
}

void log_ring_fini(struct log_ring *ring)
{
    free(ring->bytes);
    ring->bytes = NULL;
}

size_t log_ring_used(const struct log_ring *ring)
{
    return (size_t)(ring->head - ring->tail);
}

uint64_t log_ring_end(const struct log_ring *ring)
{
    return ring->head;
}

static struct log_record *record_at(const struct log_ring *ring, uint64_t at)
{
    return (struct log_record *)(void *)(ring->bytes + at % ring->capacity);
}

static void copy_text(struct log_record *record, const struct iovec *text, size_t count, bool cut)
{
    size_t at = 0;

    for (size_t i = 0; i < count && at < record->len; i++) {
        size_t len = text[i].iov_len < record->len - at ? text[i].iov_len : record->len - at;
        if (len > 0)
            memcpy(record->text + at, text[i].iov_base, len);
        at += len;
    }
    if (cut)
        memcpy(record->text + record->len - 3, "...", 3);
}

bool log_ring_put(struct log_ring *ring, const struct log_record *header, const struct iovec *text, size_t count, size_t most)
{
    size_t len = 0;

    for (size_t i = 0; i < count; i++)
        len += text[i].iov_len;
    bool cut = len > most;
    if (cut)
        len = most;

    size_t size = round_up(sizeof *header + len);
    size_t to_end = ring->capacity - (size_t)(ring->head % ring->capacity);
    size_t filler = size > to_end ? to_end : 0;
    if (ring->capacity - log_ring_used(ring) < filler + size)
        return false;

    if (filler > 0) {
        *record_at(ring, ring->head) = (struct log_record){ .size = (uint32_t)filler, .level = LOG_RING_FILLER };
        ring->head += filler;
    }
    struct log_record *record = record_at(ring, ring->head);
    *record = *header;
    record->size = (uint32_t)size;
    record->len = len;
    copy_text(record, text, count, cut);
    ring->head += size;
    return true;
}

const struct log_record *log_ring_next(const struct log_ring *ring, uint64_t *at, uint64_t end)
{
    while (*at < end) {
        const struct log_record *record = record_at(ring, *at);
        *at += record->size;
        if (record->level != LOG_RING_FILLER)
            return record;
    }
    return NULL;
}

void log_ring_release(struct log_ring *ring, uint64_t at)
{
    assert(at >= ring->tail && at <= ring->head);
    ring->tail = at;
}
