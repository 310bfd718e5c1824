/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/plugin_asks.h  What the plugin server/fixtures/asks.c kept of its options, as it lies behind its section's pointer.
 */
#ifndef WEIR_TESTS_PLUGIN_ASKS_H
#define WEIR_TESTS_PLUGIN_ASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct asked {
    const char *server, *text, *path;
    int64_t number;
    size_t size;
    double seconds;
    bool truth;
    unsigned counter;
    int **destroyed;            /* *destroyed, when set, is counted up by destroy */
};

#endif
