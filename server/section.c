/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/section.c  What a plugin asks of its section, and its way from a name to a configured plugin.
 */
#include "server/section.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/value.h"

#define ERROR_MOST 1024

static struct section *section_of(weir_plugin_context *ctx)
{
    return (struct section *)ctx;
}

/* --- Options -------------------------------------------------------------- */

static const char *const wanted_names[] = {
    [QUERY_TEXT] = "a text", [QUERY_INT] = "an integer", [QUERY_SIZE] = "a size such as 65536 or \"64k\"",
    [QUERY_DURATION] = "a time such as 1.5 or \"1.5s\"", [QUERY_BOOL] = "true or false", [QUERY_PATH] = "a path, as a text",
};

/* An option's value as a person wrote it, more or less. */
static const char *found_text(const struct server_option *option, char *out, size_t size)
{
    switch (option->type) {
    case OPTION_BOOL: snprintf(out, size, "%s", option->value.boolean ? "true" : "false"); break;
    case OPTION_INT: snprintf(out, size, "%lld", (long long)option->value.integer); break;
    case OPTION_FLOAT: snprintf(out, size, "%g", option->value.number); break;
    case OPTION_TEXT: snprintf(out, size, "\"%.200s\"", option->value.text); break;
    case OPTION_TEXTS: snprintf(out, size, "a list"); break;
    }
    return out;
}

static int wrong(struct section *section, const struct server_option *option, const char *expected)
{
    char found[256];

    problems_add(section->problems, option->place, "option \"%s\" of server \"%s\" is %s, expected %s", option->key,
                 section->config->name, found_text(option, found, sizeof found), expected);
    return WEIR_ECONFIG;
}

static int answer_int(struct section *section, const struct server_option *option, struct option_query *query)
{
    char expected[128];

    if (option->type == OPTION_INT && option->value.integer >= query->least && option->value.integer <= query->most) {
        query->value.integer = option->value.integer;
        return 1;
    }
    snprintf(expected, sizeof expected, "an integer from %lld to %lld", (long long)query->least, (long long)query->most);
    return wrong(section, option, expected);
}

static int answer_size(struct section *section, const struct server_option *option, struct option_query *query)
{
    uint64_t size = 0;

    if (option->type == OPTION_INT && option->value.integer >= 0)
        size = (uint64_t)option->value.integer;
    else if (option->type != OPTION_TEXT || value_parse_size(option->value.text, &size) < 0)
        return wrong(section, option, wanted_names[QUERY_SIZE]);
    query->value.size = (size_t)size;
    return 1;
}

static int answer_duration(struct section *section, const struct server_option *option, struct option_query *query)
{
    double *out = &query->value.seconds;
    int code = option->type == OPTION_INT ? value_round_duration((double)option->value.integer, out)
             : option->type == OPTION_FLOAT ? value_round_duration(option->value.number, out)
             : option->type == OPTION_TEXT ? value_parse_duration(option->value.text, out) : -EINVAL;

    return code < 0 ? wrong(section, option, wanted_names[QUERY_DURATION]) : 1;
}

/* The path lives as long as the section. */
static int answer_path(struct section *section, const struct server_option *option, struct option_query *query)
{
    char **path = &section->paths[option - section->config->options];
    const char *folder = option->folder != NULL ? option->folder : section->config->folder;

    if (option->type != OPTION_TEXT || option->value.text[0] == '\0')
        return wrong(section, option, wanted_names[QUERY_PATH]);
    query->value.text = option->value.text;
    if (option->value.text[0] == '/')
        return 1;
    if (*path == NULL && asprintf(path, "%s/%s", folder, option->value.text) < 0) {
        *path = NULL;
        return wrong(section, option, "a path for which there is memory");
    }
    query->value.text = *path;
    return 1;
}

static int on_option(weir_plugin_context *ctx, struct option_query *query)
{
    struct section *section = section_of(ctx);
    const struct server_config *config = section->config;
    const struct server_option *option = NULL;

    if (section->problems == NULL)
        return 0;                               /* after configure: the header says that it is for configure only */
    for (size_t i = 0; i < config->option_count && option == NULL; i++) {
        if (strcmp(config->options[i].key, query->key) == 0) {
            option = &config->options[i];
            section->asked[i] = true;
        }
    }
    if (option == NULL)
        return 0;
    switch (query->kind) {
    case QUERY_TEXT:
        if (option->type != OPTION_TEXT)
            return wrong(section, option, wanted_names[QUERY_TEXT]);
        query->value.text = option->value.text;
        return 1;
    case QUERY_BOOL:
        if (option->type != OPTION_BOOL)
            return wrong(section, option, wanted_names[QUERY_BOOL]);
        query->value.truth = option->value.boolean;
        return 1;
    case QUERY_INT: return answer_int(section, option, query);
    case QUERY_SIZE: return answer_size(section, option, query);
    case QUERY_DURATION: return answer_duration(section, option, query);
    case QUERY_PATH: return answer_path(section, option, query);
    }
    return 0;
}

/* --- Complaints, counters, access lines ----------------------------------- */

static struct place place_of(const struct section *section, const char *key)
{
    const struct server_config *config = section->config;

    for (size_t i = 0; key != NULL && i < config->option_count; i++) {
        if (strcmp(config->options[i].key, key) == 0)
            return config->options[i].place;
    }
    return config->place;
}

static void on_fail(weir_plugin_context *ctx, const char *key, const char *text)
{
    struct section *section = section_of(ctx);
    const char *before = key != NULL ? "option \"" : "", *after = key != NULL ? "\" of " : "";

    if (section->problems != NULL)
        problems_add(section->problems, place_of(section, key), "%s%s%sserver \"%s\": %s", before, key != NULL ? key : "", after,
                     section->config->name, text);
    else
        weir_log(3, "a plugin complains server=\"%s\" text=\"%s\"", section->config->name, text);
}

static unsigned on_counter(weir_plugin_context *ctx, const char *name, const char *help)
{
    struct section *section = section_of(ctx);
    unsigned id = counters_name(&section->all->counters, section->config->name, name, help);

    if (id == COUNTER_NONE)
        on_fail(ctx, NULL, "no room for another counter: 256 in the process, named in configure");
    return id;
}

static bool on_access_log(weir_plugin_context *ctx)
{
    section_of(ctx)->plugin_writes_access = true;
    return ctx->access_wanted;
}

static void on_access(weir_plugin_context *ctx, weir_writer *writer, const char *fields)
{
    const struct section *section = section_of(ctx);
    const weir_address *peer = weir_writer_peername(writer);
    char line[PLUGIN_TEXT_MAX + WEIR_ADDRESS_MAX + 16], address[WEIR_ADDRESS_MAX];

    if (section->access == NULL)
        return;
    int len = snprintf(line, sizeof line, "peer=%s %s", peer != NULL ? weir_address_format(peer, address, sizeof address) : "-",
                       fields);
    access_log_fields(section->access, line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
}

static const struct plugin_context_ops ops = {
    .option = on_option, .fail = on_fail, .counter = on_counter, .access_log = on_access_log, .access = on_access,
};

/* --- Loading and configuring ---------------------------------------------- */

static int fill(struct section *section, struct sections *all, const struct server_config *config)
{
    size_t options = config->option_count > 0 ? config->option_count : 1;

    *section = (struct section) {
        .base = { .ops = &ops, .server_name = config->name, .access_wanted = config->access_log[0] != '\0' },
        .config = config, .all = all, .asked = calloc(options, sizeof section->asked[0]),
        .paths = calloc(options, sizeof section->paths[0]),
    };
    return section->asked == NULL || section->paths == NULL ? -1 : 0;
}

/* A typing mistake in an option must not go unnoticed. */
static void complain_of_unknown(struct section *section)
{
    for (size_t i = 0; i < section->config->option_count; i++) {
        const struct server_option *option = &section->config->options[i];
        if (!section->asked[i])
            problems_add(section->problems, option->place, "option \"%s\" of server \"%s\" is not known to the plugin \"%s\"",
                         option->key, section->config->name, section->plugin->table.name);
    }
}

static void configure(struct section *section, struct problems *problems)
{
    const weir_plugin *plugin = &section->plugin->table;
    size_t before = problems_count(problems);
    int code = 0;

    section->problems = problems;
    if (plugin->configure != NULL)
        code = plugin->configure(&section->base);
    section->configured = code >= 0;
    if (code < 0 && problems_count(problems) == before)
        problems_add(problems, section->config->place, "the plugin \"%s\" of server \"%s\" refused its configuration: %s",
                     plugin->name, section->config->name, weir_strerror(code));
    if (code >= 0)
        complain_of_unknown(section);
    section->problems = NULL;
}

static void load(struct section *section, const char *plugin_dir, struct problems *problems)
{
    char error[ERROR_MOST];

    section->plugin = plugin_load(&section->all->plugins, section->config->handler, plugin_dir, error, sizeof error);
    if (section->plugin == NULL)
        problems_add(problems, config_place_server(section->config, "handler"), "handler: %s", error);
    else
        configure(section, problems);
}

static void open_access(struct section *section, struct log *log, enum log_format format, struct problems *problems)
{
    char error[ERROR_MOST];

    if (section->config->access_log[0] != '\0'
        && access_log_open(log, section->config->name, section->config->access_log, format, &section->access, error,
                           sizeof error) < 0)
        problems_add(problems, config_place_server(section->config, "access_log"), "access_log: %s", error);
}

int sections_init(struct sections *sections, const struct config *config, struct log *log, struct problems *problems)
{
    size_t before = problems_count(problems);
    enum log_format format = config->log.format == CONFIG_LOG_JSON ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;

    memset(sections, 0, sizeof *sections);
    sections->plugins.in_place = !config->copy_plugins;
    sections->at = calloc(config->server_count, sizeof sections->at[0]);
    if (sections->at == NULL) {
        problems_add(problems, (struct place) { 0 }, "no memory for %zu servers", config->server_count);
        return -1;
    }
    for (; sections->count < config->server_count; sections->count++) {
        struct section *section = &sections->at[sections->count];
        if (fill(section, sections, &config->servers[sections->count]) < 0)
            problems_add(problems, section->config->place, "no memory for server \"%s\"", section->config->name);
        else if (log != NULL)
            open_access(section, log, format, problems);
    }
    return problems_count(problems) > before ? -1 : 0;
}

int sections_load(struct sections *sections, const char *plugin_dir, struct problems *problems)
{
    size_t before = problems_count(problems);

    for (size_t i = 0; i < sections->count; i++)
        load(&sections->at[i], plugin_dir, problems);
    return problems_count(problems) > before ? -1 : 0;
}

void sections_free(struct sections *sections)
{
    for (size_t i = sections->count; i-- > 0; ) {
        struct section *section = &sections->at[i];
        if (section->configured && section->plugin->table.destroy != NULL)
            section->plugin->table.destroy(&section->base);
        for (size_t option = 0; section->paths != NULL && option < section->config->option_count; option++)
            free(section->paths[option]);
        free(section->paths);
        free(section->asked);
        access_log_free(section->access);
    }
    free(sections->at);
    plugins_fini(&sections->plugins);
    counters_fini(&sections->counters);
    memset(sections, 0, sizeof *sections);
}
