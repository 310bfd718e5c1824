/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/http/path.c  Escapes are decoded part by part, and what a part means is decided after that: "%2e%2e" is "..".
 */
#include "plugins/http/path.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* "http://host/path" as "/path": what a client sends that takes us for a proxy, and that has to be understood (RFC 9112, 3.2.2).
 * false: another scheme, or no host. */
static bool strip_authority(const char **target, size_t *len)
{
    static const char *const schemes[] = { "http://", "https://" };

    if (*len == 0 || **target == '/')
        return *len > 0;
    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(schemes[i]);
        if (*len <= n || strncasecmp(*target, schemes[i], n) != 0)
            continue;
        const char *host = *target + n, *end = *target + *len, *at = host;
        while (at < end && *at != '/' && *at != '?' && *at != '#')
            at++;
        if (at == host)
            return false;
        *target = at;
        *len = (size_t)(end - at);
        return true;
    }
    return false;
}

/* Decode one part to @out, which has room for NAME_MAX bytes. Its length, or minus the status that refuses it. */
static int decode_part(const char *at, const char *end, char *out)
{
    int len = 0;

    while (at < end) {
        char c = *at++;
        if (c == '%') {
            int high = end - at >= 2 ? hex_digit(at[0]) : -1;
            int low = high >= 0 ? hex_digit(at[1]) : -1;
            if (low < 0)
                return -400;
            c = (char)(high * 16 + low);
            at += 2;
        }
        if (c == '\0')
            return -400;
        if (c == '/')
            return -404;
        if (len == NAME_MAX)
            return -404;
        out[len++] = c;
    }
    return len;
}

/* Leave out the last part of "a/b/". false: there is none. */
static bool drop_part(const char *out, size_t *len)
{
    if (*len == 0)
        return false;
    (*len)--;
    while (*len > 0 && out[*len - 1] != '/')
        (*len)--;
    return true;
}

int path_normalise(const char *target, size_t len, char *out, size_t *out_len)
{
    size_t n = 0;

    if (!strip_authority(&target, &len) || memchr(target, '#', len) != NULL)
        return 400;
    const char *query = memchr(target, '?', len);
    const char *at = target, *end = query != NULL ? query : target + len;
    while (at < end) {
        at++;                                   /* the slash */
        const char *part_end = memchr(at, '/', (size_t)(end - at));
        bool last = part_end == NULL;
        if (last)
            part_end = end;
        if (n + NAME_MAX + 2 > PATH_ROOM)
            return 404;
        int part = decode_part(at, part_end, out + n);
        if (part < 0)
            return -part;
        at = part_end;
        if (part == 0 || (part == 1 && out[n] == '.'))
            continue;
        if (part == 2 && out[n] == '.' && out[n + 1] == '.') {
            if (!drop_part(out, &n))
                return 400;
            continue;
        }
        n += (size_t)part;
        if (!last)
            out[n++] = '/';
    }
    out[n] = '\0';
    *out_len = n;
    return 0;
}

size_t path_escape(const char *path, size_t len, char *out)
{
    static const char digits[] = "0123456789ABCDEF", as_they_are[] = "-._~/!$&'()*+,;=:@";
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)path[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c != '\0' && strchr(as_they_are, c) != NULL);
        if (plain) {
            out[n++] = (char)c;
            continue;
        }
        out[n++] = '%';
        out[n++] = digits[c >> 4];
        out[n++] = digits[c & 15];
    }
    return n;
}
