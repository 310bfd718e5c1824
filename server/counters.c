/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/counters.c  Names, and a row of numbers for each worker.
 *
 * A number is written by its worker alone and read by anybody, so neither needs more than a relaxed access.
 */
#include "server/counters.h"

#include <stdlib.h>
#include <string.h>

#define LINE ((size_t)64)       /* bytes of a cache line */

unsigned counters_name(struct counters_table *table, const char *section, const char *name, const char *help)
{
    for (unsigned id = 0; id < table->count; id++) {
        if (strcmp(table->names[id].section, section) == 0 && strcmp(table->names[id].name, name) == 0)
            return id;
    }
    if (table->count == COUNTERS_MOST || table->values != NULL)
        return COUNTER_NONE;
    struct counter_name *added = &table->names[table->count];
    *added = (struct counter_name) { strdup(section), strdup(name), strdup(help != NULL ? help : "") };
    if (added->section == NULL || added->name == NULL || added->help == NULL) {
        free(added->section);
        free(added->name);
        free(added->help);
        return COUNTER_NONE;
    }
    return table->count++;
}

int counters_open(struct counters_table *table, unsigned workers)
{
    size_t per_line = LINE / sizeof table->values[0];

    table->stride = (table->count + per_line - 1) / per_line * per_line;
    table->workers = workers;
    if (table->count == 0)
        return 0;
    size_t size = table->stride * workers * sizeof table->values[0];
    table->values = aligned_alloc(LINE, size);
    if (table->values == NULL)
        return -1;
    memset((void *)table->values, 0, size);
    return 0;
}

_Atomic uint64_t *counters_row(const struct counters_table *table, unsigned worker)
{
    return table->values == NULL ? NULL : table->values + worker * table->stride;
}

uint64_t counters_total(const struct counters_table *table, unsigned id)
{
    uint64_t total = 0;

    for (unsigned worker = 0; table->values != NULL && worker < table->workers; worker++)
        total += atomic_load_explicit(&counters_row(table, worker)[id], memory_order_relaxed);
    return total;
}

void counters_fini(struct counters_table *table)
{
    for (unsigned id = 0; id < table->count; id++) {
        free(table->names[id].section);
        free(table->names[id].name);
        free(table->names[id].help);
    }
    free((void *)table->values);
    *table = (struct counters_table) { .count = 0 };
}
