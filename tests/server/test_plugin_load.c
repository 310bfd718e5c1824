/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_plugin_load.c  What server/plugin_load.c promises: what fits is loaded, what does not is named.
 *
 * The plugins are those of fixtures/, in the build folder.
 */
#include "server/plugin_load.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/suite.h"

static char folder[PATH_MAX];   /* of the test's own files */
static char error[512];

static const char *fixtures(void)
{
    static char path[PATH_MAX];
    const char *build = getenv("WEIR_BUILD_DIR");

    snprintf(path, sizeof path, "%s/tests/server/fixtures", build != NULL ? build : "build/plain");
    return path;
}

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/weir-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    error[0] = '\0';
}

static void remove_folder(void)
{
    char command[PATH_MAX + 16];

    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static const char *in_folder(const char *name)
{
    static char path[PATH_MAX + 64];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const void *bytes, size_t len)
{
    FILE *file = fopen(in_folder(name), "we");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
    ck_assert_int_eq(fclose(file), 0);
}

static void copy_fixture(const char *fixture, const char *name)
{
    char from[PATH_MAX + 64], piece[65536];

    snprintf(from, sizeof from, "%s/%s.so", fixtures(), fixture);
    FILE *in = fopen(from, "re"), *out = fopen(in_folder(name), "we");
    ck_assert_ptr_nonnull(in);
    ck_assert_ptr_nonnull(out);
    for (size_t got; (got = fread(piece, 1, sizeof piece, in)) > 0; )
        ck_assert_uint_eq(fwrite(piece, 1, got, out), got);
    fclose(in);
    ck_assert_int_eq(fclose(out), 0);
}

START_TEST(a_name_is_looked_up_in_the_folder_of_plugins)
{
    struct plugins plugins = { .first = NULL };
    const struct plugin *plugin = plugin_load(&plugins, "fits", fixtures(), error, sizeof error);

    ck_assert_msg(plugin != NULL, "%s", error);
    ck_assert_str_eq(plugin->table.name, "fits");
    ck_assert_str_eq(plugin->table.version, "1.2");
    ck_assert_ptr_nonnull(plugin->table.client_connected);
    ck_assert_int_eq(plugin->table.client_connected(NULL, NULL, NULL), 0);
    ck_assert(plugin->path[0] == '/');
    plugins_fini(&plugins);
    ck_assert_ptr_null(plugins.first);
}
END_TEST

/* Two sections that use one plugin share it, by whichever way they name it. */
START_TEST(one_file_is_loaded_once)
{
    struct plugins plugins = { .first = NULL };

    copy_fixture("fits", "mine.so");
    ck_assert_int_eq(symlink("mine.so", in_folder("same.so")), 0);
    const struct plugin *first = plugin_load(&plugins, in_folder("mine.so"), "/", error, sizeof error);
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_eq(plugin_load(&plugins, in_folder("same.so"), "/", error, sizeof error), first);
    ck_assert_ptr_eq(plugin_load(&plugins, "mine", folder, error, sizeof error), first);
    copy_fixture("fits", "other.so");
    const struct plugin *other = plugin_load(&plugins, "other", folder, error, sizeof error);
    ck_assert_ptr_nonnull(other);
    ck_assert_ptr_ne(other, first);             /* the dynamic linker must not take the one copy for the other */
    ck_assert_ptr_ne(other->table.client_connected, first->table.client_connected);
    plugins_fini(&plugins);
}
END_TEST

/* Compiling over the file of a running plugin is what everybody does. */
START_TEST(the_file_may_be_overwritten_in_place)
{
    struct plugins plugins = { .first = NULL };
    static char zeros[65536];

    copy_fixture("fits", "mine.so");
    const struct plugin *plugin = plugin_load(&plugins, in_folder("mine.so"), "/", error, sizeof error);
    ck_assert_ptr_nonnull(plugin);
    write_file("mine.so", zeros, sizeof zeros);
    ck_assert_int_eq(plugin->table.client_connected(NULL, NULL, NULL), 0);
    plugins_fini(&plugins);
}
END_TEST

/* For profilers, which look for symbols in the file that is mapped. */
START_TEST(in_place_maps_the_file_itself)
{
    struct plugins plugins = { .in_place = true };
    char line[PATH_MAX + 128];
    bool mapped = false;

    copy_fixture("fits", "mine.so");
    const struct plugin *plugin = plugin_load(&plugins, in_folder("mine.so"), "/", error, sizeof error);
    ck_assert_msg(plugin != NULL, "%s", error);
    FILE *maps = fopen("/proc/self/maps", "re");
    while (fgets(line, sizeof line, maps) != NULL)
        mapped |= strstr(line, plugin->path) != NULL;
    fclose(maps);
    ck_assert(mapped);
    plugins_fini(&plugins);
}
END_TEST

/* A plugin compiled with an older header has a shorter table: what lies behind it is not its. */
START_TEST(what_is_beyond_the_tables_size_is_null)
{
    struct plugins plugins = { .first = NULL };
    const struct plugin *plugin = plugin_load(&plugins, "small", fixtures(), error, sizeof error);

    ck_assert_msg(plugin != NULL, "%s", error);
    ck_assert_ptr_nonnull(plugin->table.client_connected);
    ck_assert_ptr_null(plugin->table.destroy);
    ck_assert_str_eq(plugin->table.name, "small.so");   /* it has none: the file's */
    plugins_fini(&plugins);
}
END_TEST

START_TEST(a_later_minor_number_fits)
{
    struct plugins plugins = { .first = NULL };

    ck_assert_msg(plugin_load(&plugins, "later_minor", fixtures(), error, sizeof error) != NULL, "%s", error);
    plugins_fini(&plugins);
}
END_TEST

static const struct {
    const char *name;           /* of a fixture; with a slash, of a file in the test's folder */
    const char *expected[3];    /* all of them are said */
} refused[] = {
    { "wrong_major", { "ABI 2.3", "has 1.0", "wrong_major.so" } },
    { "too_small", { "too_small.so", "bytes", "sizeof(weir_plugin)" } },
    { "no_handler", { "no_handler.so", "client_connected", "" } },
    { "no_entry", { "no_entry.so", "weir_plugin_entry", "no plugin" } },
    { "undefined", { "undefined.so", "weir_there_is_no_such_function", "" } },
    { "missing", { "no plugin \"missing\"", "missing.so", "No such file" } },
    { "/text.so", { "text.so", "no plugin that can be loaded", "ELF" } },
    { "/empty.so", { "empty.so", "no plugin that can be loaded", "short" } },
    { "/cut.so", { "cut.so", "no plugin that can be loaded", "" } },
    { "/folder.so", { "folder.so", "is a folder", "expected a shared object" } },
    { "/dangling.so", { "dangling.so", "No such file", "" } },
};

START_TEST(what_does_not_fit_is_named_and_said)
{
    struct plugins plugins = { .first = NULL };
    const char *name = refused[_i].name;
    char elf[200] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };

    write_file("text.so", "this is a text and a long one, so that it is not too short to be an object of some kind\n", 88);
    write_file("empty.so", "", 0);
    write_file("cut.so", elf, sizeof elf);
    ck_assert_int_eq(mkdir(in_folder("folder.so"), 0700), 0);
    ck_assert_int_eq(symlink("nowhere", in_folder("dangling.so")), 0);

    const char *where = name[0] == '/' ? in_folder(name + 1) : name;
    const struct plugin *plugin = plugin_load(&plugins, where, fixtures(), error, sizeof error);
    ck_assert_ptr_null(plugin);
    ck_assert_ptr_null(plugins.first);
    for (int i = 0; i < 3; i++)
        ck_assert_msg(strstr(error, refused[_i].expected[i]) != NULL, "%s: no \"%s\"", error, refused[_i].expected[i]);
    ck_assert_ptr_null(strstr(error, "/proc/"));        /* the copy is nobody's business */
}
END_TEST

START_TEST(a_name_that_is_too_long_is_said)
{
    struct plugins plugins = { .first = NULL };
    char name[PATH_MAX + 10];

    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    ck_assert_ptr_null(plugin_load(&plugins, name, "/", error, sizeof error));
    ck_assert_ptr_nonnull(strstr(error, "longer than"));
}
END_TEST

START_TEST(plugins_are_beside_the_program)
{
    char dir[PATH_MAX];

    ck_assert_ptr_eq(plugin_default_dir(dir, sizeof dir), dir);
    ck_assert(dir[0] == '/');
    ck_assert_ptr_nonnull(strstr(dir, "plugins"));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("server/plugin_load");

    TCase *load = tcase_create("load");
    tcase_add_checked_fixture(load, make_folder, remove_folder);
    tcase_add_test(load, a_name_is_looked_up_in_the_folder_of_plugins);
    tcase_add_test(load, one_file_is_loaded_once);
    tcase_add_test(load, the_file_may_be_overwritten_in_place);
    tcase_add_test(load, in_place_maps_the_file_itself);
    tcase_add_test(load, what_is_beyond_the_tables_size_is_null);
    tcase_add_test(load, a_later_minor_number_fits);
    tcase_add_loop_test(load, what_does_not_fit_is_named_and_said, 0, (int)(sizeof refused / sizeof refused[0]));
    tcase_add_test(load, a_name_that_is_too_long_is_said);
    tcase_add_test(load, plugins_are_beside_the_program);
    suite_add_tcase(s, load);
    return s;
}
