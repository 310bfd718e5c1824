/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_ends.c  Random scripts of writes, reads, pauses, closes, aborts and marks on both ends of a memory pair:
 * what the library does is what the rules allow (lib/ends_model.h).
 *
 *      WEIR_STREAM_SEED=N      that seed alone, with its script, and with each step and callback as it comes
 *      WEIR_STREAM_SEEDS=N     so many instead of 10,000
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/loop.h>
#include <weir/run.h>

#include "core/switch_announce.h"
#include "lib/ends_play.h"
#include "lib/suite.h"
#include "net/transport.h"

#define SEEDS      10000
#define SEEDS_SLOW 1000         /* under a sanitizer */

/* --- A whole script -------------------------------------------------------- */

static void begin(struct game *game, const struct ends_plan *plan)
{
    model_begin(&game->model, plan);
    for (int i = 0; i < 2; i++) {
        struct end *end = &game->end[i];
        end->game = game;
        end->who = i;
        end->kind = plan->kind[i];
        weir_event_init(&end->finished);
        for (int k = 0; k < 4; k++) {           /* what is armed first may be for connection_made */
            if (plan->act[k].kind == ACT_ARM && plan->act[k].end == i)
                end->armed[plan->act[k].event] = &plan->act[k];
        }
    }
    ck_assert_int_eq(weir_memory_pair(ends_factory, &game->end[0], &game->end[0].t, ends_factory, &game->end[1], &game->end[1].t,
                                      plan->chunk), 0);
    for (int i = 0; i < 2; i++)
        weir__transport_ref(game->end[i].t);
    ends_look(game, 0);
    for (int i = 0; i < 2; i++) {
        while (!game->model.end[i].made || (plan->kind[i] == ENDS_STREAM && game->end[i].writer == NULL))
            ends_pass(game);
    }
}

/* Everything that was written arrives, and then everything ends. */
static void finish(struct game *game)
{
    static const struct act all = { .kind = ACT_READ, .read = READ_ALL };

    ends_settle(game);
    for (int i = 0; i < 2; i++) {
        struct end *end = &game->end[i];
        memset(end->armed, 0, sizeof end->armed);
        ends_close(end, ACT_WRITE_EOF);
        if (end->kind != ENDS_STREAM)
            ends_read_on(end, true);
        else if (end->reading == 0)
            ends_job_start(end, &all);
    }
    ends_settle(game);
    for (int i = 0; i < 2; i++) {
        const struct model_end *e = &game->model.end[i], *peer = &game->model.end[1 - i];
        if (game->end[1 - i].kind != ENDS_STREAM && !e->cut && peer->cause == CAUSE_NONE && !peer->lost &&
            peer->received != e->accepted)
            model_wrong(&game->model, 1 - i, "%llu of %llu bytes came", (unsigned long long)peer->received,
                        (unsigned long long)e->accepted);
    }
    for (int i = 0; i < 2; i++)
        ends_close(&game->end[i], ACT_CLOSE);
    for (int i = 0; i < 2; i++)
        weir_event_set(&game->end[i].finished);
    ends_settle(game);
    /* A flush that waits for an end which does not read: that one closed, and so resets it. */
    for (int i = 0; i < 2; i++) {
        if (!game->model.end[i].lost)
            ends_close(&game->end[i], ACT_ABORT);
    }
    ends_settle(game);
}

static void clean_up(struct game *game)
{
    for (int i = 0; i < 2; i++) {
        struct end *end = &game->end[i];
        if (!game->model.end[i].lost) {
            if (game->model.wrong == 0)
                model_wrong(&game->model, i, "never lost (PR-1)");
            weir_transport_abort(end->t);
        }
        for (int k = 0; k < end->job_count; k++) {
            weir_task_cancel(end->jobs[k].task);
            weir_task_join(end->jobs[k].task);
            weir_task_unref(end->jobs[k].task);
        }
    }
    for (int i = 0; i < 8; i++)
        weir_yield();
    for (int i = 0; i < 2; i++) {
        weir_writer_free(game->end[i].writer);
        weir__transport_unref(game->end[i].t);
    }
    if (game->reports != game->model.reports)
        model_wrong(&game->model, 0, "%u reports, and not %u (PR-9)", game->reports, game->model.reports);
}

static void on_report(weir_loop *loop, int code, const char *message, void *arg)
{
    (void)loop, (void)code, (void)message;
    ((struct game *)arg)->reports++;
}

static int play(struct game *game, const struct ends_plan *plan)
{
    weir_loop_set_exception_handler(weir_get_running_loop(), on_report, game);
    game->plan = plan;
    begin(game, plan);
    for (int i = 0; i < plan->acts && game->model.wrong == 0; i++) {
        game->model.step = i;
        if (game->print)
            printf("    %2d\n", i);
        ends_perform(game, &plan->act[i], plan->act[i].kind, EVENT_KINDS);
    }
    game->model.step = plan->acts;
    if (game->model.wrong == 0)
        finish(game);
    clean_up(game);
    weir_loop_set_exception_handler(weir_get_running_loop(), NULL, NULL);
    return game->model.wrong;
}

/* --- The seeds ------------------------------------------------------------ */

struct seeds {
    uint64_t first;
    unsigned wanted, played;
    unsigned done[ACT_KINDS], told[EVENT_KINDS], waited[ACT_KINDS];
    bool print;
    int wrong;
};

static int play_seeds(void *arg)
{
    struct seeds *seeds = arg;
    static struct game game;
    static struct ends_plan plan;

    for (uint64_t seed = seeds->first; seeds->played < seeds->wanted && seeds->wrong == 0; seed++, seeds->played++) {
        ends_plan_make(&plan, seed);
        game = (struct game) { .print = seeds->print, .done = seeds->done, .told = seeds->told, .waited = seeds->waited };
        if (seeds->print)
            ends_plan_print(&plan);
        seeds->wrong += play(&game, &plan);
    }
    return 0;
}

static unsigned seeds_wanted(void)
{
    const char *wanted = getenv("WEIR_STREAM_SEEDS");

    if (wanted != NULL)
        return (unsigned)strtoul(wanted, NULL, 10);
#if defined ANNOUNCE_ASAN || defined ANNOUNCE_TSAN
    return SEEDS_SLOW;
#else
    return SEEDS;
#endif
}

/* A model that meets nothing proves nothing. */
static void check_variety(const struct seeds *seeds)
{
    for (enum act_kind kind = 0; kind < ACT_KINDS; kind++)
        ck_assert_msg(seeds->done[kind] > seeds->played / 8, "%s: %u times", ends_act_name(kind), seeds->done[kind]);
    for (enum ends_event event = 0; event < EVENT_KINDS; event++)
        ck_assert_msg(seeds->told[event] > seeds->played / 8, "%s: %u times", ends_event_name(event), seeds->told[event]);
    for (enum act_kind kind = ACT_READ; kind <= ACT_WAIT_CLOSED; kind++)
        ck_assert_msg(seeds->waited[kind] > seeds->played / 25, "%s waited %u times", ends_act_name(kind), seeds->waited[kind]);
}

START_TEST(two_ends_do_what_the_rules_allow)
{
    const char *seed = getenv("WEIR_STREAM_SEED");
    struct seeds seeds = { .first = 1, .wanted = seed != NULL ? 1 : seeds_wanted(), .print = seed != NULL };

    if (seed != NULL)
        seeds.first = strtoull(seed, NULL, 10);
    ck_assert_int_eq(weir_run(play_seeds, &seeds), 0);
    fflush(stdout);
    ck_assert_int_eq(seeds.wrong, 0);
    ck_assert_uint_eq(seeds.played, seeds.wanted);
    if (seed == NULL)
        check_variety(&seeds);
}
END_TEST

Suite *suite(void)
{
    Suite *ends = suite_create("streams, two ends");

    TCase *random = tcase_create("random");
    tcase_set_timeout(random, 30);
    tcase_add_test(random, two_ends_do_what_the_rules_allow);
    suite_add_tcase(ends, random);
    return ends;
}
