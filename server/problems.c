/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/problems.c  What is wrong with a configuration, as a bounded list.
 *
 * Always true: kept[0..count) have a text; what did not fit is in more, so count + more is what was found.
 */
#include "server/problems.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *place_text(struct place place, char out[PROBLEM_TEXT_MAX])
{
    if (place.file == NULL)
        out[0] = '\0';
    else if (place.line == 0)
        snprintf(out, PROBLEM_TEXT_MAX, "%s", place.file);
    else
        snprintf(out, PROBLEM_TEXT_MAX, "%s:%u", place.file, place.line);
    return out;
}

/* A finding is a line, whatever was quoted in it. */
static void blank_control_bytes(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
    }
}

void problems_add(struct problems *problems, struct place place, const char *fmt, ...)
{
    char text[PROBLEM_TEXT_MAX];
    va_list arguments;

    if (problems->count == PROBLEMS_KEPT) {
        problems->more++;
        return;
    }

    va_start(arguments, fmt);
    vsnprintf(text, sizeof text, fmt, arguments);
    va_end(arguments);
    blank_control_bytes(text);

    struct problem added = { { NULL, place.line }, strdup(text) };
    if (place.file != NULL)
        added.place.file = strdup(place.file);
    if (added.text == NULL || (place.file != NULL && added.place.file == NULL)) {
        free(added.text);
        free((char *)added.place.file);
        problems->more++;
        return;
    }
    problems->kept[problems->count++] = added;
}

size_t problems_count(const struct problems *problems)
{
    return problems->count + problems->more;
}

void problems_print(const struct problems *problems, FILE *to)
{
    char where[PROBLEM_TEXT_MAX];

    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->kept[i];
        place_text(problem->place, where);
        blank_control_bytes(where);
        fprintf(to, "%s%s%s\n", where, where[0] != '\0' ? ": " : "", problem->text);
    }
    if (problems->more > 0)
        fprintf(to, "and %zu more\n", problems->more);
}

void problems_fini(struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        free(problems->kept[i].text);
        free((char *)problems->kept[i].place.file);
    }
    memset(problems, 0, sizeof *problems);
}
