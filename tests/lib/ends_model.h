/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/ends_model.h  The rules of two joined ends (SR, SW, FC, BT, PR), as counts of what has been accepted, told and read.
 *
 * The model is told of every call and of every callback, and says at each whether the rules allow it: what came is what was
 * sent, up to where it may have come; pause_writing inside the call that went over the mark and at no other time,
 * resume_writing at the low mark and not later; the end behind the output; the loss once, last, with the one code that its
 * cause allows. When nothing moves any more it says who may still be waiting, and for what: whoever else waits was forgotten.
 *
 * It knows no queue and no order of passes. What a test sees of the library goes in as struct seen.
 *
 * ends_model.c has the two directions, ends_model_read.c what reads, drains and wait_closed may return.
 */
#ifndef WEIR_TESTS_ENDS_MODEL_H
#define WEIR_TESTS_ENDS_MODEL_H

#include <sys/types.h>

#include "lib/ends_plan.h"

#define ENDS_HELD ((size_t)65536)       /* what a pair holds in one direction (net/transport_memory.c, QUEUE_MOST) */

/* What the library says about an end. */
struct seen {
    size_t size;                /* get_write_buffer_size */
    uint64_t sent, received;    /* bytes_sent, bytes_received */
    bool closing, reading;
};

/* Why an end closes: not by itself; a close, whose output may still fail; something whose code is known. */
enum cause { CAUSE_NONE, CAUSE_CLOSE, CAUSE_EXACT };

struct model_end {
    struct seen seen;           /* as it is now: the test refreshes it before each question */
    uint64_t accepted;          /* bytes that writes took; what an end drops at its loss was among them */
    uint64_t received;          /* bytes that its protocol was told */
    uint64_t consumed;          /* stream: bytes that were read */
    bool made, ended, lost, left_unread;
    int  lost_code;
    enum cause cause;
    int  cause_code;            /* CAUSE_EXACT */
    bool cut;                   /* what was accepted need not arrive */
    bool eof_asked, read_paused, paused;
    size_t low, high;
    uint64_t sent_then;         /* when the marks were set, or writing paused: what the kernel takes after it may resume */
    unsigned calls;             /* depth of calls that may go over the mark */
    unsigned resumes;
};

struct model {
    const struct ends_plan *plan;
    int step;                   /* of the plan, for messages */
    int wrong;
    unsigned reports;           /* that the exception handler should get */
    struct model_end end[2];
};

void model_begin(struct model *m, const struct ends_plan *plan);

/* Say that a rule was broken, once a seed. */
__attribute__((format(printf, 3, 4))) void model_wrong(struct model *m, int end, const char *fmt, ...);

/* --- Callbacks, before the end's own answer to them --- */
void model_made(struct model *m, int end);
void model_place(struct model *m, int end);
void model_data(struct model *m, int end, const unsigned char *bytes, size_t n);
bool model_ended(struct model *m, int end);             /* what eof_received shall answer */
void model_auto_close(struct model *m, int end);        /* it answered false */
void model_paused(struct model *m, int end);
void model_resumed(struct model *m, int end);
void model_lost(struct model *m, int end, int code);

/* --- Calls, after them; @before: what was seen before --- */
void model_write_begin(struct model *m, int end, size_t n);      /* before it: it may pause already */
void model_write(struct model *m, int end, struct seen before, bool eof_before, int code);
void model_write_eof(struct model *m, int end, struct seen before, int code);
void model_close(struct model *m, int end, struct seen before);
void model_abort(struct model *m, int end, struct seen before);
void model_fail(struct model *m, int end, struct seen before, int code, bool only_reported);
void model_reading(struct model *m, int end, struct seen before, bool on, int code);
void model_limits_begin(struct model *m, int end, const struct act *asked);     /* before it: it may pause already */
void model_limits(struct model *m, int end, const struct act *asked, int code, size_t low, size_t high);

/* --- States --- */
void model_always(struct model *m);                     /* after each pass */
void model_quiet(struct model *m);                      /* when nothing moves */

/* --- Streams --- */
struct read_done {
    const struct act *act;
    ssize_t result;
    const unsigned char *bytes; /* what it gave, also with WEIR_EINCOMPLETE */
    size_t len;
    size_t buffered, consumed, expected;        /* weir_reader_buffered and so on, after it */
    int  failure;               /* weir_reader_exception */
    bool cancelled;             /* it was asked to be */
    bool other;                 /* somebody else was reading */
    bool was_reading, at_once;  /* the transport was, when it began; it did not wait, and nobody else did */
};

/* As it was when the call began. */
struct wait_begun {
    bool closing, paused, lost;
    int  failure;
    unsigned resumes, pass;
};

void model_read(struct model *m, int end, const struct read_done *done);
void model_read_waits(struct model *m, int end, const struct act *act, size_t buffered);
void model_drain(struct model *m, int end, const struct wait_begun *begun, int code, unsigned passes, bool cancelled);
void model_drain_waits(struct model *m, int end);
void model_wait_closed(struct model *m, int end, int code, bool cancelled);

#endif
