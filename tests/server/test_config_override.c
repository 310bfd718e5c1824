/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_config_override.c  What server/config_override.c promises.
 */
#include "server/config_override.h"

#include "lib/suite.h"
#include "server/config_case.h"

#define TWO_SERVERS                                                                                   \
    "servers = (\n"                                                                                   \
    "{ name = \"echo\"; handler = \"echo\"; listen = \"*:7000\"; options = { mode = \"lines\"; }; },\n" \
    "{ name = \"http\"; handler = \"http\"; listen = \"*:8080\"; } );\n"

START_TEST(a_setting_replaces_what_files_say)
{
    struct config_case loaded = case_set("workers = 4;\n" TWO_SERVERS, "workers=2");

    case_good(&loaded);
    ck_assert_uint_eq(loaded.config->workers, 2);
    struct place place = config_place(loaded.config, "workers");
    ck_assert_str_eq(place.file, "-o workers=2");
    ck_assert_uint_eq(place.line, 0);
    case_end(&loaded);
}
END_TEST

START_TEST(the_last_setting_counts)
{
    scratch_write("a.conf", TWO_SERVERS);
    struct config_case loaded = case_of("a.conf", "workers=2", "workers=3");

    case_good(&loaded);
    ck_assert_uint_eq(loaded.config->workers, 3);
    case_end(&loaded);
}
END_TEST

START_TEST(sections_are_reached_by_their_names)
{
    scratch_write("a.conf", TWO_SERVERS);
    struct config_case loaded = case_of("a.conf", "log.level=debug", "servers.http.listen=127.0.0.1:7001");

    case_good(&loaded);
    ck_assert_int_eq(loaded.config->log.level, CONFIG_LOG_DEBUG);
    ck_assert_str_eq(loaded.config->servers[0].listen[0].text, "*:7000");
    ck_assert_uint_eq(loaded.config->servers[1].listen_count, 1);
    ck_assert_str_eq(loaded.config->servers[1].listen[0].text, "127.0.0.1:7001");
    ck_assert_str_eq(loaded.config->servers[1].listen[0].place.file, "-o servers.http.listen=127.0.0.1:7001");
    case_end(&loaded);
}
END_TEST

START_TEST(a_list_of_addresses_is_written_as_in_a_file)
{
    struct config_case loaded = case_set(TWO_SERVERS, "servers.echo.listen=[\"*:1\", \"unix:@x\"]");

    case_good(&loaded);
    ck_assert_uint_eq(loaded.config->servers[0].listen_count, 2);
    case_end(&loaded);
}
END_TEST

START_TEST(paths_begin_at_the_current_directory)
{
    char expected[4096];

    scratch_write("conf/a.conf", "pid_file = \"one\";\n" TWO_SERVERS);
    struct config_case loaded = case_of("conf/a.conf", "servers.echo.access_log=two", "servers.http.handler=./three.so");
    case_good(&loaded);
    snprintf(expected, sizeof expected, "%s/conf/one", scratch_folder());
    ck_assert_str_eq(loaded.config->pid_file, expected);
    snprintf(expected, sizeof expected, "%s/two", scratch_folder());
    ck_assert_str_eq(loaded.config->servers[0].access_log, expected);
    snprintf(expected, sizeof expected, "%s/three.so", scratch_folder());
    ck_assert_str_eq(loaded.config->servers[1].handler, expected);
    case_end(&loaded);
}
END_TEST

static const struct {
    const char      *setting;
    enum option_type type;
    const char      *printed;
} options[] = {
    { "servers.echo.options.x=1", OPTION_INT, "x = 1;" },
    { "servers.echo.options.x=99999999999", OPTION_INT, "x = 99999999999;" },
    { "servers.echo.options.x=1.5", OPTION_FLOAT, "x = 1.5;" },
    { "servers.echo.options.x=true", OPTION_BOOL, "x = true;" },
    { "servers.echo.options.x=\"1\"", OPTION_TEXT, "x = \"1\";" },
    { "servers.echo.options.x=[\"a\", \"b\"]", OPTION_TEXTS, "x = [ \"a\", \"b\" ];" },
    { "servers.echo.options.x=raw", OPTION_TEXT, "x = \"raw\";" },
    { "servers.echo.options.mode=raw", OPTION_TEXT, "mode = \"raw\";" },
    { "servers.echo.options.x=/srv", OPTION_TEXT, "x = \"/srv\";" },
    { "servers.echo.options.x=", OPTION_TEXT, "x = \"\";" },
    { "servers.echo.options.x=a=b.c", OPTION_TEXT, "x = \"a=b.c\";" },
    { "servers.echo.options.x=64k", OPTION_TEXT, "x = \"64k\";" },
    { "servers.echo.options.x=\"half", OPTION_TEXT, "x = \"\\\"half\";" },
    { "servers.echo.options.x=1; y = 2", OPTION_TEXT, "x = \"1; y = 2\";" },
    { "servers.echo.options.x=@include \"a\"", OPTION_TEXT, "x = \"@include \\\"a\\\"\";" },
};

START_TEST(a_value_is_one_of_a_file_or_the_text_itself)
{
    struct config_case loaded = case_set(TWO_SERVERS, options[_i].setting);

    case_good(&loaded);
    const struct server_config *server = loaded.config->servers;
    ck_assert_int_eq(server->options[server->option_count - 1].type, options[_i].type);
    char *printed = case_printed(loaded.config);
    ck_assert_msg(strstr(printed, options[_i].printed) != NULL, "%s: %s", options[_i].setting, printed);
    free(printed);
    case_end(&loaded);
}
END_TEST

/* Where a text is wanted, digits are one. */
START_TEST(a_number_is_a_text_where_one_is_wanted)
{
    scratch_write("a.conf", TWO_SERVERS);
    struct config_case loaded = case_of("a.conf", "user=1000", "servers.echo.unix_mode=0660");

    case_good(&loaded);
    ck_assert_str_eq(loaded.config->user, "1000");
    ck_assert_int_eq(loaded.config->servers[0].unix_mode, 0660);
    case_end(&loaded);
}
END_TEST

static const struct {
    const char *setting, *has;
} bad[] = {
    { "", "this is no setting, expected KEY=VALUE" },
    { "workers", "this is no setting" },
    { "=2", "this is no setting" },
    { ".=2", "this is no setting" },
    { "log.=2", "this is no setting" },
    { "servers..limit=2", "this is no setting" },
    { "workers=x", "workers is \"x\", expected a whole number from 0 to 1024" },
    { "workers=1025", "workers is 1025, expected" },
    { "workers=", "workers is \"\", expected" },
    { "workers =2", "\"workers \" is no key at the top level, did you mean \"workers\"?" },
    { "worker=2", "did you mean \"workers\"?" },
    { "log.lvel=info", "did you mean \"level\"?" },
    { "log.level=loud", "log.level is \"loud\", expected \"debug\", \"info\"" },
    { "log={ level = \"info\"; }", "\"log\" has parts, expected one of them: log.KEY=VALUE" },
    { "servers=( )", "\"servers\" has parts, expected one of them: servers.NAME.KEY=VALUE" },
    { "servers.echo.options={ }", "\"options\" has parts" },
    { "servers.echo=1", "there is no such key" },
    { "log.level.x=1", "there is no such key" },
    { "x.y=1", "there is no such key" },
    { "servers.echo.limit.x=1", "there is no such key" },
    { "servers.ecko.limit=1", "no server is named \"ecko\", expected one of the files', such as \"echo\"" },
    { "servers.zzzzz.limit=1", "no server is named \"zzzzz\"" },
    { "servers.ecko.options.a=1", "no server is named \"ecko\"" },
    { "servers.echo.limt=1", "did you mean \"limit\"?" },
    { "servers.echo.limit=1T", "limit is \"1T\", expected bytes from 1 to 1G" },
    { "servers.echo.listen=7001", "listen \"7001\" has no port" },
    { "servers.echo.listen=*:8080", "expected another address than that of server \"echo\" at -o servers.echo.listen=*:8080" },
    { "servers.echo.name=http", "expected another name than that of -o servers.echo.name=http" },
    { "servers.echo.options.1a=1", "\"1a\" cannot be the key of an option" },
    { "servers.echo.options.a.b=1", "\"a.b\" cannot be the key of an option" },
    { "servers.echo.options.True=1", "\"True\" cannot be the key of an option" },
    { "servers.echo.options.a b=1", "\"a b\" cannot be the key of an option" },
    { "servers.echo.options.x=( 1 )", "option \"x\" is a list with something else than texts" },
};

START_TEST(what_is_no_setting_is_refused)
{
    struct config_case loaded = case_set(TWO_SERVERS, bad[_i].setting);

    case_refused(&loaded, strstr(bad[_i].has, "another") != NULL ? "a.conf:3: " : "-o ", bad[_i].has);
    case_end(&loaded);
}
END_TEST

START_TEST(a_setting_is_bounded)
{
    char *setting = malloc(CONFIG_OVERRIDE_MOST + 2);

    ck_assert_ptr_nonnull(setting);
    memset(setting, 'x', CONFIG_OVERRIDE_MOST + 1);
    memcpy(setting, "servers.echo.options.x=", 23);
    setting[CONFIG_OVERRIDE_MOST] = '\0';
    struct config_case loaded = case_set(TWO_SERVERS, setting);
    case_good(&loaded);
    case_end(&loaded);
    setting[CONFIG_OVERRIDE_MOST] = 'x';
    setting[CONFIG_OVERRIDE_MOST + 1] = '\0';
    loaded = case_set(TWO_SERVERS, setting);
    case_refused(&loaded, "-o: a setting of 65537 bytes", "expected at most 65536");
    case_end(&loaded);
    free(setting);
}
END_TEST

START_TEST(every_setting_is_looked_at)
{
    scratch_write("a.conf", TWO_SERVERS);
    struct config_case loaded = case_of("a.conf", "workers=x", "pin=x");

    ck_assert_uint_eq(loaded.count, 2);
    case_end(&loaded);
}
END_TEST

/* xorshift64*: the same stream on every machine. */
static size_t any(uint64_t *state, size_t below)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (size_t)((*state * UINT64_C(2685821657736338717)) >> 16) % below;
}

/* Settings put together from pieces of settings: refused with a problem, or printed and read back. */
START_TEST(any_setting_is_refused_or_reads_back)
{
    static const char *const pieces[] = { "workers", "log",  "servers", "echo", "http", "options", "level", "limit", "listen",
                                          "mode",    "name", ".",       ".",    ".",    "=",       "=",     "1",     "64k",
                                          "true",    "\"",   "[",       "]",    "{",    "}",       "(",     ")",     ",",
                                          ";",       " ",    "\n",      "\\",   "#",    "@",       "-1",    "1.5s",  "1e400",
                                          "unix:@x", "*:1",  "/",       "\x01", "\xff", "*" };
    static const char *const begins[] = {
        "", "", "workers=", "log.level=", "servers.echo.", "servers.http.options.x=", "servers.echo.listen="
    };
    uint64_t state = 3;
    int accepted = 0, refused = 0;

    scratch_write("a.conf", TWO_SERVERS);
    for (int i = 0; i < 3000; i++) {
        char setting[256];
        snprintf(setting, sizeof setting, "%s", begins[any(&state, sizeof begins / sizeof *begins)]);
        for (size_t count = any(&state, 6); count > 0; count--) {
            const char *piece = pieces[any(&state, sizeof pieces / sizeof *pieces)];
            strncat(setting, piece, sizeof setting - strlen(setting) - 1);
        }
        struct config_case loaded = case_of("a.conf", setting, NULL);
        if (loaded.code != 0) {
            ck_assert_uint_eq(loaded.count, 1);
            refused++;
        } else {
            char *printed = case_printed(loaded.config);
            scratch_write("b.conf", printed);
            struct config_case again = case_of("b.conf", NULL, NULL);
            ck_assert_msg(again.code == 0, "%s: %s", setting, again.said);
            free(printed);
            case_end(&again);
            accepted++;
        }
        case_end(&loaded);
    }
    ck_assert_int_gt(accepted, 100);
    ck_assert_int_gt(refused, 100);
}
END_TEST

Suite *suite(void)
{
    Suite *override = suite_create("server/config_override");

    TCase *good = tcase_create("good");
    tcase_add_checked_fixture(good, scratch_begin, scratch_end);
    tcase_add_test(good, a_setting_replaces_what_files_say);
    tcase_add_test(good, the_last_setting_counts);
    tcase_add_test(good, sections_are_reached_by_their_names);
    tcase_add_test(good, a_list_of_addresses_is_written_as_in_a_file);
    tcase_add_test(good, paths_begin_at_the_current_directory);
    tcase_add_loop_test(good, a_value_is_one_of_a_file_or_the_text_itself, 0, sizeof options / sizeof *options);
    tcase_add_test(good, a_number_is_a_text_where_one_is_wanted);
    suite_add_tcase(override, good);

    TCase *wrong = tcase_create("wrong");
    tcase_add_checked_fixture(wrong, scratch_begin, scratch_end);
    tcase_add_loop_test(wrong, what_is_no_setting_is_refused, 0, sizeof bad / sizeof *bad);
    tcase_add_test(wrong, a_setting_is_bounded);
    tcase_add_test(wrong, every_setting_is_looked_at);
    tcase_add_test(wrong, any_setting_is_refused_or_reads_back);
    suite_add_tcase(override, wrong);

    return override;
}
