/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_option.h  The options of a server: keys that only its handler knows, with values of five types.
 */
#ifndef WEIR_SERVER_CONFIG_OPTION_H
#define WEIR_SERVER_CONFIG_OPTION_H

#include "server/config_assign.h"

/* Take over all options of a group, instead of those that the server has. */
void config_option_group(const struct config_filling *filling, struct server_config *server, const config_setting_t *group);

/* Add one to a server, or replace the one of that key. @key must be one that a file can have. */
void config_option_set(const struct config_filling *filling, struct server_config *server, const char *key,
                       const config_setting_t *setting);

#endif
