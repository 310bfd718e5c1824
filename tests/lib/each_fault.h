/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/each_fault.h  Runs a scenario again and again, with its first, second, third … seam call failed, until there is
 * none left to fail.
 *
 * The scenario returns 0 or the code that reached it, and leaves nothing behind; leaks are for the sanitizers to see. What
 * may not fail (a write to an eventfd that is not full) is left out by @only.
 */
#ifndef WEIR_TESTS_EACH_FAULT_H
#define WEIR_TESTS_EACH_FAULT_H

#include <stdint.h>

#include "core/sys_fault.h"
#include "lib/suite.h"

#define EACH_FAULT_MOST 20000   /* more than any scenario calls: one that gets there makes no progress */

#define FAULT_OF(call) (1ULL << (call))
/* A wake-up cannot fail on Linux unless 2^64-2 others are pending, and a failed one would rightly hang. */
#define FAULT_ANY (((1ULL << SYS_CALLS) - 1) & ~FAULT_OF(SYS_WRITE))

/* Returns how many runs failed somewhere; the scenario has to succeed when nothing fails. */
static inline uint64_t each_fault(uint64_t only, bool from_then_on, int (*scenario)(void *arg), void *arg)
{
    for (uint64_t n = 1; n < EACH_FAULT_MOST; n++) {
        struct fault_plan plan = { .fail_at = n, .from_then_on = from_then_on, .only = only };
        weir__fault_begin(&plan);
        int code = scenario(arg);
        if (weir__fault_end() == 0) {
            ck_assert_int_ge(code, 0);
            return n - 1;
        }
    }
    ck_abort_msg("the scenario never comes to its end");
    return 0;
}

#endif
