/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_check.h  What can only be said once everything was read: what is missing, and what meets twice.
 */
#ifndef WEIR_SERVER_CONFIG_CHECK_H
#define WEIR_SERVER_CONFIG_CHECK_H

#include "server/config.h"

/*
 * Complain about servers that lack something, that share a name or an address, and about there being none; and say where
 * the relative paths of each server's options begin.
 *
 * last     the file that was read last, or NULL
 */
void config_check(struct config *config, const char *last, struct problems *problems);

#endif
