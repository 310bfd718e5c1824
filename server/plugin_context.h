/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/plugin_context.h  What the program, or a test, puts behind the functions that plugins call.
 *
 * Those functions are in libweir, so that a plugin links against it alone; what they do is the program's business. A
 * context begins with a table of operations, and each function is one call through it.
 */
#ifndef WEIR_SERVER_PLUGIN_CONTEXT_H
#define WEIR_SERVER_PLUGIN_CONTEXT_H

#include <stdarg.h>
#include <stdatomic.h>

#include <weir/plugin.h>

#include "core/export.h"

enum query_kind { QUERY_TEXT, QUERY_INT, QUERY_SIZE, QUERY_DURATION, QUERY_BOOL, QUERY_PATH };

/* What is asked for, and where the answer goes. */
struct option_query {
    const char *key;
    enum query_kind kind;
    int64_t least, most;        /* QUERY_INT */
    union {
        const char *text;       /* QUERY_TEXT, QUERY_PATH: valid until destroy */
        int64_t integer;
        size_t size;
        double seconds;
        bool truth;
    } value;
};

struct plugin_context_ops {
    /* 1: there, and in query->value; 0: not there; WEIR_ECONFIG: there and wrong, which has been told. */
    int (*option)(weir_plugin_context *ctx, struct option_query *query);
    void (*fail)(weir_plugin_context *ctx, const char *key, const char *text);
    unsigned (*counter)(weir_plugin_context *ctx, const char *name, const char *help);
    bool (*access_log)(weir_plugin_context *ctx);
    void (*access)(weir_plugin_context *ctx, weir_writer *writer, const char *fields);
};

struct weir_plugin_context {
    const struct plugin_context_ops *ops;
    const char *server_name;
    void *data;                 /* the plugin's */
    bool access_wanted;         /* the section has an access log: else no line is even formatted */
};

#define PLUGIN_TEXT_MAX 1024    /* a message of weir_plugin_context_fail, an access line; more is cut */

/* The row of numbers that weir_counter_add writes to on this thread. NULL and 0: none. */
FOR_PROGRAM void weir__plugin_counters(_Atomic uint64_t *values, unsigned count);

#endif
