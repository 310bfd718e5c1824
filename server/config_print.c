/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_print.c  A configuration as a file, every key of it.
 *
 * Values are written in one form each, and paths absolute, so that what is printed reads back to what was printed, from
 * whatever folder. An option that would begin at another folder than its server's is followed by a comment.
 */
#include "server/config.h"

#include <inttypes.h>
#include <string.h>

#include "server/config_schema.h"
#include "server/value.h"

static void indent(FILE *to, unsigned depth)
{
    fprintf(to, "%*s", (int)depth * 4, "");
}

static void print_text(FILE *to, const char *text)
{
    fputc('"', to);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(to, "\\%c", c);
        else if (c == '\n')
            fputs("\\n", to);
        else if (c == '\r')
            fputs("\\r", to);
        else if (c == '\t')
            fputs("\\t", to);
        else if (c < ' ' || c == 0x7f)
            fprintf(to, "\\x%02x", c);
        else
            fputc(c, to);
    }
    fputc('"', to);
}

static void print_texts(FILE *to, const char *const *texts, size_t count)
{
    fputs("[", to);
    for (size_t i = 0; i < count; i++) {
        fputs(i == 0 ? " " : ", ", to);
        print_text(to, texts[i]);
    }
    fputs(count > 0 ? " ]" : "]", to);
}

/* With a point or an exponent, or it would read back as an integer. */
static void print_number(FILE *to, double number)
{
    char text[64];

    snprintf(text, sizeof text, "%.17g", number);
    fprintf(to, "%s%s", text, strpbrk(text, ".e") == NULL ? ".0" : "");
}

/* --- Keys ---------------------------------------------------------------- */

/* A size, in quotes where it has a unit. */
static void print_size(FILE *to, size_t size)
{
    char text[VALUE_TEXT_MAX];
    const char *quote = strpbrk(value_print_size(size, text), "kMG") != NULL ? "\"" : "";

    fprintf(to, "%s%s%s", quote, text, quote);
}

static void print_listen(FILE *to, const struct server_config *server)
{
    const char *texts[CONFIG_LISTENS_MOST];

    for (size_t i = 0; i < server->listen_count; i++)
        texts[i] = server->listen[i].text;
    if (server->listen_count == 1)
        print_text(to, texts[0]);
    else
        print_texts(to, texts, server->listen_count);
}

static void print_mode(FILE *to, int mode)
{
    if (mode == CONFIG_UNIX_MODE_UMASK)
        fputs("\"umask\"", to);
    else
        fprintf(to, "\"%04o\"", (unsigned)mode);
}

static void print_value(FILE *to, const struct config_key *key, const void *base)
{
    const void *field = (const char *)base + key->at;
    char text[VALUE_TEXT_MAX];

    switch (key->type) {
    case KEY_BOOL: fputs(*(const bool *)field ? "true" : "false", to); break;
    case KEY_COUNT: fprintf(to, "%u", *(const unsigned *)field); break;
    case KEY_SIZE: print_size(to, *(const size_t *)field); break;
    case KEY_DURATION: fprintf(to, "\"%s\"", value_print_duration(*(const double *)field, text)); break;
    case KEY_WORD: print_text(to, key->words[*(const int *)field]); break;
    case KEY_MODE: print_mode(to, *(const int *)field); break;
    case KEY_LISTEN: print_listen(to, base); break;
    default: print_text(to, *(const char *const *)field); break;
    }
}

/* --- Options ------------------------------------------------------------- */

static void print_option_value(FILE *to, const struct server_option *option)
{
    switch (option->type) {
    case OPTION_BOOL: fputs(option->value.boolean ? "true" : "false", to); break;
    case OPTION_INT: fprintf(to, "%" PRId64, option->value.integer); break;
    case OPTION_FLOAT: print_number(to, option->value.number); break;
    case OPTION_TEXT: print_text(to, option->value.text); break;
    case OPTION_TEXTS: print_texts(to, option->value.texts.at, option->value.texts.count); break;
    }
}

static void print_options(FILE *to, const struct server_config *server, unsigned depth)
{
    for (size_t i = 0; i < server->option_count; i++) {
        const struct server_option *option = &server->options[i];
        indent(to, depth);
        fprintf(to, "%s = ", option->key);
        print_option_value(to, option);
        fputs(";", to);
        if (option->type >= OPTION_TEXT && strcmp(option->folder, server->folder) != 0) {
            fputs("   # a relative path begins at ", to);
            print_text(to, option->folder);
        }
        fputs("\n", to);
    }
}

/* --- Sections ------------------------------------------------------------ */

static void print_section(FILE *to, enum config_section section, const void *base, unsigned depth);

static void print_servers(FILE *to, const struct config *config)
{
    for (size_t i = 0; i < config->server_count; i++) {
        fputs("    {\n", to);
        print_section(to, SECTION_SERVER, &config->servers[i], 2);
        fputs(i + 1 < config->server_count ? "    },\n" : "    }\n", to);
    }
}

static void print_section(FILE *to, enum config_section section, const void *base, unsigned depth)
{
    size_t count;
    const struct config_key *key = config_schema_keys(section, &count);

    for (; count > 0; count--, key++) {
        indent(to, depth);
        fprintf(to, "%s = ", key->name);
        if (key->type == KEY_SERVERS) {
            fputs("(\n", to);
            print_servers(to, base);
            fputs(")", to);
        } else if (key->type == KEY_LOG || key->type == KEY_OPTIONS) {
            fputs("{\n", to);
            if (key->type == KEY_LOG)
                print_section(to, SECTION_LOG, (const char *)base + key->at, depth + 1);
            else
                print_options(to, base, depth + 1);
            indent(to, depth);
            fputs("}", to);
        } else {
            print_value(to, key, base);
        }
        fputs(";\n", to);
    }
}

void config_print(const struct config *config, FILE *to)
{
    fputs("# The effective configuration: every key, defaults included.\n", to);
    print_section(to, SECTION_TOP, config, 0);
}
