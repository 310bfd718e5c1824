/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/log.h  What the library has to say, said to the hook of weir_set_log and to nobody else.
 */
#ifndef WEIR_CORE_LOG_H
#define WEIR_CORE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/* Whether anyone listens at this level; worth asking before work is spent on a message. */
bool weir__log_wanted(enum log_level level);

/* One event: a constant message, then key=value pairs. Cut at 512 bytes. */
__attribute__((format(printf, 2, 3))) void weir__log(enum log_level level, const char *fmt, ...);

/* True at most once a second for each @last (zero at first), so that a storm of one event is one line a second. */
bool weir__log_due(int64_t *last_ns);

#endif
