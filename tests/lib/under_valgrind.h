/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/under_valgrind.h  Whether valgrind runs this, for what it does in its own way: rounding, a child's end, memory.
 */
#ifndef TESTS_LIB_UNDER_VALGRIND_H
#define TESTS_LIB_UNDER_VALGRIND_H

#include "core/switch_announce.h"

#ifdef ANNOUNCE_VALGRIND
#define UNDER_VALGRIND RUNNING_ON_VALGRIND
#else
#define UNDER_VALGRIND 0
#endif

#endif
