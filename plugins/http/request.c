/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/http/request.c  llhttp's callbacks, and what HTTP asks for beyond what llhttp looks at.
 *
 * llhttp is compiled in its strict mode and no leniency is switched on. It knows lengths and encodings, Connection and Upgrade;
 * beside it are refused here: lines that are continued (their end is where smuggling begins), a request line with other
 * blanks than two single ones, other protocols, other encodings than chunked, more or less than one Host.
 */
#include "plugins/http/request.h"

#include <string.h>
#include <strings.h>

/* --- Callbacks ------------------------------------------------------------ */

static struct request *request_of(llhttp_t *parser)
{
    return (struct request *)(void *)parser;    /* its first member */
}

static uint32_t place(const struct request *r, const char *at)
{
    return (uint32_t)(at - r->base);
}

/* Not to be mended: llhttp stops at once, and nothing after it is looked at. */
static int refuse(struct request *r, uint16_t status)
{
    r->fault = status;
    return HPE_USER;
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    struct request *r = request_of(parser);

    if (r->target.len == 0)
        r->target.at = place(r, at);
    r->target.len = place(r, at + len) - r->target.at;
    return 0;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
    struct request *r = request_of(parser);

    if (!r->in_name) {
        r->in_name = true;
        r->name.at = place(r, at);
        r->value.len = 0;
    }
    r->name.len = place(r, at + len) - r->name.at;
    return 0;
}

/* The bytes of a value lie in a row, in whatever pieces they come. If they do not, a line end lies in between. */
static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
    struct request *r = request_of(parser);
    uint32_t begin = place(r, at);

    if (len == 0)
        return 0;
    if (r->value.len == 0) {
        uint32_t name_end = r->name.at + r->name.len;
        if (begin - name_end > 2 && memchr(r->base + name_end, '\n', begin - name_end) != NULL)
            return refuse(r, 400);
        r->value.at = begin;
    } else if (begin != r->value.at + r->value.len) {
        return refuse(r, 400);
    }
    r->value.len = begin + (uint32_t)len - r->value.at;
    return 0;
}

static bool is_called(const struct request *r, const char *name)
{
    return strncasecmp(r->base + r->name.at, name, r->name.len) == 0;
}

/* The value without the blanks behind it; those before it llhttp leaves out. */
static struct span trimmed_value(const struct request *r)
{
    struct span value = r->value;

    while (value.len > 0 && (r->base[value.at + value.len - 1] == ' ' || r->base[value.at + value.len - 1] == '\t'))
        value.len--;
    return value;
}

static bool value_is(const struct request *r, const char *word)
{
    struct span value = trimmed_value(r);

    return value.len == strlen(word) && strncasecmp(r->base + value.at, word, value.len) == 0;
}

/* A header line is complete. Of the few that matter here no two have the same length and first letter. */
static int on_header_value_complete(llhttp_t *parser)
{
    struct request *r = request_of(parser);

    r->in_name = false;
    if (r->phase == REQUEST_BODY)
        return 0;                               /* a trailer: it has nothing to say any more */
    switch (r->name.len) {
    case 0:
        return refuse(r, 400);
    case 4:
        if (is_called(r, "host"))
            r->hosts = r->hosts == 0 ? 1 : 2;
        break;
    case 6:
        if (is_called(r, "expect")) {
            if (!value_is(r, "100-continue"))
                return refuse(r, 417);
            r->expects_continue = true;
        }
        break;
    case 13:
        if (is_called(r, "if-none-match"))
            r->conditional = true;
        break;
    case 17:
        if (is_called(r, "if-modified-since"))
            r->since = trimmed_value(r);
        else if (is_called(r, "transfer-encoding") && !value_is(r, "chunked"))
            return refuse(r, 501);
        break;
    default:
        break;
    }
    return 0;
}

/* The status that the header as a whole is refused with; 0: none. */
static uint16_t check_header(const struct request *r)
{
    const llhttp_t *parser = &r->parser;
    const char *line = r->base + r->target.at;

    /* In front of the target one blank, and the method before that; behind it one blank and the protocol. */
    if (line[-1] != ' ' || line[-2] == ' ' || memcmp(line + r->target.len, " HTTP/", 6) != 0)
        return 400;
    if (parser->http_major != 1)
        return 505;
    if (r->hosts > 1 || (r->hosts == 0 && parser->http_minor > 0))
        return 400;
    if ((parser->flags & F_TRANSFER_ENCODING) != 0 && parser->http_minor == 0)
        return 400;                             /* 1.0 has no encodings: somebody on the way read another length (RFC 9112, 6.1) */
    if (parser->content_length > BODY_MOST)
        return 413;
    return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
    struct request *r = request_of(parser);

    r->method = parser->method;
    r->minor = parser->http_minor > 0;
    r->keep_alive = llhttp_should_keep_alive(parser) != 0;
    parser->upgrade = 0;                        /* nothing to change to: what follows is a request as any other */
    r->fault = check_header(r);
    if (r->fault != 0)
        return HPE_USER;
    bool has_body = (parser->flags & F_CHUNKED) != 0 || parser->content_length > 0;
    if (!has_body)
        return 0;
    r->phase = REQUEST_BODY;
    return HPE_PAUSED;
}

static int on_message_complete(llhttp_t *parser)
{
    request_of(parser)->phase = REQUEST_COMPLETE;
    return HPE_PAUSED;
}

static const llhttp_settings_t callbacks = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_message_complete = on_message_complete,
};

/* --- Faults --------------------------------------------------------------- */

static const char *skip_line_ends(const char *at, const char *end)
{
    while (at < end && (*at == '\r' || *at == '\n'))
        at++;
    return at;
}

/* 501 for a method that nobody knows, 400 for what cannot be one: TLS, most often. */
static uint16_t fault_of_method(const char *at, const char *end)
{
    at = skip_line_ends(at, end);
    if (*at == ' ')
        return 400;
    for (; at <= end && *at != ' '; at++) {
        bool token = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') ||
                     (*at != '\0' && strchr("!#$%&'*+-.^_`|~", *at) != NULL);
        if (!token)
            return 400;
    }
    return 501;
}

/* 505 when it has the form of a version. llhttp has seen the bytes up to @end. */
static uint16_t fault_of_version(const struct request *r, const char *end)
{
    const char *at = r->base + r->target.at + r->target.len;

    bool version = end - at >= 9 && memcmp(at, " HTTP/", 6) == 0 && at[6] >= '0' && at[6] <= '9' && at[7] == '.' &&
                   at[8] >= '0' && at[8] <= '9';
    return version ? 505 : 400;
}

static uint16_t fault_of(const struct request *r, llhttp_errno_t error, const char *at)
{
    switch (error) {
    case HPE_INVALID_METHOD:
        return fault_of_method(r->base, at);
    case HPE_INVALID_VERSION:
        return fault_of_version(r, at);
    case HPE_PAUSED_H2_UPGRADE:
        return 505;
    default:
        return 400;
    }
}

/* --- Parsing -------------------------------------------------------------- */

void request_init(struct request *r, size_t most_header)
{
    memset(r, 0, sizeof *r);
    llhttp_init(&r->parser, HTTP_REQUEST, &callbacks);
    r->most_header = (uint32_t)most_header;
}

void request_next(struct request *r)
{
    r->parsed = 0;
    r->target.len = 0;
    r->since.len = 0;
    r->phase = REQUEST_START;
    r->hosts = 0;
    r->conditional = r->expects_continue = r->in_name = false;
}

/* Too much came without an end: which part of it is it that is too long? */
static uint16_t fault_of_length(const struct request *r)
{
    if (r->phase == REQUEST_BODY)
        return 413;
    return memchr(r->base + r->target.at, '\n', r->parsed - r->target.at) == NULL ? 414 : 431;
}

/* What llhttp stopped with, as an event. */
static enum request_event stopped(struct request *r, llhttp_errno_t error)
{
    const char *at = llhttp_get_error_pos(&r->parser);

    if (error == HPE_PAUSED) {
        r->parsed = place(r, at);
        llhttp_resume(&r->parser);
        if (r->phase == REQUEST_COMPLETE)
            return REQUEST_DONE;
        r->header_len = r->parsed;
        return REQUEST_BODY_FOLLOWS;
    }
    if (r->fault == 0)
        r->fault = fault_of(r, error, at);
    return REQUEST_FAULT;
}

enum request_event request_parse(struct request *r, const char *base, size_t len)
{
    size_t most = r->phase == REQUEST_BODY ? r->header_len + BODY_MOST : r->most_header;
    size_t end = len < most ? len : most;

    r->base = base;
    if (r->phase == REQUEST_START && end > 0)
        r->phase = REQUEST_HEADER;
    if (end > r->parsed) {
        llhttp_errno_t error = llhttp_execute(&r->parser, base + r->parsed, end - r->parsed);
        if (error != HPE_OK)
            return stopped(r, error);
        r->parsed = (uint32_t)end;
    }
    if (r->parsed < most)
        return REQUEST_MORE;
    r->fault = fault_of_length(r);
    return REQUEST_FAULT;
}

bool request_begun(const struct request *r, const char *base)
{
    return skip_line_ends(base, base + r->parsed) < base + r->parsed;
}
