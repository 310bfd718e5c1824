/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/config_grammar.h  The order of a configuration's words: where a name, a value, a bracket may stand.
 *
 * libconfig 1.5 would find the same mistakes, but says "syntax error", loses memory at each, and doesn't know where the first
 * of two equal settings is, nor which bracket is missing. So words are followed here, over all files that make one text, and
 * libconfig gets texts that it accepts.
 *
 *      file      settings
 *      setting   NAME ("=" | ":") value [ ";" | "," ]
 *      value     BOOL | NUMBER | TEXT TEXT... | "{" settings "}" | "(" values ")" | "[" scalars "]"
 *
 * Values and scalars have a "," between them; scalars are BOOLs, NUMBERs or TEXTs, of one type.
 *
 * It stops at the first mistake: what follows it would only be guessed.
 */
#ifndef WEIR_SERVER_CONFIG_GRAMMAR_H
#define WEIR_SERVER_CONFIG_GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>

#include "server/problems.h"

#define CONFIG_NESTING_MOST  16     /* brackets within brackets; the deepest that means something is 4 */
/* libconfig looks for each setting among all of its group, letter by letter: 20,000 in one group take it half a minute. */
#define CONFIG_SETTINGS_MOST 1000   /* of one group */
#define CONFIG_VALUES_MOST   32768  /* of all: a thousand servers with all their keys, and more */
#define CONFIG_NAME_MOST     64     /* bytes of a setting's name */

enum config_word_kind {
    WORD_NAME, WORD_EQUALS, WORD_BOOL, WORD_INT, WORD_LONG, WORD_FLOAT, WORD_TEXT,
    WORD_BRACKET,                   /* one of { } ( ) [ ] */
    WORD_COMMA, WORD_SEMICOLON,
    WORD_END                        /* of the outermost file */
};

struct config_word {
    enum config_word_kind kind;
    const char           *bytes;
    size_t                len;
    struct place          place;    /* its file has to stay: it is named again when the name comes twice */
};

enum config_expected { EXPECT_NAME, EXPECT_EQUALS, EXPECT_VALUE, EXPECT_VALUE_OR_END, EXPECT_MORE };

struct config_level {
    char                 bracket;   /* that opened it; 0: the file itself */
    struct place         place;     /* of the bracket */
    enum config_expected expected;
    bool                 after_text;            /* another text would be the same value's */
    enum config_word_kind first;                /* of a [ ]: the type of its first value; WORD_END: it has none */
    struct config_name  *names;                 /* of a { } and the file: those that were given */
    size_t               count, room;
};

struct config_grammar {
    struct problems    *problems;   /* NULL: only say whether */
    struct config_level levels[CONFIG_NESTING_MOST + 1];
    size_t              depth;      /* of the innermost open bracket; 0: none is open */
    unsigned            values;     /* so far */
    bool                stopped;    /* there was a mistake, of words or of their order: nothing is followed any more */
};

void config_grammar_init(struct config_grammar *grammar, struct problems *problems);

/* The next word. False: it is a mistake to have it here, and a problem. */
bool config_grammar_take(struct config_grammar *grammar, const struct config_word *word);

void config_grammar_fini(struct config_grammar *grammar);

#endif
