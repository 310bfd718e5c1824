/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_override.c  Settings of the command line: "-o KEY=VALUE".
 *
 * KEY is walked from the left: a section each step, and then a key of it, which is assigned as if a file had it.
 */
#include "server/config_override.h"

#include <string.h>

#include "server/config_option.h"
#include "server/config_value.h"

#define KEY_PARTS_MOST 4        /* servers.NAME.options.KEY */

struct override {
    struct config_filling *filling;
    struct place place;
    char        *parts[KEY_PARTS_MOST];
    size_t       count;
    const char  *value;
};

/* Cut "a.b.c=value" at its points. False: it has no form of a setting. */
static bool cut(struct override *override, char *text)
{
    char *end = strchr(text, '=');

    if (end == NULL)
        return false;
    *end = '\0';
    override->value = end + 1;
    for (char *part = text; part != NULL; override->count++) {
        char *point = override->count + 1 < KEY_PARTS_MOST ? strchr(part, '.') : NULL;
        if (point != NULL)
            *point = '\0';
        if (part[0] == '\0')
            return false;
        override->parts[override->count] = part;
        part = point != NULL ? point + 1 : NULL;
    }
    return true;
}

static struct server_config *find_server(const struct override *override, const char *name)
{
    const struct config *config = override->filling->config;
    const char *names[CONFIG_SERVERS_MOST] = { NULL };
    size_t count = 0;

    for (size_t i = 0; i < config->server_count; i++) {
        const char *known = config->servers[i].name;
        if (known != NULL && strcmp(known, name) == 0)
            return &config->servers[i];
        if (known != NULL)
            names[count++] = known;
    }
    const char *nearest = config_schema_nearest(name, names, count);
    if (nearest == NULL && count > 0)
        nearest = names[0];
    problems_add(override->filling->problems, override->place,
                 "no server is named \"%.64s\", expected one of the files', such as \"%s\"", name,
                 nearest != NULL ? nearest : "echo");
    return NULL;
}

/* --- The value ----------------------------------------------------------- */

static bool takes_text(const struct config_key *key)
{
    return key->type != KEY_BOOL && key->type != KEY_COUNT && key->type != KEY_SIZE && key->type != KEY_DURATION;
}

/* As a file has it, or the text itself. NULL: no memory. @key: NULL for an option. */
static const config_setting_t *read_value(const struct override *override, config_t *holder, const struct config_key *key)
{
    const config_setting_t *value = config_value_read(holder, override->value);
    bool fits = value != NULL;

    if (fits && key != NULL && takes_text(key))
        fits = config_setting_type(value) == CONFIG_TYPE_STRING || config_setting_is_array(value) || config_setting_is_list(value);
    return fits ? value : config_value_plain(holder, override->value);
}

static void assign(const struct override *override, enum config_section section, void *base, const char *name)
{
    const struct config_key *key = config_schema_find(section, name);
    struct config_filling *filling = override->filling;
    config_t holder;

    if (key == NULL) {
        config_assign_unknown(filling, section, name, override->place);
        return;
    }
    if (key->type == KEY_LOG || key->type == KEY_SERVERS || key->type == KEY_OPTIONS) {
        problems_add(filling->problems, override->place, "\"%s\" has parts, expected one of them: %s", name,
                     key->type == KEY_LOG ? "log.KEY=VALUE" : key->type == KEY_SERVERS ? "servers.NAME.KEY=VALUE"
                                                                                       : "servers.NAME.options.KEY=VALUE");
        return;
    }
    config_init(&holder);
    const config_setting_t *value = read_value(override, &holder, key);
    if (value != NULL)
        config_assign_key(filling, key, base, value);
    else
        filling->config->memory.failed = true;
    config_destroy(&holder);
}

/* A name that a file could have, so that what is printed can be read again. */
static bool is_option_name(const char *name)
{
    static const char begins[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ*";
    static const char goes_on[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ*0123456789-_";

    return strspn(name, begins) > 0 && name[strspn(name, goes_on)] == '\0' && strcasecmp(name, "true") != 0 &&
           strcasecmp(name, "false") != 0;
}

static void assign_option(const struct override *override, struct server_config *server, const char *name)
{
    struct config_filling *filling = override->filling;
    config_t holder;

    if (!is_option_name(name)) {
        problems_add(filling->problems, override->place,
                     "\"%.64s\" cannot be the key of an option, expected letters, digits, \"-\" and \"_\"", name);
        return;
    }
    config_init(&holder);
    const config_setting_t *value = read_value(override, &holder, NULL);
    if (value != NULL)
        config_option_set(filling, server, name, value);
    else
        filling->config->memory.failed = true;
    config_destroy(&holder);
}

/* --- The key ------------------------------------------------------------- */

static void walk(const struct override *override)
{
    struct config *config = override->filling->config;
    char *const *parts = override->parts;
    size_t count = override->count;
    struct server_config *server = NULL;

    if (count == 1) {
        assign(override, SECTION_TOP, config, parts[0]);
        return;
    }
    if (count == 2 && strcmp(parts[0], "log") == 0) {
        assign(override, SECTION_LOG, &config->log, parts[1]);
        return;
    }
    if (count >= 3 && strcmp(parts[0], "servers") == 0)
        server = find_server(override, parts[1]);
    if (server != NULL && count == 3) {
        assign(override, SECTION_SERVER, server, parts[2]);
    } else if (server != NULL && strcmp(parts[2], "options") == 0) {
        assign_option(override, server, parts[3]);
    } else if (server != NULL || count < 3 || strcmp(parts[0], "servers") != 0) {
        problems_add(override->filling->problems, override->place,
                     "there is no such key, expected KEY, log.KEY, servers.NAME.KEY or "
                     "servers.NAME.options.KEY before the \"=\"");
    }
}

void config_override(struct config_filling *filling, const char *setting, const char *here)
{
    struct config_memory *memory = &filling->config->memory;
    struct config_file *origin = config_memory_take(memory, sizeof *origin);
    struct override override = { .filling = filling };

    if (strlen(setting) > CONFIG_OVERRIDE_MOST) {
        problems_add(filling->problems, (struct place){ "-o", 0 }, "a setting of %zu bytes, expected at most %d", strlen(setting),
                     CONFIG_OVERRIDE_MOST);
        return;
    }
    char *copy = config_memory_text(memory, setting);
    char *name = config_memory_format(memory, "-o %s", setting);
    if (origin == NULL || copy == NULL || name == NULL)
        return;
    *origin = (struct config_file){ .name = name, .folder = here, .is_setting = true };
    override.place.file = name;
    filling->setting = origin;
    if (cut(&override, copy))
        walk(&override);
    else
        problems_add(filling->problems, override.place,
                     "this is no setting, expected KEY=VALUE, such as workers=2 or log.level=debug");
    filling->setting = NULL;
}
