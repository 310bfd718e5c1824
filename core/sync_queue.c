/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/sync_queue.c  A queue between tasks: who waits for an item, for a place, or for the work to be done.
 *
 *      put -----------------------------+
 *      put that waited --> promised ----+--> stored ------------+--> get
 *      put_threadsafe --> travels ------+      +----> claimed --+--> get that waited
 *
 * Places: each item that is stored or travels has one, and each put that was woken and has not gone on yet (promised).
 * Items: of those stored, some are for gets that were woken and have not gone on yet (claimed). So nobody overtakes who
 * waited, and a woken task finds what it was woken for, cancelled meanwhile or not.
 *
 * Always true between calls:
 *   1. places taken = stored + promised + those that travel
 *   2. a get waits only while stored = claimed; a put waits only while all places are taken
 *   3. claimed and promised are the numbers of woken tasks that are still on their way
 */
#include <weir/sync.h>

#include "core/sync_queue_door.h"
#include "core/sync_queue_items.h"
#include "core/sync_waiters.h"
#include "core/sys.h"

struct SYNC_OBJECT queue {
    struct waiters getters;     /* its loop is the queue's */
    struct list    putters;
    struct list    joiners;
    struct items   items;
    struct door   *door;        /* NULL after fini */
    size_t         unfinished;  /* items that came in and that no task_done() answered yet */
    unsigned       claimed;     /* both are numbers of tasks, of which 2^32 have no room in memory */
    unsigned       promised;
};
_Static_assert(sizeof(struct queue) <= sizeof(weir_queue), "a queue fits into its public array");

#define WHAT "queue"

static struct queue *queue_of(const weir_queue *q)
{
    return (struct queue *)(uintptr_t)q;
}

/* --- Coming and going ----------------------------------------------------- */

/* An item comes in; its place is taken already. */
static void let_in(struct queue *queue, struct item_node *node)
{
    weir__items_add(&queue->items, node);
    queue->unfinished++;
    if (weir__waiters_wake_first(&queue->getters.tasks))
        queue->claimed++;
}

static void arrive(void *queue, struct item_node *node)
{
    let_in(queue, node);
}

/* An item goes, and its place to the first put that waits. */
static void *let_out(struct queue *queue)
{
    struct item_node *node = weir__items_take(&queue->items);
    void *item = node->item;

    sys_free(node);
    if (weir__waiters_wake_first(&queue->putters))
        queue->promised++;
    else
        weir__door_release(queue->door);
    return item;
}

static struct item_node *new_node(void *item)
{
    struct item_node *node = sys_malloc(sizeof *node);

    if (node == NULL) {
        weir__fail(-ENOMEM);
        return NULL;
    }
    node->item = item;
    return node;
}

/* Items that come from other threads and are not here yet. */
static size_t travelling(const struct queue *queue)
{
    return weir__door_taken(queue->door) - queue->items.count - queue->promised;
}

/* Items that get_nowait() may take. */
static size_t available(const struct queue *queue)
{
    return queue->items.count - queue->claimed;
}

/* --- Making and freeing --------------------------------------------------- */

/* The beginning of every function: the first loop to use the queue is its loop, and other threads may send from then on. */
static int use(struct queue *queue)
{
    bool is_new = queue->getters.loop == NULL;
    int code = weir__waiters_use(&queue->getters, WHAT);

    if (is_new && queue->getters.loop != NULL)
        weir__door_bind(queue->door, queue->getters.loop);
    return code;
}

static int init(weir_queue *q, size_t maxsize, enum items_kind kind, int (*compare)(const void *, const void *))
{
    struct queue *queue = queue_of(q);

    weir__waiters_init(&queue->getters);
    list_init(&queue->putters);
    list_init(&queue->joiners);
    weir__items_init(&queue->items, kind, compare);
    queue->unfinished = 0;
    queue->claimed = queue->promised = 0;
    queue->door = weir__door_new(maxsize, queue, arrive);
    return queue->door == NULL ? weir__fail(-ENOMEM) : use(queue);
}

int weir_queue_init(weir_queue *q, size_t maxsize)
{
    return init(q, maxsize, ITEMS_FIFO, NULL);
}

int weir_queue_init_lifo(weir_queue *q, size_t maxsize)
{
    return init(q, maxsize, ITEMS_LIFO, NULL);
}

int weir_queue_init_priority(weir_queue *q, size_t maxsize, int (*compare)(const void *, const void *))
{
    if (compare == NULL)
        return weir__fail_text(-EINVAL, "a priority queue needs a function that compares two items");
    return init(q, maxsize, ITEMS_PRIORITY, compare);
}

void weir_queue_fini(weir_queue *q)
{
    struct queue *queue = queue_of(q);

    if (queue->door == NULL)
        return;
    weir__items_drop(&queue->items);
    weir__door_end(queue->door);
    queue->door = NULL;
}

/* --- Putting -------------------------------------------------------------- */

int weir_queue_put(weir_queue *q, void *item)
{
    struct queue *queue = queue_of(q);
    int code = use(queue);

    if (code < 0)
        return code;
    struct item_node *node = new_node(item);
    if (node == NULL)
        return -ENOMEM;
    if (!weir__door_reserve(queue->door)) {
        code = weir__waiters_wait(&queue->putters, WAIT_PUT, queue);
        if (code < 0) {
            sys_free(node);
            return code;
        }
        queue->promised--;
    }
    let_in(queue, node);
    return 0;
}

int weir_queue_put_nowait(weir_queue *q, void *item)
{
    struct queue *queue = queue_of(q);
    int code = use(queue);

    if (code < 0)
        return code;
    struct item_node *node = new_node(item);
    if (node == NULL)
        return -ENOMEM;
    if (!weir__door_reserve(queue->door)) {
        sys_free(node);
        return weir__fail(-EAGAIN);
    }
    let_in(queue, node);
    return 0;
}

int weir_queue_put_threadsafe(weir_queue *q, void *item)
{
    return weir__door_post(queue_of(q)->door, item);
}

/* --- Getting -------------------------------------------------------------- */

int weir_queue_get(weir_queue *q, void **item)
{
    struct queue *queue = queue_of(q);
    int code = use(queue);

    if (code < 0)
        return code;
    if (available(queue) == 0) {
        code = weir__waiters_wait(&queue->getters.tasks, WAIT_GET, queue);
        if (code < 0)
            return code;
        queue->claimed--;
    }
    *item = let_out(queue);
    return 0;
}

int weir_queue_get_nowait(weir_queue *q, void **item)
{
    struct queue *queue = queue_of(q);
    int code = use(queue);

    if (code < 0)
        return code;
    if (available(queue) == 0)
        return weir__fail(-EAGAIN);
    *item = let_out(queue);
    return 0;
}

/* --- Asking --------------------------------------------------------------- */

size_t weir_queue_qsize(const weir_queue *q)
{
    return available(queue_of(q));
}

bool weir_queue_empty(const weir_queue *q)
{
    return available(queue_of(q)) == 0;
}

bool weir_queue_full(const weir_queue *q)
{
    return weir__door_full(queue_of(q)->door);
}

/* --- The work done -------------------------------------------------------- */

int weir_queue_task_done(weir_queue *q)
{
    struct queue *queue = queue_of(q);
    int code = use(queue);

    if (code < 0)
        return code;
    if (queue->unfinished == 0)
        return weir__fail_text(-EINVAL, "task_done was called more often than there were items");
    if (--queue->unfinished == 0 && travelling(queue) == 0)
        weir__task_wake_all(&queue->joiners, 0);
    return 0;
}

int weir_queue_join(weir_queue *q)
{
    struct queue *queue = queue_of(q);
    int code = use(queue);

    if (code < 0 || (queue->unfinished == 0 && travelling(queue) == 0))
        return code;
    return weir__waiters_wait(&queue->joiners, WAIT_ALL_DONE, queue);
}
