/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_check.c  What can only be said once everything was read.
 *
 * What meets twice is found by sorting, so a thousand servers of 64 addresses each are looked through in no time.
 */
#include "server/config_check.h"

#include <stdlib.h>
#include <string.h>

#include "server/config_schema.h"

static const char *shown(const char *name)
{
    return name != NULL ? name : "?";
}

/* --- Missing ------------------------------------------------------------- */

static void check_required(const struct server_config *server, struct problems *problems)
{
    char expected[CONFIG_EXPECTED_MAX];
    size_t count;
    const struct config_key *keys = config_schema_keys(SECTION_SERVER, &count);

    for (size_t i = 0; i < count; i++) {
        if (keys[i].least < 1 || keys[i].standard != NULL || server->places.of[i].file != NULL)
            continue;
        if (server->name != NULL)
            problems_add(problems, server->place, "server \"%s\" has no %s, expected %s (%s)", server->name, keys[i].name,
                         config_schema_expected(&keys[i], expected), keys[i].meaning);
        else
            problems_add(problems, server->place, "a server has no %s, expected %s (%s)", keys[i].name,
                         config_schema_expected(&keys[i], expected), keys[i].meaning);
    }
}

/* --- Twice --------------------------------------------------------------- */

struct entry {
    const char  *text;
    const char  *server;
    struct place place;
    size_t       order;         /* so that equal ones stay in order */
};

static int compare(const void *a, const void *b)
{
    const struct entry *one = a, *other = b;
    int order = strcmp(one->text, other->text);

    return order != 0 ? order : one->order < other->order ? -1 : 1;
}

/* Complain of each entry that has the text of the one before it. */
static void check_twice(struct entry *entries, size_t count, struct problems *problems,
                        void (*complain)(struct problems *, const struct entry *, const struct entry *first))
{
    size_t first = 0;

    if (count > 0)
        qsort(entries, count, sizeof *entries, compare);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(entries[i].text, entries[first].text) != 0)
            first = i;
        else
            complain(problems, &entries[i], &entries[first]);
    }
}

static void complain_of_name(struct problems *problems, const struct entry *again, const struct entry *first)
{
    char where[PROBLEM_TEXT_MAX];

    problems_add(problems, again->place, "a second server named \"%s\", expected another name than that of %s", again->text,
                 place_text(first->place, where));
}

static void complain_of_address(struct problems *problems, const struct entry *again, const struct entry *first)
{
    char where[PROBLEM_TEXT_MAX];

    problems_add(problems, again->place, "server \"%s\" listens on %s, expected another address than that of server \"%s\" at %s",
                 again->server, again->text, first->server, place_text(first->place, where));
}

static bool check_names(const struct config *config, struct problems *problems)
{
    struct entry *entries = calloc(config->server_count, sizeof *entries);
    size_t count = 0;

    if (entries == NULL)
        return false;
    for (size_t i = 0; i < config->server_count; i++) {
        const struct server_config *server = &config->servers[i];
        if (server->name != NULL)
            entries[count] = (struct entry){ server->name, server->name, config_place_server(server, "name"), count }, count++;
    }
    check_twice(entries, count, problems, complain_of_name);
    free(entries);
    return true;
}

static bool check_addresses(const struct config *config, struct problems *problems)
{
    size_t room = 0, count = 0;

    for (size_t i = 0; i < config->server_count; i++)
        room += config->servers[i].listen_count;
    struct entry *entries = calloc(room + 1, sizeof *entries);
    if (entries == NULL)
        return false;
    for (size_t i = 0; i < config->server_count; i++) {
        const struct server_config *server = &config->servers[i];
        for (size_t j = 0; j < server->listen_count; j++) {
            const struct listen_address *address = &server->listen[j];
            if (address->kind == LISTEN_TCP && address->port == 0)
                continue;               /* a port of its own for each */
            entries[count] = (struct entry){ address->text, shown(server->name), address->place, count };
            count++;
        }
    }
    check_twice(entries, count, problems, complain_of_address);
    free(entries);
    return true;
}

/* --- Folders ------------------------------------------------------------- */

/* Options of files begin at their file's folder, unless the server names one for all of them; those of settings stay. */
static void settle_folder(struct server_config *server)
{
    if (server->folder[0] == '\0') {
        server->folder = server->home;
        return;
    }
    for (size_t i = 0; i < server->option_count; i++) {
        if (!server->options[i].is_setting)
            server->options[i].folder = server->folder;
    }
}

void config_check(struct config *config, const char *last, struct problems *problems)
{
    if (config->server_count == 0 && problems_count(problems) == 0) {
        struct place place = config_place(config, "servers");
        if (place.file == NULL)
            place = (struct place){ last, last != NULL ? 1 : 0 };
        problems_add(problems, place,
                     "there are no servers, expected servers = ( { name = \"...\"; handler = \"...\"; listen = \"...\"; } );");
        return;
    }
    for (size_t i = 0; i < config->server_count; i++) {
        check_required(&config->servers[i], problems);
        settle_folder(&config->servers[i]);
    }
    if (config->server_count > 0 && (!check_names(config, problems) || !check_addresses(config, problems)))
        config->memory.failed = true;
}
