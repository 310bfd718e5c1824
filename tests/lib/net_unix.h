/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/lib/net_unix.h  Unix sockets for tests: a folder of the test's own, and raw callers.
 */
#ifndef WEIR_TESTS_NET_UNIX_H
#define WEIR_TESTS_NET_UNIX_H

/* A checked fixture: make the folder, and at the end remove it, which fails the test when a file is still in it. */
void net_unix_folder(void);
void net_unix_remove_folder(void);

/* A path in the folder; the last four stay valid. */
const char *net_unix_path(const char *name);

/* A raw, non-blocking caller of a path or an abstract @name: its descriptor, or the negative code of connect(2). */
int net_unix_connect(const char *path);

#endif
