/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_config_value.c  What server/config_value.c promises.
 */
#include "server/config_value.h"

#include "lib/suite.h"

static const struct {
    const char *text;
    int         type;           /* CONFIG_TYPE_NONE: it is no value */
} values[] = {
    { "1", CONFIG_TYPE_INT },
    { " -1 ", CONFIG_TYPE_INT },
    { "0x10", CONFIG_TYPE_INT },
    { "99999999999", CONFIG_TYPE_INT64 },
    { "1.5", CONFIG_TYPE_FLOAT },
    { "true", CONFIG_TYPE_BOOL },
    { "False", CONFIG_TYPE_BOOL },
    { "\"text\"", CONFIG_TYPE_STRING },
    { "\"te\" \"xt\"", CONFIG_TYPE_STRING },
    { "[ \"a\", \"b\" ]", CONFIG_TYPE_ARRAY },
    { "( 1, \"b\" )", CONFIG_TYPE_LIST },
    { "{ a = 1; }", CONFIG_TYPE_GROUP },
    { "1;", CONFIG_TYPE_INT },
    { "", CONFIG_TYPE_NONE },
    { " ", CONFIG_TYPE_NONE },
    { "text", CONFIG_TYPE_NONE },
    { "/srv/www", CONFIG_TYPE_NONE },
    { "127.0.0.1:7000", CONFIG_TYPE_NONE },
    { "64k", CONFIG_TYPE_NONE },
    { "\"text", CONFIG_TYPE_NONE },
    { "1; other = 2;", CONFIG_TYPE_NONE },
    { "1, other = 2", CONFIG_TYPE_NONE },
    { "1 } other = { a = 2", CONFIG_TYPE_NONE },
    { "@include \"a.conf\"", CONFIG_TYPE_NONE },
    { "1\n@include \"a.conf\"", CONFIG_TYPE_NONE },
    { "1 /*", CONFIG_TYPE_NONE },
    { "99999999999999999999", CONFIG_TYPE_NONE },
};

START_TEST(a_value_is_what_a_file_would_have)
{
    config_t holder;

    config_init(&holder);
    config_setting_t *value = config_value_read(&holder, values[_i].text);
    ck_assert_msg((value != NULL) == (values[_i].type != CONFIG_TYPE_NONE), "%s", values[_i].text);
    if (value != NULL)
        ck_assert_int_eq(config_setting_type(value), values[_i].type);
    config_destroy(&holder);
}
END_TEST

START_TEST(a_plain_text_is_itself)
{
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        config_t holder;
        config_init(&holder);
        config_value_read(&holder, values[i].text);     /* also after an attempt */
        config_setting_t *value = config_value_plain(&holder, values[i].text);
        ck_assert_ptr_nonnull(value);
        ck_assert_str_eq(config_setting_get_string(value), values[i].text);
        config_destroy(&holder);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *value = suite_create("server/config_value");

    TCase *texts = tcase_create("texts");
    tcase_add_loop_test(texts, a_value_is_what_a_file_would_have, 0, sizeof values / sizeof *values);
    tcase_add_test(texts, a_plain_text_is_itself);
    suite_add_tcase(value, texts);

    return value;
}
