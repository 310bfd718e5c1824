/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/access_log.h  One line for what a server section did: for each connection that ended, or for each request, if the
 * section's plugin writes these itself.
 *
 *      connection server=web peer=127.0.0.1:41874 seconds=0.013 bytes_in=78 bytes_out=231 result=ok
 *      request server=web peer=127.0.0.1:41874 request="GET / HTTP/1.1" status=200 bytes=13 seconds=0.001
 *
 * The lines take the way of server/log.h: never waiting, dropped and counted when the disk does not keep up. They are
 * neither limited as repeated nor filtered by level.
 */
#ifndef WEIR_SERVER_ACCESS_LOG_H
#define WEIR_SERVER_ACCESS_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "server/log.h"

#define ACCESS_LINE_MOST 1024

struct access_connection {
    const char *peer;           /* as weir_address_format() has it; any bytes. NULL: not known */
    double      seconds;        /* from accept to the end */
    uint64_t    bytes_in, bytes_out;
    int         result;         /* what the connection ended with: 0 or more, or a negative code */
};

struct access_log;

/*
 * The access log of section @server. Sections with one destination share the file, and so does the log itself.
 *
 * destination  "stderr", or a path
 * returns      0, or a negative code with a sentence in @error
 */
int access_log_open(struct log *log, const char *server, const char *destination, enum log_format format,
                    struct access_log **out, char *error, size_t size);

/* The file stays the log's; lines that were posted are written. NULL is fine. */
void access_log_free(struct access_log *access);

/* A connection ended. From any thread. */
void access_log_connection(struct access_log *access, const struct access_connection *connection);

/* A line of the plugin's: @fields "key=value key=\"va lue\"", in which what came from the network is quoted. From any
 * thread. */
void access_log_fields(struct access_log *access, const char *fields, size_t len);

/* The fields of a connection's line, in @out with a NUL; cut where @size ends. Returns the length. */
size_t access_log_format(char *out, size_t size, const struct access_connection *connection);

#endif
