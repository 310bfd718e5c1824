/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/options.h  The program's command line.
 */
#ifndef WEIR_SERVER_OPTIONS_H
#define WEIR_SERVER_OPTIONS_H

#include <stddef.h>
#include <stdio.h>

/* Exit statuses. */
enum { EXIT_FINE = 0, EXIT_TROUBLE = 1, EXIT_USAGE = 2, EXIT_CUT_SHORT = 3 };

enum command { COMMAND_RUN, COMMAND_CHECK, COMMAND_PRINT, COMMAND_VERSION, COMMAND_HELP };

struct options {
    enum command command;
    const char **files;         /* of -c, in order; the array is ours, the strings are argv's */
    size_t file_count;
    const char **settings;      /* of -o */
    size_t setting_count;
};

/* Read the command line. Negative: it makes no sense, which has been said on standard error. */
int  options_read(int argc, char **argv, struct options *out);
void options_fini(struct options *options);

void options_help(FILE *to);

#endif
