/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/server_wait.c  Waiting for a server, from any loop: wait_closed and serve_forever.
 *
 * A waiter is woken by a message to its own loop's inbox, since whoever wakes it may be another thread. It is an
 * allocation of its own and not the waiting task's, because a message that is on its way outlives a cancelled wait.
 */
#include <weir/server.h>

#include "core/error.h"
#include "core/loop.h"
#include "core/sys.h"
#include "core/task.h"
#include "net/server.h"

struct server_waiter {
    struct inbox_item item;
    struct list link;           /* server->waiters, until woken; under the server's lock */
    enum server_event event;
    bool posted;                /* the message is on its way; under the server's lock */
    struct inbox *home;
    weir_task *task;            /* NULL: came, or nobody waits any more. Its own loop's to read and write */
    bool abandoned;             /* its own loop's: free it when the message comes */
};

static void free_waiter(struct server_waiter *waiter)
{
    weir__inbox_unref(waiter->home);
    sys_free(waiter);
}

static void deliver(struct inbox_item *item)
{
    struct server_waiter *waiter = list_entry(item, struct server_waiter, item);
    weir_task *task = waiter->task;

    if (waiter->abandoned) {
        free_waiter(waiter);
        return;
    }
    waiter->task = NULL;
    weir__task_wake(task, 0);
}

static void drop(struct inbox_item *item)
{
    free_waiter(list_entry(item, struct server_waiter, item));
}

void weir__server_wake(weir_server *server, enum server_event event)
{
    struct list *node, *next;

    for (node = server->waiters.next; node != &server->waiters; node = next) {
        struct server_waiter *waiter = list_entry(node, struct server_waiter, link);
        next = node->next;
        if (waiter->event != event)
            continue;
        list_remove(&waiter->link);
        /* Before the post: once it is out, the waiter is its own thread's, and may be gone. */
        waiter->posted = true;
        if (weir__inbox_post(waiter->home, &waiter->item) < 0)
            waiter->posted = false;
    }
}

/* With the lock held: whether there is nothing to wait for. */
static bool has_come(const weir_server *server, enum server_event event)
{
    return server->closed && (event == SERVER_CLOSED || server->parts_open == 0);
}

/* The server may be freed by nobody while a task is in a call with it (server.h), so no reference is needed. */
static int wait_for_event(weir_server *server, enum server_event event)
{
    weir_task *task = weir__task_current();
    struct server_waiter *waiter = sys_malloc(sizeof *waiter);

    if (waiter == NULL)
        return weir__fail(-ENOMEM);
    *waiter = (struct server_waiter) {
        .item = { .run = deliver, .drop = drop }, .event = event, .home = weir__inbox_ref(task->loop->inbox), .task = task,
    };
    list_init(&waiter->link);

    pthread_mutex_lock(&server->lock);
    bool come = has_come(server, event);
    if (!come)
        list_append(&server->waiters, &waiter->link);
    pthread_mutex_unlock(&server->lock);
    if (come) {
        free_waiter(waiter);
        return 0;
    }

    int code = weir__task_wait(WAIT_SERVER, server, FOREVER);
    if (waiter->task == NULL) {
        weir__task_keep_cancel(code);
        free_waiter(waiter);
        return 0;
    }
    pthread_mutex_lock(&server->lock);
    list_remove(&waiter->link);
    bool posted = waiter->posted;
    pthread_mutex_unlock(&server->lock);
    if (posted)
        waiter->abandoned = true;
    else
        free_waiter(waiter);
    return code;
}

int weir_server_wait_closed(weir_server *s)
{
    pthread_mutex_lock(&s->lock);
    bool come = has_come(s, SERVER_DONE);
    pthread_mutex_unlock(&s->lock);

    if (come)
        return 0;
    if (weir__task_current() == NULL)
        return weir__fail(WEIR_ENOTASK);
    return wait_for_event(s, SERVER_DONE);
}

int weir_server_serve_forever(weir_server *s)
{
    if (weir__task_current() == NULL)
        return weir__fail(WEIR_ENOTASK);
    pthread_mutex_lock(&s->lock);
    int code = s->closed ? -ESHUTDOWN : s->forever ? -EBUSY : 0;
    if (code == 0)
        s->forever = true;
    pthread_mutex_unlock(&s->lock);
    if (code < 0)
        return weir__fail(code);

    code = weir_server_start_serving(s);
    if (code == 0)
        code = wait_for_event(s, SERVER_CLOSED);
    /* Ended from outside, cancelled or out of time: each closes the server. The first two also wait for its connections, and
     * are a cancel (SV-10); after a deadline there is no more waiting. */
    if (code == 0 || code == -ECANCELED || code == -ETIMEDOUT)
        weir_server_close(s);
    if (code == 0 || code == -ECANCELED) {
        code = wait_for_event(s, SERVER_DONE);
        code = code == 0 ? weir__fail(-ECANCELED) : code;
    }
    pthread_mutex_lock(&s->lock);
    s->forever = false;
    pthread_mutex_unlock(&s->lock);
    return code;
}
