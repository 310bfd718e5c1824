/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/trim.c  Gives back the deep pages of stacks whose tasks sleep.
 *
 * One printf touches several pages of a stack that then sits parked for hours. Each task that ran is on the loop's list
 * once; a sweep every second trims those that have been parked for at least a second, once per parking, in batches, and
 * stops when the list is empty. A busy connection costs the sweep a look a second and never a system call.
 *
 * The sweep counts its own ticks: parking then reads no clock, and no jump of one delays it.
 */
#include "core/task.h"

#include "core/sys.h"

#define TRIM_AFTER 1.           /* seconds between two sweeps; parked for longer is trimmed, by the sweep after that */
#define TRIM_TICKS 16           /* to a TRIM_AFTER */
#define TRIM_BATCH 512          /* tasks looked at in one pass: the sweep delays nobody by more */

/* Trim or keep the task; whether it was trimmed. */
static bool sweep_one(weir_loop *loop, weir_task *task)
{
    /* More than one whole interval: it was parked somewhere within the first. */
    if (task->state != TASK_PARKED || loop->trim_ticks - task->parked_ticks <= TRIM_TICKS)
        return false;
    weir__stack_trim(&loop->stacks, &task->stack, task->context.sp);
    weir__count(&loop->counters, COUNTER_TRIMMED);
    return true;
}

static void sweep(struct ev_loop *ev, ev_timer *timer, int events)
{
    weir_loop *loop = timer->data;
    struct list keep;
    int looked_at = 0;

    (void)events;
    loop->trim_ticks += timer->repeat < TRIM_AFTER ? 1 : TRIM_TICKS;
    list_init(&keep);
    while (!list_empty(&loop->untrimmed) && looked_at++ < TRIM_BATCH) {
        struct list *node = list_take_first(&loop->untrimmed);
        if (!sweep_one(loop, list_entry(node, weir_task, untrimmed_link)))
            list_append(&keep, node);
    }
    bool more = !list_empty(&loop->untrimmed);
    while (!list_empty(&keep))                  /* to the end: the next batch begins with others */
        list_append(&loop->untrimmed, list_take_first(&keep));

    if (list_empty(&loop->untrimmed)) {
        ev_timer_stop(ev, timer);
        return;
    }
    /* More than a batch: the rest follows soon, with the loop's other work in between. */
    timer->repeat = more ? TRIM_AFTER / TRIM_TICKS : TRIM_AFTER;
    ev_timer_again(ev, timer);
}

void weir__trim_init(weir_loop *loop)
{
    list_init(&loop->untrimmed);
    ev_timer_init(&loop->trim_timer, sweep, 0., TRIM_AFTER);
    ev_set_priority(&loop->trim_timer, -1);
    loop->trim_timer.data = loop;
}

void weir__trim_note(weir_task *task)
{
    weir_loop *loop = task->loop;

    task->parked_ticks = loop->trim_ticks;
    if (!list_empty(&task->untrimmed_link))
        return;
    list_append(&loop->untrimmed, &task->untrimmed_link);
    if (!ev_is_active(&loop->trim_timer)) {
        loop->trim_timer.repeat = TRIM_AFTER;
        ev_timer_again(loop->ev, &loop->trim_timer);
    }
}
