/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/http/date.c  Days since 1970 to a calendar date and back, and the texts around them.
 */
#include "plugins/http/date.h"

#include <string.h>
#include <strings.h>

#define DAY         86400
#define YEAR_0000   (-62167219200)      /* 0000-01-01 00:00:00, in seconds since 1970 */
#define YEAR_9999   253402300799        /* 9999-12-31 23:59:59 */

static const char days[7][10] = { "Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday" };
static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

/* --- The calendar --------------------------------------------------------- */

/* Years begin in March here, so that the day that some of them lack is the last one. */
static int64_t days_of(int64_t year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

static void date_of(int64_t days_since_1970, int *year, int *month, int *day)
{
    int64_t z = days_since_1970 + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;

    *day = (int)(day_of_year - (153 * march_month + 2) / 5 + 1);
    *month = (int)(march_month < 10 ? march_month + 3 : march_month - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

/* --- Writing -------------------------------------------------------------- */

static char *put_number(char *at, int number, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        at[i] = (char)('0' + number % 10);
        number /= 10;
    }
    return at + digits;
}

static char *put_text(char *at, const char *text, size_t len)
{
    memcpy(at, text, len);
    return at + len;
}

void date_format(char *out, int64_t seconds)
{
    int year, month, day;

    seconds = seconds < YEAR_0000 ? YEAR_0000 : seconds > YEAR_9999 ? YEAR_9999 : seconds;
    int64_t day_number = (seconds - (seconds < 0 ? DAY - 1 : 0)) / DAY;
    int rest = (int)(seconds - day_number * DAY);
    date_of(day_number, &year, &month, &day);
    out = put_text(out, days[(day_number % 7 + 7) % 7], 3);
    out = put_text(out, ", ", 2);
    out = put_number(out, day, 2);
    *out++ = ' ';
    out = put_text(out, months[month - 1], 3);
    *out++ = ' ';
    out = put_number(out, year, 4);
    *out++ = ' ';
    out = put_number(out, rest / 3600, 2);
    *out++ = ':';
    out = put_number(out, rest / 60 % 60, 2);
    *out++ = ':';
    out = put_number(out, rest % 60, 2);
    put_text(out, " GMT", 4);
}

/* --- Reading -------------------------------------------------------------- */

struct scan {
    const char *at, *end;
    bool wrong;
};

static void expect(struct scan *scan, const char *text)
{
    size_t len = strlen(text);

    if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, text, len) != 0)
        scan->wrong = true;
    else
        scan->at += len;
}

static int number(struct scan *scan, int digits)
{
    int value = 0;

    if (scan->wrong || scan->end - scan->at < digits) {
        scan->wrong = true;
        return 0;
    }
    for (int i = 0; i < digits; i++) {
        char c = scan->at[i];
        /* asctime pads the day with a blank. */
        if (i == 0 && digits == 2 && c == ' ')
            c = '0';
        if (c < '0' || c > '9')
            scan->wrong = true;
        value = value * 10 + (c - '0');
    }
    scan->at += digits;
    return value;
}

static int month_name(struct scan *scan)
{
    for (int i = 0; i < 12; i++) {
        if (scan->end - scan->at >= 3 && memcmp(scan->at, months[i], 3) == 0) {
            scan->at += 3;
            return i + 1;
        }
    }
    scan->wrong = true;
    return 1;
}

/* The name of a day says nothing that the date does not; it only has to be one. How many bytes, 0: it is none. */
static size_t day_name(const char *text, size_t len, bool whole)
{
    for (int i = 0; i < 7; i++) {
        size_t n = whole ? strlen(days[i]) : 3;
        if (len >= n && memcmp(text, days[i], n) == 0)
            return n;
    }
    return 0;
}

static int64_t time_of_day(struct scan *scan)
{
    int hour = number(scan, 2);
    expect(scan, ":");
    int minute = number(scan, 2);
    expect(scan, ":");
    int second = number(scan, 2);

    if (hour > 23 || minute > 59 || second > 60)        /* 60: a leap second */
        scan->wrong = true;
    return hour * 3600 + minute * 60 + second;
}

bool date_parse(const char *text, size_t len, int64_t *seconds)
{
    struct scan scan = { text, text + len, false };
    size_t long_name = day_name(text, len, true), short_name = day_name(text, len, false);
    int year, month, day;
    int64_t time;

    if (short_name > 0 && len > 3 && text[3] == ' ') {                          /* Sun Nov  6 08:49:37 1994 */
        scan.at += 4;
        month = month_name(&scan);
        expect(&scan, " ");
        day = number(&scan, 2);
        expect(&scan, " ");
        time = time_of_day(&scan);
        expect(&scan, " ");
        year = number(&scan, 4);
    } else {
        bool old = long_name > 0 && len > long_name && text[long_name] == ',';  /* Sunday, 06-Nov-94 08:49:37 GMT */
        scan.at += old ? long_name : short_name;
        expect(&scan, ", ");
        day = number(&scan, 2);
        expect(&scan, old ? "-" : " ");
        month = month_name(&scan);
        expect(&scan, old ? "-" : " ");
        year = number(&scan, old ? 2 : 4);
        if (old)
            year += year < 70 ? 2000 : 1900;            /* two digits: a page that is 50 years old has not been changed since */
        expect(&scan, " ");
        time = time_of_day(&scan);
        expect(&scan, " GMT");
    }
    if (scan.wrong || scan.at != scan.end || day < 1 || day > 31 || (short_name == 0 && long_name == 0))
        return false;
    *seconds = days_of(year, month, day) * DAY + time;
    return true;
}
