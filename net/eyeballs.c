/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/eyeballs.c  When the next attempt is due, and the order of the addresses.
 */
#include "net/eyeballs.h"

#include <assert.h>
#include <string.h>

#include "core/error.h"
#include "core/loop.h"
#include "core/sys.h"

/* --- When ----------------------------------------------------------------- */

void weir__eyeballs_init(struct eyeballs *e, size_t count, double delay)
{
    *e = (struct eyeballs) { .count = count, .delay_ns = delay > 0 ? weir__ns_after(0, delay) : FOREVER, .due_ns = INT64_MIN };
}

enum eyeballs_answer weir__eyeballs_ask(const struct eyeballs *e, int64_t now_ns, int64_t *until_ns)
{
    if (e->won)
        return EYEBALLS_WON;
    if (e->begun == e->count && e->running == 0)
        return EYEBALLS_LOST;

    bool may_begin = e->begun < e->count && e->running < EYEBALLS_MOST;
    if (may_begin && e->due_ns <= now_ns)
        return EYEBALLS_BEGIN;
    *until_ns = may_begin ? e->due_ns : FOREVER;
    return EYEBALLS_WAIT;
}

void weir__eyeballs_began(struct eyeballs *e, int64_t now_ns)
{
    assert(e->begun < e->count);
    e->begun++;
    e->running++;
    e->due_ns = e->delay_ns < FOREVER - now_ns ? now_ns + e->delay_ns : FOREVER;
}

void weir__eyeballs_failed(struct eyeballs *e, size_t attempt, int64_t now_ns)
{
    assert(e->running > 0 && attempt < e->begun);
    e->running--;
    if (attempt + 1 == e->begun && now_ns < e->due_ns)
        e->due_ns = now_ns;
}

void weir__eyeballs_won(struct eyeballs *e, size_t attempt)
{
    assert(e->running > 0 && attempt < e->begun && !e->won);
    e->won = true;
    e->winner = attempt;
}

/* --- In which order ------------------------------------------------------- */

struct group {
    int family;
    size_t at;                  /* where its next address is looked for */
};

static size_t find_groups(const struct address_list *list, struct group *groups)
{
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++) {
        size_t known = 0;
        while (known < count && groups[known].family != list->items[i].storage.ss_family)
            known++;
        if (known == count)
            groups[count++] = (struct group) { list->items[i].storage.ss_family, i };
    }
    return count;
}

/* Append the next address of @group to the @done ones of @order, if there is one left. */
static size_t take(const struct address_list *list, struct group *group, weir_address *order, size_t done)
{
    while (group->at < list->count && list->items[group->at].storage.ss_family != group->family)
        group->at++;
    if (group->at == list->count)
        return done;
    order[done] = list->items[group->at++];
    return done + 1;
}

int weir__eyeballs_interleave(struct address_list *list, unsigned interleave)
{
    size_t done = 0;

    if (interleave == 0 || list->count < 2)
        return 0;
    weir_address *order = sys_malloc(list->count * sizeof *order);
    struct group *groups = sys_malloc(list->count * sizeof *groups);
    if (order == NULL || groups == NULL) {
        sys_free(order);
        sys_free(groups);
        return weir__fail(-ENOMEM);
    }

    size_t count = find_groups(list, groups);
    for (unsigned i = 1; i < interleave && i <= list->count; i++)
        done = take(list, &groups[0], order, done);
    while (done < list->count) {
        for (size_t i = 0; i < count; i++)
            done = take(list, &groups[i], order, done);
    }
    memcpy(list->items, order, list->count * sizeof *order);
    sys_free(order);
    sys_free(groups);
    return 0;
}
