/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/stream_say.c  One text, and names for what goes into it.
 */
#include "lib/stream_say.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <weir/error.h>

#define SHOWN_MOST 40           /* longer bytes are shown by their number */

static char text[8192];
static size_t text_len;

void say(const char *fmt, ...)
{
    va_list args;

    if (text_len > 0 && text_len + 1 < sizeof text)
        text[text_len++] = ' ';
    va_start(args, fmt);
    int len = vsnprintf(text + text_len, sizeof text - text_len, fmt, args);
    va_end(args);
    text_len += len > 0 ? (size_t)len : 0;
    if (text_len >= sizeof text)
        text_len = sizeof text - 1;
}

const char *said(void)
{
    text[text_len] = '\0';
    return text;
}

void say_nothing(void)
{
    text_len = 0;
    text[0] = '\0';
}

/* Several results are often said in one call. */
static char *buffer(void)
{
    static char buffers[8][4 * SHOWN_MOST + 8];
    static unsigned next;

    return buffers[next++ % 8];
}

static const struct {
    const char *name;
    int code;
} codes[] = {
    { "EIO", -EIO }, { "EPIPE", -EPIPE }, { "ECONNRESET", -ECONNRESET }, { "EINVAL", -EINVAL }, { "EBUSY", -EBUSY },
    { "ECANCELED", -ECANCELED }, { "ETIMEDOUT", -ETIMEDOUT }, { "EMSGSIZE", -EMSGSIZE }, { "ENOBUFS", -ENOBUFS },
    { "EADDRNOTAVAIL", -EADDRNOTAVAIL },
    { "ENOMEM", -ENOMEM }, { "ENOTSUP", -ENOTSUP }, { "ENOTCONN", -ENOTCONN }, { "ESHUTDOWN", -ESHUTDOWN },
    { "EADDRINUSE", -EADDRINUSE }, { "ECONNREFUSED", -ECONNREFUSED }, { "EMFILE", -EMFILE }, { "EAGAIN", -EAGAIN },
    { "ENOENT", -ENOENT }, { "ENAMETOOLONG", -ENAMETOOLONG }, { "EPERM", -EPERM },
    { "EINCOMPLETE", WEIR_EINCOMPLETE }, { "ELIMIT", WEIR_ELIMIT }, { "ESTATE", WEIR_ESTATE }, { "ENOTASK", WEIR_ENOTASK },
    { "ERESOLVE", WEIR_ERESOLVE },
};

const char *code_name(ssize_t code)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (codes[i].code == code)
            return codes[i].name;
    }
    char *number = buffer();
    snprintf(number, 24, "%zd", code);
    return number;
}

int code_called(const char *name)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (strcmp(codes[i].name, name) == 0)
            return codes[i].code;
    }
    return 0;
}

const char *quoted(const void *data, size_t len)
{
    const unsigned char *bytes = data;
    char *out = buffer();
    size_t at = 0;

    if (len > SHOWN_MOST) {
        snprintf(out, 64, "<%zu bytes>", len);
        return out;
    }
    out[at++] = '"';
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '\n' || bytes[i] == '\r') {
            out[at++] = '\\';
            out[at++] = bytes[i] == '\n' ? 'n' : 'r';
        } else if (isprint(bytes[i])) {
            out[at++] = (char)bytes[i];
        } else {
            at += (size_t)snprintf(out + at, 4, "\\%02x", bytes[i]);
        }
    }
    out[at++] = '"';
    out[at] = '\0';
    return out;
}
