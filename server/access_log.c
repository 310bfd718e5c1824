/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/access_log.c  What is the same in all lines of a section is made once; a line is that and its fields, joined in
 * the log's queue.
 */
#include "server/access_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/error.h>

#define PEER_MOST 128           /* the longest path of a Unix socket is 108 bytes */

struct access_log {
    struct log *log;
    int    file;
    size_t server_len;
    char   server[];            /* " server=NAME ", between the message and the fields */
};

int access_log_open(struct log *log, const char *server, const char *destination, enum log_format format,
                    struct access_log **out, char *error, size_t size)
{
    const char *path = strcmp(destination, "stderr") == 0 ? NULL : destination;
    size_t room = LOG_QUOTE_SIZE(strlen(server)) + sizeof " server= ";
    struct access_log *access = malloc(sizeof *access + 2 * room);

    if (access == NULL) {
        snprintf(error, size, "cannot open access log %s: %s", destination, weir_strerror(-ENOMEM));
        return -ENOMEM;
    }
    int code = log_add_file(log, path, format, error, size);
    if (code < 0) {
        free(access);
        return code;
    }
    char *name = access->server + room;         /* the second half is used for this only */
    int len = snprintf(access->server, room, " server=%s ", log_value(name, room, server, strlen(server)));
    access->server_len = (size_t)len;
    access->log = log;
    access->file = code;
    *out = access;
    return 0;
}

void access_log_free(struct access_log *access)
{
    free(access);
}

static void post(struct access_log *access, const char *message, const char *fields, size_t len)
{
    struct iovec text[] = {
        { (void *)message, strlen(message) }, { access->server, access->server_len }, { (void *)fields, len },
    };

    log_post(access->log, access->file, LOG_AT_INFO, text, 3);
}

size_t access_log_format(char *out, size_t size, const struct access_connection *connection)
{
    const char *name = connection->peer != NULL ? connection->peer : "unknown";
    const char *text = connection->result < 0 ? weir_strerror(connection->result) : "ok";
    char peer[LOG_QUOTE_SIZE(PEER_MOST)], result[128];

    int len = snprintf(out, size, "peer=%s seconds=%.3f bytes_in=%" PRIu64 " bytes_out=%" PRIu64 " result=%s",
                       log_value(peer, sizeof peer, name, strlen(name)), connection->seconds, connection->bytes_in,
                       connection->bytes_out, log_value(result, sizeof result, text, strlen(text)));
    return len < 0 ? 0 : (size_t)len < size ? (size_t)len : size - 1;
}

void access_log_connection(struct access_log *access, const struct access_connection *connection)
{
    char fields[ACCESS_LINE_MOST];
    size_t len = access_log_format(fields, sizeof fields, connection);

    post(access, "connection", fields, len);
}

void access_log_fields(struct access_log *access, const char *fields, size_t len)
{
    post(access, "request", fields, len);
}
