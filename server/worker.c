/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/worker.c  Plugins on a loop: started together, stopped together, and a line for each connection where the plugin
 * does not write its own.
 */
#include "server/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/loop.h>

#include "server/memory.h"

int staff_init(struct staff *staff, struct sections *sections, unsigned workers)
{
    size_t count = sections->count * workers;

    *staff = (struct staff) { .sections = sections, .workers = workers };
    staff->postings = calloc(count, sizeof staff->postings[0]);
    staff->args = calloc(count, sizeof staff->args[0]);
    if (staff->postings == NULL || staff->args == NULL || counters_open(&sections->counters, workers) < 0) {
        staff_fini(staff);
        return -1;
    }
    for (size_t i = 0; i < count; i++)
        staff->postings[i].section = &sections->at[i / workers];
    return 0;
}

void staff_fini(struct staff *staff)
{
    free(staff->postings);
    free(staff->args);
    *staff = (struct staff) { 0 };
}

/* --- Handling ------------------------------------------------------------- */

static uint64_t extra_number(const weir_writer *writer, const char *name)
{
    const uint64_t *number = weir_writer_get_extra_info(writer, name);

    return number != NULL ? *number : 0;
}

static bool is_logged_here(const struct section *section)
{
    return section->access != NULL && !section->plugin_writes_access;
}

/* The handler of sections whose connections the program logs. What the kernel has not taken yet when the handler returns is
 * not counted: the line does not wait for a peer that does not read. */
static int handle_and_log(weir_reader *reader, weir_writer *writer, void *arg)
{
    const struct posting *posting = arg;
    double begin = weir_loop_time(weir_get_running_loop());
    int code = posting->section->plugin->table.client_connected(reader, writer, posting->state);
    char peer[WEIR_ADDRESS_MAX];
    const weir_address *address = weir_writer_peername(writer);

    weir_writer_flush(writer);
    struct access_connection ended = {
        .peer = address != NULL ? weir_address_format(address, peer, sizeof peer) : NULL,
        .seconds = weir_loop_time(weir_get_running_loop()) - begin, .result = code,
        .bytes_in = extra_number(writer, "bytes_received"), .bytes_out = extra_number(writer, "bytes_sent"),
    };
    access_log_connection(posting->section->access, &ended);
    return code;
}

struct serving staff_serving(const struct staff *staff, size_t section)
{
    const struct section *at = &staff->sections->at[section];

    return (struct serving) {
        .cb = is_logged_here(at) ? handle_and_log : at->plugin->table.client_connected,
        .worker_args = &staff->args[section * staff->workers],
    };
}

/* --- Starting and stopping ------------------------------------------------ */

static struct posting *posting_of(const struct staff *staff, size_t section, unsigned worker)
{
    return &staff->postings[section * staff->workers + worker];
}

static int start_one(struct posting *posting, unsigned worker, char *error, size_t size)
{
    const struct section *section = posting->section;
    const weir_plugin *plugin = &section->plugin->table;
    char where[PROBLEM_TEXT_MAX];
    int code = plugin->worker_start != NULL ? plugin->worker_start(&posting->section->base, &posting->state) : 0;

    if (code >= 0) {
        posting->started = true;
        return 0;
    }
    const char *detail = weir_error_detail();   /* of whatever failed last in this task: most likely the reason */
    bool says_more = detail[0] != '\0' && strcmp(detail, weir_strerror(code)) != 0;
    snprintf(error, size, "%s: the plugin \"%s\" of server \"%s\" can't start on worker %u: %s%s%s",
             place_text(section->config->place, where), plugin->name, section->config->name, worker, weir_strerror(code),
             says_more ? ": " : "", says_more ? detail : "");
    return code;
}

int staff_start(struct staff *staff, unsigned worker, char *error, size_t size)
{
    int code = 0;

    (void)memory_own_arena();                   /* without one the worker shares, which is slower and nothing else */
    weir__plugin_counters(counters_row(&staff->sections->counters, worker), staff->sections->counters.count);
    for (size_t i = 0; i < staff->sections->count && code == 0; i++) {
        struct posting *posting = posting_of(staff, i, worker);
        code = start_one(posting, worker, error, size);
        staff->args[i * staff->workers + worker] = is_logged_here(posting->section) ? (void *)posting : posting->state;
    }
    if (code < 0)
        staff_stop(staff, worker);
    return code;
}

void staff_stop(struct staff *staff, unsigned worker)
{
    for (size_t i = staff->sections->count; i-- > 0; ) {
        struct posting *posting = posting_of(staff, i, worker);
        const weir_plugin *plugin = &posting->section->plugin->table;
        if (posting->started && plugin->worker_stop != NULL)
            plugin->worker_stop(&posting->section->base, posting->state);
        posting->started = false;
    }
    weir__plugin_counters(NULL, 0);
}
