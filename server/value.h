/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/value.h  Sizes and durations as people write them: "64k", "1.5s".
 *
 *      size        digits, then nothing, k, M or G (either case): bytes, in powers of 1024
 *      duration    digits, perhaps with a fraction, then nothing, ms, s, m, h or d: seconds
 *
 * Nothing else is accepted: no sign, no blanks, nothing behind the unit. A duration is a whole number of microseconds,
 * so that printing one and reading it again gives the same double. Pure functions.
 */
#ifndef WEIR_SERVER_VALUE_H
#define WEIR_SERVER_VALUE_H

#include <stdint.h>

#define VALUE_SIZE_MOST     ((uint64_t)INT64_MAX)
#define VALUE_DURATION_MOST (365 * 86400.0)     /* seconds: a year; up to here a double holds every microsecond apart */
#define VALUE_TEXT_MAX      32                  /* bytes that a printed value needs at most, its NUL included */

/*
 * returns  0, or
 *          -EINVAL  @text is no size
 *          -ERANGE  it is one above VALUE_SIZE_MOST
 *          *out is written on success only
 */
int value_parse_size(const char *text, uint64_t *out);

/*
 * returns  0, or
 *          -EINVAL  @text is no duration, or is finer than a microsecond
 *          -ERANGE  it is one above VALUE_DURATION_MOST
 *          *out, in seconds, is written on success only
 */
int value_parse_duration(const char *text, double *out);

/*
 * A number of seconds as a duration: rounded to microseconds.
 *
 * returns  0, or
 *          -EINVAL  @seconds is not a number
 *          -ERANGE  it is negative, above VALUE_DURATION_MOST, or so small that it would become 0, which means another thing
 */
int value_round_duration(double seconds, double *out);

/* The shortest form that reads back to the same: "64k", "1000"; "90s" is "90s", "0.25s" is "250ms", 3600 is "1h". Returns @out. */
const char *value_print_size(uint64_t size, char out[VALUE_TEXT_MAX]);
const char *value_print_duration(double seconds, char out[VALUE_TEXT_MAX]);

#endif
