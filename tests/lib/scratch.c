/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/scratch.c  A folder for a test's files.
 */
#include "lib/scratch.h"

#include <check.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_MOST 16            /* descriptors that the walk may use */

static char folder[PATH_MAX];

void scratch_begin(void)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(folder, sizeof folder, "%s/weir-test-XXXXXX", tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
    ck_assert_ptr_nonnull(getcwd(folder, sizeof folder));
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

void scratch_end(void)
{
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(nftw(folder, remove_one, OPEN_MOST, FTW_DEPTH | FTW_PHYS), 0);
}

const char *scratch_folder(void)
{
    return folder;
}

void scratch_write_bytes(const char *name, const void *bytes, size_t len)
{
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s", name);
    for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);              /* it may be there */
        *slash = '/';
    }
    FILE *file = fopen(name, "w");
    ck_assert_msg(file != NULL, "%s", name);
    ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
    ck_assert_int_eq(fclose(file), 0);
}

void scratch_write(const char *name, const char *text)
{
    scratch_write_bytes(name, text, strlen(text));
}
