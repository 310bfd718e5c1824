/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/main.c  Runs the suite of the test program it is linked with; 0 when every test passed and there was one.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/suite.h"

int main(void)
{
    SRunner *runner = srunner_create(suite());

    srunner_run_all(runner, CK_ENV);
    int run = srunner_ntests_run(runner);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    if (run == 0)
        fprintf(stderr, "no test was run\n");
    return run > 0 && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
