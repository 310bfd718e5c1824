/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_config_document.c  That conf/weir.conf says of every key what config_schema.c does, and nothing else; and that
 * what we ship is accepted.
 *
 * The file is read as people read it: a line "# KEY = VALUE;" is a key with its default, "KEY = VALUE;" one that is set. Which
 * section it is in follows from the lines that open and close groups.
 */
#include "server/config_schema.h"

#include "lib/suite.h"
#include "server/config_case.h"
#include "server/config_text.h"

enum where { IN_TOP, IN_LOG, IN_SERVERS, IN_SERVER, IN_OPTIONS };

struct document {
    FILE      *file;
    enum where where;
    unsigned   line;
    bool       documented[SECTIONS][CONFIG_KEYS_MOST];     /* with its default, as a comment or a setting */
    bool       set[SECTIONS][CONFIG_KEYS_MOST];
};

/* "KEY = VALUE;", perhaps with a "#" before it and a remark behind it. False: the line is something else. */
static bool is_setting(const char *line, char key[64], char value[256], bool *commented)
{
    line += strspn(line, " ");
    *commented = *line == '#';
    if (*commented)
        line += 1 + strspn(line + 1, " ");
    size_t len = strspn(line, "abcdefghijklmnopqrstuvwxyz_");
    const char *end = strrchr(line, ';');
    if (len == 0 || len >= 64 || strncmp(line + len, " = ", 3) != 0 || end == NULL || end < line + len + 3)
        return false;
    snprintf(key, 64, "%.*s", (int)len, line);
    snprintf(value, 256, "%.*s", (int)(end - line - (ptrdiff_t)len - 3), line + len + 3);
    return true;
}

static void look_at_setting(struct document *document, const char *line)
{
    char key[64], value[256];
    bool commented;

    if (!is_setting(line, key, value, &commented) || document->where == IN_OPTIONS)
        return;
    enum config_section section = document->where == IN_TOP   ? SECTION_TOP
                                  : document->where == IN_LOG ? SECTION_LOG
                                                              : SECTION_SERVER;
    const struct config_key *found = config_schema_find(section, key);
    ck_assert_msg(found != NULL, "line %u: there is no key %s", document->line, key);
    size_t index = config_schema_index(found);
    bool is_default = found->standard != NULL && strcmp(found->standard, value) == 0;
    ck_assert_msg(is_default || !commented, "line %u: %s is said to be %s by default, the table has %s", document->line, key, value,
                  found->standard != NULL ? found->standard : "none");
    document->documented[section][index] |= is_default;
    document->set[section][index] |= !commented;
}

/* The lines of the file that open and close a group. */
static void follow(struct document *document, const char *line)
{
    bool options = strstr(line, "options = {") != NULL;

    if (strncmp(line, "log = {", 7) == 0)
        document->where = IN_LOG;
    else if (strncmp(line, "servers = (", 11) == 0)
        document->where = IN_SERVERS;
    else if (strcmp(line, "    {\n") == 0)
        document->where = IN_SERVER;
    else if (options && line[strspn(line, " ")] != '#')
        document->where = IN_OPTIONS;
    else if (strcmp(line, "        };\n") == 0)
        document->where = IN_SERVER;
    else if (strncmp(line, "};", 2) == 0 || strncmp(line, ");", 2) == 0)
        document->where = IN_TOP;
    if (strncmp(line, "log = {", 7) == 0)
        document->set[SECTION_TOP][config_schema_index(config_schema_find(SECTION_TOP, "log"))] = true;
    if (strncmp(line, "servers = (", 11) == 0)
        document->set[SECTION_TOP][config_schema_index(config_schema_find(SECTION_TOP, "servers"))] = true;
    if (options)
        document->set[SECTION_SERVER][config_schema_index(config_schema_find(SECTION_SERVER, "options"))] = true;
}

START_TEST(every_key_stands_in_the_file_with_its_default_and_nothing_else_does)
{
    struct document document = { .file = fopen(case_shipped("weir.conf"), "r") };
    char line[512];

    ck_assert_msg(document.file != NULL, "%s", case_shipped("weir.conf"));
    while (fgets(line, sizeof line, document.file) != NULL) {
        document.line++;
        ck_assert_msg(strlen(line) <= 133, "line %u is longer than 132 columns", document.line);
        follow(&document, line);
        look_at_setting(&document, line);
    }
    fclose(document.file);

    ck_assert_uint_gt(document.line, 100);
    for (enum config_section section = 0; section < SECTIONS; section++) {
        size_t count;
        const struct config_key *keys = config_schema_keys(section, &count);
        for (size_t i = 0; i < count; i++) {
            if (keys[i].standard != NULL)
                ck_assert_msg(document.documented[section][i], "%s does not stand there with its default %s", keys[i].name,
                              keys[i].standard);
            else
                ck_assert_msg(document.set[section][i], "%s does not stand there", keys[i].name);
        }
    }
}
END_TEST

/* With every "#" before a key removed it is the same configuration, but for options, which only a plugin knows. */
START_TEST(removing_the_hash_before_a_key_changes_nothing)
{
    struct document document = { .file = fopen(case_shipped("weir.conf"), "r") };
    struct config_text text = { 0 };
    char line[512], key[64], value[256];
    bool commented;

    ck_assert_ptr_nonnull(document.file);
    while (fgets(line, sizeof line, document.file) != NULL) {
        follow(&document, line);
        if (document.where != IN_OPTIONS && is_setting(line, key, value, &commented) && commented)
            *strchr(line, '#') = ' ';
        config_text_add(&text, line, strlen(line));
    }
    fclose(document.file);
    scratch_write("a.conf", text.bytes);
    config_text_fini(&text);

    struct config_case without = case_of("a.conf", NULL, NULL), with = case_of(case_shipped("weir.conf"), NULL, NULL);
    case_good(&without);
    case_good(&with);
    char *one = case_printed(without.config), *other = case_printed(with.config);
    const char *folder = strstr(other, "folder = ");
    ck_assert_ptr_nonnull(folder);
    ck_assert_uint_eq((size_t)(folder - other), (size_t)(strstr(one, "folder = ") - one));
    ck_assert_int_eq(strncmp(one, other, (size_t)(folder - other)), 0);
    free(one);
    free(other);
    case_end(&without);
    case_end(&with);
}
END_TEST

START_TEST(what_is_shipped_is_accepted)
{
    static const struct {
        const char *name;
        size_t      servers;
    } files[] = { { "weir.conf", 2 }, { "echo.conf", 1 }, { "http.conf", 1 } };
    struct config_case loaded = case_of(case_shipped(files[_i].name), NULL, NULL);

    case_good(&loaded);
    ck_assert_uint_eq(loaded.config->server_count, files[_i].servers);
    case_end(&loaded);
}
END_TEST

START_TEST(the_shipped_file_says_what_dev_run_promises)
{
    struct config_case loaded = case_of(case_shipped("weir.conf"), NULL, NULL);

    case_good(&loaded);
    const struct server_config *echo = &loaded.config->servers[0], *http = &loaded.config->servers[1];
    ck_assert_str_eq(echo->name, "echo");
    ck_assert_str_eq(echo->handler, "echo");
    ck_assert_str_eq(echo->listen->text, "*:7000");
    ck_assert_str_eq(echo->options[0].key, "mode");
    ck_assert_str_eq(echo->options[0].value.text, "lines");
    ck_assert_str_eq(http->name, "http");
    ck_assert_str_eq(http->handler, "http");
    ck_assert_str_eq(http->listen->text, "*:8080");
    ck_assert_str_eq(http->options[0].value.text, "Hello from weir\n");
    ck_assert_str_eq(http->options[1].value.text, "www");
    ck_assert_uint_eq(loaded.config->workers, 0);

    char index[8192];
    snprintf(index, sizeof index, "%s/www/index.html", http->options[1].folder);
    FILE *file = fopen(index, "r");
    ck_assert_msg(file != NULL, "%s", index);
    fclose(file);
    case_end(&loaded);
}
END_TEST

Suite *suite(void)
{
    Suite *document = suite_create("server/config_document");

    TCase *shipped_files = tcase_create("shipped");
    tcase_add_test(shipped_files, every_key_stands_in_the_file_with_its_default_and_nothing_else_does);
    tcase_add_loop_test(shipped_files, what_is_shipped_is_accepted, 0, 3);
    tcase_add_test(shipped_files, the_shipped_file_says_what_dev_run_promises);
    suite_add_tcase(document, shipped_files);

    TCase *rewritten = tcase_create("rewritten");
    tcase_add_checked_fixture(rewritten, scratch_begin, scratch_end);
    tcase_add_test(rewritten, removing_the_hash_before_a_key_changes_nothing);
    suite_add_tcase(document, rewritten);

    return document;
}
