/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/turns.h  Several ways to do one thing, by turns, and what each took.
 *
 * A side is a function that does the thing many times and says how many nanoseconds one of them took. Each turn runs every
 * side once, weir's first, so that a machine that slows down slows all of them. The result is one JSON line for each side:
 * median, smallest, largest, and every turn, whose number pairs it with the same turn of the others.
 *
 * For programs of one file each, so everything is static. Figures go to stdout, complaints to stderr.
 */
#ifndef WEIR_BENCH_TURNS_H
#define WEIR_BENCH_TURNS_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TURNS_MOST 1000         /* more would measure the machine's day */
#define SIDES_MOST 4

struct side {
    const char *name;
    double    (*round)(void *arg);      /* ns for one operation; not a number: it failed, and said so */
    void       *arg;
};

static inline int64_t turns_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int turns_compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

/* Sorts @ns, which has been printed in the order of the turns by then. */
static void turns_print(const char *row, const char *side, double *ns, int turns)
{
    printf("{\"row\": \"%s\", \"side\": \"%s\", \"unit\": \"ns\", \"turns\": [", row, side);
    for (int i = 0; i < turns; i++)
        printf("%s%.3f", i > 0 ? ", " : "", ns[i]);
    qsort(ns, (size_t)turns, sizeof *ns, turns_compare);
    double median = (ns[(turns - 1) / 2] + ns[turns / 2]) / 2;
    printf("], \"median\": %.3f, \"smallest\": %.3f, \"largest\": %.3f}\n", median, ns[0], ns[turns - 1]);
}

/* Run and print. One turn more comes first and is not counted: it fills caches and pools. 0, or 1 when a side failed. */
static int turns_run(const char *row, const struct side *sides, int count, int turns)
{
    static double ns[SIDES_MOST][TURNS_MOST];   /* not on a task's stack */

    for (int turn = -1; turn < turns; turn++) {
        for (int i = 0; i < count; i++) {
            double one = sides[i].round(sides[i].arg);
            if (isnan(one))
                return 1;
            if (turn >= 0)
                ns[i][turn] = one;
        }
    }
    for (int i = 0; i < count; i++)
        turns_print(row, sides[i].name, ns[i], turns);
    return 0;
}

/* The number of turns on the command line; 0: it makes no sense. */
static int turns_wanted(const char *word)
{
    char *end;
    long turns = strtol(word, &end, 10);

    return *word == '\0' || *end != '\0' || turns < 1 || turns > TURNS_MOST ? 0 : (int)turns;
}

#endif
