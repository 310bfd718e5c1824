/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/ends_plan.h  What is done, step by step, to the two ends of a memory pair. tests/streams/test_ends.c carries a plan
 * out with the library, and lib/ends_model.h says at every step what the rules allow.
 *
 * An end is a plain protocol, a buffered one, or a stream. A step is done by the task that plays, by a task of its own (a call
 * that may wait), or inside the next callback of one kind (armed).
 */
#ifndef WEIR_TESTS_ENDS_PLAN_H
#define WEIR_TESTS_ENDS_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/bytes.h>

#define ENDS_ACTS 28

enum ends_kind { ENDS_PLAIN, ENDS_BUFFERED, ENDS_STREAM, ENDS_KINDS };

enum act_kind {
    ACT_WRITE, ACT_WRITE_EOF, ACT_CLOSE, ACT_ABORT, ACT_FAIL, ACT_PAUSE, ACT_RESUME, ACT_LIMITS, ACT_FLUSH, ACT_SWAP, ACT_ARM,
    ACT_READ, ACT_DRAIN, ACT_WAIT_CLOSED, ACT_CANCEL, ACT_PASSES, ACT_SETTLE, ACT_KINDS
};

enum read_kind { READ_SOME, READ_ALL, READ_EXACTLY, READ_PEEK, READ_LINE, READ_UNTIL, READ_ANY, READ_KINDS };

/* A callback; data is data_received or buffer_updated, place is get_buffer. */
enum ends_event { EVENT_MADE, EVENT_DATA, EVENT_END, EVENT_PAUSE, EVENT_RESUME, EVENT_PLACE, EVENT_LOST, EVENT_KINDS };

struct act {
    enum act_kind kind;
    int    end;                 /* 0 or 1 */
    size_t n, low;              /* bytes; marks; passes */
    int    pieces;              /* of a write */
    enum read_kind read;
    int    sep;                 /* which of ends_separators */
    enum ends_event event;      /* ACT_ARM: inside this one ... */
    enum act_kind then;         /* ... this is done ... */
    bool   closes;              /* ... and a close */
};

struct ends_plan {
    uint64_t seed;
    enum ends_kind kind[2];
    size_t chunk;
    size_t limit[2];            /* of a stream's reader */
    size_t region[2];           /* of a buffered protocol */
    bool   keep_open[2];        /* what eof_received answers */
    int    acts;
    struct act act[ENDS_ACTS];
};

/* The same for the same seed. */
void ends_plan_make(struct ends_plan *plan, uint64_t seed);

/* One line a step. */
void ends_plan_print(const struct ends_plan *plan);
const char *ends_act_name(enum act_kind kind);
const char *ends_event_name(enum ends_event event);

/* Byte @at of what end @from writes: letters, in which separators occur. */
unsigned char ends_byte(uint64_t seed, int from, uint64_t at);

/* What READ_UNTIL looks for, by act.sep; READ_ANY for all of ends_any. */
#define ENDS_SEPARATORS 4
#define ENDS_ANY 3
extern const weir_bytes ends_separators[ENDS_SEPARATORS], ends_any[ENDS_ANY];

#endif
