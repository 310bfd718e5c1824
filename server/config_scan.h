/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_scan.h  The words of one configuration file, checked before libconfig sees them.
 *
 * libconfig 1.5 is silent where a person would want to know: an integer that needs more than 32 bits is cut, "." is a
 * number, a comment that is never closed swallows the rest, an escape it doesn't know stays as it is, and its includes
 * are relative to the current directory. Here such words are found, with their line, and what is passed on is
 * the same text without comments, with long integers marked as such. Line breaks stay where they are.
 */
#ifndef WEIR_SERVER_CONFIG_SCAN_H
#define WEIR_SERVER_CONFIG_SCAN_H

#include "server/config_grammar.h"
#include "server/config_text.h"
#include "server/problems.h"

struct config_scan {
    const struct config_file *file;
    const char               *bytes;
    size_t                    len;
    struct config_text       *out;
    struct config_grammar    *grammar;          /* is told of each word, and that there was a wrong one */
    struct problems          *problems;         /* NULL: only say whether there are any */

    /* Splice in what "@include PATH" on @line names. False: it failed, and said so. NULL: there are no includes here. */
    bool (*include)(void *arg, const char *path, size_t len, unsigned line);
    void  *arg;
};

/*
 * Pass the words of a file on to out.
 *
 * returns  whether all of them are words that libconfig knows, in an order that it knows, includes included; else there is
 *          a problem for each wrong word, and for the first that stands where it may not
 */
bool config_scan(const struct config_scan *scan);

#endif
