/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_value.h  One value by itself, outside of a file: a default, or what stands behind -o KEY=.
 */
#ifndef WEIR_SERVER_CONFIG_VALUE_H
#define WEIR_SERVER_CONFIG_VALUE_H

#include <libconfig.h>

/*
 * Read @text as what may stand behind "KEY =" in a file: 12, 1.5, true, "text", [ "a", "b" ].
 *
 * holder   initialised by config_init(): has the value afterwards, and is the caller's to destroy
 * returns  the value; NULL: it is none, or is followed by something
 */
config_setting_t *config_value_read(config_t *holder, const char *text);

/* @text itself as a value, as if in quotes. NULL: no memory. */
config_setting_t *config_value_plain(config_t *holder, const char *text);

#endif
