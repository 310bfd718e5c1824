/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config.c  What the program was told to do: reading all of it, in order.
 *
 *      defaults -> each file of -c -> each setting of -o -> what meets twice or is missing
 *
 * Each step goes on after a problem, and the next ones still run, so that one run shows everything. A file whose words or
 * syntax are wrong gives no settings at all: then what is missing may be in it, and is not complained of.
 */
#include "server/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <weir/error.h>

#include "server/config_assign.h"
#include "server/config_check.h"
#include "server/config_override.h"
#include "server/config_schema.h"
#include "server/config_source.h"

/* --- Files --------------------------------------------------------------- */

/* The grammar has accepted it, so this is what only libconfig knows; it still has a line. */
static void complain_of_syntax(const struct config_filling *filling, const config_t *read)
{
    struct config_origin origin = config_text_origin(filling->text, (unsigned)config_error_line(read));
    const char *error = config_error_text(read);

    problems_add(filling->problems, (struct place){ origin.file->name, origin.line }, "%s, expected settings that libconfig reads",
                 error != NULL ? error : "something else");
}

static bool load_file(struct config_filling *filling, const char *name)
{
    struct config_text text = { 0 };
    config_t read;

    bool good = config_source_read(name, &filling->config->memory, &text, filling->problems);
    if (good) {
        filling->text = &text;
        config_init(&read);
        good = config_read_string(&read, text.bytes != NULL ? text.bytes : "") == CONFIG_TRUE;
        if (good)
            config_assign_group(filling, SECTION_TOP, filling->config, config_root_setting(&read));
        else
            complain_of_syntax(filling, &read);
        config_destroy(&read);
        filling->text = NULL;
    }
    config_text_fini(&text);
    return good;
}

/* --- Loading ------------------------------------------------------------- */

static void load(struct config_filling *filling, const struct config_sources *sources)
{
    struct config *config = filling->config;
    const char *last = NULL;
    bool complete = true;

    config_assign_defaults(filling);
    for (size_t i = 0; i < sources->file_count; i++) {
        complete &= load_file(filling, sources->files[i]);
        last = sources->files[i];
    }
    char *here = sources->setting_count > 0 ? config_source_here(&config->memory) : NULL;
    for (size_t i = 0; complete && i < sources->setting_count && !config->memory.failed; i++) {
        if (here == NULL) {
            problems_add(filling->problems, (struct place){ 0 }, "there is no current directory, expected one for the paths of -o");
            return;
        }
        config_override(filling, sources->settings[i], here);
    }
    if (complete && !config->memory.failed)
        config_check(config, last, filling->problems);
}

int config_load(struct config **out, const struct config_sources *sources, struct problems *problems)
{
    size_t before = problems_count(problems);
    struct config *config = calloc(1, sizeof *config);

    if (config == NULL)
        return -ENOMEM;
    config_memory_init(&config->memory, sources->memory_most != 0 ? sources->memory_most : CONFIG_MEMORY_MOST);
    load(&(struct config_filling){ .config = config, .problems = problems }, sources);

    int code = config->memory.failed ? -ENOMEM : problems_count(problems) > before ? WEIR_ECONFIG : 0;
    if (code == 0)
        *out = config;
    else
        config_free(config);
    return code;
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    config_memory_fini(&config->memory);
    free(config);
}

/* --- Places -------------------------------------------------------------- */

static struct place place_in(enum config_section section, const struct config_places *places, const char *name)
{
    const struct config_key *key = config_schema_find(section, name);

    return key != NULL ? places->of[config_schema_index(key)] : (struct place){ 0 };
}

struct place config_place(const struct config *config, const char *key)
{
    return place_in(SECTION_TOP, &config->places, key);
}

struct place config_place_log(const struct config *config, const char *key)
{
    return place_in(SECTION_LOG, &config->log.places, key);
}

struct place config_place_server(const struct server_config *server, const char *key)
{
    struct place place = place_in(SECTION_SERVER, &server->places, key);

    return place.file != NULL ? place : server->place;
}
