/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/listen.h  Where listening sockets come from: every one of a process is bound here.
 *
 * Needs no loop and no task: what is bound here may be bound by the main thread, before there are workers, and listened on
 * by a server later (weir__server_new_bound).
 */
#ifndef WEIR_NET_LISTEN_H
#define WEIR_NET_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <weir/server.h>

#include "core/export.h"
#include "net/address.h"

#define UNIX_PATH_MOST (sizeof((struct sockaddr_un *)0)->sun_path - 1)  /* 107 bytes */
#define LISTEN_MODE_UMASK ((mode_t)-1)

/* The file of a Unix socket, removed with it if it is still this one. */
struct listen_file {
    char  path[UNIX_PATH_MOST + 1];
    dev_t device;
    ino_t inode;
};

/*
 * Bound sockets: fds[address * workers + worker]. A row of one address holds either a socket for each worker, or one
 * for all of them, in its first place, and -1 in the others.
 */
struct listen_set {
    size_t addresses, workers;
    int *fds;
    struct listen_file *files;  /* of the Unix sockets among them; who wants them to stay sets file_count to 0 */
    size_t file_count;
};

/*
 * Bind every address of @list for @workers workers. Nobody listens yet.
 *
 * The first socket of an address is bound without SO_REUSEPORT, so that a second process gets -EADDRINUSE, and sets it
 * afterwards; its siblings bind with it. Port 0 becomes one port for all workers of an address. With opts->balance even,
 * an address gets one socket for all workers. An address of a family the kernel lacks, or that is not here
 * (-EADDRNOTAVAIL), is skipped; when all are, its code is returned. On failure nothing stays open, and the text names the
 * address.
 */
FOR_PROGRAM int weir__listen_bind(const struct address_list *list, size_t workers, const weir_server_options *opts,
                      struct listen_set *out);

/* What weir__listen_unix does about the file. */
struct listen_unix {
    mode_t mode;                /* its permissions, exactly; or LISTEN_MODE_UMASK: what bind(2) leaves */
    bool   refuse_live;         /* a socket that somebody listens on is -EADDRINUSE; false: it is replaced (SV-15) */
};

/*
 * Bind one Unix socket for all of @workers, at a path or an abstract "@name". Nobody listens yet. (listen_unix.c)
 *
 * A socket that is at @path already is replaced; any other file stays, and is -EADDRINUSE. At no moment has the file more
 * permissions than @how->mode says. -ENAMETOOLONG above UNIX_PATH_MOST bytes; -ENOENT: no such folder.
 */
FOR_PROGRAM int weir__listen_unix(const char *path, const struct listen_unix *how, size_t workers, struct listen_set *out);

/* Take an open descriptor over, bound or listening already: one socket for all of @workers. */
int weir__listen_adopt(int fd, size_t workers, const weir_server_options *opts, struct listen_set *out);

/* Note that the bound Unix socket @fd, the set's, has a file, and which. Nothing for an abstract name. */
int weir__listen_note_file(struct listen_set *set, int fd);

/* Room for @addresses rows without sockets; -ENOMEM. */
int weir__listen_set_init(struct listen_set *set, size_t addresses, size_t workers);

/* Move everything of @from, made for as many workers, behind what is in @to. 0 or -ENOMEM, and then both are as before. */
FOR_PROGRAM int weir__listen_set_append(struct listen_set *to, struct listen_set *from);

/* Remove the files that are still those of the sockets, once. */
void weir__listen_remove_files(struct listen_set *set);

/* Remove the files, close what nobody took (set to -1 by whoever took it), and free the list. */
FOR_PROGRAM void weir__listen_set_fini(struct listen_set *set);

#endif
