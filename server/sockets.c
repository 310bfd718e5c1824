/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/sockets.c  From "listen" to bound sockets.
 */
#include "server/sockets.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

weir_server_options sockets_options(const struct server_config *server)
{
    return (weir_server_options) {
        .limit = server->limit, .backlog = (int)server->backlog, .stack_size = server->stack_size,
        .balance = server->balance == CONFIG_BALANCE_EVEN ? WEIR_BALANCE_EVEN : WEIR_BALANCE_REUSEPORT,
        .max_connections = server->max_connections, .max_write_buffer = server->max_write_buffer,
        .max_read = server->max_read, .idle_timeout = server->idle_timeout, .close_timeout = server->close_timeout,
        .keep_alive = server->keep_alive,
    };
}

/* --- Names ---------------------------------------------------------------- */

static int add(struct address_list *list, const char *literal, uint16_t port)
{
    weir_address address;
    int code = weir_address_parse(&address, literal, port);

    return code < 0 ? code : weir__address_list_add(list, (const void *)&address.storage, address.len);
}

static int resolve(const char *host, uint16_t port, struct address_list *list, const char **why)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *found = NULL;
    int code = getaddrinfo(host, NULL, &hints, &found);

    if (code != 0) {
        *why = code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code);
        return WEIR_ERESOLVE;
    }
    for (const struct addrinfo *at = found; at != NULL && code == 0; at = at->ai_next) {
        if (at->ai_family == AF_INET)
            ((struct sockaddr_in *)(void *)at->ai_addr)->sin_port = htons(port);
        else if (at->ai_family == AF_INET6)
            ((struct sockaddr_in6 *)(void *)at->ai_addr)->sin6_port = htons(port);
        code = weir__address_list_add(list, at->ai_addr, at->ai_addrlen);
    }
    freeaddrinfo(found);
    return code;
}

/* The addresses of a host, or a problem. */
static int find_addresses(const struct listen_address *listen, struct address_list *list, struct problems *problems)
{
    const char *why = "no memory";
    int code;

    if (listen->host[0] == '\0') {
        code = add(list, "0.0.0.0", listen->port);
        if (code == 0)
            code = add(list, "::", listen->port);
    } else {
        code = add(list, listen->host, listen->port);
        if (code == -EINVAL)                    /* a name, not an address */
            code = resolve(listen->host, listen->port, list, &why);
    }
    if (code < 0)
        problems_add(problems, listen->place, "listen: \"%s\": the host \"%s\" is not resolved: %s; expected an address or a name "
                     "of this machine", listen->text, listen->host, why);
    return code;
}

/* --- Binding -------------------------------------------------------------- */

static int bind_tcp(const struct server_config *server, const struct listen_address *listen, unsigned workers,
                    struct listen_set *set, struct problems *problems)
{
    weir_server_options opts = sockets_options(server);
    struct address_list list = { 0 };
    int code = find_addresses(listen, &list, problems);

    if (code == 0) {
        code = weir__listen_bind(&list, workers, &opts, set);
        if (code < 0)
            problems_add(problems, listen->place, "listen: \"%s\": %s", listen->text, weir_error_detail());
    }
    weir__address_list_fini(&list);
    return code;
}

static int bind_unix(const struct server_config *server, const struct listen_address *listen, unsigned workers,
                     struct listen_set *set, struct problems *problems)
{
    struct listen_unix how = {
        .mode = server->unix_mode == CONFIG_UNIX_MODE_UMASK ? LISTEN_MODE_UMASK : (mode_t)server->unix_mode, .refuse_live = true,
    };
    int code = weir__listen_unix(listen->path, &how, workers, set);

    if (code < 0)
        problems_add(problems, listen->place, "listen: \"%s\": %s", listen->text, weir_error_detail());
    return code;
}

static int bind_server(const struct server_config *server, unsigned workers, struct listen_set *out, struct problems *problems)
{
    int result = 0;

    *out = (struct listen_set) { .workers = workers };
    for (size_t i = 0; i < server->listen_count; i++) {
        const struct listen_address *listen = &server->listen[i];
        struct listen_set one = { 0 };
        int code = listen->kind == LISTEN_TCP ? bind_tcp(server, listen, workers, &one, problems)
                                              : bind_unix(server, listen, workers, &one, problems);
        if (code == 0) {
            code = weir__listen_set_append(out, &one);
            if (code < 0)
                problems_add(problems, listen->place, "listen: \"%s\": no memory", listen->text);
            weir__listen_set_fini(&one);
        }
        if (code < 0)
            result = -1;
    }
    return result;
}

int sockets_bind(const struct config *config, unsigned workers, struct sockets *out, struct problems *problems)
{
    int result = 0;

    *out = (struct sockets) { .sets = calloc(config->server_count, sizeof out->sets[0]) };
    if (out->sets == NULL) {
        problems_add(problems, (struct place) { 0 }, "no memory for the listening sockets of %zu servers", config->server_count);
        return -1;
    }
    for (out->count = 0; out->count < config->server_count; out->count++) {
        if (bind_server(&config->servers[out->count], workers, &out->sets[out->count], problems) < 0)
            result = -1;
    }
    if (result < 0)
        sockets_close(out);
    return result;
}

void sockets_close(struct sockets *sockets)
{
    for (size_t i = 0; i < sockets->count; i++)
        weir__listen_set_fini(&sockets->sets[i]);
    free(sockets->sets);
    *sockets = (struct sockets) { 0 };
}

/* --- Checking ------------------------------------------------------------- */

static void check_unix(const struct listen_address *listen, struct problems *problems)
{
    char folder[PATH_MAX];
    struct stat stat_now;

    if (strlen(listen->path) > UNIX_PATH_MOST) {
        problems_add(problems, listen->place, "listen: \"%s\": the path has %zu bytes, expected at most %zu", listen->text,
                     strlen(listen->path), UNIX_PATH_MOST);
        return;
    }
    if (listen->path[0] == '@')
        return;
    snprintf(folder, sizeof folder, "%s", listen->path);
    *strrchr(folder, '/') = '\0';
    const char *where = folder[0] != '\0' ? folder : "/";
    if (stat(where, &stat_now) < 0)
        problems_add(problems, listen->place, "listen: \"%s\": the folder %s: %s", listen->text, where, strerror(errno));
    else if (!S_ISDIR(stat_now.st_mode))
        problems_add(problems, listen->place, "listen: \"%s\": %s is a file, expected a folder", listen->text, where);
    else if (lstat(listen->path, &stat_now) == 0 && !S_ISSOCK(stat_now.st_mode))
        problems_add(problems, listen->place, "listen: \"%s\": there is a file of this name that is no socket", listen->text);
}

void sockets_check(const struct config *config, struct problems *problems)
{
    for (size_t i = 0; i < config->server_count; i++) {
        const struct server_config *server = &config->servers[i];
        for (size_t j = 0; j < server->listen_count; j++) {
            struct address_list list = { 0 };
            if (server->listen[j].kind == LISTEN_UNIX)
                check_unix(&server->listen[j], problems);
            else
                (void)find_addresses(&server->listen[j], &list, problems);
            weir__address_list_fini(&list);
        }
    }
}
