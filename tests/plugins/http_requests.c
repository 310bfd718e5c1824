/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/plugins/http_requests.c  The list: what is right, what is wrong, and what two readers could understand in two ways.
 */
#include "plugins/http_requests.h"

#define H "Host: a\r\n"

const struct http_request http_requests[] = {
    /* what is there */
    { "GET / HTTP/1.1\r\n" H "\r\n", "200=hello" },
    { "HEAD / HTTP/1.1\r\n" H "\r\n", "200:head" },
    { "GET /healthz HTTP/1.1\r\n" H "\r\n", "200=ok_" },
    { "GET /?q HTTP/1.1\r\n" H "\r\n", "200=hello" },
    { "GET /x/../%68ealthz HTTP/1.1\r\n" H "\r\n", "200=ok_" },
    { "GET http://a/ HTTP/1.1\r\n" H "\r\n", "200=hello" },
    { "GET http://a HTTP/1.1\r\n" H "\r\n", "200=hello" },
    { "GET /none HTTP/1.1\r\n" H "\r\n", "404" },
    { "HEAD /none HTTP/1.1\r\n" H "\r\n", "404:head" },
    { "\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", "200=hello" },
    { "GET / HTTP/1.1\r\nhOST:a\r\nAccept:\r\nX: \t y \t\r\n\r\n", "200=hello" },
    { "GET / HTTP/1.1\r\nHost:\r\n\r\n", "200=hello" },

    /* one after the other */
    { "GET / HTTP/1.1\r\n" H "\r\nHEAD / HTTP/1.1\r\n" H "\r\nGET /n HTTP/1.1\r\n" H "\r\nGET / HTTP/1.1\r\n" H "\r\n",
      "200=hello 200:head 404 200=hello" },
    { "GET / HTTP/1.1\r\n" H "\r\n\r\n\r\nGET /healthz HTTP/1.1\r\n" H "\r\n", "200=hello 200=ok_" },

    /* going on, and not */
    { "GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", "200:close=hello" },
    { "GET / HTTP/1.1\r\n" H "Connection: x, CLOSE\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", "200:close=hello" },
    { "GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n", "200:close=hello" },
    { "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n", "200:keep=hello 200:close=hello" },
    { "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", "200:keep=hello 200=hello" },
    { "HEAD / HTTP/1.0\r\n\r\n", "200:close:head" },

    /* methods */
    { "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n" H "\r\n", "405:allow 200=hello" },
    { "OPTIONS * HTTP/1.1\r\n" H "\r\nGET / HTTP/1.1\r\n" H "\r\n", "405:allow 200=hello" },
    { "CONNECT a:80 HTTP/1.1\r\n" H "\r\nGET / HTTP/1.1\r\n" H "\r\n", "405:allow 200=hello" },
    { "DELETE / HTTP/1.0\r\n\r\n", "405:close:allow" },
    { "BREW / HTTP/1.1\r\n" H "\r\n", "501:close" },
    { "get / HTTP/1.1\r\n" H "\r\n", "501:close" },
    { "\r\nPU / HTTP/1.1\r\n" H "\r\n", "501:close" },

    /* bodies */
    { "GET / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n" H "\r\n", "200=hello 200=hello" },
    { "GET / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nHost: b\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n",
      "200=hello 200=hello" },
    { "GET / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", "200=hello 200=hello" },
    { "GET / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 3\r\n\r\nabc", "100 200=hello" },
    { "GET / HTTP/1.1\r\n" H "Expect: 100-continue\r\n\r\n", "200=hello" },
    { "GET / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc", "200:close=hello" },
    { "POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc", "405:close:allow" },
    { "GET / HTTP/1.1\r\n" H "Expect: more\r\n\r\n", "417:close" },
    { "GET / HTTP/1.1\r\n" H "Content-Length: 65537\r\n\r\n", "413:close" },
    { "GET / HTTP/1.1\r\n" H "Content-Length: 18446744073709551615\r\n\r\n", "413:close" },

    /* an upgrade is not ours to make */
    { "GET / HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n",
      "200=hello 200=hello" },
    { "GET / HTTP/1.1\r\n" H "Connection: upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n"
      H "\r\n", "200=hello 200=hello" },
    { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505:close" },

    /* what is no request */
    { "GET / HTTP/1.1\r\n\r\n", "400:close" },
    { "GET / HTTP/1.1\r\n" H H "\r\n", "400:close" },
    { "GET / HTTP/2.0\r\n" H "\r\n", "505:close" },
    { "GET / HTTP/1.2\r\n" H "\r\n", "505:close" },
    { "GET / HTTP/9.9\r\n" H "\r\n", "505:close" },
    { "GET / HTTP/x.1\r\n" H "\r\n", "400:close" },
    { "GET /\r\n" H "\r\n", "400:close" },
    { "GET / RTSP/1.0\r\n" H "\r\n", "400:close" },
    { "SOURCE / ICE/1.0\r\n" H "\r\n", "400:close" },
    { "GET  / HTTP/1.1\r\n" H "\r\n", "400:close" },
    { "GET /  HTTP/1.1\r\n" H "\r\n", "400:close" },
    { "GET /a b HTTP/1.1\r\n" H "\r\n", "400:close" },
    { "GET a HTTP/1.1\r\n" H "\r\n", "400:close" },
    { "GET * HTTP/1.1\r\n" H "\r\n", "400" },
    { "GET /#a HTTP/1.1\r\n" H "\r\n", "400" },
    { "GET /\x80 HTTP/1.1\r\n" H "\r\n", "400:close" },
    { "\x16\x03\x01\x02", "400:close" },
    { " GET / HTTP/1.1\r\n" H "\r\n", "400:close" },
    { "GET / HTTP/1.1\r\n" H "A b: c\r\n\r\n", "400:close" },
    { "GET / HTTP/1.1\r\n" H "A : c\r\n\r\n", "400:close" },
    { "GET / HTTP/1.1\r\n" H ": c\r\n\r\n", "400:close" },
    { "GET / HTTP/1.1\r\n" H "A\r\n\r\n", "400:close" },
    { "GET / HTTP/1.1\r\n" H "A: \x01\r\n\r\n", "400:close" },
    { "GET / HTTP/1.1\r\n A: b\r\n" H "\r\n", "400:close" },

    /* two readers that see two different requests: what smuggling needs */
    { "GET / HTTP/1.1\r\n" H "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400:close" },
    { "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", "400:close" },
    { "GET / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "400:close" },
    { "GET / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", "400:close" },
    { "GET / HTTP/1.1\r\n" H "Content-Length: 3, 3\r\n\r\nabc", "400:close" },
    { "GET / HTTP/1.1\r\n" H "Content-Length: +3\r\n\r\nabc", "400:close" },
    { "GET / HTTP/1.1\r\n" H "Content-Length: -3\r\n\r\nabc", "400:close" },
    { "GET / HTTP/1.1\r\n" H "Content-Length: 0x3\r\n\r\nabc", "400:close" },
    { "GET / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", "400:close" },
    { "GET / HTTP/1.1\r\n" H "Content-Length:\r\n 3\r\n\r\nabc", "400:close" },
    { "GET / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", "400:close" },
    { "GET / HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n", "400:close" },
    { "GET / HTTP/1.1\r\n" H "A: b\r\n\tc\r\n\r\n", "400:close" },
    { "GET / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501:close" },
    { "GET / HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n", "501:close" },
    { "GET / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "501:close" },
    { "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", "400:close" },
    { "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400:close" },
    { "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400:close" },
    { "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", "400:close" },
    { "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n", "400:close" },
    { "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n0\r\n\r\n", "400:close" },
    { "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n", "400:close" },
    { "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n", "400:close" },
    { "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabcXY0\r\n\r\n", "400:close" },
    { "GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc", "400:close" },
    { "GET / HTTP/1.1\nHost: a\n\n", "400:close" },
    { "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", "400:close" },
    { "GET / HTTP/1.1\r\nHost: a\r\n\rGET / HTTP/1.1\r\n" H "\r\n", "400:close" },

    /* a good one before a bad one is answered, and nothing after it */
    { "GET / HTTP/1.1\r\n" H "\r\nGET\x01 / HTTP/1.1\r\n" H "\r\nGET / HTTP/1.1\r\n" H "\r\n", "200=hello 400:close" },

    /* cut off */
    { "", "" },
    { "\r\n", "" },
    { "GET", "" },
    { "GET / HTTP/1.1\r\n" H, "" },
    { "GET / HTTP/1.1\r\n" H "\r\nGET / HT", "200=hello" },
    { "GET / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nab", "" },
};
const size_t http_request_count = sizeof http_requests / sizeof http_requests[0];
