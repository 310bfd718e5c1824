/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * streams/reader_scan.h  Finding a separator in what has come so far. Pure functions over bytes.
 */
#ifndef WEIR_STREAMS_READER_SCAN_H
#define WEIR_STREAMS_READER_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/bytes.h>

/*
 * A search that goes on where it stopped (SEMANTICS SR-17, SR-23).
 *
 * offset: no separator begins before it, or so much of one that it could still be completed. Once there is a match it is
 * kept, in begin and len, until the bytes move (weir__scan_restart).
 */
struct scan {
    const weir_bytes *seps;     /* by rising length */
    size_t count;
    size_t offset;
    size_t begin, len;
    bool found;
};

/* Bytes left the front: everything is to be looked at again. */
static inline void weir__scan_restart(struct scan *scan)
{
    scan->offset = 0;
    scan->found = false;
}

bool weir__scan_on(struct scan *scan, const unsigned char *data, size_t size);

/* Look on in data[0 .. size). Whether there is a match; the one that ends first, of two the shorter. */
static inline bool weir__scan(struct scan *scan, const unsigned char *data, size_t size)
{
    return scan->found || (size >= scan->offset + scan->seps[0].len && weir__scan_on(scan, data, size));
}

#endif
