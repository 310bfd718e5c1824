/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * streams/reader_scan.c  The search itself is libc's memchr and memmem.
 */
#include "streams/reader_scan.h"

#include <string.h>

static const unsigned char *find(const unsigned char *data, size_t size, weir_bytes sep)
{
    return sep.len == 1 ? memchr(data, sep.data[0], size) : memmem(data, size, sep.data, sep.len);
}

/* A separator of one byte, which is what lines are made of. */
static inline bool scan_byte(struct scan *scan, const unsigned char *data, size_t size)
{
    const unsigned char *at = memchr(data + scan->offset, scan->seps[0].data[0], size - scan->offset);

    if (at == NULL) {
        scan->offset = size;
        return false;
    }
    scan->begin = (size_t)(at - data);
    scan->len = 1;
    scan->found = true;
    return true;
}

/* Out of line: what the search for a byte needs no registers to be saved for. */
__attribute__((noinline)) static bool scan_any(struct scan *scan, const unsigned char *data, size_t size)
{
    size_t longest = scan->seps[scan->count - 1].len;
    size_t first_end = 0;

    for (size_t i = 0; i < scan->count; i++) {
        /* Only what ends before the best match so far can be better. */
        size_t until = scan->found ? first_end - 1 : size;
        if (until < scan->offset + scan->seps[i].len)
            continue;
        const unsigned char *at = find(data + scan->offset, until - scan->offset, scan->seps[i]);
        if (at == NULL)
            continue;
        scan->found = true;
        scan->begin = (size_t)(at - data);
        scan->len = scan->seps[i].len;
        first_end = scan->begin + scan->len;
    }
    if (!scan->found && size + 1 > longest)
        scan->offset = size + 1 - longest;
    return scan->found;
}

/* There is no match yet, and room for the shortest. */
bool weir__scan_on(struct scan *scan, const unsigned char *data, size_t size)
{
    return scan->count == 1 && scan->seps[0].len == 1 ? scan_byte(scan, data, size) : scan_any(scan, data, size);
}
