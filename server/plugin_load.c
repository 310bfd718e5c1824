/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/plugin_load.c  Loading a plugin: a private copy, mapped for good, whose table says that it fits.
 *
 * A file that is replaced in place while it is mapped changes under the running code, so a copy is mapped: an anonymous
 * file in memory, reached as /proc/PID/fd/N, which a debugger can open too (perf and valgrind can't: in_place is for
 * them). Its descriptor stays open: the dynamic linker knows objects by their name, and the next one with this number would
 * be taken for this one. Where there is no /proc, or such files must not be executed, the copy is a temporary file that is
 * unlinked at once.
 */
#include "server/plugin_load.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_PIECE ((size_t)65536)

/* Up to here a table is of use: it has a handler. */
#define TABLE_LEAST (offsetof(weir_plugin, client_connected) + sizeof(((weir_plugin *)NULL)->client_connected))

/* --- Where plugins are ---------------------------------------------------- */

const char *plugin_default_dir(char *out, size_t size)
{
    char program[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);

    program[len < 0 ? 0 : len] = '\0';
    char *slash = strrchr(program, '/');
    if (slash == NULL) {
        snprintf(out, size, "%s", WEIR_PLUGIN_DIR);
        return out;
    }
    *slash = '\0';
    /* A tree that was installed and moved keeps the way from one folder to the other. */
    snprintf(out, size, "%s/%s", program, WEIR_PLUGIN_DIR_FROM_BIN);
    if (access(out, F_OK) < 0) {
        snprintf(out, size, "%s/plugins", program);
        if (access(out, F_OK) < 0)
            snprintf(out, size, "%s", WEIR_PLUGIN_DIR);
    }
    return out;
}

/* --- The copy ------------------------------------------------------------- */

static int copy_all(int from, int to)
{
    static char piece[COPY_PIECE];              /* the main thread's alone, before anything runs */
    ssize_t got;

    while ((got = read(from, piece, sizeof piece)) > 0) {
        for (ssize_t at = 0, put; at < got; at += put) {
            put = write(to, piece + at, (size_t)(got - at));
            if (put < 0)
                return -errno;
        }
    }
    return got < 0 ? -errno : 0;
}

static void *open_copy(int file, const char *base)
{
    char path[64];
    int copy = memfd_create(base, MFD_CLOEXEC);

    if (copy < 0)
        return NULL;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), copy);
    void *handle = copy_all(file, copy) == 0 ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (handle == NULL)
        close(copy);
    return handle;
}

static void *open_temporary(int file)
{
    const char *folder = getenv("TMPDIR");
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/weir-plugin-XXXXXX", folder != NULL && folder[0] == '/' ? folder : "/tmp");
    int copy = mkostemp(path, O_CLOEXEC);
    if (copy < 0)
        return NULL;
    void *handle = lseek(file, 0, SEEK_SET) == 0 && copy_all(file, copy) == 0 ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    unlink(path);
    close(copy);
    return handle;
}

/* --- Does it fit ---------------------------------------------------------- */

__attribute__((format(printf, 3, 4)))
static void *refuse(char *error, size_t size, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(error, size, fmt, args);
    va_end(args);
    return NULL;
}

static struct plugin *take_table(const weir_plugin *entry, const char *path, char *error, size_t size)
{
    if (entry->abi >> 16 != WEIR_PLUGIN_ABI >> 16)
        return refuse(error, size, "%s is made for plugin ABI %u.%u, this weir has %u.%u: compile it with its headers", path,
                      entry->abi >> 16, entry->abi & 0xffff, WEIR_PLUGIN_ABI >> 16, WEIR_PLUGIN_ABI & 0xffff);
    if (entry->size < TABLE_LEAST)
        return refuse(error, size, "%s says that its weir_plugin_entry has %u bytes, expected sizeof(weir_plugin), which is %zu",
                      path, entry->size, sizeof *entry);

    struct plugin *plugin = calloc(1, sizeof *plugin);
    char *copy = strdup(path);
    if (plugin == NULL || copy == NULL) {
        free(plugin);
        free(copy);
        return refuse(error, size, "%s: no memory", path);
    }
    memcpy(&plugin->table, entry, entry->size < sizeof *entry ? entry->size : sizeof *entry);
    plugin->path = copy;
    if (plugin->table.name == NULL)
        plugin->table.name = strrchr(copy, '/') + 1;
    if (plugin->table.client_connected == NULL) {
        free(plugin);
        refuse(error, size, "%s has no client_connected in its weir_plugin_entry", path);
        free(copy);
        return NULL;
    }
    return plugin;
}

/* What dlopen said, without the name of the copy in front of it. */
static const char *linker_says(void)
{
    const char *text = dlerror();

    if (text == NULL)
        return "it can't be copied to where it could be mapped";
    const char *colon = text[0] == '/' ? strstr(text, ": ") : NULL;
    return colon != NULL ? colon + 2 : text;
}

static void *open_object(int file, const char *path, bool in_place)
{
    if (in_place)
        return dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *handle = open_copy(file, strrchr(path, '/') + 1);
    return handle != NULL ? handle : open_temporary(file);      /* for want of /proc, or since such files are not executed here? */
}

static struct plugin *load_file(int file, const char *path, bool in_place, char *error, size_t size)
{
    struct stat stat;

    if (fstat(file, &stat) < 0 || !S_ISREG(stat.st_mode))
        return refuse(error, size, "%s is %s, expected a shared object", path, S_ISDIR(stat.st_mode) ? "a folder" : "no file");
    void *handle = open_object(file, path, in_place);
    if (handle == NULL)
        return refuse(error, size, "%s is no plugin that can be loaded: %s", path, linker_says());
    const weir_plugin *entry = dlsym(handle, "weir_plugin_entry");
    if (entry == NULL)
        return refuse(error, size, "%s is a shared object but no plugin: it does not define weir_plugin_entry", path);
    return take_table(entry, path, error, size);
}

/* --- The list ------------------------------------------------------------- */

static struct plugin *load_new(struct plugins *plugins, const char *name, const char *wanted, char *error, size_t size)
{
    char path[PATH_MAX];

    if (realpath(wanted, path) == NULL)
        return refuse(error, size, "there is no plugin \"%s\": %s: %s", name, wanted, strerror(errno));
    for (struct plugin *plugin = plugins->first; plugin != NULL; plugin = plugin->next) {
        if (strcmp(plugin->path, path) == 0)
            return plugin;
    }
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return refuse(error, size, "the plugin \"%s\" can't be read: %s: %s", name, path, strerror(errno));
    struct plugin *plugin = load_file(file, path, plugins->in_place, error, size);
    close(file);
    if (plugin != NULL) {
        plugin->next = plugins->first;
        plugins->first = plugin;
    }
    return plugin;
}

const struct plugin *plugin_load(struct plugins *plugins, const char *name, const char *dir, char *error, size_t size)
{
    char path[PATH_MAX];
    int len = strchr(name, '/') != NULL ? snprintf(path, sizeof path, "%s", name)
                                        : snprintf(path, sizeof path, "%s/%s.so", dir, name);

    if (len < 0 || (size_t)len >= sizeof path)
        return refuse(error, size, "the path of the plugin \"%.64s...\" is longer than %d bytes", name, PATH_MAX - 1);
    return load_new(plugins, name, path, error, size);
}

void plugins_fini(struct plugins *plugins)
{
    while (plugins->first != NULL) {
        struct plugin *plugin = plugins->first;
        plugins->first = plugin->next;
        free(plugin->path);
        free(plugin);
    }
}
