/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_config_assign.c  What server/config_assign.c promises, for each row of the table.
 *
 * What is right and what is wrong for a key follows from its type and bounds, so a new key is tried without a word here.
 */
#include "server/config_assign.h"

#include <inttypes.h>

#include "lib/suite.h"
#include "server/config_case.h"
#include "server/value.h"

#define TEXT_MAX 8192

/* --- A file with one key of a section ------------------------------------ */

/* The rows, one after the other; the parts of loop tests. */
static const struct config_key *row(int number)
{
    for (enum config_section section = 0; section < SECTIONS; section++) {
        size_t count;
        const struct config_key *keys = config_schema_keys(section, &count);
        if ((size_t)number < count)
            return &keys[number];
        number -= (int)count;
    }
    return NULL;
}

static int row_count(void)
{
    int count = 0;

    while (row(count) != NULL)
        count++;
    return count;
}

/* A complete file in which the key, on line 2, has this value. */
static void write_file(const struct config_key *key, const char *value)
{
    char text[TEXT_MAX * 2];
    int len;

    if (key->section == SECTION_TOP)
        len = snprintf(text, sizeof text, "\n%s = %s;\n%s", key->name, value, key->type == KEY_SERVERS ? "" : A_SERVER);
    else if (key->section == SECTION_LOG)
        len = snprintf(text, sizeof text, "log = {\n%s = %s; };\n" A_SERVER, key->name, value);
    else
        len = snprintf(text, sizeof text, "servers = ( {\n%s = %s;\n%s%s%s } );", key->name, value,
                       key->type == KEY_NAME ? "" : "name = \"echo\"; ", key->type == KEY_HANDLER ? "" : "handler = \"echo\"; ",
                       key->type == KEY_LISTEN ? "" : "listen = \"*:7000\"; ");
    ck_assert_int_lt(len, sizeof text);
    scratch_write("a.conf", text);
}

static const void *field_of(const struct config *config, const struct config_key *key)
{
    const char *base = key->section == SECTION_TOP ? (const char *)config
                       : key->section == SECTION_LOG ? (const char *)&config->log
                                                     : (const char *)config->servers;
    return base + key->at;
}

static void assert_place(const struct config *config, const struct config_key *key)
{
    struct place place = key->section == SECTION_TOP   ? config_place(config, key->name)
                         : key->section == SECTION_LOG ? config_place_log(config, key->name)
                                                       : config_place_server(config->servers, key->name);
    ck_assert_str_eq(place.file, "a.conf");
    ck_assert_uint_eq(place.line, 2);
}

static void assert_refused(const struct config_key *key, const char *value)
{
    write_file(key, value);
    struct config_case loaded = case_of("a.conf", NULL, NULL);
    char expected[CONFIG_EXPECTED_MAX];

    case_refused(&loaded, "a.conf:2: ", key->name);
    ck_assert_msg(strstr(loaded.said, "expected") != NULL, "%s", loaded.said);
    if (key->type != KEY_LISTEN && key->type != KEY_OPTIONS && key->type != KEY_SERVERS && key->type != KEY_LOG)
        ck_assert_msg(strstr(loaded.said, config_schema_expected(key, expected)) != NULL, "%s", loaded.said);
    case_end(&loaded);
}

static struct config_case accepted(const struct config_key *key, const char *value)
{
    write_file(key, value);
    struct config_case loaded = case_of("a.conf", NULL, NULL);

    case_good(&loaded);
    assert_place(loaded.config, key);
    return loaded;
}

/* --- What is right ------------------------------------------------------- */

static void accept_number(const struct config_key *key, const char *value, double number)
{
    struct config_case loaded = accepted(key, value);
    const void *field = field_of(loaded.config, key);
    double found = key->type == KEY_COUNT  ? *(const unsigned *)field
                   : key->type == KEY_SIZE ? (double)*(const size_t *)field
                                           : *(const double *)field;

    ck_assert_msg(found == number, "%s = %s is %.17g", key->name, value, found);
    case_end(&loaded);
}

/* Both bounds are within. */
static void accept_bounds(const struct config_key *key)
{
    char value[64], printed[VALUE_TEXT_MAX];

    for (int i = 0; i < 2; i++) {
        double bound = i == 0 ? key->least : key->most;
        snprintf(value, sizeof value, "%.0f", bound);
        accept_number(key, value, bound);
        if (key->type == KEY_SIZE) {
            snprintf(value, sizeof value, "\"%s\"", value_print_size((uint64_t)bound, printed));
            accept_number(key, value, bound);
        } else if (key->type == KEY_DURATION) {
            snprintf(value, sizeof value, "\"%s\"", value_print_duration(bound, printed));
            accept_number(key, value, bound);
        }
    }
    if (key->type == KEY_DURATION) {
        accept_number(key, "1.5", 1.5);
        accept_number(key, "\"200ms\"", 0.2);
        accept_number(key, "7", 7);
    }
    if (key->type == KEY_SIZE && key->most >= 65536)
        accept_number(key, "\"64k\"", 65536);
}

static void accept_text(const struct config_key *key, const char *value, const char *text)
{
    struct config_case loaded = accepted(key, value);

    ck_assert_str_eq(*(const char *const *)field_of(loaded.config, key), text);
    case_end(&loaded);
}

static void accept_int(const struct config_key *key, const char *value, int number)
{
    struct config_case loaded = accepted(key, value);

    ck_assert_int_eq(*(const int *)field_of(loaded.config, key), number);
    case_end(&loaded);
}

static void accept_bool(const struct config_key *key, const char *value, bool is_true)
{
    struct config_case loaded = accepted(key, value);

    ck_assert(*(const bool *)field_of(loaded.config, key) == is_true);
    case_end(&loaded);
}

static void accept_paths(const struct config_key *key)
{
    char expected[4096];

    snprintf(expected, sizeof expected, "%s/a/b", scratch_folder());
    accept_text(key, "\"a/b\"", expected);
    accept_text(key, "\"./a/b\"", expected);
    accept_text(key, "\"/a/b\"", "/a/b");
}

static void accept_words(const struct config_key *key)
{
    for (int i = 0; key->words[i] != NULL; i++) {
        char value[64];
        snprintf(value, sizeof value, "\"%s\"", key->words[i]);
        accept_int(key, value, i);
    }
}

START_TEST(what_is_right_gets_to_its_field)
{
    const struct config_key *key = row(_i);

    switch (key->type) {
    case KEY_BOOL:
        accept_bool(key, "true", true);
        accept_bool(key, "false", false);
        break;
    case KEY_COUNT:
    case KEY_SIZE:
    case KEY_DURATION: accept_bounds(key); break;
    case KEY_TEXT: accept_text(key, "\"a text\"", "a text"); break;
    case KEY_WORD: accept_words(key); break;
    case KEY_MODE:
        accept_int(key, "\"0660\"", 0660);
        accept_int(key, "\"777\"", 0777);
        accept_int(key, "\"0\"", 0);
        accept_int(key, "\"umask\"", CONFIG_UNIX_MODE_UMASK);
        break;
    case KEY_NAME: accept_text(key, "\"aZ09-_\"", "aZ09-_"); break;
    case KEY_HANDLER:
        accept_paths(key);
        accept_text(key, "\"http\"", "http");
        break;
    case KEY_PATH: accept_paths(key); break;
    case KEY_OUTPUT:
        accept_paths(key);
        accept_text(key, "\"stderr\"", "stderr");
        break;
    case KEY_LISTEN:
    case KEY_OPTIONS:
    case KEY_LOG:
    case KEY_SERVERS: break;            /* they have tests of their own */
    }
}
END_TEST

/* --- What is wrong ------------------------------------------------------- */

static void refuse_numbers(const struct config_key *key)
{
    char value[64];

    snprintf(value, sizeof value, "%.0f", key->most + 1);
    assert_refused(key, value);
    snprintf(value, sizeof value, "%.0f", key->least - 1);
    assert_refused(key, value);
    assert_refused(key, "-9223372036854775808");
    assert_refused(key, "9223372036854775807");
    assert_refused(key, "\"\"");
    assert_refused(key, "\"x\"");
    assert_refused(key, "\"-1\"");
    assert_refused(key, "true");
    assert_refused(key, "[ 1 ]");
    assert_refused(key, "( )");
    assert_refused(key, "{ }");
    if (key->type != KEY_DURATION)
        assert_refused(key, "1.5");
    if (key->type == KEY_COUNT)
        assert_refused(key, "\"1\"");
    if (key->type == KEY_SIZE) {
        assert_refused(key, "\"1.5k\"");
        assert_refused(key, "\"64kB\"");
        assert_refused(key, "\"99999999999G\"");
    }
    if (key->type == KEY_DURATION) {
        assert_refused(key, "1e300");
        assert_refused(key, "1e-9");
        assert_refused(key, "-0.5");
        assert_refused(key, "\"1x\"");
        assert_refused(key, "\"366d\"");
    }
}

static void refuse_other_types(const struct config_key *key)
{
    assert_refused(key, "1");
    assert_refused(key, "1.5");
    assert_refused(key, "[ 1 ]");
    assert_refused(key, "( { } )");
    if (key->type != KEY_BOOL)
        assert_refused(key, "true");
    if (key->type != KEY_LOG && key->type != KEY_OPTIONS)
        assert_refused(key, "{ }");
    if (key->type == KEY_BOOL || key->type == KEY_LOG || key->type == KEY_OPTIONS || key->type == KEY_SERVERS)
        assert_refused(key, "\"text\"");
}

/* One byte more than there may be, and where there must be one, none. */
static void refuse_lengths(const struct config_key *key)
{
    size_t len = (size_t)key->most + 1;
    char *value = malloc(len + 3);

    ck_assert_ptr_nonnull(value);
    memset(value, 'a', len + 2);
    value[0] = value[len + 1] = '"';
    value[len + 2] = '\0';
    assert_refused(key, value);
    free(value);
    if (key->least > 0)
        assert_refused(key, "\"\"");
}

START_TEST(what_is_wrong_is_refused)
{
    const struct config_key *key = row(_i);

    switch (key->type) {
    case KEY_COUNT:
    case KEY_SIZE:
    case KEY_DURATION: refuse_numbers(key); break;
    case KEY_SERVERS:
        assert_refused(key, "1");
        assert_refused(key, "\"text\"");
        assert_refused(key, "{ }");
        assert_refused(key, "( 1 )");
        assert_refused(key, "( \"a\" )");
        break;
    case KEY_LISTEN:
        assert_refused(key, "1");
        assert_refused(key, "true");
        assert_refused(key, "{ }");
        assert_refused(key, "[ ]");
        assert_refused(key, "( )");
        assert_refused(key, "[ 1 ]");
        assert_refused(key, "( \"*:1\", 2 )");
        assert_refused(key, "\"\"");
        assert_refused(key, "\"7000\"");
        assert_refused(key, "[ \"*:1\", \"*:x\" ]");
        break;
    default:
        refuse_other_types(key);
        if (key->type != KEY_BOOL && key->type != KEY_LOG && key->type != KEY_OPTIONS && key->type != KEY_WORD &&
            key->type != KEY_MODE)
            refuse_lengths(key);
        break;
    }
}
END_TEST

START_TEST(what_is_nearly_right_is_refused)
{
    static const struct {
        enum key_type type;
        const char   *value;
    } values[] = {
        { KEY_WORD, "\"\"" },     { KEY_WORD, "\"Info\"" },      { KEY_WORD, "\"info \"" },       { KEY_WORD, "\"other\"" },
        { KEY_MODE, "\"\"" },     { KEY_MODE, "\"0888\"" },      { KEY_MODE, "\"1000\"" },        { KEY_MODE, "\"0660 \"" },
        { KEY_MODE, "\"-1\"" },   { KEY_MODE, "\"rw-rw----\"" }, { KEY_MODE, "\"00000000660\"" }, { KEY_NAME, "\"1a\"" },
        { KEY_NAME, "\"a.b\"" },  { KEY_NAME, "\"a b\"" },       { KEY_NAME, "\"-a\"" },          { KEY_NAME, "\"\xc3\xa4\"" },
        { KEY_HANDLER, "\".\"" }, { KEY_HANDLER, "\"..\"" },     { KEY_HANDLER, "\"./\"" },       { KEY_HANDLER, "\"a/\"" },
    };
    const struct config_key *key = row(_i);

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        if (values[i].type == key->type)
            assert_refused(key, values[i].value);
    }
}
END_TEST

/* --- Defaults and unknown keys ------------------------------------------- */

START_TEST(what_is_not_said_has_its_default)
{
    const struct config_key *key = row(_i);
    struct config_case without = case_text(A_SERVER);

    case_good(&without);
    if (key->standard != NULL) {
        struct config_case with = accepted(key, key->standard);
        char *one = case_printed(without.config), *other = case_printed(with.config);
        char expected[256];
        ck_assert_str_eq(one, other);
        snprintf(expected, sizeof expected, " %s = %s;\n", key->name, key->standard);
        if (strcmp(key->name, "folder") != 0)           /* which is that of the file, by then */
            ck_assert_msg(strstr(one, expected + (key->section == SECTION_TOP)) != NULL, "%s is not printed as in the table",
                          key->name);
        free(one);
        free(other);
        case_end(&with);
    }
    case_end(&without);
}
END_TEST

START_TEST(an_unknown_key_is_refused_with_a_hint)
{
    static const struct {
        const char *text, *begins, *has;
    } cases[] = {
        { "worker = 2;\n" A_SERVER, "a.conf:1: \"worker\" is no key at the top level", "did you mean \"workers\"?" },
        { A_SERVER "log = {\nlvel = \"info\"; };", "a.conf:3: \"lvel\" is no key of log", "did you mean \"level\"?" },
        { "servers = ( { name = \"a\"; handler = \"b\"; listen = \"*:1\";\n\nhandle = 1; } );",
          "a.conf:3: \"handle\" is no key of a server", "did you mean \"handler\"?" },
        { "idle_timeout = 2;\n" A_SERVER, "a.conf:1: \"idle_timeout\" is no key at the top level",
          "expected it to be one of a server" },
        { "level = \"info\";\n" A_SERVER, "a.conf:1: \"level\" is no key at the top level", "expected it to be one of log" },
        { A_SERVER "log = { zebra = 1; };", "a.conf:2: \"zebra\" is no key of log",
          "expected one of level, format, destination" },
    };

    struct config_case loaded = case_text(cases[_i].text);
    case_refused(&loaded, cases[_i].begins, cases[_i].has);
    case_end(&loaded);
}
END_TEST

static void add(struct config_text *text, const char *more)
{
    config_text_add(text, more, strlen(more));
}

START_TEST(servers_are_bounded)
{
    struct config_text text = { 0 };

    add(&text, "\nservers = ( {}");
    for (int i = 1; i < 10000; i++)
        add(&text, ",{}");
    add(&text, ");");
    struct config_case loaded = case_text(text.bytes);
    case_refused(&loaded, "a.conf:2: 10000 servers are too many", "expected at most 1000");
    case_end(&loaded);
    config_text_fini(&text);
}
END_TEST

START_TEST(addresses_of_a_server_are_kept_in_order)
{
    struct config_case loaded =
        case_text("servers = ( { name = \"a\"; handler = \"b\"; listen = [ \"*:1\",\n\"unix:x\",\n\n\"[::1]:2\" ]; } );");

    case_good(&loaded);
    const struct server_config *server = loaded.config->servers;
    ck_assert_uint_eq(server->listen_count, 3);
    ck_assert_str_eq(server->listen[0].text, "*:1");
    ck_assert_uint_eq(server->listen[0].place.line, 1);
    ck_assert_int_eq(server->listen[1].kind, LISTEN_UNIX);
    ck_assert_uint_eq(server->listen[1].place.line, 2);
    ck_assert_str_eq(server->listen[2].host, "::1");
    ck_assert_uint_eq(server->listen[2].place.line, 4);
    case_end(&loaded);
}
END_TEST

START_TEST(addresses_of_a_server_are_bounded)
{
    struct config_text text = { 0 };
    char address[32];

    add(&text, "servers = ( { name = \"a\"; handler = \"b\";\nlisten = [ \"*:1\"");
    for (int i = 1; i < CONFIG_LISTENS_MOST; i++) {
        snprintf(address, sizeof address, ",\"*:%d\"", i + 1);
        add(&text, address);
    }
    size_t len = text.len;
    add(&text, "]; } );");
    struct config_case loaded = case_text(text.bytes);
    case_good(&loaded);
    ck_assert_uint_eq(loaded.config->servers->listen_count, CONFIG_LISTENS_MOST);
    case_end(&loaded);

    text.len = len;
    add(&text, ",\"*:65\"]; } );");
    loaded = case_text(text.bytes);
    case_refused(&loaded, "a.conf:2: listen is a list of 65", "expected 1 to 64 addresses");
    case_end(&loaded);
    config_text_fini(&text);
}
END_TEST

Suite *suite(void)
{
    Suite *assign = suite_create("server/config_assign");
    int rows = row_count();

    TCase *keys = tcase_create("keys");
    tcase_add_checked_fixture(keys, scratch_begin, scratch_end);
    tcase_add_loop_test(keys, what_is_right_gets_to_its_field, 0, rows);
    tcase_add_loop_test(keys, what_is_wrong_is_refused, 0, rows);
    tcase_add_loop_test(keys, what_is_nearly_right_is_refused, 0, rows);
    tcase_add_loop_test(keys, what_is_not_said_has_its_default, 0, rows);
    tcase_add_loop_test(keys, an_unknown_key_is_refused_with_a_hint, 0, 6);
    suite_add_tcase(assign, keys);

    TCase *servers = tcase_create("servers");
    tcase_add_checked_fixture(servers, scratch_begin, scratch_end);
    tcase_add_test(servers, servers_are_bounded);
    tcase_add_test(servers, addresses_of_a_server_are_kept_in_order);
    tcase_add_test(servers, addresses_of_a_server_are_bounded);
    suite_add_tcase(assign, servers);

    return assign;
}
