/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/resolve.c  getaddrinfo and getnameinfo on the executor's threads.
 *
 * A request owns copies of everything it was asked with, since a caller whose wait was cut short is gone while the
 * thread still looks things up.
 */
#include <weir/loop.h>

#include "net/resolve.h"

#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/executor.h"
#include "core/sys.h"

static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = sys_malloc(size);

    return copy == NULL ? NULL : memcpy(copy, text, size);
}

/* --- Names to addresses --------------------------------------------------- */

struct lookup {
    char *host, *service;       /* NULL: not given */
    bool has_hints;
    struct addrinfo hints;
    struct addrinfo *found;
    int error;                  /* errno, when EAI_SYSTEM */
};

static int look_up(void *arg)
{
    struct lookup *lookup = arg;
    int code = sys_getaddrinfo(lookup->host, lookup->service, lookup->has_hints ? &lookup->hints : NULL, &lookup->found);

    lookup->error = errno;
    return code;
}

static void free_lookup(void *arg)
{
    struct lookup *lookup = arg;

    if (lookup->found != NULL)
        freeaddrinfo(lookup->found);
    sys_free(lookup->host);
    sys_free(lookup->service);
    sys_free(lookup);
}

static struct lookup *new_lookup(const char *host, const char *service, const struct addrinfo *hints)
{
    struct lookup *lookup = sys_calloc(1, sizeof *lookup);

    if (lookup == NULL)
        return NULL;
    if ((host != NULL && (lookup->host = copy_text(host)) == NULL)
        || (service != NULL && (lookup->service = copy_text(service)) == NULL)) {
        free_lookup(lookup);
        return NULL;
    }
    if (hints != NULL) {
        lookup->has_hints = true;
        lookup->hints.ai_flags = hints->ai_flags;
        lookup->hints.ai_family = hints->ai_family;
        lookup->hints.ai_socktype = hints->ai_socktype;
        lookup->hints.ai_protocol = hints->ai_protocol;
    }
    return lookup;
}

/* EAI_ codes are negative small numbers like -errno, so what comes back is told apart by where it comes from. */
static int resolve_error(int code, int error, const char *host, const char *service)
{
    const char *why = code == EAI_SYSTEM ? weir_strerror(-error) : gai_strerror(code);

    return weir__fail_text(WEIR_ERESOLVE, "%s%s%s can't be resolved: %s", host != NULL ? host : "*",
                           service != NULL ? ", service " : "", service != NULL ? service : "", why);
}

int weir_loop_getaddrinfo(weir_loop *loop, const char *host, const char *service, const struct addrinfo *hints,
                          struct addrinfo **out)
{
    if (host == NULL && service == NULL)
        return weir__fail_text(-EINVAL, "getaddrinfo: neither a host nor a service");
    if (weir_loop_is_closed(loop))
        return weir__fail(-ESHUTDOWN);

    struct lookup *lookup = new_lookup(host, service, hints);
    if (lookup == NULL)
        return weir__fail(-ENOMEM);
    bool disposed = false;
    int code = weir__executor_run(loop, look_up, lookup, free_lookup, &disposed);
    if (disposed)
        return weir__fail(code);
    if (code == 0) {
        *out = lookup->found;
        lookup->found = NULL;
    } else {
        code = resolve_error(code, lookup->error, host, service);
    }
    free_lookup(lookup);
    return code;
}

int weir__resolve(weir_loop *loop, const char *host, uint16_t port, int family, int flags, struct address_list *list)
{
    weir_address literal;
    char service[8];

    if (host != NULL && strncmp(host, "unix:", 5) != 0 && weir_address_parse(&literal, host, port) == 0) {
        if (family == AF_UNSPEC || family == literal.storage.ss_family)
            return weir__address_list_add(list, (const void *)&literal.storage, literal.len);
        return weir__fail_text(WEIR_ERESOLVE, "%s is not an address of the family that was asked for", host);
    }

    struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV };
    struct addrinfo *found = NULL;
    snprintf(service, sizeof service, "%u", port);
    int code = weir_loop_getaddrinfo(loop, host, service, &hints, &found);
    if (code < 0)
        return code;
    for (struct addrinfo *at = found; at != NULL && code == 0; at = at->ai_next)
        code = weir__address_list_add(list, at->ai_addr, at->ai_addrlen);
    freeaddrinfo(found);
    return code < 0 ? weir__fail(code) : 0;
}

/* --- Addresses to names --------------------------------------------------- */

struct naming {
    struct sockaddr_storage addr;
    socklen_t len;
    int flags;
    int error;
    bool want_host, want_service;
    char host[NI_MAXHOST], service[NI_MAXSERV];
};

static int name_it(void *arg)
{
    struct naming *naming = arg;
    int code = sys_getnameinfo((const void *)&naming->addr, naming->len, naming->want_host ? naming->host : NULL,
                               naming->want_host ? sizeof naming->host : 0, naming->want_service ? naming->service : NULL,
                               naming->want_service ? sizeof naming->service : 0, naming->flags);

    naming->error = errno;
    return code;
}

static void free_naming(void *arg)
{
    sys_free(arg);
}

static int check_room(const char *name, size_t size, const char *what)
{
    size_t len = strlen(name);

    return len < size ? 0 : weir__fail_text(WEIR_ERESOLVE, "the %s has %zu bytes, there is room for %zu", what, len, size);
}

int weir_loop_getnameinfo(weir_loop *loop, const struct sockaddr *addr, unsigned addr_len, char *host, size_t host_size,
                          char *service, size_t service_size, int flags)
{
    struct naming *naming;

    if (addr == NULL || addr_len > sizeof naming->addr)
        return weir__fail_text(-EINVAL, "getnameinfo: an address of at most %zu bytes is needed", sizeof naming->addr);
    if ((host == NULL || host_size == 0) && (service == NULL || service_size == 0))
        return weir__fail_text(-EINVAL, "getnameinfo: neither name is wanted");
    if (weir_loop_is_closed(loop))
        return weir__fail(-ESHUTDOWN);
    naming = sys_calloc(1, sizeof *naming);
    if (naming == NULL)
        return weir__fail(-ENOMEM);
    memcpy(&naming->addr, addr, addr_len);
    naming->len = addr_len;
    naming->flags = flags;
    naming->want_host = host != NULL && host_size > 0;
    naming->want_service = service != NULL && service_size > 0;

    bool disposed = false;
    int code = weir__executor_run(loop, name_it, naming, free_naming, &disposed);
    if (disposed)
        return weir__fail(code);
    if (code != 0)
        code = weir__fail_text(WEIR_ERESOLVE, "the address has no name: %s",
                               code == EAI_SYSTEM ? weir_strerror(-naming->error) : gai_strerror(code));
    if (code == 0 && naming->want_host)
        code = check_room(naming->host, host_size, "host's name");
    if (code == 0 && naming->want_service)
        code = check_room(naming->service, service_size, "service's name");
    if (code == 0 && naming->want_host)
        memcpy(host, naming->host, strlen(naming->host) + 1);
    if (code == 0 && naming->want_service)
        memcpy(service, naming->service, strlen(naming->service) + 1);
    free_naming(naming);
    return code;
}
