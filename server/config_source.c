/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_source.c  Configuration files, read whole, with what they include.
 *
 * A file is opened, read and scanned; the scan calls include() for each include it meets, which does the same for that
 * file, so the open files are a chain of frames from the innermost one outwards. It is looked through by device and
 * inode, not by name, to find a file within itself.
 */
#include "server/config_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/config_scan.h"

struct reading {
    struct config_memory *memory;
    struct config_text   *text;
    struct problems      *problems;
    struct config_grammar grammar;      /* follows the words of all files: one may close what another opened */
    unsigned              files;        /* read so far */
};

/* A file that is being read, because of those outside of it. */
struct frame {
    struct reading     *reading;
    const struct frame *outer;
    struct config_file *file;
    unsigned            depth;          /* 0: named by -c */
    dev_t               device;
    ino_t               inode;
};

/* --- Paths --------------------------------------------------------------- */

static const char *without_dots(const char *path)
{
    while (path[0] == '.' && path[1] == '/') {
        path += 2;
        path += strspn(path, "/");
    }
    return path;
}

char *config_source_path(struct config_memory *memory, const char *folder, const char *path)
{
    if (path[0] == '/')
        return config_memory_text(memory, path);
    path = without_dots(path);
    return config_memory_format(memory, "%s%s%s", folder, folder[strlen(folder) - 1] == '/' ? "" : "/", path);
}

char *config_source_here(struct config_memory *memory)
{
    char *here = getcwd(NULL, 0);
    char *text = here != NULL && here[0] == '/' ? config_memory_text(memory, here) : NULL;

    free(here);
    return text;
}

/* How much of a path is its folder, the slash at the end included; 0: it has none. */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? (size_t)(slash - path) + 1 : 0;
}

/* The absolute folder that a file lies in. */
static char *folder_of(struct config_memory *memory, const char *name)
{
    size_t len = folder_length(name);
    char *folder = config_memory_text_of(memory, name, len > 1 ? len - 1 : len);

    if (folder == NULL || name[0] == '/')
        return folder;
    char *here = config_source_here(memory);
    if (here == NULL)
        return NULL;
    const char *below = without_dots(folder);
    return below[0] == '\0' || strcmp(below, ".") == 0 ? here : config_source_path(memory, here, below);
}

/* --- One file ------------------------------------------------------------ */

/* Read all of an open file, at most one byte above the bound. NULL: errno says why. */
static char *read_all(int fd, size_t *len)
{
    size_t room = CONFIG_FILE_MOST + 1;
    char *bytes = malloc(room);

    *len = 0;
    while (bytes != NULL && *len < room) {
        ssize_t n = read(fd, bytes + *len, room - *len);
        if (n == 0)
            break;
        if (n > 0) {
            *len += (size_t)n;
        } else if (errno != EINTR) {
            int failure = errno;
            free(bytes);
            errno = failure;
            return NULL;
        }
    }
    return bytes;
}

/* What is wrong with an open file, before a byte of it was read; NULL: nothing. */
static const char *what_is_wrong(const struct frame *frame, const struct stat *status)
{
    if (S_ISDIR(status->st_mode))
        return "is a folder, expected a file";
    if (!S_ISREG(status->st_mode))
        return "is no regular file, expected one";
    for (const struct frame *outer = frame->outer; outer != NULL; outer = outer->outer) {
        if (outer->device == status->st_dev && outer->inode == status->st_ino)
            return "is being included within itself, expected another file";
    }
    return NULL;
}

static bool read_file(struct reading *reading, const char *name, const struct frame *outer, struct place place);

/* What config_scan() calls for an include. */
static bool include(void *arg, const char *path, size_t len, unsigned line)
{
    const struct frame *frame = arg;
    struct reading *reading = frame->reading;
    struct place place = { frame->file->name, line };
    const char *outer_name = frame->file->name;

    if (frame->depth == CONFIG_INCLUDES_DEEP) {
        problems_add(reading->problems, place, "includes within includes, more than %d deep", CONFIG_INCLUDES_DEEP);
        return false;
    }
    char *name = path[0] == '/' ? config_memory_text_of(reading->memory, path, len)
                                : config_memory_format(reading->memory, "%.*s%.*s", (int)folder_length(outer_name), outer_name,
                                                       (int)len, path);
    return name != NULL && read_file(reading, name, frame, place);
}

static bool scan(struct frame *frame, const char *bytes, size_t len)
{
    return config_scan(&(struct config_scan){
        .file = frame->file,
        .bytes = bytes,
        .len = len,
        .out = frame->reading->text,
        .grammar = &frame->reading->grammar,
        .problems = frame->reading->problems,
        .include = include,
        .arg = frame,
    });
}

/* What to call a file in a problem at @place: named by -c, the place is the file. */
static const char *subject(const char *name, struct place place)
{
    return place.line == 0 ? "this file" : name;
}

static bool read_open_file(struct frame *frame, int fd, struct place place)
{
    struct problems *problems = frame->reading->problems;
    const char *name = subject(frame->file->name, place);
    struct stat status;
    size_t len;

    if (fstat(fd, &status) < 0) {
        problems_add(problems, place, "%s cannot be looked at: %s", name, strerror(errno));
        return false;
    }
    const char *wrong = what_is_wrong(frame, &status);
    if (wrong != NULL) {
        problems_add(problems, place, "%s %s", name, wrong);
        return false;
    }
    frame->device = status.st_dev;
    frame->inode = status.st_ino;

    char *bytes = read_all(fd, &len);
    if (bytes == NULL) {
        problems_add(problems, place, "%s cannot be read: %s", name, strerror(errno));
        return false;
    }
    bool good = len <= CONFIG_FILE_MOST;
    if (good)
        good = scan(frame, bytes, len);
    else
        problems_add(problems, place, "%s has more than %zu bytes, expected at most so many", name, CONFIG_FILE_MOST);
    free(bytes);
    return good;
}

/* Read @name, which was asked for at @place. */
static bool read_file(struct reading *reading, const char *name, const struct frame *outer, struct place place)
{
    struct frame frame = { .reading = reading, .outer = outer, .depth = outer != NULL ? outer->depth + 1 : 0 };

    if (reading->files++ == CONFIG_FILES_MOST) {
        problems_add(reading->problems, place, "%s is one file too many, expected at most %d with all includes", name,
                     CONFIG_FILES_MOST);
        return false;
    }
    if (reading->files > CONFIG_FILES_MOST)
        return false;

    frame.file = config_memory_take(reading->memory, sizeof *frame.file);
    if (frame.file == NULL)
        return false;
    frame.file->name = name;
    frame.file->folder = folder_of(reading->memory, name);
    if (frame.file->folder == NULL) {
        if (!reading->memory->failed)
            problems_add(reading->problems, place, "%s is relative to the current directory, which is gone: %s",
                         subject(name, place), strerror(errno));
        return false;
    }

    /* Without O_NONBLOCK a pipe that nobody writes to would be waited for here. */
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        problems_add(reading->problems, place, "%s cannot be opened: %s", subject(name, place), strerror(errno));
        return false;
    }
    bool good = read_open_file(&frame, fd, place);
    close(fd);
    return good;
}

/* Whether the words may end here: at the last line that has one. */
static bool end(struct reading *reading, const char *name)
{
    const struct config_text *text = reading->text;
    bool has_rest = text->len > 0 && text->bytes[text->len - 1] != '\n';
    struct config_origin origin = config_text_origin(text, text->line + has_rest);
    struct config_word word = { WORD_END, "", 0, { origin.file != NULL ? origin.file->name : name, origin.line } };

    return config_grammar_take(&reading->grammar, &word);
}

bool config_source_read(const char *name, struct config_memory *memory, struct config_text *text, struct problems *problems)
{
    struct reading reading = { .memory = memory, .text = text, .problems = problems };
    char *copy = config_memory_text(memory, name);

    if (copy == NULL)
        return false;
    config_grammar_init(&reading.grammar, problems);
    bool good = read_file(&reading, copy, NULL, (struct place){ copy, 0 }) && end(&reading, copy);
    config_grammar_fini(&reading.grammar);
    if (text->too_long)
        problems_add(problems, (struct place){ copy, 0 },
                     "this file has more than %zu bytes with all it includes, expected at most so many", CONFIG_TEXT_MOST);
    else if (text->failed)
        memory->failed = true;
    return good && !text->failed;
}
