/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/http_reply.h  Whether the bytes of a connection are the answers that were asked for.
 *
 * Bytes come in pieces of any size. Each answer has to be a 200 of HTTP/1.1 that says how long its body is, leaves the
 * connection open, and carries the page; what else its head says is the server's affair.
 *
 *               blank line                    last byte of the page
 *      HEAD --------------------> BODY ------------------------------> HEAD, one answer more
 *
 * Always true: between calls head_len is 0 in BODY, and below HTTP_HEAD_MOST in HEAD. After a complaint nothing may be
 * fed any more.
 */
#ifndef BENCH_HTTP_REPLY_H
#define BENCH_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define HTTP_HEAD_MOST 2048     /* bytes of a head: those of a small page have 80 to 300 */

struct http_reply {
    bool     in_body;
    uint32_t body_got;
    uint32_t head_len;          /* bytes of a head that came in pieces */
    char     head[HTTP_HEAD_MOST];
};

static inline const char *http_check_length(const char *value, const char *end, size_t expected)
{
    size_t length = 0;
    const char *at = value;

    for (; at < end && *at >= '0' && *at <= '9' && at - value < 9; at++)
        length = length * 10 + (size_t)(*at - '0');
    if (at == value || at != end)
        return "a Content-Length that is no number";
    return length == expected ? NULL : "another Content-Length than the page's";
}

/* Whether the line from @at to @colon is the header @name, in any case of letters. */
static inline bool http_is(const char *at, const char *colon, const char *name)
{
    return (size_t)(colon - at) == strlen(name) && strncasecmp(at, name, strlen(name)) == 0;
}

/* One header line without its line end. @lengths counts the Content-Lengths. */
static inline const char *http_check_line(const char *at, const char *end, size_t page_len, unsigned *lengths)
{
    const char *colon = memchr(at, ':', (size_t)(end - at));

    if (colon == NULL || colon == at)
        return "a header line without a name";
    const char *value = colon + 1;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;

    if (http_is(at, colon, "content-length")) {
        ++*lengths;
        return http_check_length(value, end, page_len);
    }
    if (http_is(at, colon, "transfer-encoding"))
        return "an answer in chunks";
    if (http_is(at, colon, "connection") && (size_t)(end - value) == 5 && strncasecmp(value, "close", 5) == 0)
        return "the server wants to close the connection";
    return NULL;
}

/* A head with its blank line. What is wrong with it, or NULL. */
static inline const char *http_check_head(const char *head, size_t len, size_t page_len)
{
    static const char status[] = "HTTP/1.1 200 ";
    const char *at = head, *last = head + len - 2;      /* where the blank line begins */
    unsigned lengths = 0;

    if (len < sizeof status - 1 || memcmp(head, status, sizeof status - 1) != 0)
        return "another status than 200";
    at = (const char *)memmem(at, len, "\r\n", 2) + 2;
    while (at < last) {
        const char *end = memmem(at, (size_t)(last + 2 - at), "\r\n", 2);
        const char *complaint = http_check_line(at, end, page_len, &lengths);

        if (complaint != NULL)
            return complaint;
        at = end + 2;
    }
    return lengths == 1 ? NULL : "not one Content-Length";
}

/* How many of the bytes at hand belong to the head. It goes on unless *complaint or in_body is set. */
static inline size_t http_feed_head(struct http_reply *r, const char *data, size_t len, size_t page_len,
                                    const char **complaint)
{
    const char *head = data, *end = NULL;
    size_t before = r->head_len, room = sizeof r->head - before, taken = len < room ? len : room;

    if (before == 0)                    /* as a rule a head is whole, and needs no copy */
        end = memmem(data, len, "\r\n\r\n", 4);
    if (end == NULL) {
        memcpy(r->head + before, data, taken);
        r->head_len += (uint32_t)taken;
        head = r->head;
        end = memmem(head, r->head_len, "\r\n\r\n", 4);
    }
    if (end == NULL) {
        if (r->head_len == sizeof r->head)
            *complaint = "a head without an end";
        return taken;
    }
    size_t head_len = (size_t)(end - head) + 4;
    if (head_len > sizeof r->head) {    /* whole, but it has to be the same however it was cut */
        *complaint = "a head without an end";
        return taken;
    }
    *complaint = http_check_head(head, head_len, page_len);
    r->head_len = 0;
    r->in_body = true;
    r->body_got = 0;
    return head_len - before;
}

/*
 * Look at @len more bytes of a connection.
 *
 * page      what every body has to be, at least one byte
 * answers   is raised by the answers that ended in these bytes
 * returns   NULL, or what is wrong
 */
static inline const char *http_feed(struct http_reply *r, const char *data, size_t len, const char *page, size_t page_len,
                                    uint32_t *answers)
{
    const char *complaint = NULL;

    while (len > 0 && complaint == NULL) {
        size_t taken;

        if (!r->in_body) {
            taken = http_feed_head(r, data, len, page_len, &complaint);
        } else {
            size_t left = page_len - r->body_got;
            taken = len < left ? len : left;
            if (memcmp(data, page + r->body_got, taken) != 0)
                return "another page than was expected";
            r->body_got += (uint32_t)taken;
            if (r->body_got == page_len) {
                r->in_body = false;
                ++*answers;
            }
        }
        data += taken;
        len -= taken;
    }
    return complaint;
}

#endif
