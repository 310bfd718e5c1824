/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/plugin_context.c  The functions plugins call: thin calls through the context's table.
 *
 * Compiled into libweir and not into the program: a plugin that is linked with -z defs finds them there.
 */
#include <weir/plugin.h>

#include "server/plugin_context.h"

#include <stdio.h>

#include "core/error.h"

/* --- The section ---------------------------------------------------------- */

const char *weir_plugin_context_server_name(const weir_plugin_context *ctx)
{
    return ctx->server_name;
}

void weir_plugin_context_set_data(weir_plugin_context *ctx, void *data)
{
    ctx->data = data;
}

void *weir_plugin_context_data(const weir_plugin_context *ctx)
{
    return ctx->data;
}

/* --- Options -------------------------------------------------------------- */

static const char *text_option(weir_plugin_context *ctx, enum query_kind kind, const char *key, const char *otherwise)
{
    struct option_query query = { .key = key, .kind = kind };

    return ctx->ops->option(ctx, &query) > 0 ? query.value.text : otherwise;
}

const char *weir_plugin_context_option(weir_plugin_context *ctx, const char *key, const char *otherwise)
{
    return text_option(ctx, QUERY_TEXT, key, otherwise);
}

const char *weir_plugin_context_option_path(weir_plugin_context *ctx, const char *key, const char *otherwise)
{
    return text_option(ctx, QUERY_PATH, key, otherwise);
}

int weir_plugin_context_option_int(weir_plugin_context *ctx, const char *key, int64_t otherwise, int64_t least, int64_t most,
                                   int64_t *out)
{
    struct option_query query = { .key = key, .kind = QUERY_INT, .least = least, .most = most };
    int found = ctx->ops->option(ctx, &query);

    if (found < 0)
        return weir__fail(found);
    *out = found > 0 ? query.value.integer : otherwise;
    return 0;
}

int weir_plugin_context_option_size(weir_plugin_context *ctx, const char *key, size_t otherwise, size_t *out)
{
    struct option_query query = { .key = key, .kind = QUERY_SIZE };
    int found = ctx->ops->option(ctx, &query);

    if (found < 0)
        return weir__fail(found);
    *out = found > 0 ? query.value.size : otherwise;
    return 0;
}

int weir_plugin_context_option_duration(weir_plugin_context *ctx, const char *key, double otherwise, double *out)
{
    struct option_query query = { .key = key, .kind = QUERY_DURATION };
    int found = ctx->ops->option(ctx, &query);

    if (found < 0)
        return weir__fail(found);
    *out = found > 0 ? query.value.seconds : otherwise;
    return 0;
}

int weir_plugin_context_option_bool(weir_plugin_context *ctx, const char *key, bool otherwise, bool *out)
{
    struct option_query query = { .key = key, .kind = QUERY_BOOL };
    int found = ctx->ops->option(ctx, &query);

    if (found < 0)
        return weir__fail(found);
    *out = found > 0 ? query.value.truth : otherwise;
    return 0;
}

int weir_plugin_context_fail(weir_plugin_context *ctx, const char *key, const char *fmt, ...)
{
    char text[PLUGIN_TEXT_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    ctx->ops->fail(ctx, key, text);
    return weir__fail_text(WEIR_ECONFIG, "%s%s%s", key != NULL ? key : "", key != NULL ? ": " : "", text);
}

/* --- Counting and logging ------------------------------------------------- */

static _Thread_local struct {
    _Atomic uint64_t *values;
    unsigned count;
} counters_here;

void weir__plugin_counters(_Atomic uint64_t *values, unsigned count)
{
    counters_here.values = values;
    counters_here.count = count;
}

unsigned weir_plugin_context_counter(weir_plugin_context *ctx, const char *name, const char *help)
{
    return ctx->ops->counter(ctx, name, help);
}

void weir_counter_add(unsigned id, uint64_t n)
{
    if (id >= counters_here.count)
        return;
    /* One writer, this thread; readers want a whole number and no order. */
    _Atomic uint64_t *value = &counters_here.values[id];
    atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + n, memory_order_relaxed);
}

bool weir_plugin_context_access_log(weir_plugin_context *ctx)
{
    return ctx->ops->access_log(ctx);
}

void weir_plugin_context_access(weir_plugin_context *ctx, weir_writer *writer, const char *fmt, ...)
{
    char text[PLUGIN_TEXT_MAX];
    va_list args;

    if (!ctx->access_wanted)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    ctx->ops->access(ctx, writer, text);
}
