/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_assign.h  From settings, as libconfig has read them, to the fields of a struct config.
 */
#ifndef WEIR_SERVER_CONFIG_ASSIGN_H
#define WEIR_SERVER_CONFIG_ASSIGN_H

#include <libconfig.h>

#include "server/config.h"
#include "server/config_schema.h"
#include "server/config_text.h"
#include "server/problems.h"

/* What is being filled, and where its settings come from. */
struct config_filling {
    struct config            *config;
    struct server_config      standard;     /* a server of which nothing was said */
    struct problems          *problems;
    const struct config_text *text;         /* leads from libconfig's lines to files; not looked at while there is a setting */
    const struct config_file *setting;      /* of the command line, which everything is of; NULL: everything is of files */
};

/* Where a setting stands. Never without a file. */
struct config_origin config_assign_origin(const struct config_filling *filling, const config_setting_t *setting);

/* Give the top level, the log and the standard server their defaults. */
void config_assign_defaults(struct config_filling *filling);

/* Take over every setting of a group, and complain about those that mean nothing. @base is the section's struct. */
void config_assign_group(const struct config_filling *filling, enum config_section section, void *base,
                         const config_setting_t *group);

/* Take over one setting: replaces what the field had, but for servers, which are added. */
void config_assign_key(const struct config_filling *filling, const struct config_key *key, void *base,
                       const config_setting_t *setting);

/* "is no key here" with what may have been meant. @base as above. */
void config_assign_unknown(const struct config_filling *filling, enum config_section section, const char *name, struct place place);

#endif
