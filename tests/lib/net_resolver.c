/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/net_resolver.c  getaddrinfo, defined here for the whole test program.
 *
 * What it returns is laid out as glibc lays it out, an address behind its addrinfo, so that the system's freeaddrinfo
 * frees it.
 */
#include "lib/net_resolver.h"

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/address.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static bool held, has_answer;
static char answer[256];
static atomic_int begun, ended;

void net_resolver_answer(const char *addresses)
{
    pthread_mutex_lock(&lock);
    has_answer = addresses != NULL;
    snprintf(answer, sizeof answer, "%s", has_answer ? addresses : "");
    pthread_mutex_unlock(&lock);
}

void net_resolver_hold(void)
{
    pthread_mutex_lock(&lock);
    held = true;
    pthread_mutex_unlock(&lock);
}

void net_resolver_release(void)
{
    pthread_mutex_lock(&lock);
    held = false;
    pthread_cond_broadcast(&released);
    pthread_mutex_unlock(&lock);
}

int net_resolver_begun(void)
{
    return atomic_load(&begun);
}

int net_resolver_ended(void)
{
    return atomic_load(&ended);
}

static struct addrinfo *new_item(const char *text, uint16_t port, const struct addrinfo *hints)
{
    weir_address address;

    if (weir_address_parse(&address, text, port) < 0)
        abort();
    int family = address.storage.ss_family;
    if (hints != NULL && hints->ai_family != AF_UNSPEC && hints->ai_family != family)
        return NULL;
    struct addrinfo *item = calloc(1, sizeof *item + sizeof address.storage);
    if (item == NULL)
        abort();
    item->ai_family = family;
    item->ai_socktype = hints != NULL ? hints->ai_socktype : 0;
    item->ai_addr = (struct sockaddr *)(item + 1);
    item->ai_addrlen = address.len;
    memcpy(item->ai_addr, &address.storage, address.len);
    return item;
}

static int look_up(const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    char text[sizeof answer];
    char *rest = text;
    struct addrinfo **last = out;

    pthread_mutex_lock(&lock);
    while (held)
        pthread_cond_wait(&released, &lock);
    bool known = has_answer;
    memcpy(text, answer, sizeof text);
    pthread_mutex_unlock(&lock);

    *out = NULL;
    for (char *one; known && (one = strsep(&rest, " ")) != NULL; ) {
        struct addrinfo *item = *one == '\0' ? NULL : new_item(one, (uint16_t)atoi(service != NULL ? service : "0"), hints);
        if (item == NULL)
            continue;
        *last = item;
        last = &item->ai_next;
    }
    return known ? 0 : EAI_NONAME;
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    size_t len = host != NULL ? strlen(host) : 0;
    int code;

    atomic_fetch_add(&begun, 1);
    if (len > 5 && strcmp(host + len - 5, ".test") == 0) {
        code = look_up(service, hints, out);
    } else {
        int (*systems)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
        *(void **)&systems = dlsym(RTLD_NEXT, "getaddrinfo");
        code = systems(host, service, hints, out);
    }
    atomic_fetch_add(&ended, 1);
    return code;
}
