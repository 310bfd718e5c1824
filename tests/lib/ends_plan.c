/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/ends_plan.c  Random plans for two ends.
 *
 * With a small chunk writes are small, and so are the marks: every byte is a pass. Without one, now and then a write is larger
 * than what a pair holds.
 */
#include "lib/ends_plan.h"

#include <stdio.h>

#include <weir/transport.h>

#define SMALL_CHUNK 64          /* up to here every write is small */

const weir_bytes ends_separators[ENDS_SEPARATORS] = { { "b", 1 }, { "ab", 2 }, { "a\nb", 3 }, { "abab", 4 } };
const weir_bytes ends_any[ENDS_ANY] = { { "\n", 1 }, { "bb", 2 }, { "abab", 4 } };

struct maker {
    struct ends_plan *plan;
    uint64_t state;
};

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

unsigned char ends_byte(uint64_t seed, int from, uint64_t at)
{
    unsigned r = (unsigned)(mix(seed * 2 + (unsigned)from + at * 0x9e3779b97f4a7c15u) & 31);

    return (unsigned char)(r == 0 ? '\n' : r < 10 ? 'a' : r < 18 ? 'b' : 'c' + r - 18);
}

static unsigned draw(struct maker *maker, unsigned below)
{
    maker->state = maker->state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((mix(maker->state) >> 33) % below);
}

static size_t draw_length(struct maker *maker)
{
    size_t chunk = maker->plan->chunk;

    if (chunk > 0 && chunk <= SMALL_CHUNK)
        return draw(maker, 10) == 0 ? 0 : 1 + draw(maker, 60);
    switch (draw(maker, 8)) {
    case 0: return 0;
    case 1: return 1 + draw(maker, 30000);      /* some of them more than is gathered */
    case 2: return draw(maker, 4) == 0 ? 60000 + draw(maker, 60000) : 1000;
    default: return 1 + draw(maker, 300);
    }
}

/* Marks that mean something for what is written; now and then those that are wrong, or not given. */
static void draw_marks(struct maker *maker, struct act *act)
{
    static const size_t odd[] = { WEIR_UNSET, WEIR_UNSET, 0, 1, 3, (size_t)-2 };
    bool small = maker->plan->chunk > 0 && maker->plan->chunk <= SMALL_CHUNK;

    act->n = draw(maker, small ? 40 : 20000);
    act->low = draw(maker, (unsigned)act->n + 1);
    if (draw(maker, 4) == 0)
        act->n = odd[draw(maker, 6)];
    if (draw(maker, 4) == 0)
        act->low = odd[draw(maker, 6)];
}

static enum act_kind draw_kind(struct maker *maker, enum ends_kind kind)
{
    static const enum act_kind both[] = {
        ACT_WRITE, ACT_WRITE, ACT_WRITE, ACT_WRITE, ACT_WRITE, ACT_LIMITS, ACT_LIMITS, ACT_FLUSH, ACT_PASSES, ACT_PASSES,
        ACT_PASSES, ACT_SETTLE, ACT_SETTLE, ACT_ARM,
    };
    static const enum act_kind protocol[] = {
        ACT_PAUSE, ACT_PAUSE, ACT_RESUME, ACT_RESUME, ACT_RESUME, ACT_SWAP, ACT_ARM, ACT_ARM, ACT_PASSES,
    };
    static const enum act_kind stream[] = {
        ACT_READ, ACT_READ, ACT_READ, ACT_READ, ACT_READ, ACT_DRAIN, ACT_DRAIN, ACT_WAIT_CLOSED, ACT_CANCEL,
    };
    static const enum act_kind end[] = { ACT_WRITE_EOF, ACT_CLOSE, ACT_CLOSE, ACT_ABORT, ACT_FAIL };

    if (draw(maker, 14) == 0)
        return end[draw(maker, 5)];
    if (draw(maker, 2) == 0)
        return both[draw(maker, 14)];
    return kind == ENDS_STREAM ? stream[draw(maker, 9)] : protocol[draw(maker, 9)];
}

static enum act_kind draw_then(struct maker *maker, enum ends_kind kind)
{
    static const enum act_kind then[] = {
        ACT_WRITE, ACT_WRITE, ACT_WRITE, ACT_CLOSE, ACT_WRITE_EOF, ACT_ABORT, ACT_LIMITS, ACT_FAIL, ACT_PAUSE, ACT_SWAP,
    };

    return then[draw(maker, kind == ENDS_STREAM ? 8 : 10)];
}

static void make_act(struct maker *maker, struct act *act)
{
    int end = (int)draw(maker, 2);
    enum ends_kind kind = maker->plan->kind[end];

    *act = (struct act) { .kind = draw_kind(maker, kind), .end = end, .pieces = 1 + (int)draw(maker, 4) };
    act->read = (enum read_kind)draw(maker, READ_KINDS);
    if (act->read == READ_ALL && draw(maker, 4) != 0)
        act->read = READ_SOME;
    act->sep = (int)draw(maker, ENDS_SEPARATORS);
    act->event = (enum ends_event)draw(maker, EVENT_KINDS);
    act->then = draw_then(maker, kind);
    act->closes = draw(maker, 4) == 0;
    if (act->kind == ACT_LIMITS || (act->kind == ACT_ARM && act->then == ACT_LIMITS))
        draw_marks(maker, act);
    else
        act->n = act->kind == ACT_PASSES ? 1 + draw(maker, 4) : draw_length(maker);
}

void ends_plan_make(struct ends_plan *plan, uint64_t seed)
{
    struct maker maker = { .plan = plan, .state = seed * 0x9e3779b97f4a7c15u + 1 };
    static const size_t limits[] = { 1, 4, 17, 64, 1000, 65536 };

    *plan = (struct ends_plan) { .seed = seed };
    plan->chunk = draw(&maker, 4) == 0 ? 0 : draw(&maker, 4) == 0 ? 1000 : 1 + draw(&maker, 12);
    for (int i = 0; i < 2; i++) {
        plan->kind[i] = (enum ends_kind)draw(&maker, ENDS_KINDS);
        plan->limit[i] = limits[draw(&maker, 6)];
        plan->region[i] = draw(&maker, 3) == 0 ? 4096 : 1 + draw(&maker, 20);
        plan->keep_open[i] = draw(&maker, 2) == 0;
    }
    plan->acts = 8 + (int)draw(&maker, ENDS_ACTS - 8 + 1);
    for (int i = 0; i < plan->acts; i++)
        make_act(&maker, &plan->act[i]);
    for (int i = 0; i < 2; i++) {               /* mostly the marks are low from the beginning on, or nothing would pause */
        if (draw(&maker, 3) == 0)
            continue;
        plan->act[i] = (struct act) { .kind = ACT_LIMITS, .end = i };
        draw_marks(&maker, &plan->act[i]);
    }
}

const char *ends_act_name(enum act_kind kind)
{
    static const char *const names[] = {
        "write", "write_eof", "close", "abort", "fail", "pause", "resume", "limits", "flush", "swap", "arm", "read", "drain",
        "wait_closed", "cancel", "passes", "settle",
    };

    return names[kind];
}

const char *ends_event_name(enum ends_event event)
{
    static const char *const names[] = { "made", "data", "end", "pause_writing", "resume_writing", "get_buffer", "lost" };

    return names[event];
}

void ends_plan_print(const struct ends_plan *plan)
{
    static const char *const kinds[] = { "plain", "buffered", "stream" };
    static const char *const reads[] = { "read", "read all", "readexactly", "peek", "readline", "readuntil", "readuntil_any" };

    printf("chunk %zu\n", plan->chunk);
    for (int i = 0; i < 2; i++)
        printf("end %c: %s, limit %zu, region %zu, %s\n", 'A' + i, kinds[plan->kind[i]], plan->limit[i], plan->region[i],
               plan->keep_open[i] ? "keeps open" : "closes at the end");
    for (int i = 0; i < plan->acts; i++) {
        const struct act *act = &plan->act[i];
        printf("    %2d %c %s", i, 'A' + act->end, ends_act_name(act->kind));
        if (act->kind == ACT_READ)
            printf(" %s sep %d", reads[act->read], act->sep);
        if (act->kind == ACT_ARM)
            printf(" at %s: %s%s", ends_event_name(act->event), ends_act_name(act->then), act->closes ? " and close" : "");
        printf(" n %zd, low %zd, in %d pieces\n", (ssize_t)act->n, (ssize_t)act->low, act->pieces);
    }
}
