/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/proxy/settings.c  Reading the options. Each is asked for and looked at, whatever is wrong with the others.
 */
#include "plugins/proxy/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_LEAST 0.001
#define SECONDS_MOST  86400.0

struct reading {
    weir_plugin_context *ctx;
    int code;                   /* of the first failure */
};

static void note(struct reading *reading, int code)
{
    if (reading->code == 0 && code < 0)
        reading->code = code;
}

static void seconds(struct reading *reading, const char *key, double otherwise, double least, double *out)
{
    *out = otherwise;
    int code = weir_plugin_context_option_duration(reading->ctx, key, otherwise, out);

    if (code == 0 && !(*out >= least && *out <= SECONDS_MOST))
        code = weir_plugin_context_fail(reading->ctx, key, "%g s; it has to be from %g s to %g s", *out, least, SECONDS_MOST);
    note(reading, code);
}

static void read_upstreams(struct reading *reading, struct upstreams *out)
{
    const char *text = weir_plugin_context_option(reading->ctx, "upstreams", "");
    char error[512];

    int code = upstreams_parse(out, text, error, sizeof error);
    if (code == -EINVAL)
        code = weir_plugin_context_fail(reading->ctx, "upstreams", "%s", error);
    note(reading, code);
}

static void read_balance(struct reading *reading, enum balance *out)
{
    const char *balance = weir_plugin_context_option(reading->ctx, "balance", "roundrobin");

    if (strcmp(balance, "roundrobin") == 0)
        *out = BALANCE_ROUNDROBIN;
    else if (strcmp(balance, "leastconn") == 0)
        *out = BALANCE_LEASTCONN;
    else
        note(reading, weir_plugin_context_fail(reading->ctx, "balance", "\"%s\" is no way to choose an upstream; \"roundrobin\" "
                                               "and \"leastconn\" are", balance));
}

static void ask_for_counters(struct settings *s)
{
    static const char *const texts[COUNTS][2] = {
        [COUNT_CONNECTIONS] = { "connections", "Connections that were led to an upstream" },
        [COUNT_CONNECT_FAILURES] = { "connect_failures", "Upstreams that could not be connected, each time" },
        [COUNT_UNSERVED] = { "unserved", "Connections for which there was no upstream" },
        [COUNT_BYTES_UP] = { "bytes_up", "Bytes from clients to upstreams" },
        [COUNT_BYTES_DOWN] = { "bytes_down", "Bytes from upstreams to clients" },
    };

    for (int i = 0; i < COUNTS; i++)
        s->counters[i] = weir_plugin_context_counter(s->ctx, texts[i][0], texts[i][1]);
}

struct settings *settings_new(weir_plugin_context *ctx, int *code)
{
    struct settings *s = calloc(1, sizeof *s);
    struct reading reading = { .ctx = ctx };
    int64_t tries = 0;

    if (s == NULL) {
        *code = -ENOMEM;
        return NULL;
    }
    s->ctx = ctx;
    read_upstreams(&reading, &s->upstreams);
    read_balance(&reading, &s->balance);
    note(&reading, weir_plugin_context_option_int(ctx, "tries", 3, 1, UPSTREAMS_MOST, &tries));
    s->tries = (unsigned)tries;
    seconds(&reading, "connect_timeout", 5, SECONDS_LEAST, &s->connect_timeout);
    seconds(&reading, "idle_timeout", 600, SECONDS_LEAST, &s->idle_timeout);
    seconds(&reading, "fail_time", 10, 0, &s->fail_time);
    ask_for_counters(s);
    s->access = weir_plugin_context_access_log(ctx);
    *code = reading.code;
    if (reading.code == 0)
        return s;
    settings_free(s);
    return NULL;
}

void settings_free(struct settings *settings)
{
    if (settings == NULL)
        return;
    upstreams_fini(&settings->upstreams);
    free(settings);
}
