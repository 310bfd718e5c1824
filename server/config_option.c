/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_option.c  The options of a server.
 *
 * Values are taken over with their types; what they should be is the plugin's to say, which asks with bounds.
 */
#include "server/config_option.h"

#include <string.h>

static void refuse(const struct config_filling *filling, struct place place, const char *key, const char *found)
{
    problems_add(filling->problems, place, "option \"%s\" is %s, expected true or false, a number, a text in quotes, or a list "
                                           "of texts: [ \"...\", \"...\" ]", key, found);
}

static bool take_texts(const struct config_filling *filling, struct server_option *option, const config_setting_t *setting)
{
    struct config_memory *memory = &filling->config->memory;
    size_t count = (size_t)config_setting_length(setting);

    if (count > CONFIG_OPTIONS_MOST) {
        problems_add(filling->problems, option->place, "option \"%s\" has %zu texts, expected at most %d", option->key, count,
                     CONFIG_OPTIONS_MOST);
        return false;
    }
    const char **texts = config_memory_array(memory, count, sizeof *texts);
    for (size_t i = 0; i < count && texts != NULL; i++) {
        const char *text = config_setting_get_string_elem(setting, (int)i);
        if (text == NULL) {
            refuse(filling, option->place, option->key, "a list with something else than texts");
            return false;
        }
        texts[i] = config_memory_text(memory, text);
    }
    option->type = OPTION_TEXTS;
    option->value.texts.at = texts;
    option->value.texts.count = count;
    return true;
}

static bool take_value(const struct config_filling *filling, struct server_option *option, const config_setting_t *setting)
{
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_BOOL:
        option->type = OPTION_BOOL;
        option->value.boolean = config_setting_get_bool(setting) != 0;
        return true;
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        option->type = OPTION_INT;
        option->value.integer = config_setting_get_int64(setting);
        return true;
    case CONFIG_TYPE_FLOAT:
        option->type = OPTION_FLOAT;
        option->value.number = config_setting_get_float(setting);
        return true;
    case CONFIG_TYPE_STRING:
        option->type = OPTION_TEXT;
        option->value.text = config_memory_text(&filling->config->memory, config_setting_get_string(setting));
        return true;
    case CONFIG_TYPE_ARRAY:
    case CONFIG_TYPE_LIST:
        return take_texts(filling, option, setting);
    default:
        refuse(filling, option->place, option->key, "a group");
        return false;
    }
}

/* There is room for 8, and then for the next power of two, as long as there are less. */
static bool make_room(struct config_memory *memory, struct server_config *server)
{
    size_t count = server->option_count;

    if (count != 0 && (count < 8 || (count & (count - 1)) != 0))
        return true;
    struct server_option *options = config_memory_array(memory, count == 0 ? 8 : 2 * count, sizeof *options);
    if (options == NULL)
        return false;
    if (count > 0)
        memcpy(options, server->options, count * sizeof *options);
    server->options = options;
    return true;
}

void config_option_set(const struct config_filling *filling, struct server_config *server, const char *key,
                       const config_setting_t *setting)
{
    struct config_memory *memory = &filling->config->memory;
    struct config_origin origin = config_assign_origin(filling, setting);
    struct server_option option = {
        .key = config_memory_text(memory, key),
        .place = { origin.file->name, origin.line },
        .folder = origin.file->folder,
        .is_setting = origin.file->is_setting,
    };

    if (option.key == NULL || !take_value(filling, &option, setting))
        return;
    for (size_t i = 0; i < server->option_count; i++) {
        if (strcmp(server->options[i].key, key) == 0) {
            server->options[i] = option;
            return;
        }
    }
    if (server->option_count == CONFIG_OPTIONS_MOST) {
        problems_add(filling->problems, option.place, "option \"%s\" is one too many, expected at most %d", key,
                     CONFIG_OPTIONS_MOST);
        return;
    }
    if (!make_room(memory, server))
        return;
    server->options[server->option_count++] = option;
}

void config_option_group(const struct config_filling *filling, struct server_config *server, const config_setting_t *group)
{
    server->options = NULL;
    server->option_count = 0;
    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
        config_option_set(filling, server, config_setting_name(setting), setting);
    }
}
