/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/section.h  The server sections at work: a configuration's server, its plugin, and what lies between them.
 *
 *      sections_init, sections_load        worker_start           worker_stop               sections_free
 *        open logs; load, configure  ----->  on each worker  ------>  on each worker  ------->  destroy
 *
 * The first and the last on the main thread, while nothing serves; worker.c does what is between.
 */
#ifndef WEIR_SERVER_SECTION_H
#define WEIR_SERVER_SECTION_H

#include "server/access_log.h"
#include "server/config.h"
#include "server/counters.h"
#include "server/plugin_context.h"
#include "server/plugin_load.h"

struct sections;

struct section {
    weir_plugin_context base;           /* first: what the plugin holds */
    const struct server_config *config;
    const struct plugin *plugin;        /* NULL: not loaded */
    struct sections *all;
    struct problems *problems;          /* while configure runs; NULL: complaints are logged */
    bool *asked;                        /* for each option of the configuration: the plugin knows it */
    char **paths;                       /* made absolute for the plugin, one for each option at most */
    bool configured;
    bool plugin_writes_access;          /* weir_plugin_context_access_log was called */
    struct access_log *access;          /* NULL: none */
};

struct sections {
    struct section *at;
    size_t count;
    struct plugins plugins;
    struct counters_table counters;
};

/*
 * Make a section of every server, and open their access logs.
 *
 * log      NULL: access logs are not opened, as for a check
 * returns  0, or -1: it was added to @problems. sections_free() either way
 */
int  sections_init(struct sections *sections, const struct config *config, struct log *log, struct problems *problems);

/*
 * Load the plugin of every server and have it configured. All that is wrong is added to @problems: a plugin that can't be
 * loaded, what configure complains of, options that no plugin asked for.
 *
 * returns  0, or -1: there are problems
 */
int  sections_load(struct sections *sections, const char *plugin_dir, struct problems *problems);

void sections_free(struct sections *sections);

#endif
