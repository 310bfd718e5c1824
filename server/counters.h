/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/counters.h  The numbers of plugins: named once, counted by each worker for itself, added up when asked.
 */
#ifndef WEIR_SERVER_COUNTERS_H
#define WEIR_SERVER_COUNTERS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define COUNTERS_MOST 256       /* of all plugins of the process; a worker's row is then 2 KiB */
#define COUNTER_NONE  ((unsigned)-1)

struct counter_name {
    char *section, *name, *help;
};

struct counters_table {         /* all zero: empty */
    struct counter_name names[COUNTERS_MOST];
    unsigned count;
    _Atomic uint64_t *values;   /* a row for each worker */
    size_t stride;              /* of a row, in numbers: rows share no cache line */
    unsigned workers;
};

/* The id of a counter, made if it is new. COUNTER_NONE: no room, or no memory. */
unsigned counters_name(struct counters_table *table, const char *section, const char *name, const char *help);

/* Room for @workers rows; no counter is named after that. 0 or -1: no memory. */
int  counters_open(struct counters_table *table, unsigned workers);

/* The row of a worker, of table->count numbers. */
_Atomic uint64_t *counters_row(const struct counters_table *table, unsigned worker);

uint64_t counters_total(const struct counters_table *table, unsigned id);
void counters_fini(struct counters_table *table);

#endif
