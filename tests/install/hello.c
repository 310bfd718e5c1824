/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/install/hello.c  A user's program, outside the tree: the installed headers and library must be enough for it.
 *
 * It runs a loop and a task that waits, so that a library that links and does not work is noticed too.
 */
#include <stdio.h>
#include <weir/weir.h>

static int hello(void *arg)
{
    int *passes = arg;

    while (*passes > 0) {
        int code = weir_yield();
        if (code < 0)
            return code;
        *passes -= 1;
    }
    return 0;
}

int main(void)
{
    int passes = 3;
    int code = weir_run(hello, &passes);

    if (code < 0)
        fprintf(stderr, "hello: %s: %s\n", weir_strerror(code), weir_error_detail());
    else
        printf("weir %s, %d passes left\n", weir_version(), passes);
    return code < 0;
}
