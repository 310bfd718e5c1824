/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_listen.h  Addresses to listen on, as a configuration writes them.
 *
 *      *:7000  :7000               all interfaces, IPv4 and IPv6
 *      127.0.0.1:7000              one address
 *      [::1]:7000  [fe80::1%eth0]:7000
 *      localhost:7000              what the name stands for when the server starts
 *      unix:/run/x.sock            a Unix socket; a relative path begins at the file's folder
 *      unix:@x                     one in the abstract namespace
 */
#ifndef WEIR_SERVER_CONFIG_LISTEN_H
#define WEIR_SERVER_CONFIG_LISTEN_H

#include <stdbool.h>

#include "server/config.h"

/*
 * Read an address. Nothing is resolved.
 *
 * memory   what the texts of *out are taken from
 * folder   absolute: where a relative path of a Unix socket begins
 * why      out, on failure: what is wrong, for "\"TEXT\" ..."; NULL: no memory
 * returns  whether it is one; *out is written on success only, and its place not at all
 */
bool config_listen_parse(struct config_memory *memory, const char *folder, const char *text, struct listen_address *out,
                         const char **why);

#endif
