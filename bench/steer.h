/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/steer.h  How a load program and whoever steers it take turns.
 *
 *     program                     steerer (bench/run.py, or a person)
 *     "ready\n" on stdout   --->  reads the server's CPU time
 *                           <---  a line, or the end, on stdin: go
 *     one JSON line         --->  reads the server's CPU time again
 *                           <---  the end of stdin: let go of the connections
 *
 * Nothing is in flight when either line is printed, so the two readings bound
 * the measured part exactly. A closed stdin answers everything at once: with
 * </dev/null a program runs straight through. Every wait has a deadline.
 */
#ifndef BENCH_STEER_H
#define BENCH_STEER_H

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)      /* in nanoseconds, as all times here */

enum steer { STEER_LINE, STEER_END, STEER_OTHER, STEER_LATE };

static inline int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

/* Milliseconds until @deadline for poll and epoll_wait, rounded up; 0 when it has passed. */
static inline int ms_until(int64_t deadline)
{
    int64_t left = deadline - now_ns();

    if (left <= 0)
        return 0;
    return left / 1000000 >= INT32_MAX ? INT32_MAX : (int)(left / 1000000 + 1);
}

/*
 * Wait until stdin brings a line or its end, @other_fd (-1: none) is readable,
 * or @deadline passes, and say which. Read bytewise: what follows the line
 * stays in the pipe.
 */
static inline enum steer steer_wait(int other_fd, int64_t deadline)
{
    for (;;) {
        struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
                                 { .fd = other_fd, .events = POLLIN } };
        int count = poll(fds, 2, ms_until(deadline));

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return STEER_LATE;
        if (fds[1].revents != 0)
            return STEER_OTHER;

        char byte;
        ssize_t got = read(STDIN_FILENO, &byte, 1);
        if (got <= 0)
            return STEER_END;
        if (byte == '\n')
            return STEER_LINE;
    }
}

/* Say "ready" and wait for the word to go. False: nobody answered in time. */
static inline bool steer_ready(int64_t deadline)
{
    puts("ready");
    fflush(stdout);
    enum steer answer = steer_wait(-1, deadline);
    return answer == STEER_LINE || answer == STEER_END;
}

/*
 * Keep everything open until stdin ends. False when @other_fd became readable
 * first (nobody asks for bytes now, so it is a loss) or time ran out.
 */
static inline bool steer_hold(int other_fd, int64_t deadline)
{
    enum steer answer;

    while ((answer = steer_wait(other_fd, deadline)) == STEER_LINE)
        continue;
    return answer == STEER_END;
}

#endif
