/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_reader.c  What streams/reader.c promises: feeding, pausing, waiting, failing.
 *
 * Readers are fed by hand, by scripts (lib/stream_script.h) that follow SEMANTICS 3.1 case by case. To see every pause
 * and resume, and to have a transport that cannot pause, reader.c is compiled in here with those two calls replaced.
 */
#define weir_transport_pause_reading recorded_pause
#define weir_transport_resume_reading recorded_resume
#include "streams/reader.c"

#include <string.h>

#include <weir/run.h>

#include "lib/clock.h"
#include "lib/stream_script.h"
#include "lib/suite.h"

static char pauses[64];         /* P and R, in order; N for a pause that was refused */
static weir_transport pausing, refusing;        /* the reader holds them, and hands the pointers on */

static int note(char letter)
{
    size_t len = strlen(pauses);

    ck_assert_uint_lt(len + 1, sizeof pauses);
    pauses[len] = letter;
    return 0;
}

int recorded_pause(weir_transport *t)
{
    if (t == &refusing)
        return note('N'), -ENOTSUP;
    return note('P');
}

int recorded_resume(weir_transport *t)
{
    (void)t;
    return note('R');
}

static void check(const char *steps, const char *expected)
{
    memset(pauses, 0, sizeof pauses);
    pausing.refs = refusing.refs = 1;
    script_transport = &pausing;
    script_transport_refusing = &refusing;
    script_log = pauses;
    script_play(steps);
    ck_assert_str_eq(said(), expected);
    ck_assert_uint_eq(pausing.refs + refusing.refs, 2);
}

/* A case of SEMANTICS 3.1 as a test: its steps, and what they say. */
#define CASE(name, steps, expected) \
    START_TEST(name)                \
    {                               \
        check(steps, expected);     \
    }                               \
    END_TEST

/* --- Pausing and resuming (SR-3, SR-10) ----------------------------------- */

/* C13: strictly more than twice the limit pauses; at most the limit resumes. */
CASE(reading_pauses_above_twice_the_limit_and_resumes_at_the_limit,
     "T4 +12345678 log +9 log read:4 log read:1 log", "[] [P] \"1234\" [P] \"5\" [PR]")

/* C14: or a read of more than that would wait for ever. */
CASE(a_read_that_waits_resumes_whatever_is_buffered,
     "T4 +123456789 log exactly:12 log +abc log buf", "[P] susp [PR] \"123456789abc\" [PRPR] \"\"")

/* C14, in smaller pieces: the pause that feeding brings is taken back as long as somebody wants more. */
CASE(a_waiting_read_is_never_starved_by_the_pause,
     "T1 exactly:9 +1234 +5678 settle ? +9 settle log", "susp susp \"123456789\" [PRPRPR]")

/* C15: readuntil leaves a paused transport paused; consuming frees it. */
CASE(an_overlong_record_keeps_the_pause_until_something_is_consumed,
     "T4 +123456789 until log exactly:9 log", "ELIMIT(9) [P] \"123456789\" [PR]")

/* C10, C02 */
CASE(readline_over_the_limit_consumes_and_so_resumes,
     "T4 +abcde\nfg\nh line buf line eof line line log", "ELIMIT \"fg\\nh\" \"fg\\n\" \"h\" \"\" [PR]")
CASE(readuntil_over_the_limit_changes_nothing_and_fails_again,
     "T3 +abcd\nxx until buf log until buf", "ELIMIT(4) \"abcd\\nxx\" [P] ELIMIT(4) \"abcd\\nxx\"")

/* C17 */
CASE(the_end_is_sticky_after_everything_was_read,
     "T4 +abcdefghijkl eof all all read:5 exactly:1 until line log",
     "\"abcdefghijkl\" \"\" \"\" INC(\"\",1) INC(\"\",?) \"\" [PR]")

/* SR-10: what does not consume does not resume, and INC does not either. */
CASE(read_0_and_an_incomplete_read_do_not_resume,
     "T2 +12345 log read:0 log exactly:0 log peek:5 log eof exactly:6 log",
     "[P] \"\" [P] \"\" [P] \"12345\" [P] INC(\"12345\",6) [P]")
CASE(skipping_and_copying_resume_as_reading_does,
     "T2 +12345 skip:2 log into:1 log +6789 log exactinto:4 log", "skip(2) [P] \"3\" [PR] [PRP] \"4567\" [PRPR]")

/* C29: the attempt is made once. */
CASE(a_transport_that_cannot_pause_is_forgotten,
     "N1 +123456 log +789 log len", "[N] [N] 9")

/* C27; SR-8 */
CASE(a_reader_takes_one_transport, "R4 transport transport", "0 ESTATE")
CASE(a_reader_has_a_limit_of_at_least_1, "R0", "NULL")
CASE(a_negative_limit_is_no_limit, "R-1", "NULL")

/* --- Feeding (SR-3 to SR-7) ----------------------------------------------- */

/* C25 */
CASE(nothing_can_be_fed_after_the_end, "R4 eof +x + eof +y buf ateof", "ESTATE ESTATE ESTATE \"\" true")

/* C26 */
CASE(feeding_nothing_wakes_nobody, "R4 read:5 + ? +x", "susp susp \"x\"")

/* C23, C24, SR-5 */
CASE(a_failure_after_a_cancel_changes_nothing_for_the_cancelled,
     "R4 read:5 cancel:A err:EIO settle read:5", "susp ECANCELED EIO")
CASE(a_failure_ends_the_read_that_waits, "R4 line err:EIO settle line", "susp EIO EIO")
CASE(the_last_failure_counts, "R4 exc err:EIO err:EPIPE exc read:1", "0 EPIPE EPIPE")
CASE(feeding_after_a_failure_still_appends, "R4 +ab err:EIO +cd buf read:1 eof ateof", "\"abcd\" EIO false")
CASE(a_failure_does_not_make_an_end, "R4 err:EIO ateof eof ateof", "false true")

/* C16: and the order in which a read looks (SR-9). */
CASE(a_failed_reader_fails_every_read_but_keeps_its_bytes,
     "R4 +123 err:EIO read:1 read:0 exactly:0 line all peek:1 skip:1 skip:0 into:1 exactinto:1 exactly:-1 until: eof read:1 "
     "buf exc",
     "EIO EIO EIO EIO EIO EIO EIO(0) EIO(0) EIO EIO(0) EINVAL EINVAL EIO \"123\" EIO")

/* SR-7 */
CASE(at_eof_is_the_end_and_nothing_buffered, "R4 +a ateof eof ateof read:1 ateof", "false false \"a\" true")

/* --- One task reads at a time (SR-11, SR-12) ------------------------------ */

/* C20 */
CASE(a_second_reader_is_busy_but_may_take_what_is_there,
     "R64 +abc exactly:10 B:read:2 B:line B:exactly:5 +123456789",
     "susp B=\"ab\" B=EBUSY B=EBUSY \"c123456789\"")

/* C21 */
CASE(a_second_reader_that_would_wait_is_busy,
     "R64 read:5 B:read:2 B:all B:read:0 B:peek:1 B:skip:1 B:into:1 B:exactinto:1 B:any:x ? +x",
     "susp B=EBUSY B=EBUSY B=\"\" B=EBUSY B=EBUSY(0) B=EBUSY B=EBUSY(0) B=EBUSY susp \"x\"")

/* SR-11: what will have to wait takes nothing from under the one that waits. */
CASE(a_busy_skip_or_copy_takes_nothing,
     "R64 +ab exactly:9 B:skip:5 B:exactinto:5 buf B:skip:1 +cdefghijk settle buf",
     "susp B=EBUSY(0) B=EBUSY(0) \"ab\" B=skip(1) \"bcdefghij\" \"k\"")

/* C30, A1: between the wake and the run another task takes the bytes; the woken one must not see an end. */
CASE(a_woken_read_whose_bytes_were_taken_waits_again,
     "R64 read:5 +x !read:5 settle ? +yz", "susp !\"x\" susp \"yz\"")
CASE(a_woken_line_that_was_taken_is_searched_for_anew,
     "R64 +ab line +c\n !read:3 settle ? +d\n", "susp !\"abc\" \"\\n\" idle")
CASE(a_search_begins_anew_when_bytes_were_taken_from_its_front,
     "R64 +aab until:bc B:exactly:2 +c", "susp B=\"aa\" \"bc\"")
CASE(a_second_reader_is_busy_until_the_first_one_ran,
     "R64 read:5 +x !exactly:2 settle read:1", "susp !EBUSY \"x\" susp")

/* C22, CV-12 */
CASE(a_cancelled_read_consumes_nothing,
     "R64 exactly:10 +abc cancel:A settle buf read:9", "susp ECANCELED \"abc\" \"abc\"")
CASE(every_kind_of_read_can_be_cancelled_and_leaves_the_bytes,
     "R64 +ab line cancel:A settle until:-- cancel:A settle any:-,+ cancel:A settle peek:3 cancel:A settle all cancel:A settle "
     "buf line +\n",
     "susp ECANCELED susp ECANCELED susp ECANCELED susp ECANCELED susp ECANCELED \"ab\" susp \"ab\\n\"")

/* --- Time (SR has none; <weir/streams.h>) --------------------------------- */

START_TEST(each_wait_gets_its_own_time)
{
    clock_fake();
    check("R64 timeout:2 read:5 sleep:1.5 ? sleep:1 +ab exactly:3 sleep:1 +c sleep:0 timeout:0 line sleep:3600 ?",
          "susp susp ETIMEDOUT susp \"abc\" susp susp");
}
END_TEST

START_TEST(a_read_that_need_not_wait_has_no_time_limit)
{
    clock_fake();
    check("R64 timeout:0.001 +abc\n sleep:5 line eof line", "\"abc\\n\" \"\"");
}
END_TEST

START_TEST(a_read_that_timed_out_left_what_had_come)
{
    clock_fake();
    check("R64 timeout:1 +ab line sleep:2 buf +\n line", "susp ETIMEDOUT \"ab\" \"ab\\n\"");
}
END_TEST

static int outside_time(void *arg)
{
    weir_bytes out;
    weir_timeout t;

    (void)arg;
    weir_reader *r = weir_reader_new(64);
    weir_reader_set_timeout(r, 10);
    weir_timeout_begin(&t, 1);
    say("%s", code_name(weir_reader_read(r, 1, &out)));
    say("%s", code_name(weir_reader_feed_data(r, "xy", 2)));
    say("%s", code_name(weir_reader_read(r, 1, &out)));     /* need not wait: succeeds after the deadline too */
    say("%s", weir_timeout_end(&t) ? "expired" : "not");
    say("%.0f", clock_now());
    weir_reader_free(r);
    return 0;
}

START_TEST(the_shorter_of_the_readers_time_and_the_deadline_counts)
{
    clock_fake();
    ck_assert_int_eq(weir_run(outside_time, NULL), 0);
    ck_assert_str_eq(said(), "ETIMEDOUT 0 1 expired 1");
}
END_TEST

/* --- Outside of tasks ----------------------------------------------------- */

static void read_in_a_callback(void *arg)
{
    weir_reader *r = arg;
    weir_bytes out;

    say("%s", code_name(weir_reader_readline(r, &out)));    /* would have to wait */
    weir_reader_feed_data(r, "a\nb", 3);
    say("%s", code_name(weir_reader_readline(r, &out)));
    say("%s", code_name(weir_reader_readexactly(r, 2, &out)));
    say("%s", code_name(weir_reader_read(r, 2, &out)));
}

static int call_back(void *arg)
{
    weir_reader *r = weir_reader_new(64);

    (void)arg;
    weir_loop_call_soon(weir_get_running_loop(), read_in_a_callback, r);
    weir_yield();
    weir_yield();
    weir_reader_free(r);
    return 0;
}

START_TEST(outside_of_tasks_a_read_that_would_wait_is_refused_and_others_work)
{
    ck_assert_int_eq(weir_run(call_back, NULL), 0);
    ck_assert_str_eq(said(), "ENOTASK 2 ENOTASK 1");
    ck_assert_ptr_null(weir_reader_new(10));                /* and without a loop there is no reader */
}
END_TEST

Suite *suite(void)
{
    Suite *reader = suite_create("streams/reader");

    TCase *pausing_case = tcase_create("pausing");
    tcase_add_test(pausing_case, reading_pauses_above_twice_the_limit_and_resumes_at_the_limit);
    tcase_add_test(pausing_case, a_read_that_waits_resumes_whatever_is_buffered);
    tcase_add_test(pausing_case, a_waiting_read_is_never_starved_by_the_pause);
    tcase_add_test(pausing_case, an_overlong_record_keeps_the_pause_until_something_is_consumed);
    tcase_add_test(pausing_case, readline_over_the_limit_consumes_and_so_resumes);
    tcase_add_test(pausing_case, readuntil_over_the_limit_changes_nothing_and_fails_again);
    tcase_add_test(pausing_case, the_end_is_sticky_after_everything_was_read);
    tcase_add_test(pausing_case, read_0_and_an_incomplete_read_do_not_resume);
    tcase_add_test(pausing_case, skipping_and_copying_resume_as_reading_does);
    tcase_add_test(pausing_case, a_transport_that_cannot_pause_is_forgotten);
    tcase_add_test(pausing_case, a_reader_takes_one_transport);
    tcase_add_test(pausing_case, a_reader_has_a_limit_of_at_least_1);
    tcase_add_test(pausing_case, a_negative_limit_is_no_limit);
    suite_add_tcase(reader, pausing_case);

    TCase *feeding = tcase_create("feeding");
    tcase_add_test(feeding, nothing_can_be_fed_after_the_end);
    tcase_add_test(feeding, feeding_nothing_wakes_nobody);
    tcase_add_test(feeding, a_failure_after_a_cancel_changes_nothing_for_the_cancelled);
    tcase_add_test(feeding, a_failure_ends_the_read_that_waits);
    tcase_add_test(feeding, the_last_failure_counts);
    tcase_add_test(feeding, feeding_after_a_failure_still_appends);
    tcase_add_test(feeding, a_failure_does_not_make_an_end);
    tcase_add_test(feeding, a_failed_reader_fails_every_read_but_keeps_its_bytes);
    tcase_add_test(feeding, at_eof_is_the_end_and_nothing_buffered);
    suite_add_tcase(reader, feeding);

    TCase *sharing = tcase_create("sharing");
    tcase_add_test(sharing, a_second_reader_is_busy_but_may_take_what_is_there);
    tcase_add_test(sharing, a_second_reader_that_would_wait_is_busy);
    tcase_add_test(sharing, a_busy_skip_or_copy_takes_nothing);
    tcase_add_test(sharing, a_woken_read_whose_bytes_were_taken_waits_again);
    tcase_add_test(sharing, a_woken_line_that_was_taken_is_searched_for_anew);
    tcase_add_test(sharing, a_search_begins_anew_when_bytes_were_taken_from_its_front);
    tcase_add_test(sharing, a_second_reader_is_busy_until_the_first_one_ran);
    tcase_add_test(sharing, a_cancelled_read_consumes_nothing);
    tcase_add_test(sharing, every_kind_of_read_can_be_cancelled_and_leaves_the_bytes);
    suite_add_tcase(reader, sharing);

    TCase *waiting = tcase_create("waiting");
    tcase_add_test(waiting, each_wait_gets_its_own_time);
    tcase_add_test(waiting, a_read_that_need_not_wait_has_no_time_limit);
    tcase_add_test(waiting, a_read_that_timed_out_left_what_had_come);
    tcase_add_test(waiting, the_shorter_of_the_readers_time_and_the_deadline_counts);
    tcase_add_test(waiting, outside_of_tasks_a_read_that_would_wait_is_refused_and_others_work);
    suite_add_tcase(reader, waiting);
    return reader;
}
