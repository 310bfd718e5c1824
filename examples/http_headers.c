/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/http_headers.c  The headers of a URL, one a line.    Try: ./http_headers http://localhost:8080/index.html */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

struct url {
    char host[256];
    unsigned long port;
    const char *path;           /* the rest of it, query included */
};

/* http://HOST[:PORT][/PATH]; an IPv6 address stands in brackets. */
static bool split(const char *text, struct url *url)
{
    int len = 0;

    if (sscanf(text, "http://[%255[0-9A-Fa-f.:]]%n", url->host, &len) != 1 || len == 0)
        if (sscanf(text, "http://%255[0-9A-Za-z._-]%n", url->host, &len) != 1 || len == 0)
            return false;
    char *end = (char *)text + len;
    url->port = *end == ':' ? strtoul(end + 1, &end, 10) : 80;
    url->path = *end == '\0' ? "/" : end;
    return url->path[0] == '/' && strpbrk(url->path, " \r\n") == NULL && url->port > 0 && url->port <= UINT16_MAX;
}

static int print_http_headers(void *arg)
{
    const struct url *url = arg;
    weir_reader *reader;
    weir_writer *writer;
    weir_bytes line;
    ssize_t n;

    int code = weir_open_connection(url->host, (uint16_t)url->port, NULL, &reader, &writer);
    if (code < 0)
        return code;
    weir_writer_printf(writer, "HEAD %s HTTP/1.0\r\nHost: %s\r\n\r\n", url->path, url->host);
    while ((n = weir_reader_readline(reader, &line)) > 0) {
        while (line.len > 0 && strchr("\r\n", line.data[line.len - 1]) != NULL)
            line.len--;
        if (line.len > 0)
            printf("HTTP header> %.*s\n", (int)line.len, line.data);
    }
    weir_writer_free(writer);           /* which closes it */
    return weir_result(n);
}

int main(int argc, char **argv)
{
    struct url url;

    if (argc > 1 && strncmp(argv[1], "https:", 6) == 0)
        return fprintf(stderr, "http_headers: https needs TLS, which is not there yet\n"), 1;
    if (argc != 2 || !split(argv[1], &url))
        return fprintf(stderr, "Usage: http_headers http://HOST[:PORT][/PATH]\n"), 2;
    int code = weir_run(print_http_headers, &url);
    if (code < 0)
        fprintf(stderr, "http_headers: %s: %s\n", weir_strerror(code), weir_error_detail());
    return code < 0;
}
