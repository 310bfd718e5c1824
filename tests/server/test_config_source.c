/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/test_config_source.c  What server/config_source.c promises.
 */
#include "server/config_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/scratch.h"
#include "lib/suite.h"

struct source {
    struct config_memory memory;
    struct config_text   text;
    struct problems      problems;
    bool                 good;
};

static struct source source;

static void read_source(const char *name)
{
    memset(&source, 0, sizeof source);
    config_memory_init(&source.memory, (size_t)64 << 20);
    source.good = config_source_read(name, &source.memory, &source.text, &source.problems);
    ck_assert(!source.memory.failed);
    ck_assert(source.good == (problems_count(&source.problems) == 0));
}

static void end_source(void)
{
    config_text_fini(&source.text);
    problems_fini(&source.problems);
    config_memory_fini(&source.memory);
}

/* The line of the text that says this comes from there. */
static void assert_origin(const char *line, const char *name, unsigned number, const char *folder)
{
    const char *at = strstr(source.text.bytes, line);
    unsigned before = 1;
    char expected[4096];

    ck_assert_msg(at != NULL, "%s", line);
    for (const char *c = source.text.bytes; c < at; c++)
        before += *c == '\n';
    struct config_origin origin = config_text_origin(&source.text, before);
    ck_assert_str_eq(origin.file->name, name);
    ck_assert_msg(origin.line == number, "%s: line %u, expected %u", line, origin.line, number);
    snprintf(expected, sizeof expected, "%s%s", scratch_folder(), folder);
    ck_assert_str_eq(origin.file->folder, expected);
}

static void assert_problem(size_t which, const char *file, unsigned line, const char *text)
{
    ck_assert_uint_gt(source.problems.count, which);
    const struct problem *problem = &source.problems.kept[which];
    ck_assert_str_eq(problem->place.file, file);
    ck_assert_uint_eq(problem->place.line, line);
    ck_assert_msg(strstr(problem->text, text) != NULL, "expected \"%s\": %s", text, problem->text);
}

/* --- Includes ------------------------------------------------------------ */

START_TEST(includes_begin_at_the_including_file)
{
    char whole[4096];

    scratch_write("conf/a.conf", "a1 = 1;\n@include \"parts/b.conf\"\na3 = 1;");
    scratch_write("conf/parts/b.conf", "b1 = 1;\n  @include \"../c.conf\"  # why\nb3 = 1;");
    snprintf(whole, sizeof whole, "@include \"%s/d.conf\"\n", scratch_folder());
    scratch_write("conf/c.conf", whole);
    scratch_write("d.conf", "\nd2 = 1;\n");
    read_source("conf/a.conf");

    assert_origin("a1", "conf/a.conf", 1, "/conf");
    assert_origin("b1", "conf/parts/b.conf", 1, "/conf/parts");
    assert_origin("b3", "conf/parts/b.conf", 3, "/conf/parts");
    assert_origin("a3", "conf/a.conf", 3, "/conf");
    snprintf(whole, sizeof whole, "%s/d.conf", scratch_folder());
    assert_origin("d2", whole, 2, "");
    end_source();
}
END_TEST

START_TEST(a_file_may_be_included_twice_but_not_in_itself)
{
    scratch_write("a.conf", "x = (\n@include \"b.conf\"\n,\n@include \"./b.conf\"\n)");
    scratch_write("b.conf", "1\n");
    read_source("a.conf");
    ck_assert(source.good);
    end_source();

    scratch_write("b.conf", "\n@include \"c.conf\"\n");
    scratch_write("c.conf", "\n\n@include \"../x/a.conf\"\n");
    scratch_write("x/nothing", "");
    ck_assert_int_eq(link("a.conf", "x/a.conf"), 0);        /* another name, and the same file */
    ck_assert_int_eq(unlink("c.conf"), 0);
    scratch_write("c.conf", "\n\n@include \"x/a.conf\"\n");
    read_source("a.conf");
    assert_problem(0, "c.conf", 3, "x/a.conf is being included within itself");
    end_source();

    scratch_write("s.conf", "@include \"s.conf\"");
    read_source("s.conf");
    assert_problem(0, "s.conf", 1, "s.conf is being included within itself");
    end_source();
}
END_TEST

/* An include stands for its lines, whatever they open and close. */
START_TEST(brackets_and_names_go_over_files)
{
    scratch_write("a.conf", "log = {\n@include \"b.conf\"\nc = 1;");
    scratch_write("b.conf", "level = 1;\n}\n");
    read_source("a.conf");
    ck_assert(source.good);
    end_source();

    scratch_write("b.conf", "level = 1;\n");
    read_source("a.conf");
    assert_problem(0, "a.conf", 3, "the file ends here, expected \"}\" for the \"{\" of a.conf:1");
    end_source();

    scratch_write("a.conf", "x = 1;\n@include \"b.conf\"\ny = 1;\n");
    scratch_write("b.conf", "y = {\n};\n");
    read_source("a.conf");
    assert_problem(0, "a.conf", 3, "\"y\" is given a second time, expected it once: the first is at b.conf:1");
    end_source();

    scratch_write("b.conf", "z = (\n");
    read_source("a.conf");
    assert_problem(0, "a.conf", 3, "\"y\" here, expected a value or \")\"");
    end_source();
}
END_TEST

START_TEST(includes_are_ten_deep_at_most)
{
    char name[32], text[64];

    for (int i = 0; i <= CONFIG_INCLUDES_DEEP + 1; i++) {
        snprintf(name, sizeof name, "%d.conf", i);
        snprintf(text, sizeof text, "@include \"%d.conf\"\n", i + 1);
        scratch_write(name, text);
    }
    snprintf(name, sizeof name, "%d.conf", CONFIG_INCLUDES_DEEP + 1);
    scratch_write(name, "");
    read_source("1.conf");
    ck_assert(source.good);
    end_source();
    read_source("0.conf");
    assert_problem(0, "10.conf", 1, "more than 10 deep");
    end_source();
}
END_TEST

/* Ten levels of ten includes each would be ten thousand million files. */
START_TEST(the_number_of_files_is_bounded)
{
    char name[32], text[512];

    for (int i = 0; i < CONFIG_INCLUDES_DEEP; i++) {
        text[0] = '\0';
        for (int j = 0; j < 10; j++)
            snprintf(text + strlen(text), sizeof text - strlen(text), "@include \"%d.conf\"\n", i + 1);
        snprintf(name, sizeof name, "%d.conf", i);
        scratch_write(name, text);
    }
    scratch_write("10.conf", "");
    read_source("0.conf");
    ck_assert_uint_eq(problems_count(&source.problems), 1);
    ck_assert_ptr_nonnull(strstr(source.problems.kept[0].text, "is one file too many, expected at most 1000"));
    end_source();
}
END_TEST

/* --- Files that are none ------------------------------------------------- */

START_TEST(what_cannot_be_read_is_named)
{
    scratch_write("folder/nothing", "");
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);          /* nobody writes to it: it must not be waited for */

    read_source("none.conf");
    assert_problem(0, "none.conf", 0, "this file cannot be opened: No such file or directory");
    end_source();
    read_source("folder");
    assert_problem(0, "folder", 0, "this file is a folder, expected a file");
    end_source();
    read_source("pipe");
    assert_problem(0, "pipe", 0, "this file is no regular file");
    end_source();
    read_source("");
    assert_problem(0, "", 0, "this file cannot be opened");
    end_source();

    scratch_write("a.conf", "\n@include \"none.conf\"\n@include \"folder\"\n\n@include \"pipe\"");
    read_source("a.conf");
    assert_problem(0, "a.conf", 2, "none.conf cannot be opened: No such file or directory");
    assert_problem(1, "a.conf", 3, "folder is a folder");
    assert_problem(2, "a.conf", 5, "pipe is no regular file");
    ck_assert_uint_eq(problems_count(&source.problems), 3);
    end_source();
}
END_TEST

START_TEST(what_one_may_not_read_is_named)
{
    scratch_write("secret.conf", "");
    ck_assert_int_eq(chmod("secret.conf", 0), 0);
    ck_assert_int_eq(chmod(".", 0755), 0);
    bool is_root = geteuid() == 0;
    if (is_root)
        ck_assert_int_eq(seteuid(65534), 0);            /* root may read everything */
    read_source("secret.conf");
    assert_problem(0, "secret.conf", 0, "this file cannot be opened: Permission denied");
    end_source();
    if (is_root)
        ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(a_huge_file_is_refused)
{
    char *text = malloc(CONFIG_FILE_MOST + 1);

    ck_assert_ptr_nonnull(text);
    memset(text, '\n', CONFIG_FILE_MOST + 1);
    scratch_write_bytes("a.conf", text, CONFIG_FILE_MOST);
    read_source("a.conf");
    ck_assert(source.good);
    end_source();
    scratch_write_bytes("a.conf", text, CONFIG_FILE_MOST + 1);
    read_source("a.conf");
    assert_problem(0, "a.conf", 0, "this file has more than 1048576 bytes");
    end_source();

    scratch_write_bytes("b.conf", text, CONFIG_FILE_MOST);
    scratch_write("a.conf", "@include \"b.conf\"\n@include \"b.conf\"\n@include \"b.conf\"\n@include \"b.conf\"\n");
    read_source("a.conf");
    ck_assert_uint_eq(problems_count(&source.problems), 1);
    assert_problem(0, "a.conf", 0, "more than 4194304 bytes with all it includes");
    end_source();
    free(text);
}
END_TEST

START_TEST(an_empty_file_is_an_empty_text)
{
    scratch_write("a.conf", "");
    read_source("a.conf");
    ck_assert(source.good);
    end_source();
}
END_TEST

/* --- Paths --------------------------------------------------------------- */

START_TEST(paths_become_absolute)
{
    struct config_memory memory;

    config_memory_init(&memory, 100000);
    ck_assert_str_eq(config_source_path(&memory, "/a/b", "c"), "/a/b/c");
    ck_assert_str_eq(config_source_path(&memory, "/a/b", "./c/d"), "/a/b/c/d");
    ck_assert_str_eq(config_source_path(&memory, "/a/b", ".//./c"), "/a/b/c");
    ck_assert_str_eq(config_source_path(&memory, "/a/b", "../c"), "/a/b/../c");
    ck_assert_str_eq(config_source_path(&memory, "/a/b", ".c"), "/a/b/.c");
    ck_assert_str_eq(config_source_path(&memory, "/a/b", "/c"), "/c");
    ck_assert_str_eq(config_source_path(&memory, "/", "c"), "/c");
    ck_assert_str_eq(config_source_here(&memory), scratch_folder());
    config_memory_fini(&memory);
}
END_TEST

static const struct {
    const char *name, *folder;
} folders[] = {
    { "a.conf", "" },
    { "./a.conf", "" },
    { ".//./a.conf", "" },
    { "conf/a.conf", "/conf" },
    { "./conf/a.conf", "/conf" },
    { "conf/../a.conf", "/conf/.." },
};

START_TEST(a_file_knows_its_folder)
{
    scratch_write("a.conf", "a = 1;");
    scratch_write("conf/a.conf", "a = 1;");
    read_source(folders[_i].name);
    assert_origin("a", folders[_i].name, 1, folders[_i].folder);
    end_source();
}
END_TEST

START_TEST(a_folder_that_is_gone_is_named)
{
    scratch_write("gone/nothing", "");
    scratch_write("a.conf", "a = 1;");
    ck_assert_int_eq(chdir("gone"), 0);
    ck_assert_int_eq(unlink("nothing"), 0);
    ck_assert_int_eq(rmdir("../gone"), 0);
    read_source("../a.conf");
    assert_problem(0, "../a.conf", 0, "relative to the current directory, which is gone");
    end_source();
}
END_TEST

Suite *suite(void)
{
    Suite *suite_of_sources = suite_create("server/config_source");

    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, scratch_begin, scratch_end);
    tcase_add_test(files, includes_begin_at_the_including_file);
    tcase_add_test(files, a_file_may_be_included_twice_but_not_in_itself);
    tcase_add_test(files, brackets_and_names_go_over_files);
    tcase_add_test(files, includes_are_ten_deep_at_most);
    tcase_add_test(files, the_number_of_files_is_bounded);
    tcase_add_test(files, what_cannot_be_read_is_named);
    tcase_add_test(files, what_one_may_not_read_is_named);
    tcase_add_test(files, a_huge_file_is_refused);
    tcase_add_test(files, an_empty_file_is_an_empty_text);
    tcase_add_test(files, paths_become_absolute);
    tcase_add_loop_test(files, a_file_knows_its_folder, 0, sizeof folders / sizeof *folders);
    tcase_add_test(files, a_folder_that_is_gone_is_named);
    suite_add_tcase(suite_of_sources, files);

    return suite_of_sources;
}
