/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/clock.h  Time that moves when a test says so.
 *
 * The test program defines clock_gettime, epoll_wait and epoll_ctl, which weir and libev call through the PLT. Without
 * clock_fake() they are the real ones (and count). With it, time stands still while there is anything to do; a loop that
 * would wait for its next timer finds that the time has come. So an hour passes in no time, exactly, and no test sleeps.
 *
 * For what happens within one thread. A loop that waits for another thread or process must run by the real clock.
 */
#ifndef WEIR_TESTS_CLOCK_H
#define WEIR_TESTS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* From here on in this process (a Check test is one): time starts at 1000 s and moves as described. */
void clock_fake(void);

/* The clocks tell the truth again. A test that ran no loop ends with it: Check asks how long the test took, and a made-up time
 * would be no duration. */
void clock_real(void);

/* Let both clocks jump ahead. */
void clock_advance(double seconds);

/* The wall clock alone, forwards or back; nothing may notice. */
void clock_jump_wall(double seconds);

/* Seconds since clock_fake(). */
double clock_now(void);

/* Called when the loop would let time pass: true when it made something happen in another thread that the loop has to see
 * first. So that work for the executor takes no time, and its turn. NULL: as before. */
void clock_when_idle(bool (*hook)(void));

/* How often libev has called, since the program began. */
uint64_t epoll_waits(void);
uint64_t epoll_ctls(void);

/* The next so many epoll_ctl calls fail with this errno. */
void epoll_ctl_fail(unsigned calls, int error);

#endif
