/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/scratch.h  A folder for a test's files, which is the current directory while the test runs.
 *
 * Both are meant as a checked fixture: tcase_add_checked_fixture(tests, scratch_begin, scratch_end).
 */
#ifndef WEIR_TESTS_SCRATCH_H
#define WEIR_TESTS_SCRATCH_H

#include <stddef.h>

void scratch_begin(void);
void scratch_end(void);

/* The folder, absolute, with symbolic links resolved. */
const char *scratch_folder(void);

/* Write a file, with the folders before it. */
void scratch_write(const char *name, const char *text);
void scratch_write_bytes(const char *name, const void *bytes, size_t len);

#endif
