/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/net_loop.c  The hooks by which a loop asks net to send what was gathered and to end what is open.
 */
#include "net/net_loop.h"

#include "core/sys.h"
#include "core/task.h"
#include "net/connect_race.h"
#include "net/server.h"
#include "net/transport_socket.h"

/* After a task suspended, and at the end of a pass. A flush may fail and close its transport, which leaves the list. */
static void offer_output(struct loop_upper *upper)
{
    struct net_loop *net = list_entry(upper, struct net_loop, upper);

    net->loop->output_due = false;
    while (!list_empty(&net->gathered))
        weir__out_flush(list_entry(list_take_first(&net->gathered), weir_transport, gathered_link));
}

static void end_everything(struct loop_upper *upper)
{
    struct net_loop *net = list_entry(upper, struct net_loop, upper);
    struct list *node, *next;

    for (node = net->parts.next; node != &net->parts; node = next) {
        next = node->next;
        struct server_part *part = list_entry(node, struct server_part, link);
        part->ending = true;
        weir__server_part_close(part);
    }
    for (node = net->transports.next; node != &net->transports; node = node->next)
        weir_transport_abort(list_entry(node, weir_transport, link));

    /* A loop that does not run any more makes no passes: what they would do is done here. */
    while (!net->loop->running && !list_empty(&net->transports))
        weir__transport_finish(list_entry(net->transports.next, weir_transport, link));
}

static bool nothing_open(struct loop_upper *upper)
{
    struct net_loop *net = list_entry(upper, struct net_loop, upper);

    return list_empty(&net->transports) && list_empty(&net->parts);
}

/* One look at each transport: whoever watches descriptors beside many connections pays for it when he begins and ends to. */
static bool is_open_transport(struct loop_upper *upper, int fd)
{
    struct net_loop *net = list_entry(upper, struct net_loop, upper);

    for (struct list *node = net->transports.next; node != &net->transports; node = node->next) {
        const weir_transport *t = list_entry(node, weir_transport, link);
        if (weir__transport_fd(t) == fd)
            return !weir_transport_is_closing(t);
    }
    return false;
}

static bool peer_of_task(struct loop_upper *upper, const weir_task *task, weir_address *out)
{
    (void)upper;
    if (task->state == TASK_PARKED && task->wait_kind == WAIT_CONNECT)
        return weir__race_peer(task->wait_on, out);
    if (task->state == TASK_PARKED &&
        (task->wait_kind == WAIT_BYTES || task->wait_kind == WAIT_DRAIN || task->wait_kind == WAIT_CLOSED ||
         task->wait_kind == WAIT_SENDFILE))
        return task->wait_on != NULL && weir__transport_peer(task->wait_on, out);
    return task->serves != NULL && weir__transport_peer(task->serves, out);
}

static void free_net_loop(struct loop_upper *upper)
{
    sys_free(list_entry(upper, struct net_loop, upper));
}

struct net_loop *weir__net_loop(weir_loop *loop)
{
    if (loop->upper != NULL)
        return list_entry(loop->upper, struct net_loop, upper);

    struct net_loop *net = sys_malloc(sizeof *net);
    if (net == NULL)
        return NULL;
    net->upper = (struct loop_upper) {
        .output = offer_output, .stop = end_everything, .idle = nothing_open, .owns = is_open_transport,
        .peer = peer_of_task, .free = free_net_loop,
    };
    net->loop = loop;
    list_init(&net->transports);
    list_init(&net->gathered);
    list_init(&net->parts);
    loop->upper = &net->upper;
    return net;
}
