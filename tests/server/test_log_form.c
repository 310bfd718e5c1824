/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_log_form.c  What server/log_form.c promises: a sentence and fields, and no byte that is lost.
 */
#include "server/log_form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/suite.h"

/* "sentence|key:value|key'quoted value", and a number as key#value. */
static void read_form(char *out, size_t size, const char *text, size_t len)
{
    size_t at = log_form_sentence(text, len), next;
    int used = snprintf(out, size, "%.*s", (int)at, text);
    struct log_field field;

    for (; (next = log_form_field(text, len, at, &field)) > 0; at = next) {
        ck_assert_uint_gt(next, at);
        char mark = field.quoted ? '\'' : log_form_is_integer(&field) ? '#' : ':';
        used += snprintf(out + used, size - (size_t)used, "|%.*s%c%.*s", (int)field.key_len, field.key, mark,
                         (int)field.value_len, field.value);
    }
    ck_assert_uint_eq(at, len);
}

static const struct {
    const char *text, *form;
} samples[] = {
    { "", "" },
    { "draining", "draining" },
    { "worker not pinned worker=3 cpu=-1", "worker not pinned|worker#3|cpu#-1" },
    { "listening address=0.0.0.0:80 fd=7", "listening|address:0.0.0.0:80|fd#7" },
    { "x error=\"No such file\" code=2", "x|error'No such file|code#2" },
    { "key=1", "|key#1" },
    { "a=1 b=2", "|a#1|b#2" },
    { "x a= b=\"\"", "x|a:|b'" },
    { "x a=\"say \\\"b=1\\\" c=2\" d=3", "x|a'say \\\"b=1\\\" c=2|d#3" },
    { "x path=\"C:\\\\\" d=3", "x|path'C:\\\\|d#3" },
    { "x a=\"cut", "x|a'cut" },
    { "x a=\"cut\\", "x|a'cut\\" },
    { "x a=\"", "x|a'" },
    { "x a=\"in \"quotes\" here\" b=1", "x|a'in \"quotes\" here|b#1" },         /* nobody escaped it */
    { "x a=two words b=1", "x|a:two words|b#1" },
    { "x a=b=c", "x|a:b=c" },
    { "1 + 1 = 2", "1 + 1 = 2" },
    { "in 2=2 x=1", "in 2=2|x#1" },                                             /* "2" is no key */
    { "x  a=1", "x |a#1" },
    { "x =1", "x =1" },
    { "x http.status=200 a-b=c _=d", "x|http.status#200|a-b:c|_:d" },
    { "x a=0 b=-0 c=01 d=+1 e=1.5 f=- g=999999999999999 h=1000000000000000 i=\"7\"",
      "x|a#0|b:-0|c:01|d:+1|e:1.5|f:-|g#999999999999999|h:1000000000000000|i'7" },
};

START_TEST(a_message_is_a_sentence_and_fields)
{
    char form[512];

    read_form(form, sizeof form, samples[_i].text, strlen(samples[_i].text));
    ck_assert_str_eq(form, samples[_i].form);
}
END_TEST

/* In memory that ends where the text does, so that AddressSanitizer sees a step too far. */
START_TEST(any_cut_of_a_message_can_be_read)
{
    size_t whole = strlen(samples[_i].text);

    for (size_t len = 0; len <= whole; len++) {
        char form[512], *text = malloc(len);
        ck_assert(len == 0 || text != NULL);
        if (len > 0)
            memcpy(text, samples[_i].text, len);
        read_form(form, sizeof form, text, len);
        free(text);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *form = suite_create("server/log_form");

    TCase *reading = tcase_create("reading");
    tcase_add_loop_test(reading, a_message_is_a_sentence_and_fields, 0, (int)(sizeof samples / sizeof samples[0]));
    tcase_add_loop_test(reading, any_cut_of_a_message_can_be_read, 0, (int)(sizeof samples / sizeof samples[0]));
    suite_add_tcase(form, reading);
    return form;
}
