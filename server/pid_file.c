/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/pid_file.c  Writing and removing the file with the process's number.
 */
#include "server/pid_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fail(const char *path, int code, char *error, size_t size)
{
    snprintf(error, size, "the pid file %s can't be written: %s", path, strerror(code));
    return -1;
}

int pid_file_write(const char *path, char *error, size_t size)
{
    char fresh[PATH_MAX], text[32];
    int len = snprintf(fresh, sizeof fresh, "%s.%d", path, (int)getpid());

    if (len < 0 || (size_t)len >= sizeof fresh)
        return fail(path, ENAMETOOLONG, error, size);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return fail(path, errno, error, size);
    len = snprintf(text, sizeof text, "%d\n", (int)getpid());
    ssize_t put = write(fd, text, (size_t)len);
    int code = put == len ? 0 : put < 0 ? errno : ENOSPC;
    if (close(fd) < 0 && code == 0)
        code = errno;
    if (code == 0 && rename(fresh, path) < 0)
        code = errno;
    if (code != 0) {
        unlink(fresh);
        return fail(path, code, error, size);
    }
    return 0;
}

void pid_file_remove(const char *path)
{
    char text[32];
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    ssize_t len = read(fd, text, sizeof text - 1);
    close(fd);
    text[len > 0 ? len : 0] = '\0';
    if (strtol(text, NULL, 10) == (long)getpid())
        unlink(path);
}
