/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/http/path.h  From a request's target to a path below a folder, and back to something that can stand in a header.
 *
 * Pure. What comes out has no part that is empty, "." or "..", no NUL and no leading slash, so it names nothing outside of the
 * folder by itself; links are the kernel's part (file.c).
 */
#ifndef WEIR_PLUGINS_HTTP_PATH_H
#define WEIR_PLUGINS_HTTP_PATH_H

#include <stddef.h>

#define PATH_ROOM 4096          /* bytes of a path, its NUL included: as much as Linux takes in one call */

/*
 * Decode and normalise @target ("/a/../b%20c?query", or "http://host/..."), without its query.
 *
 * out      PATH_ROOM bytes: "" for the root, "a/b" for a file, "a/b/" for what was asked for as a folder; NUL-terminated
 * out_len  its length
 * returns  0, or the status that refuses it, with @out of no meaning:
 *          400  not a path at all: no leading slash, a wrong or a NUL escape, a fragment, "..", above the root
 *          404  a path that no file can have: an escaped slash, a name or a path that is too long
 */
int path_normalise(const char *target, size_t len, char *out, size_t *out_len);

/*
 * Escape a normalised path, so that it is one in a header too.
 *
 * out      room for 3 * @len bytes
 * returns  how many were written
 */
size_t path_escape(const char *path, size_t len, char *out);

#endif
