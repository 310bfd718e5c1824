/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/net/test_eyeballs.c  What net/eyeballs.c promises: when which address is tried, and in which order. No sockets.
 *
 * Attempts are made up: how long each runs, and what comes of it. They are driven in two ways that share no code: play()
 * jumps from event to event as a connect does, asking eyeballs.c, and model() walks through the time tick by tick and applies
 * the rule of OC-7 as it is written. Both write down the same things.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/address.h>

#include "core/loop.h"
#include "core/sys.h"
#include "core/sys_fault.h"
#include "lib/suite.h"
#include "net/eyeballs.h"

#define ATTEMPTS_MOST 12
#define NEVER (-1)              /* a duration */
#define TICK NS_PER_SECOND      /* so that a delay of n seconds is n ticks */
#define HORIZON 400             /* ticks: later than anything that ends at all */

struct plan {
    size_t count;
    int    delay;               /* ticks; 0: none */
    int    takes[ATTEMPTS_MOST];        /* ticks from its beginning to its end, or NEVER */
    bool   fails[ATTEMPTS_MOST];
};

struct outcome {
    int  began[ATTEMPTS_MOST];  /* when; NEVER */
    int  end;                   /* when it was decided; NEVER: it hangs */
    int  winner;                /* NEVER: nobody */
};

/* --- Jumping from event to event ------------------------------------------------ */

static int next_end(const struct plan *plan, const struct outcome *out, const bool *over)
{
    int first = INT_MAX;

    for (size_t i = 0; i < plan->count; i++) {
        if (out->began[i] != NEVER && !over[i] && plan->takes[i] != NEVER && out->began[i] + plan->takes[i] < first)
            first = out->began[i] + plan->takes[i];
    }
    return first;
}

static void tell_ends(struct eyeballs *e, const struct plan *plan, const struct outcome *out, bool *over, int now)
{
    for (size_t i = 0; i < plan->count && !e->won; i++) {
        if (out->began[i] == NEVER || over[i] || plan->takes[i] == NEVER || out->began[i] + plan->takes[i] != now)
            continue;
        over[i] = true;
        if (plan->fails[i])
            weir__eyeballs_failed(e, i, now * TICK);
        else
            weir__eyeballs_won(e, i);
    }
}

/* @start: when, in ticks; what is written down counts from there. */
static struct outcome play(const struct plan *plan, int start)
{
    struct outcome out = { .winner = NEVER, .end = NEVER };
    struct eyeballs e;
    bool over[ATTEMPTS_MOST] = { false };
    int now = start;

    for (size_t i = 0; i < ATTEMPTS_MOST; i++)
        out.began[i] = NEVER;
    weir__eyeballs_init(&e, plan->count, plan->delay);
    for (;;) {
        int64_t until_ns = 0;
        switch (weir__eyeballs_ask(&e, now * TICK, &until_ns)) {
        case EYEBALLS_BEGIN:
            out.began[e.begun] = now;
            weir__eyeballs_began(&e, now * TICK);
            tell_ends(&e, plan, &out, over, now);       /* of one that takes no time */
            continue;
        case EYEBALLS_WAIT: {
            int until = until_ns == FOREVER ? INT_MAX : (int)(until_ns / TICK);
            int end = next_end(plan, &out, over);
            ck_assert_int_gt(until, now);
            if (until == INT_MAX && end == INT_MAX)
                goto decided;
            now = end < until ? end : until;
            tell_ends(&e, plan, &out, over, now);
            continue;
        }
        case EYEBALLS_WON:
            out.winner = (int)e.winner;
            out.end = now - start;
            goto decided;
        case EYEBALLS_LOST:
            out.end = now - start;
            goto decided;
        }
    }
decided:
    for (size_t i = 0; i < plan->count; i++)
        out.began[i] = out.began[i] == NEVER ? NEVER : out.began[i] - start;
    return out;
}

/* --- Tick by tick --------------------------------------------------------------- */

static bool ends_at(const struct plan *plan, const struct outcome *out, size_t i, int now)
{
    return out->began[i] != NEVER && plan->takes[i] != NEVER && out->began[i] + plan->takes[i] == now;
}

static bool all_failed(const struct plan *plan, const struct outcome *out, int now)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (out->began[i] == NEVER || !plan->fails[i] || plan->takes[i] == NEVER || out->began[i] + plan->takes[i] > now)
            return false;
    }
    return true;
}

/* Attempt k+1 starts when attempt k has failed, or when the delay since attempt k began is over. */
static bool is_due(const struct plan *plan, const struct outcome *out, size_t k, int now)
{
    if (k == 0)
        return true;
    if (out->began[k - 1] == NEVER)
        return false;
    if (plan->fails[k - 1] && plan->takes[k - 1] != NEVER && out->began[k - 1] + plan->takes[k - 1] <= now)
        return true;
    return plan->delay > 0 && now >= out->began[k - 1] + plan->delay;
}

static struct outcome model(const struct plan *plan)
{
    struct outcome out = { .winner = NEVER, .end = NEVER };

    for (size_t i = 0; i < ATTEMPTS_MOST; i++)
        out.began[i] = NEVER;
    for (int now = 0; now < HORIZON; now++) {
        for (size_t i = 0; i < plan->count; i++) {
            if (!ends_at(plan, &out, i, now) || plan->fails[i])
                continue;
            out.winner = (int)i;
            out.end = now;
            return out;
        }
        for (size_t i = 0; i < plan->count; i++) {
            if (out.began[i] != NEVER || !is_due(plan, &out, i, now))
                continue;
            out.began[i] = now;
            if (plan->takes[i] != 0 || plan->fails[i])
                continue;
            out.winner = (int)i;
            out.end = now;
            return out;
        }
        if (all_failed(plan, &out, now)) {
            out.end = now;
            return out;
        }
    }
    return out;
}

/* --- Both ------------------------------------------------------------------------ */

static const char *text_of(const struct plan *plan, const struct outcome *out)
{
    static char texts[2][512];
    static unsigned next;
    char *text = texts[next++ % 2];
    size_t len = (size_t)snprintf(text, sizeof texts[0], "delay %d, winner %d at %d:", plan->delay, out->winner, out->end);

    for (size_t i = 0; i < plan->count; i++)
        len += (size_t)snprintf(text + len, sizeof texts[0] - len, " %d(%s %d)", out->began[i], plan->fails[i] ? "fails" : "wins",
                                plan->takes[i]);
    return text;
}

static void check_plan(const struct plan *plan, int start)
{
    struct outcome got = play(plan, start), right = model(plan);
    bool same = got.winner == right.winner && got.end == right.end && memcmp(got.began, right.began, sizeof got.began) == 0;

    ck_assert_msg(same, "got %s, and by the rule it is %s", text_of(plan, &got), text_of(plan, &right));
}

static struct outcome play_plan(const struct plan *plan)
{
    check_plan(plan, 1000);
    return play(plan, 0);
}

/* --- Cases of the rule, by hand ---------------------------------------------------- */

START_TEST(the_next_begins_after_the_delay_or_a_failure)        /* C86, in hundredths of a second */
{
    struct plan plan = { .count = 3, .delay = 20, .takes = { NEVER, 5, 10 }, .fails = { false, true, false } };
    struct outcome out = play_plan(&plan);

    ck_assert_int_eq(out.began[0], 0);
    ck_assert_int_eq(out.began[1], 20);
    ck_assert_int_eq(out.began[2], 25);
    ck_assert_int_eq(out.winner, 2);
    ck_assert_int_eq(out.end, 35);
}
END_TEST

START_TEST(a_first_that_fails_at_once_makes_room_at_once)       /* C86 */
{
    struct plan plan = { .count = 2, .delay = 20, .takes = { 0, 3 }, .fails = { true, false } };
    struct outcome out = play_plan(&plan);

    ck_assert_int_eq(out.began[1], 0);
    ck_assert_int_eq(out.winner, 1);
    ck_assert_int_eq(out.end, 3);
}
END_TEST

START_TEST(without_a_delay_it_is_one_after_the_other)           /* OC-4 */
{
    struct plan plan = { .count = 3, .takes = { 30, 50, 1 }, .fails = { true, true, false } };
    struct outcome out = play_plan(&plan);

    ck_assert_int_eq(out.began[0], 0);
    ck_assert_int_eq(out.began[1], 30);
    ck_assert_int_eq(out.began[2], 80);
    ck_assert_int_eq(out.winner, 2);

    plan = (struct plan) { .count = 2, .takes = { NEVER, 1 } };
    ck_assert_int_eq(play_plan(&plan).began[1], NEVER);
}
END_TEST

/* Only the latest one's failure brings the next one forward. */
START_TEST(an_earlier_one_that_fails_changes_nothing)
{
    struct plan plan = { .count = 3, .delay = 20, .takes = { 25, NEVER, 5 }, .fails = { true, false, false } };
    struct outcome out = play_plan(&plan);

    ck_assert_int_eq(out.began[1], 20);
    ck_assert_int_eq(out.began[2], 40);
}
END_TEST

START_TEST(an_earlier_one_may_win_after_all)
{
    struct plan plan = { .count = 3, .delay = 20, .takes = { 30, NEVER, 1 } };
    struct outcome out = play_plan(&plan);

    ck_assert_int_eq(out.winner, 0);
    ck_assert_int_eq(out.began[1], 20);
    ck_assert_int_eq(out.began[2], NEVER);
}
END_TEST

START_TEST(it_is_lost_when_the_last_of_all_has_failed)
{
    struct plan plan = { .count = 3, .delay = 10, .takes = { 100, 5, 5 }, .fails = { true, true, true } };
    struct outcome out = play_plan(&plan);

    ck_assert_int_eq(out.winner, NEVER);
    ck_assert_int_eq(out.end, 100);

    plan = (struct plan) { .count = 0, .delay = 10 };
    ck_assert_int_eq(play(&plan, 0).end, 0);
}
END_TEST

START_TEST(a_success_at_the_moment_when_another_is_due_comes_first)
{
    struct plan plan = { .count = 2, .delay = 20, .takes = { 20, 1 } };
    struct outcome out = play_plan(&plan);

    ck_assert_int_eq(out.winner, 0);
    ck_assert_int_eq(out.began[1], NEVER);
}
END_TEST

/* However short the delay: no more at a time than their bound, and the next one when one of them has failed. */
START_TEST(so_many_run_at_a_time_and_no_more)
{
    struct eyeballs e;
    int64_t until_ns = 0;

    weir__eyeballs_init(&e, EYEBALLS_MOST + 2, 1e-12);
    for (int i = 0; i < EYEBALLS_MOST; i++) {
        ck_assert_int_eq(weir__eyeballs_ask(&e, 5, &until_ns), EYEBALLS_BEGIN);
        weir__eyeballs_began(&e, 5);
    }
    ck_assert_int_eq(weir__eyeballs_ask(&e, 5, &until_ns), EYEBALLS_WAIT);
    ck_assert_int_eq(until_ns, FOREVER);
    weir__eyeballs_failed(&e, 3, 6);
    ck_assert_int_eq(weir__eyeballs_ask(&e, 6, &until_ns), EYEBALLS_BEGIN);
    weir__eyeballs_began(&e, 6);
    ck_assert_int_eq(weir__eyeballs_ask(&e, 7, &until_ns), EYEBALLS_WAIT);
}
END_TEST

START_TEST(a_delay_that_never_ends_is_none)
{
    struct eyeballs e;
    int64_t until_ns = 0;

    weir__eyeballs_init(&e, 2, 1e300);
    weir__eyeballs_began(&e, INT64_MAX - 5);
    ck_assert_int_eq(weir__eyeballs_ask(&e, INT64_MAX - 1, &until_ns), EYEBALLS_WAIT);
    ck_assert_int_eq(until_ns, FOREVER);
    weir__eyeballs_init(&e, 2, 1);
    weir__eyeballs_began(&e, INT64_MAX - 5);    /* nor does one that ends after all time */
    ck_assert_int_eq(weir__eyeballs_ask(&e, INT64_MAX - 1, &until_ns), EYEBALLS_WAIT);
}
END_TEST

/* --- All of them -------------------------------------------------------------------- */

static const int durations[] = { 0, 1, 2, 3, 5, 8, NEVER };
#define DURATIONS ((int)(sizeof durations / sizeof durations[0]))
#define KINDS (2 * DURATIONS)   /* of attempts: each duration, as a failure and as a success */

START_TEST(every_order_of_failures_delays_and_successes)
{
    static const int delays[] = { 0, 1, 2, 3, 10 };
    struct plan plan = { .delay = delays[_i] };

    for (plan.count = 1; plan.count <= 4; plan.count++) {
        int combinations = 1;
        for (size_t i = 0; i < plan.count; i++)
            combinations *= KINDS;
        for (int n = 0; n < combinations; n++) {
            int rest = n;
            for (size_t i = 0; i < plan.count; i++, rest /= KINDS) {
                plan.takes[i] = durations[rest % KINDS / 2];
                plan.fails[i] = rest % 2 == 0;
            }
            check_plan(&plan, n % 3 * 1000);
        }
    }
}
END_TEST

#define SEEDS 20000

START_TEST(long_lists_at_random)        /* WEIR_EYEBALLS_SEED=N: that one alone */
{
    const char *one = getenv("WEIR_EYEBALLS_SEED");
    unsigned first = one != NULL ? (unsigned)strtoul(one, NULL, 10) : 1;

    for (unsigned seed = first; seed < first + (one != NULL ? 1 : SEEDS); seed++) {
        unsigned state = seed;
        struct plan plan = { .count = 1 + (unsigned)rand_r(&state) % ATTEMPTS_MOST, .delay = rand_r(&state) % 12 };
        int successes = rand_r(&state) % 4;     /* of 8 */
        for (size_t i = 0; i < plan.count; i++) {
            plan.takes[i] = rand_r(&state) % 10 == 0 ? NEVER : rand_r(&state) % 25;
            plan.fails[i] = rand_r(&state) % 8 >= successes;
        }
        struct outcome got = play(&plan, (int)(seed % 1000)), right = model(&plan);
        ck_assert_msg(got.winner == right.winner && got.end == right.end
                      && memcmp(got.began, right.began, sizeof got.began) == 0,
                      "seed %u: got %s, and by the rule it is %s", seed, text_of(&plan, &got), text_of(&plan, &right));
    }
}
END_TEST

/* --- The order of the addresses -------------------------------------------------------- */

/* "a1 a2 b1": a is IPv4, b is IPv6, c a Unix socket. */
static void add(struct address_list *list, const char *name)
{
    weir_address address;
    char text[64];

    snprintf(text, sizeof text, name[0] == 'a' ? "192.0.2.%s" : name[0] == 'b' ? "2001:db8::%s" : "unix:/%s", name + 1);
    ck_assert_int_eq(weir_address_parse(&address, text, 80), 0);
    ck_assert_int_eq(weir__address_list_add(list, (const void *)&address.storage, address.len), 0);
}

static const char *name_of(const weir_address *address)
{
    static char name[8];
    char text[WEIR_ADDRESS_MAX];
    const char *at;

    weir_address_format(address, text, sizeof text);
    switch (address->storage.ss_family) {
    case AF_INET:
        at = strrchr(text, '.') + 1;
        break;
    case AF_INET6:
        at = strstr(text, "::") + 2;
        break;
    default:
        at = strchr(text, '/') + 1;
        break;
    }
    snprintf(name, sizeof name, "%c%.2s", address->storage.ss_family == AF_INET ? 'a' : address->storage.ss_family == AF_INET6 ? 'b'
             : 'c', at);
    name[strcspn(name, ":]")] = '\0';
    return name;
}

static void fill(struct address_list *list, const char *names)
{
    char text[128], *rest = text, *one;

    snprintf(text, sizeof text, "%s", names);
    while ((one = strsep(&rest, " ")) != NULL)
        add(list, one);
}

static void check_order(const struct address_list *list, const char *expected)
{
    char text[128] = "";

    for (size_t i = 0; i < list->count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i > 0 ? " " : "", name_of(&list->items[i]));
    ck_assert_str_eq(text, expected);
}

static const struct {
    const char *given;
    unsigned interleave;
    const char *order;
} orders[] = {                  /* C86 first, OC-8 */
    { "a1 a2 a3 b1 b2", 1, "a1 b1 a2 b2 a3" },
    { "a1 a2 a3 b1 b2", 2, "a1 a2 b1 a3 b2" },
    { "a1 a2 a3 b1 b2", 3, "a1 a2 a3 b1 b2" },
    { "a1 a2 a3 b1 b2", 4, "a1 a2 a3 b1 b2" },
    { "a1 a2 a3 b1 b2", 4000000000, "a1 a2 a3 b1 b2" },
    { "a1 a2 a3 b1 b2", 0, "a1 a2 a3 b1 b2" },
    { "a1 b1 a2", 0, "a1 b1 a2" },
    { "b1 a1 a2 b2 a3", 1, "b1 a1 b2 a2 a3" },
    { "b1 a1 a2 b2 a3", 2, "b1 b2 a1 a2 a3" },
    { "a1 a2 b1 b2 b3 b4", 1, "a1 b1 a2 b2 b3 b4" },
    { "a1 a2 b1 c1 c2 b2", 1, "a1 b1 c1 a2 b2 c2" },
    { "a1 a2 a3", 1, "a1 a2 a3" },
    { "a1", 1, "a1" },
};

START_TEST(families_take_turns)         /* C86, OC-8 */
{
    struct address_list list = { 0 };

    fill(&list, orders[_i].given);
    ck_assert_int_eq(weir__eyeballs_interleave(&list, orders[_i].interleave), 0);
    check_order(&list, orders[_i].order);
    weir__address_list_fini(&list);
}
END_TEST

START_TEST(without_memory_the_order_stays)
{
    struct address_list list = { 0 };

    fill(&list, "a1 a2 b1");
    weir__fault_begin(&(struct fault_plan) { .fail_at = (uint64_t)_i });
    ck_assert_int_eq(weir__eyeballs_interleave(&list, 1), -ENOMEM);
    weir__fault_end();
    check_order(&list, "a1 a2 b1");
    weir__address_list_fini(&list);
    ck_assert_int_eq(weir__eyeballs_interleave(&list, 1), 0);   /* an empty one has no order */
}
END_TEST

Suite *suite(void)
{
    Suite *eyeballs = suite_create("net/eyeballs");

    TCase *when = tcase_create("when");
    tcase_add_test(when, the_next_begins_after_the_delay_or_a_failure);
    tcase_add_test(when, a_first_that_fails_at_once_makes_room_at_once);
    tcase_add_test(when, without_a_delay_it_is_one_after_the_other);
    tcase_add_test(when, an_earlier_one_that_fails_changes_nothing);
    tcase_add_test(when, an_earlier_one_may_win_after_all);
    tcase_add_test(when, it_is_lost_when_the_last_of_all_has_failed);
    tcase_add_test(when, a_success_at_the_moment_when_another_is_due_comes_first);
    tcase_add_test(when, so_many_run_at_a_time_and_no_more);
    tcase_add_test(when, a_delay_that_never_ends_is_none);
    suite_add_tcase(eyeballs, when);

    TCase *all = tcase_create("all");
    tcase_add_loop_test(all, every_order_of_failures_delays_and_successes, 0, 5);
    tcase_add_test(all, long_lists_at_random);
    suite_add_tcase(eyeballs, all);

    TCase *order = tcase_create("order");
    tcase_add_loop_test(order, families_take_turns, 0, (int)(sizeof orders / sizeof orders[0]));
    tcase_add_loop_test(order, without_memory_the_order_stays, 1, 3);
    suite_add_tcase(eyeballs, order);
    return eyeballs;
}
