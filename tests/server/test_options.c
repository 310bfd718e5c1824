/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_options.c  What server/options.c promises: command lines that mean something, and those that do not.
 */
#include "server/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/suite.h"

#define ARGS_MOST 12

static struct options options;
static char said[1024];         /* what came on standard error */

/* The words of @line, separated by single spaces, after the program's name. */
static int read_line(const char *line)
{
    static char copy[256];
    char *argv[ARGS_MOST + 2] = { (char *)"weir" };
    int argc = 1;

    snprintf(copy, sizeof copy, "%s", line);
    for (char *rest = copy, *word; (word = strsep(&rest, " ")) != NULL && argc <= ARGS_MOST; ) {
        if (word[0] != '\0')
            argv[argc++] = word;
    }
    int before = dup(STDERR_FILENO);
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    dup2(fileno(file), STDERR_FILENO);
    int code = options_read(argc, argv, &options);
    dup2(before, STDERR_FILENO);
    close(before);
    rewind(file);
    said[fread(said, 1, sizeof said - 1, file)] = '\0';
    fclose(file);
    return code;
}

static const struct {
    const char *line;
    enum command command;
} meant[] = {
    { "run", COMMAND_RUN }, { "check", COMMAND_CHECK }, { "print", COMMAND_PRINT }, { "version", COMMAND_VERSION },
    { "help", COMMAND_HELP }, { "-t", COMMAND_CHECK }, { "-T", COMMAND_PRINT }, { "-V", COMMAND_VERSION },
    { "-h", COMMAND_HELP },
    { "--test", COMMAND_CHECK }, { "--print", COMMAND_PRINT }, { "--version", COMMAND_VERSION }, { "--help", COMMAND_HELP },
    { "run -t", COMMAND_CHECK }, { "-T run", COMMAND_PRINT }, { "check -c x", COMMAND_CHECK }, { "-c x run", COMMAND_RUN },
    { "run --config=x --option a=b", COMMAND_RUN },
};

START_TEST(a_command_is_a_word_or_an_option)
{
    ck_assert_msg(read_line(meant[_i].line) == 0, "%s: %s", meant[_i].line, said);
    ck_assert_msg(options.command == meant[_i].command, "%s is command %d", meant[_i].line, (int)options.command);
    ck_assert_str_eq(said, "");
    options_fini(&options);
}
END_TEST

START_TEST(files_and_settings_keep_their_order)
{
    ck_assert_int_eq(read_line("-o a=1 run -c first --option b=2=3 --config second -o c="), 0);
    ck_assert_uint_eq(options.file_count, 2);
    ck_assert_str_eq(options.files[0], "first");
    ck_assert_str_eq(options.files[1], "second");
    ck_assert_uint_eq(options.setting_count, 3);
    ck_assert_str_eq(options.settings[0], "a=1");
    ck_assert_str_eq(options.settings[1], "b=2=3");
    ck_assert_str_eq(options.settings[2], "c=");
    options_fini(&options);
}
END_TEST

static const struct {
    const char *line, *expected;
} meaningless[] = {
    { "", "a command is missing" }, { "-c x", "a command is missing" }, { "fly", "no command fly" },
    { "run check", "one more: check" },
    { "run -x", "no option -x" }, { "run --nope", "no option --nope" }, { "run -c", "missing after -c" },
    { "run --config", "missing after --config" }, { "run -o workers", "KEY=VALUE, this is workers" },
    { "run -tx", "no option -x" },
};

START_TEST(what_makes_no_sense_is_said)
{
    ck_assert_int_lt(read_line(meaningless[_i].line), 0);
    ck_assert_msg(strstr(said, meaningless[_i].expected) != NULL, "\"%s\": %s", meaningless[_i].line, said);
    ck_assert_ptr_nonnull(strstr(said, "weir help"));
    ck_assert_ptr_null(options.files);
}
END_TEST

START_TEST(help_names_every_command_and_option)
{
    static const char *const names[] = { "weir run", "weir check", "weir print", "weir version", "weir help", "-c, --config",
                                         "-o, --option", "-t, --test", "-T, --print", "-V, --version", "-h, --help",
                                         "Exit status" };
    char text[4096];
    FILE *file = fmemopen(text, sizeof text, "w");

    ck_assert_ptr_nonnull(file);
    options_help(file);
    fclose(file);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        ck_assert_msg(strstr(text, names[i]) != NULL, "help does not name %s", names[i]);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("server/options");
    TCase *lines = tcase_create("lines");

    tcase_add_loop_test(lines, a_command_is_a_word_or_an_option, 0, (int)(sizeof meant / sizeof meant[0]));
    tcase_add_test(lines, files_and_settings_keep_their_order);
    tcase_add_loop_test(lines, what_makes_no_sense_is_said, 0, (int)(sizeof meaningless / sizeof meaningless[0]));
    tcase_add_test(lines, help_names_every_command_and_option);
    suite_add_tcase(s, lines);
    return s;
}
