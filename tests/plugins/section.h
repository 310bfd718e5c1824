/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/section.h  A server section without a program: options from a list, counters in a row, access lines in a text.
 *
 *      section_begin((struct option[]) { { "page", "hi" }, { NULL, NULL } });
 *      section_configure();                        in the test, on the plain stack
 *      section_start();                            in a task: worker_start; section_state is the handlers' state
 *      section_stop();                             worker_stop
 *      section_end();                              destroy, and what it left behind is an error
 *
 * One at a time; each Check test is a process of its own.
 */
#ifndef WEIR_TESTS_PLUGINS_SECTION_H
#define WEIR_TESTS_PLUGINS_SECTION_H

#include <stdint.h>

#include <weir/plugin.h>

/* As in a config file; sizes, times and numbers are written as text here too ("64k", "1.5s", "7"). */
struct option {
    const char *key, *value;
};

extern void *section_state;

/* @options ends with a NULL key, and stays the caller's until section_end(). */
void section_begin(const struct option *options);

/* With an access log: from now on section_begin() makes one. */
void section_want_access(void);

int section_configure(void);    /* configure's result */
void *section_data(void);       /* what it kept */
int section_start(void);        /* worker_start's result */
void section_stop(void);
void section_end(void);

/* What weir_plugin_context_fail() was told: "key: text\n" for each. */
const char *section_failures(void);

/* Options that the section has and that configure did not ask for, each with a space after it. */
const char *section_unasked(void);

/* Access lines, each with a newline after it. */
const char *section_access(void);

/* What the counter of this name has come to; UINT64_MAX: there is none. */
uint64_t section_count(const char *name);

#endif
