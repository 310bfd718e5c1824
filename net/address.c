/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/address.c  Addresses as text and back; no resolver here.
 */
#include <weir/address.h>

#include "net/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "core/error.h"
#include "core/sys.h"

/* --- Parsing -------------------------------------------------------------- */

int weir__address_unix(weir_address *out, const char *path)
{
    struct sockaddr_un *un = (void *)&out->storage;
    size_t len = strlen(path);

    if (len == 0)
        return weir__fail_text(-EINVAL, "a Unix socket is named by a path or @name, and this is neither");
    if (len >= sizeof un->sun_path)
        return weir__fail_text(-ENAMETOOLONG, "the path of a Unix socket has at most %zu bytes, this one has %zu",
                               sizeof un->sun_path - 1, len);
    memset(out, 0, sizeof *out);
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, len);
    out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (path[0] == '@')
        un->sun_path[0] = '\0';                 /* an abstract name, whose length counts */
    else
        out->len++;                             /* the final NUL belongs to a path */
    return 0;
}

/* An interface's name or number behind the % of an IPv6 address. */
static int parse_scope(const char *scope, uint32_t *out)
{
    char *end;
    unsigned long number = strtoul(scope, &end, 10);

    if (*scope != '\0' && *end == '\0' && number <= UINT32_MAX) {
        *out = (uint32_t)number;
        return 0;
    }
    *out = if_nametoindex(scope);
    return *out != 0 ? 0 : -EINVAL;
}

static bool parse_ipv6(weir_address *out, const char *host, uint16_t port)
{
    struct sockaddr_in6 *in6 = (void *)&out->storage;
    char text[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
    size_t len = strlen(host);
    uint32_t scope = 0;

    if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    if (len >= sizeof text)
        return false;
    memcpy(text, host, len);
    text[len] = '\0';
    char *percent = strchr(text, '%');
    if (percent != NULL) {
        *percent = '\0';
        if (parse_scope(percent + 1, &scope) < 0)
            return false;
    }
    struct in6_addr parsed;
    if (inet_pton(AF_INET6, text, &parsed) != 1)
        return false;
    memset(out, 0, sizeof *out);
    in6->sin6_family = AF_INET6;
    in6->sin6_addr = parsed;
    in6->sin6_port = htons(port);
    in6->sin6_scope_id = scope;
    out->len = sizeof *in6;
    return true;
}

int weir_address_parse(weir_address *out, const char *host, uint16_t port)
{
    struct in_addr parsed;

    if (host == NULL)
        return weir__fail_text(-EINVAL, "no address to parse");
    if (strncmp(host, "unix:", 5) == 0)
        return weir__address_unix(out, host + 5);
    if (inet_pton(AF_INET, host, &parsed) == 1) {
        struct sockaddr_in *in = (void *)&out->storage;
        memset(out, 0, sizeof *out);
        in->sin_family = AF_INET;
        in->sin_addr = parsed;
        in->sin_port = htons(port);
        out->len = sizeof *in;
        return 0;
    }
    if (parse_ipv6(out, host, port))
        return 0;
    return weir__fail_text(-EINVAL, "\"%s\" is not an IPv4 or IPv6 address, nor unix:/path", host);
}

/* --- Asking and printing -------------------------------------------------- */

uint16_t weir_address_port(const weir_address *a)
{
    switch (a->storage.ss_family) {
    case AF_INET:
        return ntohs(((const struct sockaddr_in *)&a->storage)->sin_port);
    case AF_INET6:
        return ntohs(((const struct sockaddr_in6 *)&a->storage)->sin6_port);
    default:
        return 0;
    }
}

static void format_unix(const weir_address *a, char *buf, size_t size)
{
    const struct sockaddr_un *un = (const void *)&a->storage;
    size_t len = a->len > offsetof(struct sockaddr_un, sun_path) ? a->len - offsetof(struct sockaddr_un, sun_path) : 0;
    int at = snprintf(buf, size, "unix:");
    bool abstract = len > 0 && un->sun_path[0] == '\0';

    if (!abstract)
        len = strnlen(un->sun_path, len);
    for (size_t i = 0; i < len && (size_t)at + 1 < size; i++) {
        char c = un->sun_path[i];
        buf[at++] = i == 0 && abstract ? '@' : isprint((unsigned char)c) ? c : '?';
    }
    if ((size_t)at < size)
        buf[at] = '\0';
}

const char *weir_address_format(const weir_address *a, char *buf, size_t size)
{
    char host[INET6_ADDRSTRLEN];

    if (size == 0)
        return buf;
    buf[0] = '\0';
    switch (a->storage.ss_family) {
    case AF_INET:
        inet_ntop(AF_INET, &((const struct sockaddr_in *)&a->storage)->sin_addr, host, sizeof host);
        snprintf(buf, size, "%s:%u", host, weir_address_port(a));
        break;
    case AF_INET6: {
        const struct sockaddr_in6 *in6 = (const void *)&a->storage;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        if (in6->sin6_scope_id != 0)
            snprintf(buf, size, "[%s%%%u]:%u", host, in6->sin6_scope_id, weir_address_port(a));
        else
            snprintf(buf, size, "[%s]:%u", host, weir_address_port(a));
        break;
    }
    case AF_UNIX:
        format_unix(a, buf, size);
        break;
    default:
        snprintf(buf, size, "address of family %d", a->storage.ss_family);
    }
    return buf;
}

bool weir_address_eq(const weir_address *a, const weir_address *b)
{
    const struct sockaddr_storage *x = &a->storage, *y = &b->storage;

    if (x->ss_family != y->ss_family)
        return false;
    if (x->ss_family == AF_INET) {
        const struct sockaddr_in *p = (const void *)x, *q = (const void *)y;
        return p->sin_port == q->sin_port && p->sin_addr.s_addr == q->sin_addr.s_addr;
    }
    if (x->ss_family == AF_INET6) {
        const struct sockaddr_in6 *p = (const void *)x, *q = (const void *)y;
        return p->sin6_port == q->sin6_port && p->sin6_scope_id == q->sin6_scope_id
               && memcmp(&p->sin6_addr, &q->sin6_addr, sizeof p->sin6_addr) == 0;
    }
    return a->len == b->len && memcmp(x, y, a->len) == 0;
}

/* --- Inside --------------------------------------------------------------- */

void weir__address_set(weir_address *out, const struct sockaddr *addr, socklen_t len)
{
    if (len > sizeof out->storage)
        len = sizeof out->storage;
    memset(out, 0, sizeof *out);
    memcpy(&out->storage, addr, len);
    out->len = len;
}

int weir__address_list_add(struct address_list *list, const struct sockaddr *addr, socklen_t len)
{
    weir_address address;

    weir__address_set(&address, addr, len);
    for (size_t i = 0; i < list->count; i++) {
        if (weir_address_eq(&list->items[i], &address))
            return 0;
    }
    if (list->count == list->room) {
        size_t room = list->room == 0 ? 4 : list->room * 2;
        weir_address *grown = sys_realloc(list->items, room * sizeof *grown);
        if (grown == NULL)
            return -ENOMEM;
        list->items = grown;
        list->room = room;
    }
    list->items[list->count++] = address;
    return 0;
}

void weir__address_list_fini(struct address_list *list)
{
    sys_free(list->items);
    *list = (struct address_list) { 0 };
}
