/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/log.c  The log hook.
 *
 * The hook may be changed while other threads log. It sits behind a lock that is taken only when the level is wanted, so a
 * silent library pays one relaxed load.
 */
#include <weir/error.h>

#include "core/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "core/sys.h"

#define LOG_TEXT_MAX 512

static pthread_mutex_t hook_lock = PTHREAD_MUTEX_INITIALIZER;
static weir_log_cb hook;
static void *hook_arg;
static atomic_int hook_level = LOG_LEVEL_ERROR + 1;     /* above all levels: silent */

void weir_set_log(weir_log_cb cb, void *arg, int level)
{
    pthread_mutex_lock(&hook_lock);
    hook = cb;
    hook_arg = arg;
    atomic_store_explicit(&hook_level, cb != NULL ? level : LOG_LEVEL_ERROR + 1, memory_order_relaxed);
    pthread_mutex_unlock(&hook_lock);
}

void weir_log_stderr(int level, const char *message, void *arg)
{
    static const char *const names[] = { "debug", "info", "warning", "error" };

    (void)arg;
    fprintf(stderr, "weir: %s: %s\n", names[level < 0 ? 0 : level > 3 ? 3 : level], message);
}

bool weir__log_wanted(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&hook_level, memory_order_relaxed);
}

static void say(int level, const char *fmt, va_list args)
{
    char text[LOG_TEXT_MAX];

    vsnprintf(text, sizeof text, fmt, args);

    pthread_mutex_lock(&hook_lock);
    weir_log_cb cb = hook;
    void *arg = hook_arg;
    pthread_mutex_unlock(&hook_lock);
    if (cb != NULL)
        cb(level, text, arg);
}

void weir__log(enum log_level level, const char *fmt, ...)
{
    va_list args;

    if (!weir__log_wanted(level))
        return;
    va_start(args, fmt);
    say((int)level, fmt, args);
    va_end(args);
}

void weir_log(int level, const char *fmt, ...)
{
    va_list args;

    level = level < LOG_LEVEL_DEBUG ? LOG_LEVEL_DEBUG : level > LOG_LEVEL_ERROR ? LOG_LEVEL_ERROR : level;
    if (!weir__log_wanted((enum log_level)level))
        return;
    va_start(args, fmt);
    say(level, fmt, args);
    va_end(args);
}

bool weir__log_due(int64_t *last_ns)
{
    int64_t now = sys_monotonic_ns();

    if (*last_ns != 0 && now - *last_ns < NS_PER_SECOND)
        return false;
    *last_ns = now;
    return true;
}
