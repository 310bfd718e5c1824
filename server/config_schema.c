/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_schema.c  The one table of what a configuration may say.
 *
 * Always true: the rows of a section follow each other, and each has at most CONFIG_KEYS_MOST. Defaults are written as
 * config_print() writes them, which is how conf/weir.conf has to show them.
 */
#include "server/config_schema.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "core/stack.h"
#include "server/value.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

#define MEBI (1024.0 * 1024)
#define GIBI (1024 * MEBI)
#define PATH_MOST (PATH_MAX - 1)

static const char *const levels[] = { "debug", "info", "warning", "error", NULL };
static const char *const formats[] = { "text", "json", NULL };
static const char *const balances[] = { "reuseport", "even", NULL };

#define TOP(field)    SECTION_TOP, #field
#define LOG(field)    SECTION_LOG, #field
#define SERVER(field) SECTION_SERVER, #field
#define IN_TOP(field)    offsetof(struct config, field)
#define IN_LOG(field)    offsetof(struct config_log, field)
#define IN_SERVER(field) offsetof(struct server_config, field)

static const struct config_key keys[] = {
    /* section, name       type          field              default        least  most   words      meaning */
    { TOP(workers),        KEY_COUNT,    IN_TOP(workers),       "0",         0, 1024, NULL,
      "threads, each with a loop of its own; 0: one for each CPU" },
    { TOP(pin),            KEY_BOOL,     IN_TOP(pin),           "true",      0, 0, NULL,
      "whether each worker stays on one CPU" },
    { TOP(drain_timeout),  KEY_DURATION, IN_TOP(drain_timeout), "\"30s\"",   0, VALUE_DURATION_MOST, NULL,
      "how long connections may take to end after a stop" },
    { TOP(watchdog),       KEY_DURATION, IN_TOP(watchdog),      "\"100ms\"", 0, VALUE_DURATION_MOST, NULL,
      "how long a handler may keep its worker from everything else before the log names it; 0: for ever" },
    { TOP(user),           KEY_TEXT,     IN_TOP(user),          "\"\"",      0, 255, NULL,
      "who to become once everything is bound; empty: nobody else" },
    { TOP(group),          KEY_TEXT,     IN_TOP(group),         "\"\"",      0, 255, NULL,
      "the group to become; empty: the user's" },
    { TOP(pid_file),       KEY_PATH,     IN_TOP(pid_file),      "\"\"",      0, PATH_MOST, NULL,
      "gets the process number; empty: none" },
    { TOP(copy_plugins),   KEY_BOOL,     IN_TOP(copy_plugins),  "true",      0, 0, NULL,
      "whether plugins are loaded from private copies of their files" },
    { TOP(log),            KEY_LOG,      IN_TOP(log),           NULL,        0, 0, NULL,
      "what the program says about itself" },
    { TOP(servers),        KEY_SERVERS,  IN_TOP(servers),       NULL,        1, CONFIG_SERVERS_MOST, NULL,
      "what listens where, and which handler it has" },

    { LOG(level),          KEY_WORD,     IN_LOG(level),         "\"info\"",  0, 0, levels,
      "what is less important is left out" },
    { LOG(format),         KEY_WORD,     IN_LOG(format),        "\"text\"",  0, 0, formats,
      "how a line looks, those of access logs too" },
    { LOG(destination),    KEY_OUTPUT,   IN_LOG(destination),   "\"stderr\"", 1, PATH_MOST, NULL,
      "where lines go" },
    { LOG(queue),          KEY_SIZE,     IN_LOG(queue),         "\"1M\"",    64 * 1024, GIBI, NULL,
      "bytes that may wait for a slow disk; above it lines are dropped and counted" },
    { LOG(repeat_limit),   KEY_COUNT,    IN_LOG(repeat_limit),  "10",        0, 1000000, NULL,
      "lines of one message in a second, the others are counted; 0: no limit" },
    { LOG(memory_interval), KEY_DURATION, IN_LOG(memory_interval), "\"1m\"", 0, VALUE_DURATION_MOST, NULL,
      "time between two debug lines with the allocator's figures; 0: none" },

    { SERVER(name),        KEY_NAME,     IN_SERVER(name),       NULL,        1, 64, NULL,
      "what logs and settings call the server" },
    { SERVER(handler),     KEY_HANDLER,  IN_SERVER(handler),    NULL,        1, PATH_MOST, NULL,
      "the plugin that serves connections" },
    { SERVER(listen),      KEY_LISTEN,   IN_SERVER(listen),     NULL,        1, CONFIG_LISTENS_MOST, NULL,
      "where to accept connections" },
    { SERVER(unix_mode),   KEY_MODE,     IN_SERVER(unix_mode),  "\"umask\"", 0, 0777, NULL,
      "permissions of Unix sockets" },
    { SERVER(balance),     KEY_WORD,     IN_SERVER(balance),    "\"reuseport\"", 0, 0, balances,
      "who gets a connection: the worker the kernel chose, or the one with the fewest" },
    { SERVER(backlog),     KEY_COUNT,    IN_SERVER(backlog),    "4096",      1, 65535, NULL,
      "callers that the kernel lets wait, bounded by net.core.somaxconn" },
    { SERVER(max_connections), KEY_COUNT, IN_SERVER(max_connections), "0",   0, INT_MAX, NULL,
      "connections at a time, the next ones wait in the backlog; 0: no bound but descriptors" },
    { SERVER(limit),       KEY_SIZE,     IN_SERVER(limit),      "\"64k\"",   1, GIBI, NULL,
      "bytes of the longest line; reading pauses above twice this" },
    { SERVER(max_read),    KEY_SIZE,     IN_SERVER(max_read),   "\"64M\"",   0, 1024 * GIBI, NULL,
      "bytes that one read may collect; 0: no bound" },
    { SERVER(max_write_buffer), KEY_SIZE, IN_SERVER(max_write_buffer), "\"64M\"", 0, 1024 * GIBI, NULL,
      "bytes that may wait for a peer, above it the connection is aborted; 0: no bound" },
    { SERVER(idle_timeout), KEY_DURATION, IN_SERVER(idle_timeout), "\"10m\"", 0, VALUE_DURATION_MOST, NULL,
      "without a byte either way for so long, a connection is aborted; 0: never" },
    { SERVER(close_timeout), KEY_DURATION, IN_SERVER(close_timeout), "\"30s\"", 0, VALUE_DURATION_MOST, NULL,
      "what the last output may take to go out; 0: no limit" },
    { SERVER(keep_alive),  KEY_BOOL,     IN_SERVER(keep_alive), "false",     0, 0, NULL,
      "whether the kernel asks silent peers if they are there (SO_KEEPALIVE)" },
    { SERVER(stack_size),  KEY_SIZE,     IN_SERVER(stack_size), "0",         0, STACK_MOST, NULL,
      "bytes of stack of each connection's task; 0: 128k" },
    { SERVER(access_log),  KEY_OUTPUT,   IN_SERVER(access_log), "\"\"",      0, PATH_MOST, NULL,
      "a line for each connection or request; empty: none" },
    { SERVER(folder),      KEY_PATH,     IN_SERVER(folder),     "\"\"",      0, PATH_MOST, NULL,
      "where relative paths in options begin; empty: the folder of the file" },
    { SERVER(options),     KEY_OPTIONS,  IN_SERVER(options),    NULL,        0, CONFIG_OPTIONS_MOST, NULL,
      "what the handler is told" },
};

/* --- Finding a key ------------------------------------------------------- */

const struct config_key *config_schema_keys(enum config_section section, size_t *count)
{
    size_t first = 0;

    while (keys[first].section != section)
        first++;
    for (*count = 0; first + *count < COUNT_OF(keys) && keys[first + *count].section == section;)
        (*count)++;
    return &keys[first];
}

const struct config_key *config_schema_find(enum config_section section, const char *name)
{
    size_t count;
    const struct config_key *key = config_schema_keys(section, &count);

    for (; count > 0; count--, key++) {
        if (strcmp(key->name, name) == 0)
            return key;
    }
    return NULL;
}

size_t config_schema_index(const struct config_key *key)
{
    size_t count;

    return (size_t)(key - config_schema_keys(key->section, &count));
}

/* --- What was meant ------------------------------------------------------ */

#define COMPARED_MOST 64        /* bytes of a name that is compared; a longer one is like nothing */

static size_t least_of(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* How many letters must be put in, left out, replaced, or swapped with their neighbour, to make one word of the other. */
static size_t distance(const char *one, const char *other)
{
    size_t rows[3][COMPARED_MOST + 1];
    size_t *before_last = rows[0], *last = rows[1], *current = rows[2];
    size_t len = strlen(other);

    for (size_t j = 0; j <= len; j++)
        last[j] = j;
    for (size_t i = 1; one[i - 1] != '\0'; i++) {
        current[0] = i;
        for (size_t j = 1; j <= len; j++) {
            size_t replaced = last[j - 1] + (one[i - 1] != other[j - 1]);
            current[j] = least_of(replaced, last[j] + 1, current[j - 1] + 1);
            if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] && before_last[j - 2] + 1 < current[j])
                current[j] = before_last[j - 2] + 1;
        }
        size_t *free_row = before_last;
        before_last = last;
        last = current;
        current = free_row;
    }
    return last[len];
}

const char *config_schema_nearest(const char *name, const char *const *texts, size_t count)
{
    const char *nearest = NULL;
    size_t len = strlen(name);
    size_t least = len < 4 ? 2 : len / 3 + 2;       /* of so many differences on, nobody would see the likeness */

    if (len > COMPARED_MOST)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (strlen(texts[i]) > COMPARED_MOST)
            continue;
        size_t differences = distance(name, texts[i]);
        if (differences < least) {
            least = differences;
            nearest = texts[i];
        }
    }
    return nearest;
}

const char *config_schema_nearest_key(enum config_section section, const char *name)
{
    const char *names[CONFIG_KEYS_MOST];
    size_t count;
    const struct config_key *key = config_schema_keys(section, &count);

    for (size_t i = 0; i < count; i++)
        names[i] = key[i].name;
    return config_schema_nearest(name, names, count);
}

/* --- What was expected --------------------------------------------------- */

static void list_words(const char *const *words, char *out, size_t size)
{
    size_t len = 0;

    for (size_t i = 0; words[i] != NULL && len < size; i++) {
        const char *before = i == 0 ? "" : words[i + 1] != NULL ? ", " : " or ";
        int added = snprintf(out + len, size - len, "%s\"%s\"", before, words[i]);
        len += added > 0 ? (size_t)added : 0;
    }
}

const char *config_schema_expected(const struct config_key *key, char out[CONFIG_EXPECTED_MAX])
{
    char least[VALUE_TEXT_MAX], most[VALUE_TEXT_MAX];

#define SAY(...) snprintf(out, CONFIG_EXPECTED_MAX, __VA_ARGS__)
    switch (key->type) {
    case KEY_BOOL: SAY("true or false"); break;
    case KEY_COUNT: SAY("a whole number from %.0f to %.0f", key->least, key->most); break;
    case KEY_SIZE:
        SAY("bytes from %s to %s, such as 65536 or \"64k\"", value_print_size((uint64_t)key->least, least),
            value_print_size((uint64_t)key->most, most));
        break;
    case KEY_DURATION:
        SAY("a time from %s to %s, such as 30, \"1.5s\" or \"200ms\"", value_print_duration(key->least, least),
            value_print_duration(key->most, most));
        break;
    case KEY_TEXT: SAY("a text in quotes of at most %.0f bytes", key->most); break;
    case KEY_WORD: list_words(key->words, out, CONFIG_EXPECTED_MAX); break;
    case KEY_MODE: SAY("octal digits in quotes, such as \"0660\", up to \"%04o\", or \"umask\"", (unsigned)key->most); break;
    case KEY_NAME: SAY("a text of at most %.0f letters, digits, \"-\" and \"_\", beginning with a letter", key->most); break;
    case KEY_HANDLER: SAY("the name of a plugin, such as \"echo\", or a path with a slash"); break;
    case KEY_PATH: SAY("a path in quotes of at most %.0f bytes, or \"\"", key->most); break;
    case KEY_OUTPUT:
        SAY("\"stderr\" or a path in quotes of at most %.0f bytes%s", key->most, key->least < 1 ? ", or \"\"" : "");
        break;
    case KEY_LISTEN:
        SAY("an address such as \"*:7000\", \"[::1]:7000\" or \"unix:/run/x.sock\", or a list of them: [ \"...\", \"...\" ]");
        break;
    case KEY_OPTIONS:
    case KEY_LOG: SAY("a group: { KEY = VALUE; }"); break;
    case KEY_SERVERS: SAY("a list of groups: ( { name = \"...\"; ... }, { ... } )"); break;
    }
#undef SAY
    return out;
}
