/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/log_escape.c  One walk over the bytes, character by character, and three ways to write what must not stand there
 * as it is.
 */
#include "server/log_escape.h"

#include <string.h>

#include "server/log.h"

void log_out_bytes(struct log_out *out, const char *bytes, size_t len)
{
    if (out->full || (size_t)(out->end - out->at) < len) {
        out->full = true;
        return;
    }
    memcpy(out->at, bytes, len);
    out->at += len;
}

void log_out_string(struct log_out *out, const char *string)
{
    log_out_bytes(out, string, strlen(string));
}

/* --- Characters ------------------------------------------------------------ */

/* The length of the character at @at, of which @len bytes are there, or 0 if it is no UTF-8 (Unicode, table 3-7). */
static size_t character(const unsigned char *at, size_t len, uint32_t *code)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };     /* shorter codes in more bytes are not UTF-8 */
    size_t size = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : at[0] < 0xf5 ? 4 : 0;

    if (size <= 1 || size > len) {
        *code = at[0];
        return size == 1 ? 1 : 0;
    }
    uint32_t value = at[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (at[i] & 0x3fu);
    }
    if (value < least[size] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        return 0;
    *code = value;
    return size;
}

/* What a terminal or an editor would act on instead of showing it. */
static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) ||
           code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

static void put_hex(struct log_out *out, const char *prefix, uint32_t value, unsigned digits)
{
    char text[8];

    for (unsigned i = 0; i < digits; i++)
        text[i] = "0123456789abcdef"[value >> 4 * (digits - 1 - i) & 0xf];
    if ((size_t)(out->end - out->at) < strlen(prefix) + digits)         /* all of it or nothing */
        out->full = true;
    log_out_string(out, prefix);
    log_out_bytes(out, text, digits);
}

enum escape { ESCAPE_TEXT, ESCAPE_QUOTED, ESCAPE_JSON };

/* One character, or one byte that is none; returns how many bytes it was. */
static size_t put_character(struct log_out *out, enum escape how, const unsigned char *at, size_t len)
{
    uint32_t code = 0;
    size_t size = character(at, len, &code);

    if (size == 0) {
        if (how == ESCAPE_JSON)
            log_out_string(out, "\\ufffd");
        else
            put_hex(out, "\\x", at[0], 2);
        return 1;
    }
    if (is_control(code)) {
        for (size_t i = 0; i < size && how != ESCAPE_JSON; i++)
            put_hex(out, "\\x", at[i], 2);
        if (how == ESCAPE_JSON)
            put_hex(out, "\\u", code, 4);
    } else if (how != ESCAPE_TEXT && (code == '"' || code == '\\')) {
        char pair[2] = { '\\', (char)code };
        log_out_bytes(out, pair, 2);
    } else {
        log_out_bytes(out, (const char *)at, size);
    }
    return size;
}

/* How many bytes from here on mean themselves in every way of writing: nearly all of nearly every line. */
static size_t plain_run(const char *bytes, size_t len)
{
    size_t i = 0;

    while (i < len && bytes[i] >= ' ' && bytes[i] < 0x7f && bytes[i] != '"' && bytes[i] != '\\')
        i++;
    return i;
}

static void escape(struct log_out *out, enum escape how, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len && !out->full;) {
        size_t room = (size_t)(out->end - out->at), plain = plain_run(bytes + i, len - i);
        log_out_bytes(out, bytes + i, plain < room ? plain : room);
        out->full |= plain > room;
        i += plain;
        if (i < len)
            i += put_character(out, how, (const unsigned char *)bytes + i, len - i);
    }
}

void log_escape_text(struct log_out *out, const char *bytes, size_t len)
{
    escape(out, ESCAPE_TEXT, bytes, len);
}

void log_escape_quoted(struct log_out *out, const char *bytes, size_t len)
{
    escape(out, ESCAPE_QUOTED, bytes, len);
}

void log_escape_json(struct log_out *out, const char *bytes, size_t len)
{
    escape(out, ESCAPE_JSON, bytes, len);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that the escape at @at stands for, and in @taken its length; 1 when it is none, and the byte is itself. */
static unsigned char unquote(const char *at, size_t len, size_t *taken)
{
    *taken = 1;
    if (at[0] != '\\' || len < 2)
        return (unsigned char)at[0];
    if (at[1] == '"' || at[1] == '\\') {
        *taken = 2;
        return (unsigned char)at[1];
    }
    if (at[1] == 'x' && len >= 4 && hex_digit(at[2]) >= 0 && hex_digit(at[3]) >= 0) {
        *taken = 4;
        return (unsigned char)(hex_digit(at[2]) << 4 | hex_digit(at[3]));
    }
    return '\\';
}

void log_escape_json_unquoted(struct log_out *out, const char *bytes, size_t len)
{
    unsigned char piece[4];     /* the longest character: bytes that were escaped one by one may make up one together */
    size_t held = 0, at = 0;

    while (held > 0 || at < len) {
        while (held < sizeof piece && at < len) {
            size_t taken;
            piece[held++] = unquote(bytes + at, len - at, &taken);
            at += taken;
        }
        size_t used = put_character(out, ESCAPE_JSON, piece, held);
        held -= used;
        memmove(piece, piece + used, held);
    }
}

/* --- Values ----------------------------------------------------------------- */

char *log_quote(char *out, size_t size, const char *bytes, size_t len)
{
    if (size < sizeof "\"\"") {
        if (size > 0)
            out[0] = '\0';
        return out;
    }
    struct log_out text = { out + 1, out + size - 2, false };
    out[0] = '"';
    log_escape_quoted(&text, bytes, len);
    text.at[0] = '"';
    text.at[1] = '\0';
    return out;
}

char *log_value(char *out, size_t size, const char *bytes, size_t len)
{
    bool bare = len > 0 && len < size, number = true;

    for (size_t i = 0; i < len && bare; i++) {
        bare = bytes[i] > ' ' && bytes[i] < 0x7f && strchr("\"=\\", bytes[i]) == NULL;
        number = number && ((bytes[i] >= '0' && bytes[i] <= '9') || (i == 0 && bytes[i] == '-'));
    }
    if (!bare || number)
        return log_quote(out, size, bytes, len);
    memcpy(out, bytes, len);
    out[len] = '\0';
    return out;
}
