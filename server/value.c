/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/value.c  Sizes and durations as people write them.
 *
 * Digits are read one by one into an integer, of bytes or microseconds: that knows no locale, no sign, no exponent and
 * no rounding, and says when there are too many.
 */
#include "server/value.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define MICROSECONDS  1000000       /* of a second */
#define FRACTION_MOST 13 /* digits behind the point: with more of them not even a day has a whole number of microseconds */

struct unit {
    const char *name;
    uint64_t    times;
};

static const struct unit size_units[] = {
    { "G", UINT64_C(1) << 30 }, { "g", UINT64_C(1) << 30 },
    { "M", UINT64_C(1) << 20 }, { "m", UINT64_C(1) << 20 },
    { "k", UINT64_C(1) << 10 }, { "K", UINT64_C(1) << 10 },
    { "", 1 },
};

/* In microseconds. */
static const struct unit duration_units[] = {
    { "d", UINT64_C(86400) * MICROSECONDS }, { "h", UINT64_C(3600) * MICROSECONDS },
    { "m", UINT64_C(60) * MICROSECONDS }, { "s", MICROSECONDS },
    { "ms", MICROSECONDS / 1000 }, { "", MICROSECONDS },
};

static uint64_t unit_named(const struct unit *units, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(units[i].name, name) == 0)
            return units[i].times;
    }
    return 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The digits at *text, which is moved behind them; UINT64_MAX where that is too little. False: there is none. */
static bool take_digits(const char **text, uint64_t *out)
{
    uint64_t sum = 0;
    bool too_many = false;

    if (!is_digit(**text))
        return false;
    for (; is_digit(**text); (*text)++) {
        too_many |= __builtin_mul_overflow(sum, (uint64_t)10, &sum);
        too_many |= __builtin_add_overflow(sum, (uint64_t)(**text - '0'), &sum);
    }
    *out = too_many ? UINT64_MAX : sum;
    return true;
}

int value_parse_size(const char *text, uint64_t *out)
{
    uint64_t count, bytes;

    if (!take_digits(&text, &count))
        return -EINVAL;
    uint64_t times = unit_named(size_units, sizeof size_units / sizeof *size_units, text);
    if (times == 0)
        return -EINVAL;
    if (__builtin_mul_overflow(count, times, &bytes) || bytes > VALUE_SIZE_MOST)
        return -ERANGE;
    *out = bytes;
    return 0;
}

/* What @len digits behind a point are worth in a unit of @times microseconds; false: not a whole number of them. */
static bool read_fraction(const char *digits, size_t len, uint64_t times, uint64_t *out)
{
    unsigned __int128 numerator = 0, denominator = 1;

    while (len > 0 && digits[len - 1] == '0')
        len--;
    if (len > FRACTION_MOST)
        return false;
    for (size_t i = 0; i < len; i++) {
        numerator = numerator * 10 + (unsigned)(digits[i] - '0');
        denominator *= 10;
    }
    numerator *= times;
    *out = (uint64_t)(numerator / denominator);
    return numerator % denominator == 0;
}

int value_parse_duration(const char *text, double *out)
{
    uint64_t whole, fraction, microseconds;

    if (!take_digits(&text, &whole))
        return -EINVAL;
    const char *digits = text;
    if (*text == '.') {
        digits = ++text;
        if (!is_digit(*text))
            return -EINVAL;
        text += strspn(text, "0123456789");
    }
    size_t len = (size_t)(text - digits);
    uint64_t times = unit_named(duration_units, sizeof duration_units / sizeof *duration_units, text);
    if (times == 0)
        return -EINVAL;
    if (!read_fraction(digits, len, times, &fraction))
        return -EINVAL;
    if (__builtin_mul_overflow(whole, times, &microseconds) || __builtin_add_overflow(microseconds, fraction, &microseconds) ||
        microseconds > (uint64_t)(VALUE_DURATION_MOST * MICROSECONDS))
        return -ERANGE;
    *out = (double)microseconds / MICROSECONDS;
    return 0;
}

int value_round_duration(double seconds, double *out)
{
    if (isnan(seconds))
        return -EINVAL;
    if (seconds < 0 || seconds > VALUE_DURATION_MOST)
        return -ERANGE;
    double microseconds = round(seconds * MICROSECONDS);
    if (seconds > 0 && microseconds < 1)
        return -ERANGE;
    *out = microseconds / MICROSECONDS;
    return 0;
}

const char *value_print_size(uint64_t size, char out[VALUE_TEXT_MAX])
{
    const struct unit *unit = size_units;

    while (size == 0 ? unit->times != 1 : size % unit->times != 0)
        unit++;
    snprintf(out, VALUE_TEXT_MAX, "%" PRIu64 "%s", size / unit->times, unit->name);
    return out;
}

const char *value_print_duration(double seconds, char out[VALUE_TEXT_MAX])
{
    uint64_t microseconds = (uint64_t)llround(seconds * MICROSECONDS);
    const struct unit *unit = duration_units;

    if (microseconds == 0)
        unit += 3;                  /* "0s" */
    while (unit->name[0] != '\0' && microseconds % unit->times != 0)
        unit++;
    if (unit->name[0] != '\0')
        snprintf(out, VALUE_TEXT_MAX, "%" PRIu64 "%s", microseconds / unit->times, unit->name);
    else
        snprintf(out, VALUE_TEXT_MAX, "%" PRIu64 ".%06" PRIu64 "s", microseconds / MICROSECONDS, microseconds % MICROSECONDS);
    return out;
}
