/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/http/settings.c  Reading the options. Each is asked for and looked at, whatever is wrong with the others.
 */
#include "plugins/http/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/http/file.h"

#define HEADER_LEAST  ((size_t)256)     /* a request line and a Host */
#define HEADER_MOST   ((size_t)1 << 20) /* held for each request that has not come to its end */
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

/* --- Kinds of options ----------------------------------------------------- */

/* A text that stands in a header: no control characters, and it fits. */
static weir_bytes header_text(struct reading *reading, const char *key, const char *otherwise)
{
    weir_bytes text = weir_bytes_of(weir_plugin_context_option(reading->ctx, key, otherwise));

    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.data[i] < ' ' || text.data[i] == 127) {
            note(reading, weir_plugin_context_fail(reading->ctx, key, "it has a control character, and stands in a header"));
            break;
        }
    }
    if (text.len > HEADER_TEXT_MOST)
        note(reading, weir_plugin_context_fail(reading->ctx, key, "it is %zu bytes long; at most %d are allowed", text.len,
                                               HEADER_TEXT_MOST));
    return text;
}

/* Every wait of a connection ends: none of these can be switched off. */
static void time_limit(struct reading *reading, const char *key, double otherwise, double *out)
{
    *out = otherwise;
    int code = weir_plugin_context_option_duration(reading->ctx, key, otherwise, out);

    if (code == 0 && !(*out >= SECONDS_LEAST && *out <= SECONDS_MOST))
        code = weir_plugin_context_fail(reading->ctx, key, "%g s; it has to be from %g s to %g s", *out, SECONDS_LEAST,
                                        SECONDS_MOST);
    note(reading, code);
}

static void header_size(struct reading *reading, size_t *out)
{
    int code = weir_plugin_context_option_size(reading->ctx, "max_header", 16384, out);

    if (code == 0 && (*out < HEADER_LEAST || *out > HEADER_MOST))
        code = weir_plugin_context_fail(reading->ctx, "max_header", "%zu bytes; it has to be from %zu to %zu", *out, HEADER_LEAST,
                                        HEADER_MOST);
    note(reading, code);
}

/* A path that is compared with what comes, as it is. */
static weir_bytes answered_path(struct reading *reading, const char *key, const char *otherwise)
{
    weir_bytes path = weir_bytes_of(weir_plugin_context_option(reading->ctx, key, otherwise));

    if (path.len > 0 && path.data[0] != '/')
        note(reading, weir_plugin_context_fail(reading->ctx, key, "\"%s\" is no path: it has to begin with a slash, or to be empty",
                                               path.data));
    return path;
}

static const char *file_name(struct reading *reading, const char *key, const char *otherwise)
{
    const char *name = weir_plugin_context_option(reading->ctx, key, otherwise);

    if (name[0] == '\0' || strchr(name, '/') != NULL || strlen(name) > 255 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        note(reading, weir_plugin_context_fail(reading->ctx, key, "\"%s\" is no name of a file", name));
    return name;
}

/* The folder, held open: what is below it is found from the descriptor, wherever it is moved to. */
static int folder(struct reading *reading, const char *key)
{
    const char *path = weir_plugin_context_option_path(reading->ctx, key, NULL);

    if (path == NULL)
        return -1;
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        note(reading, weir_plugin_context_fail(reading->ctx, key, "\"%s\" can't be opened as a folder: %s", path, strerror(errno)));
        return -1;
    }
    int code = file_check_kernel(fd);
    if (code < 0) {
        note(reading, weir_plugin_context_fail(reading->ctx, key, "files can't be served here: openat2 fails with \"%s\"; Linux "
                                               "5.6 is needed, and nothing that forbids the call", weir_strerror(code)));
        close(fd);
        return -1;
    }
    return fd;
}

/* --- All of them ---------------------------------------------------------- */

static void read_texts(struct reading *reading, struct settings *s)
{
    const char *page = weir_plugin_context_option(reading->ctx, "page", NULL);

    s->page = page != NULL ? weir_bytes_of(page) : (weir_bytes) { NULL, 0 };
    s->page_type = header_text(reading, "page_type", "text/plain; charset=utf-8");
    s->healthz = answered_path(reading, "healthz", "/healthz");
    s->server = header_text(reading, "server_header", "weir");
    s->index = file_name(reading, "index", "index.html");
    s->root = folder(reading, "root");
}

static void read_limits(struct reading *reading, struct settings *s)
{
    int64_t most = 0;

    time_limit(reading, "header_timeout", 10, &s->header_timeout);
    time_limit(reading, "body_timeout", 1, &s->body_timeout);
    time_limit(reading, "idle_timeout", 60, &s->idle_timeout);
    time_limit(reading, "send_timeout", 60, &s->send_timeout);
    header_size(reading, &s->max_header);
    note(reading, weir_plugin_context_option_int(reading->ctx, "max_requests", 0, 0, INT64_MAX, &most));
    s->max_requests = (uint64_t)most;
}

static void ask_for_counters(struct settings *s)
{
    static const char *const texts[COUNTS][2] = {
        [COUNT_REQUESTS] = { "requests", "Requests answered" },
        [COUNT_2XX] = { "answers_2xx", "Answers with a status of 200 to 299" },
        [COUNT_3XX] = { "answers_3xx", "Answers with a status of 300 to 399" },
        [COUNT_4XX] = { "answers_4xx", "Answers with a status of 400 to 499" },
        [COUNT_5XX] = { "answers_5xx", "Answers with a status of 500 to 599" },
        [COUNT_BYTES] = { "bytes", "Bytes of answers, headers included" },
    };

    for (int i = 0; i < COUNTS; i++)
        s->counters[i] = weir_plugin_context_counter(s->ctx, texts[i][0], texts[i][1]);
}

struct settings *settings_new(weir_plugin_context *ctx, int *code)
{
    struct settings *s = calloc(1, sizeof *s);
    struct reading reading = { .ctx = ctx };

    if (s == NULL) {
        *code = -ENOMEM;
        return NULL;
    }
    s->ctx = ctx;
    read_texts(&reading, s);
    read_limits(&reading, s);
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
    if (settings->root >= 0)
        close(settings->root);
    free(settings);
}
