/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/http/access.h  A line for each request, where the section has an access log.
 */
#ifndef WEIR_PLUGINS_HTTP_ACCESS_H
#define WEIR_PLUGINS_HTTP_ACCESS_H

#include "plugins/http/connection.h"

/* Bytes have come: what is answered next took from here on. */
void access_begin(struct connection *c);

/* request="GET /path HTTP/1.1" status=200 bytes=13 seconds=0.000012 */
void access_log(struct connection *c, unsigned status, size_t bytes);

#endif
