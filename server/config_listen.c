/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_listen.c  Addresses to listen on, as a configuration writes them.
 *
 * Equal addresses get equal texts, so that two servers on one are seen: IPv6 addresses in their shortest form, names in
 * small letters, ports without leading zeros, "*" for all interfaces.
 */
#include "server/config_listen.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "server/config_source.h"

#define UNIX_MOST (sizeof((struct sockaddr_un *)NULL)->sun_path - 1)    /* bytes of a path; 107 on Linux */
#define HOST_MOST 255                                                   /* bytes of a name in the DNS */
#define SCOPED_MOST (INET6_ADDRSTRLEN + IF_NAMESIZE)

static bool fail(const char **why, const char *reason)
{
    *why = reason;
    return false;
}

/* --- Unix ---------------------------------------------------------------- */

static bool parse_unix(struct config_memory *memory, const char *folder, const char *path, struct listen_address *out,
                       const char **why)
{
    if (path[0] == '\0' || strcmp(path, "@") == 0)
        return fail(why, "has no path, expected unix:/PATH or unix:@NAME");

    char *absolute = path[0] == '@' ? config_memory_text(memory, path) : config_source_path(memory, folder, path);
    if (absolute == NULL)
        return fail(why, NULL);
    if (strlen(absolute) > UNIX_MOST)
        return fail(why, "has a path that is too long, expected at most 107 bytes with its folder, as a socket's name can hold");
    char *text = config_memory_format(memory, "unix:%s", absolute);
    if (text == NULL)
        return fail(why, NULL);
    *out = (struct listen_address){ .kind = LISTEN_UNIX, .text = text, .host = "", .path = absolute };
    return true;
}

/* --- TCP ----------------------------------------------------------------- */

static bool parse_port(const char *text, uint16_t *out)
{
    size_t len = strspn(text, "0123456789");

    if (len == 0 || len > 5 || text[len] != '\0')
        return false;
    long port = strtol(text, NULL, 10);
    if (port > UINT16_MAX)
        return false;
    *out = (uint16_t)port;
    return true;
}

/* The shortest form of an IPv6 address, with its scope as it was. */
static bool normal_ipv6(const char *text, size_t len, char out[SCOPED_MOST])
{
    char copy[SCOPED_MOST];
    struct in6_addr address;

    if (len >= sizeof copy || memchr(text, '\0', len) != NULL)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    char *scope = strchr(copy, '%');
    if (scope != NULL) {
        *scope++ = '\0';
        if (scope[0] == '\0' || strlen(scope) >= IF_NAMESIZE)
            return false;
    }
    char shortest[INET6_ADDRSTRLEN];
    if (inet_pton(AF_INET6, copy, &address) != 1 || inet_ntop(AF_INET6, &address, shortest, sizeof shortest) == NULL)
        return false;
    snprintf(out, SCOPED_MOST, "%s%s%s", shortest, scope != NULL ? "%" : "", scope != NULL ? scope : "");
    return true;
}

/* A name, or an IPv4 address, in small letters. */
static bool normal_name(const char *text, size_t len, char out[HOST_MOST + 1])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_";

    if (len == 0 || len > HOST_MOST || text[0] == '-')
        return false;
    for (size_t i = 0; i < len; i++) {
        out[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];
        if (out[i] == '\0' || strchr(letters, out[i]) == NULL)
            return false;
    }
    out[len] = '\0';
    return true;
}

/* Digits and points alone must be an address: the resolver would take 1.2.3 for 1.2.0.3. */
static bool is_broken_ipv4(const char *host)
{
    struct in_addr address;

    return strspn(host, "0123456789.") == strlen(host) && inet_pton(AF_INET, host, &address) != 1;
}

static bool parse_host(const char *text, size_t len, char out[HOST_MOST + 1], bool *brackets, const char **why)
{
    *brackets = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    if (*brackets) {
        if (!normal_ipv6(text + 1, len - 2, out))
            return fail(why, "has no IPv6 address in its brackets, expected one such as [::1]");
    } else if (len == 0 || (len == 1 && text[0] == '*')) {
        out[0] = '\0';
    } else if (memchr(text, ':', len) != NULL) {
        return fail(why, "has several \":\", expected an IPv6 address in brackets, such as [::1]:7000");
    } else if (!normal_name(text, len, out)) {
        return fail(why, "has a host that is none, expected a name, an address, or \"*\" for all interfaces");
    } else if (is_broken_ipv4(out)) {
        return fail(why, "has an address that is none, expected one such as 127.0.0.1");
    }
    return true;
}

static bool parse_tcp(struct config_memory *memory, const char *text, struct listen_address *out, const char **why)
{
    char host[HOST_MOST + 1];
    uint16_t port;
    bool brackets;
    const char *colon = strrchr(text, ':');

    if (text[0] == '/' || text[0] == '.' || text[0] == '@')
        return fail(why, "looks like a Unix socket, expected \"unix:\" before it");
    if (colon == NULL || (colon > text && colon[-1] != ']' && text[0] == '['))
        return fail(why, "has no port, expected one behind a \":\", such as *:7000");
    if (!parse_port(colon + 1, &port))
        return fail(why, "has a port that is none, expected a number from 0 to 65535 behind the last \":\"");
    if (!parse_host(text, (size_t)(colon - text), host, &brackets, why))
        return false;

    char *kept = config_memory_text(memory, host);
    char *normal = config_memory_format(memory, brackets ? "[%s]:%u" : "%s:%u", host[0] == '\0' ? "*" : host, port);
    if (kept == NULL || normal == NULL)
        return fail(why, NULL);
    *out = (struct listen_address){ .kind = LISTEN_TCP, .text = normal, .host = kept, .port = port, .path = "" };
    return true;
}

bool config_listen_parse(struct config_memory *memory, const char *folder, const char *text, struct listen_address *out,
                         const char **why)
{
    static const char unix_prefix[] = "unix:";

    if (strncmp(text, unix_prefix, sizeof unix_prefix - 1) == 0)
        return parse_unix(memory, folder, text + sizeof unix_prefix - 1, out, why);
    return parse_tcp(memory, text, out, why);
}
