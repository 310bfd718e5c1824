/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/plugin_load.h  From a name in a config file to a plugin's table.
 */
#ifndef WEIR_SERVER_PLUGIN_LOAD_H
#define WEIR_SERVER_PLUGIN_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/plugin.h>

/* A loaded plugin. It stays loaded until the process ends, whatever becomes of this struct. */
struct plugin {
    weir_plugin table;          /* the plugin's own, with NULL for what is beyond its size; name is never NULL */
    char *path;                 /* of the file that was copied: absolute, without symbolic links */
    struct plugin *next;
};

/* Those of one config; all zero: none yet. */
struct plugins {
    struct plugin *first;
    bool in_place;              /* the files themselves are mapped: a profiler finds their symbols, and nobody may overwrite them */
};

/*
 * Load @name: a path, or a name without a slash for DIR/NAME.so. A file that was loaded for this list before is shared.
 *
 * What is mapped is a private copy, so the file may be overwritten, unless the list says in_place.
 *
 * returns  the plugin, the list's; NULL, with a sentence in @error: what was looked for, what was found, what was expected
 */
const struct plugin *plugin_load(struct plugins *plugins, const char *name, const char *dir, char *error, size_t size);

/* Free the list, not what is mapped. */
void plugins_fini(struct plugins *plugins);

/* Where plugins named without a slash are: beside the running program, as built or as installed. In @out, which is
 * returned. */
const char *plugin_default_dir(char *out, size_t size);

#endif
