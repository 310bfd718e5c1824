/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/pid_file.h  A file with the number of the process, for scripts that signal it.
 */
#ifndef WEIR_SERVER_PID_FILE_H
#define WEIR_SERVER_PID_FILE_H

#include <stddef.h>

/* Written under another name and renamed, so that nobody reads half a number. 0, or -1 and a sentence in @error. */
int  pid_file_write(const char *path, char *error, size_t size);

/* Removed if it still has this process's number. */
void pid_file_remove(const char *path);

#endif
