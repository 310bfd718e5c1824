/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins/http/mime.c  A table, looked through from the front: the common ones stand there.
 */
#include "plugins/http/mime.h"

#include <string.h>
#include <strings.h>

static const struct {
    char suffix[12];
    const char *type;
} types[] = {
    { "html", "text/html; charset=utf-8" },
    { "css", "text/css; charset=utf-8" },
    { "js", "text/javascript; charset=utf-8" },
    { "png", "image/png" },
    { "jpg", "image/jpeg" },
    { "svg", "image/svg+xml" },
    { "json", "application/json" },
    { "webp", "image/webp" },
    { "woff2", "font/woff2" },
    { "ico", "image/vnd.microsoft.icon" },
    { "txt", "text/plain; charset=utf-8" },
    { "jpeg", "image/jpeg" },
    { "gif", "image/gif" },
    { "htm", "text/html; charset=utf-8" },
    { "mjs", "text/javascript; charset=utf-8" },
    { "map", "application/json" },
    { "wasm", "application/wasm" },
    { "xml", "application/xml" },
    { "xhtml", "application/xhtml+xml" },
    { "pdf", "application/pdf" },
    { "md", "text/markdown; charset=utf-8" },
    { "csv", "text/csv; charset=utf-8" },
    { "ics", "text/calendar; charset=utf-8" },
    { "avif", "image/avif" },
    { "bmp", "image/bmp" },
    { "tif", "image/tiff" },
    { "tiff", "image/tiff" },
    { "apng", "image/apng" },
    { "woff", "font/woff" },
    { "ttf", "font/ttf" },
    { "otf", "font/otf" },
    { "mp3", "audio/mpeg" },
    { "ogg", "audio/ogg" },
    { "oga", "audio/ogg" },
    { "opus", "audio/ogg" },
    { "wav", "audio/wav" },
    { "weba", "audio/webm" },
    { "flac", "audio/flac" },
    { "mp4", "video/mp4" },
    { "webm", "video/webm" },
    { "ogv", "video/ogg" },
    { "mpeg", "video/mpeg" },
    { "zip", "application/zip" },
    { "gz", "application/gzip" },
    { "tar", "application/x-tar" },
    { "bz2", "application/x-bzip2" },
    { "xz", "application/x-xz" },
    { "zst", "application/zstd" },
    { "7z", "application/x-7z-compressed" },
    { "jsonld", "application/ld+json" },
    { "webmanifest", "application/manifest+json" },
    { "atom", "application/atom+xml" },
    { "rss", "application/rss+xml" },
    { "epub", "application/epub+zip" },
    { "rtf", "application/rtf" },
};

const char *mime_type(const char *path, size_t len)
{
    size_t dot = len;

    while (dot > 0 && path[dot - 1] != '.' && path[dot - 1] != '/')
        dot--;
    size_t suffix_len = len - dot;
    /* A dot at the front of a name makes it hidden, and is no suffix. */
    if (dot > 1 && path[dot - 1] == '.' && path[dot - 2] != '/') {
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
            if (strlen(types[i].suffix) == suffix_len && strncasecmp(types[i].suffix, path + dot, suffix_len) == 0)
                return types[i].type;
        }
    }
    return "application/octet-stream";
}
