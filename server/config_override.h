/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_override.h  Settings of the command line: "-o KEY=VALUE".
 *
 *      workers=2    log.level=debug    servers.NAME.limit=1M    servers.NAME.options.KEY=VALUE
 *
 * VALUE is read as in a file. Where it is no value, or is one of another type where a text is wanted (user=1000), it is the text
 * itself. Paths begin at the current directory.
 */
#ifndef WEIR_SERVER_CONFIG_OVERRIDE_H
#define WEIR_SERVER_CONFIG_OVERRIDE_H

#include "server/config_assign.h"

#define CONFIG_OVERRIDE_MOST 65536      /* bytes of a setting */

/*
 * Take a setting over into the configuration that the files made.
 *
 * setting  "KEY=VALUE"
 * here     absolute: the current directory
 */
void config_override(struct config_filling *filling, const char *setting, const char *here);

#endif
