/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/log_form.c  Reading is lenient: whatever the text, every byte of it is in the sentence, a key or a value, but for
 * the blanks, quotes and "=" between them. What does not look like a field belongs to the value before it.
 */
#include "server/log_form.h"

#include <string.h>

#define EXACT_DIGITS 15         /* a double, which is what JSON's numbers become, keeps any integer of so many digits */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_key_byte(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

/* The length of the key that begins at @at and has its "=" behind it, or 0. */
static size_t key_at(const char *text, size_t len, size_t at)
{
    size_t end = at;

    if (at >= len || !is_letter(text[at]))
        return 0;
    while (end < len && is_key_byte(text[end]))
        end++;
    return end < len && text[end] == '=' ? end - at : 0;
}

/* Whether a field or the text ends at @at: with the text, or with a blank and another field. */
static bool ends_at(const char *text, size_t len, size_t at)
{
    return at == len || (text[at] == ' ' && key_at(text, len, at + 1) > 0);
}

size_t log_form_sentence(const char *text, size_t len)
{
    if (key_at(text, len, 0) > 0)
        return 0;
    /* Only a blank can be an end, and a text without "=" has no fields. */
    if (memchr(text, '=', len) == NULL)
        return len;
    for (const char *blank = memchr(text, ' ', len); blank != NULL;
         blank = memchr(blank + 1, ' ', len - (size_t)(blank + 1 - text))) {
        size_t at = (size_t)(blank - text);
        if (ends_at(text, len, at))
            return at;
    }
    return len;
}

size_t log_form_field(const char *text, size_t len, size_t at, struct log_field *out)
{
    if (at < len && text[at] == ' ')
        at++;
    size_t key_len = key_at(text, len, at);
    if (key_len == 0)
        return 0;
    *out = (struct log_field){ .key = text + at, .key_len = key_len };

    size_t begin = at + key_len + 1, end = begin;
    if (begin < len && text[begin] == '"') {
        end = ++begin;
        while (end < len && !(text[end] == '"' && ends_at(text, len, end + 1)))
            end += text[end] == '\\' && end + 1 < len ? 2 : 1;
        out->quoted = true;
    } else {
        while (!ends_at(text, len, end))
            end++;
    }
    out->value = text + begin;
    out->value_len = end - begin;
    return end < len && out->quoted ? end + 1 : end;
}

bool log_form_is_integer(const struct log_field *field)
{
    const char *digits = field->value;
    size_t count = field->value_len;

    if (count > 1 && digits[0] == '-') {
        digits++;
        count--;
    }
    if (field->quoted || count == 0 || count > EXACT_DIGITS)
        return false;
    for (size_t i = 0; i < count; i++)
        if (digits[i] < '0' || digits[i] > '9')
            return false;
    return digits[0] != '0' || (count == 1 && digits == field->value);  /* "-0" would become 0 */
}
