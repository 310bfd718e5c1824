/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/server.c  Serving, closing, counting: what happens to a server between its making and its end.
 */
#include <weir/server.h>

#include "net/server.h"

#include <assert.h>

#include "core/error.h"
#include "core/loop.h"
#include "core/remote.h"
#include "core/sys.h"
#include "core/task.h"
#include "net/idle_limit.h"
#include "net/net_loop.h"

/* --- References ----------------------------------------------------------- */

void weir__server_ref(weir_server *server)
{
    atomic_fetch_add_explicit(&server->refs, 1, memory_order_relaxed);
}

void weir__server_unref(weir_server *server)
{
    if (atomic_fetch_sub_explicit(&server->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < server->part_count; i++) {
        sys_free(server->parts[i].listeners);
        if (server->parts[i].inbox != NULL)
            weir__inbox_unref(server->parts[i].inbox);
    }
    weir__listen_set_fini(&server->sockets);
    sys_free(server->shared);
    server->acceptor->free(server->acceptor);
    pthread_mutex_destroy(&server->lock);
    sys_free(server);
}

/* --- Parts, on their own loops -------------------------------------------- */

static void check_done(struct server_part *part)
{
    weir_server *server = part->server;

    if (!part->closed || part->done || part->accepting || !list_empty(&part->transports))
        return;
    pthread_mutex_lock(&server->lock);
    bool done = part->travelling == 0;
    if (done && --server->parts_open == 0)
        weir__server_wake(server, SERVER_DONE);
    pthread_mutex_unlock(&server->lock);
    if (!done)
        return;
    part->done = true;
    list_remove(&part->link);
    weir__server_unref(server);
}

static void do_to_client(weir_transport *t, enum clients_ask ask)
{
    if (ask == CLIENTS_ABORT)
        weir_transport_abort(t);
    else if (ask == CLIENTS_CLOSE || (ask == CLIENTS_CLOSE_IDLE && t->idle))
        weir_transport_close(t);
}

bool weir__server_part_accept(struct server_part *part, int fd, const struct sockaddr *peer, socklen_t peer_len,
                              enum clients_ask ask)
{
    struct acceptor *acceptor = part->server->acceptor;

    part->accepting = true;                     /* a callback may free the server, and with it the part: not before it is done */
    part->adopted = NULL;
    acceptor->accept(acceptor, part, fd, peer, peer_len);
    if (part->adopted == NULL)
        weir__server_uncount(part);
    else
        do_to_client(part->adopted, ask);
    part->accepting = false;
    bool open = !part->closed;
    check_done(part);
    return open;
}

void weir__server_part_refuse(struct server_part *part, int fd)
{
    weir__descriptor_close(fd);
    weir__server_uncount(part);
    check_done(part);
}

/* The first part to close takes the files along: what they lead to is about to be gone. */
static void remove_files(weir_server *server)
{
    struct listen_set taken = { 0 };

    pthread_mutex_lock(&server->lock);
    taken.files = server->sockets.files;
    taken.file_count = server->sockets.file_count;
    server->sockets.files = NULL;
    server->sockets.file_count = 0;
    pthread_mutex_unlock(&server->lock);
    weir__listen_remove_files(&taken);          /* not under the lock: it may log, and asks the file system */
}

void weir__server_part_close(struct server_part *part)
{
    if (part->closed)
        return;
    weir__server_part_take_rest(part);
    part->closed = true;
    remove_files(part->server);
    pthread_mutex_lock(&part->server->lock);
    bool took = part->takes;
    part->takes = false;
    for (size_t i = 0; i < part->listener_count; i++)
        weir__listener_close(&part->listeners[i]);
    pthread_mutex_unlock(&part->server->lock);
    if (took && part->server->deals)
        weir__loop_watch(part->loop, false);
    check_done(part);
}

void weir__server_adopt(struct server_part *part, weir_transport *t)
{
    part->adopted = t;
    t->owner = &part->owner;
    list_append(&part->transports, &t->owner_link);
    int64_t limit_ns = weir__ns_after(0, part->server->options.idle_timeout);
    if (limit_ns > 0 && limit_ns != FOREVER && weir__idle_limit_set(t, limit_ns) < 0)
        weir__transport_lose(t, -ENOMEM);
}

void weir__server_connection_gone(struct transport_owner *owner, weir_transport *t)
{
    struct server_part *part = list_entry(owner, struct server_part, owner);

    (void)t;
    weir__server_uncount(part);
    check_done(part);
}

static int part_listen(void *arg)
{
    struct server_part *part = arg;

    if (part->closed)
        return -ESHUTDOWN;
    for (size_t i = 0; i < part->listener_count; i++) {
        struct listener *listener = &part->listeners[i];
        int code = sys_listen(listener->fd, part->server->options.backlog);
        if (code == 0)
            code = weir__listener_watch(listener);
        if (code < 0)
            return code;
    }
    pthread_mutex_lock(&part->server->lock);
    bool first = !part->takes;
    part->takes = true;
    pthread_mutex_unlock(&part->server->lock);
    if (first && part->server->deals)
        weir__loop_watch(part->loop, true);
    return 0;
}

/* --- Serving -------------------------------------------------------------- */

static int listen_everywhere(weir_server *s)
{
    for (size_t i = 0; i < s->part_count; i++) {
        int code = weir__remote_call(s->parts[i].loop, part_listen, &s->parts[i]);
        if (code < 0)
            return weir__fail_text(code, "the server can't listen: %s", weir_strerror(code));
    }
    pthread_mutex_lock(&s->lock);
    s->serving = true;
    bool closed = s->closed;
    pthread_mutex_unlock(&s->lock);
    return closed ? weir__fail(-ESHUTDOWN) : 0;
}

int weir_server_start_serving(weir_server *s)
{
    pthread_mutex_lock(&s->lock);
    bool closed = s->closed, serving = s->serving;
    pthread_mutex_unlock(&s->lock);

    if (closed)
        return weir__fail(-ESHUTDOWN);
    if (weir__task_current() == NULL)
        return weir__fail(WEIR_ENOTASK);
    if (!serving) {
        weir__server_ref(s);
        int code = listen_everywhere(s);
        weir__server_unref(s);
        if (code < 0)
            return code;
    }
    return weir_yield();
}

bool weir_server_is_serving(const weir_server *s)
{
    weir_server *server = (weir_server *)(uintptr_t)s;

    pthread_mutex_lock(&server->lock);
    bool serving = server->serving && !server->closed;
    pthread_mutex_unlock(&server->lock);
    return serving;
}

size_t weir_server_sockets(const weir_server *s, int *fds, size_t max)
{
    weir_server *server = (weir_server *)(uintptr_t)s;
    size_t count = 0;

    pthread_mutex_lock(&server->lock);
    if (!server->closed) {
        count = server->sockets.addresses;
        for (size_t i = 0; i < count && i < max; i++)
            fds[i] = server->parts[0].listeners[i].fd;
    }
    pthread_mutex_unlock(&server->lock);
    return count;
}

weir_loop *weir_server_get_loop(const weir_server *s)
{
    return s->loop;
}

/* --- Closing -------------------------------------------------------------- */

static void close_posted(struct inbox_item *item)
{
    struct server_part *part = list_entry(item, struct server_part, close_item);
    weir_server *server = part->server;

    weir__server_part_close(part);
    weir__server_unref(server);
}

/* The loop closes, and its end_everything closes the part. */
static void close_dropped(struct inbox_item *item)
{
    weir__server_unref(list_entry(item, struct server_part, close_item)->server);
}

void weir_server_close(weir_server *s)
{
    pthread_mutex_lock(&s->lock);
    bool again = s->closed;
    s->closed = true;
    if (!again)
        weir__server_wake(s, SERVER_CLOSED);
    pthread_mutex_unlock(&s->lock);
    if (again)
        return;

    weir__server_ref(s);                        /* the last part to be done may drop the last one */
    for (size_t i = 0; i < s->part_count; i++) {
        struct server_part *part = &s->parts[i];
        if (!part->opened)
            continue;
        if (part->loop == weir__this_loop) {
            weir__server_part_close(part);
            continue;
        }
        part->close_item = (struct inbox_item) { .run = close_posted, .drop = close_dropped };
        weir__server_ref(s);
        if (weir__inbox_post(part->inbox, &part->close_item) < 0)
            weir__server_unref(s);
    }
    weir__server_unref(s);
}

void weir_server_free(weir_server *s)
{
    if (s == NULL)
        return;
    weir_server_close(s);
    weir__server_unref(s);
}

/* --- Clients -------------------------------------------------------------- */

static void ask_clients(struct server_part *part, enum clients_ask ask)
{
    struct list *node, *next;

    /* Closing and aborting only queue connection_lost: no transport leaves the list meanwhile. */
    for (node = part->transports.next; node != &part->transports; node = next) {
        weir_transport *t = list_entry(node, weir_transport, owner_link);
        next = node->next;
        do_to_client(t, ask);
    }
}

static void clients_posted(struct inbox_item *item)
{
    struct server_part *part = list_entry(item, struct server_part, clients_item);
    weir_server *server = part->server;

    atomic_store(&part->clients_posted, false);
    ask_clients(part, (enum clients_ask)atomic_exchange(&part->clients_ask, CLIENTS_LEAVE));
    weir__server_unref(server);
}

static void clients_dropped(struct inbox_item *item)
{
    weir__server_unref(list_entry(item, struct server_part, clients_item)->server);
}

static void post_ask(struct server_part *part, enum clients_ask ask)
{
    int wanted = atomic_load(&part->clients_ask);

    while (wanted < (int)ask && !atomic_compare_exchange_weak(&part->clients_ask, &wanted, (int)ask))
        ;
    if (atomic_exchange(&part->clients_posted, true))
        return;                                 /* on its way already */
    part->clients_item = (struct inbox_item) { .run = clients_posted, .drop = clients_dropped };
    weir__server_ref(part->server);
    if (weir__inbox_post(part->inbox, &part->clients_item) < 0)
        weir__server_unref(part->server);
}

void weir__server_clients(weir_server *server, enum clients_ask ask)
{
    pthread_mutex_lock(&server->lock);
    server->asks[ask]++;
    pthread_mutex_unlock(&server->lock);
    for (size_t i = 0; i < server->part_count; i++) {
        if (server->parts[i].loop == weir__this_loop)
            ask_clients(&server->parts[i], ask);
        else
            post_ask(&server->parts[i], ask);
    }
}

void weir_server_close_clients(weir_server *s)
{
    weir__server_clients(s, CLIENTS_CLOSE);
}

void weir_server_abort_clients(weir_server *s)
{
    weir__server_clients(s, CLIENTS_ABORT);
}
