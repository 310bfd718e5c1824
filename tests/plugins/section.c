/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/section.c  The table behind a plugin's context, answered from a list.
 */
#include "plugins/section.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/suite.h"
#include "server/plugin_context.h"

#define COUNTERS 32
#define OPTIONS  32

static weir_plugin_context context;
static const struct option *given;
static bool asked[OPTIONS], want_access;
static char failures[4096], access_lines[8192], unasked[512];
static const char *counter_names[COUNTERS];
static _Atomic uint64_t counters[COUNTERS];
static unsigned counter_count;

void *section_state;

__attribute__((format(printf, 3, 4))) static void append(char *text, size_t size, const char *fmt, ...)
{
    size_t len = strlen(text);
    va_list args;

    va_start(args, fmt);
    vsnprintf(text + len, size - len, fmt, args);
    va_end(args);
}

/* --- The table ------------------------------------------------------------ */

static void told(weir_plugin_context *ctx, const char *key, const char *text)
{
    (void)ctx;
    append(failures, sizeof failures, "%s: %s\n", key != NULL ? key : "(section)", text);
}

/* A number with an optional unit; false: it is none. */
static bool number_with_unit(const char *value, const char *units, const double *factors, double *out)
{
    char *end;

    *out = strtod(value, &end);
    if (end == value)
        return false;
    for (size_t i = 0; *end != '\0' && units[i] != '\0'; i++) {
        if (*end == units[i]) {
            *out *= factors[i];
            return end[1] == '\0' && *out >= 0;
        }
    }
    return *end == '\0' && *out >= 0;
}

static int read_value(struct option_query *query, const char *value)
{
    static const double bytes[] = { 1024, 1024. * 1024 }, seconds[] = { 1, 60 };
    double number;

    switch (query->kind) {
    case QUERY_TEXT:
    case QUERY_PATH:
        query->value.text = value;
        return 1;
    case QUERY_INT:
        query->value.integer = strtoll(value, NULL, 10);
        return query->value.integer < query->least || query->value.integer > query->most ? WEIR_ECONFIG : 1;
    case QUERY_SIZE:
        if (!number_with_unit(value, "kM", bytes, &number))
            return WEIR_ECONFIG;
        query->value.size = (size_t)number;
        return 1;
    case QUERY_DURATION:
        return number_with_unit(value, "sm", seconds, &query->value.seconds) ? 1 : WEIR_ECONFIG;
    case QUERY_BOOL:
        query->value.truth = strcmp(value, "true") == 0;
        return query->value.truth || strcmp(value, "false") == 0 ? 1 : WEIR_ECONFIG;
    }
    return 0;
}

static int option(weir_plugin_context *ctx, struct option_query *query)
{
    for (size_t i = 0; given[i].key != NULL; i++) {
        if (strcmp(given[i].key, query->key) != 0)
            continue;
        asked[i] = true;
        int code = read_value(query, given[i].value);
        if (code < 0)
            told(ctx, query->key, "wrong type or out of bounds");
        return code;
    }
    return 0;
}

static unsigned counter(weir_plugin_context *ctx, const char *name, const char *help)
{
    (void)ctx, (void)help;
    for (unsigned i = 0; i < counter_count; i++) {
        if (strcmp(counter_names[i], name) == 0)
            return i;
    }
    ck_assert_uint_lt(counter_count, COUNTERS);
    counter_names[counter_count] = name;
    return counter_count++;
}

static bool access_log(weir_plugin_context *ctx)
{
    return ctx->access_wanted;
}

static void access_line(weir_plugin_context *ctx, weir_writer *writer, const char *fields)
{
    (void)ctx, (void)writer;
    append(access_lines, sizeof access_lines, "%s\n", fields);
}

static const struct plugin_context_ops ops = {
    .option = option, .fail = told, .counter = counter, .access_log = access_log, .access = access_line,
};

/* --- The section's life --------------------------------------------------- */

void section_want_access(void)
{
    want_access = true;
}

void section_begin(const struct option *options)
{
    context = (weir_plugin_context) { .ops = &ops, .server_name = "test", .access_wanted = want_access };
    given = options;
    memset(asked, 0, sizeof asked);
    failures[0] = access_lines[0] = '\0';
    counter_count = 0;
    for (size_t i = 0; i < COUNTERS; i++)
        atomic_store(&counters[i], 0);
}

int section_configure(void)
{
    return weir_plugin_entry.configure == NULL ? 0 : weir_plugin_entry.configure(&context);
}

void *section_data(void)
{
    return context.data;
}

int section_start(void)
{
    section_state = NULL;
    weir__plugin_counters(counters, COUNTERS);
    return weir_plugin_entry.worker_start == NULL ? 0 : weir_plugin_entry.worker_start(&context, &section_state);
}

void section_stop(void)
{
    if (weir_plugin_entry.worker_stop != NULL)
        weir_plugin_entry.worker_stop(&context, section_state);
    section_state = NULL;
}

void section_end(void)
{
    if (weir_plugin_entry.destroy != NULL)
        weir_plugin_entry.destroy(&context);
}

/* --- What was said -------------------------------------------------------- */

const char *section_failures(void)
{
    return failures;
}

const char *section_access(void)
{
    return access_lines;
}

const char *section_unasked(void)
{
    unasked[0] = '\0';
    for (size_t i = 0; given[i].key != NULL; i++) {
        if (!asked[i])
            append(unasked, sizeof unasked, "%s ", given[i].key);
    }
    return unasked;
}

uint64_t section_count(const char *name)
{
    for (unsigned i = 0; i < counter_count; i++) {
        if (strcmp(counter_names[i], name) == 0)
            return atomic_load(&counters[i]);
    }
    return UINT64_MAX;
}
