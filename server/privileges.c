/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/privileges.c  Becoming another user: groups first, the user last, since after that nothing can be changed.
 *
 * Done when every socket is bound and every log open, and before a plugin is loaded: no plugin's code runs as root.
 */
#include "server/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define ENTRY_MOST ((size_t)1024 * 1024)        /* bytes of one entry of the user or group database */

__attribute__((format(printf, 3, 4)))
static int fail(char *error, size_t size, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(error, size, fmt, args);
    va_end(args);
    return -1;
}

/* --- Looking up ----------------------------------------------------------- */

/* 1 found, 0 not there, negative: -errno of the database. */
static int find_user(const char *name, uid_t *uid, gid_t *gid)
{
    struct passwd entry, *found = NULL;
    int code = ERANGE;

    for (size_t size = 1024; code == ERANGE && size <= ENTRY_MOST; size *= 4) {
        char *text = malloc(size);
        if (text == NULL)
            return -ENOMEM;
        code = getpwnam_r(name, &entry, text, size, &found);
        free(text);
    }
    if (found == NULL)
        return code == 0 || code == ENOENT || code == ESRCH ? 0 : -code;
    *uid = entry.pw_uid;                        /* numbers lie in the entry, not in the text */
    *gid = entry.pw_gid;
    return 1;
}

static int find_group(const char *name, gid_t *gid)
{
    struct group entry, *found = NULL;
    int code = ERANGE;

    for (size_t size = 1024; code == ERANGE && size <= ENTRY_MOST; size *= 4) {
        char *text = malloc(size);
        if (text == NULL)
            return -ENOMEM;
        code = getgrnam_r(name, &entry, text, size, &found);
        free(text);
    }
    if (found == NULL)
        return code == 0 || code == ENOENT || code == ESRCH ? 0 : -code;
    *gid = entry.gr_gid;
    return 1;
}

static bool is_named(const char *name)
{
    return name != NULL && name[0] != '\0';
}

/* A number for which there is no entry, as containers have them. */
static bool is_number(const char *name, unsigned *out)
{
    char *end;

    errno = 0;
    unsigned long number = strtoul(name, &end, 10);
    if (name[0] < '0' || name[0] > '9' || *end != '\0' || errno != 0 || number >= (uid_t)-1)
        return false;
    *out = (unsigned)number;
    return true;
}

static int choose_user(const char *user, struct privileges *out, char *error, size_t size)
{
    unsigned number = 0;
    int found = find_user(user, &out->uid, &out->gid);

    if (found > 0) {
        out->user = user;
        out->change_gid = true;
    } else if (found == 0 && is_number(user, &number)) {
        out->uid = number;                      /* without an entry it brings no group */
    } else {
        return fail(error, size, "there is no user \"%s\"%s%s", user, found < 0 ? ": " : "", found < 0 ? strerror(-found) : "");
    }
    out->change_uid = true;
    return 0;
}

static int choose_group(const char *group, struct privileges *out, char *error, size_t size)
{
    unsigned number = 0;
    int found = find_group(group, &out->gid);

    if (found == 0 && is_number(group, &number)) {
        out->gid = number;
        found = 1;
    }
    if (found <= 0)
        return fail(error, size, "there is no group \"%s\"%s%s", group, found < 0 ? ": " : "", found < 0 ? strerror(-found) : "");
    out->change_gid = true;
    return 0;
}

int privileges_find(const char *user, const char *group, struct privileges *out, bool *wrong_group, char *error, size_t size)
{
    *out = (struct privileges) { .uid = geteuid(), .gid = getegid() };
    *wrong_group = false;
    if (is_named(user) && choose_user(user, out, error, size) < 0)
        return -1;
    if (is_named(group) && choose_group(group, out, error, size) < 0) {
        *wrong_group = true;
        return -1;
    }
    if (geteuid() == 0 || (out->uid == geteuid() && out->gid == getegid()))
        return 0;
    *wrong_group = out->uid == geteuid();
    return fail(error, size, "only root can change to %s \"%s\", and this process runs as user %u", *wrong_group ? "group" : "user",
                *wrong_group ? group : user, (unsigned)geteuid());
}

/* --- Changing ------------------------------------------------------------- */

static int take_groups(const struct privileges *privileges, char *error, size_t size)
{
    if ((privileges->user != NULL ? initgroups(privileges->user, privileges->gid) : setgroups(1, &privileges->gid)) < 0)
        return fail(error, size, "the groups can't be changed: %s", strerror(errno));
    if (setresgid(privileges->gid, privileges->gid, privileges->gid) < 0)
        return fail(error, size, "group %u can't be changed to: %s", (unsigned)privileges->gid, strerror(errno));
    return 0;
}

int privileges_take(const struct privileges *privileges, char *error, size_t size)
{
    if (geteuid() != 0)
        return 0;                               /* privileges_find has seen that we are who was asked for */
    if ((privileges->change_gid || privileges->change_uid) && take_groups(privileges, error, size) < 0)
        return -1;                              /* a user without a group of its own keeps the group, and loses the others */
    if (!privileges->change_uid)
        return 0;
    if (setresuid(privileges->uid, privileges->uid, privileges->uid) < 0)
        return fail(error, size, "user %u can't be changed to: %s", (unsigned)privileges->uid, strerror(errno));
    if (privileges->uid != 0 && setuid(0) == 0)
        return fail(error, size, "user %u could become root again", (unsigned)privileges->uid);
    return 0;
}

size_t privileges_raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (before != limit.rlim_max && setrlimit(RLIMIT_NOFILE, &limit) < 0)
        return (size_t)before;                  /* more than the kernel's own bound: what there is has to do */
    return (size_t)limit.rlim_cur;
}
