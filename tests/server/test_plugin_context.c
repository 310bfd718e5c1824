/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_plugin_context.c  What server/plugin_context.c promises plugins, over a context made of a table.
 */
#include "server/plugin_context.h"

#include <stdio.h>
#include <string.h>

#include "lib/suite.h"
#include "lib/trace.h"

/* A section whose options answer with what stands in @there: 0 not there, 1 there, negative: wrong. */
static struct section {
    weir_plugin_context base;
    int there;
    struct option_query asked;
} section;

static int answer(weir_plugin_context *ctx, struct option_query *query)
{
    struct section *s = (struct section *)ctx;

    s->asked = *query;
    if (s->there <= 0)
        return s->there;
    switch (query->kind) {
    case QUERY_TEXT: query->value.text = "text"; break;
    case QUERY_PATH: query->value.text = "/path"; break;
    case QUERY_INT: query->value.integer = 7; break;
    case QUERY_SIZE: query->value.size = 4096; break;
    case QUERY_DURATION: query->value.seconds = 1.5; break;
    case QUERY_BOOL: query->value.truth = true; break;
    }
    return 1;
}

static void told(weir_plugin_context *ctx, const char *key, const char *text)
{
    (void)ctx;
    trace(key != NULL ? key : "(section)");
    trace("=");
    trace(text);
}

static unsigned counter(weir_plugin_context *ctx, const char *name, const char *help)
{
    (void)ctx;
    trace(name);
    trace(help);
    return 3;
}

static bool access_log(weir_plugin_context *ctx)
{
    return ctx->access_wanted;
}

static void access_line(weir_plugin_context *ctx, weir_writer *writer, const char *fields)
{
    (void)ctx;
    ck_assert_ptr_eq(writer, (void *)&section);
    trace(fields);
}

static const struct plugin_context_ops ops = { answer, told, counter, access_log, access_line };

static weir_plugin_context *make(int there)
{
    section = (struct section) { .base = { .ops = &ops, .server_name = "echo" }, .there = there };
    return &section.base;
}

START_TEST(an_option_that_is_there_is_the_answer)
{
    weir_plugin_context *ctx = make(1);
    int64_t integer = 0;
    size_t size = 0;
    double seconds = 0;
    bool truth = false;

    ck_assert_str_eq(weir_plugin_context_option(ctx, "a", "otherwise"), "text");
    ck_assert_str_eq(weir_plugin_context_option_path(ctx, "b", NULL), "/path");
    ck_assert_int_eq(weir_plugin_context_option_int(ctx, "c", 1, -5, 9, &integer), 0);
    ck_assert_int_eq(integer, 7);
    ck_assert_int_eq(section.asked.least, -5);
    ck_assert_int_eq(section.asked.most, 9);
    ck_assert_str_eq(section.asked.key, "c");
    ck_assert_int_eq(weir_plugin_context_option_size(ctx, "d", 1, &size), 0);
    ck_assert_uint_eq(size, 4096);
    ck_assert_int_eq(weir_plugin_context_option_duration(ctx, "e", 9, &seconds), 0);
    ck_assert(seconds == 1.5);
    ck_assert_int_eq(weir_plugin_context_option_bool(ctx, "f", false, &truth), 0);
    ck_assert(truth);
}
END_TEST

START_TEST(an_option_that_is_not_there_is_what_the_plugin_said)
{
    weir_plugin_context *ctx = make(0);
    int64_t integer = 0;
    size_t size = 0;
    double seconds = 0;
    bool truth = false;

    ck_assert_str_eq(weir_plugin_context_option(ctx, "a", "otherwise"), "otherwise");
    ck_assert_ptr_null(weir_plugin_context_option(ctx, "a", NULL));
    ck_assert_str_eq(weir_plugin_context_option_path(ctx, "b", "rel"), "rel");
    ck_assert_int_eq(weir_plugin_context_option_int(ctx, "c", 100, -5, 9, &integer), 0);    /* not compared with the bounds */
    ck_assert_int_eq(integer, 100);
    ck_assert_int_eq(weir_plugin_context_option_size(ctx, "d", 11, &size), 0);
    ck_assert_uint_eq(size, 11);
    ck_assert_int_eq(weir_plugin_context_option_duration(ctx, "e", 0.25, &seconds), 0);
    ck_assert(seconds == 0.25);
    ck_assert_int_eq(weir_plugin_context_option_bool(ctx, "f", true, &truth), 0);
    ck_assert(truth);
}
END_TEST

START_TEST(a_wrong_option_leaves_what_was_there)
{
    weir_plugin_context *ctx = make(WEIR_ECONFIG);
    int64_t integer = 1;
    size_t size = 2;
    double seconds = 3;
    bool truth = true;

    ck_assert_str_eq(weir_plugin_context_option(ctx, "a", "otherwise"), "otherwise");
    ck_assert_int_eq(weir_plugin_context_option_int(ctx, "c", 100, -5, 9, &integer), WEIR_ECONFIG);
    ck_assert_int_eq(weir_plugin_context_option_size(ctx, "d", 11, &size), WEIR_ECONFIG);
    ck_assert_int_eq(weir_plugin_context_option_duration(ctx, "e", 0.25, &seconds), WEIR_ECONFIG);
    ck_assert_int_eq(weir_plugin_context_option_bool(ctx, "f", false, &truth), WEIR_ECONFIG);
    ck_assert_int_eq(integer, 1);
    ck_assert_uint_eq(size, 2);
    ck_assert(seconds == 3);
    ck_assert(truth);
}
END_TEST

START_TEST(a_complaint_is_told_and_is_the_code_to_return)
{
    weir_plugin_context *ctx = make(0);

    ck_assert_int_eq(weir_plugin_context_fail(ctx, "mode", "is \"%s\", expected lines or raw", "x"), WEIR_ECONFIG);
    ck_assert_str_eq(trace_text, "mode=is \"x\", expected lines or raw");
    ck_assert_str_eq(weir_error_detail(), "mode: is \"x\", expected lines or raw");
    ck_assert_int_eq(weir_plugin_context_fail(ctx, NULL, "no"), WEIR_ECONFIG);
    ck_assert_str_eq(weir_error_detail(), "no");
}
END_TEST

START_TEST(the_section_keeps_a_name_and_a_pointer)
{
    weir_plugin_context *ctx = make(0);

    ck_assert_str_eq(weir_plugin_context_server_name(ctx), "echo");
    ck_assert_ptr_null(weir_plugin_context_data(ctx));
    weir_plugin_context_set_data(ctx, &section);
    ck_assert_ptr_eq(weir_plugin_context_data(ctx), &section);
}
END_TEST

/* An id from another place or time must not write somewhere. */
START_TEST(a_counter_counts_in_this_threads_row_only)
{
    _Atomic uint64_t row[4] = { 0 };

    weir_counter_add(0, 1);                     /* no row: nothing happens */
    weir__plugin_counters(row, 3);
    weir_counter_add(2, 5);
    weir_counter_add(2, 1);
    weir_counter_add(3, 9);                     /* behind the row */
    weir_counter_add((unsigned)-1, 9);
    ck_assert_uint_eq(row[2], 6);
    ck_assert_uint_eq(row[3], 0);
    weir__plugin_counters(NULL, 0);
    weir_counter_add(2, 1);
    ck_assert_uint_eq(row[2], 6);
    ck_assert_uint_eq(weir_plugin_context_counter(make(0), "lines", " read"), 3);
    ck_assert_str_eq(trace_text, "lines read");
}
END_TEST

START_TEST(access_lines_are_made_only_when_wanted)
{
    weir_plugin_context *ctx = make(0);

    ck_assert(!weir_plugin_context_access_log(ctx));
    weir_plugin_context_access(ctx, (void *)&section, "status=%d", 200);
    ck_assert_str_eq(trace_text, "");
    ctx->access_wanted = true;
    ck_assert(weir_plugin_context_access_log(ctx));
    weir_plugin_context_access(ctx, (void *)&section, "status=%d", 200);
    ck_assert_str_eq(trace_text, "status=200");
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("server/plugin_context");

    TCase *options = tcase_create("options");
    tcase_add_test(options, an_option_that_is_there_is_the_answer);
    tcase_add_test(options, an_option_that_is_not_there_is_what_the_plugin_said);
    tcase_add_test(options, a_wrong_option_leaves_what_was_there);
    tcase_add_test(options, a_complaint_is_told_and_is_the_code_to_return);
    suite_add_tcase(s, options);

    TCase *section_case = tcase_create("section");
    tcase_add_test(section_case, the_section_keeps_a_name_and_a_pointer);
    tcase_add_test(section_case, a_counter_counts_in_this_threads_row_only);
    tcase_add_test(section_case, access_lines_are_made_only_when_wanted);
    suite_add_tcase(s, section_case);
    return s;
}
