/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/run.c  weir_run and run_until_complete.
 */
#include <weir/run.h>

#include "core/run.h"

#include "core/stack_overflow.h"
#include "core/sys.h"

#define MAIN_STACK ((size_t)1024 * 1024)        /* what a main function may use without thinking; address space only */

void weir__thread_prepare(void)
{
    weir__overflow_thread();
}

static bool main_ended(weir_loop *loop, void *arg)
{
    struct run *run = arg;

    (void)loop;
    return run->task->state == TASK_DONE;
}

/* Each task is told once, also those that come while others end; new ones are at the list's end. */
static void tell_all_to_end(weir_loop *loop, const weir_task *but)
{
    for (struct list *node = loop->tasks.prev; node != &loop->tasks; ) {
        weir_task *task = list_entry(node, weir_task, all_link);
        node = node->prev;
        if (task == but)
            continue;
        if (task->told_to_end)
            break;
        task->told_to_end = true;
        weir_task_cancel(task);
    }
}

static bool all_ended(weir_loop *loop, void *arg)
{
    (void)arg;
    tell_all_to_end(loop, NULL);
    return list_empty(&loop->tasks);
}

bool weir__run_end_tasks(const _Atomic int64_t *until_ns)
{
    weir_task *self = weir__task_current();
    struct list *tasks = &self->loop->tasks;

    for (;;) {
        tell_all_to_end(self->loop, self);
        struct list *first = tasks->next == &self->all_link ? self->all_link.next : tasks->next;
        if (first == tasks)
            return true;
        int64_t limit_ns = atomic_load_explicit(until_ns, memory_order_relaxed);
        if (limit_ns <= weir__loop_pass_ns(self->loop))
            return false;
        weir_task *task = weir_task_ref(list_entry(first, weir_task, all_link));
        list_append(&task->joiners, &self->wait_link);
        (void)weir__task_wait_past_deadline_until(WAIT_JOIN, task, limit_ns);
        weir_task_unref(task);
    }
}

static bool connections_ended(weir_loop *loop, void *arg)
{
    (void)arg;
    return loop->upper == NULL || loop->upper->idle(loop->upper);
}

/* Start main and go round until it has ended or the loop was stopped. */
static int run_task(struct run *run)
{
    run->task = weir__task_new(run->loop, run->main, run->arg, MAIN_STACK, 0, NULL);
    if (run->task == NULL)
        return weir__failure_here()->code;
    (void)weir_task_set_name(run->task, "main");        /* a name is worth no failure */
    weir__task_start(run->task);
    return weir__loop_spin(run->loop, main_ended, run);
}

static int result_of(struct run *run, int code)
{
    if (code == 0) {
        code = run->task->state == TASK_DONE ? run->task->result
             : weir__fail_text(WEIR_ESTATE, "the loop was stopped before its main had ended");
        if (run->task->state == TASK_DONE)
            weir__failure_move(&run->task->failure, &run->failure);
    }
    weir_task_unref(run->task);
    run->task = NULL;
    return code;
}

/* The others get a cancel and the time they need; what their connections still had to say is offered once. */
static void end_the_rest(weir_loop *loop)
{
    while (loop->poll_failure == 0 && !all_ended(loop, NULL))
        (void)weir__loop_spin(loop, all_ended, NULL);
    if (loop->upper == NULL || loop->poll_failure < 0)
        return;
    loop->upper->stop(loop->upper);
    while (!connections_ended(loop, NULL) && loop->poll_failure == 0)
        (void)weir__loop_spin(loop, connections_ended, NULL);
    while (!all_ended(loop, NULL) && loop->poll_failure == 0)   /* a connection that began meanwhile has a handler */
        (void)weir__loop_spin(loop, all_ended, NULL);
}

void weir__run_rest(weir_loop *loop)
{
    if (weir__loop_enter(loop) < 0)
        return;                                 /* this thread runs another loop: what is left is dropped as it stands */
    end_the_rest(loop);
    weir__loop_leave(loop);
}

int weir__run_main(struct run *run)
{
    weir_loop *loop = run->loop;
    int code = weir__loop_enter(loop);

    if (code < 0)
        return code;
    code = run_task(run);
    if (run->task != NULL)
        code = result_of(run, code);
    end_the_rest(loop);
    weir__loop_leave(loop);
    return code;
}

int weir_loop_run_until_complete(weir_loop *loop, int (*fn)(void *), void *arg)
{
    struct run run = { .loop = loop, .main = fn, .arg = arg };
    int code = weir__loop_enter(loop);

    if (code < 0)
        return code;
    code = run_task(&run);
    if (run.task != NULL)
        code = result_of(&run, code);
    weir__loop_leave(loop);
    if (code < 0 && run.failure.code < 0)
        weir__failure_move(&run.failure, weir__failure_here());
    weir__failure_fini(&run.failure);
    return code;
}

int weir_run(weir_main main, void *arg)
{
    if (weir__this_loop != NULL)
        return weir__fail_text(-EBUSY, "weir_run: this thread runs a loop already");

    struct run run = { .loop = weir_loop_new(), .main = main, .arg = arg };
    if (run.loop == NULL)
        return weir__failure_here()->code;

    weir__thread_prepare();
    int code = weir__run_main(&run);
    weir_loop_free(run.loop);

    if (code < 0 && run.failure.code < 0)
        weir__failure_move(&run.failure, weir__failure_here());
    weir__failure_fini(&run.failure);
    return code;
}
