/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/remote.c  A message there, a message back.
 *
 * The message is one allocation that travels to the other loop and returns. The caller sees it through: a cancel that
 * comes meanwhile is kept for its next wait, so that neither side ever works on what the other has given up.
 */
#include "core/remote.h"

#include "core/error.h"
#include "core/sys.h"
#include "core/task.h"

struct message {
    struct inbox_item item;
    struct inbox *home;         /* of the caller's loop */
    weir_task *waiter;          /* NULL: answered. The caller's loop's to read and write */
    int (*fn)(void *arg);
    void *arg;
    int result;
};

static void free_message(struct message *message)
{
    weir__inbox_unref(message->home);
    sys_free(message);
}

/* Back home. */
static void deliver(struct inbox_item *item)
{
    struct message *message = list_entry(item, struct message, item);
    weir_task *waiter = message->waiter;

    message->waiter = NULL;
    weir__task_wake(waiter, 0);                 /* which frees the message */
}

static void drop_at_home(struct inbox_item *item)
{
    free_message(list_entry(item, struct message, item));
}

static void send_back(struct message *message, int result)
{
    message->result = result;
    message->item = (struct inbox_item) { .run = deliver, .drop = drop_at_home };
    if (weir__inbox_post(message->home, &message->item) < 0)
        free_message(message);
}

/* Over there. */
static void perform(struct inbox_item *item)
{
    struct message *message = list_entry(item, struct message, item);

    send_back(message, message->fn(message->arg));
}

static void refuse(struct inbox_item *item)
{
    send_back(list_entry(item, struct message, item), -ESHUTDOWN);
}

int weir__remote_call(weir_loop *loop, int (*fn)(void *), void *arg)
{
    weir_task *task = weir__task_current();

    if (loop == weir__this_loop)
        return fn(arg);
    if (task == NULL)
        return weir__fail(WEIR_ENOTASK);

    struct message *message = sys_malloc(sizeof *message);
    if (message == NULL)
        return weir__fail(-ENOMEM);
    *message = (struct message) {
        .item = { .run = perform, .drop = refuse }, .home = weir__inbox_ref(task->loop->inbox), .waiter = task,
        .fn = fn, .arg = arg,
    };
    int code = weir__inbox_post(loop->inbox, &message->item);
    if (code < 0) {
        free_message(message);
        return weir__fail(code);
    }
    bool cancelled = false;
    while (message->waiter != NULL) {
        if (weir__task_wait_past_deadline(WAIT_POST, loop) == -ECANCELED)
            cancelled = true;
    }
    task->cancel_pending = task->cancel_pending || cancelled;
    code = message->result;
    free_message(message);
    return code < 0 ? weir__fail(code) : code;
}
