/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_grammar.c  The order of a configuration's words.
 *
 * A level for each open bracket, and one for the file; a word is judged by what the innermost one expects:
 *
 *      in { } and the file     NAME -> EQUALS -> VALUE -> MORE -> NAME ...     MORE: ";", ",", or at once the next NAME
 *      in ( ) and [ ]          VALUE_OR_END -> MORE -> VALUE -> MORE ...       MORE: ",", or the end
 *
 * A bracket that opens is a value of its level, which expects MORE when it is closed.
 */
#include "server/config_grammar.h"

#include <stdlib.h>
#include <string.h>

#define QUOTED_MOST 40          /* bytes of what was found that a problem quotes */

struct config_name {
    char         text[CONFIG_NAME_MOST + 1];
    struct place place;
};

#define COMPLAIN(grammar, place, ...)                                     \
    do {                                                                  \
        if ((grammar)->problems != NULL)                                  \
            problems_add((grammar)->problems, (place), __VA_ARGS__);      \
        (grammar)->stopped = true;                                        \
    } while (0)

void config_grammar_init(struct config_grammar *grammar, struct problems *problems)
{
    memset(grammar, 0, sizeof *grammar);
    grammar->problems = problems;
}

void config_grammar_fini(struct config_grammar *grammar)
{
    for (size_t i = 0; i <= CONFIG_NESTING_MOST; i++)
        free(grammar->levels[i].names);
    memset(grammar, 0, sizeof *grammar);
}

static struct config_level *innermost(struct config_grammar *grammar)
{
    return &grammar->levels[grammar->depth];
}

static bool has_settings(const struct config_level *level)
{
    return level->bracket == '{' || level->bracket == 0;
}

static char closing(char bracket)
{
    return bracket == '{' ? '}' : bracket == '(' ? ')' : ']';
}

/* --- Complaining --------------------------------------------------------- */

static const char *what_is_expected(const struct config_level *level)
{
    switch (level->expected) {
    case EXPECT_NAME: return level->bracket == '{' ? "NAME = VALUE; or \"}\"" : "NAME = VALUE;";
    case EXPECT_EQUALS: return "\"=\" behind the name before it";
    case EXPECT_VALUE: break;
    case EXPECT_VALUE_OR_END:
        return level->bracket == '(' ? "a value or \")\"" : "true, false, a number, a text in quotes, or \"]\"";
    case EXPECT_MORE:
        return has_settings(level)     ? "\";\" behind the value before it"
               : level->bracket == '(' ? "\",\" or \")\""
                                       : "\",\" or \"]\"";
    }
    return level->bracket == '[' ? "true, false, a number, or a text in quotes"
                                 : "a value: true, false, a number, a text in quotes, [ ... ], ( ... ) or { ... }";
}

static bool refuse(struct config_grammar *grammar, const struct config_word *word)
{
    const struct config_level *level = innermost(grammar);
    char opened[PROBLEM_TEXT_MAX];
    int len = word->len < QUOTED_MOST ? (int)word->len : QUOTED_MOST;
    bool closes = word->kind == WORD_BRACKET && strchr("}])", word->bytes[0]) != NULL;

    if (grammar->depth > 0 && (word->kind == WORD_END || (closes && word->bytes[0] != closing(level->bracket))))
        COMPLAIN(grammar, word->place, "%s%.*s%s here, expected \"%c\" for the \"%c\" of %s",
                 word->kind == WORD_END ? "the file ends" : "\"", len, word->bytes, word->kind == WORD_END ? "" : "\"",
                 closing(level->bracket), level->bracket, place_text(level->place, opened));
    else if (word->kind == WORD_END)
        COMPLAIN(grammar, word->place, "the file ends here, expected %s", what_is_expected(level));
    else
        COMPLAIN(grammar, word->place, "%s%.*s%s here, expected %s", word->kind == WORD_TEXT ? "" : "\"", len, word->bytes,
                 word->kind == WORD_TEXT ? "" : "\"", what_is_expected(level));
    return false;
}

/* --- Names --------------------------------------------------------------- */

static bool make_room(struct config_level *level)
{
    if (level->count < level->room)
        return true;

    size_t room = level->room == 0 ? 16 : 2 * level->room;
    struct config_name *larger = reallocarray(level->names, room, sizeof *larger);
    if (larger == NULL)
        return false;
    level->names = larger;
    level->room = room;
    return true;
}

static bool take_name(struct config_grammar *grammar, const struct config_word *word)
{
    struct config_level *level = innermost(grammar);
    char first[PROBLEM_TEXT_MAX];

    if (word->len > CONFIG_NAME_MOST) {
        COMPLAIN(grammar, word->place, "\"%.*s...\" is a name of %zu bytes, expected at most %d", QUOTED_MOST, word->bytes,
                 word->len, CONFIG_NAME_MOST);
        return false;
    }
    for (size_t i = 0; i < level->count; i++) {
        if (strncmp(level->names[i].text, word->bytes, word->len) == 0 && level->names[i].text[word->len] == '\0') {
            COMPLAIN(grammar, word->place, "\"%s\" is given a second time, expected it once: the first is at %s",
                     level->names[i].text, place_text(level->names[i].place, first));
            return false;
        }
    }
    if (level->count == CONFIG_SETTINGS_MOST) {
        COMPLAIN(grammar, word->place, "more than %d settings in one group, expected at most so many", CONFIG_SETTINGS_MOST);
        return false;
    }
    if (!make_room(level)) {
        COMPLAIN(grammar, word->place, "there is no memory for one more setting");
        return false;
    }
    struct config_name *name = &level->names[level->count++];
    memcpy(name->text, word->bytes, word->len);
    name->text[word->len] = '\0';
    name->place = word->place;
    level->expected = EXPECT_EQUALS;
    return true;
}

/* --- Values -------------------------------------------------------------- */

static bool count_value(struct config_grammar *grammar, const struct config_word *word)
{
    if (grammar->values == CONFIG_VALUES_MOST) {
        COMPLAIN(grammar, word->place, "more than %d values, expected at most so many with all includes", CONFIG_VALUES_MOST);
        return false;
    }
    grammar->values++;
    innermost(grammar)->expected = EXPECT_MORE;
    return true;
}

static bool take_scalar(struct config_grammar *grammar, const struct config_word *word)
{
    struct config_level *level = innermost(grammar);

    if (level->bracket == '[') {
        if (level->first != WORD_END && level->first != word->kind) {
            COMPLAIN(grammar, word->place, "%.*s is of another type than what is before it, expected one type in [ ]",
                     word->len < QUOTED_MOST ? (int)word->len : QUOTED_MOST, word->bytes);
            return false;
        }
        level->first = word->kind;
    }
    level->after_text = word->kind == WORD_TEXT;
    return count_value(grammar, word);
}

static bool open_bracket(struct config_grammar *grammar, const struct config_word *word)
{
    if (!count_value(grammar, word))
        return false;
    if (grammar->depth == CONFIG_NESTING_MOST) {
        COMPLAIN(grammar, word->place, "brackets within brackets %d deep, expected at most %d", CONFIG_NESTING_MOST + 1,
                 CONFIG_NESTING_MOST);
        return false;
    }
    innermost(grammar)->after_text = false;
    grammar->depth++;
    struct config_level *level = innermost(grammar);
    level->bracket = word->bytes[0];
    level->place = word->place;
    level->expected = has_settings(level) ? EXPECT_NAME : EXPECT_VALUE_OR_END;
    level->after_text = false;
    level->first = WORD_END;
    level->count = 0;
    return true;
}

static bool may_close(const struct config_level *level, char bracket)
{
    return level->bracket != 0 && bracket == closing(level->bracket) && level->expected != EXPECT_EQUALS &&
           level->expected != EXPECT_VALUE;
}

static bool take_bracket(struct config_grammar *grammar, const struct config_word *word)
{
    const struct config_level *level = innermost(grammar);
    bool wants_value = level->expected == EXPECT_VALUE || level->expected == EXPECT_VALUE_OR_END;

    if (strchr("{[(", word->bytes[0]) != NULL)
        return wants_value && level->bracket != '[' ? open_bracket(grammar, word) : refuse(grammar, word);
    if (!may_close(level, word->bytes[0]))
        return refuse(grammar, word);
    grammar->depth--;
    return true;
}

/* --- All of them --------------------------------------------------------- */

static bool take_scalar_here(struct config_grammar *grammar, const struct config_word *word)
{
    const struct config_level *level = innermost(grammar);

    if (level->expected == EXPECT_VALUE || level->expected == EXPECT_VALUE_OR_END)
        return take_scalar(grammar, word);
    if (level->expected == EXPECT_MORE && level->after_text && word->kind == WORD_TEXT)
        return true;
    return refuse(grammar, word);
}

static bool take_separator(struct config_grammar *grammar, const struct config_word *word)
{
    struct config_level *level = innermost(grammar);

    if (level->expected != EXPECT_MORE || (word->kind == WORD_SEMICOLON && !has_settings(level)))
        return refuse(grammar, word);
    level->expected = has_settings(level) ? EXPECT_NAME : EXPECT_VALUE;
    return true;
}

bool config_grammar_take(struct config_grammar *grammar, const struct config_word *word)
{
    struct config_level *level = innermost(grammar);
    bool between_settings = has_settings(level) && (level->expected == EXPECT_NAME || level->expected == EXPECT_MORE);

    if (grammar->stopped)
        return false;
    switch (word->kind) {
    case WORD_NAME: return between_settings ? take_name(grammar, word) : refuse(grammar, word);
    case WORD_EQUALS:
        if (level->expected != EXPECT_EQUALS)
            return refuse(grammar, word);
        level->expected = EXPECT_VALUE;
        return true;
    case WORD_BRACKET: return take_bracket(grammar, word);
    case WORD_COMMA:
    case WORD_SEMICOLON: return take_separator(grammar, word);
    case WORD_END: return grammar->depth == 0 && between_settings ? true : refuse(grammar, word);
    default: return take_scalar_here(grammar, word);
    }
}
