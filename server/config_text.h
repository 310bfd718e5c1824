/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_text.h  A configuration file with its includes spliced in, and where each line of it came from.
 *
 * What libconfig gets to read is one text; it knows line numbers of that text only. The text is made of runs of
 * lines, each from one file, and config_text_origin() leads back to the file.
 */
#ifndef WEIR_SERVER_CONFIG_TEXT_H
#define WEIR_SERVER_CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#define CONFIG_TEXT_MOST ((size_t)4 << 20)      /* bytes of a file and all it includes */

/* A file that settings stand in, or a setting of the command line. */
struct config_file {
    const char *name;               /* as it was opened: "conf/weir.conf"; or "-o workers=2" */
    const char *folder;             /* absolute: what relative paths in it begin at */
    bool        is_setting;         /* of the command line, which has no lines */
};

struct config_origin {
    const struct config_file *file;
    unsigned                  line;
};

struct config_text {                /* all zero: empty */
    char    *bytes;                 /* NUL-terminated once something was added */
    size_t   len, room;
    unsigned line;                  /* complete lines so far */
    struct config_run *runs;        /* in order of their first line */
    size_t   run_count, run_room;
    bool     failed;                /* something could not be added, nor could anything since */
    bool     too_long;              /* the reason was CONFIG_TEXT_MOST, and not want of memory */
};

void config_text_add(struct config_text *text, const char *bytes, size_t len);

/* What is added from now on is a line of @file, @line, and those after it; begins a new line if one has been begun. */
void config_text_begin(struct config_text *text, const struct config_file *file, unsigned line);

/* Where a line of the text, from 1, came from; the last one there is for a number behind the end. No file: nothing was begun. */
struct config_origin config_text_origin(const struct config_text *text, unsigned line);

void config_text_fini(struct config_text *text);

#endif
