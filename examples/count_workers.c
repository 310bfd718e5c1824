/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/count_workers.c  Primes, counted by all workers, added up by one.    Try: ./count_workers 1000000 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHUNK 1000UL            /* numbers looked at before the worker's other tasks get their turn */

static unsigned long below = 1000000;
static weir_queue found;        /* worker 0's: the number of primes in each chunk */

static uintptr_t primes_from(unsigned long start)
{
    uintptr_t primes = 0, d;

    for (unsigned long n = start; n < start + CHUNK && n < below; primes += n >= 2 && n / d < d, n++)
        for (d = 2; d <= n / d && n % d != 0; d++)
            ;
    return primes;
}

static int count(void *arg)
{
    int code = 0;

    for (unsigned long start = weir_worker_index() * CHUNK; start < below && code == 0; start += weir_worker_count() * CHUNK) {
        void *primes = (void *)primes_from(start);
        code = weir_yield();    /* what else runs on this worker */
        /* Full, or worker 0 has not come to its first get: the others wait. */
        while (code == 0 && ((code = weir_queue_put_threadsafe(arg, primes)) == -EAGAIN || code == WEIR_ESTATE))
            code = weir_sleep(0.001);
    }
    return code;
}

static int run(void *arg)
{
    unsigned long sum = 0;
    void *primes;

    if (weir_worker_index() != 0)
        return count(arg);
    int code = weir_spawn(count, arg);
    for (unsigned long start = 0; start < below && code == 0 && (code = weir_queue_get(arg, &primes)) == 0; start += CHUNK)
        sum += (uintptr_t)primes;
    if (code == 0)
        printf("%lu primes below %lu, counted by %u workers\n", sum, below, weir_worker_count());
    return code;
}

int main(int argc, char **argv)
{
    below = argc > 1 ? strtoul(argv[1], NULL, 10) : below;
    int code = weir_queue_init(&found, 64) < 0 ? -ENOMEM : weir_run_workers(0, run, &found);
    if (code < 0)
        fprintf(stderr, "count_workers: %s: %s\n", weir_strerror(code), weir_error_detail());
    return code < 0;
}
