/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/listen.c  Making and binding listening sockets of TCP, and keeping sets of sockets.
 */
#include "net/listen.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "core/error.h"
#include "core/sys.h"
#include "net/listener.h"

/* --- Sets ----------------------------------------------------------------- */

int weir__listen_set_init(struct listen_set *set, size_t addresses, size_t workers)
{
    *set = (struct listen_set) { .addresses = addresses, .workers = workers };
    set->fds = sys_malloc((addresses * workers + 1) * sizeof set->fds[0]);
    if (set->fds == NULL)
        return weir__fail(-ENOMEM);
    for (size_t i = 0; i < addresses * workers; i++)
        set->fds[i] = -1;
    return 0;
}

void weir__listen_set_fini(struct listen_set *set)
{
    weir__listen_remove_files(set);
    for (size_t i = 0; set->fds != NULL && i < set->addresses * set->workers; i++) {
        if (set->fds[i] >= 0)
            weir__descriptor_close(set->fds[i]);
    }
    sys_free(set->fds);
    *set = (struct listen_set) { 0 };
}

int weir__listen_set_append(struct listen_set *to, struct listen_set *from)
{
    size_t workers = from->workers;
    size_t had = to->addresses * workers, more = from->addresses * workers;

    assert(to->addresses == 0 || to->workers == workers);
    int *fds = sys_realloc(to->fds, (had + more + 1) * sizeof fds[0]);
    if (fds == NULL)
        return weir__fail(-ENOMEM);
    to->fds = fds;
    if (from->file_count > 0) {
        struct listen_file *files = sys_realloc(to->files, (to->file_count + from->file_count) * sizeof files[0]);
        if (files == NULL)
            return weir__fail(-ENOMEM);
        memcpy(files + to->file_count, from->files, from->file_count * sizeof files[0]);
        to->files = files;
        to->file_count += from->file_count;
    }
    if (more > 0)
        memcpy(fds + had, from->fds, more * sizeof fds[0]);
    to->workers = workers;
    to->addresses += from->addresses;
    sys_free(from->fds);
    sys_free(from->files);
    *from = (struct listen_set) { 0 };
    return 0;
}

/* --- Binding -------------------------------------------------------------- */

/* Accepted sockets inherit these, which saves the calls on each of them. */
static int set_inherited(int fd, int family, const weir_server_options *opts)
{
    int code = 0;

    if (family == AF_INET || family == AF_INET6)
        code = sys_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (code == 0 && opts->keep_alive)
        code = sys_setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    return code;
}

static int set_options(int fd, int family, bool reuse_port, const weir_server_options *opts)
{
    int code = set_inherited(fd, family, opts);

    if (code == 0 && !opts->no_reuse_address)
        code = sys_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (code == 0 && reuse_port)
        code = sys_setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (code == 0 && family == AF_INET6)
        code = sys_setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    return code;
}

/* A bound socket, or a negative code. */
static int bind_one(const weir_address *address, bool reuse_port, const weir_server_options *opts)
{
    int family = address->storage.ss_family;
    int fd = sys_socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return fd;
    int code = set_options(fd, family, reuse_port, opts);
    if (code == 0)
        code = sys_bind(fd, (const void *)&address->storage, address->len);
    if (code < 0) {
        weir__descriptor_close(fd);
        return code;
    }
    return fd;
}

static int bind_address(const weir_address *address, size_t workers, const weir_server_options *opts, int *fds)
{
    weir_address bound = { .len = sizeof bound.storage };

    fds[0] = bind_one(address, opts->reuse_port, opts);
    if (fds[0] < 0 || workers == 1 || opts->balance == WEIR_BALANCE_EVEN)
        return fds[0] < 0 ? fds[0] : 0;

    int code = sys_setsockopt(fds[0], SOL_SOCKET, SO_REUSEPORT, 1);
    if (code == 0)
        code = sys_getsockname(fds[0], (void *)&bound.storage, &bound.len);
    for (size_t worker = 1; worker < workers && code == 0; worker++) {
        fds[worker] = bind_one(&bound, true, opts);
        code = fds[worker] < 0 ? fds[worker] : 0;
    }
    return code;
}

static bool may_be_skipped(int code)
{
    return code == -EADDRNOTAVAIL || code == -EAFNOSUPPORT || code == -EPROTONOSUPPORT;
}

static int bind_failure(int code, const weir_address *address)
{
    char text[WEIR_ADDRESS_MAX];

    return weir__fail_text(code, "%s can't be bound: %s", weir_address_format(address, text, sizeof text),
                           weir_strerror(code));
}

int weir__listen_bind(const struct address_list *list, size_t workers, const weir_server_options *opts,
                      struct listen_set *out)
{
    int code = weir__listen_set_init(out, list->count, workers);
    size_t bound = 0;

    if (code < 0)
        return code;
    int skipped = 0;
    const weir_address *skipped_address = NULL;
    for (size_t i = 0; i < list->count; i++) {
        code = bind_address(&list->items[i], workers, opts, out->fds + bound * workers);
        if (code == 0) {
            bound++;
        } else if (may_be_skipped(code) && out->fds[bound * workers] < 0) {
            out->fds[bound * workers] = -1;
            skipped = code;
            skipped_address = &list->items[i];
        } else {
            weir__listen_set_fini(out);
            return bind_failure(code, &list->items[i]);
        }
    }
    out->addresses = bound;
    if (bound == 0) {
        weir__listen_set_fini(out);
        return skipped_address == NULL ? weir__fail_text(-EINVAL, "no address to listen on")
                                       : bind_failure(skipped, skipped_address);
    }
    return 0;
}

int weir__listen_adopt(int fd, size_t workers, const weir_server_options *opts, struct listen_set *out)
{
    int family = AF_UNSPEC;
    int code = sys_getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family);

    if (code == 0)
        code = sys_set_nonblocking(fd);
    if (code == 0)
        code = set_inherited(fd, family, opts);
    if (code < 0) {
        weir__descriptor_close(fd);
        return weir__fail_text(code, "the socket that was handed over can't be used: %s", weir_strerror(code));
    }
    code = weir__listen_set_init(out, 1, workers);
    if (code < 0) {
        weir__descriptor_close(fd);
        return code;
    }
    out->fds[0] = fd;
    return 0;
}
