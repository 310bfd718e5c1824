/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/tree_model_tell.c  The model's rules of who is told what: waking, cancelling, ending, and who needs whom.
 */
#include "lib/tree_model.h"

#include <errno.h>
#include <stddef.h>

/* --- Waking --------------------------------------------------------------- */

void m_ready(struct model *m, int task)
{
    m->task[task].state = M_READY;
    m->queue[m->tail++ % MODEL_QUEUE] = task;
}

static void forget(int *list, int *count, int task)
{
    int kept = 0;

    for (int i = 0; i < *count; i++) {
        if (list[i] != task)
            list[kept++] = list[i];
    }
    *count = kept;
}

void m_wake(struct model *m, int task, int code)
{
    struct m_task *t = &m->task[task];

    if (t->state != M_WAITING)
        return;
    if (t->kind == M_JOIN || t->kind == M_SHIELD)
        forget(m->task[t->on].joiners, &m->task[t->on].joiner_count, task);
    if (t->kind == M_EXECUTOR)
        forget(m->jobs, &m->job_count, task);
    t->code = code;
    m_ready(m, task);
}

/* --- Cancelling ----------------------------------------------------------- */

/* A request is met once; one from outside that came after a group's is another one. */
bool m_meet(struct m_task *t)
{
    bool was = t->pending;

    t->pending = t->twice;
    if (t->twice)
        t->asked_by = NULL;
    t->twice = false;
    return was;
}

static void tell(struct model *m, int task, struct m_group *by)
{
    struct m_task *t = &m->task[task];

    if (t->state == M_WAITING) {
        t->asked_by = by;
        m_wake(m, task, -ECANCELED);
        return;
    }
    if (t->state == M_READY && t->code == -ECANCELED) {
        if (by != NULL || t->asked_by == NULL)
            return;             /* it is being told */
    }
    if (!t->pending) {
        t->pending = true;
        t->asked_by = by;
    } else if (t->asked_by != NULL) {
        if (by == NULL)
            t->twice = true;
        else if (by->depth < t->asked_by->depth)
            t->asked_by = by;
    }
}

void m_ending(int *ending, int why)
{
    if (*ending != -ECANCELED)
        *ending = *ending == 0 || why == -ECANCELED ? why : *ending;
}

/* Level by level: who joins, gathers or closes a group hands it on. */
void m_cancel(struct model *m, int first, struct m_group *by)
{
    int todo[PLAN_TASKS], count = 0;
    bool seen[PLAN_TASKS] = { false };

    if (m->task[first].state == M_DONE)
        return;
    todo[count++] = first;
    seen[first] = true;
    for (int at = 0; at < count; at++) {
        struct m_task *t = &m->task[todo[at]];
        int next[MODEL_LIST], n = 0;

        if (t->state == M_WAITING && t->kind == M_JOIN) {
            t->handed_on = true;
            next[n++] = t->on;
        } else if (t->state == M_WAITING && t->kind == M_GATHER) {
            m_ending(&t->gather.ending, -ECANCELED);
            for (int i = 0; i < t->gather.count; i++)
                next[n++] = t->gather.task[i];
        } else if (t->state == M_WAITING && t->kind == M_GROUP) {
            struct m_group *from = todo[at] == first ? by : NULL;
            if (from == NULL || t->group->ending != -ECANCELED)
                t->asked_by = from;
            m_ending(&t->group->ending, -ECANCELED);
            t->group->aborted = true;
            for (int i = 0; i < t->group->count; i++)
                next[n++] = t->group->members[i];
        } else {
            tell(m, todo[at], todo[at] == first ? by : NULL);
        }
        for (int i = 0; i < n; i++) {
            if (!seen[next[i]] && m->task[next[i]].state != M_DONE)
                todo[count++] = next[i];
            seen[next[i]] = true;
        }
    }
}

void m_abort(struct model *m, struct m_group *group)
{
    group->aborted = true;
    for (int i = 0; i < group->count; i++)
        m_cancel(m, group->members[i], NULL);
}

/* Before its owner waits for a group, what the group alone asked of it is void. */
void m_take_back(struct model *m, struct m_group *group)
{
    struct m_task *t = &m->task[group->owner];

    if (t->asked_by != group)
        return;
    if (t->pending)
        m_meet(t);
    t->asked_by = NULL;
}

/* --- Ending --------------------------------------------------------------- */

bool m_gather_over(const struct m_gather *g)
{
    return g->running == 0 || (g->failure < 0 && g->ending == 0);
}

static void member_ended(struct model *m, struct m_group *group, int task, int result)
{
    forget(group->members, &group->count, task);
    if (result < 0 && result != -ECANCELED) {
        bool first = group->failure == 0;
        m->out->reports += !first || group->left;
        if (first) {
            group->failure = result;
            m_abort(m, group);
            if (!group->closing)
                m_cancel(m, group->owner, group);
        }
    }
    if (group->count == 0 && group->closing)
        m_wake(m, group->owner, 0);
}

static void gathered_ended(struct model *m, const struct m_watch *watch, int result)
{
    struct m_gather *g = &m->task[watch->task].gather;

    g->watched[watch->slot] = false;
    g->running--;
    if (result < 0 && g->failure == 0)
        g->failure = result;
    if (m_gather_over(g))
        m_wake(m, watch->task, 0);
}

void m_end(struct model *m, int task, int result)
{
    struct m_task *t = &m->task[task];

    t->state = M_DONE;
    t->result = result;
    m->out->task[task].result = result;
    m->out->task[task].ended_ms = m->now;
    while (t->joiner_count > 0)
        m_wake(m, t->joiners[0], 0);
    for (int i = 0; i < t->watch_count; i++) {
        const struct m_watch *watch = &t->watches[i];
        if (watch->group != NULL)
            member_ended(m, watch->group, task, result);
        else if (watch->task >= 0 && m->task[watch->task].gather.watched[watch->slot])
            gathered_ended(m, watch, result);
    }
    t->watch_count = 0;
}

/* --- Who needs whom ------------------------------------------------------- */

static bool any_needs(struct model *m, const int *tasks, int count, int self, bool *seen);

static bool one_needs(struct model *m, int task, int self, bool *seen)
{
    const struct m_task *t = &m->task[task];

    if (task == self)
        return t->state != M_DONE;
    if (seen[task] || t->state == M_DONE)
        return false;
    seen[task] = true;
    for (int i = 0; i < t->open_count; i++) {
        if (any_needs(m, t->open[i]->members, t->open[i]->count, self, seen))
            return true;
    }
    if (t->state != M_WAITING)
        return false;
    if (t->kind == M_JOIN || t->kind == M_SHIELD)
        return one_needs(m, t->on, self, seen);
    return t->kind == M_GATHER && any_needs(m, t->gather.task, t->gather.count, self, seen);
}

static bool any_needs(struct model *m, const int *tasks, int count, int self, bool *seen)
{
    for (int i = 0; i < count; i++) {
        if (one_needs(m, tasks[i], self, seen))
            return true;
    }
    return false;
}

bool m_needs(struct model *m, int task, int self)
{
    bool seen[PLAN_TASKS] = { false };

    return one_needs(m, task, self, seen);
}
