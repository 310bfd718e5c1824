/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/http_requests.h  Requests, and what the http plugin answers them with: a section with the page "hello".
 */
#ifndef WEIR_TESTS_PLUGINS_HTTP_REQUESTS_H
#define WEIR_TESTS_PLUGINS_HTTP_REQUESTS_H

#include <stddef.h>

/* After the last answer the connection ends, since the client has ended. Answers are written as talk.h says. */
struct http_request {
    const char *in, *answers;
};

extern const struct http_request http_requests[];
extern const size_t http_request_count;

#endif
