/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/net_unix.c  The folder, and connecting.
 */
#include "lib/net_unix.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <check.h>

static char folder[64];

void net_unix_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/weir-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

void net_unix_remove_folder(void)
{
    ck_assert_int_eq(rmdir(folder), 0);
}

const char *net_unix_path(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

int net_unix_connect(const char *path)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    size_t len = strlen(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    ck_assert_uint_lt(len, sizeof name.sun_path);
    memcpy(name.sun_path, path, len);
    if (path[0] == '@')
        name.sun_path[0] = '\0';
    if (connect(fd, (void *)&name, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (path[0] != '@'))) == 0)
        return fd;
    int code = -errno;
    close(fd);
    return code;
}
