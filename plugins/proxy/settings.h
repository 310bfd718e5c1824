/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/proxy/settings.h  What a section's options say, checked. Made in configure, read by all workers, written by nobody.
 */
#ifndef WEIR_PLUGINS_PROXY_SETTINGS_H
#define WEIR_PLUGINS_PROXY_SETTINGS_H

#include <stdint.h>

#include <weir/plugin.h>

#include "plugins/proxy/upstreams.h"

enum count { COUNT_CONNECTIONS, COUNT_CONNECT_FAILURES, COUNT_UNSERVED, COUNT_BYTES_UP, COUNT_BYTES_DOWN, COUNTS };

enum balance { BALANCE_ROUNDROBIN, BALANCE_LEASTCONN };

struct settings {
    weir_plugin_context *ctx;
    struct upstreams upstreams;
    enum balance balance;
    unsigned tries;             /* at most so many upstreams one after the other, for a connection */
    double connect_timeout, idle_timeout, fail_time;    /* seconds */
    bool access;                /* a line for each connection is wanted */
    unsigned counters[COUNTS];
};

/* Read them, and check them all before it fails. NULL, with *code: WEIR_ECONFIG, which has been told, or -ENOMEM. */
struct settings *settings_new(weir_plugin_context *ctx, int *code);
void settings_free(struct settings *settings);

#endif
