/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/http/file.c  Which answer a file is, and sending it.
 *
 * A file of up to SMALL_MOST is read and written together with its head: one read from the kernel's memory and one send, where
 * sendfile would need looks at what is in memory, a send of the head, a call of its own and a wait between them. Of a larger
 * one only the beginning goes that way, so that a file which can't be read is found out before the head promises it, and the
 * head leaves in a full packet; the rest goes by sendfile, which copies nothing, holds nothing, and does not wait for a disk
 * on the loop's thread.
 *
 * The path is looked up below the folder's descriptor with RESOLVE_BENEATH: the kernel refuses every step out of it, links
 * included, at the moment of opening, so there is nothing that could change between a check and its use.
 */
#include "plugins/http/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "plugins/http/disk.h"
#include "plugins/http/mime.h"

#define SMALL_MOST ((uint64_t)65536)    /* as much as waits for a peer before drain does */
#define FIRST_PART ((size_t)16384)      /* of a larger one */

int file_check_kernel(int root)
{
    struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
    long fd = syscall(SYS_openat2, root, ".", &how, sizeof how);

    if (fd < 0)
        return -errno;
    close((int)fd);
    return 0;
}

static unsigned status_of(int code)
{
    switch (code) {
    case -ENOENT:
    case -ENOTDIR:
    case -ENAMETOOLONG:
    case -ELOOP:
    case -EXDEV:                                /* out of the folder: not there, as seen from here */
    case -ENXIO:                                /* a FIFO, a socket, a device: */
    case -ENODEV:
        return 404;
    case -EACCES:
    case -EPERM:
        return 403;
    case -EMFILE:
    case -ENFILE:
    case -ENOMEM:
    case -EAGAIN:
        return 503;
    default:
        return 500;
    }
}

/* --- Folders -------------------------------------------------------------- */

/* A folder's name without its slash: links in its index would lead beside it. The target's query goes along. */
static int answer_redirect(struct connection *c, weir_bytes path)
{
    static const char before[] = "Location: /", after[] = "/", end[] = "\r\n\r\n";
    weir_bytes target = { c->view.data + c->start + c->request.target.at, c->request.target.len };
    const char *query = memchr(target.data, '?', target.len);
    size_t query_len = query == NULL ? 0 : (size_t)(target.data + target.len - query);
    char *text = malloc(sizeof before + 3 * path.len + sizeof after + query_len + sizeof end);

    if (text == NULL)
        return connection_answer_status(c, 503);
    size_t len = sizeof before - 1;
    memcpy(text, before, len);
    len += path_escape(path.data, path.len, text + len);
    memcpy(text + len, after, sizeof after - 1);
    len += sizeof after - 1;
    if (query_len > 0)
        memcpy(text + len, query, query_len);
    len += query_len;
    memcpy(text + len, end, sizeof end - 1);
    len += sizeof end - 1;

    weir_bytes reason = respond_reason(301);
    struct answer answer = {
        .status = 301, .type = { "text/plain; charset=utf-8", 25 }, .length = reason.len, .modified = NEVER, .open = true,
    };
    int code = connection_write(c, &answer, (weir_bytes) { text, len }, reason);
    free(text);
    return code;
}

/* --- Files ---------------------------------------------------------------- */

static bool is_unchanged(const struct connection *c, int64_t modified)
{
    const struct request *r = &c->request;
    int64_t since;

    return r->since.len > 0 && !r->conditional && date_parse(c->view.data + c->start + r->since.at, r->since.len, &since) &&
           modified <= since;
}

/* What is behind the first part. A length was promised: a file that has become shorter, or can't be read further, ends the
 * connection, which is how the peer learns of it. */
static int send_rest(struct connection *c, struct disk_file *file, uint64_t left)
{
    if (left == 0)
        return 0;
    int64_t sent = connection_wait_sendfile(c, disk_descriptor(file), disk_position(file), left);
    if (sent < 0 && (weir_writer_is_closing(c->writer) || sent == -ECANCELED || sent == -ETIMEDOUT))
        return (int)sent;
    if (sent < 0) {
        weir_log(1, "a file can't be read any further error=\"%s\"", weir_strerror((int)sent));
        return -EPIPE;
    }
    if ((uint64_t)sent == left)
        return 0;
    weir_log(1, "a file became shorter while it was sent left=%llu", (unsigned long long)(left - (uint64_t)sent));
    return -EPIPE;
}

static int send_file(struct connection *c, struct disk_file *file, const struct answer *answer, bool *gone)
{
    static const weir_bytes nothing = { "", 0 };
    weir_bytes first = nothing;

    if (answer->length > 0 && !connection_is_head(c)) {
        /* Before the head: a file that can't be read gets an answer that says so. */
        ssize_t n = disk_wait_read(file, answer->length > SMALL_MOST ? FIRST_PART : (size_t)answer->length, &first, gone);
        if (n < 0)
            return *gone ? (int)n : connection_answer_status(c, status_of((int)n));
        if (n == 0)
            return connection_answer_status(c, 500);
    }
    int code = connection_write(c, answer, nothing, first);
    if (code < 0 || connection_is_head(c))
        return code;
    return send_rest(c, file, answer->length - first.len);
}

/* What was opened, as an answer. @as_folder: it is a folder's index. */
static int answer_opened(struct connection *c, struct disk_file *file, const struct disk_facts *facts, bool as_folder, bool *gone)
{
    weir_bytes path = disk_path(file);

    if (facts->is_folder && !as_folder)
        return answer_redirect(c, path);
    if (!facts->is_regular)
        return connection_answer_status(c, 404);
    if (is_unchanged(c, facts->modified)) {
        struct answer answer = { .status = 304, .modified = facts->modified };
        return connection_write(c, &answer, (weir_bytes) { "", 0 }, (weir_bytes) { "", 0 });
    }
    struct answer answer = {
        .status = 200, .type = weir_bytes_of(mime_type(path.data, path.len)), .length = facts->size, .modified = facts->modified,
    };
    return send_file(c, file, &answer, gone);
}

int file_answer(struct connection *c, weir_bytes path)
{
    const struct settings *settings = c->worker->settings;
    bool is_folder = path.len == 0 || path.data[path.len - 1] == '/';
    weir_bytes more = { settings->index, is_folder ? strlen(settings->index) : 0 };
    struct disk_file *file = disk_new(settings->root, path, more);
    struct disk_facts facts;
    bool gone;

    if (file == NULL)
        return connection_answer_status(c, 503);
    int code = disk_wait_open(file, &facts, &gone);
    if (gone)
        return code;
    if (code < 0)
        code = connection_answer_status(c, status_of(code));
    else
        code = answer_opened(c, file, &facts, is_folder, &gone);
    if (!gone)
        disk_free(file);
    return code;
}
