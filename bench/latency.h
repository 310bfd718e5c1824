/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/latency.h  Times counted by how long they took, and what share of them took at most how long.
 *
 * Each power of two is cut into LATENCY_CUTS equal classes, so a class is at most 1/LATENCY_CUTS of its values wide; smaller
 * times than LATENCY_CUTS nanoseconds have a class each. A quantile is the top of its class, never less than the truth, and at
 * most the largest time there was.
 */
#ifndef BENCH_LATENCY_H
#define BENCH_LATENCY_H

#include <stdint.h>

#define LATENCY_BITS    7
#define LATENCY_CUTS    (1u << LATENCY_BITS)
#define LATENCY_CLASSES ((64 - LATENCY_BITS + 1) * LATENCY_CUTS)

struct latencies {
    uint64_t count, sum, largest;
    uint64_t classes[LATENCY_CLASSES];
};

static inline unsigned latency_class(uint64_t ns)
{
    if (ns < LATENCY_CUTS)
        return (unsigned)ns;
    unsigned shift = 63 - (unsigned)__builtin_clzll(ns) - LATENCY_BITS;
    return shift * LATENCY_CUTS + (unsigned)(ns >> shift);      /* ns >> shift is from CUTS to 2 CUTS - 1 */
}

/* The largest value of a class. */
static inline uint64_t latency_top(unsigned which)
{
    if (which < LATENCY_CUTS)
        return which;
    unsigned shift = which / LATENCY_CUTS - 1;
    uint64_t first = (uint64_t)(which - shift * LATENCY_CUTS) << shift;
    return first + ((UINT64_C(1) << shift) - 1);
}

/* A clock that is read twice never goes back, so less than 0 is a mistake of the caller's and counts as 0. */
static inline void latency_add(struct latencies *of, int64_t ns)
{
    uint64_t value = ns < 0 ? 0 : (uint64_t)ns;

    of->count++;
    of->sum += value;
    of->classes[latency_class(value)]++;
    if (value > of->largest)
        of->largest = value;
}

/* The time that at least @thousandths of all took at most; 0 when there are none. */
static inline uint64_t latency_quantile(const struct latencies *of, unsigned thousandths)
{
    uint64_t wanted = (of->count * thousandths + 999) / 1000, seen = 0;

    for (unsigned i = 0; i < LATENCY_CLASSES && of->count > 0; i++) {
        seen += of->classes[i];
        if (seen >= wanted)
            return latency_top(i) < of->largest ? latency_top(i) : of->largest;
    }
    return of->largest;
}

#endif
