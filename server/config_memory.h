/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_memory.h  The memory of a configuration: taken piece by piece, given back all at once.
 *
 * Everything a struct config points to comes from here and lives as long as it. The sum is bounded. A piece that is not
 * to be had is NULL, and then `failed` stays set, so that whoever takes many may ask once, at the end.
 */
#ifndef WEIR_SERVER_CONFIG_MEMORY_H
#define WEIR_SERVER_CONFIG_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

struct config_memory {
    struct config_memory_piece *pieces;
    size_t left;                        /* bytes that may still be taken */
    bool   failed;
};

void config_memory_init(struct config_memory *memory, size_t most);

/* @size zeroed bytes, aligned for anything; NULL: none are left. */
void *config_memory_take(struct config_memory *memory, size_t size);

/* As above, for @count of @size bytes each. */
void *config_memory_array(struct config_memory *memory, size_t count, size_t size);

/* A copy of a text, or of its first @len bytes; NULL: no memory. */
char *config_memory_text(struct config_memory *memory, const char *text);
char *config_memory_text_of(struct config_memory *memory, const char *text, size_t len);

/* A formatted text; NULL: no memory. */
char *config_memory_format(struct config_memory *memory, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Give all of it back. */
void config_memory_fini(struct config_memory *memory);

#endif
