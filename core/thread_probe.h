/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/thread_probe.h  What a loop's thread is doing at this moment, asked for by another thread.
 */
#ifndef WEIR_CORE_THREAD_PROBE_H
#define WEIR_CORE_THREAD_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/log.h"
#include "core/loop.h"

#define PROBE_FRAMES 40         /* of the stack; the innermost ones */
#define PROBE_NAME   64
#define PROBE_TEXT   256

struct probed {
    int64_t pass_ns;            /* which step it is in: busy_since_ns and COUNTER_SWITCHES */
    uint64_t switches;
    bool in_task;
    const void *entry;          /* of the task: the user's function */
    char task[PROBE_NAME];      /* its name, or what it is; cut to fit */
    void *frames[PROBE_FRAMES];
    int frame_count;
};

/* Be ready for weir__probe: takes SIGURG, whose default is to do nothing. 0, -EBUSY when the program handles that signal
 * itself, or another code. */
int  weir__probe_start(void);
void weir__probe_stop(void);

/*
 * Look at the thread that runs @loop. A signal interrupts it; system calls that SA_RESTART does not cover (signal(7)) return
 * EINTR there.
 *
 * The caller holds weir__running_lock. 0, or -ETIMEDOUT: the thread took no signal for two seconds.
 */
int  weir__probe(weir_loop *loop, struct probed *out);

/* A line for each frame. */
void weir__probe_log_frames(enum log_level level, const struct probed *probed);

/* "function+0x12", or "object+0x1234" where the function's name is not exported. Returns @out. */
const char *weir__probe_place(const void *address, char out[PROBE_TEXT]);

#endif
