/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/stream_script.h  A reader fed by hand, played from a line of text.
 *
 * script_play("R4 +abc line +d\n") makes a reader of limit 4, feeds three bytes, starts a readline in a task of its own,
 * feeds two more, and says what each read gave: susp "abcd\n". Steps stand between blanks:
 *
 *      R4  T4  N4            a reader with limit 4; with a transport; with one that cannot pause (script_transport)
 *      +bytes  +             feed; an error is said
 *      eof  err:EIO          feed the end, a failure
 *      read:5 all exactly:5 line until until:-- any:a,bc peek:3 skip:3 into:5 exactinto:5
 *                            start a read; says the result, or "susp" when it waits. A result that comes later is said
 *                            when it comes. A second one at a time has a letter: B:read:2, said as B="..."
 *      !read:5               the same at once, by the task that plays: nobody ran since the last step
 *      cancel:A  settle  ?   cancel a read; let everything run; say "susp" when A still waits
 *      buf len log ateof exc say what is buffered, the transport's log, at_eof, exception
 *      timeout:2 max:10 sleep:3  weir_reader_set_timeout, max_read, weir_sleep
 *      transport             weir_reader_set_transport once more
 *
 * A result that is not what its bytes are is said as WRONG; an *out that a failure touched as TOUCHED.
 */
#ifndef WEIR_TESTS_STREAM_SCRIPT_H
#define WEIR_TESTS_STREAM_SCRIPT_H

#include <check.h>

#include <weir/streams.h>

#include "lib/stream_say.h"

/* What T and N use, and "log" shows; a suite that records pauses sets them. */
extern weir_transport *script_transport, *script_transport_refusing;
extern const char *script_log;

/* A loop, a task, and the steps in it. What was said is said(). */
void script_play(const char *steps);

/* One such read by the calling task, which may wait; its result is said. */
void script_read(weir_reader *r, const char *what);

/* A script as a test. */
#define SCRIPT(name, steps, expected)         \
    START_TEST(name)                          \
    {                                         \
        script_play(steps);                   \
        ck_assert_str_eq(said(), expected);   \
    }                                         \
    END_TEST

#endif
