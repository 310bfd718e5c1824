/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_memory.c  The memory of a configuration.
 *
 * Each piece is an allocation of its own on a list: that is slower than one arena, and shows every overrun of a piece
 * to AddressSanitizer. A configuration is read once.
 */
#include "server/config_memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct config_memory_piece {
    struct config_memory_piece *next;
    _Alignas(max_align_t) unsigned char bytes[];
};

void config_memory_init(struct config_memory *memory, size_t most)
{
    *memory = (struct config_memory){ .left = most };
}

void *config_memory_take(struct config_memory *memory, size_t size)
{
    struct config_memory_piece *piece = NULL;

    if (size <= memory->left && memory->left - size >= sizeof *piece)
        piece = calloc(1, sizeof *piece + size);
    if (piece == NULL) {
        memory->failed = true;
        return NULL;
    }
    memory->left -= sizeof *piece + size;
    piece->next = memory->pieces;
    memory->pieces = piece;
    return piece->bytes;
}

void *config_memory_array(struct config_memory *memory, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        memory->failed = true;
        return NULL;
    }
    return config_memory_take(memory, bytes);
}

char *config_memory_text_of(struct config_memory *memory, const char *text, size_t len)
{
    char *copy = config_memory_take(memory, len + 1);

    if (copy != NULL)
        memcpy(copy, text, len);
    return copy;
}

char *config_memory_text(struct config_memory *memory, const char *text)
{
    return config_memory_text_of(memory, text, strlen(text));
}

char *config_memory_format(struct config_memory *memory, const char *fmt, ...)
{
    va_list arguments, again;

    va_start(arguments, fmt);
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, fmt, arguments);
    char *text = len < 0 ? NULL : config_memory_take(memory, (size_t)len + 1);
    if (text != NULL)
        vsnprintf(text, (size_t)len + 1, fmt, again);
    else
        memory->failed = true;
    va_end(again);
    va_end(arguments);
    return text;
}

void config_memory_fini(struct config_memory *memory)
{
    while (memory->pieces != NULL) {
        struct config_memory_piece *next = memory->pieces->next;
        free(memory->pieces);
        memory->pieces = next;
    }
}
