/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/proxy/connection.h  A client's connection, from its accept to its access line.
 */
#ifndef WEIR_PLUGINS_PROXY_CONNECTION_H
#define WEIR_PLUGINS_PROXY_CONNECTION_H

#include "plugins/proxy/worker.h"

/* The handler. [suspends] */
int connection_serve(weir_reader *reader, weir_writer *writer, struct worker *worker);

#endif
