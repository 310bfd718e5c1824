/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_source.h  Configuration files, read whole, with what they include.
 *
 * "@include "FILE"" on a line of its own stands for the lines of FILE, whose path begins at the folder of the including
 * file. A file may be included at several places, but not within itself; depth, number and size of files are
 * bounded.
 */
#ifndef WEIR_SERVER_CONFIG_SOURCE_H
#define WEIR_SERVER_CONFIG_SOURCE_H

#include <stdbool.h>

#include "server/config_memory.h"
#include "server/config_text.h"
#include "server/problems.h"

#define CONFIG_FILE_MOST     ((size_t)1 << 20)  /* bytes of one file */
#define CONFIG_INCLUDES_DEEP 10                 /* includes within includes */
#define CONFIG_FILES_MOST    1000               /* files read for one -c, each time it is included counts */

/*
 * Read @name and what it includes, behind what is in @text already.
 *
 * memory   what the names of files are taken from: the origins in @text point there
 * returns  whether all of it was read, and libconfig will accept it; else @problems has what is wrong
 */
bool config_source_read(const char *name, struct config_memory *memory, struct config_text *text, struct problems *problems);

/*
 * Absolute forms of a path: where @path leads for somebody in @folder, itself absolute. Not resolved, "." and ".." stay,
 * except for leading "./".
 *
 * returns  a text of @memory; NULL: no memory
 */
char *config_source_path(struct config_memory *memory, const char *folder, const char *path);

/* The current directory as a text of @memory. NULL: no memory, or there is none any more. */
char *config_source_here(struct config_memory *memory);

#endif
