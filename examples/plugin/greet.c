/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/plugin/greet.c  A plugin: greets whoever says a name.    Try: README.md beside this file */
#include <string.h>

#include <weir/plugin.h>

/* Once, before anything listens. What is kept with the section is read by all workers. */
static int configure(weir_plugin_context *ctx)
{
    const char *greeting = weir_plugin_context_option(ctx, "greeting", "Hello");

    if (strlen(greeting) > 100)
        return weir_plugin_context_fail(ctx, "greeting", "has %zu bytes, expected at most 100", strlen(greeting));
    weir_plugin_context_set_data(ctx, (void *)greeting);
    return 0;
}

/* Once on each worker: the state that its handlers get. */
static int worker_start(weir_plugin_context *ctx, void **state)
{
    *state = weir_plugin_context_data(ctx);
    return 0;
}

/* For each connection, as a task of its own. */
static int greet(weir_reader *reader, weir_writer *writer, void *state)
{
    const char *greeting = state;
    weir_bytes line;
    ssize_t n;

    weir_writer_set_idle(writer, true);         /* a drain may close us between two lines */
    while ((n = weir_reader_readline(reader, &line)) > 0) {
        int len = (int)line.len - (line.data[line.len - 1] == '\n');
        weir_writer_printf(writer, "%s, %.*s!\n", greeting, len, line.data);
        int code = weir_writer_drain(writer);
        if (code < 0)
            return code;                        /* the peer is gone; weir closes what is left */
    }
    return weir_result(n);
}

const weir_plugin weir_plugin_entry = {
    WEIR_PLUGIN_ABI, sizeof(weir_plugin), .name = "greet", .version = "1", .description = "greets whoever says a name",
    .configure = configure, .worker_start = worker_start, .client_connected = greet,
};
