/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/privileges.h  Becoming another user, and asking for as many descriptors as are allowed.
 */
#ifndef WEIR_SERVER_PRIVILEGES_H
#define WEIR_SERVER_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct privileges {
    const char *user;           /* whose groups to join; NULL: the group alone */
    uid_t uid;
    gid_t gid;
    bool change_uid, change_gid;
};

/* Look @user and @group up, names or numbers; each NULL or "": none. @user's string has to stay valid. 0, or -1 and a
 * sentence in @error that says which does not exist or can't be changed to; *wrong_group tells which of the two. */
int privileges_find(const char *user, const char *group, struct privileges *out, bool *wrong_group, char *error, size_t size);

/* Change to them, for good. 0, or -1 and a sentence in @error; then some of it may have been done, so the process ends. */
int privileges_take(const struct privileges *privileges, char *error, size_t size);

/* Raise the soft limit of descriptors to the hard one. Returns the limit that holds now. */
size_t privileges_raise_descriptors(void);

#endif
