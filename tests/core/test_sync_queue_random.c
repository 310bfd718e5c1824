/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/core/test_sync_queue_random.c  Any order of calls on a queue of any kind, against a model of it.
 */
#include <errno.h>
#include <stdint.h>

#include <weir/sync.h>

#include "lib/actors.h"
#include "lib/clock.h"
#include "lib/suite.h"

#define MOST 512                /* items that a trial puts in */

static weir_queue queue;
static int wrong_codes;

/* --- The model ------------------------------------------------------------ */

enum kind { FIFO, LIFO, PRIORITY };

static enum kind kind;
static size_t limit;
static uintptr_t stored[MOST], travelling[MOST];        /* in the order in which they came */
static size_t stored_count, travelling_count, taken, claimed, unfinished;
static struct list getters, putters, joiners;
static uintptr_t next_item;

/* The low byte is the size, the rest makes it unlike all others. */
static int by_low_byte(const void *a, const void *b)
{
    return (int)((uintptr_t)a & 0xff) - (int)((uintptr_t)b & 0xff);
}

static uintptr_t new_item(void)
{
    return next_item++ << 8 | chance(6);
}

static bool is_full(void)
{
    return limit > 0 && taken >= limit;
}

static void model_let_in(uintptr_t item)
{
    stored[stored_count++] = item;
    unfinished++;
    if (model_wake_first(&getters, 0))
        claimed++;
}

static uintptr_t model_let_out(void)
{
    size_t which = kind == LIFO ? stored_count - 1 : 0;

    for (size_t i = 1; kind == PRIORITY && i < stored_count; i++)
        which = (stored[i] & 0xff) < (stored[which] & 0xff) ? i : which;
    uintptr_t item = stored[which];
    stored_count--;
    for (size_t i = which; i < stored_count; i++)
        stored[i] = stored[i + 1];
    if (!model_wake_first(&putters, 0))
        taken--;
    return item;
}

static void arrive(void)
{
    for (size_t i = 0; i < travelling_count; i++)
        model_let_in(travelling[i]);
    travelling_count = 0;
}

enum { STAGE_PUT, STAGE_PUT_WAITED, STAGE_GET, STAGE_GET_WAITED, STAGE_JOIN, STAGE_JOIN_WAITED };

static void wait_or_end(struct actor *actor, struct list *row)
{
    int code = model_wait(actor, row, false);

    actor->stage++;
    if (code < 0)
        model_done(actor, code);
}

static void step(struct actor *actor, int code)
{
    int stage = actor->stage;

    if (code < 0) {
        model_done(actor, code);
    } else if (stage == STAGE_PUT && is_full()) {
        wait_or_end(actor, &putters);
    } else if (stage == STAGE_GET && stored_count == claimed) {
        wait_or_end(actor, &getters);
    } else if (stage == STAGE_JOIN && unfinished + travelling_count > 0) {
        wait_or_end(actor, &joiners);
    } else {
        if (stage == STAGE_PUT || stage == STAGE_PUT_WAITED) {
            taken += stage == STAGE_PUT;
            model_let_in((uintptr_t)actor->expected_item);
        } else if (stage == STAGE_GET || stage == STAGE_GET_WAITED) {
            claimed -= stage == STAGE_GET_WAITED;
            actor->expected_item = (void *)model_let_out();
        }
        model_done(actor, 0);
    }
}

/* --- The director --------------------------------------------------------- */

static void begin(void)
{
    kind = (enum kind)chance(3);
    limit = chance(5);
    wrong_codes += (kind == FIFO   ? weir_queue_init(&queue, limit)
                    : kind == LIFO ? weir_queue_init_lifo(&queue, limit)
                                   : weir_queue_init_priority(&queue, limit, by_low_byte)) != 0;
    stored_count = travelling_count = taken = claimed = unfinished = 0;
    next_item = 1;
    list_init(&getters);
    list_init(&putters);
    list_init(&joiners);
}

static int call_put(struct actor *actor)
{
    return weir_queue_put(&queue, actor->item);
}

static int call_get(struct actor *actor)
{
    return weir_queue_get(&queue, &actor->item);
}

static int call_join(struct actor *actor)
{
    (void)actor;
    return weir_queue_join(&queue);
}

static void start_one(struct actor *actor)
{
    unsigned what = chance(9);

    actor->item = actor->expected_item = NULL;
    if (what < 4)
        actor->item = actor->expected_item = (void *)new_item();
    if (what < 4)
        actor_start(actor, call_put, STAGE_PUT);
    else if (what < 8)
        actor_start(actor, call_get, STAGE_GET);
    else
        actor_start(actor, call_join, STAGE_JOIN);
}

static void put_now(bool from_outside)
{
    uintptr_t item = new_item();
    bool full = is_full();
    int code = from_outside ? weir_queue_put_threadsafe(&queue, (void *)item) : weir_queue_put_nowait(&queue, (void *)item);

    wrong_codes += code != (full ? -EAGAIN : 0);
    if (full)
        return;
    taken++;
    if (from_outside)
        travelling[travelling_count++] = item;
    else
        model_let_in(item);
}

static void get_now(void)
{
    void *item = NULL;
    int code = weir_queue_get_nowait(&queue, &item);

    if (stored_count == claimed)
        wrong_codes += code != -EAGAIN;
    else
        wrong_codes += code != 0 || (uintptr_t)item != model_let_out();
}

static void done_now(void)
{
    wrong_codes += weir_queue_task_done(&queue) != (unfinished > 0 ? 0 : -EINVAL);
    if (unfinished > 0 && --unfinished == 0 && travelling_count == 0) {
        while (model_wake_first(&joiners, 0))
            ;
    }
}

static void act(void)
{
    struct actor *actor = an_idle_actor();

    if (actors_disturb())
        return;
    if (actor != NULL && chance(2))
        start_one(actor);
    else if (chance(2))
        chance(2) ? get_now() : done_now();
    else
        put_now(chance(2));
}

static bool agrees(void)
{
    return weir_queue_qsize(&queue) == stored_count - claimed && weir_queue_full(&queue) == is_full() &&
           weir_queue_empty(&queue) == (stored_count == claimed);
}

static void give_way(void)
{
    if (!list_empty(&getters))
        put_now(false);
    else if (!list_empty(&putters))
        get_now();
    else
        done_now();
}

/* Every item comes out once or is still there, which the model's sameness says; then nothing is left in memory. */
START_TEST(any_order_of_calls_agrees_with_the_model)
{
    static const struct trial trial = {
        .begin = begin, .act = act, .step = step, .arrive = arrive, .agrees = agrees, .give_way = give_way,
    };

    clock_fake();
    for (unsigned seed = 1; seed <= 1000; seed++) {
        const char *found = actors_try(&trial, seed, 60);
        weir_queue_fini(&queue);
        ck_assert_msg(found == NULL, "seed %u: %s", seed, found);
        ck_assert_msg(wrong_codes == 0, "seed %u: the director was answered wrongly", seed);
        ck_assert_uint_lt(next_item, MOST);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("core/sync_queue_random");

    TCase *random = tcase_create("random");
    tcase_add_test(random, any_order_of_calls_agrees_with_the_model);
    suite_add_tcase(s, random);
    return s;
}
