/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/http/respond.c  Putting a head together, by memcpy: printf would cost more than all the rest of an answer.
 */
#include "plugins/http/respond.h"

#include <assert.h>
#include <string.h>

static const struct {
    uint16_t status;
    const char *text;           /* with a newline: the body too */
} reasons[] = {
    { 200, "200 OK\n" },
    { 301, "301 Moved Permanently\n" },
    { 304, "304 Not Modified\n" },
    { 400, "400 Bad Request\n" },
    { 403, "403 Forbidden\n" },
    { 404, "404 Not Found\n" },
    { 405, "405 Method Not Allowed\n" },
    { 408, "408 Request Timeout\n" },
    { 413, "413 Content Too Large\n" },
    { 414, "414 URI Too Long\n" },
    { 417, "417 Expectation Failed\n" },
    { 431, "431 Request Header Fields Too Large\n" },
    { 500, "500 Internal Server Error\n" },
    { 501, "501 Not Implemented\n" },
    { 503, "503 Service Unavailable\n" },
    { 505, "505 HTTP Version Not Supported\n" },
};

weir_bytes respond_reason(unsigned status)
{
    size_t i = 0, count = sizeof reasons / sizeof reasons[0];

    while (i < count && reasons[i].status != status)
        i++;
    assert(i < count);
    return weir_bytes_of(reasons[i < count ? i : 12].text);
}

static void put(struct head *head, const char *text, size_t len)
{
    assert(head->len + len <= sizeof head->text);
    memcpy(head->text + head->len, text, len);
    head->len += len;
}

#define PUT(head, literal) put(head, literal, sizeof(literal) - 1)

static void put_number(struct head *head, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    put(head, digits + at, sizeof digits - at);
}

static void put_date(struct head *head, int64_t seconds)
{
    char text[DATE_LENGTH];

    date_format(text, seconds);
    put(head, text, sizeof text);
}

void respond_head(struct head *head, const struct worker *worker, const struct answer *answer, enum said_connection connection)
{
    weir_bytes reason = respond_reason(answer->status), server = worker->settings->server;

    head->len = 0;
    PUT(head, "HTTP/1.1 ");
    put(head, reason.data, reason.len - 1);
    if (server.len > 0) {
        PUT(head, "\r\nServer: ");
        put(head, server.data, server.len);
    }
    PUT(head, "\r\nDate: ");
    head->date_at = head->len;
    put(head, worker->date, DATE_LENGTH);
    if (answer->modified != NEVER) {
        PUT(head, "\r\nLast-Modified: ");
        put_date(head, answer->modified);
    }
    if (answer->allow)
        PUT(head, "\r\nAllow: GET, HEAD");
    if (connection == CONNECTION_CLOSE)
        PUT(head, "\r\nConnection: close");
    else if (connection == CONNECTION_KEEP_ALIVE)
        PUT(head, "\r\nConnection: keep-alive");
    if (answer->type.len > 0) {
        PUT(head, "\r\nContent-Type: ");
        put(head, answer->type.data, answer->type.len);
        PUT(head, "\r\nContent-Length: ");
        put_number(head, answer->length);
    }
    PUT(head, "\r\n");
    if (!answer->open)
        PUT(head, "\r\n");
}
