/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_schema.h  The one table of what a configuration may say.
 *
 * A key is a row: reading, bounds, messages, printing, the suggestion for a misspelt key, and the tests go over the rows, so
 * a new key is a row here, a field in server/config.h and a paragraph in conf/weir.conf.
 */
#ifndef WEIR_SERVER_CONFIG_SCHEMA_H
#define WEIR_SERVER_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "server/config.h"

enum config_section { SECTION_TOP, SECTION_LOG, SECTION_SERVER, SECTIONS };

/* What a key's value looks like, and the type of its field. */
enum key_type {
    KEY_BOOL,           /* true, false              bool */
    KEY_COUNT,          /* 12                       unsigned */
    KEY_SIZE,           /* 65536, "64k"             size_t, bytes */
    KEY_DURATION,       /* 30, 1.5, "200ms"         double, seconds */
    KEY_TEXT,           /* "text"                   const char * */
    KEY_WORD,           /* one of words             int, its index */
    KEY_MODE,           /* "0660", "umask"          int */
    KEY_NAME,           /* "echo": a server's       const char * */
    KEY_HANDLER,        /* "echo", "./echo.so"      const char *, absolute if it has a slash */
    KEY_PATH,           /* "", "a/b"                const char *, absolute or "" */
    KEY_OUTPUT,         /* "", "stderr", "a/b"      const char *, absolute or one of the two */
    KEY_LISTEN,         /* "*:7000", [ "...", ]     struct listen_address *, and how many */
    KEY_OPTIONS,        /* { ... }                  struct server_option *, and how many */
    KEY_LOG,            /* { ... }                  struct config_log */
    KEY_SERVERS         /* ( { ... }, ... )         struct server_config *, and how many */
};

struct config_key {
    enum config_section section;
    const char   *name;
    enum key_type type;
    size_t        at;           /* the field's place in the section's struct */
    const char   *standard;     /* the default as a file would say it; NULL: there is none, the key has to be given, or has parts */
    double        least, most;  /* bounds: of the value, or of a text's length in bytes */
    const char *const *words;   /* KEY_WORD: NULL-terminated */
    const char   *meaning;      /* in a line */
};

/* The keys of a section, in the order in which they are printed. */
const struct config_key *config_schema_keys(enum config_section section, size_t *count);

/* The key of this name in a section; NULL: there is none. */
const struct config_key *config_schema_find(enum config_section section, const char *name);

/* The place among config_places of a key's section. */
size_t config_schema_index(const struct config_key *key);

/* What is most like @name among @count texts; NULL: nothing is. */
const char *config_schema_nearest(const char *name, const char *const *texts, size_t count);

/* The key of a section whose name is most like @name; NULL: none is. */
const char *config_schema_nearest_key(enum config_section section, const char *name);

#define CONFIG_EXPECTED_MAX 256

/* What a value of this key looks like, for "expected ...": "a whole number from 0 to 1024". Returns @out. */
const char *config_schema_expected(const struct config_key *key, char out[CONFIG_EXPECTED_MAX]);

#endif
