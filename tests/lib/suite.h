/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/suite.h  What every test program starts from: Check, and main() around the program's suite().
 *
 * A test body runs as a task and only records what it saw; the asserts come after weir_run(), on the plain stack
 * (tests/README.md says why).
 */
#ifndef WEIR_TESTS_SUITE_H
#define WEIR_TESTS_SUITE_H

#include <check.h>

/* Defined by each test program. */
Suite *suite(void);

#endif
