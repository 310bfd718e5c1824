/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/error.c  The list of codes, their texts, and the detail of the last failure.
 */
#include <weir/error.h>

#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/sys.h"
#include "core/task.h"

/* Every code of our own, once. The reference's table and weir_strerror are made from it. */
#define WEIR_CODES(X) \
    X(WEIR_EINCOMPLETE, "the end came before all the data that was asked for") \
    X(WEIR_ELIMIT, "a line or record is longer than the reader's limit") \
    X(WEIR_ESTATE, "not possible in this state") \
    X(WEIR_ENOTASK, "would have to suspend, and was not called from a task") \
    X(WEIR_ETLS, "TLS failure") \
    X(WEIR_ERESOLVE, "the host name can't be resolved") \
    X(WEIR_ECONFIG, "error in the configuration") \
    X(WEIR_EPLUGIN, "the plugin can't be used")

static const struct {
    int code;
    const char *text;
} own_codes[] = {
#define X(code, text) { code, text },
    WEIR_CODES(X)
#undef X
};

/* Threads end without telling us, so their text is a buffer and not an allocation. */
static _Thread_local char thread_text[ERROR_TEXT_MAX];
static _Thread_local struct failure thread_failure;

struct failure *weir__failure_here(void)
{
    weir_task *task = weir__task_current();

    if (task != NULL)
        return &task->failure;
    thread_failure.text = thread_text;
    return &thread_failure;
}

int weir__fail(int code)
{
    struct failure *here = weir__failure_here();

    here->code = code;
    if (here->text != NULL)
        here->text[0] = '\0';
    return code;
}

int weir__fail_text(int code, const char *fmt, ...)
{
    struct failure *here = weir__failure_here();
    va_list args;

    here->code = code;
    if (here->text == NULL)
        here->text = sys_malloc(ERROR_TEXT_MAX);
    if (here->text == NULL)
        return code;
    va_start(args, fmt);
    vsnprintf(here->text, ERROR_TEXT_MAX, fmt, args);
    va_end(args);
    return code;
}

void weir__failure_move(struct failure *from, struct failure *to)
{
    to->code = from->code;
    if (to->text == NULL && from->text != thread_text) {
        to->text = from->text;
        from->text = NULL;
        return;
    }
    if (to->text == NULL)                       /* a thread's own buffer stays with its thread */
        to->text = sys_malloc(ERROR_TEXT_MAX);
    if (to->text == NULL)
        return;
    if (from->text != NULL)
        memcpy(to->text, from->text, ERROR_TEXT_MAX);
    else
        to->text[0] = '\0';
}

void weir__failure_fini(struct failure *failure)
{
    sys_free(failure->text);
    failure->text = NULL;
}

const char *weir_strerror(int code)
{
    for (size_t i = 0; i < sizeof own_codes / sizeof own_codes[0]; i++) {
        if (own_codes[i].code == code)
            return own_codes[i].text;
    }
    if (code >= 0)
        return "success";

    /* strerrordesc_np knows the texts without a buffer and without a locale, so it is safe in any thread. */
    const char *text = code > -4096 ? strerrordesc_np(-code) : NULL;
    return text != NULL ? text : "unknown error";
}

const char *weir_error_detail(void)
{
    const struct failure *here = weir__failure_here();

    if (here->text != NULL && here->text[0] != '\0')
        return here->text;
    return here->code < 0 ? weir_strerror(here->code) : "";
}

const char *weir_version(void)
{
    return WEIR_VERSION_STRING;
}
