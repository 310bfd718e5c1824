/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/http/file.h  Files below a folder, as answers.
 */
#ifndef WEIR_PLUGINS_HTTP_FILE_H
#define WEIR_PLUGINS_HTTP_FILE_H

#include "plugins/http/connection.h"

/* Whether files can be opened below @root in the way that file_answer() does it: 0, or -errno. */
int file_check_kernel(int root);

/* Answer with the file at a normalised path: 200, 304, 301 to a folder's name with its slash, or why not. As connection_write().
 * [suspends] */
int file_answer(struct connection *c, weir_bytes path);

#endif
