/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/http/date.h  HTTP's dates (RFC 9110, 5.6.7): written in the one form that is sent, read in the three that may come.
 *
 * Pure: no clock, no locale, no memory.
 */
#ifndef WEIR_PLUGINS_HTTP_DATE_H
#define WEIR_PLUGINS_HTTP_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DATE_LENGTH 29          /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/* Write DATE_LENGTH bytes, no NUL. @seconds since 1970; what lies outside of the years 0 to 9999 is moved to their edge. */
void date_format(char *out, int64_t seconds);

/* Read a date; false: it is none. */
bool date_parse(const char *text, size_t len, int64_t *seconds);

#endif
