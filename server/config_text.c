/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_text.c  A configuration file with its includes spliced in, and where each line of it came from.
 *
 * Always true: bytes[len] is NUL where there are bytes; runs are in order of `first`, and no two have the same.
 */
#include "server/config_text.h"

#include <stdlib.h>
#include <string.h>

/* Lines that follow each other in one file, and in the text. */
struct config_run {
    struct config_origin origin;    /* of the first of them */
    unsigned             first;     /* its number in the text, from 1 */
};

/* Room for @more elements of @size bytes behind @count; NULL: there is no memory. */
static void *with_room(void *array, size_t count, size_t *room, size_t more, size_t size)
{
    if (more <= *room - count)
        return array;

    size_t wanted = *room * 2 + more + 16;
    void *larger = reallocarray(array, wanted, size);
    if (larger != NULL)
        *room = wanted;
    return larger;
}

void config_text_add(struct config_text *text, const char *bytes, size_t len)
{
    if (text->failed)
        return;
    if (len > CONFIG_TEXT_MOST || text->len > CONFIG_TEXT_MOST - len) {
        text->failed = text->too_long = true;
        return;
    }
    char *larger = with_room(text->bytes, text->len, &text->room, len + 1, 1);
    if (larger == NULL) {
        text->failed = true;
        return;
    }
    text->bytes = larger;
    memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
    text->bytes[text->len] = '\0';
    for (size_t i = 0; i < len; i++)
        text->line += bytes[i] == '\n';
}

void config_text_begin(struct config_text *text, const struct config_file *file, unsigned line)
{
    if (text->len > 0 && text->bytes[text->len - 1] != '\n')
        config_text_add(text, "\n", 1);
    if (text->failed)
        return;

    struct config_run run = { { file, line }, text->line + 1 };
    if (text->run_count > 0 && text->runs[text->run_count - 1].first == run.first) {
        text->runs[text->run_count - 1] = run;          /* the one before it has no line of its own */
        return;
    }
    struct config_run *larger = with_room(text->runs, text->run_count, &text->run_room, 1, sizeof *larger);
    if (larger == NULL) {
        text->failed = true;
        return;
    }
    text->runs = larger;
    text->runs[text->run_count++] = run;
}

struct config_origin config_text_origin(const struct config_text *text, unsigned line)
{
    size_t low = 0, high = text->run_count;

    if (line > text->line + 1)
        line = text->line + 1;
    while (low < high) { /* runs before low begin at the line or before it, those from high on after it */
        size_t middle = low + (high - low) / 2;
        if (text->runs[middle].first <= line)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return (struct config_origin){ NULL, 0 };
    const struct config_run *run = &text->runs[low - 1];
    return (struct config_origin){ run->origin.file, run->origin.line + (line - run->first) };
}

void config_text_fini(struct config_text *text)
{
    free(text->bytes);
    free(text->runs);
    *text = (struct config_text){ 0 };
}
