/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_assign.c  From settings, as libconfig has read them, to the fields of a struct config.
 *
 * What a setting should be is read off its key's row in config_schema.c. A setting that is wrong leaves its field as it
 * was and its place behind, so that a key that was given wrongly is not also reported as missing.
 */
#include "server/config_assign.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/config_listen.h"
#include "server/config_option.h"
#include "server/config_source.h"
#include "server/config_value.h"
#include "server/value.h"

#define FOUND_MAX 96            /* bytes of what problems say was found */

struct config_origin config_assign_origin(const struct config_filling *filling, const config_setting_t *setting)
{
    if (filling->setting != NULL)
        return (struct config_origin){ filling->setting, 0 };
    return config_text_origin(filling->text, config_setting_source_line(setting));
}

static struct place place_of(const struct config_filling *filling, const config_setting_t *setting)
{
    struct config_origin origin = config_assign_origin(filling, setting);
    return (struct place){ origin.file->name, origin.line };
}

/* --- Complaining --------------------------------------------------------- */

static const char *describe(const config_setting_t *setting, char out[FOUND_MAX])
{
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_BOOL: return config_setting_get_bool(setting) != 0 ? "true" : "false";
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64: snprintf(out, FOUND_MAX, "%lld", config_setting_get_int64(setting)); break;
    case CONFIG_TYPE_FLOAT: snprintf(out, FOUND_MAX, "%g", config_setting_get_float(setting)); break;
    case CONFIG_TYPE_STRING: snprintf(out, FOUND_MAX, "\"%.80s\"", config_setting_get_string(setting)); break;
    case CONFIG_TYPE_GROUP: return "a group";
    default: snprintf(out, FOUND_MAX, "a list of %d", config_setting_length(setting)); break;
    }
    return out;
}

static const char *section_prefix(enum config_section section)
{
    return section == SECTION_LOG ? "log." : "";
}

static void refuse(const struct config_filling *filling, const struct config_key *key, const config_setting_t *setting)
{
    char found[FOUND_MAX], expected[CONFIG_EXPECTED_MAX];

    problems_add(filling->problems, place_of(filling, setting), "%s%s is %s, expected %s (%s)", section_prefix(key->section),
                 key->name, describe(setting, found), config_schema_expected(key, expected), key->meaning);
}

void config_assign_unknown(const struct config_filling *filling, enum config_section section, const char *name, struct place place)
{
    static const char *const called[SECTIONS] = { "at the top level", "of log", "of a server" };
    const char *nearest = config_schema_nearest_key(section, name);
    char all[PROBLEM_TEXT_MAX] = "";
    size_t count, len = 0;

    for (enum config_section other = 0; other < SECTIONS; other++) {
        if (config_schema_find(other, name) != NULL) {
            problems_add(filling->problems, place, "\"%.64s\" is no key %s, expected it to be one %s", name, called[section],
                         called[other]);
            return;
        }
    }
    if (nearest != NULL) {
        problems_add(filling->problems, place, "\"%.64s\" is no key %s, did you mean \"%s\"?", name, called[section], nearest);
        return;
    }
    const struct config_key *key = config_schema_keys(section, &count);
    for (size_t i = 0; i < count && len < sizeof all; i++)
        len += (size_t)snprintf(all + len, sizeof all - len, "%s%s", i == 0 ? "" : ", ", key[i].name);
    problems_add(filling->problems, place, "\"%.64s\" is no key %s, expected one of %s", name, called[section], all);
}

/* --- Numbers ------------------------------------------------------------- */

static bool is_integer(const config_setting_t *setting)
{
    int type = config_setting_type(setting);
    return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
}

static bool to_count(const struct config_key *key, const config_setting_t *setting, unsigned *out)
{
    long long value = config_setting_get_int64(setting);

    if (!is_integer(setting) || value < (long long)key->least || value > (long long)key->most)
        return false;
    *out = (unsigned)value;
    return true;
}

static bool to_size(const struct config_key *key, const config_setting_t *setting, size_t *out)
{
    const char *text = config_setting_get_string(setting);
    long long value = config_setting_get_int64(setting);
    uint64_t size = (uint64_t)value;

    if (text != NULL ? value_parse_size(text, &size) != 0 : !is_integer(setting) || value < 0)
        return false;
    if (size < (uint64_t)key->least || size > (uint64_t)key->most)
        return false;
    *out = size;
    return true;
}

static bool to_duration(const struct config_key *key, const config_setting_t *setting, double *out)
{
    const char *text = config_setting_get_string(setting);
    double seconds;
    int code;

    if (text != NULL)
        code = value_parse_duration(text, &seconds);
    else if (is_integer(setting))
        code = value_round_duration((double)config_setting_get_int64(setting), &seconds);
    else if (config_setting_type(setting) == CONFIG_TYPE_FLOAT)
        code = value_round_duration(config_setting_get_float(setting), &seconds);
    else
        code = -EINVAL;
    if (code != 0 || seconds < key->least || seconds > key->most)
        return false;
    *out = seconds;
    return true;
}

static bool to_bool(const config_setting_t *setting, bool *out)
{
    if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
        return false;
    *out = config_setting_get_bool(setting) != 0;
    return true;
}

/* --- Texts --------------------------------------------------------------- */

static bool to_word(const struct config_key *key, const char *text, int *out)
{
    for (int i = 0; key->words[i] != NULL; i++) {
        if (strcmp(key->words[i], text) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool to_mode(const struct config_key *key, const char *text, int *out)
{
    size_t len = strspn(text, "01234567");

    if (strcmp(text, "umask") == 0) {
        *out = CONFIG_UNIX_MODE_UMASK;
        return true;
    }
    if (len == 0 || len > 6 || text[len] != '\0' || strtol(text, NULL, 8) > (long)key->most)
        return false;
    *out = (int)strtol(text, NULL, 8);
    return true;
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool is_name(const char *text)
{
    return strspn(text, LETTERS) > 0 && strspn(text, LETTERS "0123456789-_") == strlen(text);
}

/* A file's name for the loader, without a folder; a path is a path. */
static bool is_handler(const char *text)
{
    return strchr(text, '/') != NULL ? text[strlen(text) - 1] != '/' : strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

/* The text as the field keeps it; NULL: no memory. */
static const char *to_kept(const struct config_filling *filling, const struct config_key *key, const config_setting_t *setting,
                           const char *text)
{
    struct config_memory *memory = &filling->config->memory;
    bool is_path = (key->type == KEY_PATH && text[0] != '\0') || (key->type == KEY_HANDLER && strchr(text, '/') != NULL) ||
                   (key->type == KEY_OUTPUT && text[0] != '\0' && strcmp(text, "stderr") != 0);

    return is_path ? config_source_path(memory, config_assign_origin(filling, setting).file->folder, text)
                   : config_memory_text(memory, text);
}

static bool to_text(const struct config_filling *filling, const struct config_key *key, const config_setting_t *setting,
                    const char **out)
{
    const char *text = config_setting_get_string(setting);

    if ((double)strlen(text) < key->least || (double)strlen(text) > key->most)
        return false;
    if ((key->type == KEY_NAME && !is_name(text)) || (key->type == KEY_HANDLER && !is_handler(text)))
        return false;
    const char *kept = to_kept(filling, key, setting, text);
    if (kept == NULL)
        return true;                /* the memory remembers that */
    if ((double)strlen(kept) > key->most)
        return false;
    *out = kept;
    return true;
}

/* --- Addresses ----------------------------------------------------------- */

static void assign_listen(const struct config_filling *filling, const struct config_key *key, struct server_config *server,
                          const config_setting_t *setting)
{
    bool one = config_setting_type(setting) == CONFIG_TYPE_STRING;
    bool several = config_setting_is_array(setting) || config_setting_is_list(setting);
    int count = one ? 1 : several ? config_setting_length(setting) : 0;
    struct config_memory *memory = &filling->config->memory;

    if (count < 1 || count > CONFIG_LISTENS_MOST) {
        char found[FOUND_MAX];
        problems_add(filling->problems, place_of(filling, setting),
                     "%s is %s, expected 1 to %d addresses such as \"*:7000\" (%s)", key->name, describe(setting, found),
                     CONFIG_LISTENS_MOST, key->meaning);
        return;
    }
    struct listen_address *addresses = config_memory_array(memory, (size_t)count, sizeof *addresses);
    if (addresses == NULL)
        return;
    size_t good = 0;
    for (int i = 0; i < count; i++) {
        const config_setting_t *element = one ? setting : config_setting_get_elem(setting, (unsigned)i);
        const char *text = config_setting_get_string(element), *why = NULL;
        struct config_origin origin = config_assign_origin(filling, element);
        if (text == NULL) {
            refuse(filling, key, element);
        } else if (config_listen_parse(memory, origin.file->folder, text, &addresses[good], &why)) {
            addresses[good++].place = (struct place){ origin.file->name, origin.line };
        } else if (why != NULL) {
            problems_add(filling->problems, (struct place){ origin.file->name, origin.line }, "%s \"%.80s\" %s", key->name,
                         text, why);
        }
    }
    server->listen = addresses;
    server->listen_count = good;
}

/* --- Groups -------------------------------------------------------------- */

static void add_servers(const struct config_filling *filling, const struct config_key *key, const config_setting_t *list)
{
    struct config *config = filling->config;
    size_t count = (size_t)config_setting_length(list);

    if (count > CONFIG_SERVERS_MOST - config->server_count) {
        problems_add(filling->problems, place_of(filling, list), "%zu servers are too many, expected at most %d",
                     config->server_count + count, CONFIG_SERVERS_MOST);
        return;
    }
    struct server_config *servers = config_memory_array(&config->memory, config->server_count + count, sizeof *servers);
    if (servers == NULL || count == 0)
        return;
    if (config->server_count > 0)
        memcpy(servers, config->servers, config->server_count * sizeof *servers);
    config->servers = servers;
    for (size_t i = 0; i < count; i++) {
        const config_setting_t *group = config_setting_get_elem(list, (unsigned)i);
        if (!config_setting_is_group(group)) {
            refuse(filling, key, group);
            continue;
        }
        struct server_config *server = &servers[config->server_count++];
        struct config_origin origin = config_assign_origin(filling, group);
        *server = filling->standard;
        server->place = (struct place){ origin.file->name, origin.line };
        server->home = origin.file->folder;
        config_assign_group(filling, SECTION_SERVER, server, group);
    }
}

/* A key that has parts; false: the setting has not. */
static bool assign_parts(const struct config_filling *filling, const struct config_key *key, void *base,
                         const config_setting_t *setting)
{
    if (key->type == KEY_SERVERS) {
        if (!config_setting_is_list(setting))
            return false;
        add_servers(filling, key, setting);
        return true;
    }
    if (!config_setting_is_group(setting))
        return false;
    if (key->type == KEY_LOG)
        config_assign_group(filling, SECTION_LOG, (char *)base + key->at, setting);
    else
        config_option_group(filling, base, setting);
    return true;
}

void config_assign_group(const struct config_filling *filling, enum config_section section, void *base,
                         const config_setting_t *group)
{
    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
        const struct config_key *key = config_schema_find(section, config_setting_name(setting));
        if (key != NULL)
            config_assign_key(filling, key, base, setting);
        else
            config_assign_unknown(filling, section, config_setting_name(setting), place_of(filling, setting));
    }
}

/* --- A key --------------------------------------------------------------- */

static bool assign_text(const struct config_filling *filling, const struct config_key *key, void *field,
                        const config_setting_t *setting)
{
    if (config_setting_type(setting) != CONFIG_TYPE_STRING)
        return false;
    if (key->type == KEY_WORD)
        return to_word(key, config_setting_get_string(setting), field);
    if (key->type == KEY_MODE)
        return to_mode(key, config_setting_get_string(setting), field);
    return to_text(filling, key, setting, field);
}

void config_assign_key(const struct config_filling *filling, const struct config_key *key, void *base,
                       const config_setting_t *setting)
{
    void *field = (char *)base + key->at;
    bool good = true;

    switch (key->type) {
    case KEY_BOOL: good = to_bool(setting, field); break;
    case KEY_COUNT: good = to_count(key, setting, field); break;
    case KEY_SIZE: good = to_size(key, setting, field); break;
    case KEY_DURATION: good = to_duration(key, setting, field); break;
    case KEY_LISTEN: assign_listen(filling, key, base, setting); break;
    case KEY_LOG:
    case KEY_SERVERS:
    case KEY_OPTIONS: good = assign_parts(filling, key, base, setting); break;
    default: good = assign_text(filling, key, field, setting); break;
    }
    if (!good)
        refuse(filling, key, setting);
    ((struct config_places *)base)->of[config_schema_index(key)] = place_of(filling, setting);
}

/* --- Defaults ------------------------------------------------------------ */

static void assign_default(const struct config_filling *filling, const struct config_key *key, void *base)
{
    config_t holder;

    config_init(&holder);
    config_setting_t *value = config_value_read(&holder, key->standard);
    if (value != NULL)
        config_assign_key(filling, key, base, value);
    else
        filling->config->memory.failed = true;      /* the table is ours, so there is no other reason */
    config_destroy(&holder);
}

void config_assign_defaults(struct config_filling *filling)
{
    static const struct config_file nowhere = { .name = NULL, .folder = "/" };
    struct config_filling from_table = { .config = filling->config, .problems = filling->problems, .setting = &nowhere };
    void *const bases[SECTIONS] = { filling->config, &filling->config->log, &filling->standard };

    for (enum config_section section = 0; section < SECTIONS; section++) {
        size_t count;
        const struct config_key *key = config_schema_keys(section, &count);
        for (; count > 0; count--, key++) {
            if (key->standard != NULL)
                assign_default(&from_table, key, bases[section]);
        }
    }
}
