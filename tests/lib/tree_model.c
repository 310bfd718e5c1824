/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/tree_model.c  The model's rules of what a task does at each step, and the passage of time.
 *
 * A step function is called again when the wait that it began is over (resumed, with the code in t->code). It returns false
 * when it waits, and true with its code.
 */
#include "lib/tree_model.h"

#include <errno.h>

#include <weir/error.h>

static struct m_task *of(struct model *m, int task)
{
    return &m->task[task];
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Whether a point in time has come; too close to say is said. */
static bool has_come(struct model *m, int64_t due)
{
    int64_t left = due == NEVER ? NEVER : due - m->now;

    if (left != 0 && left > -NEAR_MS && left < NEAR_MS)
        m->near = true;
    return left <= 0;
}

/* Begin to wait. True: it did not, and *code says why. */
static bool refuses(struct model *m, int task, enum m_wait kind, int64_t due, int *code)
{
    struct m_task *t = of(m, task);

    if (m_meet(t)) {
        *code = -ECANCELED;
        return true;
    }
    if (has_come(m, due)) {
        *code = -ETIMEDOUT;
        return true;
    }
    t->state = M_WAITING;
    t->kind = kind;
    t->due = due;
    return false;
}

/* --- The waits ------------------------------------------------------------ */

static bool sleep_step(struct model *m, int task, const struct step *step, int *code)
{
    struct m_task *t = of(m, task);

    if (!t->resumed) {
        if (!refuses(m, task, M_SLEEP, earlier(m->now + step->ms, t->deadline), code))
            return false;
        return true;
    }
    *code = t->code == -ETIMEDOUT && t->due < t->deadline ? 0 : t->code;
    return true;
}

static bool yield_step(struct model *m, int task, int *code)
{
    struct m_task *t = of(m, task);

    *code = 0;
    if (t->resumed) {
        *code = m_meet(t) ? -ECANCELED : 0;
    } else if (m_meet(t)) {
        *code = -ECANCELED;
    } else if (has_come(m, t->deadline)) {
        *code = -ETIMEDOUT;
    } else {
        t->code = 0;
        m_ready(m, task);
        return false;
    }
    return true;
}

static bool executor_step(struct model *m, int task, const struct step *step, int *code)
{
    struct m_task *t = of(m, task);

    if (!t->resumed) {
        if (refuses(m, task, M_EXECUTOR, t->deadline, code))
            return true;
        m->jobs[m->job_count++] = task;
        return false;
    }
    *code = t->code == 0 ? step->result : t->code;
    return true;
}

/* Join with a limit; begun says that t->expired and t->handed_on are set. */
static bool join_until(struct model *m, int task, int joined, int64_t limit, int *code)
{
    struct m_task *t = of(m, task);
    struct m_task *other = of(m, joined);
    bool woken = t->resumed;

    if (!woken)
        t->expired = t->handed_on = false;
    for (;;) {
        int got = woken ? t->code : 0;
        if (!woken) {
            if (other->state == M_DONE)
                break;
            if (!refuses(m, task, M_JOIN, t->expired ? NEVER : earlier(limit, t->deadline), &got)) {
                t->on = joined;
                other->joiners[other->joiner_count++] = task;
                return false;
            }
        }
        woken = false;
        if (got == 0)
            continue;
        if (got == -ETIMEDOUT)
            t->expired = true;
        else
            t->handed_on = true;
        m_cancel(m, joined, NULL);
    }
    *code = t->expired && !t->handed_on && other->result == -ECANCELED ? -ETIMEDOUT : other->result;
    return true;
}

static bool join_step(struct model *m, int task, const struct step *step, int *code)
{
    if (!of(m, task)->resumed && m_needs(m, step->task[0], task)) {
        *code = WEIR_ESTATE;
        return true;
    }
    return join_until(m, task, step->task[0], NEVER, code);
}

static bool shield_step(struct model *m, int task, const struct step *step, int *code)
{
    struct m_task *t = of(m, task);
    struct m_task *other = of(m, step->task[0]);

    if (t->resumed) {
        *code = t->code == 0 ? other->result : t->code;
        return true;
    }
    if (other->state == M_DONE) {
        *code = other->result;
        return true;
    }
    if (m_needs(m, step->task[0], task)) {
        *code = WEIR_ESTATE;
        return true;
    }
    if (refuses(m, task, M_SHIELD, t->deadline, code))
        return true;
    t->on = step->task[0];
    other->joiners[other->joiner_count++] = task;
    return false;
}

static void make_task(struct model *m, int task, struct m_group *group)
{
    struct m_task *t = of(m, task);

    t->deadline = NEVER;
    t->code = 0;
    if (group != NULL) {
        group->members[group->count++] = task;
        t->watches[t->watch_count++] = (struct m_watch) { .task = -1, .group = group };
    }
    m_ready(m, task);
}

static bool wait_for_step(struct model *m, int task, const struct step *step, int *code)
{
    struct m_task *t = of(m, task);

    if (!t->resumed) {
        if (step->ms == 0) {
            *code = -ETIMEDOUT;
            return true;
        }
        t->limit = step->ms < 0 ? NEVER : m->now + step->ms;
        make_task(m, step->task[0], NULL);
    }
    return join_until(m, task, step->task[0], t->limit, code);
}

/* --- Gather --------------------------------------------------------------- */

/* 1 decided, 0 to be waited for. */
static int begin_gather(struct model *m, int task, const struct step *step, int *code)
{
    struct m_gather *g = &of(m, task)->gather;
    bool ring = false;

    *g = (struct m_gather) { .count = step->count };
    *code = 0;
    for (int i = 0; i < step->count; i++) {
        const struct m_task *other = of(m, step->task[i]);
        g->task[i] = step->task[i];
        g->running += other->state != M_DONE;
        if (other->state == M_DONE && other->result < 0 && *code == 0)
            *code = other->result;
        ring = ring || m_needs(m, step->task[i], task);
    }
    if (*code < 0 || g->running == 0)
        return 1;
    if (ring) {
        *code = WEIR_ESTATE;
        return -1;
    }
    for (int i = 0; i < step->count; i++) {
        struct m_task *other = of(m, step->task[i]);
        g->watched[i] = other->state != M_DONE;
        if (g->watched[i])
            other->watches[other->watch_count++] = (struct m_watch) { .task = task, .slot = i };
    }
    return 0;
}

static void end_gather(struct model *m, int task, const struct step *step)
{
    struct m_task *t = of(m, task);

    for (int i = 0; i < step->count; i++) {
        const struct m_task *other = of(m, step->task[i]);
        m->out->task[task].gathered[t->step][i] = other->state == M_DONE ? other->result : WEIR_ESTATE;
    }
    for (int i = 0; i < PLAN_TASKS; i++) {
        struct m_task *other = of(m, i);
        int kept = 0;
        for (int k = 0; k < other->watch_count; k++) {
            if (other->watches[k].task != task)
                other->watches[kept++] = other->watches[k];
        }
        if (other->state != M_DONE)
            other->watch_count = kept;
    }
}

static bool gather_step(struct model *m, int task, const struct step *step, int *code)
{
    struct m_task *t = of(m, task);
    struct m_gather *g = &t->gather;
    bool woken = t->resumed;

    if (!woken) {
        int begun = begin_gather(m, task, step, code);
        if (begun > 0)
            end_gather(m, task, step);
        if (begun != 0)
            return true;
        t->expired = false;
    }
    for (;;) {
        int got = woken ? t->code : 0;
        if (!woken) {
            if (m_gather_over(g))
                break;
            if (!refuses(m, task, M_GATHER, t->expired ? NEVER : t->deadline, &got))
                return false;
        }
        woken = false;
        if (got == 0)
            continue;
        t->expired = t->expired || got == -ETIMEDOUT;
        m_ending(&g->ending, got);
        for (int i = 0; i < g->count; i++)
            m_cancel(m, g->task[i], NULL);
    }
    *code = g->failure == 0 ? g->ending : g->ending == -ETIMEDOUT && g->failure == -ECANCELED ? -ETIMEDOUT : g->failure;
    end_gather(m, task, step);
    return true;
}

/* --- Groups --------------------------------------------------------------- */

static int spawn_member(struct model *m, int task, const struct step *step)
{
    struct m_task *t = of(m, task);
    struct m_group *group = &t->groups[step->slot];

    if (group->over || group->aborted || group->cancelled)
        return WEIR_ESTATE;
    if (!group->made) {
        group->made = true;
        group->depth = t->open_count == 0 ? 0 : t->open[t->open_count - 1]->depth + 1;
        t->open[t->open_count++] = group;
    }
    make_task(m, step->task[0], group);
    return 0;
}

/* True when all members have ended. */
static bool wait_for_members(struct model *m, int task, struct m_group *group, bool past_deadline)
{
    struct m_task *t = of(m, task);
    bool woken = t->resumed;

    if (!woken) {
        m_take_back(m, group);
        group->closing = true;
        t->expired = past_deadline;
    }
    for (;;) {
        int got = woken ? t->code : 0;
        if (!woken) {
            if (group->count == 0)
                return true;
            t->group = group;
            if (!refuses(m, task, M_GROUP, t->expired ? NEVER : t->deadline, &got))
                return false;
        }
        woken = false;
        if (got == 0)
            continue;
        t->expired = t->expired || got == -ETIMEDOUT;
        m_ending(&group->ending, got);
        m_abort(m, group);
    }
}

static void close_group(struct m_task *t, const struct m_group *group)
{
    int kept = 0;

    for (int i = 0; i < t->open_count; i++) {
        if (t->open[i] != group)
            t->open[kept++] = t->open[i];
    }
    t->open_count = kept;
}

static bool join_group_step(struct model *m, int task, const struct step *step, int *code)
{
    struct m_task *t = of(m, task);
    struct m_group *group = &t->groups[step->slot];

    if (group->made && !wait_for_members(m, task, group, false))
        return false;
    if (group->failure < 0) {
        *code = group->failure;
        t->pending = t->pending || group->ending == -ECANCELED;
    } else {
        *code = group->cancelled ? -ECANCELED : group->ending;
    }
    group->over = true;
    close_group(t, group);
    return true;
}

/* The function has returned: what is open is reported, and waited for from the last to the first. */
static bool leave_groups(struct model *m, int task)
{
    struct m_task *t = of(m, task);

    while (t->open_count > 0) {
        struct m_group *group = t->open[t->open_count - 1];
        if (!t->resumed) {
            group->left = true;
            m->out->reports += (group->failure < 0) + (group->count > 0);
            if (t->result < 0)
                m_abort(m, group);
        }
        if (!wait_for_members(m, task, group, true))
            return false;
        t->resumed = false;
        close_group(t, group);
    }
    return true;
}

/* --- Steps ---------------------------------------------------------------- */

static bool is_closing_step(enum step_kind kind)
{
    return kind == STEP_SCOPE_END || kind == STEP_GROUP_JOIN;
}

static bool knows_all(struct model *m, const struct step *step)
{
    int count = step->kind == STEP_GATHER ? step->count
              : step->kind == STEP_JOIN || step->kind == STEP_SHIELD || step->kind == STEP_CANCEL ? 1 : 0;

    for (int i = 0; i < count; i++) {
        if (!of(m, step->task[i])->known)
            return false;
    }
    return true;
}

static bool perform(struct model *m, int task, const struct step *step, int *code)
{
    struct m_task *t = of(m, task);

    *code = 0;
    switch (step->kind) {
    case STEP_SLEEP: return sleep_step(m, task, step, code);
    case STEP_YIELD: return yield_step(m, task, code);
    case STEP_EXECUTOR: return executor_step(m, task, step, code);
    case STEP_CREATE:
        make_task(m, step->task[0], NULL);
        of(m, step->task[0])->known = true;
        return true;
    case STEP_CANCEL:
        *code = of(m, step->task[0])->state != M_DONE;
        m_cancel(m, step->task[0], NULL);
        return true;
    case STEP_JOIN: return join_step(m, task, step, code);
    case STEP_SHIELD: return shield_step(m, task, step, code);
    case STEP_GATHER: return gather_step(m, task, step, code);
    case STEP_WAIT_FOR: return wait_for_step(m, task, step, code);
    case STEP_SCOPE_BEGIN:
        t->outer[step->slot] = t->deadline;
        t->scope_due[step->slot] = m->now + step->ms;
        t->deadline = earlier(t->deadline, m->now + step->ms);
        return true;
    case STEP_SCOPE_END:
        *code = has_come(m, t->scope_due[step->slot]);
        t->deadline = t->outer[step->slot];
        return true;
    case STEP_GROUP_INIT:
        t->groups[step->slot] = (struct m_group) { .owner = task };
        return true;
    case STEP_GROUP_SPAWN:
        *code = spawn_member(m, task, step);
        return true;
    case STEP_GROUP_CANCEL:
        t->groups[step->slot].cancelled = true;
        m_abort(m, &t->groups[step->slot]);
        return true;
    case STEP_GROUP_JOIN: return join_group_step(m, task, step, code);
    case STEP_KINDS: break;
    }
    return true;
}

/* Whether a step that closes something was opened: a task that leaves early skips both. */
static bool is_open(const struct m_task *t, const struct plan_task *plan, int at)
{
    enum step_kind opening = plan->step[at].kind == STEP_SCOPE_END ? STEP_SCOPE_BEGIN : STEP_GROUP_INIT;

    for (int i = 0; i < at; i++) {
        if (plan->step[i].kind == opening && plan->step[i].slot == plan->step[at].slot)
            return t->leaving == 0 || i < t->leave_at;
    }
    return false;
}

static void run_task(struct model *m, int task)
{
    struct m_task *t = of(m, task);
    const struct plan_task *plan = &m->plan->task[task];
    struct outcome_task *out = &m->out->task[task];

    t->resumed = t->state == M_READY && out->ran;
    t->state = M_RUNNING;
    if (!out->ran) {
        if (m_meet(t)) {                        /* cancelled before its first step: the body never runs (TS-1) */
            m_end(m, task, -ECANCELED);
            return;
        }
        out->ran = t->known = true;
    }
    for (; !t->leaves && t->step < plan->steps; t->step++) {
        const struct step *step = &plan->step[t->step];
        int code = NO_TASK;
        if (t->leaving < 0 && !(is_closing_step(step->kind) && is_open(t, plan, t->step)))
            continue;
        if ((t->resumed || knows_all(m, step)) && !perform(m, task, step, &code))
            return;
        t->resumed = false;
        out->code[t->step] = code;
        out->at_ms[t->step] = m->now;
        if (code < 0 && step->leave && t->leaving == 0) {
            t->leaving = code;
            t->leave_at = t->step;
        }
    }
    if (!t->leaves)
        t->result = t->leaving < 0 ? t->leaving : plan->result;
    t->leaves = true;
    if (leave_groups(m, task))
        m_end(m, task, t->result);
}

/* --- Time ----------------------------------------------------------------- */

static bool let_time_pass(struct model *m)
{
    int next = -1;

    for (int i = 0; i < m->plan->tasks; i++) {
        const struct m_task *t = of(m, i);
        if (t->state != M_WAITING || t->due == NEVER)
            continue;
        if (next >= 0 && t->due - of(m, next)->due > -NEAR_MS && t->due - of(m, next)->due < NEAR_MS)
            m->near = true;
        if (next < 0 || t->due < of(m, next)->due)
            next = i;
    }
    if (next < 0)
        return false;
    m->now = of(m, next)->due;
    m_wake(m, next, -ETIMEDOUT);
    return true;
}

bool model_run(const struct plan *plan, struct outcome *out)
{
    static struct model m;

    m = (struct model) { .plan = plan, .out = out };
    make_task(&m, 0, NULL);
    m.task[0].known = true;
    do {
        while (m.head < m.tail)
            run_task(&m, m.queue[m.head++ % MODEL_QUEUE]);
        if (m.job_count > 0) {
            m_wake(&m, m.jobs[0], 0);           /* the work of the first in line is done */
            continue;
        }
        if (!let_time_pass(&m))
            break;
    } while (!m.near);
    return !m.near;
}
