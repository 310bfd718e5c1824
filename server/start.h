/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/start.h  From the command line's files to a serving process, or to a list of what is wrong.
 */
#ifndef WEIR_SERVER_START_H
#define WEIR_SERVER_START_H

#include "server/options.h"

/* weir run: serve until told to stop. Returns an exit status of options.h; what is wrong is said on standard error. */
int start_run(const struct options *options);

/* weir check: everything that can be found wrong without serving, a line for each on standard error. */
int start_check(const struct options *options);

/* weir print: the effective configuration on standard output. */
int start_print(const struct options *options);

#endif
