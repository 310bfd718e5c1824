/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/proxy/upstreams.c  Taking a text of addresses apart. Names are not looked up here: that is done for each connection,
 * so that a name may move.
 */
#include "plugins/proxy/upstreams.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BETWEEN   ", \t\r\n"
#define HOST_MOST 253           /* characters of a name in the DNS */

/* 1 to 65535 in decimal, and nothing else. */
static bool read_port(const char *text, uint16_t *out)
{
    unsigned long port = 0;
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 5 || text[digits] != '\0')
        return false;
    port = strtoul(text, NULL, 10);
    if (port < 1 || port > UINT16_MAX)
        return false;
    *out = (uint16_t)port;
    return true;
}

/* @host is cut out of where it lies. NULL, or what is wrong. */
static const char *read_address(char *host, struct upstream *out)
{
    char *colon = strrchr(host, ':');

    if (strncmp(host, "unix:", 5) == 0)
        return "Unix sockets are not offered, TCP only";
    if (colon == NULL)
        return "it has no port: expected host:port";
    if (!read_port(colon + 1, &out->port))
        return "its port is none: expected host:port with a port from 1 to 65535";
    *colon = '\0';
    if (host[0] == '[') {
        if (colon[-1] != ']')
            return "its brackets do not match: expected [address]:port";
        colon[-1] = '\0';
        host++;
    } else if (strchr(host, ':') != NULL) {
        return "an IPv6 address has to be in brackets: expected [address]:port";
    }
    if (host[0] == '\0' || strlen(host) > HOST_MOST || strpbrk(host, "[]/") != NULL)
        return "its host is none: expected a name or an address";
    out->host = host;
    return NULL;
}

/* Each address twice: as it stands, and in pieces. */
int upstreams_parse(struct upstreams *out, const char *text, char *error, size_t size)
{
    size_t length = strlen(text) + 1;

    *out = (struct upstreams) { .texts = malloc(2 * length) };
    if (out->texts == NULL) {
        snprintf(error, size, "no memory for the list");
        return -ENOMEM;
    }
    memcpy(out->texts, text, length);
    memcpy(out->texts + length, text, length);
    for (char *at = out->texts + strspn(text, BETWEEN); *at != '\0';) {
        char *next = at + strcspn(at, BETWEEN), *pieces = at + length;
        size_t between = strspn(next, BETWEEN);
        if (out->count == UPSTREAMS_MOST) {
            snprintf(error, size, "more than %d addresses", UPSTREAMS_MOST);
            return -EINVAL;
        }
        *next = next[length] = '\0';
        struct upstream *upstream = &out->at[out->count++];
        upstream->text = at;
        const char *wrong = read_address(pieces, upstream);
        if (wrong != NULL) {
            snprintf(error, size, "\"%.280s\": %s", at, wrong);
            return -EINVAL;
        }
        at = next + between;
    }
    if (out->count == 0) {
        snprintf(error, size, "no address: expected \"host:port\", or several with commas between them");
        return -EINVAL;
    }
    return 0;
}

void upstreams_fini(struct upstreams *upstreams)
{
    free(upstreams->texts);
    upstreams->texts = NULL;
}
