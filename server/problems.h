/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/problems.h  What is wrong with a configuration: a list of findings, each with the place it is about.
 *
 * Whoever checks something adds what it finds and goes on, so that one run shows everything. The list is bounded: what
 * comes after PROBLEMS_KEPT findings is counted only. The list owns its texts, places included, so it may outlive
 * what it is about.
 */
#ifndef WEIR_SERVER_PROBLEMS_H
#define WEIR_SERVER_PROBLEMS_H

#include <stddef.h>
#include <stdio.h>

#define PROBLEMS_KEPT      100          /* more of them help nobody: the first ones are mended first */
#define PROBLEM_TEXT_MAX   512          /* bytes of a finding, and of a place; what is longer is cut */

/* Where a setting was written. All zero: nowhere, it is a default or about the whole. */
struct place {
    const char *file;                   /* as it was opened, "conf/weir.conf"; or the setting itself, "-o workers=2"; or NULL */
    unsigned    line;                   /* from 1; 0: the file as a whole, or no file */
};

struct problem {
    struct place place;
    char        *text;                  /* one sentence: what was found and what was expected */
};

struct problems {                       /* all zero: none yet */
    struct problem kept[PROBLEMS_KEPT];
    size_t         count;               /* how many are in kept */
    size_t         more;                /* how many were found after those, or could not be kept for want of memory */
};

/*
 * A place as text: "conf/weir.conf:12", "conf/weir.conf", "-o workers=2", or "".
 *
 * returns  @out
 */
const char *place_text(struct place place, char out[PROBLEM_TEXT_MAX]);

/* Add a finding. What @place and the arguments point to is copied. */
void problems_add(struct problems *problems, struct place place, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* How many were found, those that were not kept included. */
size_t problems_count(const struct problems *problems);

/* A line for each: "conf/weir.conf:12: what was found, and what was expected"; then how many more there were. */
void problems_print(const struct problems *problems, FILE *to);

/* Free the texts; the list is empty afterwards. */
void problems_fini(struct problems *problems);

#endif
