/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <weir/bytes.h>  Bytes that somebody else owns, and integers inside them.
 *
 * Loop      Nothing here touches a loop: every function is pure and may be
 *           called from any thread.
 * Owner     A weir_bytes is a view, never an owner: whoever made it says whose
 *           the bytes are and how long they can be looked at.
 * Bytes     Not a C string: there is no NUL at the end, and there may be some
 *           inside. With len 0 the data pointer means nothing.
 */
#ifndef WEIR_BYTES_H
#define WEIR_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* A view, never an owner. */
typedef struct weir_bytes {
    const char *data;           /* the first byte; not looked at when len is 0 */
    size_t      len;            /* how many bytes; 0: none */
} weir_bytes;

/*
 * A view of a C string, without its NUL.                          [thread-safe]
 *
 * text     NUL-terminated; the view is valid as long as it is
 * returns  the view
 * beyond asyncio
 */
static inline weir_bytes weir_bytes_of(const char *text)
{
    weir_bytes b = { text, strlen(text) };
    return b;
}

/*
 * Whether two views show the same bytes.                          [thread-safe]
 *
 * Two empty views are equal, whatever their data pointers are.
 *
 * returns  true when the lengths and all bytes are equal
 * asyncio  bytes.__eq__
 */
static inline bool weir_bytes_eq(weir_bytes a, weir_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* --- Reading unaligned integers ------------------------------------------ */

/*
 * Two bytes in network order, as an integer.                      [thread-safe]
 *
 * p        2 readable bytes, of any alignment
 * returns  the value
 * beyond asyncio  (Python has int.from_bytes)
 */
static inline uint16_t weir_be16(const void *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return (uint16_t)((b[0] << 8) | b[1]);
}

/*
 * Four bytes in network order, as an integer.                     [thread-safe]
 *
 * p        4 readable bytes, of any alignment
 * returns  the value
 * beyond asyncio  (Python has int.from_bytes)
 */
static inline uint32_t weir_be32(const void *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return ((uint32_t)weir_be16(b) << 16) | weir_be16(b + 2);
}

/*
 * Eight bytes in network order, as an integer.                    [thread-safe]
 *
 * p        8 readable bytes, of any alignment
 * returns  the value
 * beyond asyncio  (Python has int.from_bytes)
 */
static inline uint64_t weir_be64(const void *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return ((uint64_t)weir_be32(b) << 32) | weir_be32(b + 4);
}

/*
 * Two bytes in little-endian order, as an integer.                [thread-safe]
 *
 * p        2 readable bytes, of any alignment
 * returns  the value
 * beyond asyncio  (Python has int.from_bytes)
 */
static inline uint16_t weir_le16(const void *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return (uint16_t)((b[1] << 8) | b[0]);
}

/*
 * Four bytes in little-endian order, as an integer.               [thread-safe]
 *
 * p        4 readable bytes, of any alignment
 * returns  the value
 * beyond asyncio  (Python has int.from_bytes)
 */
static inline uint32_t weir_le32(const void *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return ((uint32_t)weir_le16(b + 2) << 16) | weir_le16(b);
}

/*
 * Eight bytes in little-endian order, as an integer.              [thread-safe]
 *
 * p        8 readable bytes, of any alignment
 * returns  the value
 * beyond asyncio  (Python has int.from_bytes)
 */
static inline uint64_t weir_le64(const void *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return ((uint64_t)weir_le32(b + 4) << 32) | weir_le32(b);
}

/* --- Writing unaligned integers ------------------------------------------ */

/*
 * Store an integer as two bytes in network order.                 [thread-safe]
 *
 * p        2 writable bytes, of any alignment
 * beyond asyncio  (Python has int.to_bytes)
 */
static inline void weir_store_be16(void *p, uint16_t v)
{
    unsigned char *b = (unsigned char *)p;
    b[0] = (unsigned char)(v >> 8);
    b[1] = (unsigned char)(v & 0xff);
}

/*
 * Store an integer as four bytes in network order.                [thread-safe]
 *
 * p        4 writable bytes, of any alignment
 * beyond asyncio  (Python has int.to_bytes)
 */
static inline void weir_store_be32(void *p, uint32_t v)
{
    unsigned char *b = (unsigned char *)p;
    weir_store_be16(b, (uint16_t)(v >> 16));
    weir_store_be16(b + 2, (uint16_t)(v & 0xffff));
}

/*
 * Store an integer as eight bytes in network order.               [thread-safe]
 *
 * p        8 writable bytes, of any alignment
 * beyond asyncio  (Python has int.to_bytes)
 */
static inline void weir_store_be64(void *p, uint64_t v)
{
    unsigned char *b = (unsigned char *)p;
    weir_store_be32(b, (uint32_t)(v >> 32));
    weir_store_be32(b + 4, (uint32_t)(v & 0xffffffff));
}

/*
 * Store an integer as two bytes in little-endian order.           [thread-safe]
 *
 * p        2 writable bytes, of any alignment
 * beyond asyncio  (Python has int.to_bytes)
 */
static inline void weir_store_le16(void *p, uint16_t v)
{
    unsigned char *b = (unsigned char *)p;
    b[0] = (unsigned char)(v & 0xff);
    b[1] = (unsigned char)(v >> 8);
}

/*
 * Store an integer as four bytes in little-endian order.          [thread-safe]
 *
 * p        4 writable bytes, of any alignment
 * beyond asyncio  (Python has int.to_bytes)
 */
static inline void weir_store_le32(void *p, uint32_t v)
{
    unsigned char *b = (unsigned char *)p;
    weir_store_le16(b, (uint16_t)(v & 0xffff));
    weir_store_le16(b + 2, (uint16_t)(v >> 16));
}

/*
 * Store an integer as eight bytes in little-endian order.         [thread-safe]
 *
 * p        8 writable bytes, of any alignment
 * beyond asyncio  (Python has int.to_bytes)
 */
static inline void weir_store_le64(void *p, uint64_t v)
{
    unsigned char *b = (unsigned char *)p;
    weir_store_le32(b, (uint32_t)(v & 0xffffffff));
    weir_store_le32(b + 4, (uint32_t)(v >> 32));
}

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
