/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/proxy/plugin.c  The proxy plugin: TCP connections, each led to one of several upstreams.
 */
#include <weir/plugin.h>

#include <errno.h>

#include "plugins/proxy/connection.h"

static int configure(weir_plugin_context *ctx)
{
    int code;
    struct settings *settings = settings_new(ctx, &code);

    weir_plugin_context_set_data(ctx, settings);
    return code;
}

static int worker_start(weir_plugin_context *ctx, void **state)
{
    *state = worker_new(weir_plugin_context_data(ctx));
    return *state == NULL ? -ENOMEM : 0;
}

static int client_connected(weir_reader *reader, weir_writer *writer, void *state)
{
    return connection_serve(reader, writer, state);
}

static void worker_stop(weir_plugin_context *ctx, void *state)
{
    (void)ctx;
    worker_unref(state);
}

static void destroy(weir_plugin_context *ctx)
{
    settings_free(weir_plugin_context_data(ctx));
}

const weir_plugin weir_plugin_entry = {
    .abi = WEIR_PLUGIN_ABI,
    .size = sizeof(weir_plugin),
    .name = "proxy",
    .version = "1",
    .description = "leads TCP connections to one of several upstreams",
    .configure = configure,
    .worker_start = worker_start,
    .client_connected = client_connected,
    .worker_stop = worker_stop,
    .destroy = destroy,
};
