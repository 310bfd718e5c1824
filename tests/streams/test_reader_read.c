/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_reader_read.c  What the read calls of streams/reader_read.c give, however the bytes are cut.
 *
 * The cases of SEMANTICS 3.1 as scripts (lib/stream_script.h), then one wire cut at every position, then reads against a
 * plain string.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <weir/run.h>
#include <weir/streams.h>
#include <weir/task.h>

#include "lib/stream_script.h"
#include "lib/suite.h"

/* --- By separator (SR-17 to SR-20) ---------------------------------------- */

/* C01, C02 (its bytes), C03 */
SCRIPT(a_payload_of_exactly_the_limit_is_accepted, "R3 +abc\n until buf", "\"abc\\n\" \"\"")
SCRIPT(readuntil_fails_as_soon_as_no_separator_can_come_in_time, "R3 +abc until +d buf", "susp ELIMIT(4) \"abcd\"")

/* C04, C05: the separator may be half there when the limit is reached. */
SCRIPT(consumed_bytes_can_be_skipped_without_missing_a_separator,
       "R5 +abcdef- until:-- +- until:-- exactly:6 until:--", "ELIMIT(6) ELIMIT(6) \"abcdef\" \"--\"")
SCRIPT(a_separator_that_is_half_there_is_waited_for, "R5 +abcde- until:-- +-", "susp \"abcde--\"")

/* C06, C07: the limit is looked at before the end. */
SCRIPT(an_end_before_the_separator_hands_out_everything, "R5 +abcde- eof until:-- buf ateof", "INC(\"abcde-\",?) \"\" true")
SCRIPT(an_overlong_tail_at_the_end_is_over_the_limit,
       "R5 +abcdef- eof until:-- buf ateof", "ELIMIT(6) \"abcdef-\" false")

/* C08, C09 */
SCRIPT(a_long_separator_moves_the_point_of_no_return, "R1 +ab until:WXYZ +cd ? +e", "susp susp ELIMIT(2)")
SCRIPT(a_separator_is_found_across_a_false_start, "R64 +aab until:aaab +aaab! settle buf", "susp \"aabaaab\" \"!\"")

/* C11, C12; the case before them is in test_reader.c */
SCRIPT(the_tail_of_an_overlong_line_appears_as_a_line, "R4 +abcde line buf +fg\n line", "ELIMIT \"\" \"fg\\n\"")
SCRIPT(a_line_of_the_limit_is_one, "R4 +abcd\n line", "\"abcd\\n\"")
SCRIPT(an_overlong_last_line_is_dropped, "R3 +abcd eof line buf line", "ELIMIT \"\" \"\"")

/* C28, SR-20 */
SCRIPT(lines_come_one_by_one_and_the_last_needs_no_newline,
       "R64 +a\nb\n\nc eof line line line line line", "\"a\\n\" \"b\\n\" \"\\n\" \"c\" \"\"")

/* C31, SR-23 */
SCRIPT(of_two_separators_that_end_together_the_shorter_wins, "R64 +abc\r\ndef\n any:\n,\r\n", "\"abc\\r\\n\"")
SCRIPT(the_separator_that_ends_first_wins, "R64 +xxENDyy any:END,E buf", "\"xxE\" \"NDyy\"")
SCRIPT(a_bare_cr_wins_over_crlf, "R64 +abc\r\ndef any:\r\n,\r,\n", "\"abc\\r\"")
SCRIPT(no_separators_or_an_empty_one_are_a_bad_argument, "R64 +x any any:,a any:a, until:", "EINVAL EINVAL EINVAL EINVAL")
SCRIPT(the_longest_separator_decides_what_can_be_skipped, "R3 +abcdef any:X,YZW buf", "ELIMIT(4) \"abcdef\"")
SCRIPT(several_separators_wait_and_end_as_one_does,
       "R64 +ab any:--,; +- ? +- any:--,; eof settle", "susp susp \"ab--\" susp INC(\"\",?)")
SCRIPT(more_separators_than_fit_on_the_stack_work_too, "R64 +abcdefghi any:zz,yy,xx,ww,vv,uu,tt,h buf", "\"abcdefgh\" \"i\"")

/* --- By number (SR-13 to SR-16, SR-21) ------------------------------------ */

/* C18, C19 */
SCRIPT(reading_nothing_succeeds_at_the_end_too, "R4 eof exactly:0 read:0 line peek:0 skip:0", "\"\" \"\" \"\" \"\" skip(0)")
SCRIPT(reading_nothing_does_not_wait, "R4 read:0 exactly:0 into:0 exactinto:0", "\"\" \"\" \"\" \"\"")
SCRIPT(readexactly_at_the_end_hands_out_what_there_is, "R3 +abcdefg eof exactly:8 buf ateof", "INC(\"abcdefg\",8) \"\" true")

/* SR-13, SR-15: the limit bounds neither. */
SCRIPT(read_returns_what_is_there_whatever_the_limit, "R1 +abcdef read:4 read:100", "\"abcd\" \"ef\"")
SCRIPT(read_to_the_end_waits_for_it, "R2 +abc all +def ? +g eof", "susp susp \"abcdefg\"")
/* A19: what a failed read to the end had collected is not lost. */
SCRIPT(a_cancelled_read_to_the_end_loses_nothing, "R2 +abc all +def cancel:A settle all eof", "susp ECANCELED susp \"abcdef\"")

/* --- Beyond asyncio ------------------------------------------------------- */

SCRIPT(peek_shows_and_leaves, "R64 +abc peek:2 peek:3 read:1 peek:4 +de settle buf", "\"ab\" \"abc\" \"a\" susp \"bcde\" \"bcde\"")
SCRIPT(peek_at_the_end_shows_less, "R64 +ab peek:5 eof settle peek:1 all peek:1", "susp \"ab\" \"a\" \"ab\" \"\"")
SCRIPT(skip_drops_as_bytes_come, "R2 skip:5 +abc len +defg settle buf", "susp 0 skip(5) \"fg\"")
SCRIPT(skip_at_the_end_is_short, "R64 +ab skip:5 eof settle skip:1", "susp skip(2) skip(0)")
SCRIPT(a_cancelled_skip_says_how_far_it_came, "R64 +ab skip:5 cancel:A settle len", "susp ECANCELED(2) 0")
SCRIPT(read_into_copies_what_is_there, "R64 +abc into:2 into:9 into:3 +x settle into:1 eof", "\"ab\" \"c\" susp \"x\" susp \"\"")
SCRIPT(readexactly_into_copies_as_bytes_come, "R2 exactinto:5 +abc len +defg settle buf", "susp 0 \"abcde\" \"fg\"")
SCRIPT(readexactly_into_at_the_end_says_what_came, "R64 +ab exactinto:5 eof settle len", "susp INC(\"ab\",5) 0")
SCRIPT(a_cancelled_readexactly_into_says_how_far_it_came, "R64 +ab exactinto:5 cancel:A settle", "susp ECANCELED(2)")

/* max_read: what one call may hold; a bound of the caller's memory, so not for what is copied out as it comes. */
SCRIPT(max_read_bounds_what_is_asked_for_by_number,
       "R64 max:4 +abcde exactly:5 peek:5 exactly:4 exactinto:1 len", "EMSGSIZE EMSGSIZE \"abcd\" \"e\" 0")
SCRIPT(max_read_bounds_a_read_to_the_end, "R64 max:4 all +abcd ? +e buf", "susp susp EMSGSIZE \"abcde\"")
SCRIPT(max_read_reached_exactly_is_allowed, "R64 max:4 all +abcd eof", "susp \"abcd\"")
SCRIPT(max_read_does_not_bound_copies, "R64 max:2 exactinto:5 +abc +de skip:4 +ab +cd", "susp \"abcde\" susp skip(4)")

/* --- Arguments ------------------------------------------------------------ */

static int wrong_arguments(void *arg)
{
    weir_reader *r = weir_reader_new(64);
    weir_bytes out;

    (void)arg;
    say("%s", code_name(weir_reader_feed_data(r, NULL, 1)));
    say("%s", code_name(weir_reader_feed_data(r, NULL, 0)));
    say("%s", code_name(weir_reader_read_into(r, NULL, 1)));
    say("%s", code_name(weir_reader_read_into(r, NULL, 0)));
    say("%s", code_name(weir_reader_readexactly_into(r, NULL, 1)));
    say("%s", code_name(weir_reader_readuntil(r, NULL, 1, &out)));
    say("%s", code_name(weir_reader_readuntil_any(r, NULL, 1, &out)));
    say("%s", code_name(weir_reader_readexactly(r, (size_t)SSIZE_MAX + 1, &out)));
    say("%s", code_name(weir_reader_peek(r, (size_t)SSIZE_MAX + 1, &out)));
    say("%s", code_name(weir_reader_skip(r, (size_t)SSIZE_MAX + 1)));
    weir_reader_set_exception(r, 5);            /* not a code: ignored */
    say("%s", code_name(weir_reader_exception(r)));
    weir_reader_free(r);
    weir_reader_free(NULL);
    return 0;
}

START_TEST(bad_arguments_are_named_and_change_nothing)
{
    ck_assert_int_eq(weir_run(wrong_arguments, NULL), 0);
    ck_assert_str_eq(said(), "EINVAL 0 EINVAL 0 EINVAL EINVAL EINVAL EINVAL EINVAL EINVAL 0");
}
END_TEST

/* --- Every cut ------------------------------------------------------------ */

#define WIRE "GET a\r\nHost: b\r\n\r\nhello;12xy--=abcdefgh=rest"
#define WIRE_LEN (sizeof WIRE - 1)

static const char *const wire_reads[] = {
    "line", "until:\r\n\r\n", "exactly:5", "any:--,;", "peek:4", "skip:2", "any:--,;", "into:1", "exactinto:8", "until:=", "all",
};

/* into:1 gives what is there: at least one byte, here exactly one. */
static const char wire_result[] = "\"GET a\\r\\n\" \"Host: b\\r\\n\\r\\n\" \"hello\" \";\" \"12xy\" skip(2) \"xy--\" \"=\" "
                                  "\"abcdefgh\" \"=\" \"rest\"";

/* Where the wire is cut: after so many bytes, twice; or into pieces of one size. */
struct cuts {
    size_t first, second, piece;
};

struct wire {
    weir_reader *reader;
    struct cuts cuts;
};

static int feed_wire(void *arg)
{
    const struct wire *wire = arg;

    for (size_t at = 0, end; at < WIRE_LEN; at = end) {
        const struct cuts *cuts = &wire->cuts;
        end = cuts->piece > 0 ? at + cuts->piece : at < cuts->first ? cuts->first : at < cuts->second ? cuts->second : WIRE_LEN;
        end = end < WIRE_LEN ? end : WIRE_LEN;
        weir_reader_feed_data(wire->reader, &WIRE[at], end - at);
        weir_yield();
        weir_yield();
    }
    weir_reader_feed_eof(wire->reader);
    return 0;
}

static int read_wire(void *arg)
{
    struct wire *wire = arg;

    wire->reader = weir_reader_new(32);
    weir_spawn(feed_wire, wire);
    for (size_t i = 0; i < sizeof wire_reads / sizeof wire_reads[0]; i++)
        script_read(wire->reader, wire_reads[i]);
    weir_reader_free(wire->reader);
    return 0;
}

static void check_cuts(size_t first, size_t second, size_t piece)
{
    struct wire wire = { .cuts = { first, second, piece } };

    say_nothing();
    ck_assert_int_eq(weir_run(read_wire, &wire), 0);
    ck_assert_msg(strcmp(said(), wire_result) == 0,
                  "cut at %zu and %zu, pieces of %zu: %s", first, second, piece, said());
}

/* TCP keeps order, not boundaries. */
START_TEST(reads_do_not_depend_on_where_the_wire_is_cut)
{
    for (size_t first = 1; first < WIRE_LEN; first++) {
        for (size_t second = first; second < WIRE_LEN; second++)
            check_cuts(first, second, 0);
    }
}
END_TEST

START_TEST(reads_do_not_depend_on_the_size_of_pieces)
{
    for (size_t piece = 1; piece <= WIRE_LEN; piece++)
        check_cuts(0, 0, piece);
}
END_TEST

/* --- Views (B6, CV-5) ----------------------------------------------------- */

#define FLOOD (1024 * 1024)

static unsigned char pattern(size_t at)
{
    return (unsigned char)(at * 7 + at / 251);
}

static size_t feed_pattern(weir_reader *r, size_t from, size_t len)
{
    unsigned char bytes[4096];

    for (size_t i = 0; i < len; i++)
        bytes[i] = pattern(from + i);
    weir_reader_feed_data(r, bytes, len);
    return from + len;
}

static bool shows(weir_bytes view, size_t from)
{
    for (size_t i = 0; i < view.len; i++) {
        if ((unsigned char)view.data[i] != pattern(from + i))
            return false;
    }
    return true;
}

/* @first bytes are there; a view of some; then much more comes, in pieces that fit no block. */
static bool keeps_view(size_t first, size_t view_len, bool peek)
{
    weir_reader *r = weir_reader_new(64);
    weir_bytes view;
    size_t fed = feed_pattern(r, 0, first);
    bool good = true;

    ssize_t n = peek ? weir_reader_peek(r, view_len, &view) : weir_reader_read(r, view_len, &view);
    const char *where = view.data;
    good = n == (ssize_t)view_len;
    for (size_t piece = 1; fed < FLOOD; piece = piece * 3 % 4093) {
        fed = feed_pattern(r, fed, piece);
        weir_yield();                           /* the reader's task is suspended meanwhile */
    }
    good = good && view.data == where && shows(view, 0);

    weir_bytes rest;
    n = weir_reader_readexactly(r, fed - (peek ? 0 : view_len), &rest);
    good = good && n > 0 && shows(rest, peek ? 0 : view_len);
    weir_reader_free(r);
    return good;
}

static int keep_views(void *arg)
{
    int *failures = arg;
    static const size_t firsts[] = { 1, 100, 2047, 4096 };

    for (size_t i = 0; i < 4; i++) {
        for (int peek = 0; peek < 2; peek++) {
            *failures += !keeps_view(firsts[i], firsts[i], peek);
            *failures += !keeps_view(firsts[i], (firsts[i] + 1) / 2, peek);
        }
    }
    return 0;
}

/* A growing buffer that moves its bytes would leave the caller with a dangling pointer after any suspension. */
START_TEST(a_view_stays_where_it_is_while_a_million_bytes_come)
{
    int failures = 0;

    ck_assert_int_eq(weir_run(keep_views, &failures), 0);
    ck_assert_int_eq(failures, 0);
}
END_TEST

/* --- Against a plain string ----------------------------------------------- */

#define MODEL_MOST 20000

struct model {
    weir_reader *reader;
    char bytes[MODEL_MOST];     /* everything that is fed in the end */
    size_t fed, at;             /* how much was; where reading stands */
    weir_bytes view;            /* the last one lent */
    size_t view_at;
    const char *wrong;
};

static void compare(struct model *m, ssize_t n, size_t expected, bool consumes)
{
    if (n != (ssize_t)expected || memcmp(m->view.data, m->bytes + m->at, expected) != 0)
        m->wrong = "a read gave something else";
    m->view_at = m->at;
    m->at += consumes ? expected : 0;
}

static void read_something(struct model *m)
{
    size_t have = m->fed - m->at;
    size_t n = 1 + (size_t)rand() % 40;
    const char *newline;

    if (m->view.len > 0 && memcmp(m->view.data, m->bytes + m->view_at, m->view.len) != 0)
        m->wrong = "a view changed before the next read";
    switch (rand() % 4) {
    case 0:
        if (have > 0)
            compare(m, weir_reader_read(m->reader, n, &m->view), n < have ? n : have, true);
        break;
    case 1:
        if (have >= n)
            compare(m, weir_reader_readexactly(m->reader, n, &m->view), n, true);
        break;
    case 2:
        if (have >= n)
            compare(m, weir_reader_peek(m->reader, n, &m->view), n, false);
        break;
    default:
        newline = memchr(m->bytes + m->at, '\n', have);
        if (newline != NULL)
            compare(m, weir_reader_readline(m->reader, &m->view), (size_t)(newline + 1 - m->bytes) - m->at, true);
    }
}

static int follow_the_model(void *arg)
{
    struct model *m = arg;

    m->reader = weir_reader_new(MODEL_MOST);
    for (size_t i = 0; i < MODEL_MOST; i++)
        m->bytes[i] = (char)(rand() % 10 == 0 ? '\n' : 'a' + rand() % 26);
    while (m->wrong == NULL && m->fed < MODEL_MOST) {
        size_t piece = rand() % 8 == 0 ? (size_t)rand() % 3000 : (size_t)rand() % 50;
        if (piece > MODEL_MOST - m->fed)
            piece = MODEL_MOST - m->fed;
        weir_reader_feed_data(m->reader, m->bytes + m->fed, piece);
        m->fed += piece;
        for (int reads = rand() % 6; reads > 0; reads--)
            read_something(m);
        if (weir_reader_buffered(m->reader) != m->fed - m->at)
            m->wrong = "another number of bytes is buffered";
    }
    weir_reader_free(m->reader);
    return 0;
}

START_TEST(reads_agree_with_a_plain_string)
{
    for (unsigned seed = 0; seed < 100; seed++) {
        static struct model m;
        memset(&m, 0, sizeof m);
        srand(seed);
        ck_assert_int_eq(weir_run(follow_the_model, &m), 0);
        ck_assert_msg(m.wrong == NULL, "seed %u: %s after %zu bytes", seed, m.wrong, m.at);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *reads = suite_create("streams/reader_read");

    TCase *separators = tcase_create("separators");
    tcase_add_test(separators, a_payload_of_exactly_the_limit_is_accepted);
    tcase_add_test(separators, readuntil_fails_as_soon_as_no_separator_can_come_in_time);
    tcase_add_test(separators, consumed_bytes_can_be_skipped_without_missing_a_separator);
    tcase_add_test(separators, a_separator_that_is_half_there_is_waited_for);
    tcase_add_test(separators, an_end_before_the_separator_hands_out_everything);
    tcase_add_test(separators, an_overlong_tail_at_the_end_is_over_the_limit);
    tcase_add_test(separators, a_long_separator_moves_the_point_of_no_return);
    tcase_add_test(separators, a_separator_is_found_across_a_false_start);
    tcase_add_test(separators, the_tail_of_an_overlong_line_appears_as_a_line);
    tcase_add_test(separators, a_line_of_the_limit_is_one);
    tcase_add_test(separators, an_overlong_last_line_is_dropped);
    tcase_add_test(separators, lines_come_one_by_one_and_the_last_needs_no_newline);
    tcase_add_test(separators, of_two_separators_that_end_together_the_shorter_wins);
    tcase_add_test(separators, the_separator_that_ends_first_wins);
    tcase_add_test(separators, a_bare_cr_wins_over_crlf);
    tcase_add_test(separators, no_separators_or_an_empty_one_are_a_bad_argument);
    tcase_add_test(separators, the_longest_separator_decides_what_can_be_skipped);
    tcase_add_test(separators, several_separators_wait_and_end_as_one_does);
    tcase_add_test(separators, more_separators_than_fit_on_the_stack_work_too);
    suite_add_tcase(reads, separators);

    TCase *numbers = tcase_create("numbers");
    tcase_add_test(numbers, reading_nothing_succeeds_at_the_end_too);
    tcase_add_test(numbers, reading_nothing_does_not_wait);
    tcase_add_test(numbers, readexactly_at_the_end_hands_out_what_there_is);
    tcase_add_test(numbers, read_returns_what_is_there_whatever_the_limit);
    tcase_add_test(numbers, read_to_the_end_waits_for_it);
    tcase_add_test(numbers, a_cancelled_read_to_the_end_loses_nothing);
    tcase_add_test(numbers, bad_arguments_are_named_and_change_nothing);
    suite_add_tcase(reads, numbers);

    TCase *beyond = tcase_create("beyond");
    tcase_add_test(beyond, peek_shows_and_leaves);
    tcase_add_test(beyond, peek_at_the_end_shows_less);
    tcase_add_test(beyond, skip_drops_as_bytes_come);
    tcase_add_test(beyond, skip_at_the_end_is_short);
    tcase_add_test(beyond, a_cancelled_skip_says_how_far_it_came);
    tcase_add_test(beyond, read_into_copies_what_is_there);
    tcase_add_test(beyond, readexactly_into_copies_as_bytes_come);
    tcase_add_test(beyond, readexactly_into_at_the_end_says_what_came);
    tcase_add_test(beyond, a_cancelled_readexactly_into_says_how_far_it_came);
    tcase_add_test(beyond, max_read_bounds_what_is_asked_for_by_number);
    tcase_add_test(beyond, max_read_bounds_a_read_to_the_end);
    tcase_add_test(beyond, max_read_reached_exactly_is_allowed);
    tcase_add_test(beyond, max_read_does_not_bound_copies);
    suite_add_tcase(reads, beyond);

    TCase *cuts = tcase_create("cuts");
    tcase_add_test(cuts, reads_do_not_depend_on_where_the_wire_is_cut);
    tcase_add_test(cuts, reads_do_not_depend_on_the_size_of_pieces);
    suite_add_tcase(reads, cuts);

    TCase *views = tcase_create("views");
    tcase_add_test(views, a_view_stays_where_it_is_while_a_million_bytes_come);
    tcase_add_test(views, reads_agree_with_a_plain_string);
    suite_add_tcase(reads, views);
    return reads;
}
