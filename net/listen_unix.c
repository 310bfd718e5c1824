/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/listen_unix.c  Binding Unix sockets, and what becomes of their files.
 *
 * The file appears under its own name at once, with the permissions that fchmod(2) gave the socket before bind(2), less the
 * umask: never more than was asked for. What the umask took is put back afterwards. A temporary name and rename(2) would
 * do that in one step, but the socket would answer getsockname(2) with the temporary name for ever.
 *
 * Two servers that replace the same dead socket at the same moment may both succeed, and the file is the second one's;
 * the first one sees at its end that the file is not its own.
 */
#include "net/listen.h"

#include <errno.h>
#include <string.h>

#include "core/error.h"
#include "core/log.h"
#include "core/sys.h"
#include "net/listener.h"

#define PERMISSIONS ((mode_t)07777)

/* --- The file that is there ----------------------------------------------- */

static int failure(int code, const char *path, const char *why)
{
    return weir__fail_text(code, "unix:%s can't be bound: %s", path, why != NULL ? why : weir_strerror(code));
}

/* 0: nobody listens on the socket at @address. */
static int check_dead(const weir_address *address, const char *path)
{
    int fd = sys_socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return failure(fd, path, NULL);
    int code = sys_connect(fd, (const void *)&address->storage, address->len);
    weir__descriptor_close(fd);
    switch (code) {
    case 0:
    case -EAGAIN:                               /* its backlog is full */
    case -EPROTOTYPE:                           /* it is in use for datagrams */
        return failure(-EADDRINUSE, path, "somebody is listening on it");
    case -ECONNREFUSED:
    case -ENOENT:
        return 0;
    default:
        return weir__fail_text(code, "unix:%s can't be bound: whether somebody is listening on it can't be found out: %s", path,
                               weir_strerror(code));
    }
}

/* A socket in the way is removed. What fails here shows again, and better, in bind(2) (SV-15). */
static int clear_the_way(const weir_address *address, const char *path, bool refuse_live)
{
    struct stat there;

    if (sys_lstat(path, &there) < 0)
        return 0;
    if (!S_ISSOCK(there.st_mode))
        return failure(-EADDRINUSE, path, "there is a file of that name that is no socket");
    int code = refuse_live ? check_dead(address, path) : 0;
    if (code == 0) {
        int removed = sys_unlink(path);
        if (removed < 0)
            weir__log(LOG_LEVEL_WARNING, "old socket not removed path=\"%s\" error=\"%s\"", path, weir_strerror(removed));
    }
    return code;
}

/* --- Files of ours -------------------------------------------------------- */

static int note_path(struct listen_set *set, const char *path)
{
    struct stat made;
    int code = sys_lstat(path, &made);

    if (code < 0)
        return weir__fail_text(code, "unix:%s is bound and can't be found: %s", path, weir_strerror(code));
    struct listen_file *grown = sys_realloc(set->files, (set->file_count + 1) * sizeof *grown);
    if (grown == NULL)
        return weir__fail(-ENOMEM);
    set->files = grown;
    struct listen_file *file = &grown[set->file_count++];
    *file = (struct listen_file) { .device = made.st_dev, .inode = made.st_ino };
    memcpy(file->path, path, strnlen(path, UNIX_PATH_MOST));
    return 0;
}

int weir__listen_note_file(struct listen_set *set, int fd)
{
    struct sockaddr_un name = { 0 };
    socklen_t len = sizeof name - 1;            /* a path that fills it has no NUL of its own */
    int code = sys_getsockname(fd, (void *)&name, &len);

    if (code < 0)
        return weir__fail_text(code, "a Unix socket doesn't tell its name: %s", weir_strerror(code));
    if (len <= offsetof(struct sockaddr_un, sun_path) || name.sun_path[0] == '\0')
        return 0;
    return note_path(set, name.sun_path);
}

void weir__listen_remove_files(struct listen_set *set)
{
    for (size_t i = 0; i < set->file_count; i++) {
        const struct listen_file *file = &set->files[i];
        struct stat there;
        if (sys_lstat(file->path, &there) < 0 || there.st_dev != file->device || there.st_ino != file->inode)
            continue;                           /* gone, or somebody else's by now */
        int code = sys_unlink(file->path);
        if (code < 0)
            weir__log(LOG_LEVEL_WARNING, "socket not removed path=\"%s\" error=\"%s\"", file->path, weir_strerror(code));
    }
    sys_free(set->files);
    set->files = NULL;
    set->file_count = 0;
}

/* --- Binding -------------------------------------------------------------- */

/* Put back what the umask took; nothing if it took nothing. */
static int complete_mode(const char *path, mode_t mode)
{
    struct stat made;
    int code = sys_lstat(path, &made);

    if (code == 0 && (made.st_mode & PERMISSIONS) != mode)
        code = sys_chmod(path, mode);
    return code < 0 ? weir__fail_text(code, "unix:%s can't be given the mode %04o: %s", path, (unsigned)mode, weir_strerror(code))
                    : 0;
}

static int bind_path(int fd, const weir_address *address, const char *path, const struct listen_unix *how, struct listen_set *set)
{
    bool exact = how->mode != LISTEN_MODE_UMASK;
    int code = clear_the_way(address, path, how->refuse_live);

    if (code == 0 && exact) {
        code = sys_fchmod(fd, how->mode & PERMISSIONS);
        if (code < 0)
            return weir__fail_text(code, "a socket for unix:%s can't be given the mode %04o: %s", path, (unsigned)how->mode,
                                   weir_strerror(code));
    }
    if (code < 0)
        return code;
    code = sys_bind(fd, (const void *)&address->storage, address->len);
    if (code < 0)
        return failure(code, path, code == -ENOENT ? "its folder is not there" : NULL);
    if (exact)
        code = complete_mode(path, how->mode & PERMISSIONS);
    if (code == 0)
        code = note_path(set, path);
    if (code < 0)
        (void)sys_unlink(path);                 /* made a moment ago, and not to be left behind */
    return code;
}

int weir__listen_unix(const char *path, const struct listen_unix *how, size_t workers, struct listen_set *out)
{
    weir_address address;
    int code = weir__address_unix(&address, path);

    if (code < 0)
        return code;
    code = weir__listen_set_init(out, 1, workers);
    if (code < 0)
        return code;
    int fd = sys_socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    out->fds[0] = fd;
    if (fd < 0) {
        code = failure(fd, path, NULL);
    } else if (path[0] == '@') {
        code = sys_bind(fd, (const void *)&address.storage, address.len);
        if (code < 0)
            code = failure(code, path, NULL);
    } else {
        code = bind_path(fd, &address, path, how, out);
    }
    if (code < 0)
        weir__listen_set_fini(out);
    return code;
}
