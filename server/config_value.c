/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_value.c  One value by itself, outside of a file.
 *
 * It is read as the only setting of a file of its own, so that it means what it would mean there.
 */
#include "server/config_value.h"

#include <string.h>

#include "server/config_scan.h"

static const char before[] = "value = ";

/* Whether the text is one that libconfig accepts, and nothing but settings. */
static bool scan(struct config_text *source, const char *text)
{
    static const struct config_file no_file = { .name = "", .folder = "/" };
    struct config_grammar grammar;
    struct config_scan scan = { .file = &no_file, .out = source, .grammar = &grammar };
    struct config_word end = { WORD_END, "", 0, { "", 0 } };

    config_grammar_init(&grammar, NULL);
    scan.bytes = before;
    scan.len = sizeof before - 1;
    bool good = config_scan(&scan);
    scan.bytes = text;
    scan.len = strlen(text);
    good = good && config_scan(&scan) && config_grammar_take(&grammar, &end) && !source->failed;
    config_grammar_fini(&grammar);
    return good;
}

config_setting_t *config_value_read(config_t *holder, const char *text)
{
    struct config_text source = { 0 };
    config_setting_t *value = NULL;

    if (scan(&source, text) && config_read_string(holder, source.bytes) == CONFIG_TRUE) {
        config_setting_t *root = config_root_setting(holder);
        if (config_setting_length(root) == 1)           /* not "1; other = 2" */
            value = config_setting_get_elem(root, 0);
    }
    config_text_fini(&source);
    return value;
}

config_setting_t *config_value_plain(config_t *holder, const char *text)
{
    config_setting_t *value = config_setting_add(config_root_setting(holder), "plain", CONFIG_TYPE_STRING);

    if (value == NULL || config_setting_set_string(value, text) != CONFIG_TRUE)
        return NULL;
    return value;
}
