/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/http/mime.h  The content type that belongs to a file's name.
 */
#ifndef WEIR_PLUGINS_HTTP_MIME_H
#define WEIR_PLUGINS_HTTP_MIME_H

#include <stddef.h>

/* By what stands behind the last dot of the last part of @path, in either case. Never NULL: what is not known is
 * "application/octet-stream", which browsers save and do not guess about. */
const char *mime_type(const char *path, size_t len);

#endif
