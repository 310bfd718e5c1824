/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/http/settings.h  What a section's options say, checked. Made in configure, read by all workers, written by nobody.
 */
#ifndef WEIR_PLUGINS_HTTP_SETTINGS_H
#define WEIR_PLUGINS_HTTP_SETTINGS_H

#include <stdint.h>

#include <weir/plugin.h>

#define HEADER_TEXT_MOST 128    /* bytes of a content type or a server's name: answers' heads have a fixed room */

/* Answers by the first digit of their status. */
enum count { COUNT_REQUESTS, COUNT_2XX, COUNT_3XX, COUNT_4XX, COUNT_5XX, COUNT_BYTES, COUNTS };

/* Texts are the context's. */
struct settings {
    weir_plugin_context *ctx;
    weir_bytes page;            /* what "/" answers; data NULL: it has no page */
    weir_bytes page_type;
    weir_bytes healthz;         /* a path; len 0: none */
    weir_bytes server;          /* len 0: no Server line */
    const char *index;
    int root;                   /* a descriptor of the folder; -1: no files */
    double header_timeout, body_timeout, idle_timeout, send_timeout;    /* seconds */
    size_t max_header;          /* bytes */
    uint64_t max_requests;      /* of a connection; 0: any number */
    bool access;                /* a line for each request is wanted */
    unsigned counters[COUNTS];
};

/* Read them, and check them all before it fails. NULL, with *code: WEIR_ECONFIG, which has been told, or -ENOMEM. */
struct settings *settings_new(weir_plugin_context *ctx, int *code);
void settings_free(struct settings *settings);

#endif
