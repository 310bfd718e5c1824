/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_reader_scan.c  The search of streams/reader_scan.c against the simplest search there is.
 *
 * Bytes come in pieces and the search goes on where it stopped; its answer has to be that of a search from the start. Few
 * letters, so that separators overlap themselves and each other. Then readuntil against SR-17 written down literally.
 */
#include "streams/reader_scan.h"

#include <stdlib.h>
#include <string.h>

#include <weir/run.h>
#include <weir/streams.h>
#include <weir/task.h>

#include "lib/stream_say.h"
#include "lib/suite.h"

#define SEPS_MOST 4
#define SEP_LEN_MOST 4
#define DATA_MOST 24

struct problem {
    char bytes[SEPS_MOST][SEP_LEN_MOST];
    weir_bytes seps[SEPS_MOST];
    size_t count;
    char data[DATA_MOST];
    size_t size;
};

static size_t below(size_t n)
{
    return (size_t)rand() % n;
}

static void make_problem(struct problem *p)
{
    size_t letters = 1 + below(3);

    p->count = 1 + below(SEPS_MOST);
    for (size_t i = 0; i < p->count; i++) {
        size_t len = 1 + below(SEP_LEN_MOST);
        for (size_t j = 0; j < len; j++)
            p->bytes[i][j] = (char)('a' + below(letters));
        size_t at = i;                          /* by rising length, as the search wants them */
        for (; at > 0 && p->seps[at - 1].len > len; at--)
            p->seps[at] = p->seps[at - 1];
        p->seps[at] = (weir_bytes) { p->bytes[i], len };
    }
    p->size = 1 + below(DATA_MOST);
    for (size_t i = 0; i < p->size; i++)
        p->data[i] = (char)('a' + below(letters + 1));
}

/* The match that ends first, of two the shorter; false: none in the first @size bytes. */
static bool search_plainly(const struct problem *p, size_t size, size_t *begin, size_t *len)
{
    for (size_t end = 1; end <= size; end++) {
        for (size_t i = 0; i < p->count; i++) {
            weir_bytes sep = p->seps[i];
            if (sep.len <= end && memcmp(p->data + end - sep.len, sep.data, sep.len) == 0) {
                *begin = end - sep.len;
                *len = sep.len;
                return true;
            }
        }
    }
    return false;
}

static void check_problem(const struct problem *p, unsigned seed)
{
    struct scan scan = { .seps = p->seps, .count = p->count };
    size_t longest = p->seps[p->count - 1].len;
    size_t begin = 0, len = 0;

    for (size_t size = 0; size <= p->size; size += 1 + below(4)) {
        bool expected = search_plainly(p, size, &begin, &len);
        ck_assert_msg(weir__scan(&scan, (const unsigned char *)p->data, size) == expected, "seed %u, %zu bytes", seed, size);
        if (expected) {
            /* What a later piece brings can only end later, so the answer stands. */
            ck_assert_msg(scan.begin == begin && scan.len == len, "seed %u: found %zu+%zu, not %zu+%zu", seed, scan.begin,
                          scan.len, begin, len);
            return;
        }
        size_t offset = size + 1 > longest ? size + 1 - longest : 0;
        ck_assert_msg(scan.offset <= offset, "seed %u: %zu bytes were given up of %zu", seed, scan.offset, size);
    }
}

START_TEST(a_search_in_pieces_finds_what_a_search_from_the_start_finds)
{
    for (unsigned seed = 0; seed < 100000; seed++) {
        struct problem p;
        srand(seed);
        make_problem(&p);
        check_problem(&p, seed);
    }
}
END_TEST

START_TEST(a_restarted_search_forgets_its_match)
{
    weir_bytes sep = { "b", 1 };
    struct scan scan = { .seps = &sep, .count = 1 };

    ck_assert(weir__scan(&scan, (const unsigned char *)"aab", 3));
    ck_assert_uint_eq(scan.begin, 2);
    weir__scan_restart(&scan);                  /* "aa" left the front */
    ck_assert(weir__scan(&scan, (const unsigned char *)"b", 1));
    ck_assert_uint_eq(scan.begin, 0);
    weir__scan_restart(&scan);
    ck_assert(!weir__scan(&scan, NULL, 0));
}
END_TEST

/* --- readuntil, literally ------------------------------------------------- */

struct until {
    struct problem p;           /* one separator */
    size_t limit;
    size_t cuts[DATA_MOST + 1]; /* how much is there after each piece */
    size_t cut_count;
    weir_reader *reader;
    ssize_t got;
    size_t got_consumed, got_len;
    bool got_data;
};

/* SR-17, step by step. */
static ssize_t until_plainly(const struct until *u, size_t *consumed)
{
    size_t sep_len = u->p.seps[0].len, offset = 0;

    for (size_t i = 0; i < u->cut_count; i++) {
        size_t len = u->cuts[i];
        if (len - offset < sep_len)
            continue;
        for (size_t at = offset; at + sep_len <= len; at++) {
            if (memcmp(u->p.data + at, u->p.seps[0].data, sep_len) != 0)
                continue;
            *consumed = at;
            return at > u->limit ? WEIR_ELIMIT : (ssize_t)(at + sep_len);
        }
        offset = len + 1 - sep_len;
        if (offset > u->limit) {
            *consumed = offset;
            return WEIR_ELIMIT;
        }
    }
    return WEIR_EINCOMPLETE;
}

static int read_until(void *arg)
{
    struct until *u = arg;
    weir_bytes out = { NULL, 0 };

    u->got = weir_reader_readuntil(u->reader, u->p.seps[0].data, u->p.seps[0].len, &out);
    u->got_consumed = weir_reader_consumed(u->reader);
    u->got_len = out.len;
    u->got_data = out.len == 0 || memcmp(out.data, u->p.data, out.len) == 0;
    return 0;
}

static void make_until(struct until *u)
{
    make_problem(&u->p);
    u->p.count = 1;
    u->limit = 1 + below(8);
    u->cut_count = 0;
    for (size_t at = 0; at < u->p.size; u->cuts[u->cut_count++] = at) {
        at += 1 + below(5);
        at = at < u->p.size ? at : u->p.size;
    }
}

static void play_until(struct until *u)
{
    size_t fed = 0;

    u->reader = weir_reader_new(u->limit);
    weir_task *task = weir_create_task(read_until, u);
    for (size_t i = 0; i < u->cut_count; i++) {
        weir_yield();
        weir_reader_feed_data(u->reader, u->p.data + fed, u->cuts[i] - fed);
        fed = u->cuts[i];
        weir_yield();
        weir_yield();
        if (weir_task_done(task))
            break;
    }
    weir_reader_feed_eof(u->reader);
    weir_task_join(task);
    weir_task_unref(task);
    weir_reader_free(u->reader);
}

static int play_many(void *arg)
{
    unsigned *wrong = arg;

    for (unsigned seed = 1; seed <= 5000 && *wrong == 0; seed++) {
        struct until u = { .got = 0 };
        size_t consumed = 0;
        srand(seed);
        make_until(&u);
        play_until(&u);
        ssize_t expected = until_plainly(&u, &consumed);
        size_t len = expected > 0 ? (size_t)expected : expected == WEIR_EINCOMPLETE ? u.p.size : 0;
        if (u.got != expected || u.got_len != len || !u.got_data || (expected == WEIR_ELIMIT && u.got_consumed != consumed))
            *wrong = seed;
    }
    return 0;
}

START_TEST(readuntil_does_what_the_rule_says_literally)
{
    unsigned wrong = 0;

    ck_assert_int_eq(weir_run(play_many, &wrong), 0);
    ck_assert_uint_eq(wrong, 0);                /* the seed that differs */
}
END_TEST

Suite *suite(void)
{
    Suite *scan = suite_create("streams/reader_scan");

    TCase *search = tcase_create("search");
    tcase_add_test(search, a_search_in_pieces_finds_what_a_search_from_the_start_finds);
    tcase_add_test(search, a_restarted_search_forgets_its_match);
    tcase_add_test(search, readuntil_does_what_the_rule_says_literally);
    suite_add_tcase(scan, search);
    return scan;
}
