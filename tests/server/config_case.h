/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/server/config_case.h  A configuration, loaded from texts, and what was said about it.
 *
 * Files go to the scratch folder (lib/scratch.h), which has to be the current directory.
 */
#ifndef WEIR_TESTS_CONFIG_CASE_H
#define WEIR_TESTS_CONFIG_CASE_H

#include "server/config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/scratch.h"

/* A server that is complete: what a test is not about. */
#define A_SERVER "servers = ( { name = \"echo\"; handler = \"echo\"; listen = \"*:7000\"; } );\n"

/* A file of conf/, which is found from where this one was compiled. */
static inline const char *case_shipped(const char *name)
{
    static char path[4096];
    const char *below = strstr(__FILE__, "tests/server/config_case.h");

    ck_assert_ptr_nonnull(below);
    snprintf(path, sizeof path, "%.*sconf/%s", (int)(below - __FILE__), __FILE__, name);
    return path;
}

struct config_case {
    struct config *config;      /* NULL: it was refused */
    int            code;
    char          *said;        /* the problems, a line for each */
    size_t         count;       /* how many */
};

static inline struct config_case case_from(const struct config_sources *sources)
{
    struct config_case loaded = { NULL, 0, NULL, 0 };
    struct problems problems = { 0 };
    size_t size;

    loaded.code = config_load(&loaded.config, sources, &problems);
    loaded.count = problems_count(&problems);
    FILE *to = open_memstream(&loaded.said, &size);
    ck_assert_ptr_nonnull(to);
    problems_print(&problems, to);
    fclose(to);
    problems_fini(&problems);
    return loaded;
}

/* One file, and settings; each may be NULL. */
static inline struct config_case case_of(const char *file, const char *one_setting, const char *other_setting)
{
    const char *settings[] = { one_setting, other_setting };
    size_t setting_count = one_setting == NULL ? 0 : other_setting == NULL ? 1 : 2;

    return case_from(&(struct config_sources){ &file, file != NULL, settings, setting_count, 0 });
}

/* A file "a.conf" of this text. */
static inline struct config_case case_text(const char *text)
{
    scratch_write("a.conf", text);
    return case_of("a.conf", NULL, NULL);
}

/* The same, and a setting. */
static inline struct config_case case_set(const char *text, const char *setting)
{
    scratch_write("a.conf", text);
    return case_of("a.conf", setting, NULL);
}

/* Not inlined, because gcc 12 then takes open_memstream()'s pointer for one to its own local variable. */
__attribute__((noinline, unused)) static char *case_printed(const struct config *config)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);

    ck_assert_ptr_nonnull(to);
    config_print(config, to);
    fclose(to);
    return text;
}

static inline void case_end(struct config_case *loaded)
{
    config_free(loaded->config);
    free(loaded->said);
}

/* It was accepted. */
static inline void case_good(const struct config_case *loaded)
{
    ck_assert_msg(loaded->code == 0 && loaded->count == 0 && loaded->config != NULL, "code %d: %s", loaded->code, loaded->said);
}

/* It was refused with exactly one problem, which begins so and has these words. */
static inline void case_refused(const struct config_case *loaded, const char *begins, const char *has)
{
    ck_assert_msg(loaded->config == NULL && loaded->code != 0, "accepted, expected \"%s ... %s\"", begins, has);
    ck_assert_msg(loaded->count == 1, "expected one problem, \"%s ... %s\": %s", begins, has, loaded->said);
    ck_assert_msg(strncmp(loaded->said, begins, strlen(begins)) == 0, "expected \"%s\": %s", begins, loaded->said);
    ck_assert_msg(strstr(loaded->said, has) != NULL, "expected \"%s\": %s", has, loaded->said);
}

#endif
