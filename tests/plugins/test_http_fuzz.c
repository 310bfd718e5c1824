/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/test_http_fuzz.c  Whatever comes, what goes back is HTTP, and the connection ends.
 *
 * Each seed takes some of the requests of http_requests.c, and then cuts, doubles, swaps and writes over bytes of them. The same
 * seed whole and in pieces has to give the same answers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/suite.h"
#include "plugins/http_requests.h"
#include "plugins/section.h"
#include "plugins/talk.h"

#define SEEDS 5000
#define AT_A_TIME 250           /* of one Check test */
#define ROOM 4096

static size_t below(unsigned *seed, size_t n)
{
    return (size_t)rand_r(seed) % n;
}

static size_t make_input(unsigned *seed, char *in)
{
    size_t n = 0;

    for (size_t i = 1 + below(seed, 3); i > 0; i--) {
        const char *text = http_requests[below(seed, http_request_count)].in;
        size_t len = strlen(text);
        if (n + len > ROOM / 4)
            break;
        memcpy(in + n, text, len);
        n += len;
    }
    return n;
}

static size_t mutate(unsigned *seed, char *in, size_t n)
{
    static const char *const words[] = {
        "\r\n", "\r", "\n", "\r\n\r\n", " ", ":", "%", "%00", "/..", "\t", "0", "9", "ffffffff", "HTTP/1.1",
        "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Host: b\r\n", "Connection: close\r\n",
        "GET ", "HEAD ", "\x80", ";", ",",
    };
    size_t at = below(seed, n), len = 1 + below(seed, 8);
    const char *word = words[below(seed, sizeof words / sizeof words[0])];

    len = len < n - at ? len : n - at;
    switch (below(seed, 5)) {
    case 0:
        in[at] = (char)below(seed, 256);
        return n;
    case 1:                                     /* leave out */
        memmove(in + at, in + at + len, n - at - len);
        return n - len;
    case 2:                                     /* double */
        memmove(in + at + len, in + at, n - at);
        return n + len;
    case 3:                                     /* put in */
        memmove(in + at + strlen(word), in + at, n - at);
        memcpy(in + at, word, strlen(word));
        return n + strlen(word);
    default:                                    /* cut off */
        return below(seed, 4) == 0 ? at + 1 : n;
    }
}

static void answers_to(const char *in, size_t len, size_t chunk, char *out, size_t size)
{
    struct talk talk = { .in = in, .in_len = len, .chunk = chunk };

    talk_run(&talk);
    snprintf(out, size, "%s (%d)", talk_answers(&talk), talk.result);
    talk_free(&talk);
}

START_TEST(whatever_comes_the_answers_are_http_and_do_not_depend_on_cuts)
{
    static char in[ROOM], whole[8192], pieces[8192];

    clock_fake();
    section_begin((struct option[]) { { "page", "hello" }, { NULL, NULL } });
    ck_assert_int_eq(section_configure(), 0);
    for (unsigned i = 0; i < AT_A_TIME; i++) {
        unsigned number = (unsigned)_i * AT_A_TIME + i, seed = number;
        size_t n = make_input(&seed, in);
        for (size_t rounds = below(&seed, 6); rounds > 0 && n > 0; rounds--)
            n = mutate(&seed, in, n);
        answers_to(in, n, 0, whole, sizeof whole);
        ck_assert_msg(strstr(whole, "BAD") == NULL && strstr(whole, "(0)") != NULL, "seed %u: %s", number, whole);
        answers_to(in, n, 1 + below(&seed, 40), pieces, sizeof pieces);
        ck_assert_msg(strcmp(whole, pieces) == 0, "seed %u: %s, in pieces: %s", number, whole, pieces);
    }
    section_end();
}
END_TEST

Suite *suite(void)
{
    Suite *http = suite_create("plugins/http/fuzz");

    TCase *fuzz = tcase_create("fuzz");
    tcase_set_timeout(fuzz, 60);
    tcase_add_loop_test(fuzz, whatever_comes_the_answers_are_http_and_do_not_depend_on_cuts, 0, SEEDS / AT_A_TIME);
    suite_add_tcase(http, fuzz);

    return http;
}
