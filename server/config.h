/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config.h  What the program was told to do: its configuration, read and checked.
 *
 * config_load() reads files and settings of the command line into one struct config, which is only read from then on,
 * by any thread. Every key has a value, its default where nobody gave it one. What each key means, its bounds and its
 * default stand in one table, server/config_schema.c, and for people in conf/weir.conf.
 *
 * Files are libconfig's syntax with "@include". Several are read in order: a later one replaces what an earlier one said,
 * and adds its servers. A setting "-o KEY=VALUE" replaces what files say:
 *
 *      workers=2    log.level=debug    servers.echo.listen=127.0.0.1:7001    servers.http.options.root=www
 *
 * VALUE is read as in a file, and where that makes no sense it is the text itself. Paths begin at the folder of the file
 * they stand in, those of settings at the current directory; here they are absolute.
 *
 * The names avoid config_read, config_init and others that libconfig's library exports.
 */
#ifndef WEIR_SERVER_CONFIG_H
#define WEIR_SERVER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "server/config_memory.h"
#include "server/problems.h"

#define CONFIG_KEYS_MOST    24      /* keys that a section can have */
#define CONFIG_SERVERS_MOST 1000    /* a server is a handful of descriptors on each worker */
#define CONFIG_LISTENS_MOST 64      /* addresses of one server */
#define CONFIG_OPTIONS_MOST 1000    /* options of one server, and texts in one of them */

/* Where each key of a section was set; in the order of config_schema.c. config_place() finds one by name. */
struct config_places {
    struct place of[CONFIG_KEYS_MOST];
};

enum config_log_level { CONFIG_LOG_DEBUG, CONFIG_LOG_INFO, CONFIG_LOG_WARNING, CONFIG_LOG_ERROR };     /* as weir_set_log()'s */
enum config_log_format { CONFIG_LOG_TEXT, CONFIG_LOG_JSON };

struct config_log {
    struct config_places places;    /* first in every section */

    int         level;              /* enum config_log_level */
    int         format;             /* enum config_log_format */
    const char *destination;        /* "stderr", or an absolute path */
    size_t      queue;              /* bytes that may wait for the disk */
    unsigned    repeat_limit;       /* of one message in a second; 0: no limit */
    double      memory_interval;    /* seconds between two lines with the allocator's figures; 0: none */
};

enum listen_kind { LISTEN_TCP, LISTEN_UNIX };

/* An address to listen on. */
struct listen_address {
    enum listen_kind kind;
    const char  *text;              /* one form for each address: "*:7000", "[::1]:7000", "unix:/run/x.sock", "unix:@x" */
    const char  *host;              /* TCP: a name or an address without brackets; "": all interfaces */
    uint16_t     port;              /* TCP: 0 lets the kernel choose */
    const char  *path;              /* Unix: absolute, or "@name" in the abstract namespace */
    struct place place;
};

enum option_type { OPTION_BOOL, OPTION_INT, OPTION_FLOAT, OPTION_TEXT, OPTION_TEXTS };

/* What a plugin is told; which keys there are is its affair. */
struct server_option {
    const char      *key;
    enum option_type type;
    union {
        bool        boolean;
        int64_t     integer;
        double      number;         /* finite */
        const char *text;
        struct {
            const char *const *at;
            size_t             count;
        } texts;
    } value;
    struct place place;
    const char  *folder;            /* absolute: where the option begins, if it is a relative path */
    bool         is_setting;        /* of the command line */
};

enum config_balance { CONFIG_BALANCE_REUSEPORT, CONFIG_BALANCE_EVEN };      /* as enum weir_balance */

#define CONFIG_UNIX_MODE_UMASK (-1)

struct server_config {
    struct config_places places;    /* first in every section */
    struct place place;             /* of the section */

    const char *name;
    const char *handler;            /* a plugin's name without a slash, or an absolute path */
    struct listen_address *listen;
    size_t      listen_count;       /* at least 1 */
    int         unix_mode;          /* permissions of Unix sockets; CONFIG_UNIX_MODE_UMASK: what the umask leaves */
    size_t      limit;              /* bytes, here and below */
    unsigned    max_connections;    /* 0: no bound, here and below */
    size_t      max_write_buffer;
    size_t      max_read;
    double      idle_timeout;       /* seconds; 0: none, here and below */
    double      close_timeout;
    unsigned    backlog;
    int         balance;            /* enum config_balance */
    bool        keep_alive;
    size_t      stack_size;         /* 0: the library's default */
    const char *access_log;         /* "": none; "stderr"; or an absolute path */
    const char *folder;             /* absolute: where relative paths in options begin */
    struct server_option *options;  /* in the order they were given */
    size_t      option_count;

    const char *home;               /* the folder of the file that the section stands in */
};

struct config {
    struct config_places places;    /* first in every section */

    unsigned    workers;            /* 0: one for each CPU */
    bool        pin;
    double      drain_timeout;      /* seconds; 0: connections are not waited for */
    double      watchdog;           /* seconds that one step of a worker may take unnoticed; 0: any time */
    const char *user, *group;       /* names or numbers to change to; "": stay who we are */
    const char *pid_file;           /* absolute; "": none */
    bool        copy_plugins;       /* false: the files themselves are mapped */
    struct config_log log;
    struct server_config *servers;
    size_t      server_count;       /* at least 1 */

    struct config_memory memory;    /* what all of it is made of */
};

/* What a configuration is read from. */
struct config_sources {
    const char *const *files;       /* of -c, in order */
    size_t             file_count;
    const char *const *settings;    /* of -o, in order: "KEY=VALUE" */
    size_t             setting_count;
    size_t             memory_most; /* bytes; 0: CONFIG_MEMORY_MOST */
};

#define CONFIG_MEMORY_MOST ((size_t)64 << 20)   /* texts, and 1,000 servers with all their options */

/*
 * Read a configuration, and check it as far as it goes without the system: no plugin is looked for, no user, no host.
 *
 * problems  gets everything that is wrong, not only the first of it
 * returns   0, and *out is the caller's, for config_free(); or
 *           WEIR_ECONFIG  @problems says what is wrong
 *           -ENOMEM       no memory, or more than memory_most
 *           *out is written on success only
 */
int config_load(struct config **out, const struct config_sources *sources, struct problems *problems);

/* NULL does nothing. */
void config_free(struct config *config);

/*
 * Where a key was set: config_place(config, "user"), config_place_log(config, "destination"), config_place_server(server,
 * "handler"). The place of the server itself where one of its keys is a default; nowhere for other defaults.
 */
struct place config_place(const struct config *config, const char *key);
struct place config_place_log(const struct config *config, const char *key);
struct place config_place_server(const struct server_config *server, const char *key);

/* Write a configuration as a file, every key of it; it reads back to the same. */
void config_print(const struct config *config, FILE *to);

#endif
