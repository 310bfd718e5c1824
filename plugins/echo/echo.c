/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/echo/echo.c  Says back what it hears: each line when it is whole, or bytes as they come. A small plugin, to begin with.
 *
 * A drain may close a connection only while nothing of a next line has come: then it is idle, and at no other time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <weir/plugin.h>

#define RAW_MOST ((size_t)65536)        /* answered at a time: no more than may wait for a peer that does not read */

/* What configure found; all workers read it, nobody writes to it. */
struct section {
    bool raw;
    unsigned lines, bytes;              /* counters */
};

static int configure(weir_plugin_context *ctx)
{
    const char *mode = weir_plugin_context_option(ctx, "mode", "lines");
    bool raw = strcmp(mode, "raw") == 0;

    if (!raw && strcmp(mode, "lines") != 0)
        return weir_plugin_context_fail(ctx, "mode", "\"%s\" is no mode of echo; \"lines\" and \"raw\" are", mode);
    struct section *section = malloc(sizeof *section);
    if (section == NULL)
        return -ENOMEM;
    *section = (struct section) {
        .raw = raw,
        .lines = weir_plugin_context_counter(ctx, "lines", "Lines said back"),
        .bytes = weir_plugin_context_counter(ctx, "bytes", "Bytes said back"),
    };
    weir_plugin_context_set_data(ctx, section);
    return 0;
}

static int worker_start(weir_plugin_context *ctx, void **state)
{
    *state = weir_plugin_context_data(ctx);
    return 0;
}

/* The next bytes to say back; 0: the end. Views are good until the next read: here until they were written. */
static ssize_t wait_for_input(weir_reader *reader, weir_writer *writer, bool raw, weir_bytes *out)
{
    if (weir_reader_buffered(reader) == 0) {
        weir_writer_set_idle(writer, true);
        ssize_t n = weir_reader_peek(reader, 1, out);
        weir_writer_set_idle(writer, false);
        if (n <= 0)
            return n;
    }
    return raw ? weir_reader_read(reader, RAW_MOST, out) : weir_reader_readline(reader, out);
}

static int client_connected(weir_reader *reader, weir_writer *writer, void *state)
{
    const struct section *section = state;
    weir_bytes input;
    ssize_t n;

    while ((n = wait_for_input(reader, writer, section->raw, &input)) > 0) {
        int code = weir_writer_write(writer, input.data, input.len);
        if (code == 0)
            code = weir_writer_drain(writer);
        if (code < 0)
            return code;                /* the peer is gone; weir closes what is left */
        weir_counter_add(section->bytes, (uint64_t)n);
        if (!section->raw)
            weir_counter_add(section->lines, 1);
    }
    return weir_result(n);
}

static void destroy(weir_plugin_context *ctx)
{
    free(weir_plugin_context_data(ctx));
}

const weir_plugin weir_plugin_entry = {
    .abi = WEIR_PLUGIN_ABI,
    .size = sizeof(weir_plugin),
    .name = "echo",
    .version = "1",
    .description = "says back every line, or every byte",
    .configure = configure,
    .worker_start = worker_start,
    .client_connected = client_connected,
    .destroy = destroy,
};
